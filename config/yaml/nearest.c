#include "config/yaml/nearest.h"

#include <limits.h>
#include <string.h>

/* Longer than any key of ours: no need to compare, and no long rows. */
#define WORD_MAX 40

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
