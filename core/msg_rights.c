#include "core/msg_rights.h"

#include "core/channel.h"
#include "core/kernel/msg_kernel.h"
#include "core/secret.h"

/*
 * How the numbers were chosen: a sender that does its work stays far below,
 * also where its reader stood still for a second and finds all of it at once.
 * What an operator, a client or the peer can cause is bounded where it comes
 * in, and counted here by what the reader can bear, so that they cannot end a
 * role.
 */
#define S MSG_RIGHTS_SUPERVISOR
#define F MSG_RIGHTS_FAILOVER
#define R MSG_RIGHTS_RELAY
#define D MSG_RIGHTS_DIRECTOR

#define NEW MSG_RIGHTS_NEW
#define STARTING MSG_RIGHTS_STARTING
#define WORKING MSG_RIGHTS_WORKING
#define STOPPING MSG_RIGHTS_STOPPING
#define AT_WORK (WORKING | STOPPING)
#define TOLD (STARTING | AT_WORK)

/* Bodies: empty, of one size, or up to a message's largest. */
#define EMPTY 0, 0
#define BYTES(n) n, n
#define FULL CHANNEL_BODY_MAX
/* What a text of so much room adds to a body. */
#define TEXT(room) ((room)-1)

/* How many. */
#define TRUSTED 0, 0 /* of the supervisor, which can end us anyway */
#define ONCE 1, 0

const struct msg_rights_row msg_rights_rows[MSG_RIGHTS_ROWS] = {
	/* The supervisor to both. */
	{ MSG_PULSE, S, F, NEW, true, BYTES(1), TRUSTED },
	{ MSG_PULSE, S, R, NEW, true, BYTES(1), TRUSTED },
	{ MSG_THREAD, S, F, NEW | TOLD, true, BYTES(2), TRUSTED },
	{ MSG_START, S, F, NEW, true, 47, 47 + TEXT(MSG_PATH_MAX), TRUSTED },
	{ MSG_START, S, R, NEW, true, 47, 47 + TEXT(MSG_PATH_MAX), TRUSTED },
	{ MSG_SIBLING, S, F, TOLD, true, BYTES(4), TRUSTED },
	{ MSG_SIBLING, S, R, TOLD, true, BYTES(4), TRUSTED },
	{ MSG_CONTROL, S, F, AT_WORK, true, 2, 2 + TEXT(MSG_REQUEST_MAX),
	    TRUSTED },
	{ MSG_CONTROL, S, R, AT_WORK, true, 2, 2 + TEXT(MSG_REQUEST_MAX),
	    TRUSTED },
	{ MSG_STOP, S, F, TOLD, false, EMPTY, TRUSTED },
	{ MSG_STOP, S, R, TOLD, false, EMPTY, TRUSTED },
	{ MSG_LOG, S, F, TOLD, true, EMPTY, TRUSTED },
	{ MSG_LOG, S, R, TOLD, true, EMPTY, TRUSTED },
	/* To failover. */
	{ MSG_KEYS, S, F, STARTING, false, 1 + SECRET_KEY_BYTES,
	    1 + SECRET_KEYS_MAX *SECRET_KEY_BYTES, TRUSTED },
	{ MSG_KEYS, S, F, AT_WORK, true, 1 + SECRET_KEY_BYTES,
	    1 + SECRET_KEYS_MAX *SECRET_KEY_BYTES, TRUSTED },
	{ MSG_GROUP, S, F, STARTING, false, 41, 41 + 2 * TEXT(MSG_TEXT_MAX),
	    TRUSTED },
	{ MSG_SCRIPT, S, F, TOLD, false, BYTES(3), TRUSTED },
	{ MSG_MUTE, S, F, TOLD, false, BYTES(4), TRUSTED },
	{ MSG_FOR_PEER, S, F, AT_WORK, false, 4, FULL, TRUSTED },
	{ MSG_EVENTS, S, F, AT_WORK, false, 4, FULL, TRUSTED },
	{ MSG_PEER_FILE, S, F, AT_WORK, false, 1, FULL, TRUSTED },
	{ MSG_HAND_OVER_ALL, S, F, TOLD, false, EMPTY, TRUSTED },
	{ MSG_ASK, S, F, AT_WORK, false, BYTES(4), TRUSTED },
	/* To the relay. */
	{ MSG_LISTENER, S, R, STARTING, true, BYTES(6), TRUSTED },
	{ MSG_ACCORDS, S, R, TOLD, false, 1, FULL, TRUSTED },
	{ MSG_KNOWN, S, R, TOLD, false, BYTES(1), TRUSTED },
	{ MSG_ACTIVATE, S, R, AT_WORK, true, BYTES(12), TRUSTED },
	{ MSG_REPLY, S, R, TOLD, true, 1, FULL, TRUSTED },
	{ MSG_CHOSEN, S, R, TOLD, false, BYTES(12), TRUSTED },
	{ MSG_FENCED, S, R, TOLD, false, MSG_FENCED_LEAST,
	    7 + TEXT(MSG_TEXT_MAX), TRUSTED },
	{ MSG_PREDECESSOR, S, R, STARTING, true, EMPTY, TRUSTED },
	{ MSG_SUCCESSOR, S, R, AT_WORK, true, EMPTY, TRUSTED },
	{ MSG_ROLE_ENDS, S, R, TOLD, false, 36, 36 + 2 * TEXT(MSG_TEXT_MAX),
	    TRUSTED },
	{ MSG_WEB_LISTENER, S, R, TOLD, true, EMPTY, TRUSTED },
	{ MSG_EVENT_FEED, S, R, TOLD, true, EMPTY, TRUSTED },
	/* To the director, and of it to both. */
	{ MSG_PULSE, S, D, NEW, true, BYTES(1), TRUSTED },
	{ MSG_START, S, D, NEW, true, 47, 47 + TEXT(MSG_PATH_MAX), TRUSTED },
	{ MSG_STOP, S, D, TOLD, false, EMPTY, TRUSTED },
	{ MSG_LOG, S, D, TOLD, true, EMPTY, TRUSTED },
	{ MSG_KEYS, S, D, TOLD, false, 1 + SECRET_KEY_BYTES,
	    1 + SECRET_KEYS_MAX *SECRET_KEY_BYTES, TRUSTED },
	{ MSG_DIRECTOR_BEGIN, S, D, STARTING | STOPPING, false, EMPTY,
	    TRUSTED },
	{ MSG_STREAM_LISTENER, S, D, TOLD, true, BYTES(2), TRUSTED },
	{ MSG_FAILOVER_CHANNEL, S, D, TOLD, true, BYTES(4), TRUSTED },
	{ MSG_RELAY_CHANNEL, S, D, TOLD, true, BYTES(4), TRUSTED },
	{ MSG_DIRECTOR_CHANNEL, S, F, TOLD, true, BYTES(4), TRUSTED },
	{ MSG_DIRECTOR_CHANNEL, S, R, TOLD, true, BYTES(4), TRUSTED },
	{ MSG_DIRECTOR_ENDS, S, R, TOLD, false, 18, 18 + TEXT(MSG_TEXT_MAX),
	    TRUSTED },
	/* All to the supervisor. */
	{ MSG_READY, F, S, STARTING | STOPPING, false, EMPTY, ONCE },
	{ MSG_READY, R, S, STARTING | STOPPING, false, EMPTY, ONCE },
	{ MSG_STOPPED, F, S, TOLD, false, EMPTY, ONCE },
	{ MSG_STOPPED, R, S, TOLD, false, EMPTY, ONCE },
	{ MSG_PREPARED, F, S, STARTING | STOPPING, false, EMPTY, ONCE },
	{ MSG_READY, D, S, STARTING | STOPPING, false, EMPTY, ONCE },
	{ MSG_STOPPED, D, S, TOLD, false, EMPTY, ONCE },
	{ MSG_PREPARED, D, S, STARTING | STOPPING, false, EMPTY, ONCE },
	/* Once for each introduction; they are 50 ms apart. */
	{ MSG_SIBLING_LOST, F, S, TOLD, false, BYTES(5), 64, 32 },
	{ MSG_SIBLING_LOST, R, S, TOLD, false, BYTES(5), 64, 32 },
	{ MSG_SIBLING_LOST, D, S, TOLD, false, BYTES(5), 64, 32 },
	/*
	 * Failover. Each heartbeat of a peer may change each of 16 groups, or
	 * begin a handover that fails.
	 */
	{ MSG_HOLD, F, S, STARTING | STOPPING, true, EMPTY, 8, 0 },
	{ MSG_GROUP, F, S, TOLD, false, 41, 41 + 2 * TEXT(MSG_TEXT_MAX), 8192,
	    4096 },
	{ MSG_MUTE, F, S, TOLD, false, BYTES(4), 4096, 1024 },
	{ MSG_HANDED_OVER, F, S, STOPPING, false, EMPTY, ONCE },
	/* By operators, in a loop. */
	{ MSG_PAUSE, F, S, TOLD, false, BYTES(13), 4096, 2048 },
	{ MSG_KEYS, F, S, AT_WORK, false, 1 + SECRET_KEY_BYTES,
	    1 + SECRET_KEYS_MAX *SECRET_KEY_BYTES, 4096, 2048 },
	/* By the peer: a wire that it ends, and all of its accords. */
	{ MSG_WIRE, F, S, TOLD, true, EMPTY, 4096, 1024 },
	{ MSG_WIRE_DOWN, F, S, TOLD, false, EMPTY, 4096, 1024 },
	{ MSG_ACCORDS, F, S, TOLD, false, 0, FULL, 8192, 4096 },
	{ MSG_EVENTS, F, S, TOLD, false, 1, FULL, 8192, 4096 },
	{ MSG_WANTED, F, S, TOLD, false, BYTES(4), 8192, 4096 },
	/* A part of a file for each that was asked for, or a word about it. */
	{ MSG_PEER_FILE, F, S, TOLD, false, 1, FULL, 4096, 2048 },
	{ MSG_FILE_UNSENT, F, S, TOLD, false, BYTES(1), 4096, 2048 },
	/* Where it is asked in the relay's place, once for each caller. */
	{ MSG_PEER, F, S, TOLD, false, 117, 2889, 4096, 4096 },
	{ MSG_TRACKS, F, S, TOLD, false, 2, 2 + MSG_TRACKS_MAX, 4096, 4096 },
	{ MSG_ANSWERED, F, S, TOLD, false, BYTES(4), 4096, 4096 },
	/* The relay: two for each service, of which there are 1,024. */
	{ MSG_CHOSEN, R, S, TOLD, false, BYTES(12), 4096, 256 },
	{ MSG_FENCE, R, S, TOLD, false, BYTES(11), 4096, 256 },
	/* Of 4,096 servers each may change. */
	{ MSG_EVENT, R, S, TOLD, false, 9, 9 + 2 * TEXT(MSG_TEXT_MAX), 16384,
	    4096 },
	/* By operators, in a loop. */
	{ MSG_KILLED, R, S, TOLD, false, BYTES(12), 16384, 8192 },
	/* Ten each second, as long as there is more. */
	{ MSG_TAKING, R, S, AT_WORK, false, EMPTY, 256, 32 },
	{ MSG_TAKEN, R, S, AT_WORK, false, EMPTY, ONCE },
	/* With what is left, and that nothing is. */
	{ MSG_GIVEN, R, S, AT_WORK, false, BYTES(4), 2, 0 },
	/* Failover to the relay. */
	{ MSG_GROUP, F, R, TOLD, false, 41, 41 + 2 * TEXT(MSG_TEXT_MAX), 8192,
	    4096 },
	{ MSG_RESET, F, R, TOLD, false, BYTES(2), 4096, 1024 },
	{ MSG_PEER, F, R, TOLD, false, 117, 2889, 4096, 4096 },
	{ MSG_TRACKS, F, R, TOLD, false, 2, 2 + MSG_TRACKS_MAX, 4096, 4096 },
	{ MSG_ANSWERED, F, R, TOLD, false, BYTES(4), 4096, 4096 },
	/* The relay to failover. Of 4,096 servers each may change. */
	{ MSG_SERVING, R, F, STARTING | STOPPING, false, EMPTY, ONCE },
	{ MSG_SERVICE, R, F, TOLD, false, BYTES(8), 16384, 4096 },
	{ MSG_ASK, R, F, TOLD, false, BYTES(4), 4096, 4096 },
	{ MSG_STOPPED, R, F, TOLD, false, EMPTY, ONCE },
	{ MSG_RESET, R, F, TOLD, false, BYTES(2), 4096, 1024 },
	/* Each worker has some to tell each millisecond. */
	{ MSG_CONNECTIONS_BEGIN, R, F, TOLD, false, EMPTY, 1024, 256 },
	{ MSG_CONNECTIONS, R, F, TOLD, false, 1, FULL, 65536, 32768 },
	{ MSG_CONNECTIONS_END, R, F, TOLD, false, EMPTY, 1024, 256 },
	/* Failover and the director, as with GROUP. */
	{ MSG_CLAIM, F, D, WORKING, false, BYTES(11), 8192, 4096 },
	{ MSG_RELEASE, F, D, WORKING, false, BYTES(3), 8192, 4096 },
	{ MSG_TERM, F, D, WORKING, false, BYTES(10), 8192, 4096 },
	{ MSG_PEER_LIFE, F, D, WORKING, false, BYTES(1), 4096, 1024 },
	{ MSG_RELEASED, D, F, WORKING, false, BYTES(2), 8192, 4096 },
	{ MSG_LEVEL, D, F, WORKING, false, BYTES(3), 8192, 4096 },
	/*
	 * The relay to the director. Each of 4,096 servers may change, and has
	 * another number of connections ten times a second.
	 */
	{ MSG_KERNEL_SERVER, R, D, WORKING, false, BYTES(48), 65536, 65536 },
	{ MSG_KERNEL_SERVERS_END, R, D, WORKING, false, EMPTY, 1, 0 },
	{ MSG_KERNEL_CUT, R, D, WORKING, false, BYTES(5), 16384, 4096 },
	{ MSG_KERNEL_KILL, R, D, WORKING, false, BYTES(12), 4096, 4096 },
	{ MSG_KERNEL_LIST, R, D, WORKING, false, BYTES(12), 4096, 4096 },
	/* The director to the relay: a page of a list, and all that counts. */
	{ MSG_KERNEL_ACCUSED, D, R, WORKING, false, BYTES(4), 16384, 4096 },
	{ MSG_KERNEL_KILLED, D, R, WORKING, false, BYTES(5), 4096, 4096 },
	{ MSG_KERNEL_CONN, D, R, WORKING, false, BYTES(123), 262144, 262144 },
	{ MSG_KERNEL_LIST_END, D, R, WORKING, false, BYTES(8), 4096, 4096 },
	{ MSG_KERNEL_SERVICE, D, R, WORKING, false,
	    BYTES(82 + 8 * MSG_KERNEL_ENDINGS), 16384, 16384 },
	{ MSG_KERNEL_COUNT, D, R, WORKING, false, BYTES(40), 65536, 65536 },
	{ MSG_KERNEL_STATE, D, R, WORKING, false, 41 + 8 * MSG_KERNEL_COUNTERS,
	    41 + 8 * MSG_KERNEL_COUNTERS + TEXT(MSG_TEXT_MAX), 1024, 256 },
};

static bool
is_in_time(struct msg_rights_use *use, const struct msg_rights_row *row,
    struct mono now)
{
	int64_t step_ns;

	if (row->burst == 0)
		return true;
	if (row->a_second == 0)
		return use->n++ < row->burst;
	step_ns = 1000000000 / row->a_second;
	if (mono_before(use->due, now))
		use->due = now;
	if (use->due.ns - now.ns > (row->burst - 1) * step_ns)
		return false;
	use->due.ns += step_ns;
	return true;
}

static enum msg_rights_fault
ask_row(const struct msg_rights_row *row, const struct msg_rights_message *m)
{
	if (row->fd && m->n_fds == 0)
		return MSG_RIGHTS_FD_MISSING;
	if (m->n_fds > row->fd)
		return MSG_RIGHTS_FD_SURPLUS;
	if (m->len < row->least || m->len > row->most)
		return MSG_RIGHTS_WRONG_SIZE;
	return MSG_RIGHTS_ALLOWED;
}

enum msg_rights_fault
msg_rights_ask(struct msg_rights_meter *meter, enum msg_rights_party from,
    enum msg_rights_party to, enum msg_rights_stage stage,
    const struct msg_rights_message *m, struct mono now)
{
	enum msg_rights_fault fault = msg_rights_name(m->type) == NULL
	    ? MSG_RIGHTS_STRANGE
	    : MSG_RIGHTS_FOREIGN;

	for (unsigned i = 0; i < MSG_RIGHTS_ROWS; i++) {
		const struct msg_rights_row *row = &msg_rights_rows[i];

		if (row->type != m->type || row->from != from || row->to != to)
			continue;
		if ((row->stages & stage) == 0) {
			fault = MSG_RIGHTS_UNTIMELY;
			continue; /* another row may be for this stage */
		}
		fault = ask_row(row, m);
		if (fault == MSG_RIGHTS_ALLOWED &&
		    !is_in_time(&meter->uses[i], row, now))
			fault = MSG_RIGHTS_TOO_MANY;
		break;
	}
	return fault;
}

static const char *const names[] = {
	[MSG_START] = "START",
	[MSG_LISTENER] = "LISTENER",
	[MSG_SIBLING] = "SIBLING",
	[MSG_SIBLING_LOST] = "SIBLING_LOST",
	[MSG_CONTROL] = "CONTROL",
	[MSG_STOP] = "STOP",
	[MSG_READY] = "READY",
	[MSG_STOPPED] = "STOPPED",
	[MSG_GROUP] = "GROUP",
	[MSG_PEER] = "PEER",
	[MSG_SERVING] = "SERVING",
	[MSG_SERVICE] = "SERVICE",
	[MSG_ASK] = "ASK",
	[MSG_ANSWERED] = "ANSWERED",
	[MSG_SCRIPT] = "SCRIPT",
	[MSG_TRACKS] = "TRACKS",
	[MSG_PULSE] = "PULSE",
	[MSG_THREAD] = "THREAD",
	[MSG_MUTE] = "MUTE",
	[MSG_RESET] = "RESET",
	[MSG_HAND_OVER_ALL] = "HAND_OVER_ALL",
	[MSG_HANDED_OVER] = "HANDED_OVER",
	[MSG_CONNECTIONS_BEGIN] = "CONNECTIONS_BEGIN",
	[MSG_CONNECTIONS] = "CONNECTIONS",
	[MSG_CONNECTIONS_END] = "CONNECTIONS_END",
	[MSG_WIRE] = "WIRE",
	[MSG_WIRE_DOWN] = "WIRE_DOWN",
	[MSG_HOLD] = "HOLD",
	[MSG_ACCORDS] = "ACCORDS",
	[MSG_KNOWN] = "KNOWN",
	[MSG_WANTED] = "WANTED",
	[MSG_FOR_PEER] = "FOR_PEER",
	[MSG_FENCE] = "FENCE",
	[MSG_FENCED] = "FENCED",
	[MSG_CHOSEN] = "CHOSEN",
	[MSG_ACTIVATE] = "ACTIVATE",
	[MSG_REPLY] = "REPLY",
	[MSG_KEYS] = "KEYS",
	[MSG_PAUSE] = "PAUSE",
	[MSG_PREDECESSOR] = "PREDECESSOR",
	[MSG_SUCCESSOR] = "SUCCESSOR",
	[MSG_TAKING] = "TAKING",
	[MSG_TAKEN] = "TAKEN",
	[MSG_GIVEN] = "GIVEN",
	[MSG_PREPARED] = "PREPARED",
	[MSG_LOG] = "LOG",
	[MSG_ROLE_ENDS] = "ROLE_ENDS",
	[MSG_EVENT] = "EVENT",
	[MSG_EVENTS] = "EVENTS",
	[MSG_PEER_FILE] = "PEER_FILE",
	[MSG_FILE_UNSENT] = "FILE_UNSENT",
	[MSG_WEB_LISTENER] = "WEB_LISTENER",
	[MSG_EVENT_FEED] = "EVENT_FEED",
	[MSG_DIRECTOR_BEGIN] = "DIRECTOR_BEGIN",
	[MSG_STREAM_LISTENER] = "STREAM_LISTENER",
	[MSG_FAILOVER_CHANNEL] = "FAILOVER_CHANNEL",
	[MSG_RELAY_CHANNEL] = "RELAY_CHANNEL",
	[MSG_DIRECTOR_CHANNEL] = "DIRECTOR_CHANNEL",
	[MSG_DIRECTOR_ENDS] = "DIRECTOR_ENDS",
	[MSG_CLAIM] = "CLAIM",
	[MSG_RELEASE] = "RELEASE",
	[MSG_RELEASED] = "RELEASED",
	[MSG_TERM] = "TERM",
	[MSG_PEER_LIFE] = "PEER_LIFE",
	[MSG_LEVEL] = "LEVEL",
	[MSG_KERNEL_SERVER] = "KERNEL_SERVER",
	[MSG_KERNEL_SERVERS_END] = "KERNEL_SERVERS_END",
	[MSG_KERNEL_CUT] = "KERNEL_CUT",
	[MSG_KERNEL_ACCUSED] = "KERNEL_ACCUSED",
	[MSG_KERNEL_KILL] = "KERNEL_KILL",
	[MSG_KERNEL_KILLED] = "KERNEL_KILLED",
	[MSG_KERNEL_LIST] = "KERNEL_LIST",
	[MSG_KERNEL_CONN] = "KERNEL_CONN",
	[MSG_KERNEL_LIST_END] = "KERNEL_LIST_END",
	[MSG_KERNEL_SERVICE] = "KERNEL_SERVICE",
	[MSG_KERNEL_COUNT] = "KERNEL_COUNT",
	[MSG_KERNEL_STATE] = "KERNEL_STATE",
	[MSG_KILLED] = "KILLED",
};

const char *
msg_rights_name(uint16_t type)
{
	return type < ARRAY_LEN(names) ? names[type] : NULL;
}

const char *
msg_rights_fault_text(enum msg_rights_fault fault)
{
	static const char *const texts[] = {
		[MSG_RIGHTS_ALLOWED] = "nothing is wrong with it",
		[MSG_RIGHTS_STRANGE] = "there is no such message",
		[MSG_RIGHTS_FOREIGN] = "it is not its to send",
		[MSG_RIGHTS_UNTIMELY] = "it may not come at this stage",
		[MSG_RIGHTS_FD_MISSING] = "its descriptor is missing",
		[MSG_RIGHTS_FD_SURPLUS] = "it came with a descriptor too many",
		[MSG_RIGHTS_WRONG_SIZE] = "it is too short or too long",
		[MSG_RIGHTS_TOO_MANY] = "there are too many of them",
		[MSG_RIGHTS_MALFORMED] = "it makes no sense",
		[MSG_RIGHTS_FAILED] = "it cannot be obeyed",
		[MSG_RIGHTS_BROKEN] = "the channel is broken",
	};

	return texts[fault];
}
