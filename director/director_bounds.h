#pragma once

/*
 * What this process can do once it has what it needs: which files, which
 * system calls.
 */

/* None but what is in this directory; NULL: none at all. */
void director_bounds_no_files(const char *pins);

/* Only those that it makes. `report`: core/syscall_filter.h */
void director_bounds_calls(int report);
