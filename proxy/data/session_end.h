#pragma once

/*
 * How a session ends: it stops, is told of and gives back what it has. Its
 * memory waits for the graveyard, so that whoever is called back with it may
 * still look.
 */

#include "proxy/data/end_reason.h"

struct session;

/* Both ends have been passed on: closes both sides in order. */
void session_end_in_order(struct session *s);

/*
 * Another process has it: here it is no more, and neither side hears of that.
 */
void session_end_given(struct session *s);

/* Resets both sides. `error`: the errno behind it, or 0. */
void session_end_reset(struct session *s, enum end_reason reason, int error);
