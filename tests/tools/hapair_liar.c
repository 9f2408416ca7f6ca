/*
 * A node whose processes say what they should not, as if they were taken over.
 * To the peer its supervisor says that each server is in maintenance, at the
 * highest epoch, and as much of a server that is in no file. With
 * HAPAIR_LIAR=fences its relay wants the first service fenced, many times over,
 * each server by each, and promoted, whenever a group changes.
 *
 * Linked with --wrap for each of the functions below (Makefile).
 */

#include "core/accord.h"
#include "core/buf.h"
#include "core/channel.h"
#include "core/msg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct standby_run;

#define CHANNEL 3 /* to the supervisor, as hapair/supervisor/child.h has it */
#define ROUNDS 50

void __real_accord_put(struct buf *b, const struct accord *a);
void __wrap_accord_put(struct buf *b, const struct accord *a);
void __real_standby_run_look_at_groups(struct standby_run *m);
void __wrap_standby_run_look_at_groups(struct standby_run *m);

void
__wrap_accord_put(struct buf *b, const struct accord *a)
{
	struct accord lie = *a;

	if (a->kind == ACCORD_ADMIN) {
		lie.value = ACCORD_MAINT;
		lie.epoch = ACCORD_EPOCH_MAX;
	}
	__real_accord_put(b, &lie);
	(void)snprintf(lie.subject, sizeof(lie.subject), "nowhere");
	if (b->len - b->pos >= 2 * ACCORD_BYTES_MAX)
		__real_accord_put(b, &lie);
}

static void
want(bool promote, uint16_t from, uint16_t to)
{
	const struct msg_fence m = {
		.promote = promote, .from = from, .to = to
	};
	struct buf b = BUF_WRITER(16);

	msg_put_fence(&b, &m);
	if (channel_send(CHANNEL, MSG_FENCE, b.data, b.pos, -1) < 0)
		return; /* it is not read so quickly */
}

void
__wrap_standby_run_look_at_groups(struct standby_run *m)
{
	const char *how = getenv("HAPAIR_LIAR");
	const bool fences = how != NULL && strcmp(how, "fences") == 0;

	for (unsigned i = 0; fences && i < ROUNDS; i++) {
		want(true, 0, 1);
		want(true, 1, 0);
		want(false, 1, 0);
		want(false, 0, 1);
	}
	__real_standby_run_look_at_groups(m);
}
