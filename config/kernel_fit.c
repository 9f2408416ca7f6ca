#include "config/kernel_fit.h"

#include "config/listening.h"
#include "config/rules/address_faults.h"

static const char *
of_listeners(const struct config *c, const struct config_service *s)
{
	for (size_t i = 0; i < s->n_listens; i++) {
		const union addr *a = &s->listens[i].address;

		if (addr_is_any(a))
			return "it listens on every address, and not on virtual IPs alone";
		if (!config_has_virtual(&c->pair, a))
			return "it listens on an address that is no virtual IP";
	}
	return NULL;
}

static const char *
of_source(const struct config *c, const struct config_service *s)
{
	const int group = config_group_of(&c->pair, &s->source);

	if (!s->has_source)
		return NULL;
	if (group < 0)
		return "its source is no virtual IP";
	for (size_t i = 0; i < s->n_listens; i++) {
		const union addr *a = &s->listens[i].address;

		if (a->sa.sa_family != s->source.sa.sa_family)
			return "its source is of another IP version than its clients";
		if (config_group_of(&c->pair, a) != group)
			return "its source is of another group than its listeners";
	}
	return NULL;
}

static const char *
of_servers(const struct config *c, const struct config_service *s)
{
	for (size_t i = 0; i < s->n_servers; i++) {
		const struct config_server *at = &s->servers[i];

		if (at->host == NULL &&
		    (address_faults_is_loopback(&at->address) ||
		        config_has_address(c, &at->address)))
			return "one of its servers is on a node of the pair";
	}
	for (size_t i = 0; i < s->n_listens; i++)
		if (!config_has_family(s, s->listens[i].address.sa.sa_family))
			return "no server is of the IP version of some of its clients";
	return NULL;
}

/* Whether the directors of the two nodes can talk to each other. */
static const char *
of_stream(const struct config *c)
{
	const struct config_service *s;

	if (c->pair.port == UINT16_MAX)
		return "the port after the pair's is none";
	for (size_t i = 0; (s = listening_at(c, i)) != NULL; i++)
		for (size_t k = 0; k < CONFIG_NODES; k++) {
			union addr a = c->pair.nodes[k].address;

			addr_set_port(&a, config_stream_port(&c->pair));
			if (config_listens_at(s, &a, true))
				return "a service listens at the port after the pair's, which the nodes need";
		}
	return NULL;
}

const char *
kernel_fit_why_not(const struct config *c, const struct config_service *s)
{
	const char *why;

	if (!c->has_pair)
		return "there is no pair, and so nobody whom connections could go on with";
	if (s->proxy_protocol != CONFIG_PROXY_PROTOCOL_NONE)
		return "it has 'proxy_protocol', and the kernel sends nothing of its own";
	if (s->timeouts.queue_ms > CONFIG_KERNEL_QUEUE_MS)
		return "its 'queue' is longer than 1m, and a client that waits has not connected yet";
	why = of_listeners(c, s);
	if (why == NULL)
		why = of_source(c, s);
	if (why == NULL)
		why = of_servers(c, s);
	return why != NULL ? why : of_stream(c);
}

void
kernel_fit_settle(struct config *c, bool whole)
{
	for (size_t i = 0; i < c->n_services; i++) {
		struct config_service *s = &c->services[i];

		s->path = s->path_asked;
		if (s->path_asked == CONFIG_PATH_AUTO)
			s->path = whole && kernel_fit_why_not(c, s) == NULL
			    ? CONFIG_PATH_KERNEL
			    : CONFIG_PATH_RELAY;
	}
}
