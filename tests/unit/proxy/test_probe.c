#include "proxy/health/probe.h"

#include "config/keys_check.h"
#include "core/fd.h"
#include "core/mono.h"
#include "core/secret.h"
#include "proxy/health/probe_judge.h"
#include "tests/lib/from_yaml.h"
#include "tests/lib/test.h"

#include <arpa/inet.h>
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* -- who asks the same -------------------------------------------------- */

/* A key that is in both checks, or in the second alone. */
static const struct row {
	const char *key, *one, *other;
	bool same;
} rows[] = {
	{ "type", "type: tcp", "type: http", false },
	{ "interval", "interval: 1s", "interval: 2s", false },
	{ "interval", "interval: 2s", "interval: 2000ms", true },
	{ "timeout", "timeout: 1s", "timeout: 2s", false },
	/* Who makes a verdict of it has these. */
	{ "rise", "rise: 1", "rise: 2", true },
	{ "fall", "fall: 1", "fall: 2", true },
	/* That is part of the address, which is looked at apart. */
	{ "port", "port: 1", "port: 2", true },
	/* What it comes to is part of the question, and looked at apart. */
	{ "proxy_protocol", "type: tcp", "type: tcp, proxy_protocol: v1",
	    true },
	{ "dialog", "type: tcp", "type: tcp, dialog: {send: a}", false },
	{ "dialog", "type: tcp, dialog: {send: a}",
	    "type: tcp, dialog: [{send: a}, {expect: a}]", false },
	{ "dialog", "type: tcp, dialog: {send: a}",
	    "type: tcp, dialog: [{send: 'hex:61'}]", true },
	/* It is told whom it is for. */
	{ "script", "type: script, script: /a", "type: script, script: /a",
	    false },
	{ "path", "type: http", "type: http, path: /a", false },
	{ "path", "type: http", "type: http, path: /", true },
	{ "status", "type: http", "type: http, status: 204", false },
	{ "status", "type: http", "type: http, status: [200, 204]", false },
	{ "status", "type: http", "type: http, status: [200]", true },
	{ "method", "type: http", "type: http, method: HEAD", false },
	{ "host", "type: http", "type: http, host: a.example", false },
	{ "headers", "type: http", "type: http, headers: {A: b}", false },
	{ "verify", "type: http, tls: true",
	    "type: http, tls: true, verify: false", false },
	{ "expect", "type: http", "type: http, expect: a", false },
	{ "expect", "type: http, expect: a", "type: http, expect: b", false },
	{ "expect", "type: http, expect: a", "type: http, expect: 'a'", true },
	{ "json", "type: http", "type: http, json: {a: 1}", false },
	{ "json", "type: http, json: {a: 1}", "type: http, json: {a: '1'}",
	    false },
	{ "json", "type: http, json: {a: 1}", "type: http, json: {b: 1}",
	    false },
	{ "json", "type: http, json: {a: 1}", "type: http, json: {'a': 1}",
	    true },
	{ "drain", "type: http", "type: http, drain: {a: 1}", false },
	{ "fallback", "type: http", "type: http, fallback: /f", false },
	{ "role", "type: http", "type: http, role: a", false },
	{ "role_path", "type: http, role: a",
	    "type: http, role: a, role_path: /r", false },
	{ "type", "type: tls", "type: tls", true },
	{ "type", "type: tls", "type: tcp", false },
	{ "host", "type: tls", "type: tls, host: a.example", false },
	{ "type", "type: mysql, user: a", "type: mysql, user: a", true },
	{ "type", "type: postgres", "type: postgres", true },
	{ "type", "type: redis", "type: redis", true },
	{ "type", "type: redis", "type: ldap", false },
	{ "password_file", "type: redis", "type: redis, password_file: /p",
	    false },
	{ "user", "type: mysql, user: a", "type: mysql, user: b", false },
	{ "role", "type: mysql, user: a", "type: mysql, user: a, role: primary",
	    false },
	{ "tls", "type: http", "type: http, tls: true", false },
	{ "ca", "type: http, tls: true", "type: http, tls: true, ca: /c",
	    false },
	{ "user", "type: http, user: a, password_file: /p",
	    "type: http, user: b, password_file: /p", false },
	{ "password_file", "type: http, user: a, password_file: /p",
	    "type: http, user: a, password_file: /q", false },
	{ "negotiate", "type: http", "type: http, negotiate: true", false },
	{ "negotiate_keytab",
	    "type: http, negotiate: true, negotiate_keytab: /a",
	    "type: http, negotiate: true, negotiate_keytab: /b", false },
};

static struct config *
with_check(const char *keys)
{
	char text[512];

	(void)snprintf(text, sizeof(text),
	    "services:\n  name: s\n  listen: 127.0.0.1:1\n"
	    "  servers: h.example:1\n  check: {%s}\n",
	    keys);
	return from_yaml(text);
}

static struct probe_question
question_of(const struct config *c, const char *host, const char *to)
{
	struct probe_question q = { .check = &c->services[0].check,
		.host = host,
		.service = "s",
		.server = "a" };

	assert_int_equal(addr_parse(to, &q.to), 0);
	return q;
}

static void
each_key_of_a_check_tells_questions_apart(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct config *x = with_check(rows[i].one);
		struct config *y = with_check(rows[i].other);
		const struct probe_question a = question_of(
		                                x, "h", "10.0.0.1:1"),
		                            b = question_of(
		                                y, "h", "10.0.0.1:1");
		char name[64];

		(void)snprintf(
		    name, sizeof(name), "%s, row %zu", rows[i].key, i);
		test_row(name);
		assert_int_equal(probe_is_same(&a, &b), rows[i].same);
		assert_int_equal(probe_is_same(&b, &a), rows[i].same);
		config_free(x);
		config_free(y);
	}
}

static void
no_key_of_a_check_is_without_a_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < keys_check_table.n_keys; i++) {
		const char *key = keys_check_table.keys[i].name;
		bool found = false;

		test_row(key);
		for (size_t k = 0; k < ARRAY_LEN(rows); k++)
			found = found || strcmp(rows[k].key, key) == 0;
		assert_true(found);
	}
}

static void
addresses_tell_them_apart_and_for_pages_hosts(void **state)
{
	struct config *tcp = with_check("type: tcp");
	struct config *http = with_check("type: http");
	struct probe_question a = question_of(tcp, "h", "10.0.0.1:1");
	struct probe_question b = question_of(tcp, "i", "10.0.0.1:1");

	(void)state;
	assert_true(probe_is_same(&a, &b));
	b = question_of(tcp, "h", "10.0.0.1:2");
	assert_false(probe_is_same(&a, &b));
	b = question_of(tcp, "h", "10.0.0.1:1");
	b.proxy = CONFIG_PROXY_PROTOCOL_V1;
	assert_false(probe_is_same(&a, &b));
	a = question_of(http, "h", "10.0.0.1:1");
	b = question_of(http, "h", "10.0.0.1:1");
	assert_true(probe_is_same(&a, &b));
	b.host = "i";
	assert_false(probe_is_same(&a, &b));
	config_free(tcp);
	config_free(http);
}

/* -- asking ------------------------------------------------------------- */

struct run {
	struct ev_loop *loop;
	struct probes *surveys;
	int door;
	struct probe_question question;
	struct config *config;
};

struct ear {
	struct probe_listener listener;
	struct ev_loop *loop;
	unsigned heard, enough; /* ends the loop */
	bool wavers;
	struct probe_judge_answer answer;
};

static bool
on_heard(void *arg, const struct probe_judge_answer *answer, double latency_ms)
{
	struct ear *e = arg;

	assert_true(latency_ms >= 0.);
	e->answer = *answer;
	if (++e->heard == e->enough)
		ev_break(e->loop, EVBREAK_ALL);
	return e->wavers;
}

static struct ear
ear_of(struct run *r, unsigned enough)
{
	return (struct ear){
		.loop = r->loop, .enough = enough, .listener.on_heard = on_heard
	};
}

static void
listen_at(struct run *r, struct ear *e)
{
	e->listener.arg = e;
	assert_int_equal(probe_join(r->surveys, &e->listener, &r->question), 0);
}

/* A server that accepts; `keys` are the check's. */
static void
set_up(struct run *r, const char *keys)
{
	socklen_t len = sizeof(r->question.to);

	*r = (struct run){ .loop = ev_default_loop(EVFLAG_NOENV) };
	assert_non_null(r->loop);
	r->surveys = probe_open(r->loop, NULL, 8);
	assert_non_null(r->surveys);
	r->config = with_check(keys);
	r->question = question_of(r->config, "h", "127.0.0.1:1");
	addr_set_port(&r->question.to, 0);
	r->door = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	assert_int_not_equal(r->door, -1);
	assert_int_equal(bind(r->door, &r->question.to.sa, len), 0);
	assert_int_equal(listen(r->door, 64), 0);
	assert_int_equal(getsockname(r->door, &r->question.to.sa, &len), 0);
}

static void
tear_down(struct run *r)
{
	probe_close(r->surveys);
	config_free(r->config);
	fd_close(&r->door);
}

/* Who has asked by now. */
static unsigned
count_asked(struct run *r)
{
	unsigned n = 0;
	int fd;

	while ((fd = accept(r->door, NULL, NULL)) != -1) {
		n++;
		fd_close(&fd);
	}
	return n;
}

static void
who_wants_to_know_the_same_shares_a_question(void **state)
{
	struct run r;
	struct ear a, b;

	(void)state;
	set_up(&r, "interval: 60s");
	a = ear_of(&r, 1);
	b = ear_of(&r, 1);
	listen_at(&r, &a);
	listen_at(&r, &b);
	(void)ev_run(r.loop, 0);
	assert_int_equal(a.heard, 1);
	assert_int_equal(b.heard, 1);
	assert_int_equal(b.answer.result, HEALTH_PASSED);
	assert_text(b.answer.detail, "connected");
	assert_int_equal(count_asked(&r), 1);
	/* One leaves, the other hears on; it does not matter who began. */
	probe_leave(&a.listener);
	probe_leave(&a.listener);
	b.enough = 2;
	probe_hurry(&b.listener);
	(void)ev_run(r.loop, 0);
	assert_int_equal(a.heard, 1);
	assert_int_equal(b.heard, 2);
	probe_leave(&b.listener);
	tear_down(&r);
}

static void
who_leaves_while_asked_hears_nothing(void **state)
{
	struct run r;
	struct ear e;

	(void)state;
	set_up(&r, "interval: 10ms");
	e = ear_of(&r, 1);
	listen_at(&r, &e);
	(void)ev_run(r.loop, EVRUN_ONCE); /* it is asked now */
	probe_leave(&e.listener);
	(void)ev_run(r.loop, 0); /* and nothing is left to do */
	assert_true(e.heard <= 1);
	tear_down(&r);
}

static struct mono
run_until_heard(struct run *r)
{
	(void)ev_run(r->loop, 0);
	return mono_now();
}

static void
hurry_makes_no_storm(void **state)
{
	struct mono first, second;
	struct run r;
	struct ear e;

	(void)state;
	set_up(&r, "interval: 60s");
	e = ear_of(&r, 1);
	listen_at(&r, &e);
	first = run_until_heard(&r);
	for (int i = 0; i < 1000; i++)
		probe_hurry(&e.listener);
	e.enough = 2;
	second = run_until_heard(&r);
	assert_int_equal(count_asked(&r), 2);
	/* 100 ms after the first began, which was a moment before it ended. */
	assert_true(mono_span_ms(first, second) >= 50);
	probe_leave(&e.listener);
	tear_down(&r);
}

static void
who_wavers_is_asked_again_sooner(void **state)
{
	int64_t waited_ms[2];
	struct run r;
	struct ear e;

	(void)state;
	set_up(&r, "interval: 1s");
	e = ear_of(&r, 1);
	e.wavers = true;
	listen_at(&r, &e);
	for (int i = 0; i < 2; i++) {
		struct mono before = run_until_heard(&r);

		e.wavers = false; /* the next wait is as long as ever */
		e.enough = e.heard + 1;
		waited_ms[i] = mono_span_ms(before, run_until_heard(&r));
		e.enough = e.heard + 1;
	}
	/* A quarter and a whole one, give or take a tenth. */
	assert_true(waited_ms[0] >= 220);
	assert_true(waited_ms[1] >= 890);
	assert_true(waited_ms[0] * 3 / 2 < waited_ms[1]);
	probe_leave(&e.listener);
	tear_down(&r);
}

static void
a_refusal_is_an_answer(void **state)
{
	struct run r;
	struct ear e;

	(void)state;
	set_up(&r, "interval: 60s");
	fd_close(&r.door);
	e = ear_of(&r, 1);
	listen_at(&r, &e);
	(void)ev_run(r.loop, 0);
	assert_int_equal(e.answer.result, HEALTH_FAILED);
	assert_text(e.answer.detail, "connect: Connection refused");
	probe_leave(&e.listener);
	tear_down(&r);
}

static void
each_server_has_its_script_run(void **state)
{
	struct run r;
	struct ear a, b;

	(void)state;
	set_up(&r, "type: script, script: /bin/false, interval: 60s");
	a = ear_of(&r, 1);
	b = ear_of(&r, 1);
	listen_at(&r, &a);
	listen_at(&r, &b);
	assert_ptr_not_equal(a.listener.probe, b.listener.probe);
	while (a.heard + b.heard < 2)
		(void)ev_run(r.loop, 0);
	assert_int_equal(a.answer.result, HEALTH_FAILED);
	assert_text(a.answer.detail, "status 1");
	probe_leave(&a.listener);
	probe_leave(&b.listener);
	tear_down(&r);
}

/* -- many --------------------------------------------------------------- */

#define MANY 256

/* As many questions, to as many addresses of this host. */
struct many {
	struct run run;
	struct ear ears[MANY];
};

static void
ask_many(struct many *m, const char *keys)
{
	union addr any = { .in.sin_family = AF_INET };
	socklen_t len = sizeof(any.in);

	set_up(&m->run, keys);
	fd_close(&m->run.door);
	m->run.door = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(m->run.door, &any.sa, len), 0);
	assert_int_equal(listen(m->run.door, 2 * MANY), 0);
	assert_int_equal(getsockname(m->run.door, &any.sa, &len), 0);
	for (unsigned i = 0; i < MANY; i++) {
		m->ears[i] = ear_of(&m->run, 2);
		addr_set_port(&m->run.question.to, addr_port(&any));
		m->run.question.to.in.sin_addr.s_addr = htonl(0x7f000001 + i);
		listen_at(&m->run, &m->ears[i]);
	}
}

static void
ask_many_no_more(struct many *m)
{
	for (unsigned i = 0; i < MANY; i++)
		probe_leave(&m->ears[i].listener);
	tear_down(&m->run);
}

/* G4: who is under way is not kept waiting by those that only begin. */
static void
g04_those_that_are_due_at_once_begin_one_after_the_other(void **state)
{
	struct many m;
	unsigned asked, turns = 1;

	(void)state;
	ask_many(&m, "interval: 60s");
	(void)ev_run(m.run.loop, EVRUN_ONCE);
	(void)ev_run(m.run.loop, EVRUN_ONCE);
	asked = count_asked(&m.run);
	assert_true(asked <= MANY / 2);
	for (; asked < MANY && turns < 1000; turns++) {
		(void)ev_run(m.run.loop, EVRUN_ONCE);
		asked += count_asked(&m.run);
	}
	assert_int_equal(asked, MANY);
	ask_many_no_more(&m);
}

/* G7: else all second ones came when an interval was over, give or take. */
static void
g07_they_do_not_go_on_together(void **state)
{
	struct mono begun = mono_now();
	struct many m;

	(void)state;
	ask_many(&m, "interval: 2s");
	(void)ev_run(m.run.loop, 0); /* until one has heard twice */
	assert_true(mono_span_ms(begun, mono_now()) < 1750);
	ask_many_no_more(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_key_of_a_check_tells_questions_apart),
		cmocka_unit_test(no_key_of_a_check_is_without_a_row),
		cmocka_unit_test(addresses_tell_them_apart_and_for_pages_hosts),
		cmocka_unit_test(who_wants_to_know_the_same_shares_a_question),
		cmocka_unit_test(who_leaves_while_asked_hears_nothing),
		cmocka_unit_test(hurry_makes_no_storm),
		cmocka_unit_test(who_wavers_is_asked_again_sooner),
		cmocka_unit_test(a_refusal_is_an_answer),
		cmocka_unit_test(each_server_has_its_script_run),
		cmocka_unit_test(
		    g04_those_that_are_due_at_once_begin_one_after_the_other),
		cmocka_unit_test(g07_they_do_not_go_on_together),
	};

	if (secret_init() < 0)
		return 1;
	TEST_MAIN(tests);
}
