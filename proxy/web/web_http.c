#include "proxy/web/web_http.h"

#include "core/fd.h"
#include "core/log.h"
#include "proxy/web/mhd_library.h"
#include "proxy/web/web_auth.h"
#include "proxy/web/web_content.h"
#include "proxy/web/web_door.h"
#include "proxy/web/web_news.h"
#include "proxy/web/web_response.h"
#include "proxy/web/web_text.h"

#include <errno.h>
#include <ev.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>

/* Headers of a request, and what is read and written at once. */
#define CONNECTION_BYTES ((size_t)16 * 1024)

/* Of a reader that does not read, the kernel keeps no more. */
#define SEND_BYTES (256 * 1024)

#define SWEEP_S 0.5
#define TURN_S 0.1 /* while a client is held back */

/* Of the process: where it is there, it stays. */
static struct mhd_library mhd;

TAILQ_HEAD(queue, asked);

/* Of one question; it belongs to its connection. */
struct asked {
	enum web_request what;
	struct queue *waits; /* suspended, in this one; NULL: it is not */
	bool late;           /* no snapshot came */
	bool paid;           /* its client has had its turn */
	bool refused;        /* with that code */
	enum metrics_code code;
	struct MHD_Connection *connection;
	struct web_conns_one *place;
	TAILQ_ENTRY(asked) link; /* while it waits */
};

struct web_http {
	struct web_http_setup setup;
	struct MHD_Daemon *daemon;
	struct web_door door;
	ev_io ready;
	ev_timer again, sweep, turn;
	struct web_text_all all; /* that are not freed */
	/* Of the present snapshot, as far as they were asked for. */
	struct MHD_Response *texts[WEB_REQUEST_COUNT];
	size_t lens[WEB_REQUEST_COUNT];
	struct MHD_Response *fixed[WEB_RESPONSE_COUNT];
	struct web_news news;
	struct queue waiting; /* for that */
	struct queue turns;   /* until their clients may ask again */
	bool closing;         /* another relay serves: a last answer for each */
	bool ending;          /* who asks now cannot wait for news */
};

/* -- answers --------------------------------------------------------------- */

static bool
add(struct MHD_Response *r, struct web_response_header one)
{
	return mhd.add_response_header(r, one.name, one.value) == MHD_YES;
}

/* With the answer its connection ends. */
static bool
add_close(struct MHD_Response *r)
{
	return add(r, (struct web_response_header){ "Connection", "close" });
}

/* False: memory is out. */
static bool
add_headers(struct MHD_Response *r, const char *type)
{
	const struct web_response_header *one = web_response_headers;
	bool good =
	    add(r, (struct web_response_header){ "Content-Type", type });

	for (; good && one->name != NULL; one++)
		good = add(r, *one);
	return good;
}

/* They count nowhere: who reads others slowly leaves them as they are. */
static bool
make_fixed(struct web_http *h)
{
	bool good = true;

	for (unsigned i = 0; good && i < WEB_RESPONSE_COUNT; i++) {
		const struct web_response *w = &web_response_fixed[i];
		struct MHD_Response *r =
		    mhd.create_response_from_buffer(strlen(w->text),
		        (void *)(uintptr_t)w->text, MHD_RESPMEM_PERSISTENT);

		h->fixed[i] = r;
		good = r != NULL &&
		    add_headers(r, "text/plain; charset=utf-8") &&
		    (w->header.name == NULL || add(r, w->header));
	}
	return good;
}

static void
destroy(struct MHD_Response **r)
{
	if (*r != NULL)
		mhd.destroy_response(*r); /* who reads it holds it, too */
	*r = NULL;
}

/* NULL: memory is out, or too many still read what was before. */
static struct MHD_Response *
make(struct web_http *h, enum web_request what)
{
	struct web_text *t = web_text_new(&h->all, h->setup.content, what);
	struct MHD_Response *r;

	if (t == NULL)
		return NULL;
	r = mhd.create_response_from_buffer_with_free_callback_cls(
	    t->len, t->bytes, web_text_free, t);
	if (r == NULL) {
		web_text_free(t);
		return NULL;
	}
	h->lens[what] = t->len;
	if (!add_headers(r, web_request_type(what)) ||
	    (h->closing && !add_close(r)))
		destroy(&r);
	return r;
}

static enum MHD_Result
say(struct web_http *h, struct MHD_Connection *c, enum metrics_code code,
    struct MHD_Response *r)
{
	h->setup.content->counts.answered[code]++;
	return mhd.queue_response(c, web_response_status(code), r);
}

static enum MHD_Result
refuse(struct web_http *h, struct MHD_Connection *c, enum metrics_code code)
{
	return say(h, c, code, h->fixed[code]);
}

static enum MHD_Result
answer_health(struct web_http *h, struct MHD_Connection *c)
{
	if (web_content_serves(h->setup.content))
		return say(h, c, METRICS_CODE_200, h->fixed[METRICS_CODE_200]);
	return say(h, c, METRICS_CODE_503, h->fixed[WEB_RESPONSE_NOT_SERVING]);
}

/* By what there is. */
static enum MHD_Result
answer(struct web_http *h, const struct asked *a)
{
	struct MHD_Response **r = &h->texts[a->what];

	if (a->what == WEB_REQUEST_HEALTH)
		return answer_health(h, a->connection);
	if (*r == NULL)
		*r = make(h, a->what);
	if (*r == NULL)
		return refuse(h, a->connection, METRICS_CODE_503);
	web_door_charge_answer(&h->door, a->place, h->lens[a->what]);
	return say(h, a->connection, METRICS_CODE_200, *r);
}

/* -- snapshots ------------------------------------------------------------- */

static enum MHD_Result
wait_in(struct queue *queue, struct asked *a)
{
	a->waits = queue;
	TAILQ_INSERT_TAIL(queue, a, link);
	mhd.suspend_connection(a->connection);
	return MHD_YES;
}

/* libmicrohttpd asks for its answer once more. */
static void
wake(struct web_http *h, struct asked *a)
{
	TAILQ_REMOVE(a->waits, a, link);
	a->waits = NULL;
	mhd.resume_connection(a->connection);
	ev_feed_event(h->setup.loop, &h->ready, EV_READ);
}

static void
wake_all(struct web_http *h, struct queue *queue, bool late)
{
	struct asked *a;

	while ((a = TAILQ_FIRST(queue)) != NULL) {
		a->late = late;
		wake(h, a);
	}
}

void
web_http_renewed(struct web_http *h)
{
	web_news_come(&h->news, mono_now());
	for (unsigned i = 0; i < WEB_REQUEST_COUNT; i++)
		if (web_content_is_live((enum web_request)i))
			destroy(&h->texts[i]);
	wake_all(h, &h->waiting, false);
}

/* -- questions ------------------------------------------------------------- */

static struct web_conns_one *
place_of(struct MHD_Connection *c)
{
	const union MHD_ConnectionInfo *info =
	    mhd.get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info != NULL ? info->socket_context : NULL;
}

static void
watch_turns(struct web_http *h)
{
	if (h->door.share.n_held > 0 && !ev_is_active(&h->turn))
		ev_timer_again(h->setup.loop, &h->turn);
}

/* At its client's cost: who asks for more than others waits for its turn. */
static enum MHD_Result
go_on(struct web_http *h, struct asked *a)
{
	a->paid = a->paid || web_door_pay(&h->door, a->place);
	watch_turns(h);
	if (!a->paid && !h->ending)
		return wait_in(&h->turns, a);
	if (a->refused)
		return refuse(h, a->connection, a->code);
	if (!web_content_is_live(a->what) ||
	    web_news_are_fresh(&h->news, mono_now()))
		return answer(h, a);
	if (web_news_want(&h->news, mono_now()))
		h->setup.want(h->setup.arg);
	return wait_in(&h->waiting, a);
}

static enum MHD_Result
refuse_in_turn(struct web_http *h, struct asked *a, enum metrics_code code)
{
	a->refused = true;
	a->code = code;
	return go_on(h, a);
}

static enum MHD_Result
refuse_password(struct web_http *h, struct asked *a, bool tried)
{
	/* A browser asks once without, and then its user. */
	if (tried)
		web_door_note_wrong(&h->door, a->place);
	return refuse_in_turn(h, a, METRICS_CODE_401);
}

/* The headers are here. */
static enum MHD_Result
begin(struct web_http *h, struct MHD_Connection *c, const char *path,
    const char *method, void **context)
{
	const char *right = mhd.lookup_connection_value(
	    c, MHD_HEADER_KIND, MHD_HTTP_HEADER_AUTHORIZATION);
	const char *accept = mhd.lookup_connection_value(
	    c, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT);
	struct web_conns_one *one = place_of(c);
	struct asked *a = one != NULL ? calloc(1, sizeof(*a)) : NULL;

	if (a == NULL)
		return MHD_NO;
	*context = a;
	a->connection = c;
	a->place = one;
	one->asked = a;
	a->what = web_request_of(path, accept);
	web_conns_note_asked(one, mono_now());
	if (!web_auth_is_right(h->setup.auth, right))
		return refuse_password(h, a, right != NULL);
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 &&
	    strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return refuse_in_turn(h, a, METRICS_CODE_405);
	if (a->what == WEB_REQUEST_UNKNOWN)
		return refuse_in_turn(h, a, METRICS_CODE_404);
	return MHD_YES;
}

/* At the headers, at each part of a body, at its end, and once more after a
 * wait. */
static enum MHD_Result
on_request(void *arg, struct MHD_Connection *c, const char *path,
    const char *method, const char *version, const char *body, size_t *len,
    void **context)
{
	struct web_http *h = arg;
	struct asked *a = *context;

	(void)version;
	(void)body;
	if (a == NULL)
		return begin(h, c, path, method, context);
	if (*len > 0) {
		*len = 0; /* nobody reads it */
		return MHD_YES;
	}
	if (a->place->ended)
		return MHD_NO;
	if (a->late || h->ending)
		return refuse(h, c, METRICS_CODE_503);
	return go_on(h, a);
}

/* What was answered still gets there. libmicrohttpd sees it, and closes. */
static void
shut(struct web_conns_one *one)
{
	if (!one->ended)
		(void)shutdown(one->fd, SHUT_RDWR);
	one->ended = true;
}

static void
on_completed(void *arg, struct MHD_Connection *c, void **context,
    enum MHD_RequestTerminationCode why)
{
	struct web_http *h = arg;
	struct web_conns_one *one = place_of(c);
	struct asked *a = *context;

	(void)why;
	if (one != NULL) {
		web_conns_note_answered(one, mono_now());
		one->asked = NULL;
		if (h->closing)
			shut(one);
	}
	if (a != NULL && a->waits != NULL)
		TAILQ_REMOVE(a->waits, a, link);
	free(a);
	*context = NULL;
}

/* -- connections ----------------------------------------------------------- */

/* From here on until it is told that the connection ends. */
static struct web_conns_one *
find_starting(struct web_http *h, struct MHD_Connection *c)
{
	const union MHD_ConnectionInfo *info =
	    mhd.get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);

	return info != NULL
	    ? web_conns_find_starting(&h->door.conns, info->connect_fd)
	    : NULL;
}

static void
on_connection(void *arg, struct MHD_Connection *c, void **context,
    enum MHD_ConnectionNotificationCode what)
{
	struct web_http *h = arg;
	struct web_conns_one *one = *context;

	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		one = find_starting(h, c);
		if (one != NULL)
			one->started = true;
		*context = one;
		return;
	}
	if (one != NULL)
		web_door_leave(&h->door, one);
	*context = NULL;
}

/* Who has the descriptor from now on is libmicrohttpd, also if it fails. */
static void
give(struct web_http *h, struct web_conns_one *one, int fd,
    const union addr *client)
{
	one->fd = fd;
	if (mhd.add_connection(h->daemon, fd, &client->sa, addr_len(client)) !=
	    MHD_YES)
		web_door_leave(&h->door, one);
	ev_feed_event(h->setup.loop, &h->ready, EV_READ);
}

bool
web_http_add(struct web_http *h, int *fd, const union addr *client)
{
	static const struct fd_option options[] = { { SOL_SOCKET, SO_SNDBUF,
	    SEND_BYTES } };
	struct web_conns_one *one = web_door_enter(&h->door, client);

	watch_turns(h);
	if (one == NULL) {
		fd_close(fd);
		return false;
	}
	if (fd_set_options(*fd, options, ARRAY_LEN(options)) < 0)
		log_debug("web", "the send buffer stays as it is");
	give(h, one, fd_take(fd), client);
	return true;
}

/* Who has not asked yet is answered once, like who waits for an answer. */
void
web_http_close(struct web_http *h)
{
	h->closing = true;
	for (unsigned i = 0; i < WEB_RESPONSE_COUNT; i++)
		(void)add_close(h->fixed[i]);
	for (unsigned i = 0; i < WEB_REQUEST_COUNT; i++)
		destroy(&h->texts[i]);
	for (size_t i = 0; i < WEB_CONNS_ENTRIES; i++) {
		struct web_conns_one *one = &h->door.conns.all[i];

		if (one->started && one->answered && !one->busy)
			shut(one);
	}
}

/* -- the loop -------------------------------------------------------------- */

static void
run(struct web_http *h)
{
	unsigned long long ms;

	(void)mhd.run(h->daemon);
	ev_timer_stop(h->setup.loop, &h->again);
	if (mhd.get_timeout(h->daemon, &ms) != MHD_YES)
		return;
	ev_timer_set(&h->again, (double)ms / 1e3, 0.);
	ev_timer_start(h->setup.loop, &h->again);
}

static void
on_ready(struct ev_loop *loop, ev_io *io, int revents)
{
	run(CONTAINER_OF(io, struct web_http, ready));
}

static void
on_again(struct ev_loop *loop, ev_timer *t, int revents)
{
	run(CONTAINER_OF(t, struct web_http, again));
}

/* Its connection is ended, which libmicrohttpd then sees, and closes it. */
static void
end(void *arg, struct web_conns_one *one)
{
	struct asked *a = one->asked;

	if (!one->started) {
		/* It never got so far, and is closed. */
		web_door_leave(&((struct web_http *)arg)->door, one);
		return;
	}
	shut(one);
	if (a != NULL && a->waits != NULL)
		wake(arg, a);
}

/* Who was held back and is no more. */
static void
on_turns(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct web_http *h = CONTAINER_OF(t, struct web_http, turn);
	struct asked *a, *next;

	if (!web_door_pass(&h->door))
		ev_timer_stop(loop, t);
	for (a = TAILQ_FIRST(&h->turns); a != NULL; a = next) {
		next = TAILQ_NEXT(a, link);
		a->paid = web_door_pay(&h->door, a->place);
		if (a->paid)
			wake(h, a);
	}
	watch_turns(h);
}

/* The main thread is late, too, where it stands still. */
static void
on_sweep(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct web_http *h = CONTAINER_OF(t, struct web_http, sweep);
	const struct mono now = mono_now();

	for (size_t i = 0; i < WEB_CONNS_ENTRIES; i++) {
		struct web_conns_one *one = &h->door.conns.all[i];

		if (!one->ended && web_conns_is_late(one, now)) {
			web_door_note_late(&h->door, one);
			end(h, one);
		}
	}
	if (web_news_are_late(&h->news, now))
		wake_all(h, &h->waiting, true);
}

static bool
start(struct web_http *h)
{
	const union MHD_DaemonInfo *info;

	h->daemon = mhd.start_daemon(
	    MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME,
	    0, NULL, NULL, on_request, h, MHD_OPTION_CONNECTION_LIMIT,
	    (unsigned)WEB_CONNS_MAX + 1, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
	    CONNECTION_BYTES, MHD_OPTION_CONNECTION_TIMEOUT,
	    (unsigned)(WEB_CONNS_PATIENCE_MS / 1000),
	    MHD_OPTION_NOTIFY_COMPLETED, on_completed, h,
	    MHD_OPTION_NOTIFY_CONNECTION, on_connection, h, MHD_OPTION_END);
	if (h->daemon == NULL)
		return false;
	info = mhd.get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	if (info == NULL)
		return false;
	ev_io_set(&h->ready, info->epoll_fd, EV_READ);
	ev_io_start(h->setup.loop, &h->ready);
	ev_timer_start(h->setup.loop, &h->sweep);
	return true;
}

int
web_http_load(char ret_why[static LATE_LIBRARY_WHY_MAX])
{
	return mhd.run != NULL ? 0 : mhd_library_load(&mhd, ret_why);
}

struct web_http *
web_http_new(const struct web_http_setup *setup)
{
	struct web_http *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return NULL;
	h->setup = *setup;
	TAILQ_INIT(&h->waiting);
	TAILQ_INIT(&h->turns);
	ev_init(&h->ready, on_ready);
	ev_init(&h->again, on_again);
	ev_timer_init(&h->sweep, on_sweep, SWEEP_S, SWEEP_S);
	ev_timer_init(&h->turn, on_turns, 0., TURN_S);
	if (web_door_init(&h->door, setup->config, &setup->content->counts) ==
	        0 &&
	    make_fixed(h) && start(h)) {
		h->door.end = end;
		h->door.arg = h;
		return h;
	}
	web_http_free(h);
	return NULL;
}

void
web_http_free(struct web_http *h)
{
	if (h == NULL)
		return;
	ev_io_stop(h->setup.loop, &h->ready);
	ev_timer_stop(h->setup.loop, &h->again);
	ev_timer_stop(h->setup.loop, &h->sweep);
	ev_timer_stop(h->setup.loop, &h->turn);
	if (h->daemon != NULL) {
		/* It aborts where one still sleeps: none may from here. */
		h->ending = true;
		wake_all(h, &h->waiting, true);
		wake_all(h, &h->turns, false);
		(void)mhd.run(h->daemon);
		mhd.stop_daemon(h->daemon);
	}
	for (unsigned i = 0; i < WEB_REQUEST_COUNT; i++)
		destroy(&h->texts[i]);
	for (unsigned i = 0; i < WEB_RESPONSE_COUNT; i++)
		destroy(&h->fixed[i]);
	ev_clear_pending(h->setup.loop, &h->ready);
	web_door_fini(&h->door);
	free(h);
}
