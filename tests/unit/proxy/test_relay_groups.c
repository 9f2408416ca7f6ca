#include "proxy/relay_groups.h"

#include "core/buf.h"
#include "core/channel.h"
#include "core/msg.h"
#include "tests/lib/from_yaml.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <string.h>

static const char pair[] =
    "pair:\n"
    "  nodes: [{name: p1, address: 10.0.0.1}, {name: p2, address: 10.0.0.2}]\n"
    "  key_file: /k\n"
    "  groups:\n"
    "    - {name: a, interface: eth0, addresses: 10.0.0.100/24}\n"
    "    - {name: b, interface: eth0, addresses: 10.0.0.101/24}\n";

/* What the call returns for a message of that group and state. */
static int
tell(struct relay_groups *g, unsigned group, enum msg_group_state state)
{
	const struct msg_group m = {
		.group = (uint16_t)group, .state = state, .reason = ""
	};
	struct channel_packet p = { .fd = -1 };
	struct buf b = BUF_WRITER(1024);
	unsigned told = 99;
	int e;

	msg_put_group(&b, &m);
	assert_true(b.pos <= sizeof(p.body));
	memcpy(p.body, b.data, b.pos);
	p.len = b.pos;
	e = relay_groups_take(g, &p, &told);
	assert_int_equal(told, e < 0 ? 99 : group);
	return e;
}

static void
addresses_leave_once(void **state)
{
	struct config *c = from_yaml(pair);
	struct relay_groups g;

	(void)state;
	assert_int_equal(relay_groups_init(&g, c), 0);
	/* Whoever is in the backlog may be a client of an address that left. */
	assert_int_equal(tell(&g, 0, MSG_GROUP_BACKUP), 1);
	assert_int_equal(tell(&g, 0, MSG_GROUP_BACKUP), 0);
	assert_int_equal(tell(&g, 0, MSG_GROUP_MASTER), 0);
	assert_int_equal(tell(&g, 1, MSG_GROUP_MASTER), 0);
	assert_int_equal(tell(&g, 0, MSG_GROUP_FAULT), 1);
	assert_int_equal(tell(&g, 0, MSG_GROUP_BACKUP), 0);
	assert_int_equal(g.known, 3);
	assert_int_equal(g.all[1].state, MSG_GROUP_MASTER);
	assert_int_equal(tell(&g, 2, MSG_GROUP_MASTER), -EBADMSG);
	relay_groups_fini(&g);
	config_free(c);
}

static void
without_a_pair_nobody_tells_of_groups(void **state)
{
	struct config *c = from_yaml(
	    "services: [{name: s, listen: '*:1', servers: '10.0.0.3:80'}]\n");
	struct relay_groups g;

	(void)state;
	assert_int_equal(relay_groups_init(&g, c), 0);
	assert_int_equal(tell(&g, 0, MSG_GROUP_MASTER), -EBADMSG);
	relay_groups_fini(&g);
	config_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_leave_once),
		cmocka_unit_test(without_a_pair_nobody_tells_of_groups),
	};

	TEST_MAIN(tests);
}
