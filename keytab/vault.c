#include "keytab/vault.h"

#include "core/secret.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

/* Deeper than anything here or in libkrb5 was seen to go. */
#define SCRUB_BYTES (256 * 1024)

int
vault_open(struct vault *v, size_t room)
{
	void *map = mmap(NULL, room, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED)
		return -errno;
	/* RLIMIT_MEMLOCK may be small, and a keytab in swap is still better
	 * than none. */
	(void)mlock(map, room);
	(void)madvise(map, room, MADV_DONTDUMP);
	*v = (struct vault){ .bytes = map, .room = room };
	return 0;
}

void
vault_close(struct vault *v)
{
	if (v->bytes == NULL)
		return;
	secret_wipe(v->bytes, v->room);
	(void)munmap(v->bytes, v->room);
	*v = (struct vault){ .bytes = NULL };
}

void
vault_seal_process(void)
{
	const struct rlimit none = { .rlim_cur = 0, .rlim_max = 0 };

	(void)prctl(PR_SET_DUMPABLE, 0);
	/* The limit does not hold for cores that are piped into a program, the
	 * flag does; the limit is inherited, the flag is not. */
	(void)setrlimit(RLIMIT_CORE, &none);
}

__attribute__((noinline)) void
vault_scrub_stack(void)
{
	uint8_t below[SCRUB_BYTES];

	secret_wipe(below, sizeof(below));
}
