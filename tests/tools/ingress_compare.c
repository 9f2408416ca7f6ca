/*
 * The kernel program against its reference: packets at random through both, and
 * everything compared after each one: the packet, the verdict, the slots,
 * events, and now and then the counters.
 *
 *     ingress_compare [--object FILE] [--packets N] [--seed N]
 *
 * Ends with 0 where all was the same, 1 at the first difference, and 77 where
 * the kernel does not let us.
 */

#include "director/bpf/director_program.h"
#include "tests/ingress/ingress_packets.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	NOT_HERE = 77,
	RING_BYTES = 4096,
	/* The kernel keeps one byte of a ring free. */
	RING_ROOM = RING_BYTES - 1,
	PENDING_MAX = RING_BYTES / 16,
	LOOPBACK = 1,
	MARK = 0x68617061,
};

struct compare {
	struct director_program *program;
	int program_fd;
	struct director_reference reference;
	struct ingress_packets packets;
	uint64_t seed;
	uint64_t at;
	/* Sent by the program, and as it ought to be. */
	struct director_reference_packet sent;
	struct director_reference_packet real;
	struct director_reference_packet expected;
	struct director_reference_result result;
	int verdict;
	/* What the rings ought to hold. */
	struct director_bpf_event events[PENDING_MAX];
	uint32_t n_events, events_read;
	struct director_bpf_closed closed[PENDING_MAX];
	uint32_t n_closed, closed_read;
	struct timespec before;
	uint64_t redirected, sound, refused;
	bool differs;
};

static void
print_bytes(const char *what, const struct director_reference_packet *p)
{
	printf("%s, %u bytes:", what, p->len);
	for (uint32_t i = 0; i < p->len && i < 256; i++)
		printf("%s%02x", i % 16 == 0 ? "\n    " : " ", p->bytes[i]);
	printf("\n");
}

static void
differ(struct compare *c, const char *what)
{
	if (c->differs)
		return;
	c->differs = true;
	printf("seed %" PRIu64 ", packet %" PRIu64 ": %s differs\n", c->seed,
	    c->at, what);
	printf("verdict %d, by the reference %d, slot %u\n", c->verdict,
	    (int)c->result.verdict, c->result.touched);
	print_bytes("sent", &c->sent);
	print_bytes("program", &c->real);
	print_bytes("reference", &c->expected);
}

/* ---- the rings ---- */

static void
on_event(void *data, const struct director_bpf_event *event)
{
	struct compare *c = data;
	struct director_bpf_event e = *event;
	uint64_t now_ns = (uint64_t)c->before.tv_sec * 1000000000U +
	    (uint64_t)c->before.tv_nsec;

	if (e.time_ns == 0 || e.time_ns > now_ns + 1000000000U)
		differ(c, "an event's time");
	e.time_ns = 0;
	if (e.len <= sizeof(e.headers))
		memset(e.headers + e.len, 0, sizeof(e.headers) - e.len);
	if (c->events_read >= c->n_events ||
	    memcmp(&e, &c->events[c->events_read++], sizeof(e)) != 0)
		differ(c, "an event");
}

static void
on_closed(void *data, const struct director_bpf_closed *closed)
{
	struct compare *c = data;

	if (c->closed_read >= c->n_closed ||
	    memcmp(closed, &c->closed[c->closed_read++], sizeof(*closed)) != 0)
		differ(c, "a report of an end");
}

static void
read_events(struct compare *c)
{
	(void)director_program_read_events(c->program);
	if (c->events_read != c->n_events)
		differ(c, "the number of events");
	c->n_events = 0;
	c->events_read = 0;
	c->reference.events_free = RING_ROOM;
}

static void
read_closed(struct compare *c)
{
	(void)director_program_read_closed(c->program);
	if (c->closed_read != c->n_closed)
		differ(c, "the number of ends reported");
	c->n_closed = 0;
	c->closed_read = 0;
	c->reference.closed_free = RING_ROOM;
}

/* Mostly at once; in one stretch of eight, and the ends always, only when they
 * have been full for a while. */
static void
read_rings(struct compare *c)
{
	bool stretch = c->at / 1024 % 8 == 7;

	if (c->result.event.kind != 0)
		c->events[c->n_events++] = c->result.event;
	if (c->result.has_closed)
		c->closed[c->n_closed++] = c->result.closed;
	if (!stretch || ingress_packets_below(&c->packets, 1000) == 0)
		read_events(c);
	if (ingress_packets_below(&c->packets, 3000) == 0)
		read_closed(c);
}

/* ---- one packet ---- */

/* Returns 0 or -errno. */
static int
run_program(struct compare *c)
{
	struct __sk_buff context = { .gso_size = c->sent.gso_size,
		.mark = c->sent.mark };
	union bpf_attr attr = { 0 };

	attr.test.prog_fd = (uint32_t)c->program_fd;
	attr.test.data_in = (uintptr_t)c->sent.bytes;
	attr.test.data_size_in = c->sent.len;
	attr.test.data_out = (uintptr_t)c->real.bytes;
	attr.test.data_size_out = sizeof(c->real.bytes);
	attr.test.repeat = 1;
	if (c->sent.gso_size != 0 || c->sent.mark != 0) {
		attr.test.ctx_in = (uintptr_t)&context;
		attr.test.ctx_size_in = sizeof(context);
	}
	if (syscall(SYS_bpf, BPF_PROG_TEST_RUN, &attr, sizeof(attr.test)) == -1)
		return -errno;
	c->real.len = attr.test.data_size_out;
	c->verdict = (int)attr.test.retval;
	return 0;
}

static uint64_t
coarse_ns(struct timespec *ret_now)
{
	(void)clock_gettime(CLOCK_MONOTONIC_COARSE, ret_now);
	return (uint64_t)ret_now->tv_sec * 1000000000U +
	    (uint64_t)ret_now->tv_nsec;
}

/* Slots hold the same, and the time was written where it ought to be. */
static void
compare_slots(struct compare *c, uint64_t before_ns)
{
	struct director_bpf_slot *slots = director_program_slots(c->program);
	struct timespec now;

	if (c->result.touched != DIRECTOR_BPF_NO_SLOT) {
		struct director_bpf_slot *slot = &slots[c->result.touched];

		if (slot->last_ns < before_ns ||
		    slot->last_ns > coarse_ns(&now))
			differ(c, "the time of the last packet");
		if (c->result.is_answered)
			c->packets.slots[c->result.touched]
			    .leg[DIRECTOR_BPF_FROM_SERVER]
			    .answered = DIRECTOR_BPF_MOMENT(slot->last_ns);
		slot->last_ns = 0;
	}
	if (memcmp(slots, c->packets.slots, sizeof(c->packets.slots)) != 0)
		differ(c, "a slot");
}

static void
compare_packet(struct compare *c)
{
	static const int verdicts[] = {
		[DIRECTOR_REFERENCE_STACK] = TC_ACT_OK,
		[DIRECTOR_REFERENCE_DROP] = TC_ACT_SHOT,
		[DIRECTOR_REFERENCE_REDIRECT] = TC_ACT_REDIRECT,
	};

	if (c->verdict != verdicts[c->result.verdict])
		differ(c, "the verdict");
	if (c->real.len != c->expected.len ||
	    memcmp(c->real.bytes, c->expected.bytes, c->real.len) != 0)
		differ(c, "the packet");
	if (c->result.verdict != DIRECTOR_REFERENCE_REDIRECT)
		return;
	c->redirected++;
	if (!ingress_packets_is_sound(&c->sent))
		return;
	c->sound++;
	if (!ingress_packets_is_sound(&c->real))
		differ(c, "what RFC 1071 says");
}

static void
compare_counters(struct compare *c)
{
	uint64_t counters[DIRECTOR_BPF_COUNTERS];

	if (director_program_count(c->program, counters) != 0)
		differ(c, "nothing, but counters can't be read: it");
	else if (memcmp(counters, c->reference.counters, sizeof(counters)) != 0)
		differ(c, "a counter");
}

/* Newer kernels do not even try a frame whose IP header is cut off. */
static bool
is_refused(const struct compare *c, int e)
{
	return e == -EINVAL && c->sent.len < 14 + 40;
}

/* Now and then the interface is one by which the process sends. */
static void
change_control(struct compare *c)
{
	struct director_bpf_control *control = &c->reference.control;

	control->layout = DIRECTOR_BPF_LAYOUT;
	control->flags = c->at % 2048 == 0 ? DIRECTOR_BPF_CONTROL_PASS : 0;
	control->mark = MARK;
	control->loopback = c->at % 1024 == 512 ? LOOPBACK : 0;
	*director_program_control(c->program) = *control;
}

static void
step(struct compare *c)
{
	uint64_t before_ns = coarse_ns(&c->before);
	int e;

	if (ingress_packets_below(&c->packets, 4) == 0) {
		uint32_t i =
		    ingress_packets_below(&c->packets, INGRESS_PACKETS_CONNS);

		ingress_packets_age(&c->packets, i);
		director_program_slots(c->program)[i] = c->packets.slots[i];
	}
	if (c->at % 256 == 0)
		change_control(c);
	ingress_packets_next(&c->packets, &c->sent);
	c->sent.mark =
	    c->reference.control.loopback != 0 && c->at % 3 != 0 ? MARK : 0;
	e = run_program(c);
	if (is_refused(c, e)) {
		c->refused++;
		return;
	}
	c->expected = c->sent;
	director_reference_run(&c->reference, &c->expected, &c->result);
	if (e != 0) {
		printf("the kernel does not run it: %s\n", strerror(-e));
		differ(c, "everything");
	}
	compare_packet(c);
	compare_slots(c, before_ns);
	read_rings(c);
	if (c->at % 4096 == 0)
		compare_counters(c);
}

/* ---- the whole ---- */

static int
fill_maps(struct compare *c)
{
	const struct ingress_packets *g = &c->packets;
	int e = 0;

	memcpy(director_program_slots(c->program), g->slots, sizeof(g->slots));
	for (uint32_t i = 0; e == 0 && i < INGRESS_PACKETS_ENTRIES; i++)
		e = director_program_put_entries(
		    c->program, &g->entries[i].key, &g->entries[i].word, 1);
	for (uint32_t i = 0; e == 0 && i < INGRESS_PACKETS_LISTENS; i++)
		e = director_program_put_service(
		    c->program, &g->listens[i].listen, &g->listens[i].service);
	return e;
}

static int
open_compare(struct compare *c, const void *object, size_t object_bytes)
{
	static char why[65536];
	struct director_program_facts facts;
	struct director_program_options options = {
		/* The entry of one more leads nowhere. */
		.slots = INGRESS_PACKETS_CONNS,
		.services = INGRESS_PACKETS_LISTENS,
		.events_bytes = RING_BYTES,
		.closed_bytes = RING_BYTES,
		.on_event = on_event,
		.on_closed = on_closed,
		.data = c,
		.object = object,
		.object_bytes = object_bytes,
		.why = why,
		.why_bytes = sizeof(why),
	};
	int e = director_program_load(&options, &c->program);
	if (e != 0) {
		printf("%s\nthe kernel refuses the program: %s\n", why,
		    strerror(-e));
		return e == -EPERM ? NOT_HERE : 1;
	}
	ingress_packets_start(&c->packets, c->seed, &c->reference);
	c->reference.ifindex = LOOPBACK;
	c->reference.events_free = RING_ROOM;
	c->reference.closed_free = RING_ROOM;
	e = fill_maps(c);
	if (e == 0)
		e = director_program_facts(c->program, &facts);
	if (e != 0) {
		printf("its maps can't be filled: %s\n", strerror(-e));
		return 1;
	}
	c->program_fd = facts.fd;
	printf("%u instructions, %u verified, %u bytes of code\n",
	    facts.instructions, facts.verified, facts.code_bytes);
	return 0;
}

/* A rule that no packet has met is none that was compared. */
static void
check_reached(struct compare *c)
{
	for (uint32_t i = 0; i < DIRECTOR_BPF_COUNTERS; i++)
		if (c->reference.counters[i] == 0 &&
		    i != DIRECTOR_BPF_COUNT_FAILED) {
			printf("counter %u was never reached\n", i);
			c->differs = true;
		}
}

static int
compare(struct compare *c, uint64_t packets)
{
	for (c->at = 0; c->at < packets && !c->differs; c->at++)
		step(c);
	read_events(c);
	read_closed(c);
	compare_counters(c);
	if (!c->differs)
		check_reached(c);
	printf("%" PRIu64 " packets: %" PRIu64 " redirected, %" PRIu64
	       " with right sums before and after, %" PRIu64
	       " not run by the kernel\n",
	    c->at, c->redirected, c->sound, c->refused);
	return c->differs ? 1 : 0;
}

static void *
read_object(const char *path, size_t *ret_bytes)
{
	FILE *f = fopen(path, "re");
	static uint8_t object[1 << 20];

	if (!f)
		return NULL;
	*ret_bytes = fread(object, 1, sizeof(object), f);
	(void)fclose(f);
	return object;
}

int
main(int argc, char **argv)
{
	static const struct option known[] = {
		{ "object", required_argument, NULL, 'o' },
		{ "packets", required_argument, NULL, 'n' },
		{ "seed", required_argument, NULL, 's' },
		{ 0 },
	};
	static struct compare c = { .seed = 1 };
	uint64_t packets = 1000000;
	const void *object = NULL;
	size_t object_bytes = 0;
	int option, status;

	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (option == 'o')
			object = read_object(optarg, &object_bytes);
		else if (option == 'n')
			packets = strtoull(optarg, NULL, 10);
		else if (option == 's')
			c.seed = strtoull(optarg, NULL, 10);
		else
			return 2;
		if (option == 'o' && !object) {
			perror(optarg);
			return 2;
		}
	}
	status = open_compare(&c, object, object_bytes);
	if (status == 0)
		status = compare(&c, packets);
	director_program_free(c.program);
	return status;
}
