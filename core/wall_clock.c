#include "core/wall_clock.h"

#include <stdio.h>
#include <time.h>

int64_t
wall_clock_now_ms(void)
{
	struct timespec ts = { 0, 0 };

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

const char *
wall_clock_format(int64_t wall_ms, char buf[static WALL_CLOCK_TEXT_MAX])
{
	time_t seconds = (time_t)(wall_ms / 1000);
	char head[24] = "";
	struct tm tm;

	if (gmtime_r(&seconds, &tm) != NULL)
		(void)strftime(head, sizeof(head), "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(buf, WALL_CLOCK_TEXT_MAX, "%s.%03uZ", head,
	    (unsigned)(wall_ms % 1000));
	return buf;
}

int64_t
wall_clock_parse(const char *text)
{
	struct tm tm = { .tm_isdst = 0 };
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	unsigned ms = 0;

	if (rest == NULL)
		return 0;
	if (*rest == '.')
		(void)sscanf(rest, ".%3u", &ms);
	return (int64_t)timegm(&tm) * 1000 + ms;
}
