#pragma once

/*
 * A relay's services with two servers on the kernel path, and the director's
 * end of its channel: for the tests of proxy/kernel/.
 */

#include "core/buf.h"
#include "core/channel.h"
#include "core/fd.h"
#include "core/kernel/msg_kernel.h"
#include "core/msg.h"
#include "proxy/kernel/kernel_link.h"
#include "proxy/pool/pool.h"
#include "proxy/services.h"
#include "tests/lib/from_yaml.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <ev.h>
#include <string.h>

struct kernel_lab {
	struct ev_loop *loop;
	struct config *config;
	struct services services;
	struct kernel_link link;
	int ends[2];  /* of the supervisor's channel */
	int director; /* -1: there is no channel */
	struct channel_packet said;
};

static const char kernel_lab_yaml[] =
    "pair:\n"
    "  nodes:\n"
    "    - {name: p1, address: 10.0.0.1}\n"
    "    - {name: p2, address: 10.0.0.2}\n"
    "  key_file: /k\n"
    "  groups: {name: main, interface: eth0, addresses: 10.0.0.100/24}\n"
    "services:\n"
    "  - name: plain\n"
    "    listen: 10.0.0.100:80\n"
    "    servers: 10.0.0.31:80\n"
    "  - name: db\n"
    "    path: kernel\n"
    "    listen: 10.0.0.100:5432\n"
    "    servers: [{name: d1, address: 10.0.0.41:1, weight: 3},\n"
    "        {name: d2, address: 10.0.0.42:1, backup: true}]\n";

#define KERNEL_LAB_SERVICE 1

static inline struct pool *
kernel_lab_pool(struct kernel_lab *l)
{
	return services_pool(&l->services, KERNEL_LAB_SERVICE);
}

/* A new channel; the director's end is ours. */
static inline void
kernel_lab_bring(struct kernel_lab *l)
{
	static uint32_t id;
	const struct msg_ask m = { .id = ++id };
	struct buf b = BUF_WRITER(16);
	struct channel_packet p = { .type = MSG_DIRECTOR_CHANNEL, .fd = -1 };
	int ends[2];

	fd_close(&l->director);
	msg_put_ask(&b, &m);
	assert_int_equal(channel_pair(ends), 0);
	memcpy(p.body, b.data, b.pos);
	p.len = b.pos;
	p.fd = ends[0];
	l->director = ends[1];
	assert_int_equal(kernel_link_take(&l->link, &p), 0);
}

/* Its first checks have ended. */
static inline void
kernel_lab_open(struct kernel_lab *l)
{
	struct pool *p = kernel_lab_pool(l);

	for (size_t i = 0; i < p->n_servers; i++)
		pool_set_state(p, &p->servers[i], SERVER_UP, mono_now());
	atomic_store(&p->open, true);
}

static inline void
kernel_lab_begin(struct kernel_lab *l)
{
	const struct msg_start start = { .workers = 1, .max_connections = 100 };

	*l = (struct kernel_lab){ .loop = ev_loop_new(EVBACKEND_EPOLL),
		.config = from_yaml(kernel_lab_yaml),
		.director = -1 };
	assert_non_null(l->loop);
	assert_int_equal(channel_pair(l->ends), 0);
	assert_int_equal(
	    services_init(&l->services, l->loop, l->config, &start), 0);
	kernel_link_init(&l->link, l->loop, l->ends[0], NULL);
	assert_int_equal(kernel_link_begin(&l->link, &l->services), 0);
	kernel_link_start(&l->link);
}

static inline void
kernel_lab_end(struct kernel_lab *l)
{
	kernel_link_fini(&l->link);
	services_fini(&l->services);
	fd_close(&l->director);
	fd_close(&l->ends[0]);
	fd_close(&l->ends[1]);
	ev_loop_destroy(l->loop);
	config_free(l->config);
}

/* The next that the director was told; MSG_START: there is none. */
static inline enum msg_type
kernel_lab_hear(struct kernel_lab *l)
{
	const int e = channel_recv(l->director, &l->said);

	if (e == -EAGAIN)
		return MSG_START;
	assert_int_equal(e, 1);
	return (enum msg_type)l->said.type;
}

static inline struct buf
kernel_lab_body(struct kernel_lab *l)
{
	return buf_reader(l->said.body, l->said.len);
}

/* The director says it, and the relay hears it. */
static inline void
kernel_lab_say(struct kernel_lab *l, enum msg_type type, const struct buf *body)
{
	assert_int_equal(channel_send(l->director, (uint16_t)type,
	                     body != NULL ? body->data : NULL,
	                     body != NULL ? body->pos : 0, -1),
	    0);
	(void)ev_run(l->loop, EVRUN_NOWAIT);
}
