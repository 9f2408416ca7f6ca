#include "hapair/cli/help.h"

#include "hapair/cli/command.h"

#include <string.h>

bool
help_is_wanted(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "-h") == 0 ||
		    strcmp(argv[i], "--help") == 0)
			return true;
	return false;
}

void
help_print_all(FILE *out)
{
	(void)fprintf(out, "usage: hapair COMMAND ...\n\n");
	for (const struct command *c = command_all(); c->name != NULL; c++)
		if (c->usage != NULL)
			(void)fprintf(out, "  %-10s %s\n", c->name, c->summary);
	(void)fprintf(out,
	    "\n`hapair help COMMAND` and `hapair COMMAND --help` tell more. The\n"
	    "configuration file is %s where -c does not name\n"
	    "another.\n",
	    COMMAND_CONFIG_PATH);
}

static void
print_usage(const char *of, const struct command *c, FILE *out)
{
	(void)fprintf(out, "hapair %s%s%s%s%s\n", of, of[0] != '\0' ? " " : "",
	    c->name, c->usage[0] != '\0' ? " " : "", c->usage);
}

/* Indented, as they stand below what they belong to. */
static void
print_details(const char *text, FILE *out)
{
	while (*text != '\0') {
		const size_t len = strcspn(text, "\n");

		(void)fprintf(out, "    %.*s\n", (int)len, text);
		text += len + (text[len] != '\0');
	}
}

int
help_print(const struct command *c, const char *sub, FILE *out)
{
	const struct command *all, *s;

	if (c == NULL) {
		help_print_all(out);
		return fflush(out) == 0 ? COMMAND_DONE : COMMAND_FAILED;
	}
	all = command_below(c);
	if (all == NULL || sub == NULL || command_find(all, sub) == NULL) {
		print_usage("", c, out);
		(void)fprintf(out, "\n%s.\n%s%s", c->summary, c->details,
		    c->details[0] != '\0' ? "\n" : "");
		sub = NULL;
	}
	for (s = all; s != NULL && s->name != NULL; s++) {
		if (sub != NULL && strcmp(s->name, sub) != 0)
			continue;
		if (sub == NULL)
			(void)fputc('\n', out);
		print_usage(c->name, s, out);
		print_details(s->details, out);
	}
	return fflush(out) == 0 ? COMMAND_DONE : COMMAND_FAILED;
}
