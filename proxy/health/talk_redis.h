#pragma once

/*
 * Redis: AUTH where there is a password, PING, and ROLE where that matters
 * (RESP, redis.io/docs/reference/protocol-spec). A server that wants a password
 * which nobody has for it has answered, too.
 */

#include "proxy/health/talk.h"

enum talk_next talk_redis_begin(struct talk *t);
enum talk_next talk_redis_hear(struct talk *t);
