#pragma once

/*
 * Talks with servers, for tests: what a server says is given to a talk whole,
 * then byte by byte, and both must come to the same end.
 */

#include "proxy/health/talk.h"
#include "tests/lib/from_yaml.h"
#include "tests/lib/test.h"

#include <stdio.h>
#include <string.h>

/* A string literal that may hold NULs. */
#define TALKING_BYTES(text) (text), sizeof(text) - 1

struct talking_row {
	const char *name;
	const char *keys;     /* of the check */
	const char *password; /* NULL: none */
	const char *said;     /* by the server, and how much of it */
	size_t len;
	const char *detail; /* NULL: more is waited for */
	enum health_result result;
	enum server_role role;
};

static inline struct config *
talking_config(const char *keys)
{
	char text[2048];

	(void)snprintf(text, sizeof(text),
	    "services:\n  name: s\n  listen: 127.0.0.1:1\n"
	    "  servers: 10.0.0.1:1\n  check: {%s}\n",
	    keys);
	return from_yaml(text);
}

/* Of one that has begun: bytes in pieces, until it ends. */
static inline enum talk_next
talking_hear(struct talk *t, const char *said, size_t len, size_t piece)
{
	enum talk_next next = TALK_HEARS;

	for (size_t at = 0; at < len && next == TALK_HEARS; at += piece) {
		size_t n = len - at < piece ? len - at : piece;

		if (n > sizeof(t->in) - t->in_len)
			n = sizeof(t->in) - t->in_len;
		memcpy(t->in + t->in_len, said + at, n);
		t->in_len += n;
		t->heard += n;
		next = talk_hear(t);
	}
	return next;
}

static inline void
talking_check_row(const struct talking_row *row)
{
	static const size_t pieces[] = { TALK_IN_MAX, 1 };
	struct config *config = talking_config(row->keys);

	test_row(row->name);
	for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
		struct talk t = { .check = &config->services[0].check,
			.password = row->password,
			.nonce = "123456789012345678" };
		enum talk_next next = talk_begin(&t);

		if (next == TALK_HEARS)
			next = talking_hear(&t, row->said, row->len, pieces[i]);
		if (row->detail == NULL) {
			assert_int_equal(next, TALK_HEARS);
			continue;
		}
		assert_int_equal(next, TALK_ENDS);
		assert_text(t.said.detail, row->detail);
		assert_int_equal(t.said.result, row->result);
		assert_int_equal(t.said.role, row->role);
		assert_false(t.said.is_void);
	}
	config_free(config);
}
