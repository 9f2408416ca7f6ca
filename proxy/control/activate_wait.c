#include "proxy/control/activate_wait.h"

#include "config/config.h"
#include "core/fd.h"
#include "core/json_doc.h"
#include "core/reply.h"
#include "proxy/control/standby.h"
#include "proxy/control/standby_run.h"

#include <stdio.h>
#include <stdlib.h>

#define LOOK_S 0.05
#define WAITING_MAX 16
#define TEXT_MAX 512

struct activate_wait_one {
	struct msg_active wanted;
	unsigned was; /* the active one when it was asked for */
	int socket;
	LIST_ENTRY(activate_wait_one) all;
};

void
activate_wait_answer(struct activate_wait *w, const struct msg_active *m,
    bool done, const char *text, int *socket)
{
	CLEANUP(json_doc_free_at) struct json_doc *doc = json_doc_new();
	const struct config_service *c = &w->config->services[m->service];
	char said[TEXT_MAX];

	(void)snprintf(said, sizeof(said), "server %s of service %s: %s",
	    c->servers[m->server].name, c->name, text);
	if (done)
		json_doc_put_string(doc, "text", said);
	else
		json_doc_put_string(doc, "error", said);
	reply_send(w->loop, socket, json_doc_text(doc, false));
}

static void
answer_failed(struct activate_wait *w, struct activate_wait_one *one,
    const struct standby *s)
{
	const struct config_service *c =
	    &w->config->services[one->wanted.service];
	const char *active = c->servers[s->active].name;
	const char *fault =
	    standby_run_fault(w->standby_run, one->wanted.service);
	char text[TEXT_MAX];

	if (s->active != one->was)
		(void)snprintf(
		    text, sizeof(text), "%s was made active meanwhile", active);
	else if (*fault != '\0')
		(void)snprintf(text, sizeof(text),
		    "its fence failed, and %s stays active: %s", active, fault);
	else if (s->phase == STANDBY_FOLLOWS)
		(void)snprintf(text, sizeof(text),
		    "the other node decides by now, and %s is active", active);
	else if (s->trouble == STANDBY_NOBODY_FIT)
		(void)snprintf(text, sizeof(text),
		    "its fence passed, but no server is fit any more, and %s stays active",
		    active);
	else /* by a supervisor of an earlier version */
		(void)snprintf(text, sizeof(text),
		    "its fence failed, and %s stays active; the log tells how",
		    active);
	activate_wait_answer(w, &one->wanted, false, text, &one->socket);
}

static void
let_go(struct activate_wait *w, struct activate_wait_one *one)
{
	LIST_REMOVE(one, all);
	w->n--;
	fd_close(&one->socket);
	free(one);
}

static void
on_look(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct activate_wait *w = CONTAINER_OF(t, struct activate_wait, look);
	struct activate_wait_one *one, *next;

	for (one = LIST_FIRST(&w->all); one != NULL; one = next) {
		const struct standby *s =
		    standby_run_standby(w->standby_run, one->wanted.service);

		next = LIST_NEXT(one, all);
		if (s->active == one->wanted.server)
			activate_wait_answer(
			    w, &one->wanted, true, "active", &one->socket);
		else if (s->phase == STANDBY_FENCING &&
		    s->target == one->wanted.server)
			continue;
		else
			answer_failed(w, one, s);
		let_go(w, one);
	}
	if (w->n == 0)
		ev_timer_stop(loop, t);
}

void
activate_wait_add(
    struct activate_wait *w, const struct msg_active *m, int *socket)
{
	struct activate_wait_one *one =
	    w->n < WAITING_MAX ? calloc(1, sizeof(*one)) : NULL;

	if (one == NULL) {
		activate_wait_answer(
		    w, m, true, "the fence runs, then it is active", socket);
		return;
	}
	one->wanted = *m;
	one->was = standby_run_standby(w->standby_run, m->service)->active;
	one->socket = fd_take(socket);
	LIST_INSERT_HEAD(&w->all, one, all);
	w->n++;
	ev_timer_again(w->loop, &w->look);
}

void
activate_wait_init(struct activate_wait *w, struct ev_loop *loop,
    const struct config *config, struct standby_run *standby_run)
{
	*w = (struct activate_wait){
		.loop = loop, .config = config, .standby_run = standby_run
	};
	LIST_INIT(&w->all);
	ev_timer_init(&w->look, on_look, 0., LOOK_S);
}

void
activate_wait_fini(struct activate_wait *w)
{
	struct activate_wait_one *one;

	if (w->loop == NULL)
		return;
	ev_timer_stop(w->loop, &w->look);
	while ((one = LIST_FIRST(&w->all)) != NULL)
		let_go(w, one);
}
