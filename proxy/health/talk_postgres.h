#pragma once

/*
 * PostgreSQL (protocol 3.0). Without a user one question that comes before any
 * login, and that no server from 12 on remarks on: whether it encrypts by
 * GSSAPI. With a user a login, with a role also pg_is_in_recovery(). Passwords
 * in the clear, as MD5 or by SCRAM-SHA-256, as the server wants it.
 */

#include "proxy/health/talk.h"

enum talk_next talk_postgres_begin(struct talk *t);
enum talk_next talk_postgres_hear(struct talk *t);
