#include "config/config.h"
#include "config/load.h"
#include "core/secret.h"
#include "core/shared_state.h"
#include "hapair/cli/command.h"
#include "hapair/supervisor/listeners.h"
#include "hapair/supervisor/state_file.h"
#include "hapair/supervisor/upgrade_answer.h"
#include "hapair/supervisor/upgrade_collect.h"
#include "proxy/health/curl_library.h"
#include "proxy/health/http_client.h"
#include "proxy/web/web_http.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/*
 * Before a daemon becomes this program it asks whether it can: all that the
 * next supervisor reads is read here, by the same code.
 */

static int
look_at(const struct upgrade_state_generation *g, const char *path, bool first)
{
	struct listeners l = { 0 };
	struct config *c = NULL;
	char why[LATE_LIBRARY_WHY_MAX];
	int e = load_text(path, (const char *)g->text, g->len, NULL, &c);

	if (e < 0)
		return command_refuse(NULL, COMMAND_WRONG,
		    "the configuration that runs is none to this version: %s",
		    strerror(-e));
	if (curl_library_is_needed(c))
		e = http_client_load(why);
	if (e == 0 && c->has_web)
		e = web_http_load(why);
	if (e < 0) {
		config_free(c);
		return command_refuse(NULL, COMMAND_FAILED,
		    "the configuration that runs needs a library: %s", why);
	}
	if (first)
		e = listeners_adopt(&l, c, g->workers, &g->listeners);
	/* They are not open here. */
	l.n = 0;
	listeners_close(&l);
	config_free(c);
	return e < 0
	    ? command_refuse(NULL, COMMAND_FAILED,
	          "the configuration that runs means other listeners to this version")
	    : COMMAND_DONE;
}

/* What is agreed on with the peer: who cannot read that cannot go on. */
static int
look_at_accords(const struct upgrade_state *s)
{
	struct shared_state all = { .n = 0 };
	const int e =
	    state_file_parse((const char *)s->accords, s->accords_len, &all);

	shared_state_fini(&all);
	return e < 0
	    ? command_refuse(NULL, COMMAND_FAILED,
	          "what is agreed on with the peer cannot be read by this version: %s",
	          strerror(-e))
	    : COMMAND_DONE;
}

static int
refuse_state(int e)
{
	return command_refuse(NULL, COMMAND_FAILED, "%s",
	    e == -EPROTONOSUPPORT
	        ? "the daemon's state is of a later version, which this one cannot read"
	        : "standard input is no state of a daemon: `trial` is for the supervisor alone");
}

int
cmd_trial(int argc, char **argv)
{
	CLEANUP(upgrade_collect_free) struct upgrade_collect_loaded *l = NULL;
	const struct upgrade_answer own = upgrade_answer_own();
	char text[UPGRADE_ANSWER_MAX];
	int status;
	int e = upgrade_collect_load(STDIN_FILENO, &l);

	(void)argc;
	(void)argv;
	if (e == 0)
		e = secret_init();
	if (e < 0)
		return refuse_state(e);
	status = look_at_accords(&l->state);
	for (size_t i = 0; status == COMMAND_DONE && i < l->state.n_generations;
	     i++)
		status =
		    look_at(&l->state.generations[i], l->state.path, i == 0);
	if (status == COMMAND_DONE &&
	    fputs(upgrade_answer_text(&own, text), stdout) == EOF)
		status = COMMAND_FAILED;
	return fflush(stdout) == EOF ? COMMAND_FAILED : status;
}
