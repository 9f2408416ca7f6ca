#include "hapair/supervisor/upgrade_trial.h"

#include "core/fd.h"
#include "tests/lib/test.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PATIENCE_S 0.05

/* No process has this number. */
#define NOBODY 0x7ffffff0

static struct upgrade_trial t;
static char told[UPGRADE_TRIAL_FAULT_MAX];
static unsigned n_told;

static void
on_end(struct upgrade_trial *trial, const char *fault)
{
	(void)trial;
	strcpy(told, fault != NULL ? fault : "");
	n_told++;
}

/* One that says more than anybody wants to hear, and then waits for ever. */
static void
begin(void)
{
	CLEANUP(fd_close)
	int program = open("/usr/bin/yes", O_RDONLY | O_CLOEXEC);
	CLEANUP(fd_close) int state = memfd_create("state", MFD_CLOEXEC);

	assert_true(program != -1 && state != -1);
	n_told = 0;
	upgrade_trial_init(&t, on_end);
	t.patience_s = PATIENCE_S;
	assert_int_equal(upgrade_trial_start(&t, program, state), 0);
	assert_true(upgrade_trial_is_running(&t));
}

static void
one_that_does_not_answer_is_killed(void **state)
{
	(void)state;
	begin();
	while (n_told == 0)
		ev_run(t.loop, EVRUN_ONCE);
	assert_non_null(strstr(told, "does not answer within"));
	assert_null(strstr(told, "does not end"));
	assert_false(upgrade_trial_is_running(&t));
	upgrade_trial_fini(&t);
}

/* As one that waits for a disk in the kernel: here the signal goes elsewhere.
 */
static void
one_that_does_not_end_is_not_waited_for(void **state)
{
	pid_t pid;

	(void)state;
	begin();
	pid = t.pid;
	t.pid = NOBODY;
	while (n_told == 0)
		ev_run(t.loop, EVRUN_ONCE);
	assert_non_null(strstr(told, "does not end when it is killed"));
	/* Until it does there is no other. */
	assert_true(upgrade_trial_is_running(&t));
	assert_int_equal(kill(pid, SIGKILL), 0);
	while (upgrade_trial_is_running(&t))
		ev_run(t.loop, EVRUN_ONCE);
	assert_int_equal(n_told, 1);
	upgrade_trial_fini(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_does_not_answer_is_killed),
		cmocka_unit_test(one_that_does_not_end_is_not_waited_for),
	};

	TEST_MAIN(tests);
}
