/*
 * Command lines as people mistype them: each gets one line on stderr that says
 * what is wrong, and exit status 2; and help is to be had everywhere.
 */
#include "hapair/cli/command.h"

#include "tests/lib/test.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WORDS_MAX 10

/* The words, with spaces between them, behind `hapair`; an empty one is ''. */
static int
run(const char *words, char **ret_out, char **ret_err)
{
	CLEANUP(free_str) char *copy = strdup(words);
	char name[] = "hapair";
	char *argv[WORDS_MAX + 2] = { name };
	FILE *const out = stdout, *const err = stderr;
	size_t out_len, err_len;
	int argc = 1, status;

	assert_non_null(copy);
	for (char *at = copy, *word; (word = strsep(&at, " ")) != NULL;)
		if (*word != '\0' && argc <= WORDS_MAX)
			argv[argc++] =
			    strcmp(word, "''") == 0 ? word + 2 : word;
	*ret_out = *ret_err = NULL;
	stdout = open_memstream(ret_out, &out_len);
	stderr = open_memstream(ret_err, &err_len);
	optind = 0; /* glibc's: begin anew */
	status = command_main(argc, argv);
	(void)fclose(stdout);
	(void)fclose(stderr);
	stdout = out;
	stderr = err;
	return status;
}

static const struct row {
	const char *words, *said; /* behind "hapair"; ends with '*': begins */
} rows[] = {
	/* Commands. */
	{ "statsu", ": there is no command 'statsu'; did you mean 'status'?" },
	{ "Status", ": there is no command 'Status'; did you mean 'status'?" },
	{ "sttaus", ": there is no command 'sttaus'; did you mean 'status'?" },
	{ "chekc", ": there is no command 'chekc'; did you mean 'check'?" },
	{ "chek x", ": there is no command 'chek'; did you mean 'check'?" },
	{ "serve", ": there is no command 'serve'; did you mean 'server'?" },
	{ "servers",
	    ": there is no command 'servers'; did you mean 'server'?" },
	{ "handver",
	    ": there is no command 'handver'; did you mean 'handover'?" },
	{ "hand-over",
	    ": there is no command 'hand-over'; did you mean 'handover'?" },
	{ "reloda", ": there is no command 'reloda'; did you mean 'reload'?" },
	{ "relaod --help",
	    ": there is no command 'relaod'; did you mean 'reload'?" },
	{ "relese", ": there is no command 'relese'; did you mean 'release'?" },
	{ "gen-key",
	    ": there is no command 'gen-key'; did you mean 'genkey'?" },
	{ "inti", ": there is no command 'inti'; did you mean 'init'?" },
	{ "keytabs",
	    ": there is no command 'keytabs'; did you mean 'keytab'?" },
	{ "puase", ": there is no command 'puase'; did you mean 'pause'?" },
	{ "rseume", ": there is no command 'rseume'; did you mean 'resume'?" },
	{ "hepl", ": there is no command 'hepl'; did you mean 'help'?" },
	{ "verson", ": there is no command 'verson'; did you mean 'version'?" },
	{ "rn", ": there is no command 'rn'; did you mean 'run'?" },
	{ "start", ": there is no command 'start'*" },
	{ "failover", ": there is no command 'failover'*" },
	{ "x", ": there is no command 'x'; `hapair help` lists them" },
	{ "roles", ": there is no command 'roles'; `hapair help` lists them" },
	{ "--verison",
	    ": '--verison' is not understood; did you mean '--version'?" },
	{ "--hlep", ": '--hlep' is not understood; did you mean '--help'?" },
	{ "-x",
	    ": '-x' is not understood; a command comes first, its options behind it" },
	{ "--version=2", ": '--version=2': --version takes no value*" },
	{ "--json status",
	    ": '--json' is not understood; a command comes first*" },
	{ "-c /x status", ": '-c' is not understood; a command comes first*" },
	{ "-- status", ": '--' is not understood; a command comes first*" },
	{ "''", ": there is no command ''*" },
	{ "--version status", " version: 'status' is not expected*" },
	/* Options. */
	{ "status --jsn",
	    " status: '--jsn' is not understood; did you mean '--json'?" },
	{ "status --josn",
	    " status: '--josn' is not understood; did you mean '--json'?" },
	{ "status --shrot",
	    " status: '--shrot' is not understood; did you mean '--short'?" },
	{ "status --brief",
	    " status: '--brief' is not understood; `hapair status --help` shows how" },
	{ "status -json",
	    " status: '-json' is not understood; did you mean '--json'?" },
	{ "status -j", " status: '-j' is not understood*" },
	{ "status --json=1", " status: '--json=1': --json takes no value*" },
	{ "status -c", " status: '-c' needs a value behind it*" },
	{ "status -s", " status: '-s' needs a value behind it*" },
	{ "status now", " status: 'now' is not expected*" },
	{ "status --json now", " status: 'now' is not expected*" },
	{ "run --damon",
	    " run: '--damon' is not understood; did you mean '--daemon'?" },
	{ "run --node", " run: '--node' needs a value behind it*" },
	{ "run --nodes=x",
	    " run: '--nodes=x' is not understood; did you mean '--node'?" },
	{ "run --daemon=yes",
	    " run: '--daemon=yes': --daemon takes no value*" },
	{ "run -d", " run: '-d' is not understood*" },
	{ "run -f /x", " run: '-f' is not understood*" },
	{ "run /x", " run: '/x' is not expected*" },
	{ "init --vpi 10.0.0.1/24",
	    " init: '--vpi' is not understood; did you mean '--vip'?" },
	{ "init --port 1 --port 2", " init: '--port' is given twice*" },
	{ "check a b", " check: 'b' is not expected*" },
	{ "check -c a b", " check: expected one file, by -c or without it*" },
	{ "check --hots",
	    " check: '--hots' is not understood; did you mean '--host'?" },
	{ "check --prnt",
	    " check: '--prnt' is not understood; did you mean '--print'?" },
	{ "check --node x", " check: --node belongs to --host*" },
	{ "check -s x", " check: -s belongs to --diff*" },
	{ "check --host --print",
	    " check: of --print, --host and --diff only one can be given*" },
	{ "check --host --diff",
	    " check: of --print, --host and --diff only one can be given*" },
	{ "check -c", " check: '-c' needs a value behind it*" },
	{ "check --node", " check: '--node' needs a value behind it*" },
	{ "release all", " release: 'all' is not expected*" },
	{ "release --force", " release: '--force' is not understood*" },
	{ "handover a b", " handover: 'b' is not expected*" },
	{ "handover --dry-rnu",
	    " handover: '--dry-rnu' is not understood; did you mean '--dry-run'?" },
	{ "handover --dry-run=x",
	    " handover: '--dry-run=x': --dry-run takes no value*" },
	{ "handover -s", " handover: '-s' needs a value behind it*" },
	{ "reload now", " reload: 'now' is not expected*" },
	{ "reload --all", " reload: '--all' is not understood*" },
	{ "resume 5m", " resume: '5m' is not expected*" },
	{ "resume -f", " resume: '-f' is not understood*" },
	/* Twice, or empty. */
	{ "status -c a -c b", " status: '-c' is given twice*" },
	{ "status -ca -cb", " status: '-c' is given twice*" },
	{ "status --json --short --json", " status: '--json' is given twice*" },
	{ "run --node=a --node=a", " run: '--node' is given twice*" },
	{ "check -c a b -c a", " check: '-c' is given twice*" },
	{ "keytab merge -o x -o y z", " keytab merge: '-o' is given twice*" },
	{ "keytab flags x --vip a --vip=b",
	    " keytab flags: '--vip' is given twice*" },
	{ "status -s ''", " status: '-s' needs a value behind it*" },
	{ "run --node= -c x", " run: '--node=' needs a value behind it*" },
	{ "check ''",
	    " check: an empty word is not expected; is a variable not set?" },
	{ "handover ''", " handover: an empty word is not expected*" },
	{ "genkey ''", " genkey: an empty word is not expected*" },
	{ "server a/b ''", " server: an empty word is not expected*" },
	{ "keytab list ''", " keytab list: an empty word is not expected*" },
	{ "keytab merge -o x a ''",
	    " keytab merge: an empty word is not expected*" },
	{ "keytab flags --lint ''",
	    " keytab flags: '--lint' needs a value behind it*" },
	/* Durations. */
	{ "pause 0s",
	    " pause: '0s' is out of range; expected 1s to 24h; `hapair pause --help` shows how" },
	{ "pause 999ms", " pause: '999ms' is out of range*" },
	{ "pause 25h", " pause: '25h' is out of range*" },
	{ "pause 99999999999999999999h",
	    " pause: '99999999999999999999h' is*" },
	{ "pause 5",
	    " pause: '5' is no duration; expected one such as 30m or 2h*" },
	{ "pause 5min", " pause: '5min' is no duration*" },
	{ "pause -5m", " pause: '-5m' is not understood*" },
	{ "pause forever", " pause: 'forever' is no duration*" },
	{ "pause 1.5h", " pause: '1.5h' is no duration*" },
	{ "pause 1h 30m", " pause: '30m' is not expected*" },
	/* Servers. */
	{ "conections",
	    ": there is no command 'conections'; did you mean 'connections'?" },
	{ "connections --jsn",
	    " connections: '--jsn' is not understood; did you mean '--json'?" },
	{ "connections a b", " connections: 'b' is not expected*" },
	{ "kil", ": there is no command 'kil'; did you mean 'kill'?" },
	{ "kill", " kill: expected an ID of `hapair connections`, or *" },
	{ "kill a b", " kill: 'b' is not expected*" },
	{ "server", " server: expected a server, as SERVICE/NAME*" },
	{ "server a/b",
	    " server: expected what it shall be, behind its name: ready*" },
	{ "server a drain",
	    " server: expected a server, as SERVICE/NAME, found a*" },
	{ "server /b drain",
	    " server: expected a server, as SERVICE/NAME, found /b*" },
	{ "server a/ drain",
	    " server: expected a server, as SERVICE/NAME, found a/*" },
	{ "server a/b drian",
	    " server: 'drian' is not understood; did you mean 'drain'?" },
	{ "server a/b drained",
	    " server: 'drained' is not understood; did you mean 'drain'?" },
	{ "server a/b mait",
	    " server: 'mait' is not understood; did you mean 'maint'?" },
	{ "server a/b Ready",
	    " server: 'Ready' is not understood; did you mean 'ready'?" },
	{ "server a/b actvate",
	    " server: 'actvate' is not understood; did you mean 'activate'?" },
	{ "server a/b rest",
	    " server: 'rest' is not understood; did you mean 'reset'?" },
	{ "server a/b disable",
	    " server: 'disable' is not understood, expected ready*" },
	{ "server a/b weight",
	    " server: 'weight' is not understood; did you mean 'weight='?" },
	{ "server a/b weight=257",
	    " server: 'weight=257' is not understood, expected*" },
	{ "server a/b weight=",
	    " server: 'weight=' is not understood, expected*" },
	{ "server a/b weight=-1",
	    " server: 'weight=-1' is not understood, expected*" },
	{ "server a/b ready --wait", " server: --wait belongs to drain and *" },
	{ "server a/b drain --wait 5",
	    " server: '5' is no duration; expected one such as 30s *" },
	{ "server a/b drain --wiat",
	    " server: '--wiat' is not understood; did you mean '--wait'?" },
	{ "server a/b drain 5s", " server: '5s' is not expected*" },
	{ "server a/b weight 3", " server: '3' is not expected*" },
	{ "server drain a/b",
	    " server: expected a server, as SERVICE/NAME, found drain*" },
	{ "server a/b/c drain",
	    " server: expected a server, as SERVICE/NAME, found a/b/c*" },
	{ "server a/b weight=1e2",
	    " server: 'weight=1e2' is not understood, expected*" },
	{ "server a/b drain now", " server: 'now' is not expected*" },
	{ "server a/b activate --reason x",
	    " server: --reason belongs to ready, drain, maint and *" },
	{ "server a reset --reason x", " server: --reason belongs to *" },
	{ "server a/b drain --reason a\tb",
	    " server: --reason: expected a reason in printable UTF-8*" },
	{ "server a/b drain --reason", " server: '--reason' needs a value *" },
	{ "server a/b drain --wiat", " server: '--wiat' is not understood*" },
	/* Keys and keytabs. */
	{ "genkey a b", " genkey: 'b' is not expected*" },
	{ "genkey --out x", " genkey: '--out' is not understood*" },
	{ "keytab", " keytab: expected list, merge, verify or flags*" },
	{ "keytab lsit", " keytab: there is no 'lsit'; did you mean 'list'?" },
	{ "keytab mrege",
	    " keytab: there is no 'mrege'; did you mean 'merge'?" },
	{ "keytab check x", " keytab: there is no 'check'*" },
	{ "keytab list", " keytab list: expected one file*" },
	{ "keytab list a b", " keytab list: expected one file*" },
	{ "keytab list --jsn a",
	    " keytab list: '--jsn' is not understood; did you mean '--json'?" },
	{ "keytab merge a b", " keytab merge: expected -o OUT*" },
	{ "keytab merge -o", " keytab merge: '-o' needs a value behind it*" },
	{ "keytab merge -o x", " keytab merge: expected files to merge*" },
	{ "keytab merge --proxy p --hosts h",
	    " keytab merge: --proxy, --hosts and --out belong together*" },
	{ "keytab merge -o x --hosts h y",
	    " keytab merge: either -o OUT IN... or*" },
	{ "keytab merge -o x --princpal p y",
	    " keytab merge: '--princpal' is not understood; did you mean '--principal'?" },
	{ "keytab merge -o x --owner nobody:nogroups y",
	    " keytab merge: there is no user or group*" },
	{ "keytab merge -o x --drop-kvno-older-than two y",
	    " keytab merge: 'two' is no key version number*" },
	{ "keytab verify", " keytab verify: expected one file*" },
	{ "keytab verify --all x",
	    " keytab verify: '--all' is not understood*" },
	{ "keytab flags", " keytab flags: expected one keytab*" },
	{ "keytab flags x", " keytab flags: expected --vip and --host*" },
	{ "keytab flags x --vip v --host h --port 0",
	    " keytab flags: '0' is no port*" },
	{ "keytab flags x --vip v --host h --port http",
	    " keytab flags: 'http' is no port*" },
	{ "completion", " completion: expected bash, zsh or fish*" },
	{ "completion bsh",
	    " completion: no script for 'bsh'; did you mean 'bash'?" },
	{ "completion tcsh x", " completion: 'x' is not expected*" },
	{ "completion ksh",
	    " completion: no script for 'ksh'; did you mean 'zsh'?" },
	{ "completion --words x", " completion: '--words' is not understood*" },
	/* Help. */
	{ "help statu",
	    " help: there is no command 'statu'; did you mean 'status'?" },
	{ "help key", " help: there is no command 'key'*" },
	{ "help run now", " help: 'now' is not expected*" },
	{ "help keys all", " help: 'all' is not expected*" },
	{ "help keytab lis",
	    " help: keytab has no 'lis'; did you mean 'list'?" },
	{ "help role", " help: there is no command 'role'*" },
	{ "version 2", " version: '2' is not expected*" },
};

static void
each_mistake_is_one_line_and_status_2(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(free_str) char *out = NULL;
		CLEANUP(free_str) char *err = NULL;
		CLEANUP(free_str) char *said = NULL;
		size_t len = strlen(rows[i].said);

		test_row(rows[i].words);
		assert_int_equal(run(rows[i].words, &out, &err), 2);
		assert_text(out, "");
		assert_int_equal(strcspn(err, "\n"), strlen(err) - 1);
		assert_true(asprintf(&said, "hapair%s\n", rows[i].said) > 0);
		len += strlen("hapair") - 1;
		if (said[len] == '*' && strlen(err) > len)
			err[len] = said[len] = '\0';
		assert_text(err, said);
	}
}

static void
assert_help(const char *words, const char *begins)
{
	CLEANUP(free_str) char *out = NULL;
	CLEANUP(free_str) char *err = NULL;

	test_row(words);
	assert_int_equal(run(words, &out, &err), 0);
	assert_text(err, "");
	assert_ptr_equal(strstr(out, begins), out);
}

static void
every_command_explains_itself(void **state)
{
	static const char *const forms[][2] = { { "", " -h" },
		{ "", " --help" }, { "help ", "" }, { "", " x --nothing -h" } };
	const struct command *c;

	(void)state;
	for (c = command_all(); c->name != NULL; c++)
		for (size_t i = 0; c->usage != NULL && i < ARRAY_LEN(forms);
		     i++) {
			char words[64], begins[64];

			(void)snprintf(words, sizeof(words), "%s%s%s",
			    forms[i][0], c->name, forms[i][1]);
			(void)snprintf(
			    begins, sizeof(begins), "hapair %s", c->name);
			assert_help(words, begins);
		}
	for (c = command_below(command_find(command_all(), "keytab"));
	     c->name != NULL; c++) {
		char words[64], begins[64];

		(void)snprintf(words, sizeof(words), "keytab %s -h", c->name);
		(void)snprintf(
		    begins, sizeof(begins), "hapair keytab %s", c->name);
		assert_help(words, begins);
		(void)snprintf(words, sizeof(words), "help keytab %s", c->name);
		assert_help(words, begins);
	}
	assert_help("-h", "usage: hapair COMMAND");
	assert_help("--help", "usage: hapair COMMAND");
	assert_help("--help status", "usage: hapair COMMAND");
	assert_help("help", "usage: hapair COMMAND");
	assert_help("--version", "hapair ");
	assert_help("help keys", "`pair`");
}

/* The text on standard input, and what is said of it. */
static void
assert_checked(const char *words, const char *text, int status,
    const char *printed, const char *said)
{
	CLEANUP(free_str) char *out = NULL;
	CLEANUP(free_str) char *err = NULL;
	const int was = dup(STDIN_FILENO);
	int fds[2];

	test_row(words);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], text, strlen(text)), strlen(text));
	(void)close(fds[1]);
	(void)dup2(fds[0], STDIN_FILENO);
	(void)close(fds[0]);
	assert_int_equal(run(words, &out, &err), status);
	(void)dup2(was, STDIN_FILENO);
	(void)close(was);
	assert_text(out, printed);
	/* Of a checkout that others can write `check` says so. */
	if (said != NULL)
		assert_ptr_equal(strstr(err, said), err);
}

static void
check_takes_a_file_as_a_word_and_standard_input(void **state)
{
	static const char good[] =
	    "services: [{name: s, listen: '*:80', servers: 10.0.0.1:80}]\n";

	(void)state;
	assert_checked("check -", good, 0, "stdin: fine\n", "");
	assert_checked("check -c -", good, 0, "stdin: fine\n", "");
	assert_checked(
	    "check -", "services: 5\n", 2, "", "stdin:1:11: error: ");
	assert_checked("check -", "", 2, "", "stdin: error: nothing is");
	assert_checked("check config/examples/single.yaml", "", 0,
	    "config/examples/single.yaml: fine\n", NULL);
	assert_checked("check /none.yaml", "", 2, "",
	    "/none.yaml: error: cannot be read: ");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_mistake_is_one_line_and_status_2),
		cmocka_unit_test(every_command_explains_itself),
		cmocka_unit_test(
		    check_takes_a_file_as_a_word_and_standard_input),
	};

	TEST_MAIN(tests);
}
