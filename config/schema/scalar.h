#pragma once

/*
 * What one value of the file means: text to number, duration, address. Pure:
 * places and messages are the caller's.
 */

#include "config/config.h"

#define SCALAR_DURATION_TEXT 32
#define SCALAR_CIDR_TEXT (ADDR_TEXT_MAX + 8)

/*
 * Decimal digits, no sign, no leading zeros. Returns 0, -EINVAL, or -ERANGE
 * where it is a number but absurdly large.
 */
MUST_CHECK int scalar_number(const char *text, uint64_t *ret_number);

/*
 * A number with its unit: ms, s, m or h. Returns 0, -EINVAL, -ERANGE, or
 * -ENODATA where only the unit is missing.
 */
MUST_CHECK int scalar_duration(const char *text, uint64_t *ret_ms);

/* As scalar_duration reads it, in the largest unit that is exact. */
const char *scalar_duration_text(
    uint64_t ms, char buf[static SCALAR_DURATION_TEXT]);

/* "10.0.0.100/24": the prefix from 1 to 32 or 128. Returns 0 or -EINVAL. */
MUST_CHECK int scalar_cidr(const char *text, struct config_cidr *ret_cidr);
const char *scalar_cidr_text(
    const struct config_cidr *c, char buf[static SCALAR_CIDR_TEXT]);

/*
 * A network, or an address for itself alone: "10.0.0.0/8", "fd00::1". The
 * prefix may be 0; one of an IPv4-mapped address is counted as IPv4. Keeps the
 * bits behind the prefix. Returns 0 or -EINVAL.
 */
MUST_CHECK int scalar_network(const char *text, struct config_cidr *ret_cidr);

/* The network that an address with its prefix is in: 10.1.2.3/8, 10.0.0.0/8. */
struct config_cidr scalar_network_of(const struct config_cidr *c);

/* "ip:port", or "*:port": 0.0.0.0 and [::]. Returns 0 or -EINVAL. */
MUST_CHECK int scalar_listen(
    const char *text, union addr ret_addrs[static 2], size_t *ret_n);

/*
 * Why a text is no "ip:port", to be read after the text: "has no port; expected
 * ...". Only for texts that addr_parse() refused.
 */
const char *scalar_address_fault(const char *text);

/*
 * A name of DNS: letters, digits, '-' and '_' in labels of at most 63, a dot
 * between them and maybe one at the end. Nothing that could be meant for an
 * address: 10.0.0.256, 0x7f.1.
 */
bool scalar_is_host(const char *text);

/*
 * "ip:port", or "host:port". Of a name, `ret_host` is the name in lower case
 * and the address 0.0.0.0 with the port; else `ret_host` is empty. Returns 0 or
 * -EINVAL.
 */
MUST_CHECK int scalar_server(const char *text, union addr *ret_addr,
    char ret_host[static CONFIG_HOST_MAX]);

/* As scalar_address_fault, for texts that scalar_server() refused. */
const char *scalar_server_fault(const char *text);

/*
 * Letters, digits, '-', '_', '.' and the characters in `extra`, from 1 to `max`
 * of them, and neither '-' nor '.' in front.
 */
bool scalar_is_name(const char *text, size_t max, const char *extra);

/* Absolute, of a file (no slash at its end), printable. */
bool scalar_is_path(const char *text);
