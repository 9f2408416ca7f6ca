#include "hapair/cli/host_ports.h"

#include "config/listening.h"
#include "failover/vip/netlink.h"
#include "hapair/cli/port_use.h"
#include "hapair/supervisor/listeners.h"

#include <netinet/in.h>
#include <string.h>

static void
check_port(struct host_report *m, const struct listen_table *t,
    const struct config_service *s, size_t listen)
{
	const union addr *a = &s->listens[listen].address;
	char text[ADDR_TEXT_MAX], use[PORT_USE_TEXT];
	char whose[LISTENING_TEXT];
	struct port_use u;
	enum port_use_answer answer;
	int e;

	(void)addr_format(a, text);
	(void)listening_text(s, whose);
	answer = m->running ? port_use_look_after_ours(t, a, &u, &e)
	                    : port_use_look(t, a, &u, &e);
	switch (answer) {
	case PORT_USE_FREE:
		host_report_tell(
		    m, HOST_REPORT_OK, "%s: %s is free", whose, text);
		break;
	case PORT_USE_BESIDE:
		host_report_tell(m, HOST_REPORT_WARNING, "%s: %s: %s", whose,
		    text, port_use_text_beside(&u, use));
		break;
	case PORT_USE_TAKEN:
		host_report_tell(m, HOST_REPORT_ERROR,
		    "%s: cannot listen on %s: %s", whose, text,
		    port_use_text(&u, use));
		break;
	case PORT_USE_UNUSABLE:
		if (listeners_can_lack(s, listen, e))
			host_report_tell(m, HOST_REPORT_OK,
			    "%s: %s is left out, this host has no IPv6", whose,
			    text);
		else
			host_report_tell(m, HOST_REPORT_ERROR,
			    "%s: cannot listen on %s: %s", whose, text,
			    strerror(-e));
		break;
	}
}

/* Of a daemon that runs: who came after it, and shares its port. */
static void
check_shared_port(struct host_report *m, const struct listen_table *t,
    const struct config_service *s, const union addr *a)
{
	char text[ADDR_TEXT_MAX], use[PORT_USE_TEXT];
	char whose[LISTENING_TEXT];
	struct port_use u;

	(void)addr_format(a, text);
	(void)listening_text(s, whose);
	switch (port_use_look_for_others(t, a, &u)) {
	case PORT_USE_TAKEN:
		host_report_tell(m, HOST_REPORT_ERROR,
		    "%s: %s is %s, and gets a part of the clients", whose, text,
		    port_use_text(&u, use));
		break;
	case PORT_USE_BESIDE:
		host_report_tell(m, HOST_REPORT_WARNING, "%s: %s: %s", whose,
		    text, port_use_text_beside(&u, use));
		break;
	case PORT_USE_FREE:
	case PORT_USE_UNUSABLE: /* ours are there */
		break;
	}
}

/*
 * The daemon's own sockets would be found in use. It has none yet where an
 * address is new in the file: what a restart meets there is what counts.
 */
static bool
is_had(const struct host_report *m, const struct listen_table *t,
    const union addr *a)
{
	return m->running && (t->n == 0 || port_use_is_ours(t, a));
}

/* -- addresses that nobody has --------------------------------------------- */

struct search {
	const union addr *wanted;
	bool found;
};

static void
look_at_address(void *arg, const struct netlink_address *a)
{
	struct search *s = arg;

	s->found |= addr_is_same_ip(&a->addr, s->wanted);
}

static bool
is_loopback(const union addr *a)
{
	return a->sa.sa_family == AF_INET
	    ? ntohl(a->in.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET
	    : IN6_IS_ADDR_LOOPBACK(&a->in6.sin6_addr);
}

/* One of the peer's own is in a file that is the same on both hosts. */
static void
check_listen(struct host_report *m, struct netlink *n,
    const struct config_service *s, const union addr *a)
{
	struct search search = { .wanted = a };
	char ip[ADDR_TEXT_MAX], whose[LISTENING_TEXT];

	if (addr_is_any(a) || is_loopback(a) ||
	    config_has_address(m->config, a) ||
	    netlink_each_address(n, look_at_address, &search) < 0 ||
	    search.found)
		return;
	host_report_tell(m, HOST_REPORT_WARNING,
	    "%s: this machine does not have %s, and %s: no client comes by it",
	    listening_text(s, whose), addr_format_ip(a, ip),
	    m->config->has_pair ? "no group brings it"
	                        : "there is no pair that would bring it");
}

static void
check_listens(struct host_report *m)
{
	const struct config_service *s;
	struct netlink *n;
	int e = netlink_open(&n);

	if (e < 0) {
		host_report_tell(m, HOST_REPORT_ERROR,
		    "netlink cannot be opened: %s", strerror(-e));
		return;
	}
	for (size_t i = 0; (s = listening_at(m->config, i)) != NULL; i++) {
		for (size_t k = 0; k < s->n_listens; k++)
			check_listen(m, n, s, &s->listens[k].address);
	}
	netlink_free(n);
}

void
host_ports_check(struct host_report *m)
{
	const struct config_service *s;
	struct listen_table t = { 0 };
	int e = listen_table_read(&t);

	if (e < 0)
		host_report_tell(m, HOST_REPORT_WARNING,
		    "who listens on this host is not known: %s", strerror(-e));
	for (size_t i = 0; (s = listening_at(m->config, i)) != NULL; i++) {
		for (size_t k = 0; k < s->n_listens; k++)
			if (is_had(m, &t, &s->listens[k].address))
				check_shared_port(
				    m, &t, s, &s->listens[k].address);
			else
				check_port(m, &t, s, k);
	}
	listen_table_free(&t);
	check_listens(m);
}
