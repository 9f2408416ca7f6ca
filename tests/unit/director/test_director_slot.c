#include "director/bpf/director_slot.h"

#include "tests/ingress/packet_bytes.h"
#include "tests/lib/test.h"

#include <arpa/inet.h>
#include <string.h>

static void
put_addr(uint32_t addr[4], const char *text)
{
	const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (inet_pton(AF_INET6, text, addr) == 1)
		return;
	memcpy(addr, mapped, sizeof(mapped));
	assert_int_equal(inet_pton(AF_INET, text, &addr[3]), 1);
}

static struct director_slot_route
route_of(
    const char *client, const char *vip, const char *source, const char *server)
{
	struct director_slot_route r = {
		.client = { .sport = htons(40000), .dport = htons(21050) },
		.server = { .sport = htons(10240), .dport = htons(21051) },
		.client_ifindex = 2,
		.server_ifindex = 3,
		.mss = 1400,
		.client_isn = 0x89abcdef,
		.flags = DIRECTOR_BPF_SYN_SENT,
	};

	put_addr(r.client.saddr, client);
	put_addr(r.client.daddr, vip);
	put_addr(r.server.saddr, source);
	put_addr(r.server.daddr, server);
	return r;
}

static const struct {
	const char *client, *vip, *source, *server;
} pairs[] = {
	{ "10.1.0.7", "10.0.0.100", "10.0.0.100", "10.2.0.1" },
	{ "255.255.255.254", "10.0.0.100", "10.2.0.100", "0.0.0.1" },
	{ "fd01::7", "fd00::100", "fd00::100", "fd02::1" },
	{ "fdff:ffff:ffff:ffff::1", "fd00::100", "fd02::100", "::1" },
};

/* The checksum of a segment that is nothing but addresses and ports, before and
 * after. */
static uint32_t
checksum_of(const struct director_bpf_key *key)
{
	return packet_bytes_checksum(
	    packet_bytes_sum((const uint8_t *)key, sizeof(*key)));
}

/* As the kernel adds them: words as they lie in memory. */
static uint32_t
mended(uint32_t checksum, const struct director_bpf_leg *leg)
{
	uint64_t sum = (uint64_t)(uint16_t)~htons((uint16_t)checksum) +
	    leg->addr_diff + leg->port_diff;

	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return ntohs((uint16_t)~sum);
}

static void
differences_turn_one_sides_checksum_into_the_others(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(pairs); i++) {
		struct director_slot_route route = route_of(pairs[i].client,
		    pairs[i].vip, pairs[i].source, pairs[i].server);
		struct director_bpf_slot slot;

		director_slot_fill(&slot, &route);
		for (unsigned from = 0; from < 2; from++) {
			struct director_bpf_key in =
			    director_slot_key(&route, from);

			assert_int_equal(
			    mended(checksum_of(&in), &slot.leg[from]),
			    checksum_of(&slot.leg[from].to));
		}
	}
}

static void
what_one_leg_sends_is_what_the_other_gets_answered(void **state)
{
	struct director_slot_route route =
	    route_of("10.1.0.7", "10.0.0.100", "10.0.0.100", "10.2.0.1");
	struct director_bpf_key key;
	struct director_bpf_slot slot;

	(void)state;
	director_slot_fill(&slot, &route);
	for (unsigned from = 0; from < 2; from++) {
		const struct director_bpf_key *back = &slot.leg[!from].to;

		key = director_slot_key(&route, from);
		assert_memory_equal(key.saddr, back->daddr, sizeof(key.saddr));
		assert_memory_equal(key.daddr, back->saddr, sizeof(key.daddr));
		assert_int_equal(key.sport, back->dport);
		assert_int_equal(key.dport, back->sport);
	}
	assert_int_equal(slot.leg[DIRECTOR_BPF_FROM_CLIENT].ifindex, 3);
	assert_int_equal(slot.leg[DIRECTOR_BPF_FROM_SERVER].ifindex, 2);
	assert_int_equal(slot.leg[DIRECTOR_BPF_FROM_CLIENT].mss, 0);
	assert_int_equal(slot.leg[DIRECTOR_BPF_FROM_SERVER].mss, 1400);
}

static void
a_used_slot_is_emptied_but_for_what_is_not_the_programs(void **state)
{
	struct director_slot_route route =
	    route_of("fd01::7", "fd00::100", "fd00::100", "fd02::1");
	struct director_bpf_slot slot;

	(void)state;
	memset(&slot, 0x55, sizeof(slot));
	director_slot_fill(&slot, &route);
	assert_int_equal(slot.last_ns, 0);
	assert_int_equal(slot.bytes[1], 0);
	assert_int_equal(slot.fin_end[1], 0);
	assert_int_equal(slot.flags, DIRECTOR_BPF_SYN_SENT);
	assert_int_equal(slot.client_isn, 0x89abcdef);
	assert_int_equal(slot.opened_ns, 0x5555555555555555);
	assert_int_equal(slot.tag, 0x5555555555555555);
}

static void
a_slot_tells_its_route(void **state)
{
	struct director_slot_route found,
	    route = route_of("fd01::7", "fd00::100", "fd02::100", "fd02::1");
	struct director_bpf_slot slot;

	(void)state;
	director_slot_fill(&slot, &route);
	director_slot_route(&slot, &found);
	assert_memory_equal(&found.client, &route.client, sizeof(found.client));
	assert_memory_equal(&found.server, &route.server, sizeof(found.server));
	assert_int_equal(found.client_ifindex, route.client_ifindex);
	assert_int_equal(found.server_ifindex, route.server_ifindex);
	assert_int_equal(found.mss, route.mss);
	assert_int_equal(found.client_isn, route.client_isn);
	assert_int_equal(found.flags, route.flags);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    differences_turn_one_sides_checksum_into_the_others),
		cmocka_unit_test(
		    what_one_leg_sends_is_what_the_other_gets_answered),
		cmocka_unit_test(
		    a_used_slot_is_emptied_but_for_what_is_not_the_programs),
		cmocka_unit_test(a_slot_tells_its_route),
	};

	TEST_MAIN(tests);
}
