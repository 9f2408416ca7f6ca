#pragma once

/*
 * SERVICE or SERVICE/NAME, as operators write it: what of a configuration is
 * meant, or which name may have been. Pure.
 */

#include "core/base.h"

struct config;

#define SERVER_NAME_TEXT_MAX 512

/* Indices in the configuration. */
struct server_name {
	uint16_t service;
	uint16_t server; /* not where `whole` */
	bool whole;      /* the service, with all its servers */
};

/* Of `len` bytes. False: there is none, and why is in `ret_why`. */
MUST_CHECK bool server_name_find(const struct config *c, const char *name,
    size_t len, struct server_name *ret_found,
    char ret_why[static SERVER_NAME_TEXT_MAX]);
