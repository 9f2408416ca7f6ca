#include "hapair/supervisor/fd_keeper.h"

#include "core/closer.h"
#include "core/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static struct fd_keeper_bank
bank_none(void)
{
	struct fd_keeper_bank b = { .n = 0 };

	for (unsigned i = 0; i < FD_KEEPER_MAX; i++)
		b.slots[i] = -1;
	return b;
}

struct fd_keeper
fd_keeper_none(void)
{
	return (struct fd_keeper){
		.null = -1, .present = bank_none(), .past = bank_none()
	};
}

static int
reserve(struct fd_keeper_bank *b)
{
	for (unsigned i = 0; i < FD_KEEPER_MAX; i++) {
		b->slots[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (b->slots[i] == -1)
			return -errno;
	}
	return 0;
}

int
fd_keeper_init(struct fd_keeper *h)
{
	int e = reserve(&h->present);

	if (e == 0)
		e = reserve(&h->past);
	if (e < 0)
		return e;
	h->null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return h->null == -1 ? -errno : 0;
}

static void
sink(int *fd)
{
	const int lower = fcntl(*fd, F_DUPFD_CLOEXEC, 0);

	if (lower == -1)
		return;
	if (lower > *fd) {
		(void)close(lower);
		return;
	}
	(void)close(*fd);
	*fd = lower;
}

void
fd_keeper_sink(struct fd_keeper *h)
{
	/* In the order in which they were opened: then nothing is below. */
	for (unsigned i = 0; i < FD_KEEPER_MAX; i++)
		sink(&h->present.slots[i]);
	for (unsigned i = 0; i < FD_KEEPER_MAX; i++)
		sink(&h->past.slots[i]);
	sink(&h->null);
}

int
fd_keeper_take(struct fd_keeper *h, int fd)
{
	struct fd_keeper_bank *b = &h->present;

	if (b->n == FD_KEEPER_MAX || dup3(fd, b->slots[b->n], O_CLOEXEC) == -1)
		return -EBADMSG;
	b->n++;
	return 0;
}

void
fd_keeper_turn(struct fd_keeper *h)
{
	const struct fd_keeper_bank empty = h->past;

	if (h->present.n == 0)
		return; /* it had not got so far: the past is still that */
	fd_keeper_let_go(h);
	h->past = h->present;
	h->present = empty;
	h->present.n = 0;
}

void
fd_keeper_let_go(struct fd_keeper *h)
{
	while (h->past.n > 0) {
		const int slot = h->past.slots[--h->past.n];
		/* Without it the last close is this one. */
		int last = fcntl(slot, F_DUPFD_CLOEXEC, 0);

		/* Of two that are open, it cannot fail. */
		(void)dup3(h->null, slot, O_CLOEXEC);
		closer_close(h->closer, &last);
	}
}

static void
bank_fini(struct fd_keeper_bank *b)
{
	for (unsigned i = 0; i < FD_KEEPER_MAX; i++)
		fd_close(&b->slots[i]);
	b->n = 0;
}

void
fd_keeper_fini(struct fd_keeper *h)
{
	bank_fini(&h->present);
	bank_fini(&h->past);
	fd_close(&h->null);
}
