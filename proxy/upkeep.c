#include "proxy/upkeep.h"

#include "config/config.h"
#include "proxy/dial.h"
#include "proxy/session.h"
#include "proxy/worker.h"

#include <errno.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* Younger ones are likely to be gone soon. */
#define YOUNG_MS 1000

static void
keep_server_alive(struct session *s)
{
	const struct dial_keepalive k =
	    dial_keepalive_of(s->pool->config->keepalive_ms);

	int fd = s->ends[SESSION_SERVER].fd;

	/* Refused, it is no worse than before, and asked once. */
	(void)!dial_keep_alive(fd, &k, true);
	(void)!dial_break_by_default(fd);
	s->kept = true;
}

/*
 * Keepalive sends no probes while data waits to be acknowledged, and
 * TCP_USER_TIMEOUT would also end a client that lives and does not read: its
 * window is closed, but it acknowledges each probe of the window. So: data
 * waits, and no acknowledgement of anything came for as long as keepalive
 * would have waited.
 */
static bool
client_is_gone(const struct session *s)
{
	const struct dial_keepalive k =
	    dial_keepalive_of(s->pool->config->keepalive_ms);
	int fd = s->ends[SESSION_CLIENT].fd;
	struct tcp_info info;
	socklen_t len = sizeof(info);
	int waiting = 0;

	if (k.idle_s == 0 || ioctl(fd, SIOCOUTQ, &waiting) == -1 ||
	    waiting == 0)
		return false;
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == -1)
		return false;
	return info.tcpi_last_ack_recv / 1000 >
	    k.idle_s + k.interval_s * k.probes;
}

void
upkeep_session(struct session *s)
{
	if (s->phase != SESSION_MOVING)
		return;
	if (!s->kept && mono_span_ms(s->info.connected, mono_now()) >= YOUNG_MS)
		keep_server_alive(s);
	if (s->kept && client_is_gone(s))
		session_reset(s, ENDING_CLIENT_GONE, ETIMEDOUT);
}
