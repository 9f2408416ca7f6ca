#include "failover/reason.h"

#include <inttypes.h>
#include <stdio.h>

static const char *
words(enum election_reason reason)
{
	switch (reason) {
	case ELECTION_UNCHANGED:
		return "unchanged";
	case ELECTION_NO_PEER:
		return "no peer heard";
	case ELECTION_PEER_SILENT:
		return "peer silent";
	case ELECTION_PEER_IDLE:
		return "peer is preferred, but did not claim";
	case ELECTION_PEER_RESIGNED:
		return "peer resigned";
	case ELECTION_PEER_FAULT:
		return "peer in fault";
	case ELECTION_PEER_MASTER:
		return "peer is master";
	case ELECTION_PREFERRED:
		return "preferred to the peer";
	case ELECTION_PEER_PREFERRED:
		return "peer is preferred";
	case ELECTION_OUTRANKED_TERM:
		return "two masters, peer claimed later";
	case ELECTION_OUTRANKED_RANK:
		return "two masters, peer is preferred";
	case ELECTION_PEER_DEAF:
		return "two masters, peer does not hear us";
	case ELECTION_CONTESTED:
		return "two masters, peer has to yield";
	case ELECTION_UNCONTESTED:
		return "peer yielded, announcing again";
	case ELECTION_INTERFACE_MISSING:
		return "interface is missing";
	case ELECTION_INTERFACE_DOWN:
		return "interface is down";
	case ELECTION_INTERFACE_CARRIER:
		return "interface lost its carrier";
	case ELECTION_RELAY_STARTING:
		return "relay does not serve yet";
	case ELECTION_RELAY_GONE:
		return "relay stopped serving";
	case ELECTION_RECOVERED:
		return "able to serve again";
	case ELECTION_LATE:
		return "own process stood still";
	case ELECTION_REFUSED:
		return "address refused by the kernel";
	case ELECTION_RETRY:
		return "trying again";
	case ELECTION_STOPPED:
		return "stopped";
	case ELECTION_RESTORED:
		return "failover process restarted";
	}
	return "?";
}

const char *
reason_text(const struct election_out *out, const char *interface,
    char buf[static REASON_TEXT_MAX])
{
	const char *text = words(out->reason);

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
