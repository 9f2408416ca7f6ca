#include "proxy/control/trouble_kernel.h"

#include "core/json_doc.h"
#include "proxy/control/trouble.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* While a node starts or takes over the stream is not there yet. */
#define PASSES_MS 3000

/* From here on somebody has to act before new clients are turned away. */
#define SLOTS_PERCENT 90

#define UNPROTECTED_TEXT 64

static bool
is(const struct json_doc *at, const char *key, const char *word)
{
	return strcmp(json_doc_string(at, key), word) == 0;
}

/* Longer than something that passes by itself takes. */
static bool
lasts(const struct json_doc *status, const char *since)
{
	return trouble_age_ms(status, since) >= PASSES_MS;
}

struct tally {
	int64_t active, protected;
};

static struct tally
tally_of(const struct json_doc *status)
{
	const struct json_doc *list = json_doc_get(status, "services");
	struct tally t = { .active = 0 };

	for (size_t i = 0; i < json_doc_count(list); i++) {
		const struct json_doc *k =
		    json_doc_get(json_doc_at(list, i), "kernel");

		if (!json_doc_is_object(k))
			continue;
		t.active += json_doc_int(k, "active");
		t.protected += json_doc_int(k, "protected");
	}
	return t;
}

/* Whether it passes on at all. */
static bool
find_off(const struct json_doc *kernel, struct json_doc *troubles)
{
	const char *since = json_doc_string(kernel, "since");
	struct json_doc *t;

	if (is(kernel, "state", "relay_only")) {
		t = trouble_put(troubles, "kernel_off", since,
		    "the kernel path is not available, and its services are relayed: %s",
		    json_doc_string(kernel, "reason"));
		trouble_advise(t,
		    "clients are served, but their connections end with this node; `hapair check --host` tells what the kernel lacks; where it finds nothing, see whether the unit leaves CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN (`systemctl cat hapair`)");
		return true;
	}
	if (json_doc_bool(kernel, "answers"))
		return false;
	t = trouble_put(troubles, "director_silent", "",
	    "the director process does not answer: what is open on the kernel path goes on, and new clients of it wait");
	trouble_advise(t,
	    "it is started again by itself; if it stays so, `journalctl -u hapair` tells why");
	return true;
}

static const struct json_doc *
peer_of(const struct json_doc *status)
{
	return json_doc_at(json_doc_get(status, "peers"), 0);
}

/* What ends with this node, now or from now on. */
static const char *
unprotected_text(int64_t n, char buf[static UNPROTECTED_TEXT])
{
	if (n > 1)
		(void)snprintf(
		    buf, UNPROTECTED_TEXT, "%" PRId64 " connections are", n);
	else
		(void)snprintf(buf, UNPROTECTED_TEXT, "%s",
		    n == 1 ? "1 connection is" : "new connections are");
	return buf;
}

/* The stream to the peer's director. A peer that is not heard is told of. */
static bool
find_stream(const struct json_doc *status, const struct json_doc *kernel,
    const struct tally *tally, struct json_doc *troubles)
{
	const struct json_doc *peer = peer_of(status);
	const char *since = json_doc_string(kernel, "stream_since");
	const char *name = json_doc_string(peer, "name");
	const int64_t n = tally->active - tally->protected;
	char text[UNPROTECTED_TEXT];
	struct json_doc *t;

	if (is(kernel, "stream", "mismatch")) {
		t = trouble_put(troubles, "stream_mismatch", since,
		    "the directors do not understand each other, and %s not protected: %s",
		    unprotected_text(n, text),
		    json_doc_string(kernel, "reason"));
		trouble_advise(t,
		    "give both nodes the same version and the same `kernel` in their files");
		return true;
	}
	if (!is(kernel, "stream", "down"))
		return false;
	if (!json_doc_bool(peer, "reachable") || !lasts(status, since))
		return true;
	t = trouble_put(troubles, "stream_down", since,
	    "the stream to the director of peer %s is down: %s not protected",
	    name, unprotected_text(n, text));
	trouble_advise(t,
	    "let TCP pass between the nodes on the port behind the pair's; does `hapair status` on %s say that its kernel path works, and has its file a service with `path: kernel`?",
	    name);
	return true;
}

/* Beside a stream that is there. */
static void
find_unprotected(const struct json_doc *status, const struct json_doc *kernel,
    const struct json_doc *service, struct json_doc *troubles)
{
	const struct json_doc *k = json_doc_get(service, "kernel");
	const char *why = json_doc_string(k, "unprotected");
	const int64_t n =
	    json_doc_int(k, "active") - json_doc_int(k, "protected");
	const char *since = json_doc_string(kernel, "stream_since");
	struct json_doc *t;

	/* Being told takes a moment, or a minute of half a million. */
	if (*why == '\0' || n <= 0 || is(kernel, "stream", "dumping") ||
	    !lasts(status, since))
		return;
	t = trouble_put(troubles, "unprotected", "",
	    "service %s: %" PRId64
	    " connection%s on the kernel path would end with this node: %s",
	    json_doc_string(service, "name"), n, n == 1 ? "" : "s", why);
	trouble_advise(t,
	    "it passes by itself when the nodes agree; if it stays so, look at the load of the peer, and at the network between the nodes");
}

static void
find_room(const struct json_doc *kernel, struct json_doc *troubles)
{
	const int64_t used = json_doc_int(kernel, "slots_used");
	const int64_t slots = json_doc_int(kernel, "slots");
	struct json_doc *t;

	if (json_doc_bool(kernel, "valve_open")) {
		t = trouble_put(troubles, "valve_open", "",
		    "the kernel path takes no new clients, who are relayed: too many have not completed their handshake");
		trouble_advise(t,
		    "it ends with the flood by itself; whose SYNs they are, `tcpdump 'tcp[tcpflags] == tcp-syn'` tells");
	}
	if (slots == 0 || used * 100 < slots * SLOTS_PERCENT)
		return;
	t = trouble_put(troubles, "slots_low", "",
	    "the kernel path has %" PRId64 " connections of %" PRId64
	    " that it may; clients beyond are relayed",
	    used, slots);
	trouble_advise(t,
	    "raise `kernel.slots` in both nodes' files, and restart hapair on both when it suits: that ends what is on the kernel path");
}

void
trouble_kernel_find(const struct json_doc *status, struct json_doc *troubles)
{
	const struct json_doc *kernel = json_doc_get(status, "kernel");
	const struct json_doc *services = json_doc_get(status, "services");
	const struct tally tally = tally_of(status);

	if (!json_doc_is_object(kernel))
		return;
	if (find_off(kernel, troubles))
		return;
	find_room(kernel, troubles);
	if (find_stream(status, kernel, &tally, troubles) ||
	    is(kernel, "stream", "none"))
		return;
	for (size_t i = 0; i < json_doc_count(services); i++)
		find_unprotected(
		    status, kernel, json_doc_at(services, i), troubles);
}
