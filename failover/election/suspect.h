#pragma once

/*
 * Doubt: a peer that has fallen silent is suspect, not dead. Who holds the
 * addresses is asked on the network itself, where the peer's kernel answers
 * even if its daemon is stuck or its heartbeats are filtered: probes for a
 * virtual IP and for the peer (RFC 5227 section 2.1.1, RFC 4861 section 7.2),
 * and an echo request to each witness.
 *
 * Pure: no clock, socket, allocation or log. A value inside struct election,
 * which says when to ask and hands in what is heard.
 */

#include "core/base.h"
#include "core/mono.h"

struct doubt_config {
	uint32_t
	    hang_ms;    /* who is silent and still answers keeps them so long */
	bool witnesses; /* there are some: without their word no claim */
};

/* What somebody on the network has said. */
enum doubt_answer {
	DOUBT_ADDRESS_AT_PEER,   /* a virtual IP, from the peer's hardware */
	DOUBT_ADDRESS_ELSEWHERE, /* a virtual IP, from a third one */
	DOUBT_PEER,              /* the peer's own address: its host lives */
	DOUBT_WITNESS,
};

enum doubt_verdict {
	DOUBT_ASK,      /* send probes now */
	DOUBT_GONE,     /* nobody answers for anything: claim */
	DOUBT_RELEASED, /* the peer's host lives and holds nothing: claim */
	DOUBT_HUNG,     /* it has held them in silence for long enough: claim */
	DOUBT_HOLDS,    /* it answers for them: wait and ask again */
	DOUBT_CONFLICT, /* a third one answers for them: wait and ask again */
	DOUBT_ISOLATED, /* no peer and no witness: it is us who are cut off */
};

struct doubt {
	bool open;
	struct mono since;
	struct mono asked; /* since nobody has answered for the addresses */
	unsigned rounds;   /* of probes, in this series */
	bool at_peer, elsewhere, peer; /* answers to this series */
	bool witness;                  /* has answered since then */
	enum doubt_verdict last; /* of the series before; DOUBT_ASK: none */
};

/* Who begins to doubt takes no shorter to come to a verdict. */
#define DOUBT_LEAST_MS 8

/* The empty value: no doubt. */
struct doubt doubt_none(void);

/*
 * Begins, or goes on when the time it asked for has come; that time is
 * *ret_wake, but for the four verdicts that end the doubt.
 */
MUST_CHECK enum doubt_verdict doubt_step(struct doubt *d,
    const struct doubt_config *config, struct mono now, struct mono *ret_wake);

/* Ignored where there is no doubt. */
void doubt_note(struct doubt *d, enum doubt_answer answer);
