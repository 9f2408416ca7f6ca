#include "tests/lib/proc_cpu.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>

uint64_t
proc_cpu_ns(const char *pid)
{
	char path[512];
	uint64_t total = 0, ns;
	const struct dirent *task;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%s/task", pid);
	dir = opendir(path);
	while (dir != NULL && (task = readdir(dir)) != NULL) {
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%s/task/%s/schedstat", pid,
		    task->d_name);
		f = task->d_name[0] == '.' ? NULL : fopen(path, "re");
		if (f == NULL)
			continue;
		if (fscanf(f, "%" SCNu64, &ns) == 1)
			total += ns;
		fclose(f);
	}
	if (dir != NULL)
		closedir(dir);
	return total;
}
