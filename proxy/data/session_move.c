#include "proxy/data/session_move.h"

#include "config/config.h"
#include "proxy/data/conn_report.h"
#include "proxy/data/dial.h"
#include "proxy/data/session.h"
#include "proxy/data/session_end.h"

#include <errno.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* Longer than a few round trips, short for somebody who waits for an end. */
#define PARTING_MS 300

/* How often the kernel is asked what the client has taken meanwhile. */
#define PARTING_LOOK_S 0.005

/* Younger ones are likely to be gone soon: they need no probes yet. */
#define YOUNG_MS 1000

double
session_move_patience(const struct session *s)
{
	const struct config_timeouts *t = &s->pool->config->timeouts;
	bool half = s->flows[0].end_read != s->flows[1].end_read;

	if (half && t->half_closed_ms > 0)
		return t->half_closed_ms / 1000.;
	return t->idle_ms / 1000.;
}

static void
watch_idleness(struct session *s)
{
	double patience = session_move_patience(s);

	if (patience > 0.)
		session_wait(s, patience);
	else
		timers_stop(&s->thread->timers, &s->timer);
}

static void
count_bytes(struct session *s, const uint64_t before[static 2])
{
	int64_t in = (int64_t)(s->flows[SESSION_CLIENT].bytes - before[0]);
	int64_t out = (int64_t)(s->flows[SESSION_SERVER].bytes - before[1]);

	if (in > 0) {
		counters_add(&session_server_counters(s)->bytes_in, in);
		counters_add(&session_service_counters(s)->sum.bytes_in, in);
	}
	if (out > 0) {
		counters_add(&session_server_counters(s)->bytes_out, out);
		counters_add(&session_service_counters(s)->sum.bytes_out, out);
	}
	if (in > 0 || out > 0)
		s->active = s->thread->now;
	s->thread->moved += (uint64_t)(in + out);
}

static enum flow_result
pump(struct session *s, enum session_side from, int *ret_errno)
{
	return flow_pump(&s->flows[from], &s->ends[from], &s->ends[1 - from],
	    &s->thread->tools, ret_errno);
}

static enum flow_result
pump_one(struct session *s, enum session_side from)
{
	uint64_t before[2] = { s->flows[0].bytes, s->flows[1].bytes };
	int ignored;
	enum flow_result r = pump(s, from, &ignored);

	count_bytes(s, before);
	return r;
}

/* -- the last of it ------------------------------------------------------ */

/* Bytes that the client's kernel has acknowledged. */
static uint64_t
count_delivered(const struct session *s)
{
	int waiting = 0;

	if (ioctl(s->ends[SESSION_CLIENT].fd, SIOCOUTQ, &waiting) == -1)
		waiting = 0;
	return s->flows[SESSION_SERVER].bytes - (uint64_t)waiting;
}

static void
reset(struct session *s)
{
	enum end_reason reason = END_REASON_SERVER_DATA;

	/* What keepalive found out. */
	if (s->info.error == ETIMEDOUT || s->info.error == EHOSTUNREACH)
		reason = END_REASON_SERVER_GONE;
	session_end_reset(s, reason, s->info.error);
}

static void
part(struct session *s)
{
	enum flow_result r = pump_one(s, SESSION_SERVER);
	uint64_t delivered = count_delivered(s);
	/* Only its room can be waited for: the server's socket is dead. */
	bool all_sent = r != FLOW_WAITS && r != FLOW_BUSY;

	/* It had said its last word before it broke: the client hears both. */
	if (r == FLOW_ENDED &&
	    flow_pass_end(&s->flows[SESSION_SERVER], &s->ends[SESSION_CLIENT]) <
	        0)
		r = FLOW_WRITE_FAILED;
	if (delivered != s->parting_delivered) {
		s->parting_delivered = delivered;
		s->active = s->thread->now;
	}
	if (s->ends[SESSION_CLIENT].failed || r == FLOW_WRITE_FAILED ||
	    (all_sent && delivered == s->flows[SESSION_SERVER].bytes) ||
	    mono_span_ms(s->active, mono_now()) >= PARTING_MS)
		reset(s);
	else if (r == FLOW_BUSY)
		session_be_busy(s);
	else
		session_wait(s, PARTING_LOOK_S);
}

static void
begin_parting(struct session *s, int error)
{
	struct flow_end *end = &s->ends[SESSION_SERVER];

	s->phase = SESSION_PARTING;
	s->info.error = error;
	s->parting_delivered = 0;
	s->active = s->thread->now;
	end->readable = true;
	end->failed = true;
	part(s);
}

/* -- both flows ----------------------------------------------------------- */

/*
 * One side is gone. A server's last words still go to the client; a client
 * that resets wants nothing any more, and its server hears of it at once,
 * behind what it can take now of the client's words.
 */
static void
side_failed(struct session *s, enum session_side side, int error)
{
	bool gone = error == ETIMEDOUT || error == EHOSTUNREACH;
	enum flow_result r;

	if (side == SESSION_SERVER) {
		begin_parting(s, error);
		return;
	}
	s->ends[side].readable = true;
	s->ends[side].failed = true;
	do
		r = pump_one(s, side);
	while (r == FLOW_BUSY);
	/* It had said its last word before it broke: the server hears both. */
	if (r == FLOW_ENDED)
		(void)!flow_pass_end(&s->flows[side], &s->ends[1 - side]);
	session_end_reset(
	    s, gone ? END_REASON_CLIENT_GONE : END_REASON_CLIENT_DATA, error);
}

/*
 * Both have said their last word and every byte of it is out: closing sends
 * whichever FIN is still to be sent. Otherwise an end is passed on alone, and
 * from now on the other one must not take for ever.
 */
static bool
settle_ends(struct session *s, const enum flow_result r[static 2])
{
	if (r[0] == FLOW_ENDED && r[1] == FLOW_ENDED) {
		session_end_in_order(s);
		return true;
	}
	for (enum session_side from = 0; from < 2; from++) {
		enum session_side to = 1 - from;
		int e;

		if (r[from] != FLOW_ENDED || s->flows[from].end_passed)
			continue;
		e = flow_pass_end(&s->flows[from], &s->ends[to]);
		if (e < 0) {
			side_failed(s, to, -e);
			return true;
		}
		watch_idleness(s);
	}
	return false;
}

static void
settle(struct session *s, const enum flow_result r[static 2], const int e[2])
{
	for (enum session_side from = 0; from < 2; from++) {
		enum session_side to = 1 - from;

		if (r[from] == FLOW_READ_FAILED) {
			side_failed(s, from, e[from]);
			return;
		}
		if (r[from] == FLOW_WRITE_FAILED) {
			side_failed(s, to, e[from]);
			return;
		}
		if (r[from] == FLOW_NO_MEMORY) {
			session_end_reset(s, END_REASON_RESOURCES, ENOMEM);
			return;
		}
		/* Nothing to read, or no room for it: the reset goes first. */
		if (s->ends[from].failed && r[from] != FLOW_BUSY) {
			s->ends[from].spent = true;
			side_failed(s, from, -dial_result(s->ends[from].fd));
			return;
		}
	}
	if (!settle_ends(s, r) && (r[0] == FLOW_BUSY || r[1] == FLOW_BUSY))
		session_be_busy(s);
}

void
session_move_turn(struct session *s)
{
	uint64_t before[2] = { s->flows[0].bytes, s->flows[1].bytes };
	enum flow_result r[2];
	int e[2] = { 0, 0 };

	if (s->phase == SESSION_PARTING) {
		part(s);
		return;
	}
	r[SESSION_CLIENT] = pump(s, SESSION_CLIENT, &e[SESSION_CLIENT]);
	r[SESSION_SERVER] = pump(s, SESSION_SERVER, &e[SESSION_SERVER]);
	count_bytes(s, before);
	settle(s, r, e);
}

void
session_move_on_event(struct session *s)
{
	if (s->is_busy || flow_is_bulk(&s->flows[SESSION_CLIENT]) ||
	    flow_is_bulk(&s->flows[SESSION_SERVER]))
		session_be_busy(s);
	else
		session_move_turn(s);
}

void
session_move_begin(struct session *s)
{
	s->phase = SESSION_MOVING;
	s->active = s->thread->now;
	conn_report_connected(s->thread->conn_report, s);
	watch_idleness(s);
	session_move_turn(s);
}

/*
 * Bytes only move `active`; the timer is looked at when it fires, and set for
 * the rest. So a busy connection costs no timer calls.
 */
static void
check_idleness(struct session *s)
{
	double patience = session_move_patience(s);
	double rest = patience - mono_span_ms(s->active, mono_now()) / 1000.;
	enum end_reason reason = END_REASON_IDLE;

	if (patience <= 0.)
		return;
	if (rest > 0.) {
		session_wait(s, rest);
		return;
	}
	if (s->flows[SESSION_CLIENT].end_read)
		reason = END_REASON_SERVER_HALF;
	else if (s->flows[SESSION_SERVER].end_read)
		reason = END_REASON_CLIENT_HALF;
	session_end_reset(s, reason, ETIMEDOUT);
}

void
session_move_on_timer(struct session *s)
{
	if (s->phase == SESSION_PARTING)
		part(s);
	else
		check_idleness(s);
}

static void
keep_server_alive(struct session *s)
{
	const struct dial_keepalive k =
	    dial_keepalive_of(s->pool->config->keepalive_ms);

	int fd = s->ends[SESSION_SERVER].fd;

	/* Refused, it is no worse than before, and asked once. */
	(void)!dial_keep_alive(fd, &k);
	(void)!dial_break_by_default(fd);
	s->kept = true;
}

/* What keepalive cannot find out, while bytes wait for that peer: see there. */
static bool
is_gone(struct session *s, enum session_side side, struct mono now)
{
	const struct dial_keepalive k =
	    dial_keepalive_of(s->pool->config->keepalive_ms);
	struct dead_peer_facts facts = { 0 };
	int fd = s->ends[side].fd;
	struct tcp_info info;
	socklen_t len = sizeof(info);
	int waiting = 0;

	if (ioctl(fd, SIOCOUTQ, &waiting) == -1)
		return false;
	if (waiting > 0) {
		if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == -1)
			return false;
		facts = dead_peer_facts_of(&info, (uint32_t)waiting);
	}
	return dead_peer_look(
	    &s->peers[side], &facts, dial_patience_ms(&k), now);
}

void
session_move_upkeep(struct session *s)
{
	const struct mono now = mono_now();

	if (s->phase != SESSION_MOVING)
		return;
	if (!s->kept && mono_span_ms(s->info.connected, now) >= YOUNG_MS)
		keep_server_alive(s);
	if (is_gone(s, SESSION_CLIENT, now))
		session_end_reset(s, END_REASON_CLIENT_GONE, ETIMEDOUT);
	else if (is_gone(s, SESSION_SERVER, now))
		session_end_reset(s, END_REASON_SERVER_GONE, ETIMEDOUT);
}
