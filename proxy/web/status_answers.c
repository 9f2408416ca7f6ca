#include "proxy/web/status_answers.h"

#include "config/config.h"
#include "proxy/control/status_writer.h"
#include "proxy/web/web.h"

#include <errno.h>

/* The page has no socket here. */
static void
answer(void *arg, int *socket, const struct status_query_said *said)
{
	struct status_answers *a = arg;
	struct status_collect_snapshot *s = status_collect_take(&a->from, said);

	if (*socket == -1)
		web_answer(a->web, s);
	else
		status_writer_answer(a->writer, socket, s);
}

void
status_answers_init(
    struct status_answers *a, struct ev_loop *loop, const int *failover)
{
	*a = (struct status_answers){ .failover = failover };
	status_query_init(&a->query, loop, answer, a);
}

static void
ask(struct status_answers *a, int *socket)
{
	status_query_ask(
	    &a->query, socket, a->from.config->has_pair ? *a->failover : -1);
}

static void
on_want(void *arg)
{
	int nobody = -1;

	ask(arg, &nobody);
}

static bool
knows(void *arg)
{
	return status_collect_knows_groups(
	    &((struct status_answers *)arg)->from);
}

static void
on_past(void *arg, int *fd, size_t len)
{
	struct status_answers *a = arg;

	a->past(a->arg, fd, len);
}

int
status_answers_begin(
    struct status_answers *a, const struct status_collect *from)
{
	const struct web_setup setup = { .loop = a->query.loop,
		.config = from->config,
		.services = from->services,
		.want = on_want,
		.knows = knows,
		.past = on_past,
		.arg = a };

	a->from = *from;
	a->writer = status_writer_new(a->query.loop);
	return a->writer != NULL ? web_new(&setup, &a->web) : -ENOMEM;
}

void
status_answers_ask(struct status_answers *a, int *socket)
{
	ask(a, socket);
}

void
status_answers_fini(struct status_answers *a)
{
	status_query_fini(&a->query);
	web_free(a->web);
	status_writer_free(a->writer);
}
