#include "hapair/supervisor/secret_print.h"

#include "config/config.h"
#include "core/fd.h"
#include "core/secret.h"

#include <stdlib.h>
#include <string.h>

/* As much as a relay reads of one. */
#define FILE_MAX ((size_t)1024 * 1024)

/* What is known so far, and one file more. NULL: none is named. */
static void
add(const char *path, uint8_t print[static SECRET_PRINT_BYTES])
{
	uint8_t both[2 * SECRET_PRINT_BYTES] = { 0 };
	CLEANUP(fd_close) int fd = -1;
	char *bytes = NULL;
	size_t len = 0;

	if (path == NULL)
		return;
	fd = secret_open(path);
	if (fd >= 0 && fd_read_all(fd, FILE_MAX, &bytes, &len) == 0) {
		secret_hash(
		    bytes, len, both + SECRET_PRINT_BYTES, SECRET_PRINT_BYTES);
		secret_wipe(bytes, len);
		free(bytes);
	}
	memcpy(both, print, SECRET_PRINT_BYTES);
	secret_hash(both, sizeof(both), print, SECRET_PRINT_BYTES);
}

void
secret_print_take(
    const struct config *c, uint8_t ret_print[static SECRET_PRINT_BYTES])
{
	const char *password = NULL, *keytab = NULL;

	memset(ret_print, 0, SECRET_PRINT_BYTES);
	add(c->web.password_file, ret_print);
	for (size_t i = 0; i < c->n_services; i++)
		for (size_t k = 0; k < c->services[i].n_servers; k++) {
			const struct config_check *check =
			    &c->services[i].servers[k].check;

			/* Servers without one of their own share it. */
			if (check->password_file != password)
				add(check->password_file, ret_print);
			if (check->negotiate_keytab != keytab)
				add(check->negotiate_keytab, ret_print);
			password = check->password_file;
			keytab = check->negotiate_keytab;
		}
}
