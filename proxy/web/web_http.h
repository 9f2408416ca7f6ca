#pragma once

/*
 * HTTP for the page: the door to libmicrohttpd, which is run by the loop of the
 * page's thread and has no thread or socket of its own. GET and HEAD alone, for
 * who may; each connection has a few KiB, and 20 s for a question and its
 * answer. What is answered is made once a second at most, and while nobody asks
 * never: who asks waits for the main thread's next snapshot, and 2 s at most.
 *
 * Made, used and freed on the page's thread.
 */

#include "core/addr.h"
#include "core/late_library.h"

struct config;
struct ev_loop;
struct web_auth;
struct web_content;
struct web_http;

struct web_http_setup {
	struct ev_loop *loop;
	const struct config *config;
	struct web_content *content;
	const struct web_auth *auth;
	/* A snapshot is wanted; web_http_renewed() follows, if all is well. */
	void (*want)(void *arg);
	void *arg;
};

/*
 * Before anything else here, and before the process may open fewer files:
 * brings libmicrohttpd. Returns 0 or -ENOENT, with why.
 */
MUST_CHECK int web_http_load(char ret_why[static LATE_LIBRARY_WHY_MAX]);

/* All borrowed. NULL: memory or descriptors are out. */
struct web_http *web_http_new(const struct web_http_setup *setup);
void web_http_free(struct web_http *h); /* takes NULL */

/* Takes who was accepted. False: it is not to be served, and closed. */
bool web_http_add(struct web_http *h, int *fd, const union addr *client);

/*
 * Another relay serves from now on: who is connected here has one answer more
 * at most, and goes there for the next.
 */
void web_http_close(struct web_http *h);

/* There is another snapshot in the content. */
void web_http_renewed(struct web_http *h);
