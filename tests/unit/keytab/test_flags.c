#include "keytab/flags.h"

#include "core/buf.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <string.h>

/* Entries of "service/host@realm", their parts in `room`. */
static size_t
entries(const char *const *names, uint8_t (*room)[64],
    struct keytab_entry *ret_entries)
{
	size_t n = 0;

	for (; names[n] != NULL; n++) {
		struct buf b = buf_writer(room[n], sizeof(room[n]));
		struct spn s;

		assert_int_equal(spn_parse(names[n], &s), 0);
		buf_put_str(&b, s.service);
		buf_put_str(&b, s.host);
		ret_entries[n] = (struct keytab_entry){ .n_components = 2,
			.components = { room[n], b.pos },
			.realm = { (const uint8_t *)strchr(names[n], '@') + 1,
			    strlen(s.realm) } };
	}
	return n;
}

static const struct row {
	const char *name;
	const char *has[6];
	const char *vip, *host; /* services chosen; NULL: that is missing */
} rows[] = {
	{ "proxy and impala", { "proxy/v@R", "impala/h@R" }, "proxy",
	    "impala" },
	{ "the other way round", { "impala/h@R", "proxy/v@R" }, "proxy",
	    "impala" },
	{ "impala for both", { "impala/v@R", "impala/h@R" }, "impala",
	    "impala" },
	{ "proxy before impala", { "impala/v@R", "proxy/v@R", "impala/h@R" },
	    "proxy", "impala" },
	{ "HTTP is for another port", { "HTTP/v@R", "impala/h@R" }, NULL,
	    "impala" },
	{ "no virtual IP", { "impala/h@R" }, NULL, "impala" },
	{ "no host", { "proxy/v@R", "HTTP/h@R", "impala/h2@R" }, "proxy",
	    NULL },
	{ "a host of another realm", { "proxy/v@R", "impala/h@S" }, "proxy",
	    NULL },
};

static void
principals_are_chosen_by_their_hosts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t room[6][64];
		struct keytab_entry e[6];
		struct flags f;
		const char *missing = NULL;
		const size_t n = entries(rows[i].has, room, e);
		int r = flags_choose(e, n, "v", "h", &f, &missing);

		test_row(rows[i].name);
		if (rows[i].vip == NULL || rows[i].host == NULL) {
			assert_int_equal(r, -ENOENT);
			assert_text(missing, rows[i].vip == NULL ? "v" : "h");
			continue;
		}
		assert_int_equal(r, 0);
		assert_text(f.vip.service, rows[i].vip);
		assert_text(f.vip.host, "v");
		assert_text(f.host.service, rows[i].host);
		assert_text(f.host.host, "h");
	}
}

static void
each_client_has_its_line(void **state)
{
	const struct flags f = { .vip = { "proxy", "v.org", "R" } };
	char text[FLAGS_TEXT_MAX];

	(void)state;
	assert_text(flags_clients_text(&f, 8006, text),
	    "Hive JDBC      jdbc:hive2://v.org:8006/;principal=proxy/v.org@R\n"
	    "Cloudera JDBC  jdbc:impala://v.org:8006/;AuthMech=1;KrbRealm=R;KrbHostFQDN=v.org;KrbServiceName=proxy\n"
	    "ODBC           Host=v.org;Port=8006;AuthMech=1;KrbRealm=R;KrbFQDN=v.org;KrbServiceName=proxy\n"
	    "impala-shell   impala-shell -k -i v.org:8006 -b v.org -s proxy\n"
	    "impyla         connect(host='v.org', port=8006, auth_mechanism='GSSAPI', kerberos_service_name='proxy', krb_host='v.org')\n"
	    "Hue            [impala] server_host=v.org server_port=8006 impala_principal=proxy/v.org\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(principals_are_chosen_by_their_hosts),
		cmocka_unit_test(each_client_has_its_line),
	};

	TEST_MAIN(tests);
}
