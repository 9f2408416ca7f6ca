#pragma once

/*
 * MySQL and MariaDB: the greeting, a login, and a good-bye. Nothing less:
 * whoever leaves before a login is counted by the server against this host, and
 * after max_connect_errors of these in a row it lets nobody in from here. With
 * a role, `read_only` is asked for. Passwords for mysql_native_password, and
 * for caching_sha2_password as far as that goes without TLS.
 */

#include "proxy/health/talk.h"

enum talk_next talk_mysql_begin(struct talk *t);
enum talk_next talk_mysql_hear(struct talk *t);
