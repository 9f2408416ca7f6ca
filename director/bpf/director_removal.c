#include "director/bpf/director_removal.h"

#include "director/bpf/director_program.h"

#include <errno.h>
#include <net/if.h>
#include <unistd.h>

static int
detach_all(unsigned *ret_n)
{
	struct if_nameindex *all = if_nameindex();
	int first = 0;

	if (all == NULL)
		return -errno;
	for (const struct if_nameindex *i = all; i->if_index != 0; i++) {
		int e;

		if (!director_program_is_attached(i->if_index))
			continue;
		e = director_program_detach(NULL, i->if_index);
		if (e == 0)
			(*ret_n)++;
		else if (first == 0)
			first = e;
	}
	if_freenameindex(all);
	return first;
}

int
director_removal_run(const char *pins, struct director_removal_done *ret_done)
{
	int e;

	*ret_done = (struct director_removal_done){ 0 };
	e = detach_all(&ret_done->interfaces);
	director_program_unpin(pins);
	ret_done->tables = rmdir(pins) == 0;
	/* On a host that never had the path there is no such directory. */
	if (!ret_done->tables && errno != ENOENT && e == 0)
		e = -errno;
	return e;
}
