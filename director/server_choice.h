#pragma once

/*
 * Which server of a service gets a connection: what the relay's pool decides,
 * with the same code (pool_choice, balance), for connections that the kernel
 * passes on. How servers stand is told by who checks them; how many connections
 * they have here is counted here.
 *
 * Pure. The arrays are the caller's, in the order of the configuration.
 */

#include "config/config.h"
#include "core/base.h"
#include "core/mono.h"
#include "director/conn_tuple.h"
#include "proxy/pool/balance.h"
#include "proxy/pool/pool_choice.h"

/* `retries` goes up to 10: as many servers and the first. */
#define SERVER_CHOICE_TRIED 11

/* There are no ports to connect from: nobody can. */
#define SERVER_CHOICE_NO_POOL UINT16_MAX

struct server_choice_server {
	/* By checks, operators and the choice of a standby service's active. */
	bool usable;
	unsigned tier;   /* pool_choice.h */
	uint32_t weight; /* the configured one, or an operator's */
	uint32_t limit;  /* of its connections; 0: none */
	uint32_t slow_start_ms;
	struct mono up_since;      /* never: no ramp */
	uint8_t ip[CONN_TUPLE_IP]; /* all zeros: not resolved yet */
	uint16_t port;
	uint16_t pool;      /* of ports, for its family's source address; or
	                       SERVER_CHOICE_NO_POOL */
	uint32_t elsewhere; /* connections that the relay has there */
};

struct server_choice {
	enum config_balance balance;
	struct server_choice_server *servers; /* borrowed */
	struct balance_slot *slots;           /* borrowed; `load` is counted */
	struct pool_choice_server *choices;   /* borrowed; for one call */
	unsigned n;
};

struct server_choice_client {
	uint8_t ip[CONN_TUPLE_IP];
	uint64_t chance;                     /* 64 random bits */
	uint16_t tried[SERVER_CHOICE_TRIED]; /* in vain */
	unsigned n_tried;
};

/*
 * A place at a server that speaks the client's IP and that it has not tried:
 * POOL_CHOICE_SERVER and `ret_server`, to be given back; or what it has to wait
 * for.
 */
MUST_CHECK enum pool_choice server_choice_take(struct server_choice *c,
    const struct server_choice_client *client, struct mono now,
    unsigned *ret_server);

/* One more that has its place already, whatever the limits. */
void server_choice_enter(struct server_choice *c, unsigned server);
void server_choice_give(struct server_choice *c, unsigned server);
