#include "hapair/cli/first_words.h"

#include "config/schema/scalar.h"
#include "hapair/cli/own_network.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static __attribute__((format(printf, 2, 3))) int
fault(char *ret_fault, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(ret_fault, FIRST_WORDS_FAULT, format, args);
	va_end(args);
	return -EINVAL;
}

static int
keep(char **at, const char *word, size_t len)
{
	char *copy = strndup(word, len);

	if (copy == NULL)
		return -ENOMEM;
	free(*at);
	*at = copy;
	return 0;
}

static void
shorten(char **words, size_t *n, size_t to)
{
	while (*n > to) {
		free(words[--*n]);
		words[*n] = NULL;
	}
}

void
first_words_shorten(struct first_words *w, size_t n_addresses, size_t n_servers)
{
	shorten(w->addresses, &w->n_addresses, n_addresses);
	shorten(w->servers, &w->n_servers, n_servers);
}

void
first_words_fini(struct first_words *w)
{
	free(w->here_name);
	free(w->here);
	free(w->peer_name);
	free(w->peer);
	free(w->interface);
	free(w->port);
	free(w->preset);
	first_words_shorten(w, 0, 0);
	*w = (struct first_words){ .n_servers = 0 };
}

int
first_words_take_address(
    struct first_words *w, const char *word, char *ret_fault)
{
	struct config_cidr cidr;
	union addr ip;

	if (addr_parse_ip(word, &ip) < 0 && scalar_cidr(word, &cidr) < 0)
		return fault(ret_fault,
		    "'%s' is no virtual IP; expected one such as 10.0.0.100/24 or fd00::100/64",
		    word);
	if (w->n_addresses == FIRST_WORDS_MAX)
		return fault(ret_fault, "'%s': more than %d virtual IPs", word,
		    FIRST_WORDS_MAX);
	return keep(&w->addresses[w->n_addresses++], word, strlen(word));
}

/* NAME=ADDRESS. */
static int
take_node(char **name, char **address, const char *word, char *ret_fault)
{
	const size_t len = strcspn(word, "=");
	const char *ip = word[len] == '=' ? word + len + 1 : "";
	union addr a;
	int e = keep(name, word, len);

	if (e < 0)
		return e;
	if (!scalar_is_name(*name, CONFIG_NAME_MAX - 1, "") ||
	    addr_parse_ip(ip, &a) < 0)
		return fault(ret_fault,
		    "'%s' is no host; expected its name and address, such as proxy2=10.0.0.2",
		    word);
	return keep(address, ip, strlen(ip));
}

int
first_words_take_peer(struct first_words *w, const char *word, char *ret_fault)
{
	return take_node(&w->peer_name, &w->peer, word, ret_fault);
}

int
first_words_take_here(struct first_words *w, const char *word, char *ret_fault)
{
	return take_node(&w->here_name, &w->here, word, ret_fault);
}

int
first_words_take_port(struct first_words *w, const char *word, char *ret_fault)
{
	uint64_t n;

	if (scalar_number(word, &n) < 0 || n < 1 || n > UINT16_MAX)
		return fault(ret_fault,
		    "'%s' is no port; expected a number from 1 to 65535", word);
	return keep(&w->port, word, strlen(word));
}

int
first_words_take_server(
    struct first_words *w, const char *word, char *ret_fault)
{
	char host[CONFIG_HOST_MAX];
	union addr a;

	if (scalar_server(word, &a, host) < 0)
		return fault(
		    ret_fault, "'%s' %s", word, scalar_server_fault(word));
	if (w->n_servers == FIRST_WORDS_MAX)
		return fault(ret_fault,
		    "'%s': more than %d servers; write the others into the file",
		    word, FIRST_WORDS_MAX);
	return keep(&w->servers[w->n_servers++], word, strlen(word));
}

int
first_words_take_name(
    char **ret_name, const char *what, const char *word, char *ret_fault)
{
	if (!scalar_is_name(word, CONFIG_NAME_MAX - 1, ""))
		return fault(ret_fault, "'%s' is no %s", word, what);
	return keep(ret_name, word, strlen(word));
}

/* What a host is called in `status`: without its domain. */
static int
find_name(struct first_words *w, char *ret_fault)
{
	char host[HOST_NAME_MAX + 1] = "";

	(void)gethostname(host, sizeof(host) - 1);
	host[strcspn(host, ".")] = '\0';
	if (!scalar_is_name(host, CONFIG_NAME_MAX - 1, ""))
		return fault(ret_fault,
		    "this host's name, '%s', is no name of a node; give --here NAME=ADDRESS",
		    host);
	return keep(&w->here_name, host, strlen(host));
}

/* On the network of the peer; else on that of the first virtual IP. */
static int
find_here(
    struct first_words *w, const struct own_network *of_vip, char *ret_fault)
{
	char text[ADDR_TEXT_MAX];
	struct own_network net;
	union addr peer;
	int e = find_name(w, ret_fault);

	if (e < 0)
		return e;
	if (addr_parse_ip(w->peer, &peer) < 0)
		return -EINVAL; /* it has been looked at */
	if (own_network_find(&peer, &net) < 0) {
		if (of_vip == NULL)
			return fault(ret_fault,
			    "no interface of this host is on the network of %s; give --here NAME=ADDRESS",
			    w->peer);
		net = *of_vip;
	}
	(void)addr_format_ip(&net.address, text);
	return keep(&w->here, text, strlen(text));
}

/* With the prefix of the network that it is on. */
static int
complete_address(char **address, const struct own_network *net, char *ret_fault)
{
	char *with = NULL;

	if (strchr(*address, '/') != NULL)
		return 0;
	if (net == NULL)
		return fault(ret_fault,
		    "no interface of this host is on the network of %s; give it with its prefix, such as %s/24",
		    *address, *address);
	if (asprintf(&with, "%s/%u", *address, net->prefix) < 0)
		return -ENOMEM;
	free(*address);
	*address = with;
	return 0;
}

/* Its network, or NULL. */
static const struct own_network *
network_of(const char *address, struct own_network *net)
{
	struct config_cidr cidr = { .prefix = 0 };
	union addr a;

	if (addr_parse_ip(address, &a) < 0) {
		if (scalar_cidr(address, &cidr) < 0)
			return NULL;
		a = cidr.addr;
	}
	return own_network_find(&a, net) == 0 ? net : NULL;
}

int
first_words_complete(struct first_words *w, char *ret_fault)
{
	struct own_network first, net;
	const struct own_network *of_first =
	    network_of(w->addresses[0], &first);
	int e = 0;

	if (w->interface == NULL) {
		if (of_first == NULL)
			return fault(ret_fault,
			    "no interface of this host is on the network of %s; give --interface NAME",
			    w->addresses[0]);
		e = keep(
		    &w->interface, first.interface, strlen(first.interface));
	}
	for (size_t i = 0; e == 0 && i < w->n_addresses; i++)
		e = complete_address(&w->addresses[i],
		    network_of(w->addresses[i], &net), ret_fault);
	if (e == 0 && w->here == NULL)
		e = find_here(w, of_first, ret_fault);
	return e;
}

struct first_file
first_words_file(const struct first_words *w, const char *key_file)
{
	return (struct first_file){
		.is_pair = w->n_addresses > 0,
		.here = { .name = w->here_name, .address = w->here },
		.peer = { .name = w->peer_name, .address = w->peer },
		.key_file = key_file,
		.interface = w->interface,
		.addresses = (const char *const *)w->addresses,
		.n_addresses = w->n_addresses,
		.port = w->port,
		.preset = w->preset,
		.servers = (const char *const *)w->servers,
		.n_servers = w->n_servers,
	};
}
