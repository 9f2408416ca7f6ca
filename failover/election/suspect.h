#pragma once

/*
 * Suspect: a peer that has fallen silent is suspect, not dead. Who holds the
 * addresses is asked on the network itself, where the peer's kernel answers
 * even if its daemon is stuck or its heartbeats are filtered: probes for a
 * virtual IP and for the peer (RFC 5227 section 2.1.1, RFC 4861 section 7.2),
 * and for whoever else there is to ask: gateways, servers, witnesses.
 *
 * Who answers for an address beyond its lease has renewed it: it lives, and we
 * do not understand it (another key, a filter, another version). But switches
 * answer ARP for hosts that are dead. A second question, which only a kernel
 * with that address answers, tells them apart.
 *
 * Pure: no clock, socket, allocation or log. A value inside struct election,
 * which says when to ask and hands in what is heard.
 */

#include "core/base.h"
#include "core/mono.h"

struct suspect_config {
	uint32_t hang_ms; /* the lease: who answers longer renews it, or lies */
	uint32_t deaf_ms; /* a master that hears nobody serves so long */
	bool askable; /* somebody else is: who hears nobody claims nothing */
};

/* What somebody on the network has said. */
enum suspect_answer {
	SUSPECT_ADDRESS_AT_PEER,   /* a virtual IP, from the peer's hardware */
	SUSPECT_ADDRESS_ELSEWHERE, /* a virtual IP, from a third one */
	SUSPECT_PEER,              /* the peer's own address: its host lives */
	SUSPECT_SOMEBODY, /* anybody, about anything: we are not deaf */
	SUSPECT_LIVES,    /* to the second question */
	SUSPECT_CONTROL,  /* to the same question, from somebody else: such
	                     answers reach us */
};

enum suspect_verdict {
	SUSPECT_ASK,      /* send probes now */
	SUSPECT_QUESTION, /* the same, and the second question */
	SUSPECT_GONE,     /* nobody answers for anything: claim */
	SUSPECT_ALONE,    /* the same, but nobody else could be asked: claim */
	SUSPECT_RELEASED, /* the peer's host lives and holds nothing: claim */
	SUSPECT_ECHO,     /* what answers for them is no living host: claim */
	SUSPECT_HOLDS,    /* it answers for them: wait and ask again */
	SUSPECT_RENEWS,   /* it does so beyond the lease: wait and ask again */
	SUSPECT_CONFLICT, /* a third one answers for them: wait and ask again */
	SUSPECT_ISOLATED, /* we hear nobody at all: it is us who are cut off */
};

struct suspect {
	bool open;
	struct mono since;
	struct mono asked; /* since nobody has answered for the addresses */
	unsigned rounds;   /* of probes, in this series */
	bool at_peer, elsewhere, peer; /* answers to this series */
	bool somebody;                 /* was heard since then */
	bool reached; /* ... and when the last probe went out: it arrived */
	struct mono questioned;    /* never(): not yet */
	bool lives, control;       /* the answers since then */
	unsigned unanswered;       /* of the second questions, in a row */
	enum suspect_verdict last; /* of the series before; SUSPECT_ASK: none */
};

/* No suspicion ends sooner than this. */
#define SUSPECT_LEAST_MS 8

/*
 * Who is asked may be slow, and answers few of many questions: so long we wait
 * for the first of them, before we call ourselves deaf.
 */
#define SUSPECT_DEAF_MS 200

/* The empty value: no doubt. */
struct suspect suspect_none(void);

/*
 * Begins, or goes on when the time it asked for has come; that time is
 * *ret_wake, but for the verdicts that end the suspicion: the claims, and
 * SUSPECT_ISOLATED.
 */
MUST_CHECK enum suspect_verdict suspect_step(struct suspect *d,
    const struct suspect_config *config, struct mono now,
    struct mono *ret_wake);

/* Ignored where there is no doubt. */
void suspect_note(struct suspect *d, enum suspect_answer answer);
