/*
 * Any bytes as what a server says to a check: the first one chooses the check,
 * the second how they are cut into pieces. A talk ends or waits for more, keeps
 * within its room, and what it makes of them is one clean line.
 */

#include "config/config.h"
#include "config/load.h"
#include "proxy/health/talk.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char text[] =
    "services:\n"
    "  name: s\n"
    "  listen: 127.0.0.1:1\n"
    "  servers:\n"
    "    - {name: a, address: 10.0.0.1:1, check: {type: tcp,"
    " dialog: [{expect: ab}, {send: c, expect: 'hex:00'}, {expect: d}]}}\n"
    "    - {name: b, address: 10.0.0.1:2, check: {type: mysql, user: u,"
    " role: primary}}\n"
    "    - {name: c, address: 10.0.0.1:3, check: {type: postgres}}\n"
    "    - {name: d, address: 10.0.0.1:4, check: {type: postgres, user: u,"
    " role: primary}}\n"
    "    - {name: e, address: 10.0.0.1:5, check: {type: redis,"
    " role: primary}}\n"
    "    - {name: f, address: 10.0.0.1:6, check: {type: ldap}}\n";

static const struct config *
configuration(void)
{
	static struct config *c;

	if (c == NULL && load_text("f", text, sizeof(text) - 1, NULL, &c) < 0)
		abort();
	return c;
}

static void
check_end(const struct talk *t)
{
	size_t len = strnlen(t->said.detail, sizeof(t->said.detail));

	assert(len > 0 && len < sizeof(t->said.detail));
	for (size_t i = 0; i < len; i++)
		assert(t->said.detail[i] >= ' ' && t->said.detail[i] <= '~');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct config_service *s = &configuration()->services[0];
	static struct talk t;
	enum talk_next next;
	size_t piece;

	if (size < 2)
		return 0;
	t = (struct talk){ .check = &s->servers[data[0] % s->n_servers].check,
		.password = data[0] & 0x80 ? "secret" : NULL };
	piece = data[1] + 1u;
	next = talk_begin(&t);
	for (size_t at = 2; at < size && next == TALK_HEARS;) {
		size_t n = size - at < piece ? size - at : piece;

		assert(t.in_len < sizeof(t.in));
		if (n > sizeof(t.in) - t.in_len)
			n = sizeof(t.in) - t.in_len;
		memcpy(t.in + t.in_len, data + at, n);
		t.in_len += n;
		t.heard += n;
		at += n;
		next = talk_hear(&t);
		assert(t.out_len <= sizeof(t.out));
	}
	if (next == TALK_HEARS)
		talk_break(&t, "closed");
	check_end(&t);
	return 0;
}
