#include "proxy/kernel/kernel_end.h"

#include <string.h>

#define MAPPED 10 /* bytes of zeros, before 0xffff and IPv4 */

struct msg_kernel_end
kernel_end_of(const union addr *a)
{
	struct msg_kernel_end end = { .port = 0 };
	const uint8_t *bytes;
	size_t len;

	if (a->sa.sa_family != AF_INET && a->sa.sa_family != AF_INET6)
		return end;
	bytes = addr_bytes(a, &len);
	end.port = addr_port(a);
	if (len < sizeof(end.ip))
		memset(end.ip + MAPPED, 0xff, 2);
	memcpy(end.ip + sizeof(end.ip) - len, bytes, len);
	return end;
}

union addr
kernel_end_addr(const struct msg_kernel_end *end)
{
	static const uint8_t none[MSG_KERNEL_IP_BYTES];
	union addr a = { 0 };

	if (memcmp(end->ip, none, sizeof(none)) == 0)
		return a;
	a.in6.sin6_family = AF_INET6;
	memcpy(&a.in6.sin6_addr, end->ip, sizeof(end->ip));
	addr_normalize(&a);
	addr_set_port(&a, end->port);
	return a;
}
