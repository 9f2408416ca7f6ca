#include "proxy/web/page_json.h"

#include "config/config.h"
#include "core/wall_clock.h"
#include "proxy/web/rate_history.h"

#include <inttypes.h>
#include <string.h>

/* What changes its meaning gets another number. */
#define CONTRACT 1

/* Names of services and servers have no such characters; yet: */
static void
put_string(FILE *out, const char *text)
{
	(void)putc_unlocked('"', out);
	for (; *text != '\0'; text++)
		if (*text == '"' || *text == '\\')
			(void)fprintf(out, "\\%c", *text);
		else if ((unsigned char)*text < ' ')
			(void)fprintf(out, "\\u%04x", (unsigned)*text);
		else
			(void)putc_unlocked(*text, out);
	(void)putc_unlocked('"', out);
}

size_t
page_json_last_lines(const char *lines, size_t len,
    const char *ret_at[static PAGE_JSON_EVENTS],
    size_t ret_len[static PAGE_JSON_EVENTS])
{
	size_t n = 0;

	while (len > 0 && n < PAGE_JSON_EVENTS) {
		const size_t end = len - 1; /* of its '\n' */
		size_t begin = end;

		while (begin > 0 && lines[begin - 1] != '\n')
			begin--;
		ret_at[n] = lines + begin;
		ret_len[n++] = end - begin;
		len = begin;
	}
	return n;
}

static void
put_head(const struct rate_history *rates, FILE *out)
{
	(void)fprintf(out,
	    "\"contract\":%d,\"sample\":%" PRIu64
	    ",\"sample_s\":%d,\"samples_max\":%d",
	    CONTRACT, rates->number, RATE_HISTORY_EACH_S, RATE_HISTORY_POINTS);
}

/* A row, as it was at the last point. */
static void
put_last(const struct rate_history *rates, size_t row, FILE *out)
{
	static const struct rate_history_point none = { .active = 0 };
	const size_t n = rate_history_count(rates);
	const struct rate_history_point *p =
	    n > 0 ? rate_history_get(rates, row, n - 1) : &none;

	(void)fprintf(out,
	    ",\"active\":%u,\"new\":%.1f,\"in\":%.0f,\"out\":%.0f", p->active,
	    (double)p->opened, (double)p->in, (double)p->out);
}

enum series {
	ACTIVE,
	NEW,
	IN,
	OUT,
	SERIES,
};

static void
put_point(const struct rate_history_point *p, enum series which, FILE *out)
{
	switch (which) {
	case ACTIVE:
		(void)fprintf(out, "%u", p->active);
		break;
	case NEW:
		(void)fprintf(out, "%.1f", (double)p->opened);
		break;
	case IN:
		(void)fprintf(out, "%.0f", (double)p->in);
		break;
	case OUT:
		(void)fprintf(out, "%.0f", (double)p->out);
		break;
	case SERIES:
		break;
	}
}

/* A row, at all points. */
static void
put_all(const struct rate_history *rates, size_t row, FILE *out)
{
	static const char *const names[SERIES] = { "active", "new", "in",
		"out" };
	const size_t n = rate_history_count(rates);

	for (unsigned k = 0; k < SERIES; k++) {
		(void)fprintf(out, ",\"%s\":[", names[k]);
		for (size_t i = 0; i < n; i++) {
			if (i > 0)
				(void)putc_unlocked(',', out);
			put_point(rate_history_get(rates, row, i),
			    (enum series)k, out);
		}
		(void)putc_unlocked(']', out);
	}
}

typedef void row_fn(const struct rate_history *rates, size_t row, FILE *out);

/* Each service with its servers: a name, and what the call says of it. */
static void
put_rows(const struct config *c, const struct rate_history *rates, row_fn *call,
    FILE *out)
{
	size_t row = 0;

	(void)putc_unlocked('[', out);
	for (size_t i = 0; i < c->n_services; i++) {
		const struct config_service *s = &c->services[i];

		(void)fprintf(out, "%s{\"name\":", i > 0 ? "," : "");
		put_string(out, s->name);
		call(rates, row++, out);
		(void)fputs(",\"servers\":[", out);
		for (size_t k = 0; k < s->n_servers; k++) {
			(void)fprintf(out, "%s{\"name\":", k > 0 ? "," : "");
			put_string(out, s->servers[k].name);
			call(rates, row++, out);
			(void)putc_unlocked('}', out);
		}
		(void)fputs("]}", out);
	}
	(void)putc_unlocked(']', out);
}

void
page_json_live(const struct config *c, const char *status,
    const struct rate_history *rates, const char *lines, size_t len, FILE *out)
{
	const char *at[PAGE_JSON_EVENTS];
	size_t lens[PAGE_JSON_EVENTS];
	const size_t n = page_json_last_lines(lines, len, at, lens);

	(void)putc_unlocked('{', out);
	put_head(rates, out);
	(void)fprintf(out, ",\"status\":%s,\"rates\":", status);
	put_rows(c, rates, put_last, out);
	(void)fputs(",\"events\":[", out);
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			(void)putc_unlocked(',', out);
		(void)fwrite(at[i], 1, lens[i], out);
	}
	(void)fputs("]}\n", out);
}

void
page_json_history(
    const struct config *c, const struct rate_history *rates, FILE *out)
{
	char time[WALL_CLOCK_TEXT_MAX];

	(void)putc_unlocked('{', out);
	put_head(rates, out);
	if (rates->number > 0)
		(void)fprintf(out, ",\"at\":\"%s\"",
		    wall_clock_format(rates->wall_ms, time));
	else
		(void)fputs(",\"at\":null", out);
	(void)fputs(",\"services\":", out);
	put_rows(c, rates, put_all, out);
	(void)fputs("}\n", out);
}

void
page_json_events(const char *lines, size_t len, FILE *out)
{
	(void)fputs("{\"events\":[", out);
	for (size_t i = 0; i < len; i++)
		if (lines[i] != '\n')
			(void)putc_unlocked(lines[i], out);
		else if (i + 1 < len)
			(void)putc_unlocked(',', out);
	(void)fputs("]}\n", out);
}
