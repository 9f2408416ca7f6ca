#include "config/config.h"
#include "config/yaml/nearest.h"
#include "core/json_doc.h"
#include "hapair/cli/client.h"
#include "hapair/cli/command.h"
#include "hapair/cli/completion.h"
#include "hapair/cli/file.h"

#include <stdio.h>
#include <string.h>

/*
 * Each asks this program what can come next; where it says nothing, the shell
 * completes files. bash divides words also at ':' and '=', and wants only what
 * is behind the last of them.
 */
static const struct script {
	const char *shell, *text;
} scripts[] = {
	{ "bash",
	    "_hapair()\n"
	    "{\n"
	    "	local line=${COMP_LINE:0:COMP_POINT} cur IFS=$' \\t'\n"
	    "	local -a words\n"
	    "	read -ra words <<<\"$line\"\n"
	    "	[[ $line == *[$' \\t'] ]] && words+=('')\n"
	    "	cur=${words[-1]}\n"
	    "	IFS=$'\\n'\n"
	    "	COMPREPLY=($(\"${words[0]}\" completion --words -- \"${words[@]:1}\" 2>/dev/null))\n"
	    "	[[ ${COMPREPLY[*]} == *= ]] && compopt -o nospace\n"
	    "	cur=${cur%\"${cur##*[:=]}\"}\n"
	    "	COMPREPLY=(\"${COMPREPLY[@]#\"$cur\"}\")\n"
	    "}\n"
	    "complete -o default -F _hapair hapair\n" },
	{ "zsh",
	    "#compdef hapair\n"
	    "_hapair()\n"
	    "{\n"
	    "	local -a found\n"
	    "	found=(${(f)\"$(${words[1]} completion --words -- \"${(@)words[2,CURRENT]}\" 2>/dev/null)\"})\n"
	    "	if (( $#found )); then compadd -- $found; else _files; fi\n"
	    "}\n"
	    "compdef _hapair hapair\n"
	    "# From a file in $fpath this is the function's first call.\n"
	    "if [[ ${funcstack[1]} == _hapair ]]; then _hapair \"$@\"; fi\n" },
	{ "fish",
	    "function __hapair_words\n"
	    "	set -l typed (commandline -opc)\n"
	    "	set -l program $typed[1]\n"
	    "	set -e typed[1]\n"
	    "	$program completion --words -- $typed (commandline -ct) 2>/dev/null\n"
	    "end\n"
	    "complete -c hapair -a '(__hapair_words)'\n" },
};

static void
offer_server(struct completion *c, const char *service, const char *server)
{
	char name[2 * CONFIG_NAME_MAX + 300];

	if ((size_t)snprintf(name, sizeof(name), "%s/%s", service, server) <
	    sizeof(name))
		completion_offer(c, name);
}

static void
offer_names(struct completion *c, const struct json_doc *list)
{
	for (size_t i = 0; i < json_doc_count(list); i++)
		completion_offer(
		    c, json_doc_string(json_doc_at(list, i), "name"));
}

/* As a daemon's status has them. */
static void
offer_running(struct completion *c, enum completion_kind kind,
    const struct json_doc *status)
{
	const struct json_doc *services = json_doc_get(status, "services");

	switch (kind) {
	case COMPLETION_GROUPS:
		offer_names(c, json_doc_get(status, "groups"));
		break;
	case COMPLETION_NODES:
		completion_offer(c, json_doc_string(status, "node"));
		offer_names(c, json_doc_get(status, "peers"));
		break;
	case COMPLETION_SERVERS:
		offer_names(c, services);
		for (size_t i = 0; i < json_doc_count(services); i++) {
			const struct json_doc *s = json_doc_at(services, i);
			const struct json_doc *all = json_doc_get(s, "servers");

			for (size_t k = 0; k < json_doc_count(all); k++)
				offer_server(c, json_doc_string(s, "name"),
				    json_doc_string(
				        json_doc_at(all, k), "name"));
		}
		break;
	}
}

static void
offer_configured(struct completion *c, enum completion_kind kind,
    const struct config *config)
{
	switch (kind) {
	case COMPLETION_GROUPS:
		for (size_t i = 0; i < config->pair.n_groups; i++)
			completion_offer(c, config->pair.groups[i].name);
		break;
	case COMPLETION_NODES:
		for (size_t i = 0; config->has_pair && i < CONFIG_NODES; i++)
			completion_offer(c, config->pair.nodes[i].name);
		break;
	case COMPLETION_SERVERS:
		for (size_t i = 0; i < config->n_services; i++) {
			const struct config_service *s = &config->services[i];

			completion_offer(c, s->name);
			for (size_t k = 0; k < s->n_servers; k++)
				offer_server(c, s->name, s->servers[k].name);
		}
		break;
	}
}

/* Of the daemon, which may run another file; and of the file, where none does.
 */
static void
find_names(struct completion *c, enum completion_kind kind)
{
	CLEANUP(json_doc_free_at) struct json_doc *status = NULL;
	CLEANUP(file_free)
	struct file f = {
		.path = completion_value(c, "-c"),
	};
	struct client client = {
		.command = "completion",
		.socket = completion_value(c, "-s"),
	};

	if (f.path == NULL)
		f.path = COMMAND_CONFIG_PATH;
	client.path = f.path;
	if (client_ask(&client, "status", &status) == COMMAND_DONE)
		offer_running(c, kind, status);
	else if (client.socket == NULL && file_load(&f) == 0)
		offer_configured(c, kind, f.config);
}

static int
refuse(const char *shell)
{
	struct nearest near = nearest_to(shell);
	char text[NEAREST_TEXT];

	for (size_t i = 0; i < ARRAY_LEN(scripts); i++)
		nearest_offer(&near, scripts[i].shell);
	return command_misused("completion", "no script for '%s'%s", shell,
	    near.word != NULL ? nearest_text(&near, text)
	                      : "; expected bash, zsh or fish");
}

int
cmd_completion(int argc, char **argv)
{
	struct completion c = { .names = find_names, .out = stdout };
	const char *shell = NULL;
	const struct command_option options[] = { { .word = &shell } };
	int status;

	/* What is typed behind it are no options of ours. */
	if (argc > 3 && strcmp(argv[1], "--words") == 0 &&
	    strcmp(argv[2], "--") == 0) {
		c.words = (const char *const *)argv + 3;
		c.n_words = (size_t)argc - 3;
		completion_print(&c);
		return fflush(stdout) == 0 ? COMMAND_DONE : COMMAND_FAILED;
	}
	status = command_parse("completion", argc, argv, options, 1);
	if (status != COMMAND_DONE)
		return status;
	if (shell == NULL)
		return command_misused(
		    "completion", "expected bash, zsh or fish");
	for (size_t i = 0; i < ARRAY_LEN(scripts); i++)
		if (strcmp(scripts[i].shell, shell) == 0) {
			(void)fputs(scripts[i].text, stdout);
			return fflush(stdout) == 0 ? COMMAND_DONE
			                           : COMMAND_FAILED;
		}
	return refuse(shell);
}
