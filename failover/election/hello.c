#include "failover/election/hello.h"

#include "core/buf.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define FLAG_RESIGNING 0x01
#define FLAG_PAUSE_OWN 0x02
#define GROUP_FLAG_HELD 0x01
#define GROUP_FLAG_HANDS_OVER 0x02
#define GROUP_FLAG_DEAF 0x04
#define GROUP_FLAG_MISSES_PEER 0x08

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
	        (g->deaf ? GROUP_FLAG_DEAF : 0) |
	        (g->misses_peer ? GROUP_FLAG_MISSES_PEER : 0));
	buf_put_u8(b, g->priority);
	buf_put_u8(b, g->faults);
	buf_put_u64(b, g->term);
	buf_put_u16(b, (uint16_t)(g->served_ms / SERVED_UNIT_MS));
	buf_put_u32(b, g->lacks);
	buf_put_u32(b, g->addresses);
	buf_put_bytes(b, g->macs, sizeof(g->macs));
}

void
hello_encode(struct buf *b, const struct hello *h)
{
	assert(h->n_groups <= HELLO_GROUPS_MAX);
	buf_put_u32(b, HELLO_MAGIC);
	buf_put_u8(b, HELLO_VERSION);
	buf_put_u8(b, HELLO_VERSION_LEAST);
	buf_put_u8(b, (uint8_t)h->type);
	buf_put_u8(b, h->n_groups);
	buf_put_u16(b, HELLO_HEAD_BYTES);
	buf_put_u8(b, HELLO_GROUP_BYTES);
	buf_put_u8(b, h->key);
	for (unsigned i = 0; i < HELLO_KEYS_MAX; i++)
		buf_put_u64(b, h->keys[i]);
	buf_put_u64(b, h->sender);
	buf_put_bytes(b, h->sender_boot.bytes, HELLO_BOOT_BYTES);
	buf_put_bytes(b, h->echo_boot.bytes, HELLO_BOOT_BYTES);
	buf_put_u64(b, h->nonce);
	buf_put_u64(b, h->echo_nonce);
	buf_put_u64(b, h->seq);
	buf_put_u64(b, h->echo_seq);
	buf_put_u16(b, h->interval_ms);
	buf_put_u8(b, h->misses);
	buf_put_u8(b,
	    (h->resigning ? FLAG_RESIGNING : 0) |
	        (h->pause_own ? FLAG_PAUSE_OWN : 0));
	buf_put_bytes(b, h->config_hash, HELLO_CONFIG_BYTES);
	buf_put_u32(b, h->pause_epoch);
	buf_put_u32(b, h->pause_ms);
	buf_put_bytes(b, h->program, sizeof(h->program));
	for (unsigned i = 0; i < h->n_groups; i++)
		put_group(b, &h->groups[i]);
}

/* What a later version has put behind what we know. */
static void
skip(struct buf *b, size_t len)
{
	if (b->len - b->pos < len)
		b->bad = true;
	else
		b->pos += len;
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
	g->misses_peer = (flags & GROUP_FLAG_MISSES_PEER) != 0;
	g->priority = buf_get_u8(b);
	g->faults = buf_get_u8(b);
	/* Only who has something can give it away, or serve it. */
	if ((g->hands_over || g->deaf) && g->state != ELECTION_MASTER)
		return false;
	g->term = buf_get_u64(b);
	g->served_ms = buf_get_u16(b) * SERVED_UNIT_MS;
	g->lacks = buf_get_u32(b);
	g->addresses = buf_get_u32(b);
	buf_get_bytes(b, g->macs, sizeof(g->macs));
	if (g->served_ms > ELECTION_SERVED_MAX_MS ||
	    (g->served_ms != 0 && (g->state != ELECTION_MASTER || g->deaf)))
		return false;
	return g->priority >= 1 && g->priority <= 254;
}

/* What is in the first bytes, of any version. */
struct frame {
	uint8_t version, least, type, n_groups;
	uint16_t head_bytes;
	uint8_t group_bytes;
};

static int
get_frame(struct buf *b, struct frame *f)
{
	const uint32_t magic = buf_get_u32(b);

	f->version = buf_get_u8(b);
	f->least = buf_get_u8(b);
	if (b->bad || magic != HELLO_MAGIC)
		return -EBADMSG;
	if (f->version < HELLO_VERSION_LEAST || f->least > HELLO_VERSION)
		return -EPROTO;
	f->type = buf_get_u8(b);
	f->n_groups = buf_get_u8(b);
	f->head_bytes = buf_get_u16(b);
	f->group_bytes = buf_get_u8(b);
	if ((f->type != HELLO_BEAT && f->type != HELLO_CHALLENGE) ||
	    f->n_groups > HELLO_GROUPS_MAX ||
	    f->head_bytes < HELLO_HEAD_BYTES_LEAST ||
	    f->group_bytes < HELLO_GROUP_BYTES)
		return -EBADMSG;
	return 0;
}

/*
 * What stands at the end of the head, as far as the sender knew it. A version
 * is for people alone: one that nobody can print is as good as none.
 */
static void
get_head_end(struct buf *b, size_t len, struct hello *h)
{
	char *text = h->program;

	if (len < HELLO_PROGRAM_BYTES) {
		skip(b, len);
		return;
	}
	buf_get_bytes(b, text, HELLO_PROGRAM_BYTES);
	skip(b, len - HELLO_PROGRAM_BYTES);
	text[HELLO_PROGRAM_BYTES - 1] = '\0';
	for (size_t i = 0; text[i] != '\0'; i++)
		if (text[i] <= ' ' || text[i] > '~')
			text[0] = '\0';
	memset(text + strlen(text), 0, HELLO_PROGRAM_BYTES - strlen(text));
}

static bool
get_head(struct buf *b, struct hello *h)
{
	uint8_t flags;

	h->key = buf_get_u8(b);
	for (unsigned i = 0; i < HELLO_KEYS_MAX; i++)
		h->keys[i] = buf_get_u64(b);
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
	h->pause_own = (flags & FLAG_PAUSE_OWN) != 0;
	buf_get_bytes(b, h->config_hash, HELLO_CONFIG_BYTES);
	h->pause_epoch = buf_get_u32(b);
	h->pause_ms = buf_get_u32(b);
	if (h->key >= HELLO_KEYS_MAX || h->keys[h->key] == 0 || h->seq == 0)
		return false;
	if (h->interval_ms == 0 || h->interval_ms > INTERVAL_MS_MAX)
		return false;
	return h->misses > 0 && h->misses <= MISSES_MAX;
}

int
hello_decode(struct buf *b, struct hello *ret_hello)
{
	struct frame f = { 0 };
	struct hello h;
	int e;

	memset(&h, 0, sizeof(h));
	e = get_frame(b, &f);
	if (e < 0)
		return e;
	if (!get_head(b, &h))
		return -EBADMSG;
	get_head_end(b, f.head_bytes - HELLO_HEAD_BYTES_LEAST, &h);
	h.type = (enum hello_type)f.type;
	while (h.n_groups < f.n_groups) {
		if (!get_group(b, &h, &h.groups[h.n_groups]))
			return -EBADMSG;
		skip(b, f.group_bytes - HELLO_GROUP_BYTES);
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

static bool
group_says_same(const struct hello_group *a, const struct hello_group *b)
{
	return a->id == b->id && a->state == b->state && a->held == b->held &&
	    a->hands_over == b->hands_over && a->deaf == b->deaf &&
	    a->misses_peer == b->misses_peer && a->faults == b->faults &&
	    a->lacks == b->lacks && a->addresses == b->addresses &&
	    a->priority == b->priority && a->term == b->term &&
	    memcmp(a->macs, b->macs, sizeof(a->macs)) == 0;
}

bool
hello_says_same(const struct hello *now, const struct hello *before)
{
	if (now->resigning != before->resigning || now->key != before->key ||
	    now->interval_ms != before->interval_ms ||
	    now->misses != before->misses ||
	    now->pause_epoch != before->pause_epoch ||
	    now->pause_own != before->pause_own ||
	    now->pause_ms > before->pause_ms ||
	    now->n_groups != before->n_groups ||
	    memcmp(now->keys, before->keys, sizeof(now->keys)) != 0 ||
	    memcmp(now->program, before->program, sizeof(now->program)) != 0 ||
	    memcmp(now->config_hash, before->config_hash,
	        sizeof(now->config_hash)) != 0)
		return false;
	for (unsigned i = 0; i < now->n_groups; i++)
		if (!group_says_same(&now->groups[i], &before->groups[i]))
			return false;
	return true;
}

unsigned
hello_count_lacks(uint32_t lacks)
{
	unsigned n = 0;

	for (; lacks != 0; lacks &= lacks - 1)
		n++;
	return n;
}

bool
hello_boot_is_same(const struct hello_boot *a, const struct hello_boot *b)
{
	return memcmp(a->bytes, b->bytes, HELLO_BOOT_BYTES) == 0;
}
