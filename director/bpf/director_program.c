#include "director/bpf/director_program.h"

#include "director/bpf/director_object.h"
#include "director/bpf/load_log.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

/* Of clsact's filters, ours: an earlier one (a lower priority) that has decided
 * ends the list before it reaches us. */
enum {
	TC_PRIORITY = 50,
	TC_HANDLE = 0x6861,
};

/* Some ms of work. */
#define EVENTS_A_CALL 512

/* Of a walk through the entries. */
#define ENTRIES_A_CALL 4096

/* The maps that are used by descriptor, in the order of `maps`. */
enum map {
	CONNS,
	SLOTS,
	SERVICES,
	CONTROL,
	EVENTS,
	CLOSED,
	COUNTERS,
	MAPS,
};
static const char *const map_names[MAPS] = { "conns", "slots", "services",
	"control", "events", "closed", "counters" };

struct director_program {
	char *log; /* of the kernel, while it loads */
	struct bpf_object *object;
	struct bpf_program *ingress; /* borrowed: the object's */
	int maps[MAPS];              /* likewise */
	struct director_bpf_slot *slots;
	size_t slots_bytes;
	struct director_bpf_control *control;
	struct ring_buffer *events;
	struct ring_buffer *closed;
	unsigned n_read; /* events, in this call */
	bool is_found;
	bool is_kept; /* at the directory of the pins */
	/* One for each processor there may be: of one counter. */
	uint64_t *per_cpu;
	int n_cpus;
	void (*on_event)(void *data, const struct director_bpf_event *event);
	void (*on_closed)(void *data, const struct director_bpf_closed *closed);
	void *data;
};

static int
on_event_record(void *context, void *record, size_t size)
{
	struct director_program *p = context;

	if (size >= sizeof(struct director_bpf_event))
		p->on_event(p->data, record);
	/* It counts as read, and the call ends. */
	return ++p->n_read == EVENTS_A_CALL ? -EAGAIN : 0;
}

static int
on_closed_record(void *context, void *record, size_t size)
{
	struct director_program *p = context;

	if (size >= sizeof(struct director_bpf_closed))
		p->on_closed(p->data, record);
	return 0;
}

static int
open_object(
    struct director_program *p, const struct director_program_options *options)
{
	LIBBPF_OPTS(bpf_object_open_opts, open, .object_name = "director",
	    .kernel_log_buf = p->log, .kernel_log_size = LOAD_LOG_BYTES);
	const void *object = options->object;
	size_t bytes = options->object_bytes;

	if (!object) {
		object = director_object_start;
		bytes = (size_t)(director_object_end - director_object_start);
	}
	p->object = bpf_object__open_mem(object, bytes, &open);
	if (!p->object)
		return -errno;
	p->ingress =
	    bpf_object__find_program_by_name(p->object, "director_ingress");
	return p->ingress ? 0 : -ENOENT;
}

static bool
pin_path(char path[static PATH_MAX], const char *pins, const char *name)
{
	return snprintf(path, PATH_MAX, "%s/%s", pins, name) < PATH_MAX;
}

/* Of whatever layout it may be: a key is read into ours. */
static bool
has_our_keys(int fd)
{
	struct bpf_map_info info = { 0 };
	uint32_t size = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &size) == 0 &&
	    info.key_size == sizeof(struct director_bpf_listen);
}

void
director_program_let_go(const char *pins)
{
	struct director_bpf_listen listen;
	char path[PATH_MAX];
	int fd;

	if (!pin_path(path, pins, map_names[SERVICES]))
		return;
	fd = bpf_obj_get(path);
	if (fd < 0)
		return;
	while (has_our_keys(fd) &&
	    bpf_map_get_next_key(fd, NULL, &listen) == 0 &&
	    bpf_map_delete_elem(fd, &listen) == 0)
		continue;
	(void)close(fd);
}

void
director_program_unpin(const char *pins)
{
	char path[PATH_MAX];

	director_program_let_go(pins);
	for (unsigned i = 0; i < MAPS; i++)
		if (pin_path(path, pins, map_names[i]))
			(void)unlink(path);
}

/* 0: there are none. */
static uint32_t
pinned_layout(const char *pins)
{
	struct director_bpf_control control = { 0 };
	const uint32_t only = 0;
	char path[PATH_MAX];
	int fd;

	if (!pin_path(path, pins, map_names[CONTROL]))
		return 0;
	fd = bpf_obj_get(path);
	if (fd < 0)
		return 0;
	if (bpf_map_lookup_elem(fd, &only, &control) != 0)
		control.layout = 0;
	(void)close(fd);
	return control.layout;
}

/* libbpf takes what is there, and keeps there what is not. */
static int
pin(struct bpf_map *map, const char *pins)
{
	char path[PATH_MAX];

	if (!pins)
		return 0;
	if (!pin_path(path, pins, bpf_map__name(map)))
		return -ENAMETOOLONG;
	return bpf_map__set_pin_path(map, path);
}

static int
load_object(struct director_program *p,
    const struct director_program_options *options, const char *pins)
{
	const uint32_t sizes[MAPS] = {
		[CONNS] = 2 * options->slots,
		[SLOTS] = options->slots,
		[SERVICES] = options->services,
		[EVENTS] = options->events_bytes,
		[CLOSED] = options->closed_bytes,
	};
	struct bpf_map *maps[MAPS];
	int e = 0;

	for (unsigned i = 0; e == 0 && i < MAPS; i++) {
		maps[i] = bpf_object__find_map_by_name(p->object, map_names[i]);
		if (!maps[i])
			e = -ENOENT;
		else if (sizes[i] != 0)
			e = bpf_map__set_max_entries(maps[i], sizes[i]);
		if (e == 0)
			e = pin(maps[i], pins);
	}
	if (e == 0)
		e = bpf_object__load(p->object);
	for (unsigned i = 0; e == 0 && i < MAPS; i++)
		p->maps[i] = bpf_map__fd(maps[i]);
	return e;
}

static size_t
whole_pages(size_t bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (bytes + page - 1) / page * page;
}

static int
map_memory(struct director_program *p, uint32_t slots)
{
	void *memory;

	p->slots_bytes = whole_pages(slots * sizeof(*p->slots));
	memory = mmap(NULL, p->slots_bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
	    p->maps[SLOTS], 0);
	if (memory == MAP_FAILED)
		return -errno;
	p->slots = memory;
	memory = mmap(NULL, whole_pages(sizeof(*p->control)),
	    PROT_READ | PROT_WRITE, MAP_SHARED, p->maps[CONTROL], 0);
	if (memory == MAP_FAILED)
		return -errno;
	p->control = memory;
	p->is_found = p->control->layout == DIRECTOR_BPF_LAYOUT;
	p->control->layout = DIRECTOR_BPF_LAYOUT;
	return 0;
}

static int
open_rings(struct director_program *p)
{
	p->events = ring_buffer__new(p->maps[EVENTS], on_event_record, p, NULL);
	if (!p->events)
		return -errno;
	p->closed =
	    ring_buffer__new(p->maps[CLOSED], on_closed_record, p, NULL);
	if (!p->closed)
		return -errno;
	p->n_cpus = libbpf_num_possible_cpus();
	if (p->n_cpus < 0)
		return p->n_cpus;
	p->per_cpu = calloc((size_t)p->n_cpus, sizeof(*p->per_cpu));
	return p->per_cpu ? 0 : -ENOMEM;
}

/* Maps of another layout are another program's yet: ours are beside them. */
static bool
is_theirs(const char *pins)
{
	const uint32_t layout = pinned_layout(pins);

	return layout != 0 && layout != DIRECTOR_BPF_LAYOUT;
}

bool
director_program_is_beside(const struct director_program *p)
{
	return !p->is_kept;
}

int
director_program_keep(struct director_program *p, const char *pins)
{
	char path[PATH_MAX];

	if (p->is_kept)
		return 0;
	director_program_unpin(pins);
	for (unsigned i = 0; i < MAPS; i++) {
		if (!pin_path(path, pins, map_names[i]))
			return -ENAMETOOLONG;
		if (bpf_obj_pin(p->maps[i], path) != 0)
			return -errno;
	}
	p->is_kept = true;
	return 0;
}

int
director_program_load(const struct director_program_options *options,
    struct director_program **ret_program)
{
	struct director_program *p = calloc(1, sizeof(*p));
	int e;

	if (!p)
		return -ENOMEM;
	p->on_event = options->on_event;
	p->on_closed = options->on_closed;
	p->data = options->data;
	if (options->why_bytes > 0)
		options->why[0] = '\0';
	/* What it would print is in `why`, and in what we return. */
	(void)libbpf_set_print(NULL);
	p->is_kept = options->pins && !is_theirs(options->pins);
	p->log = calloc(1, LOAD_LOG_BYTES);
	e = p->log ? open_object(p, options) : -ENOMEM;
	if (e == 0)
		e = load_object(p, options, p->is_kept ? options->pins : NULL);
	if (e == 0)
		e = map_memory(p, options->slots);
	if (e == 0)
		e = open_rings(p);
	if (e != 0) {
		load_log_tell(p->log, options->why, options->why_bytes);
		director_program_free(p);
		return e;
	}
	free(p->log);
	p->log = NULL;
	*ret_program = p;
	return 0;
}

void
director_program_free(struct director_program *p)
{
	if (!p)
		return;
	ring_buffer__free(p->events);
	ring_buffer__free(p->closed);
	if (p->slots)
		(void)munmap(p->slots, p->slots_bytes);
	if (p->control)
		(void)munmap(p->control, whole_pages(sizeof(*p->control)));
	bpf_object__close(p->object);
	free(p->per_cpu);
	free(p->log);
	free(p);
}

bool
director_program_is_found(const struct director_program *p)
{
	return p->is_found;
}

struct director_bpf_slot *
director_program_slots(struct director_program *p)
{
	return p->slots;
}

struct director_bpf_control *
director_program_control(struct director_program *p)
{
	return p->control;
}

int
director_program_put_entries(struct director_program *p,
    const struct director_bpf_key *keys, const uint64_t *entries, uint32_t n)
{
	LIBBPF_OPTS(bpf_map_batch_opts, any);

	if (n == 0)
		return 0;
	/* One is cheaper alone: a batch copies them first. */
	if (n == 1)
		return bpf_map_update_elem(
		    p->maps[CONNS], keys, entries, BPF_ANY);
	return bpf_map_update_batch(p->maps[CONNS], keys, entries, &n, &any);
}

int
director_program_delete_entries(
    struct director_program *p, const struct director_bpf_key *keys, uint32_t n)
{
	LIBBPF_OPTS(bpf_map_batch_opts, any);
	uint32_t at = 0;

	/* A batch ends at the first that is not there, and says how many it
	 * has done. */
	while (at < n) {
		uint32_t done = n - at;
		int e = bpf_map_delete_batch(
		    p->maps[CONNS], keys + at, &done, &any);

		if (e == 0)
			return 0;
		if (e != -ENOENT)
			return e;
		at += done + 1;
	}
	return 0;
}

int
director_program_find_entry(struct director_program *p,
    const struct director_bpf_key *key, uint64_t *ret_entry)
{
	return bpf_map_lookup_elem(p->maps[CONNS], key, ret_entry);
}

struct walk {
	struct director_bpf_key keys[ENTRIES_A_CALL];
	uint64_t entries[ENTRIES_A_CALL];
	uint32_t at; /* the kernel's place in the table */
};

/* The kernel gives whole buckets: one that does not fit is -ENOSPC. */
static int
walk_entries(struct director_program *p, struct walk *w,
    director_program_entry_fn *fn, void *arg)
{
	LIBBPF_OPTS(bpf_map_batch_opts, any);
	bool begun = false;
	int e = 0;

	while (e == 0) {
		uint32_t n = ENTRIES_A_CALL;

		e = bpf_map_lookup_batch(p->maps[CONNS], begun ? &w->at : NULL,
		    &w->at, w->keys, w->entries, &n, &any);
		if (e != 0 && e != -ENOENT)
			return e;
		begun = true;
		for (uint32_t i = 0; i < n; i++)
			if (!fn(arg, &w->keys[i], w->entries[i]))
				return 0;
	}
	return 0;
}

int
director_program_each_entry(
    struct director_program *p, director_program_entry_fn *fn, void *arg)
{
	struct walk *w = malloc(sizeof(*w));
	int e;

	if (!w)
		return -ENOMEM;
	e = walk_entries(p, w, fn, arg);
	free(w);
	return e;
}

static bool
is_among(const struct director_bpf_listen *l,
    const struct director_bpf_listen *listens, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (memcmp(&listens[i], l, sizeof(*l)) == 0)
			return true;
	return false;
}

/* From the first again after each that goes: its successor went along. */
int
director_program_keep_services(struct director_program *p,
    const struct director_bpf_listen *listens, uint32_t n)
{
	struct director_bpf_listen at, next;
	bool begun = false;

	while (bpf_map_get_next_key(
	           p->maps[SERVICES], begun ? &at : NULL, &next) == 0) {
		begun = is_among(&next, listens, n);
		if (begun)
			at = next;
		else if (bpf_map_delete_elem(p->maps[SERVICES], &next) != 0)
			return -errno;
	}
	return 0;
}

int
director_program_put_service(struct director_program *p,
    const struct director_bpf_listen *listen,
    const struct director_bpf_service *service)
{
	return bpf_map_update_elem(p->maps[SERVICES], listen, service, BPF_ANY);
}

int
director_program_delete_service(
    struct director_program *p, const struct director_bpf_listen *listen)
{
	int e = bpf_map_delete_elem(p->maps[SERVICES], listen);

	return e == -ENOENT ? 0 : e;
}

int
director_program_events_fd(const struct director_program *p)
{
	return ring_buffer__epoll_fd(p->events);
}

int
director_program_read_events(struct director_program *p)
{
	int e;

	p->n_read = 0;
	e = ring_buffer__consume(p->events);
	return e == -EAGAIN ? EVENTS_A_CALL : e;
}

int
director_program_read_closed(struct director_program *p)
{
	return ring_buffer__consume(p->closed);
}

int
director_program_count(
    struct director_program *p, uint64_t ret_counters[DIRECTOR_BPF_COUNTERS])
{
	for (uint32_t i = 0; i < DIRECTOR_BPF_COUNTERS; i++) {
		int e = bpf_map_lookup_elem(p->maps[COUNTERS], &i, p->per_cpu);

		if (e != 0)
			return e;
		ret_counters[i] = 0;
		for (int cpu = 0; cpu < p->n_cpus; cpu++)
			ret_counters[i] += p->per_cpu[cpu];
	}
	return 0;
}

int
director_program_attach(struct director_program *p, unsigned ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex,
	    .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, ours, .handle = TC_HANDLE,
	    .priority = TC_PRIORITY, .prog_fd = bpf_program__fd(p->ingress),
	    .flags = BPF_TC_F_REPLACE);
	int e = bpf_tc_hook_create(&hook);

	if (e != 0 && e != -EEXIST)
		return e;
	return bpf_tc_attach(&hook, &ours);
}

bool
director_program_is_attached(unsigned ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex,
	    .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(
	    bpf_tc_opts, ours, .handle = TC_HANDLE, .priority = TC_PRIORITY);

	/* It complains of each interface that has nothing. */
	(void)libbpf_set_print(NULL);
	return bpf_tc_query(&hook, &ours) == 0;
}

int
director_program_detach(struct director_program *p, unsigned ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex,
	    .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(
	    bpf_tc_opts, ours, .handle = TC_HANDLE, .priority = TC_PRIORITY);
	int e = bpf_tc_detach(&hook, &ours);

	(void)p;
	return e == -ENOENT ? 0 : e;
}

int
director_program_facts(
    struct director_program *p, struct director_program_facts *ret_facts)
{
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info);
	int fd = bpf_program__fd(p->ingress);
	int e = bpf_obj_get_info_by_fd(fd, &info, &size);

	if (e != 0)
		return e;
	*ret_facts = (struct director_program_facts){
		.fd = fd,
		.verified = info.verified_insns,
		.instructions =
		    info.xlated_prog_len / (uint32_t)sizeof(struct bpf_insn),
		.code_bytes = info.jited_prog_len,
	};
	return 0;
}
