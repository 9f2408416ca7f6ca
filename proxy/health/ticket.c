/*
 * The login is a step of its own, with Kerberos' own mechanism, for SPNEGO says
 * of whatever is wrong with it that it finds no mechanism. And not each time:
 * given the keys, the library tries a login that is half over anew before it
 * uses it, each time, and with no KDC there each time waits for it in vain.
 */
#include "proxy/health/ticket.h"

#include "core/secret.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* With libkrb5's own names, for the cache: GSSAPI cannot empty one. */
#include <gssapi/gssapi_krb5.h>

/* A keytab of libkrb5's that nobody ever puts a key into. */
#define NO_KEYS "MEMORY:hapair-no-keys"

#define CACHE_MAX 64 /* its name */

/* RFC 4121, RFC 4178; read only, whatever their type says. */
static gss_OID_desc kerberos = { 9,
	(void *)"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02" };
static gss_OID_desc spnego = { 6, (void *)"\x2b\x06\x01\x05\x05\x02" };

/* One of the two codes in words; false: there are none. */
static bool
show(OM_uint32 code, int kind, gss_OID mechanism, char *ret_text)
{
	OM_uint32 minor, context = 0;
	gss_buffer_desc text = GSS_C_EMPTY_BUFFER;

	if (gss_display_status(&minor, code, kind, mechanism, &context,
	        &text) != GSS_S_COMPLETE)
		return false;
	(void)snprintf(ret_text, TICKET_ERROR_MAX, "no ticket: %.*s",
	    (int)text.length, (const char *)text.value);
	(void)gss_release_buffer(&minor, &text);
	return true;
}

/* The mechanism's own words where it has some. */
static void
tell(struct ticket *t, OM_uint32 major, OM_uint32 minor, gss_OID mechanism)
{
	if (minor != 0 && show(minor, GSS_C_MECH_CODE, mechanism, t->error))
		return;
	if (!show(major, GSS_C_GSS_CODE, mechanism, t->error))
		(void)snprintf(
		    t->error, sizeof(t->error), "no ticket: error 0x%x", major);
}

/*
 * The credentials for one mechanism, where need be by a login. Without a keytab
 * they are those that this user has anyway. Returns a major code.
 */
static OM_uint32
acquire(const struct ticket_wish *wish, gss_OID mechanism, bool logs_in,
    gss_cred_id_t *ret_credentials, OM_uint32 *ret_minor)
{
	gss_OID_set_desc mechanisms = { 1, mechanism };
	gss_key_value_element_desc places[] = {
		{ "client_keytab", logs_in ? wish->keytab : NO_KEYS },
		{ "ccache", wish->cache },
	};
	gss_key_value_set_desc store = { ARRAY_LEN(places), places };
	const bool is_ours = wish->keytab != NULL;
	OM_uint32 left_s = 0, ignored;
	OM_uint32 major = gss_acquire_cred_from(ret_minor, GSS_C_NO_NAME,
	    GSS_C_INDEFINITE, &mechanisms, GSS_C_INITIATE,
	    is_ours ? &store : GSS_C_NO_CRED_STORE, ret_credentials, NULL,
	    &left_s);

	if (major != GSS_S_COMPLETE || !is_ours || left_s > 0)
		return major;
	(void)gss_release_cred(&ignored, ret_credentials);
	return GSS_S_CREDENTIALS_EXPIRED;
}

/* Does nothing where the last login is not half over. */
static bool
log_in(const struct ticket_wish *wish, struct ticket *t)
{
	gss_cred_id_t credentials = GSS_C_NO_CREDENTIAL;
	OM_uint32 minor = 0, ignored;
	OM_uint32 major = acquire(wish, &kerberos, true, &credentials, &minor);

	if (major == GSS_S_CREDENTIALS_EXPIRED)
		/* The library keeps to itself why. */
		(void)snprintf(t->error, sizeof(t->error),
		    "no ticket: the last login is over, and a new one failed");
	else if (major != GSS_S_COMPLETE)
		tell(t, major, minor, &kerberos);
	(void)gss_release_cred(&ignored, &credentials);
	return major == GSS_S_COMPLETE;
}

static bool
find_credentials(const struct ticket_wish *wish, struct ticket *t,
    gss_cred_id_t *ret_credentials)
{
	OM_uint32 minor = 0;
	OM_uint32 major =
	    acquire(wish, &spnego, false, ret_credentials, &minor);

	if (major == GSS_S_COMPLETE)
		return true;
	if (!log_in(wish, t))
		return false;
	major = acquire(wish, &spnego, false, ret_credentials, &minor);
	if (major != GSS_S_COMPLETE)
		tell(t, major, minor, &spnego);
	return major == GSS_S_COMPLETE;
}

static void
take_name_and_life(gss_cred_id_t credentials, struct ticket *t)
{
	gss_name_t name = GSS_C_NO_NAME;
	gss_buffer_desc text = GSS_C_EMPTY_BUFFER;
	OM_uint32 minor;

	if (gss_inquire_cred(&minor, credentials, &name, &t->left_s, NULL,
	        NULL) == GSS_S_COMPLETE &&
	    gss_display_name(&minor, name, &text, NULL) == GSS_S_COMPLETE)
		(void)snprintf(t->name, sizeof(t->name), "%.*s",
		    (int)text.length, (const char *)text.value);
	(void)gss_release_buffer(&minor, &text);
	(void)gss_release_name(&minor, &name);
}

static bool
name_server(const struct ticket_wish *wish, struct ticket *t, gss_name_t *ret)
{
	char text[300];
	const int len = snprintf(text, sizeof(text), "HTTP@%s", wish->host);
	gss_buffer_desc b = { len < 0 ? 0 : strlen(text), text };
	OM_uint32 minor = 0;
	OM_uint32 major =
	    gss_import_name(&minor, &b, GSS_C_NT_HOSTBASED_SERVICE, ret);

	if (major != GSS_S_COMPLETE)
		tell(t, major, minor, &kerberos);
	return major == GSS_S_COMPLETE;
}

/*
 * The first token is all there is: with Kerberos nothing that the server
 * answers could change what it lets us see.
 */
static void
make_token(struct ticket *t, gss_cred_id_t credentials, gss_name_t server)
{
	gss_ctx_id_t context = GSS_C_NO_CONTEXT;
	gss_buffer_desc token = GSS_C_EMPTY_BUFFER;
	OM_uint32 minor = 0, ignored;
	OM_uint32 major = gss_init_sec_context(&minor, credentials, &context,
	    server, &spnego, 0, 0, GSS_C_NO_CHANNEL_BINDINGS, GSS_C_NO_BUFFER,
	    NULL, &token, NULL, NULL);

	if (GSS_ERROR(major)) {
		tell(t, major, minor, &spnego);
	} else {
		t->token = secret_base64(token.value, token.length);
		t->is_ours = t->token == NULL;
		if (t->is_ours)
			(void)snprintf(t->error, sizeof(t->error), "no memory");
	}
	(void)gss_release_buffer(&ignored, &token);
	(void)gss_delete_sec_context(&ignored, &context, GSS_C_NO_BUFFER);
}

static void
empty_cache(const char *name)
{
	krb5_context k;
	krb5_ccache cache;

	if (krb5_init_context(&k) != 0)
		return;
	if (krb5_cc_resolve(k, name, &cache) == 0)
		(void)krb5_cc_destroy(k, cache);
	krb5_free_context(k);
}

/* `to` gets what `from` had. At worst it is empty then: a login follows. */
static void
move_cache(const char *from, const char *to)
{
	krb5_context k;
	krb5_ccache source, target;

	if (krb5_init_context(&k) != 0)
		return;
	if (krb5_cc_resolve(k, from, &source) == 0) {
		if (krb5_cc_resolve(k, to, &target) != 0) {
			(void)krb5_cc_close(k, source);
		} else {
			if (krb5_cc_move(k, source, target) != 0)
				(void)krb5_cc_close(k, source);
			(void)krb5_cc_close(k, target);
		}
	}
	krb5_free_context(k);
}

/*
 * In another cache first: a server refuses a good ticket too, if its clock is
 * wrong for a while, and where no KDC answers there would not be another.
 */
static void
replace_login(const struct ticket_wish *wish)
{
	struct ticket_wish fresh = *wish;
	struct ticket t = { .token = NULL };
	char cache[CACHE_MAX];

	(void)snprintf(cache, sizeof(cache), "%.40s-%lx", wish->cache,
	    (unsigned long)pthread_self());
	fresh.cache = cache;
	if (log_in(&fresh, &t))
		move_cache(cache, wish->cache);
	empty_cache(cache);
}

void
ticket_get(const struct ticket_wish *wish, struct ticket *ret_ticket)
{
	struct ticket t = { .token = NULL };
	gss_cred_id_t credentials = GSS_C_NO_CREDENTIAL;
	gss_name_t server = GSS_C_NO_NAME;
	OM_uint32 minor;

	if (wish->anew && wish->keytab != NULL)
		replace_login(wish);
	if (find_credentials(wish, &t, &credentials) &&
	    name_server(wish, &t, &server)) {
		take_name_and_life(credentials, &t);
		make_token(&t, credentials, server);
	}
	(void)gss_release_name(&minor, &server);
	(void)gss_release_cred(&minor, &credentials);
	*ret_ticket = t;
}

void
ticket_renew(const struct ticket_wish *wish, struct ticket *ret_ticket)
{
	struct ticket t = { .token = NULL };

	(void)log_in(wish, &t);
	*ret_ticket = t;
}

/* "FILE:/path", "/path", and of caches "DIR:/path" and "DIR::/path/file". */
static bool
take_path(const char *name, char ret_path[static TICKET_PATH_MAX])
{
	const bool is_directory = strncmp(name, "DIR:", 4) == 0;

	if (is_directory)
		name += name[4] == ':' ? 5 : 4;
	else if (strncmp(name, "FILE:", 5) == 0)
		name += 5;
	(void)snprintf(
	    ret_path, TICKET_PATH_MAX, "%s", *name == '/' ? name : "");
	return is_directory;
}

void
ticket_find_files(struct ticket_files *ret_files)
{
	const char *config = getenv("KRB5_CONFIG");
	struct ticket_files *f = ret_files;
	char name[TICKET_PATH_MAX];
	krb5_keytab keytab;
	krb5_context k;

	*f = (struct ticket_files){ .is_directory = false };
	if (config != NULL)
		(void)snprintf(f->config, sizeof(f->config), "%.*s",
		    (int)strcspn(config, ":"), config);
	if (krb5_init_context(&k) != 0)
		return;
	f->is_directory = take_path(krb5_cc_default_name(k), f->cache);
	if (krb5_kt_client_default(k, &keytab) == 0) {
		if (krb5_kt_get_name(k, keytab, name, sizeof(name)) == 0)
			(void)take_path(name, f->keytab);
		(void)krb5_kt_close(k, keytab);
	}
	krb5_free_context(k);
}

void
ticket_wipe(struct ticket *t)
{
	if (t->token != NULL)
		secret_wipe(t->token, strlen(t->token));
	free(t->token);
	*t = (struct ticket){ .token = NULL };
}
