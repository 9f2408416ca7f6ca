#include "proxy/health/probe.h"

#include "config/config.h"
#include "config/print.h"
#include "core/limiter.h"
#include "core/log.h"
#include "core/mono.h"
#include "core/secret.h"
#include "core/timeout.h"
#include "proxy/health/graceful_close.h"
#include "proxy/health/http_client.h"
#include "proxy/health/probe_http.h"
#include "proxy/health/probe_judge.h"
#include "proxy/health/probe_script.h"
#include "proxy/health/probe_tcp.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <ev.h>

/* While results contradict a verdict, they come this much faster. */
#define WAVERING_FACTOR 4.

/* Of an interval, either way: so that many do not go on asking together. */
#define JITTER 0.1

/*
 * What may be begun in a turn of the loop, as the work that it makes. Those
 * under way come first in each turn: so many that are due at once, as at a
 * start, are begun as quickly as they are worked off, and none spends its time
 * waiting for the others. A handshake of TLS takes a millisecond of ours.
 */
#define STARTS_A_TURN 64
#define COST_OF_TLS 8
#define COST 1

/*
 * The second question comes after some part of the interval, this at least:
 * else all would go on together as they have begun. Not at once, since first
 * ones of others may still be to come.
 */
#define FIRST_REST_LEAST 0.1

/*
 * From the start of one to the next where that is hurried: clients that find
 * one server dead, many a second, make no storm of questions.
 */
#define HURRY_MS 100

struct probe {
	struct probes *all;
	struct probe_question question;
	LIST_HEAD(, probe_listener) listeners;
	LIST_ENTRY(probe) link;
	TAILQ_ENTRY(probe) due; /* where it is due */
	bool is_due, busy;
	bool known; /* was answered once */
	bool again; /* asked for while one was under way */
	struct mono began;
	ev_timer timer; /* busy: of its patience, else until the next */
	union {
		struct probe_tcp tcp;
		struct probe_http http;
		struct probe_script script;
	} ask;
};

struct probes {
	struct ev_loop *loop;
	const struct secret_files *secrets; /* borrowed */
	struct http_client *fetcher;        /* NULL until a page is asked for */
	struct negotiate *negotiate;        /* likewise, with a ticket */
	struct graceful_close closing;
	struct limiter lacks; /* of memory, descriptors, ports: log lines */
	LIST_HEAD(, probe) surveys;
	TAILQ_HEAD(, probe) due; /* not begun yet */
	ev_timer begin;          /* the next of these */
};

static void
wait_s(struct probe *p, double seconds)
{
	timeout_arm(p->all->loop, &p->timer, seconds);
}

/* From `least` to `most`. */
static double
random_between(double least, double most)
{
	uint16_t n;

	secret_random(&n, sizeof(n));
	return least + (most - least) * (n / 65536.);
}

static void
leave_due(struct probe *p)
{
	if (p->is_due)
		TAILQ_REMOVE(&p->all->due, p, due);
	p->is_due = false;
}

static void
stop_asking(struct probe *p)
{
	leave_due(p);
	p->busy = false;
	switch (p->question.check->type) {
	case CONFIG_CHECK_TCP:
	case CONFIG_CHECK_MYSQL:
	case CONFIG_CHECK_POSTGRES:
	case CONFIG_CHECK_REDIS:
	case CONFIG_CHECK_LDAP:
		probe_tcp_stop(&p->ask.tcp);
		break;
	case CONFIG_CHECK_HTTP:
	case CONFIG_CHECK_TLS:
		probe_http_stop(&p->ask.http);
		break;
	case CONFIG_CHECK_SCRIPT:
		probe_script_stop(&p->ask.script);
		break;
	case CONFIG_CHECK_NONE:
		break;
	}
}

/* How long one that is hurried has to wait all the same, in seconds. */
static double
hurry_s(const struct probe *p)
{
	int64_t gap_ms = p->question.check->interval_ms;
	int64_t since_ms = mono_span_ms(p->began, mono_now());

	if (gap_ms > HURRY_MS)
		gap_ms = HURRY_MS;
	return since_ms < gap_ms ? (double)(gap_ms - since_ms) / 1000. : 0.;
}

/* Counted from the end of this one. */
static void
rest(struct probe *p, bool wavering)
{
	double s = p->question.check->interval_ms / 1000.;

	if (p->again)
		s = hurry_s(p);
	else if (wavering)
		s *= random_between(1. - JITTER, 1. + JITTER) / WAVERING_FACTOR;
	else if (!p->known)
		s *= random_between(FIRST_REST_LEAST, 1.);
	else
		s *= random_between(1. - JITTER, 1. + JITTER);
	p->again = false;
	p->known = true;
	wait_s(p, s);
}

static void
tell_lack(struct probe *p, const char *detail)
{
	uint64_t left_out;

	if (limiter_allows(&p->all->lacks, mono_now(), &left_out))
		log_warning("check",
		    "[resource] %s, trying again (%" PRIu64
		    " times more since the last line)",
		    detail, left_out);
}

static void
on_answer(void *arg, const struct probe_judge_answer *answer)
{
	struct probe *p = arg;
	double ms = (double)mono_span_us(p->began, mono_now()) / 1000.;
	struct probe_listener *l;
	bool wavering = false;

	p->busy = false;
	if (answer->is_void)
		tell_lack(p, answer->detail);
	LIST_FOREACH (l, &p->listeners, link)
		wavering |= l->on_heard(l->arg, answer, ms);
	rest(p, wavering);
}

static void
ask(struct probe *p)
{
	const struct probe_question *q = &p->question;

	p->busy = true;
	p->began = mono_now();
	/* Each has a timeout of its own, and answers before this one. */
	wait_s(p, q->check->timeout_ms / 1000. * 2 + 1);
	switch (q->check->type) {
	case CONFIG_CHECK_TCP:
	case CONFIG_CHECK_MYSQL:
	case CONFIG_CHECK_POSTGRES:
	case CONFIG_CHECK_REDIS:
	case CONFIG_CHECK_LDAP:
		probe_tcp_start(&p->ask.tcp, &q->to);
		break;
	case CONFIG_CHECK_HTTP:
	case CONFIG_CHECK_TLS:
		probe_http_start(&p->ask.http, &q->to);
		break;
	case CONFIG_CHECK_SCRIPT:
		probe_script_start(
		    &p->ask.script, &q->to, q->check->timeout_ms);
		break;
	case CONFIG_CHECK_NONE:
		break;
	}
}

static unsigned
cost_of(const struct probe *p)
{
	const struct config_check *c = p->question.check;
	const bool has_tls = c->type == CONFIG_CHECK_TLS ||
	    (c->type == CONFIG_CHECK_HTTP && c->tls);

	return has_tls ? COST_OF_TLS : COST;
}

/* The first of those that are due; the others in the next turn. */
static void
on_begin(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct probes *all = CONTAINER_OF(t, struct probes, begin);
	struct probe *p;

	for (unsigned spent = 0; spent < STARTS_A_TURN; spent += cost_of(p)) {
		p = TAILQ_FIRST(&all->due);
		if (p == NULL)
			return;
		leave_due(p);
		ask(p);
	}
	if (!TAILQ_EMPTY(&all->due))
		timeout_arm(loop, t, 0.);
}

static void
become_due(struct probe *p)
{
	struct probes *all = p->all;

	p->is_due = true;
	TAILQ_INSERT_TAIL(&all->due, p, due);
	if (!ev_is_active(&all->begin))
		timeout_arm(all->loop, &all->begin, 0.);
}

static void
on_timer(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct probe *p = CONTAINER_OF(t, struct probe, timer);
	struct probe_judge_answer late = { .is_void = false };

	if (!p->busy) {
		become_due(p);
		return;
	}
	probe_judge_say(&late, HEALTH_FAILED, "no answer in time");
	stop_asking(p);
	on_answer(p, &late);
}

static void
set_asker(struct probe *p)
{
	const struct probe_question *q = &p->question;
	struct probes *all = p->all;

	switch (q->check->type) {
	case CONFIG_CHECK_TCP:
	case CONFIG_CHECK_MYSQL:
	case CONFIG_CHECK_POSTGRES:
	case CONFIG_CHECK_REDIS:
	case CONFIG_CHECK_LDAP:
		p->ask.tcp = (struct probe_tcp){ .loop = all->loop,
			.closing = &all->closing,
			.secrets = all->secrets,
			.config = q->check,
			.proxy = q->proxy,
			.on_answer = on_answer,
			.arg = p };
		probe_tcp_init(&p->ask.tcp);
		break;
	case CONFIG_CHECK_HTTP:
	case CONFIG_CHECK_TLS:
		p->ask.http = (struct probe_http){ .fetcher = all->fetcher,
			.secrets = all->secrets,
			.negotiate = all->negotiate,
			.config = q->check,
			.host = q->host,
			.proxy = q->proxy,
			.on_answer = on_answer,
			.arg = p };
		break;
	case CONFIG_CHECK_SCRIPT:
		p->ask.script = (struct probe_script){ .loop = all->loop,
			.path = q->check->script,
			.service = q->service,
			.server = q->server,
			.on_answer = on_answer,
			.arg = p };
		probe_script_init(&p->ask.script);
		break;
	case CONFIG_CHECK_NONE:
		break;
	}
}

/*
 * All that the file says of how to ask: by its text, so that a key that is new
 * cannot be forgotten here. Not `rise` and `fall`, which are for who makes a
 * verdict of the answers; the port is in the address, and the header is apart.
 */
static bool
asks_alike(const struct config_check *a, const struct config_check *b)
{
	CLEANUP(free_str) char *x = NULL, *y = NULL;
	struct config_check copy = *a;

	copy.rise = b->rise;
	copy.fall = b->fall;
	copy.port = b->port;
	copy.proxy = b->proxy;
	return print_check(&copy, &x) == 0 && print_check(b, &y) == 0 &&
	    strcmp(x, y) == 0;
}

bool
probe_is_same(const struct probe_question *a, const struct probe_question *b)
{
	if (a->check->type != b->check->type || a->proxy != b->proxy ||
	    !addr_is_same(&a->to, &b->to))
		return false;
	switch (a->check->type) {
	case CONFIG_CHECK_TCP:
	case CONFIG_CHECK_MYSQL:
	case CONFIG_CHECK_POSTGRES:
	case CONFIG_CHECK_REDIS:
	case CONFIG_CHECK_LDAP:
		return asks_alike(a->check, b->check);
	case CONFIG_CHECK_HTTP:
	case CONFIG_CHECK_TLS:
		return strcmp(a->host, b->host) == 0 &&
		    asks_alike(a->check, b->check);
	case CONFIG_CHECK_SCRIPT: /* it is told whom it is for */
	case CONFIG_CHECK_NONE:
		break;
	}
	return false;
}

static const struct negotiate_means tickets = {
	.get = ticket_get,
	.renew = ticket_renew,
	.renew_every_ms = 60 * 1000, /* does nothing until half of it is over */
};

/* Made when the first one needs them. False where memory is out. */
static bool
has_means(struct probes *all, const struct config_check *c)
{
	const bool negotiates = c->type == CONFIG_CHECK_HTTP && c->negotiate;

	if (c->type != CONFIG_CHECK_HTTP && c->type != CONFIG_CHECK_TLS)
		return true;
	if (all->fetcher == NULL)
		all->fetcher = http_client_open(all->loop, &all->closing);
	if (negotiates && all->negotiate == NULL)
		all->negotiate = negotiate_open(all->loop, &tickets);
	return all->fetcher != NULL && (!negotiates || all->negotiate != NULL);
}

static struct probe *
make(struct probes *all, const struct probe_question *question)
{
	struct probe *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	if (!has_means(all, question->check)) {
		free(p);
		return NULL;
	}
	p->all = all;
	p->question = *question;
	LIST_INIT(&p->listeners);
	ev_timer_init(&p->timer, on_timer, 0., 0.);
	set_asker(p);
	LIST_INSERT_HEAD(&all->surveys, p, link);
	return p;
}

int
probe_join(struct probes *all, struct probe_listener *l,
    const struct probe_question *question)
{
	struct probe *p;

	LIST_FOREACH (p, &all->surveys, link)
		if (probe_is_same(&p->question, question))
			break;
	if (p == NULL)
		p = make(all, question);
	if (p == NULL)
		return -ENOMEM;
	l->probe = p;
	LIST_INSERT_HEAD(&p->listeners, l, link);
	probe_hurry(l);
	return 0;
}

void
probe_leave(struct probe_listener *l)
{
	struct probe *p = l->probe;

	if (p == NULL)
		return;
	l->probe = NULL;
	LIST_REMOVE(l, link);
	if (!LIST_EMPTY(&p->listeners))
		return;
	stop_asking(p);
	ev_timer_stop(p->all->loop, &p->timer);
	LIST_REMOVE(p, link);
	free(p);
}

void
probe_hurry(struct probe_listener *l)
{
	struct probe *p = l->probe;

	if (p == NULL)
		return;
	if (p->busy)
		p->again = true;
	else if (!p->is_due)
		wait_s(p, hurry_s(p));
}

struct probes *
probe_open(
    struct ev_loop *loop, const struct secret_files *secrets, unsigned max)
{
	struct probes *all = calloc(1, sizeof(*all));

	if (all == NULL)
		return NULL;
	all->loop = loop;
	all->secrets = secrets;
	LIST_INIT(&all->surveys);
	TAILQ_INIT(&all->due);
	ev_timer_init(&all->begin, on_begin, 0., 0.);
	graceful_close_init(&all->closing, loop, max);
	return all;
}

void
probe_close(struct probes *all)
{
	if (all == NULL)
		return;
	ev_timer_stop(all->loop, &all->begin);
	negotiate_close(all->negotiate);
	http_client_close(all->fetcher);
	graceful_close_fini(&all->closing);
	free(all);
}
