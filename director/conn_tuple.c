#include "director/conn_tuple.h"

#include "proxy/pool/balance.h"

#include <string.h>

bool
conn_tuple_is_same(const struct conn_tuple *a, const struct conn_tuple *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

bool
conn_tuple_is_v4(const uint8_t ip[static CONN_TUPLE_IP])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	return memcmp(ip, mapped, sizeof(mapped)) == 0;
}

uint64_t
conn_tuple_hash(
    const struct conn_tuple *t, const uint8_t salt[static CONN_TUPLE_SALT])
{
	uint8_t salted[CONN_TUPLE_SALT + sizeof(*t)];

	memcpy(salted, salt, CONN_TUPLE_SALT);
	memcpy(salted + CONN_TUPLE_SALT, t, sizeof(*t));
	return balance_hash(salted, sizeof(salted));
}
