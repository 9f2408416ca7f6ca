/*
 * Lets a test find hapair's processes where it wants them, preloaded into all
 * of them: at a message that one of them is about to send, or has received.
 * There the process stands until the test opens the gate, or kills it. The file
 * HAPAIR_GATE is a struct gate, which the test fills in and watches.
 */

#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum role {
	SUPERVISOR,
	RELAY,
	FAILOVER,
};

enum kind {
	CHANNEL,  /* core/channel.h */
	TRANSFER, /* proxy/transfer/transfer_message.h */
};

struct gate {
	_Atomic uint32_t armed; /* all that follows is there */
	uint32_t role, receives, kind, type;
	uint32_t only, never;     /* process ids; 0: whichever */
	_Atomic uint32_t reached; /* by this process; 0: by none yet */
	_Atomic uint32_t open;
};

static struct gate *gate;
static uint32_t role;

static uint32_t
role_of(const char *words, size_t n)
{
	for (size_t i = 0; i < n; i += strlen(words + i) + 1) {
		if (strcmp(words + i, "relay") == 0)
			return RELAY;
		if (strcmp(words + i, "failover") == 0)
			return FAILOVER;
	}
	return SUPERVISOR;
}

__attribute__((constructor)) static void
find_gate(void)
{
	const char *path = getenv("HAPAIR_GATE");
	int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
	char words[256] = "";
	void *map = MAP_FAILED;
	ssize_t n;

	if (fd != -1) {
		map = mmap(NULL, sizeof(*gate), PROT_READ | PROT_WRITE,
		    MAP_SHARED, fd, 0);
		close(fd);
	}
	fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	n = fd != -1 ? read(fd, words, sizeof(words) - 1) : 0;
	if (fd != -1)
		close(fd);
	role = role_of(words, n > 0 ? (size_t)n : 0);
	if (map != MAP_FAILED)
		gate = map;
}

/* A channel's packet begins with its type, in a place of its own. */
static bool
is_it(const struct msghdr *m)
{
	/* A length, the version, and the first field: tag, length, value. */
	static const uint8_t head[] = { 1, 1, 0, 0, 0, 1 };
	const struct iovec *v = m->msg_iov;
	const uint8_t *bytes = v->iov_base;
	uint16_t type;

	if (gate->kind == CHANNEL) {
		if (m->msg_iovlen != 2 || v->iov_len != sizeof(type))
			return false;
		memcpy(&type, bytes, sizeof(type));
		return type == gate->type;
	}
	return m->msg_iovlen == 1 && v->iov_len > 4 + sizeof(head) &&
	    memcmp(bytes + 4, head, sizeof(head)) == 0 &&
	    bytes[4 + sizeof(head)] == gate->type;
}

static void
pass(const struct msghdr *m, uint32_t receives)
{
	const struct timespec moment = { .tv_nsec = 200000 };
	const uint32_t pid = (uint32_t)getpid();
	uint32_t none = 0;

	if (gate == NULL || atomic_load(&gate->armed) == 0 ||
	    role != gate->role || receives != gate->receives ||
	    (gate->only != 0 && pid != gate->only) || pid == gate->never ||
	    !is_it(m))
		return;
	if (!atomic_compare_exchange_strong(&gate->reached, &none, pid))
		return;
	while (atomic_load(&gate->open) == 0)
		(void)nanosleep(&moment, NULL);
}

ssize_t
sendmsg(int fd, const struct msghdr *m, int flags)
{
	pass(m, 0);
	return syscall(SYS_sendmsg, fd, m, flags);
}

ssize_t
recvmsg(int fd, struct msghdr *m, int flags)
{
	const ssize_t n = syscall(SYS_recvmsg, fd, m, flags);

	if (n > 0)
		pass(m, 1);
	return n;
}
