/*
 * Bytes as a string of events and pauses for one election, whose own assertions
 * (is_sane) are what is tested, and that it neither forgets to wake nor holds
 * what it did not ask for.
 */

#include "core/base.h"
#include "core/buf.h"
#include "failover/election/election.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct election_event
read_event(struct buf *b)
{
	struct election_event ev = { .type = buf_get_u8(b) % ELECTION_TYPES };

	switch (ev.type) {
	case ELECTION_HEARTBEAT:
		ev.heartbeat.state = buf_get_u8(b) % ELECTION_STATES;
		ev.heartbeat.resigning = buf_get_u8(b) & 1;
		ev.heartbeat.hears_us = buf_get_u8(b) & 1;
		ev.heartbeat.hands_over = buf_get_u8(b) & 1;
		ev.heartbeat.faults = buf_get_u8(b) % 3;
		ev.heartbeat.lacks = buf_get_u8(b) % 3;
		ev.heartbeat.priority = buf_get_u8(b);
		ev.heartbeat.term = buf_get_u64(b);
		ev.heartbeat.dead_ms = buf_get_u16(b);
		break;
	case ELECTION_TRACK_FAULT:
		ev.fault = ELECTION_RELAY_GONE;
		break;
	case ELECTION_RESTORE:
		ev.restore.master = buf_get_u8(b) & 1;
		ev.restore.term = buf_get_u64(b);
		break;
	case ELECTION_ANSWER:
		ev.answer = buf_get_u8(b) % (SUSPECT_CONTROL + 1);
		break;
	case ELECTION_PRIORITY:
		ev.priority = buf_get_u8(b) % 254 + 1;
		break;
	case ELECTION_STALLED:
		ev.stalled_ms = buf_get_u8(b);
		break;
	case ELECTION_ASKABLE:
		ev.askable = buf_get_u8(b) & 1;
		break;
	case ELECTION_PAUSE:
		ev.paused = buf_get_u8(b) & 1;
		break;
	case ELECTION_ILL:
		ev.ill.faults = buf_get_u8(b) % 3;
		ev.ill.lacks = buf_get_u8(b) % 3;
		ev.ill.reason = ELECTION_TRACK_SCRIPT;
		break;
	case ELECTION_CONTRADICTED:
	case ELECTION_PEER_ENDED:
	case ELECTION_HANDOVER_BEGIN:
	case ELECTION_HANDOVER_ABORT:
	case ELECTION_TICK:
	case ELECTION_UNPROVEN:
	case ELECTION_TRACK_OK:
	case ELECTION_ACTION_FAILED:
	case ELECTION_STOP:
		break;
	}
	return ev;
}

static bool
asks(const struct election_out *out, enum election_action action)
{
	for (unsigned i = 0; i < out->n_actions; i++)
		if (out->actions[i] == action)
			return true;
	return false;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct election_config config = { .dead_ms = 60,
		.listen_ms = 1000,
		.doubt = { .hang_ms = 1000,
		    .deaf_ms = 3000,
		    .askable = size & 2 },
		.priority = 100,
		.wins_ties = size & 1,
		.preempt = size & 4,
		.preempt_delay_ms = size & 8 ? 500 : 0 };
	struct buf b = buf_reader(data, size);
	struct mono now = { 0 };
	struct election e = election_init(&config, now);
	bool held = false;

	while (b.pos < b.len && !b.bad) {
		const struct election_event ev = read_event(&b);
		struct election_out out;

		now = mono_add_ms(now, buf_get_u16(&b));
		e = election_step(&e, &ev, now, &out);
		if (asks(&out, ELECTION_ADD_ADDRESSES))
			held = true;
		if (asks(&out, ELECTION_DEL_ADDRESSES))
			held = false;
		assert(held == (e.state == ELECTION_MASTER));
		assert(!e.handing || held);
		assert(!e.isolated || e.state == ELECTION_FAULT);
		assert(!held || !mono_is_never(out.wake));
		/* Who waits for something is woken. */
		assert(
		    !mono_is_never(out.wake) || held || e.faulted || e.stopped);
	}
	return 0;
}
