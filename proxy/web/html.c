#include "proxy/web/html.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

void
html_text(FILE *out, const char *text)
{
	for (; *text != '\0'; text++)
		switch (*text) {
		case '&':
			(void)fputs("&amp;", out);
			break;
		case '<':
			(void)fputs("&lt;", out);
			break;
		case '>':
			(void)fputs("&gt;", out);
			break;
		case '"':
			(void)fputs("&quot;", out);
			break;
		case '\'':
			(void)fputs("&#39;", out);
			break;
		default:
			/* No browser takes a control character. */
			(void)putc_unlocked(
			    (unsigned char)*text < ' ' ? ' ' : *text, out);
		}
}

void
html_attribute(FILE *out, const char *name, const char *value)
{
	(void)fprintf(out, " %s=\"", name);
	html_text(out, value);
	(void)putc_unlocked('"', out);
}

/* "2026-11-22T10:00:01.120Z": nobody reads the milliseconds. */
void
html_time(FILE *out, const char *iso)
{
	char text[32];

	if (strlen(iso) < 19)
		return;
	(void)snprintf(text, sizeof(text), "%.10s %.8sZ", iso, iso + 11);
	(void)fputs("<time", out);
	html_attribute(out, "datetime", iso);
	(void)putc_unlocked('>', out);
	html_text(out, text);
	(void)fputs("</time>", out);
}

void
html_state(FILE *out, const char *word)
{
	if (*word == '\0')
		return;
	(void)fputs("<span class=\"state state-", out);
	for (const char *c = word; *c != '\0'; c++)
		(void)putc_unlocked(isalnum((unsigned char)*c) ? *c : '-', out);
	(void)fputs("\">", out);
	html_text(out, word);
	(void)fputs("</span>", out);
}

void
html_cell(FILE *out, const char *text)
{
	(void)fputs("<td>", out);
	html_text(out, text);
	(void)fputs("</td>", out);
}

void
html_cell_head(FILE *out, const char *text)
{
	(void)fputs("<th scope=\"row\">", out);
	html_text(out, text);
	(void)fputs("</th>", out);
}

void
html_cell_number(FILE *out, int64_t n)
{
	(void)fprintf(out, "<td class=\"num\">%" PRId64 "</td>", n);
}

void
html_cell_rate(FILE *out, double n)
{
	(void)fprintf(
	    out, "<td class=\"num\">%.*f</td>", n > 0 && n < 10 ? 1 : 0, n);
}

void
html_cell_limit(FILE *out, int64_t n)
{
	if (n > 0)
		html_cell_number(out, n);
	else
		(void)fputs("<td class=\"num\"></td>", out);
}

void
html_cell_state(FILE *out, const char *word)
{
	(void)fputs("<td>", out);
	html_state(out, word);
	(void)fputs("</td>", out);
}

void
html_cell_time(FILE *out, const char *iso)
{
	(void)fputs("<td>", out);
	html_time(out, iso);
	(void)fputs("</td>", out);
}

void
html_table(
    FILE *out, const char *id, const char *caption, const char *const *columns)
{
	(void)fputs("<table", out);
	if (id != NULL)
		html_attribute(out, "id", id);
	(void)fputs("><caption>", out);
	html_text(out, caption);
	(void)fputs("</caption>\n", out);
	if (columns == NULL) {
		(void)fputs("<tbody>\n", out);
		return;
	}
	(void)fputs("<thead><tr>", out);
	for (; *columns != NULL; columns++) {
		(void)fputs("<th scope=\"col\">", out);
		html_text(out, *columns);
		(void)fputs("</th>", out);
	}
	(void)fputs("</tr></thead>\n<tbody>\n", out);
}

void
html_table_end(FILE *out)
{
	(void)fputs("</tbody></table>\n", out);
}
