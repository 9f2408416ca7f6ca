#include "config/arena.h"
#include "config/config.h"
#include "config/schema/value_forms.h"
#include "config/yaml/diag.h"
#include "config/yaml/tree.h"
#include "tests/lib/test.h"

#include <errno.h>

#include <string.h>

static const struct row {
	const struct schema_form *form;
	const char *text;
	size_t n;            /* values it becomes; 0: refused */
	const char *printed; /* the first of them */
} rows[] = {
	{ &value_forms_target, "stderr", 1, "stderr" },
	{ &value_forms_target, "syslog", 1, "syslog" },
	{ &value_forms_target, "/var/log/hapair.log", 1,
	    "/var/log/hapair.log" },
	{ &value_forms_target, "udp://10.0.0.5:514", 1, "udp://10.0.0.5:514" },
	{ &value_forms_target, "udp://[fd00::5]:514", 1,
	    "udp://[fd00::5]:514" },
	{ &value_forms_target, "udp://10.0.0.5", 0, NULL },
	{ &value_forms_target, "udp://loghost:514", 0, NULL },
	{ &value_forms_target, "tcp://10.0.0.5:514", 0, NULL },
	{ &value_forms_target, "Syslog", 0, NULL },
	{ &value_forms_target, "/var/log/", 0, NULL },
	{ &value_forms_target, "hapair.log", 0, NULL },
	{ &value_forms_cidr, "10.0.0.100/24", 1, "10.0.0.100/24" },
	{ &value_forms_cidr, "10.0.0.100", 0, NULL },
	{ &value_forms_address, "fd00::100/64", 1, "fd00::100/64" },
	{ &value_forms_address, "fd00::100", 0, NULL },
	{ &value_forms_network, "10.0.0.0/8", 1, "10.0.0.0/8" },
	{ &value_forms_network, "10.0.0.1", 1, "10.0.0.1/32" },
	{ &value_forms_network, "fd00:0::1", 1, "fd00::1/128" },
	{ &value_forms_network, "0.0.0.0/0", 1, "0.0.0.0/0" },
	{ &value_forms_network, "10.0.0.1/8", 0, NULL },
	{ &value_forms_network, "any", 0, NULL },
	{ &value_forms_listen, "10.0.0.1:80", 1, "10.0.0.1:80" },
	{ &value_forms_listen, "*:80", 2, "0.0.0.0:80" },
	{ &value_forms_listen, "80", 0, NULL },
	{ &value_forms_host, "10.0.0.1:80", 1, "10.0.0.1:80" },
	{ &value_forms_host, "[fd00::1]:80", 1, "[fd00::1]:80" },
	{ &value_forms_host, "Web1.example:80", 1, "web1.example:80" },
	{ &value_forms_host, "web1", 0, NULL },
	{ &value_forms_server, "10.0.0.1:80", 1, NULL },
	{ &value_forms_server, "host:80", 1, NULL },
	{ &value_forms_server, "host", 0, NULL },
	{ &value_forms_server, "*:80", 0, NULL },
};

union value {
	struct config_log log;
	struct config_cidr cidr;
	struct config_address address;
	struct config_listen listens[2];
	struct config_server server;
};

static void
texts_become_values_and_texts_again(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *r = &rows[i];
		const struct tree_node node = {
			.text = r->text, .shown = r->text, .at = { 1, 1, 1, 2 }
		};
		struct arena memory = { .blocks = NULL };
		struct schema s = { .diag = diag_new(), .memory = &memory };
		char buf[SCHEMA_FORM_TEXT];
		union value v;

		test_row(r->text);
		memset(&v, 0, sizeof(v));
		assert_int_equal(r->form->parse(&s, &node, &v),
		    r->n == 0 ? -EINVAL : (int)r->n);
		assert_int_equal(diag_count(s.diag), r->n == 0);
		if (r->printed != NULL)
			assert_text(
			    r->form->print(&v, buf, sizeof(buf)), r->printed);
		schema_fini(&s);
		arena_fini(&memory);
		diag_free_at(&s.diag);
	}
}

static void
hosts_lend_their_names_as_addresses_do(void **state)
{
	/* The third is no name: 0.0.0.0 is where a name has its address. */
	char hosts[][16] = { "web1", "web2", "", "web2", "web1.example" };
	static const char *const names[] = { "web1", "web2:80", "0.0.0.0",
		"web2:81", "web1.example" };
	struct config_server servers[5];
	struct config_service service = { .servers = servers, .n_servers = 5 };
	struct arena memory = { .blocks = NULL };
	struct schema s = { .memory = &memory };

	(void)state;
	memset(servers, 0, sizeof(servers));
	for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
		servers[i].address.sa.sa_family = AF_INET;
		addr_set_port(&servers[i].address, i == 3 ? 81 : 80);
		servers[i].host = hosts[i][0] == '\0' ? NULL : hosts[i];
	}
	value_forms_name_servers(&s, &service);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		assert_text(servers[i].name, names[i]);
	schema_fini(&s);
	arena_fini(&memory);
}

static void
servers_are_named_by_their_hosts(void **state)
{
	static const char *const addrs[] = { "10.0.0.1:80", "10.0.0.2:80",
		"10.0.0.2:81", "[fd00::1]:80", "10.0.0.1:81" };
	/* The last has a name: the first does not share its host with it. */
	static const char *const names[] = { "10.0.0.1", "10.0.0.2:80",
		"10.0.0.2:81", "fd00::1", "big" };
	struct config_server servers[6];
	struct config_service service = { .servers = servers, .n_servers = 6 };
	struct arena memory = { .blocks = NULL };
	struct schema s = { .memory = &memory };

	(void)state;
	memset(servers, 0, sizeof(servers));
	for (size_t i = 0; i < ARRAY_LEN(addrs); i++)
		assert_int_equal(addr_parse(addrs[i], &servers[i].address), 0);
	servers[4].name = "big";
	value_forms_name_servers(&s, &service);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		assert_text(servers[i].name, names[i]);
	/* Its address was refused, so there is nothing to name it by. */
	assert_null(servers[5].name);
	schema_fini(&s);
	arena_fini(&memory);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_become_values_and_texts_again),
		cmocka_unit_test(servers_are_named_by_their_hosts),
		cmocka_unit_test(hosts_lend_their_names_as_addresses_do),
	};

	TEST_MAIN(tests);
}
