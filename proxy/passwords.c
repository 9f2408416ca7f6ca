#include "proxy/passwords.h"

#include "config/config.h"
#include "core/log.h"
#include "core/secret.h"
#include "proxy/drawer.h"

static const char *
path_of(const struct config_check *check)
{
	return check->password_file;
}

static bool
read_password(const char *path, void *value)
{
	int e = secret_load_line(path, value, SECRET_LINE_MAX);

	if (e < 0)
		log_error("check", "password file '%s': %s", path,
		    secret_line_fault(e));
	return e == 0;
}

static void
forget(void *value)
{
	secret_wipe(value, SECRET_LINE_MAX);
}

static const struct drawer_kind kind = {
	.path = path_of,
	.read = read_password,
	.forget = forget,
	.size = SECRET_LINE_MAX,
};

struct drawer *
passwords_load(const struct config *config)
{
	return drawer_fill(&kind, config);
}

const char *
passwords_get(const struct drawer *d, const char *path)
{
	return drawer_get(d, path);
}
