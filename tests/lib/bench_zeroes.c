#include "tests/lib/bench_zeroes.h"

#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

#define ZEROES (1 << 20) /* as much as a socket's buffer takes at a time */

/* Pages that exist: a hole would be filled while somebody measures. */
int
bench_zeroes_open(void)
{
	static const char page[4096];
	int fd = memfd_create("zeroes", MFD_CLOEXEC);

	for (size_t i = 0; fd != -1 && i < ZEROES; i += sizeof(page))
		if (write(fd, page, sizeof(page)) != sizeof(page))
			return -1;
	return fd;
}

ssize_t
bench_zeroes_send(int zeroes, int socket)
{
	off_t from = 0;

	return sendfile(socket, zeroes, &from, ZEROES);
}
