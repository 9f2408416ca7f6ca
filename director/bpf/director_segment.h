#pragma once

/*
 * What a TCP segment means for a connection that passes through: the decisions
 * of the kernel program, as pure functions on values. They are in a header
 * since three compile them: the program (for the kernel), its reference and the
 * model of the director. The program acts on the verdict, atomically where it
 * must; nothing here looks at a packet, a map or a clock.
 *
 * The ends judge segments, not we: a forged one passes like any other, and what
 * it said of the connection's end is taken back by the next honest one.
 */

#include "director/bpf/director_bpf.h"

#include <stdbool.h>

/* Of the TCP header. */
enum director_segment_bit {
	DIRECTOR_SEGMENT_FIN = 0x01,
	DIRECTOR_SEGMENT_SYN = 0x02,
	DIRECTOR_SEGMENT_RST = 0x04,
	DIRECTOR_SEGMENT_ACK = 0x10,
};

struct director_segment {
	/* enum director_bpf_from */
	__u32 from;
	__u32 seq;
	__u32 ack;
	/* Bytes, without SYN and FIN. */
	__u32 payload;
	__u32 bits;
};

/* Of the slot, as it was before. */
struct director_segment_past {
	__u32 flags;
	__u32 client_isn;
	/* Of the end that sends this segment, and of the other one. */
	__u32 own_fin_end;
	__u32 other_fin_end;
};

enum director_segment_action {
	DIRECTOR_SEGMENT_PASS,
	/* Dropped: the server shall not hear of this client yet. */
	DIRECTOR_SEGMENT_HOLD,
	/* Dropped and reported: EVENT_SYN, EVENT_REFUSED. */
	DIRECTOR_SEGMENT_REPORT_SYN,
	DIRECTOR_SEGMENT_REPORT_REFUSED,
};

struct director_segment_verdict {
	enum director_segment_action action;
	/* Flags of the slot. */
	__u32 set;
	__u32 clear;
	/* Its numbers are the connection's: seq_end[] and ack[] follow them. */
	bool numbered;
	__u32 seq_end;
	/* It carries FIN: fin_end[] becomes its seq_end. */
	bool fin;
};

/* a is later than b, in the arithmetic of sequence numbers. */
static inline bool
director_segment_is_after(__u32 a, __u32 b)
{
	return (__s32)(a - b) > 0;
}

static inline bool
director_segment_is_syn(__u32 bits)
{
	return (bits &
	           (DIRECTOR_SEGMENT_SYN | DIRECTOR_SEGMENT_ACK |
	               DIRECTOR_SEGMENT_RST | DIRECTOR_SEGMENT_FIN)) ==
	    DIRECTOR_SEGMENT_SYN;
}

/* The connection is over, as far as the flags tell. */
static inline bool
director_segment_is_end(__u32 flags)
{
	return (flags & DIRECTOR_BPF_RST_ANY) != 0 ||
	    (flags & DIRECTOR_BPF_FIN_ACKED_BOTH) ==
	    DIRECTOR_BPF_FIN_ACKED_BOTH;
}

/* Some FIN was not acknowledged: it may be forged. */
static inline bool
director_segment_has_unheard_fin(__u32 flags)
{
	const __u32 fins = flags & DIRECTOR_BPF_FIN_BOTH;
	const __u32 acked = flags & DIRECTOR_BPF_FIN_ACKED_BOTH;

	return (fins &
	           ~(acked /
	               (DIRECTOR_BPF_FIN_ACKED_CLIENT /
	                   DIRECTOR_BPF_FIN_CLIENT))) != 0;
}

/*
 * Where the SYN is another node's, or another process's, nobody here can try
 * the next server yet: the client shall not hear of the refusal, and repeats
 * its SYN. A server that has the connection does not say number 0 where nothing
 * of it has passed.
 */
static inline bool
director_segment_is_strange_refusal(
    const struct director_segment *s, const struct director_segment_past *past)
{
	return s->from == DIRECTOR_BPF_FROM_SERVER &&
	    (past->flags &
	        (DIRECTOR_BPF_INHERITED | DIRECTOR_BPF_SYN_ACK |
	            DIRECTOR_BPF_SEEN_CLIENT | DIRECTOR_BPF_SEEN_SERVER)) ==
	    DIRECTOR_BPF_INHERITED &&
	    (s->bits & DIRECTOR_SEGMENT_ACK) != 0 && s->seq == 0 &&
	    s->ack == past->client_isn + 1;
}

/* The server's answer to a SYN of ours is a RST that acknowledges it. Another
 * RST may be about an older connection of this port, and the client knows
 * better. */
static inline void
director_segment_on_rst(const struct director_segment *s,
    const struct director_segment_past *past,
    struct director_segment_verdict *v)
{
	if (s->from == DIRECTOR_BPF_FROM_SERVER &&
	    (past->flags & DIRECTOR_BPF_SYN_SENT) != 0 &&
	    (past->flags & DIRECTOR_BPF_SYN_ACK) == 0 &&
	    (s->bits & DIRECTOR_SEGMENT_ACK) != 0 &&
	    s->ack == past->client_isn + 1)
		v->action = DIRECTOR_SEGMENT_REPORT_REFUSED;
	else if (director_segment_is_strange_refusal(s, past))
		v->action = DIRECTOR_SEGMENT_HOLD;
	else
		v->set = DIRECTOR_BPF_RST_CLIENT << s->from;
}

/*
 * Until the server has answered, the process deals with the SYN itself: what it
 * sends on is not quite what the client sent (options, data). Afterwards a SYN
 * is the server's business, which answers an unexpected one with its own
 * numbers; only an ended connection makes room for a new one.
 */
static inline void
director_segment_on_syn(const struct director_segment *s,
    const struct director_segment_past *past,
    struct director_segment_verdict *v)
{
	__u32 fins = past->flags & DIRECTOR_BPF_FIN_BOTH;

	if (s->from == DIRECTOR_BPF_FROM_CLIENT) {
		if (director_segment_is_syn(s->bits) &&
		    ((past->flags & DIRECTOR_BPF_SYN_ACK) == 0 ||
		        (past->flags & DIRECTOR_BPF_RST_ANY) != 0 ||
		        fins == DIRECTOR_BPF_FIN_BOTH))
			v->action = DIRECTOR_SEGMENT_REPORT_SYN;
	} else if ((s->bits & DIRECTOR_SEGMENT_ACK) != 0 &&
	    s->ack == past->client_isn + 1) {
		v->set = DIRECTOR_BPF_SYN_ACK | DIRECTOR_BPF_SEEN_SERVER;
		v->clear = DIRECTOR_BPF_RST_ANY;
		v->numbered = true;
	}
}

/*
 * A FIN ends what its sender says; the last one seen counts, for a forged one
 * may have come first. Behind a FIN is nothing to acknowledge: who has it says
 * its number and no other, and who ignored a forged one never does. TIME_WAIT
 * is at the server if it said FIN before it had heard the client's.
 */
static inline void
director_segment_on_ends(const struct director_segment *s,
    const struct director_segment_past *past,
    struct director_segment_verdict *v)
{
	__u32 own = DIRECTOR_BPF_FIN_CLIENT << s->from;
	__u32 own_acked = DIRECTOR_BPF_FIN_ACKED_CLIENT << s->from;
	__u32 other = own ^ DIRECTOR_BPF_FIN_BOTH;
	bool heard =
	    (past->flags & other) != 0 && s->ack == past->other_fin_end;

	v->fin = (s->bits & DIRECTOR_SEGMENT_FIN) != 0;
	if (v->fin) {
		v->set |= own;
		if (v->seq_end != past->own_fin_end)
			v->clear |= own_acked;
		if (s->from == DIRECTOR_BPF_FROM_SERVER && !heard &&
		    (past->flags & own) == 0)
			v->set |= DIRECTOR_BPF_SERVER_FIRST;
	} else if ((past->flags & own) != 0 &&
	    director_segment_is_after(v->seq_end, past->own_fin_end)) {
		v->clear |= own | own_acked;
		if (s->from == DIRECTOR_BPF_FROM_SERVER)
			v->clear |= DIRECTOR_BPF_SERVER_FIRST;
	}
	if (heard)
		v->set |= own_acked ^ DIRECTOR_BPF_FIN_ACKED_BOTH;
}

/*
 * Data begins behind the client's SYN: a keepalive probe of a silent client may
 * carry one byte before that. What was passed on elsewhere counts as data: the
 * server knows an inherited client, and waits for its acknowledgements.
 */
static inline void
director_segment_on_client(const struct director_segment_past *past,
    struct director_segment_verdict *v)
{
	bool data = director_segment_is_after(v->seq_end, past->client_isn + 1);

	if ((past->flags & (DIRECTOR_BPF_SYN_ACK | DIRECTOR_BPF_INHERITED)) !=
	    0)
		v->set |= DIRECTOR_BPF_ESTABLISHED;
	if (data)
		v->set |= DIRECTOR_BPF_CLIENT_DATA;
	else if ((past->flags & DIRECTOR_BPF_FIRST_BYTE) != 0 &&
	    (past->flags &
	        (DIRECTOR_BPF_CLIENT_DATA | DIRECTOR_BPF_INHERITED)) == 0)
		v->action = DIRECTOR_SEGMENT_HOLD;
}

/*
 * What to do with a segment of a known connection, and what it changes. Without
 * ACK, SYN and RST it is no segment of TCP: the ends ignore it, and so do we.
 */
static inline void
director_segment_judge(const struct director_segment *s,
    const struct director_segment_past *past,
    struct director_segment_verdict *ret_verdict)
{
	struct director_segment_verdict v = { .action = DIRECTOR_SEGMENT_PASS };

	v.seq_end = s->seq + s->payload +
	    ((s->bits & DIRECTOR_SEGMENT_SYN) != 0) +
	    ((s->bits & DIRECTOR_SEGMENT_FIN) != 0);
	if ((s->bits & DIRECTOR_SEGMENT_RST) != 0) {
		director_segment_on_rst(s, past, &v);
	} else if ((s->bits & DIRECTOR_SEGMENT_SYN) != 0) {
		director_segment_on_syn(s, past, &v);
	} else if ((s->bits & DIRECTOR_SEGMENT_ACK) != 0) {
		v.numbered = true;
		v.set = DIRECTOR_BPF_SEEN_CLIENT << s->from;
		v.clear = DIRECTOR_BPF_RST_ANY;
		director_segment_on_ends(s, past, &v);
		if (s->from == DIRECTOR_BPF_FROM_CLIENT)
			director_segment_on_client(past, &v);
	}
	*ret_verdict = v;
}

/* An ICMP error of "unreachable" quotes this number of a packet that went the
 * other way. Of our SYN it is a refusal, as a firewall's REJECT makes it; later
 * it is passed on, for the ends to judge. */
static inline bool
director_segment_is_refusal(
    __u32 from, const struct director_segment_past *past, __u32 quoted_seq)
{
	return from == DIRECTOR_BPF_FROM_SERVER &&
	    (past->flags & DIRECTOR_BPF_SYN_SENT) != 0 &&
	    (past->flags & DIRECTOR_BPF_SYN_ACK) == 0 &&
	    quoted_seq == past->client_isn;
}
