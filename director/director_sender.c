#include "director/director_sender.h"

#include "core/addr.h"
#include "core/fd.h"
#include "core/secret.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>

/* One system call takes so many. */
#define TOGETHER 256

#define LOOPBACK "lo"

struct director_sender {
	int own; /* AF_PACKET, at the loopback interface */
	int raw4, raw6;
	uint32_t mark, loopback;
	uint64_t lost;
	unsigned n;
	struct director_packet packets[TOGETHER];
	struct sockaddr_ll to[2]; /* IPv4, IPv6 */
	struct iovec parts[TOGETHER];
	struct mmsghdr messages[TOGETHER];
};

static int
open_raw(int family)
{
	return socket(
	    family, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_RAW);
}

/* Protocol 0: it hears nothing. */
static int
open_own(struct director_sender *s)
{
	const int mark = (int)s->mark;

	s->own =
	    socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->own == -1)
		return -errno;
	if (setsockopt(s->own, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) == -1)
		return -errno;
	for (unsigned i = 0; i < ARRAY_LEN(s->to); i++)
		s->to[i] = (struct sockaddr_ll){ .sll_family = AF_PACKET,
			.sll_protocol = htons(i == 0 ? ETH_P_IP : ETH_P_IPV6),
			.sll_ifindex = (int)s->loopback,
			.sll_halen = ETH_ALEN };
	return 0;
}

static int
open_all(struct director_sender *s)
{
	int e = secret_init();

	if (e < 0)
		return e;
	while (s->mark == 0)
		secret_random(&s->mark, sizeof(s->mark));
	s->loopback = if_nametoindex(LOOPBACK);
	if (s->loopback == 0)
		return -ENODEV;
	e = open_own(s);
	if (e < 0)
		return e;
	s->raw4 = open_raw(AF_INET);
	if (s->raw4 == -1)
		return -errno;
	s->raw6 = open_raw(AF_INET6); /* -1: the host has no IPv6 */
	return 0;
}

int
director_sender_open(struct director_sender **ret_sender)
{
	struct director_sender *s = calloc(1, sizeof(*s));
	int e;

	if (s == NULL)
		return -ENOMEM;
	s->own = s->raw4 = s->raw6 = -1;
	e = open_all(s);
	if (e < 0) {
		director_sender_close(s);
		return e;
	}
	*ret_sender = s;
	return 0;
}

void
director_sender_close(struct director_sender *s)
{
	if (s == NULL)
		return;
	fd_close(&s->own);
	fd_close(&s->raw4);
	fd_close(&s->raw6);
	free(s);
}

uint32_t
director_sender_mark(const struct director_sender *s)
{
	return s->mark;
}

uint32_t
director_sender_loopback(const struct director_sender *s)
{
	return s->loopback;
}

void
director_sender_put(struct director_sender *s, const struct director_packet *p)
{
	struct director_packet *kept;

	if (s->n == TOGETHER)
		director_sender_flush(s);
	kept = &s->packets[s->n];
	*kept = *p;
	s->parts[s->n] = (struct iovec){ kept->bytes, kept->len };
	s->messages[s->n].msg_hdr = (struct msghdr){
		.msg_name = &s->to[kept->is_v6 ? 1 : 0],
		.msg_namelen = sizeof(s->to[0]),
		.msg_iov = &s->parts[s->n],
		.msg_iovlen = 1,
	};
	s->n++;
}

/* One that the kernel refuses is left out; the next ones may still go. */
void
director_sender_flush(struct director_sender *s)
{
	unsigned at = 0;

	while (at < s->n) {
		const int sent = sendmmsg(s->own, s->messages + at, s->n - at,
		    MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent > 0) {
			at += (unsigned)sent;
		} else if (errno != EINTR) {
			s->lost++;
			at++;
		}
	}
	s->n = 0;
}

void
director_sender_reject(
    struct director_sender *s, const struct director_packet *p)
{
	union addr to = { 0 };
	const int fd = p->is_v6 ? s->raw6 : s->raw4;

	if (p->is_v6) {
		to.in6.sin6_family = AF_INET6;
		memcpy(&to.in6.sin6_addr, p->bytes + 24, 16);
	} else {
		to.in.sin_family = AF_INET;
		memcpy(&to.in.sin_addr, p->bytes + 16, 4);
	}
	if (sendto(fd, p->bytes, p->len, MSG_DONTWAIT | MSG_NOSIGNAL, &to.sa,
	        addr_len(&to)) == -1)
		s->lost++;
}

uint64_t
director_sender_lost(const struct director_sender *s)
{
	return s->lost;
}
