#include "config/yaml/nearest.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

/* Longer than what people type: no need to compare, and no long rows. */
#define WORD_MAX 64

static unsigned
smaller(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/*
 * The classic table, three rows of it at a time: the row before the previous
 * one is what a swap of two neighbours needs.
 */
unsigned
nearest_distance(const char *a, const char *b)
{
	unsigned rows[3][WORD_MAX + 1];
	unsigned *before = rows[0], *last = rows[1], *row = rows[2];
	size_t a_len = strlen(a), b_len = strlen(b);

	if (a_len > WORD_MAX || b_len > WORD_MAX)
		return UINT_MAX;
	memset(rows, 0, sizeof(rows));
	for (unsigned j = 0; j <= b_len; j++)
		last[j] = j;
	for (unsigned i = 1; i <= a_len; i++) {
		unsigned *spare = before;

		row[0] = i;
		for (unsigned j = 1; j <= b_len; j++) {
			unsigned cost = a[i - 1] == b[j - 1] ? 0 : 1;

			row[j] = smaller(last[j] + 1, row[j - 1] + 1);
			row[j] = smaller(row[j], last[j - 1] + cost);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1])
				row[j] = smaller(row[j], before[j - 2] + 1);
		}
		before = last;
		last = row;
		row = spare;
	}
	return last[b_len];
}

unsigned
nearest_limit(const char *text)
{
	size_t third = strlen(text) / 3;

	return third > 1 ? (unsigned)smaller((unsigned)third, WORD_MAX) : 1;
}

struct nearest
nearest_to(const char *typed)
{
	return (struct nearest){ .typed = typed,
		.below = nearest_limit(typed) + 1 };
}

void
nearest_offer(struct nearest *n, const char *word)
{
	const unsigned distance = nearest_distance(n->typed, word);

	/* Nothing typed is no slip of the hand, nor is all of it. */
	if (distance >= n->below || distance >= strlen(n->typed))
		return;
	n->below = distance;
	n->word = word;
}

const char *
nearest_text(const struct nearest *n, char buf[static NEAREST_TEXT])
{
	buf[0] = '\0';
	if (n->word != NULL)
		(void)snprintf(
		    buf, NEAREST_TEXT, "; did you mean '%s'?", n->word);
	return buf;
}
