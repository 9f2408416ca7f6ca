#include "config/rules/kernel_rules.h"

#include "config/config.h"
#include "config/listening.h"
#include "config/rules/address_faults.h"
#include "config/rules/rules.h"
#include "config/schema/scalar.h"
#include "config/yaml/diag.h"
#include "config/yaml/tree.h"

/* The mistake is in another key; where 'path: kernel' stands is told, too. */
static void
note_path(struct rules *r, const struct config_service *s)
{
	const struct tree_node *at = rules_at(r, &s->path_asked);

	if (at != NULL)
		diag_note(r->diag, &at->at, "the path");
}

/* Clients come to an address that moves, and to one that is known. */
static void
check_listen(struct rules *r, const struct config_service *s, size_t i)
{
	const struct tree_node *at = rules_at(r, &s->listens[i]);
	const union addr *a = &s->listens[i].address;

	if (at == NULL || config_is_star_v6(s, i))
		return;
	if (addr_is_any(a))
		diag_error(r->diag, &at->at,
		    "'%s' stands for every address; expected virtual IPs with "
		    "'path: kernel'",
		    at->shown);
	else if (config_group_of(&r->config->pair, a) < 0)
		diag_error(r->diag, &at->at,
		    "'%s' is no virtual IP; expected an address of a group "
		    "with 'path: kernel', since only those move to the other "
		    "node",
		    at->shown);
	else
		return;
	note_path(r, s);
}

/* Answers come to it: it has to be where the clients' address is. */
static void
check_source(struct rules *r, const struct config_service *s)
{
	const struct config_pair *pair = &r->config->pair;
	const struct tree_node *at = rules_at(r, &s->source);
	const int group = config_group_of(pair, &s->source);

	if (!s->has_source || at == NULL)
		return;
	if (group < 0) {
		diag_error(r->diag, &at->at,
		    "the source '%s' is no virtual IP; expected an address of "
		    "a group with 'path: kernel', or servers' answers would "
		    "come to this node alone",
		    at->shown);
		note_path(r, s);
		return;
	}
	for (size_t i = 0; i < s->n_listens; i++) {
		const union addr *a = &s->listens[i].address;
		const struct tree_node *listen = rules_at(r, &s->listens[i]);
		const int other = config_group_of(pair, a);

		if (listen == NULL || other < 0)
			continue;
		if (a->sa.sa_family != s->source.sa.sa_family)
			diag_error(r->diag, &listen->at,
			    "clients of '%s' cannot be passed on from the "
			    "source '%s'; expected both IPv4 or both IPv6 with "
			    "'path: kernel'",
			    listen->shown, at->shown);
		else if (other != group)
			diag_error(r->diag, &at->at,
			    "the source '%s' is of group '%s', and '%s' of "
			    "'%s'; expected one group with 'path: kernel', "
			    "since they have to move together",
			    at->shown, pair->groups[group].name, listen->shown,
			    pair->groups[other].name);
	}
}

static void
check_server(struct rules *r, const struct config_service *s,
    const struct config_server *server)
{
	const struct tree_node *at = rules_at(r, &server->address);

	if (at == NULL || server->host != NULL ||
	    (!address_faults_is_loopback(&server->address) &&
	        !config_has_address(r->config, &server->address)))
		return;
	diag_error(r->diag, &at->at,
	    "the server '%s' is on a node of the pair; expected another host "
	    "with 'path: kernel', which passes connections on over the "
	    "network",
	    at->shown);
	note_path(r, s);
}

static void
check_servers(struct rules *r, const struct config_service *s)
{
	for (size_t i = 0; i < s->n_servers; i++)
		check_server(r, s, &s->servers[i]);
	if (!rules_is_whole(r, &s->servers, s->n_servers))
		return;
	for (size_t i = 0; i < s->n_listens; i++) {
		const union addr *a = &s->listens[i].address;
		const struct tree_node *at = rules_at(r, &s->listens[i]);
		const bool v6 = a->sa.sa_family == AF_INET6;

		if (at == NULL || addr_is_any(a) ||
		    config_has_family(s, a->sa.sa_family))
			continue;
		diag_error(r->diag, &at->at,
		    "no server of this service has an %s address for the "
		    "clients of '%s'; expected one with 'path: kernel', which "
		    "leaves the version as it is",
		    v6 ? "IPv6" : "IPv4", at->shown);
		note_path(r, s);
	}
}

static void
check_service(struct rules *r, const struct config_service *s)
{
	const struct tree_node *proxy = rules_at(r, &s->proxy_protocol);
	const struct tree_node *queue = rules_at(r, &s->timeouts.queue_ms);
	char text[SCALAR_DURATION_TEXT], most[SCALAR_DURATION_TEXT];

	for (size_t i = 0; i < s->n_listens; i++)
		check_listen(r, s, i);
	check_source(r, s);
	check_servers(r, s);
	if (proxy != NULL && s->proxy_protocol != CONFIG_PROXY_PROTOCOL_NONE) {
		diag_error(r->diag, &proxy->at,
		    "'proxy_protocol' with 'path: kernel'; expected one of "
		    "them, since the kernel passes on what the client sends "
		    "and nothing before it");
		note_path(r, s);
	}
	if (queue != NULL && s->timeouts.queue_ms > CONFIG_KERNEL_QUEUE_MS) {
		diag_error(r->diag, &queue->at,
		    "'queue' is %s; expected at most %s with 'path: kernel', "
		    "where a client that waits has not connected yet, and "
		    "gives up by itself",
		    scalar_duration_text(s->timeouts.queue_ms, text),
		    scalar_duration_text(CONFIG_KERNEL_QUEUE_MS, most));
		note_path(r, s);
	}
}

/* Whoever listens there would be in the way of the two directors. */
static void
check_port(struct rules *r, const struct config_service *kernel)
{
	const struct config *c = r->config;
	const struct tree_node *port = rules_at(r, &c->pair.port);
	const struct config_service *s;

	if (c->pair.port == UINT16_MAX) {
		if (port != NULL)
			diag_error(r->diag, &port->at,
			    "'%s' is the last port; expected at most %d with "
			    "'path: kernel', since the pair has the next one, "
			    "too",
			    port->shown, UINT16_MAX - 1);
		return;
	}
	for (size_t i = 0; (s = listening_at(c, i)) != NULL; i++)
		for (size_t k = 0; k < s->n_listens; k++) {
			const struct tree_node *at =
			    rules_at(r, &s->listens[k]);
			const struct config_service one = {
				.listens = &s->listens[k], .n_listens = 1
			};
			union addr own = c->pair.nodes[0].address;
			union addr other = c->pair.nodes[1].address;

			addr_set_port(&own, config_stream_port(&c->pair));
			addr_set_port(&other, config_stream_port(&c->pair));
			if (at == NULL ||
			    (!config_listens_at(&one, &own, true) &&
			        !config_listens_at(&one, &other, true)))
				continue;
			diag_error(r->diag, &at->at,
			    "'%s' is where the two nodes tell each other of "
			    "connections with 'path: kernel', at the port "
			    "behind that of 'pair'; expected another port",
			    at->shown);
			note_path(r, kernel);
		}
}

void
kernel_rules_check(struct rules *r)
{
	const struct config *c = r->config;
	const struct config_service *first = NULL;

	for (size_t i = 0; i < c->n_services; i++) {
		const struct config_service *s = &c->services[i];
		const struct tree_node *at = rules_at(r, &s->path_asked);

		if (s->path_asked != CONFIG_PATH_KERNEL)
			continue;
		if (!c->has_pair) {
			if (at != NULL)
				diag_error(r->diag, &at->at,
				    "'path: kernel' without 'pair'; expected "
				    "both, since it is the other node that "
				    "connections go on with");
			continue;
		}
		first = first == NULL ? s : first;
		check_service(r, s);
	}
	if (first != NULL)
		check_port(r, first);
}
