#include "core/log.h"

#include "core/fd.h"
#include "tests/lib/scratch.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define THREADS 4
#define LINES_EACH 200

static void *
write_lines(void *arg)
{
	for (int i = 0; i < LINES_EACH; i++)
		log_info("thread", "%d line %d", *(int *)arg, i);
	return NULL;
}

static void
lines_of_all_threads_reach_a_file_whole(void **state)
{
	char path[SCRATCH_PATH_MAX];
	const struct log_options o = { .target = LOG_TARGET_FILE,
		.level = LOG_LEVEL_INFO,
		.path = scratch_path("threads", path),
		.role = "test" };
	pthread_t threads[THREADS];
	char *text, *save, *line;
	int n = 0, numbers[THREADS];

	(void)state;
	assert_int_equal(log_open(&o), 0);
	assert_int_equal(log_start(), 0);
	for (int i = 0; i < THREADS; i++) {
		numbers[i] = i;
		(void)pthread_create(
		    &threads[i], NULL, write_lines, &numbers[i]);
	}
	for (int i = 0; i < THREADS; i++)
		(void)pthread_join(threads[i], NULL);
	log_debug("quiet", "below the level");
	log_close();
	text = scratch_text("threads");
	assert_non_null(text);
	assert_null(strstr(text, "quiet"));
	for (line = strtok_r(text, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save), n++)
		assert_non_null(strstr(line, " info: thread: "));
	assert_int_equal(n, THREADS * LINES_EACH);
	free(text);
}

static void
a_file_that_was_renamed_is_left(void **state)
{
	char path[SCRATCH_PATH_MAX], renamed[SCRATCH_PATH_MAX];
	const struct log_options o = { .target = LOG_TARGET_FILE,
		.level = LOG_LEVEL_INFO,
		.path = scratch_path("left", path),
		.role = "test" };
	char *before, *after;
	int fd;

	(void)state;
	assert_int_equal(log_open(&o), 0);
	assert_int_equal(log_start(), 0);
	log_notice("s", "one");
	before = NULL;
	for (int i = 0; i < 1000 && before == NULL; i++) {
		(void)usleep(10000);
		before = scratch_text("left");
		if (before != NULL && strstr(before, "one") == NULL) {
			free(before);
			before = NULL;
		}
	}
	assert_non_null(before);
	free(before);
	assert_int_equal(rename(path, scratch_path("renamed", renamed)), 0);
	fd = log_reopen(path);
	assert_true(fd >= 0);
	log_notice("s", "two");
	log_take(fd); /* as another process does: it is there already */
	fd_close(&fd);
	log_notice("s", "three");
	log_close();
	before = scratch_text("renamed");
	after = scratch_text("left");
	assert_null(strstr(before, "two"));
	assert_non_null(strstr(after, "two"));
	assert_non_null(strstr(after, "three"));
	free(before);
	free(after);
	/* Where there is none, nothing happens. */
	log_take(STDERR_FILENO);
	assert_true(log_reopen("/nowhere/log") < 0);
}

/* As around an upgrade that fails, when nobody can open it by its name. */
static void
a_file_is_written_on_without_its_name(void **state)
{
	char path[SCRATCH_PATH_MAX], renamed[SCRATCH_PATH_MAX];
	struct log_options o = { .target = LOG_TARGET_FILE,
		.level = LOG_LEVEL_INFO,
		.path = scratch_path("named", path),
		.role = "test" };
	char *text;

	(void)state;
	assert_int_equal(log_share(), -1);
	assert_int_equal(log_open(&o), 0);
	assert_int_equal(log_start(), 0);
	log_notice("s", "one");
	o.file = log_share();
	assert_true(o.file > STDERR_FILENO);
	log_close();
	assert_int_equal(rename(path, scratch_path("other", renamed)), 0);
	assert_int_equal(log_open(&o), 0);
	assert_int_equal(log_start(), 0);
	log_notice("s", "two");
	log_close();
	fd_close(&o.file);
	text = scratch_text("other");
	assert_non_null(strstr(text, "one"));
	assert_non_null(strstr(text, "two"));
	free(text);
	assert_null(scratch_text("named"));
}

static void
foreign_text_cannot_forge_a_line(void **state)
{
	char path[SCRATCH_PATH_MAX];
	const struct log_options o = { .target = LOG_TARGET_FILE,
		.level = LOG_LEVEL_INFO,
		.path = scratch_path("forged", path),
		.role = "test" };
	char *text;

	(void)state;
	assert_int_equal(log_open(&o), 0);
	assert_int_equal(log_start(), 0);
	log_notice("s", "a\nb\033[31mc");
	/* At each place, the last too, and beside what is no ASCII. */
	log_notice("s",
	    "0123456\x7f"
	    "89abcdef\xc3\xa9 \x1f~ 6\n");
	log_close();
	text = scratch_text("forged");
	assert_non_null(text);
	assert_non_null(strstr(text, "notice: s: a?b?[31mc\n"));
	assert_non_null(
	    strstr(text, "notice: s: 0123456?89abcdef\xc3\xa9 ?~ 6?\n"));
	free(text);
}

static void
sleep_ms(int ms)
{
	const struct timespec t = { .tv_nsec = ms * 1000000L };

	(void)nanosleep(&t, NULL);
}

/* Writes that the file has seen since it was asked last, or fewer. */
static int
count_writes(int inotify)
{
	struct inotify_event events[64];
	ssize_t n = read(inotify, events, sizeof(events));

	return n > 0 ? (int)((size_t)n / sizeof(events[0])) : 0;
}

/* R19: a wake of the writer costs more than a line. */
static void
lines_that_come_in_numbers_are_written_together(void **state)
{
	char path[SCRATCH_PATH_MAX];
	const struct log_options o = { .target = LOG_TARGET_FILE,
		.level = LOG_LEVEL_INFO,
		.path = scratch_path("together", path),
		.role = "test" };
	const int lines = 100, inotify = inotify_init1(IN_NONBLOCK);
	int writes = 0, n = 0;
	char *text;

	(void)state;
	assert_int_equal(log_open(&o), 0);
	assert_int_equal(log_start(), 0);
	assert_true(inotify_add_watch(inotify, path, IN_MODIFY) >= 0);
	for (int i = 0; i < lines; i++) {
		log_info("s", "line %d", i);
		sleep_ms(1);
		writes += count_writes(inotify);
	}
	log_close();
	text = scratch_text("together");
	assert_non_null(text);
	for (const char *p = text; (p = strchr(p, '\n')) != NULL; p++)
		n++;
	assert_int_equal(n, lines);
	assert_true(writes < lines / 2);
	free(text);
	(void)close(inotify);
}

/* On a busy machine not each time. */
static void
what_is_no_connection_is_written_at_once(void **state)
{
	char path[SCRATCH_PATH_MAX];
	const struct log_options o = { .target = LOG_TARGET_FILE,
		.level = LOG_LEVEL_INFO,
		.path = scratch_path("at_once", path),
		.role = "test" };
	const int inotify = inotify_init1(IN_NONBLOCK);
	struct pollfd p = { .fd = inotify, .events = POLLIN };
	int at_once = 0;

	(void)state;
	assert_int_equal(log_open(&o), 0);
	assert_int_equal(log_start(), 0);
	assert_true(inotify_add_watch(inotify, path, IN_MODIFY) >= 0);
	for (int i = 0; i < 50 && at_once == 0; i++) {
		log_notice("s", "line %d", i);
		at_once += poll(&p, 1, 10);
		sleep_ms(30);
		(void)count_writes(inotify);
	}
	assert_int_equal(at_once, 1);
	log_close();
	(void)close(inotify);
}

/* In a process of its own, as it never gets its stderr back. */
static _Noreturn void
log_into(int pipe)
{
	const struct log_options o = { .target = LOG_TARGET_STDERR,
		.level = LOG_LEVEL_INFO,
		.role = "test" };
	uint64_t before = log_dropped();
	char filler[900];

	memset(filler, 'x', sizeof(filler) - 1);
	filler[sizeof(filler) - 1] = '\0';
	if (dup2(pipe, STDERR_FILENO) == -1 || log_open(&o) < 0)
		_exit(1);
	if (log_start() < 0)
		_exit(1);
	for (int i = 0; i < 10000; i++)
		log_info("s", "%s", filler);
	if (log_dropped() <= before)
		_exit(2);
	log_close();
	_exit(0);
}

/* A pipe that nobody reads: the writer is stuck, and nobody else. */
static void
a_stuck_sink_costs_lines_and_no_time(void **state)
{
	int ends[2], status;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	pid = fork();
	if (pid == 0)
		log_into(ends[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	fd_close(&ends[0]);
	fd_close(&ends[1]);
}

/* It is gone over to when the writer can; who wants it does not wait. */
static void
another_sink_is_gone_over_to(void **state)
{
	char first[SCRATCH_PATH_MAX], second[SCRATCH_PATH_MAX];
	struct log_options o = { .target = LOG_TARGET_FILE,
		.level = LOG_LEVEL_NOTICE,
		.path = scratch_path("first", first),
		.role = "test" };
	char *text;

	(void)state;
	assert_int_equal(log_open(&o), 0);
	assert_int_equal(log_start(), 0);
	log_notice("s", "one");
	o.path = "/nowhere/log";
	assert_int_equal(log_switch(&o), -ENOENT);
	log_notice("s", "two");
	sleep_ms(100);
	o.path = scratch_path("second", second);
	o.level = LOG_LEVEL_INFO;
	assert_int_equal(log_switch(&o), 0);
	assert_int_equal(log_switch(&o), 0); /* the last one counts */
	sleep_ms(100);
	log_info("s", "three");
	log_close();
	text = scratch_text("first");
	assert_non_null(strstr(text, "one"));
	assert_non_null(strstr(text, "two"));
	assert_null(strstr(text, "three"));
	free(text);
	text = scratch_text("second");
	assert_null(strstr(text, "two"));
	assert_non_null(strstr(text, "three"));
	free(text);
}

/* Nobody would know that it waits, and root does not write into anything. */
static void
a_log_is_a_regular_file(void **state)
{
	char path[SCRATCH_PATH_MAX];
	struct log_options o = { .target = LOG_TARGET_FILE,
		.level = LOG_LEVEL_INFO,
		.path = scratch_path("fifo", path),
		.role = "test" };

	(void)state;
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(log_open(&o), -EINVAL);
	o.path = "/dev/null";
	assert_int_equal(log_open(&o), 0);
	assert_int_equal(log_start(), 0);
	log_close();
}

/* O11: RFC 5424 there would be filed under the program "1". */
static void
local_syslog_lines_are_as_syslog_writes_them(void **state)
{
	struct sockaddr_un here = { .sun_family = AF_UNIX };
	struct log_options o = { .target = LOG_TARGET_SYSLOG,
		.level = LOG_LEVEL_INFO,
		.facility = 16,
		.role = "relay" };
	char path[SCRATCH_PATH_MAX], line[2048], expected[256];
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	ssize_t n;
	struct tm tm;

	(void)state;
	o.path = scratch_path("dev-log", path);
	assert_true(strlen(path) < sizeof(here.sun_path));
	memcpy(here.sun_path, path, strlen(path) + 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&here, sizeof(here)), 0);
	(void)setenv("TZ", "XYZ-3:00", 1);
	assert_int_equal(log_open(&o), 0);
	assert_int_equal(log_start(), 0);
	log_warning("group main", "gone");
	log_close();
	n = recv(fd, line, sizeof(line) - 1, MSG_DONTWAIT);
	assert_true(n > 0);
	line[n] = '\0';
	/* local0 (16) * 8 + warning (4); the day in two places */
	assert_memory_equal(line, "<132>", 5);
	assert_non_null(strptime(line + 5, "%b %d %T", &tm));
	assert_int_equal(tm.tm_hour, (time(NULL) / 3600 + 3) % 24);
	(void)snprintf(expected, sizeof(expected),
	    " hapair[%d]: group main: gone", (int)getpid());
	assert_string_equal(line + 5 + strlen("Nov 30 23:59:59"), expected);
	(void)unsetenv("TZ");
	tzset();
	fd_close(&fd);
}

/* In a process of its own: the standard error is the journal's, or is not. */
static _Noreturn void
log_to_journal(int pipe, bool is_journal)
{
	const struct log_options o = { .target = LOG_TARGET_STDERR,
		.level = LOG_LEVEL_DEBUG,
		.role = "test" };
	char stream[64];
	struct stat st;

	if (dup2(pipe, STDERR_FILENO) == -1 || fstat(pipe, &st) == -1)
		_exit(1);
	(void)snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev,
	    (uintmax_t)st.st_ino + !is_journal);
	(void)setenv("JOURNAL_STREAM", stream, 1);
	log_error("s", "early");
	if (log_open(&o) < 0 || log_start() < 0)
		_exit(1);
	log_error("s", "one");
	log_warning("s", "two");
	log_notice("s", "three");
	log_info("s", "four");
	log_debug("s", "five");
	log_close();
	_exit(0);
}

static void
read_log(bool is_journal, char text[static 1024])
{
	int ends[2], status;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	if (pid == 0)
		log_to_journal(ends[1], is_journal);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	n = read(ends[0], text, 1023);
	assert_true(n > 0);
	text[n] = '\0';
	fd_close(&ends[0]);
	fd_close(&ends[1]);
}

static void
the_journal_is_told_the_level_by_a_prefix(void **state)
{
	char text[1024];

	(void)state;
	read_log(true, text);
	assert_string_equal(text,
	    "<3>hapair: s: early\n<3>s: one\n<4>s: two\n<5>s: three\n"
	    "<6>s: four\n<7>s: five\n");
	/* Another file has taken the place that systemd gave: a user's. */
	read_log(false, text);
	assert_memory_equal(text, "hapair: s: early\n20", 19);
	assert_non_null(strstr(text, " error: s: one\n"));
}

static void
syslog_lines_are_rfc_5424(void **state)
{
	union addr here = { .in = { .sin_family = AF_INET } };
	socklen_t len = sizeof(here.in);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct log_options o = { .target = LOG_TARGET_UDP,
		.level = LOG_LEVEL_INFO,
		.facility = 16,
		.role = "relay" };
	char line[2048], host[65] = "", expected[256];
	ssize_t n;

	(void)state;
	here.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, &here.sa, len), 0);
	assert_int_equal(getsockname(fd, &here.sa, &len), 0);
	o.dest = here;
	assert_int_equal(log_open(&o), 0);
	assert_int_equal(log_start(), 0);
	log_error("group main", "gone");
	log_close();
	n = recv(fd, line, sizeof(line) - 1, MSG_DONTWAIT);
	assert_true(n > 0);
	line[n] = '\0';
	/* local0 (16) * 8 + error (3); version 1 */
	assert_memory_equal(line, "<131>1 20", 9);
	(void)gethostname(host, sizeof(host) - 1);
	(void)snprintf(expected, sizeof(expected),
	    "Z %s hapair %d relay - group main: gone", host, (int)getpid());
	assert_string_equal(strchr(line, 'Z'), expected);
	fd_close(&fd);
}

static void
a_file_that_cannot_be_opened_is_an_error(void **state)
{
	const struct log_options o = { .target = LOG_TARGET_FILE,
		.path = "/nonexistent/log",
		.role = "test" };

	(void)state;
	assert_int_equal(log_open(&o), -ENOENT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_of_all_threads_reach_a_file_whole),
		cmocka_unit_test(a_file_that_was_renamed_is_left),
		cmocka_unit_test(a_file_is_written_on_without_its_name),
		cmocka_unit_test(foreign_text_cannot_forge_a_line),
		cmocka_unit_test(
		    lines_that_come_in_numbers_are_written_together),
		cmocka_unit_test(what_is_no_connection_is_written_at_once),
		cmocka_unit_test(local_syslog_lines_are_as_syslog_writes_them),
		cmocka_unit_test(the_journal_is_told_the_level_by_a_prefix),
		cmocka_unit_test(syslog_lines_are_rfc_5424),
		cmocka_unit_test(a_file_that_cannot_be_opened_is_an_error),
		/* Last: it leaves the writer stuck for good. */
		cmocka_unit_test(a_stuck_sink_costs_lines_and_no_time),
		cmocka_unit_test(another_sink_is_gone_over_to),
		cmocka_unit_test(a_log_is_a_regular_file),
	};

	TEST_MAIN_WITH(tests, scratch_make, scratch_remove);
}
