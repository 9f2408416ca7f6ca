#include "proxy/data/session_run.h"

#include "proxy/data/session_connect.h"
#include "tests/lib/transfer_lab.h"

#include <sys/epoll.h>

/* What a batch still has of a socket that is closed says nothing of the next
 * one, which is registered at the same place. */
static void
an_earlier_attempt_says_nothing_of_the_next(void **state)
{
	struct lab *l = lab_new("", 0);
	struct session *s;

	(void)state;
	come(l, 0);
	s = LIST_FIRST(&l->halves[0].worker.sessions.sessions);
	assert_int_equal(s->phase, SESSION_CONNECTING);
	assert_true(session_connect_elsewhere(s));
	assert_int_equal(s->phase, SESSION_CONNECTING);
	session_run_event(&s->ends[SESSION_SERVER], EPOLLOUT);
	assert_int_equal(s->phase, SESSION_CONNECTING);
	session_run_event(&s->ends[SESSION_SERVER], EPOLLERR | EPOLLHUP);
	assert_int_equal(s->phase, SESSION_CONNECTING);
	assert_int_equal(s->info.attempts, 1);
	/* Its own event is one of the next turn; nobody answers the first. */
	serve(l, 0);
	assert_int_equal(s->phase, SESSION_MOVING);
	fd_close(&l->peers[0]);
	serve(l, 0);
	close_both(l, 0);
	assert_clean(l, 1);
	lab_free(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_earlier_attempt_says_nothing_of_the_next),
	};

	TEST_MAIN(tests);
}
