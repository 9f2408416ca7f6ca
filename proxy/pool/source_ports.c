#include "proxy/pool/source_ports.h"

#include "config/config.h"
#include "core/secret.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define RANGE_FILE "/proc/sys/net/ipv4/ip_local_port_range"

struct source_ports {
	pthread_mutex_t lock;
	unsigned first, n; /* the range */
	unsigned next;     /* where the search begins, from 0 */
	unsigned n_taken;
	uint64_t taken[65536 / 64];
};

static void
read_range(struct source_ports *p)
{
	FILE *f = fopen(RANGE_FILE, "re");
	unsigned first = 0, last = 0;
	bool read = f != NULL && fscanf(f, "%u %u", &first, &last) == 2 &&
	    first > 0 && first <= last && last <= UINT16_MAX;

	if (f != NULL)
		(void)fclose(f);
	if (!read) { /* the kernel's default */
		first = 32768;
		last = 60999;
	}
	p->first = first;
	p->n = last - first + 1;
}

struct source_ports *
source_ports_new(bool beside_kernel)
{
	struct source_ports *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	(void)pthread_mutex_init(&p->lock, NULL);
	read_range(p);
	if (beside_kernel) {
		p->first = CONFIG_KERNEL_PORT_LAST + 1;
		p->n = UINT16_MAX - CONFIG_KERNEL_PORT_LAST;
	}
	/*
	 * Not where every relay begins: what stayed with the one before has its
	 * ports there, which nobody has claimed here.
	 */
	secret_random(&p->next, sizeof(p->next));
	p->next %= p->n;
	return p;
}

void
source_ports_free(struct source_ports *p)
{
	if (p == NULL)
		return;
	(void)pthread_mutex_destroy(&p->lock);
	free(p);
}

uint16_t
source_ports_take(struct source_ports *p)
{
	unsigned port = 0;

	(void)pthread_mutex_lock(&p->lock);
	for (unsigned i = 0; i < p->n && p->n_taken < p->n; i++) {
		unsigned k = (p->next + i) % p->n;

		if ((p->taken[k / 64] >> k % 64 & 1) != 0)
			continue;
		p->taken[k / 64] |= (uint64_t)1 << k % 64;
		p->n_taken++;
		p->next = k + 1;
		port = p->first + k;
		break;
	}
	(void)pthread_mutex_unlock(&p->lock);
	return (uint16_t)port;
}

bool
source_ports_claim(struct source_ports *p, uint16_t port)
{
	const unsigned k = port - p->first;
	bool is_free;

	/* The range may be another one than it was. */
	if (port < p->first || k >= p->n)
		return false;
	(void)pthread_mutex_lock(&p->lock);
	is_free = (p->taken[k / 64] >> k % 64 & 1) == 0;
	if (is_free) {
		p->taken[k / 64] |= (uint64_t)1 << k % 64;
		p->n_taken++;
	}
	(void)pthread_mutex_unlock(&p->lock);
	return is_free;
}

void
source_ports_give(struct source_ports *p, uint16_t port)
{
	unsigned k = port - p->first;

	(void)pthread_mutex_lock(&p->lock);
	p->taken[k / 64] &= ~((uint64_t)1 << k % 64);
	p->n_taken--;
	(void)pthread_mutex_unlock(&p->lock);
}
