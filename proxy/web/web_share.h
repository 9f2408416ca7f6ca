#pragma once

/*
 * What each client of the page may cost, in units of work: to let a connection
 * in or turn it away, to answer a question, to send a piece of the answer. So
 * much is shared out a second, in equal parts, among those who have used some;
 * who has used more than his share is held back until he has some again. So who
 * asks fast slows himself down, and a newcomer none: he begins with enough for
 * pages to load, as does who has been quiet for a while.
 *
 * Of IPv6 a client is a network of 64 bits, in which a host may choose its
 * addresses. Clients that are more than there are accounts have one together.
 *
 * Pure, but for the memory that is given: the time is an argument.
 */

#include "core/addr.h"
#include "core/mono.h"

#define WEB_SHARE_CLIENTS 64

/* Units a second for all, and what one may use at once. */
#define WEB_SHARE_EACH_S 250
#define WEB_SHARE_BURST 120

/* What things cost. One unit takes some 40 to 60 us of a processor. */
#define WEB_SHARE_CONNECTION 2
#define WEB_SHARE_QUESTION 1
#define WEB_SHARE_PIECE_BYTES ((size_t)128 * 1024) /* one for each */

struct web_share_one {
	bool used;
	bool held;
	union addr client;
	int64_t left; /* thousandths of a unit; below 0: a debt */
};

struct web_share {
	struct mono at; /* of the last sharing out; 0: there was none */
	unsigned n_held;
	struct web_share_one all[WEB_SHARE_CLIENTS];
	struct web_share_one others; /* who have no account */
};

void web_share_init(struct web_share *s);

/*
 * It costs so much: whoever it is, and also where that makes a debt. True: it
 * is held back from here on, and was not before.
 */
bool web_share_charge(struct web_share *s, const union addr *client,
    unsigned units, struct mono now);

/* It is to wait, by what was shared out until now. */
bool web_share_holds(
    struct web_share *s, const union addr *client, struct mono now);

/* What was not shared out yet is. */
void web_share_pass(struct web_share *s, struct mono now);
