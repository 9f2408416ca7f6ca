#include "hapair/supervisor/child_setup.h"

#include "config/config.h"
#include "core/buf.h"
#include "core/fd.h"
#include "core/secret.h"
#include "hapair/supervisor/listeners.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

/*
 * Passed as it is, the file would be read by both roles at one shared offset:
 * each gets a description of its own.
 */
int
child_setup_start(struct child *role, const struct msg_start *m, int file)
{
	CLEANUP(fd_close) int own = -1;
	struct buf b = BUF_WRITER(MSG_PATH_MAX + 64);
	char path[32];

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	own = open(path, O_RDONLY | O_CLOEXEC);
	if (own == -1)
		return -errno;
	msg_put_start(&b, m);
	child_send(role, MSG_START, b.data, b.pos, own);
	return 0;
}

/* All that START does not count. */
static void
send_web(struct child *relay, const struct config_web *web, const int *fds)
{
	for (size_t i = 0; i < web->front.n_listens; i++)
		if (fds[i] != -1)
			child_send(relay, MSG_WEB_LISTENER, NULL, 0, fds[i]);
}

void
child_setup_listeners(
    struct child *relay, const struct config *c, const struct listeners *l)
{
	size_t next = 0;

	/* First: with the last of the others the relay begins. */
	if (c->has_web)
		send_web(
		    relay, &c->web, l->fds + l->n - c->web.front.n_listens);
	for (size_t i = 0; i < c->n_services; i++)
		for (size_t k = 0; k < c->services[i].n_listens; k++)
			for (unsigned w = 0; w < l->workers; w++) {
				const struct msg_listener m = {
					.service = (uint16_t)i,
					.listen = (uint16_t)k,
					.worker = (uint16_t)w,
				};
				struct buf b = BUF_WRITER(16);
				int fd = l->fds[next++];

				if (fd == -1)
					continue;
				msg_put_listener(&b, &m);
				child_send(
				    relay, MSG_LISTENER, b.data, b.pos, fd);
			}
}

void
child_setup_groups(struct child *failover, const struct msg_group *groups,
    const bool *known, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct buf b = BUF_WRITER(2 * MSG_TEXT_MAX + 64);

		if (!known[i])
			continue;
		msg_put_group(&b, &groups[i]);
		child_send(failover, MSG_GROUP, b.data, b.pos, -1);
	}
}

void
child_setup_keys(
    struct child *failover, const struct secret_keys *keys, int socket)
{
	uint8_t body[1 + sizeof(keys->all)];
	struct buf b = buf_writer(body, sizeof(body));

	msg_put_keys(&b, keys);
	child_send(failover, MSG_KEYS, body, b.pos, socket);
	secret_wipe(body, sizeof(body));
}

void
child_setup_request(struct child *role, const char *request, int socket)
{
	struct msg_control m = { .request = "" };
	struct buf b = BUF_WRITER(MSG_REQUEST_MAX + 8);

	strncpy(m.request, request, sizeof(m.request) - 1);
	msg_put_control(&b, &m);
	child_send(role, MSG_CONTROL, b.data, b.pos, socket);
}
