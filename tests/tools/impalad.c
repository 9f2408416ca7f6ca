/*
 * What of an impalad a Kerberos client sees: a SASL/GSSAPI acceptor on Cyrus
 * SASL, as impalad's own, with Thrift's framing around it.
 *
 *   impalad PORT SERVICE/HOST@REALM NAME
 *
 * It is bound to that one principal, whatever else KRB5_KTNAME holds. After the
 * login each frame is answered by one that says NAME and who the client is. Why
 * a login failed goes to stderr. IPv4 and IPv6, a process for each connection.
 */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <sasl/sasl.h>

#define MESSAGE_MAX 65536

/* TSaslTransport.h */
enum status {
	START = 1,
	OK = 2,
	BAD = 3,
	COMPLETE = 5
};

struct message {
	uint8_t status;
	uint32_t len;
	char body[MESSAGE_MAX + 1];
};

static int
read_all(int fd, void *bytes, size_t len)
{
	/* Linux waits for a byte even where none is wanted. */
	if (len == 0)
		return 0;
	return recv(fd, bytes, len, MSG_WAITALL) == (ssize_t)len ? 0 : -1;
}

static int
send_all(int fd, const void *bytes, size_t len)
{
	return send(fd, bytes, len, MSG_NOSIGNAL) == (ssize_t)len ? 0 : -1;
}

static int
read_message(int fd, struct message *m)
{
	if (read_all(fd, &m->status, 1) < 0 || read_all(fd, &m->len, 4) < 0)
		return -1;
	m->len = ntohl(m->len);
	if (m->len > MESSAGE_MAX || read_all(fd, m->body, m->len) < 0)
		return -1;
	m->body[m->len] = '\0';
	return 0;
}

static int
send_message(int fd, enum status status, const char *body, unsigned len)
{
	char bytes[5 + MESSAGE_MAX] = { (char)status };
	const uint32_t wire_len = htonl(len);

	if (len > MESSAGE_MAX)
		return -1;
	memcpy(bytes + 1, &wire_len, 4);
	if (len > 0)
		memcpy(bytes + 5, body, len);
	return send_all(fd, bytes, 5 + len);
}

static int
refuse(int fd, sasl_conn_t *conn)
{
	const char *why = sasl_errdetail(conn);

	(void)send_message(fd, BAD, why, (unsigned)strlen(why));
	return -1;
}

static int
log_in(int fd, sasl_conn_t *conn)
{
	static struct message m;
	char mechanism[64];
	const char *out;
	unsigned len;
	int r;

	if (read_message(fd, &m) < 0 || m.status != START ||
	    m.len >= sizeof(mechanism))
		return -1;
	memcpy(mechanism, m.body, m.len + 1);
	if (read_message(fd, &m) < 0)
		return -1;
	r = sasl_server_start(conn, mechanism, m.body, m.len, &out, &len);
	while (r == SASL_CONTINUE) {
		if (send_message(fd, OK, out, len) < 0 ||
		    read_message(fd, &m) < 0)
			return -1;
		r = sasl_server_step(conn, m.body, m.len, &out, &len);
	}
	if (r != SASL_OK)
		return refuse(fd, conn);
	return send_message(fd, COMPLETE, out, len);
}

static void
serve(int fd, const char *service, const char *host, const char *name)
{
	const sasl_security_properties_t plain = { .maxbufsize = 65536 };
	static struct message m;
	sasl_conn_t *conn;
	const void *user = "";
	char said[256];

	if (sasl_server_new(service, host, NULL, NULL, NULL, NULL, 0, &conn) !=
	        SASL_OK ||
	    sasl_setprop(conn, SASL_SEC_PROPS, &plain) != SASL_OK ||
	    log_in(fd, conn) < 0)
		return;
	(void)sasl_getprop(conn, SASL_USERNAME, &user);
	(void)snprintf(said, sizeof(said), "%s %s", name, (const char *)user);
	while (read_all(fd, &m.len, 4) == 0 && ntohl(m.len) <= MESSAGE_MAX &&
	    read_all(fd, m.body, ntohl(m.len)) == 0) {
		const uint32_t len = htonl((uint32_t)strlen(said));

		if (send_all(fd, &len, 4) < 0 ||
		    send_all(fd, said, strlen(said)) < 0)
			return;
	}
}

/*
 * A client may ask to be whom its ticket names, with the realm, which Cyrus has
 * taken off on our side.
 */
static int
may_be(sasl_conn_t *conn, void *context, const char *requested,
    unsigned requested_len, const char *proven, unsigned proven_len,
    const char *realm, unsigned realm_len, struct propctx *properties)
{
	(void)conn;
	(void)context;
	(void)realm;
	(void)realm_len;
	(void)properties;
	if (requested_len >= proven_len &&
	    memcmp(requested, proven, proven_len) == 0 &&
	    (requested_len == proven_len || requested[proven_len] == '@'))
		return SASL_OK;
	return SASL_BADAUTH;
}

static int
say(void *context, int level, const char *message)
{
	(void)context;
	if (level <= SASL_LOG_FAIL)
		(void)fprintf(stderr,
		    "SASL message (Kerberos (external)): %s\n", message);
	return SASL_OK;
}

static int
listen_on(uint16_t port)
{
	const struct sockaddr_in6 any = { .sin6_family = AF_INET6,
		.sin6_port = htons(port) };
	const int on = 1;
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd == -1 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1 ||
	    bind(fd, (const struct sockaddr *)&any, sizeof(any)) == -1 ||
	    listen(fd, 128) == -1)
		return -1;
	return fd;
}

int
main(int argc, char **argv)
{
	char *host = argc == 4 ? strchr(argv[2], '/') : NULL;
	char *realm = host != NULL ? strchr(host, '@') : NULL;
	int fd = argc == 4 ? listen_on((uint16_t)atoi(argv[1])) : -1;
	const sasl_callback_t callbacks[] = {
		{ SASL_CB_PROXY_POLICY, (int (*)(void))(uintptr_t)may_be,
		    NULL },
		{ SASL_CB_LOG, (int (*)(void))(uintptr_t)say, NULL },
		{ SASL_CB_LIST_END, NULL, NULL },
	};

	if (realm == NULL || fd == -1 ||
	    sasl_server_init(callbacks, "impala") != SASL_OK) {
		(void)fprintf(stderr, "impalad: cannot serve\n");
		return 1;
	}
	*host++ = '\0';
	*realm = '\0';
	(void)signal(SIGCHLD, SIG_IGN);
	for (;;) {
		int client = accept(fd, NULL, NULL);

		if (client == -1)
			continue;
		if (fork() == 0) {
			serve(client, argv[2], host, argv[3]);
			_exit(0);
		}
		(void)close(client);
	}
}
