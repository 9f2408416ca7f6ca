#include "hapair/supervisor/reload.h"

#include "config/load.h"
#include "core/reply.h"
#include "core/secret.h"
#include "core/trusted_path.h"
#include "hapair/supervisor/child_setup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define TEXT_MAX 1024

/* What is in the way of a reload; NULL: nothing. */
static const char *
find_fault(
    const struct config *running, const char *path, char buf[static TEXT_MAX])
{
	char why[TRUSTED_PATH_WHY_MAX];
	CLEANUP(free_str) char *text = NULL;
	struct config *c = NULL;
	size_t len;
	bool same;
	int e;

	e = load_read(path, true, NULL, &text, &len);
	if (e == -EPERM) {
		(void)snprintf(buf, TEXT_MAX,
		    "the configuration file %.250s: %s; nothing was changed",
		    path, trusted_path_fault(path, TRUSTED_PATH_ROOTS, e, why));
		return buf;
	}
	if (e < 0)
		return "the configuration file cannot be read; nothing was changed";
	if (load_text(path, text, len, NULL, &c) < 0)
		return "the configuration file has mistakes (`hapair check` shows them); nothing was changed";
	same = memcmp(c->hash, running->hash, sizeof(c->hash)) == 0;
	config_free(c);
	if (!same)
		return "the configuration file means something else than the one that runs, which needs a restart, one node after the other; nothing was changed";
	return running->has_pair ? NULL
	                         : "there is no pair, and so no key to read";
}

void
reload_obey(struct ev_loop *loop, const struct config *running,
    const char *path, struct child *failover, int *socket)
{
	char wrong[TEXT_MAX];
	const char *fault = find_fault(running, path, wrong);
	struct secret_keys keys;
	char text[TEXT_MAX], why[TRUSTED_PATH_WHY_MAX];
	int e;

	if (fault != NULL) {
		reply_error(loop, socket, fault);
		return;
	}
	e = secret_load(running->pair.key_file, &keys);
	if (e < 0) {
		(void)snprintf(text, sizeof(text),
		    "key file %.250s: %s; nothing was changed",
		    running->pair.key_file,
		    secret_fault(running->pair.key_file, e, why));
		reply_error(loop, socket, text);
		return;
	}
	child_setup_keys(failover, &keys, *socket);
	secret_wipe(&keys, sizeof(keys));
}
