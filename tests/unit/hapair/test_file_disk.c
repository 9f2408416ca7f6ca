#include "hapair/supervisor/file_disk.h"

#include "tests/lib/scratch.h"
#include "tests/lib/test.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A disk that can be held up: this one is found before that of the library. */
static pthread_mutex_t disk = PTHREAD_MUTEX_INITIALIZER;

int
fsync(int fd)
{
	(void)pthread_mutex_lock(&disk);
	(void)pthread_mutex_unlock(&disk);
	return (int)syscall(SYS_fsync, fd);
}

struct bed {
	char path[SCRATCH_PATH_MAX];
	struct ev_loop *loop;
	struct file_disk d;
	unsigned ends;
	enum file_disk_job last;
	char why[256]; /* of the last end; empty: none */
	ev_timer tick;
	unsigned ticks;
};

static void
on_end(void *arg, enum file_disk_job job, const char *why)
{
	struct bed *b = arg;

	b->ends++;
	b->last = job;
	(void)snprintf(b->why, sizeof(b->why), "%s", why != NULL ? why : "");
}

static void
on_tick(struct ev_loop *loop, ev_timer *t, int revents)
{
	((struct bed *)t->data)->ticks++;
}

static void
set_up(struct bed *b)
{
	memset(b, 0, sizeof(*b));
	b->loop = ev_default_loop(0);
	scratch_write("f.yaml", "one", 0600, b->path);
	file_disk_init(&b->d, b->loop, b->path, on_end, b);
	ev_timer_init(&b->tick, on_tick, 0.001, 0.001);
	b->tick.data = b;
	ev_timer_start(b->loop, &b->tick);
}

static void
tear_down(struct bed *b)
{
	ev_timer_stop(b->loop, &b->tick);
	file_disk_fini(&b->d);
}

static void
await_ends(struct bed *b, unsigned n)
{
	while (b->ends < n)
		(void)ev_run(b->loop, EVRUN_ONCE);
}

static void
await_disk(struct bed *b)
{
	while (file_disk_is_busy(&b->d))
		(void)ev_run(b->loop, EVRUN_ONCE);
}

static void
assert_there(const char *name, const char *text)
{
	CLEANUP(free_str) char *there = scratch_text(name);

	test_row(name);
	if (text == NULL)
		assert_null(there);
	else
		assert_text(there, text);
}

static void
a_file_is_put_settled_and_taken_back(void **state)
{
	struct bed b;

	(void)state;
	set_up(&b);
	file_disk_put(&b.d, "two", 3);
	await_ends(&b, 1);
	assert_text(b.why, "");
	assert_true(file_disk_has_replaced(&b.d));
	assert_there("f.yaml", "two");
	assert_there("f.yaml.before", "one");
	file_disk_settle(&b.d);
	await_ends(&b, 2);
	assert_int_equal(b.last, FILE_DISK_SETTLE);
	assert_there("f.yaml.untried", NULL);
	file_disk_back(&b.d);
	await_ends(&b, 3);
	assert_text(b.why, "");
	assert_there("f.yaml", "one");
	assert_false(file_disk_has_replaced(&b.d));
	/* There is nothing to do: that is the end of it. */
	file_disk_back(&b.d);
	file_disk_settle(&b.d);
	assert_int_equal(b.ends, 5);
	file_disk_close(&b.d);
	tear_down(&b);
}

/* The loop turns on, whoever waits is told, and in the end nothing changed. */
static void
a_disk_that_stands_still_stops_nobody(void **state)
{
	struct bed b;

	(void)state;
	set_up(&b);
	b.d.patience_s = 0.05;
	(void)pthread_mutex_lock(&disk);
	file_disk_put(&b.d, "two", 3);
	await_ends(&b, 1);
	assert_non_null(strstr(b.why, "its disk has not answered in"));
	assert_true(b.ticks > 0);
	assert_true(file_disk_is_busy(&b.d));
	file_disk_close(&b.d);
	(void)pthread_mutex_unlock(&disk);
	await_disk(&b);
	assert_int_equal(b.ends, 1);
	assert_there("f.yaml", "one");
	assert_there(".f.yaml.hapair", NULL);
	assert_there("f.yaml.untried", NULL);
	/* And it takes the next one. */
	b.d.patience_s = 60;
	file_disk_put(&b.d, "three", 5);
	await_ends(&b, 2);
	assert_text(b.why, "");
	assert_there("f.yaml", "three");
	tear_down(&b);
}

/* The thread has begun. */
static void
await_mark(void)
{
	char *mark;

	while ((mark = scratch_text("f.yaml.untried")) == NULL)
		(void)usleep(1000);
	free(mark);
}

/* Nobody waits for the disk at the end of the daemon. */
static void
an_end_waits_for_no_disk(void **state)
{
	struct bed b;

	(void)state;
	set_up(&b);
	(void)pthread_mutex_lock(&disk);
	file_disk_put(&b.d, "two", 3);
	await_mark();
	tear_down(&b);
	assert_int_equal(b.ends, 0);
	(void)pthread_mutex_unlock(&disk);
	/* The thread takes away what it has put there. */
	for (unsigned i = 0; i < 6000; i++) {
		CLEANUP(free_str) char *mark = scratch_text("f.yaml.untried");
		CLEANUP(free_str) char *fresh = scratch_text(".f.yaml.hapair");

		if (mark == NULL && fresh == NULL)
			break;
		(void)usleep(10000);
	}
	assert_there("f.yaml", "one");
	assert_there("f.yaml.untried", NULL);
}

static void
what_cannot_be_written_is_told(void **state)
{
	struct bed b;

	(void)state;
	set_up(&b);
	assert_int_equal(unlink(b.path), 0);
	file_disk_put(&b.d, "two", 3);
	await_ends(&b, 1);
	assert_non_null(strstr(b.why, "No such file"));
	assert_false(file_disk_has_replaced(&b.d));
	tear_down(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_put_settled_and_taken_back),
		cmocka_unit_test(a_disk_that_stands_still_stops_nobody),
		cmocka_unit_test(an_end_waits_for_no_disk),
		cmocka_unit_test(what_cannot_be_written_is_told),
	};

	TEST_MAIN_WITH(tests, scratch_make, scratch_remove);
}
