#pragma once

/*
 * The kernel program, loaded, and its maps: the door to libbpf. Owned by the
 * director's process. It decides nothing and keeps no connection; what the maps
 * hold is in director_bpf.h. Needs CAP_BPF and CAP_NET_ADMIN; to load,
 * CAP_PERFMON too: Linux 6.1 refuses it otherwise, 6.18 does not.
 *
 * One thread. The callbacks run within the two _read_ functions.
 */

#include "core/base.h"
#include "director/bpf/director_bpf.h"

struct director_program;

struct director_program_options {
	/* Slots, and half the entries; the addresses and ports of services. */
	uint32_t slots;
	uint32_t services;
	/* Of the rings: powers of two, of whole pages. */
	uint32_t events_bytes;
	uint32_t closed_bytes;
	void (*on_event)(void *data, const struct director_bpf_event *event);
	void (*on_closed)(void *data, const struct director_bpf_closed *closed);
	void *data;
	/* A directory of the BPF file system, where the maps stay when we end
	 * and are found again; NULL: they end with us and with the last
	 * interface that the program is attached to. What is there of another
	 * layout stays, until director_program_keep(). */
	const char *pins;
	/* Another object than our own; of tests. */
	const void *object;
	size_t object_bytes;
	/* Where the kernel says why it refuses the program; may be NULL. */
	char *why;
	size_t why_bytes;
};

/*
 * Loads it, with the maps that are kept at `pins`, or with new ones. Maps of
 * another layout are given up there. Returns 0 or -errno: -EPERM where the
 * kernel lets us not, -EACCES where it dislikes the program, -EINVAL for that
 * and where the maps that are kept have other sizes.
 */
MUST_CHECK int director_program_load(
    const struct director_program_options *options,
    struct director_program **ret_program);

/* Takes NULL. The program stays with the interfaces that it is attached to. */
void director_program_free(struct director_program *p);

/* Others were there, and are yet: these are beside them, kept nowhere. */
bool director_program_is_beside(const struct director_program *p);

/* They are in the place of whatever is kept at `pins`, from now on. Returns 0
 * or -errno. */
MUST_CHECK int director_program_keep(
    struct director_program *p, const char *pins);

/* The maps were there already, with all that they held. */
bool director_program_is_found(const struct director_program *p);

/* A program that is attached yet, and whose maps are kept at `pins`, leaves new
 * clients to the stack: there is nobody who would hear of them. */
void director_program_let_go(const char *pins);

/* Gives up the maps that are kept at `pins`: who uses them goes on with them,
 * for the connections that they have, and the next program gets new ones. */
void director_program_unpin(const char *pins);

/* Shared with the program; `slots` of them, the kernel's pages. */
struct director_bpf_slot *director_program_slots(struct director_program *p);
struct director_bpf_control *director_program_control(
    struct director_program *p);

/* All of them, or an error: 0 or -errno. An entry that is there is replaced,
 * one that is not there to be deleted is passed over. */
MUST_CHECK int director_program_put_entries(struct director_program *p,
    const struct director_bpf_key *keys, const uint64_t *entries, uint32_t n);
MUST_CHECK int director_program_delete_entries(struct director_program *p,
    const struct director_bpf_key *keys, uint32_t n);

/* Returns 0, -ENOENT or -errno. */
MUST_CHECK int director_program_find_entry(struct director_program *p,
    const struct director_bpf_key *key, uint64_t *ret_entry);

/* One call for each that is there, until one says false. 0 or -errno. */
typedef bool director_program_entry_fn(
    void *arg, const struct director_bpf_key *key, uint64_t entry);
MUST_CHECK int director_program_each_entry(
    struct director_program *p, director_program_entry_fn *fn, void *arg);

MUST_CHECK int director_program_put_service(struct director_program *p,
    const struct director_bpf_listen *listen,
    const struct director_bpf_service *service);
MUST_CHECK int director_program_delete_service(
    struct director_program *p, const struct director_bpf_listen *listen);

/* Those that are not among these go. 0 or -errno. */
MUST_CHECK int director_program_keep_services(struct director_program *p,
    const struct director_bpf_listen *listens, uint32_t n);

/* Readable when there are events. Borrowed. */
int director_program_events_fd(const struct director_program *p);

/*
 * What there is, one callback each; of events no more than a loop can bear, the
 * rest in the next turn. Returns how many, or -errno.
 */
int director_program_read_events(struct director_program *p);
int director_program_read_closed(struct director_program *p);

/* The sums of all processors since it was loaded. Returns 0 or -errno. */
MUST_CHECK int director_program_count(
    struct director_program *p, uint64_t ret_counters[DIRECTOR_BPF_COUNTERS]);

/* What comes in by this interface goes through it. Other programs there stay:
 * ours has a priority and a handle of its own. 0 or -errno. */
MUST_CHECK int director_program_attach(
    struct director_program *p, unsigned ifindex);
/* Somebody may have taken it away, with all that was attached there. */
bool director_program_is_attached(unsigned ifindex);
MUST_CHECK int director_program_detach(
    struct director_program *p, unsigned ifindex);

/* Of the program itself: a descriptor (borrowed), and what loading it took. */
struct director_program_facts {
	int fd;
	/* Instructions that the verifier went through, of the program in BPF,
	 * and bytes of machine code. */
	uint32_t verified;
	uint32_t instructions;
	uint32_t code_bytes;
};
MUST_CHECK int director_program_facts(
    struct director_program *p, struct director_program_facts *ret_facts);
