#include "hapair/cli/keytab_check.h"

#include "core/addr.h"
#include "keytab/keyfile.h"
#include "keytab/spn.h"
#include "keytab/vault.h"

#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TEXT_MAX 2048

struct task {
	const struct config_service *service;
	keytab_check_tell tell;
	void *arg;
	struct keyfile file;
};

static __attribute__((format(printf, 3, 4))) void
say(const struct task *t, bool good, const char *format, ...)
{
	char what[TEXT_MAX], text[TEXT_MAX + 256];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	(void)snprintf(text, sizeof(text), "service %s: keytab %s: %s",
	    t->service->name, t->service->keytab, what);
	t->tell(t->arg, good, text);
}

static bool
leads_to(const struct addrinfo *found, const union addr *listen)
{
	for (; found != NULL; found = found->ai_next) {
		union addr a = { .sa.sa_family = AF_UNSPEC };

		if (found->ai_addrlen > sizeof(a))
			continue;
		memcpy(&a, found->ai_addr, found->ai_addrlen);
		if (addr_is_same_ip(&a, listen))
			return true;
	}
	return false;
}

/*
 * The name is the virtual IP's. An acceptor that takes it for another one, as
 * krb5.conf has it by default, looks for a key that nobody has.
 */
static void
judge_name(const struct task *t, const struct spn *spn, const char *canonical)
{
	if (strcmp(canonical, spn->host) == 0)
		say(t, true, "holds %s/%s, which clients ask for", spn->service,
		    spn->host);
	else
		say(t, false,
		    "%s is an alias of %s, for which servers will look instead: make it the first name of its address (DNS, /etc/hosts), or set dns_canonicalize_hostname = false in their krb5.conf",
		    spn->host, canonical);
}

/* Whether a key of the file is of a name of that address; judged once each. */
static bool
find_name(const struct task *t, const union addr *listen)
{
	struct addrinfo hints = { .ai_flags = AI_CANONNAME,
		.ai_socktype = SOCK_STREAM };
	struct spn spn, last = { .host = "" };
	bool any = false;

	for (size_t i = 0; i < t->file.n; i++) {
		struct addrinfo *found = NULL;

		/* HTTP is for web pages, never for this port. */
		if (spn_of(&t->file.entries[i], &spn) < 0 ||
		    strcmp(spn.service, "HTTP") == 0 ||
		    spn_is_same(&spn, &last))
			continue;
		last = spn;
		if (getaddrinfo(spn.host, NULL, &hints, &found) != 0)
			continue;
		if (leads_to(found, listen)) {
			any = true;
			judge_name(t, &spn,
			    found->ai_canonname != NULL ? found->ai_canonname
			                                : spn.host);
		}
		freeaddrinfo(found);
	}
	return any;
}

static void
tell_missing(const struct task *t, const union addr *listen)
{
	char text[ADDR_TEXT_MAX], name[NI_MAXHOST];

	(void)addr_format_ip(listen, text);
	if (getnameinfo(&listen->sa, addr_len(listen), name, sizeof(name), NULL,
	        0, NI_NAMEREQD) == 0)
		say(t, false,
		    "has no key of a service at %s, which is the name of %s; merge that of proxy/%s",
		    name, text, name);
	else
		say(t, false,
		    "none of its hosts is %s, which has no name; clients need one to ask for",
		    text);
}

void
keytab_check_service(
    const struct config_service *s, keytab_check_tell tell, void *arg)
{
	struct task t = { .service = s, .tell = tell, .arg = arg };
	char why[KEYFILE_WHY_MAX];

	if (s->keytab == NULL)
		return;
	vault_seal_process();
	if (keyfile_open(&t.file, s->keytab, why) < 0) {
		say(&t, false, "%s", why);
	} else {
		if ((t.file.mode & 077) != 0)
			say(&t, false,
			    "mode %04o, so others can use these keys; chmod 400",
			    (unsigned)t.file.mode);
		for (size_t i = 0; i < s->n_listens; i++) {
			const union addr *listen = &s->listens[i].address;

			if (!addr_is_any(listen) && !find_name(&t, listen))
				tell_missing(&t, listen);
		}
	}
	keyfile_close(&t.file);
}
