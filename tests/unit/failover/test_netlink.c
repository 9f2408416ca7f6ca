/*
 * The real kernel, in a network namespace that this process makes for itself
 * and that goes with it. Skipped where that is not allowed.
 */
#include "config/config.h"
#include "failover/vip/netlink.h"
#include "failover/vip/vip.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct netlink *netlink;

static int
sh(const char *command)
{
	int status = system(command);

	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int
set_up(void **state)
{
	(void)state;
	if (unshare(CLONE_NEWNET) == -1)
		return 0; /* each test skips */
	if (sh("ip link add v0 type veth peer name v1 && "
	       "ip link set v0 up && ip link set v1 up && "
	       "ip addr add 10.9.0.1/24 dev v0 && "
	       "ip addr add fd09::1/64 dev v0 nodad") != 0)
		return -1;
	return netlink_open(&netlink) < 0 ? -1 : netlink_hear(netlink);
}

static int
tear_down(void **state)
{
	(void)state;
	netlink_free(netlink);
	return 0;
}

static struct netlink_link
v0(void)
{
	struct netlink_link l;

	if (netlink == NULL)
		skip(); /* no namespace of our own: not root */
	assert_int_equal(netlink_find_link(netlink, "v0", &l), 0);
	return l;
}

static struct netlink_address
address(const char *ip, uint8_t prefix)
{
	struct netlink_address a = {
		.index = v0().index, .prefix = prefix, .valid_s = 60
	};

	assert_int_equal(addr_parse_ip(ip, &a.addr), 0);
	return a;
}

static void
count(void *arg, const struct netlink_address *a)
{
	struct {
		const union addr *addr;
		unsigned n;
	} *c = arg;

	c->n += addr_is_same_ip(c->addr, &a->addr);
}

static unsigned
there(const struct netlink_address *a)
{
	struct {
		const union addr *addr;
		unsigned n;
	} c = { &a->addr, 0 };

	assert_int_equal(netlink_each_address(netlink, count, &c), 0);
	return c.n;
}

static void
an_interface_is_found_by_its_name(void **state)
{
	struct netlink_link l = v0();

	(void)state;
	assert_true(l.index > 0 && l.up && l.carrier && l.ethernet);
	assert_int_equal(netlink_find_link(netlink, "nosuch", &l), 0);
	assert_int_equal(l.index, 0);
	assert_int_equal(sh("ip link set v1 down"), 0);
	assert_false(v0().carrier);
	assert_int_equal(sh("ip link set v1 up"), 0);
}

static void
an_address_is_a_lease_and_no_source(void **state)
{
	const struct netlink_address a = address("10.9.0.100", 24);
	const struct netlink_address b = address("fd09::100", 64);

	(void)state;
	for (int i = 0; i < 2; i++) { /* added, then renewed */
		assert_int_equal(netlink_put_address(netlink, &a), 0);
		assert_int_equal(netlink_put_address(netlink, &b), 0);
		assert_int_equal(there(&a), 1);
		assert_int_equal(there(&b), 1);
	}
	assert_int_equal(sh("ip -d addr show v0 | grep -A1 10.9.0.100/24 | "
	                    "grep -q -E 'valid_lft (5.|60)sec'"),
	    0);
	assert_int_equal(sh("ip -d addr show v0 | grep 10.9.0.100/24 | "
	                    "grep -q secondary"),
	    0);
	assert_int_equal(sh("ip -d addr show v0 | grep -A1 fd09::100/64 | "
	                    "grep -q 'preferred_lft 0sec'"),
	    0);
	assert_int_equal(sh("ip -d addr show v0 | grep fd09::100/64 | "
	                    "grep nodad | grep -q noprefixroute"),
	    0);
	assert_int_equal(
	    sh("ip -6 route get fd09::5 | grep -q 'src fd09::1 '"), 0);
	assert_int_equal(netlink_del_address(netlink, &a), 0);
	assert_int_equal(netlink_del_address(netlink, &b), 0);
	assert_int_equal(there(&a) + there(&b), 0);
	/* Gone already: that is what was wanted. */
	assert_int_equal(netlink_del_address(netlink, &a), 0);
}

static void
a_refused_address_is_reported(void **state)
{
	struct netlink_address a = address("10.9.0.100", 24);
	struct netlink_address b = address("fd09::100", 64);

	(void)state;
	a.prefix = 33;
	assert_int_equal(netlink_put_address(netlink, &a), -EINVAL);
	a.prefix = 24;
	a.index = 9999;
	assert_int_equal(netlink_put_address(netlink, &a), -ENODEV);
	assert_int_equal(netlink_del_address(netlink, &a), 0);
	assert_int_equal(sh("sysctl -q -w net.ipv6.conf.v0.disable_ipv6=1"), 0);
	assert_true(netlink_put_address(netlink, &b) < 0);
	assert_int_equal(sh("sysctl -q -w net.ipv6.conf.v0.disable_ipv6=0 && "
	                    "ip addr add fd09::1/64 dev v0 nodad"),
	    0);
}

static bool
is_gone(const struct netlink_change *c, const struct netlink_address *a)
{
	return c->type == NETLINK_ADDRESS_GONE && c->index == a->index &&
	    addr_is_same_ip(&c->addr, &a->addr);
}

static bool
is_v0(const struct netlink_change *c, const struct netlink_address *a)
{
	(void)a;
	return c->type == NETLINK_LINK && strcmp(c->name, "v0") == 0;
}

/* A link's news comes from a worker of the kernel, in its own time. */
static bool
hears(bool (*is_it)(
          const struct netlink_change *, const struct netlink_address *),
    const struct netlink_address *a)
{
	struct netlink_change c;

	for (int tries = 5000; tries > 0; tries--) {
		while (netlink_next(netlink, &c) == 1)
			if (is_it(&c, a))
				return true;
		usleep(1000);
	}
	return false;
}

static void
forget_news(void)
{
	struct netlink_change c;

	while (netlink_next(netlink, &c) == 1)
		;
}

static void
what_others_delete_is_heard(void **state)
{
	const struct netlink_address a = address("10.9.0.100", 24);

	(void)state;
	assert_int_equal(netlink_put_address(netlink, &a), 0);
	forget_news();
	assert_int_equal(sh("ip addr del 10.9.0.100/24 dev v0"), 0);
	assert_true(hears(is_gone, &a));
	forget_news();
	assert_int_equal(sh("ip link set v1 down"), 0);
	assert_true(hears(is_v0, NULL));
	assert_int_equal(sh("ip link set v1 up"), 0);
}

static bool
is_lost(const struct netlink_change *c, const struct netlink_address *a)
{
	(void)a;
	return c->type == NETLINK_LOST;
}

/* More than the buffer holds (each of some 800 bytes), and nobody reads. */
static void
an_overrun_is_told_and_heard_out(void **state)
{
	const struct netlink_address a = address("10.9.0.100", 24);

	(void)state;
	for (unsigned i = 0; i < 20000; i++)
		assert_int_equal(netlink_put_address(netlink, &a), 0);
	assert_true(hears(is_lost, NULL));
	forget_news();
	assert_int_equal(netlink_del_address(netlink, &a), 0);
	assert_true(hears(is_gone, &a));
}

/* Addresses of a group on v0, of which none is there yet. */
struct holder {
	struct config_address cidrs[2];
	struct config_group group;
	struct vip vip;
};

static void
holder_init(struct holder *h)
{
	*h = (struct holder){ .cidrs = { { .prefix = 24 }, { .prefix = 64 } },
		.group = { .name = "main",
		    .interface = "v0",
		    .interfaces = { "v0" },
		    .n_interfaces = 1,
		    .addresses = h->cidrs,
		    .n_addresses = 2 } };
	h->vip = vip_init(&h->group, netlink, 60);
	(void)v0(); /* skips */
	assert_int_equal(addr_parse_ip("10.9.0.100", &h->cidrs[0].addr), 0);
	assert_int_equal(addr_parse_ip("fd09::100", &h->cidrs[1].addr), 0);
}

static void
a_holder_clears_what_an_earlier_run_left(void **state)
{
	struct holder h;
	bool changed, kept;
	unsigned deleted;

	(void)state;
	holder_init(&h);
	/* Left with another prefix, and on another interface. */
	assert_int_equal(sh("ip addr add 10.9.0.100/32 dev v0 && "
	                    "ip addr add fd09::100/64 dev v1 nodad"),
	    0);
	assert_int_equal(vip_look(&h.vip, 0, &changed), 0);
	assert_true(changed);
	assert_int_equal(vip_clear(&h.vip, true, &kept, &deleted), 0);
	assert_false(kept);
	assert_int_equal(deleted, 2);
	assert_int_equal(vip_hold(&h.vip), 0);
	/* All of them here: a restarted master goes on with them. */
	assert_int_equal(vip_clear(&h.vip, true, &kept, &deleted), 0);
	assert_true(kept);
	assert_int_equal(vip_clear(&h.vip, false, &kept, &deleted), 0);
	assert_int_equal(deleted, 2);
	assert_int_equal(vip_release(&h.vip), 0);
}

/* It is known before it is tried, held without, and released without. */
static void
a_holder_without_ipv6_holds_the_rest(void **state)
{
	struct holder h;
	bool changed, kept;
	unsigned deleted;

	(void)state;
	holder_init(&h);
	assert_int_equal(vip_look(&h.vip, 0, &changed), 0);
	assert_int_equal(vip_refused(&h.vip), 0);
	assert_int_equal(sh("sysctl -qw net.ipv6.conf.v0.disable_ipv6=1"), 0);
	assert_int_equal(vip_look(&h.vip, 0, &changed), 0);
	assert_int_equal(vip_refused(&h.vip), 2);
	assert_int_equal(vip_hold(&h.vip), 0);
	assert_int_equal(h.vip.errors[1], -EACCES);
	assert_int_equal(vip_clear(&h.vip, true, &kept, &deleted), 0);
	assert_true(kept);
	assert_int_equal(vip_release(&h.vip), 0);
	/* Nor where the interface is too narrow for it. */
	assert_int_equal(sh("ip link set v0 mtu 1000"), 0);
	assert_int_equal(vip_look(&h.vip, 0, &changed), 0);
	assert_int_equal(vip_refused(&h.vip), 2);
	assert_int_equal(vip_hold(&h.vip), 0);
	assert_int_equal(vip_release(&h.vip), 0);
	assert_int_equal(sh("ip link set v0 mtu 1500 && "
	                    "sysctl -qw net.ipv6.conf.v0.disable_ipv6=0"),
	    0);
	assert_int_equal(vip_look(&h.vip, 0, &changed), 0);
	assert_int_equal(vip_refused(&h.vip), 0);
}

/* Forgotten at any look, it would be given the group at once, and again. */
static void
a_refusal_is_remembered_as_long_as_the_interface(void **state)
{
	struct holder h;
	bool changed;

	(void)state;
	holder_init(&h);
	assert_int_equal(vip_look(&h.vip, 0, &changed), 0);
	h.vip.errors[0] = -EEXIST;
	h.vip.errors[1] = -EACCES; /* switched on again before the look */
	assert_int_equal(vip_look(&h.vip, 0, &changed), 0);
	assert_int_equal(h.vip.errors[0], -EEXIST);
	assert_int_equal(h.vip.errors[1], 0);
	/* It takes another family, or is another interface. */
	h.vip.links[0].v6 = false;
	assert_int_equal(vip_look(&h.vip, 0, &changed), 0);
	assert_int_equal(vip_refused(&h.vip), 0);
	h.vip.errors[0] = -EEXIST;
	h.vip.links[0].index++;
	assert_int_equal(vip_look(&h.vip, 0, &changed), 0);
	assert_int_equal(vip_refused(&h.vip), 0);
}

/* Not as soon as it was added, and renewing it changes nothing. */
static void
an_address_becomes_local_and_is_no_more(void **state)
{
	const char *const texts[] = { "10.9.0.77", "fd09::77" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct netlink_address a = { .index = v0().index,
			.prefix = i == 0 ? 24 : 64,
			.valid_s = 60 };
		int tries = 1000;

		test_row(texts[i]);
		assert_int_equal(addr_parse_ip(texts[i], &a.addr), 0);
		assert_false(netlink_is_local(netlink, &a.addr));
		assert_int_equal(netlink_put_address(netlink, &a), 0);
		while (!netlink_is_local(netlink, &a.addr) && --tries > 0)
			usleep(1000);
		assert_true(tries > 0);
		assert_int_equal(netlink_del_address(netlink, &a), 0);
		assert_false(netlink_is_local(netlink, &a.addr));
	}
}

static void
note_unanswered(void *arg, const struct netlink_neighbour *a)
{
	struct netlink_neighbour *found = arg;

	if (!a->answered && addr_is_same_ip(&a->addr, &found->addr))
		*found = *a;
}

static void
who_did_not_answer_is_forgotten(void **state)
{
	struct netlink_neighbour a = { 0 };

	(void)state;
	(void)v0(); /* skips */
	assert_int_equal(addr_parse_ip("10.9.0.201", &a.addr), 0);
	assert_int_equal(sh("bash -c 'echo >/dev/udp/10.9.0.201/9' && "
	                    "ip neigh show dev v0 | grep -q 10.9.0.201"),
	    0);
	assert_int_equal(
	    netlink_each_neighbour(netlink, v0().index, note_unanswered, &a),
	    0);
	assert_int_equal(a.index, v0().index);
	assert_int_equal(netlink_forget_neighbour(netlink, &a), 0);
	assert_int_equal(sh("! ip neigh show dev v0 | grep -q 10.9.0.201"), 0);
	assert_int_equal(netlink_forget_neighbour(netlink, &a), 0);
}

/* The second was made anew, and nobody has looked yet. */
static void
a_holder_says_on_which_interface_it_failed(void **state)
{
	struct config_address cidrs[2] = { { .prefix = 24 },
		{ .prefix = 24, .at = 1 } };
	const struct config_group group = { .name = "main",
		.interface = "v0",
		.interfaces = { "v0", "v1" },
		.n_interfaces = 2,
		.addresses = cidrs,
		.n_addresses = 2 };
	struct vip h = vip_init(&group, netlink, 60);

	(void)state;
	h.links[0] = v0();
	h.links[1].index = 9999;
	assert_int_equal(addr_parse_ip("10.9.0.100", &cidrs[0].addr), 0);
	assert_int_equal(addr_parse_ip("10.10.0.100", &cidrs[1].addr), 0);
	assert_int_equal(vip_hold(&h), -ENODEV);
	assert_int_equal(h.failed_on, 1);
	assert_int_equal(vip_release(&h), 0);
	h.links[1] = h.links[0];
	h.links[0].index = 9999;
	assert_int_equal(vip_hold(&h), -ENODEV);
	assert_int_equal(h.failed_on, 0);
	assert_int_equal(vip_release(&h), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_interface_is_found_by_its_name),
		cmocka_unit_test(an_address_is_a_lease_and_no_source),
		cmocka_unit_test(a_refused_address_is_reported),
		cmocka_unit_test(what_others_delete_is_heard),
		cmocka_unit_test(an_overrun_is_told_and_heard_out),
		cmocka_unit_test(an_address_becomes_local_and_is_no_more),
		cmocka_unit_test(a_holder_clears_what_an_earlier_run_left),
		cmocka_unit_test(a_holder_without_ipv6_holds_the_rest),
		cmocka_unit_test(
		    a_refusal_is_remembered_as_long_as_the_interface),
		cmocka_unit_test(a_holder_says_on_which_interface_it_failed),
		cmocka_unit_test(who_did_not_answer_is_forgotten),
	};

	TEST_MAIN_WITH(tests, set_up, tear_down);
}
