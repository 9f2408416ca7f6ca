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
short_id(const struct secret_key *key, const char *label, const void *context,
    size_t len)
{
	struct secret_key derived;
	uint64_t id;

	secret_derive(key, label, context, len, &derived);
	memcpy(&id, derived.bytes, sizeof(id));
	secret_wipe(&derived, sizeof(derived));
	return id;
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
packet_auth_init(const struct secret_key *key, const union addr *self,
    const union addr *other)
{
	uint8_t id[IDENTITY_BYTES];
	struct packet_auth s = { 0 };

	direction(key, self, other, &s.send);
	direction(key, other, self, &s.receive);
	s.cluster = short_id(key, "hapair cluster", NULL, 0);
	s.self = short_id(key, "hapair node", id, identity(self, id));
	s.other = short_id(key, "hapair node", id, identity(other, id));
	s.key_id = (uint8_t)short_id(key, "hapair key id", NULL, 0);
	return s;
}

void
packet_auth_fini(struct packet_auth *s)
{
	secret_wipe(s, sizeof(*s));
}

size_t
packet_auth_close(const struct packet_auth *s, uint8_t *bytes, size_t len)
{
	secret_mac(&s->send, bytes, len, bytes + len);
	return len + SECRET_MAC_BYTES;
}

bool
packet_auth_is_good(
    const struct packet_auth *s, const uint8_t *bytes, size_t len)
{
	uint8_t mac[SECRET_MAC_BYTES];

	if (len < SECRET_MAC_BYTES)
		return false;
	len -= SECRET_MAC_BYTES;
	secret_mac(&s->receive, bytes, len, mac);
	return secret_is_same(mac, bytes + len, SECRET_MAC_BYTES);
}

uint32_t
packet_auth_name_id(const struct secret_key *key, const char *name)
{
	return (uint32_t)short_id(key, "hapair group", name, strlen(name));
}
