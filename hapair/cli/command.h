#pragma once

/*
 * The table of commands: one row drives dispatch and help. One file per
 * command, cmd_NAME.c. Exit statuses are cli.md's.
 */

#include "core/base.h"

#include <stdio.h>

enum command_exit {
	COMMAND_DONE = 0,
	COMMAND_FAILED = 1,      /* the thing asked for failed or is not so */
	COMMAND_WRONG = 2,       /* the words or the configuration are wrong */
	COMMAND_UNREACHABLE = 3, /* no daemon there */
};

struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *usage; /* what follows the name; NULL: not for people */
	const char *summary;
	const char *details; /* of `hapair help NAME` */
};

#define COMMAND_CONFIG_PATH "/etc/hapair/hapair.yaml"

/* All rows; the last one has no name. */
const struct command *command_all(void);

/*
 * What there is below one, as NAME SUB: several rows of one name where that has
 * several forms. The last one has no name. NULL: nothing.
 */
const struct command *command_below(const struct command *c);

/* The row of `all`, or NULL. */
const struct command *command_find(const struct command *all, const char *name);

/*
 * The one that is nearest to what was typed, as nearest_text() has it; or "".
 * Returns `buf`.
 */
const char *command_nearest(
    const struct command *all, const char *typed, char *buf);

/* hapair with its arguments. Returns the exit status. */
int command_main(int argc, char **argv);

/*
 * "hapair NAME: TEXT" on stderr, in a line with where help is, unless it asks a
 * question itself. Returns COMMAND_WRONG.
 */
int command_misused(const char *name, const char *format, ...)
    PRINTF_LIKE(2, 3);

/*
 * "hapair NAME: TEXT" on stderr; NULL: there is no name to say. Returns
 * `status`.
 */
int command_refuse(const char *name, int status, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* An option, or a word behind them all, and what it fills in. */
struct command_option {
	char letter; /* -c; of one with a name to tell it apart; 0: a word */
	const char *name;  /* "node" of --node; NULL: the letter is it */
	const char **word; /* gets what follows it */
	struct command_words *words; /* likewise, as often as it is given */
	int *there;                  /* gets the letter; nothing follows */
};

#define COMMAND_OPTIONS_MAX 8
#define COMMAND_WORDS_MAX 64

struct command_words {
	const char *all[COMMAND_WORDS_MAX];
	size_t n; /* more than there is room for: so many were given */
};

/*
 * Takes the options, and leaves `optind` at the words behind them. Returns what
 * is not understood, or lacks a value, or (`ret_twice`) has been given before;
 * or NULL.
 */
MUST_CHECK const char *command_options(int argc, char **argv,
    const struct command_option *options, size_t n, bool *ret_twice);

/*
 * The same and the words, as many as there are rows for; one that is not there
 * is NULL. Returns COMMAND_DONE, or COMMAND_WRONG with everything said.
 */
MUST_CHECK int command_parse(const char *name, int argc, char **argv,
    const struct command_option *options, size_t n);

/*
 * What the option is that command_options() gave back, for people: also which
 * one was meant, or what it lacks.
 */
void command_odd_text(const char *odd, const struct command_option *options,
    size_t n, char *buf, size_t room);
void command_twice_text(const char *odd, char *buf, size_t room);

int cmd_run(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_release(int argc, char **argv);
int cmd_handover(int argc, char **argv);
int cmd_pause(int argc, char **argv);
int cmd_resume(int argc, char **argv);
int cmd_reload(int argc, char **argv);
int cmd_upgrade(int argc, char **argv);
int cmd_trial(int argc, char **argv);
int cmd_server(int argc, char **argv);
int cmd_connections(int argc, char **argv);
int cmd_kill(int argc, char **argv);
int cmd_events(int argc, char **argv);
int cmd_init(int argc, char **argv);
int cmd_genkey(int argc, char **argv);
int cmd_import(int argc, char **argv);
int cmd_keytab(int argc, char **argv);
int cmd_completion(int argc, char **argv);
int cmd_version(int argc, char **argv);
int cmd_help(int argc, char **argv);
int cmd_role(int argc, char **argv);
