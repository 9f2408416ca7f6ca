#include "hapair/supervisor/track_scripts.h"

#include "core/log.h"

#include <string.h>

/* Changes are told once; each run tells its result. */
static void
take_result(struct track_scripts_one *o, const char *fault)
{
	const bool passed = fault == NULL;
	const bool changed = o->known ? o->passed != passed : !passed;

	if (changed && passed)
		log_notice("track", "[script] script %s passes again",
		    o->config->script);
	else if (changed)
		log_warning("track", "[script] script %s: %s",
		    o->config->script, fault);
	o->known = true;
	o->passed = passed;
	o->all->on_result(o->all->arg, o->index, passed);
}

static void
run(struct track_scripts_one *o)
{
	const struct config_track *t = o->config;
	const char *const argv[] = { t->script, NULL };
	int e;

	o->owed = false;
	ev_now_update(o->all->loop);
	ev_timer_again(o->all->loop, &o->due);
	e = program_start(&o->program, argv, t->timeout_ms, true);
	if (e < 0)
		take_result(o, strerror(-e));
}

static void
on_due(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct track_scripts_one *o =
	    CONTAINER_OF(t, struct track_scripts_one, due);

	if (!program_is_running(&o->program)) {
		run(o);
		return;
	}
	o->owed = true;
	/*
	 * One that cannot even be killed (a dead file server) goes on failing.
	 */
	if (o->program.overdue)
		take_result(o, "cannot be killed");
}

static void
on_overdue(struct program *p)
{
	take_result(CONTAINER_OF(p, struct track_scripts_one, program),
	    "took too long");
}

static void
on_end(struct program *p, const char *fault)
{
	struct track_scripts_one *o =
	    CONTAINER_OF(p, struct track_scripts_one, program);

	if (!p->overdue) /* else it has been told */
		take_result(o, fault);
	if (o->owed)
		run(o);
}

void
track_scripts_start(struct track_scripts *s, const struct config *config,
    void (*on_result)(void *arg, unsigned track, bool passed), void *arg)
{
	static const struct program_calls calls = { .on_overdue = on_overdue,
		.on_end = on_end };
	const struct config_pair *pair = &config->pair;

	*s = (struct track_scripts){ .on_result = on_result,
		.arg = arg,
		.loop = ev_default_loop(EVBACKEND_EPOLL | EVFLAG_NOENV) };
	for (unsigned i = 0; config->has_pair && i < pair->n_tracks; i++) {
		struct track_scripts_one *o = &s->one[s->n];

		if (config_track_kind(&pair->tracks[i]) != CONFIG_TRACK_SCRIPT)
			continue;
		s->n++;
		o->all = s;
		o->config = &pair->tracks[i];
		o->index = i;
		program_init(&o->program, &calls);
		ev_timer_init(
		    &o->due, on_due, 0., o->config->interval_ms / 1e3);
		run(o);
	}
}

void
track_scripts_inherit(
    struct track_scripts *s, const struct track_scripts *before)
{
	for (unsigned i = 0; i < s->n; i++)
		for (unsigned k = 0; k < before->n; k++) {
			const struct track_scripts_one *was = &before->one[k];
			struct track_scripts_one *is = &s->one[i];

			if (!was->known || is->known ||
			    strcmp(was->config->script, is->config->script) !=
			        0)
				continue;
			is->known = true;
			is->passed = was->passed;
		}
}

void
track_scripts_repeat(struct track_scripts *s)
{
	for (unsigned i = 0; i < s->n; i++)
		if (s->one[i].known)
			s->on_result(s->arg, s->one[i].index, s->one[i].passed);
}

void
track_scripts_stop(struct track_scripts *s)
{
	for (unsigned i = 0; i < s->n; i++) {
		ev_timer_stop(s->loop, &s->one[i].due);
		program_fini(&s->one[i].program, true);
	}
	s->n = 0;
}
