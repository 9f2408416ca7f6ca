#include "keytab/flags.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* How well the service suits clients of the port: 0 not at all. */
static unsigned
rank(const char *service)
{
	if (strcmp(service, "HTTP") == 0)
		return 0;
	return strcmp(service, "proxy") == 0 ? 2 : 1;
}

int
flags_choose(const struct keytab_entry *entries, size_t n, const char *vip,
    const char *host, struct flags *ret_flags, const char **ret_missing)
{
	struct flags f = { .vip = { .realm = "" } };
	unsigned best = 0;
	struct spn s;

	for (size_t i = 0; i < n; i++)
		if (spn_of(&entries[i], &s) == 0 && strcmp(s.host, vip) == 0 &&
		    rank(s.service) > best) {
			best = rank(s.service);
			f.vip = s;
		}
	for (size_t i = 0; best > 0 && i < n; i++)
		if (spn_of(&entries[i], &s) == 0 && strcmp(s.host, host) == 0 &&
		    strcmp(s.service, "impala") == 0 &&
		    strcmp(s.realm, f.vip.realm) == 0) {
			f.host = s;
			*ret_flags = f;
			return 0;
		}
	*ret_missing = best == 0 ? vip : host;
	return -ENOENT;
}

const char *
flags_client_name(enum flags_client c)
{
	switch (c) {
	case FLAGS_HIVE_JDBC:
		return "Hive JDBC";
	case FLAGS_JDBC:
		return "Cloudera JDBC";
	case FLAGS_ODBC:
		return "ODBC";
	case FLAGS_SHELL:
		return "impala-shell";
	case FLAGS_IMPYLA:
		return "impyla";
	case FLAGS_HUE:
		return "Hue";
	}
	return "";
}

const char *
flags_client_text(const struct flags *f, unsigned port, enum flags_client c,
    char buf[static FLAGS_TEXT_MAX])
{
	const char *host = f->vip.host, *service = f->vip.service;
	const char *realm = f->vip.realm;

	switch (c) {
	case FLAGS_HIVE_JDBC:
		(void)snprintf(buf, FLAGS_TEXT_MAX,
		    "jdbc:hive2://%s:%u/;principal=%s/%s@%s", host, port,
		    service, host, realm);
		break;
	case FLAGS_JDBC:
		(void)snprintf(buf, FLAGS_TEXT_MAX,
		    "jdbc:impala://%s:%u/;AuthMech=1;KrbRealm=%s;KrbHostFQDN=%s;KrbServiceName=%s",
		    host, port, realm, host, service);
		break;
	case FLAGS_ODBC:
		(void)snprintf(buf, FLAGS_TEXT_MAX,
		    "Host=%s;Port=%u;AuthMech=1;KrbRealm=%s;KrbFQDN=%s;KrbServiceName=%s",
		    host, port, realm, host, service);
		break;
	case FLAGS_SHELL:
		(void)snprintf(buf, FLAGS_TEXT_MAX,
		    "impala-shell -k -i %s:%u -b %s -s %s", host, port, host,
		    service);
		break;
	case FLAGS_IMPYLA:
		(void)snprintf(buf, FLAGS_TEXT_MAX,
		    "connect(host='%s', port=%u, auth_mechanism='GSSAPI', kerberos_service_name='%s', krb_host='%s')",
		    host, port, service, host);
		break;
	case FLAGS_HUE:
		(void)snprintf(buf, FLAGS_TEXT_MAX,
		    "[impala] server_host=%s server_port=%u impala_principal=%s/%s",
		    host, port, service, host);
		break;
	}
	return buf;
}
