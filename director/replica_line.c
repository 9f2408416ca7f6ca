#include "director/replica_line.h"

#include "core/buf.h"
#include "core/fd.h"
#include "director/replica_msg.h"

#include <assert.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

/* Where nothing is sent, so many probes of a second each. */
#define PROBE_S 1
#define PROBES 3

/* Some round trips, or a SYN that was lost and came again. */
#define PROVE_MS 2000

void
replica_line_init(struct replica_line *l, struct ev_loop *loop,
    const struct stream_line_calls *calls, void *arg)
{
	const struct stream_line_setup setup = { .loop = loop,
		.calls = calls,
		.arg = arg,
		.prove_ms = PROVE_MS,
		.spare_bytes = REPLICA_LINE_OUT_BYTES - REPLICA_LINE_DUMP_BYTES,
		.in = l->in,
		.in_bytes = sizeof(l->in),
		.out = l->out,
		.out_bytes = sizeof(l->out) };

	stream_line_init(&l->line, &setup);
}

int
replica_line_set_options(int fd, bool v6)
{
	const struct fd_option options[] = {
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },
		{ SOL_TCP, TCP_KEEPIDLE, PROBE_S },
		{ SOL_TCP, TCP_KEEPINTVL, PROBE_S },
		{ SOL_TCP, TCP_KEEPCNT, PROBES },
	};
	int e = stream_line_set_options(fd, v6);

	return e < 0 ? e : fd_set_options(fd, options, ARRAY_LEN(options));
}

void
replica_line_start(struct replica_line *l, int *fd, bool connected,
    const struct replica_codec_keys *keys, bool dials)
{
	l->said_len = 0;
	l->codec = replica_codec_init(keys, dials);
	stream_line_start(&l->line, fd, connected, &l->codec.stream);
}

/* What was said becomes a frame. */
static void
seal(struct replica_line *l)
{
	if (l->said_len > 0 &&
	    stream_line_put(
	        &l->line, REPLICA_CODEC_MSGS, l->said, l->said_len) < 0)
		stream_line_break(&l->line, ENOBUFS);
	l->said_len = 0;
}

void
replica_line_on_turn(struct stream_line *l)
{
	seal(CONTAINER_OF(l, struct replica_line, line));
}

void
replica_line_send(struct replica_line *l, const struct replica_msg *m)
{
	struct buf b = buf_writer(l->said, sizeof(l->said));

	if (sizeof(l->said) - l->said_len < REPLICA_MSG_BYTES_MAX)
		seal(l);
	b.pos = l->said_len;
	replica_msg_encode(&b, m);
	assert(!b.bad);
	l->said_len = b.pos;
	stream_line_speak(&l->line);
}

void
replica_line_flush(struct replica_line *l)
{
	seal(l);
	stream_line_flush(&l->line);
}
