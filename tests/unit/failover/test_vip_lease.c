/*
 * The real kernel, in a network namespace of this process. Skipped where that
 * is not allowed.
 */
#include "config/config.h"
#include "failover/vip/vip.h"
#include "failover/vip/vip_lease.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/wait.h>

#define LEASE_S 60

/* Far longer than a renewal takes, on any machine. */
#define PATIENCE_S 20.

static struct netlink *netlink;
static struct ev_loop *loop;
static struct vip_lease *vip_lease;
static struct config_address cidrs[2];
static struct config_group configs[2];
static struct vip holders[2];

static size_t failed_group;
static int failed_error;
static uint32_t failed_refused;

static int
sh(const char *command)
{
	int status = system(command);

	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
on_failed(void *arg, size_t group, int error, const struct vip *vip)
{
	assert_ptr_equal(arg, &failed_group);
	failed_group = group;
	failed_error = error;
	failed_refused = vip_refused(vip);
	ev_break(loop, EVBREAK_ALL);
}

static int
set_up(void **state)
{
	(void)state;
	if (unshare(CLONE_NEWNET) == -1)
		return 0; /* each test skips */
	if (sh("ip link add v0 type veth peer name v1 && ip link set v0 up && "
	       "ip link set v1 up") != 0 ||
	    netlink_open(&netlink) < 0)
		return -1;
	loop = ev_loop_new(EVFLAG_AUTO);
	return loop == NULL ||
	        vip_lease_start(loop, on_failed, &failed_group, &vip_lease) < 0
	    ? -1
	    : 0;
}

static int
tear_down(void **state)
{
	(void)state;
	vip_lease_free(vip_lease);
	if (loop != NULL)
		ev_loop_destroy(loop);
	netlink_free(netlink);
	return 0;
}

/* Two groups with an address each, the first of them with its address held. */
static void
begin(void)
{
	const char *const texts[] = { "10.9.0.100", "fd09::100" };
	bool changed;

	if (vip_lease == NULL)
		skip(); /* no namespace of our own: not root */
	for (size_t i = 0; i < ARRAY_LEN(holders); i++) {
		assert_int_equal(addr_parse_ip(texts[i], &cidrs[i].addr), 0);
		cidrs[i].prefix = i == 0 ? 24 : 64;
		configs[i] = (struct config_group){ .name = texts[i],
			.interfaces = { "v0" },
			.n_interfaces = 1,
			.addresses = &cidrs[i],
			.n_addresses = 1 };
		holders[i] = vip_init(&configs[i], netlink, LEASE_S);
		assert_int_equal(vip_look(&holders[i], 0, &changed), 0);
	}
	assert_int_equal(vip_hold(&holders[0]), 0);
	failed_group = SIZE_MAX;
	failed_error = 0;
}

static void
ask(void)
{
	const struct vip *const both[] = { &holders[0], &holders[1] };

	vip_lease_ask(vip_lease, both, ARRAY_LEN(both));
}

/* The lease's seconds are put back from 5 to more, or not within `tries`. */
static bool
renews(unsigned tries)
{
	if (sh("ip addr change 10.9.0.100/32 dev v0 valid_lft 5 "
	       "preferred_lft 0") != 0)
		return false;
	for (unsigned i = 0; i < tries; i++) {
		ask();
		if (sh("ip addr show dev v0 | "
		       "grep -q -E 'valid_lft (5.|60)sec'") == 0)
			return true;
	}
	return false;
}

static void
a_lease_is_renewed_when_it_is_asked_for(void **state)
{
	(void)state;
	begin();
	assert_true(renews(200));
	/* What nobody holds is left alone. */
	assert_int_not_equal(sh("ip addr show dev v0 | grep -q fd09::100"), 0);
	vip_lease_forget(vip_lease, 0);
	assert_int_equal(vip_release(&holders[0]), 0);
}

static void
match(void *arg, const struct netlink_address *a)
{
	bool *found = arg;

	*found |= addr_is_same_ip(&a->addr, &cidrs[0].addr);
}

static bool
is_there(void)
{
	bool found = false;

	assert_int_equal(netlink_each_address(netlink, match, &found), 0);
	return found;
}

/* An address that comes back after its release would be a second holder. */
static void
what_is_forgotten_does_not_come_back(void **state)
{
	(void)state;
	begin();
	for (int i = 0; i < 1000; i++) {
		if (i > 0)
			assert_int_equal(vip_hold(&holders[0]), 0);
		ask();
		vip_lease_forget(vip_lease, 0);
		assert_int_equal(vip_release(&holders[0]), 0);
		assert_false(is_there());
		ask(); /* knows that it is not held */
		assert_false(is_there());
	}
}

static void
on_patience(struct ev_loop *l, ev_timer *w, int revents)
{
	(void)w;
	(void)revents;
	ev_break(l, EVBREAK_ALL);
}

static void
ask_and_wait(void)
{
	ev_timer patience;

	ask();
	ev_timer_init(&patience, on_patience, PATIENCE_S, 0.);
	ev_timer_start(loop, &patience);
	ev_run(loop, 0);
	ev_timer_stop(loop, &patience);
	assert_int_equal(failed_group, 1);
}

static void
a_refusal_is_told_in_the_loop(void **state)
{
	struct netlink_link link;

	(void)state;
	begin();
	assert_int_equal(vip_hold(&holders[1]), 0);
	link = holders[1].links[0];
	holders[1].links[0].index = 9999;
	ask_and_wait();
	assert_int_equal(failed_error, -ENODEV);
	holders[1].links[0] = link;
	assert_int_equal(sh("sysctl -qw net.ipv6.conf.v0.disable_ipv6=1"), 0);
	ask_and_wait();
	assert_int_equal(failed_error, -EACCES);
	assert_int_equal(failed_refused, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_lease_is_renewed_when_it_is_asked_for),
		cmocka_unit_test(what_is_forgotten_does_not_come_back),
		cmocka_unit_test(a_refusal_is_told_in_the_loop),
	};

	TEST_MAIN_WITH(tests, set_up, tear_down);
}
