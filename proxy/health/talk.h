#pragma once

/*
 * Talks: what a check says to a server in that server's language, and what it
 * makes of the answers, which may be any bytes. Computes only, on a value;
 * probe_tcp.c brings the bytes and keeps the time.
 */

#include "proxy/health/probe_judge.h"

#define TALK_IN_MAX 4096  /* of what a server says, as much is looked at */
#define TALK_OUT_MAX 4096 /* room for what a whole dialog says */
#define TALK_HEARD_MAX ((size_t)256 * 1024) /* more is taken for endless */
#define TALK_NONCE_BYTES 18
#define TALK_AWAITED_MAX 40

enum talk_next {
	TALK_HEARS, /* `out` has to be said, then more to be heard */
	TALK_ENDS,  /* `said` is the answer, and `out` the last words */
};

struct talk {
	const struct config_check *check; /* borrowed */
	const char *password;             /* borrowed; NULL: none */
	uint8_t nonce[TALK_NONCE_BYTES];  /* random; for logins that need it */
	uint8_t in[TALK_IN_MAX];          /* heard, and not yet understood */
	size_t in_len, heard;             /* heard: altogether */
	uint8_t out[TALK_OUT_MAX];
	size_t out_len;
	unsigned step;                  /* what it means is the language's */
	char awaited[TALK_AWAITED_MAX]; /* what comes next, in words */
	char note[TALK_IN_MAX / 8];     /* likewise the language's */
	struct probe_judge_answer said;
};

/* Whether there is anything to say or hear but that it accepts. */
bool talk_has_words(const struct config_check *check);

/* `check`, `password` and `nonce` are set, all else is zero. */
enum talk_next talk_begin(struct talk *t);

/* Bytes were added to `in`. */
enum talk_next talk_hear(struct talk *t);

/* No more will come: the server has ended it, or the time is over. */
void talk_break(struct talk *t, const char *how);

/* For languages. False where there is no room, and nothing is put then. */
bool talk_put(struct talk *t, const void *bytes, size_t len);
bool talk_put_text(struct talk *t, const char *text);

/* The first bytes of `in` are done with. */
void talk_eat(struct talk *t, size_t len);

/* What is waited for now. */
void talk_await(struct talk *t, const char *what);

enum talk_next talk_end(struct talk *t, enum health_result result,
    const char *format, ...) PRINTF_LIKE(3, 4);

/* A failure in the server's own words, which may be any bytes. */
enum talk_next talk_refused(
    struct talk *t, const char *what, const void *bytes, size_t len);
