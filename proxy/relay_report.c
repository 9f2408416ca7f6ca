#include "proxy/relay_report.h"

#include "core/buf.h"
#include "core/msg.h"
#include "proxy/failover_link.h"
#include "proxy/pool/pool.h"
#include "proxy/services.h"

void
relay_report_service(struct failover_link *l, struct pool *pool)
{
	struct buf b = BUF_WRITER(64);
	struct msg_service m = { .service = (uint16_t)pool->index,
		.servers = (uint16_t)pool->n_servers,
		.up = (uint16_t)pool_count_up(pool),
		.unknown = (uint16_t)pool_count(pool, SERVER_UNKNOWN) };

	msg_put_service(&b, &m);
	failover_link_send(l, MSG_SERVICE, &b);
}

void
relay_report_serving(struct failover_link *l)
{
	failover_link_send(l, MSG_SERVING, NULL);
}

void
relay_report_all(
    struct failover_link *l, struct services *services, bool serves)
{
	for (unsigned i = 0; i < services->shared.n_pools; i++)
		relay_report_service(l, services_pool(services, i));
	if (serves)
		relay_report_serving(l);
}

void
relay_report_dropped(struct failover_link *l, unsigned group)
{
	const struct msg_reset m = { .group = (uint16_t)group };
	struct buf b = BUF_WRITER(16);

	msg_put_reset(&b, &m);
	failover_link_send(l, MSG_RESET, &b);
}
