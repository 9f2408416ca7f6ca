#include "director/syn_valve.h"

bool
syn_valve_look(struct syn_valve *v, const struct syn_valve_limits *limits,
    const struct syn_valve_load *load, struct mono now)
{
	const bool too_much = load->young > limits->young_most ||
	    load->slots < limits->slots_least;
	/* Half of that: what the flood has left behind is gone, or nearly. */
	const bool little = load->young <= limits->young_most / 2 &&
	    load->slots / 2 >= limits->slots_least;

	if (too_much) {
		v->open = true;
		v->since = now;
	} else if (v->open && little &&
	    !mono_before(now, mono_add_ms(v->since, limits->rest_ms))) {
		v->open = false;
	}
	return v->open;
}
