/*
 * libcurl says which sockets and which timer it waits for, and is told when
 * these are due. A watcher that it gives up is kept for its next socket, since
 * that may happen under the watcher's own callback.
 */
#include "proxy/health/http_client.h"

#include "core/fd.h"
#include "core/mono.h"
#include "core/timeout.h"
#include "core/version.h"
#include "proxy/data/dial.h"
#include "proxy/health/curl_library.h"
#include "proxy/health/graceful_close.h"
#include "proxy/health/http_body.h"
#include "proxy/health/http_request.h"
#include "proxy/health/introduction.h"

#include <errno.h>
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>

/* Of the process: where it is there, it stays. */
static struct curl_library curl;

struct watch {
	struct http_client *fetcher;
	int fd;
	ev_io io;
	SLIST_ENTRY(watch) link; /* all of them */
	bool used;
};

struct http_client {
	struct ev_loop *loop;
	struct graceful_close *closing;
	CURLM *multi;
	ev_timer timer;
	SLIST_HEAD(, watch) watches;
};

struct http_client_call {
	struct http_client *fetcher;
	CURL *easy;
	struct curl_slist *connect_to, *headers;
	http_client_end_fn *on_end;
	void *arg;
	struct http_body body;
	bool has_head; /* status and headers came, whole */
	int lack;      /* why there is no socket; 0: there was one */
	struct introduction introduction;
	bool introduces; /* then its one connection is made by that */
	int fd;          /* which is this; -1: not there, or given away */
	struct mono deadline;
	char error[CURL_ERROR_SIZE];
};

static void take_ended(struct http_client *f);

static void
on_io(struct ev_loop *loop, ev_io *io, int revents)
{
	struct watch *w = CONTAINER_OF(io, struct watch, io);
	struct http_client *f = w->fetcher;
	int what = (revents & EV_READ ? CURL_CSELECT_IN : 0) |
	    (revents & EV_WRITE ? CURL_CSELECT_OUT : 0);
	int running;

	(void)curl.multi_socket_action(f->multi, w->fd, what, &running);
	take_ended(f);
}

static void
on_timer(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct http_client *f = CONTAINER_OF(t, struct http_client, timer);
	int running;

	(void)curl.multi_socket_action(
	    f->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	take_ended(f);
}

static int
on_set_timer(CURLM *multi, long ms, void *arg)
{
	struct http_client *f = arg;

	(void)multi;
	if (ms < 0)
		ev_timer_stop(f->loop, &f->timer);
	else
		timeout_arm(f->loop, &f->timer, (double)ms / 1e3);
	return 0;
}

static struct watch *
watch_of(struct http_client *f, int fd)
{
	struct watch *w;

	SLIST_FOREACH (w, &f->watches, link)
		if (!w->used)
			break;
	if (w == NULL) {
		w = calloc(1, sizeof(*w));
		if (w == NULL)
			return NULL;
		w->fetcher = f;
		ev_init(&w->io, on_io);
		SLIST_INSERT_HEAD(&f->watches, w, link);
	}
	w->used = true;
	w->fd = fd;
	return w;
}

static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *of_socket)
{
	struct http_client *f = arg;
	struct watch *w = of_socket;

	(void)easy;
	if (w == NULL && what != CURL_POLL_REMOVE) {
		w = watch_of(f, fd);
		if (w == NULL)
			return -1;
		(void)curl.multi_assign(f->multi, fd, w);
	}
	if (w == NULL)
		return 0;
	ev_io_stop(f->loop, &w->io);
	if (what == CURL_POLL_REMOVE) {
		w->used = false;
		return 0;
	}
	ev_io_set(&w->io, fd,
	    (what & CURL_POLL_IN ? EV_READ : 0) |
	        (what & CURL_POLL_OUT ? EV_WRITE : 0));
	ev_io_start(f->loop, &w->io);
	return 0;
}

/* As libcurl would, but it forgets why there is none. */
static curl_socket_t
on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *to)
{
	struct http_client_call *t = arg;
	int fd;

	(void)purpose;
	if (t->introduces)
		return t->fd == -1 ? CURL_SOCKET_BAD : fd_take(&t->fd);
	fd = socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
	t->lack = fd == -1 ? errno : 0;
	return fd == -1 ? CURL_SOCKET_BAD : fd;
}

static int
on_opened(void *arg, curl_socket_t fd, curlsocktype purpose)
{
	(void)arg;
	(void)fd;
	(void)purpose;
	return CURL_SOCKOPT_ALREADY_CONNECTED;
}

static int
on_close(void *arg, curl_socket_t fd)
{
	struct http_client *f = arg;

	graceful_close_take(f->closing, &fd);
	return 0;
}

/* More than is kept is not read either: a short count ends the transfer. */
static size_t
on_body(char *data, size_t size, size_t n, void *arg)
{
	struct http_client_call *t = arg;

	return http_body_add(&t->body, data, size * n) ? size * n : 0;
}

/* An empty line is the end of them, unless another answer follows (1xx). */
static size_t
on_header(char *line, size_t size, size_t n, void *arg)
{
	struct http_client_call *t = arg;

	t->has_head = *line == '\r' || *line == '\n';
	return size * n;
}

static void
free_fetch(struct http_client_call *t)
{
	introduction_stop(&t->introduction);
	fd_close(&t->fd);
	curl.easy_cleanup(t->easy);
	curl.slist_free_all(t->connect_to);
	curl.slist_free_all(t->headers);
	http_body_free(&t->body);
	free(t);
}

void
http_client_cancel(struct http_client_call *fetch)
{
	if (fetch == NULL)
		return;
	(void)curl.multi_remove_handle(fetch->fetcher->multi, fetch->easy);
	free_fetch(fetch);
}

/*
 * libcurl says that it is out of memory for a header that is longer than it
 * takes, too, and that is the server's doing: so from the moment that it could
 * be asked.
 */
static bool
is_our_memory(const struct http_client_call *t, CURLcode code)
{
	curl_off_t before_us = 0;

	if (t->body.out_of_memory || code != CURLE_OUT_OF_MEMORY)
		return t->body.out_of_memory;
	(void)curl.easy_getinfo(
	    t->easy, CURLINFO_PRETRANSFER_TIME_T, &before_us);
	return before_us == 0;
}

/*
 * The connection broke when the answer was known: a server that closes with our
 * request unread resets, and has said what was asked for.
 */
static bool
is_broken(const struct http_client_call *t, CURLcode code)
{
	return t->has_head &&
	    (code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR ||
	        code == CURLE_PARTIAL_FILE);
}

/* In the words of the other checks where there are such. */
static void
tell_error(const struct http_client_call *t, CURLcode code,
    struct http_client_page *page, char buf[static HTTP_CLIENT_ERROR_MAX])
{
	const char *said =
	    t->error[0] != '\0' ? t->error : curl.easy_strerror(code);
	long error = t->lack;

	page->error = buf;
	page->is_ours = is_our_memory(t, code);
	page->is_late = code == CURLE_OPERATION_TIMEDOUT;
	if (error == 0)
		(void)curl.easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &error);
	if (code == CURLE_COULDNT_CONNECT && error != 0) {
		page->is_ours = dial_is_local_failure((int)error);
		(void)snprintf(buf, HTTP_CLIENT_ERROR_MAX, "connect: %s",
		    strerror((int)error));
	} else if (code == CURLE_OUT_OF_MEMORY && !page->is_ours) {
		(void)snprintf(
		    buf, HTTP_CLIENT_ERROR_MAX, "a header is too long");
	} else {
		(void)snprintf(buf, HTTP_CLIENT_ERROR_MAX, "%.79s", said);
	}
}

static void
finish(struct http_client_call *t, CURLcode code)
{
	struct http_client_page page = { .body = http_body_text(&t->body),
		.len = t->body.len,
		.cut = t->body.cut };
	char buf[HTTP_CLIENT_ERROR_MAX];
	long status = 0;

	(void)curl.easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	page.status = (unsigned)status;
	page.broken = is_broken(t, code);
	if (code != CURLE_OK && !page.broken &&
	    !(code == CURLE_WRITE_ERROR && t->body.cut))
		tell_error(t, code, &page, buf);
	(void)curl.multi_remove_handle(t->fetcher->multi, t->easy);
	t->on_end(t->arg, &page);
	free_fetch(t);
}

static void
take_ended(struct http_client *f)
{
	CURLMsg *m;
	int left;

	while ((m = curl.multi_info_read(f->multi, &left)) != NULL) {
		const CURLcode code = m->data.result;
		struct http_client_call *t = NULL;

		if (m->msg != CURLMSG_DONE)
			continue;
		(void)curl.easy_getinfo(
		    m->easy_handle, CURLINFO_PRIVATE, (void *)&t);
		finish(t, code);
	}
}

int
http_client_load(char ret_why[static LATE_LIBRARY_WHY_MAX])
{
	return curl.easy_init != NULL ? 0 : curl_library_load(&curl, ret_why);
}

struct http_client_sessions *
http_client_sessions_new(void)
{
	CURLSH *share = curl.share_init();

	if (share != NULL)
		(void)curl.share_setopt(
		    share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
	return (struct http_client_sessions *)share;
}

void
http_client_sessions_free(struct http_client_sessions *s)
{
	if (s != NULL)
		(void)curl.share_cleanup((CURLSH *)s);
}

struct http_client *
http_client_open(struct ev_loop *loop, struct graceful_close *closing)
{
	struct http_client *f;

	if (curl.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return NULL;
	f = calloc(1, sizeof(*f));
	if (f == NULL)
		return NULL;
	f->loop = loop;
	f->closing = closing;
	SLIST_INIT(&f->watches);
	ev_timer_init(&f->timer, on_timer, 0., 0.);
	f->multi = curl.multi_init();
	if (f->multi == NULL) {
		http_client_close(f);
		return NULL;
	}
	(void)curl.multi_setopt(f->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	(void)curl.multi_setopt(f->multi, CURLMOPT_SOCKETDATA, f);
	(void)curl.multi_setopt(f->multi, CURLMOPT_TIMERFUNCTION, on_set_timer);
	(void)curl.multi_setopt(f->multi, CURLMOPT_TIMERDATA, f);
	return f;
}

void
http_client_close(struct http_client *f)
{
	struct watch *w;

	if (f == NULL)
		return;
	(void)curl.multi_cleanup(f->multi);
	ev_timer_stop(f->loop, &f->timer);
	while ((w = SLIST_FIRST(&f->watches)) != NULL) {
		SLIST_REMOVE_HEAD(&f->watches, link);
		ev_io_stop(f->loop, &w->io);
		free(w);
	}
	free(f);
	curl.global_cleanup();
}

/* The name stays that of the URL, the connection goes to the address. */
static int
set_target(struct http_client_call *t, const struct http_client_request *r)
{
	char to[HTTP_REQUEST_TARGET_MAX], url[HTTP_REQUEST_URL_MAX];

	http_request_target(r, to);
	http_request_url(r, url);
	t->connect_to = curl.slist_append(NULL, to);
	if (t->connect_to == NULL)
		return CURLE_OUT_OF_MEMORY;
	(void)curl.easy_setopt(t->easy, CURLOPT_CONNECT_TO, t->connect_to);
	return curl.easy_setopt(t->easy, CURLOPT_URL, url);
}

static int
add_header(struct http_client_call *t, const char *line)
{
	struct curl_slist *longer = curl.slist_append(t->headers, line);

	if (longer == NULL)
		return CURLE_OUT_OF_MEMORY;
	t->headers = longer;
	return CURLE_OK;
}

static int
add_named(struct http_client_call *t, const char *name, const char *value)
{
	CLEANUP(free_str) char *line = http_request_header(name, value);

	return line == NULL ? CURLE_OUT_OF_MEMORY : add_header(t, line);
}

/*
 * The token with the first request already: a server that was asked without it
 * would only say 401, and hear it by a second one.
 */
static int
set_headers(struct http_client_call *t, const struct http_client_request *r)
{
	/* So that the server ends it, with everything said. */
	int c = add_header(t, "Connection: close");
	CLEANUP(free_str) char *token = NULL;

	if (c == CURLE_OK && r->token != NULL) {
		if (asprintf(&token, "Negotiate %s", r->token) < 0)
			return CURLE_OUT_OF_MEMORY;
		c = add_named(t, "Authorization", token);
	}
	if (c == CURLE_OK && r->bare_host)
		c = add_named(t, "Host", r->host);
	for (size_t i = 0;
	     c == CURLE_OK && r->headers != NULL && i < r->headers->n; i++)
		c = add_named(
		    t, r->headers->all[i].key, r->headers->all[i].value);
	if (c != CURLE_OK)
		return c;
	return curl.easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers);
}

static void
set_manners(struct http_client_call *t)
{
	struct http_client *f = t->fetcher;
	CURL *e = t->easy;

	(void)curl.easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	(void)curl.easy_setopt(e, CURLOPT_PROXY, "");
	/* There is nothing to remember, and all of it is walked at each end. */
	(void)curl.easy_setopt(e, CURLOPT_DNS_CACHE_TIMEOUT, 0L);
	(void)curl.easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	(void)curl.easy_setopt(
	    e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	(void)curl.easy_setopt(e, CURLOPT_FRESH_CONNECT, 1L);
	(void)curl.easy_setopt(e, CURLOPT_FORBID_REUSE, 1L);
	(void)curl.easy_setopt(e, CURLOPT_USERAGENT, "hapair/" VERSION);
	(void)curl.easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, on_open);
	(void)curl.easy_setopt(e, CURLOPT_OPENSOCKETDATA, t);
	(void)curl.easy_setopt(e, CURLOPT_CLOSESOCKETFUNCTION, on_close);
	(void)curl.easy_setopt(e, CURLOPT_CLOSESOCKETDATA, f);
	(void)curl.easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
	(void)curl.easy_setopt(e, CURLOPT_HEADERDATA, t);
	(void)curl.easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	(void)curl.easy_setopt(e, CURLOPT_WRITEDATA, t);
	(void)curl.easy_setopt(e, CURLOPT_ERRORBUFFER, t->error);
	(void)curl.easy_setopt(e, CURLOPT_PRIVATE, t);
}

static CURLcode
set_method(struct http_client_call *t, enum config_method method)
{
	switch (method) {
	case CONFIG_METHOD_GET:
		break;
	case CONFIG_METHOD_HEAD:
		return curl.easy_setopt(t->easy, CURLOPT_NOBODY, 1L);
	case CONFIG_METHOD_OPTIONS:
		return curl.easy_setopt(
		    t->easy, CURLOPT_CUSTOMREQUEST, "OPTIONS");
	}
	return CURLE_OK;
}

static CURLcode
set_request(struct http_client_call *t, const struct http_client_request *r)
{
	CURL *e = t->easy;
	CURLcode c = CURLE_OK;

	(void)curl.easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)r->timeout_ms);
	(void)curl.easy_setopt(
	    e, CURLOPT_CONNECTTIMEOUT_MS, (long)r->timeout_ms);
	/*
	 * libcurl's own folder of authorities would vouch beside `ca`, and with
	 * a folder it keeps nothing: 26 ms of the loop for each connection.
	 */
	(void)curl.easy_setopt(e, CURLOPT_CAPATH, NULL);
	if (r->sessions != NULL)
		c = curl.easy_setopt(e, CURLOPT_SHARE, (CURLSH *)r->sessions);
	if (c == CURLE_OK && r->handshake_only)
		c = curl.easy_setopt(e, CURLOPT_CONNECT_ONLY, 1L);
	if (r->anybody) {
		(void)curl.easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 0L);
		(void)curl.easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	if (c == CURLE_OK && r->ca != NULL)
		c = curl.easy_setopt(e, CURLOPT_CAINFO, r->ca);
	if (c == CURLE_OK)
		c = set_method(t, r->method);
	if (c != CURLE_OK || r->user == NULL)
		return c;
	/* Digest takes two connections, and only one is introduced. */
	(void)curl.easy_setopt(e, CURLOPT_HTTPAUTH,
	    t->introduces ? (long)CURLAUTH_BASIC
	                  : (long)(CURLAUTH_BASIC | CURLAUTH_DIGEST));
	c = curl.easy_setopt(e, CURLOPT_USERNAME, r->user);
	if (c == CURLE_OK)
		c = curl.easy_setopt(e, CURLOPT_PASSWORD, r->password);
	return c;
}

/* False where memory is out. */
static bool
add(struct http_client_call *t)
{
	return curl.multi_add_handle(t->fetcher->multi, t->easy) == CURLM_OK;
}

/* Where there is no connection libcurl asks for one, and hears so. */
static void
on_introduced(void *arg, int fd)
{
	struct http_client_call *t = arg;
	const int64_t left_ms = mono_span_ms(mono_now(), t->deadline);

	if (fd < 0)
		t->lack = -fd;
	else
		t->fd = fd;
	(void)curl.easy_setopt(
	    t->easy, CURLOPT_TIMEOUT_MS, left_ms < 1 ? 1L : (long)left_ms);
	if (add(t))
		return;
	t->body.out_of_memory = true;
	finish(t, CURLE_OUT_OF_MEMORY);
}

static bool
begin(struct http_client_call *t, const struct http_client_request *r)
{
	int e;

	if (!t->introduces)
		return add(t);
	(void)curl.easy_setopt(t->easy, CURLOPT_SOCKOPTFUNCTION, on_opened);
	t->deadline = mono_add_ms(mono_now(), r->timeout_ms);
	t->introduction = (struct introduction){ .loop = t->fetcher->loop,
		.version = r->proxy,
		.on_done = on_introduced,
		.arg = t };
	e = introduction_start(&t->introduction, &r->to, r->timeout_ms);
	if (e == 0)
		return true;
	t->lack = -e;
	return add(t);
}

struct http_client_call *
http_client_start(struct http_client *f,
    const struct http_client_request *request, http_client_end_fn *on_end,
    void *arg)
{
	struct http_client_call *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->fetcher = f;
	t->on_end = on_end;
	t->arg = arg;
	t->fd = -1;
	t->introduces = request->proxy != CONFIG_PROXY_PROTOCOL_NONE;
	t->easy = curl.easy_init();
	if (t->easy != NULL) {
		set_manners(t);
		if (set_target(t, request) == CURLE_OK &&
		    set_headers(t, request) == CURLE_OK &&
		    set_request(t, request) == CURLE_OK && begin(t, request))
			return t;
	}
	free_fetch(t);
	return NULL;
}
