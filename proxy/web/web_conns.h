#pragma once

/*
 * Who is connected to the page, and since when nothing was answered: so many at
 * once, so many of one client, and for so long. Of IPv6 a client is a network
 * of 64 bits, in which a host may choose its addresses.
 *
 * A value, but for what its owner puts beside each. The time is an argument.
 */

#include "core/addr.h"
#include "core/mono.h"

#define WEB_CONNS_MAX 64
#define WEB_CONNS_CLIENT_MAX 16
#define WEB_CONNS_PATIENCE_MS 20000

/* Who was ended and is not gone yet has his place no more, but an entry. */
#define WEB_CONNS_ENTRIES (WEB_CONNS_MAX + 32)

struct web_conns_one {
	bool used;
	union addr client;
	/* It came, its last answer was whole, or it has asked after that. */
	struct mono since;
	bool answered; /* there was one */
	/* The owner's: */
	int fd;       /* -1: none */
	bool started; /* it is known to whoever closes the descriptor */
	bool ended;   /* it was late, or gave way, and shut down */
	bool busy;    /* a question is under way */
	void *asked;  /* which one; NULL: none */
};

struct web_conns {
	unsigned n; /* with those that are ended */
	struct web_conns_one all[WEB_CONNS_ENTRIES];
};

enum web_conns_answer {
	WEB_CONNS_WELCOME,
	WEB_CONNS_FULL,
	WEB_CONNS_CLIENT_FULL, /* this client has as many as one may */
};

bool web_conns_is_same_client(const union addr *a, const union addr *b);

void web_conns_init(struct web_conns *c);

/* Where it may come in, *ret_one is its place. */
MUST_CHECK enum web_conns_answer web_conns_enter(struct web_conns *c,
    const union addr *client, struct mono now, struct web_conns_one **ret_one);

/*
 * Where it is full: whose place a newcomer may have. The one that has waited
 * longest of the client with the most, if that has more than the newcomer's
 * would have then. NULL: nobody's.
 */
struct web_conns_one *web_conns_find_yielding(
    struct web_conns *c, const union addr *client);

/* Given away under this descriptor, and not known to who got it; or NULL. */
struct web_conns_one *web_conns_find_starting(struct web_conns *c, int fd);

void web_conns_leave(struct web_conns *c, struct web_conns_one *one);

/* The headers of a question are here: what it was idle before is forgotten. */
void web_conns_note_asked(struct web_conns_one *one, struct mono now);

/* It has had an answer, and may ask again. */
void web_conns_note_answered(struct web_conns_one *one, struct mono now);

/* It takes too long with its question, or to read the answer. */
bool web_conns_is_late(const struct web_conns_one *one, struct mono now);
