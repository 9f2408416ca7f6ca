#pragma once

/*
 * Makes this process hard to disturb: real-time scheduling, at a low priority
 * and with a guard against a runaway loop, and memory that is never paged out.
 * Neither is needed to work, both to keep time on a busy host.
 */

#include "core/base.h"

/*
 * Needs root; before capabilities are dropped. Returns 0 or -errno, with
 * *ret_what naming the first step that failed; the others were still tried.
 */
MUST_CHECK int realtime_enter(const char **ret_what);

/*
 * The calling thread, started after realtime_enter() and as an ordinary one,
 * becomes real-time too, a step below. Where that failed it stays ordinary.
 */
void realtime_follow(void);
