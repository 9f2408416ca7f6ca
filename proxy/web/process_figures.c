#include "proxy/web/process_figures.h"

#include "core/fd.h"
#include "core/wall_clock.h"
#include "proxy/web/metrics.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

void
process_figures_open(struct process_figures *p)
{
	*p = (struct process_figures){
		.statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC),
		.fds =
		    open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
		.started_wall_ms = wall_clock_now_ms(),
	};
}

void
process_figures_close(struct process_figures *p)
{
	fd_close(&p->statm);
	fd_close(&p->fds);
}

static double
seconds_of(const struct timeval *t)
{
	return (double)t->tv_sec + (double)t->tv_usec / 1e6;
}

static void
read_memory(int statm, struct metrics_process *to)
{
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	char text[128] = "";
	uint64_t all, resident;

	if (statm == -1 || pread(statm, text, sizeof(text) - 1, 0) <= 0 ||
	    sscanf(text, "%" SCNu64 " %" SCNu64, &all, &resident) != 2)
		return;
	to->virtual_bytes = all * page;
	to->resident_bytes = resident * page;
}

void
process_figures_read(
    const struct process_figures *p, struct metrics_process *ret_figures)
{
	struct metrics_process f = { .started_wall_ms = p->started_wall_ms };
	struct rusage used;
	struct rlimit limit;
	struct stat st;

	if (getrusage(RUSAGE_SELF, &used) == 0)
		f.cpu_s =
		    seconds_of(&used.ru_utime) + seconds_of(&used.ru_stime);
	read_memory(p->statm, &f);
	/* Since Linux 6.2 the directory's size is how many are in it. */
	if (p->fds != -1 && fstat(p->fds, &st) == 0)
		f.open_fds = (uint64_t)st.st_size;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
		f.max_fds = limit.rlim_cur;
	*ret_figures = f;
}
