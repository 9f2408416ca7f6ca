#pragma once

/*
 * Whom the page lets in, and who has to go again: those that may ask, while
 * there are places for them and they keep to their share of the work
 * (web_share.h), and for as long as each has patience. Who comes when all
 * places are taken gets one of the client that has most. Who is turned away is
 * counted, and told of in the log at most once a second. On the page's thread;
 * closes nothing itself.
 */

#include "core/limiter.h"
#include "proxy/web/web_conns.h"
#include "proxy/web/web_share.h"

struct config;
struct metrics_web;
struct web_guests;

struct web_door {
	struct web_guests *guests;
	struct web_conns conns;
	struct web_share share;
	struct metrics_web *counts; /* borrowed */
	struct limiter password_lines, share_lines;
	/* The owner's, who sets it: ends one that gives way. */
	void (*end)(void *arg, struct web_conns_one *one);
	void *arg;
};

/* Returns 0 or -ENOMEM; fini takes zeroes. */
MUST_CHECK int web_door_init(struct web_door *d, const struct config *config,
    struct metrics_web *counts);
void web_door_fini(struct web_door *d);

/* Its place; NULL: it is not let in. */
struct web_conns_one *web_door_enter(
    struct web_door *d, const union addr *client);
void web_door_leave(struct web_door *d, struct web_conns_one *one);

/*
 * A question of it is to be answered: at its client's cost. False: the client
 * is held back, and the question is to wait. And what the answer costs is
 * known.
 */
bool web_door_pay(struct web_door *d, const struct web_conns_one *one);
void web_door_charge_answer(
    struct web_door *d, const struct web_conns_one *one, size_t len);

/* As time passes, clients are held back no more. Whether some still are. */
bool web_door_pass(struct web_door *d);

/* It takes too long, and is ended. */
void web_door_note_late(struct web_door *d, const struct web_conns_one *one);

/* It gave a wrong name or password; `one` NULL: nobody knows who. */
void web_door_note_wrong(struct web_door *d, const struct web_conns_one *one);
