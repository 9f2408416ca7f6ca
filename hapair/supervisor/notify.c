#include "hapair/supervisor/notify.h"

#include "core/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Long enough for a word to a cloud's interface, short for a stuck one. */
#define TIMEOUT_MS 10000

static void
tell_failed(const struct notify *n, const char *fault)
{
	const struct notify_call *c = &n->running;

	log_warning("notify", "[script] %s %s %s: %s", n->path, c->group,
	    msg_group_state_name(c->state), fault);
}

static int
start(struct notify *n)
{
	const struct notify_call *c = &n->running;
	const char *const argv[] = { n->pair->notify, c->group,
		msg_group_state_name(c->state), c->reason, c->addresses,
		c->peer, c->stops ? "stop" : "run", NULL };

	(void)snprintf(n->path, sizeof(n->path), "%s", n->pair->notify);
	return program_start(&n->program, argv, n->timeout_ms, false);
}

/* Until one runs, or there are no more. */
static void
run_next(struct notify *n)
{
	while (n->n > 0 && !program_is_running(&n->program)) {
		int e;

		n->running = n->queue[n->first];
		n->first = (n->first + 1) % NOTIFY_QUEUE_MAX;
		n->n--;
		e = start(n);
		if (e < 0)
			tell_failed(n, strerror(-e));
	}
	if (notify_is_idle(n) && n->on_idle != NULL)
		n->on_idle(n->arg);
}

static void
on_end(struct program *p, const char *fault)
{
	struct notify *n = CONTAINER_OF(p, struct notify, program);

	if (fault != NULL)
		tell_failed(n, fault);
	run_next(n);
}

static void
put_addresses(struct notify_call *c, const struct config_group *g)
{
	char *at = c->addresses, *const end = at + sizeof(c->addresses);

	for (size_t i = 0; i < g->n_addresses; i++) {
		const struct config_address *a = &g->addresses[i];
		char ip[ADDR_TEXT_MAX], text[ADDR_TEXT_MAX + 8];
		const int n = snprintf(text, sizeof(text), "%s%s/%u",
		    i > 0 ? "," : "", addr_format_ip(&a->addr, ip), a->prefix);

		if (n < 0 || n >= end - at)
			break;
		at = stpcpy(at, text);
	}
}

static void
push(struct notify *n, const struct msg_group *m)
{
	struct notify_call *c;

	if (n->n == NOTIFY_QUEUE_MAX) {
		n->first = (n->first + 1) % NOTIFY_QUEUE_MAX;
		n->n--;
		n->dropped++;
		log_warning("notify",
		    "[script] %s is slower than the changes, %" PRIu64
		    " calls left out so far",
		    n->pair->notify, n->dropped);
	}
	c = &n->queue[(n->first + n->n++) % NOTIFY_QUEUE_MAX];
	*c = (struct notify_call){ .state = m->state, .stops = n->stops };
	put_addresses(c, &n->pair->groups[m->group]);
	if (n->node != CONFIG_NO_NODE)
		(void)snprintf(c->peer, sizeof(c->peer), "%s",
		    n->pair->nodes[1 - n->node].name);
	(void)snprintf(
	    c->group, sizeof(c->group), "%s", n->pair->groups[m->group].name);
	memcpy(c->reason, m->reason, sizeof(c->reason));
}

void
notify_init(struct notify *n, const struct config *config,
    void (*on_idle)(void *arg), void *arg)
{
	static const struct program_calls calls = { .on_end = on_end };

	*n = (struct notify){ .node = CONFIG_NO_NODE,
		.timeout_ms = TIMEOUT_MS,
		.on_idle = on_idle,
		.arg = arg };
	program_init(&n->program, &calls);
	if (config->has_pair && config->pair.notify != NULL)
		n->pair = &config->pair;
	for (size_t i = 0; i < CONFIG_GROUPS_MAX; i++)
		n->last[i] = MSG_GROUP_INIT;
}

void
notify_tell(struct notify *n, const struct msg_group *m)
{
	if (n->pair == NULL || n->last[m->group] == m->state)
		return;
	n->last[m->group] = m->state;
	push(n, m);
	if (!program_is_running(&n->program))
		run_next(n);
}

void
notify_follow(struct notify *n, const struct config *config,
    const struct msg_group *groups, const bool *known)
{
	const bool runs = config->has_pair && config->pair.notify != NULL;
	const size_t n_groups = config->has_pair ? config->pair.n_groups : 0;

	n->pair = runs ? &config->pair : NULL;
	if (!runs)
		n->n = 0;
	for (size_t i = 0; i < n_groups; i++)
		n->last[i] = known[i] ? groups[i].state : MSG_GROUP_INIT;
}

bool
notify_is_idle(const struct notify *n)
{
	return n->n == 0 && !program_is_running(&n->program);
}

void
notify_fini(struct notify *n)
{
	program_fini(&n->program, false);
	n->n = 0;
}
