#pragma once

/*
 * A connection through a relay of which both ends are in this process, so that
 * it is known what each has to hear, byte by byte, and when it may end. Of
 * which kind it is decides who speaks when; mixed_load.c tells the kinds.
 *
 * An end says what its goal is, then, where it `closes`, its end. That of the
 * client begins with a header, by which the end that was accepted is found.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define HELD_CONN_FRESH_MAX 2000       /* short ones at a time */
#define HELD_CONN_PINGS_MAX (1u << 20) /* times that are kept */
#define HELD_CONN_PING 64
#define HELD_CONN_MAGIC 0x6d697864u

enum held_conn_side {
	HELD_CONN_CLIENT,
	HELD_CONN_SERVER,
};

enum held_conn_kind {
	HELD_CONN_IDLE,
	HELD_CONN_PINGS,
	HELD_CONN_BULK,
	HELD_CONN_CLIENT_ENDED,
	HELD_CONN_SERVER_ENDED,
	HELD_CONN_CLIENT_STALLS,
	HELD_CONN_SERVER_STALLS,
	HELD_CONN_URGENT,
	HELD_CONN_SILENT,
	HELD_CONN_QUEUED,
	HELD_CONN_FRESH,
	HELD_CONN_KINDS
};

extern const char *const held_conn_kinds[HELD_CONN_KINDS];

struct held_conn_header {
	uint32_t magic, index;
};

/* What an end says, and how far the other one heard it. */
struct held_conn_way {
	uint64_t goal; /* to be said by now */
	uint64_t said, heard;
	bool closes; /* behind that comes its end */
	bool said_end, heard_end;
	int64_t owed; /* of bulk: nothing of it was heard since; 0: all was */
};

struct held_conn {
	enum held_conn_kind kind;
	uint32_t index;
	int fds[2];   /* -1: not there, or gone */
	bool greeted; /* the header is sent */
	bool served, marked;
	struct held_conn_way ways[2]; /* by who speaks */
	uint32_t interest[2];
	int64_t begun, moved; /* ns */
	int64_t pinged;       /* 0: none is under way */
	int64_t passed;       /* when the server had all of the last one */
	uint32_t pause_us;    /* the longest since it was asked for */
	enum held_conn_side pause_by; /* who spoke then */
	uint32_t rto_us[2];           /* of each end, when it was asked for */
};

struct held_conn_tally {
	uint64_t opened, in_order, refused, lost, corrupt, unmarked;
	uint64_t reset; /* of those that were lost */
	uint64_t lost_kinds[HELD_CONN_KINDS];
};

/* All of them, and what has been seen. */
struct held_conn_set {
	struct held_conn *conns;
	int epoll, pings; /* the latter for those that are timed */
	uint64_t tag;     /* of their events, below index << 4 | side << 3 */
	bool ending;      /* everybody reads, and nobody says more */
	unsigned spare[HELD_CONN_FRESH_MAX], n_spare; /* for short ones */
	struct held_conn_tally tally;
	uint32_t *ping_us;
	uint64_t n_pings, fresh_max_us;
};

int64_t held_conn_now_ns(void);
_Noreturn void held_conn_die(const char *what);

/* Once, before all. */
void held_conn_init(void);

/* The client's end connects. */
void held_conn_begin(struct held_conn_set *l, enum held_conn_kind kind,
    unsigned index, const struct sockaddr_storage *to);

/* The server's end is there: it begins. */
void held_conn_serve(struct held_conn_set *l, struct held_conn *c, int fd);

/* A goal has changed. */
void held_conn_go_on(struct held_conn_set *l, struct held_conn *c);

void held_conn_on_event(
    struct held_conn_set *l, uint64_t word, uint32_t events);

/*
 * The longest that the first `n` which speak have waited for what was on its
 * way, each, since the last call: members of a JSON object. Of the longest
 * also whose it was, and the retransmission timer that its speaker had at that
 * call, before there was anything to wait for.
 */
void held_conn_print_pauses(struct held_conn_set *l, unsigned n, int64_t now);

/* No more to say; what is owed is read. */
void held_conn_end(struct held_conn_set *l, struct held_conn *c);
