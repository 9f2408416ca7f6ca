#include "proxy/pool/resolver.h"

#include "core/buf.h"
#include "core/fd.h"
#include "tests/lib/test.h"

#include <ev.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

/*
 * A small name server on loopback, in the loop of the test itself: nothing
 * here needs a network, and what was asked can be counted.
 */

#define TYPE_A 1
#define TYPE_AAAA 28
#define IDS 64
#define ADDRESSES_MAX 4
#define PACKET_MAX 512

enum mood {
	ANSWERS,
	REFUSES_TO_SAY, /* SERVFAIL */
	IS_SILENT,
	WANTS_TCP, /* "truncated" over UDP */
};

struct server {
	int fd, tcp, connection;
	ev_io io, tcp_io, connection_io;
	union addr at;
	enum mood mood;
	const char *name; /* the one it knows */
	const char *addresses[ADDRESSES_MAX];
	uint32_t ttl;
	unsigned asked; /* for an A record */
	unsigned unanswered, answered_by_tcp;
};

/* What resolver.c told of each id. */
struct world {
	struct ev_loop *loop;
	struct resolver *names;
	struct server server;
	unsigned told[IDS], n[IDS];
	char address[IDS][ADDR_TEXT_MAX];
};

/* The name asked for, with dots, and the type. */
static uint16_t
read_question(struct buf *b, char *name, size_t room)
{
	uint8_t len;

	name[0] = '\0';
	while ((len = buf_get_u8(b)) > 0 && !b->bad) {
		char label[64] = "";
		size_t at = strlen(name);

		assert_true(len < sizeof(label));
		buf_get_bytes(b, label, len);
		(void)snprintf(
		    name + at, room - at, "%s%s", at > 0 ? "." : "", label);
	}
	return buf_get_u16(b);
}

/* RFC 1035, section 4.1.3; the name is that of the question, at 12. */
static bool
put_record(struct buf *b, const char *text, uint16_t type, uint32_t ttl)
{
	const uint8_t *bytes;
	union addr a;
	size_t len;

	assert_int_equal(addr_parse_ip(text, &a), 0);
	bytes = addr_bytes(&a, &len);
	if (type != (len == 4 ? TYPE_A : TYPE_AAAA))
		return false;
	buf_put_u16(b, 0xc00c);
	buf_put_u16(b, type);
	buf_put_u16(b, 1);
	buf_put_u32(b, ttl);
	buf_put_u16(b, (uint16_t)len);
	buf_put_bytes(b, bytes, len);
	return true;
}

/* Header and records of the answer, after the question, which it repeats. */
static size_t
answer(struct server *s, uint8_t *packet, size_t len, bool truncated)
{
	struct buf in = buf_reader(packet, len), out;
	char name[256];
	bool known;
	uint16_t type, records = 0;

	in.pos = 12;
	type = read_question(&in, name, sizeof(name));
	known = strcmp(name, s->name) == 0;
	s->asked += known && type == TYPE_A;
	out = buf_writer(packet, PACKET_MAX);
	out.pos = in.pos + 2; /* the class */
	for (size_t i = 0; i < ADDRESSES_MAX; i++)
		if (s->mood != REFUSES_TO_SAY && !truncated && known &&
		    s->addresses[i] != NULL)
			records +=
			    put_record(&out, s->addresses[i], type, s->ttl);
	len = out.pos;
	out.pos = 2;
	/* A reply, authoritative. */
	buf_put_u8(&out, truncated ? 0x87 : 0x85);
	buf_put_u8(&out,
	    s->mood == REFUSES_TO_SAY ? 0x82
	        : known               ? 0x80
	                              : 0x83);
	buf_put_u16(&out, 1);
	buf_put_u16(&out, records);
	buf_put_u32(&out, 0);
	return len;
}

static void
on_question(struct ev_loop *loop, ev_io *io, int revents)
{
	struct server *s = CONTAINER_OF(io, struct server, io);
	uint8_t packet[PACKET_MAX];
	union addr from;
	socklen_t from_len = sizeof(from);
	ssize_t n =
	    recvfrom(s->fd, packet, sizeof(packet), 0, &from.sa, &from_len);

	(void)loop;
	(void)revents;
	assert_true(n > 12);
	if (s->mood == IS_SILENT) {
		s->unanswered++;
		return;
	}
	n = (ssize_t)answer(s, packet, (size_t)n, s->mood == WANTS_TCP);
	assert_int_equal(
	    sendto(s->fd, packet, (size_t)n, 0, &from.sa, from_len), n);
}

/* RFC 1035, section 4.2.2: each message after its length. */
static void
on_tcp_question(struct ev_loop *loop, ev_io *io, int revents)
{
	struct server *s = CONTAINER_OF(io, struct server, connection_io);
	uint8_t length[2], packet[PACKET_MAX];
	size_t len;

	(void)revents;
	if (recv(s->connection, length, 2, 0) != 2) {
		ev_io_stop(loop, io);
		fd_close(&s->connection);
		return;
	}
	len = (size_t)length[0] << 8 | length[1];
	assert_true(len < sizeof(packet));
	assert_int_equal(
	    recv(s->connection, packet, len, MSG_WAITALL), (ssize_t)len);
	len = answer(s, packet, len, false);
	length[0] = (uint8_t)(len >> 8);
	length[1] = (uint8_t)len;
	assert_int_equal(send(s->connection, length, 2, 0), 2);
	assert_int_equal(send(s->connection, packet, len, 0), (ssize_t)len);
	s->answered_by_tcp++;
}

static void
on_tcp_client(struct ev_loop *loop, ev_io *io, int revents)
{
	struct server *s = CONTAINER_OF(io, struct server, tcp_io);

	(void)revents;
	assert_int_equal(s->connection, -1);
	s->connection = accept(s->tcp, NULL, NULL);
	ev_io_init(&s->connection_io, on_tcp_question, s->connection, EV_READ);
	ev_io_start(loop, &s->connection_io);
}

static void
server_open(struct server *s, struct ev_loop *loop)
{
	socklen_t len = sizeof(s->at);

	s->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	s->tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	/* First of the kind of which few are free beside other tests. */
	assert_int_equal(bind(s->tcp, &s->at.sa, addr_len(&s->at)), 0);
	assert_int_equal(getsockname(s->tcp, &s->at.sa, &len), 0);
	assert_int_equal(bind(s->fd, &s->at.sa, addr_len(&s->at)), 0);
	assert_int_equal(listen(s->tcp, 5), 0);
	ev_io_init(&s->io, on_question, s->fd, EV_READ);
	ev_io_init(&s->tcp_io, on_tcp_client, s->tcp, EV_READ);
	ev_io_start(loop, &s->io);
	ev_io_start(loop, &s->tcp_io);
	s->connection = -1;
}

static void
server_close(struct server *s, struct ev_loop *loop)
{
	ev_io_stop(loop, &s->io);
	fd_close(&s->fd);
	ev_io_stop(loop, &s->tcp_io);
	fd_close(&s->tcp);
	ev_io_stop(loop, &s->connection_io);
	fd_close(&s->connection);
}

static void
on_change(void *arg, unsigned id, const union addr *all, unsigned n)
{
	struct world *w = arg;

	assert_in_range(id, 0, IDS - 1);
	w->told[id]++;
	w->n[id] = n;
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(addr_port(&all[i]), 0);
	addr_format_ip(&all[0], w->address[id]);
}

static void
on_late(struct ev_loop *loop, ev_timer *t, int revents)
{
	(void)revents;
	ev_timer_stop(loop, t);
}

/* Turns the loop until `id` was told `times` times; false after `s` seconds. */
static bool
wait_told(struct world *w, unsigned id, unsigned times, double s)
{
	ev_timer limit;

	ev_now_update(w->loop);
	ev_timer_init(&limit, on_late, s, 0.);
	ev_timer_start(w->loop, &limit);
	while (ev_is_active(&limit) && w->told[id] < times)
		ev_run(w->loop, EVRUN_ONCE);
	ev_timer_stop(w->loop, &limit);
	return w->told[id] >= times;
}

/* Lets time pass, in which `id` must be told nothing. */
static void
pass_quietly(struct world *w, unsigned id, double s)
{
	assert_false(wait_told(w, id, w->told[id] + 1, s));
}

/* The first address of id 0. */
static void
learn(struct world *w)
{
	assert_int_equal(resolver_add(w->names, "db.hapair.test", 0), 0);
	assert_true(wait_told(w, 0, 1, 20));
}

static void
world_init(struct world *w)
{
	*w = (struct world){
		.loop = ev_loop_new(EVFLAG_AUTO),
		.server = { .fd = -1, .name = "db.hapair.test", .ttl = 1 },
	};
	assert_int_equal(addr_parse_ip("127.0.0.1", &w->server.at), 0);
	server_open(&w->server, w->loop);
	w->names = resolver_new(w->loop, on_change, w);
	assert_non_null(w->names);
	assert_int_equal(resolver_use_server(w->names, &w->server.at), 0);
}

static void
world_fini(struct world *w)
{
	resolver_free(w->names);
	if (w->server.fd != -1)
		server_close(&w->server, w->loop);
	ev_loop_destroy(w->loop);
}

static void
a_name_gets_its_address_and_then_another(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	w.server.addresses[0] = "10.0.0.1";
	assert_int_equal(resolver_add(w.names, "db.hapair.test", 7), 0);
	assert_int_equal(w.told[7], 0); /* not from within resolver_add */
	assert_true(wait_told(&w, 7, 1, 20));
	assert_text(w.address[7], "10.0.0.1");
	w.server.addresses[0] = "10.0.0.2";
	assert_true(wait_told(&w, 7, 2, 20)); /* after its TTL of 1 s */
	assert_text(w.address[7], "10.0.0.2");
	world_fini(&w);
}

static void
the_present_address_stays_while_it_is_an_answer(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	w.server.addresses[0] = "10.0.0.9";
	learn(&w);
	/* Both first and last of them, whatever c-ares sorts by. */
	w.server.addresses[0] = "10.0.0.1";
	w.server.addresses[1] = "10.0.0.9";
	w.server.addresses[2] = "192.0.2.1";
	assert_true(wait_told(&w, 0, 2, 20));
	assert_text(w.address[0], "10.0.0.9");
	assert_int_equal(w.n[0], 3);
	/* Again, and in another order. */
	w.server.addresses[0] = "192.0.2.1";
	w.server.addresses[2] = "10.0.0.1";
	w.server.asked = 0;
	pass_quietly(&w, 0, 2.5);
	assert_in_range(w.server.asked, 2, 3);
	w.server.addresses[0] = "2001:db8::7";
	w.server.addresses[1] = NULL;
	assert_true(wait_told(&w, 0, 3, 20));
	assert_string_not_equal(w.address[0], "10.0.0.9");
	world_fini(&w);
}

/* For as long as it does; then a new answer counts. */
static void
whatever_goes_wrong_the_last_good_address_stays(void **state)
{
	static const struct {
		const char *name;
		enum mood mood;
		const char *address;
	} rows[] = {
		{ "server failure", REFUSES_TO_SAY, "10.0.0.3" },
		{ "silence", IS_SILENT, "10.0.0.3" },
		{ "an empty answer", ANSWERS, NULL },
		{ "an address that is none", ANSWERS, "0.0.0.0" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct world w;

		test_row(rows[i].name);
		world_init(&w);
		w.server.addresses[0] = "10.0.0.1";
		learn(&w);
		w.server.mood = rows[i].mood;
		w.server.addresses[0] = rows[i].address;
		pass_quietly(&w, 0, 1.6);
		/* A new id is told all the same. */
		assert_int_equal(resolver_add(w.names, "DB.hapair.test", 1), 0);
		assert_true(wait_told(&w, 1, 1, 20));
		assert_text(w.address[1], "10.0.0.1");
		w.server.mood = ANSWERS;
		w.server.addresses[0] = "10.0.0.2";
		assert_true(wait_told(&w, 0, 2, 20));
		assert_text(w.address[0], "10.0.0.2");
		assert_text(w.address[1], "10.0.0.2");
		world_fini(&w);
	}
}

static void
a_long_answer_comes_over_tcp(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	w.server.mood = WANTS_TCP;
	w.server.addresses[0] = "10.0.0.1";
	learn(&w);
	assert_text(w.address[0], "10.0.0.1");
	assert_true(w.server.answered_by_tcp >= 2);
	w.server.addresses[0] = "10.0.0.2"; /* on another connection */
	assert_true(wait_told(&w, 0, 2, 20));
	world_fini(&w);
}

static void
failures_are_asked_for_ever_less_often(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	w.server.mood = REFUSES_TO_SAY;
	assert_int_equal(resolver_add(w.names, "db.hapair.test", 0), 0);
	pass_quietly(&w, 0, 3.5);
	/* At 0, 1 and 3 s, and c-ares tries each twice. */
	assert_int_equal(w.server.asked, 6);
	world_fini(&w);
}

static void
the_hosts_file_counts_and_asks_nobody(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	w.server.name = "localhost";
	w.server.addresses[0] = "10.0.0.1";
	assert_int_equal(resolver_add(w.names, "localhost", 3), 0);
	assert_true(wait_told(&w, 3, 1, 20));
	if (strcmp(w.address[3], "::1") != 0)
		assert_text(w.address[3], "127.0.0.1");
	assert_int_equal(w.server.asked, 0);
	world_fini(&w);
}

static void
a_dead_name_server_may_come_later(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	server_close(&w.server, w.loop);
	w.server.addresses[0] = "10.0.0.1";
	assert_int_equal(resolver_add(w.names, "db.hapair.test", 0), 0);
	pass_quietly(&w, 0, 1.5);
	server_open(&w.server, w.loop);
	assert_true(wait_told(&w, 0, 1, 20));
	assert_text(w.address[0], "10.0.0.1");
	world_fini(&w);
}

static void
one_name_of_several_ids_is_asked_for_once(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	w.server.addresses[0] = "10.0.0.1";
	w.server.ttl = 600;
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(resolver_add(w.names, "db.hapair.test", i), 0);
	for (unsigned id = 0; id < 10; id++)
		assert_true(wait_told(&w, id, 1, 20));
	pass_quietly(&w, 0, 0.2);
	assert_int_equal(w.server.asked, 1);
	for (unsigned id = 0; id < 10; id++)
		assert_int_equal(w.told[id], 1);
	world_fini(&w);
}

/* 40 names: 8 more than are asked for at once. */
static void
many_names_are_not_asked_for_at_once(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	w.server.mood = IS_SILENT;
	for (unsigned id = 0; id < 40; id++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "n%u.hapair.test", id);
		assert_int_equal(resolver_add(w.names, name, id), 0);
	}
	pass_quietly(&w, 0, 0.5);
	assert_int_equal(w.server.unanswered, 2 * 32); /* A and AAAA */
	pass_quietly(&w, 0, 3.0); /* two tries, then it is the others' turn */
	assert_true(w.server.unanswered >= 2 * (2 * 32 + 8));
	world_fini(&w);
}

static void
it_may_end_at_any_moment(void **state)
{
	(void)state;
	for (int mood = ANSWERS; mood <= WANTS_TCP; mood++)
		for (unsigned turns = 0; turns < 8; turns++) {
			struct world w;

			world_init(&w);
			w.server.mood = (enum mood)mood;
			w.server.addresses[0] = "10.0.0.1";
			assert_int_equal(
			    resolver_add(w.names, "db.hapair.test", 0), 0);
			assert_int_equal(resolver_add(w.names, "nobody", 1), 0);
			for (unsigned k = 0; k < turns; k++)
				ev_run(w.loop, EVRUN_NOWAIT);
			world_fini(&w);
		}
	resolver_free(NULL);
}

static void
put_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

/* For files of our own in /etc, and a loopback whose port 53 is free. */
static bool
leave_the_host(void)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd, r;

	if (geteuid() != 0 || unshare(CLONE_NEWNS | CLONE_NEWNET) == -1 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1)
		return false;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	r = ioctl(fd, SIOCSIFFLAGS, &lo);
	fd_close(&fd);
	return r == 0;
}

/* From here on the file at `path` is another, empty one. */
static bool
cover(const char *path, char *file)
{
	int fd = mkstemp(file);
	bool covered = fd != -1 && mount(file, path, NULL, MS_BIND, NULL) == 0;

	fd_close(&fd);
	(void)unlink(file);
	return covered;
}

/* The last test: it does not come back. */
static void
resolv_conf_is_read_again_when_it_changes(void **state)
{
	char resolv_conf[] = "/tmp/test_names.XXXXXX";
	struct server other = { .fd = -1, .name = "db.hapair.test", .ttl = 1 };
	struct world w = { .server = other };

	(void)state;
	if (!leave_the_host() || !cover("/etc/resolv.conf", resolv_conf))
		skip(); /* not root: no names of our own */
	put_file("/etc/resolv.conf", "nameserver 127.0.0.1\n");
	w.loop = ev_loop_new(EVFLAG_AUTO);
	assert_int_equal(addr_parse("127.0.0.1:53", &w.server.at), 0);
	assert_int_equal(addr_parse("127.0.0.2:53", &other.at), 0);
	w.server.addresses[0] = "10.0.0.1";
	other.addresses[0] = "10.0.0.2";
	server_open(&w.server, w.loop);
	server_open(&other, w.loop);
	w.names = resolver_new(w.loop, on_change, &w);
	learn(&w);
	assert_text(w.address[0], "10.0.0.1");
	put_file("/etc/resolv.conf", "nameserver 127.0.0.2\n");
	assert_true(wait_told(&w, 0, 2, 20));
	assert_text(w.address[0], "10.0.0.2");
	server_close(&other, w.loop);
	world_fini(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_gets_its_address_and_then_another),
		cmocka_unit_test(
		    the_present_address_stays_while_it_is_an_answer),
		cmocka_unit_test(
		    whatever_goes_wrong_the_last_good_address_stays),
		cmocka_unit_test(a_long_answer_comes_over_tcp),
		cmocka_unit_test(failures_are_asked_for_ever_less_often),
		cmocka_unit_test(the_hosts_file_counts_and_asks_nobody),
		cmocka_unit_test(a_dead_name_server_may_come_later),
		cmocka_unit_test(one_name_of_several_ids_is_asked_for_once),
		cmocka_unit_test(many_names_are_not_asked_for_at_once),
		cmocka_unit_test(it_may_end_at_any_moment),
		cmocka_unit_test(resolv_conf_is_read_again_when_it_changes),
	};

	TEST_MAIN(tests);
}
