#pragma once

/*
 * Why nobody can mean an address at a place, in words to be read after the
 * address; NULL where somebody may.
 */

#include "core/addr.h"
#include "core/base.h"

struct config_cidr;

/* A single host's. */
const char *address_faults_of_address(const union addr *a);

/* Whatever it is: nothing says on which link, so it is good on more than one.
 */
const char *address_faults_of_scope(const union addr *a);

/* Both. */
const char *address_faults_of_link(const union addr *a);

/* Also not this host alone: an address that another one is to reach. */
const char *address_faults_of_node(const union addr *a);

/* A virtual IP: in IPv4, also neither first nor last of its network. */
const char *address_faults_of_cidr(const struct config_cidr *c);

/* No fault by itself: who it is depends on who asks. */
bool address_faults_is_loopback(const union addr *a);
