#include "failover/peerlink/accept_filter.h"

#include "core/addr.h"

#include <errno.h>
#include <linux/filter.h>
#include <sys/socket.h>

/* Where the sender stands in an IP header. */
#define SENDER_AT_V4 12
#define SENDER_AT_V6 8

#define WORDS_MAX 4

/*
 * A filter on a TCP socket sees the segment from its TCP header on; the IP
 * header is reached by offsets of its own. For each word of the address: load
 * it, and where it is another one jump to the end, which drops.
 */
int
accept_filter_admit_only(int fd, const union addr *who)
{
	struct sock_filter code[2 * WORDS_MAX + 2];
	struct sock_fprog program = { .filter = code };
	size_t len, n = 0;
	const uint8_t *bytes = addr_bytes(who, &len);
	const unsigned at = len == 4 ? SENDER_AT_V4 : SENDER_AT_V6;
	const size_t words = len / 4;

	for (size_t i = 0; i < words; i++) {
		const uint8_t *w = bytes + 4 * i;
		const uint32_t word = (uint32_t)w[0] << 24 |
		    (uint32_t)w[1] << 16 | (uint32_t)w[2] << 8 | w[3];
		const uint8_t to_drop = (uint8_t)(2 * (words - 1 - i) + 1);

		code[n++] =
		    (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		        (uint32_t)SKF_NET_OFF + at + 4 * (uint32_t)i);
		code[n++] = (struct sock_filter)BPF_JUMP(
		    BPF_JMP | BPF_JEQ | BPF_K, word, 0, to_drop);
	}
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, UINT32_MAX);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0);
	program.len = (unsigned short)n;
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program,
	           sizeof(program)) == -1
	    ? -errno
	    : 0;
}
