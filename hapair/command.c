#include "hapair/command.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <getopt.h>

static const struct command commands[] = {
	{ "run", cmd_run, "[-c FILE] [--node NAME] [--daemon]",
	    "runs this node",
	    "In the foreground, until SIGTERM or SIGINT. The node is the one\n"
	    "of pair.nodes whose address this host has, or --node NAME. With\n"
	    "--daemon it goes into the background once it is ready; the exit\n"
	    "status tells whether it got there. A service manager is told of\n"
	    "its readiness (sd_notify)." },
	{ "check", cmd_check, "[-c FILE] [--print | --host [--node NAME]]",
	    "checks a configuration file",
	    "Reports every mistake as FILE:LINE:COLUMN and exits with 2 where\n"
	    "there is one. --print writes the file back in canonical form with\n"
	    "every default filled in. --host looks at this machine, too: the\n"
	    "interfaces, the peer, ports, descriptors, the files and their\n"
	    "rights, the servers' names; a line each, and exit status 1 where\n"
	    "one is an error. It changes nothing, a daemon may run or not." },
	{ "status", cmd_status, "[-c FILE | -s SOCKET] [--json | --short]",
	    "shows how this node is",
	    "Who is master and why, whether the peer is alive and runs the\n"
	    "same configuration, which servers are up. --short prints a line\n"
	    "'GROUP STATE' for each group, --json everything. Exits with 0\n"
	    "where the node is healthy, 1 where anything is degraded, 3 where\n"
	    "no daemon answers." },
	{ "release", cmd_release, "[-c FILE]",
	    "removes the virtual IPs from this host",
	    "Those of every group in the file, from whatever interface they\n"
	    "are on: after a daemon that ended without doing so itself\n"
	    "(ExecStopPost= of the systemd unit). Refuses while a daemon\n"
	    "runs, whose they are." },
	{ "handover", cmd_handover, "[-c FILE | -s SOCKET] [GROUP]",
	    "gives a group to the peer",
	    "The peer takes the group's addresses before this node lets go of\n"
	    "them, so that nobody who connects finds nobody; connections that\n"
	    "are open here are reset. Without GROUP: every group this node is\n"
	    "master of. Answers when the peer serves, or says why not and\n"
	    "exits with 1; then everything is as it was." },
	{ "server", cmd_server,
	    "[-c FILE | -s SOCKET] SERVICE/NAME "
	    "ready|drain|maint|weight=N|activate",
	    "changes a server at run time",
	    "drain: it gets no new connections and keeps those it has. maint:\n"
	    "those are reset, too. ready: it takes part again. weight=N, 0 to\n"
	    "256: its share, in place of the one in the file. Holds on both\n"
	    "nodes, at once where they hear each other, and until it is\n"
	    "changed again: over restarts, too. Of two changes of the same\n"
	    "thing the later one holds.\n"
	    "Of a standby service: maint of the active server makes the next\n"
	    "one active at once, drain does not. activate makes this one\n"
	    "active, after the fence, where there is one. It is for the node\n"
	    "that decides, the master, and refused where the server is not\n"
	    "fit, or where the servers say themselves who of them is active." },
	{ "genkey", cmd_genkey, "[FILE]", "makes a new pair key",
	    "Writes it to FILE, mode 0400, which must not exist yet; without\n"
	    "FILE to standard output. Both nodes need the same key." },
	{ "keytab", cmd_keytab, "list|merge|verify|flags ...",
	    "makes and checks Kerberos keytabs",
	    "list FILE [--json]\n"
	    "    Each entry's kvno, enctype, timestamp, name type and principal,\n"
	    "    and a fingerprint of its key, never the key: the same one on two\n"
	    "    hosts is the same key. A file that is truncated or no keytab is\n"
	    "    refused with the place, where MIT's tools stop without a word.\n"
	    "merge -o OUT [--principal PATTERN]... [--drop-kvno-older-than N]\n"
	    "      [--owner USER[:GROUP]] IN...\n"
	    "    One keytab out of several, mode 0400, its owner kept: renamed\n"
	    "    into place, or OUT is left as it was. Keys that are there twice\n"
	    "    are kept once; different keys under one name are refused. OUT\n"
	    "    may be an IN, and must be to keep what it has. PATTERN is a\n"
	    "    shell's: 'proxy/*'. Of no principal is the newest kvno dropped.\n"
	    "merge --proxy FILE --hosts DIR --out DIR [the same options]\n"
	    "    The same for many hosts: each keytab in DIR, called HOST or\n"
	    "    HOST.keytab and of that host alone, together with FILE.\n"
	    "verify FILE [--principal PRINCIPAL]\n"
	    "    Proves against the KDC that the keys work: logs in with each\n"
	    "    principal, asks for a ticket for it, opens that with the key.\n"
	    "    What fails is told with what mends it, and exits with 1; so does\n"
	    "    a clock or a host name that would make the service refuse. Run\n"
	    "    it on the host where the keytab is used.\n"
	    "flags FILE --vip HOST --host HOST [--port PORT]\n"
	    "    The flags of the impalad on that host, in the order that works,\n"
	    "    and what clients of the virtual IP have to write.\n"
	    "flags --lint FLAGS [FILE] [--vip HOST] [--host HOST]\n"
	    "    Looks at the flags that an impalad has, in a flag file or\n"
	    "    /etc/default/impala: swapped, missing, not in the keytab. Exits\n"
	    "    with 1 where there is something." },
	{ "version", cmd_version, "", "prints the version", "" },
	{ "help", cmd_help, "[COMMAND | keys]", "explains a command",
	    "`hapair help keys` lists every key of the configuration file." },
	{ "role", cmd_role, NULL, "", "" },
};

const struct command *
command_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

int
command_misused(const char *name, const char *format, ...)
{
	const struct command *c = command_find(name);
	va_list args;

	(void)fprintf(stderr, "hapair %s: ", name);
	va_start(args, format);
	(void)vfprintf(stderr, format, args);
	va_end(args);
	(void)fprintf(stderr, "\nusage: hapair %s %s\n", name,
	    c != NULL && c->usage != NULL ? c->usage : "");
	return COMMAND_WRONG;
}

int
command_bad_option(const char *name, char **argv)
{
	return command_misused(
	    name, "'%s' is not understood", argv[optind - 1]);
}

void
command_print_all(FILE *out)
{
	(void)fprintf(out, "usage: hapair COMMAND ...\n\n");
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (commands[i].usage != NULL)
			(void)fprintf(out, "  %-8s %s\n", commands[i].name,
			    commands[i].summary);
	(void)fprintf(out,
	    "\n`hapair help COMMAND` tells more. The configuration file is\n"
	    "%s where -c does not name another.\n",
	    COMMAND_CONFIG_PATH);
}
