#include "config/schema/scalar.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <string.h>

static const struct number {
	const char *text;
	int r;
	uint64_t value;
} numbers[] = {
	{ "0", 0, 0 },
	{ "1", 0, 1 },
	{ "65535", 0, 65535 },
	{ "1000000000000", 0, 1000000000000 },
	{ "1000000000001", -ERANGE, 0 },
	{ "99999999999999999999999999999999", -ERANGE, 0 },
	{ "", -EINVAL, 0 },
	{ "-1", -EINVAL, 0 },
	{ "+1", -EINVAL, 0 },
	{ " 1", -EINVAL, 0 },
	{ "1 ", -EINVAL, 0 },
	{ "01", -EINVAL, 0 },
	{ "00", -EINVAL, 0 },
	{ "0x10", -EINVAL, 0 },
	{ "1.5", -EINVAL, 0 },
	{ "1e3", -EINVAL, 0 },
	{ "1_000", -EINVAL, 0 },
	{ "ten", -EINVAL, 0 },
};

static void
a_number_is_decimal_digits(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		uint64_t value = 0;

		test_row(numbers[i].text);
		assert_int_equal(
		    scalar_number(numbers[i].text, &value), numbers[i].r);
		assert_int_equal(value, numbers[i].value);
	}
}

static const struct duration {
	const char *text;
	int r;
	uint64_t ms;
	const char *again;
} durations[] = {
	{ "20ms", 0, 20, "20ms" },
	{ "0s", 0, 0, "0s" },
	{ "0ms", 0, 0, "0s" },
	{ "5s", 0, 5000, "5s" },
	{ "1000ms", 0, 1000, "1s" },
	{ "1500ms", 0, 1500, "1500ms" },
	{ "90s", 0, 90000, "90s" },
	{ "60s", 0, 60000, "1m" },
	{ "10m", 0, 600000, "10m" },
	{ "1h", 0, 3600000, "1h" },
	{ "61m", 0, 3660000, "61m" },
	{ "5", -ENODATA, 0, NULL },
	{ "5S", -EINVAL, 0, NULL },
	{ "5 s", -EINVAL, 0, NULL },
	{ "5sec", -EINVAL, 0, NULL },
	{ "2d", -EINVAL, 0, NULL },
	{ "s", -EINVAL, 0, NULL },
	{ "", -EINVAL, 0, NULL },
	{ "-5s", -EINVAL, 0, NULL },
	{ "1.5s", -EINVAL, 0, NULL },
	{ "99999999999999999999h", -ERANGE, 0, NULL },
};

static void
a_duration_has_a_unit(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(durations); i++) {
		const struct duration *d = &durations[i];
		char buf[SCALAR_DURATION_TEXT];
		uint64_t ms = 0;

		test_row(d->text);
		assert_int_equal(scalar_duration(d->text, &ms), d->r);
		assert_int_equal(ms, d->ms);
		if (d->r == 0)
			assert_text(scalar_duration_text(ms, buf), d->again);
	}
}

static const struct cidr {
	const char *text, *again; /* NULL: refused */
} cidrs[] = {
	{ "10.0.0.100/24", "10.0.0.100/24" },
	{ "10.0.0.100/1", "10.0.0.100/1" },
	{ "10.0.0.100/32", "10.0.0.100/32" },
	{ "fd00::100/64", "fd00::100/64" },
	{ "fd00:0:0::100/128", "fd00::100/128" },
	{ "::ffff:10.0.0.1/24", "10.0.0.1/24" },
	{ "10.0.0.100/0", NULL },
	{ "10.0.0.100/33", NULL },
	{ "fd00::1/129", NULL },
	{ "fd00::1/0", NULL },
	{ "10.0.0.100", NULL },
	{ "10.0.0.100/", NULL },
	{ "10.0.0.100/024", NULL },
	{ "10.0.0.100/255.255.255.0", NULL },
	{ "/24", NULL },
	{ "10.0.0/24", NULL },
	{ "10.0.0.1:80/24", NULL },
	{ "host/24", NULL },
};

static void
a_virtual_ip_has_a_prefix(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cidrs); i++) {
		struct config_cidr c;
		char buf[SCALAR_CIDR_TEXT];
		int r;

		test_row(cidrs[i].text);
		r = scalar_cidr(cidrs[i].text, &c);
		assert_int_equal(r, cidrs[i].again == NULL ? -EINVAL : 0);
		if (r == 0)
			assert_text(scalar_cidr_text(&c, buf), cidrs[i].again);
	}
}

static const struct network_row {
	const char *text, *again; /* NULL: refused */
	const char *network;
} networks[] = {
	{ "10.0.0.0/8", "10.0.0.0/8", "10.0.0.0/8" },
	{ "10.1.2.3/8", "10.1.2.3/8", "10.0.0.0/8" },
	{ "10.255.255.255/9", "10.255.255.255/9", "10.128.0.0/9" },
	{ "10.0.0.255/31", "10.0.0.255/31", "10.0.0.254/31" },
	{ "255.255.255.255/0", "255.255.255.255/0", "0.0.0.0/0" },
	{ "10.0.0.1/32", "10.0.0.1/32", "10.0.0.1/32" },
	{ "10.0.0.1", "10.0.0.1/32", "10.0.0.1/32" },
	{ "fd00::1", "fd00::1/128", "fd00::1/128" },
	{ "fd00:ffff::1/17", "fd00:ffff::1/17", "fd00:8000::/17" },
	{ "fd00::ffff/127", "fd00::ffff/127", "fd00::fffe/127" },
	{ "ffff::1/0", "ffff::1/0", "::/0" },
	{ "::ffff:10.0.0.1", "10.0.0.1/32", "10.0.0.1/32" },
	{ "::ffff:10.1.0.0/104", "10.1.0.0/8", "10.0.0.0/8" },
	{ "::ffff:10.1.0.0/96", "10.1.0.0/0", "0.0.0.0/0" },
	{ "::ffff:10.1.0.0/95", NULL, NULL },
	{ "::ffff:10.1.0.0/129", NULL, NULL },
	{ "10.0.0.0/33", NULL, NULL },
	{ "fd00::/129", NULL, NULL },
	{ "10.0.0.0/", NULL, NULL },
	{ "10.0.0.0/08", NULL, NULL },
	{ "10.0.0.0/-1", NULL, NULL },
	{ "10.0.0.0/8/8", NULL, NULL },
	{ "10.0.0.0/99999999999999999999", NULL, NULL },
	{ "10/8", NULL, NULL },
	{ "/8", NULL, NULL },
	{ "", NULL, NULL },
	{ "*", NULL, NULL },
	{ "[fd00::]/8", NULL, NULL },
	{ "client.example", NULL, NULL },
};

static void
a_network_ends_where_its_prefix_does(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(networks); i++) {
		const struct network_row *n = &networks[i];
		struct config_cidr c;
		char buf[SCALAR_CIDR_TEXT];
		int r;

		test_row(n->text);
		r = scalar_network(n->text, &c);
		assert_int_equal(r, n->again == NULL ? -EINVAL : 0);
		if (r < 0)
			continue;
		assert_text(scalar_cidr_text(&c, buf), n->again);
		c = scalar_network_of(&c);
		assert_text(scalar_cidr_text(&c, buf), n->network);
	}
}

#define LABEL63                                                                \
	"abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghij-x3"

static const struct host_row {
	const char *text;
	bool good;
} host_rows[] = {
	{ "a", true },
	{ "web1", true },
	{ "web1.example.org", true },
	{ "web1.example.org.", true },
	{ "_web_1.Example.ORG", true },
	{ "3com", true },
	{ "1.2.3.4a", true },
	{ "10.a", true },
	{ "a.0x", false },
	{ "a.0xg", true },
	{ "xn--hst-sna", true },
	{ LABEL63, true },
	{ LABEL63
	    "." LABEL63 "." LABEL63 "."
	    "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijx",
	    true },
	{ LABEL63
	    "." LABEL63 "." LABEL63 "."
	    "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijx.",
	    true },
	{ LABEL63
	    "." LABEL63 "." LABEL63 "."
	    "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijxy",
	    false },
	{ "x" LABEL63, false },
	{ "a.x" LABEL63 ".b", false },
	{ "", false },
	{ ".", false },
	{ "a..b", false },
	{ ".a", false },
	{ "a..", false },
	{ "-a", false },
	{ "a-", false },
	{ "a.-b", false },
	{ "a-.b", false },
	{ "a b", false },
	{ "a/b", false },
	{ "a:b", false },
	{ "h\xc3\xb6st", false },
	{ "10", false },
	{ "10.0.0.1", false },
	{ "10.0.0.256", false },
	{ "10.0.0.1.", false },
	{ "web.10", false },
	{ "0x7f000001", false },
	{ "127.0X1", false },
};

static void
a_host_name_is_no_address_gone_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(host_rows); i++) {
		test_row(host_rows[i].text);
		assert_int_equal(
		    scalar_is_host(host_rows[i].text), host_rows[i].good);
	}
}

static const struct server_row {
	const char *text;
	const char *addr, *host; /* NULL: refused */
	const char *fault;
} server_rows[] = {
	{ "10.0.0.1:80", "10.0.0.1:80", "", NULL },
	{ "[fd00::1]:80", "[fd00::1]:80", "", NULL },
	{ "Web1.Example.org:21050", "0.0.0.0:21050", "web1.example.org", NULL },
	{ "web1.:1", "0.0.0.0:1", "web1.", NULL },
	{ "web1", NULL, NULL, "has no port; expected host:port" },
	{ "web1:", NULL, NULL, "has no valid port" },
	{ "web1:0", NULL, NULL, "has no valid port" },
	{ "web1:65536", NULL, NULL, "has no valid port" },
	{ "web1:080", NULL, NULL, "has no valid port" },
	{ "", NULL, NULL, "is empty" },
	{ ":80", NULL, NULL, "has no address" },
	{ "80", NULL, NULL, "has no address" },
	{ "12:80", NULL, NULL, "is not an IPv4 address" },
	{ "10.0.0.256:80", NULL, NULL, "is not an IPv4 address" },
	{ "10.0.0.0x1:80", NULL, NULL, "ends like an address" },
	{ "web.10:80", NULL, NULL, "ends like an address" },
	{ "0x7f000001:80", NULL, NULL, "ends like an address" },
	{ "http://web1:80", NULL, NULL, "is a URL" },
	{ "web1:80:80", NULL, NULL, "is not an IPv6 address" },
	{ "[web1]:80", NULL, NULL, "is not an IPv6 address" },
	{ "*:80", NULL, NULL, "stands for every address" },
	{ "-a:80", NULL, NULL, "is not a host name" },
	{ "a..b:80", NULL, NULL, "is not a host name" },
	{ "a..:80", NULL, NULL, "is not a host name" },
	{ "x" LABEL63 ":80", NULL, NULL, "more than 63 characters" },
	{ LABEL63 "." LABEL63 "." LABEL63 "." LABEL63 ":80", NULL, NULL,
	    "more than 253 characters" },
	{ LABEL63 "." LABEL63 "." LABEL63 "." LABEL63 "." LABEL63 ":80", NULL,
	    NULL, "more than 253 characters" },
};

static void
a_server_has_an_address_or_a_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(server_rows); i++) {
		const struct server_row *s = &server_rows[i];
		char host[CONFIG_HOST_MAX], buf[ADDR_TEXT_MAX];
		const char *fault;
		union addr a;
		int r;

		test_row(s->text);
		r = scalar_server(s->text, &a, host);
		assert_int_equal(r, s->addr == NULL ? -EINVAL : 0);
		if (r == 0) {
			assert_text(addr_format(&a, buf), s->addr);
			assert_text(host, s->host);
			continue;
		}
		fault = scalar_server_fault(s->text);
		if (strstr(fault, s->fault) == NULL)
			fail_msg("'%s' %s", s->text, fault);
	}
}

static const struct listen_row {
	const char *text;
	size_t n; /* 0: refused */
	const char *first, *second;
} listens[] = {
	{ "10.0.0.1:80", 1, "10.0.0.1:80", NULL },
	{ "[fd00::1]:80", 1, "[fd00::1]:80", NULL },
	{ "*:80", 2, "0.0.0.0:80", "[::]:80" },
	{ "*:65535", 2, "0.0.0.0:65535", "[::]:65535" },
	{ "*:0", 0, NULL, NULL },
	{ "*:65536", 0, NULL, NULL },
	{ "*:080", 0, NULL, NULL },
	{ "*", 0, NULL, NULL },
	{ "*:", 0, NULL, NULL },
	{ "**:80", 0, NULL, NULL },
	{ "*:80:80", 0, NULL, NULL },
	{ ":80", 0, NULL, NULL },
	{ "80", 0, NULL, NULL },
	{ "fd00::1:80", 0, NULL, NULL },
};

static void
a_star_is_every_address_of_both_families(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(listens); i++) {
		const struct listen_row *l = &listens[i];
		union addr a[2];
		char buf[ADDR_TEXT_MAX];
		size_t n = 0;
		int r;

		test_row(l->text);
		r = scalar_listen(l->text, a, &n);
		assert_int_equal(r, l->n == 0 ? -EINVAL : 0);
		assert_int_equal(n, l->n);
		if (n > 0)
			assert_text(addr_format(&a[0], buf), l->first);
		if (n > 1)
			assert_text(addr_format(&a[1], buf), l->second);
	}
}

/* What parse refuses must have a reason; which one, for the usual slips. */
static const struct fault {
	const char *text, *has;
} faults[] = {
	{ "", "is empty" },
	{ "80", "no address" },
	{ ":80", "no address" },
	{ "10.0.0.1", "no port" },
	{ "fd00::1", "brackets" },
	{ "fd00::1:80", "brackets" },
	{ "[fd00::1]", "[fd00::1]:5432" },
	{ "host", "no port" },
	{ "10.0.0.1:", "no valid port" },
	{ "10.0.0.1:0", "no valid port" },
	{ "10.0.0.1:70000", "no valid port" },
	{ "10.0.0.1:http", "no valid port" },
	{ "*:80", "every address" },
	{ "[10.0.0.1]:80", "not an IPv6" },
	{ "[fd00::g]:80", "not an IPv6" },
	{ "[fe80::1%eth0]:80", "not an IPv6" },
	{ "10.0.0.256:80", "not an IPv4" },
	{ "10.0.0.1/24:80", "not an IPv4" },
	{ "host.example:80", "has a name for its address" },
};

static void
a_wrong_address_is_told_why(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
		union addr a;

		test_row(faults[i].text);
		assert_int_equal(addr_parse(faults[i].text, &a), -EINVAL);
		if (strstr(scalar_address_fault(faults[i].text),
		        faults[i].has) == NULL)
			fail_msg("'%s' %s", faults[i].text,
			    scalar_address_fault(faults[i].text));
	}
}

static void
a_name_has_no_surprises(void **state)
{
	(void)state;
	assert_true(scalar_is_name("a", 63, ""));
	assert_true(scalar_is_name("web-1_A.b", 63, ""));
	assert_true(scalar_is_name("_x", 63, ""));
	assert_true(scalar_is_name("abc", 3, ""));
	assert_true(scalar_is_name("[fd00::1]:80", 63, ":[]"));
	assert_false(scalar_is_name("[fd00::1]:80", 63, ""));
	assert_false(scalar_is_name("abcd", 3, ""));
	assert_false(scalar_is_name("", 63, ""));
	assert_false(scalar_is_name("-a", 63, ""));
	assert_false(scalar_is_name(".", 63, ""));
	assert_false(scalar_is_name("a b", 63, ""));
	assert_false(scalar_is_name("a/b", 63, ""));
	assert_false(scalar_is_name("é", 63, ""));
}

static void
a_path_is_absolute_and_of_a_file(void **state)
{
	(void)state;
	assert_true(scalar_is_path("/run/hapair/control.sock"));
	assert_true(scalar_is_path("/a b"));
	assert_false(scalar_is_path("run/x"));
	assert_false(scalar_is_path(""));
	assert_false(scalar_is_path("/"));
	assert_false(scalar_is_path("/run/"));
	assert_false(scalar_is_path("/run/a\nb"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_number_is_decimal_digits),
		cmocka_unit_test(a_duration_has_a_unit),
		cmocka_unit_test(a_virtual_ip_has_a_prefix),
		cmocka_unit_test(a_network_ends_where_its_prefix_does),
		cmocka_unit_test(a_host_name_is_no_address_gone_wrong),
		cmocka_unit_test(a_server_has_an_address_or_a_name),
		cmocka_unit_test(a_star_is_every_address_of_both_families),
		cmocka_unit_test(a_wrong_address_is_told_why),
		cmocka_unit_test(a_name_has_no_surprises),
		cmocka_unit_test(a_path_is_absolute_and_of_a_file),
	};

	TEST_MAIN(tests);
}
