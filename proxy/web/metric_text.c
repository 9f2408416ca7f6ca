#include "proxy/web/metric_text.h"

#include <inttypes.h>
#include <string.h>

/* Of a moment that is reckoned anew: more is another. */
#define STEADY_MS 1000

static const char *const types[] = { "gauge", "counter", "info" };
static const char *const suffixes[] = { "", "_total", "_info" };

/* How the family is called in this form. */
static size_t
family_len(const struct metric_text *m)
{
	const size_t len = strlen(m->family->name);

	return m->openmetrics ? len - strlen(suffixes[m->family->type]) : len;
}

static const char *
type_name(const struct metric_text *m)
{
	/* The older form has no info. */
	return m->family->type == METRIC_TEXT_INFO && !m->openmetrics
	    ? types[METRIC_TEXT_GAUGE]
	    : types[m->family->type];
}

/*
 * With a thousand servers there are twenty thousand lines: nothing is locked,
 * and no format is read, for any of them.
 */
static void
put_bytes(FILE *out, const char *bytes, size_t len)
{
	(void)fwrite_unlocked(bytes, 1, len, out);
}

static void
put_text(FILE *out, const char *text)
{
	put_bytes(out, text, strlen(text));
}

/* Both forms escape these three in a label's value. */
static void
put_escaped(FILE *out, const char *text)
{
	while (*text != '\0') {
		const size_t plain = strcspn(text, "\\\"\n");

		put_bytes(out, text, plain);
		text += plain;
		if (*text == '\0')
			return;
		put_text(out,
		    *text == '\n'       ? "\\n"
		        : *text == '\\' ? "\\\\"
		                        : "\\\"");
		text++;
	}
}

static void
put_number(FILE *out, int64_t value)
{
	uint64_t n = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
	char digits[24];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0);
	if (value < 0)
		digits[--at] = '-';
	put_bytes(out, digits + at, sizeof(digits) - at);
}

void
metric_text_begin(
    struct metric_text *m, const struct metric_text_family *family)
{
	int len;

	m->family = family;
	len = (int)family_len(m);
	(void)fprintf(m->out, "# HELP %.*s %s\n# TYPE %.*s %s\n", len,
	    family->name, family->help, len, family->name, type_name(m));
	if (m->openmetrics && *family->unit != '\0')
		(void)fprintf(m->out, "# UNIT %.*s %s\n", len, family->name,
		    family->unit);
}

void
metric_text_label(
    struct metric_text *m, const struct metric_text_label *labels, size_t n)
{
	m->common = labels;
	m->n_common = n;
}

static void
put_label(struct metric_text *m, bool first, const char *name, const char *is)
{
	put_bytes(m->out, first ? "{" : ",", 1);
	put_text(m->out, name);
	put_bytes(m->out, "=\"", 2);
	put_escaped(m->out, is);
	put_bytes(m->out, "\"", 1);
}

/* Name and labels, up to the blank before the value. */
static void
put_head(struct metric_text *m, const char *label, const char *is)
{
	put_text(m->out, m->family->name);
	for (size_t i = 0; i < m->n_common; i++)
		put_label(m, i == 0, m->common[i].name, m->common[i].value);
	if (label != NULL)
		put_label(m, m->n_common == 0, label, is);
	put_text(m->out, m->n_common > 0 || label != NULL ? "} " : " ");
}

void
metric_text_labelled(
    struct metric_text *m, const char *label, const char *is, int64_t value)
{
	put_head(m, label, is);
	put_number(m->out, value);
	put_bytes(m->out, "\n", 1);
}

void
metric_text_number(struct metric_text *m, int64_t value)
{
	metric_text_labelled(m, NULL, NULL, value);
}

void
metric_text_real(struct metric_text *m, double value)
{
	put_head(m, NULL, NULL);
	(void)fprintf(m->out, "%.9g\n", value);
}

void
metric_text_moment(struct metric_text *m, int64_t wall_ms)
{
	if (wall_ms <= 0)
		return;
	put_head(m, NULL, NULL);
	(void)fprintf(m->out, "%" PRId64 ".%03d\n", wall_ms / 1000,
	    (int)(wall_ms % 1000));
}

void
metric_text_steady(struct metric_text *m, int64_t *kept, int64_t wall_ms)
{
	if (wall_ms <= 0 || *kept == 0 || wall_ms - *kept >= STEADY_MS ||
	    *kept - wall_ms >= STEADY_MS)
		*kept = wall_ms > 0 ? wall_ms : 0;
	metric_text_moment(m, *kept);
}

void
metric_text_one(struct metric_text *m, const struct metric_text_family *family,
    int64_t value)
{
	metric_text_begin(m, family);
	metric_text_number(m, value);
}

void
metric_text_end(struct metric_text *m)
{
	if (m->openmetrics)
		(void)fputs("# EOF\n", m->out);
}
