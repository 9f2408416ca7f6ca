#include "core/format.h"

#include <string.h>

struct out {
	char *at, *end;
	va_list args;
};

static void
put(struct out *o, const char *text, size_t len)
{
	const size_t room = (size_t)(o->end - o->at);

	if (len > room)
		len = room;
	memcpy(o->at, text, len);
	o->at += len;
}

static void
put_number(struct out *o, uint64_t n, bool negative)
{
	char digits[24];
	char *p = digits + sizeof(digits);

	do
		*--p = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	if (negative)
		*--p = '-';
	put(o, p, (size_t)(digits + sizeof(digits) - p));
}

static void
put_string(struct out *o, const char *s)
{
	if (s == NULL)
		s = "(null)";
	put(o, s, strlen(s));
}

/* `longs`: how many of 'l' stood before it; 'z' is as good as one. */
static void
put_unsigned(struct out *o, unsigned longs)
{
	if (longs == 0)
		put_number(o, va_arg(o->args, unsigned), false);
	else if (longs == 1)
		put_number(o, va_arg(o->args, unsigned long), false);
	else
		put_number(o, va_arg(o->args, unsigned long long), false);
}

static void
put_signed(struct out *o, unsigned longs)
{
	int64_t n;

	if (longs == 0)
		n = va_arg(o->args, int);
	else if (longs == 1)
		n = va_arg(o->args, long);
	else
		n = va_arg(o->args, long long);
	put_number(o, n < 0 ? -(uint64_t)n : (uint64_t)n, n < 0);
}

/* What stands behind a '%'. Returns what is behind that, or NULL. */
static const char *
convert(struct out *o, const char *f)
{
	unsigned longs = 0;

	for (; *f == 'l' || *f == 'z'; f++)
		longs++;
	switch (*f) {
	case 'd':
		put_signed(o, longs);
		return f + 1;
	case 'u':
		put_unsigned(o, longs);
		return f + 1;
	case 's':
		put_string(o, va_arg(o->args, const char *));
		return f + 1;
	case '%':
		put(o, "%", 1);
		return f + 1;
	default:
		return NULL;
	}
}

int
format_text(char *buf, size_t size, const char *format, va_list args)
{
	struct out o = { .at = buf, .end = buf + size };
	const char *next;

	va_copy(o.args, args);
	while (format != NULL && *format != '\0') {
		next = strchr(format, '%');
		if (next == NULL)
			next = format + strlen(format);
		put(&o, format, (size_t)(next - format));
		format = *next == '%' ? convert(&o, next + 1) : next;
	}
	va_end(o.args);
	return format == NULL ? -1 : (int)(o.at - buf);
}
