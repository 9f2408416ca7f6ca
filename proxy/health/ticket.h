#pragma once

/*
 * Tickets for a web server's `Authorization: Negotiate` (SPNEGO, RFC 4559): the
 * door to GSSAPI. It asks the KDC and resolves names, and blocks for as long as
 * these take, which was seen to be 50 s: for a thread that nobody waits for
 * (negotiate.c). Any number of threads at once.
 */

#include "core/base.h"

#define TICKET_ERROR_MAX 80
#define TICKET_NAME_MAX 64
#define TICKET_PATH_MAX 4096

struct ticket_wish {
	const char *host;   /* of the principal HTTP/host */
	const char *keytab; /* as libkrb5 names it; NULL: the environment's */
	const char *cache;  /* likewise: where tickets wait; with a keytab */
	bool anew;          /* replace what waits there; with a keytab */
};

struct ticket {
	char *token;                  /* in base64; NULL: there is none */
	char name[TICKET_NAME_MAX];   /* whose it is */
	uint32_t left_s;              /* of the login that it came by */
	char error[TICKET_ERROR_MAX]; /* why there is none, one line */
	bool is_ours;                 /* that is our own lack: of memory */
};

/* What this process's tickets are in when no keytab is configured. */
struct ticket_files {
	char config[TICKET_PATH_MAX]; /* KRB5_CONFIG: the first, or empty */
	char keytab[TICKET_PATH_MAX]; /* empty: not in a file */
	char cache[TICKET_PATH_MAX];  /* likewise */
	bool is_directory;            /* the cache: a directory of caches */
};

/* Asks nobody but the library. */
void ticket_find_files(struct ticket_files *ret_files);

/*
 * Asks a KDC only for what is not in the cache or is over. What comes of it is
 * to be wiped, also where that is an error.
 */
void ticket_get(const struct ticket_wish *wish, struct ticket *ret_ticket);

/*
 * Logs in anew where half of a login's life is over, and returns no token.
 * Where that fails the library is silent as long as there is something left.
 */
void ticket_renew(const struct ticket_wish *wish, struct ticket *ret_ticket);

void ticket_wipe(struct ticket *t);
