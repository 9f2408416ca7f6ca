#include "core/path_rules.h"

#include "core/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/landlock.h>

/* What headers of Debian 12 lack; which version of Landlock has it. */
#define TRUNCATE (1ULL << 14)      /* 3 */
#define IOCTL_DEV (1ULL << 15)     /* 5 */
#define SCOPE_ABSTRACT (1ULL << 0) /* 6 */
#define SCOPE_SIGNAL (1ULL << 1)   /* 6 */

/* As the kernel reads it, in this order; older ones take less of it. */
struct ruleset {
	uint64_t files, network, scoped;
};

#define OF_FILES                                                               \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE |          \
	    LANDLOCK_ACCESS_FS_READ_FILE | TRUNCATE | IOCTL_DEV)
#define READS (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
/* A file is made beside the one that it then replaces. */
#define WRITES                                                                 \
	(READS | LANDLOCK_ACCESS_FS_WRITE_FILE | TRUNCATE |                    \
	    LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_DIR |        \
	    LANDLOCK_ACCESS_FS_REMOVE_FILE)
#define ALL_OF_FIRST ((LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1)

/* All that this version of Landlock can refuse. */
static struct ruleset
all_of(long version)
{
	struct ruleset r = { .files = ALL_OF_FIRST };

	if (version >= 2)
		r.files |= LANDLOCK_ACCESS_FS_REFER;
	if (version >= 3)
		r.files |= TRUNCATE;
	if (version >= 5)
		r.files |= IOCTL_DEV;
	if (version >= 6)
		r.scoped = SCOPE_ABSTRACT | SCOPE_SIGNAL;
	return r;
}

static int
make_ruleset(struct ruleset *ret_all)
{
	const long version = syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION);
	size_t size = sizeof(*ret_all);
	long fd;

	if (version < 1)
		return -ENOSYS; /* an old kernel, or it is switched off */
	*ret_all = all_of(version);
	if (version < 6)
		size = version < 4 ? sizeof(uint64_t) : 2 * sizeof(uint64_t);
	fd = syscall(SYS_landlock_create_ruleset, ret_all, size, 0);
	return fd == -1 ? -errno : (int)fd;
}

static int
add_path(
    int ruleset, const struct ruleset *all, const struct path_rules_path *p)
{
	struct landlock_path_beneath_attr rule = {
		.allowed_access =
		    (p->right == PATH_RULES_WRITE ? WRITES : READS) & all->files
	};
	CLEANUP(fd_close) int fd = open(p->path, O_PATH | O_CLOEXEC);
	struct stat st;

	if (fd == -1 || fstat(fd, &st) == -1)
		return 0; /* nothing to be reached */
	if (!S_ISDIR(st.st_mode))
		rule.allowed_access &= OF_FILES;
	rule.parent_fd = fd;
	if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH,
	        &rule, 0) == -1)
		return -errno;
	return 0;
}

int
path_rules_enter(const struct path_rules_path *paths, size_t n)
{
	CLEANUP(fd_close) int ruleset = -1;
	struct ruleset all;
	int e = 0;

	if (SANITIZED)
		return -ENOSYS;
	ruleset = make_ruleset(&all);
	if (ruleset < 0)
		return fd_take(&ruleset);
	for (size_t i = 0; e == 0 && i < n; i++)
		e = add_path(ruleset, &all, &paths[i]);
	if (e == 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) == -1)
		e = -errno;
	return e;
}
