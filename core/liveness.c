#include "core/liveness.h"

#include "core/fd.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

/* Two threads never write to one cache line. */
#define LINE_BYTES 64

struct line {
	_Alignas(LINE_BYTES) _Atomic uint64_t count;
	_Atomic int32_t thread; /* 0: of a program that does not say */
};

struct liveness {
	struct line lines[LIVENESS_LINES];
};

int
liveness_create(void)
{
	CLEANUP(fd_close) int fd = -1;

	fd = memfd_create("pulse", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd == -1)
		return -errno;
	if (ftruncate(fd, sizeof(struct liveness)) == -1)
		return -errno;
	/* Made smaller, it would be a SIGBUS for whoever looks. */
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) ==
	    -1)
		return -errno;
	return fd_take(&fd);
}

int
liveness_reader(int fd)
{
	char path[32];
	int reader;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	reader = open(path, O_RDONLY | O_CLOEXEC);
	return reader == -1 ? -errno : reader;
}

int
liveness_map(int fd, bool writable, struct liveness **ret_pulse)
{
	const int access = writable ? PROT_READ | PROT_WRITE : PROT_READ;
	void *at =
	    mmap(NULL, sizeof(struct liveness), access, MAP_SHARED, fd, 0);

	if (at == MAP_FAILED)
		return -errno;
	*ret_pulse = at;
	return 0;
}

void
liveness_unmap(struct liveness **p)
{
	if (*p != NULL)
		(void)munmap(*p, sizeof(**p));
	*p = NULL;
}

void
liveness_beat(struct liveness *p, unsigned line)
{
	_Atomic uint64_t *count;

	assert(line < LIVENESS_LINES);
	if (p == NULL)
		return;
	/* One writer: no locked instruction. */
	count = &p->lines[line].count;
	atomic_store_explicit(count,
	    atomic_load_explicit(count, memory_order_relaxed) + 1,
	    memory_order_relaxed);
}

void
liveness_enter(struct liveness *p, unsigned line)
{
	assert(line < LIVENESS_LINES);
	if (p != NULL)
		atomic_store(&p->lines[line].thread, gettid());
}

pid_t
liveness_thread(const struct liveness *p, unsigned line)
{
	assert(line < LIVENESS_LINES);
	return atomic_load(&p->lines[line].thread);
}

void
liveness_read(const struct liveness *p, uint64_t *ret_counts, unsigned n)
{
	assert(n <= LIVENESS_LINES);
	for (unsigned i = 0; i < n; i++)
		ret_counts[i] = atomic_load_explicit(
		    &p->lines[i].count, memory_order_relaxed);
}
