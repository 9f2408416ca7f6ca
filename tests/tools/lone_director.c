/*
 * The least that makes the kernel program a director: one service, its servers
 * in turn, no peer and no time limits. Real packets go through the program with
 * it.
 *
 *     lone_director IFACE SERVICE SOURCE [--first-byte] [--mss N] [--pins DIR]
 *         SERVER...
 *
 * SERVICE and SERVER are address:port, SOURCE an address; the host has
 * SERVICE's and SOURCE's. A line of output for each thing that happens:
 * `ready`, `syn SLOT`, `refused SLOT`, `closed SLOT FLAGS`; at SIGTERM the
 * counters.
 */

#include "core/addr.h"
#include "director/bpf/director_program.h"
#include "director/bpf/director_segment.h"
#include "director/bpf/director_slot.h"
#include "tests/ingress/packet_bytes.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <net/if.h>
#include <unistd.h>

enum {
	SLOTS = 1024,
	SERVERS_MAX = 4,
	FIRST_PORT = 10240,
};

struct conn {
	bool is_used;
	struct director_slot_route route;
	uint32_t tries;
	/* The client's. */
	uint8_t syn[DIRECTOR_BPF_HEADERS];
	uint32_t syn_len;
};

struct lone {
	struct director_program *program;
	unsigned ifindex;
	union addr service, source, servers[SERVERS_MAX];
	uint32_t n_servers;
	uint32_t flags;
	uint16_t mss;
	const char *pins;
	int raw4, raw6;
	struct conn conns[SLOTS];
	uint32_t next_slot;
	uint16_t next_port;
};

static volatile sig_atomic_t is_asked_to_end;

static void
on_signal(int number)
{
	(void)number;
	is_asked_to_end = 1;
}

static void
put_addr(uint32_t to[4], const union addr *a)
{
	size_t len;
	const uint8_t *bytes = addr_bytes(a, &len);
	uint8_t mapped[16] = { [10] = 0xff, [11] = 0xff };

	memcpy(mapped + sizeof(mapped) - len, bytes, len);
	memcpy(to, mapped, sizeof(mapped));
}

/* ---- the SYN goes on ---- */

static void
put_syn_addrs(uint8_t *ip, const struct director_bpf_key *to, bool is_v6)
{
	if (is_v6) {
		ip[7]--;
		memcpy(ip + 8, to->saddr, 16);
		memcpy(ip + 24, to->daddr, 16);
		return;
	}
	ip[8]--;
	memcpy(ip + 12, &to->saddr[3], 4);
	memcpy(ip + 16, &to->daddr[3], 4);
}

static void
send_syn(struct lone *d, const struct conn *c)
{
	const struct director_bpf_key *to = &c->route.server;
	uint8_t ip[DIRECTOR_BPF_HEADERS], *tcp;
	bool is_v6 = c->syn[0] >> 4 == 6;
	uint32_t header = is_v6 ? 40 : (c->syn[0] & 15) * 4U;
	uint32_t len = c->syn_len - header, sum;
	union addr dest = d->servers[0];

	memcpy(ip, c->syn, c->syn_len);
	tcp = ip + header;
	put_syn_addrs(ip, to, is_v6);
	memcpy(tcp, &to->sport, 2);
	memcpy(tcp + 2, &to->dport, 2);
	packet_bytes_put16(tcp + 16, 0);
	sum = packet_bytes_sum(tcp, len) + 6 + len +
	    packet_bytes_sum(ip + (is_v6 ? 8 : 12), is_v6 ? 32 : 8);
	packet_bytes_put16(tcp + 16, packet_bytes_checksum(sum));
	if (is_v6) {
		packet_bytes_put16(ip + 4, len);
		memcpy(&dest.in6.sin6_addr, to->daddr, 16);
	} else {
		packet_bytes_put16(ip + 2, c->syn_len);
		packet_bytes_put16(ip + 10, 0);
		packet_bytes_put16(ip + 10,
		    packet_bytes_checksum(packet_bytes_sum(ip, header)));
		memcpy(&dest.in.sin_addr, &to->daddr[3], 4);
	}
	addr_set_port(&dest, 0);
	if (sendto(is_v6 ? d->raw6 : d->raw4, ip, c->syn_len, 0, &dest.sa,
	        addr_len(&dest)) == -1)
		printf("send: %s\n", strerror(errno));
}

/* ---- connections ---- */

static void
forget_entries(struct lone *d, struct conn *c)
{
	const struct director_bpf_key keys[] = {
		director_slot_key(&c->route, DIRECTOR_BPF_FROM_CLIENT),
		director_slot_key(&c->route, DIRECTOR_BPF_FROM_SERVER),
	};
	int e = director_program_delete_entries(d->program, keys, 2);

	if (e != 0)
		printf("delete: %s\n", strerror(-e));
}

/* To the next server, by a port that was not used yet. */
static void
try_server(struct lone *d, uint32_t slot)
{
	struct conn *c = &d->conns[slot];
	const union addr *server = &d->servers[c->tries++ % d->n_servers];
	struct director_slot_route *r = &c->route;
	struct director_bpf_key keys[2];
	const uint64_t entries[] = { DIRECTOR_BPF_ENTRY(slot, 0),
		DIRECTOR_BPF_ENTRY(slot, 1) };
	int e;

	put_addr(r->server.saddr, &d->source);
	put_addr(r->server.daddr, server);
	r->server.sport =
	    htons((uint16_t)(FIRST_PORT + d->next_port++ % 20000));
	r->server.dport = htons(addr_port(server));
	director_slot_fill(&director_program_slots(d->program)[slot], r);
	keys[0] = director_slot_key(r, DIRECTOR_BPF_FROM_CLIENT);
	keys[1] = director_slot_key(r, DIRECTOR_BPF_FROM_SERVER);
	e = director_program_put_entries(d->program, keys, entries, 2);
	if (e != 0)
		printf("put: %s\n", strerror(-e));
	send_syn(d, c);
}

static bool
read_syn(const struct director_bpf_event *event, struct conn *c)
{
	bool is_v6 = event->headers[0] >> 4 == 6;
	const uint8_t *ip = event->headers;
	const uint8_t *tcp = ip + (is_v6 ? 40 : (ip[0] & 15) * 4);
	struct director_bpf_key *key = &c->route.client;

	if (event->len < 40)
		return false;
	*c = (struct conn){ .is_used = true, .syn_len = event->len };
	memcpy(c->syn, event->headers, event->len);
	if (is_v6) {
		memcpy(key->saddr, ip + 8, 16);
		memcpy(key->daddr, ip + 24, 16);
	} else {
		key->saddr[2] = key->daddr[2] = htonl(0xffff);
		memcpy(&key->saddr[3], ip + 12, 4);
		memcpy(&key->daddr[3], ip + 16, 4);
	}
	memcpy(&key->sport, tcp, 2);
	memcpy(&key->dport, tcp + 2, 2);
	c->route.client_isn = packet_bytes_get32(tcp + 4);
	return true;
}

static bool
is_known(const struct lone *d, const struct conn *c)
{
	for (uint32_t i = 0; i < SLOTS; i++)
		if (d->conns[i].is_used &&
		    memcmp(&d->conns[i].route.client, &c->route.client,
		        sizeof(c->route.client)) == 0)
			return true;
	return false;
}

static void
on_new_syn(struct lone *d, const struct director_bpf_event *event)
{
	uint32_t slot = d->next_slot;
	struct conn c;

	if (!read_syn(event, &c) || is_known(d, &c))
		return;
	while (d->conns[slot].is_used)
		slot = (slot + 1) % SLOTS;
	d->next_slot = (slot + 1) % SLOTS;
	c.route.client_ifindex = d->ifindex;
	c.route.server_ifindex = d->ifindex;
	c.route.mss = d->mss;
	c.route.flags = d->flags;
	d->conns[slot] = c;
	printf("syn %u\n", slot);
	try_server(d, slot);
}

static void
on_event(void *data, const struct director_bpf_event *event)
{
	struct lone *d = data;

	if (event->kind != DIRECTOR_BPF_EVENT_SYN) {
		printf("refused %u\n", event->slot);
		forget_entries(d, &d->conns[event->slot]);
		try_server(d, event->slot);
	} else if (event->slot == DIRECTOR_BPF_NO_SLOT) {
		on_new_syn(d, event);
	} else if (director_segment_is_end(
	               director_program_slots(d->program)[event->slot].flags)) {
		forget_entries(d, &d->conns[event->slot]);
		d->conns[event->slot].is_used = false;
		on_new_syn(d, event);
	} else {
		send_syn(d, &d->conns[event->slot]);
	}
}

static void
on_closed(void *data, const struct director_bpf_closed *closed)
{
	struct lone *d = data;
	const struct director_bpf_slot *s =
	    &director_program_slots(d->program)[closed->slot];

	printf("closed %u %x %llu %llu\n", closed->slot, closed->flags,
	    (unsigned long long)s->bytes[0], (unsigned long long)s->bytes[1]);
	if (!d->conns[closed->slot].is_used)
		return;
	forget_entries(d, &d->conns[closed->slot]);
	d->conns[closed->slot].is_used = false;
	director_program_slots(d->program)[closed->slot].flags = 0;
}

/* What a former one has left. Its SYNs are gone: nobody would be tried again.
 */
static void
find_conns(struct lone *d)
{
	const struct director_bpf_slot *slots =
	    director_program_slots(d->program);

	for (uint32_t i = 0; i < SLOTS; i++) {
		if (slots[i].flags == 0)
			continue;
		d->conns[i].is_used = true;
		director_slot_route(&slots[i], &d->conns[i].route);
		d->next_slot = (i + 1) % SLOTS;
		d->next_port = (uint16_t)(d->next_port + SLOTS);
		printf("found %u\n", i);
	}
}

/* ---- the whole ---- */

static int
open_all(struct lone *d)
{
	const struct director_program_options options = {
		.slots = SLOTS,
		.services = 2,
		.events_bytes = 1 << 16,
		.closed_bytes = 1 << 16,
		.on_event = on_event,
		.on_closed = on_closed,
		.data = d,
		.pins = d->pins,
	};
	struct director_bpf_listen listen = { .port = htons(
		                                  addr_port(&d->service)) };
	const struct director_bpf_service service = { .service = 1 };
	int e = director_program_load(&options, &d->program);

	if (e != 0)
		return e;
	find_conns(d);
	d->raw4 = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
	d->raw6 = socket(AF_INET6, SOCK_RAW, IPPROTO_RAW);
	if (d->raw4 == -1 || d->raw6 == -1)
		return -errno;
	put_addr(listen.addr, &d->service);
	e = director_program_put_service(d->program, &listen, &service);
	listen.port = 0;
	if (e == 0)
		e = director_program_put_service(d->program, &listen, &service);
	return e == 0 ? director_program_attach(d->program, d->ifindex) : e;
}

static void
run(struct lone *d)
{
	struct pollfd ready = { .fd = director_program_events_fd(d->program),
		.events = POLLIN };
	uint64_t counters[DIRECTOR_BPF_COUNTERS];

	printf("ready\n");
	while (!is_asked_to_end) {
		(void)poll(&ready, 1, 10);
		(void)director_program_read_events(d->program);
		(void)director_program_read_closed(d->program);
	}
	if (director_program_count(d->program, counters) != 0)
		return;
	printf("counters");
	for (unsigned i = 0; i < ARRAY_LEN(counters); i++)
		printf(" %llu", (unsigned long long)counters[i]);
	printf("\n");
}

static bool
read_arguments(struct lone *d, int argc, char **argv)
{
	if (argc < 5)
		return false;
	d->ifindex = if_nametoindex(argv[1]);
	if (d->ifindex == 0 || addr_parse(argv[2], &d->service) != 0 ||
	    addr_parse_ip(argv[3], &d->source) != 0)
		return false;
	for (int i = 4; i < argc; i++) {
		if (strcmp(argv[i], "--first-byte") == 0)
			d->flags |= DIRECTOR_BPF_FIRST_BYTE;
		else if (strcmp(argv[i], "--mss") == 0 && i + 1 < argc)
			d->mss = (uint16_t)strtoul(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "--pins") == 0 && i + 1 < argc)
			d->pins = argv[++i];
		else if (d->n_servers == SERVERS_MAX ||
		    addr_parse(argv[i], &d->servers[d->n_servers++]) != 0)
			return false;
	}
	return d->n_servers > 0;
}

int
main(int argc, char **argv)
{
	static struct lone d = { .flags = DIRECTOR_BPF_SYN_SENT };
	const struct sigaction end = { .sa_handler = on_signal };
	int e;

	setlinebuf(stdout);
	if (!read_arguments(&d, argc, argv)) {
		fprintf(stderr,
		    "usage: lone_director IFACE SERVICE SOURCE "
		    "[--first-byte] [--mss N] [--pins DIR] SERVER...\n");
		return 2;
	}
	(void)sigaction(SIGTERM, &end, NULL);
	e = open_all(&d);
	if (e == 0)
		run(&d);
	else
		printf("the kernel refuses: %s\n", strerror(-e));
	director_program_free(d.program);
	if (e == -EPERM)
		return 77;
	return e == 0 ? 0 : 1;
}
