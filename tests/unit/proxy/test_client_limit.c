#include "proxy/pool/client_limit.h"

#include "core/addr.h"
#include "core/secret.h"
#include "tests/lib/test.h"

static union addr
client_of(unsigned n, bool v6)
{
	union addr a;

	assert_int_equal(addr_parse_ip(v6 ? "fd00::" : "10.0.0.0", &a), 0);
	if (v6)
		a.in6.sin6_addr.s6_addr32[3] = htonl(n);
	else
		a.in.sin_addr.s_addr = htonl(0x0a000000U + n);
	/* Each connection comes from another port. */
	addr_set_port(&a, (uint16_t)(n * 7 + 1));
	return a;
}

static void
r22_each_client_has_its_own_limit(void **state)
{
	struct client_limit *l = client_limit_new(2);

	(void)state;
	assert_non_null(l);
	for (int v6 = 0; v6 < 2; v6++) {
		union addr one = client_of(1, v6), other = client_of(2, v6);

		assert_true(client_limit_enter(l, &one));
		addr_set_port(&one, 7);
		assert_true(client_limit_enter(l, &one));
		assert_false(client_limit_enter(l, &one));
		assert_true(client_limit_enter(l, &other));
		client_limit_leave(l, &one);
		assert_true(client_limit_enter(l, &one));
		assert_false(client_limit_enter(l, &one));
		client_limit_leave(l, &one);
		client_limit_leave(l, &one);
		client_limit_leave(l, &other);
		assert_int_equal(client_limit_count(l), 0);
	}
	client_limit_free(l);
	client_limit_free(NULL);
}

/*
 * Who has left is forgotten: the table does not grow with those who were here.
 */
static void
many_clients_come_and_go(void **state)
{
	struct client_limit *l = client_limit_new(1);

	(void)state;
	assert_non_null(l);
	for (int round = 0; round < 2; round++) {
		for (unsigned i = 0; i < 20000; i++) {
			union addr a = client_of(i, i % 2);

			assert_true(client_limit_enter(l, &a));
			assert_false(client_limit_enter(l, &a));
		}
		assert_int_equal(client_limit_count(l), 20000);
		for (unsigned i = 0; i < 20000; i++) {
			union addr a = client_of(i, i % 2);

			client_limit_leave(l, &a);
		}
		assert_int_equal(client_limit_count(l), 0);
	}
	client_limit_free(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(r22_each_client_has_its_own_limit),
		cmocka_unit_test(many_clients_come_and_go),
	};

	assert_int_equal(secret_init(), 0);
	TEST_MAIN(tests);
}
