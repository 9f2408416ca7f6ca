#include "failover/vip/vip.h"

#include "config/config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

_Static_assert(VIP_ADDRESSES_MAX == CONFIG_GROUP_ADDRESSES_MAX,
    "an address more than a search has room for");
_Static_assert(
    VIP_INTERFACES_MAX == CONFIG_GROUP_INTERFACES_MAX, "a link for each");

struct vip
vip_init(
    const struct config_group *group, struct netlink *netlink, uint32_t lease_s)
{
	return (struct vip){
		.group = group, .netlink = netlink, .lease_s = lease_s
	};
}

#define ENDS_EARLY_MS 50

uint32_t
vip_lease_s(uint32_t hang_ms, uint32_t dead_ms)
{
	const uint32_t least_ms = 3 * dead_ms;

	return ((hang_ms > least_ms ? hang_ms : least_ms) + 999) / 1000;
}

bool
vip_lease_has_ended(uint32_t lease_s, int64_t unrenewed_ms)
{
	/* The kernel counts in its ticks, and we from the news of it. */
	return unrenewed_ms >= (int64_t)lease_s * 1000 - ENDS_EARLY_MS;
}

static uint8_t
whole_prefix(const union addr *a)
{
	return a->sa.sa_family == AF_INET ? 32 : 128;
}

const struct netlink_link *
vip_link(const struct vip *h, size_t i)
{
	return &h->links[h->group->addresses[i].at];
}

/*
 * A host of its own, whatever the configured prefix: what brings the subnet's
 * route is the host's own address, and neither takes the other along.
 */
static struct netlink_address
lease(const struct vip *h, size_t i)
{
	const union addr *a = &h->group->addresses[i].addr;

	return (struct netlink_address){ .index = vip_link(h, i)->index,
		.addr = *a,
		.prefix = whole_prefix(a),
		.valid_s = h->lease_s };
}

/* Deletes those of the k-th interface; goes on after a failure. */
static int
delete_on(struct vip *h, unsigned k)
{
	int first = 0;

	for (size_t i = 0; i < h->group->n_addresses; i++) {
		const struct netlink_address a = lease(h, i);
		int e = h->group->addresses[i].at == k
		    ? netlink_del_address(h->netlink, &a)
		    : 0;

		if (e < 0 && first == 0)
			first = e;
	}
	return first;
}

/* Deletes all that are there; goes on after a failure and returns it. */
static int
delete_all(struct vip *h)
{
	int first = 0;

	for (unsigned k = 0; k < h->group->n_interfaces; k++) {
		const int e = delete_on(h, k);

		if (e == 0 || first < 0)
			continue;
		first = e;
		h->failed_on = k;
	}
	return first;
}

/* The kernel says "Permission denied" where IPv6 is off. */
static bool
is_about_family(const struct vip *h, size_t i)
{
	const int e = -h->errors[i];

	return e == EAFNOSUPPORT ||
	    (h->group->addresses[i].addr.sa.sa_family == AF_INET6 &&
	        (e == EACCES || e == EOPNOTSUPP));
}

/*
 * It is not tried where it can't be. What was refused for another reason would
 * be again, as long as the interface is the one that it was: who forgot that
 * would be given the group, once for each look.
 */
static void
foresee(struct vip *h, unsigned k, bool other)
{
	const struct netlink_link *link = &h->links[k];

	for (size_t i = 0; i < h->group->n_addresses; i++) {
		const union addr *a = &h->group->addresses[i].addr;
		const bool takes =
		    a->sa.sa_family == AF_INET ? link->v4 : link->v6;

		if (h->group->addresses[i].at != k)
			continue;
		if (link->index != 0 && !takes)
			h->errors[i] = -EAFNOSUPPORT;
		else if (other || is_about_family(h, i))
			h->errors[i] = 0;
	}
}

int
vip_look(struct vip *h, unsigned k, bool *ret_changed)
{
	struct netlink_link *link = &h->links[k], now;
	int e = netlink_find_link(h->netlink, h->group->interfaces[k], &now);
	bool other;

	if (e < 0)
		return e;
	/* It has another name now, and what it took along is not ours there. */
	if (h->held && now.index != link->index && link->index != 0)
		(void)delete_on(h, k);
	other = now.index != link->index || now.v4 != link->v4 ||
	    now.v6 != link->v6;
	*ret_changed = now.index != link->index ||
	    memcmp(now.mac, link->mac, sizeof(now.mac)) != 0;
	*link = now;
	if (!h->held)
		foresee(h, k, other);
	return 0;
}

/* The others need not be tried. */
static bool
is_about_all(int e)
{
	return e == -ENODEV || e == -ETIMEDOUT;
}

int
vip_hold(struct vip *h)
{
	int first = 0;
	bool any = false;

	if (!h->held)
		h->usable = 0;
	h->held = true; /* also the half of them: release deletes it */
	for (size_t i = 0; i < h->group->n_addresses; i++) {
		const struct netlink_address a = lease(h, i);
		const int e = netlink_put_address(h->netlink, &a);

		if (first == 0 || is_about_all(e))
			h->failed_on = h->group->addresses[i].at;
		if (is_about_all(e))
			return e;
		h->errors[i] = e;
		any = any || e == 0;
		if (first == 0)
			first = e;
	}
	return any ? 0 : first;
}

uint32_t
vip_refused(const struct vip *h)
{
	uint32_t mask = 0;

	for (size_t i = 0; i < h->group->n_addresses; i++)
		mask |= (uint32_t)(h->errors[i] < 0) << i;
	return mask;
}

uint32_t
vip_lacks(const struct vip *h, uint32_t refused)
{
	const size_t n = h->group->n_addresses;

	return n > 0 && refused == UINT32_MAX >> (32 - n) ? UINT32_MAX
	                                                  : refused;
}

const char *
vip_why(const struct vip *h, size_t i, char buf[static VIP_WHY_MAX])
{
	const bool v4 = h->group->addresses[i].addr.sa.sa_family == AF_INET;

	if (is_about_family(h, i))
		(void)snprintf(buf, VIP_WHY_MAX, "IPv%d is switched off there",
		    v4 ? 4 : 6);
	else
		(void)snprintf(buf, VIP_WHY_MAX, "%s", strerror(-h->errors[i]));
	return buf;
}

int
vip_release(struct vip *h)
{
	const int e = delete_all(h);

	h->held = false; /* what could not be deleted is not renewed */
	h->usable = 0;
	return e;
}

bool
vip_is_usable(const struct vip *h, size_t i)
{
	const union addr *a = &h->group->addresses[i].addr;

	return h->held && h->errors[i] == 0 &&
	    (a->sa.sa_family == AF_INET || (h->usable & 1u << i) != 0);
}

bool
vip_is_complete(const struct vip *h)
{
	const uint64_t all = (UINT64_C(1) << h->group->n_addresses) - 1;

	return h->held && h->usable != 0 && (h->usable | vip_refused(h)) == all;
}

void
vip_note(struct vip *h, int i, bool there)
{
	const union addr *a = &h->group->addresses[i].addr;
	const uint32_t bit = 1u << i;

	if (!there)
		h->usable &= ~bit;
	/* A renewal is told, too, and says nothing of the route. */
	else if ((h->usable & bit) == 0 && netlink_is_local(h->netlink, a))
		h->usable |= bit;
}

/* As far as is known; who holds nothing does not try whether it still is so. */
static bool
takes_v6(const struct vip *h, unsigned k)
{
	for (size_t i = 0; !h->held && i < h->group->n_addresses; i++)
		if (h->group->addresses[i].at == k &&
		    h->group->addresses[i].addr.sa.sa_family == AF_INET6 &&
		    is_about_family(h, i))
			return false;
	return h->links[k].v6;
}

bool
vip_contradicts(const struct vip *h, const struct netlink_change *c)
{
	for (unsigned k = 0; k < h->group->n_interfaces; k++)
		if (c->index == h->links[k].index &&
		    (c->type == NETLINK_ADDRESS) != takes_v6(h, k))
			return true;
	return false;
}

int
vip_find(const struct vip *h, const union addr *a)
{
	for (size_t i = 0; i < h->group->n_addresses; i++)
		if (addr_is_same_ip(&h->group->addresses[i].addr, a))
			return (int)i;
	return -1;
}

struct search {
	struct vip *vip;
	bool strays; /* what is held is not searched for */
	uint32_t found;
	unsigned n;
	/* Deleting while the list is read would disturb the list. */
	struct netlink_address there[VIP_ADDRESSES_MAX];
};

bool
vip_is_own(const struct vip *h, size_t i, int index, uint8_t prefix)
{
	return index == vip_link(h, i)->index &&
	    prefix == whole_prefix(&h->group->addresses[i].addr);
}

static void
search_one(void *arg, const struct netlink_address *a)
{
	struct search *s = arg;
	int i = vip_find(s->vip, &a->addr);

	if (i == -1)
		return;
	if (vip_is_own(s->vip, (size_t)i, a->index, a->prefix))
		s->found |= 1u << i;
	if (s->strays && s->vip->held &&
	    vip_is_own(s->vip, (size_t)i, a->index, a->prefix))
		return;
	if (s->n < ARRAY_LEN(s->there))
		s->there[s->n++] = *a;
}

int
vip_clear(struct vip *h, bool keep, bool *ret_kept, unsigned *ret_deleted)
{
	const uint64_t all = (UINT64_C(1) << h->group->n_addresses) - 1;
	struct search s = { .vip = h };
	int first = netlink_each_address(h->netlink, search_one, &s);

	if (first < 0)
		return first;
	keep = keep && s.found != 0 && (s.found | vip_refused(h)) == all;
	for (unsigned i = 0; !keep && i < s.n; i++) {
		int e = netlink_del_address(h->netlink, &s.there[i]);

		if (e < 0 && first == 0)
			first = e;
	}
	if (first < 0)
		return first;
	*ret_kept = keep;
	*ret_deleted = keep ? 0 : s.n;
	return 0;
}

int
vip_remove_strays(struct vip *h, unsigned *ret_deleted)
{
	struct search s = { .vip = h, .strays = true };
	int first = netlink_each_address(h->netlink, search_one, &s);

	for (unsigned i = 0; first == 0 && i < s.n; i++)
		first = netlink_del_address(h->netlink, &s.there[i]);
	*ret_deleted = s.n;
	return first;
}
