#include "hapair/supervisor/reload_step.h"

#include <assert.h>

/*
 * To load a file of the largest size takes 0.2 s; the rest is a busy host. Who
 * asked waits for 5 s, so both together stay below.
 */
#define READY_MS 1700
#define TAKEN_MS 2000
#define SWITCHED_MS 300
#define BEGUN_MS 500

/* The new relay hears at once that the old one is gone, and has the rest. */
#define ALONE_MS 500

static void
act(struct reload_step_out *out, enum reload_step_action action)
{
	assert(out->n_actions < RELOAD_STEP_ACTIONS_MAX);
	out->actions[out->n_actions++] = action;
}

/* The one place where the state changes. */
static void
enter(struct reload_step *r, enum reload_step_state state,
    struct reload_step_out *out)
{
	r->state = state;
	switch (state) {
	case RELOAD_STEP_PREPARING:
		out->patience_ms = READY_MS;
		break;
	case RELOAD_STEP_TAKING:
		out->patience_ms = TAKEN_MS;
		break;
	case RELOAD_STEP_IDLE:
		*r = (struct reload_step){ 0 };
		out->patience_ms = 0;
		break;
	case RELOAD_STEP_BEGINNING:
		out->patience_ms = BEGUN_MS;
		break;
	case RELOAD_STEP_SWITCHING: /* SIGKILL waits for what the kernel does */
		out->patience_ms = SWITCHED_MS;
		break;
	}
}

static void
give_up(struct reload_step *r, enum reload_step_fault fault,
    struct reload_step_out *out)
{
	act(out, RELOAD_STEP_DISCARD);
	act(out, RELOAD_STEP_TELL_FAILED);
	out->fault = fault;
	enter(r, RELOAD_STEP_IDLE, out);
}

/* Nothing is under way: what is said is of another one, given up since. */
static void
step_idle(struct reload_step *r, enum reload_step_event event,
    struct reload_step_out *out)
{
	switch (event) {
	case RELOAD_STEP_BEGIN:
		act(out, RELOAD_STEP_START);
		enter(r, RELOAD_STEP_PREPARING, out);
		break;
	case RELOAD_STEP_RELAY_READY:
	case RELOAD_STEP_FAILOVER_LOADED:
	case RELOAD_STEP_FAILOVER_READY:
	case RELOAD_STEP_TAKING_ON:
	case RELOAD_STEP_TAKEN:
	case RELOAD_STEP_RELAY_ENDED:
	case RELOAD_STEP_FAILOVER_ENDED:
	case RELOAD_STEP_OLD_FAILOVER_ENDED:
	case RELOAD_STEP_OVERDUE:
	case RELOAD_STEP_STOP:
	case RELOAD_STEP_OLD_RELAY_ENDED:
	case RELOAD_STEP_MOVES_ACTIVE:
	case RELOAD_STEP_EVENTS:
		break;
	}
}

static void
note_ready(struct reload_step *r, struct reload_step_out *out)
{
	if (!r->relay_ready || !r->failover_loaded)
		return;
	act(out, RELOAD_STEP_GIVE);
	enter(r, RELOAD_STEP_TAKING, out);
}

/*
 * The old ones do all the work. Should one of them end now it is started again
 * with the old file, and the reload goes on.
 */
static void
step_preparing(struct reload_step *r, enum reload_step_event event,
    struct reload_step_out *out)
{
	switch (event) {
	case RELOAD_STEP_RELAY_READY:
		r->relay_ready = true;
		note_ready(r, out);
		break;
	case RELOAD_STEP_FAILOVER_READY: /* without a pair it waits for nobody
	                                  */
		r->failover_ready = true;
		r->failover_loaded = true;
		note_ready(r, out);
		break;
	case RELOAD_STEP_FAILOVER_LOADED:
		r->failover_loaded = true;
		note_ready(r, out);
		break;
	case RELOAD_STEP_RELAY_ENDED:
		give_up(r, RELOAD_STEP_FAULT_RELAY, out);
		break;
	case RELOAD_STEP_FAILOVER_ENDED:
		give_up(r, RELOAD_STEP_FAULT_FAILOVER, out);
		break;
	case RELOAD_STEP_OVERDUE:
		give_up(r, RELOAD_STEP_FAULT_READY, out);
		break;
	case RELOAD_STEP_STOP:
		give_up(r, RELOAD_STEP_FAULT_STOP, out);
		break;
	case RELOAD_STEP_BEGIN:
	case RELOAD_STEP_TAKING_ON:
	case RELOAD_STEP_TAKEN:
	case RELOAD_STEP_OLD_FAILOVER_ENDED:
	case RELOAD_STEP_OLD_RELAY_ENDED:
	case RELOAD_STEP_MOVES_ACTIVE:
	case RELOAD_STEP_EVENTS:
		break;
	}
}

/*
 * Sessions are on their way. If the new relay ends or is ended, the old one
 * keeps those that are not there yet, and accepts again. Sessions that are
 * there would end with the new relay, so nothing else is worth that: a failover
 * that ends is started again when it is needed, and a stop waits.
 */
static void
step_taking(struct reload_step *r, enum reload_step_event event,
    struct reload_step_out *out)
{
	switch (event) {
	case RELOAD_STEP_TAKING_ON: /* it must not end over what it has */
		out->patience_ms = TAKEN_MS;
		break;
	case RELOAD_STEP_TAKEN:
		act(out, RELOAD_STEP_ADOPT);
		act(out, RELOAD_STEP_KILL_FAILOVER);
		enter(r, RELOAD_STEP_SWITCHING, out);
		break;
	case RELOAD_STEP_RELAY_ENDED:
		give_up(r, RELOAD_STEP_FAULT_RELAY, out);
		break;
	case RELOAD_STEP_FAILOVER_ENDED:
		r->failover_loaded = r->failover_ready = false;
		break;
	case RELOAD_STEP_FAILOVER_READY: /* after its word that it has loaded */
		r->failover_ready = true;
		break;
	case RELOAD_STEP_OLD_RELAY_ENDED: /* nobody accepts meanwhile */
		out->patience_ms = ALONE_MS;
		break;
	case RELOAD_STEP_MOVES_ACTIVE: /* first of all: nothing is given yet */
		give_up(r, RELOAD_STEP_FAULT_ACTIVE, out);
		break;
	case RELOAD_STEP_OVERDUE:
		give_up(r, RELOAD_STEP_FAULT_TAKEN, out);
		break;
	case RELOAD_STEP_STOP:
	case RELOAD_STEP_BEGIN:
	case RELOAD_STEP_RELAY_READY:
	case RELOAD_STEP_FAILOVER_LOADED:
	case RELOAD_STEP_OLD_FAILOVER_ENDED:
	case RELOAD_STEP_EVENTS:
		break;
	}
}

/*
 * Between two failovers: nobody sends heartbeats, and the addresses are where
 * they were. The new one may begin when the ports of the old one are free.
 */
static void
step_switching(struct reload_step *r, enum reload_step_event event,
    struct reload_step_out *out)
{
	switch (event) {
	case RELOAD_STEP_OLD_FAILOVER_ENDED:
		act(out, RELOAD_STEP_GO_ON);
		enter(r, RELOAD_STEP_BEGINNING, out);
		if (!r->failover_ready && !r->told)
			break;
		if (!r->told)
			act(out, RELOAD_STEP_TELL_DONE);
		enter(r, RELOAD_STEP_IDLE, out);
		break;
	case RELOAD_STEP_FAILOVER_ENDED: /* another one is started to go on */
		r->failover_ready = false;
		break;
	case RELOAD_STEP_FAILOVER_READY:
		r->failover_ready = true;
		break;
	case RELOAD_STEP_OVERDUE: /* it hangs in the kernel: for how long? */
		act(out, RELOAD_STEP_TELL_LATE);
		r->told = true;
		break;
	case RELOAD_STEP_BEGIN:
	case RELOAD_STEP_RELAY_READY:
	case RELOAD_STEP_FAILOVER_LOADED:
	case RELOAD_STEP_TAKING_ON:
	case RELOAD_STEP_TAKEN:
	case RELOAD_STEP_RELAY_ENDED:
	case RELOAD_STEP_STOP:
	case RELOAD_STEP_OLD_RELAY_ENDED:
	case RELOAD_STEP_MOVES_ACTIVE:
	case RELOAD_STEP_EVENTS:
		break;
	}
}

/* All is new. Who ends now is started again with the new file. */
static void
step_beginning(struct reload_step *r, enum reload_step_event event,
    struct reload_step_out *out)
{
	switch (event) {
	case RELOAD_STEP_FAILOVER_READY:
		act(out, RELOAD_STEP_TELL_DONE);
		enter(r, RELOAD_STEP_IDLE, out);
		break;
	case RELOAD_STEP_OVERDUE: /* it is started again, and again */
		act(out, RELOAD_STEP_TELL_LATE);
		enter(r, RELOAD_STEP_IDLE, out);
		break;
	case RELOAD_STEP_BEGIN:
	case RELOAD_STEP_RELAY_READY:
	case RELOAD_STEP_FAILOVER_LOADED:
	case RELOAD_STEP_TAKING_ON:
	case RELOAD_STEP_TAKEN:
	case RELOAD_STEP_RELAY_ENDED:
	case RELOAD_STEP_FAILOVER_ENDED:
	case RELOAD_STEP_OLD_FAILOVER_ENDED:
	case RELOAD_STEP_STOP:
	case RELOAD_STEP_OLD_RELAY_ENDED:
	case RELOAD_STEP_MOVES_ACTIVE:
	case RELOAD_STEP_EVENTS:
		break;
	}
}

struct reload_step
reload_step_do(const struct reload_step *before, enum reload_step_event event,
    struct reload_step_out *ret_out)
{
	struct reload_step r = *before;

	*ret_out = (struct reload_step_out){ 0 };
	switch (r.state) {
	case RELOAD_STEP_IDLE:
		step_idle(&r, event, ret_out);
		break;
	case RELOAD_STEP_PREPARING:
		step_preparing(&r, event, ret_out);
		break;
	case RELOAD_STEP_TAKING:
		step_taking(&r, event, ret_out);
		break;
	case RELOAD_STEP_SWITCHING:
		step_switching(&r, event, ret_out);
		break;
	case RELOAD_STEP_BEGINNING:
		step_beginning(&r, event, ret_out);
		break;
	}
	return r;
}

bool
reload_step_delays_stop(const struct reload_step *r)
{
	return !r->told &&
	    (r->state == RELOAD_STEP_TAKING ||
	        r->state == RELOAD_STEP_SWITCHING ||
	        r->state == RELOAD_STEP_BEGINNING);
}

const char *
reload_step_fault_text(enum reload_step_fault fault)
{
	switch (fault) {
	case RELOAD_STEP_WELL:
		break;
	case RELOAD_STEP_FAULT_RELAY:
		return "the new relay ended before it had taken over";
	case RELOAD_STEP_FAULT_FAILOVER:
		return "the new failover ended before it had begun";
	case RELOAD_STEP_FAULT_READY:
		return "the new processes were not ready in time";
	case RELOAD_STEP_FAULT_TAKEN:
		return "the new relay did not take over in time";
	case RELOAD_STEP_FAULT_STOP:
		return "the daemon ends";
	case RELOAD_STEP_FAULT_ACTIVE:
		return "a fence or promote of a standby service is under way: try again";
	}
	return "nothing is wrong";
}
