#include "hapair/cli/first_words.h"

#include "tests/lib/test.h"

#include <errno.h>
#include <string.h>

static const struct row {
	first_words_take take;
	const char *word;
	const char *fault; /* begins so; NULL: it is taken */
} rows[] = {
	{ first_words_take_address, "10.0.0.100/24", NULL },
	{ first_words_take_address, "10.0.0.100", NULL },
	{ first_words_take_address, "fd00::100/64", NULL },
	{ first_words_take_address, "10.0.0.100/33",
	    "'10.0.0.100/33' is no v" },
	{ first_words_take_address, "vip.example", "'vip.example' is no v" },
	{ first_words_take_address, "10.0.0.0.1", "'10.0.0.0.1' is no virt" },
	{ first_words_take_peer, "proxy2=10.0.0.2", NULL },
	{ first_words_take_peer, "b=fd00::2", NULL },
	{ first_words_take_peer, "10.0.0.2",
	    "'10.0.0.2' is no host; expected" },
	{ first_words_take_peer, "proxy2",
	    "'proxy2' is no host; expected its" },
	{ first_words_take_peer, "=10.0.0.2", "'=10.0.0.2' is no host" },
	{ first_words_take_peer, "-b=10.0.0.2", "'-b=10.0.0.2' is no host" },
	{ first_words_take_peer, "a\"b=10.0.0.2",
	    "'a\"b=10.0.0.2' is no host" },
	{ first_words_take_peer, "b=10.0.0.2/24",
	    "'b=10.0.0.2/24' is no host" },
	{ first_words_take_here, "a=10.0.0.1", NULL },
	{ first_words_take_port, "21050", NULL },
	{ first_words_take_port, "0", "'0' is no port; expected a number" },
	{ first_words_take_port, "65536", "'65536' is no port" },
	{ first_words_take_port, "http", "'http' is no port" },
	{ first_words_take_server, "10.0.0.31:21050", NULL },
	{ first_words_take_server, "[fd00::31]:21050", NULL },
	{ first_words_take_server, "db1.example:5432", NULL },
	{ first_words_take_server, "10.0.0.31", "'10.0.0.31' has no port" },
	{ first_words_take_server, "a\"b:80", "'a\"b:80' " },
};

static void
each_word_is_taken_or_told_what_it_lacks(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct first_words w = { .n_servers = 0 };
		char fault[FIRST_WORDS_FAULT] = "";
		const int e = rows[i].take(&w, rows[i].word, fault);

		test_row(rows[i].word);
		assert_int_equal(e, rows[i].fault == NULL ? 0 : -EINVAL);
		if (rows[i].fault != NULL)
			fault[strlen(rows[i].fault)] = '\0';
		assert_text(fault, rows[i].fault == NULL ? "" : rows[i].fault);
		first_words_fini(&w);
	}
}

/* Of a host whose one network is its loopback. */
static int
complete(const char *vip, const char *peer, const char *interface,
    struct first_words *w, char *fault)
{
	assert_int_equal(first_words_take_address(w, vip, fault), 0);
	assert_int_equal(first_words_take_peer(w, peer, fault), 0);
	if (interface != NULL)
		assert_int_equal(first_words_take_name(&w->interface,
		                     "interface", interface, fault),
		    0);
	return first_words_complete(w, fault);
}

static void
what_this_host_knows_need_not_be_told(void **state)
{
	struct first_words w = { .n_servers = 0 };
	char fault[FIRST_WORDS_FAULT];

	assert_int_equal(
	    complete("127.1.0.100", "b=127.1.0.2", NULL, &w, fault), 0);
	assert_text(w.addresses[0], "127.1.0.100/8");
	assert_text(w.interface, "lo");
	assert_text(w.here, "127.0.0.1");
	assert_non_null(w.here_name);
	first_words_fini(&w);

	/* A virtual IP that is here is not this host's own address. */
	assert_int_equal(
	    complete("127.0.0.1/8", "b=127.1.0.2", "eth7", &w, fault), 0);
	assert_text(w.interface, "eth7");
	first_words_fini(&w);
}

static void
what_nobody_knows_is_asked_for(void **state)
{
	struct first_words w = { .n_servers = 0 };
	char fault[FIRST_WORDS_FAULT];

	assert_int_equal(
	    complete("192.0.2.100/24", "b=192.0.2.2", NULL, &w, fault),
	    -EINVAL);
	assert_text(fault,
	    "no interface of this host is on the network of 192.0.2.100/24; give --interface NAME");
	first_words_fini(&w);
	assert_int_equal(
	    complete("192.0.2.100", "b=192.0.2.2", "eth0", &w, fault), -EINVAL);
	assert_non_null(strstr(fault, "give it with its prefix, such as 192"));
	first_words_fini(&w);
	assert_int_equal(
	    complete("192.0.2.100/24", "b=192.0.2.2", "eth0", &w, fault),
	    -EINVAL);
	assert_non_null(strstr(fault, "give --here NAME=ADDRESS"));
	first_words_fini(&w);
}

static void
what_was_taken_can_be_given_back(void **state)
{
	struct first_words w = { .n_servers = 0 };
	char fault[FIRST_WORDS_FAULT];

	for (int i = 0; i < 3; i++)
		assert_int_equal(
		    first_words_take_server(&w, "10.0.0.31:80", fault), 0);
	first_words_shorten(&w, 0, 1);
	assert_int_equal(w.n_servers, 1);
	assert_int_equal(first_words_take_server(&w, "[::1]:80", fault), 0);
	assert_text(w.servers[1], "[::1]:80");
	for (size_t i = w.n_servers; i < FIRST_WORDS_MAX; i++)
		assert_int_equal(
		    first_words_take_server(&w, "10.0.0.31:80", fault), 0);
	assert_int_equal(
	    first_words_take_server(&w, "10.0.0.31:80", fault), -EINVAL);
	assert_int_equal(w.n_servers, FIRST_WORDS_MAX);
	first_words_fini(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_word_is_taken_or_told_what_it_lacks),
		cmocka_unit_test(what_this_host_knows_need_not_be_told),
		cmocka_unit_test(what_nobody_knows_is_asked_for),
		cmocka_unit_test(what_was_taken_can_be_given_back),
	};

	TEST_MAIN(tests);
}
