#include "proxy/health/probe_judge.h"

#include "config/config.h"
#include "core/json_doc.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of foreign texts within a sentence: what is left is for the sentence. */
#define QUOTED_MAX 24

static bool
is_met(const struct config_match *m, const struct json_doc *value)
{
	switch (m->kind) {
	case CONFIG_MATCH_BOOL:
		return json_doc_is_bool(value, strcmp(m->value, "true") == 0);
	case CONFIG_MATCH_NUMBER:
		return json_doc_is_number(value, strtod(m->value, NULL));
	case CONFIG_MATCH_STRING:
		return json_doc_is_string(value) &&
		    strcmp(json_doc_text_value(value), m->value) == 0;
	}
	return false;
}

static bool
has_any(const struct json_doc *doc, const struct config_matches *m)
{
	for (size_t i = 0; i < m->n; i++)
		if (json_doc_get(doc, m->all[i].key) != NULL)
			return true;
	return false;
}

static bool
are_met(const struct json_doc *doc, const struct config_matches *m)
{
	for (size_t i = 0; i < m->n; i++)
		if (!is_met(&m->all[i], json_doc_get(doc, m->all[i].key)))
			return false;
	return true;
}

void
probe_judge_say(struct probe_judge_answer *a, enum health_result result,
    const char *format, ...)
{
	va_list args;

	a->result = result;
	va_start(args, format);
	(void)vsnprintf(a->detail, sizeof(a->detail), format, args);
	va_end(args);
}

/* The first one that is not met. */
static void
tell_unmet(const struct json_doc *doc, const struct config_matches *m,
    struct probe_judge_answer *a)
{
	for (size_t i = 0; i < m->n; i++) {
		const struct config_match *one = &m->all[i];
		const struct json_doc *value = json_doc_get(doc, one->key);
		char shown[QUOTED_MAX];

		if (is_met(one, value))
			continue;
		json_doc_show(value, shown, sizeof(shown));
		if (value == NULL)
			probe_judge_say(a, HEALTH_FAILED,
			    "%.*s is missing, expected %.*s", QUOTED_MAX,
			    one->key, QUOTED_MAX, one->value);
		else
			probe_judge_say(a, HEALTH_FAILED,
			    "%.*s is %s, expected %.16s", QUOTED_MAX, one->key,
			    shown, one->value);
		return;
	}
}

/* Whether what is not there may be in a part that we do not have. */
static bool
is_partial(const struct probe_judge_page *page, struct probe_judge_answer *a)
{
	if (page->cut)
		probe_judge_say(
		    a, HEALTH_FAILED, "the body is too long to be read");
	else if (page->broken)
		probe_judge_say(a, HEALTH_FAILED, "the body broke off");
	return page->cut || page->broken;
}

static bool
probe_judge_json(const struct config_check *c,
    const struct probe_judge_page *page, struct probe_judge_answer *a)
{
	CLEANUP(json_doc_free_at) struct json_doc *doc = NULL;

	if (c->json.n == 0 && c->drain.n == 0)
		return true;
	if (page->cut)
		return is_partial(page, a);
	doc = json_doc_parse_foreign(page->body, page->len);
	if (!json_doc_is_object(doc) && is_partial(page, a))
		return true;
	if (c->fallback != NULL && !has_any(doc, &c->json) &&
	    !has_any(doc, &c->drain))
		return false;
	if (!json_doc_is_object(doc))
		probe_judge_say(a, HEALTH_FAILED, "the body is no JSON object");
	else if (!are_met(doc, &c->json))
		tell_unmet(doc, &c->json, a);
	else if (c->drain.n > 0 && are_met(doc, &c->drain))
		probe_judge_say(a, HEALTH_DRAINS, "%.*s is %.*s", QUOTED_MAX,
		    c->drain.all[0].key, QUOTED_MAX, c->drain.all[0].value);
	return true;
}

/* Bytes may be anything, NUL among them. */
static bool
is_in(const struct probe_judge_page *page, const char *text)
{
	return memmem(page->body, page->len, text, strlen(text)) != NULL;
}

static void
probe_judge_expect(const struct config_check *c,
    const struct probe_judge_page *page, struct probe_judge_answer *a)
{
	bool unwanted = c->expect[0] == '!';
	const char *text = c->expect + unwanted;
	bool found = is_in(page, text);

	if (!found && is_partial(page, a))
		return;
	if (found == unwanted)
		probe_judge_say(a, HEALTH_FAILED, "the body %s '%.50s'",
		    found ? "has" : "lacks", text);
}

/* As the file has them: "200-399, 401"; cut off where there is no room. */
static void
list_statuses(const struct config_check *c, char *text, size_t room)
{
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < c->n_statuses && used < room; i++) {
		const struct config_status *s = &c->statuses[i];
		const char *join = i == 0 ? "" : ", ";

		used += (size_t)(s->min == s->max
		        ? snprintf(
		              text + used, room - used, "%s%u", join, s->min)
		        : snprintf(text + used, room - used, "%s%u-%u", join,
		              s->min, s->max));
	}
}

static bool
probe_judge_status(const struct config_check *c,
    const struct probe_judge_page *page, struct probe_judge_answer *a)
{
	char wanted[PROBE_JUDGE_DETAIL_MAX / 2];

	*a = (struct probe_judge_answer){ .is_void = false };
	for (size_t i = 0; i < c->n_statuses; i++) {
		if (page->status < c->statuses[i].min ||
		    page->status > c->statuses[i].max)
			continue;
		probe_judge_say(a, HEALTH_PASSED, "status %u", page->status);
		return true;
	}
	list_statuses(c, wanted, sizeof(wanted));
	probe_judge_say(
	    a, HEALTH_FAILED, "status %u, expected %s", page->status, wanted);
	return false;
}

bool
probe_judge_page(const struct config_check *c,
    const struct probe_judge_page *page, struct probe_judge_answer *ret_answer)
{
	struct probe_judge_answer a;
	bool told = true;

	if (probe_judge_status(c, page, &a) && c->expect != NULL)
		probe_judge_expect(c, page, &a);
	if (a.result == HEALTH_PASSED)
		told = probe_judge_json(c, page, &a);
	*ret_answer = a;
	return told;
}

void
probe_judge_fallback(const struct config_check *c,
    const struct probe_judge_page *page, struct probe_judge_answer *ret_answer)
{
	struct probe_judge_answer a;

	if (probe_judge_status(c, page, &a))
		probe_judge_say(&a, HEALTH_PASSED, "status %u of %.50s",
		    page->status, c->fallback);
	*ret_answer = a;
}

enum server_role
probe_judge_role(
    const struct config_check *c, const struct probe_judge_page *page)
{
	CLEANUP(json_doc_free_at) struct json_doc *doc = NULL;
	const char *said;

	if (page->status != 200 || page->cut)
		return SERVER_ROLE_UNSAID;
	doc = json_doc_parse_foreign(page->body, page->len);
	said = json_doc_string(doc, c->role);
	if (strcasecmp(said, "active") == 0)
		return SERVER_ROLE_ACTIVE;
	if (strcasecmp(said, "standby") == 0)
		return SERVER_ROLE_STANDBY;
	return SERVER_ROLE_UNSAID;
}

void
probe_judge_quote(const char *text, size_t len,
    char ret_detail[static PROBE_JUDGE_DETAIL_MAX])
{
	size_t n = 0;

	while (n < len && n < PROBE_JUDGE_DETAIL_MAX - 1 && text[n] != '\n' &&
	    text[n] != '\0') {
		bool plain = text[n] >= ' ' && text[n] <= '~';

		ret_detail[n] = plain ? text[n] : '?';
		n++;
	}
	ret_detail[n] = '\0';
}
