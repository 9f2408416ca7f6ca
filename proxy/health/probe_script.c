#include "proxy/health/probe_script.h"

#include "core/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* All of it, so that nobody waits for us to read; but the start is kept. */
static void
read_output(struct probe_script *a)
{
	char scratch[4096];
	ssize_t n = read(a->output, scratch, sizeof(scratch));
	size_t fits = sizeof(a->line) - a->len;

	if (n == 0)
		ev_io_stop(a->loop, &a->readable);
	if (n <= 0)
		return;
	if ((size_t)n < fits)
		fits = (size_t)n;
	memcpy(a->line + a->len, scratch, fits);
	a->len += fits;
}

static void
on_readable(struct ev_loop *loop, ev_io *io, int revents)
{
	read_output(CONTAINER_OF(io, struct probe_script, readable));
}

static void
close_output(struct probe_script *a)
{
	ev_io_stop(a->loop, &a->readable);
	fd_close(&a->output);
}

static void
answer(struct probe_script *a, const char *fault)
{
	struct probe_judge_answer said = { .result = HEALTH_PASSED };

	read_output(a);
	close_output(a);
	probe_judge_quote(a->line, a->len, said.detail);
	if (fault != NULL)
		said.result = HEALTH_FAILED;
	if (said.detail[0] == '\0')
		probe_judge_say(&said, said.result, "%s",
		    fault != NULL ? fault : "status 0");
	a->on_answer(a->arg, &said);
}

static void
on_overdue(struct program *p)
{
	(void)p; /* its end is told next */
}

static void
on_end(struct program *p, const char *fault)
{
	struct probe_script *a = CONTAINER_OF(p, struct probe_script, program);

	answer(a, fault);
}

void
probe_script_init(struct probe_script *a)
{
	static const struct program_calls calls = { .on_overdue = on_overdue,
		.on_end = on_end };

	program_init(&a->program, &calls);
	a->output = -1;
	ev_init(&a->readable, on_readable);
}

static void
lack(struct probe_script *a, int error)
{
	struct probe_judge_answer said = { .is_void = true };

	close_output(a);
	probe_judge_say(
	    &said, HEALTH_FAILED, "cannot be run: %s", strerror(error));
	a->on_answer(a->arg, &said);
}

void
probe_script_start(
    struct probe_script *a, const union addr *to, uint32_t timeout_ms)
{
	char ip[ADDR_TEXT_MAX], port[8];
	const char *const argv[] = { a->path, a->service, a->server, ip, port,
		NULL };
	int ends[2];
	int e;

	a->len = 0;
	(void)addr_format_ip(to, ip);
	(void)snprintf(port, sizeof(port), "%u", addr_port(to));
	if (pipe2(ends, O_CLOEXEC) == -1) {
		lack(a, errno);
		return;
	}
	a->output = ends[0];
	a->program.output = ends[1];
	e = fd_set_nonblock(a->output);
	if (e == 0)
		e = program_start(&a->program, argv, timeout_ms, true);
	fd_close(&ends[1]);
	a->program.output = -1;
	if (e < 0) {
		lack(a, -e);
		return;
	}
	ev_io_set(&a->readable, a->output, EV_READ);
	ev_io_start(a->loop, &a->readable);
}

void
probe_script_stop(struct probe_script *a)
{
	program_fini(&a->program, true);
	close_output(a);
}
