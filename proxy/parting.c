#include "proxy/parting.h"

#include "proxy/session.h"
#include "proxy/worker.h"

#include <errno.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>

/* Longer than a few round trips, short for somebody who waits for an end. */
#define PATIENCE_MS 300

/* How often the kernel is asked what the client has taken. */
#define LOOK_S 0.005

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
	enum ending ending = ENDING_SERVER_DATA;

	/* What keepalive found out. */
	if (s->info.error == ETIMEDOUT || s->info.error == EHOSTUNREACH)
		ending = ENDING_SERVER_GONE;
	session_reset(s, ending, s->info.error);
}

void
parting_begin(struct session *s, int error)
{
	struct flow_end *end = &s->ends[SESSION_SERVER];

	s->phase = SESSION_PARTING;
	s->info.error = error;
	s->parting_delivered = 0;
	s->active = s->worker->now;
	end->readable = true;
	end->failed = true;
	parting_run(s);
}

void
parting_run(struct session *s)
{
	enum flow_result r = session_pump(s, SESSION_SERVER);
	uint64_t delivered = count_delivered(s);
	/* Only its room can be waited for: the server's socket is dead. */
	bool all_sent = r != FLOW_WAITS && r != FLOW_BUSY;

	if (delivered != s->parting_delivered) {
		s->parting_delivered = delivered;
		s->active = s->worker->now;
	}
	if (s->ends[SESSION_CLIENT].failed || r == FLOW_WRITE_FAILED ||
	    (all_sent && delivered == s->flows[SESSION_SERVER].bytes) ||
	    mono_span_ms(s->active, mono_now()) >= PATIENCE_MS)
		reset(s);
	else if (r == FLOW_BUSY)
		session_be_busy(s);
	else
		session_wait(s, LOOK_S);
}
