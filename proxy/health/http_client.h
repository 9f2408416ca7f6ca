#pragma once

/*
 * Pages by HTTP, and handshakes of TLS, for checks: the door to libcurl. On the
 * relay's main thread, in its libev loop; nothing here waits, and no name is
 * ever resolved: the address is the caller's. HTTP/1.1, one request for each
 * connection, no redirections, no proxies, nothing from the environment or a
 * .netrc. What is kept of a body is bounded.
 */

#include "config/config.h"
#include "core/addr.h"
#include "core/late_library.h"

struct ev_loop;
struct graceful_close;
struct http_client;
struct http_client_call;
struct http_client_sessions;

#define HTTP_CLIENT_BODY_MAX ((size_t)256 * 1024)
#define HTTP_CLIENT_ERROR_MAX 80

/* Borrowed for the call, all of it. */
struct http_client_request {
	const char *host; /* name or number: of the Host header, certificate */
	bool bare_host;   /* that header without the port */
	union addr to;    /* where it really goes, with the port */
	enum config_proxy_protocol proxy; /* how its connection begins */
	const char *path;                 /* with its query */
	enum config_method method;
	const struct config_matches *headers; /* besides; NULL: none */
	bool tls;
	bool handshake_only;         /* of TLS: no request, and no page */
	bool anybody;                /* certificates are not looked at */
	const char *ca;              /* path; NULL: the system's */
	const char *user, *password; /* basic or digest; NULL: neither */
	const char *token;           /* of `Negotiate`, in base64; NULL: none */
	struct http_client_sessions *sessions; /* of TLS; NULL: none is kept */
	uint32_t timeout_ms;                   /* of the whole */
};

/* For the time of the callback. */
struct http_client_page {
	const char *error; /* why there is none; NULL: there is one */
	bool broken;       /* there is one, but it ended before its end */
	bool is_ours;      /* the error is our own lack, not the server's */
	bool is_late;      /* the error is that there was no time left */
	unsigned status;
	const char *body; /* with a NUL behind it */
	size_t len;
	bool cut; /* there was more than HTTP_CLIENT_BODY_MAX */
};

/* From the loop. The fetch is over and gone; may start another. */
typedef void http_client_end_fn(void *arg, const struct http_client_page *page);

/*
 * Before anything else here, and before the process may open fewer files:
 * brings libcurl. Returns 0 or -ENOENT, with why.
 */
MUST_CHECK int http_client_load(char ret_why[static LATE_LIBRARY_WHY_MAX]);

/* NULL where memory is out. Closes its connections by graceful_close. */
struct http_client *http_client_open(
    struct ev_loop *loop, struct graceful_close *closing);

/*
 * What a server's next handshake of TLS may be shortened by: its certificate is
 * not looked at then. NULL where memory is out; freed when no call has it.
 */
struct http_client_sessions *http_client_sessions_new(void);
void http_client_sessions_free(struct http_client_sessions *s); /* NULL-safe */

/* After all its fetches have ended or were cancelled. */
void http_client_close(struct http_client *f);

/* NULL where memory is out. */
MUST_CHECK struct http_client_call *http_client_start(struct http_client *f,
    const struct http_client_request *request, http_client_end_fn *on_end,
    void *arg);

/* Its end will not be told. NULL-safe. */
void http_client_cancel(struct http_client_call *fetch);
