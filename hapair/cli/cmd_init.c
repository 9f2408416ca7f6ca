#include "config/load.h"
#include "config/yaml/diag.h"
#include "core/fd.h"
#include "core/secret.h"
#include "hapair/cli/command.h"
#include "hapair/cli/first_words.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define KEY_NAME "pair.key"
#define BETWEEN " \t,\n"

struct init {
	const char *path;
	char key_path[PATH_MAX];
	struct first_words words;
};

/* One that is not given by its option is asked for. */
struct question {
	const char *option, *text;
	first_words_take take;
	bool several, may_be_empty;
};

static const struct question of_address = { "--vip",
	"Virtual IP that clients connect to, such as 10.0.0.100/24\n"
	"(several with blanks between; none, and this host serves alone)",
	first_words_take_address, true, true };
static const struct question of_peer = { "--peer",
	"The other host, as NAME=ADDRESS", first_words_take_peer, false,
	false };
static const struct question of_port = { "--port",
	"Port that clients connect to", first_words_take_port, false, false };
static const struct question of_server = { "--server",
	"Servers behind it, as HOST:PORT, with blanks between",
	first_words_take_server, true, false };

/* Returns COMMAND_DONE, or what went wrong is said. */
static int
take_words(struct init *n, const struct question *q, const char *const *words,
    size_t n_words)
{
	char fault[FIRST_WORDS_FAULT];

	if (n_words > COMMAND_WORDS_MAX)
		return command_misused(
		    "init", "%s is given %zu times", q->option, n_words);
	for (size_t i = 0; i < n_words; i++) {
		const int e = q->take(&n->words, words[i], fault);

		if (e < 0)
			return command_refuse("init", COMMAND_WRONG, "%s: %s",
			    q->option, e == -ENOMEM ? strerror(-e) : fault);
	}
	return COMMAND_DONE;
}

/* -EINVAL: it is said what is wrong with the answer, and none of it is kept. */
static int
take_answer(struct init *n, const struct question *q, char *answer)
{
	char fault[FIRST_WORDS_FAULT] = "an answer is expected";
	const size_t n_addresses = n->words.n_addresses;
	const size_t n_servers = n->words.n_servers;
	size_t taken = 0;
	int e = 0;

	for (char *at = answer, *word;
	     e == 0 && (word = strsep(&at, BETWEEN)) != NULL;) {
		if (*word == '\0')
			continue;
		if (taken++ > 0 && !q->several)
			e = -EINVAL;
		else
			e = q->take(&n->words, word, fault);
	}
	if (taken == 0 && !q->may_be_empty)
		e = -EINVAL;
	if (taken > 1 && !q->several)
		(void)snprintf(fault, sizeof(fault), "one is expected");
	if (e == -EINVAL) {
		first_words_shorten(&n->words, n_addresses, n_servers);
		(void)fprintf(stderr, "hapair init: %s\n", fault);
	}
	return e;
}

/* People are asked again, and a pipe is not. */
static int
ask(struct init *n, const struct question *q)
{
	CLEANUP(free_str) char *answer = NULL;
	size_t room = 0;
	int e;

	do {
		(void)fprintf(stderr, "%s: ", q->text);
		if (getline(&answer, &room, stdin) == -1) {
			(void)fputc('\n', stderr);
			return command_refuse("init", COMMAND_WRONG,
			    "there is no answer; expected one, or %s",
			    q->option);
		}
		e = take_answer(n, q, answer);
	} while (e == -EINVAL && isatty(STDIN_FILENO) == 1);
	return e == 0 ? COMMAND_DONE : COMMAND_WRONG;
}

static int
take_or_ask(struct init *n, const struct question *q, const char *const *words,
    size_t n_words)
{
	return n_words > 0 ? take_words(n, q, words, n_words) : ask(n, q);
}

/* The key is beside the file, which is new. */
static int
find_places(struct init *n)
{
	char why[TRUSTED_PATH_WHY_MAX], above[PATH_MAX] = ".";
	CLEANUP(free_str) char *dir = NULL;
	const char *slash = strrchr(n->path, '/');
	CLEANUP(fd_close) int fd = -1;

	if (slash != NULL)
		(void)snprintf(above, sizeof(above), "%.*s",
		    slash == n->path ? 1 : (int)(slash - n->path), n->path);
	fd = trusted_path_directory(above, TRUSTED_PATH_ROOTS, 0755, why);
	if (fd < 0)
		return command_refuse(
		    "init", COMMAND_FAILED, "%s: %s", above, why);
	dir = realpath(above, NULL);
	if (dir == NULL ||
	    (size_t)snprintf(n->key_path, sizeof(n->key_path), "%s/%s",
	        strcmp(dir, "/") == 0 ? "" : dir,
	        KEY_NAME) >= sizeof(n->key_path))
		return command_refuse("init", COMMAND_FAILED, "%s: %s", above,
		    strerror(dir == NULL ? errno : ENAMETOOLONG));
	if (faccessat(AT_FDCWD, n->path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return command_refuse("init", COMMAND_FAILED,
		    "%s: is there already; expected no file, for none is overwritten",
		    n->path);
	return COMMAND_DONE;
}

/* Of a pair alone. */
static int
look_for_key(const struct init *n)
{
	if (faccessat(AT_FDCWD, n->key_path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return command_refuse("init", COMMAND_FAILED,
		    "%s: is there already; a key that is in use is never replaced",
		    n->key_path);
	return COMMAND_DONE;
}

/* What is wrong with all of it together, such as an address that occurs twice.
 */
static int
check(const struct init *n, const char *text)
{
	CLEANUP(diag_free_at) struct diag *diag = diag_new();
	struct config *config = NULL;
	int e = diag != NULL ? 0 : -ENOMEM;

	if (e == 0)
		e = load_text(n->path, text, strlen(text), diag, &config);
	config_free(config);
	if (diag_count(diag) > 0 || e < 0) {
		diag_print(diag, stderr);
		return command_refuse("init", COMMAND_WRONG,
		    "that makes no configuration, and nothing is written");
	}
	diag_print(diag, stderr);
	return COMMAND_DONE;
}

static int
make_key(const struct init *n)
{
	char why[TRUSTED_PATH_WHY_MAX];
	struct secret_key key;
	int e;

	secret_random(key.bytes, sizeof(key.bytes));
	e = secret_save(n->key_path, &key);
	secret_wipe(&key, sizeof(key));
	if (e < 0)
		return command_refuse("init", COMMAND_FAILED, "%s: %s",
		    n->key_path,
		    trusted_path_fault(
		        n->key_path, TRUSTED_PATH_ANYBODYS, e, why));
	return COMMAND_DONE;
}

static int
write_file(const struct init *n, const char *text)
{
	char why[TRUSTED_PATH_WHY_MAX];
	CLEANUP(fd_close)
	int fd = trusted_path_open(n->path, TRUSTED_PATH_ROOTS,
	    O_WRONLY | O_CREAT | O_EXCL, 0644, why);
	int e;

	if (fd < 0)
		return command_refuse(
		    "init", COMMAND_FAILED, "%s: %s", n->path, why);
	e = fd_write_all(fd, text, strlen(text));
	if (e == 0 && fsync(fd) == -1)
		e = -errno;
	if (e == 0)
		return COMMAND_DONE;
	(void)unlink(n->path);
	return command_refuse(
	    "init", COMMAND_FAILED, "%s: %s", n->path, strerror(-e));
}

static void
tell_next(const struct init *n)
{
	const bool pair = n->words.n_addresses > 0;

	(void)printf("%s%s%s: made\n", n->path, pair ? " and " : "",
	    pair ? n->key_path : "");
	if (pair)
		(void)printf(
		    "next: copy both to the same place on %s (%s), then on each host\n",
		    n->words.peer_name, n->words.peer);
	(void)printf("%s  hapair check %s --host\n"
	             "  systemctl enable --now hapair\n"
	             "  hapair status\n",
	    pair ? "" : "next:\n", n->path);
}

static int
make(struct init *n)
{
	CLEANUP(free_str) char *text = NULL;
	const bool pair = n->words.n_addresses > 0;
	const struct first_file f = first_words_file(&n->words, n->key_path);
	int status;

	text = first_file_text(&f);
	if (text == NULL || secret_init() < 0)
		return command_refuse("init", COMMAND_FAILED,
		    "there is no memory, or no random numbers");
	status = check(n, text);
	if (status == COMMAND_DONE && pair)
		status = make_key(n);
	if (status != COMMAND_DONE)
		return status;
	status = write_file(n, text);
	if (status == COMMAND_DONE)
		tell_next(n);
	else if (pair)
		(void)unlink(n->key_path); /* made a moment ago, by us */
	return status;
}

struct given {
	const char *here, *peer, *interface, *port, *preset;
	struct command_words addresses, servers;
};

static int
take_names(struct init *n, const struct given *g)
{
	char fault[FIRST_WORDS_FAULT] = "";
	int e = 0;

	if (g->here != NULL)
		e = first_words_take_here(&n->words, g->here, fault);
	if (e == 0 && g->interface != NULL)
		e = first_words_take_name(
		    &n->words.interface, "interface", g->interface, fault);
	if (e == 0 && g->preset != NULL)
		e = first_words_take_name(
		    &n->words.preset, "preset", g->preset, fault);
	return e == 0 ? COMMAND_DONE
	              : command_refuse("init", COMMAND_WRONG, "%s", fault);
}

/* In the order of the questions. Without a virtual IP there is no peer. */
static int
take_all(struct init *n, const struct given *g)
{
	char fault[FIRST_WORDS_FAULT];
	int status = take_names(n, g);
	bool pair;

	if (status == COMMAND_DONE &&
	    !(g->addresses.n == 1 && strcmp(g->addresses.all[0], "none") == 0))
		status = take_or_ask(
		    n, &of_address, g->addresses.all, g->addresses.n);
	pair = n->words.n_addresses > 0;
	if (status == COMMAND_DONE && !pair &&
	    (g->peer != NULL || g->here != NULL || g->interface != NULL))
		return command_misused("init",
		    "--peer, --here and --interface belong to a virtual IP");
	if (status == COMMAND_DONE && pair)
		status = look_for_key(n);
	if (status == COMMAND_DONE && pair)
		status = take_or_ask(n, &of_peer, &g->peer, g->peer != NULL);
	if (status == COMMAND_DONE)
		status = take_or_ask(n, &of_port, &g->port, g->port != NULL);
	if (status == COMMAND_DONE)
		status =
		    take_or_ask(n, &of_server, g->servers.all, g->servers.n);
	if (status == COMMAND_DONE && pair &&
	    first_words_complete(&n->words, fault) < 0)
		status = command_refuse("init", COMMAND_WRONG, "%s", fault);
	return status;
}

int
cmd_init(int argc, char **argv)
{
	struct init n = { .path = NULL };
	struct given g = { .here = NULL };
	const struct command_option options[] = {
		{ 'c', .word = &n.path },
		{ 'v', "vip", .words = &g.addresses },
		{ 'p', "peer", .word = &g.peer },
		{ 't', "port", .word = &g.port },
		{ 'S', "server", .words = &g.servers },
		{ 'r', "preset", .word = &g.preset },
		{ 'i', "interface", .word = &g.interface },
		{ 'h', "here", .word = &g.here },
	};
	int status =
	    command_parse("init", argc, argv, options, ARRAY_LEN(options));

	if (status != COMMAND_DONE)
		return status;
	if (n.path == NULL)
		n.path = COMMAND_CONFIG_PATH;
	status = find_places(&n);
	if (status == COMMAND_DONE)
		status = take_all(&n, &g);
	if (status == COMMAND_DONE)
		status = make(&n);
	first_words_fini(&n.words);
	return status;
}
