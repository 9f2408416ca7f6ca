#include "config/load.h"

#include "config/kernel_fit.h"
#include "config/keys.h"
#include "config/print.h"
#include "config/rules/rules.h"
#include "config/schema/foreign_words.h"
#include "config/schema/schema.h"
#include "config/yaml/diag.h"
#include "config/yaml/tree.h"
#include "core/fd.h"
#include "core/secret.h"
#include "core/trusted_path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Editors of another system put it first; it says nothing of the content. */
#define BYTE_ORDER_MARK "\xef\xbb\xbf"

static const struct diag_place whole_file = { .line = 0 };

static int
open_regular(const char *path, struct diag *diag, int *ret_fd)
{
	CLEANUP(fd_close) int fd = -1;
	struct stat st;

	/* Not to wait for the writer of a pipe, only to refuse it. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd == -1 || fstat(fd, &st) == -1) {
		const int error = errno;

		diag_error(
		    diag, &whole_file, "cannot be read: %s", strerror(error));
		return -error;
	}
	if (!S_ISREG(st.st_mode))
		return diag_error(diag, &whole_file, "is not a regular file");
	*ret_fd = fd_take(&fd);
	return 0;
}

static int
open_trusted(const char *path, struct diag *diag, int *ret_fd)
{
	char why[TRUSTED_PATH_WHY_MAX];
	const int fd =
	    trusted_path_open(path, TRUSTED_PATH_ROOTS, O_RDONLY, 0, why);

	if (fd < 0) {
		diag_error(diag, &whole_file, "%s%s",
		    fd == -EPERM || fd == -EINVAL ? "" : "cannot be read: ",
		    why);
		return fd;
	}
	*ret_fd = fd;
	return 0;
}

int
load_read(const char *path, bool obeyed, struct diag *diag, char **ret_text,
    size_t *ret_len)
{
	CLEANUP(fd_close) int fd = -1;
	int e = diag_start(diag, path, NULL, 0);

	if (e == 0)
		e = obeyed ? open_trusted(path, diag, &fd)
		           : open_regular(path, diag, &fd);
	if (e < 0)
		return e;
	e = fd_read_all(fd, LOAD_FILE_MAX, ret_text, ret_len);
	if (e == -EFBIG)
		diag_error(diag, &whole_file,
		    "is too large; expected at most %d bytes", LOAD_FILE_MAX);
	else if (e < 0)
		diag_error(
		    diag, &whole_file, "cannot be read: %s", strerror(-e));
	return e;
}

static int
fill(const struct tree *tree, struct diag *diag, struct config *c)
{
	const struct tree_node *root = tree_root(tree);
	struct schema s = { .diag = diag, .memory = &c->memory };
	int e = 0;

	if (root == NULL || root->type != TREE_MAP) {
		diag_error(diag, root == NULL ? &whole_file : &root->at,
		    "%s; expected the keys 'pair' and 'services', or one of "
		    "them",
		    root == NULL ? "nothing is configured"
		                 : "the file is not a map of keys");
		return 0;
	}
	schema_fill(&s, &keys_file, root, c);
	if (!s.out_of_memory) {
		source_marks_sort(&s.marks);
		kernel_fit_settle(c, diag_count(diag) == 0);
		e = rules_check(c, &s.marks, diag);
	}
	if (!c->has_pair && c->n_services == 0 && diag_count(diag) == 0)
		diag_error(diag, &root->at,
		    "there is neither a pair nor a service; expected 'pair' "
		    "or 'services', or both");
	if (s.out_of_memory)
		e = -ENOMEM;
	schema_fini(&s);
	return e;
}

/* What follows from several keys together. */
static void
conclude(struct config *c)
{
	for (size_t i = 0; i < c->n_services; i++) {
		struct config_service *s = &c->services[i];

		s->shares_source =
		    s->has_source && config_is_kernel_source(c, &s->source);
	}
}

/*
 * Two nodes compare it: so of what the file means, not of how it is written.
 * And while one is upgraded before the other, they have not the same keys.
 */
static int
hash(struct config *c)
{
	CLEANUP(free_str) char *text = NULL;
	size_t len;
	int e = secret_init();

	if (e == 0)
		e = print_brief(c, &text, &len);
	if (e == 0)
		secret_hash(text, len, c->hash, sizeof(c->hash));
	return e;
}

/* A whole file of another program is one mistake, not hundreds. */
static int
refuse_foreign(const char *text, size_t len, struct diag *diag)
{
	struct diag_place at = { .column = 1, .end_column = 2 };
	const char *program = foreign_words_file(text, len, &at.line);

	if (program == NULL)
		return 0;
	at.end_line = at.line;
	return diag_error(diag, &at,
	    "this looks like %s's configuration; hapair has a file of its own in YAML, and `hapair import` makes one of it",
	    program);
}

int
load_text(const char *name, const char *text, size_t len, struct diag *diag,
    struct config **ret_config)
{
	CLEANUP(tree_free_at) struct tree *tree = NULL;
	CLEANUP(config_free_at) struct config *c = NULL;
	CLEANUP(diag_free_at) struct diag *own = NULL;
	int e;

	/* Mistakes are counted there, so there is always one. */
	if (diag == NULL)
		diag = own = diag_new();
	if (diag == NULL)
		return -ENOMEM;
	if (len >= 3 && memcmp(text, BYTE_ORDER_MARK, 3) == 0) {
		text += 3;
		len -= 3;
	}
	e = diag_start(diag, name, text, len);
	if (e == 0)
		e = refuse_foreign(text, len, diag);
	if (e == 0)
		e = tree_parse(text, len, diag, &tree);
	if (e < 0)
		return e;
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return -ENOMEM;
	e = fill(tree, diag, c);
	if (e == 0 && diag_count(diag) > 0)
		e = -EINVAL;
	if (e == 0)
		e = hash(c);
	if (e < 0)
		return e;
	conclude(c);
	*ret_config = c;
	c = NULL;
	return 0;
}

int
load_fd(const char *name, int fd, struct config **ret_config)
{
	CLEANUP(free_str) char *text = NULL;
	size_t len;
	const int e = fd_read_all(fd, LOAD_FILE_MAX, &text, &len);

	return e < 0 ? e : load_text(name, text, len, NULL, ret_config);
}
