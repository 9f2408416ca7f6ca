#include "proxy/web/web_auth.h"

#include "core/secret.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SCHEME "basic"

int
web_auth_init(struct web_auth *a, const char *user, const char *password)
{
	char *text = NULL, *base64;
	int len;

	*a = (struct web_auth){ .wanted = true };
	if (password == NULL)
		return 0;
	len = asprintf(&text, "%s:%s", user, password);
	if (len < 0)
		return -ENOMEM;
	base64 = secret_base64(text, (size_t)len);
	secret_wipe(text, (size_t)len);
	free(text);
	if (base64 == NULL)
		return -ENOMEM;
	a->len = strlen(base64);
	if (a->len < sizeof(a->right))
		memcpy(a->right, base64, a->len);
	secret_wipe(base64, a->len);
	free(base64);
	if (a->len < sizeof(a->right))
		return 0;
	a->len = 0;
	return -EMSGSIZE;
}

void
web_auth_fini(struct web_auth *a)
{
	secret_wipe(a, sizeof(*a));
}

/* What is told by its length is how long a wrong one was. */
bool
web_auth_is_right(const struct web_auth *a, const char *header)
{
	char said[WEB_AUTH_MAX] = "";
	size_t len;
	bool same;

	if (!a->wanted)
		return true;
	if (header == NULL || strncasecmp(header, SCHEME, strlen(SCHEME)) != 0)
		return false;
	header += strlen(SCHEME);
	if (*header != ' ')
		return false;
	header += strspn(header, " ");
	len = strlen(header);
	while (len > 0 && header[len - 1] == ' ')
		len--;
	if (len == 0 || len >= sizeof(said))
		return false;
	memcpy(said, header, len);
	same = secret_is_same(said, a->right, sizeof(said));
	secret_wipe(said, sizeof(said));
	return same && a->len > 0;
}
