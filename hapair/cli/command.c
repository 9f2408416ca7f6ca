#include "hapair/cli/command.h"

#include "config/yaml/nearest.h"
#include "core/log.h"
#include "hapair/cli/cmd_keytab.h"
#include "hapair/cli/help.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <getopt.h>

static const struct command commands[] = {
	{ "run", cmd_run, "[-c FILE] [--node NAME] [--daemon]",
	    "runs this node",
	    "Runs in the foreground, until SIGTERM or SIGINT. This node is the\n"
	    "one of pair.nodes whose address this host has, or --node NAME.\n"
	    "Where it has neither address yet it waits for one, and says so.\n"
	    "With --daemon it goes into the background once it is ready, and\n"
	    "the exit status says whether it became ready. It tells a service\n"
	    "manager when it is ready (sd_notify)." },
	{ "check", cmd_check,
	    "[FILE] [--print | --host [--node NAME] | --diff [-s SOCKET]]",
	    "checks a configuration file",
	    "Reports every mistake as FILE:LINE:COLUMN, and exits with 2 if\n"
	    "there is one. A FILE of - is standard input; -c FILE works, too.\n"
	    "--print writes the file back in canonical form with\n"
	    "every default filled in. --host checks this machine, too: the\n"
	    "interfaces and their networks, whether others answer for the\n"
	    "virtual IPs, the peer by TCP and by UDP, ports and the addresses to\n"
	    "listen on, descriptors, directories, files and their rights, the\n"
	    "servers' names. It prints a line for each, and exits with 1\n"
	    "if one is an error. It changes nothing, and works whether a\n"
	    "daemon runs or not. --diff prints what the file says and the\n"
	    "running daemon does not have yet, a line each; values that may be\n"
	    "secret are left out. It exits with 1 where `hapair reload` would\n"
	    "refuse it. Root may ask for that, and the daemon's user." },
	{ "status", cmd_status,
	    "[-c FILE | -s SOCKET] [--json | --short | --watch [SECONDS]]",
	    "shows how this node is",
	    "Shows what is wrong, since when and what to do about it; which node\n"
	    "serves and why, whether the peer is alive and runs the same\n"
	    "configuration, what is under way, what was set by hand, what has\n"
	    "happened last, and which servers are up. --short prints a line\n"
	    "'GROUP STATE' for each group, --json everything. --watch shows it\n"
	    "again every SECONDS, 2 by default, in place, with rates a second.\n"
	    "Exits with 0 if the node is healthy, with 1 if anything is\n"
	    "degraded, and with 3 if no daemon answers." },
	{ "release", cmd_release, "[-c FILE] [--kernel]",
	    "removes the virtual IPs from this host",
	    "Removes the addresses of every group in the file, from whatever\n"
	    "interface they are on. It is for a daemon that ended without\n"
	    "doing so itself (ExecStopPost= of the systemd unit), and refuses\n"
	    "while a daemon runs, since the addresses are the daemon's. Where\n"
	    "the file cannot be used, it takes what that daemon ran last.\n"
	    "--kernel takes the kernel path away, too: its program from all\n"
	    "interfaces, and its tables, with the connections that they have.\n"
	    "It is for a host that hapair is removed from." },
	{ "handover", cmd_handover, "[-c FILE | -s SOCKET] [GROUP] [--dry-run]",
	    "gives a group to the peer",
	    "The peer takes the group's addresses before this node lets go of\n"
	    "them, so every new client is served. Connections that are open\n"
	    "here are reset. Without GROUP it gives every group of which this\n"
	    "node is master. It answers when the peer serves. If the peer\n"
	    "cannot take it, it says why and exits with 1; then everything is\n"
	    "as it was. --dry-run changes nothing: it says whether the peer\n"
	    "would be given the group now, or what is in the way, and how many\n"
	    "connections would be reset, with the same exit status." },
	{ "pause", cmd_pause, "[-c FILE | -s SOCKET] [DURATION]",
	    "stops automatic moves, on both nodes",
	    "For as long as somebody works on the network, 30m where no\n"
	    "DURATION is given, a day at most, nothing that only the network\n"
	    "says moves a group: not that the peer is silent, nor that this\n"
	    "node hears nobody or has no carrier, nor what is tracked, nor\n"
	    "preempt. What moves it still: a process that ended, a node that\n"
	    "is stopped, and `hapair handover`. It holds on both nodes, also\n"
	    "where they do not hear each other later, and over restarts, and\n"
	    "ends by itself; `status` is degraded until then. Where the peer\n"
	    "does not hear of it now, it holds on this node alone until it\n"
	    "does: that is said, with exit status 1." },
	{ "resume", cmd_resume, "[-c FILE | -s SOCKET]",
	    "ends a pause, on both nodes",
	    "What waited for the end of the pause happens at once. Where the\n"
	    "peer does not hear of it now, that is said, with exit status 1." },
	{ "reload", cmd_reload, "[-c FILE | -s SOCKET] [--both]",
	    "takes a changed file over",
	    "Reads the configuration file anew. What it says now is taken over\n"
	    "while everything runs: no connection ends and no address moves.\n"
	    "It prints a line for each difference. A file with a mistake is\n"
	    "refused whole, with status 2, and so is what cannot change while\n"
	    "the daemon runs, with status 1: nothing is changed then. `hapair\n"
	    "check --diff` shows the differences without a reload. A log file\n"
	    "is opened anew, so that a renamed one can be packed away. SIGHUP\n"
	    "does the same, and the log tells what came of it.\n"
	    "\n"
	    "With --both the peer gets this file over the wire, and takes it\n"
	    "first: both nodes run it then, or neither. The peer has to allow\n"
	    "it (pair.accept_file), and checks the file itself; what it finds\n"
	    "is told with its name in front, and its file before stays there\n"
	    "as FILE.before. Where it goes silent while it takes the file,\n"
	    "that is said, and nothing changes here. A node that ends before\n"
	    "such a file runs starts with the one before.\n"
	    "\n"
	    "Where the file says what it said, the key file is read anew.\n"
	    "To change the key, put the new one before the old one in the key\n"
	    "file of one node, reload there, do the same on the other node, and\n"
	    "then take the old line out of both and reload again. No address\n"
	    "moves and no connection ends; `hapair check --host` tells the next\n"
	    "step. Keys of which the peer takes none are refused, also while\n"
	    "it is silent, but not when it was stopped." },
	{ "upgrade", cmd_upgrade, "[-c FILE | -s SOCKET] [PROGRAM]",
	    "becomes the program that is on disk now",
	    "The running daemon becomes the program that has been installed in\n"
	    "its place, or PROGRAM, which only root may say: no connection ends,\n"
	    "no address moves, and the process of the supervisor keeps its\n"
	    "number. The new program is tried first. One that others than root\n"
	    "can write, that cannot run, does not answer in 5 s, does not\n"
	    "understand the configuration that runs, or cannot take over what\n"
	    "this version leaves is refused, and nothing is changed. The\n"
	    "configuration stays the one that runs: what has changed in the file\n"
	    "is for `hapair reload`. SIGUSR2 does the same, and the log tells\n"
	    "what came of it. A PROGRAM elsewhere is the daemon's only until its\n"
	    "next start." },
	{ "server", cmd_server,
	    "[-c FILE | -s SOCKET] SERVICE/NAME "
	    "ready|drain|maint|weight=N|activate|reset [--wait [DURATION]] "
	    "[--reason TEXT]",
	    "changes a server at run time",
	    "drain: the server gets no new connections and keeps those it has.\n"
	    "maint: its connections are reset, too. ready: it takes part\n"
	    "again. weight=N, 0 to 256: its share, in place of the one in the\n"
	    "file. A change holds on both nodes, at once where they hear each\n"
	    "other, and until the next change, over restarts, too. Of two\n"
	    "changes of the same thing the later one holds. reset: ready,\n"
	    "with the weight of the file; `hapair server SERVICE reset` does\n"
	    "so for all servers of the service.\n"
	    "With --wait drain and maint answer when the server has no\n"
	    "connection on this node any more, or with 1 when DURATION is\n"
	    "over, and how many are left.\n"
	    "--reason, 80 bytes at most, is kept with ready, drain, maint and\n"
	    "weight=N on both nodes: `hapair status` shows it, with the time.\n"
	    "In a standby service maint of the active server makes the next\n"
	    "one active at once; drain does not. activate makes this server\n"
	    "active, after the fence if there is one, and answers when it is\n"
	    "so. Ask the node that decides, which is the master. activate is\n"
	    "refused if the server is not fit, or if the servers say\n"
	    "themselves which of them is active." },
	{ "connections", cmd_connections,
	    "[-c FILE | -s SOCKET] [SERVICE] [--json]",
	    "lists the live connections",
	    "A line for each: its ID, client, server, age, how long nothing\n"
	    "has moved, and bytes from and to the client. PATH is how its\n"
	    "bytes go, copied or spliced, or what it waits for. SERVICE may\n"
	    "be SERVICE/NAME, for those of one server. An ID is its\n"
	    "connection's alone, also after a reload. One that a reload has\n"
	    "left with a relay before, as its service or server is not in the\n"
	    "file any more, is lingering. Traffic does not wait for the list,\n"
	    "however long it is. It fits the terminal, or $COLUMNS, for which\n"
	    "long addresses are cut in their midst; an ID never is." },
	{ "kill", cmd_kill, "[-c FILE | -s SOCKET] ID | SERVICE/NAME",
	    "closes connections",
	    "Resets the connection with that ID (`hapair connections`), both\n"
	    "its sides; or all that a server has now. The server goes on\n"
	    "getting new ones: `hapair server SERVICE/NAME maint` ends that,\n"
	    "too." },
	{ "events", cmd_events, "[-c FILE | -s SOCKET] [--follow] [--json]",
	    "tells what has happened on both nodes",
	    "The last 500 events of each node: groups and servers that changed\n"
	    "their state, active servers, what operators ordered, reloads, and\n"
	    "processes that began or ended; each with its time, node and\n"
	    "reason. They are kept over restarts. The peer's come from the\n"
	    "peer, when both hear each other. --follow goes on with each as\n"
	    "it comes, --json has an object a line." },
	{ "init", cmd_init,
	    "[-c FILE] [--vip ADDRESS/PREFIX] [--peer NAME=ADDRESS] "
	    "[--port PORT] [--server HOST:PORT] [--preset PRESET] "
	    "[--interface INTERFACE] [--here NAME=ADDRESS]",
	    "makes a first configuration and its key",
	    "Asks four questions, each of which an option answers before: the\n"
	    "virtual IP, the other host, the port and the servers. Writes the\n"
	    "file, with comments, and pair.key beside it; neither may exist.\n"
	    "--vip and --server may be given several times; without a virtual\n"
	    "IP, or with --vip none, one host serves alone and there is no key.\n"
	    "This host's name and address, the interface and a prefix that is\n"
	    "left out are found on this machine, where --here and --interface\n"
	    "do not say otherwise. --preset is of `hapair help keys`. What is\n"
	    "answered is checked as `hapair check` does, and nothing is\n"
	    "written where that finds a mistake." },
	{ "genkey", cmd_genkey, "[FILE]", "makes a new pair key",
	    "Writes the key to FILE, which must not exist yet, with mode 0400;\n"
	    "without FILE it writes to standard output. Both nodes need the\n"
	    "same key." },
	{ "import", cmd_import, "[-o FILE] FILE...",
	    "makes a file of those of haproxy and keepalived",
	    "Reads haproxy.cfg and keepalived.conf, and writes one configuration\n"
	    "for both hosts to standard output, or to FILE, which must not\n"
	    "exist yet. Two keepalived.conf are those of the two hosts; of one\n"
	    "alone the other host's address may have to be made up. Which file\n"
	    "is whose it sees itself; - is standard input. Comments say where\n"
	    "each part is from, and FILL IN where something is for you to say.\n"
	    "What is not carried over, or behaves differently, is named on\n"
	    "standard error as FILE:LINE: LEVEL: TEXT, with what to do instead:\n"
	    "error where something is lacking or to be filled in, warning where\n"
	    "it is not quite what it was, note where hapair does it by itself.\n"
	    "What is written passes `hapair check`. It exits with 1 where there\n"
	    "is nothing to carry over. Sections of HTTP, and ports that end\n"
	    "TLS, stay haproxy's. Variables of haproxy's environment have to be\n"
	    "set here, too." },
	{ "keytab", cmd_keytab, "list|merge|verify|flags ...",
	    "makes and checks Kerberos keytabs", "" },
	{ "completion", cmd_completion, "bash|zsh|fish",
	    "completes what is typed in a shell",
	    "Prints a script for that shell, which completes commands, options\n"
	    "and words, and names of services, servers and groups: of the\n"
	    "running daemon, or of the file where none runs. For bash:\n"
	    "    hapair completion bash >/etc/bash_completion.d/hapair" },
	{ "version", cmd_version, "", "prints the version", "" },
	{ "help", cmd_help, "[COMMAND... | keys]", "explains a command",
	    "`hapair help keys` lists every key of the configuration file." },
	{ "role", cmd_role, NULL, "", "" },
	{ "trial", cmd_trial, NULL, "", "" },
	{ .name = NULL },
};

const struct command *
command_all(void)
{
	return commands;
}

const struct command *
command_below(const struct command *c)
{
	return c->run == cmd_keytab ? cmd_keytab_subs : NULL;
}

const struct command *
command_find(const struct command *all, const char *name)
{
	for (; all->name != NULL; all++)
		if (strcmp(all->name, name) == 0)
			return all;
	return NULL;
}

const char *
command_nearest(const struct command *all, const char *typed, char *buf)
{
	struct nearest n = nearest_to(typed);

	for (; all->name != NULL; all++)
		if (all->usage != NULL)
			nearest_offer(&n, all->name);
	return nearest_text(&n, buf);
}

static int
refuse_first(const char *word)
{
	int there;
	const struct command_option options[] = {
		{ 1, "help", .there = &there },
		{ 1, "version", .there = &there },
	};
	char text[256];

	if (word[0] == '-') {
		command_odd_text(
		    word, options, ARRAY_LEN(options), text, sizeof(text));
		return command_refuse(NULL, COMMAND_WRONG, "%s%s", text,
		    text[strlen(text) - 1] == '?'
		        ? ""
		        : "; a command comes first, its options behind it");
	}
	command_nearest(commands, word, text);
	return command_refuse(NULL, COMMAND_WRONG, "there is no command '%s'%s",
	    word, text[0] != '\0' ? text : "; `hapair help` lists them");
}

int
command_main(int argc, char **argv)
{
	const struct command *c;

	if (argc < 2) {
		help_print_all(stderr);
		return COMMAND_WRONG;
	}
	c = command_find(commands, argv[1]);
	if (c != NULL && c->usage == NULL)
		return c->run(argc - 1, argv + 1);
	if (help_is_wanted(argc, argv) && (c != NULL || argv[1][0] == '-'))
		return help_print(c, argv[2], stdout);
	if (strcmp(argv[1], "--version") == 0)
		c = command_find(commands, "version");
	if (c != NULL)
		return c->run(argc - 1, argv + 1);
	return refuse_first(argv[1]);
}

int
command_refuse(const char *name, int status, const char *format, ...)
{
	va_list args;

	(void)fprintf(stderr, "%shapair%s%s: ", log_mark(LOG_LEVEL_ERROR),
	    name != NULL ? " " : "", name != NULL ? name : "");
	va_start(args, format);
	(void)vfprintf(stderr, format, args);
	va_end(args);
	(void)fputc('\n', stderr);
	return status;
}

int
command_misused(const char *name, const char *format, ...)
{
	char text[1024];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	(void)fprintf(
	    stderr, "%shapair %s: %s", log_mark(LOG_LEVEL_ERROR), name, text);
	if (n > 0 && (size_t)n < sizeof(text) && text[n - 1] != '?')
		(void)fprintf(stderr, "; `hapair %s --help` shows how", name);
	(void)fputc('\n', stderr);
	return COMMAND_WRONG;
}

/* False: an empty word, of a variable that is not set, is no value. */
static bool
take(const struct command_option *o, const char *word)
{
	if (o->there == NULL && *word == '\0')
		return false;
	if (o->there != NULL)
		*o->there = o->letter;
	else if (o->words == NULL)
		*o->word = word;
	else if (o->words->n++ < COMMAND_WORDS_MAX)
		o->words->all[o->words->n - 1] = word;
	return true;
}

/*
 * What getopt takes next. Afterwards it cannot be told from optind, which may
 * be at it or behind it; and words before it are moved, but not the string.
 */
static const char *
next_option(int argc, char **argv)
{
	for (int i = optind > 0 ? optind : 1; i < argc; i++)
		if (argv[i][0] == '-' && argv[i][1] != '\0')
			return argv[i];
	return NULL;
}

const char *
command_options(int argc, char **argv, const struct command_option *options,
    size_t n, bool *ret_twice)
{
	bool seen[COMMAND_OPTIONS_MAX] = { false };
	struct option names[COMMAND_OPTIONS_MAX + 1] = { { .name = NULL } };
	char letters[2 * COMMAND_OPTIONS_MAX + 1] = "";
	size_t n_names = 0, n_letters = 0, i;

	assert(n <= COMMAND_OPTIONS_MAX);
	for (i = 0; i < n; i++)
		if (options[i].name != NULL) {
			names[n_names++] =
			    (struct option){ .name = options[i].name,
				    .has_arg = options[i].there == NULL,
				    .val = options[i].letter };
		} else if (options[i].letter != 0) {
			letters[n_letters++] = options[i].letter;
			letters[n_letters++] = ':';
		}
	*ret_twice = false;
	opterr = 0;
	for (;;) {
		const char *word = next_option(argc, argv);
		const int c = getopt_long(argc, argv, letters, names, NULL);

		if (c == -1)
			return NULL;
		for (i = 0; i < n && options[i].letter != c; i++)
			;
		if (i == n || !take(&options[i], optarg))
			return word;
		*ret_twice = seen[i] && options[i].words == NULL;
		if (*ret_twice)
			return word;
		seen[i] = true;
	}
}

static bool
is_option(const char *odd, const struct command_option *o)
{
	if (o->name == NULL)
		return o->letter != 0 && odd[1] == o->letter && odd[2] == '\0';
	return odd[1] == '-' &&
	    strncmp(odd + 2, o->name, strlen(o->name)) == 0 &&
	    strchr("=", odd[2 + strlen(o->name)]) != NULL;
}

void
command_odd_text(const char *odd, const struct command_option *options,
    size_t n, char *buf, size_t room)
{
	const char *at = odd[1] == '-' ? odd + 2 : odd + 1;
	char typed[NEAREST_TEXT];
	struct nearest near;

	(void)snprintf(typed, sizeof(typed), "%.*s", (int)strcspn(at, "="), at);
	near = nearest_to(typed);
	for (size_t i = 0; i < n; i++) {
		const struct command_option *o = &options[i];

		if (is_option(odd, o)) {
			(void)snprintf(buf, room,
			    o->there != NULL ? "'%s': --%s takes no value"
			                     : "'%s' needs a value behind it",
			    odd, o->name);
			return;
		}
		if (o->name != NULL)
			nearest_offer(&near, o->name);
	}
	(void)snprintf(buf, room, "'%s' is not understood", odd);
	if (near.word != NULL)
		(void)snprintf(buf, room,
		    "'%s' is not understood; did you mean '--%s'?", odd,
		    near.word);
}

void
command_twice_text(const char *odd, char *buf, size_t room)
{
	(void)snprintf(buf, room, "'%.*s' is given twice",
	    odd[1] == '-' ? (int)strcspn(odd, "=") : 2, odd);
}

int
command_parse(const char *name, int argc, char **argv,
    const struct command_option *options, size_t n)
{
	bool twice;
	const char *odd = command_options(argc, argv, options, n, &twice);
	char text[256];

	if (odd != NULL) {
		if (twice)
			command_twice_text(odd, text, sizeof(text));
		else
			command_odd_text(odd, options, n, text, sizeof(text));
		return command_misused(name, "%s", text);
	}
	for (int i = optind; i < argc; i++)
		if (argv[i][0] == '\0')
			return command_misused(name,
			    "an empty word is not expected; is a variable not set?");
	for (size_t i = 0; i < n; i++)
		if (options[i].letter == 0)
			*options[i].word =
			    optind < argc ? argv[optind++] : NULL;
	if (optind < argc)
		return command_misused(
		    name, "'%s' is not expected", argv[optind]);
	return COMMAND_DONE;
}
