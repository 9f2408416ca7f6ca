#include "keytab/kerberos.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <krb5.h>

static int
tell(krb5_context c, krb5_error_code code, const char *what,
    char ret_why[static KERBEROS_WHY_MAX])
{
	const char *words = krb5_get_error_message(c, code);

	(void)snprintf(ret_why, KERBEROS_WHY_MAX, "%s: %s", what, words);
	krb5_free_error_message(c, words);
	return -EIO;
}

static bool
is_data(const krb5_data *d, struct keytab_span s)
{
	return d->length == s.len && memcmp(d->data, s.at, s.len) == 0;
}

static bool
is_same(const krb5_keytab_entry *k, const struct keytab_entry *e)
{
	const struct krb5_principal_data *p = k->principal;
	bool same = p->length == (krb5_int32)e->n_components &&
	    is_data(&p->realm, e->realm) &&
	    p->type == (krb5_int32)e->name_type && k->vno == e->kvno &&
	    (uint32_t)k->timestamp == e->timestamp &&
	    k->key.enctype == (krb5_enctype)e->enctype &&
	    k->key.length == e->key.len &&
	    memcmp(k->key.contents, e->key.at, e->key.len) == 0;

	for (unsigned i = 0; same && i < e->n_components; i++)
		same = is_data(&p->data[i], keytab_component(e, i));
	return same;
}

static int
compare(krb5_context c, krb5_keytab tab, const struct keytab_entry *entries,
    size_t n, char ret_why[static KERBEROS_WHY_MAX])
{
	krb5_kt_cursor cursor;
	krb5_keytab_entry k;
	krb5_error_code code = krb5_kt_start_seq_get(c, tab, &cursor);
	size_t found = 0;
	bool same = true;

	if (code != 0)
		return tell(c, code, "libkrb5 cannot read it", ret_why);
	while (same && (code = krb5_kt_next_entry(c, tab, &k, &cursor)) == 0) {
		same = found < n && is_same(&k, &entries[found]);
		found++;
		(void)krb5_free_keytab_entry_contents(c, &k);
	}
	(void)krb5_kt_end_seq_get(c, tab, &cursor);
	if (code != 0 && code != KRB5_KT_END)
		return tell(c, code, "libkrb5 cannot read it", ret_why);
	if (same && found == n)
		return 0;
	(void)snprintf(ret_why, KERBEROS_WHY_MAX,
	    "libkrb5 reads something else than was written, at entry %zu",
	    found);
	return -EIO;
}

int
kerberos_compare(const char *path, const struct keytab_entry *entries, size_t n,
    char ret_why[static KERBEROS_WHY_MAX])
{
	CLEANUP(free_str) char *name = NULL;
	krb5_context c = NULL;
	krb5_keytab tab = NULL;
	krb5_error_code code;
	int e = 0;

	if (asprintf(&name, "FILE:%s", path) < 0) {
		name = NULL;
		(void)snprintf(ret_why, KERBEROS_WHY_MAX, "no memory");
		return -ENOMEM;
	}
	code = krb5_init_context(&c);
	if (code != 0)
		return tell(NULL, code, "libkrb5 does not start", ret_why);
	code = krb5_kt_resolve(c, name, &tab);
	if (code != 0) {
		e = tell(c, code, "libkrb5 cannot read it", ret_why);
	} else {
		e = compare(c, tab, entries, n, ret_why);
		(void)krb5_kt_close(c, tab);
	}
	krb5_free_context(c);
	return e;
}
