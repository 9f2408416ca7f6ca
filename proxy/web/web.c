#include "proxy/web/web.h"

#include "config/config.h"
#include "core/channel.h"
#include "core/fd.h"
#include "core/log.h"
#include "core/msg.h"
#include "core/secret.h"
#include "proxy/control/status_collect.h"
#include "proxy/services.h"
#include "proxy/web/event_lines.h"
#include "proxy/web/web_auth.h"
#include "proxy/web/web_content.h"
#include "proxy/web/web_http.h"
#include "proxy/web/web_thread.h"

#include <errno.h>
#include <ev.h>
#include <stdlib.h>
#include <sys/socket.h>

/* Of the events, in a turn of the loop. */
#define READ_BYTES ((size_t)16 * 1024)

/* Whether failover has told of the groups: twenty times a second, for 2 s. */
#define LOOK_S 0.05
#define LOOKS_MAX 40

struct web {
	struct web_setup setup;
	struct web_auth auth;
	struct web_thread *thread;
	struct event_lines events;
	int feed; /* the supervisor's events; -1: none yet */
	ev_io fed;
	ev_timer count, look;
	unsigned looks;
};

/* -- counting -------------------------------------------------------------- */

static struct rate_history_sum
sum_of(const struct counters_sum *s)
{
	return (struct rate_history_sum){ .active = s->active,
		.total = s->total,
		.bytes_in = s->bytes_in,
		.bytes_out = s->bytes_out };
}

static void
on_count(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct web *w = CONTAINER_OF(timer, struct web, count);
	struct services *s = w->setup.services;
	const struct config *c = w->setup.config;
	struct rate_history_sum *sums =
	    calloc(rate_history_rows(c) + 1, sizeof(*sums));
	size_t row = 0;
	unsigned slot = 0;

	if (sums == NULL)
		return;
	for (size_t i = 0; i < c->n_services; i++) {
		const struct counters_service_sum all =
		    services_sum_service(s, i);

		sums[row++] = sum_of(&all.sum);
		for (size_t k = 0; k < c->services[i].n_servers; k++) {
			const struct counters_sum one =
			    services_sum_server(s, slot++);

			sums[row++] = sum_of(&one);
		}
	}
	web_thread_count(w->thread, sums);
}

/* -- events ---------------------------------------------------------------- */

static void
on_fed(struct ev_loop *loop, ev_io *io, int revents)
{
	struct web *w = CONTAINER_OF(io, struct web, fed);
	char bytes[READ_BYTES];
	const ssize_t n = recv(w->feed, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (n > 0) {
		event_lines_take(&w->events, bytes, (size_t)n);
		return;
	}
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	ev_io_stop(loop, io);
	fd_close(&w->feed);
}

/* All that there are come once more. */
static void
take_feed(struct web *w, int *fd)
{
	if (w->feed != -1)
		ev_io_stop(w->setup.loop, &w->fed);
	fd_close(&w->feed);
	event_lines_fini(&w->events);
	w->feed = fd_take(fd);
	ev_io_set(&w->fed, w->feed, EV_READ);
	ev_io_start(w->setup.loop, &w->fed);
}

int
web_take(struct web *w, struct channel_packet *p)
{
	if (w == NULL || p->fd == -1)
		return -EBADMSG;
	if (p->type == MSG_WEB_LISTENER)
		web_thread_listen(w->thread, &p->fd);
	else
		take_feed(w, &p->fd);
	return 0;
}

/* -- life ------------------------------------------------------------------ */

static void
on_want(void *arg)
{
	struct web *w = arg;

	w->setup.want(w->setup.arg);
}

static void
on_past(void *arg, int *fd, size_t len)
{
	struct web *w = arg;

	w->setup.past(w->setup.arg, fd, len);
}

/* Without its password nobody gets in, which is told. */
static int
read_password(struct web *w)
{
	const struct config_web *c = &w->setup.config->web;
	char line[SECRET_LINE_MAX], why[TRUSTED_PATH_WHY_MAX];
	int e;

	if (c->user == NULL)
		return 0;
	e = secret_load_line(c->password_file, line, sizeof(line));
	if (e < 0)
		log_error("web",
		    "[secret] password file '%s': %s, nobody is let in",
		    c->password_file,
		    secret_line_fault(c->password_file, e, why));
	e = web_auth_init(&w->auth, c->user, e == 0 ? line : NULL);
	secret_wipe(line, sizeof(line));
	return e;
}

/* Who asks before that, of a relay that has just taken over, would hear 503. */
static void
on_look(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct web *w = CONTAINER_OF(timer, struct web, look);

	if (!w->setup.knows(w->setup.arg) && ++w->looks < LOOKS_MAX)
		return;
	ev_timer_stop(loop, timer);
	web_thread_open(w->thread);
}

/* All else goes on without it. */
static bool
is_wanted(const struct config *c)
{
	char why[LATE_LIBRARY_WHY_MAX];

	if (!c->has_web || web_http_load(why) == 0)
		return c->has_web;
	log_error("web", "[web] the page cannot be served: %s", why);
	return false;
}

int
web_new(const struct web_setup *setup, struct web **ret_web)
{
	struct web_thread_setup thread = { .config = setup->config,
		.main = setup->loop,
		.on_want = on_want,
		.on_past = on_past };
	struct web *w;

	*ret_web = NULL;
	if (!is_wanted(setup->config))
		return 0;
	w = calloc(1, sizeof(*w));
	if (w == NULL)
		return -ENOMEM;
	w->setup = *setup;
	w->feed = -1;
	ev_init(&w->fed, on_fed);
	ev_timer_init(
	    &w->count, on_count, RATE_HISTORY_EACH_S, RATE_HISTORY_EACH_S);
	ev_timer_init(&w->look, on_look, 0., LOOK_S);
	thread.auth = &w->auth;
	thread.arg = w;
	if (read_password(w) == 0)
		w->thread = web_thread_new(&thread);
	if (w->thread == NULL) {
		web_free(w);
		return -ENOMEM;
	}
	*ret_web = w;
	return 0;
}

int
web_start(struct web *w)
{
	return w == NULL ? 0 : web_thread_start(w->thread);
}

void
web_serve(struct web *w, bool serves)
{
	if (w == NULL)
		return;
	if (!serves) {
		ev_timer_stop(w->setup.loop, &w->look);
		ev_timer_stop(w->setup.loop, &w->count);
		web_thread_close(w->thread);
		return;
	}
	ev_timer_again(w->setup.loop, &w->look);
	on_look(w->setup.loop, &w->look, 0);
	ev_timer_start(w->setup.loop, &w->count);
	on_count(w->setup.loop, &w->count, 0);
}

bool
web_tell_past(struct web *w)
{
	return w != NULL && web_thread_tell_past(w->thread);
}

void
web_take_past(struct web *w, int *fd, size_t len)
{
	if (w != NULL)
		web_thread_take_past(w->thread, fd, len);
	fd_close(fd);
}

void
web_answer(struct web *w, struct status_collect_snapshot *status)
{
	struct web_content_snapshot snapshot = { .status = status };

	if (status == NULL)
		return; /* who asked hears that there are no news */
	snapshot.events = event_lines_text(&w->events);
	web_thread_give(w->thread, &snapshot);
}

void
web_free(struct web *w)
{
	if (w == NULL)
		return;
	ev_timer_stop(w->setup.loop, &w->look);
	ev_timer_stop(w->setup.loop, &w->count);
	if (w->feed != -1)
		ev_io_stop(w->setup.loop, &w->fed);
	fd_close(&w->feed);
	web_thread_free(w->thread);
	event_lines_fini(&w->events);
	web_auth_fini(&w->auth);
	free(w);
}
