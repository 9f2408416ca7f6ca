#pragma once

/*
 * From a file to a struct config: read, parsed, filled, checked. Never acts on
 * the machine and knows nothing of it: the same text loads alike on both nodes
 * and in every process.
 */

#include "config/config.h"

struct diag;

/* A file larger than this is refused before it is parsed. */
#define LOAD_FILE_MAX (1024 * 1024)

/*
 * Reads a file's text: at most LOAD_FILE_MAX bytes, a regular file. `obeyed`:
 * it is refused, with -EPERM, where others can write it (TRUSTED_PATH_ROOTS).
 * On failure the reason is in `diag`. Returns 0 or -errno; the caller frees the
 * text.
 */
MUST_CHECK int load_read(const char *path, bool obeyed, struct diag *diag,
    char **ret_text, size_t *ret_len);

/*
 * Text to configuration. Every mistake found goes to `diag`, as many as there
 * are. Returns 0, -EINVAL where there is a mistake (see diag), -ENOMEM, or -EIO
 * (see secret_init). `name` is what messages call the file; `diag` may be NULL.
 * The caller config_free()s.
 */
MUST_CHECK int load_text(const char *name, const char *text, size_t len,
    struct diag *diag, struct config **ret_config);

/*
 * The same of a role's descriptor, whose text the supervisor has checked: from
 * its beginning, without a word of what is wrong.
 */
MUST_CHECK int load_fd(const char *name, int fd, struct config **ret_config);
