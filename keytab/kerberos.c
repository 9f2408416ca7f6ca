#include "keytab/kerberos.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <krb5.h>

/* Long enough to ask for every ticket, over slow lines. */
#define LIFE_S 600

struct kerberos {
	krb5_context context;
	krb5_ccache cache;     /* in memory; NULL before the first login */
	krb5_principal client; /* whose tickets are in it */
};

static int
tell(krb5_context c, krb5_error_code code, const char *what,
    char ret_why[static KERBEROS_WHY_MAX])
{
	const char *words = krb5_get_error_message(c, code);

	(void)snprintf(ret_why, KERBEROS_WHY_MAX, "%s: %s", what, words);
	krb5_free_error_message(c, words);
	return -EIO;
}

struct kerberos *
kerberos_new(char ret_why[static KERBEROS_WHY_MAX])
{
	struct kerberos *k = calloc(1, sizeof(*k));
	krb5_error_code code;

	if (k == NULL) {
		(void)snprintf(ret_why, KERBEROS_WHY_MAX, "no memory");
		return NULL;
	}
	code = krb5_init_context(&k->context);
	if (code != 0) {
		(void)tell(NULL, code, "libkrb5 does not start", ret_why);
		free(k);
		return NULL;
	}
	return k;
}

void
kerberos_free_at(struct kerberos **at)
{
	struct kerberos *k = *at;

	if (k == NULL)
		return;
	krb5_free_principal(k->context, k->client);
	if (k->cache != NULL)
		(void)krb5_cc_destroy(k->context, k->cache);
	krb5_free_context(k->context);
	free(k);
	*at = NULL;
}

static bool
is_data(const krb5_data *d, struct keytab_span s)
{
	return d->length == s.len && memcmp(d->data, s.at, s.len) == 0;
}

static bool
is_same(const krb5_keytab_entry *t, const struct keytab_entry *e)
{
	const struct krb5_principal_data *p = t->principal;
	bool same = p->length == (krb5_int32)e->n_components &&
	    is_data(&p->realm, e->realm) &&
	    p->type == (krb5_int32)e->name_type && t->vno == e->kvno &&
	    (uint32_t)t->timestamp == e->timestamp &&
	    t->key.enctype == (int16_t)e->enctype &&
	    t->key.length == e->key.len &&
	    memcmp(t->key.contents, e->key.at, e->key.len) == 0;

	for (unsigned i = 0; same && i < e->n_components; i++)
		same = is_data(&p->data[i], keytab_component(e, i));
	return same;
}

static int
compare(krb5_context c, krb5_keytab tab, const struct keytab_entry *entries,
    size_t n, char ret_why[static KERBEROS_WHY_MAX])
{
	krb5_kt_cursor cursor;
	krb5_keytab_entry t;
	krb5_error_code code = krb5_kt_start_seq_get(c, tab, &cursor);
	size_t found = 0;
	bool same = true;

	if (code != 0)
		return tell(c, code, "libkrb5 cannot read it", ret_why);
	while (same && (code = krb5_kt_next_entry(c, tab, &t, &cursor)) == 0) {
		same = found < n && is_same(&t, &entries[found]);
		found++;
		(void)krb5_free_keytab_entry_contents(c, &t);
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
kerberos_compare(struct kerberos *k, const char *path,
    const struct keytab_entry *entries, size_t n,
    char ret_why[static KERBEROS_WHY_MAX])
{
	CLEANUP(free_str) char *name = NULL;
	krb5_keytab tab;
	krb5_error_code code;
	int e;

	if (asprintf(&name, "FILE:%s", path) < 0) {
		name = NULL;
		(void)snprintf(ret_why, KERBEROS_WHY_MAX, "no memory");
		return -ENOMEM;
	}
	code = krb5_kt_resolve(k->context, name, &tab);
	if (code != 0)
		return tell(
		    k->context, code, "libkrb5 cannot read it", ret_why);
	e = compare(k->context, tab, entries, n, ret_why);
	(void)krb5_kt_close(k->context, tab);
	return e;
}

static krb5_data
as_data(struct keytab_span s)
{
	return (krb5_data){ .data = (char *)(uintptr_t)s.at,
		.length = (unsigned)s.len };
}

/*
 * Of no particular type: a host-based one would be led astray by the resolver,
 * and what is asked for shall be what stands in the file.
 */
static krb5_error_code
make_principal(
    krb5_context c, const struct keytab_entry *e, krb5_principal *ret_principal)
{
	krb5_data *parts = calloc(e->n_components, sizeof(*parts));
	const krb5_data realm = as_data(e->realm);
	const struct krb5_principal_data p = {
		.realm = realm,
		.data = parts,
		.length = (krb5_int32)e->n_components,
		.type = KRB5_NT_PRINCIPAL,
	};
	krb5_error_code code = ENOMEM;

	for (unsigned i = 0; parts != NULL && i < e->n_components; i++)
		parts[i] = as_data(keytab_component(e, i));
	if (parts != NULL)
		code = krb5_copy_principal(c, &p, ret_principal);
	free(parts);
	return code;
}

static krb5_error_code
add_key(krb5_context c, krb5_keytab tab, krb5_principal name,
    const struct keytab_entry *e)
{
	krb5_keytab_entry t = {
		.principal = name,
		.timestamp = (krb5_timestamp)e->timestamp,
		.vno = e->kvno,
		.key = { .enctype = (int16_t)e->enctype,
		    .length = (unsigned)e->key.len,
		    .contents = (krb5_octet *)(uintptr_t)e->key.at },
	};

	return krb5_kt_add_entry(c, tab, &t);
}

static enum proof_answer
answer(krb5_error_code code)
{
	switch (code) {
	case 0:
		return PROOF_YES;
	case KRB5KDC_ERR_C_PRINCIPAL_UNKNOWN:
	case KRB5KDC_ERR_S_PRINCIPAL_UNKNOWN:
		return PROOF_NOT_KNOWN;
	case KRB5KDC_ERR_PREAUTH_FAILED:
	case KRB5KRB_AP_ERR_BAD_INTEGRITY:
	case KRB5_PREAUTH_FAILED:
		return PROOF_WRONG_KEY;
	case KRB5KDC_ERR_ETYPE_NOSUPP:
	case KRB5_KT_NOTFOUND:
	case KRB5_PROG_ETYPE_NOSUPP:
		return PROOF_NO_ENCTYPE;
	case KRB5_KDC_UNREACH:
	case KRB5_REALM_CANT_RESOLVE:
	case KRB5_REALM_UNKNOWN:
		return PROOF_UNREACHABLE;
	case KRB5KRB_AP_ERR_SKEW:
	case KRB5_KDCREP_SKEW:
	case KRB5KDC_ERR_NEVER_VALID:
	case KRB5KRB_AP_ERR_TKT_NYV:
		return PROOF_SKEW;
	default: /* some hundred more, told in libkrb5's words */
		return PROOF_OTHER;
	}
}

static krb5_error_code
fetch_tgt(struct kerberos *k, krb5_keytab tab, krb5_principal name,
    krb5_creds *ret_creds)
{
	krb5_get_init_creds_opt *opt = NULL;
	krb5_error_code code = krb5_get_init_creds_opt_alloc(k->context, &opt);

	if (code != 0)
		return code;
	krb5_get_init_creds_opt_set_tkt_life(opt, LIFE_S);
	krb5_get_init_creds_opt_set_renew_life(opt, 0);
	krb5_get_init_creds_opt_set_forwardable(opt, 0);
	krb5_get_init_creds_opt_set_proxiable(opt, 0);
	code = krb5_get_init_creds_keytab(
	    k->context, ret_creds, name, tab, 0, NULL, opt);
	krb5_get_init_creds_opt_free(k->context, opt);
	return code;
}

/* Takes the name over where it succeeds. */
static krb5_error_code
keep_tgt(struct kerberos *k, krb5_principal name, krb5_creds *creds)
{
	krb5_error_code code = 0;

	if (k->cache == NULL)
		code =
		    krb5_cc_new_unique(k->context, "MEMORY", NULL, &k->cache);
	if (code == 0)
		code = krb5_cc_initialize(k->context, k->cache, name);
	if (code == 0)
		code = krb5_cc_store_cred(k->context, k->cache, creds);
	if (code == 0) {
		krb5_free_principal(k->context, k->client);
		k->client = name;
	}
	return code;
}

enum proof_answer
kerberos_login(struct kerberos *k, const struct keytab_entry *entries, size_t n,
    const struct keytab_entry *principal, char ret_why[static KERBEROS_WHY_MAX])
{
	krb5_keytab tab = NULL;
	krb5_principal name = NULL;
	krb5_creds creds = { 0 };
	krb5_error_code code = make_principal(k->context, principal, &name);

	ret_why[0] = '\0';
	if (code == 0)
		code = krb5_kt_resolve(k->context, "MEMORY:login", &tab);
	for (size_t i = 0; code == 0 && i < n; i++)
		if (keytab_is_same_principal(&entries[i], principal))
			code = add_key(k->context, tab, name, &entries[i]);
	if (code == 0)
		code = fetch_tgt(k, tab, name, &creds);
	if (code == 0) {
		code = keep_tgt(k, name, &creds);
		if (code == 0)
			name = NULL;
	}
	if (code != 0)
		(void)tell(k->context, code, "login", ret_why);
	krb5_free_cred_contents(k->context, &creds);
	krb5_free_principal(k->context, name);
	if (tab != NULL)
		(void)krb5_kt_close(k->context, tab);
	return answer(code);
}

/*
 * With that key alone, so that no other one opens it by chance; and whatever
 * its kvno, as an acceptor that goes by a host's name does it.
 */
static bool
can_open(
    struct kerberos *k, const krb5_ticket *ticket, const struct keytab_entry *e)
{
	struct keytab_entry as_issued = *e;
	krb5_keytab tab = NULL;
	krb5_error_code code = krb5_kt_resolve(k->context, "MEMORY:open", &tab);

	if (code != 0)
		return false;
	as_issued.kvno = ticket->enc_part.kvno;
	code = add_key(k->context, tab, ticket->server, &as_issued);
	if (code == 0)
		code = krb5_server_decrypt_ticket_keytab(
		    k->context, tab, (krb5_ticket *)(uintptr_t)ticket);
	(void)krb5_kt_close(k->context, tab);
	return code == 0;
}

/* The one that is meant for it, or any other of the principal; NULL: none. */
static const struct keytab_entry *
find_key(struct kerberos *k, const krb5_ticket *ticket,
    const struct keytab_entry *entries, size_t n,
    const struct keytab_entry *principal)
{
	const uint16_t enctype = (uint16_t)ticket->enc_part.enctype;
	const struct keytab_entry *e =
	    proof_pick(entries, n, principal, ticket->enc_part.kvno, enctype);

	if (e != NULL && can_open(k, ticket, e))
		return e;
	for (size_t i = 0; i < n; i++)
		if (entries[i].enctype == enctype &&
		    keytab_is_same_principal(&entries[i], principal) &&
		    can_open(k, ticket, &entries[i]))
			return &entries[i];
	return NULL;
}

static krb5_error_code
open_ticket(struct kerberos *k, const krb5_creds *creds,
    const struct keytab_entry *entries, size_t n,
    const struct keytab_entry *principal, struct proof *proof)
{
	const struct keytab_entry *e;
	krb5_ticket *ticket;
	krb5_error_code code = krb5_decode_ticket(&creds->ticket, &ticket);

	if (code != 0)
		return code;
	proof->kvno = ticket->enc_part.kvno;
	proof->enctype = (uint16_t)ticket->enc_part.enctype;
	e = find_key(k, ticket, entries, n, principal);
	proof->opened = e != NULL;
	proof->key_kvno = e != NULL ? e->kvno : 0;
	krb5_free_ticket(k->context, ticket);
	return 0;
}

void
kerberos_ask(struct kerberos *k, const struct keytab_entry *entries, size_t n,
    const struct keytab_entry *principal, struct proof *proof,
    char ret_why[static KERBEROS_WHY_MAX])
{
	krb5_creds *creds = NULL;
	krb5_creds wanted = { .client = k->client };
	krb5_error_code code;

	ret_why[0] = '\0';
	if (k->client == NULL)
		return; /* nobody is in: untried */
	code = make_principal(k->context, principal, &wanted.server);
	if (code == 0)
		code = krb5_get_credentials(
		    k->context, 0, k->cache, &wanted, &creds);
	if (code == 0)
		code = open_ticket(k, creds, entries, n, principal, proof);
	proof->ticket = answer(code);
	if (code != 0)
		(void)tell(k->context, code, "ticket", ret_why);
	krb5_free_creds(k->context, creds);
	krb5_free_principal(k->context, wanted.server);
}

int
kerberos_clock_ahead_s(struct kerberos *k)
{
	krb5_timestamp seconds;
	krb5_int32 micros;

	return krb5_get_time_offsets(k->context, &seconds, &micros) == 0
	    ? seconds
	    : 0;
}

int
kerberos_canonical(struct kerberos *k, const char *service, const char *host,
    char ret_host[static KERBEROS_HOST_MAX],
    char ret_why[static KERBEROS_WHY_MAX])
{
	krb5_principal name = NULL;
	krb5_error_code code = krb5_sname_to_principal(
	    k->context, host, service, KRB5_NT_SRV_HST, &name);

	if (code != 0)
		return tell(k->context, code, "its name", ret_why);
	(void)snprintf(ret_host, KERBEROS_HOST_MAX, "%.*s",
	    name->length > 1 ? (int)name->data[1].length : 0,
	    name->length > 1 ? name->data[1].data : "");
	krb5_free_principal(k->context, name);
	return 0;
}
