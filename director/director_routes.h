#pragma once

/*
 * By which interfaces packets come and go: the program is attached to those
 * where clients and servers are, and to the loopback interface, by which we
 * send. A leg of a connection has its interface's number, so it is written anew
 * when routes or interfaces change.
 */

#include "core/base.h"
#include "director/conn_tuple.h"

struct director_role;
struct director_routes;

/* Opens its sockets. Returns 0 or -errno. */
MUST_CHECK int director_routes_new(struct director_role *role);
void director_routes_free(struct director_role *role);

/* The maps are ours: attaches, and detaches where nothing is ours any more. */
void director_routes_begin(struct director_role *role);

/* A server is there from now on. False: memory is out. */
MUST_CHECK bool director_routes_add(
    struct director_role *role, const uint8_t ip[static CONN_TUPLE_IP]);

/* 0: there is no way to it, for now. */
uint32_t director_routes_of_server(
    struct director_routes *r, const uint8_t ip[static CONN_TUPLE_IP]);

/* There is one, by an interface that the program is attached to. */
bool director_routes_reaches(
    struct director_routes *r, const uint8_t ip[static CONN_TUPLE_IP]);

/* Where clients of an address of a group are; 0: its interface is gone. */
uint32_t director_routes_of_listen(
    const struct director_routes *r, const uint8_t ip[static CONN_TUPLE_IP]);

/* What both interfaces take; 0: not known. */
uint16_t director_routes_mss(const struct director_routes *r, uint32_t client,
    uint32_t server, bool is_v6);

/* Detaches from all: nothing is left that needs us. */
void director_routes_end(struct director_role *role);
