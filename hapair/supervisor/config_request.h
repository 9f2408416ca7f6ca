#pragma once

/*
 * Who asks what configuration runs gets it as canonical text (print.h). It may
 * hold passwords, in what a check says, so it is for root and for the user that
 * the daemon runs as: the socket alone is open to a group.
 */

#include "core/base.h"

struct config;
struct ev_loop;

/* Takes the socket. */
void config_request_answer(
    struct ev_loop *loop, const struct config *c, int *socket);
