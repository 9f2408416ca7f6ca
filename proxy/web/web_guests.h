#pragma once

/*
 * Who may ask for the page: the networks of `web.allow`, or where there are
 * none this host itself and the addresses of the pair's nodes. Others are told
 * of in a line a second. On the page's thread.
 */

#include "core/addr.h"

struct config;
struct web_guests;

struct web_guests *web_guests_new(const struct config *c); /* NULL: no memory */
void web_guests_free(struct web_guests *g);                /* takes NULL */

bool web_guests_are_welcome(struct web_guests *g, const union addr *client);
