#pragma once

/*
 * The addresses and ports of a TCP packet, as the kernel program looks them up.
 * IPv4 addresses are ::ffff:a.b.c.d, so that both families have one form; bytes
 * are in network order, ports in host order. No padding: compared and hashed as
 * bytes.
 *
 * Pure.
 */

#include "core/base.h"

#define CONN_TUPLE_IP 16
#define CONN_TUPLE_SALT 16

struct conn_tuple {
	uint8_t src[CONN_TUPLE_IP], dst[CONN_TUPLE_IP];
	uint16_t sport, dport;
};

_Static_assert(sizeof(struct conn_tuple) == 36, "conn_tuple has padding");

/* Whose packets they are. */
enum conn_tuple_from {
	CONN_TUPLE_CLIENT, /* from the client, to where it is waited for */
	CONN_TUPLE_SERVER, /* from the server, to our source address */
};

bool conn_tuple_is_same(const struct conn_tuple *a, const struct conn_tuple *b);

bool conn_tuple_is_v4(const uint8_t ip[static CONN_TUPLE_IP]);

/* Salted, so that nobody can choose a bucket. */
uint64_t conn_tuple_hash(
    const struct conn_tuple *t, const uint8_t salt[static CONN_TUPLE_SALT]);
