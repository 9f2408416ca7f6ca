/*
 * Bytes as a string of events, pauses and refusals for one node with two
 * groups, through its inbox. Tested are its own assertions (is_sane), that what
 * it asks for keeps addresses, listeners and clients in step with what it
 * believes, and that it comes to rest: with time nothing is muted or held any
 * more.
 */

#include "core/base.h"
#include "core/buf.h"
#include "failover/inbox.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define GROUPS 2

struct fuzz {
	struct inbox inbox;
	struct buf b;
	struct mono now;
	bool held[GROUPS], muted[GROUPS], holds[GROUPS], announces[GROUPS];
	struct mono wake;
};

/* Now and then it stands still, also between two effects. */
static void
look_at_clock(void *arg, struct node_now *ret_now)
{
	struct fuzz *f = arg;
	const uint8_t byte = f->b.pos < f->b.len ? buf_get_u8(&f->b) : 0;

	if (byte >= 0xf0)
		f->now = mono_add_ms(f->now, (byte & 0xf) * 20);
	*ret_now = (struct node_now){ f->now, f->now };
}

static bool
is_refused(struct fuzz *f)
{
	return f->b.pos < f->b.len && buf_get_u8(&f->b) >= 0xe0;
}

static int
carry_out(void *arg, const struct node_effect *e, const struct node_now *now)
{
	struct fuzz *f = arg;
	const unsigned g = e->group < GROUPS ? e->group : 0;
	const struct node_group *is = &f->inbox.node.groups[g];
	struct hello h;

	assert(e->type < NODE_DO_PROBE || e->type > NODE_TELL_PRIORITY ||
	    e->group < GROUPS);
	if (e->type == NODE_DO_SAY || e->type == NODE_DO_CHALLENGE) {
		assert(!node_is_late(&f->inbox.node, now));
		node_speak(&f->inbox.node, HELLO_BEAT, now, &h);
		assert(h.groups[0].held <= f->held[0]);
	} else if (e->type == NODE_DO_ADD || e->type == NODE_DO_RENEW) {
		assert(is->election.state == ELECTION_MASTER);
		f->held[g] = true; /* also the half of them */
		return is_refused(f) ? -EPERM : 0;
	} else if (e->type == NODE_DO_DELETE) {
		f->held[g] = false;
		return is_refused(f) ? -EPERM : 0;
	} else if (e->type == NODE_DO_MUTE) {
		f->muted[g] = !is_refused(f);
		return f->muted[g] ? 0 : -EAGAIN;
	} else if (e->type == NODE_DO_ANSWER) {
		if (is_refused(f))
			return -EAGAIN;
		f->muted[g] = false;
	} else if (e->type == NODE_DO_RESET) {
		return is_refused(f) ? -ENOTCONN : 0;
	} else if (e->type == NODE_DO_HOLD || e->type == NODE_DO_FORWARD) {
		f->holds[g] = true;
	} else if (e->type == NODE_DO_GIVE_BACK || e->type == NODE_DO_LET_GO) {
		f->holds[g] = false;
	} else if (e->type == NODE_DO_ANNOUNCE) {
		assert(is->election.state == ELECTION_MASTER);
		f->announces[g] = true;
	} else if (e->type == NODE_DO_END_ANNOUNCING) {
		f->announces[g] = false;
	}
	return 0;
}

static void
note_failed(void *arg, const struct node_event *ev)
{
	(void)arg;
	assert(ev->failed.error < 0);
}

static void
note_wake(void *arg, struct mono wake)
{
	((struct fuzz *)arg)->wake = wake;
}

static const struct inbox_calls calls = { .clock = look_at_clock,
	.carry_out = carry_out,
	.failed = note_failed,
	.wake_at = note_wake };

/* Near what is known, and at the ends of what there is. */
static uint64_t
read_number(struct fuzz *f, uint64_t near)
{
	const uint8_t byte = buf_get_u8(&f->b);
	const uint64_t far[] = { near + 1, UINT64_MAX, UINT64_C(1) << 63,
		UINT64_C(1) << 31, near - 1, near + (UINT64_C(1) << 63) };

	return byte < 0xf0 ? byte : far[byte % ARRAY_LEN(far)];
}

/* From the peer, mostly as it would say it; the rest as one that lies would. */
static void
read_hello(struct fuzz *f, struct node_event *ev)
{
	const struct peer *own = &f->inbox.node.peer;
	struct buf *b = &f->b;
	struct hello *h = &ev->hello.said;
	const uint8_t byte = buf_get_u8(b);

	h->type = byte & 1 ? HELLO_CHALLENGE : HELLO_BEAT;
	h->keys[0] = 7;
	h->sender = 2;
	h->sender_boot.bytes[0] = byte >> 1 & 3;
	h->echo_boot = own->config.boot;
	h->echo_nonce = byte & 8 ? 0 : own->nonce;
	h->seq = byte & 16 ? buf_get_u8(b) : own->high + 1;
	h->echo_seq = byte & 32 ? 0 : own->sent;
	h->resigning = byte & 64;
	h->interval_ms = 20;
	h->misses = byte & 128 ? buf_get_u8(b) : 3;
	if (byte & 128) {
		h->interval_ms = (uint16_t)(1 + 40 * buf_get_u8(b));
		h->pause_epoch =
		    (uint32_t)read_number(f, f->inbox.node.pause.epoch);
		h->pause_ms = 100 * buf_get_u8(b);
	}
	h->n_groups = GROUPS - (buf_get_u8(b) == 0xff);
	for (unsigned i = 0; i < h->n_groups; i++) {
		const uint8_t bits = buf_get_u8(b), ill = buf_get_u8(b);

		h->groups[i] = (struct hello_group){ .id = 1 + i,
			.state = bits & 3,
			.held = bits & 4,
			.hands_over = bits & 8,
			.misses_peer = bits & 64,
			.deaf = bits & 128,
			.faults = ill & 1,
			.lacks = ill >> 1 & 1,
			.priority = (uint8_t)(1 + buf_get_u8(b) % 254),
			.term = read_number(
			    f, f->inbox.node.groups[i].election.term) };
		if ((bits & 3) == ELECTION_MASTER && (bits & 128) == 0)
			h->groups[i].served_ms =
			    10 * buf_get_u8(b) * (ill & 4 ? 235 : 1);
		h->groups[i].macs[0][5] = bits >> 4 & 3;
	}
	ev->hello.path = buf_get_u8(b) % (NODE_PATHS_MAX + 1);
	ev->hello.fresh = own->nonce + 1;
}

static struct node_event
read_event(struct fuzz *f)
{
	struct buf *b = &f->b;
	struct node_event ev = { .type = buf_get_u8(b) % NODE_TYPES };
	const uint8_t byte = buf_get_u8(b);

	ev.group = byte & 1;
	ev.segment = byte >> 5;
	if (byte & 2)
		ev.group = NODE_EVERY;
	if (ev.type == NODE_HELLO) {
		read_hello(f, &ev);
	} else if (ev.type == NODE_SHOWN) {
		ev.shown.own = byte & 4;
		ev.shown.mac[5] = byte >> 3 & 3;
	} else if (ev.type == NODE_FAULT) {
		ev.fault.cause = (byte >> 3 & 3) % NODE_CAUSES;
		ev.fault.reason =
		    byte & 4 ? ELECTION_RECOVERED : ELECTION_INTERFACE_DOWN;
	} else if (ev.type == NODE_TRACKED) {
		ev.tracked.lowered = byte;
		ev.tracked.faults = byte >> 2 & 3;
		ev.tracked.reason = ELECTION_TRACK_SERVICE;
	} else if (ev.type == NODE_LACKS) {
		ev.lacks = byte >> 2;
	} else if (ev.type == NODE_USABLE) {
		ev.usable = byte & 4;
	} else if (ev.type == NODE_LEVEL) {
		ev.level = byte & 4;
	} else if (ev.type == NODE_KEYS) {
		ev.keys[0] = 7;
		ev.keys[1] = buf_get_u8(b) & 1 ? 9 : 0;
	} else if (ev.type == NODE_PAUSE) {
		ev.pause.epoch = buf_get_u8(b) & 3;
		ev.pause.ms = 10 * buf_get_u8(b);
	} else if (ev.type == NODE_FAILED) {
		ev.type = NODE_BEAT; /* the inbox's own */
	}
	return ev;
}

static void
check(const struct fuzz *f)
{
	for (unsigned g = 0; g < GROUPS; g++) {
		const struct node_group *is = &f->inbox.node.groups[g];

		assert(f->held[g] == is->given);
		assert(!f->holds[g] || is->handover.state != HANDOVER_IDLE);
		assert(
		    !f->announces[g] || is->election.state == ELECTION_MASTER);
		assert(!f->muted[g] || is->answer_owed ||
		    is->handover.state != HANDOVER_IDLE);
	}
}

static void
begin(struct fuzz *f, size_t size)
{
	const struct election_config election = { .dead_ms = 60,
		.listen_ms = 1000,
		.doubt = { .hang_ms = 1000,
		    .deaf_ms = 3000,
		    .askable = size & 2 },
		.priority = 100,
		.wins_ties = size & 1,
		.preempt = size & 4 };
	const struct node_config config = {
		.peer = { .keys = { 7 },
		    .self = 1,
		    .other = 2,
		    .boot = { { 1 } } },
		.interval_ms = 20,
		.misses = 3,
		.patience_ms = NODE_PATIENCE_MS,
		.hang_ms = 1000,
		.needs_relay = size & 8,
	};
	struct node_event restore = { .type = NODE_RESTORE,
		.restore = { .master = size & 16, .term = 3 } };

	memset(f, 0, sizeof(*f));
	f->now = mono_add_ms((struct mono){ 0 }, 10000);
	inbox_init(&f->inbox, &calls, f);
	node_init(&f->inbox.node, &config, 5);
	for (unsigned i = 0; i < GROUPS; i++) {
		node_add_group(
		    &f->inbox.node, 1 + i, size & 32, &election, f->now);
		for (unsigned k = 0; k < NODE_SEGMENTS_MAX; k++)
			node_add_segment(&f->inbox.node, i + k, k);
	}
	if (size & 64)
		inbox_put(&f->inbox, &restore);
	inbox_put_type(&f->inbox, NODE_BEGIN);
}

static bool
is_at_rest(const struct fuzz *f)
{
	for (unsigned g = 0; g < GROUPS; g++)
		if (f->inbox.node.groups[g].handover.state != HANDOVER_IDLE ||
		    f->muted[g] || f->holds[g])
			return false;
	return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fuzz f;

	begin(&f, size);
	f.b = buf_reader(data, size);
	while (f.b.pos < f.b.len && !f.b.bad) {
		struct node_event ev = read_event(&f);

		/* Belongs to the start. */
		if (ev.type == NODE_RESTORE)
			ev.type = NODE_TICK;
		f.now = mono_add_ms(
		    f.now, f.b.pos < f.b.len ? buf_get_u8(&f.b) / 4 : 0);
		inbox_put(&f.inbox, &ev);
		check(&f);
	}
	f.b = buf_reader(data, 0); /* nothing is refused from here on */
	inbox_put_type(&f.inbox, NODE_RELAY_GONE);
	for (unsigned i = 0; i < 100 && !is_at_rest(&f); i++) {
		f.now = mono_add_ms(f.now, 20);
		inbox_put_type(&f.inbox, NODE_BEAT);
		inbox_put_type(&f.inbox, NODE_TICK);
		check(&f);
	}
	assert(is_at_rest(&f));
	inbox_put_type(&f.inbox, NODE_STOP);
	assert(!f.held[0] && !f.held[1]);
	return 0;
}
