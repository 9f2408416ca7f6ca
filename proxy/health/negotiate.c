/*
 * An errand is a thread and the ticket that it is after. Only two things are
 * shared with it: the errand, until it is in the mailbox, and the mailbox,
 * which lives until the last of those who know it lets go: the threads of a
 * relay that ends may outlive all else.
 */
#include "proxy/health/negotiate.h"

#include "core/limiter.h"
#include "core/log.h"
#include "core/mono.h"
#include "core/proc.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Threads that hang cost little, but so many are no use to anybody. */
#define ERRANDS_MAX 256

/* For one server's ticket: one that hangs may not be all there is. */
#define ERRANDS_EACH 4

/* Who is refused for good costs the KDC two questions that often, no more. */
#define DISTRUST_EVERY_MS (60 * 1000)

/* Of a login's life: less is left only of one that should be new by now. */
#define LATE_PART 4

/* Names are resolved in it, by whatever the host has configured for that. */
#define STACK_BYTES ((size_t)1024 * 1024)

struct negotiate_errand {
	struct mailbox *box;
	negotiate_ticket_fn *fn;
	struct ticket_wish wish;
	char *host, *keytab; /* the wish's */
	char cache[32];
	struct ticket ticket;
	/* Not the thread's. */
	struct negotiate_target *target;
	struct negotiate_call *call; /* NULL: nobody waits for it any more */
	bool renews;                 /* nobody ever does */
	LIST_ENTRY(negotiate_errand) running;
	STAILQ_ENTRY(negotiate_errand) mail;
};

struct mailbox {
	pthread_mutex_t lock;
	unsigned known_by;    /* threads, and struct negotiate */
	struct ev_loop *loop; /* NULL: nobody reads it any more */
	ev_async arrived;
	STAILQ_HEAD(, negotiate_errand) mail;
};

struct negotiate_target {
	char *host, *keytab;
	unsigned number;    /* of its cache, which no two share */
	unsigned n_running; /* that get a ticket */
	bool is_renewing;
	struct mono renewed;     /* or tried to */
	uint32_t left_s, life_s; /* of the login, when a ticket last came */
	bool is_distrusted;
	struct mono distrusted; /* when it last was */
	SLIST_ENTRY(negotiate_target) link;
};

struct negotiate {
	struct ev_loop *loop;
	struct negotiate_means means;
	struct limiter complaints; /* log lines */
	struct mailbox *box;
	unsigned n_running, n_targets;
	LIST_HEAD(, negotiate_errand) running;
	TAILQ_HEAD(, negotiate_call) waiting;
	SLIST_HEAD(, negotiate_target) targets;
};

static void
free_errand(struct negotiate_errand *e)
{
	ticket_wipe(&e->ticket);
	free(e->host);
	free(e->keytab);
	free(e);
}

/* -- the thread's side ----------------------------------------------------- */

static void
leave_mailbox(struct mailbox *box, struct negotiate_errand *with)
{
	bool read, last;

	(void)pthread_mutex_lock(&box->lock);
	read = with != NULL && box->loop != NULL;
	if (read) {
		STAILQ_INSERT_TAIL(&box->mail, with, mail);
		ev_async_send(box->loop, &box->arrived);
	}
	last = --box->known_by == 0;
	(void)pthread_mutex_unlock(&box->lock);
	if (!read && with != NULL)
		free_errand(with);
	if (last) {
		(void)pthread_mutex_destroy(&box->lock);
		free(box);
	}
}

static void *
errand_main(void *arg)
{
	struct negotiate_errand *e = arg;

	e->fn(&e->wish, &e->ticket);
	leave_mailbox(e->box, e);
	return NULL;
}

static int
start_thread(struct negotiate_errand *negotiate_errand)
{
	pthread_t thread;
	int e = proc_start_thread(
	    &thread, STACK_BYTES, errand_main, negotiate_errand);

	if (e == 0)
		(void)pthread_detach(thread);
	return e;
}

/* -- the loop's side ------------------------------------------------------- */

static int
copy_text(const char *text, char **ret_copy)
{
	*ret_copy = text != NULL ? strdup(text) : NULL;
	return text != NULL && *ret_copy == NULL ? -ENOMEM : 0;
}

static int
make_errand(struct negotiate *n, struct negotiate_target *t,
    struct negotiate_errand **ret_errand)
{
	struct negotiate_errand *e = calloc(1, sizeof(*e));

	if (e == NULL)
		return -ENOMEM;
	if (copy_text(t->host, &e->host) < 0 ||
	    copy_text(t->keytab, &e->keytab) < 0) {
		free_errand(e);
		return -ENOMEM;
	}
	(void)snprintf(
	    e->cache, sizeof(e->cache), "MEMORY:hapair-%u", t->number);
	e->wish = (struct ticket_wish){
		.host = e->host,
		.keytab = e->keytab,
		.cache = e->cache,
		.anew = t->is_distrusted,
	};
	e->box = n->box;
	e->fn = n->means.get;
	e->target = t;
	*ret_errand = e;
	return 0;
}

/* Takes the errand, also where it fails. */
static int
launch(struct negotiate *n, struct negotiate_errand *negotiate_errand)
{
	int e;

	(void)pthread_mutex_lock(&n->box->lock);
	n->box->known_by++;
	(void)pthread_mutex_unlock(&n->box->lock);
	e = start_thread(negotiate_errand);
	if (e < 0) {
		leave_mailbox(n->box, NULL);
		free_errand(negotiate_errand);
		return e;
	}
	LIST_INSERT_HEAD(&n->running, negotiate_errand, running);
	n->n_running++;
	return 0;
}

static int
launch_for_ticket(struct negotiate *n, struct negotiate_target *t,
    struct negotiate_errand **ret_errand)
{
	struct negotiate_errand *negotiate_errand;
	int e = make_errand(n, t, &negotiate_errand);

	if (e == 0)
		e = launch(n, negotiate_errand);
	if (e < 0)
		return e;
	t->n_running++;
	t->is_distrusted = false;
	*ret_errand = negotiate_errand;
	return 0;
}

/* Where it does not come to it, the next ticket brings it about. */
static void
renew_if_due(struct negotiate *n, struct negotiate_target *t)
{
	struct negotiate_errand *e;

	if (t->is_renewing || n->n_running >= ERRANDS_MAX ||
	    mono_span_ms(t->renewed, mono_now()) <
	        (int64_t)n->means.renew_every_ms ||
	    make_errand(n, t, &e) < 0)
		return;
	e->fn = n->means.renew;
	e->renews = true;
	t->renewed = mono_now();
	t->is_renewing = launch(n, e) == 0;
}

/* One that is out for this server already, and for nobody. */
static struct negotiate_errand *
find_errand(struct negotiate *n, const struct negotiate_target *t)
{
	struct negotiate_errand *e;

	LIST_FOREACH (e, &n->running, running)
		if (e->target == t && e->call == NULL && !e->renews)
			return e;
	return NULL;
}

/* Returns 1, 0 where there is no place, or -errno. */
static int
send_for(struct negotiate *n, struct negotiate_call *c)
{
	struct negotiate_errand *negotiate_errand = NULL;
	int e = 0;

	if (n->n_running < ERRANDS_MAX && c->target->n_running < ERRANDS_EACH)
		e = launch_for_ticket(n, c->target, &negotiate_errand);
	else
		negotiate_errand = find_errand(n, c->target);
	if (negotiate_errand == NULL)
		return e;
	negotiate_errand->call = c;
	c->errand = negotiate_errand;
	return 1;
}

static void
send_for_those_who_wait(struct negotiate *n)
{
	struct negotiate_call *c, *next;

	for (c = TAILQ_FIRST(&n->waiting); c != NULL; c = next) {
		next = TAILQ_NEXT(c, link);
		if (send_for(n, c) == 1)
			TAILQ_REMOVE(&n->waiting, c, link);
	}
}

void
negotiate_cancel(struct negotiate_call *call)
{
	struct negotiate *n = call->all;

	if (n == NULL)
		return;
	call->all = NULL;
	ev_timer_stop(n->loop, &call->late);
	if (call->errand != NULL)
		call->errand->call = NULL;
	else
		TAILQ_REMOVE(&n->waiting, call, link);
	call->errand = NULL;
}

static void
answer(struct negotiate_call *c, const struct ticket *ticket)
{
	negotiate_cancel(c);
	c->on_answer(c->arg, ticket);
}

static void
on_late(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct negotiate_call *c = CONTAINER_OF(t, struct negotiate_call, late);
	struct ticket late = { .token = NULL };

	(void)snprintf(late.error, sizeof(late.error),
	    "no ticket within %u ms, no KDC answers", c->timeout_ms);
	answer(c, &late);
}

static struct negotiate_errand *
take_mail(struct mailbox *box)
{
	struct negotiate_errand *e;

	(void)pthread_mutex_lock(&box->lock);
	e = STAILQ_FIRST(&box->mail);
	if (e != NULL)
		STAILQ_REMOVE_HEAD(&box->mail, mail);
	(void)pthread_mutex_unlock(&box->lock);
	return e;
}

/*
 * A login that is well is never older than half of its life. If it is, somebody
 * is to know before it is over: the KDC is away, or the keytab's key is old.
 */
static void
watch_login(struct negotiate *n, struct negotiate_target *t, uint32_t left_s)
{
	uint64_t left_out;

	if (left_s > t->left_s)
		t->life_s = left_s;
	t->left_s = left_s;
	if (left_s < t->life_s / LATE_PART &&
	    limiter_allows(&n->complaints, mono_now(), &left_out))
		log_warning("check",
		    "[secret] the login for HTTP/%s ends in %u s and cannot be renewed (%" PRIu64
		    " times more since the last line)",
		    t->host, left_s, left_out);
}

static void
take_ticket(struct negotiate *n, struct negotiate_errand *e)
{
	const bool good = e->ticket.token != NULL;
	struct negotiate_target *t = e->target;

	t->n_running--;
	if (e->call != NULL)
		answer(e->call, &e->ticket);
	if (!good || t->keytab == NULL)
		return;
	watch_login(n, t, e->ticket.left_s);
	renew_if_due(n, t);
}

static void
on_arrived(struct ev_loop *loop, ev_async *async, int revents)
{
	struct negotiate *n = async->data;
	struct negotiate_errand *e;

	while ((e = take_mail(n->box)) != NULL) {
		LIST_REMOVE(e, running);
		n->n_running--;
		if (e->renews)
			e->target->is_renewing = false;
		else
			take_ticket(n, e);
		free_errand(e);
	}
	send_for_those_who_wait(n);
}

static bool
is_same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static void
free_target(struct negotiate_target *t)
{
	free(t->host);
	free(t->keytab);
	free(t);
}

/* There are as many as the configuration has servers to be checked so. */
static struct negotiate_target *
target_of(struct negotiate *n, const struct negotiate_question *q)
{
	struct negotiate_target *t;

	SLIST_FOREACH (t, &n->targets, link)
		if (strcmp(t->host, q->host) == 0 &&
		    is_same_text(t->keytab, q->keytab))
			return t;
	t = calloc(1, sizeof(*t));
	if (t == NULL)
		return NULL;
	if (copy_text(q->host, &t->host) < 0 ||
	    copy_text(q->keytab, &t->keytab) < 0) {
		free_target(t);
		return NULL;
	}
	t->number = n->n_targets++;
	t->renewed = mono_now();
	t->distrusted = mono_add_ms(t->renewed, -DISTRUST_EVERY_MS);
	SLIST_INSERT_HEAD(&n->targets, t, link);
	return t;
}

int
negotiate_ask(struct negotiate *n, struct negotiate_call *call,
    const struct negotiate_question *question)
{
	int e;

	call->target = target_of(n, question);
	if (call->target == NULL)
		return -ENOMEM;
	e = send_for(n, call);
	if (e < 0)
		return e;
	if (e == 0)
		TAILQ_INSERT_TAIL(&n->waiting, call, link);
	call->all = n;
	call->timeout_ms = question->timeout_ms;
	ev_now_update(n->loop);
	ev_timer_init(&call->late, on_late, question->timeout_ms / 1000., 0.);
	ev_timer_start(n->loop, &call->late);
	return 0;
}

void
negotiate_distrust(struct negotiate_call *call)
{
	struct negotiate_target *t = call->target;

	if (t == NULL ||
	    mono_span_ms(t->distrusted, mono_now()) < DISTRUST_EVERY_MS)
		return;
	t->is_distrusted = true;
	t->distrusted = mono_now();
}

static struct mailbox *
make_mailbox(struct negotiate *n)
{
	struct mailbox *box = calloc(1, sizeof(*box));

	if (box == NULL)
		return NULL;
	if (pthread_mutex_init(&box->lock, NULL) != 0) {
		free(box);
		return NULL;
	}
	box->known_by = 1;
	box->loop = n->loop;
	STAILQ_INIT(&box->mail);
	ev_async_init(&box->arrived, on_arrived);
	box->arrived.data = n;
	ev_async_start(n->loop, &box->arrived);
	return box;
}

struct negotiate *
negotiate_open(struct ev_loop *loop, const struct negotiate_means *means)
{
	struct negotiate *n = calloc(1, sizeof(*n));

	if (n == NULL)
		return NULL;
	n->loop = loop;
	n->means = *means;
	LIST_INIT(&n->running);
	TAILQ_INIT(&n->waiting);
	SLIST_INIT(&n->targets);
	n->box = make_mailbox(n);
	if (n->box == NULL) {
		free(n);
		return NULL;
	}
	return n;
}

void
negotiate_close(struct negotiate *n)
{
	struct negotiate_errand *e;
	struct negotiate_target *t;

	if (n == NULL)
		return;
	ev_async_stop(n->loop, &n->box->arrived);
	(void)pthread_mutex_lock(&n->box->lock);
	n->box->loop = NULL;
	(void)pthread_mutex_unlock(&n->box->lock);
	while ((e = take_mail(n->box)) != NULL)
		free_errand(e);
	leave_mailbox(n->box, NULL);
	while ((t = SLIST_FIRST(&n->targets)) != NULL) {
		SLIST_REMOVE_HEAD(&n->targets, link);
		free_target(t);
	}
	free(n);
}
