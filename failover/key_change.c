#include "failover/key_change.h"

#include "core/buf.h"
#include "core/channel.h"
#include "core/json_doc.h"
#include "core/log.h"
#include "core/reply.h"
#include "core/secret.h"
#include "failover/role.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define TEXT_MAX 320
#define LIST_MAX (HELLO_KEYS_MAX * (SECRET_ID_TEXT + 1))

/* "9f2c01ab, 5511aa02" */
static const char *
list(const uint64_t keys[HELLO_KEYS_MAX], char text[static LIST_MAX])
{
	char one[SECRET_ID_TEXT];
	int len = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < HELLO_KEYS_MAX && keys[i] != 0; i++)
		len += snprintf(text + len, LIST_MAX - (size_t)len, "%s%s",
		    i > 0 ? ", " : "", secret_id_text(keys[i], one));
	return text;
}

static void
answer(struct role *role, int *socket, const char *text)
{
	CLEANUP(json_doc_free_at) struct json_doc *doc = json_doc_new();

	json_doc_put_string(doc, "text", text);
	reply_send(role->loop, socket, json_doc_text(doc, false));
}

static void
refuse(const struct role *role, const char *wanted, char text[static TEXT_MAX])
{
	const struct node *n = role_node(role);
	const bool heard = peer_is_alive(&n->peer, node_dead_ms(n), mono_now());
	const bool two = n->peer.keys[1] != 0;
	char taken[LIST_MAX];

	(void)snprintf(text, TEXT_MAX,
	    "the peer %stakes none of these keys (%s), but %s: keep %s as the second line of the key file until the peer has the new one, too; nothing was changed",
	    heard ? "" : "is silent, and as last heard ", wanted,
	    list(n->peer.keys, taken), two ? "one of these" : "that one");
}

/* Its processes are gone; when they are started it has what its file says. */
static bool
lacks_them(const struct peer *peer, const uint64_t keys[HELLO_KEYS_MAX])
{
	return peer->known && (peer->resigned || peer->ended) &&
	    !peer_takes(peer, keys);
}

/* Returns false where they are refused, with `text` to say why. */
static bool
change(struct role *role, const struct secret_keys *keys,
    char text[static TEXT_MAX])
{
	const struct peer *peer = &role_node(role)->peer;
	struct node_event ev = { .type = NODE_KEYS };
	char was[LIST_MAX], is[LIST_MAX];
	struct packet_auth auth =
	    packet_auth_init(keys, &role->self->address, &role->other->address);

	for (unsigned i = 0; i < auth.n; i++)
		ev.keys[i] = auth.keys[i].id;
	(void)list(ev.keys, is);
	if (peer_is_parted_by(peer, ev.keys)) {
		packet_auth_fini(&auth);
		refuse(role, is, text);
		return false;
	}
	(void)list(peer->config.keys, was);
	auth.signs = role->auth.signs;
	auth.hears = role->auth.hears;
	packet_auth_fini(&role->auth);
	role->auth = auth;
	secret_wipe(&auth, sizeof(auth));
	inbox_put(&role->inbox, &ev);
	log_notice("failover", "keys: %s -> %s", was, is);
	(void)snprintf(text, TEXT_MAX, "keys: %s -> %s%s%s", was, is,
	    strcmp(was, is) == 0 ? ", as they were" : "",
	    lacks_them(peer, ev.keys)
	        ? "; hapair was ended on the peer, and took none of them: put the same key file there before it is started"
	        : "");
	return true;
}

static int
begin_with(struct role *role, const struct secret_keys *keys, int socket)
{
	if (socket != -1 || role->other == NULL || role->auth.n > 0)
		return -EBADMSG;
	role->auth =
	    packet_auth_init(keys, &role->self->address, &role->other->address);
	return 0;
}

/* The message is what the supervisor is told, too: keep these. */
static int
replace(
    struct role *role, const struct secret_keys *keys, struct channel_packet *p)
{
	char text[TEXT_MAX];
	int e;

	if (role->other == NULL) {
		reply_error(role->loop, &p->fd, "there is no pair");
		return 0;
	}
	if (!change(role, keys, text)) {
		/* After a signal nobody reads the answer. */
		log_error("failover", "[reload] not reloaded: %s", text);
		reply_error(role->loop, &p->fd, text);
		return 0;
	}
	e = channel_send(role->supervisor, MSG_KEYS, p->body, p->len, -1);
	if (e == 0)
		answer(role, &p->fd, text);
	return e;
}

int
key_change_take(struct role *role, struct channel_packet *p)
{
	struct buf b = buf_reader(p->body, p->len);
	struct secret_keys keys;
	int e = msg_get_keys(&b, &keys);

	if (e == 0)
		e = role->begun ? replace(role, &keys, p)
		                : begin_with(role, &keys, p->fd);
	secret_wipe(p->body, sizeof(p->body));
	secret_wipe(&keys, sizeof(keys));
	return e;
}
