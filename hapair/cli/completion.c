/*
 * A usage is read as people read it: -x and --xyz are options, CAPITALS behind
 * one its value and elsewhere a word's meaning, small letters the word itself.
 * Brackets say nothing here, for anything may be left out while it is typed.
 */
#include "hapair/cli/completion.h"

#include "hapair/cli/command.h"

#include <ctype.h>
#include <string.h>

#define TOKEN_MAX 128

/* Where a usage is being read. */
struct usage {
	const char *at;
	char token[TOKEN_MAX]; /* without brackets and dots */
};

/* False: it has ended. */
static bool
next_token(struct usage *u)
{
	size_t n = 0;

	u->at += strspn(u->at, " ");
	for (; *u->at != '\0' && *u->at != ' '; u->at++)
		if (strchr("[].", *u->at) == NULL && n < TOKEN_MAX - 1)
			u->token[n++] = *u->at;
	u->token[n] = '\0';
	return n > 0 || *u->at != '\0';
}

static bool
is_meaning(const char *token)
{
	return isupper((unsigned char)token[0]);
}

/* The CAPITALS behind the option, ""; NULL: the row has no such option. */
static const char *
find_option(struct usage *u, const char *usage, const char *option)
{
	*u = (struct usage){ .at = usage };
	while (next_token(u))
		if (strcmp(u->token, option) == 0) {
			if (!next_token(u) || !is_meaning(u->token))
				u->token[0] = '\0';
			return u->token;
		}
	return NULL;
}

void
completion_offer(struct completion *c, const char *word)
{
	const char *begun = c->words[c->n_words - 1];

	if (word[0] != '\0' && strncmp(word, begun, strlen(begun)) == 0)
		(void)fprintf(c->out, "%s\n", word);
}

/* "a|b|weight=N": up to what stands for something else. */
static void
offer_alternatives(struct completion *c, const char *token)
{
	char word[TOKEN_MAX];

	while (*token != '\0') {
		const size_t len = strcspn(token, "|");
		size_t n = 0;

		while (n < len && !isupper((unsigned char)token[n]))
			n++;
		memcpy(word, token, n);
		word[n] = '\0';
		completion_offer(c, word);
		token += len + (token[len] == '|');
	}
}

static void
offer_commands(struct completion *c, const struct command *all)
{
	const char *before = "";

	for (; all->name != NULL; all++) {
		if (all->usage != NULL && strcmp(all->name, before) != 0)
			completion_offer(c, all->name);
		before = all->name;
	}
}

/* What CAPITALS stand for. Files and the like are the shell's to complete. */
static void
offer_meaning(struct completion *c, const char *token)
{
	if (strcmp(token, "SERVICE/NAME") == 0 || strcmp(token, "SERVICE") == 0)
		c->names(c, COMPLETION_SERVERS);
	else if (strcmp(token, "GROUP") == 0)
		c->names(c, COMPLETION_GROUPS);
	else if (strcmp(token, "NAME") == 0)
		c->names(c, COMPLETION_NODES);
	else if (strcmp(token, "COMMAND") == 0)
		offer_commands(c, command_all());
}

static void
offer_options(struct completion *c, const char *usage)
{
	struct usage u = { .at = usage };

	while (next_token(&u))
		if (u.token[0] == '-')
			completion_offer(c, u.token);
}

/* The word of that place, options left out; with "|" between, of one place. */
static void
offer_word(struct completion *c, const char *usage, size_t place)
{
	struct usage u = { .at = usage };
	size_t at = 0;
	bool is_value = false, is_other = false;

	while (next_token(&u)) {
		const bool option = u.token[0] == '-';

		if (strcmp(u.token, "|") == 0) {
			is_other = at > 0;
			continue;
		}
		if (!option && !(is_value && is_meaning(u.token))) {
			at += is_other ? 0 : 1;
			if (at == place + 1 && is_meaning(u.token))
				offer_meaning(c, u.token);
			else if (at == place + 1)
				offer_alternatives(c, u.token);
		}
		is_value = option;
		is_other = false;
	}
}

/* The words behind a row's name, from `from` on. */
static void
complete_row(struct completion *c, const struct command *row, size_t from)
{
	const char *begun = c->words[c->n_words - 1];
	struct usage u;
	const char *meaning = NULL;
	size_t place = 0;

	for (size_t i = from; i + 1 < c->n_words; i++) {
		meaning = find_option(&u, row->usage, c->words[i]);
		if (meaning != NULL && *meaning != '\0')
			i++; /* what follows is its value */
		else if (c->words[i][0] != '-')
			place++;
		if (i + 1 == c->n_words) {
			offer_meaning(c, meaning);
			return;
		}
	}
	if (begun[0] == '-')
		offer_options(c, row->usage);
	else
		offer_word(c, row->usage, place);
}

void
completion_print(struct completion *c)
{
	const struct command *row, *all = command_all();
	size_t from = 1;

	if (c->n_words == 1) {
		offer_commands(c, all);
		offer_alternatives(c, "--help|--version");
		return;
	}
	row = command_find(all, c->words[0]);
	if (row == NULL || row->usage == NULL)
		return;
	all = command_below(row);
	if (all != NULL && c->n_words == 2)
		offer_commands(c, all);
	if (all != NULL) {
		row = command_find(all, c->words[from++]);
		if (row == NULL)
			return;
	}
	complete_row(c, row, from);
	/* Its other forms. */
	while (all != NULL && row[1].name != NULL &&
	    strcmp(row[1].name, row->name) == 0)
		complete_row(c, ++row, from);
	if (c->words[c->n_words - 1][0] == '-')
		completion_offer(c, "--help");
}

const char *
completion_value(const struct completion *c, const char *option)
{
	for (size_t i = 0; i + 2 < c->n_words; i++)
		if (strcmp(c->words[i], option) == 0)
			return c->words[i + 1];
	return NULL;
}
