#pragma once

/*
 * What a page says of the server that it comes from. Computes only; the asking
 * is probe_http.c's.
 */

#include "proxy/health/health.h"

struct config_check;

#define PROBE_JUDGE_DETAIL_MAX 80

/* What came of asking a server once, in whatever way. */
struct probe_judge_answer {
	enum health_result result;
	enum server_role role;
	bool is_void; /* our own lack: says nothing of the server */
	char detail[PROBE_JUDGE_DETAIL_MAX];
};

/* Sets both, and nothing else. */
void probe_judge_say(struct probe_judge_answer *a, enum health_result result,
    const char *format, ...) PRINTF_LIKE(3, 4);

/* Of who asks: from the loop, or at once from what starts the asking. */
typedef void probe_judge_answer_fn(
    void *arg, const struct probe_judge_answer *answer);

struct probe_judge_page {
	unsigned status;
	const char *body; /* with a NUL behind it */
	size_t len;
	bool cut;    /* there was more than we keep */
	bool broken; /* there may have been more */
};

/*
 * By the rules of its check: status, `expect`, `json`, `drain`. False where
 * only the fallback can tell: the body has none of the keys.
 */
MUST_CHECK bool probe_judge_page(const struct config_check *c,
    const struct probe_judge_page *page, struct probe_judge_answer *ret_answer);

/* The fallback: its status alone. */
void probe_judge_fallback(const struct config_check *c,
    const struct probe_judge_page *page, struct probe_judge_answer *ret_answer);

/* Of the page at `role_path`. */
enum server_role probe_judge_role(
    const struct config_check *c, const struct probe_judge_page *page);

/* The first line that a script printed, or any foreign text, made harmless. */
void probe_judge_quote(const char *text, size_t len,
    char ret_detail[static PROBE_JUDGE_DETAIL_MAX]);
