#include "failover/pause_request.h"

#include "core/buf.h"
#include "core/channel.h"
#include "core/json_doc.h"
#include "core/log.h"
#include "core/reply.h"
#include "core/timeout.h"
#include "core/wall_clock.h"
#include "failover/role.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 400

/* The supervisor's channel was full. */
#define AGAIN_MS 50

static uint32_t
left_ms(const struct role *role)
{
	return pause_left_ms(&role_node(role)->pause, mono_now());
}

static void
put(struct role *role, uint32_t epoch, bool own, uint32_t ms)
{
	inbox_put(&role->inbox,
	    &(struct node_event){ .type = NODE_PAUSE,
	        .pause = { .epoch = epoch, .own = own, .ms = ms } });
}

/* A word is known to be the pair's only where it goes there and comes back. */
static bool
is_heard_by_peer(const struct role *role)
{
	const struct node *n = role_node(role);
	const uint32_t dead_ms = node_dead_ms(n);
	const struct mono now = mono_now();

	return peer_is_alive(&n->peer, dead_ms, now) &&
	    peer_hears_us(&n->peer, dead_ms, now);
}

static void
describe_both(uint32_t ms, const char *until, char text[static TEXT_MAX])
{
	if (ms > 0)
		(void)snprintf(text, TEXT_MAX,
		    "automatic moves are paused on both nodes until %s", until);
	else
		(void)snprintf(text, TEXT_MAX,
		    "automatic moves are resumed on both nodes");
}

/* It said that it stops, or its host that its processes are gone. */
static bool
is_peer_off(const struct role *role)
{
	const struct node *n = role_node(role);

	return !peer_is_alive(&n->peer, node_dead_ms(n), mono_now()) &&
	    (n->peer.resigned || n->peer.ended);
}

/* Nobody is there to take over, and who starts asks what holds. */
static void
describe_off(const struct role *role, uint32_t ms, const char *until,
    char text[static TEXT_MAX])
{
	const char *peer = role->other->name;

	if (ms > 0)
		(void)snprintf(text, TEXT_MAX,
		    "automatic moves are paused here until %s; hapair does not run on %s, and learns of it when it is started",
		    until, peer);
	else
		(void)snprintf(text, TEXT_MAX,
		    "automatic moves are resumed here; hapair does not run on %s, and learns of it when it is started",
		    peer);
}

/* It holds here all the same, and on the peer as soon as that hears us. */
static void
describe_alone(const struct role *role, uint32_t ms, const char *until,
    char text[static TEXT_MAX])
{
	const char *peer = role->other->name;

	if (ms > 0)
		(void)snprintf(text, TEXT_MAX,
		    "automatic moves are paused here until %s; the peer does not hear it yet, and may still take over: before you start, say `hapair pause` on %s, too, or again here once `hapair status` shows it as reachable",
		    until, peer);
	else
		(void)snprintf(text, TEXT_MAX,
		    "automatic moves are resumed here; the peer does not hear it yet, and stays paused if it was: say `hapair resume` on %s, too, or again here once `hapair status` shows it as reachable",
		    peer);
}

static void
answer(struct role *role, int *socket)
{
	CLEANUP(json_doc_free_at) struct json_doc *doc = NULL;
	const uint32_t ms = left_ms(role);
	char at[WALL_CLOCK_TEXT_MAX], until[WALL_CLOCK_TEXT_MAX];
	char text[TEXT_MAX];

	(void)wall_clock_format(wall_clock_now_ms() + ms, at);
	(void)snprintf(until, sizeof(until), "%.10s %.8sZ", at, at + 11);
	if (!is_heard_by_peer(role) && !is_peer_off(role)) {
		describe_alone(role, ms, until, text);
		reply_error(role->loop, socket, text);
		return;
	}
	doc = json_doc_new();
	if (is_peer_off(role))
		describe_off(role, ms, until, text);
	else
		describe_both(ms, until, text);
	json_doc_put_string(doc, "text", text);
	reply_send(role->loop, socket, json_doc_text(doc, false));
}

/* Of "pause MS" or "resume": what is wrong with it, NULL where nothing is. */
static const char *
parse(const char *request, uint32_t *ret_ms)
{
	static const char verb[] = "pause ", digits[] = "0123456789";
	const char *number = request + sizeof(verb) - 1;
	unsigned long ms;

	*ret_ms = 0;
	if (strcmp(request, "resume") == 0)
		return NULL;
	if (strncmp(request, verb, sizeof(verb) - 1) != 0 || *number == '\0' ||
	    number[strspn(number, digits)] != '\0')
		return "expected: pause MILLISECONDS, or resume";
	ms = strtoul(number, NULL, 10);
	if (ms < PAUSE_LEAST_MS || ms > PAUSE_MOST_MS)
		return "a pause lasts from one second to a day";
	*ret_ms = (uint32_t)ms;
	return NULL;
}

void
pause_request_ask(struct role *role, const char *request, int *socket)
{
	uint32_t ms;
	const char *wrong = parse(request, &ms);

	if (wrong != NULL) {
		reply_error(role->loop, socket, wrong);
		return;
	}
	put(role, 0, true, ms);
	answer(role, socket);
}

void
pause_request_restore(struct role *role)
{
	const struct msg_pause *kept = &role->start.pause;
	const int64_t ms = kept->until_wall_ms - wall_clock_now_ms();

	if (kept->epoch != 0)
		put(role, kept->epoch, kept->own,
		    ms > PAUSE_MOST_MS ? PAUSE_MOST_MS
		        : ms > 0       ? (uint32_t)ms
		                       : 0);
}

static void on_again(struct ev_loop *loop, ev_timer *w, int revents);

/* What holds now, which the supervisor keeps: it must not miss it. */
static void
tell_supervisor(struct role *role)
{
	const struct pause *p = &role_node(role)->pause;
	const struct msg_pause m = { .epoch = p->epoch,
		.own = p->own,
		.until_wall_ms = wall_clock_now_ms() + left_ms(role) };
	struct buf b = BUF_WRITER(32);

	msg_put_pause(&b, &m);
	if (channel_send(role->supervisor, MSG_PAUSE, b.data, b.pos, -1) !=
	        -EAGAIN ||
	    ev_is_active(&role->pause_again))
		return;
	ev_init(&role->pause_again, on_again);
	timeout_arm(role->loop, &role->pause_again, AGAIN_MS / 1e3);
}

static void
on_again(struct ev_loop *loop, ev_timer *w, int revents)
{
	ev_timer_stop(loop, w);
	tell_supervisor(ev_userdata(loop));
}

void
pause_request_tell(struct role *role)
{
	const struct pause *p = &role_node(role)->pause;
	const uint32_t ms = left_ms(role);

	if (ms > 0)
		log_warning("failover",
		    "[pause] automatic moves are paused for %" PRIu32
		    " s, by a word on %s",
		    (ms + 999) / 1000,
		    p->own ? role->self->name : role->other->name);
	else
		log_notice("failover", "[pause] automatic moves are resumed");
	tell_supervisor(role);
}

void
pause_request_describe(const struct role *role, struct msg_peer *m)
{
	m->pause_ms = left_ms(role);
	m->pause_own = role_node(role)->pause.own;
}
