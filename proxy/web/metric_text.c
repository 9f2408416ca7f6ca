#include "proxy/web/metric_text.h"

#include <stdio.h>
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

/* Both forms escape these three in a label's value. */
static void
put_escaped(struct grown_text *out, const char *text)
{
	while (*text != '\0') {
		const size_t plain = strcspn(text, "\\\"\n");

		grown_text_put(out, text, plain);
		text += plain;
		if (*text == '\0')
			return;
		grown_text_put_string(out,
		    *text == '\n'       ? "\\n"
		        : *text == '\\' ? "\\\\"
		                        : "\\\"");
		text++;
	}
}

static void
put_label(struct grown_text *out, bool first, const char *name, const char *is)
{
	grown_text_put(out, first ? "{" : ",", 1);
	grown_text_put_string(out, name);
	grown_text_put(out, "=\"", 2);
	put_escaped(out, is);
	grown_text_put(out, "\"", 1);
}

void
metric_text_put_labels(
    struct grown_text *to, const struct metric_text_label *labels, size_t n)
{
	for (size_t i = 0; i < n; i++)
		put_label(to, i == 0, labels[i].name, labels[i].value);
}

/* "# HELP family text" */
static void
put_note(struct metric_text *m, const char *word, const char *text)
{
	grown_text_put(&m->out, "# ", 2);
	grown_text_put_string(&m->out, word);
	grown_text_put(&m->out, " ", 1);
	grown_text_put(&m->out, m->family->name, family_len(m));
	grown_text_put(&m->out, " ", 1);
	grown_text_put_string(&m->out, text);
	grown_text_put(&m->out, "\n", 1);
}

void
metric_text_begin(
    struct metric_text *m, const struct metric_text_family *family)
{
	m->family = family;
	put_note(m, "HELP", family->help);
	put_note(m, "TYPE", type_name(m));
	if (m->openmetrics && *family->unit != '\0')
		put_note(m, "UNIT", family->unit);
}

void
metric_text_label(
    struct metric_text *m, const struct metric_text_label *labels, size_t n)
{
	m->common = labels;
	m->n_common = n;
	m->n_written = 0;
}

void
metric_text_written(struct metric_text *m, const char *labels, size_t len)
{
	m->written = labels;
	m->n_written = len;
}

/* Name and labels, up to the blank before the value. */
static void
put_head(struct metric_text *m, const char *label, const char *is)
{
	const bool some = m->n_written > 0 || m->n_common > 0;

	grown_text_put_string(&m->out, m->family->name);
	if (m->n_written > 0)
		grown_text_put(&m->out, m->written, m->n_written);
	else
		metric_text_put_labels(&m->out, m->common, m->n_common);
	if (label != NULL)
		put_label(&m->out, !some, label, is);
	grown_text_put_string(&m->out, some || label != NULL ? "} " : " ");
}

void
metric_text_labelled(
    struct metric_text *m, const char *label, const char *is, int64_t value)
{
	put_head(m, label, is);
	grown_text_put_number(&m->out, value);
	grown_text_put(&m->out, "\n", 1);
}

void
metric_text_number(struct metric_text *m, int64_t value)
{
	metric_text_labelled(m, NULL, NULL, value);
}

void
metric_text_real(struct metric_text *m, double value)
{
	char text[32];

	put_head(m, NULL, NULL);
	(void)snprintf(text, sizeof(text), "%.9g\n", value);
	grown_text_put_string(&m->out, text);
}

void
metric_text_moment(struct metric_text *m, int64_t wall_ms)
{
	char fraction[8];

	if (wall_ms <= 0)
		return;
	put_head(m, NULL, NULL);
	grown_text_put_number(&m->out, wall_ms / 1000);
	(void)snprintf(
	    fraction, sizeof(fraction), ".%03d\n", (int)(wall_ms % 1000));
	grown_text_put_string(&m->out, fraction);
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
		grown_text_put_string(&m->out, "# EOF\n");
}
