#include "proxy/pool/server_addresses.h"

#include "config/config.h"

#include <sys/socket.h>

static void
add(struct server_addresses *s, const union addr *a)
{
	if (s->n < SERVER_ADDRESSES_MAX)
		s->all[s->n++] = *a;
}

bool
server_addresses_set(struct server_addresses *s, const union addr *all,
    unsigned n, int family, bool only)
{
	const struct server_addresses was = *s;

	*s = (struct server_addresses){ .silent = was.silent };
	for (unsigned i = 0; i < n; i++)
		if (family == AF_UNSPEC || all[i].sa.sa_family == family)
			add(s, &all[i]);
	for (unsigned i = 0; i < n && !only; i++)
		if (family != AF_UNSPEC && all[i].sa.sa_family != family)
			add(s, &all[i]);
	for (unsigned i = 0; was.n > 0 && i < s->n; i++)
		if (addr_is_same_ip(&s->all[i], &was.all[was.asked])) {
			s->asked = i;
			return false;
		}
	s->silent = 0;
	return s->n > 0;
}

unsigned
server_addresses_drop_own(union addr *all, unsigned n, uint16_t port,
    const struct config_service *service, server_addresses_is_here_fn *is_here,
    const void *arg)
{
	unsigned left = 0;

	for (unsigned i = 0; i < n; i++) {
		union addr a = all[i];

		addr_set_port(&a, port);
		if (!config_listens_at(service, &a, is_here(arg, &a)))
			all[left++] = all[i];
	}
	return left;
}

bool
server_addresses_fail(struct server_addresses *s)
{
	if (s->n < 2)
		return false;
	s->asked = (s->asked + 1) % s->n;
	if (++s->silent < s->n)
		return true;
	s->silent = 0;
	return false;
}

void
server_addresses_pass(struct server_addresses *s)
{
	s->silent = 0;
}
