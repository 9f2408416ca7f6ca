#include "hapair/supervisor/key_keeper.h"

#include "core/buf.h"
#include "core/channel.h"
#include "core/msg.h"
#include "hapair/supervisor/child_setup.h"

#include <errno.h>
#include <unistd.h>

int
key_keeper_open(struct key_keeper *k, const char *path)
{
	int e = vault_open(&k->vault, sizeof(*k->keys));

	if (e < 0)
		return e;
	k->keys = (struct secret_keys *)(void *)k->vault.bytes;
	e = secret_load(path, k->keys);
	if (e < 0)
		key_keeper_close(k);
	return e;
}

int
key_keeper_adopt(struct key_keeper *k, int file)
{
	uint8_t body[1 + sizeof(k->keys->all)] = { 0 };
	const ssize_t n = pread(file, body, sizeof(body), 0);
	struct buf b = buf_reader(body, n > 0 ? (size_t)n : 0);
	int e = vault_open(&k->vault, sizeof(*k->keys));

	if (e == 0) {
		k->keys = (struct secret_keys *)(void *)k->vault.bytes;
		e = msg_get_keys(&b, k->keys);
	}
	secret_wipe(body, sizeof(body));
	if (pwrite(file, body, sizeof(body), 0) == -1 && e == 0)
		e = -errno;
	if (e < 0)
		key_keeper_close(k);
	return e;
}

void
key_keeper_close(struct key_keeper *k)
{
	vault_close(&k->vault);
	k->keys = NULL;
}

void
key_keeper_hand_over(const struct key_keeper *k, struct child *failover)
{
	if (k->keys != NULL)
		child_setup_keys(failover, k->keys, -1);
}

int
key_keeper_take(struct key_keeper *k, struct channel_packet *p)
{
	struct buf b = buf_reader(p->body, p->len);
	struct secret_keys taken;
	int e = msg_get_keys(&b, &taken);

	secret_wipe(p->body, sizeof(p->body));
	if (e == 0 && k->keys == NULL)
		e = -EBADMSG;
	if (e == 0)
		*k->keys = taken;
	secret_wipe(&taken, sizeof(taken));
	return e;
}
