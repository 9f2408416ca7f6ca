/*
 * Relays that end, or speak nonsense, while one takes over from the other: one
 * serves in any case, and only one.
 */
#include "proxy/transfer/predecessor.h"

#include "proxy/transfer/service_record.h"
#include "proxy/transfer/transfer_message.h"
#include "proxy/transfer/transfer_wire.h"
#include "tests/lib/succession_lab.h"

/* -- one whose words are the test's --------------------------------------
 */

static void
tell(int channel, enum transfer_message_type type, uint32_t number)
{
	const struct transfer_message m = { .type = (uint8_t)type,
		.number = number };
	struct buf b = BUF_WRITER(TRANSFER_MESSAGE_BYTES_MAX);

	transfer_message_encode(&b, &m);
	assert_int_equal(
	    transfer_wire_send(channel, b.data, b.pos, NULL, 0), 0);
}

/* The next of its words, and the descriptor with it. */
static enum transfer_message_type
hear_of(struct relay *r, int channel, int *ret_fd)
{
	static uint8_t room[TRANSFER_WIRE_BODY_MAX];
	struct transfer_wire_packet p = { .body = room, .room = sizeof(room) };
	struct transfer_message m;
	struct buf b;
	int e;

	while ((e = transfer_wire_recv(channel, &p)) == -EAGAIN) {
		run(r);
		(void)poll(NULL, 0, 1);
	}
	assert_int_equal(e, 1);
	*ret_fd = p.n_fds == 1 ? fd_take(&p.fds[0]) : -1;
	transfer_wire_close(&p);
	b = buf_reader(p.body, p.len);
	assert_int_equal(transfer_message_decode(&b, &m), 0);
	return (enum transfer_message_type)m.type;
}

/* It has all, and ends before it serves: who gave serves again. */
static void
one_that_dies_with_all_leaves_one_that_serves(void **state)
{
	struct lab *l = lab_new();
	char servers[256];
	int channel[2], workers[WORKERS], fd;

	(void)state;
	servers_of(l, "one", servers);
	l->relay = relay_new(l, servers, WORKERS);
	start(l->relay);
	wait_open(l);
	assert_int_equal(channel_pair(channel), 0);
	take(l->relay, MSG_SUCCESSOR, channel[0]);
	tell(channel[1], TRANSFER_MESSAGE_HELLO, WORKERS);
	for (unsigned i = 0; i < WORKERS; i++) {
		assert_int_equal(hear_of(l->relay, channel[1], &workers[i]),
		    TRANSFER_MESSAGE_WORKER);
		assert_int_not_equal(workers[i], -1);
	}
	while (hear_of(l->relay, channel[1], &fd) != TRANSFER_MESSAGE_GATHERED)
		;
	for (unsigned i = 0; i < WORKERS; i++) {
		tell(workers[i], TRANSFER_MESSAGE_GO, 0);
		assert_int_equal(
		    hear_of(l->relay, workers[i], &fd), TRANSFER_MESSAGE_END);
		fd_close(&workers[i]);
	}
	/* For longer than it looks again. */
	for (unsigned i = 0; i < 20; i++) {
		run(l->relay);
		(void)poll(NULL, 0, 2);
	}
	assert_false(l->relay->ended);
	fd_close(&channel[1]);
	while (l->relay->succession.successor != NULL) {
		assert_false(l->relay->ended);
		run(l->relay);
		(void)poll(NULL, 0, 1);
	}
	come(l);
	succeed(l, servers, WORKERS);
	all_speak(l, 1);
	lab_free(l);
}

/* It speaks no sense before it gives anything: no two are to serve. */
static void
one_that_is_told_nonsense_ends(void **state)
{
	struct lab *l = lab_new();
	char servers[256];
	int channel;

	(void)state;
	servers_of(l, "one", servers);
	l->relay = begin(l, servers, WORKERS, &channel);
	tell(channel, TRANSFER_MESSAGE_TAKEN, 0);
	while (!l->relay->ended) {
		run(l->relay);
		(void)poll(NULL, 0, 1);
	}
	assert_false(l->relay->taken);
	fd_close(&channel);
	lab_free(l);
}

/* It ends before it has said all: its workers must not wait to be asked. */
static void
one_that_goes_alone_leaves_no_worker_waiting(void **state)
{
	const struct transfer_message m = { .type = TRANSFER_MESSAGE_WORKER };
	struct buf b = BUF_WRITER(TRANSFER_MESSAGE_BYTES_MAX);
	struct lab *l = lab_new();
	struct pollfd end;
	char servers[256];
	int channel, workers[2];

	(void)state;
	servers_of(l, "one", servers);
	l->relay = begin(l, servers, WORKERS, &channel);
	assert_int_equal(channel_pair(workers), 0);
	transfer_message_encode(&b, &m);
	assert_int_equal(
	    transfer_wire_send(channel, b.data, b.pos, &workers[1], 1), 0);
	fd_close(&workers[1]);
	fd_close(&channel);
	while (!l->relay->taken) {
		run(l->relay);
		(void)poll(NULL, 0, 1);
	}
	end = (struct pollfd){ .fd = workers[0], .events = POLLIN };
	assert_int_equal(poll(&end, 1, 0), 1);
	assert_true((end.revents & POLLHUP) != 0);
	fd_close(&workers[0]);
	lab_free(l);
}

/* -- who stays with the one before --------------------------------------
 */

/* What `channel` says next of the server, of which there is `ret_load`. */
static void
hear_load(struct relay *r, int channel, uint32_t *ret_load)
{
	static uint8_t room[TRANSFER_WIRE_BODY_MAX];
	struct transfer_wire_packet p = { .body = room, .room = sizeof(room) };
	struct transfer_message m;
	struct service_record record;
	bool found = false;
	struct buf b;
	int e;

	while (!found) {
		while ((e = transfer_wire_recv(channel, &p)) == -EAGAIN) {
			run(r);
			(void)poll(NULL, 0, 1);
		}
		assert_int_equal(e, 1);
		transfer_wire_close(&p);
		b = buf_reader(p.body, p.len);
		assert_int_equal(transfer_message_decode(&b, &m), 0);
		while (m.type == TRANSFER_MESSAGE_STATE && b.pos < b.len) {
			assert_int_equal(service_record_decode(&b, &record), 0);
			if (strcmp(record.server, "one") != 0)
				continue;
			*ret_load = record.load;
			found = true;
		}
	}
}

/*
 * The other end of a relay that gives, which has all that is known by now; and
 * a copy of its own.
 */
static int
begin_to_take(struct lab *l, int ret_workers[static WORKERS], int *ret_ours)
{
	char servers[256];
	int channel[2], fd;

	servers_of(l, "one", servers);
	l->relay = relay_new(l, servers, WORKERS);
	start(l->relay);
	wait_open(l);
	for (unsigned i = 0; i < 3; i++)
		come(l);
	assert_int_equal(channel_pair(channel), 0);
	*ret_ours = dup(channel[0]);
	take(l->relay, MSG_SUCCESSOR, channel[0]);
	tell(channel[1], TRANSFER_MESSAGE_HELLO, WORKERS);
	for (unsigned i = 0; i < WORKERS; i++)
		assert_int_equal(hear_of(l->relay, channel[1], &ret_workers[i]),
		    TRANSFER_MESSAGE_WORKER);
	while (hear_of(l->relay, channel[1], &fd) != TRANSFER_MESSAGE_GATHERED)
		;
	return channel[1];
}

/* It is told of them, also where its channel is full for a while. */
static void
who_stays_is_told_of(void **state)
{
	const struct transfer_message junk = { .type = TRANSFER_MESSAGE_GIVEN };
	struct buf b = BUF_WRITER(TRANSFER_MESSAGE_BYTES_MAX);
	struct lab *l = lab_new();
	uint32_t load = 0;
	int workers[WORKERS], ours;
	int channel = begin_to_take(l, workers, &ours);

	(void)state;
	/* No worker takes any, so all stay. */
	for (unsigned i = 0; i < WORKERS; i++)
		fd_close(&workers[i]);
	transfer_message_encode(&b, &junk);
	while (transfer_wire_send(ours, b.data, b.pos, NULL, 0) == 0)
		;
	fd_close(&ours);
	tell(channel, TRANSFER_MESSAGE_DONE, 0);
	while (l->relay->left == UINT32_MAX) {
		run(l->relay);
		(void)poll(NULL, 0, 1);
	}
	assert_int_equal(l->relay->left, 3);
	hear_load(l->relay, channel, &load);
	assert_int_equal(load, 3);
	fd_close(&l->clients[0]);
	fd_close(&l->peers[0]);
	hear_load(l->relay, channel, &load);
	assert_int_equal(load, 2);
	fd_close(&channel);
	for (unsigned i = 0; i < 3; i++) {
		fd_close(&l->clients[i]);
		fd_close(&l->peers[i]);
	}
	while (!l->relay->ended) {
		run(l->relay);
		(void)poll(NULL, 0, 1);
	}
	lab_free(l);
}

/* Many records come in a packet. */
static void
each_record_is_taken(void **state)
{
	const struct transfer_message m = { .type = TRANSFER_MESSAGE_STATE };
	struct service_record records[] = {
		{ .service = "s", .total = 7 },
		{ .service = "s", .server = "one", .total = 5 },
		{ .service = "s", .server = "one", .total = 2 },
	};
	struct buf b = BUF_WRITER(4 * SERVICE_RECORD_BYTES_MAX);
	struct lab *l = lab_new();
	struct services *services;
	char servers[256];
	int channel;

	(void)state;
	servers_of(l, "one", servers);
	l->relay = begin(l, servers, WORKERS, &channel);
	services = &l->relay->services;
	transfer_message_encode(&b, &m);
	for (size_t i = 0; i < ARRAY_LEN(records); i++)
		service_record_encode(&b, &records[i]);
	assert_int_equal(
	    transfer_wire_send(channel, b.data, b.pos, NULL, 0), 0);
	tell(channel, TRANSFER_MESSAGE_GATHERED, 0);
	while (!l->relay->taken)
		run(l->relay);
	assert_int_equal(services_sum_service(services, 0).sum.total, 7);
	assert_int_equal(services_sum_server(services, 0).total, 7);
	fd_close(&channel);
	lab_free(l);
}

/* A place each, until there are fewer, or that relay has ended. */
static void
who_stays_has_a_place_here(void **state)
{
	const struct transfer_message m = { .type = TRANSFER_MESSAGE_STATE };
	struct service_record record = {
		.service = "s", .server = "one", .load = 5
	};
	struct buf b = BUF_WRITER(SERVICE_RECORD_BYTES_MAX);
	struct lab *l = lab_new();
	struct pool_view view = { 0 };
	struct pool *pool;
	char servers[256];
	int channel;

	(void)state;
	servers_of(l, "one", servers);
	l->relay = begin(l, servers, WORKERS, &channel);
	pool = services_pool(&l->relay->services, 0);
	transfer_message_encode(&b, &m);
	service_record_encode(&b, &record);
	/* Those that are yet to come are not counted, then those that stay. */
	assert_int_equal(
	    transfer_wire_send(channel, b.data, b.pos, NULL, 0), 0);
	tell(channel, TRANSFER_MESSAGE_GATHERED, 0);
	while (!l->relay->taken)
		run(l->relay);
	pool_look(pool, &pool->servers[0], &view);
	assert_int_equal(view.load, 0);
	assert_int_equal(
	    transfer_wire_send(channel, b.data, b.pos, NULL, 0), 0);
	while (view.load != 5) {
		run(l->relay);
		pool_look(pool, &pool->servers[0], &view);
	}
	fd_close(&channel);
	while (view.load != 0) {
		run(l->relay);
		pool_look(pool, &pool->servers[0], &view);
	}
	lab_free(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_dies_with_all_leaves_one_that_serves),
		cmocka_unit_test(one_that_is_told_nonsense_ends),
		cmocka_unit_test(one_that_goes_alone_leaves_no_worker_waiting),
		cmocka_unit_test(each_record_is_taken),
		cmocka_unit_test(who_stays_is_told_of),
		cmocka_unit_test(who_stays_has_a_place_here),
	};

	if (secret_init() < 0)
		return EXIT_FAILURE;
	TEST_MAIN(tests);
}
