#pragma once

/*
 * A store of the supervisor, with the test at the other ends of its channels.
 * For the tests of state_store.c and its parts; each has one of its own.
 */

#include "config/config.h"
#include "core/buf.h"
#include "core/channel.h"
#include "core/fd.h"
#include "hapair/supervisor/child.h"
#include "hapair/supervisor/state_store.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct config_server servers[] = {
	{ .name = "m1", .weight = 1 },
	{ .name = "m2", .weight = 1 },
	/* Of "web" alone. */
	{ .name = "m3", .weight = 1 },
	{ .name = "a", .weight = 1 },
};
static struct config_group group = { .name = "main" };
static struct config_service services[] = {
	{ .name = "web", .servers = servers, .n_servers = 4 },
	{ "store", .mode = CONFIG_MODE_STANDBY, .standby_group = "masters",
	    .servers = servers, .n_servers = 2 },
	{ "catalog", .mode = CONFIG_MODE_STANDBY, .standby_group = "masters",
	    .servers = servers, .n_servers = 2 },
	{ .name = NULL }, /* of who wants one more */
};
static struct config config = { .services = services,
	.n_services = 3,
	.has_pair = true,
	.pair = { .groups = &group, .n_groups = 1 } };
static struct msg_group groups[1];

static struct {
	struct state_store store;
	struct child failover, relay;
	int failover_end, relay_end;
} t;

static struct channel_packet got;

static inline void
connect_role(struct child *role, int *ret_end)
{
	int ends[2];

	assert_int_equal(channel_pair(ends), 0);
	*role = (struct child){ .name = "role", .channel = ends[0] };
	*ret_end = ends[1];
}

static inline void
begin_with(const char *directory, int node)
{
	const struct state_store_setup setup = { .loop = ev_default_loop(0),
		.config = &config,
		.node = node,
		.directory = directory,
		.groups = groups,
		.failover = &t.failover,
		.relay = &t.relay };

	groups[0].state = MSG_GROUP_BACKUP;
	connect_role(&t.failover, &t.failover_end);
	connect_role(&t.relay, &t.relay_end);
	assert_int_equal(state_store_init(&t.store, &setup), 0);
}

static inline void
begin(void)
{
	begin_with(NULL, 1);
}

static inline void
finish(void)
{
	assert_true(channel_recv(t.failover_end, &got) <= 0); /* no more */
	assert_true(channel_recv(t.relay_end, &got) <= 0);
	state_store_fini(&t.store);
	fd_close(&t.failover.channel);
	fd_close(&t.relay.channel);
	fd_close(&t.failover_end);
	fd_close(&t.relay_end);
}

/* What a role says, of a body that is put. */
static inline int
say(struct child *role, enum msg_type type, const struct buf *b)
{
	struct channel_packet p = { .type = (uint16_t)type, .fd = -1 };

	p.len = b != NULL ? b->pos : 0;
	if (p.len > 0)
		memcpy(p.body, b->data, p.len);
	return state_store_take(&t.store, role, &p);
}

/* A message of these fields, by this role. */
#define SAY(role, type, kind, ...)                                             \
	({                                                                     \
		uint8_t room[64];                                              \
		struct buf b = buf_writer(room, sizeof(room));                 \
		msg_put_##kind(&b, &(struct msg_##kind){ __VA_ARGS__ });       \
		say(role, type, &b);                                           \
	})

static inline void
want(uint32_t wire)
{
	assert_int_equal(SAY(&t.failover, MSG_WANTED, ask, .id = wire), 0);
}

static inline int
choose(uint16_t service, uint16_t server)
{
	return SAY(
	    &t.relay, MSG_CHOSEN, active, .service = service, .server = server);
}

static inline struct accord
admin(const char *server, uint16_t value, uint64_t epoch)
{
	struct accord a = { .kind = ACCORD_ADMIN,
		.subject = "web",
		.value = value,
		.epoch = epoch };

	(void)snprintf(a.server, sizeof(a.server), "%s", server);
	return a;
}

static inline int
say_of_peer(struct accord a)
{
	uint8_t room[ACCORD_BYTES_MAX];
	struct buf b = buf_writer(room, sizeof(room));

	accord_put(&b, &a);
	return say(&t.failover, MSG_ACCORDS, &b);
}

/* The next that this role hears is this; its body. */
static inline struct buf
hears(int end, enum msg_type type)
{
	assert_int_equal(channel_recv(end, &got), 1);
	assert_int_equal(got.type, type);
	return buf_reader(got.body, got.len);
}

static inline void
hears_accord(struct buf *b, const char *server, unsigned value, uint64_t epoch)
{
	struct accord a;

	assert_int_equal(accord_get(b, &a), 0);
	assert_string_equal(a.server, server);
	assert_int_equal(a.value, value);
	assert_int_equal(a.epoch, epoch);
}

static inline void
hears_known(bool known)
{
	struct buf b = hears(t.relay_end, MSG_KNOWN);
	struct msg_known m;

	assert_int_equal(msg_get_known(&b, &m), 0);
	assert_int_equal(m.known, known);
}

static inline void
say_known(void)
{
	assert_int_equal(say(&t.failover, MSG_ACCORDS, NULL), 0);
	hears_known(true);
}

static inline void
hears_chosen(uint16_t service, uint16_t server, uint64_t epoch)
{
	struct buf b = hears(t.relay_end, MSG_CHOSEN);
	struct msg_active m;

	assert_int_equal(msg_get_active(&b, &m), 0);
	assert_int_equal(m.service, service);
	assert_int_equal(m.server, server);
	assert_int_equal(m.epoch, epoch);
}

static inline struct buf
hears_for_peer(uint32_t wire)
{
	struct buf b = hears(t.failover_end, MSG_FOR_PEER);

	assert_int_equal(buf_get_u32(&b), wire);
	return b;
}

/* What an operator is told: by us, or by the relay if it is there. */
static inline void
order(const char *request, const char *told)
{
	char text[512] = "";
	int ends[2];

	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	state_store_obey(&t.store, request, &ends[0]);
	if (read(ends[1], text, sizeof(text) - 1) <= 0)
		strcpy(text, "nothing");
	text[strcspn(text, "\n")] = '\0';
	assert_string_equal(text, told);
	fd_close(&ends[0]);
	fd_close(&ends[1]);
}

static inline void
hears_reply(const char *text)
{
	(void)hears(t.relay_end, MSG_REPLY);
	assert_int_not_equal(got.fd, -1);
	fd_close(&got.fd);
	assert_int_equal(got.len, strlen(text));
	assert_memory_equal(got.body, text, got.len);
}
