#include "proxy/health/check.h"

#include "config/config.h"
#include "config/schema/check_forms.h"
#include "core/log.h"
#include "core/timeout.h"
#include "core/wall_clock.h"
#include "proxy/pool/pool.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* Of an interval: when all addresses of a name are asked anew. */
#define WAVERING_FACTOR 4.

static void
tell(struct check *c, enum server_state was)
{
	const char *before = server_state_name(was);
	const char *is = server_state_name(c->health.state);

	if (c->health.state == SERVER_DOWN)
		log_warning(c->subject, "[server-down] %s -> %s, reason: %s",
		    before, is, c->view.detail);
	else if (c->health.state == SERVER_UP)
		log_notice(c->subject, "[server-up] %s -> %s, reason: %s",
		    before, is, c->view.detail);
	else
		log_notice(c->subject, "[server-drain] %s -> %s, reason: %s",
		    before, is, c->view.detail);
}

/* It has been down for `hold`. */
static void
on_giving_up(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct check *c = CONTAINER_OF(t, struct check, giving_up);

	pool_cut(c->pool, c->server);
	log_warning(
	    c->subject, "[given-up] given up, its connections are reset");
	c->on_change(c->arg, c->pool);
}

/* It is down, and nobody asks it: so a client may. */
static void
on_resting(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct check *c = CONTAINER_OF(t, struct check, resting);

	timeout_arm(
	    c->loop, &c->resting, c->server->config->check.interval_ms / 1000.);
	pool_set_trial(c->pool, c->server);
}

static void
wait_while_down(struct check *c, double hold_s)
{
	ev_timer_stop(c->loop, &c->giving_up);
	ev_timer_stop(c->loop, &c->resting);
	if (c->health.state == SERVER_DOWN &&
	    c->server->config->check.type == CONFIG_CHECK_NONE)
		timeout_arm(c->loop, &c->resting,
		    c->server->config->check.interval_ms / 1000.);
	if (c->health.state == SERVER_DOWN &&
	    c->pool->config->on_down == CONFIG_ON_DOWN_RESET)
		timeout_arm(c->loop, &c->giving_up, hold_s);
}

static void
turn(struct check *c)
{
	c->view.since_wall_ms = wall_clock_now_ms();
	pool_set_state(c->pool, c->server, c->health.state, mono_now());
	wait_while_down(c, c->pool->config->hold_ms / 1000.);
}

/* Returns whether it is another one. */
static bool
take_role(struct check *c, enum server_role role)
{
	if (atomic_exchange(&c->server->role, (int)role) == (int)role)
		return false;
	log_notice(c->subject, "it says that it is %s",
	    role == SERVER_ROLE_UNSAID ? "nothing" : server_role_name(role));
	return true;
}

static void
count(struct check *c, const struct probe_judge_answer *a)
{
	enum server_state was = c->health.state;
	bool turned = health_step(&c->health, a->result);
	bool changed = take_role(c, a->role) || turned;

	c->view.passed = a->result != HEALTH_FAILED;
	memcpy(c->view.detail, a->detail, sizeof(c->view.detail));
	if (turned) {
		turn(c);
		tell(c, was);
	}
	if (changed)
		c->on_change(c->arg, c->pool);
}

/* Only who asks where clients connect to can tell that they may again. */
static bool
asks_there(const struct check *c)
{
	const struct config_server *s = c->server->config;

	return s->check.type != CONFIG_CHECK_SCRIPT &&
	    (s->check.port == 0 || s->check.port == addr_port(&s->address));
}

static void
forgive(struct check *c)
{
	if (c->accused && asks_there(c))
		pool_forgive(c->pool, c->server);
	c->accused = false;
}

/* What is wrong is not the server's answer. */
static void
count_failure(struct check *c, const char *why)
{
	struct probe_judge_answer a = { .is_void = false };

	probe_judge_say(&a, HEALTH_FAILED, "%s", why);
	count(c, &a);
}

static void
on_unresolved(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct check *c = CONTAINER_OF(t, struct check, unresolved);
	struct probe_judge_answer a = { .is_void = false };

	probe_judge_say(&a, HEALTH_FAILED, "name '%.50s' is not resolved",
	    c->server->config->host);
	count(c, &a);
}

/* Where to: the address to ask, at the check's port. False: none is known. */
static bool
target(struct check *c, union addr *ret_to)
{
	const struct config_server *s = c->server->config;

	if (c->addresses.n > 0)
		*ret_to = c->addresses.all[c->addresses.asked];
	else if (!pool_get_address(c->pool, c->server, ret_to))
		return false;
	addr_set_port(ret_to,
	    s->check.port != 0 ? s->check.port : addr_port(&s->address));
	return true;
}

/* Who expects the header of clients would take a check without it for one. */
static enum config_proxy_protocol
proxy_of(const struct check *c)
{
	switch (c->server->config->check.proxy) {
	case CONFIG_CHECK_PROXY_SERVICE:
		return asks_there(c) ? c->pool->config->proxy_protocol
		                     : CONFIG_PROXY_PROTOCOL_NONE;
	case CONFIG_CHECK_PROXY_V1:
		return CONFIG_PROXY_PROTOCOL_V1;
	case CONFIG_CHECK_PROXY_V2:
		return CONFIG_PROXY_PROTOCOL_V2;
	case CONFIG_CHECK_PROXY_NONE:
		break;
	}
	return CONFIG_PROXY_PROTOCOL_NONE;
}

static int
join(struct check *c)
{
	const struct config_server *s = c->server->config;
	struct probe_question q = { .check = &s->check,
		.host = s->host,
		.service = c->pool->config->name,
		.server = s->name,
		.proxy = proxy_of(c) };

	if (!target(c, &q.to)) {
		timeout_arm(
		    c->loop, &c->unresolved, s->check.timeout_ms / 1000.);
		return 0;
	}
	if (q.host == NULL)
		q.host = addr_format_ip(&s->address, c->ip);
	return probe_join(c->surveys, &c->listener, &q);
}

/* A listener may not leave while it hears: so from the loop. */
static void
on_moving(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct check *c = CONTAINER_OF(t, struct check, moving);
	double pause = c->server->config->check.interval_ms / 1000.;
	bool rests = c->listener.probe != NULL && c->addresses.silent == 0;

	probe_leave(&c->listener);
	/* Each was asked: the next round is as far away as a check is. */
	if (health_is_wavering(&c->health))
		pause /= WAVERING_FACTOR;
	if (rests)
		timeout_arm(c->loop, &c->moving, pause);
	else if (join(c) < 0)
		count_failure(c, "no memory");
}

/*
 * The next address, where there are several. True: the failure is that of an
 * address, and none of the server yet.
 */
static bool
try_next(struct check *c)
{
	bool more;

	if (c->addresses.n < 2)
		return false;
	more = server_addresses_fail(&c->addresses);
	timeout_arm(c->loop, &c->moving, 0.);
	return more;
}

/* The address that answered is where clients go. */
static void
settle(struct check *c)
{
	union addr is, was;
	char to[ADDR_TEXT_MAX];

	server_addresses_pass(&c->addresses);
	if (c->addresses.n == 0)
		return;
	is = c->addresses.all[c->addresses.asked];
	if (pool_get_address(c->pool, c->server, &was) &&
	    addr_is_same_ip(&is, &was))
		return;
	pool_set_address(c->pool, c->server, &is);
	log_notice(c->subject, "is reached at %s now", addr_format_ip(&is, to));
}

/*
 * A failure now or not, it is what `status` shows; and as one it takes the
 * server down at once, for it has been patient for long enough.
 */
static void
lack(struct check *c, const struct probe_judge_answer *answer)
{
	struct probe_judge_answer failed = { .is_void = true };

	probe_judge_say(
	    &failed, HEALTH_FAILED, "cannot be asked: %.60s", answer->detail);
	c->view.passed = false;
	memcpy(c->view.detail, failed.detail, sizeof(c->view.detail));
	if (!try_next(c) && health_lack(&c->health))
		count(c, &failed);
}

/* Results contradict its verdict, or clients wait for it to come up. */
static bool
is_urgent(const struct check *c)
{
	return health_is_wavering(&c->health) ||
	    (c->health.state == SERVER_DOWN &&
	        atomic_load(&c->pool->n_waiting) > 0);
}

/*
 * A database that is well and has another role than its clients need. A standby
 * service takes both, and follows the primary.
 */
static bool
is_misplaced(const struct check *c, const struct probe_judge_answer *answer)
{
	const struct config_check *config = &c->server->config->check;
	bool primary;

	if (config->type == CONFIG_CHECK_HTTP ||
	    !check_forms_has_role(config) || config->role == NULL ||
	    c->pool->config->mode == CONFIG_MODE_STANDBY ||
	    answer->result == HEALTH_FAILED)
		return false;
	primary = strcmp(config->role, CONFIG_ROLE_PRIMARY) == 0;
	return answer->role !=
	    (primary ? SERVER_ROLE_ACTIVE : SERVER_ROLE_STANDBY);
}

static bool
on_heard(void *arg, const struct probe_judge_answer *said, double latency_ms)
{
	struct check *c = arg;
	struct probe_judge_answer misplaced = *said;
	const struct probe_judge_answer *answer = said;

	if (!said->is_void && is_misplaced(c, said)) {
		probe_judge_say(&misplaced, HEALTH_FAILED,
		    "%.50s, expected a %s", said->detail,
		    c->server->config->check.role);
		answer = &misplaced;
	}
	if (answer->is_void) {
		lack(c, answer);
		return health_is_wavering(&c->health);
	}
	if (answer->result == HEALTH_FAILED && try_next(c))
		return false;
	if (answer->result != HEALTH_FAILED) {
		c->view.latency_ms = latency_ms;
		settle(c);
	}
	count(c, answer);
	if (answer->result == HEALTH_PASSED)
		forgive(c);
	return is_urgent(c);
}

void
check_prepare(struct check *c, struct pool *pool, struct pool_server *server)
{
	const struct config_check *config = &server->config->check;

	c->pool = pool;
	c->server = server;
	(void)snprintf(c->subject, sizeof(c->subject), "service %s, server %s",
	    pool->config->name, server->config->name);
	c->health =
	    (struct health){ .rise = config->rise, .fall = config->fall };
	c->listener = (struct probe_listener){ .on_heard = on_heard, .arg = c };
	ev_timer_init(&c->giving_up, on_giving_up, 0., 0.);
	ev_timer_init(&c->unresolved, on_unresolved, 0., 0.);
	ev_timer_init(&c->moving, on_moving, 0., 0.);
	ev_timer_init(&c->resting, on_resting, 0., 0.);
}

void
check_tell_past(struct check *c, struct check_past *ret_past)
{
	struct pool_view v;

	pool_look(c->pool, c->server, &v);
	*ret_past = (struct check_past){
		.state = c->health.state,
		.role = v.role,
		.streak = c->health.streak,
		.unasked = c->health.unasked,
		.heard = c->health.heard,
		.up_since = v.up_since,
		.accused = c->accused,
		.doubted = atomic_load(&c->server->doubted),
		.has_address = v.has_address,
		.address = v.address,
		.view = c->view,
	};
}

/* Of `hold`, which began when it went down. */
static double
hold_left_s(const struct check *c)
{
	int64_t left = c->view.since_wall_ms + c->pool->config->hold_ms -
	    wall_clock_now_ms();

	if (left < 0)
		left = 0;
	if (left > c->pool->config->hold_ms)
		left = c->pool->config->hold_ms;
	return (double)left / 1000.;
}

void
check_take_past(struct check *c, const struct check_past *past)
{
	c->health.state = past->state;
	c->health.streak = past->streak;
	c->health.unasked = past->unasked;
	c->health.heard = past->heard;
	c->accused = past->accused;
	c->view = past->view;
	atomic_store(&c->server->role, (int)past->role);
	atomic_store(&c->server->doubted, past->doubted);
	/* A name, of which the address need not be waited for. */
	if (c->server->config->host != NULL && past->has_address)
		pool_set_address(c->pool, c->server, &past->address);
	/* One that comes up after it was down begins slowly. */
	if (past->state == SERVER_UP && !mono_is_never(past->up_since))
		pool_set_state(c->pool, c->server, SERVER_DOWN, mono_now());
	pool_set_state(c->pool, c->server, past->state, past->up_since);
	wait_while_down(c, hold_left_s(c));
}

int
check_start(struct check *c)
{
	struct probe_judge_answer unasked = { .result = HEALTH_PASSED,
		.detail = "not checked" };

	if (c->server->config->check.type != CONFIG_CHECK_NONE)
		return join(c);
	/* Else another relay has told what clients have seen of it. */
	if (c->health.state == SERVER_UNKNOWN)
		count(c, &unasked);
	return 0;
}

/* Silent servers are found out one timeouts.connect after the other. */
static void
accuse_unchecked(struct check *c)
{
	const struct config_service *s = c->pool->config;
	uint32_t gap_ms =
	    c->server->config->check.interval_ms + s->timeouts.connect_ms;

	if (!health_hear_unchecked(&c->health, gap_ms, mono_now()))
		return;
	atomic_store(&c->server->doubted, true);
	count_failure(c, "connect of a client failed");
	if (server_addresses_fail(&c->addresses))
		pool_set_address(
		    c->pool, c->server, &c->addresses.all[c->addresses.asked]);
}

void
check_prove(struct check *c)
{
	struct probe_judge_answer served = { .is_void = false };

	if (c->server->config->check.type != CONFIG_CHECK_NONE)
		return;
	atomic_store(&c->server->doubted, false);
	if (c->health.state == SERVER_DOWN)
		c->health.streak = c->health.rise - 1;
	probe_judge_say(
	    &served, HEALTH_PASSED, "not checked, a client was served");
	count(c, &served);
}

void
check_accuse(struct check *c)
{
	const struct config_check *config = &c->server->config->check;

	if (config->type == CONFIG_CHECK_NONE) {
		accuse_unchecked(c);
		return;
	}
	c->accused = true;
	if (!health_hear(&c->health, config->interval_ms, mono_now()))
		return;
	count_failure(c, "connect of a client failed");
	probe_hurry(&c->listener);
}

/* The server is at another address: one success there is enough. */
static void
move(struct check *c)
{
	if (c->server->config->check.type == CONFIG_CHECK_NONE)
		return;
	ev_timer_stop(c->loop, &c->unresolved);
	ev_timer_stop(c->loop, &c->moving);
	probe_leave(&c->listener);
	/* Down for want of an address says nothing. */
	if (c->health.state == SERVER_DOWN)
		c->health.streak = c->health.rise - 1;
	if (join(c) < 0)
		count_failure(c, "no memory");
}

bool
check_set_addresses(struct check *c, const union addr *all, unsigned n)
{
	static const int families[] = { [CONFIG_PREFER_ANY] = AF_UNSPEC,
		[CONFIG_PREFER_IPV4] = AF_INET,
		[CONFIG_PREFER_IPV6] = AF_INET6 };
	const struct config_service *s = c->pool->config;
	bool only = s->has_source;
	int family = only ? s->source.sa.sa_family : families[s->prefer];
	struct server_addresses next = c->addresses;
	bool moved = server_addresses_set(&next, all, n, family, only);

	if (next.n == 0)
		return false;
	c->addresses = next;
	if (!moved)
		return true;
	pool_set_address(c->pool, c->server, &next.all[next.asked]);
	move(c);
	return true;
}

void
check_stop(struct check *c)
{
	if (c->loop == NULL)
		return;
	ev_timer_stop(c->loop, &c->giving_up);
	ev_timer_stop(c->loop, &c->unresolved);
	ev_timer_stop(c->loop, &c->moving);
	ev_timer_stop(c->loop, &c->resting);
	probe_leave(&c->listener);
}
