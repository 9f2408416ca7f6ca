/* The shell of standby services; what it decides by is test_standby.c's. */
#include "proxy/control/standby_run.h"

#include "core/buf.h"
#include "core/channel.h"
#include "core/fd.h"
#include "proxy/pool/pool.h"
#include "proxy/services.h"
#include "tests/lib/from_yaml.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SERVICES 3

/* One that balances, and a group of two with fences. */
static const char yaml[] =
    "pair:\n"
    "  nodes: [{name: p1, address: 10.0.0.1}, {name: p2, address: 10.0.0.2}]\n"
    "  key_file: /k\n"
    "  groups:\n"
    "    - {name: g0, interface: eth0, addresses: 10.0.0.100/24}\n"
    "    - {name: g1, interface: eth0, addresses: 10.0.0.101/24}\n"
    "services:\n"
    "  - {name: web, listen: 10.0.0.100:80, servers: 10.0.0.31:80}\n"
    "  - name: db\n"
    "    mode: standby\n"
    "    standby_group: pg\n"
    "    hold: 50ms\n"
    "    %s\n"
    "    listen: 10.0.0.101:5432\n"
    "    servers: [{name: d1, address: 10.0.0.41:1},\n"
    "        {name: d2, address: 10.0.0.42:1}]\n"
    "  - name: db2\n"
    "    mode: standby\n"
    "    standby_group: pg\n"
    "    hold: 50ms\n"
    "    %s\n"
    "    listen: 10.0.0.101:5433\n"
    "    servers: [{name: e1, address: 10.0.0.41:2},\n"
    "        {name: e2, address: 10.0.0.42:2}]\n";

struct run {
	struct ev_loop *loop;
	struct config *config;
	struct services services;
	struct msg_group groups[2];
	struct standby_run *standby_run;
	int relay, supervisor; /* ends of their channel */
	struct msg_fence sent[8];
	unsigned n_sent, n_chosen;
	struct msg_active chosen; /* the last one */
};

/* What the supervisor has been told since. */
static void
hear(struct run *r)
{
	struct channel_packet p;

	while (channel_recv(r->supervisor, &p) == 1) {
		struct buf b = buf_reader(p.body, p.len);

		if (p.type == MSG_CHOSEN) {
			r->n_chosen++;
			assert_int_equal(msg_get_active(&b, &r->chosen), 0);
			continue;
		}
		assert_int_equal(p.type, MSG_FENCE);
		assert_true(r->n_sent < ARRAY_LEN(r->sent));
		assert_int_equal(msg_get_fence(&b, &r->sent[r->n_sent++]), 0);
	}
}

static void
on_change(void *arg, struct pool *pool)
{
	struct run *r = arg;

	if (r->standby_run != NULL)
		standby_run_look(r->standby_run, pool->index);
}

static const struct services_calls calls = { .on_change = on_change };

/* Whose servers are all up. */
static void
make_pools(struct run *r)
{
	struct worker_shared *sh = &r->services.shared;

	sh->pools = calloc(SERVICES, sizeof(*sh->pools));
	assert_non_null(sh->pools);
	for (unsigned i = 0; i < SERVICES; i++) {
		struct pool *p = &sh->pools[i];

		assert_int_equal(
		    pool_init(p, &r->config->services[i], i, 2 * i), 0);
		sh->n_pools++;
		for (size_t k = 0; k < p->n_servers; k++)
			pool_set_state(
			    p, &p->servers[k], SERVER_UP, mono_now());
	}
	r->services.started = true;
	r->services.calls = &calls;
	r->services.arg = r;
}

/* `first`, `second`: keys of the two services of the group. */
static void
set_up(struct run *r, int node, const char *first, const char *second)
{
	char text[2048];
	struct standby_run_setup setup = { .loop = ev_loop_new(EVFLAG_AUTO),
		.services = &r->services,
		.groups = r->groups,
		.node = node };
	int ends[2];

	assert_int_equal(channel_pair(ends), 0);
	(void)snprintf(text, sizeof(text), yaml, first, second);
	*r = (struct run){ .loop = setup.loop,
		.config = from_yaml(text),
		.relay = ends[0],
		.supervisor = ends[1] };
	assert_non_null(r->loop);
	setup.config = r->config;
	setup.supervisor = r->relay;
	make_pools(r);
	r->standby_run = standby_run_new(&setup);
	assert_non_null(r->standby_run);
	standby_run_set_known(r->standby_run, true);
}

static void
tear_down(struct run *r)
{
	standby_run_free(r->standby_run);
	for (unsigned i = 0; i < SERVICES; i++)
		pool_fini(&r->services.shared.pools[i]);
	free(r->services.shared.pools);
	fd_close(&r->relay);
	fd_close(&r->supervisor);
	config_free(r->config);
	ev_loop_destroy(r->loop);
}

static void
take_out(struct run *r, unsigned service, unsigned server)
{
	struct pool *p = services_pool(&r->services, service);

	pool_set_admin(p, &p->servers[server], ACCORD_MAINT);
	services_changed(&r->services, p);
	hear(r);
}

static void
set_state(
    struct run *r, unsigned service, unsigned server, enum server_state state)
{
	struct pool *p = services_pool(&r->services, service);

	pool_set_state(p, &p->servers[server], state, mono_now());
	services_changed(&r->services, p);
	hear(r);
}

/* Of both services of the group. */
static void
assert_active(struct run *r, int server)
{
	hear(r);
	assert_int_equal(r->services.shared.pools[1].active, server);
	assert_int_equal(r->services.shared.pools[2].active, server);
	assert_int_equal(
	    standby_run_standby(r->standby_run, 2)->active, (unsigned)server);
}

static void
assert_sent(const struct run *r, unsigned i, uint16_t service, bool promote)
{
	assert_true(i < r->n_sent);
	assert_int_equal(r->sent[i].service, service);
	assert_int_equal(r->sent[i].promote, promote);
	assert_int_equal(r->sent[i].from, 0);
	assert_int_equal(r->sent[i].to, 1);
}

static void
services_of_a_group_move_together(void **state)
{
	struct run r;

	(void)state;
	set_up(&r, -1, "", "promote: /bin/p");
	assert_active(&r, 0);
	assert_null(standby_run_standby(r.standby_run, 0));
	take_out(&r, 2, 0);
	assert_active(&r, 1);
	assert_int_equal(r.n_chosen, 1);
	assert_int_equal(r.chosen.service, 1);
	assert_int_equal(r.chosen.server, 1);
	r.chosen.epoch = 7;
	assert_int_equal(standby_run_take_chosen(r.standby_run, &r.chosen), 0);
	assert_int_equal(standby_run_standby(r.standby_run, 1)->epoch, 7);
	/* Only the one that has a promote is promoted. */
	assert_int_equal(r.n_sent, 1);
	assert_sent(&r, 0, 2, true);
	tear_down(&r);
}

/* The supervisor's answer. */
static void
fenced(struct run *r, uint32_t id, bool passed)
{
	const struct msg_fenced m = { .id = id, .passed = passed };

	standby_run_take_fenced(r->standby_run, &m);
}

/* The relay before it decides, until this one serves. */
static void
nothing_is_decided_before_it_has_taken_over(void **state)
{
	struct run r;

	(void)state;
	set_up(&r, -1, "", "promote: /bin/p");
	r.services.waits = true;
	take_out(&r, 2, 0);
	assert_active(&r, 0);
	assert_int_equal(r.n_chosen + r.n_sent, 0);
	services_open(&r.services);
	assert_active(&r, 1);
	assert_int_equal(r.n_chosen, 1);
	tear_down(&r);
}

static void
fences_run_one_after_the_other_before_anybody_takes_over(void **state)
{
	struct run r;

	(void)state;
	set_up(&r, -1, "fence: /bin/f", "fence: /bin/g");
	take_out(&r, 1, 0);
	assert_active(&r, 0);
	assert_int_equal(r.n_sent, 1);
	assert_sent(&r, 0, 1, false);
	/* Not its own. */
	fenced(&r, r.sent[0].id + 7, true);
	hear(&r);
	assert_int_equal(r.n_sent, 1);
	fenced(&r, r.sent[0].id, true);
	assert_active(&r, 0);
	assert_int_equal(r.n_sent, 2);
	assert_sent(&r, 1, 2, false);
	fenced(&r, r.sent[1].id, true);
	assert_active(&r, 1);
	assert_int_equal(r.n_chosen, 1);
	tear_down(&r);
}

static void
a_fence_that_fails_stops_the_next_one_too(void **state)
{
	struct run r;

	(void)state;
	set_up(&r, -1, "fence: /bin/f", "fence: /bin/g");
	take_out(&r, 1, 0);
	fenced(&r, r.sent[0].id, false);
	assert_active(&r, 0);
	assert_int_equal(r.n_sent, 1);
	assert_int_equal(r.n_chosen, 0);
	assert_int_equal(standby_run_standby(r.standby_run, 1)->trouble,
	    STANDBY_FENCE_FAILED);
	tear_down(&r);
}

static void
the_master_of_the_services_group_decides(void **state)
{
	struct run r;
	bool waits;

	(void)state;
	set_up(&r, 0, "", "");
	r.groups[0].state = MSG_GROUP_MASTER; /* not that of its address */
	r.groups[1].state = MSG_GROUP_BACKUP;
	standby_run_look_at_groups(r.standby_run);
	take_out(&r, 1, 0);
	assert_active(&r, 0);
	assert_text(standby_run_ask(r.standby_run, 1, 1, &waits),
	    "the other node decides, ask there");
	r.groups[1].state = MSG_GROUP_MASTER;
	/* As long as it is not known what the peer has decided, it waits. */
	standby_run_set_known(r.standby_run, false);
	assert_active(&r, 0);
	standby_run_set_known(r.standby_run, true);
	assert_active(&r, 1);
	tear_down(&r);
}

static void
what_the_peer_has_agreed_on_holds_by_name(void **state)
{
	struct accord a = { .kind = ACCORD_ACTIVE_GROUP,
		.epoch = 9,
		.subject = "pg",
		.server = "e2" };
	struct run r;

	(void)state;
	set_up(&r, 0, "fence: /bin/f", "promote: /bin/p");
	standby_run_agree(
	    r.standby_run, &a); /* the name that the second one has */
	assert_active(&r, 1);
	assert_int_equal(standby_run_standby(r.standby_run, 1)->epoch, 9);
	/* The peer has run what there is to run. */
	assert_int_equal(r.n_sent, 0);
	assert_int_equal(r.n_chosen, 0);
	(void)snprintf(a.server, sizeof(a.server), "gone");
	standby_run_agree(r.standby_run, &a);
	assert_active(&r, 1);
	a.kind = ACCORD_ACTIVE; /* a service of that name, not the group */
	(void)snprintf(a.server, sizeof(a.server), "d1");
	standby_run_agree(r.standby_run, &a);
	assert_active(&r, 1);
	tear_down(&r);
}

static void
an_operator_is_obeyed_or_told_why_not(void **state)
{
	struct run r;
	bool waits = true;

	(void)state;
	set_up(&r, -1, "", "");
	assert_text(standby_run_ask(r.standby_run, 0, 0, &waits),
	    "its service is not one of mode standby");
	assert_text(standby_run_ask(r.standby_run, 2, 0, &waits),
	    "it is active already");
	set_state(&r, 1, 1, SERVER_DOWN);
	assert_text(
	    standby_run_ask(r.standby_run, 2, 1, &waits), "it is not fit");
	set_state(&r, 1, 1, SERVER_UP);
	assert_null(standby_run_ask(r.standby_run, 2, 1, &waits));
	assert_false(waits);
	assert_active(&r, 1);
	tear_down(&r);

	set_up(&r, -1, "fence: /bin/f", "");
	assert_null(standby_run_ask(r.standby_run, 1, 1, &waits));
	assert_true(waits);
	assert_active(&r, 0);
	tear_down(&r);
}

/* Nobody tells it that the time is over: that is a timer of its own. */
static void
one_that_stays_down_is_replaced_after_hold(void **state)
{
	struct run r;

	(void)state;
	set_up(&r, -1, "", "");
	set_state(&r, 2, 0, SERVER_DOWN);
	assert_active(&r, 0);
	(void)ev_run(r.loop, 0);
	assert_active(&r, 1);
	tear_down(&r);
}

/* The supervisor does not read: by so many its channel is full. */
static unsigned
fill(struct run *r)
{
	unsigned n = 0;

	while (channel_send(r->relay, MSG_FENCE, NULL, 0, -1) == 0)
		n++;
	assert_true(n > 0);
	return n;
}

/* It reads again. */
static void
empty(struct run *r, unsigned n)
{
	struct channel_packet p;

	for (unsigned i = 0; i < n; i++)
		assert_int_equal(channel_recv(r->supervisor, &p), 1);
	assert_int_equal(channel_recv(r->supervisor, &p), -EAGAIN);
	(void)ev_run(r->loop, EVRUN_ONCE);
	hear(r);
}

static void
put_admin(struct run *r, unsigned server, enum accord_admin admin)
{
	struct pool *p = services_pool(&r->services, 2);

	pool_set_admin(p, &p->servers[server], admin);
	services_changed(&r->services, p);
}

static void
a_choice_waits_for_a_supervisor_that_does_not_read(void **state)
{
	struct run r;
	unsigned n;

	(void)state;
	set_up(&r, -1, "", "promote: /bin/p");
	n = fill(&r);
	put_admin(&r, 0, ACCORD_MAINT);
	empty(&r, n);
	assert_active(&r, 1);
	assert_int_equal(r.n_chosen, 1);
	assert_int_equal(r.chosen.server, 1);
	assert_int_equal(r.n_sent, 1);
	assert_sent(&r, 0, 2, true);
	tear_down(&r);
}

/* The last one holds, and there is one answer for both. */
static void
of_two_choices_that_wait_the_last_one_is_said(void **state)
{
	struct run r;
	unsigned n;

	(void)state;
	set_up(&r, -1, "", "promote: /bin/p");
	n = fill(&r);
	put_admin(&r, 0, ACCORD_MAINT);
	put_admin(&r, 0, ACCORD_READY);
	put_admin(&r, 1, ACCORD_MAINT);
	empty(&r, n);
	assert_active(&r, 0);
	assert_int_equal(r.n_chosen, 1);
	assert_int_equal(r.chosen.server, 0);
	assert_int_equal(r.n_sent, 1);
	assert_int_equal(r.sent[0].to, 0);
	assert_int_equal(standby_run_take_chosen(r.standby_run, &r.chosen), 0);
	assert_int_equal(
	    standby_run_take_chosen(r.standby_run, &r.chosen), -EBADMSG);
	tear_down(&r);
}

static void
a_fence_waits_for_a_supervisor_that_does_not_read(void **state)
{
	struct run r;
	unsigned n;

	(void)state;
	set_up(&r, -1, "fence: /bin/f", "");
	n = fill(&r);
	put_admin(&r, 0, ACCORD_MAINT);
	empty(&r, n);
	assert_int_equal(r.n_sent, 1);
	assert_sent(&r, 0, 1, false);
	assert_active(&r, 0);
	fenced(&r, r.sent[0].id, true);
	assert_active(&r, 1);
	tear_down(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_choice_waits_for_a_supervisor_that_does_not_read),
		cmocka_unit_test(of_two_choices_that_wait_the_last_one_is_said),
		cmocka_unit_test(
		    a_fence_waits_for_a_supervisor_that_does_not_read),
		cmocka_unit_test(services_of_a_group_move_together),
		cmocka_unit_test(nothing_is_decided_before_it_has_taken_over),
		cmocka_unit_test(
		    fences_run_one_after_the_other_before_anybody_takes_over),
		cmocka_unit_test(a_fence_that_fails_stops_the_next_one_too),
		cmocka_unit_test(the_master_of_the_services_group_decides),
		cmocka_unit_test(what_the_peer_has_agreed_on_holds_by_name),
		cmocka_unit_test(an_operator_is_obeyed_or_told_why_not),
		cmocka_unit_test(one_that_stays_down_is_replaced_after_hold),
	};

	TEST_MAIN(tests);
}
