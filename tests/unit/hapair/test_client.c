#include "hapair/cli/client.h"

#include "core/fd.h"
#include "core/json_doc.h"
#include "hapair/cli/command.h"
#include "tests/lib/scratch.h"
#include "tests/lib/test.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ANSWERS_MAX 2
/* Who is not asked ends with an error, and does not wait for ever. */
#define PATIENCE_S 30

/* The caller sends its line when the other end has been closed. */
static bool is_slow;

/* The C library's, which the program would call. */
int
connect(int fd, const struct sockaddr *to, socklen_t len)
{
	struct pollfd end = { .fd = fd };
	const long e = syscall(SYS_connect, fd, to, len);

	if (e == 0 && is_slow)
		assert_int_equal(poll(&end, 1, PATIENCE_S * 1000), 1);
	return (int)e;
}

/* 50 ms are enough to see that something is not waited for. */
static bool is_brief;

int
setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	static const struct timeval brief = { .tv_usec = 50000 };

	if (is_brief && level == SOL_SOCKET &&
	    (name == SO_SNDTIMEO || name == SO_RCVTIMEO))
		value = &brief;
	return (int)syscall(SYS_setsockopt, fd, level, name, value, len);
}

/* What each caller is told, one after the other, before the socket is closed.
 */
static const struct row {
	const char *name;
	bool asks_again;
	bool deaf; /* who answers does not wait for the question */
	const char *answers[ANSWERS_MAX]; /* NULL: nobody asks so often */
	int status;
	const char *said; /* among other things; "": nothing */
} rows[] = {
	{ "answered", true, false, { "{\"text\": \"well\"}", NULL },
	    COMMAND_DONE, "" },
	{ "the relay died with the question", true, false,
	    { "", "{\"text\": \"well\"}" }, COMMAND_DONE, "" },
	{ "in the midst of its answer", true, false,
	    { "{\"text\": \"we", "{\"text\": \"well\"}" }, COMMAND_DONE, "" },
	{ "and so did the next", true, false, { "", "" }, COMMAND_FAILED,
	    "ended twice before it had answered" },
	{ "an error is an answer", true, false, { "{\"error\": \"no\"}", NULL },
	    COMMAND_FAILED, ": no\n" },
	{ "an error that speaks to terminals", true, false,
	    { "{\"error\": \"no\\u001b[2J\\n\"}", NULL }, COMMAND_FAILED,
	    ": no\\x1b[2J\\x0a\n" },
	{ "what may have been done is not asked again", false, false,
	    { "", NULL }, COMMAND_FAILED, "ended before it answered" },
	{ "nor what is answered in part", false, false,
	    { "{\"text\": \"we", NULL }, COMMAND_FAILED,
	    "the daemon's answer cannot be read" },
	{ "closed before the question", false, true, { "", NULL },
	    COMMAND_FAILED, "ended before it answered" },
	{ "and so was the next", true, true, { "", "" }, COMMAND_FAILED,
	    "ended twice before it had answered" },
	{ "answered before the question", false, true,
	    { "{\"error\": \"ask once more\"}", NULL }, COMMAND_FAILED,
	    "ask once more" },
};

/* The daemon: takes the line of each caller, and says what it has to. */
static _Noreturn void
serve(int listener, const struct row *row)
{
	(void)alarm(PATIENCE_S);
	for (unsigned i = 0; i < ANSWERS_MAX && row->answers[i]; i++) {
		const size_t len = strlen(row->answers[i]);
		char line[100];
		int fd = accept(listener, NULL, NULL);

		if (fd == -1 ||
		    (!row->deaf && read(fd, line, sizeof(line)) <= 0) ||
		    fd_write_all(fd, row->answers[i], len) < 0)
			_exit(1);
		fd_close(&fd);
	}
	_exit(0);
}

/* client_ask(), and what it says on stderr. */
static int
ask(const struct client *c, struct json_doc **ret_answer, char said[static 512])
{
	char path[SCRATCH_PATH_MAX];
	CLEANUP(fd_close) int was = dup(STDERR_FILENO);
	CLEANUP(fd_close) int file = -1;
	ssize_t n;
	int status;

	file = open(scratch_write("said", "", 0600, path), O_RDWR);
	assert_int_not_equal(was, -1);
	assert_int_not_equal(file, -1);
	assert_int_not_equal(dup2(file, STDERR_FILENO), -1);
	status = client_ask(c, "status", ret_answer);
	assert_int_not_equal(dup2(was, STDERR_FILENO), -1);
	n = pread(file, said, 511, 0);
	assert_true(n >= 0);
	said[n] = '\0';
	return status;
}

static void
an_answer_that_broke_off_is_asked_for_once_more(void **state)
{
	char path[SCRATCH_PATH_MAX], said[512];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(json_doc_free_at) struct json_doc *d = NULL;
		CLEANUP(fd_close)
		int listener = scratch_listen("client.sock", ANSWERS_MAX, path);
		const struct client client = { .command = "status",
			.socket = path,
			.asks_again = rows[i].asks_again };
		const pid_t pid = fork();
		int end = -1;

		test_row(rows[i].name);
		is_slow = rows[i].deaf;
		assert_true(pid != -1);
		if (pid == 0)
			serve(listener, &rows[i]);
		assert_int_equal(ask(&client, &d, said), rows[i].status);
		if (*rows[i].said != '\0')
			assert_non_null(strstr(said, rows[i].said));
		else
			assert_text(said, "");
		assert_int_equal(waitpid(pid, &end, 0), pid);
		assert_int_equal(end, 0); /* all was asked for, and no more */
		if (rows[i].status == COMMAND_DONE)
			assert_text(json_doc_string(d, "text"), "well");
	}
}

/*
 * A daemon that stands still: first with places in its queue, then without. A
 * command that it was given may be carried out later, which is said; a question
 * may be, too, and nobody minds.
 */
static void
nobody_waits_for_ever(void **state)
{
	char path[SCRATCH_PATH_MAX], said[512];
	CLEANUP(fd_close) int listener = -1;

	(void)state;
	listener = scratch_listen("client.sock", ANSWERS_MAX, path);
	is_slow = false;
	is_brief = true;
	(void)alarm(PATIENCE_S);
	for (unsigned i = 0; i < ANSWERS_MAX + 2; i++) {
		const struct client client = { .command = "status",
			.socket = path,
			.asks_again = i % 2 == 1 };
		struct json_doc *d = NULL;

		assert_int_equal(ask(&client, &d, said), COMMAND_UNREACHABLE);
		assert_non_null(strstr(said, "does not answer"));
		assert_int_equal(
		    strstr(said, "may have done it or not") != NULL,
		    !client.asks_again);
		assert_ptr_equal(strchr(said, '\n') + 1, said + strlen(said));
	}
	(void)alarm(0);
	is_brief = false;
}

/* What an older daemon does not have is no fault, and no word is said of it. */
static void
what_may_be_missing_is_asked_for_in_silence(void **state)
{
	static const struct row answers[] = {
		{ .name = "there",
		    .answers = { "{\"text\": \"we\\u001bll\"}" } },
		{ .name = "not known",
		    .answers = { "{\"error\": \"what?\"}" } },
		{ .name = "none", .answers = { "" } },
		{ .name = "nobody" },
	};
	char path[SCRATCH_PATH_MAX];

	(void)state;
	is_slow = false;
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		CLEANUP(json_doc_free_at) struct json_doc *d = NULL;
		CLEANUP(fd_close)
		int listener = scratch_listen("client.sock", ANSWERS_MAX, path);
		const struct client client = { .command = "status",
			.socket = path };
		const bool there = answers[i].answers[0] != NULL;
		const pid_t pid = there ? fork() : 0;
		int end = -1;

		test_row(answers[i].name);
		assert_true(pid != -1);
		if (there && pid == 0)
			serve(listener, &answers[i]);
		if (!there)
			fd_close(&listener);
		d = client_ask_quietly(&client, "events last");
		if (there) {
			assert_int_equal(waitpid(pid, &end, 0), pid);
			assert_int_equal(end, 0);
		}
		assert_text(
		    json_doc_string(d, "text"), i == 0 ? "we\\x1bll" : "");
		assert_int_equal(d != NULL, i == 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    an_answer_that_broke_off_is_asked_for_once_more),
		cmocka_unit_test(nobody_waits_for_ever),
		cmocka_unit_test(what_may_be_missing_is_asked_for_in_silence),
	};

	TEST_MAIN_WITH(tests, scratch_make, scratch_remove);
}
