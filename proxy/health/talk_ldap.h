#pragma once

/*
 * LDAP (RFC 4511): a bind, anonymous or with a name and a password, and an
 * unbind. A server that wants no anonymous binds has answered, too.
 */

#include "proxy/health/talk.h"

enum talk_next talk_ldap_begin(struct talk *t);
enum talk_next talk_ldap_hear(struct talk *t);
