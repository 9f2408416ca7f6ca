#include "hapair/supervisor/event_sync.h"

#include "config/config.h"
#include "core/buf.h"
#include "core/channel.h"
#include "core/msg.h"
#include "core/timeout.h"
#include "hapair/supervisor/child.h"
#include "hapair/supervisor/state_store.h"

#include <errno.h>
#include <stdio.h>

/* Twenty packets a second, of some twenty events each. */
#define PAY_S 0.05

static void
on_pay(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct event_sync *s = CONTAINER_OF(t, struct event_sync, pay);
	struct state_store *store = s->store;
	struct buf b = BUF_WRITER(CHANNEL_BODY_MAX);

	ev_timer_stop(loop, t);
	/* What is asked for next comes with a look. */
	if (!store->wanted || store->end_owed || store->told != store->all.n ||
	    !event_log_has_news(&s->log))
		return;
	buf_put_u32(&b, store->wire);
	event_log_put(&s->log, &b);
	store->wanted = false;
	child_send(store->setup.failover, MSG_EVENTS, b.data, b.pos, -1);
}

void
event_sync_look(struct event_sync *s)
{
	if (s != NULL && event_log_has_news(&s->log) && s->store->wanted &&
	    !ev_is_active(&s->pay))
		timeout_arm(s->log.loop, &s->pay, PAY_S);
}

void
event_sync_meet_peer(struct event_sync *s)
{
	if (s != NULL)
		event_log_forget_peer(&s->log);
}

void
event_sync_add(struct event_sync *s, enum event_kind kind, const char *subject,
    const char *what, const char *reason)
{
	event_log_add(&s->log, kind, subject, what, reason);
	event_sync_look(s);
}

static int
take_of_relay(struct event_sync *s, const struct config *config, struct buf *b)
{
	const struct config_service *c;
	char subject[EVENT_SUBJECT_MAX];
	struct msg_event m;

	if (msg_get_event(b, &m) < 0 || m.service >= config->n_services)
		return -EBADMSG;
	c = &config->services[m.service];
	if (m.server >= c->n_servers)
		return -EBADMSG;
	(void)snprintf(subject, sizeof(subject), "server %s/%s", c->name,
	    c->servers[m.server].name);
	event_sync_add(s, m.standby ? EVENT_STANDBY : EVENT_SERVER, subject,
	    m.what, m.reason);
	return 0;
}

int
event_sync_take(struct event_sync *s, const struct config *config,
    const struct channel_packet *p)
{
	struct buf b = buf_reader(p->body, p->len);

	if (p->type == MSG_EVENT)
		return take_of_relay(s, config, &b);
	/* There is no peer that could have said it. */
	return config->has_pair ? event_log_take(&s->log, &b) : -EBADMSG;
}

int
event_sync_init(struct event_sync *s, struct ev_loop *loop,
    const char *directory, struct state_store *store)
{
	s->store = store;
	s->kills = (struct kill_orders){ .next = 0 };
	ev_init(&s->pay, on_pay);
	return event_log_init(&s->log, loop, directory);
}

void
event_sync_fini(struct event_sync *s)
{
	if (s->log.loop != NULL)
		ev_timer_stop(s->log.loop, &s->pay);
	event_log_fini(&s->log);
}
