#include "failover/heartbeat/packet_auth.h"

#include "core/addr.h"

#include <string.h>

/* Family and bytes of an address: 1 + 16 at most. */
#define IDENTITY_BYTES 17

static size_t
identity(const union addr *a, uint8_t ret[static IDENTITY_BYTES])
{
	size_t len;
	const uint8_t *bytes = addr_bytes(a, &len);

	ret[0] = (uint8_t)len;
	memcpy(ret + 1, bytes, len);
	return len + 1;
}

static uint64_t
node_id(const union addr *a)
{
	uint8_t id[IDENTITY_BYTES];
	const size_t len = identity(a, id);

	return secret_public_id(id, len);
}

uint64_t
packet_auth_key_id(const struct secret_key *key)
{
	return secret_key_id(key, "hapair key id");
}

static void
direction(const struct secret_key *key, const union addr *from,
    const union addr *to, struct secret_key *ret_key)
{
	uint8_t context[2 * IDENTITY_BYTES];
	size_t len = identity(from, context);

	len += identity(to, context + len);
	secret_derive(key, "hapair heartbeat", context, len, ret_key);
}

struct packet_auth
packet_auth_init(const struct secret_keys *keys, const union addr *self,
    const union addr *other)
{
	struct packet_auth s = {
		.self = node_id(self), .other = node_id(other), .n = keys->n
	};

	for (unsigned i = 0; i < keys->n; i++) {
		const struct secret_key *key = &keys->all[i];

		s.keys[i].id = packet_auth_key_id(key);
		direction(key, self, other, &s.keys[i].send);
		direction(key, other, self, &s.keys[i].receive);
	}
	return s;
}

void
packet_auth_fini(struct packet_auth *s)
{
	secret_wipe(s, sizeof(*s));
}

const struct packet_auth_key *
packet_auth_find(const struct packet_auth *s, uint64_t id)
{
	for (unsigned i = 0; i < s->n; i++)
		if (s->keys[i].id == id)
			return &s->keys[i];
	return NULL;
}

size_t
packet_auth_close(const struct packet_auth_key *key, uint8_t *bytes, size_t len)
{
	secret_mac(&key->send, bytes, len, bytes + len);
	return len + SECRET_MAC_BYTES;
}

bool
packet_auth_is_good(
    const struct packet_auth_key *key, const uint8_t *bytes, size_t len)
{
	uint8_t mac[SECRET_MAC_BYTES];

	if (len < SECRET_MAC_BYTES)
		return false;
	len -= SECRET_MAC_BYTES;
	secret_mac(&key->receive, bytes, len, mac);
	return secret_is_same(mac, bytes + len, SECRET_MAC_BYTES);
}

uint32_t
packet_auth_name_id(const char *name)
{
	return (uint32_t)secret_public_id(name, strlen(name));
}
