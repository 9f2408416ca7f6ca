#include "hapair/cli/client_lingering.h"

#include "core/json_doc.h"
#include "core/msg.h"

#include <stdio.h>

/* A daemon lets no more be. */
#define RELAYS_MAX 16

unsigned
client_lingering_count(const struct client *c)
{
	CLEANUP(json_doc_free_at) struct json_doc *d = NULL;
	int64_t n = 0;

	/* One that cannot say has none, or is of an earlier version. */
	if (client_exchange(c, "lingering", &d) == 0)
		n = json_doc_int(d, "relays");
	if (n < 0)
		return 0;
	return n < RELAYS_MAX ? (unsigned)n : RELAYS_MAX;
}

const char *
client_lingering_request(unsigned index, const char *request, char *buf)
{
	(void)snprintf(buf, MSG_REQUEST_MAX, "lingering %u %s", index, request);
	return buf;
}
