/*
 * Two nodes, each with the three that have to do with what is agreed on: the
 * supervisor's store, failover's part and the relay's, as they are shipped,
 * over real channels. Between the nodes is a wire that holds two frames, ends
 * and comes back. As the seed decides operators say something on either node,
 * mastership moves and is heard of late, and any process ends: failover, the
 * relay, or all of a node, with a disk that is up to date or not. A failover
 * may lie about what the peer has said, and a disk be what lies have left
 * behind. When all of that is over both nodes know the same, and both relays
 * act by it.
 */
#include "hapair/supervisor/state_store.h"

#include "config/config.h"
#include "core/buf.h"
#include "core/channel.h"
#include "core/fd.h"
#include "core/log.h"
#include "failover/state_sync.h"
#include "hapair/supervisor/child.h"
#include "hapair/supervisor/state_file.h"
#include "proxy/control/server_admin.h"
#include "proxy/control/standby_run.h"
#include "proxy/pool/pool.h"
#include "proxy/services.h"
#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define SEEDS 300
#define TURNS 300
#define SERVICES 2
#define SERVERS 3
#define STORE 1 /* the service of mode standby */
#define FRAMES_MAX 2

static struct config_server servers[SERVERS] = {
	{ .name = "s1", .weight = 1 },
	{ .name = "s2", .weight = 1 },
	{ .name = "s3", .weight = 1 },
};
static struct config_service services[SERVICES] = {
	{ .name = "web", .servers = servers, .n_servers = SERVERS },
	{ .name = "store",
	    .mode = CONFIG_MODE_STANDBY,
	    .servers = servers,
	    .n_servers = SERVERS },
};
static struct config_group group = { .name = "main" };
static struct config config = { .services = services,
	.n_services = SERVICES,
	.has_pair = true,
	.pair = { .groups = &group, .n_groups = 1 } };

struct frame {
	enum peer_link_type type;
	size_t len;
	uint8_t body[CHANNEL_BODY_MAX];
};

struct node {
	uint8_t index;
	struct state_store store;
	struct child failover, relay; /* as the supervisor has them */
	int failover_end, relay_end;  /* as they have the supervisor */
	struct msg_group groups[1];   /* as the supervisor has heard */
	struct msg_group seen[1];     /* as the relay has */
	enum msg_group_state truth;   /* as failover knows */
	struct state_sync sync;
	struct server_admin admin;
	struct services services;
	struct pool pools[SERVICES];
	char *disk;
	struct frame to_peer[FRAMES_MAX];
	unsigned n_frames;
};

static struct node nodes[2];
static bool is_joined;

static bool
chance(unsigned one_in)
{
	return (unsigned)random() % one_in == 0;
}

/* -- the wire ----------------------------------------------------------- */

static int
on_send(void *arg, enum peer_link_type type, const void *body, size_t len)
{
	struct node *n = arg;
	struct frame *f = &n->to_peer[n->n_frames];

	if (!is_joined || n->n_frames == FRAMES_MAX)
		return -1;
	f->type = type;
	f->len = len;
	memcpy(f->body, body, len);
	n->n_frames++;
	return 0;
}

static void
on_restart(void *arg, const char *why)
{
	(void)arg;
	fail_msg("the supervisor reads: %s", why);
}

static void
cut(void)
{
	is_joined = false;
	nodes[0].n_frames = nodes[1].n_frames = 0;
}

static void
heal(void)
{
	cut();
	is_joined = true;
	state_sync_meet_peer(&nodes[0].sync);
	state_sync_meet_peer(&nodes[1].sync);
}

/* One frame arrives. False: there is none. */
static bool
carry(struct node *from)
{
	struct state_sync *to = &nodes[1 - from->index].sync;
	struct frame f = from->to_peer[0];

	if (from->n_frames == 0)
		return false;
	from->n_frames--;
	from->to_peer[0] = from->to_peer[1];
	assert_int_equal(
	    f.type, f.len > 0 ? PEER_LINK_ACCORDS : PEER_LINK_ACCORDS_END);
	assert_true(state_sync_take_from_peer(to, f.body, f.len));
	state_sync_pay(&from->sync);
	return true;
}

/* -- a node's processes ------------------------------------------------- */

static void
connect_role(struct child *role, int *end)
{
	int ends[2];

	fd_close(&role->channel);
	fd_close(end);
	assert_int_equal(channel_pair(ends), 0);
	*role =
	    (struct child){ .name = "role", .channel = ends[0], .ready = true };
	*end = ends[1];
}

static void
start_failover(struct node *n)
{
	static const struct state_sync_calls calls = { .send = on_send,
		.restart = on_restart };

	cut();
	connect_role(&n->failover, &n->failover_end);
	state_sync_close(&n->sync);
	state_sync_init(
	    &n->sync, ev_default_loop(0), n->failover_end, &calls, n);
	state_store_meet(&n->store, &n->failover);
}

static void
stop_relay(struct node *n)
{
	server_admin_fini(&n->admin);
	for (unsigned i = 0; n->admin.standby_run != NULL && i < SERVICES; i++)
		pool_fini(&n->pools[i]);
}

static void
start_relay(struct node *n)
{
	struct standby_run_setup setup = { .loop = ev_default_loop(0),
		.config = &config,
		.services = &n->services,
		.groups = n->seen,
		.node = n->index };

	stop_relay(n);
	connect_role(&n->relay, &n->relay_end);
	n->services = (struct services){ .shared = { .pools = n->pools } };
	for (unsigned i = 0; i < SERVICES; i++) {
		assert_int_equal(
		    pool_init(&n->pools[i], &services[i], i, 0), 0);
		for (unsigned k = 0; k < SERVERS; k++) {
			n->pools[i].servers[k].has_address = true;
			pool_set_state(&n->pools[i], &n->pools[i].servers[k],
			    SERVER_UP, mono_now());
		}
	}
	n->seen[0].state = MSG_GROUP_INIT;
	setup.supervisor = n->relay_end;
	assert_int_equal(server_admin_init(&n->admin, &setup), 0);
	state_store_meet(&n->store, &n->relay);
}

static void
save(struct node *n)
{
	free(n->disk);
	n->disk = state_file_text(&n->store.all);
	assert_non_null(n->disk);
}

/* As an earlier version left it, which took what anybody said. */
static void
poison(struct shared_state *all)
{
	for (size_t i = 0; i < all->n; i++) {
		all->all[i].epoch = ACCORD_EPOCH_MAX - (unsigned)random() % 2;
		all->all[i].own = false;
	}
}

/* The whole node, from what is on its disk. */
static void
start(struct node *n)
{
	const struct state_store_setup setup = { .loop = ev_default_loop(0),
		.config = &config,
		.node = n->index,
		.groups = n->groups,
		.failover = &n->failover,
		.relay = &n->relay };

	state_store_fini(&n->store);
	assert_int_equal(state_store_init(&n->store, &setup), 0);
	if (n->disk != NULL)
		assert_int_equal(
		    state_file_parse(n->disk, strlen(n->disk), &n->store.all),
		    0);
	if (chance(4))
		poison(&n->store.all);
	n->groups[0].state = n->truth = MSG_GROUP_INIT;
	start_failover(n);
	start_relay(n);
}

/* -- what happens ------------------------------------------------------- */

/* One packet to this end of the node. False: there is none. */
static bool
hear(struct node *n, unsigned who)
{
	const int ends[] = { n->failover.channel, n->relay.channel,
		n->failover_end, n->relay_end };
	struct channel_packet p;

	if (channel_recv(ends[who], &p) != 1)
		return false;
	switch (who) {
	case 0:
		assert_int_equal(
		    state_store_take(&n->store, &n->failover, &p), 0);
		break;
	case 1:
		assert_int_equal(state_store_take(&n->store, &n->relay, &p), 0);
		break;
	case 2:
		assert_int_equal(p.type, MSG_FOR_PEER);
		assert_int_equal(state_sync_take(&n->sync, &p), 0);
		break;
	default:
		assert_int_equal(server_admin_take(&n->admin, &p), 0);
		break;
	}
	fd_close(&p.fd);
	return true;
}

static void
order(struct node *n)
{
	static const char *const words[] = { "ready", "drain", "maint",
		"weight=0", "weight=1", "weight=7", "activate", "reset" };
	char request[64];
	int ends[2];

	(void)snprintf(request, sizeof(request), "server %s/s%ld %s",
	    services[random() % SERVICES].name, 1 + random() % SERVERS,
	    words[(size_t)random() % ARRAY_LEN(words)]);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	state_store_obey(&n->store, request, &ends[0]);
	fd_close(&ends[0]);
	fd_close(&ends[1]);
}

/* Of this failover: any words of the peer, about what there is and is not. */
static void
lie(struct node *n)
{
	static const char *const names[] = { "web", "store", "gone" };
	const uint64_t epochs[] = { 1, 5, ACCORD_EPOCH_REACH,
		2 * ACCORD_EPOCH_REACH, ACCORD_EPOCH_MAX };
	struct buf b = BUF_WRITER(10 * ACCORD_BYTES_MAX);

	for (unsigned i = (unsigned)random() % 10; i > 0; i--) {
		struct accord a = { .kind = ACCORD_ADMIN,
			.value = (uint16_t)(random() % 3),
			.epoch = epochs[(size_t)random() % ARRAY_LEN(epochs)],
			.node = (uint8_t)(random() % 2) };

		if (chance(3)) {
			a.kind = ACCORD_ACTIVE;
			a.value = 0;
		}
		strcpy(a.subject, names[random() % 3]);
		(void)snprintf(a.server, sizeof(a.server), "s%ld",
		    1 + random() % (a.kind == ACCORD_ADMIN ? 5 : SERVERS));
		accord_put(&b, &a);
	}
	if (b.pos > 0)
		assert_int_equal(channel_send(n->failover_end, MSG_ACCORDS,
		                     b.data, b.pos, -1),
		    0);
}

static void
supervisor_learns_the_truth(struct node *n)
{
	n->groups[0].state = n->truth;
	state_store_look(&n->store);
}

static void
relay_learns_the_truth(struct node *n)
{
	n->seen[0].state = n->truth;
	standby_run_look_at_groups(n->admin.standby_run);
}

static void
turn(void)
{
	struct node *n = &nodes[random() & 1];

	if (chance(3))
		order(n);
	if (chance(10))
		lie(n);
	if (chance(6))
		n->truth = chance(2) ? MSG_GROUP_MASTER : MSG_GROUP_BACKUP;
	if (chance(3))
		supervisor_learns_the_truth(n);
	if (chance(3))
		relay_learns_the_truth(n);
	if (chance(10))
		save(n);
	if (chance(30))
		cut();
	if (!is_joined ? chance(5) : chance(60))
		heal();
	if (chance(50))
		start_failover(n);
	if (chance(50))
		start_relay(n);
	if (chance(120))
		start(n);
	for (unsigned i = (unsigned)random() % 12; i > 0; i--) {
		n = &nodes[random() & 1];
		if (chance(5))
			(void)carry(n);
		else
			(void)hear(n, (unsigned)random() % 4);
	}
}

/* Until nobody has anything to say. */
static void
settle(void)
{
	bool more = true;

	for (unsigned rounds = 0; more; rounds++) {
		more = false;
		for (unsigned i = 0; i < 2; i++) {
			for (unsigned who = 0; who < 4; who++)
				more = hear(&nodes[i], who) || more;
			more = carry(&nodes[i]) || more;
		}
		assert_in_range(rounds, 0, 10000);
	}
}

/* It is quiet: the wire is up, one is master, and all know that. */
static void
come_to_rest(void)
{
	nodes[0].truth = MSG_GROUP_BACKUP;
	nodes[1].truth = MSG_GROUP_MASTER;
	heal();
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < 2; i++) {
			/* What waits for its second has waited for it. */
			nodes[i].store.places.choices[STORE].until = mono_now();
			supervisor_learns_the_truth(&nodes[i]);
			relay_learns_the_truth(&nodes[i]);
		}
		settle();
	}
}

/* -- what must be so ---------------------------------------------------- */

static void
assert_same(unsigned seed)
{
	const struct shared_state *a = &nodes[0].store.all;
	const struct shared_state *b = &nodes[1].store.all;

	if (a->n != b->n)
		fail_msg("seed %u: %zu accords and %zu", seed, a->n, b->n);
	for (size_t i = 0; i < a->n; i++)
		if (accord_compare(&a->all[i], &b->all[i]) != 0 ||
		    accord_is_newer(&a->all[i], &b->all[i]) ||
		    accord_is_newer(&b->all[i], &a->all[i]))
			fail_msg("seed %u: %s/%s differs", seed,
			    a->all[i].subject, a->all[i].server);
}

static void
assert_acted_on(struct node *n, unsigned service, unsigned server)
{
	struct pool *p = &n->pools[service];
	const char *name = services[service].name;
	const struct shared_state *all = &n->store.all;
	const struct accord *a =
	    shared_state_find(all, ACCORD_ADMIN, name, servers[server].name);
	const struct accord *w =
	    shared_state_find(all, ACCORD_WEIGHT, name, servers[server].name);
	struct pool_view view;

	pool_look(p, &p->servers[server], &view);
	assert_int_equal(view.admin, a != NULL ? a->value : ACCORD_READY);
	assert_int_equal(view.weight,
	    w != NULL && w->value != ACCORD_AS_CONFIGURED ? w->value : 1);
}

static void
assert_active(struct node *n, unsigned seed)
{
	const struct accord *a =
	    shared_state_find(&n->store.all, ACCORD_ACTIVE, "store", "");
	const int active = a != NULL ? a->server[1] - '1' : 0;
	const struct standby *s =
	    standby_run_standby(n->admin.standby_run, STORE);

	if (n->pools[STORE].active != active || (int)s->active != active)
		fail_msg("seed %u: node %u has s%d active, and not s%d", seed,
		    n->index, n->pools[STORE].active + 1, active + 1);
	assert_int_equal(s->epoch, a != NULL ? a->epoch : 0);
	assert_true(n->store.known);
	assert_false(n->store.places.choices[STORE].waits);
}

static void
clean_up(void)
{
	for (unsigned i = 0; i < 2; i++) {
		struct node *n = &nodes[i];

		stop_relay(n);
		state_sync_close(&n->sync);
		state_store_fini(&n->store);
		fd_close(&n->failover.channel);
		fd_close(&n->relay.channel);
		fd_close(&n->failover_end);
		fd_close(&n->relay_end);
		free(n->disk);
	}
}

static unsigned agreed, chosen;

static void
run(unsigned seed)
{
	srandom(seed);
	for (unsigned i = 0; i < 2; i++) {
		nodes[i] = (struct node){ .index = (uint8_t)i,
			.failover = { .channel = -1 },
			.relay = { .channel = -1 },
			.failover_end = -1,
			.relay_end = -1 };
		start(&nodes[i]);
	}
	for (unsigned i = 0; i < TURNS; i++)
		turn();
	come_to_rest();
	assert_same(seed);
	for (unsigned i = 0; i < 2; i++) {
		for (unsigned s = 0; s < SERVICES * SERVERS; s++)
			assert_acted_on(&nodes[i], s / SERVERS, s % SERVERS);
		assert_active(&nodes[i], seed);
	}
	agreed += (unsigned)nodes[0].store.all.n;
	chosen += nodes[0].pools[STORE].active != 0;
	clean_up();
}

static void
both_nodes_end_with_the_same_and_act_by_it(void **state)
{
	const struct log_options quiet = {
		.target = LOG_TARGET_FILE, .path = "/dev/null", .role = "test"
	};

	(void)state;
	assert_int_equal(log_open(&quiet), 0);
	assert_int_equal(log_start(), 0);
	for (unsigned seed = 1; seed <= SEEDS; seed++)
		run(seed);
	log_close();
	/* Something has happened. */
	assert_in_range(agreed, 5 * SEEDS, 20 * SEEDS);
	assert_in_range(chosen, SEEDS / 4, SEEDS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_nodes_end_with_the_same_and_act_by_it),
	};

	TEST_MAIN(tests);
}
