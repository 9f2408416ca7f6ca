/* What is between the steps of file_push_step.h and the rest of a supervisor.
 */
#include "hapair/supervisor/file_push.h"

#include "core/channel.h"
#include "core/fd.h"
#include "hapair/supervisor/generation_change.h"
#include "hapair/supervisor/reload.h"
#include "tests/lib/from_yaml.h"
#include "tests/lib/test.h"

#include <ev.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char yaml[] = "pair:\n"
                           "  nodes:\n"
                           "    - {name: p1, address: 10.0.0.1}\n"
                           "    - {name: p2, address: 10.0.0.2}\n"
                           "  key_file: /etc/hapair/pair.key\n";

/* A supervisor as far as a push is about it; its failover hears and is mute. */
struct bed {
	struct config *config;
	struct generation g;
	struct generation_change change;
	struct reload reload;
	struct file_push push;
	int failover;
};

static void
set_up(struct bed *b)
{
	int ends[2];

	memset(b, 0, sizeof(*b));
	b->config = from_yaml(yaml);
	assert_int_equal(channel_pair(ends), 0);
	b->g = (struct generation){
		.setup = { .config = b->config, .node = 0 },
		.failover = { .channel = ends[0], .ready = true },
	};
	b->failover = ends[1];
	b->change = generation_change_none();
	b->change.now = &b->g;
	b->reload = reload_init(ev_default_loop(0), &b->change,
	    &(struct reload_setup){ .path = "/nowhere/hapair.yaml" });
	file_push_init(&b->push, &b->reload);
}

static void
tear_down(struct bed *b)
{
	file_push_fini(&b->push);
	reload_fini(&b->reload);
	fd_close(&b->g.failover.channel);
	fd_close(&b->failover);
	config_free(b->config);
}

/* The answer to an operator who asks now. */
static void
ask(struct bed *b, char *ret_answer, size_t room)
{
	int ends[2];
	ssize_t n;

	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	file_push_obey(&b->push, &ends[0]);
	n = read(ends[1], ret_answer, room - 1);
	ret_answer[n > 0 ? n : 0] = '\0';
	fd_close(&ends[0]);
	fd_close(&ends[1]);
}

static void
one_of_before_an_upgrade_is_not_asked(void **state)
{
	struct bed b;
	char answer[1024];

	(void)state;
	set_up(&b);
	ask(&b, answer, sizeof(answer)); /* else the file is read */
	assert_non_null(strstr(answer, "/nowhere/hapair.yaml"));
	b.g.failover.adopted = true;
	ask(&b, answer, sizeof(answer));
	assert_non_null(strstr(answer, "`hapair upgrade` once more"));
	assert_int_equal(b.push.step.state, FILE_PUSH_STEP_IDLE);
	tear_down(&b);
}

/* What it has said of its taking is told when this node is done. */
static void
a_peer_says_nothing_while_this_node_takes_it(void **state)
{
	static const char late[] = "a lie";
	const struct peer_file m = { .kind = PEER_FILE_TAKEN,
		.id = 7,
		.wrong = true,
		.len = strlen(late),
		.bytes = (const uint8_t *)late };
	struct bed b;

	(void)state;
	set_up(&b);
	b.push.id = 7;
	b.push.step.state = FILE_PUSH_STEP_OWN;
	b.push.peer = strdup("/f.before");
	file_push_hear(&b.push, &m);
	assert_text(b.push.peer, "/f.before");
	assert_false(b.push.wrong);
	tear_down(&b);
}

/* It was started anew with something else than what it ran at first. */
static void
a_third_file_is_no_going_back(void **state)
{
	struct peer_file m = { .kind = PEER_FILE_HAVE,
		.id = 7,
		.hash = { 1 },
		.bytes = (const uint8_t *)"" };
	char answer[1024] = "";
	int ends[2];
	struct bed b;

	(void)state;
	set_up(&b);
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	b.push.socket = ends[0];
	b.push.id = 7;
	b.push.step.total = 1;
	b.push.step.state = FILE_PUSH_STEP_GIVING;
	b.push.sealed = malloc(1);
	b.push.sealed_len = 1;
	file_push_hear(&b.push, &m);
	b.push.own = strdup("why");
	b.push.step.state = FILE_PUSH_STEP_UNDOING;
	m.kind = PEER_FILE_STRANGE;
	m.hash[0] = 2;
	file_push_hear(&b.push, &m);
	assert_true(read(ends[1], answer, sizeof(answer) - 1) > 0);
	assert_non_null(strstr(answer, "why\\np2: was started anew"));
	assert_non_null(strstr(answer, "nor the one that it had"));
	fd_close(&ends[1]);
	tear_down(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_of_before_an_upgrade_is_not_asked),
		cmocka_unit_test(a_peer_says_nothing_while_this_node_takes_it),
		cmocka_unit_test(a_third_file_is_no_going_back),
	};

	TEST_MAIN(tests);
}
