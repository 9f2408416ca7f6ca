#include "hapair/supervisor/control.h"

#include "core/fd.h"
#include "tests/lib/scratch.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* More than there are places, twice. */
#define SILENT 130

static struct {
	struct ev_loop *loop;
	struct control control;
	char path[SCRATCH_PATH_MAX];
	unsigned asked;
} t;

static void
on_request(void *arg, const char *request, int *socket)
{
	(void)arg;
	assert_text(request, "status");
	t.asked++;
}

static int
call(const char *line)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	assert_int_not_equal(fd, -1);
	assert_true(strlen(t.path) < sizeof(un.sun_path));
	strcpy(un.sun_path, t.path);
	assert_int_equal(connect(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	assert_int_equal(write(fd, line, strlen(line)), strlen(line));
	/* Of what is ready now; one is accepted a turn. */
	for (unsigned turn = 0; turn < 3; turn++)
		(void)ev_run(t.loop, EVRUN_NOWAIT);
	return fd;
}

static bool
has_ended(int fd)
{
	char text[200];
	ssize_t n;

	do
		n = read(fd, text, sizeof(text));
	while (n > 0);
	return n == 0 || errno != EAGAIN;
}

static void
who_says_nothing_keeps_nobody_out(void **state)
{
	int silent[SILENT], pid = 0, fd;

	(void)state;
	t.loop = ev_default_loop(0);
	scratch_path("control.sock", t.path);
	assert_int_equal(control_open(&t.control, t.path, NULL, &pid), 0);
	control_start(&t.control, t.loop, on_request, NULL);
	for (unsigned i = 0; i < SILENT; i++)
		silent[i] = call(i % 2 == 0 ? "" : "stat");
	for (unsigned i = 1; i <= 3; i++) {
		fd = call("status\n");
		assert_int_equal(t.asked, i);
		fd_close(&fd);
	}
	assert_true(has_ended(silent[0]));
	for (unsigned i = 0; i < SILENT; i++)
		fd_close(&silent[i]);
	control_close(&t.control);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_says_nothing_keeps_nobody_out),
	};

	TEST_MAIN_WITH(tests, scratch_make, scratch_remove);
}
