#include "failover/election/hello.h"

#include "core/buf.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define MAGIC 0x48415052u /* "HAPR" */
#define VERSION 2

#define FLAG_RESIGNING 0x01
#define GROUP_FLAG_HELD 0x01
#define GROUP_FLAG_HANDS_OVER 0x02
#define GROUP_FLAG_DEAF 0x04
#define GROUP_FLAGS (GROUP_FLAG_HELD | GROUP_FLAG_HANDS_OVER | GROUP_FLAG_DEAF)

#define SERVED_UNIT_MS 10
_Static_assert(
    ELECTION_SERVED_MAX_MS / SERVED_UNIT_MS <= UINT16_MAX, "two bytes");

/* What the configuration allows; no honest peer says anything else. */
#define INTERVAL_MS_MAX 10000
#define MISSES_MAX 20

static void
put_group(struct buf *b, const struct hello_group *g)
{
	buf_put_u32(b, g->id);
	buf_put_u8(b, (uint8_t)g->state);
	buf_put_u8(b,
	    (g->held ? GROUP_FLAG_HELD : 0) |
	        (g->hands_over ? GROUP_FLAG_HANDS_OVER : 0) |
	        (g->deaf ? GROUP_FLAG_DEAF : 0));
	buf_put_u8(b, g->priority);
	buf_put_u8(b, 0);
	buf_put_u64(b, g->term);
	buf_put_bytes(b, g->mac, HELLO_MAC_BYTES);
	buf_put_u16(b, (uint16_t)(g->served_ms / SERVED_UNIT_MS));
}

void
hello_encode(struct buf *b, const struct hello *h)
{
	assert(h->n_groups <= HELLO_GROUPS_MAX);
	buf_put_u32(b, MAGIC);
	buf_put_u8(b, VERSION);
	buf_put_u8(b, (uint8_t)h->type);
	buf_put_u8(b, h->key_id);
	buf_put_u8(b, h->n_groups);
	buf_put_u64(b, h->cluster);
	buf_put_u64(b, h->sender);
	buf_put_bytes(b, h->sender_boot.bytes, HELLO_BOOT_BYTES);
	buf_put_bytes(b, h->echo_boot.bytes, HELLO_BOOT_BYTES);
	buf_put_u64(b, h->nonce);
	buf_put_u64(b, h->echo_nonce);
	buf_put_u64(b, h->seq);
	buf_put_u64(b, h->echo_seq);
	buf_put_u16(b, h->interval_ms);
	buf_put_u8(b, h->misses);
	buf_put_u8(b, h->resigning ? FLAG_RESIGNING : 0);
	buf_put_bytes(b, h->config_hash, HELLO_CONFIG_BYTES);
	for (unsigned i = 0; i < h->n_groups; i++)
		put_group(b, &h->groups[i]);
}

static bool
get_group(struct buf *b, const struct hello *h, struct hello_group *g)
{
	uint8_t state, flags;

	g->id = buf_get_u32(b);
	if (hello_find(h, g->id) != NULL)
		return false; /* two truths about one group */
	state = buf_get_u8(b);
	if (state >= ELECTION_STATES)
		return false;
	g->state = (enum election_state)state;
	flags = buf_get_u8(b);
	g->held = (flags & GROUP_FLAG_HELD) != 0;
	g->hands_over = (flags & GROUP_FLAG_HANDS_OVER) != 0;
	g->deaf = (flags & GROUP_FLAG_DEAF) != 0;
	g->priority = buf_get_u8(b);
	if (buf_get_u8(b) != 0 || (flags & ~GROUP_FLAGS) != 0)
		return false;
	/* Only who has something can give it away, or serve it. */
	if ((g->hands_over || g->deaf) && g->state != ELECTION_MASTER)
		return false;
	g->term = buf_get_u64(b);
	buf_get_bytes(b, g->mac, HELLO_MAC_BYTES);
	g->served_ms = buf_get_u16(b) * SERVED_UNIT_MS;
	if (g->served_ms > ELECTION_SERVED_MAX_MS ||
	    (g->served_ms != 0 && (g->state != ELECTION_MASTER || g->deaf)))
		return false;
	return g->priority >= 1 && g->priority <= 254;
}

static bool
get_head(struct buf *b, struct hello *h, unsigned *ret_groups)
{
	uint8_t type, flags;

	if (buf_get_u32(b) != MAGIC || buf_get_u8(b) != VERSION)
		return false;
	type = buf_get_u8(b);
	if (type != HELLO_BEAT && type != HELLO_CHALLENGE)
		return false;
	h->type = (enum hello_type)type;
	h->key_id = buf_get_u8(b);
	*ret_groups = buf_get_u8(b);
	h->cluster = buf_get_u64(b);
	h->sender = buf_get_u64(b);
	buf_get_bytes(b, h->sender_boot.bytes, HELLO_BOOT_BYTES);
	buf_get_bytes(b, h->echo_boot.bytes, HELLO_BOOT_BYTES);
	h->nonce = buf_get_u64(b);
	h->echo_nonce = buf_get_u64(b);
	h->seq = buf_get_u64(b);
	h->echo_seq = buf_get_u64(b);
	h->interval_ms = buf_get_u16(b);
	h->misses = buf_get_u8(b);
	flags = buf_get_u8(b);
	h->resigning = (flags & FLAG_RESIGNING) != 0;
	buf_get_bytes(b, h->config_hash, HELLO_CONFIG_BYTES);
	if ((flags & ~FLAG_RESIGNING) != 0 || h->seq == 0)
		return false;
	if (h->interval_ms == 0 || h->interval_ms > INTERVAL_MS_MAX)
		return false;
	if (h->misses == 0 || h->misses > MISSES_MAX)
		return false;
	return *ret_groups <= HELLO_GROUPS_MAX;
}

int
hello_decode(struct buf *b, struct hello *ret_hello)
{
	struct hello h;
	unsigned n;

	memset(&h, 0, sizeof(h));
	if (!get_head(b, &h, &n))
		return -EBADMSG;
	while (h.n_groups < n) {
		if (!get_group(b, &h, &h.groups[h.n_groups]))
			return -EBADMSG;
		h.n_groups++;
	}
	if (!buf_is_done(b))
		return -EBADMSG;
	*ret_hello = h;
	return 0;
}

const struct hello_group *
hello_find(const struct hello *h, uint32_t id)
{
	for (unsigned i = 0; i < h->n_groups; i++)
		if (h->groups[i].id == id)
			return &h->groups[i];
	return NULL;
}

bool
hello_boot_is_same(const struct hello_boot *a, const struct hello_boot *b)
{
	return memcmp(a->bytes, b->bytes, HELLO_BOOT_BYTES) == 0;
}
