#include "hapair/supervisor/fence_run.h"

#include "config/config.h"
#include "core/buf.h"
#include "core/channel.h"
#include "core/log.h"
#include "core/program.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fence_run_one {
	struct fence_run *fences;            /* borrowed: the one it is in */
	const struct config_service *config; /* borrowed */
	bool promote;                        /* else the fence */
	struct msg_fence wanted;             /* while it runs */
	struct program program;
};

/* How it went is said, and of a fence also told to the relay. */
static void
settle(
    const struct fence_run_one *r, const struct msg_fence *m, const char *fault)
{
	const struct config_service *c = r->config;
	const struct msg_fenced done = { .id = m->id, .passed = fault == NULL };
	const char *path = r->promote ? c->promote : c->fence;
	const char *from = c->servers[m->from].name;
	const char *to = c->servers[m->to].name;
	char subject[CONFIG_NAME_MAX + 16];

	(void)snprintf(subject, sizeof(subject), "service %s", c->name);
	if (fault != NULL)
		log_error(
		    subject, "%s %s %s %s: %s", path, c->name, from, to, fault);
	else
		log_notice(
		    subject, "%s %s %s %s: done", path, c->name, from, to);
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

	settle(r, &r->wanted, "took too long, killed");
}

static void
on_end(struct program *p, const char *fault)
{
	struct fence_run_one *r =
	    CONTAINER_OF(p, struct fence_run_one, program);

	if (!p->overdue) /* else it has been told */
		settle(r, &r->wanted, fault);
}

int
fence_run_init(struct fence_run *f, const struct config *config,
    fence_run_answer_fn *answer_fn, void *arg)
{
	static const struct program_calls calls = { .on_overdue = on_overdue,
		.on_end = on_end };

	*f = (struct fence_run){
		.config = config, .answer = answer_fn, .arg = arg
	};
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

int
fence_run_take(struct fence_run *f, const struct channel_packet *p)
{
	struct buf b = buf_reader(p->body, p->len);
	const struct config_service *c;
	struct fence_run_one *r;
	struct msg_fence m;
	int e;

	if (msg_get_fence(&b, &m) < 0 || m.service >= f->config->n_services)
		return -EBADMSG;
	c = &f->config->services[m.service];
	if (m.from >= c->n_servers || m.to >= c->n_servers ||
	    (m.promote ? c->promote : c->fence) == NULL)
		return -EBADMSG;
	r = &f->runs[2 * m.service + m.promote];
	if (joins(r, &m))
		return 0;
	e = program_is_running(&r->program) ? -EBUSY : start(r, &m);
	if (e < 0)
		settle(r, &m,
		    e == -EBUSY ? "an earlier one still runs" : strerror(-e));
	return 0;
}

void
fence_run_fini(struct fence_run *f)
{
	if (f->runs == NULL)
		return;
	for (size_t i = 0; i < 2 * f->config->n_services; i++)
		program_fini(&f->runs[i].program, false);
	free(f->runs);
	f->runs = NULL;
}
