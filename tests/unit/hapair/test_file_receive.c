#include "hapair/supervisor/file_receive.h"

#include "config/config.h"
#include "core/buf.h"
#include "core/channel.h"
#include "core/fd.h"
#include "core/secret.h"
#include "core/timeout.h"
#include "hapair/supervisor/event_sync.h"
#include "hapair/supervisor/generation_change.h"
#include "hapair/supervisor/key_keeper.h"
#include "hapair/supervisor/reload.h"
#include "hapair/supervisor/state_store.h"
#include "tests/lib/from_yaml.h"
#include "tests/lib/scratch.h"
#include "tests/lib/test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ID 7

/* A disk that can be held up: this one is found before that of the library. */
static pthread_mutex_t disk = PTHREAD_MUTEX_INITIALIZER;

int
fsync(int fd)
{
	(void)pthread_mutex_lock(&disk);
	(void)pthread_mutex_unlock(&disk);
	return (int)syscall(SYS_fsync, fd);
}

static const char format[] =
    "pair:\n"
    "  nodes:\n"
    "    - {name: p1, address: 10.0.0.1}\n"
    "    - {name: p2, address: 10.0.0.2}\n"
    "  key_file: %s\n"
    "  accept_file: true\n"
    "  groups:\n"
    "    - name: main\n"
    "      interface: eth0\n"
    "      addresses: [10.0.0.100/24]\n"
    "services:\n"
    "  - name: web\n"
    "    listen: \"127.0.0.1:%u\"\n"
    "    servers: [{name: s1, address: 10.0.0.31:80, weight: %u}]\n";

/* A node that takes a file; its failover is the test's end of a channel. */
struct bed {
	char path[SCRATCH_PATH_MAX], key_path[SCRATCH_PATH_MAX];
	int listener; /* on `port`, which nobody else can have then */
	unsigned port;
	struct secret_keys keys;
	struct key_keeper keeper;
	struct config *config;
	struct state_store store;
	struct generation_change change;
	struct reload reload;
	struct file_receive r;
	int failover;
};

static bool
fit(const struct config *c, const struct config *running,
    struct limits *ret_limits, char *ret_text)
{
	(void)c;
	(void)running;
	(void)ret_limits;
	(void)ret_text;
	return true;
}

static const char *
text_for(const struct bed *b, unsigned port, unsigned weight, char buf[1024])
{
	(void)snprintf(buf, 1024, format, b->key_path, port, weight);
	return buf;
}

static void
take_a_port(struct bed *b)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);

	b->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(b->listener, (struct sockaddr *)&a, len), 0);
	assert_int_equal(listen(b->listener, 1), 0);
	assert_int_equal(
	    getsockname(b->listener, (struct sockaddr *)&a, &len), 0);
	b->port = ntohs(a.sin_port);
}

static struct generation *
running(struct bed *b, const char *text)
{
	struct generation_setup setup = { .config = b->config,
		.text = text,
		.len = strlen(text),
		.node = 0,
		.workers = 1,
		.store = &b->store };
	struct generation *g;
	int e;

	g = generation_new(&setup, &e);
	assert_non_null(g);
	g->listeners->config = b->config;
	g->listeners->workers = 1;
	g->listeners->fds = calloc(1, sizeof(int));
	g->listeners->fds[0] = -1; /* of its one listener; none is needed */
	g->listeners->n = 1;
	g->failover.ready = g->relay.ready = true;
	assert_int_equal(
	    state_store_init(&b->store,
	        &(struct state_store_setup){ .loop = ev_default_loop(0),
	            .config = b->config,
	            .groups = g->groups,
	            .failover = &g->failover,
	            .relay = &g->relay }),
	    0);
	return g;
}

static void
set_up(struct bed *b)
{
	char text[1024];
	int ends[2];

	memset(b, 0, sizeof(*b));
	take_a_port(b);
	scratch_write("pair.key",
	    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n",
	    0600, b->key_path);
	assert_int_equal(secret_load(b->key_path, &b->keys), 0);
	b->keeper.keys = &b->keys;
	scratch_write("f.yaml", text_for(b, 1, 1, text), 0600, b->path);
	b->config = from_yaml(text);
	b->change = generation_change_none();
	b->change.loop = ev_default_loop(0);
	b->change.now = running(b, text);
	assert_int_equal(channel_pair(ends), 0);
	b->change.now->failover.channel = ends[0];
	b->failover = ends[1];
	b->reload = reload_init(ev_default_loop(0), &b->change,
	    &(struct reload_setup){ .keys = &b->keeper,
	        .path = b->path,
	        .is_fit = fit,
	        .has_stderr = true });
	file_receive_init(&b->r, &b->reload);
}

static void
tear_down(struct bed *b)
{
	file_receive_fini(&b->r);
	reload_fini(&b->reload);
	fd_close(&b->change.now->failover.channel);
	state_store_fini(&b->store);
	generation_free(b->change.now);
	config_free(b->config);
	fd_close(&b->failover);
	fd_close(&b->listener);
}

/* What was said last, with its text; kind 0: nothing was. */
static struct peer_file
answer_of(struct bed *b, char ret_text[1024])
{
	static struct channel_packet p;
	struct peer_file answer = { 0 };
	struct buf body;

	*ret_text = '\0';
	/* What is said last counts: one question may have two answers. */
	while (channel_recv(b->failover, &p) == 1) {
		body = buf_reader(p.body, p.len);
		assert_int_equal(peer_file_get(&body, &answer), 0);
		(void)snprintf(ret_text, 1024, "%.*s", (int)answer.len,
		    (const char *)answer.bytes);
	}
	return answer;
}

static void
await_disk(struct bed *b)
{
	while (file_disk_is_busy(&b->r.take.disk))
		(void)ev_run(b->reload.loop, EVRUN_ONCE);
}

static struct peer_file
ask(struct bed *b, const struct peer_file *m, char ret_text[1024])
{
	file_receive_hear(&b->r, m, true);
	await_disk(b);
	return answer_of(b, ret_text);
}

static struct peer_file
give(struct bed *b, uint64_t id, const char *text, char ret_text[1024])
{
	uint8_t sealed[2048];
	struct secret_key key;
	struct peer_file m = { .kind = PEER_FILE_PART,
		.id = id,
		.total = (uint32_t)(strlen(text) + SECRET_SEAL_BYTES),
		.len = strlen(text) + SECRET_SEAL_BYTES,
		.bytes = sealed };

	secret_derive(&b->keys.all[0], "hapair file", &id, sizeof(id), &key);
	secret_seal(&key, text, strlen(text), sealed);
	/* Where there was another one, it only goes at first. */
	if (b->r.step.state != FILE_RECEIVE_STEP_NONE)
		(void)ask(b, &m, ret_text);
	return ask(b, &m, ret_text);
}

static int
ask_of(struct bed *b, uint8_t kind, char ret_text[1024])
{
	const struct peer_file m = { .kind = kind, .id = ID };

	return ask(b, &m, ret_text).kind;
}

/* Found when all but the ports is fine; the file is let go of with it. */
static void
a_port_that_cannot_be_had_is_refused(void **state)
{
	char file[1024], was[1024], said[1024];
	char path[SCRATCH_PATH_MAX];
	CLEANUP(free_str) char *there = NULL;
	CLEANUP(free_str) char *before = NULL;
	struct bed b;

	(void)state;
	set_up(&b);
	scratch_write("f.yaml.before", "# older\n", 0600, path);
	(void)text_for(&b, 1, 1, was);
	assert_int_equal(give(&b, ID, text_for(&b, b.port, 1, file), said).kind,
	    PEER_FILE_FINE);
	assert_int_equal(ask_of(&b, PEER_FILE_TAKE, said), PEER_FILE_REFUSED);
	assert_non_null(strstr(said, "cannot listen on 127.0.0.1"));
	assert_non_null(strstr(said, "nothing was changed"));
	there = scratch_text("f.yaml");
	assert_text(there, was);
	/* It is refused before anything is written. */
	before = scratch_text("f.yaml.before");
	assert_text(before, "# older\n");
	tear_down(&b);
}

/* Put there, and the change failed; what stands there now is an operator's. */
static void
a_disk_that_keeps_what_does_not_run_is_told_of(void **state)
{
	char file[1024], said[1024];
	struct bed b;

	(void)state;
	set_up(&b);
	assert_int_equal(give(&b, ID, text_for(&b, b.port, 1, file), said).kind,
	    PEER_FILE_FINE);
	b.r.take.disk.replace.replaced = true;
	assert_int_equal(ask_of(&b, PEER_FILE_TAKE, said), PEER_FILE_KEPT);
	assert_non_null(strstr(said, "cannot listen on 127.0.0.1"));
	assert_non_null(strstr(said, "the file before was not put back"));
	assert_null(strstr(said, "nothing was changed"));
	/* Asked once more, it is the same. */
	assert_int_equal(ask_of(&b, PEER_FILE_TAKE, said), PEER_FILE_KEPT);
	tear_down(&b);
}

/* It may be of anybody; its generation is another one's then. */
static void
nothing_goes_back_in_the_middle_of_another_reload(void **state)
{
	char file[1024], said[1024];
	struct bed b;

	(void)state;
	set_up(&b);
	/* What runs already is taken at once. */
	assert_int_equal(
	    give(&b, ID, text_for(&b, 1, 1, file), said).kind, PEER_FILE_FINE);
	assert_int_equal(ask_of(&b, PEER_FILE_TAKE, said), PEER_FILE_TAKEN);
	assert_null(b.change.reserved);
	b.change.step.state = RELOAD_STEP_PREPARING;
	assert_int_equal(ask_of(&b, PEER_FILE_UNDO, said), PEER_FILE_KEPT);
	assert_non_null(strstr(said, "another reload is under way"));
	b.change.step.state = RELOAD_STEP_IDLE;
	assert_int_equal(ask_of(&b, PEER_FILE_UNDO, said), PEER_FILE_KEPT);
	/* And what another one has reserved stays reserved. */
	assert_int_equal(give(&b, ID + 1, file, said).kind, PEER_FILE_FINE);
	b.change.reserved = &b;
	file_receive_fini(&b.r);
	file_receive_init(&b.r, &b.reload);
	assert_int_equal(give(&b, ID, file, said).kind, PEER_FILE_REFUSED);
	assert_ptr_equal(b.change.reserved, &b);
	b.change.reserved = NULL;
	tear_down(&b);
}

/* On disk; what is taken here means what runs. */
static void
what_an_operator_wrote_meanwhile_stays(void **state)
{
	char file[1024], said[1024], path[SCRATCH_PATH_MAX];
	CLEANUP(free_str) char *there = NULL;
	struct bed b;

	(void)state;
	set_up(&b);
	strcat(strcpy(file, text_for(&b, 1, 1, said)), "# the same\n");
	assert_int_equal(give(&b, ID, file, said).kind, PEER_FILE_FINE);
	assert_int_equal(ask_of(&b, PEER_FILE_TAKE, said), PEER_FILE_TAKEN);
	assert_non_null(strstr(said, ".before"));
	scratch_write("f.yaml", "# an operator's\n", 0600, path);
	assert_int_equal(ask_of(&b, PEER_FILE_UNDO, said), PEER_FILE_KEPT);
	assert_non_null(strstr(said, "f.yaml: it was changed here since"));
	there = scratch_text("f.yaml");
	assert_text(there, "# an operator's\n");
	tear_down(&b);
}

/* Nor is it taken after that: it was compared with another one. */
static void
a_file_that_is_only_given_keeps_nobody_from_a_reload(void **state)
{
	char file[1024], said[1024];
	struct bed b;

	(void)state;
	set_up(&b);
	assert_int_equal(
	    give(&b, ID, text_for(&b, 1, 1, file), said).kind, PEER_FILE_FINE);
	assert_null(b.change.reserved);
	b.change.reserved = &b;
	assert_int_equal(ask_of(&b, PEER_FILE_TAKE, said), PEER_FILE_REFUSED);
	assert_non_null(strstr(said, "a reload is under way there"));
	b.change.reserved = NULL;
	assert_int_equal(give(&b, ID + 1, file, said).kind, PEER_FILE_FINE);
	assert_int_equal(give(&b, ID, file, said).kind, PEER_FILE_FINE);
	b.config->hash[0] ^= 1;
	assert_int_equal(ask_of(&b, PEER_FILE_TAKE, said), PEER_FILE_REFUSED);
	assert_non_null(strstr(said, "another file was loaded there"));
	tear_down(&b);
}

/* All is fine with it, and its disk does not answer; that is the peer's word.
 */
static void
take_with_a_disk_that_stands_still(struct bed *b, char said[1024])
{
	const struct peer_file take = { .kind = PEER_FILE_TAKE, .id = ID };
	char file[1024];

	set_up(b);
	fd_close(&b->listener); /* so that the port can be had */
	assert_int_equal(give(b, ID, text_for(b, b->port, 1, file), said).kind,
	    PEER_FILE_FINE);
	(void)pthread_mutex_lock(&disk);
	file_receive_hear(&b->r, &take, true);
	assert_int_equal(answer_of(b, said).kind, PEER_FILE_WORKING);
	assert_non_null(b->reload.held);
	assert_ptr_equal(b->change.reserved, &b->r);
}

static void
a_disk_that_stands_still_is_told_of(void **state)
{
	char was[1024], said[1024];
	CLEANUP(free_str) char *there = NULL;
	struct bed b;

	(void)state;
	take_with_a_disk_that_stands_still(&b, said);
	timeout_arm(b.reload.loop, &b.r.take.disk.patience, 0.01);
	while (b.reload.held != NULL)
		(void)ev_run(b.reload.loop, EVRUN_ONCE);
	assert_int_equal(answer_of(&b, said).kind, PEER_FILE_REFUSED);
	assert_non_null(strstr(said, "its disk has not answered"));
	assert_non_null(strstr(said, "nothing was changed"));
	assert_null(b.change.reserved);
	(void)pthread_mutex_unlock(&disk);
	await_disk(&b);
	there = scratch_text("f.yaml");
	assert_text(there, text_for(&b, 1, 1, was));
	tear_down(&b);
}

/* Nothing is begun then, and the file that was put there goes again. */
static void
a_daemon_that_ends_meanwhile_takes_no_file(void **state)
{
	char was[1024], said[1024];
	CLEANUP(free_str) char *there = NULL;
	struct bed b;

	(void)state;
	take_with_a_disk_that_stands_still(&b, said);
	assert_true(generation_change_stop(&b.change));
	(void)pthread_mutex_unlock(&disk);
	while (file_receive_step_is_busy(&b.r.step))
		(void)ev_run(b.reload.loop, EVRUN_ONCE);
	assert_int_equal(answer_of(&b, said).kind, PEER_FILE_REFUSED);
	assert_non_null(strstr(said, "the daemon ends"));
	assert_null(b.reload.held);
	there = scratch_text("f.yaml");
	assert_text(there, text_for(&b, 1, 1, was));
	tear_down(&b);
}

/* And it is that for any file that could not be taken. */
static void
nothing_is_written_before_it_is_to_be_taken(void **state)
{
	char file[1024], said[1024];
	CLEANUP(free_str) char *fresh = NULL;
	uint64_t id = ID;
	struct bed b;

	(void)state;
	set_up(&b);
	assert_int_equal(
	    give(&b, id, text_for(&b, 1, 2, file), said).kind, PEER_FILE_FINE);
	fresh = scratch_text(".f.yaml.hapair");
	assert_null(fresh);
	/* A peer cannot have this node check files without an end. */
	while (give(&b, ++id, file, said).kind == PEER_FILE_FINE)
		assert_true(id < ID + 100);
	assert_non_null(strstr(said, "too many files: try again"));
	assert_true(id - ID >= 4);
	b.r.turn = (struct mono){ 0 };
	assert_int_equal(give(&b, ++id, file, said).kind, PEER_FILE_FINE);
	tear_down(&b);
}

/* On disk, after it was found to be the very same. */
static void
a_file_is_looked_at_again_when_it_is_taken(void **state)
{
	char file[1024], said[1024], path[SCRATCH_PATH_MAX];
	CLEANUP(free_str) char *there = NULL;
	struct bed b;

	(void)state;
	set_up(&b);
	assert_int_equal(
	    give(&b, ID, text_for(&b, 1, 1, file), said).kind, PEER_FILE_FINE);
	scratch_write("f.yaml", "# an operator's\n", 0600, path);
	assert_int_equal(ask_of(&b, PEER_FILE_TAKE, said), PEER_FILE_TAKEN);
	assert_non_null(strstr(said, "f.yaml.before"));
	there = scratch_text("f.yaml.before");
	assert_text(there, "# an operator's\n");
	tear_down(&b);
}

static void
a_file_is_told_of_before_it_is_taken(void **state)
{
	char file[1024], said[1024];
	struct event_sync events;
	struct buf b_events = BUF_WRITER(4096);
	struct bed b;

	(void)state;
	set_up(&b);
	assert_int_equal(
	    event_sync_init(&events, ev_default_loop(0), NULL, &b.store), 0);
	event_log_follow(&events.log, b.config, 0);
	b.store.setup.events = &events;
	assert_int_equal(give(&b, ID, text_for(&b, b.port, 1, file), said).kind,
	    PEER_FILE_FINE);
	assert_false(event_log_has_news(&events.log));
	assert_int_equal(ask_of(&b, PEER_FILE_TAKE, said), PEER_FILE_REFUSED);
	assert_true(event_log_has_news(&events.log));
	event_log_put(&events.log, &b_events);
	assert_non_null(
	    memmem(b_events.data, b_events.pos, "taking the peer's file", 22));
	event_sync_fini(&events);
	tear_down(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_port_that_cannot_be_had_is_refused),
		cmocka_unit_test(
		    a_disk_that_keeps_what_does_not_run_is_told_of),
		cmocka_unit_test(what_an_operator_wrote_meanwhile_stays),
		cmocka_unit_test(a_disk_that_stands_still_is_told_of),
		cmocka_unit_test(a_daemon_that_ends_meanwhile_takes_no_file),
		cmocka_unit_test(
		    a_file_that_is_only_given_keeps_nobody_from_a_reload),
		cmocka_unit_test(nothing_is_written_before_it_is_to_be_taken),
		cmocka_unit_test(a_file_is_looked_at_again_when_it_is_taken),
		cmocka_unit_test(a_file_is_told_of_before_it_is_taken),
		cmocka_unit_test(
		    nothing_goes_back_in_the_middle_of_another_reload),
	};

	TEST_MAIN_WITH(tests, scratch_make, scratch_remove);
}
