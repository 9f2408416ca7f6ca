#include "config/import/keepalived_notify.h"

#include <string.h>

#define SCRIPT "/etc/hapair/notify"

static const struct event {
	const char *word, *state; /* of ours; NULL: any */
} events[] = {
	{ "notify_master", "master" },
	{ "notify_backup", "backup" },
	{ "notify_fault", "fault" },
	{ "notify_stop", "stop" },
	{ "notify", NULL },
};

/* "systemctl restart haproxy": there is none to be started any more. */
static bool
is_haproxys(const char *command)
{
	static const char *const words[] = { "systemctl", "service ", "init.d/",
		"killall" };

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strstr(command, words[i]) != NULL)
			return strstr(command, "haproxy") != NULL;
	return false;
}

/* A line of the script: a pattern of "GROUP/STATE" and what is run. */
static void
add_case(struct keepalived_hosts *h, const char *group,
    const struct event *event, const char *command, bool is_group)
{
	struct import_plan_list *lines = &h->plan->pair.notify_lines;

	if (event->state != NULL)
		import_plan_line(h->plan, lines,
		    "  case $1/$state in %s/%s) %s ;; esac", group,
		    event->state, command);
	else
		import_plan_line(h->plan, lines,
		    "  case $1 in %s) %s %s $1 $(echo $state | tr a-z A-Z) 100 ;; esac",
		    group, command, is_group ? "GROUP" : "INSTANCE");
}

static void
begin(struct keepalived_hosts *h)
{
	struct import_plan_pair *pair = &h->plan->pair;
	struct import_plan_list *lines = &pair->notify_lines;

	if (pair->notify != NULL)
		return;
	pair->notify = SCRIPT;
	import_plan_line(h->plan, lines,
	    IMPORT_PLAN_FILL_IN ": make this script of these lines; it is run "
	                        "as: GROUP STATE REASON ADDRESSES PEER WORD");
	import_plan_line(h->plan, lines, "  #!/bin/sh");
	import_plan_line(
	    h->plan, lines, "  state=$2; [ \"$6\" != stop ] || state=stop");
}

static void
take(struct keepalived_hosts *h, const struct keepalived_text_line *l,
    const struct event *event, const char *group, bool is_group)
{
	char command[IMPORT_PLAN_COMMAND_MAX];
	const bool whole = keepalived_text_join(l, command, sizeof(command));

	if (command[0] == '\0')
		return;
	if (is_haproxys(command)) {
		import_notes_note(&h->plan->notes, l->at,
		    "'%.100s' is not carried over: hapair's relay runs on both "
		    "nodes all the time",
		    command);
		return;
	}
	begin(h);
	if (!whole) {
		import_notes_error(&h->plan->notes, l->at,
		    "'%.100s' is longer than %d bytes, and is not among the "
		    "lines of " SCRIPT "; add it there (" IMPORT_PLAN_FILL_IN
		    ")",
		    command, IMPORT_PLAN_COMMAND_MAX - 1);
		return;
	}
	import_notes_error(&h->plan->notes, l->at,
	    "'notify' is one program for all groups and states here: make " SCRIPT
	    " of the lines in the result, which run '%.100s' "
	    "(" IMPORT_PLAN_FILL_IN ")",
	    command);
	add_case(h, group, event, command, is_group);
}

static void
take_all(struct keepalived_hosts *h, const struct keepalived_text_line *of,
    const char *group, bool is_group)
{
	for (const struct keepalived_text_line *l = of->first; l != NULL;
	     l = l->next)
		for (size_t i = 0; i < ARRAY_LEN(events); i++)
			if (strcmp(l->words[0], events[i].word) == 0)
				take(h, l, &events[i], group, is_group);
}

/* Of the first host that has the instance: on both it is the same. */
void
keepalived_notify_read(struct keepalived_hosts *h)
{
	for (size_t i = 0; i < h->n; i++) {
		const struct keepalived_hosts_instance *own = &h->all[i];
		const struct import_plan_group *g = own->group;
		bool seen = false;

		if (g == NULL)
			continue;
		for (size_t k = 0; k < i; k++)
			seen = seen ||
			    (own->sync != NULL && h->all[k].sync == own->sync);
		if (own->sync != NULL && !seen)
			take_all(h, own->sync, g->name, true);
		take_all(h, keepalived_hosts_line(own), g->name, false);
	}
}
