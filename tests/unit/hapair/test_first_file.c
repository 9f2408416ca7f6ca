#include "hapair/cli/first_file.h"

#include "config/load.h"
#include "config/yaml/diag.h"
#include "core/secret.h"
#include "tests/lib/test.h"

#include <string.h>

static const char *const both[] = { "10.0.0.100/24", "fd00::100/64" };
static const char *const servers[] = { "10.0.0.31:21050", "db1.example:21050",
	"[fd00::33]:21050" };

static const struct row {
	const char *name;
	struct first_file f;
	size_t n_listens, n_groups;
} rows[] = {
	{ "a pair, by both families",
	    { .is_pair = true,
	        .here = { "proxy1", "10.0.0.1" },
	        .peer = { "proxy2", "10.0.0.2" },
	        .key_file = "/etc/hapair/pair.key",
	        .interface = "eth0.100",
	        .addresses = both,
	        .n_addresses = 2,
	        .port = "21050",
	        .preset = "impalad",
	        .servers = servers,
	        .n_servers = 3 },
	    2, 1 },
	{ "names that are numbers, and that YAML takes for others",
	    { .is_pair = true,
	        .here = { "1", "fd00::1" },
	        .peer = { "yes", "fd00::2" },
	        .key_file = "/etc/a b/pair.key",
	        .interface = "null",
	        .addresses = both + 1,
	        .n_addresses = 1,
	        .port = "80",
	        .servers = servers,
	        .n_servers = 1 },
	    1, 1 },
	/* 0.0.0.0 and [::] */
	{ "one host", { .port = "6379", .servers = servers, .n_servers = 2 }, 2,
	    0 },
	{ "masters",
	    { .port = "24000",
	        .preset = "statestored",
	        .servers = servers,
	        .n_servers = 2 },
	    2, 0 },
};

static void
what_is_written_is_a_configuration(void **state)
{
	assert_int_equal(secret_init(), 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(diag_free_at) struct diag *diag = diag_new();
		CLEANUP(free_str) char *text = first_file_text(&rows[i].f);
		CLEANUP(free_str) char *said = NULL;
		const struct first_file *f = &rows[i].f;
		struct config *c;
		size_t len;
		FILE *out = open_memstream(&said, &len);
		int e;

		test_row(rows[i].name);
		assert_non_null(text);
		e = load_text("first", text, strlen(text), diag, &c);
		diag_print(diag, out);
		(void)fclose(out);
		assert_text(said, ""); /* no warning, either */
		assert_int_equal(e, 0);
		assert_int_equal(c->has_pair, f->is_pair);
		assert_int_equal(c->pair.n_groups, rows[i].n_groups);
		if (f->is_pair) {
			assert_text(c->pair.nodes[0].name, f->here.name);
			assert_text(c->pair.nodes[1].name, f->peer.name);
			assert_text(c->pair.key_file, f->key_file);
			assert_int_equal(
			    c->pair.groups[0].n_addresses, f->n_addresses);
		}
		assert_int_equal(c->n_services, 1);
		assert_int_equal(c->services[0].n_servers, f->n_servers);
		assert_int_equal(c->services[0].n_listens, rows[i].n_listens);
		config_free(c);
	}
}

static void
the_smallest_one_reads_like_this(void **state)
{
	CLEANUP(free_str) char *text = first_file_text(&rows[2].f);

	assert_text(text,
	    "# Made by `hapair init`.\n"
	    "# `hapair help keys` explains each key, hapair.yaml(5) all of it;\n"
	    "# `hapair check --host` tells whether this host can run it.\n"
	    "\n"
	    "services:\n"
	    "  - name: \"tcp-6379\"\n"
	    "    listen:\n"
	    "      - \"*:6379\"\n"
	    "    balance: roundrobin    # or leastconn, source, random\n"
	    "    # A server is up where it takes a connection. Types that ask more of it:\n"
	    "    # http, tls, postgres, mysql, redis, ldap, send, script.\n"
	    "    check: {type: tcp, interval: 2s}\n"
	    "    servers:\n"
	    "      - \"10.0.0.31:21050\"\n"
	    "      - \"db1.example:21050\"\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_a_configuration),
		cmocka_unit_test(the_smallest_one_reads_like_this),
	};

	TEST_MAIN(tests);
}
