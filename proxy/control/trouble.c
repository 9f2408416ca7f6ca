#include "proxy/control/trouble.h"

#include "core/json_doc.h"
#include "core/wall_clock.h"
#include "proxy/control/trouble_kernel.h"
#include "proxy/control/trouble_pair.h"
#include "proxy/control/trouble_servers.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TEXT_MAX 512

/* One end is bad luck and mended by itself; so many in an hour are a fault. */
#define ENDS_LEAST 3
#define ENDS_AGE_MS 3600000

struct json_doc *
trouble_put(struct json_doc *troubles, const char *id, const char *since,
    const char *format, ...)
{
	struct json_doc *at = json_doc_put_object(troubles, NULL);
	char text[TEXT_MAX];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	json_doc_put_string(at, "id", id);
	json_doc_put_string(at, "text", text);
	json_doc_put_string(at, "since", *since != '\0' ? since : NULL);
	return at;
}

void
trouble_advise(struct json_doc *trouble, const char *format, ...)
{
	char text[TEXT_MAX];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	json_doc_put_string(trouble, "advice", text);
}

int64_t
trouble_age_ms(const struct json_doc *status, const char *since)
{
	const int64_t then = wall_clock_parse(since);
	const int64_t now = wall_clock_parse(json_doc_string(status, "time"));

	return then == 0 || now == 0 ? -1 : now - then;
}

static void
find_pause(const struct json_doc *status, struct json_doc *troubles)
{
	const struct json_doc *pause = json_doc_get(status, "pause");
	const char *until = json_doc_string(pause, "until");
	struct json_doc *t;

	if (strlen(until) < 19)
		return;
	t = trouble_put(troubles, "paused", "",
	    "AUTOMATIC MOVES ARE PAUSED until %.10s %.8sZ, by a word on %s: silence and faults of the network move nothing",
	    until, until + 11, json_doc_string(pause, "by"));
	trouble_advise(
	    t, "when the work on the network is done, type `hapair resume`");
}

static void
find_silent(const struct json_doc *process, struct json_doc *troubles)
{
	const bool relay =
	    strcmp(json_doc_string(process, "name"), "relay") == 0;
	const char *state = json_doc_string(process, "state");
	const double silent_s = json_doc_real(process, "silent_s");
	struct json_doc *t;

	if (relay && strcmp(state, "restarting") == 0) {
		t = trouble_put(troubles, "relay_restarting", "",
		    "the relay process is being restarted");
		trouble_advise(t,
		    "ask once more in a second; if it stays so, `journalctl -u hapair` tells why it ends");
	} else if (relay && strcmp(state, "silent") == 0) {
		t = trouble_put(troubles, "relay_silent", "",
		    "the relay has not answered for %.1f s: clients of this node wait",
		    silent_s);
		trouble_advise(t,
		    "after 5 s it is killed and started again by itself; `hapair handover` gives the groups to the peer before that");
	} else if (!relay && strcmp(state, "silent") == 0) {
		t = trouble_put(troubles, "failover_silent", "",
		    "the failover process does not answer");
		trouble_advise(t,
		    "it is killed and started again by itself; if it stays so, `journalctl -u hapair` tells why");
	}
}

static void
find_ends(const struct json_doc *status, const struct json_doc *process,
    struct json_doc *troubles)
{
	const char *at = json_doc_string(process, "last_end_at");
	const int64_t n = json_doc_int(process, "recent_ends");
	const int64_t age_ms = trouble_age_ms(status, at);
	struct json_doc *t;

	if (n < ENDS_LEAST || strlen(at) < 19 || age_ms < 0 ||
	    age_ms > ENDS_AGE_MS)
		return;
	t = trouble_put(troubles, "process_ends", "",
	    "the %s process ended %" PRId64
	    " times within an hour, last at %.8sZ: %s",
	    json_doc_string(process, "name"), n, at + 11,
	    json_doc_string(process, "last_end"));
	trouble_advise(t,
	    "it was started again each time; `journalctl -u hapair -p err` tells more, and is what a report of the fault needs");
}

static void
find_processes(const struct json_doc *status, struct json_doc *troubles)
{
	const struct json_doc *list = json_doc_get(status, "processes");

	for (size_t i = 0; i < json_doc_count(list); i++) {
		find_silent(json_doc_at(list, i), troubles);
		find_ends(status, json_doc_at(list, i), troubles);
	}
}

static void
find_refused(const struct json_doc *group, struct json_doc *troubles)
{
	const struct json_doc *list = json_doc_get(group, "refused");

	for (size_t i = 0; i < json_doc_count(list); i++) {
		const struct json_doc *at = json_doc_at(list, i);
		struct json_doc *t = trouble_put(troubles, "address_refused",
		    "", "group %s: cannot hold %s on %s: %s",
		    json_doc_string(group, "name"),
		    json_doc_string(at, "address"),
		    json_doc_string(at, "interface"),
		    json_doc_string(at, "reason"));

		trouble_advise(t,
		    "the group's other addresses are served; allow this one on the host, or take it out of the file");
	}
}

static void
find_state(const struct json_doc *status, const struct json_doc *group,
    struct json_doc *troubles)
{
	const char *state = json_doc_string(group, "state");
	const char *since = json_doc_string(group, "since");
	struct json_doc *t;

	if (trouble_pair_has_no_master(status, group))
		return; /* that says it */
	if (strcmp(state, "fault") == 0) {
		t = trouble_put(troubles, "group_fault", since,
		    "group %s is in fault: %s", json_doc_string(group, "name"),
		    json_doc_string(group, "reason"));
		trouble_advise(t,
		    "mend that on this host; the group is backup again by itself then");
	} else if (strcmp(state, "init") == 0) {
		t = trouble_put(troubles, "group_init", since,
		    "group %s is in init: %s", json_doc_string(group, "name"),
		    json_doc_string(group, "reason"));
		trouble_advise(t,
		    "a second after its start the node decides; ask once more");
	}
}

/* The same for all groups. */
static void
find_tracks(const struct json_doc *group, struct json_doc *troubles)
{
	const struct json_doc *list = json_doc_get(group, "track");

	for (size_t i = 0; i < json_doc_count(list); i++) {
		const struct json_doc *at = json_doc_at(list, i);
		const char *kind = json_doc_string(at, "kind");
		const char *name = json_doc_string(at, "name");
		const int64_t least = json_doc_int(at, "min_servers");
		struct json_doc *t;

		if (!json_doc_is_bool(json_doc_get(at, "ok"), false))
			continue;
		if (strcmp(kind, "service") == 0)
			t = trouble_put(troubles, "track_service", "",
			    "tracked service %s has fewer than %" PRId64
			    " server%s up",
			    name, least, least == 1 ? "" : "s");
		else if (strcmp(kind, "script") == 0)
			t = trouble_put(troubles, "track_script", "",
			    "tracked script %s failed", name);
		else
			t = trouble_put(troubles, "track_interface", "",
			    "tracked interface %s is down", name);
		trouble_advise(t,
		    "mend it on this host; until then the node %s",
		    json_doc_is_null(json_doc_get(at, "weight"))
		        ? "is at fault"
		        : "has a lower priority");
	}
}

void
trouble_find(const struct json_doc *status, struct json_doc *troubles)
{
	const struct json_doc *groups = json_doc_get(status, "groups");

	find_pause(status, troubles);
	find_processes(status, troubles);
	trouble_pair_find(status, troubles);
	for (size_t i = 0; i < json_doc_count(groups); i++) {
		find_state(status, json_doc_at(groups, i), troubles);
		find_refused(json_doc_at(groups, i), troubles);
	}
	find_tracks(json_doc_at(groups, 0), troubles);
	trouble_kernel_find(status, troubles);
	trouble_servers_find(status, troubles);
}
