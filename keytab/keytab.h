#pragma once

/*
 * A keytab file, format 5.02. It is read strictly: every length is checked
 * against the record and the file it is in, and what does not fit is a fault
 * with its place, never the end of the file. It is written with both forms of
 * each kvno and no holes, so that what was read from such a file comes out byte
 * for byte.
 *
 * Pure. Entries are views into the caller's bytes, keys included: nothing of a
 * key is copied.
 */

#include "core/base.h"
#include "core/buf.h"

/* Realm and components together, with a 16-bit length before each. */
#define KEYTAB_NAMES_MAX 1000
/* A principal as text: each byte may become \xNN. */
#define KEYTAB_TEXT_MAX (4 * KEYTAB_NAMES_MAX + 1)
#define KEYTAB_FAULT_MAX 160

/* What stands before the first entry. */
#define KEYTAB_HEAD_BYTES 2
/* Bytes of the smallest entry, with the length before it. */
#define KEYTAB_ENTRY_MIN 26

struct keytab_span {
	const uint8_t *at; /* borrowed: the file's bytes */
	size_t len;
};

struct keytab_entry {
	size_t offset; /* of its record in the file */
	struct keytab_span realm;
	unsigned n_components;
	struct keytab_span components; /* as in the file, lengths included */
	struct keytab_span key;
	uint32_t name_type, timestamp, kvno;
	uint16_t enctype; /* those of private use are negative, if signed */
};

struct keytab_fault {
	size_t offset;               /* in the file */
	char text[KEYTAB_FAULT_MAX]; /* "byte 124: ..." */
};

struct keytab_reader {
	const uint8_t *bytes; /* borrowed: the caller's */
	size_t len, pos;
};

/* Returns 0, or -EBADMSG where this is no keytab. */
MUST_CHECK int keytab_begin(struct keytab_reader *r, const void *bytes,
    size_t len, struct keytab_fault *ret_fault);

/* The next entry, over holes. Returns 1, 0 at the end, or -EBADMSG. */
MUST_CHECK int keytab_next(struct keytab_reader *r,
    struct keytab_entry *ret_entry, struct keytab_fault *ret_fault);

/* An empty span where there are not so many components. */
struct keytab_span keytab_component(
    const struct keytab_entry *e, unsigned index);

bool keytab_span_is(struct keytab_span s, const char *text);
bool keytab_is_same_span(struct keytab_span a, struct keytab_span b);
bool keytab_is_same_principal(
    const struct keytab_entry *a, const struct keytab_entry *b);

/*
 * "proxy/vip.example.org@EXAMPLE.ORG", with a backslash before what a name may
 * not hold bare, and \xNN for what a terminal should not see. Returns `buf`.
 */
const char *keytab_principal_text(
    const struct keytab_entry *e, char buf[static KEYTAB_TEXT_MAX]);

size_t keytab_entry_bytes(const struct keytab_entry *e);

void keytab_put_head(struct buf *b);
void keytab_put_entry(struct buf *b, const struct keytab_entry *e);
