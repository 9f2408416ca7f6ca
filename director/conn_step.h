#pragma once

/*
 * What the steps of a kernel_conn share: what they have at hand, and the few
 * ways in which a connection goes on. Known to kernel_conn.c and conn_made.c
 * alone.
 *
 * Pure.
 */

#include "director/kernel_conn.h"

struct conn_step {
	struct kernel_conn *c;
	const struct kernel_conn_event *ev;
	const struct kernel_conn_rules *rules;
	struct mono now;
	struct kernel_conn_out *out;
};

void conn_step_ask(const struct conn_step *s, enum kernel_conn_action action);

/* The one place where the state is written. */
void conn_step_enter(
    const struct conn_step *s, enum kernel_conn_state to, struct mono deadline);

struct mono conn_step_in_ms(const struct conn_step *s, uint32_t ms);
/* The deadline has come; else it was woken early. */
bool conn_step_is_due(const struct conn_step *s);
/* The state has. */
bool conn_step_has_lasted(const struct conn_step *s, uint32_t ms);

/* Nobody is told, and nothing is written down: the client asks again. */
void conn_step_drop(const struct conn_step *s, bool quarantine);

void conn_step_end(
    const struct conn_step *s, enum end_reason reason, bool quarantine);

/*
 * We end what was made. An end may not believe our RST, so the port rests: the
 * numbers that it needs may be old.
 */
void conn_step_cut(const struct conn_step *s, enum end_reason reason);

void conn_step_choose(const struct conn_step *s);

/* Server, port and entries are given back; it goes on without. */
void conn_step_leave(const struct conn_step *s, bool quarantine);

/* What an operator ends is ended; who has lost a server may have another. */
bool conn_step_ends_client(const struct conn_step *s);
