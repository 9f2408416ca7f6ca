#include "hapair/cli/host_report.h"

#include <stdarg.h>

void
host_report_tell(
    struct host_report *m, enum host_report_kind what, const char *format, ...)
{
	static const char *const words[] = { "ok", "warning", "error" };
	va_list args;

	va_start(args, format);
	(void)fprintf(m->out, "%-8s ", words[what]);
	(void)vfprintf(m->out, format, args);
	(void)fputc('\n', m->out);
	va_end(args);
	m->errors += what == HOST_REPORT_ERROR;
}
