#include "hapair/cli/screen.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

struct screen
screen_look(void)
{
	const char *columns = getenv("COLUMNS"), *no = getenv("NO_COLOR");
	struct screen s = { .is_terminal = isatty(STDOUT_FILENO) };
	struct winsize w = { .ws_col = 0 };

	s.colour = s.is_terminal && (no == NULL || *no == '\0');
	if (s.is_terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0) {
		s.width = w.ws_col;
		s.height = w.ws_row;
	}
	if (s.width == 0 && columns != NULL)
		s.width = (unsigned)strtoul(columns, NULL, 10);
	if (s.width == 0 && s.is_terminal)
		s.width = 80;
	return s;
}
