#pragma once

/*
 * Socket addresses, IPv4 and IPv6 alike, as values. Text is numeric only: a
 * name is never looked up here. IPv4-mapped IPv6 addresses are stored as IPv4,
 * so that one address has one form.
 */

#include "core/base.h"

#include <netinet/in.h>
#include <sys/socket.h>

union addr {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

/* Enough for "[v6%scope]:port" with its NUL. */
#define ADDR_TEXT_MAX 80

/* The length that bind() and connect() want. */
socklen_t addr_len(const union addr *a);

/*
 * "10.0.0.1", "fd00::1" (no port, no brackets). Returns 0 or -EINVAL.
 */
MUST_CHECK int addr_parse_ip(const char *text, union addr *ret_addr);

/*
 * "10.0.0.1:80", "[fd00::1]:80". Port 1-65535. Returns 0 or -EINVAL.
 */
MUST_CHECK int addr_parse(const char *text, union addr *ret_addr);

/* As addr_parse reads it, or without the port; `buf` is also returned. */
const char *addr_format(const union addr *a, char buf[static ADDR_TEXT_MAX]);
const char *addr_format_ip(const union addr *a, char buf[static ADDR_TEXT_MAX]);

/* Host byte order. */
uint16_t addr_port(const union addr *a);
void addr_set_port(union addr *a, uint16_t port);

/* The address without its port; family and bytes. */
bool addr_is_same_ip(const union addr *a, const union addr *b);
bool addr_is_same(const union addr *a, const union addr *b);

/* Memory order: <0, 0, >0; IPv4 before IPv6, then by address bytes. */
int addr_compare_ip(const union addr *a, const union addr *b);

/* 0.0.0.0 and :: */
bool addr_is_any(const union addr *a);

/* The address bytes in network order: 4 or 16 of them. */
const uint8_t *addr_bytes(const union addr *a, size_t *ret_len);

/* An address that the kernel filled in; a v4-mapped one becomes IPv4. */
void addr_normalize(union addr *a);
