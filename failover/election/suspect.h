#pragma once

/*
 * Suspect: a peer that has fallen silent is suspect, not dead. Who holds the
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

struct suspect_config {
	uint32_t
	    hang_ms;    /* who is silent and still answers keeps them so long */
	bool witnesses; /* there are some: without their word no claim */
};

/* What somebody on the network has said. */
enum suspect_answer {
	SUSPECT_ADDRESS_AT_PEER,   /* a virtual IP, from the peer's hardware */
	SUSPECT_ADDRESS_ELSEWHERE, /* a virtual IP, from a third one */
	SUSPECT_PEER,              /* the peer's own address: its host lives */
	SUSPECT_WITNESS,
};

enum suspect_verdict {
	SUSPECT_ASK,      /* send probes now */
	SUSPECT_GONE,     /* nobody answers for anything: claim */
	SUSPECT_RELEASED, /* the peer's host lives and holds nothing: claim */
	SUSPECT_HUNG,  /* it has held them in silence for long enough: claim */
	SUSPECT_HOLDS, /* it answers for them: wait and ask again */
	SUSPECT_CONFLICT, /* a third one answers for them: wait and ask again */
	SUSPECT_ISOLATED, /* no peer and no witness: it is us who are cut off */
};

struct suspect {
	bool open;
	struct mono since;
	struct mono asked; /* since nobody has answered for the addresses */
	unsigned rounds;   /* of probes, in this series */
	bool at_peer, elsewhere, peer; /* answers to this series */
	bool witness;                  /* has answered since then */
	enum suspect_verdict last; /* of the series before; SUSPECT_ASK: none */
};

/* No suspicion ends sooner than this. */
#define SUSPECT_LEAST_MS 8

/* The empty value: no doubt. */
struct suspect suspect_none(void);

/*
 * Begins, or goes on when the time it asked for has come; that time is
 * *ret_wake, but for the four verdicts that end the suspicion.
 */
MUST_CHECK enum suspect_verdict suspect_step(struct suspect *d,
    const struct suspect_config *config, struct mono now,
    struct mono *ret_wake);

/* Ignored where there is no doubt. */
void suspect_note(struct suspect *d, enum suspect_answer answer);
