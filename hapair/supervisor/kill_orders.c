#include "hapair/supervisor/kill_orders.h"

#include "hapair/supervisor/control.h"
#include "proxy/control/conn_lines.h"

#include <stdio.h>
#include <string.h>

/* As the relay's word will be written. False: a relay refuses it. */
static bool
write_order(const char *what, char ret_order[static EVENT_WHAT_MAX])
{
	char hex[CONN_LINES_ID_MAX];
	uint64_t id;

	if (strchr(what, '/') == NULL) {
		if (!conn_lines_parse_id(what, &id))
			return false;
		what = conn_lines_id_text(id, hex);
	}
	return (size_t)snprintf(ret_order, EVENT_WHAT_MAX, "kill %s", what) <
	    EVENT_WHAT_MAX;
}

void
kill_orders_note(struct kill_orders *k, const char *request)
{
	const char *order = request;
	char text[EVENT_WHAT_MAX];

	if (control_is_request(request, "lingering")) {
		order = strstr(request, " kill ");
		order = order != NULL ? order + 1 : "";
	}
	if (strncmp(order, "kill ", strlen("kill ")) != 0 ||
	    !write_order(order + strlen("kill "), text))
		return;
	strcpy(k->asked[k->next++ % KILL_ORDERS_MAX], text);
}

bool
kill_orders_take(struct kill_orders *k, const char *order)
{
	for (unsigned i = 0; i < KILL_ORDERS_MAX; i++)
		if (strcmp(k->asked[i], order) == 0) {
			k->asked[i][0] = '\0';
			return true;
		}
	return false;
}
