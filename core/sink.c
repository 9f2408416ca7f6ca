#include "core/sink.h"

#include "core/fd.h"
#include "core/trusted_path.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* RFC 5424 s. 6.2.1, in the order of enum log_level. */
static const unsigned severities[] = { 3, 4, 5, 6, 7 };
static const char *const words[] = { "error", "warning", "notice", "info",
	"debug" };

/* The header of a line never takes more: time, role, pid, level. */
#define HEADER_MAX 256

static int
open_syslog(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	const struct timeval patience = { .tv_sec = 1 };
	CLEANUP(fd_close) int fd = -1;

	(void)snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return -errno;
	/* A stuck syslog daemon costs lines, not this thread for ever. */
	(void)setsockopt(
	    fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (connect(fd, (const struct sockaddr *)&un, sizeof(un)) == -1)
		return -errno;
	return fd_take(&fd);
}

static int
open_udp(const union addr *dest)
{
	CLEANUP(fd_close) int fd = -1;

	fd = socket(dest->sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return -errno;
	if (connect(fd, &dest->sa, addr_len(dest)) == -1)
		return -errno;
	return fd_take(&fd);
}

int
sink_open_file(const char *path)
{
	return trusted_path_open(path, TRUSTED_PATH_ANYBODYS,
	    O_WRONLY | O_CREAT | O_APPEND, 0640, NULL);
}

int
sink_share(const struct sink *s)
{
	return s->target == LOG_TARGET_FILE
	    ? fcntl(s->fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1)
	    : -1;
}

/* The number stays, so that the writer need not know. */
int
sink_replace(const struct sink *s, int fd)
{
	if (s->target != LOG_TARGET_FILE)
		return -EINVAL;
	return dup3(fd, s->fd, O_CLOEXEC) == -1 ? -errno : 0;
}

static int
open_target(const struct sink *s, const char *path)
{
	switch (s->target) {
	case LOG_TARGET_STDERR:
		return STDERR_FILENO;
	case LOG_TARGET_FILE:
		return sink_open_file(path);
	case LOG_TARGET_SYSLOG:
		return open_syslog(s->socket);
	case LOG_TARGET_UDP:
		return open_udp(&s->dest);
	}
	return -EINVAL;
}

bool
sink_is_journal(int fd)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char own[64];
	struct stat st;

	if (stream == NULL || fstat(fd, &st) == -1)
		return false;
	(void)snprintf(own, sizeof(own), "%ju:%ju", (uintmax_t)st.st_dev,
	    (uintmax_t)st.st_ino);
	return strcmp(stream, own) == 0;
}

int
sink_open(struct sink *s, const struct log_options *o)
{
	int fd;

	*s = (struct sink){ .target = o->target,
		.facility = o->facility,
		.role = o->role,
		.dest = o->dest,
		.pid = (int)getpid(),
		.second = -1,
		.fd = -1 };
	if (gethostname(s->host, sizeof(s->host) - 1) == -1)
		s->host[0] = '-';
	(void)snprintf(
	    s->process, sizeof(s->process), " %s[%d] ", s->role, s->pid);
	(void)snprintf(s->socket, sizeof(s->socket), "%s",
	    o->target == LOG_TARGET_SYSLOG && o->path != NULL ? o->path
	                                                      : "/dev/log");
	s->journal =
	    o->target == LOG_TARGET_STDERR && sink_is_journal(STDERR_FILENO);
	/* The zone's file may be out of reach once rights are dropped. */
	tzset();
	fd = o->file > 0 ? fcntl(o->file, F_DUPFD_CLOEXEC, STDERR_FILENO + 1)
	                 : open_target(s, o->path);
	if (fd == -1 && o->file > 0)
		return -errno;
	if (fd < 0 && o->target == LOG_TARGET_FILE)
		return fd;
	s->fd = fd < 0 ? -1 : fd;
	return 0;
}

void
sink_close(struct sink *s)
{
	if (s->target == LOG_TARGET_STDERR)
		s->fd = -1; /* not ours to close */
	fd_close(&s->fd);
}

/* A busy log has thousands of lines of one second: all but the digits. */
static const char *
time_text(struct sink *s, int64_t wall_ms)
{
	const unsigned ms = (unsigned)(wall_ms % 1000);
	char *digits;

	if (wall_ms / 1000 != s->second) {
		(void)wall_clock_format(wall_ms, s->time);
		s->second = wall_ms / 1000;
		return s->time;
	}
	digits = s->time + strlen(s->time) - sizeof("000Z") + 1;
	digits[0] = (char)('0' + ms / 100);
	digits[1] = (char)('0' + ms / 10 % 10);
	digits[2] = (char)('0' + ms % 10);
	return s->time;
}

/*
 * As syslog(3) does it, by the local time: a daemon takes whatever else comes
 * in here for a part of the message, and knows nobody's name.
 */
static const char *
local_time_text(struct sink *s, int64_t wall_ms)
{
	const time_t now = (time_t)(wall_ms / 1000);
	struct tm tm;

	if (wall_ms / 1000 != s->second) {
		(void)localtime_r(&now, &tm);
		(void)strftime(s->time, sizeof(s->time), "%b %e %T", &tm);
		s->second = wall_ms / 1000;
	}
	return s->time;
}

/*
 * Over the network RFC 5424 s. 6: <PRI>1 TIME HOST APP PROCID MSGID SD MSG. The
 * role is the MSGID, so that one program's processes can be told apart.
 */
static int
format_header(struct sink *s, enum log_level level, int64_t wall_ms,
    char line[static HEADER_MAX])
{
	const unsigned priority = s->facility * 8 + severities[level];

	if (s->target == LOG_TARGET_SYSLOG)
		return snprintf(line, HEADER_MAX,
		    "<%u>%s hapair[%d]: ", priority,
		    local_time_text(s, wall_ms), s->pid);
	return snprintf(line, HEADER_MAX, "<%u>1 %s %s hapair %d %s - ",
	    priority, time_text(s, wall_ms), s->host, s->pid, s->role);
}

static int
send_syslog(struct sink *s, enum log_level level, int64_t wall_ms,
    const char *text, size_t len)
{
	char line[HEADER_MAX + 1024];
	int n = format_header(s, level, wall_ms, line);

	if (n < 0 || n >= HEADER_MAX)
		return -EIO;
	if (len > sizeof(line) - (size_t)n)
		len = sizeof(line) - (size_t)n;
	memcpy(line + n, text, len);
	len += (size_t)n;
	/* The daemon may have been restarted since: once more, afresh. */
	for (int attempt = 0; attempt < 2; attempt++) {
		if (s->fd == -1)
			s->fd = open_target(s, NULL);
		if (s->fd < 0) {
			int e = s->fd;

			s->fd = -1;
			return e;
		}
		if (send(s->fd, line, len, MSG_NOSIGNAL) != -1)
			return 0;
		if (errno == EAGAIN || errno == EMSGSIZE)
			return -errno;
		if (s->target == LOG_TARGET_SYSLOG)
			fd_close(&s->fd);
	}
	return -ECONNREFUSED;
}

int
sink_write(struct sink *s, enum log_level level, int64_t wall_ms,
    const char *text, size_t len)
{
	char *p;
	int e;

	if (s->target == LOG_TARGET_SYSLOG || s->target == LOG_TARGET_UDP)
		return send_syslog(s, level, wall_ms, text, len);
	if (sizeof(s->batch) - s->batched < len + HEADER_MAX) {
		e = sink_flush(s);
		if (e < 0)
			return e;
	}
	/* By hand: a busy relay has one for each connection. */
	p = s->batch + s->batched;
	if (s->journal) { /* which has the time and the process itself */
		*p++ = '<';
		*p++ = (char)('0' + severities[level]);
		*p++ = '>';
	} else {
		p = stpcpy(stpcpy(p, time_text(s, wall_ms)), s->process);
		p = stpcpy(stpcpy(p, words[level]), ": ");
	}
	p = mempcpy(p, text, len);
	*p++ = '\n';
	s->batched = (size_t)(p - s->batch);
	return 0;
}

int
sink_flush(struct sink *s)
{
	int e = 0;

	if (s->batched > 0 && s->fd != -1)
		e = fd_write_all(s->fd, s->batch, s->batched);
	s->batched = 0;
	return e;
}
