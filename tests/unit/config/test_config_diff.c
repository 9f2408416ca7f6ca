#include "config/config_diff.h"

#include "config/config.h"
#include "config/keys.h"
#include "config/load.h"
#include "config/schema/byte_forms.h"
#include "config/schema/check_forms.h"
#include "config/schema/schema.h"
#include "config/schema/value_forms.h"
#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEYS_MAX 512
#define EXAMPLE "config/examples/full.yaml"

static struct config *
load(const char *text)
{
	struct config *c = NULL;

	test_row(text);
	assert_int_equal(load_text("f", text, strlen(text), NULL, &c), 0);
	return c;
}

static struct config *
load_example(void)
{
	CLEANUP(free_str) char *text = NULL;
	size_t len;
	struct config *c = NULL;

	assert_int_equal(load_read(EXAMPLE, false, NULL, &text, &len), 0);
	assert_int_equal(load_text("f", text, len, NULL, &c), 0);
	return c;
}

/* Every key of the tables, once. */
struct keys {
	char path[KEYS_MAX][128];
	bool noticed[KEYS_MAX];
	size_t n;
};

static void
list_keys(struct keys *all, const struct schema_table *table, const char *above)
{
	for (size_t i = 0; i < table->n_keys; i++) {
		const struct schema_key *k = &table->keys[i];
		const struct schema_table *below =
		    k->list != NULL ? k->list->table : k->table;
		char path[128];

		assert_true(all->n < KEYS_MAX);
		(void)snprintf(path, sizeof(path), "%s%s", above, k->name);
		strcpy(all->path[all->n++], path);
		strcat(path, ".");
		if (below != NULL)
			list_keys(all, below, path);
	}
}

static void
it_is_decided_for_every_key_what_a_change_takes(void **state)
{
	static struct keys all;
	size_t n_rows;
	const struct change_class_row *rows = change_class_rows(&n_rows);

	(void)state;
	list_keys(&all, &keys_file, "");
	for (size_t i = 0; i < all.n; i++) {
		test_row(all.path[i]);
		assert_non_null(change_class_find(all.path[i]));
	}
	/* And no row is for a key that has gone, or hides behind another. */
	for (size_t r = 0; r < n_rows; r++) {
		bool used = false;

		test_row(rows[r].path);
		for (size_t i = 0; i < all.n; i++)
			used =
			    used || change_class_find(all.path[i]) == &rows[r];
		assert_true(used);
		assert_true((rows[r].class == CHANGE_CLASS_RESTART) ==
		    (rows[r].why != NULL));
	}
}

static void
set_number(const struct schema_key *k, void *base)
{
	uint64_t n = schema_get_number(k, base);

	if (k->type == SCHEMA_WORD)
		n = n == 0 ? 1 : 0;
	else
		n = n == (uint64_t)k->max ? n - 1 : n + 1;
	memcpy((char *)base + k->offset, &n, k->size); /* little-endian */
}

static void
set_form(const struct schema_key *k, void *field)
{
	static const char *const text = "/another";

	if (k->form == &value_forms_ip || k->form == &value_forms_cidr)
		assert_int_equal(addr_parse_ip("192.0.2.77", field), 0);
	else if (k->form == &value_forms_host)
		((struct config_server *)field)->host = "other.example.org";
	else if (k->form == &value_forms_target)
		((struct config_log *)field)->target = LOG_TARGET_SYSLOG;
	else if (k->form == &byte_forms_bytes)
		*(struct config_bytes *)field =
		    (struct config_bytes){ (const uint8_t *)"x", 1 };
	else if (k->form == &check_forms_text || k->form == &check_forms_path ||
	    k->form == &check_forms_host)
		memcpy(field, &text, sizeof(text));
	else
		fail_msg("no other value is known for a %s", k->form->name);
}

/* Another value in place of the one that is there. False: there is none. */
static bool
change(const struct schema_key *k, char *base)
{
	static const char *const name = "another";
	static struct config_match match = { "k", CONFIG_MATCH_BOOL, "true" };
	void *field = base + k->offset;
	size_t *count;

	switch (k->type) {
	case SCHEMA_NAME:
	case SCHEMA_PATH:
		memcpy(field, &name, sizeof(name));
		return true;
	case SCHEMA_NUMBER:
	case SCHEMA_DURATION:
	case SCHEMA_WORD:
		set_number(k, base);
		return true;
	case SCHEMA_BOOL:
		*(bool *)field = !*(bool *)field;
		return true;
	case SCHEMA_MAP:
		if (k->optional)
			base[k->present_at] = !base[k->present_at];
		return k->optional;
	case SCHEMA_LIST:
		if (k->list->in_place)
			return false;
		count = (void *)(base + k->list->count_at);
		*count -= *count > 0;
		return true;
	case SCHEMA_MATCHES:
		*(struct config_matches *)field =
		    (struct config_matches){ &match, 1 };
		return true;
	case SCHEMA_OTHER:
		if (k->optional)
			base[k->present_at] = true;
		set_form(k, field);
		return true;
	}
	return false;
}

/* Whether a change of this key, or of what it is part of, is told. */
static bool
is_told(
    const struct config *before, const struct config *after, const char *path)
{
	struct config_diff d;
	const struct config_diff_change *c;
	bool told = false;

	assert_int_equal(config_diff_init(&d, before, after), 0);
	TAILQ_FOREACH (c, &d.all, all) {
		const char *row = c->class->path;
		size_t len = strlen(row);

		len -= row[len - 1] == '*' ? 2 : 0;
		told = told || strncmp(row, path, len) == 0;
	}
	config_diff_fini(&d);
	return told;
}

struct notice {
	const struct config *before;
	struct config *after;
	struct keys *all;
};

static void
try_key(
    struct notice *t, const struct schema_key *k, char *base, const char *path)
{
	char was[sizeof(struct config)], present = 0;
	size_t count = 0, at = 0;

	while (strcmp(t->all->path[at], path) != 0)
		at++;
	if (t->all->noticed[at])
		return;
	memcpy(was, base + k->offset, k->size);
	if (k->optional)
		present = base[k->present_at];
	if (k->list != NULL && !k->list->in_place)
		memcpy(&count, base + k->list->count_at, sizeof(count));
	if (change(k, base) && is_told(t->before, t->after, path))
		t->all->noticed[at] = true;
	memcpy(base + k->offset, was, k->size);
	if (k->optional)
		base[k->present_at] = present;
	if (k->list != NULL && !k->list->in_place)
		memcpy(base + k->list->count_at, &count, sizeof(count));
}

/* Each key of each struct, one after the other; all is put back. */
static void
try_table(struct notice *t, const struct schema_table *table, char *base,
    const char *above)
{
	for (size_t i = 0; i < table->n_keys; i++) {
		const struct schema_key *k = &table->keys[i];
		char path[128], *items = base + k->offset;
		size_t n = (size_t)k->max;

		(void)snprintf(path, sizeof(path), "%s%s", above, k->name);
		try_key(t, k, base, path);
		strcat(path, ".");
		if (k->type == SCHEMA_MAP && k->table != NULL)
			try_table(t, k->table, items, path);
		if (k->type != SCHEMA_LIST || k->list->table == NULL)
			continue;
		if (!k->list->in_place) {
			memcpy(&n, base + k->list->count_at, sizeof(n));
			memcpy(&items, base + k->offset, sizeof(items));
		}
		for (size_t j = 0; j < n; j++)
			try_table(t, k->list->table,
			    items + j * k->list->item_size, path);
	}
}

/* Keys of a table that is in two places need an example in one of them. */
static bool
is_noticed(const struct keys *all, const char *path)
{
	static const char *const same[] = { "services.check.",
		"services.servers.check." };
	const size_t n = strlen(same[0]);
	char other[128] = "";

	if (strncmp(path, same[0], n) == 0)
		(void)snprintf(other, sizeof(other), "%s%s", same[1], path + n);
	if (strncmp(path, same[1], strlen(same[1])) == 0)
		(void)snprintf(other, sizeof(other), "%s%s", same[0],
		    path + strlen(same[1]));
	for (size_t i = 0; i < all->n; i++)
		if (all->noticed[i] &&
		    (strcmp(all->path[i], path) == 0 ||
		        strcmp(all->path[i], other) == 0))
			return true;
	return false;
}

static void
a_change_of_any_key_is_noticed(void **state)
{
	static struct keys all;
	CLEANUP(config_free_at) struct config *before = load_example();
	CLEANUP(config_free_at) struct config *after = load_example();
	struct notice t = { before, after, &all };
	struct config_diff d;

	(void)state;
	list_keys(&all, &keys_file, "");
	try_table(&t, &keys_file, (char *)after, "");
	for (size_t i = 0; i < all.n; i++) {
		/* Its items come and go by their names. */
		if (strcmp(all.path[i], "pair.nodes") == 0)
			continue;
		/* A map that is always there is changed by its keys. */
		if (strstr(all.path[i], "check") != NULL &&
		    strcmp(strrchr(all.path[i], '.'), ".check") == 0)
			continue;
		if (strcmp(all.path[i], "services.timeouts") == 0 ||
		    strcmp(all.path[i], "kernel") == 0 ||
		    strcmp(all.path[i], "log") == 0)
			continue;
		if (!is_noticed(&all, all.path[i]))
			fail_msg("a change of %s is not noticed", all.path[i]);
	}
	assert_int_equal(config_diff_init(&d, before, after), 0);
	assert_int_equal(d.n, 0);
	config_diff_fini(&d);
}

#define NODES                                                                     \
	"pair:\n"                                                                 \
	"  nodes: [{name: a, address: 10.0.0.1}, {name: b, address: 10.0.0.2}]\n" \
	"  key_file: /k\n"
#define SERVICE(rest)                                                          \
	"services:\n"                                                          \
	"  - name: s\n"                                                        \
	"    listen: 10.0.0.9:80\n" rest
#define SERVERS "    servers: [10.0.0.3:80, 10.0.0.4:80]\n"
/* The kernel path, which needs an address of a group. */
#define GROUP                                                                  \
	NODES                                                                  \
	"  groups:\n"                                                          \
	"    - {name: g, interface: eth0, addresses: [10.0.0.9/24]}\n"
#define KERNEL(rest) GROUP SERVICE("    path: kernel\n" SERVERS) rest
#define CHECK(rest) SERVICE("    check: {type: http, " rest "}\n" SERVERS)

static const struct row {
	const char *before, *after, *lines;
	enum change_class class;
} rows[] = {
	{ SERVICE(SERVERS), SERVICE(SERVERS), "", CHANGE_CLASS_RELAY },
	/* Of nobody who has tables either, until somebody has looked. */
	{ GROUP SERVICE(SERVERS), KERNEL("kernel: {slots: 2048}\n"),
	    "service s: path relay -> kernel\nkernel.slots 65536 -> 2048\n",
	    CHANGE_CLASS_RESTART },
	{ SERVICE("    retries: 3\n" SERVERS), SERVICE(SERVERS), "",
	    CHANGE_CLASS_RELAY },
	{ SERVICE(SERVERS), SERVICE("    retries: 2\n" SERVERS),
	    "service s: retries 3 -> 2\n", CHANGE_CLASS_RELAY },
	{ SERVICE(SERVERS), SERVICE("    timeouts: {idle: 2m}\n" SERVERS),
	    "service s: timeouts.idle 0s -> 2m\n", CHANGE_CLASS_RELAY },
	{ SERVICE(SERVERS), SERVICE("    servers: 10.0.0.5:80\n"),
	    "service s: server 10.0.0.3 removed\n"
	    "service s: server 10.0.0.4 removed\n"
	    "service s: server 10.0.0.5 added\n",
	    CHANGE_CLASS_RELAY },
	{ SERVICE(SERVERS),
	    SERVICE("    servers: [10.0.0.4:80, 10.0.0.3:80]\n"),
	    "service s: servers in another order\n", CHANGE_CLASS_RELAY },
	{ SERVICE("    servers: {name: x, address: a:80}\n"),
	    SERVICE("    servers: {name: x, address: b:80, weight: 2}\n"),
	    "service s: server x: address a:80 -> b:80\n"
	    "service s: server x: weight 1 -> 2\n",
	    CHANGE_CLASS_RELAY },
	/* What servers inherit is told once, what they have of their own is. */
	{ SERVICE(SERVERS), SERVICE("    check: {fall: 5}\n" SERVERS),
	    "service s: check.fall 3 -> 5\n", CHANGE_CLASS_RELAY },
	{ SERVICE("    servers: {address: 10.0.0.3:80, check: {fall: 7}}\n"),
	    SERVICE("    check: {fall: 5}\n"
	            "    servers: {address: 10.0.0.3:80, check: {fall: 5}}\n"),
	    "service s: check.fall 3 -> 5\n"
	    "service s: server 10.0.0.3: check.fall 7 -> 5\n",
	    CHANGE_CLASS_RELAY },
	{ SERVICE(SERVERS), SERVICE("    keytab: /a b\n" SERVERS),
	    "service s: keytab \"/a b\" added\n", CHANGE_CLASS_RELAY },
	{ SERVICE("    allow: [10.0.0.0/8, 10.1.0.0/16]\n" SERVERS),
	    SERVICE("    allow: [10.1.0.0/16, 10.2.0.0/16]\n" SERVERS),
	    "service s: allow 10.0.0.0/8 removed\n"
	    "service s: allow 10.2.0.0/16 added\n",
	    CHANGE_CLASS_RELAY },
	{ "services:\n  - {name: s, listen: 10.0.0.9:80, servers: 10.0.0.3:80}\n",
	    "services:\n  - {name: s, listen: 10.0.0.9:81, servers: 10.0.0.3:80}\n",
	    "service s: listen 10.0.0.9:80 removed\n"
	    "service s: listen 10.0.0.9:81 added\n",
	    CHANGE_CLASS_LISTENERS },
	{ "services:\n  - {name: s, listen: 10.0.0.9:80, servers: 10.0.0.3:80}\n",
	    "services:\n  - {name: t, listen: 10.0.0.9:80, servers: 10.0.0.3:80}\n",
	    "service s removed\nservice t added\n", CHANGE_CLASS_LISTENERS },
	/* A port of one address, and then of each. */
	{ "services:\n  - {name: s, listen: 10.0.0.9:80, servers: 10.0.0.3:80}\n",
	    "services:\n  - {name: s, listen: 0.0.0.0:80, servers: 10.0.0.3:80}\n",
	    "service s: listen 10.0.0.9:80 removed\n"
	    "service s: listen 0.0.0.0:80 added\n"
	    "service s: listen 0.0.0.0:80 in place of 10.0.0.9:80\n",
	    CHANGE_CLASS_RESTART },
	{ "services:\n  - {name: s, listen: 0.0.0.0:80, servers: 10.0.0.3:80}\n",
	    "services:\n  - {name: t, listen: 10.0.0.9:80, servers: 10.0.0.3:80}\n",
	    "service s removed\nservice t added\n"
	    "service t: listen 10.0.0.9:80 in place of 0.0.0.0:80\n",
	    CHANGE_CLASS_RESTART },
	{ "services:\n  - {name: s, listen: 0.0.0.0:80, servers: 10.0.0.3:80}\n",
	    "services:\n  - {name: s, listen: 10.0.0.9:81, servers: 10.0.0.3:80}\n",
	    "service s: listen 0.0.0.0:80 removed\n"
	    "service s: listen 10.0.0.9:81 added\n",
	    CHANGE_CLASS_LISTENERS },
	/* What may be a secret. */
	{ CHECK("headers: {A: one}"), CHECK("headers: {A: two}"),
	    "service s: check.headers changed\n", CHANGE_CLASS_RELAY },
	{ CHECK("path: /a?token=one"), CHECK("path: /a?token=two"),
	    "service s: check.path changed\n", CHANGE_CLASS_RELAY },
	{ SERVICE(SERVERS),
	    SERVICE("    check: {dialog: {send: one}}\n" SERVERS),
	    "service s: check.dialog added\n", CHANGE_CLASS_RELAY },
	/* The pair. */
	{ SERVICE(SERVERS), NODES SERVICE(SERVERS), "pair added\n",
	    CHANGE_CLASS_RESTART },
	{ NODES, NODES "  misses: 5\n  witness: 10.0.0.254\n",
	    "pair.misses 3 -> 5\npair.witness 10.0.0.254 added\n",
	    CHANGE_CLASS_FAILOVER },
	{ NODES,
	    NODES "  track: [{script: /a, weight: 5}]\n"
	          "  groups: {name: g, interface: e, addresses: 10.0.0.9/24}\n",
	    "pair.track {script: /a, interval: 1s, timeout: 1s, rise: 1, fall: 1, weight: 5} added\n"
	    "group g added\n",
	    CHANGE_CLASS_FAILOVER },
	{ NODES "  groups: {name: g, interface: e, addresses: 10.0.0.9/24}\n",
	    NODES
	    "  groups: {name: g, interface: e, priority: {a: 5, b: 6},\n"
	    "    addresses: [10.0.0.8/24, {address: 10.0.0.9/24, interface: f}]}\n",
	    "group g: virtual IP 10.0.0.9/24 removed\n"
	    "group g: virtual IP 10.0.0.8/24 added\n"
	    "group g: virtual IP {address: 10.0.0.9/24, interface: f} added\n"
	    "group g: priority a: 5, b: 6 added\n",
	    CHANGE_CLASS_FAILOVER },
	{ NODES, NODES "  port: 8402\n", "pair.port 8401 -> 8402\n",
	    CHANGE_CLASS_RESTART },
	{ SERVICE(SERVERS), SERVICE(SERVERS) "log: {level: debug}\n",
	    "log.level info -> debug\n", CHANGE_CLASS_FAILOVER },
};

static void
differences_are_told_in_words(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(config_free_at)
		struct config *before = load(rows[i].before);
		CLEANUP(config_free_at)
		struct config *after = load(rows[i].after);
		const struct config_diff_change *c;
		struct config_diff d;
		char lines[1024] = "";

		test_row(rows[i].lines);
		assert_int_equal(config_diff_init(&d, before, after), 0);
		TAILQ_FOREACH (c, &d.all, all) {
			strcat(lines, c->text);
			strcat(lines, "\n");
		}
		assert_text(lines, rows[i].lines);
		assert_int_equal(config_diff_class(&d), rows[i].class);
		assert_int_equal(d.n == 0,
		    memcmp(before->hash, after->hash, CONFIG_HASH_BYTES) == 0);
		config_diff_fini(&d);
	}
}

/* Each key that cannot change while the daemon runs, and what is said of it. */
static const struct {
	const char *path, *before, *after, *said;
} fixed[] = {
	{ "pair", SERVICE(SERVERS), NODES SERVICE(SERVERS),
	    "pair added (needs a restart: a pair begins and ends with the daemon)" },
	{ "pair.nodes",
	    "pair:\n"
	    "  nodes: [{name: a, address: 10.0.0.1}, {name: c, address: 10.0.0.2}]\n"
	    "  key_file: /k\n",
	    NODES,
	    "node c removed (needs a restart: which of the nodes this is, is decided when the daemon starts)" },
	{ "pair.nodes.address",
	    "pair:\n"
	    "  nodes: [{name: a, address: 10.0.0.1}, {name: b, address: 10.0.0.3}]\n"
	    "  key_file: /k\n",
	    NODES,
	    "node b: address 10.0.0.3 -> 10.0.0.2 (needs a restart: the nodes would not hear each other while only one of them has it)" },
	{ "pair.nodes.links", NODES,
	    "pair:\n"
	    "  nodes: [{name: a, address: 10.0.0.1, links: [10.1.0.1]}, {name: b, address: 10.0.0.2, links: [10.1.0.2]}]\n"
	    "  key_file: /k\n",
	    "node a: link 10.1.0.1 added (needs a restart: the nodes would not hear each other while only one of them has it)" },
	{ "pair.port", NODES, NODES "  port: 8402\n",
	    "pair.port 8401 -> 8402 (needs a restart: the nodes would not hear each other while only one of them has it)" },
	{ "threads", SERVICE(SERVERS), SERVICE(SERVERS) "threads: 3\n",
	    "threads auto -> 3 (needs a restart: each thread has listening sockets of its own, and clients wait in them)" },
	{ "control", SERVICE(SERVERS), SERVICE(SERVERS) "control: /run/c\n",
	    "control /run/hapair/control.sock -> /run/c (needs a restart: commands look for the daemon there)" },
	{ "kernel.pins", KERNEL(""), KERNEL("kernel: {pins: /b/h}\n"),
	    "kernel.pins /sys/fs/bpf/hapair -> /b/h (needs a restart: connections are in the kernel's tables, which would be others)" },
	{ "kernel.slots", KERNEL(""), KERNEL("kernel: {slots: 2048}\n"),
	    "kernel.slots 65536 -> 2048 (needs a restart: connections are in the kernel's tables, which would be others)" },
	{ "pid_file", SERVICE(SERVERS), SERVICE(SERVERS) "pid_file: /run/p\n",
	    "pid_file /run/p added (needs a restart: others look for the daemon there)" },
};

/* Of one name, what it is to be told by is told. */
static void
assert_is_refused(size_t i)
{
	CLEANUP(config_free_at) struct config *before = load(fixed[i].before);
	CLEANUP(config_free_at) struct config *after = load(fixed[i].after);
	CLEANUP(free_str) char *said = NULL;
	struct config_diff d;
	size_t len;
	FILE *out = open_memstream(&said, &len);

	assert_non_null(out);
	assert_int_equal(config_diff_init(&d, before, after), 0);
	assert_int_equal(config_diff_class(&d), CHANGE_CLASS_RESTART);
	config_diff_print(TAILQ_FIRST(&d.all), out);
	(void)fclose(out);
	test_row(fixed[i].path);
	assert_text(said, fixed[i].said);
	config_diff_fini(&d);
}

static void
what_cannot_change_is_refused_by_name_and_is_in_the_manual(void **state)
{
	CLEANUP(free_str) char *manual = NULL;
	const struct change_class_row *row;
	char name[128];
	size_t len, n_rows;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
		assert_is_refused(i);
	assert_int_equal(
	    load_read("doc/hapair.8.in", false, NULL, &manual, &len), 0);
	row = change_class_rows(&n_rows);
	for (const struct change_class_row *end = row + n_rows; row < end;
	     row++) {
		bool has = false;

		if (row->class != CHANGE_CLASS_RESTART)
			continue;
		test_row(row->path);
		/* A node's name cannot change: it is another node then. */
		for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
			has = has || strcmp(fixed[i].path, row->path) == 0 ||
			    strcmp(row->path, "pair.nodes.name") == 0;
		assert_true(has);
		(void)snprintf(name, sizeof(name), ".It Ic %s\n", row->path);
		assert_non_null(strstr(manual, name));
	}
}

/* Who has looked into the tables says so: nobody loses what is not there. */
static void
empty_tables_may_be_others(void **state)
{
	CLEANUP(config_free_at) struct config *before = load(rows[1].before);
	CLEANUP(config_free_at) struct config *after = load(rows[1].after);
	struct config_diff d;

	(void)state;
	assert_int_equal(config_diff_init(&d, before, after), 0);
	assert_int_equal(config_diff_class(&d), CHANGE_CLASS_RESTART);
	config_diff_free_tables(&d);
	assert_int_equal(config_diff_class(&d), CHANGE_CLASS_RELAY);
	config_diff_fini(&d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    it_is_decided_for_every_key_what_a_change_takes),
		cmocka_unit_test(a_change_of_any_key_is_noticed),
		cmocka_unit_test(differences_are_told_in_words),
		cmocka_unit_test(empty_tables_may_be_others),
		cmocka_unit_test(
		    what_cannot_change_is_refused_by_name_and_is_in_the_manual),
	};

	TEST_MAIN(tests);
}
