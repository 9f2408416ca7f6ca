#include "failover/election/reason.h"

#include "config/config.h"
#include "core/liveness.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/*
 * As an operator would say it, with a * for the subject. It is read for days
 * after the change: what has passed is told as past, and a fault, which lasts,
 * as what is. A test sees to it that none is missing.
 */
static const char *const words[ELECTION_REASONS] = {
	[ELECTION_UNCHANGED] = "unchanged",
	[ELECTION_NO_PEER] = "no peer was heard",
	[ELECTION_PEER_SILENT] = "peer silent",
	[ELECTION_PEER_IDLE] = "peer was preferred, but did not claim",
	[ELECTION_PEER_RESIGNED] = "peer resigned",
	[ELECTION_PEER_FAULT] = "peer was in fault",
	[ELECTION_PEER_MASTER] = "peer was master",
	[ELECTION_PREFERRED] = "preferred to the peer",
	[ELECTION_PEER_PREFERRED] = "peer was preferred",
	[ELECTION_OUTRANKED_TERM] = "two masters, peer claimed later",
	[ELECTION_OUTRANKED_RANK] = "two masters, peer was preferred",
	[ELECTION_OUTSERVED] = "two masters, peer had served longer",
	[ELECTION_PEER_DEAF] = "two masters, peer did not hear us",
	[ELECTION_CONTESTED] = "two masters, peer had to yield",
	[ELECTION_UNCONTESTED] = "peer yielded, announcing again",
	[ELECTION_INTERFACE_MISSING] = "interface * is missing",
	[ELECTION_INTERFACE_DOWN] = "interface * is down",
	[ELECTION_INTERFACE_CARRIER] = "interface * lost its carrier",
	[ELECTION_RELAY_STARTING] = "relay does not serve yet",
	[ELECTION_RELAY_GONE] = "relay stopped serving",
	[ELECTION_RELAY_STALLED] = "relay * stands still",
	[ELECTION_TRACK_INTERFACE] = "tracked interface * is down",
	[ELECTION_TRACK_SERVICE] = "tracked service * has too few servers up",
	[ELECTION_TRACK_SCRIPT] = "tracked script * failed",
	[ELECTION_CUT_OFF] = "cut off on interface *, and the peer is not",
	[ELECTION_RECOVERED] = "able to serve again",
	[ELECTION_LATE] = "own process stood still",
	[ELECTION_REFUSED] = "address refused by the kernel",
	[ELECTION_RETRY] = "trying again",
	[ELECTION_STOPPED] = "stopped",
	[ELECTION_RESTORED] = "failover process restarted",
	[ELECTION_PEER_DIED] = "peer's processes ended",
	[ELECTION_PEER_RELEASED] = "peer silent, its host has let go",
	[ELECTION_PEER_HANGS] =
	    "peer silent, but its host answered for the addresses",
	[ELECTION_PEER_RENEWS] =
	    "peer is not understood, but its host keeps the addresses",
	[ELECTION_PEER_ECHO] =
	    "peer silent, what answered for the addresses is no living host",
	[ELECTION_CONFLICT] = "address conflict, a third host answered",
	[ELECTION_PEER_SHOWS] = "two masters, peer was not heard",
	[ELECTION_ISOLATED] = "nobody is heard",
	[ELECTION_HANDED_OVER] = "peer handed over",
	[ELECTION_GAVE_OVER] = "handed over to the peer",
	[ELECTION_PAUSED] = "peer silent, but moves are paused",
	[ELECTION_LAST_RESORT] = "at fault, but the peer was no better",
	[ELECTION_ADDRESS_MISSING] = "own address * is missing",
	[ELECTION_OUTRANKED_WELL] = "two masters, peer was less at fault",
	[ELECTION_DISPUTED] = "two masters, peer was not understood",
};

/*
 * The last part of a path: the first ones say nothing that is worth the room.
 */
static const char *
last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? path : slash + 1;
}

/* NULL: this reason is not about what is tracked. */
static const char *
tracked(enum election_reason reason, const struct config_track *t)
{
	if (reason == ELECTION_TRACK_INTERFACE)
		return t->interface;
	if (reason == ELECTION_TRACK_SERVICE)
		return t->service;
	return reason == ELECTION_TRACK_SCRIPT ? last_part(t->script) : NULL;
}

const char *
reason_subject(const struct election_out *out, const struct config_pair *pair,
    const struct config_group *group, char buf[static REASON_SUBJECT_MAX])
{
	const unsigned which = out->which;
	const char *text = NULL;

	if (which < pair->n_tracks)
		text = tracked(out->reason, &pair->tracks[which]);
	if (text == NULL)
		text =
		    group->interfaces[which < group->n_interfaces ? which : 0];
	if (out->reason != ELECTION_RELAY_STALLED)
		(void)snprintf(buf, REASON_SUBJECT_MAX, "%s", text);
	else if (which == LIVENESS_MAIN)
		(void)snprintf(buf, REASON_SUBJECT_MAX, "main thread");
	else
		(void)snprintf(buf, REASON_SUBJECT_MAX, "worker %u",
		    which - LIVENESS_MAIN - 1);
	return buf;
}

/* What is not here is routine, but for what leads to a fault. */
static const enum reason_news news[ELECTION_REASONS] = {
	[ELECTION_PEER_SILENT] = REASON_TAKEOVER,
	[ELECTION_PEER_DIED] = REASON_TAKEOVER,
	[ELECTION_PEER_RELEASED] = REASON_TAKEOVER,
	[ELECTION_PEER_ECHO] = REASON_TAKEOVER,
	[ELECTION_PEER_FAULT] = REASON_TAKEOVER,
	[ELECTION_PEER_IDLE] = REASON_TAKEOVER,
	[ELECTION_LAST_RESORT] = REASON_TAKEOVER,
	[ELECTION_PEER_RESIGNED] = REASON_STOPPED,
	[ELECTION_ISOLATED] = REASON_FAULT,
	[ELECTION_CONFLICT] = REASON_CONFLICT,
	[ELECTION_CONTESTED] = REASON_CONFLICT,
	[ELECTION_DISPUTED] = REASON_CONFLICT,
	[ELECTION_OUTRANKED_RANK] = REASON_CONFLICT,
	[ELECTION_OUTRANKED_TERM] = REASON_CONFLICT,
	[ELECTION_OUTRANKED_WELL] = REASON_CONFLICT,
	[ELECTION_OUTSERVED] = REASON_CONFLICT,
	[ELECTION_PEER_DEAF] = REASON_CONFLICT,
	[ELECTION_PEER_SHOWS] = REASON_CONFLICT,
	[ELECTION_PEER_HANGS] = REASON_DOUBT,
	[ELECTION_PEER_RENEWS] = REASON_DOUBT,
	[ELECTION_PAUSED] = REASON_HELD,
};

enum reason_news
reason_news(enum election_reason reason, enum election_state was,
    enum election_state is)
{
	const enum reason_news kind = news[reason];

	if (kind == REASON_TAKEOVER || kind == REASON_STOPPED)
		return is == ELECTION_MASTER && was != is ? kind
		                                          : REASON_ROUTINE;
	if (kind == REASON_ROUTINE && is == ELECTION_FAULT &&
	    reason != ELECTION_RELAY_STARTING && reason != ELECTION_STOPPED)
		return REASON_FAULT;
	return kind;
}

const char *
reason_text(const struct election_out *out, const char *subject,
    char buf[static REASON_TEXT_MAX])
{
	const char *text = words[out->reason];
	const char *gap = strchr(text, '*');

	if (out->reason == ELECTION_PEER_SILENT)
		(void)snprintf(buf, REASON_TEXT_MAX, "%s for %" PRIu32 " ms",
		    text, out->silent_ms);
	else if (gap != NULL)
		(void)snprintf(buf, REASON_TEXT_MAX, "%.*s%s%s",
		    (int)(gap - text), text, subject, gap + 1);
	else
		(void)snprintf(buf, REASON_TEXT_MAX, "%s", text);
	return buf;
}
