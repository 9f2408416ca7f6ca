#include "failover/peerlink/peer_line.h"

#include "core/fd.h"

#include <sys/socket.h>

/* As heartbeats: see heartbeat_socket.c. */
#define PRIORITY 7

/* Two round trips, or a SYN that was lost: then better another try. */
#define PROVE_MS 1000

/*
 * After so much a rest of so many milliseconds, 16 MB a second: twice what an
 * honest peer sends when it tells of all its connections. Who sends more waits.
 */
#define REST_BYTES (64 * 1024)
#define REST_MS 4

void
peer_line_init(struct peer_line *l, struct ev_loop *loop,
    const struct stream_line_calls *calls, void *arg)
{
	const struct stream_line_setup setup = { .loop = loop,
		.calls = calls,
		.arg = arg,
		.priority = EV_MINPRI,
		.prove_ms = PROVE_MS,
		.rest_bytes = REST_BYTES,
		.rest_ms = REST_MS,
		.spare_bytes = 2 * PEER_CODEC_FRAME_MAX,
		.in = l->in,
		.in_bytes = sizeof(l->in),
		.out = l->out,
		.out_bytes = sizeof(l->out) };

	stream_line_init(&l->line, &setup);
}

int
peer_line_set_options(int fd, bool v6)
{
	/* After IP_TOS, which sets a priority of its own. */
	static const struct fd_option priority = { SOL_SOCKET, SO_PRIORITY,
		PRIORITY };
	int e = stream_line_set_options(fd, v6);

	return e < 0 ? e : fd_set_options(fd, &priority, 1);
}
