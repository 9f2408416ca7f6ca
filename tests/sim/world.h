#pragma once

/*
 * Two nodes, a clock that is a variable, and a network between them that loses,
 * delays, doubles and reorders as the seed decides: the product's own inbox and
 * node (inbox.h, node.h), and round them a supervisor, a relay and a kernel
 * that may refuse, be late or never answer. What may go wrong, and what must
 * hold all the same, is sim_failover.c's. One turn is one millisecond; a node
 * may also be stopped in the middle of one, between two effects of a step.
 */

#include "core/base.h"
#include "failover/inbox.h"
#include "failover/vip/garp_schedule.h"

#define PACKETS_MAX 512
#define RECORDED_MAX 256
#define DELAY_MAX_MS 30
#define ADDRESSES 2
#define LISTEN_MS 1000
#define RETRY_MS 1000
#define HANG_MS 1000
#define DEAF_MS 3000
/*
 * An address that nobody renews: the lease of vip_lease, and the kernel's
 * slack.
 */
#define LEASE_MS 1100
/* A relay that ended is waited for, in relay_link.c. */
#define GRACE_MS 250
/* Of hellos: the group's own network, and a cable between the nodes. */
#define SEGMENT_PATH 0
#define LINK_PATH 1

enum parcel {
	PARCEL_NONE, /* a free slot */
	PARCEL_HELLO,
	PARCEL_SHOWN,    /* by a kernel, to a probe */
	PARCEL_SOMEBODY, /* of a third host, to a probe */
	PARCEL_LIVES,    /* of a kernel, to the second question */
	PARCEL_CONTROL,  /* of a third host, to the same */
	PARCEL_ENDED,    /* a kernel says that its processes are gone */
	PARCEL_WORD,     /* of the supervisor, the relay, the own kernel */
};

struct packet {
	enum parcel kind;
	int64_t at_ms; /* of its delivery */
	unsigned to;
	unsigned path; /* of PARCEL_HELLO: SEGMENT_PATH, or LINK_PATH */
	bool own;      /* of PARCEL_SHOWN: the host's own address */
	unsigned from; /* of PARCEL_SHOWN: whose hardware, 2: a third one's */
	enum node_type word;
	uint64_t boot; /* of PARCEL_ENDED, PARCEL_WORD: whose it is */
	size_t len;
	uint8_t bytes[HELLO_BYTES_MAX];
};

enum syn_hold {
	SYN_HOLD_OFF,
	SYN_HOLD_HOLDING,
	SYN_HOLD_FORWARDING,
};

struct sim;

struct host {
	struct sim *sim;
	unsigned index;
	struct inbox inbox; /* of its daemon */
	bool alive;         /* its daemon */
	bool dark;          /* its host, too, is off */
	bool bare;          /* its host has no address of its own */
	int64_t awake_ms;   /* paused until */
	int64_t reborn_ms;  /* dead until */
	uint64_t boot;
	bool held; /* by its kernel, whatever its daemon believes */
	bool lost; /* its lease has run out, unnoticed */
	bool faulted, restorable;
	unsigned refusals; /* how many additions will be refused */
	bool sullen;       /* supervisor and relay refuse, or are late */
	bool relay_up;
	int64_t relay_at_ms, relay_gone_ms; /* when it comes, and went */
	bool overdue;                       /* told */
	bool muted;                         /* its listeners */
	int64_t muted_ms;
	enum syn_hold syn_hold;
	unsigned syns;       /* held */
	uint64_t syns_given; /* to the peer, or to our listeners */
	int64_t stop_ms;     /* 0: nobody wants it stopped */
	int64_t announced_ms, renewed_ms;
	struct garp_schedule announcing;
	struct garp_schedule_lane lane;
	int64_t free_ms; /* when it last did not hold it */
	int64_t claimed_ms;
	uint64_t term; /* the highest it ever had in this life */
	uint32_t interval_ms, misses;
	uint64_t keys[HELLO_KEYS_MAX]; /* in its key file, to start with */
	uint32_t group; /* in its file: what the group is called */
	uint8_t priority, lowered;
	uint8_t tracked; /* so many tracked faults */
	uint32_t barred; /* of its ADDRESSES, a bit each: never added */
	bool askable, preempt, foresees;
};

struct sim {
	uint64_t seed, random;
	unsigned turn;
	int64_t now_ms;
	struct host hosts[2];
	bool cut[2];      /* nothing gets through towards that node */
	bool silent[2];   /* nothing of it gets out; but for a cable: */
	bool cabled;      /* there is one, where heartbeats go alone */
	bool unplugged;   /* it is broken */
	bool clients;     /* whoever holds the address hears of them */
	bool mute;        /* heartbeats alone do not get through, either way */
	bool only_to_all; /* the same, and no answer: announcements do */
	bool rogue;       /* a third host answers for the address */
	bool filtered[2]; /* of what is sent to it IP is dropped, ARP is not */
	bool fabric; /* a switch answers for the address, for who is off, too */
	bool jerky;  /* nodes are stopped in the middle of a turn, too */
	unsigned loss_percent, twice_percent;
	unsigned delay_ms;
	int64_t open_ms[2]; /* when something got through to that node */
	int64_t quick_ms;   /* since when all gets through, without a delay */
	int64_t honest_ms;  /* when there was no third host with it */
	bool ghosts;        /* the third host is none: it answers ARP alone */
	struct packet wire[PACKETS_MAX];
	unsigned n_wire;     /* slots that were ever used */
	unsigned waiting[2]; /* packets, for each node */
	struct packet recorded[RECORDED_MAX];
	uint64_t n_recorded, boots, steps, claims, replays, forced;
	uint64_t handovers, given_up, stops; /* and in the midst of a step */
	void (*after_turn)(struct sim *s);
};

/* Both nodes, just started, as the seed has them. */
void world_init(struct sim *s, uint64_t seed);

/* Delivers what is due, and lets both nodes run for a millisecond. */
void world_turn(struct sim *s);

/* Somebody on the LAN sends what it has seen before: never believed. */
void world_replay(struct sim *s);

/* The network is whole and honest again; what is late is late still. */
void world_mend_network(struct sim *s);

void world_kill(struct sim *s, unsigned i);
void world_stop(struct sim *s, unsigned i);
void world_set_fault(struct sim *s, unsigned i, bool faulted);
/* All that ails the host, to a daemon that has just begun. */
void world_put_ills(struct host *h);
void world_set_lowered(struct sim *s, unsigned i, uint8_t by);
void world_set_tracked(struct sim *s, unsigned i, uint8_t faults);
void world_set_barred(struct sim *s, unsigned i, uint32_t addresses);

/* An operator wants it handed over; before it is stopped, maybe. */
void world_hand_over(struct sim *s, unsigned i, bool stop);

/* Its relay dies, and is back some time later. */
void world_kill_relay(struct sim *s, unsigned i);

bool world_is_awake(const struct sim *s, unsigned i);

/* Heartbeats pass by the cable, whatever ails the network. */
bool world_has_cable(const struct sim *s);
struct mono world_now(const struct sim *s);
struct node_now world_moment(const struct sim *s);

/* On its way to that node; NULL where the network is full. */
struct packet *world_new_packet(
    struct sim *s, enum parcel kind, unsigned to, unsigned delay_ms);

uint32_t world_dead_ms(const struct sim *s, unsigned i);
const struct node *world_node(const struct sim *s, unsigned i);
enum election_state world_state(const struct sim *s, unsigned i);

/* Chance. */
unsigned world_below(struct sim *s, unsigned n);
bool world_percent(struct sim *s, unsigned p);

/* Tells seed, turn and both nodes, and exits with 1. */
_Noreturn void world_fail(const struct sim *s, const char *format, ...)
    PRINTF_LIKE(2, 3);
