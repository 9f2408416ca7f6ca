#include "core/log.h"

#include "core/fd.h"
#include "core/format.h"
#include "core/proc.h"
#include "core/ring.h"
#include "core/sink.h"
#include "core/wall_clock.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/*
 * How: a line is formatted into a slot of the ring by whoever logs, and the
 * writer thread, woken by a semaphore, brings it to the sink. The writer is
 * the only one that can be held up by a disk or a pipe.
 *
 * To wake it costs more than a line does. So lines that may come by the
 * thousand, one for each connection, wake it once: it lets more of them come
 * together, and writes all of them at once. Others do not wait for that.
 *
 * The sink is the writer's. Another one is put beside it, and it goes over
 * when it comes to that: one that is stuck is not waited for.
 */

/* How long lines come together. */
#define COLLECT_MS 20

/* How long log_close() waits for a writer that is stuck in its sink. */
#define CLOSE_PATIENCE_MS 500

static struct {
	atomic_bool running;
	atomic_bool ending;
	atomic_bool asleep; /* the writer: the next line is to wake it */
	atomic_int level;
	atomic_ulong dropped;
	sem_t wake;
	bool started; /* the writer */
	pthread_t writer;
	struct ring ring;
	struct sink sink;
	pthread_mutex_t changes; /* which sink; and `next` */
	struct sink *next;       /* NULL: the writer has it */
} logger = { .level = LOG_LEVEL_INFO, .changes = PTHREAD_MUTEX_INITIALIZER };

/* Tells of lines lost, once there is room again to tell anything. */
static void
tell_dropped(unsigned long *told)
{
	unsigned long dropped = atomic_load(&logger.dropped);
	char text[80];
	int n;

	if (dropped == *told)
		return;
	n = snprintf(text, sizeof(text), "log: [log] %lu lines dropped",
	    dropped - *told);
	if (sink_write(&logger.sink, LOG_LEVEL_WARNING, wall_clock_now_ms(),
	        text, (size_t)n) == 0)
		*told = dropped;
}

static void
drain(unsigned long *told)
{
	struct ring_line *line;

	while ((line = ring_peek(&logger.ring)) != NULL) {
		if (sink_write(&logger.sink, (enum log_level)line->level,
		        line->wall_ms, line->text, line->len) < 0)
			atomic_fetch_add(&logger.dropped, 1);
		ring_release(&logger.ring);
		tell_dropped(told);
	}
	if (sink_flush(&logger.sink) < 0)
		atomic_fetch_add(&logger.dropped, 1);
}

static struct sink *
put_next(struct sink *next)
{
	struct sink *before;

	(void)pthread_mutex_lock(&logger.changes);
	before = logger.next;
	logger.next = next;
	(void)pthread_mutex_unlock(&logger.changes);
	return before;
}

static void
drop(struct sink *s)
{
	if (s == NULL)
		return;
	sink_close(s);
	free(s);
}

/* All that was logged before has gone to the old one. */
static void
go_over(void)
{
	struct sink *next;

	(void)pthread_mutex_lock(&logger.changes);
	next = logger.next;
	if (next != NULL) {
		sink_close(&logger.sink);
		logger.sink = *next;
		logger.next = NULL;
	}
	(void)pthread_mutex_unlock(&logger.changes);
	free(next);
}

/* From its sleep; and where it is urgent, also while lines come together. */
static void
wake(bool urgent)
{
	/*
	 * An exchange on both sides: either this one finds that the writer
	 * sleeps, or the writer, before it does, finds the line.
	 */
	if (atomic_exchange(&logger.asleep, false))
		(void)sem_post(&logger.wake);
	if (urgent)
		(void)sem_post(&logger.wake);
}

static void
sleep_until_woken(void)
{
	(void)atomic_exchange(&logger.asleep, true);
	if (ring_peek(&logger.ring) != NULL)
		wake(false);
	while (sem_wait(&logger.wake) == -1 && errno == EINTR)
		continue;
}

static void
let_lines_come_together(void)
{
	struct timespec until;

	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += COLLECT_MS * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000L;
	}
	while (sem_clockwait(&logger.wake, CLOCK_MONOTONIC, &until) == -1 &&
	    errno == EINTR)
		continue;
}

static void *
writer_main(void *unused)
{
	unsigned long told = 0;
	bool ending;

	(void)unused;
	do {
		sleep_until_woken();
		let_lines_come_together();
		/*
		 * Asked before draining: what was logged until then goes out.
		 */
		ending = atomic_load(&logger.ending);
		drain(&told);
		go_over();
	} while (!ending);
	return NULL;
}

int
log_open(const struct log_options *options)
{
	int e = sink_open(&logger.sink, options);

	if (e < 0)
		return e;
	ring_init(&logger.ring);
	atomic_store(&logger.ending, false);
	atomic_store(&logger.asleep, false);
	atomic_store(&logger.level, (int)options->level);
	if (sem_init(&logger.wake, 0, 0) == -1)
		return -errno;
	atomic_store(&logger.running, true);
	return 0;
}

int
log_start(void)
{
	int e;

	if (logger.started || !atomic_load(&logger.running))
		return 0;
	e = proc_start_thread(&logger.writer, 0, writer_main, NULL);
	logger.started = e == 0;
	return e;
}

void
log_close(void)
{
	unsigned long told = 0;
	struct timespec until;

	if (!atomic_exchange(&logger.running, false))
		return;
	if (!logger.started) { /* what was to be its first lines */
		drain(&told);
		go_over();
		sink_close(&logger.sink);
		return;
	}
	logger.started = false;
	atomic_store(&logger.ending, true);
	wake(true);
	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += CLOSE_PATIENCE_MS * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000L;
	}
	/* A writer that is stuck keeps its sink; the process ends anyway. */
	if (pthread_timedjoin_np(logger.writer, NULL, &until) == 0)
		sink_close(&logger.sink);
	else
		(void)pthread_detach(logger.writer);
}

int
log_switch(const struct log_options *options)
{
	struct sink *next;
	int e;

	if (!atomic_load(&logger.running))
		return -EINVAL;
	next = malloc(sizeof(*next));
	if (next == NULL)
		return -ENOMEM;
	e = sink_open(next, options);
	if (e < 0) {
		free(next);
		return e;
	}
	atomic_store(&logger.level, (int)options->level);
	drop(put_next(next));
	wake(true);
	return 0;
}

static int
replace(int fd)
{
	int e;

	if (!atomic_load(&logger.running))
		return -EINVAL;
	(void)pthread_mutex_lock(&logger.changes);
	e = sink_replace(logger.next != NULL ? logger.next : &logger.sink, fd);
	(void)pthread_mutex_unlock(&logger.changes);
	return e;
}

void
log_take(int fd)
{
	(void)!replace(fd);
}

int
log_share(void)
{
	int fd;

	if (!atomic_load(&logger.running))
		return -1;
	(void)pthread_mutex_lock(&logger.changes);
	fd = sink_share(logger.next != NULL ? logger.next : &logger.sink);
	(void)pthread_mutex_unlock(&logger.changes);
	return fd;
}

int
log_reopen(const char *path)
{
	CLEANUP(fd_close) int fd = -1;
	int e = sink_open_file(path);

	if (e < 0)
		return e;
	fd = e;
	e = replace(fd);
	return e < 0 ? e : fd_take(&fd);
}

const char *
log_mark(enum log_level level)
{
	static const char *const marks[] = { "<3>", "<4>", "<5>", "<6>",
		"<7>" };

	return sink_is_journal(STDERR_FILENO) ? marks[level] : "";
}

uint64_t
log_dropped(void)
{
	return atomic_load(&logger.dropped);
}

bool
log_is_on(enum log_level level)
{
	return (int)level <=
	    atomic_load_explicit(&logger.level, memory_order_relaxed);
}

/* None of these 8 characters is a control, nor DEL; by all bytes at a time. */
static bool
are_plain(const char *text)
{
	const uint64_t each = UINT64_C(0x0101010101010101);
	uint64_t x, y;

	memcpy(&x, text, sizeof(x));
	y = x ^ each * 0x7f;
	return ((((x - each * ' ') & ~x) | ((y - each) & ~y)) & each * 0x80) ==
	    0;
}

/* Foreign text must not forge a line or talk to a terminal. */
static unsigned
disarm(char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		while (len - i >= sizeof(uint64_t) && are_plain(text + i))
			i += sizeof(uint64_t);
		if (i < len &&
		    ((unsigned char)text[i] < ' ' || text[i] == 0x7f))
			text[i] = '?';
	}
	return (unsigned)len;
}

PRINTF_LIKE(3, 0)
static unsigned
format_line(char text[static RING_LINE_MAX], const char *subject,
    const char *format, va_list args)
{
	size_t len = strnlen(subject, RING_LINE_MAX / 2);
	int n;

	memcpy(text, subject, len);
	memcpy(text + len, ": ", 2);
	len += 2;
	n = format_text(text + len, RING_LINE_MAX - len, format, args);
	if (n < 0)
		n = vsnprintf(text + len, RING_LINE_MAX - len, format, args);
	if (n > 0)
		len += (size_t)n;
	if (len >= RING_LINE_MAX)
		len = RING_LINE_MAX - 1;
	return disarm(text, len);
}

PRINTF_LIKE(3, 0)
static void
write_line(
    enum log_level level, const char *subject, const char *format, va_list args)
{
	struct ring_line *line;

	if (!log_is_on(level))
		return;
	if (!atomic_load_explicit(&logger.running, memory_order_relaxed)) {
		char text[RING_LINE_MAX];
		const unsigned len = format_line(text, subject, format, args);

		(void)fprintf(stderr, "%shapair: %.*s\n", log_mark(level),
		    (int)len, text);
		return;
	}
	line = ring_claim(&logger.ring);
	if (line == NULL) {
		atomic_fetch_add(&logger.dropped, 1);
		return;
	}
	line->level = (int)level;
	line->wall_ms = wall_clock_now_ms();
	line->len = format_line(line->text, subject, format, args);
	ring_publish(line);
	wake(level <= LOG_LEVEL_NOTICE || ring_is_mark(&logger.ring, line));
}

void
log_line(enum log_level level, const char *subject, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	write_line(level, subject, format, args);
	va_end(args);
}
