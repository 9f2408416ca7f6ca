#pragma once

/* A word about a file (peer_file.h) to the peer's supervisor. */

struct generation;
struct peer_file;

/*
 * By way of the failover that runs. What cannot go is left out: whoever waits
 * for an answer asks again.
 */
void file_say(const struct generation *g, const struct peer_file *m);
