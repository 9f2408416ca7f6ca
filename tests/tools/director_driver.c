/*
 * A director without the rest: says to it what the supervisor, failover and the
 * relay would say, line by line, and prints what it answers.
 *
 *     director_driver CONFIG NODE
 *
 * Lines: `claim TERM`, `release`, `know TERM`, `life DEAD` (of the first group,
 * or `claim TERM DEAD`); `servers` (all that the file has, usable), `server
 * SERVICE SERVER USABLE`, `cut SERVICE SERVER`, `kill ID`, `list`; `die` and
 * `stop`, after which another one is begun; `end`.
 */

#include "config/load.h"
#include "core/buf.h"
#include "core/channel.h"
#include "core/fd.h"
#include "core/kernel/msg_kernel.h"
#include "core/liveness.h"
#include "core/proc.h"
#include "core/secret.h"
#include "director/director.h"
#include "proxy/data/end_reason.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	SUPERVISOR,
	FAILOVER,
	RELAY,
	CHANNELS,
	NOBODY = 65534,
	/* What the director's end of a channel is given to. */
	LINE_MAX_BYTES = 256,
};

struct driver {
	const char *path;
	unsigned node;
	struct config *config;
	char *text;
	size_t len;
	struct secret_keys keys;
	pid_t pid;
	int channels[CHANNELS];
	uint32_t ask;
	bool holds; /* the next one does not hear BEGIN */
};

static void
fail(const char *what, int e)
{
	fprintf(stderr, "director_driver: %s: %s\n", what, strerror(-e));
	exit(1);
}

static void
say(struct driver *d, int to, uint16_t type, const struct buf *b, int fd)
{
	const int e = channel_send(
	    d->channels[to], type, b ? b->data : NULL, b ? b->pos : 0, fd);

	if (e < 0)
		fail("sending", e);
}

/* ---- the supervisor ---- */

static void
say_start(struct driver *d)
{
	struct msg_start m = { .version = MSG_VERSION,
		.node = (uint16_t)d->node,
		.workers = 1,
		.max_connections = 1000 };
	struct buf b = BUF_WRITER(MSG_PATH_MAX + 64);
	CLEANUP(fd_close)
	int file = proc_sealed_file("driver.yaml", d->text, d->len);
	CLEANUP(fd_close) int pulse = liveness_create();
	const struct msg_pulse own = { .own = true };
	struct buf p = BUF_WRITER(8);

	if (file < 0 || pulse < 0)
		fail("memory files", -ENOMEM);
	(void)snprintf(m.path, sizeof(m.path), "%s", d->path);
	msg_put_pulse(&p, &own);
	say(d, SUPERVISOR, MSG_PULSE, &p, pulse);
	msg_put_start(&b, &m);
	say(d, SUPERVISOR, MSG_START, &b, file);
}

static void
give_channel(struct driver *d, int which, uint16_t type)
{
	const struct msg_ask m = { .id = ++d->ask };
	struct buf b = BUF_WRITER(8);
	int ends[2];

	fd_close(&d->channels[which]);
	if (channel_pair(ends) < 0)
		fail("a channel", -EMFILE);
	d->channels[which] = ends[0];
	msg_put_ask(&b, &m);
	say(d, SUPERVISOR, type, &b, ends[1]);
	fd_close(&ends[1]);
}

static void
say_begin(struct driver *d)
{
	uint8_t body[1 + sizeof(d->keys.all)];
	struct buf b = buf_writer(body, sizeof(body));

	msg_put_keys(&b, &d->keys);
	say(d, SUPERVISOR, MSG_KEYS, &b, -1);
	say(d, SUPERVISOR, MSG_DIRECTOR_BEGIN, NULL, -1);
	give_channel(d, FAILOVER, MSG_FAILOVER_CHANNEL);
	give_channel(d, RELAY, MSG_RELAY_CHANNEL);
}

/* Anew: it may have been changed. */
static void
read_config(struct driver *d)
{
	int e;

	config_free(d->config);
	d->config = NULL;
	free_str(&d->text);
	e = load_read(d->path, false, NULL, &d->text, &d->len);
	if (e == 0)
		e = load_text(d->path, d->text, d->len, NULL, &d->config);
	if (e < 0)
		fail(d->path, e);
}

static void
spawn(struct driver *d)
{
	const struct proc_user nobody = { NOBODY, NOBODY };
	int ends[2];

	read_config(d);

	for (int i = 0; i < CHANNELS; i++)
		fd_close(&d->channels[i]);
	if (channel_pair(ends) < 0)
		fail("a channel", -EMFILE);
	d->pid = fork();
	if (d->pid == 0) {
		int report[2];

		fd_close(&ends[0]);
		if (pipe(report) == -1)
			_exit(1);
		_exit(director_run(ends[1], report[1], &nobody));
	}
	fd_close(&ends[1]);
	d->channels[SUPERVISOR] = ends[0];
	say_start(d);
}

/* ---- failover and the relay ---- */

static void
say_claim(struct driver *d, uint64_t term, bool peer_dead)
{
	const struct msg_kernel_claim m = { .term = term,
		.peer_dead = peer_dead };
	struct buf b = BUF_WRITER(16);

	msg_kernel_put_claim(&b, &m);
	say(d, FAILOVER, MSG_CLAIM, &b, -1);
}

static void
say_release(struct driver *d)
{
	const struct msg_kernel_release m = { 0 };
	struct buf b = BUF_WRITER(16);

	msg_kernel_put_release(&b, &m);
	say(d, FAILOVER, MSG_RELEASE, &b, -1);
}

static void
put_end(struct msg_kernel_end *e, const union addr *a)
{
	size_t len;
	const uint8_t *bytes = addr_bytes(a, &len);

	if (len == 4)
		e->ip[10] = e->ip[11] = 0xff;
	memcpy(e->ip + sizeof(e->ip) - len, bytes, len);
	e->port = addr_port(a);
}

static void
say_server(struct driver *d, unsigned service, unsigned server, bool usable)
{
	const struct config_server *c =
	    &d->config->services[service].servers[server];
	struct msg_kernel_server m = { .service = (uint16_t)service,
		.server = (uint16_t)server,
		.usable = usable,
		.weight = c->weight,
		.limit = c->max_connections,
		.up_ms = -1 };
	struct buf b = BUF_WRITER(64);

	put_end(&m.at, &c->address);
	msg_kernel_put_server(&b, &m);
	say(d, RELAY, MSG_KERNEL_SERVER, &b, -1);
}

static void
say_servers(struct driver *d)
{
	for (unsigned i = 0; i < d->config->n_services; i++)
		for (unsigned k = 0; k < d->config->services[i].n_servers; k++)
			say_server(d, i, k, true);
	say(d, RELAY, MSG_KERNEL_SERVERS_END, NULL, -1);
}

static void
say_cut(struct driver *d, unsigned service, unsigned server)
{
	const struct msg_kernel_cut m = { .service = (uint16_t)service,
		.server = (uint16_t)server,
		.reason = END_REASON_SERVER_DOWN };
	struct buf b = BUF_WRITER(16);

	msg_kernel_put_cut(&b, &m);
	say(d, RELAY, MSG_KERNEL_CUT, &b, -1);
}

static void
say_kill(struct driver *d, uint64_t id)
{
	const struct msg_kernel_kill m = { .ask = ++d->ask, .id = id };
	struct buf b = BUF_WRITER(16);

	msg_kernel_put_kill(&b, &m);
	say(d, RELAY, MSG_KERNEL_KILL, &b, -1);
}

static void
say_list(struct driver *d)
{
	const struct msg_kernel_list m = {
		.ask = ++d->ask, .service = MSG_KERNEL_ALL, .most = 32
	};
	struct buf b = BUF_WRITER(16);

	msg_kernel_put_list(&b, &m);
	say(d, RELAY, MSG_KERNEL_LIST, &b, -1);
}

/* ---- what it answers ---- */

static void
print_service(struct buf *b)
{
	struct msg_kernel_service m;

	if (msg_kernel_get_service(b, &m) < 0)
		fail("SERVICE", -EBADMSG);
	printf("service %u open %u protected %u silent %u held %u accepted "
	       "%" PRIu64 " refused %" PRIu64 " failed %" PRIu64
	       " retries %" PRIu64 " denied %" PRIu64 " too_many %" PRIu64
	       " in %" PRIu64 " out %" PRIu64 "\n",
	    m.service, m.open, m.protected, m.silent, m.held, m.accepted,
	    m.refused, m.failed, m.retries, m.denied, m.too_many, m.bytes_in,
	    m.bytes_out);
}

static void
print_conn(struct buf *b)
{
	struct msg_kernel_conn m;

	if (msg_kernel_get_conn(b, &m) < 0)
		fail("CONN", -EBADMSG);
	printf("conn %" PRIu64 " service %u server %u phase %u protected %d "
	       "why %u in %" PRIu64 " out %" PRIu64 "\n",
	    m.id, m.service, m.server, m.phase, m.protected, m.why, m.bytes_in,
	    m.bytes_out);
}

static void
print_state(struct buf *b)
{
	struct msg_kernel_state m;

	if (msg_kernel_get_state(b, &m) < 0)
		fail("STATE", -EBADMSG);
	printf("state %u peer %u why %u slots %u used %u valve %d counters",
	    m.work, m.peer, m.why[0], m.slots, m.slots_used, m.valve);
	for (unsigned i = 0; i < MSG_KERNEL_COUNTERS; i++)
		printf(" %" PRIu64, m.counters[i]);
	printf(" reason '%s'\n", m.reason);
}

static void
print_packet(struct driver *d, const struct channel_packet *p)
{
	struct buf b = buf_reader(p->body, p->len);
	struct msg_kernel_killed killed;

	switch (p->type) {
	case MSG_PREPARED:
		printf("prepared\n");
		if (!d->holds)
			say_begin(d);
		d->holds = false;
		break;
	case MSG_READY:
		printf("ready\n");
		break;
	case MSG_STOPPED:
		printf("stopped\n");
		break;
	case MSG_RELEASED:
		printf("released\n");
		break;
	case MSG_KERNEL_SERVICE:
		print_service(&b);
		break;
	case MSG_KERNEL_CONN:
		print_conn(&b);
		break;
	case MSG_KERNEL_LIST_END:
		printf("listed\n");
		break;
	case MSG_KERNEL_STATE:
		print_state(&b);
		break;
	case MSG_KERNEL_KILLED:
		if (msg_kernel_get_killed(&b, &killed) < 0)
			fail("KILLED", -EBADMSG);
		printf("killed %d\n", killed.found);
		break;
	case MSG_KERNEL_ACCUSED:
		printf("accused\n");
		break;
	default: /* not an enum */
		break;
	}
}

/* The supervisor's channel ends with the process. */
static void
hear(struct driver *d, int from)
{
	struct channel_packet p;
	int e;

	while (d->channels[from] != -1 &&
	    (e = channel_recv(d->channels[from], &p)) != -EAGAIN) {
		if (e == 1) {
			print_packet(d, &p);
			continue;
		}
		fd_close(&d->channels[from]);
		if (from == SUPERVISOR) {
			int status = 0;

			(void)waitpid(d->pid, &status, 0);
			printf("ended %d\n", status);
			spawn(d);
		}
	}
}

/* ---- lines ---- */

static void
obey(struct driver *d, const char *line)
{
	unsigned long long id;
	unsigned a, b, c;

	if (sscanf(line, "claim %u %u", &a, &b) == 2)
		say_claim(d, a, b != 0);
	else if (sscanf(line, "claim %u", &a) == 1)
		say_claim(d, a, false);
	else if (strcmp(line, "release") == 0)
		say_release(d);
	else if (strcmp(line, "servers") == 0)
		say_servers(d);
	else if (sscanf(line, "server %u %u %u", &a, &b, &c) == 3)
		say_server(d, a, b, c != 0);
	else if (sscanf(line, "cut %u %u", &a, &b) == 2)
		say_cut(d, a, b);
	else if (sscanf(line, "kill %llu", &id) == 1)
		say_kill(d, id);
	else if (strcmp(line, "list") == 0)
		say_list(d);
	else if (strcmp(line, "hold") == 0)
		d->holds = true;
	else if (strcmp(line, "die") == 0)
		(void)kill(d->pid, SIGKILL);
	else if (strcmp(line, "stop") == 0)
		say(d, SUPERVISOR, MSG_STOP, NULL, -1);
	else
		printf("what? %s\n", line);
}

static void
run(struct driver *d)
{
	char line[LINE_MAX_BYTES];

	for (;;) {
		struct pollfd fds[1 + CHANNELS] = { { .fd = STDIN_FILENO,
		    .events = POLLIN } };

		for (int i = 0; i < CHANNELS; i++)
			fds[1 + i] = (struct pollfd){ .fd = d->channels[i],
				.events = POLLIN };
		(void)poll(fds, 1 + CHANNELS, -1);
		for (int i = 0; i < CHANNELS; i++)
			if (fds[1 + i].revents != 0)
				hear(d, i);
		if (fds[0].revents == 0)
			continue;
		if (fgets(line, sizeof(line), stdin) == NULL ||
		    strcmp(line, "end\n") == 0)
			return;
		line[strcspn(line, "\n")] = '\0';
		obey(d, line);
	}
}

int
main(int argc, char **argv)
{
	static struct driver d = { .channels = { -1, -1, -1 } };

	if (argc != 3) {
		fprintf(stderr, "usage: director_driver CONFIG NODE\n");
		return 2;
	}
	d.path = argv[1];
	d.node = (unsigned)strtoul(argv[2], NULL, 10);
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	(void)setvbuf(stdin, NULL, _IONBF, 0);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (secret_init() < 0)
		return 1;
	/* Both nodes of a lab have the same. */
	d.keys.n = 1;
	memset(d.keys.all[0].bytes, 7, sizeof(d.keys.all[0].bytes));
	spawn(&d);
	run(&d);
	(void)kill(d.pid, SIGKILL);
	(void)waitpid(d.pid, NULL, 0);
	config_free(d.config);
	free(d.text);
	return 0;
}
