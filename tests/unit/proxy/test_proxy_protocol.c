#include "proxy/data/proxy_protocol.h"

#include "tests/lib/test.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static union addr
parsed(const char *text)
{
	union addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

/* Section 2.1 of the specification: lines and their lengths. */
static const struct text_row {
	const char *name, *client, *local, *header;
	size_t len;
} text_rows[] = {
	{ "an address of each", "192.168.0.1:56324", "192.168.0.11:443",
	    "PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n", 47 },
	{ "the longest of IPv4", "255.255.255.255:65535",
	    "255.255.255.255:65535",
	    "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", 56 },
	{ "the longest of IPv6",
	    "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
	    "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
	    "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
	    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
	    104 },
	{ "the shortest", "[::]:1", "[::1]:2", "PROXY TCP6 :: ::1 1 2\r\n",
	    23 },
	{ "zeros in the middle, and at the end", "[fd00::100]:4000",
	    "[2001:db8:1::]:80",
	    "PROXY TCP6 fd00::100 2001:db8:1:: 4000 80\r\n", 43 },
	{ "the longer zeros, and the first of equals", "[1:0:0:2:0:0:0:3]:5",
	    "[1:0:0:2:3:0:0:4]:6", "PROXY TCP6 1:0:0:2::3 1::2:3:0:0:4 5 6\r\n",
	    40 },
	{ "a lone zero stays", "[1:0:2:3:4:5:6:7]:5", "[0:1:2:3:4:5:6:0]:6",
	    "PROXY TCP6 1:0:2:3:4:5:6:7 0:1:2:3:4:5:6:0 5 6\r\n", 48 },
};

static void
version_1_is_a_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(text_rows); i++) {
		const struct text_row *r = &text_rows[i];
		union addr client = parsed(r->client), local = parsed(r->local);
		char header[PROXY_PROTOCOL_MAX + 1] = "";
		size_t len;

		test_row(r->name);
		len = proxy_protocol_encode(CONFIG_PROXY_PROTOCOL_V1, &client,
		    &local, (uint8_t *)header);
		assert_text(header, r->header);
		assert_int_equal(len, r->len);
	}
}

/* As the C library would say it. */
static void
text_of_addresses_is_canonical(void **state)
{
	union addr local = parsed("[::1]:2");

	(void)state;
	/* Each bit says whether a group is zero. */
	for (unsigned zeros = 0; zeros < 256; zeros++) {
		union addr client = parsed("[::1]:1");
		uint8_t *bytes = client.in6.sin6_addr.s6_addr;
		char header[PROXY_PROTOCOL_MAX + 1] = "",
		                                 expected[PROXY_PROTOCOL_MAX +
		                                     1];
		char ip[INET6_ADDRSTRLEN];

		for (unsigned i = 0; i < 8; i++) {
			bytes[2 * i] = zeros >> i & 1 ? 0 : (uint8_t)(i * 3);
			bytes[2 * i + 1] = zeros >> i & 1 ? 0 : 0x0a;
		}
		/* Those that it writes as ::1.2.3.4 say something else. */
		if ((zeros & 0x3f) == 0x3f)
			continue;
		(void)inet_ntop(AF_INET6, bytes, ip, sizeof(ip));
		(void)snprintf(expected, sizeof(expected),
		    "PROXY TCP6 %s ::1 1 2\r\n", ip);
		(void)proxy_protocol_encode(CONFIG_PROXY_PROTOCOL_V1, &client,
		    &local, (uint8_t *)header);
		assert_text(header, expected);
	}
}

/* Section 2.2: the signature, 0x21, the family, the length, the addresses. */
static void
version_2_is_bytes(void **state)
{
	static const uint8_t v4[] = { 0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a,
		0x51, 0x55, 0x49, 0x54, 0x0a, 0x21, 0x11, 0x00, 0x0c, 10, 0, 0,
		9, 10, 0, 0, 100, 0xdc, 0x04, 0x1f, 0x46 };
	static const uint8_t v6[] = { 0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a,
		0x51, 0x55, 0x49, 0x54, 0x0a, 0x21, 0x21, 0x00, 0x24, 0xfd, 0,
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x09, 0xfd, 0, 0, 0, 0,
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0x01, 0x00, 0xdc, 0x04, 0x1f, 0x46 };
	union addr client = parsed("10.0.0.9:56324");
	union addr local = parsed("10.0.0.100:8006");
	uint8_t header[PROXY_PROTOCOL_MAX];

	(void)state;
	assert_int_equal(proxy_protocol_encode(
	                     CONFIG_PROXY_PROTOCOL_V2, &client, &local, header),
	    sizeof(v4));
	assert_memory_equal(header, v4, sizeof(v4));
	client = parsed("[fd00::9]:56324");
	local = parsed("[fd00::100]:8006");
	assert_int_equal(proxy_protocol_encode(
	                     CONFIG_PROXY_PROTOCOL_V2, &client, &local, header),
	    sizeof(v6));
	assert_memory_equal(header, v6, sizeof(v6));
}

static void
none_is_nothing(void **state)
{
	union addr client = parsed("10.0.0.9:56324");
	union addr local = parsed("10.0.0.100:8006");
	uint8_t header[PROXY_PROTOCOL_MAX] = { 0xaa };

	(void)state;
	assert_int_equal(proxy_protocol_encode(CONFIG_PROXY_PROTOCOL_NONE,
	                     &client, &local, header),
	    0);
	assert_int_equal(header[0], 0xaa);
}

/* Of a check: no client is behind it. */
static void
our_own_connections_say_so(void **state)
{
	static const char local[] = "\r\n\r\n\0\r\nQUIT\n\x20\0\0";
	static const char line[] = "PROXY TCP4 10.0.0.1 10.0.0.2 5 80\r\n";
	const union addr own = parsed("10.0.0.1:5"),
	                 peer = parsed("10.0.0.2:80");
	uint8_t header[PROXY_PROTOCOL_MAX];

	(void)state;
	assert_int_equal(proxy_protocol_encode_own(
	                     CONFIG_PROXY_PROTOCOL_V2, &own, &peer, header),
	    sizeof(local));
	assert_memory_equal(header, local, sizeof(local));
	assert_int_equal(proxy_protocol_encode_own(
	                     CONFIG_PROXY_PROTOCOL_V1, &own, &peer, header),
	    sizeof(line) - 1);
	assert_memory_equal(header, line, sizeof(line) - 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(version_1_is_a_line),
		cmocka_unit_test(text_of_addresses_is_canonical),
		cmocka_unit_test(version_2_is_bytes),
		cmocka_unit_test(none_is_nothing),
		cmocka_unit_test(our_own_connections_say_so),
	};

	TEST_MAIN(tests);
}
