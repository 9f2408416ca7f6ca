#include "proxy/control/server_admin.h"

#include "config/config.h"
#include "core/accord.h"
#include "core/buf.h"
#include "core/channel.h"
#include "core/log.h"
#include "core/msg.h"
#include "core/reply.h"
#include "proxy/control/event_report.h"
#include "proxy/pool/pool.h"
#include "proxy/services.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define TEXT_MAX 512

int
server_admin_init(struct server_admin *a, const struct standby_run_setup *setup)
{
	a->setup = *setup;
	a->standby_run = standby_run_new(setup);
	drain_limit_init(
	    &a->drain, setup->services, setup->loop, setup->config->drain_ms);
	activate_wait_init(
	    &a->waiting, setup->loop, setup->config, a->standby_run);
	a->events = event_report_new(
	    setup->supervisor, setup->services, a->standby_run);
	return a->standby_run != NULL && a->events != NULL ? 0 : -ENOMEM;
}

void
server_admin_fini(struct server_admin *a)
{
	activate_wait_fini(&a->waiting);
	event_report_free(a->events);
	a->events = NULL;
	standby_run_free(a->standby_run);
	drain_limit_fini(&a->drain);
}

/* -- what is agreed on -------------------------------------------------- */

static struct pool_server *
find_server(struct pool *p, const char *name)
{
	for (size_t i = 0; i < p->n_servers; i++)
		if (strcmp(p->servers[i].config->name, name) == 0)
			return &p->servers[i];
	return NULL;
}

/* All that was so before is told to a relay that begins. */
static const char *
origin_text(const struct server_admin *a, const struct accord *accord)
{
	if (!a->setup.services->started)
		return "it was so before";
	return accord->node == (a->setup.node < 0 ? 0 : a->setup.node)
	    ? "an operator here"
	    : "agreed with the peer";
}

static void
log_change(const struct server_admin *a, const struct accord *accord,
    const char *change)
{
	const char *why = accord->said.reason;
	char subject[TEXT_MAX];

	(void)snprintf(subject, sizeof(subject), "service %s, server %s",
	    accord->subject, accord->server);
	if (*why != '\0')
		log_notice(subject, "%s, reason: %s: %s", change,
		    origin_text(a, accord), why);
	else
		log_notice(
		    subject, "%s, reason: %s", change, origin_text(a, accord));
}

static void
note_word(struct pool_server *s, const struct accord *accord)
{
	struct pool_word *w =
	    accord->kind == ACCORD_ADMIN ? &s->admin_word : &s->weight_word;

	w->by = (uint8_t)(accord->node + 1);
	w->said = accord->said;
}

static void
set_admin(struct pool *p, struct pool_server *s, enum accord_admin admin,
    char text[static TEXT_MAX])
{
	struct pool_view is;

	pool_look(p, s, &is);
	if (is.admin == admin)
		return;
	(void)snprintf(text, TEXT_MAX, "%s -> %s", accord_admin_name(is.admin),
	    accord_admin_name(admin));
	pool_set_admin(p, s, admin);
}

static void
set_weight(struct pool *p, struct pool_server *s, uint32_t weight,
    char text[static TEXT_MAX])
{
	struct pool_view is;

	pool_look(p, s, &is);
	if (is.weight == weight)
		return;
	(void)snprintf(text, TEXT_MAX, "weight %u -> %u", is.weight, weight);
	pool_set_weight(p, s, weight);
}

static void
apply(struct server_admin *a, const struct accord *accord)
{
	const int i = config_find_service(a->setup.config, accord->subject);
	struct pool *p =
	    i < 0 ? NULL : services_pool(a->setup.services, (size_t)i);
	struct pool_server *s =
	    p == NULL ? NULL : find_server(p, accord->server);
	char change[TEXT_MAX] = "";

	if (s == NULL)
		return;
	note_word(s, accord);
	if (accord->kind == ACCORD_ADMIN)
		set_admin(p, s, (enum accord_admin)accord->value, change);
	else if (accord->value == ACCORD_AS_CONFIGURED)
		set_weight(p, s, s->config->weight, change);
	else
		set_weight(p, s, accord->value, change);
	if (*change == '\0') /* it is so already */
		return;
	/* First: a cut by this word is no end of an earlier one. */
	drain_limit_look(&a->drain, p, s);
	services_changed(a->setup.services, p);
	log_change(a, accord, change);
}

static int
take_accords(struct server_admin *a, struct buf *b)
{
	struct accord accord;

	while (b->pos < b->len) {
		if (accord_get(b, &accord) != 0)
			return -EBADMSG; /* of our own supervisor: known */
		switch (accord.kind) {
		case ACCORD_ADMIN:
		case ACCORD_WEIGHT:
			apply(a, &accord);
			break;
		case ACCORD_ACTIVE:
		case ACCORD_ACTIVE_GROUP:
			standby_run_agree(a->standby_run, &accord);
			break;
		}
	}
	return 0;
}

/* -- what an operator asks ---------------------------------------------- */

static void
activate(struct server_admin *a, const struct msg_active *m, int *socket)
{
	bool waits = false;
	const char *why =
	    standby_run_ask(a->standby_run, m->service, m->server, &waits);

	if (waits)
		activate_wait_add(&a->waiting, m, socket);
	else
		activate_wait_answer(&a->waiting, m, why == NULL,
		    why != NULL ? why : "active", socket);
}

static int
take_activate(struct server_admin *a, struct buf *b, int *socket)
{
	const struct config *c = a->setup.config;
	struct msg_active m;

	if (*socket == -1 || msg_get_active(b, &m) < 0 ||
	    m.service >= c->n_services ||
	    m.server >= c->services[m.service].n_servers)
		return -EBADMSG;
	activate(a, &m, socket);
	return 0;
}

int
server_admin_take(struct server_admin *a, struct channel_packet *p)
{
	struct buf b = buf_reader(p->body, p->len);
	struct msg_known known;
	struct msg_fenced fenced;
	struct msg_active chosen;

	if (a->standby_run == NULL)
		return -EBADMSG;
	switch (p->type) {
	case MSG_ACCORDS:
		return take_accords(a, &b);
	case MSG_ACTIVATE:
		return take_activate(a, &b, &p->fd);
	case MSG_REPLY:
		if (p->fd == -1)
			return -EBADMSG;
		reply_send(a->setup.loop, &p->fd,
		    strndup((const char *)p->body, p->len));
		return 0;
	case MSG_KNOWN:
		if (msg_get_known(&b, &known) < 0)
			return -EBADMSG;
		standby_run_set_known(a->standby_run, known.known);
		return 0;
	case MSG_FENCED:
		if (msg_get_fenced(&b, &fenced) < 0)
			return -EBADMSG;
		standby_run_take_fenced(a->standby_run, &fenced);
		return 0;
	case MSG_CHOSEN:
		return msg_get_active(&b, &chosen) < 0
		    ? -EBADMSG
		    : standby_run_take_chosen(a->standby_run, &chosen);
	default: /* not an enum: a number from another process */
		return -EBADMSG;
	}
}
