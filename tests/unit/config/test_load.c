#include "config/load.h"
#include "config/print.h"
#include "config/yaml/diag.h"
#include "core/fd.h"
#include "core/secret.h"
#include "tests/lib/scratch.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char pair_text[] =
    "pair:\n"
    "  nodes:\n"
    "    - {name: a, address: 10.0.0.1, priority: 150}\n"
    "    - {name: b, address: 10.0.0.2}\n"
    "  key_file: /etc/hapair/pair.key\n"
    "  groups: {name: main, interface: eth0, addresses: 10.0.0.100/24}\n"
    "services:\n"
    "  name: web\n"
    "  listen: ['*:80', 10.0.0.100:81]\n"
    "  check: {interval: 1s}\n"
    "  servers:\n"
    "    - 10.0.0.31:8080\n"
    "    - {name: big, address: '[fd00::32]:8080', weight: 2,\n"
    "        check: {port: 9090}}\n";

static void
check_pair(const struct config_pair *p)
{
	char buf[ADDR_TEXT_MAX];

	assert_text(p->nodes[0].name, "a");
	assert_text(p->nodes[1].name, "b");
	assert_text(addr_format_ip(&p->nodes[1].address, buf), "10.0.0.2");
	assert_int_equal(p->nodes[0].priority, 150);
	assert_int_equal(p->nodes[1].priority, 100);
	assert_int_equal(p->port, 8401);
	assert_text(p->key_file, "/etc/hapair/pair.key");
	assert_int_equal(p->interval_ms, 20);
	assert_int_equal(p->misses, 3);
	assert_int_equal(p->n_groups, 1);
	assert_text(p->groups[0].name, "main");
	assert_text(p->groups[0].interface, "eth0");
	assert_int_equal(p->groups[0].n_addresses, 1);
	assert_int_equal(p->groups[0].addresses[0].prefix, 24);
}

static void
check_service(const struct config_service *s)
{
	char buf[ADDR_TEXT_MAX];

	assert_text(s->name, "web");
	assert_int_equal(s->n_listens, 3);
	assert_text(addr_format(&s->listens[0].address, buf), "0.0.0.0:80");
	assert_text(addr_format(&s->listens[1].address, buf), "[::]:80");
	assert_text(addr_format(&s->listens[2].address, buf), "10.0.0.100:81");
	assert_int_equal(s->balance, CONFIG_BALANCE_ROUNDROBIN);
	assert_int_equal(s->max_connections, 0);
	assert_int_equal(s->timeouts.connect_ms, 5000);
	assert_int_equal(s->retries, 3);
	assert_int_equal(s->n_servers, 2);
	assert_text(s->servers[0].name, "10.0.0.31");
	assert_int_equal(s->servers[0].weight, 1);
	assert_int_equal(s->servers[0].check.interval_ms, 1000);
	assert_int_equal(s->servers[0].check.port, 0);
	assert_text(s->servers[1].name, "big");
	assert_text(
	    addr_format(&s->servers[1].address, buf), "[fd00::32]:8080");
	assert_int_equal(s->servers[1].weight, 2);
	assert_int_equal(s->servers[1].check.interval_ms, 1000);
	assert_int_equal(s->servers[1].check.timeout_ms, 1000);
	assert_int_equal(s->servers[1].check.rise, 2);
	assert_int_equal(s->servers[1].check.fall, 3);
	assert_int_equal(s->servers[1].check.port, 9090);
}

static void
a_file_becomes_a_value_with_its_defaults(void **state)
{
	CLEANUP(diag_free_at) struct diag *diag = diag_new();
	CLEANUP(config_free_at) struct config *c = NULL;

	(void)state;
	assert_int_equal(
	    load_text("f", pair_text, strlen(pair_text), diag, &c), 0);
	assert_true(c->has_pair);
	check_pair(&c->pair);
	assert_int_equal(c->n_services, 1);
	check_service(&c->services[0]);
	assert_int_equal(c->threads, 0);
	assert_null(c->user);
	assert_null(c->group);
	assert_int_equal(c->max_connections, 0);
	assert_text(c->control, "/run/hapair/control.sock");
	assert_null(c->pid_file);
	assert_int_equal(c->log.target, LOG_TARGET_STDERR);
	assert_int_equal(c->log.facility, 16);
	assert_int_equal(c->log.level, LOG_LEVEL_INFO);
	assert_true(c->log.connections);
	assert_null(c->log.path);
}

static struct config *
loaded(const char *text)
{
	CLEANUP(diag_free_at) struct diag *diag = diag_new();
	struct config *c = NULL;
	int r = load_text("f", text, strlen(text), diag, &c);

	diag_print(diag, stderr);
	assert_int_equal(r, 0);
	return c;
}

static void
the_hash_is_of_the_meaning(void **state)
{
	static const char one[] =
	    "services: {name: s, listen: 10.0.0.1:80, servers: 10.0.0.2:80}\n";
	static const char same[] =
	    "# the same\n"
	    "threads: auto\n"
	    "services:\n"
	    "  - servers: [{address: 10.0.0.2:80, name: 10.0.0.2}]\n"
	    "    listen: [\"10.0.0.1:80\"]\n"
	    "    timeouts: {connect: 5000ms}\n"
	    "    name: s\n";
	static const char other[] =
	    "services: {name: s, listen: 10.0.0.1:80, servers: 10.0.0.2:81}\n";
	CLEANUP(config_free_at) struct config *a = loaded(one);
	CLEANUP(config_free_at) struct config *b = loaded(same);
	CLEANUP(config_free_at) struct config *c = loaded(other);

	(void)state;
	assert_memory_equal(a->hash, b->hash, CONFIG_HASH_BYTES);
	assert_memory_not_equal(a->hash, c->hash, CONFIG_HASH_BYTES);
}

/*
 * Each byte that is hashed: a key that a later version has, too, must not be
 * among them as long as nobody sets it, else two versions call one file two.
 */
static void
what_is_at_its_default_is_not_in_the_hash(void **state)
{
	static const char file[] =
	    "services:\n"
	    "  - name: s\n"
	    "    listen: 10.0.0.1:80\n"
	    "    timeouts: {connect: 5s, idle: 1h}\n"
	    "    servers: [10.0.0.2:80, {name: b, address: 10.0.0.3:80, check: "
	    "{type: http, rise: 3, status: 200}}]\n"
	    "log: {level: info}\n"
	    "max_connections: 0\n";
	static const char hashed[] = "services:\n"
	                             "  - name: s\n"
	                             "    listen:\n"
	                             "      - 10.0.0.1:80\n"
	                             "    timeouts:\n"
	                             "      idle: 1h\n"
	                             "    servers:\n"
	                             "      - name: 10.0.0.2\n"
	                             "        address: 10.0.0.2:80\n"
	                             "      - name: b\n"
	                             "        address: 10.0.0.3:80\n"
	                             "        check:\n"
	                             "          type: http\n"
	                             "          rise: 3\n";
	CLEANUP(config_free_at) struct config *c = loaded(file);
	CLEANUP(free_str) char *text = NULL;
	uint8_t hash[CONFIG_HASH_BYTES];
	size_t len;

	(void)state;
	assert_int_equal(print_brief(c, &text, &len), 0);
	assert_text(text, hashed);
	secret_hash(hashed, strlen(hashed), hash, sizeof(hash));
	assert_memory_equal(c->hash, hash, CONFIG_HASH_BYTES);
}

static void
a_refused_text_leaves_no_configuration(void **state)
{
	struct config *c = NULL;

	(void)state;
	/* Also where nobody wants to know why. */
	assert_int_equal(load_text("f", "a: b", 4, NULL, &c), -EINVAL);
	assert_null(c);
}

/* As many services, listeners and servers as there may be. */
static char *
largest(void)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	(void)fputs("services:\n", out);
	for (unsigned i = 0; i < CONFIG_SERVICES_MAX; i++) {
		(void)fprintf(out, "- name: service-of-a-long-name-%u\n", i);
		(void)fputs("  listen:\n", out);
		for (unsigned j = 1; j <= 4; j++)
			(void)fprintf(out, "  - '[fd00::1:%x]:%u'\n", i, j);
		(void)fputs("  servers:\n", out);
		for (unsigned j = 1; j <= 4; j++)
			(void)fprintf(out,
			    "  - {address: '[fd00:1:2:3:4:5:6:%x]:10000', "
			    "check: {port: 10000, interval: 1001ms}}\n",
			    j);
	}
	assert_int_equal(fclose(out), 0);
	return text;
}

/* Its canonical text is longer than it, and still not too long to load. */
static void
the_largest_configuration_can_be_printed_and_loaded(void **state)
{
	CLEANUP(free_str) char *text = largest();
	CLEANUP(free_str) char *once = NULL;
	CLEANUP(free_str) char *twice = NULL;
	CLEANUP(config_free_at) struct config *c = loaded(text);
	CLEANUP(config_free_at) struct config *again = NULL;
	size_t len;

	(void)state;
	assert_true(strlen(text) <= LOAD_FILE_MAX);
	assert_int_equal(print_text(c, &once, &len), 0);
	again = loaded(once);
	assert_int_equal(print_text(again, &twice, &len), 0);
	assert_string_equal(once, twice);
}

/* A text that costs its reader too much: refused, soon, in little memory. */
static void
expect_refused(const char *name, const char *text, size_t len)
{
	CLEANUP(diag_free_at) struct diag *diag = diag_new();
	CLEANUP(config_free_at) struct config *c = NULL;
	struct rusage before, after;
	clock_t start = clock();

	test_row(name);
	assert_int_equal(getrusage(RUSAGE_SELF, &before), 0);
	assert_int_equal(load_text("bomb", text, len, diag, &c), -EINVAL);
	assert_true(diag_count(diag) > 0);
	assert_int_equal(getrusage(RUSAGE_SELF, &after), 0);
	/* Generous, for sanitizers on a busy host; 200 MB is before them. */
	if ((clock() - start) / CLOCKS_PER_SEC >= 10)
		fail_msg("%s took %ld s", name,
		    (long)((clock() - start) / CLOCKS_PER_SEC));
	if (after.ru_maxrss - before.ru_maxrss > 400L * 1024)
		fail_msg("%s took %ld KiB", name,
		    after.ru_maxrss - before.ru_maxrss);
}

/* `before`, then `n` times `item` with a number in it. */
static void
refuse_many(const char *name, const char *before, const char *item, unsigned n)
{
	CLEANUP(free_str) char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	(void)fputs(before, out);
	for (unsigned i = 0; i < n; i++) {
		const char *at = strchr(item, '#');

		if (at == NULL)
			(void)fputs(item, out);
		else
			(void)fprintf(
			    out, "%.*s%u%s", (int)(at - item), item, i, at + 1);
	}
	assert_int_equal(fclose(out), 0);
	expect_refused(name, text, len);
}

static void
bombs_are_refused_soon_and_in_little_memory(void **state)
{
	(void)state;
	refuse_many("keys", "", "k#: 1\n", 300000);
	refuse_many("keys that fit", "", "adres#: 1\n", 90000);
	refuse_many("a million keys", "", "#:\n", 1000000);
	refuse_many("the same key", "", "services:\n", 90000);
	refuse_many("in a line", "{", "a#: b,", 80000);
	refuse_many("open lists", "services: ", "[", 1000000);
	refuse_many("open maps", "services: ", "{a: ", 500000);
	refuse_many("dashes", "services: ", "- ", 500000);
	refuse_many("nested lines", "", "- - - - - - - - - - \n", 50000);
	refuse_many("question marks", "", "? ", 500000);
	refuse_many("a list of nothing", "services: [", ",", 500000);
	refuse_many("services", "services:\n", "- s#\n", 100000);
	refuse_many("empty lists", "services: [", "[],", 500000);
	refuse_many("anchors", "services: [", "&a#", 100000);
	refuse_many("aliases", "a: &a [b]\nservices: [", "*a,", 500000);
	refuse_many("a long word", "", "x", 4000000);
	refuse_many("a long quoted word", "a: \"", "x", 4000000);
	refuse_many("a large file", "", "# comment\n", 500000);
	refuse_many("tabs", "services:", "\t", 1000000);
	refuse_many("blanks", "services:", "\n", 4000000);
	refuse_many("listeners",
	    "services:\n- name: s\n  servers: 10.0.0.1:1\n  listen:\n",
	    "  - 10.0.0.1:#\n", 60000);
	refuse_many("servers",
	    "services:\n- name: s\n  listen: 10.0.0.1:1\n  servers:\n",
	    "  - 10.0.0.1:80#\n", 60000);
}

static void
aliased_services_are_bounded_too(void **state)
{
	(void)state;
	/* 1000 services with 20 listeners each, and all collide. */
	refuse_many("collisions",
	    "services:\n"
	    "- {name: s, servers: '10.0.0.1:1', listen: &l ["
	    "'*:1','*:2','*:3','*:4','*:5','*:6','*:7','*:8','*:9','*:10',"
	    "'*:11','*:12','*:13','*:14','*:15','*:16']}\n",
	    "- {name: s#, listen: *l, servers: '10.0.0.1:1'}\n", 1000);
}

/* Each service may have its thousand, but not all of them together. */
static void
servers_of_all_services_are_bounded(void **state)
{
	CLEANUP(free_str) char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	assert_non_null(out);
	(void)fputs("services:\n"
	            "- name: first\n  listen: 10.0.0.1:1\n  servers: &s\n",
	    out);
	for (unsigned i = 1; i <= CONFIG_SERVERS_MAX; i++)
		(void)fprintf(out, "  - 10.0.0.2:%u\n", i);
	for (unsigned i = 2; i <= 4; i++)
		(void)fprintf(out,
		    "- {name: s%u, listen: '10.0.0.1:%u', servers: *s}\n", i,
		    i);
	assert_int_equal(fflush(out), 0);
	config_free(loaded(text));
	(void)fputs("- {name: more, listen: '10.0.0.1:9', servers: "
	            "'10.0.0.2:80'}\n",
	    out);
	assert_int_equal(fclose(out), 0);
	expect_refused("servers of all services", text, len);
}

static void
write_file(const char *path, size_t len)
{
	CLEANUP(fd_close)
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_int_not_equal(fd, -1);
	assert_int_equal(ftruncate(fd, (off_t)len), 0);
	assert_int_equal(
	    pwrite(fd, "a: 1\n", len < 5 ? len : 5, 0), len < 5 ? len : 5);
}

static int
read_it(const char *path, size_t *ret_len, char *ret_said, size_t room)
{
	CLEANUP(diag_free_at) struct diag *diag = diag_new();
	CLEANUP(free_str) char *text = NULL;
	FILE *out = fmemopen(ret_said, room, "w");
	int r = load_read(path, false, diag, &text, ret_len);

	assert_non_null(out);
	diag_print(diag, out);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(r < 0, diag_count(diag) == 1);
	assert_int_equal(r < 0, text == NULL);
	return r;
}

static void
a_file_is_read_whole_or_not_at_all(void **state)
{
	char path[SCRATCH_PATH_MAX], said[256], expected[256];
	size_t len = 0;

	(void)state;
	(void)scratch_path("f", path);
	write_file(path, 5);
	assert_int_equal(read_it(path, &len, said, sizeof(said)), 0);
	assert_int_equal(len, 5);
	write_file(path, 0);
	assert_int_equal(read_it(path, &len, said, sizeof(said)), 0);
	assert_int_equal(len, 0);
	write_file(path, LOAD_FILE_MAX);
	assert_int_equal(read_it(path, &len, said, sizeof(said)), 0);
	assert_int_equal(len, LOAD_FILE_MAX);
	write_file(path, LOAD_FILE_MAX + 1);
	assert_int_equal(read_it(path, &len, said, sizeof(said)), -EFBIG);
	(void)snprintf(expected, sizeof(expected),
	    "%s: error: is too large; expected at most 1048576 bytes\n", path);
	assert_text(said, expected);
}

static void
only_regular_files_are_read(void **state)
{
	char path[SCRATCH_PATH_MAX], said[256], expected[256];
	size_t len = 0;

	(void)state;
	(void)scratch_path("g", path);
	assert_int_equal(read_it(path, &len, said, sizeof(said)), -ENOENT);
	(void)snprintf(expected, sizeof(expected),
	    "%s: error: cannot be read: No such file or directory\n", path);
	assert_text(said, expected);
	assert_int_equal(
	    read_it(scratch_folder(), &len, said, sizeof(said)), -EINVAL);
	/* Nobody writes to it: opening it must not wait. */
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(read_it(path, &len, said, sizeof(said)), -EINVAL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_becomes_a_value_with_its_defaults),
		cmocka_unit_test(the_hash_is_of_the_meaning),
		cmocka_unit_test(what_is_at_its_default_is_not_in_the_hash),
		cmocka_unit_test(
		    the_largest_configuration_can_be_printed_and_loaded),
		cmocka_unit_test(a_refused_text_leaves_no_configuration),
		cmocka_unit_test(bombs_are_refused_soon_and_in_little_memory),
		cmocka_unit_test(aliased_services_are_bounded_too),
		cmocka_unit_test(servers_of_all_services_are_bounded),
		cmocka_unit_test(a_file_is_read_whole_or_not_at_all),
		cmocka_unit_test(only_regular_files_are_read),
	};

	TEST_MAIN_WITH(tests, scratch_make, scratch_remove);
}
