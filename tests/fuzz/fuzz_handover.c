/*
 * Bytes as a string of events and pauses for one handover, whose own assertions
 * (is_sane) are what is tested, and that it comes to rest once its timers run.
 */

#include "core/base.h"
#include "core/buf.h"
#include "failover/election/handover.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct handover_event
read_event(struct buf *b)
{
	const uint8_t byte = buf_get_u8(b);
	struct handover_event ev = { .type = byte % HANDOVER_TYPES };

	if (ev.type == HANDOVER_PEER) {
		ev.peer.sound = (byte & 0x40) != 0;
		ev.peer.serves = (byte & 0x80) != 0;
	} else if (ev.type == HANDOVER_RELEASE) {
		ev.release.softly = (byte & 0x80) != 0;
	}
	return ev;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct handover_event tick = { .type = HANDOVER_TICK };
	struct buf b = buf_reader(data, size);
	struct handover h = handover_idle();
	struct handover_out out;
	struct mono now = { 0 };

	while (b.pos < b.len && !b.bad) {
		const struct handover_event ev = read_event(&b);

		now = mono_add_ms(now, buf_get_u8(&b) * 4);
		h = handover_step(&h, &ev, now, &out);
	}
	/* MUTING has nobody to answer it, the others lead one to the next. */
	for (unsigned i = 0; i < HANDOVER_STATES; i++)
		h = handover_step(&h, &tick, h.deadline, &out);
	assert(h.state == HANDOVER_IDLE && !h.wanted);
	return 0;
}
