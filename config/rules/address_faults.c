#include "config/rules/address_faults.h"

#include "config/config.h"

#include <string.h>

const char *
address_faults_of_address(const union addr *a)
{
	size_t len;
	const uint8_t *bytes = addr_bytes(a, &len);

	if (addr_is_any(a))
		return "stands for every address; expected a single one";
	if (len == 4 && bytes[0] >= 224 && bytes[0] < 240)
		return "is a multicast address; expected that of a host";
	if (len == 4 && (bytes[0] >= 240 || bytes[0] == 0))
		return "is not the address of a host; expected one that is";
	if (len == 16 && bytes[0] == 0xff)
		return "is a multicast address; expected that of a host";
	return NULL;
}

bool
address_faults_is_loopback(const union addr *a)
{
	size_t len;
	const uint8_t *bytes = addr_bytes(a, &len);
	static const uint8_t v6[16] = { [15] = 1 };

	return len == 4 ? bytes[0] == 127 : memcmp(bytes, v6, 16) == 0;
}

const char *
address_faults_of_scope(const union addr *a)
{
	size_t len;
	const uint8_t *bytes = addr_bytes(a, &len);

	if (len == 16 && bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80)
		return "is a link-local address; expected one that is valid beyond its link";
	return NULL;
}

const char *
address_faults_of_link(const union addr *a)
{
	const char *fault = address_faults_of_scope(a);

	return fault != NULL ? fault : address_faults_of_address(a);
}

const char *
address_faults_of_node(const union addr *a)
{
	if (address_faults_is_loopback(a))
		return "is a loopback address; expected one that the peer can reach";
	return address_faults_of_link(a);
}

const char *
address_faults_of_cidr(const struct config_cidr *c)
{
	size_t len;
	const uint8_t *bytes = addr_bytes(&c->addr, &len);
	uint32_t ip, host;

	if (address_faults_is_loopback(&c->addr))
		return "is a loopback address; expected one that clients can reach";
	if (address_faults_of_address(&c->addr) != NULL)
		return address_faults_of_address(&c->addr);
	if (len != 4 || c->prefix > 30)
		return NULL;
	ip = (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 |
	    (uint32_t)bytes[2] << 8 | bytes[3];
	host = UINT32_MAX >> c->prefix;
	if ((ip & host) == 0)
		return "is the address of the network itself; expected that "
		       "of a host in it";
	if ((ip & host) == host)
		return "is the broadcast address of its network; expected "
		       "that of a host in it";
	return NULL;
}
