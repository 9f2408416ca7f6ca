#include "proxy/data/conn_log.h"

#include "config/config.h"
#include "core/log.h"
#include "core/mono.h"
#include "proxy/data/session.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Our own address and port towards the server: what its audit log shows. */
static const char *
source_text(const struct session *s, char buf[static ADDR_TEXT_MAX])
{
	union addr a = { 0 };
	socklen_t len = sizeof(a);

	if (s->ends[SESSION_SERVER].fd == -1 ||
	    getsockname(s->ends[SESSION_SERVER].fd, &a.sa, &len) == -1)
		return "-";
	return addr_format(&a, buf);
}

void
conn_log_session(const struct session *s)
{
	const struct session_info *i = &s->info;
	char client[ADDR_TEXT_MAX], source[ADDR_TEXT_MAX];
	char subject[CONFIG_NAME_MAX + 16], why[80] = "";
	struct mono now;
	int64_t connect_ms = -1;

	if (!s->thread->shared->log_connections || !log_is_on(LOG_LEVEL_INFO))
		return;
	now = mono_now();
	if (!mono_is_never(i->connected))
		connect_ms = mono_span_ms(i->accepted, i->connected);
	if (i->error != 0)
		(void)snprintf(why, sizeof(why), ", %s", strerror(i->error));
	(void)stpcpy(stpcpy(subject, "service "), s->pool->config->name);
	log_info(subject,
	    "connection client=%s server=%s source=%s queue_ms=%u connect_ms=%" PRId64
	    " total_ms=%" PRId64 " in=%" PRIu64 " out=%" PRIu64
	    " attempts=%u end=%s reason='%s%s'",
	    addr_format(&i->client, client),
	    i->server < 0 ? "-" : s->pool->servers[i->server].config->name,
	    source_text(s, source), i->queued_ms, connect_ms,
	    mono_span_ms(i->accepted, now), s->flows[SESSION_CLIENT].bytes,
	    s->flows[SESSION_SERVER].bytes, i->attempts,
	    end_reason_code(i->reason), end_reason_words(i->reason), why);
}
