#include "hapair/cli/host_peer.h"

#include "core/fd.h"
#include "core/mono.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A network that needs longer is none for heartbeats. */
#define CONNECT_MS 1000

/* For heartbeats, of which some may be lost; but no longer than anybody waits.
 */
#define HEAR_MIN_MS 1200U
#define HEAR_MAX_MS 3000U

/*
 * An empty datagram each time. Of refusals a kernel sends some at once, and
 * then one a second, to us or to the daemon that runs here: each is as good.
 */
#define PROBE_MS 50

#define UDP_HEADER 8
#define ICMP_HEADER 8
#define IPV6_HEADER 40

/*
 * Each of these is asked so that the peer's log has nothing of it: a connection
 * that ends without a word, a datagram without one; and heartbeats are heard by
 * a raw socket, which takes them from nobody and holds no port.
 */
struct path {
	union addr self, other; /* with the pair's port at the peer */
	char self_text[ADDR_TEXT_MAX], other_text[ADDR_TEXT_MAX];
	uint16_t port;
	int tcp; /* 0, or -errno; -ECONNREFUSED is an answer, too */
	enum {
		SILENT,
		HEARD,  /* a heartbeat */
		CLOSED, /* its kernel says that nobody has the port */
	} udp;
};

/* The wire's port, from where the wire would come. Returns 0 or -errno. */
static int
knock(const struct path *p)
{
	CLEANUP(fd_close)
	int fd = socket(p->self.sa.sa_family,
	    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct pollfd ready = { .fd = fd, .events = POLLOUT };
	int error = 0;
	socklen_t len = sizeof(error);

	if (fd == -1 || bind(fd, &p->self.sa, addr_len(&p->self)) == -1)
		return -errno;
	if (connect(fd, &p->other.sa, addr_len(&p->other)) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return -errno;
	if (poll(&ready, 1, CONNECT_MS) != 1)
		return -ETIMEDOUT;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1)
		return -errno;
	return -error;
}

/* Who may not hear everything hears nothing, and learns the rest. */
static int
open_socket(const struct path *p, int type, int protocol)
{
	CLEANUP(fd_close)
	int fd = socket(p->self.sa.sa_family,
	    type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
	union addr other = p->other;

	if (type == SOCK_RAW)
		addr_set_port(&other, 0);
	if (fd == -1 || bind(fd, &p->self.sa, addr_len(&p->self)) == -1 ||
	    connect(fd, &other.sa, addr_len(&other)) == -1)
		return -errno;
	return fd_take(&fd);
}

/* More than a header, for the port; before it an IPv4 one, of its own length.
 */
static bool
is_heartbeat(const struct path *p, const uint8_t *packet, size_t len)
{
	const size_t skip = p->self.sa.sa_family == AF_INET && len > 0
	    ? (packet[0] & 15) * 4U
	    : 0;

	if (len <= skip + UDP_HEADER)
		return false;
	packet += skip;
	return (packet[2] << 8 | packet[3]) == p->port;
}

static bool
hears(const struct path *p, int raw)
{
	uint8_t packet[2048];
	ssize_t n;

	while (raw >= 0 &&
	    (n = recv(raw, packet, sizeof(packet), MSG_DONTWAIT)) > 0)
		if (is_heartbeat(p, packet, (size_t)n))
			return true;
	return false;
}

/*
 * "Port unreachable", with the header of what was sent behind its own: RFC 792,
 * RFC 4443 s. 3.1.
 */
static bool
is_refusal(const struct path *p, const uint8_t *packet, size_t len)
{
	const bool v4 = p->self.sa.sa_family == AF_INET;
	const size_t skip = v4 && len > 0 ? (packet[0] & 15) * 4U : 0;
	const size_t inner = skip + ICMP_HEADER;
	size_t udp;

	if (len <= inner || packet[skip] != (v4 ? 3 : 1) ||
	    packet[skip + 1] != (v4 ? 3 : 4))
		return false;
	udp = inner + (v4 ? (packet[inner] & 15) * 4U : IPV6_HEADER);
	return len >= udp + UDP_HEADER &&
	    (packet[udp + 2] << 8 | packet[udp + 3]) == p->port;
}

static bool
hears_refusal(const struct path *p, int icmp)
{
	uint8_t packet[2048];
	ssize_t n;

	while (icmp >= 0 &&
	    (n = recv(icmp, packet, sizeof(packet), MSG_DONTWAIT)) > 0)
		if (is_refusal(p, packet, (size_t)n))
			return true;
	return false;
}

/* A refusal is reported once, by whichever call comes first. */
static bool
is_refused(int fd)
{
	char byte;

	if (fd < 0)
		return false;
	if (recv(fd, &byte, sizeof(byte), MSG_DONTWAIT) == -1 &&
	    errno == ECONNREFUSED)
		return true;
	return send(fd, "", 0, MSG_DONTWAIT | MSG_NOSIGNAL) == -1 &&
	    errno == ECONNREFUSED;
}

static void
listen_for(struct path *p, uint32_t patience_ms)
{
	CLEANUP(fd_close) int raw = open_socket(p, SOCK_RAW, IPPROTO_UDP);
	CLEANUP(fd_close)
	int icmp = open_socket(p, SOCK_RAW,
	    p->self.sa.sa_family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6);
	CLEANUP(fd_close) int fd = open_socket(p, SOCK_DGRAM, 0);
	const struct mono until = mono_add_ms(mono_now(), patience_ms);
	bool closed = false;

	/* One that runs and ends meanwhile is no longer worth a word. */
	while (mono_before(mono_now(), until) && !closed) {
		struct pollfd ready[] = { { .fd = raw, .events = POLLIN },
			{ .fd = icmp, .events = POLLIN },
			{ .fd = fd, .events = POLLIN } };

		closed = is_refused(fd) || hears_refusal(p, icmp);
		if (!closed)
			(void)poll(ready, ARRAY_LEN(ready), PROBE_MS);
		if (hears(p, raw)) {
			p->udp = HEARD;
			return;
		}
	}
	p->udp = closed ? CLOSED : SILENT;
}

static void
tell_silent(struct host_report *m, const char *peer, const struct path *p)
{
	if (p->tcp == 0)
		host_report_tell(m, HOST_REPORT_ERROR,
		    "peer %s: hapair runs at %s, but no heartbeat comes to %s; expected UDP port %u to be open between them",
		    peer, p->other_text, p->self_text, p->port);
	else
		host_report_tell(m, HOST_REPORT_ERROR,
		    "peer %s: %s answers %s by TCP, but by UDP neither a heartbeat comes nor a refusal; expected port %u to be open between them",
		    peer, p->other_text, p->self_text, p->port);
}

/* `wired`: the wire goes this way, and needs TCP. */
static void
tell(struct host_report *m, const char *peer, const struct path *p, bool wired)
{
	const bool answers = p->tcp == 0 || p->tcp == -ECONNREFUSED;

	if (p->udp != SILENT && (answers || !wired))
		host_report_tell(m, HOST_REPORT_OK,
		    "peer %s: %s answers %s, hapair %s there", peer,
		    p->other_text, p->self_text,
		    p->udp == HEARD ? "runs" : "does not run");
	else if (p->udp != SILENT)
		host_report_tell(m, HOST_REPORT_ERROR,
		    "peer %s: %s answers %s by UDP, but not by TCP: %s; expected port %u to be open between them",
		    peer, p->other_text, p->self_text, strerror(-p->tcp),
		    p->port);
	else if (answers)
		tell_silent(m, peer, p);
	else
		host_report_tell(m, HOST_REPORT_ERROR,
		    "peer %s: %s does not answer %s: %s", peer, p->other_text,
		    p->self_text, strerror(-p->tcp));
}

static uint32_t
patience_ms(const struct config_pair *pair)
{
	const uint32_t one = pair->interval_ms + HEAR_MIN_MS;
	const uint32_t some = one + pair->interval_ms * pair->misses;
	const uint32_t most = one > HEAR_MAX_MS ? one : HEAR_MAX_MS;

	return some < most ? some : most;
}

static void
check_path(struct host_report *m, const union addr *self,
    const union addr *other, bool wired)
{
	const struct config_pair *pair = &m->config->pair;
	struct path p = { .self = *self, .other = *other, .port = pair->port };

	(void)addr_format_ip(self, p.self_text);
	(void)addr_format_ip(other, p.other_text);
	addr_set_port(&p.other, pair->port);
	p.tcp = knock(&p);
	if (p.tcp == -EADDRNOTAVAIL) {
		host_report_tell(m, HOST_REPORT_ERROR,
		    "this machine does not have %s", p.self_text);
		return;
	}
	listen_for(&p, patience_ms(pair));
	tell(m, pair->nodes[1 - m->node].name, &p, wired);
	m->peer_runs |= p.udp == HEARD;
}

void
host_peer_check(struct host_report *m)
{
	const struct config_node *self = &m->config->pair.nodes[m->node];
	const struct config_node *other = &m->config->pair.nodes[1 - m->node];

	check_path(m, &self->address, &other->address, true);
	for (size_t i = 0; i < self->n_links; i++)
		check_path(m, &self->links[i], &other->links[i], false);
}
