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
flags_clients_text(
    const struct flags *f, unsigned port, char buf[static FLAGS_TEXT_MAX])
{
	const char *host = f->vip.host, *service = f->vip.service;
	const char *realm = f->vip.realm;

	(void)snprintf(buf, FLAGS_TEXT_MAX,
	    "Hive JDBC      jdbc:hive2://%s:%u/;principal=%s/%s@%s\n"
	    "Cloudera JDBC  jdbc:impala://%s:%u/;AuthMech=1;KrbRealm=%s;KrbHostFQDN=%s;KrbServiceName=%s\n"
	    "ODBC           Host=%s;Port=%u;AuthMech=1;KrbRealm=%s;KrbFQDN=%s;KrbServiceName=%s\n"
	    "impala-shell   impala-shell -k -i %s:%u -b %s -s %s\n"
	    "impyla         connect(host='%s', port=%u, auth_mechanism='GSSAPI', kerberos_service_name='%s', krb_host='%s')\n"
	    "Hue            [impala] server_host=%s server_port=%u impala_principal=%s/%s\n",
	    host, port, service, host, realm, /* Hive JDBC */
	    host, port, realm, host, service, /* Cloudera JDBC */
	    host, port, realm, host, service, /* ODBC */
	    host, port, host, service,        /* impala-shell */
	    host, port, service, host,        /* impyla */
	    host, port, service, host);       /* Hue */
	return buf;
}
