#include "hapair/supervisor/user_name.h"

#include "config/schema/scalar.h"

#include <grp.h>
#include <pwd.h>

/* The last number means "leave it" to chown() and setresuid(). */
static bool
is_number(const char *name, uint32_t *ret_id)
{
	uint64_t n;

	if (scalar_number(name, &n) < 0 || n >= UINT32_MAX)
		return false;
	*ret_id = (uint32_t)n;
	return true;
}

bool
user_name_find(const char *name, struct proc_user *ret_user)
{
	const struct passwd *pw = getpwnam(name);
	uint32_t id = 0;

	if (pw == NULL) {
		if (!is_number(name, &id))
			return false;
		pw = getpwuid(id);
	}
	*ret_user = pw != NULL ? (struct proc_user){ pw->pw_uid, pw->pw_gid }
	                       : (struct proc_user){ id, id };
	return true;
}

bool
user_name_find_group(const char *name, gid_t *ret_gid)
{
	const struct group *gr = getgrnam(name);
	uint32_t id;

	if (gr == NULL && !is_number(name, &id))
		return false;
	*ret_gid = gr != NULL ? gr->gr_gid : id;
	return true;
}
