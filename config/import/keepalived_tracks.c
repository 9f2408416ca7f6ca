#include "config/import/keepalived_tracks.h"

#include "config/import/haproxy_value.h"
#include "config/schema/scalar.h"

#include <string.h>

#define SECOND_MS 1000
#define HOUR_MS 3600000
#define WEIGHT_MAX 253
#define INTERFACE_MAX 15
#define LOOKS_MAX 1000 /* of all instances; far more than can be kept */

/* A block of a host that says what is tracked, and whose it is. */
struct tracks {
	struct keepalived_hosts *h;
	struct import_plan *plan;
	size_t host;
	size_t looked; /* at so many lines */
};

/* "2", "0.5" seconds; 0: it is none. */
static uint64_t
seconds(const char *text)
{
	uint64_t whole = 0, part = 0, scale = SECOND_MS;

	if (text == NULL)
		return 0;
	for (; *text >= '0' && *text <= '9' && whole < HOUR_MS; text++)
		whole = whole * 10 + (uint64_t)(*text - '0');
	if (*text == '.')
		for (text++; *text >= '0' && *text <= '9' && scale > 1;
		     text++) {
			scale /= 10;
			part += scale * (uint64_t)(*text - '0');
		}
	return whole * SECOND_MS + part;
}

static uint64_t
within(uint64_t n, uint64_t least, uint64_t most)
{
	return n < least ? least : n > most ? most : n;
}

/* "weight 20", "weight -20 reverse" behind a name; -1: none is said. */
static int
weight_of(struct tracks *t, const struct keepalived_text_line *l, size_t from)
{
	for (size_t i = from; i + 1 < l->n; i++) {
		const char *text = l->words[i + 1];
		uint64_t n;

		if (strcmp(l->words[i], "weight") != 0)
			continue;
		text += *text == '-' || *text == '+';
		if (!haproxy_value_number(text, &n)) {
			import_notes_error(&t->plan->notes, l->at,
			    "'%.40s' is no weight, and is left out",
			    l->words[i + 1]);
			return -1;
		}
		if (i + 2 < l->n && strcmp(l->words[i + 2], "reverse") == 0)
			import_notes_error(&t->plan->notes, l->at,
			    "'reverse' is not carried over: the priority falls "
			    "while the script fails");
		return (int)(n < WEIGHT_MAX ? n : WEIGHT_MAX);
	}
	return -1;
}

/* NULL: there is no room, or it is there. */
static struct import_plan_track *
add(struct tracks *t, const struct keepalived_text_line *l,
    const char *interface, const char *script)
{
	struct import_plan_pair *pair = &t->plan->pair;
	struct import_plan_track *track;

	for (size_t i = 0; i < pair->n_tracks; i++) {
		track = &pair->tracks[i];
		if ((interface != NULL && track->interface != NULL &&
		        strcmp(interface, track->interface) == 0) ||
		    (script != NULL && track->script != NULL &&
		        strcmp(script, track->script) == 0))
			return NULL;
	}
	if (pair->n_tracks == CONFIG_TRACKS_MAX) {
		import_notes_error(&t->plan->notes, l->at,
		    "'%.60s' is left out: at most %d things are tracked",
		    l->words[0], CONFIG_TRACKS_MAX);
		return NULL;
	}
	track = &pair->tracks[pair->n_tracks++];
	track->interface = interface;
	track->script = script;
	return track;
}

static bool
is_there(const struct tracks *t, const char *script)
{
	const struct import_plan_pair *pair = &t->plan->pair;

	for (size_t i = 0; i < pair->n_tracks; i++)
		if (pair->tracks[i].script != NULL &&
		    strcmp(pair->tracks[i].script, script) == 0)
			return true;
	return false;
}

/* A group's own interfaces always count. */
static bool
is_own(const struct tracks *t, const char *name)
{
	for (const struct import_plan_group *g = t->plan->pair.groups;
	     g != NULL; g = g->next) {
		if (strcmp(g->interface, name) == 0)
			return true;
		for (size_t i = 0; i < g->n_addresses; i++)
			if (g->addresses[i].interface != NULL &&
			    strcmp(g->addresses[i].interface, name) == 0)
				return true;
	}
	return false;
}

/* A weight would leave the group where it is, and says that it may. */
static void
tell_own(struct tracks *t, const struct keepalived_text_line *l)
{
	if (weight_of(t, l, 1) > 0)
		import_notes_warning(&t->plan->notes, l->at,
		    "'%.60s' has no weight here: an interface that has a "
		    "virtual IP is a fault of that group where it is down, and "
		    "of no other group",
		    l->words[0]);
}

static void
take_interface(struct tracks *t, const struct keepalived_text_line *l)
{
	const char *name = l->words[0];
	struct import_plan_track *track;
	int weight;

	if (is_own(t, name)) {
		tell_own(t, l);
		return;
	}
	if (!scalar_is_name(name, INTERFACE_MAX, "")) {
		import_notes_error(&t->plan->notes, l->at,
		    "'%.60s' is no interface, and is not tracked", name);
		return;
	}
	weight = weight_of(t, l, 1);
	track = add(t, l, name, NULL);
	if (track == NULL)
		return;
	track->weight = weight > 0 ? (uint64_t)weight : 0;
	import_plan_comment(t->plan, &track->comments, "%s: track_interface",
	    import_plan_where(t->plan, l->at));
}

static const struct keepalived_text_line *
find_script(struct tracks *t, size_t host, const char *kind, const char *name)
{
	const struct keepalived_text *text = t->h->texts[host];

	for (const struct keepalived_text_line *l = text->root.first; l != NULL;
	     l = l->next)
		if (strcmp(l->words[0], kind) == 0 && l->n > 1 &&
		    strcmp(l->words[1], name) == 0)
			return l;
	return NULL;
}

/* A path of ours that runs what is no path alone. */
static const char *
wrapper(struct tracks *t, const struct keepalived_text_line *l,
    const char *name, const char *command, struct import_plan_comments *c)
{
	const char *path = import_plan_text(t->plan, "/etc/hapair/track-%.60s",
	    import_plan_name(t->plan, name, "", "script"));

	if (is_there(t, path)) /* the other host's file says it, too */
		return path;
	import_notes_error(&t->plan->notes, l->at,
	    "'script' takes a path alone: make %s, a script of root's that "
	    "runs '%.200s' (" IMPORT_PLAN_FILL_IN ")",
	    path, command);
	/* /dev/tcp/HOST/PORT is bash's. */
	import_plan_comment(t->plan, c,
	    IMPORT_PLAN_FILL_IN ": make this script, with the lines #!/bin/%s "
	                        "and",
	    strstr(command, "/dev/tcp/") != NULL ? "bash" : "sh");
	import_plan_comment(t->plan, c, "  exec %s", command);
	return path;
}

static void
take_numbers(struct tracks *t, const struct keepalived_text_line *l,
    struct import_plan_track *track)
{
	const struct keepalived_text_line *own;
	const char *rise = keepalived_text_value(l, "rise", 1);
	const char *fall = keepalived_text_value(l, "fall", 1);
	uint64_t ms = seconds(keepalived_text_value(l, "interval", 1));
	uint64_t limit = seconds(keepalived_text_value(l, "timeout", 1));
	uint64_t n;
	int weight;

	if (ms > 0)
		track->interval_ms = within(ms, 100, HOUR_MS);
	/* Without one of its own a run has until the next is due. */
	if (limit > 0 || ms > 0)
		track->timeout_ms =
		    within(limit > 0 ? limit : ms, 10, HOUR_MS / 6);
	if (rise != NULL && haproxy_value_number(rise, &n))
		track->rise = within(n, 1, 100);
	if (fall != NULL && haproxy_value_number(fall, &n))
		track->fall = within(n, 1, 100);
	own = keepalived_text_find(l, "weight");
	weight = own != NULL ? weight_of(t, own, 0) : -1;
	if (weight > 0)
		track->weight = (uint64_t)weight;
}

static bool
is_haproxys(const char *text)
{
	return strstr(text, "haproxy") != NULL;
}

/* By the looks of it; what is in a script of somebody's own is not known. */
static void
tell_haproxys(struct tracks *t, const struct keepalived_text_line *def,
    const char *name, const char *command)
{
	if (strchr(command, ' ') == NULL)
		import_notes_warning(&t->plan->notes, def->at,
		    "'vrrp_script %.60s' is left out, since '%.100s' looks "
		    "after haproxy by its name, and hapair watches its own "
		    "relay; what else it looks at wants a 'script' of 'track'",
		    name, command);
	else
		import_notes_note(&t->plan->notes, def->at,
		    "'vrrp_script %.60s' looks after haproxy, and is not "
		    "needed: hapair watches its own relay",
		    name);
}

/* The first host has another one of that name. */
static bool
differs(struct tracks *t, const char *name, const char *command)
{
	const struct keepalived_text_line *first =
	    t->host > 0 ? find_script(t, 0, "vrrp_script", name) : NULL;
	char other[IMPORT_PLAN_COMMAND_MAX];

	if (first == NULL)
		return false;
	(void)keepalived_text_join(
	    keepalived_text_find(first, "script"), other, sizeof(other));
	return strcmp(other, command) != 0;
}

static void
take_script(struct tracks *t, const struct keepalived_text_line *l)
{
	const char *name = l->words[0], *path;
	const struct keepalived_text_line *def =
	    find_script(t, t->host, "vrrp_script", name);
	struct import_plan_comments comments = { .n = 0 };
	struct import_plan_track *track;
	char command[IMPORT_PLAN_COMMAND_MAX];
	bool whole;
	int weight;

	if (def == NULL) {
		import_notes_error(&t->plan->notes, l->at,
		    "there is no 'vrrp_script %.60s'; it is not tracked", name);
		return;
	}
	whole = keepalived_text_join(
	    keepalived_text_find(def, "script"), command, sizeof(command));
	if (is_haproxys(command)) {
		tell_haproxys(t, def, name, command);
		return;
	}
	if (command[0] == '\0' || !whole) {
		import_notes_error(&t->plan->notes, def->at,
		    "'vrrp_script %.60s' has %s; it is not tracked", name,
		    whole ? "no 'script'" : "a 'script' that is too long");
		return;
	}
	if (differs(t, name, command)) {
		import_notes_error(&t->plan->notes, def->at,
		    "'vrrp_script %.60s' runs something else on the other "
		    "host; here the file is the same on both: make one script "
		    "that knows where it is",
		    name);
		return;
	}
	import_plan_comment(t->plan, &comments, "%s: vrrp_script %s",
	    import_plan_where(t->plan, def->at), name);
	path = scalar_is_path(command) && strchr(command, ' ') == NULL
	    ? import_plan_text(t->plan, "%s", command)
	    : wrapper(t, def, name, command, &comments);
	track = add(t, l, NULL, path);
	if (track == NULL)
		return;
	track->comments = comments;
	take_numbers(t, def, track);
	weight = weight_of(t, l, 1);
	if (weight >= 0)
		track->weight = (uint64_t)weight;
}

static void
take_process(struct tracks *t, const struct keepalived_text_line *l)
{
	const struct keepalived_text_line *def =
	    find_script(t, t->host, "vrrp_track_process", l->words[0]);
	char command[IMPORT_PLAN_COMMAND_MAX] = "";

	if (def != NULL)
		(void)keepalived_text_join(keepalived_text_find(def, "process"),
		    command, sizeof(command));
	if (is_haproxys(command) || is_haproxys(l->words[0]))
		import_notes_note(&t->plan->notes, l->at,
		    "'track_process %.60s' looks after haproxy, and is not "
		    "needed: hapair watches its own relay",
		    l->words[0]);
	else
		import_notes_error(&t->plan->notes, l->at,
		    "'track_process %.60s' is not carried over; a 'script' of "
		    "'track' that runs pidof(1) does it",
		    l->words[0]);
}

static void
take_file(struct tracks *t, const struct keepalived_text_line *l)
{
	import_notes_error(&t->plan->notes, l->at,
	    "'track_file %.60s' is not carried over; a 'script' of 'track' "
	    "that looks at the file does it",
	    l->words[0]);
}

static bool
tracks(
    const struct keepalived_text_line *of, const char *kind, const char *name)
{
	for (const struct keepalived_text_line *b = of->first; b != NULL;
	     b = b->next)
		for (const struct keepalived_text_line *l =
		         strcmp(b->words[0], kind) == 0 ? b->first : NULL;
		     l != NULL; l = l->next)
			if (strcmp(l->words[0], name) == 0)
				return true;
	return false;
}

/* Of what `of` tracks: another instance does not, and is another group. */
static void
tell_alone(struct tracks *t, const struct keepalived_text_line *of,
    const struct keepalived_text_line *l, const char *kind)
{
	const struct import_plan_group *groups = t->plan->pair.groups;
	const struct keepalived_text *text = t->h->texts[t->host];

	if (groups == NULL || groups->next == NULL ||
	    strcmp(of->words[0], "vrrp_instance") != 0)
		return;
	for (const struct keepalived_text_line *o = text->root.first; o != NULL;
	     o = o->next) {
		if (strcmp(o->words[0], "vrrp_instance") != 0 || o == of ||
		    tracks(o, kind, l->words[0]))
			continue;
		import_notes_warning(&t->plan->notes, l->at,
		    "'%.60s' counted for 'vrrp_instance %.60s', and not for "
		    "'%.60s': 'track' of 'pair' counts for all groups",
		    l->words[0], of->n > 1 ? of->words[1] : "",
		    o->n > 1 ? o->words[1] : "");
		return;
	}
}

static void
take_blocks(struct tracks *t, const struct keepalived_text_line *of)
{
	static const struct kind {
		const char *word;
		void (*take)(
		    struct tracks *t, const struct keepalived_text_line *l);
	} kinds[] = {
		{ "track_interface", take_interface },
		{ "track_script", take_script },
		{ "track_process", take_process },
		{ "track_file", take_file },
	};

	for (const struct keepalived_text_line *b = of->first; b != NULL;
	     b = b->next)
		for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
			if (strcmp(b->words[0], kinds[i].word) != 0)
				continue;
			for (const struct keepalived_text_line *l = b->first;
			     l != NULL && t->looked < LOOKS_MAX; l = l->next) {
				const size_t n = t->plan->pair.n_tracks;

				kinds[i].take(t, l);
				if (t->plan->pair.n_tracks > n)
					tell_alone(t, of, l, kinds[i].word);
				t->looked++;
			}
		}
}

void
keepalived_tracks_read(struct keepalived_hosts *h)
{
	struct tracks t = { .h = h, .plan = h->plan };

	for (t.host = 0; t.host < CONFIG_NODES; t.host++) {
		const struct keepalived_text *text = h->texts[t.host];
		const size_t before = h->plan->notes.n;

		for (const struct keepalived_text_line *l =
		         text != NULL ? text->root.first : NULL;
		     l != NULL; l = l->next)
			if (strcmp(l->words[0], "vrrp_instance") == 0 ||
			    strcmp(l->words[0], "vrrp_sync_group") == 0)
				take_blocks(&t, l);
		/* They are alike: what is no error was said of the first. */
		if (t.host > 0)
			import_notes_forget(&h->plan->notes, before);
	}
}
