#include "failover/realtime.h"

#include <errno.h>
#include <link.h>
#include <malloc.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

/* Above every ordinary process, below those with a reason to be higher. */
#define PRIORITY 2
#define FOLLOWER_PRIORITY 1

/*
 * Processor time without a single wait. Ours is a fraction of a millisecond;
 * at the soft limit SIGXCPU ends the process, and the supervisor starts anew.
 */
#define GUARD_SOFT_US 500000
#define GUARD_HARD_US 1000000

/* Deeper than any of our call chains. */
#define STACK_BYTES (256 * 1024)

/* Besides the program itself: all that is called while it keeps time. */
static bool
is_ours(const char *object)
{
	static const char *const names[] = { "libc.so", "ld-linux", "libev.so",
		"libnl-", "libsodium.so", "linux-vdso", "libpthread.so",
		"libgcc_s.so" };
	const char *slash = strrchr(object, '/');

	object = slash != NULL ? slash + 1 : object;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strncmp(object, names[i], strlen(names[i])) == 0)
			return true;
	return *object == '\0';
}

/*
 * The other roles' libraries are three quarters of what is locked, and never
 * run here. When the process is killed its sockets are closed after its memory
 * is freed, and the peer waits for that: each locked page takes part of it.
 * What is written to stays, which is little.
 */
static int
let_go(struct dl_phdr_info *info, size_t size, void *arg)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	(void)size;
	(void)arg;
	if (is_ours(info->dlpi_name))
		return 0;
	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *h = &info->dlpi_phdr[i];
		const uintptr_t at = info->dlpi_addr + h->p_vaddr;
		const uintptr_t start = at & ~(page - 1);
		const size_t len = at + h->p_memsz - start;

		if (h->p_type != PT_LOAD || (h->p_flags & PF_W) != 0)
			continue;
		if (munlock((void *)start, len) == 0)
			(void)madvise((void *)start, len, MADV_DONTNEED);
	}
	return 0;
}

static int
lock_memory(void)
{
	/*
	 * Without CAP_IPC_LOCK, which is dropped later, future memory counts
	 * against this limit, and an allocation beyond it fails.
	 */
	const struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	int what = MCL_CURRENT | MCL_FUTURE;

	/* In a container, say: then what is there now must do. */
	if (setrlimit(RLIMIT_MEMLOCK, &all) == -1)
		what = MCL_CURRENT;
	if (mlockall(what) == -1)
		return -errno;
	(void)dl_iterate_phdr(let_go, NULL);
	/* Freed memory stays ours: getting it back is a page fault. */
	(void)mallopt(M_TRIM_THRESHOLD, -1);
	(void)mallopt(M_MMAP_MAX, 0);
	return 0;
}

static void
touch_stack(void)
{
	volatile char stack[STACK_BYTES];

	for (size_t i = 0; i < sizeof(stack); i += 1024)
		stack[i] = 0;
}

static int
become_realtime(void)
{
	const struct sched_param param = { .sched_priority = PRIORITY };
	const struct rlimit guard = { GUARD_SOFT_US, GUARD_HARD_US };
	const struct rlimit follower = { FOLLOWER_PRIORITY, FOLLOWER_PRIORITY };

	/* The guard first: never real-time without it. */
	if (setrlimit(RLIMIT_RTTIME, &guard) == -1)
		return -errno;
	if (sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &param) ==
	    -1)
		return -errno;
	/* Once the capabilities are dropped this is what allows it. */
	(void)setrlimit(RLIMIT_RTPRIO, &follower);
	return 0;
}

void
realtime_follow(void)
{
	const struct sched_param param = { .sched_priority =
		                               FOLLOWER_PRIORITY };

	(void)sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &param);
}

int
realtime_enter(const char **ret_what)
{
	const int locked = lock_memory();
	const int scheduled = become_realtime();

	touch_stack();
	if (locked < 0) {
		*ret_what = "locking memory";
		return locked;
	}
	if (scheduled < 0)
		*ret_what = "real-time scheduling";
	return scheduled;
}
