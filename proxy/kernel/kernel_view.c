#include "proxy/kernel/kernel_view.h"

#include "config/config.h"
#include "core/buf.h"
#include "core/channel.h"
#include "core/wall_clock.h"
#include "proxy/pool/pool.h"
#include "proxy/services.h"

#include <errno.h>
#include <ev.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(MSG_KERNEL_ENDINGS >= END_REASON_COUNT, "room for each ending");

/* What directors before this one have counted. */
struct kernel_view_past {
	struct counters_service_sum *services;
	struct counters_sum *servers, *is; /* by slot; of this one alone */
};

/* -- counters ------------------------------------------------------------ */

static struct counters_service_sum
sums_of(const struct msg_kernel_service *m)
{
	struct counters_service_sum s = { .sum = { .total = m->accepted,
		                              .failed = m->failed,
		                              .bytes_in = m->bytes_in,
		                              .bytes_out = m->bytes_out },
		.retries = m->retries,
		.denied = m->denied,
		.too_many = m->too_many };

	for (unsigned i = 0; i < END_REASON_COUNT; i++)
		s.endings[i] = m->ended[i];
	return s;
}

static int
take_service(struct kernel_view *v, struct buf *b)
{
	struct services *r = v->services;
	struct counters_service_sum *sum, is;
	struct msg_kernel_service m;

	if (msg_kernel_get_service(b, &m) < 0 || m.service >= r->shared.n_pools)
		return -EBADMSG;
	/* It looks at all of them less often than it counts. */
	if (m.protected > m.open)
		m.protected = m.open;
	is = sums_of(&m);
	sum = &r->kernel_services[m.service];
	*sum = v->past->services[m.service];
	counters_service_sum_add(sum, &is);
	sum->sum.active = m.open;
	v->of[m.service] = m;
	return 0;
}

static struct pool_server *
find_server(const struct kernel_view *v, unsigned service, unsigned server)
{
	struct worker_shared *sh = &v->services->shared;

	if (service >= sh->n_pools || server >= sh->pools[service].n_servers)
		return NULL;
	return &sh->pools[service].servers[server];
}

unsigned
kernel_view_count(
    const struct kernel_view *v, unsigned service, unsigned server)
{
	struct pool_server *s = find_server(v, service, server);
	struct pool_view view;

	if (s == NULL)
		return 0;
	pool_look(&v->services->shared.pools[service], s, &view);
	return view.kernel;
}

/* By the way of the workers', who cannot call the checks themselves. */
static void
note(struct kernel_view *v, atomic_bool *what)
{
	struct session_thread_shared *s = &v->services->shared.sessions;

	if (!atomic_exchange(what, true) && v->services->started)
		ev_async_send(s->main, &s->accused);
}

static int
take_count(struct kernel_view *v, struct buf *b)
{
	struct services *r = v->services;
	struct counters_sum *before, *sum, is;
	struct pool_server *s;
	struct msg_kernel_count m;

	if (msg_kernel_get_count(b, &m) < 0)
		return -EBADMSG;
	s = find_server(v, m.service, m.server);
	if (s == NULL)
		return -EBADMSG;
	before = &v->past->is[s->slot];
	is = (struct counters_sum){ .total = m.total,
		.failed = m.failed,
		.bytes_in = m.bytes_in,
		.bytes_out = m.bytes_out };
	if (is.total > before->total && is.failed == before->failed &&
	    atomic_load(&s->doubted))
		note(v, &s->proven);
	*before = is;
	sum = &r->kernel_servers[s->slot];
	*sum = v->past->servers[s->slot];
	counters_sum_add(sum, &is);
	sum->active = m.open;
	pool_set_elsewhere(&r->shared.pools[m.service], s, POOL_KERNEL, m.open);
	return 0;
}

static int
take_accused(struct kernel_view *v, struct buf *b)
{
	struct pool_server *s;
	struct msg_kernel_accused m;

	if (msg_kernel_get_accused(b, &m) < 0)
		return -EBADMSG;
	s = find_server(v, m.service, m.server);
	if (s == NULL)
		return -EBADMSG;
	note(v, &s->accused);
	return 0;
}

/* -- how it stands --------------------------------------------------------- */

/* It counts from 0 again, and has told nothing yet. */
static void
note_life(struct kernel_view *v)
{
	const struct worker_shared *sh = &v->services->shared;

	for (size_t i = 0; i < sh->n_pools; i++) {
		const struct counters_service_sum is = sums_of(&v->of[i]);

		counters_service_sum_add(&v->past->services[i], &is);
		memset(&v->of[i], 0, sizeof(v->of[i]));
	}
	for (size_t i = 0; i < sh->n_servers; i++) {
		counters_sum_add(&v->past->servers[i], &v->past->is[i]);
		memset(&v->past->is[i], 0, sizeof(v->past->is[i]));
	}
}

static int
take_state(struct kernel_view *v, struct buf *b)
{
	const struct msg_kernel_state was = v->state;
	const int64_t now = wall_clock_now_ms();
	struct msg_kernel_state m;

	if (msg_kernel_get_state(b, &m) < 0)
		return -EBADMSG;
	if (!v->is_said || m.work != was.work)
		v->work_wall_ms = now;
	if (!v->is_said || m.peer != was.peer)
		v->peer_wall_ms = now;
	if (v->is_said && m.life != was.life)
		note_life(v);
	v->is_said = true;
	v->state = m;
	return 0;
}

int
kernel_view_take(struct kernel_view *v, const struct channel_packet *p)
{
	struct buf b = buf_reader(p->body, p->len);

	switch (p->type) {
	case MSG_KERNEL_STATE:
		return take_state(v, &b);
	case MSG_KERNEL_SERVICE:
		return take_service(v, &b);
	case MSG_KERNEL_COUNT:
		return take_count(v, &b);
	case MSG_KERNEL_ACCUSED:
		return take_accused(v, &b);
	default: /* not an enum: a number from another process */
		return -EBADMSG;
	}
}

int
kernel_view_init(struct kernel_view *v, struct services *services)
{
	const size_t n = services->shared.n_pools + 1;
	const size_t m = services->shared.n_servers + 1;

	*v = (struct kernel_view){ .services = services };
	v->of = calloc(n, sizeof(*v->of));
	v->past = calloc(1, sizeof(*v->past));
	if (v->of == NULL || v->past == NULL)
		return -ENOMEM;
	v->past->services = calloc(n, sizeof(*v->past->services));
	v->past->servers = calloc(m, sizeof(*v->past->servers));
	v->past->is = calloc(m, sizeof(*v->past->is));
	return v->past->services != NULL && v->past->servers != NULL &&
	        v->past->is != NULL
	    ? 0
	    : -ENOMEM;
}

void
kernel_view_fini(struct kernel_view *v)
{
	if (v->past != NULL) {
		free(v->past->services);
		free(v->past->servers);
		free(v->past->is);
	}
	free(v->past);
	free(v->of);
	*v = (struct kernel_view){ 0 };
}
