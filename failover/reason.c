#include "failover/reason.h"

#include <inttypes.h>
#include <stdio.h>

/* As an operator would say it. A test sees to it that none is missing. */
static const char *const words[ELECTION_REASONS] = {
	[ELECTION_UNCHANGED] = "unchanged",
	[ELECTION_NO_PEER] = "no peer heard",
	[ELECTION_PEER_SILENT] = "peer silent",
	[ELECTION_PEER_IDLE] = "peer is preferred, but did not claim",
	[ELECTION_PEER_RESIGNED] = "peer resigned",
	[ELECTION_PEER_FAULT] = "peer in fault",
	[ELECTION_PEER_MASTER] = "peer is master",
	[ELECTION_PREFERRED] = "preferred to the peer",
	[ELECTION_PEER_PREFERRED] = "peer is preferred",
	[ELECTION_OUTRANKED_TERM] = "two masters, peer claimed later",
	[ELECTION_OUTRANKED_RANK] = "two masters, peer is preferred",
	[ELECTION_PEER_DEAF] = "two masters, peer does not hear us",
	[ELECTION_CONTESTED] = "two masters, peer has to yield",
	[ELECTION_UNCONTESTED] = "peer yielded, announcing again",
	[ELECTION_INTERFACE_MISSING] = "interface is missing",
	[ELECTION_INTERFACE_DOWN] = "interface is down",
	[ELECTION_INTERFACE_CARRIER] = "interface lost its carrier",
	[ELECTION_RELAY_STARTING] = "relay does not serve yet",
	[ELECTION_RELAY_GONE] = "relay stopped serving",
	[ELECTION_RECOVERED] = "able to serve again",
	[ELECTION_LATE] = "own process stood still",
	[ELECTION_REFUSED] = "address refused by the kernel",
	[ELECTION_RETRY] = "trying again",
	[ELECTION_STOPPED] = "stopped",
	[ELECTION_RESTORED] = "failover process restarted",
	[ELECTION_PEER_DIED] = "peer's processes ended",
	[ELECTION_PEER_RELEASED] = "peer silent, its host has let go",
	[ELECTION_PEER_HANGS] =
	    "peer silent, but its host answers for the addresses",
	[ELECTION_PEER_HUNG] = "peer hangs for longer than hang_timeout",
	[ELECTION_CONFLICT] = "address conflict, a third host answers",
	[ELECTION_PEER_SHOWS] = "two masters, peer is not heard",
	[ELECTION_ISOLATED] = "neither peer nor witness heard",
	[ELECTION_HANDED_OVER] = "peer handed over",
	[ELECTION_GAVE_OVER] = "handed over to the peer",
};

const char *
reason_text(const struct election_out *out, const char *interface,
    char buf[static REASON_TEXT_MAX])
{
	const char *text = words[out->reason];

	if (out->reason == ELECTION_PEER_SILENT)
		snprintf(buf, REASON_TEXT_MAX, "%s for %" PRIu32 " ms", text,
		    out->silent_ms);
	else if (out->reason == ELECTION_INTERFACE_MISSING ||
	    out->reason == ELECTION_INTERFACE_DOWN ||
	    out->reason == ELECTION_INTERFACE_CARRIER)
		/* "interface eth0 is down": the name after the first word */
		snprintf(buf, REASON_TEXT_MAX, "interface %s%s", interface,
		    text + sizeof("interface") - 1);
	else
		snprintf(buf, REASON_TEXT_MAX, "%s", text);
	return buf;
}
