#include "director/conn_made.h"

#include "director/conn_step.h"

/* The ends have ended it, as the program has seen. */
static void
is_over(const struct conn_step *s)
{
	const struct kernel_conn_seen *seen = &s->ev->seen;

	if (seen->rst)
		conn_step_end(s, END_REASON_CLIENT_DATA, false);
	else
		conn_step_end(s, END_REASON_NORMAL, seen->server_first);
}

/*
 * The present server has refused, or not answered: the next one gets the same
 * SYN, from another port. A server that was silent may have it yet, and answer.
 */
static void
failed(const struct conn_step *s, enum end_reason reason)
{
	const bool silent = reason == END_REASON_SERVER_TIMEOUT;

	conn_step_ask(s, KERNEL_CONN_ACCUSE);
	s->c->failure = reason;
	if (s->c->attempts > s->rules->retries) {
		conn_step_ask(s, KERNEL_CONN_RESET_CLIENT);
		conn_step_end(s, reason, silent);
		return;
	}
	conn_step_leave(s, silent);
	conn_step_choose(s);
}

static void
doubt(const struct conn_step *s)
{
	conn_step_enter(
	    s, KERNEL_CONN_DOUBTED, conn_step_in_ms(s, KERNEL_CONN_ASK_MS));
}

/* Whatever the program may have seen meanwhile. */
static void
open_up(const struct conn_step *s)
{
	conn_step_enter(
	    s, KERNEL_CONN_OPEN, conn_step_in_ms(s, KERNEL_CONN_LOOK_MS));
}

/*
 * The address goes to the peer, and what was withheld here is seen there: if
 * the address comes back, nothing that passed meanwhile is known.
 */
static void
hand_on(const struct conn_step *s, bool withheld)
{
	if (withheld)
		conn_step_ask(s, KERNEL_CONN_LET_PASS);
	s->c->inherited = true;
	conn_step_enter(
	    s, KERNEL_CONN_OPEN, conn_step_in_ms(s, KERNEL_CONN_SWEEP_MS));
}

/* Whether and how it has been answered. */
static void
look_at_connecting(const struct conn_step *s)
{
	const struct kernel_conn_seen *seen = &s->ev->seen;

	if (seen->rst) {
		doubt(s); /* the client's: a server's would be a refusal */
	} else if (seen->syn_ack && seen->established) {
		if (s->rules->first_byte_ms > 0 && !seen->spoken)
			conn_step_enter(s, KERNEL_CONN_SILENT,
			    conn_step_in_ms(s, KERNEL_CONN_LOOK_MS));
		else
			open_up(s);
	} else if (seen->syn_ack &&
	    conn_step_has_lasted(s, KERNEL_CONN_HALF_OPEN_MS)) {
		conn_step_ask(s, KERNEL_CONN_RESET_SERVER);
		conn_step_end(s, END_REASON_CLIENT_CONNECT, true);
	} else if (!seen->syn_ack &&
	    conn_step_has_lasted(s, s->rules->connect_ms)) {
		failed(s, END_REASON_SERVER_TIMEOUT);
	} else {
		s->c->deadline = conn_step_in_ms(s, KERNEL_CONN_LOOK_MS);
	}
}

/* Its server shall get no connections, and has half of one. */
static void
cut_connecting(const struct conn_step *s)
{
	if (s->ev->seen.syn_ack) {
		conn_step_cut(s, s->ev->reason);
		return;
	}
	conn_step_ask(s, KERNEL_CONN_RESET_SERVER);
	if (conn_step_ends_client(s)) {
		conn_step_ask(s, KERNEL_CONN_RESET_CLIENT);
		conn_step_end(s, s->ev->reason, true);
		return;
	}
	conn_step_leave(s, true);
	conn_step_choose(s);
}

/*
 * A RST passed, and now a SYN: another connection, or two lies about a living
 * one. The server knows, and is asked, who answers a living connection with a
 * challenge; of either nothing was seen, and nothing is withheld.
 */
static void
hear_syn_behind_reset(const struct conn_step *s)
{
	conn_step_ask(s, KERNEL_CONN_LET_PASS);
	conn_step_ask(s, KERNEL_CONN_ANEW);
	conn_step_ask(s, KERNEL_CONN_PASS_ON);
	s->c->inherited = true;
	open_up(s);
}

/*
 * A SYN for what is made. Where both have sent FIN, and have each other's, it
 * is another connection. Where that is not sure, the server is asked, too.
 * Else it may be anybody's, from an address that is not theirs: the server is
 * asked. Unless it has the number of the SYN that the peer told of, which
 * nobody guesses: then the peer has died before the answer was passed. A RST
 * that passed meanwhile is what our bare ACKs are answered with by who has no
 * connection yet.
 */
static void
hear_syn(const struct conn_step *s)
{
	const struct kernel_conn_seen *seen = &s->ev->seen;

	const bool fins = seen->fin_client && seen->fin_server;

	if (fins && !seen->fin_unheard) {
		is_over(s);
		conn_step_ask(s, KERNEL_CONN_AGAIN);
	} else if (s->c->inherited && !seen->syn_ack && s->ev->same) {
		conn_step_ask(s, KERNEL_CONN_ANEW);
		conn_step_ask(s, KERNEL_CONN_KEEP);
		conn_step_ask(s, KERNEL_CONN_EMIT);
		conn_step_enter(s, KERNEL_CONN_CONNECTING,
		    conn_step_in_ms(s, KERNEL_CONN_LOOK_MS));
	} else if (seen->rst || fins) {
		hear_syn_behind_reset(s);
	} else {
		conn_step_ask(s, KERNEL_CONN_PASS_ON);
	}
}

/* CONNECTING: the SYN is at the server. A RST of it is a refusal, kept here. */
void
conn_made_connecting(const struct conn_step *s)
{
	switch (s->ev->type) {
	case KERNEL_CONN_SYN:
		if (s->ev->seen
		        .syn_ack) { /* made, and ended, since we looked */
			hear_syn(s);
			break;
		}
		if (s->ev->same) { /* the first, or its answer, was lost */
			conn_step_ask(s, KERNEL_CONN_EMIT);
			break;
		}
		conn_step_ask(s, KERNEL_CONN_RESET_SERVER);
		conn_step_drop(s, true);
		conn_step_ask(s, KERNEL_CONN_AGAIN);
		break;
	case KERNEL_CONN_REFUSED:
		if (s->ev->seen.refused) /* else: the server before did */
			failed(s, s->ev->reason);
		break;
	case KERNEL_CONN_CLOSED:
		if (s->ev->seen.rst)
			doubt(s);
		else if (s->ev->seen.fins_acked)
			is_over(s);
		break;
	case KERNEL_CONN_LOOK:
		if (conn_step_is_due(s))
			look_at_connecting(s);
		break;
	case KERNEL_CONN_CUT:
		cut_connecting(s);
		break;
	case KERNEL_CONN_FAILED:
		conn_step_ask(s, KERNEL_CONN_RESET_CLIENT);
		conn_step_end(s, END_REASON_RESOURCES, true);
		break;
	case KERNEL_CONN_RELEASE:
		hand_on(s, true);
		break;
	case KERNEL_CONN_DELETED:
		conn_step_drop(s, true);
		break;
	case KERNEL_CONN_PLACED: /* it is */
	case KERNEL_CONN_UNPLACED:
	case KERNEL_CONN_ROOM:
	case KERNEL_CONN_CONFIRMED: /* it was */
	case KERNEL_CONN_ADDED:     /* the slot is emptied first */
	case KERNEL_CONN_FOUND:     /* by nobody else */
		break;
	}
}

/*
 * SILENT: the client has its connection, and the server's accept() has not. The
 * client's bare ACKs stay here until it speaks.
 */
static void
look_at_silent(const struct conn_step *s)
{
	const struct kernel_conn_seen *seen = &s->ev->seen;

	if (seen->rst)
		doubt(s);
	else if (seen->spoken)
		open_up(s);
	else if (conn_step_has_lasted(s, s->rules->first_byte_ms))
		conn_step_cut(s, END_REASON_CLIENT_SILENT);
	else
		s->c->deadline = conn_step_in_ms(s, KERNEL_CONN_LOOK_MS);
}

/* How long nothing has passed that this node could have seen. */
static int64_t
idle_ms(const struct conn_step *s)
{
	struct mono last = s->ev->seen.last;

	if (mono_before(last, s->ev->claimed))
		last = s->ev->claimed;
	if (mono_before(last, s->c->since))
		last = s->c->since;
	return mono_span_ms(last, s->now);
}

/* Tells that it was silent for longer than it may. A FIN counts once the other
 * end has it: anybody can send one. */
static bool
is_out_of_time(const struct conn_step *s, enum end_reason *ret_reason)
{
	const struct kernel_conn_seen *seen = &s->ev->seen;
	const struct kernel_conn_rules *r = s->rules;
	const int64_t idle = idle_ms(s);
	const bool half = seen->fin_client != seen->fin_server;

	if (!seen->fin_unheard && half && r->half_closed_ms > 0) {
		*ret_reason = seen->fin_client ? END_REASON_SERVER_HALF
		                               : END_REASON_CLIENT_HALF;
		return idle >= r->half_closed_ms;
	}
	*ret_reason = END_REASON_IDLE;
	return r->idle_ms > 0 && idle >= r->idle_ms;
}

/*
 * After how much silence the ends are asked; 0: never. A FIN that nobody
 * acknowledges was lost or forged, or its receiver is gone: only who is silent
 * then is ended.
 */
static uint32_t
asks_after_ms(const struct conn_step *s)
{
	const struct kernel_conn_seen *seen = &s->ev->seen;
	const uint32_t keepalive = s->rules->keepalive_ms;
	uint32_t fin = s->rules->half_closed_ms;

	if (!seen->fin_unheard)
		return keepalive;
	if (seen->fin_client && seen->fin_server)
		fin = KERNEL_CONN_LAST_ACK_MS;
	if (keepalive == 0 || (fin > 0 && fin < keepalive))
		return fin;
	return keepalive;
}

/* With the sweep, or when a limit would be reached if nothing passed. */
static void
look_again(const struct conn_step *s)
{
	const struct kernel_conn_rules *r = s->rules;
	const uint32_t limits[] = { r->idle_ms, r->half_closed_ms,
		asks_after_ms(s) };
	int64_t soon = KERNEL_CONN_SWEEP_MS;

	for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
		const int64_t left = limits[i] - idle_ms(s);

		if (limits[i] > 0 && left > 0 && left < soon)
			soon = left;
	}
	s->c->deadline = conn_step_in_ms(s, (uint32_t)soon);
}

/*
 * The ends' kernels answer a bare ACK that fits nowhere. Where neither does,
 * for as long as the relay's keepalive would try, both are gone.
 */
static void
keep_alive(const struct conn_step *s)
{
	const uint32_t limit = asks_after_ms(s);

	if (limit == 0 || idle_ms(s) < limit) {
		s->c->probes = 0;
	} else if (s->c->probes == KERNEL_CONN_PROBES) {
		conn_step_cut(s, END_REASON_CLIENT_GONE);
		return;
	} else {
		s->c->probes++;
		conn_step_ask(s, KERNEL_CONN_TICKLE);
	}
	look_again(s);
}

static void
look_at_open(const struct conn_step *s)
{
	enum end_reason reason;

	if (s->ev->seen.rst)
		doubt(s);
	else if (s->ev->seen.fins_acked)
		is_over(s);
	else if (is_out_of_time(s, &reason))
		conn_step_cut(s, reason);
	else
		keep_alive(s);
}

/* SILENT and OPEN: it is made, here or on the other node. */
void
conn_made_step(const struct conn_step *s)
{
	const bool silent = s->c->state == KERNEL_CONN_SILENT;

	switch (s->ev->type) {
	case KERNEL_CONN_SYN:
		hear_syn(s);
		break;
	case KERNEL_CONN_CLOSED:
		if (s->ev->seen.rst)
			doubt(s);
		else if (s->ev->seen.fins_acked)
			is_over(s);
		break;
	case KERNEL_CONN_LOOK:
		if (!conn_step_is_due(s))
			break;
		if (silent)
			look_at_silent(s);
		else
			look_at_open(s);
		break;
	case KERNEL_CONN_CUT:
		conn_step_cut(s, s->ev->reason);
		break;
	case KERNEL_CONN_RELEASE:
		hand_on(s, silent);
		break;
	case KERNEL_CONN_DELETED:
		conn_step_drop(s, true);
		break;
	case KERNEL_CONN_FAILED: /* the peer's: it is not protected here */
		conn_step_drop(s, true);
		break;
	case KERNEL_CONN_PLACED: /* it is */
	case KERNEL_CONN_UNPLACED:
	case KERNEL_CONN_ROOM:
	case KERNEL_CONN_CONFIRMED:
	case KERNEL_CONN_REFUSED: /* it was answered meanwhile */
	case KERNEL_CONN_ADDED:   /* the slot is emptied first */
	case KERNEL_CONN_FOUND:   /* by nobody else */
		break;
	}
}

/*
 * Who is reset answers with a RST, who is not with a bare ACK, which takes the
 * mark back; and where the server has ended it answers that with a RST. It is
 * not asked by us: one that waits for a handshake's last ACK would take ours
 * for somebody else's. Whoever forges one RST may forge more: what counts is
 * the answer.
 */
static void
look_at_doubted(const struct conn_step *s)
{
	const bool asked = conn_step_has_lasted(s, KERNEL_CONN_DOUBT_MS);

	if (!s->ev->seen.rst || (asked && s->ev->seen.answered)) {
		conn_step_ask(s, KERNEL_CONN_GO_ON);
		open_up(s);
	} else if (asked) {
		is_over(s);
	} else {
		conn_step_ask(s, KERNEL_CONN_ASK_CLIENT);
		s->c->deadline = mono_add_ms(s->c->since, KERNEL_CONN_DOUBT_MS);
	}
}

/*
 * DOUBTED: a RST passed. The program can't tell whether it lies in the window,
 * and a spoofed one must not take a living connection's entries.
 */
void
conn_made_doubted(const struct conn_step *s)
{
	switch (s->ev->type) {
	case KERNEL_CONN_SYN:
		hear_syn(s);
		break;
	case KERNEL_CONN_LOOK:
		if (conn_step_is_due(s))
			look_at_doubted(s);
		break;
	case KERNEL_CONN_CUT:
		conn_step_cut(s, s->ev->reason);
		break;
	case KERNEL_CONN_RELEASE:
		hand_on(s, false);
		break;
	case KERNEL_CONN_DELETED:
		conn_step_drop(s, true);
		break;
	case KERNEL_CONN_PLACED: /* it is */
	case KERNEL_CONN_UNPLACED:
	case KERNEL_CONN_ROOM:
	case KERNEL_CONN_CONFIRMED:
	case KERNEL_CONN_REFUSED: /* the mark says as much */
	case KERNEL_CONN_CLOSED:
	case KERNEL_CONN_FAILED:
	case KERNEL_CONN_ADDED: /* the slot is emptied first */
	case KERNEL_CONN_FOUND: /* by nobody else */
		break;
	}
}
