#include "proxy/control/standby_send.h"

#include "core/buf.h"
#include "core/channel.h"
#include "core/log.h"
#include "core/timeout.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A supervisor whose channel is full reads again in a moment. */
#define AGAIN_MS 50

/* Of a service: what has not been said yet. */
struct standby_send_place {
	bool owes_chosen, owes_promote, owes_fence;
	struct msg_active chosen;
	struct msg_fence promote, fence;
};

/* False: the channel is full. What is broken for good is told, and dropped. */
static bool
say(const struct standby_send *s, enum msg_type type, const struct buf *b)
{
	const int e =
	    channel_send(s->supervisor, (uint16_t)type, b->data, b->pos, -1);

	if (e == -EAGAIN)
		return false;
	if (e < 0)
		log_error("relay",
		    "[process] the supervisor does not take messages: %s",
		    strerror(-e));
	return true;
}

static bool
say_fence(const struct standby_send *s, const struct msg_fence *fence)
{
	struct buf b = BUF_WRITER(16);

	msg_put_fence(&b, fence);
	return say(s, MSG_FENCE, &b);
}

static bool
say_chosen(const struct standby_send *s, const struct msg_active *chosen)
{
	struct buf b = BUF_WRITER(16);

	msg_put_active(&b, chosen);
	return say(s, MSG_CHOSEN, &b);
}

/*
 * In the order in which they come about: a choice, its promotions, and the
 * fence of the next one.
 */
static bool
pay(const struct standby_send *s, struct standby_send_place *p)
{
	p->owes_chosen = p->owes_chosen && !say_chosen(s, &p->chosen);
	if (p->owes_chosen)
		return false;
	p->owes_promote = p->owes_promote && !say_fence(s, &p->promote);
	if (p->owes_promote)
		return false;
	p->owes_fence = p->owes_fence && !say_fence(s, &p->fence);
	return !p->owes_fence;
}

/* The first of a group's services is its leader, whose choice comes first. */
static void
pay_all(struct standby_send *s)
{
	for (size_t i = 0; i < s->n; i++) {
		if (pay(s, &s->places[i]))
			continue;
		if (!ev_is_active(&s->again))
			timeout_arm(s->loop, &s->again, AGAIN_MS / 1e3);
		return;
	}
}

static void
on_again(struct ev_loop *loop, ev_timer *t, int revents)
{
	pay_all(CONTAINER_OF(t, struct standby_send, again));
}

int
standby_send_init(
    struct standby_send *s, struct ev_loop *loop, int supervisor, size_t n)
{
	*s = (struct standby_send){
		.loop = loop, .supervisor = supervisor, .n = n
	};
	ev_init(&s->again, on_again);
	s->places = calloc(n + 1, sizeof(*s->places));
	return s->places == NULL ? -ENOMEM : 0;
}

void
standby_send_fini(struct standby_send *s)
{
	if (s->loop != NULL)
		ev_timer_stop(s->loop, &s->again);
	free(s->places);
	s->places = NULL;
}

void
standby_send_fence(struct standby_send *s, const struct msg_fence *fence)
{
	struct standby_send_place *p = &s->places[fence->service];

	if (fence->promote) {
		p->promote = *fence;
		p->owes_promote = true;
	} else {
		p->fence = *fence;
		p->owes_fence = true;
	}
	pay_all(s);
}

bool
standby_send_chosen(struct standby_send *s, const struct msg_active *chosen)
{
	struct standby_send_place *p = &s->places[chosen->service];
	const bool first = !p->owes_chosen;

	p->chosen = *chosen;
	p->owes_chosen = true;
	pay_all(s);
	return first;
}
