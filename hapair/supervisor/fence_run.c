#include "hapair/supervisor/fence_run.h"

#include "config/config.h"
#include "core/buf.h"
#include "core/channel.h"
#include "core/log.h"
#include "core/program.h"
#include "hapair/supervisor/active_choice.h"
#include "hapair/supervisor/event_sync.h"
#include "hapair/supervisor/state_store.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How often it is asked whether by now it may run. */
#define AGAIN_S 0.05

struct fence_run_one {
	struct fence_run *fences;            /* borrowed: the one it is in */
	const struct config_service *config; /* borrowed */
	bool promote;                        /* else the fence */
	struct msg_fence wanted;             /* while it runs or waits */
	bool waits;                          /* for what may allow it */
	struct mono until;                   /* likewise */
	struct program program;
	bool has_failed; /* the last one, of these two */
	uint16_t from, to;
};

static bool
is_news(struct fence_run_one *r, const struct msg_fence *m, bool failed)
{
	const bool same = r->has_failed && r->from == m->from && r->to == m->to;

	r->has_failed = failed;
	r->from = m->from;
	r->to = m->to;
	return failed && !same;
}

/* Once, however often it is tried again. */
static void
note_failure(
    struct fence_run_one *r, const struct msg_fence *m, const char *fault)
{
	const struct config_service *c = r->config;
	char subject[EVENT_SUBJECT_MAX], what[EVENT_WHAT_MAX];

	if (!is_news(r, m, fault != NULL) ||
	    r->fences->store->setup.events == NULL)
		return;
	(void)snprintf(subject, sizeof(subject), "service %s", c->name);
	(void)snprintf(what, sizeof(what), "%s of %s failed",
	    r->promote ? "promote" : "fence",
	    c->servers[r->promote ? m->to : m->from].name);
	event_sync_add(r->fences->store->setup.events, EVENT_STANDBY, subject,
	    what, fault);
}

/* How it went is said, and of a fence also told to the relay. */
static void
settle(struct fence_run_one *r, const struct msg_fence *m, const char *fault)
{
	const struct config_service *c = r->config;
	struct msg_fenced done = { .id = m->id, .passed = fault == NULL };
	const char *path = r->promote ? c->promote : c->fence;
	const char *from = c->servers[m->from].name;
	const char *to = c->servers[m->to].name;
	char subject[CONFIG_NAME_MAX + 16];

	(void)snprintf(subject, sizeof(subject), "service %s", c->name);
	if (fault != NULL)
		log_error(subject, "[script] %s %s %s %s: %s", path, c->name,
		    from, to, fault);
	else
		log_notice(
		    subject, "%s %s %s %s: done", path, c->name, from, to);
	note_failure(r, m, fault);
	if (r->promote)
		return;
	if (fault == NULL)
		active_choice_note_fence(r->fences->store, m);
	else
		(void)snprintf(done.fault, sizeof(done.fault), "%s", fault);
	r->fences->answer(r->fences->arg, &done);
}

/* The relay goes on as after a fence that failed. */
static void
refuse(struct fence_run_one *r, const struct msg_fence *m, const char *why)
{
	const struct config_service *c = r->config;
	struct msg_fenced done = { .id = m->id };
	char subject[CONFIG_NAME_MAX + 16];
	uint64_t more;

	(void)snprintf(subject, sizeof(subject), "service %s", c->name);
	if (limiter_allows(&r->fences->refusals, mono_now(), &more))
		log_error(subject,
		    "[refused] %s %s %s %s: the relay wants it, refused: %s (%" PRIu64
		    " more since the last line)",
		    r->promote ? c->promote : c->fence, c->name,
		    c->servers[m->from].name, c->servers[m->to].name, why,
		    more);
	(void)snprintf(done.fault, sizeof(done.fault), "refused: %s", why);
	if (!r->promote)
		r->fences->answer(r->fences->arg, &done);
}

static void
on_overdue(struct program *p)
{
	/* Killed, and about to end. One that can't even be killed (a dead file
	 * server) has failed all the same. */
	struct fence_run_one *r =
	    CONTAINER_OF(p, struct fence_run_one, program);
	const char *last = program_last_words(p);
	char fault[PROGRAM_FAULT_MAX] = "took too long, killed";

	if (*last != '\0')
		(void)snprintf(fault, sizeof(fault),
		    "took too long, killed, its last words: '%s'", last);
	settle(r, &r->wanted, fault);
}

static void
on_end(struct program *p, const char *fault)
{
	struct fence_run_one *r =
	    CONTAINER_OF(p, struct fence_run_one, program);

	if (!p->overdue) /* else it has been told */
		settle(r, &r->wanted, fault);
}

static void on_again(struct ev_loop *loop, ev_timer *t, int revents);

int
fence_run_init(struct fence_run *f, const struct config *config,
    struct state_store *store, fence_run_answer_fn *answer_fn, void *arg)
{
	static const struct program_calls calls = { .on_overdue = on_overdue,
		.on_end = on_end };

	*f = (struct fence_run){ .config = config,
		.store = store,
		.answer = answer_fn,
		.arg = arg };
	ev_timer_init(&f->again, on_again, 0., AGAIN_S);
	f->runs = calloc(2 * config->n_services + 1, sizeof(*f->runs));
	if (f->runs == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < 2 * config->n_services; i++) {
		struct fence_run_one *r = &f->runs[i];

		r->fences = f;
		r->config = &config->services[i / 2];
		r->promote = i % 2 == 1;
		program_init(&r->program, &calls);
	}
	return 0;
}

static int
start(struct fence_run_one *r, const struct msg_fence *m)
{
	const struct config_service *c = r->config;
	const char *const argv[] = { r->promote ? c->promote : c->fence,
		c->name, c->servers[m->from].name, c->servers[m->to].name,
		NULL };

	r->wanted = *m;
	return program_start(&r->program, argv, c->fence_timeout_ms, false);
}

/*
 * A relay that was started again asks for what already runs: its end is the
 * answer. One that is only being killed has failed.
 */
static bool
joins(struct fence_run_one *r, const struct msg_fence *m)
{
	if (!program_is_running(&r->program) || r->program.overdue ||
	    r->wanted.from != m->from || r->wanted.to != m->to)
		return false;
	r->wanted = *m;
	return true;
}

/* Runs it, refuses it, or lets it wait. */
static void
decide(struct fence_run_one *r)
{
	struct fence_run *f = r->fences;
	const struct msg_fence m = r->wanted;
	const char *why;
	enum standby_guard_answer verdict;
	int e;

	verdict = active_choice_may_run(f->store, &m, &why);
	if (verdict == STANDBY_GUARD_LATER &&
	    (f->store->held || mono_before(mono_now(), r->until))) {
		if (!ev_is_active(&f->again))
			ev_timer_again(ev_default_loop(0), &f->again);
		return;
	}
	r->waits = false;
	if (verdict != STANDBY_GUARD_YES) {
		refuse(r, &m, why);
		return;
	}
	e = start(r, &m);
	if (e < 0)
		settle(r, &m, strerror(-e));
}

static void
on_again(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct fence_run *f = CONTAINER_OF(t, struct fence_run, again);
	bool more = false;

	for (size_t i = 0; i < 2 * f->config->n_services; i++) {
		if (f->runs[i].waits)
			decide(&f->runs[i]);
		more = more || f->runs[i].waits;
	}
	if (!more)
		ev_timer_stop(loop, t);
}

int
fence_run_take(struct fence_run *f, const struct channel_packet *p)
{
	struct buf b = buf_reader(p->body, p->len);
	const struct config_service *c;
	struct fence_run_one *r;
	struct msg_fence m;

	if (msg_get_fence(&b, &m) < 0 || m.service >= f->config->n_services)
		return -EBADMSG;
	c = &f->config->services[m.service];
	if (m.from >= c->n_servers || m.to >= c->n_servers || m.from == m.to ||
	    (m.promote ? c->promote : c->fence) == NULL)
		return -EBADMSG;
	r = &f->runs[2 * m.service + m.promote];
	if (joins(r, &m))
		return 0;
	if (program_is_running(&r->program)) {
		refuse(r, &m, "an earlier one still runs");
		return 0;
	}
	/* One that waited is another relay's, or was given up by this one. */
	r->wanted = m;
	r->waits = true;
	r->until = mono_add_ms(mono_now(), ACTIVE_CHOICE_PATIENCE_MS);
	decide(r);
	return 0;
}

bool
fence_run_is_busy(const struct fence_run *f)
{
	for (size_t i = 0; i < 2 * f->config->n_services; i++) {
		const struct program *p = &f->runs[i].program;

		/* Of one that took too long nobody waits for the end. */
		if (f->runs[i].waits || (program_is_running(p) && !p->overdue))
			return true;
	}
	return false;
}

void
fence_run_fini(struct fence_run *f)
{
	if (f->runs == NULL)
		return;
	ev_timer_stop(ev_default_loop(0), &f->again);
	for (size_t i = 0; i < 2 * f->config->n_services; i++)
		program_fini(&f->runs[i].program, false);
	free(f->runs);
	f->runs = NULL;
}
