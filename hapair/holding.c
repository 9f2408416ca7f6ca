#include "hapair/holding.h"

#include "core/fd.h"

#include <errno.h>
#include <string.h>

int
holding_take(struct holding *h, int *fd)
{
	if (h->n_present == HOLDING_MAX)
		return -EBADMSG;
	h->present[h->n_present++] = fd_take(fd);
	return 0;
}

void
holding_turn(struct holding *h)
{
	if (h->n_present == 0)
		return; /* it had not got so far: the past is still that */
	holding_let_go(h);
	memcpy(h->past, h->present, sizeof(h->past));
	h->n_past = h->n_present;
	h->n_present = 0;
}

void
holding_let_go(struct holding *h)
{
	while (h->n_past > 0)
		fd_close(&h->past[--h->n_past]);
}

void
holding_fini(struct holding *h)
{
	holding_let_go(h);
	holding_turn(h);
	holding_let_go(h);
}
