#include "config/yaml/nearest.h"
#include "hapair/cli/cmd_keytab.h"
#include "keytab/enctype.h"
#include "keytab/kerberos.h"
#include "keytab/proof.h"
#include "keytab/spn.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What acceptors allow between a ticket's clock and theirs, by default. */
#define SKEW_MAX_S 300

/* Letters that somebody mistypes in a principal. */
#define SLIPS_MAX 2

/* One principal of the file. */
struct subject {
	const struct keytab_entry *entry; /* its first one */
	char name[KEYTAB_TEXT_MAX];
	bool reported; /* asked for, rather than there to log in by */
	struct proof proof;
	char login_why[KERBEROS_WHY_MAX], ticket_why[KERBEROS_WHY_MAX];
};

struct trial {
	struct keyfile file;
	struct kerberos *kerberos;
	struct subject *subjects;
	size_t n;
	bool someone_is_in;
};

static void
end(struct trial *t)
{
	kerberos_free_at(&t->kerberos);
	free(t->subjects);
	keyfile_close(&t->file);
}

static bool
is_known(const struct trial *t, const struct keytab_entry *e)
{
	for (size_t i = 0; i < t->n; i++)
		if (keytab_is_same_principal(t->subjects[i].entry, e))
			return true;
	return false;
}

/* Without the realm too, where a principal is asked for. */
static bool
is_asked_for(const char *name, const char *principal)
{
	size_t len = principal != NULL ? strlen(principal) : 0;

	return principal == NULL || strcmp(name, principal) == 0 ||
	    (strchr(principal, '@') == NULL &&
	        strncmp(name, principal, len) == 0 && name[len] == '@');
}

/*
 * Of another host's the most part is the same, so a third of the letters, which
 * is enough for a word, would propose each of them.
 */
static void
refuse_principal(const struct trial *t, const char *principal)
{
	const struct subject *near = NULL;
	char name[256];

	for (size_t i = 0; i < t->n && near == NULL; i++) {
		(void)snprintf(
		    name, sizeof(name), "%.255s", t->subjects[i].name);
		if (strchr(principal, '@') == NULL)
			name[strcspn(name, "@")] = '\0';
		if (nearest_distance(principal, name) <= SLIPS_MAX)
			near = &t->subjects[i];
	}
	if (near != NULL)
		cmd_keytab_say(t->file.path,
		    "has no key of '%s'; did you mean '%s'? else merge it",
		    principal, near->name);
	else
		cmd_keytab_say(
		    t->file.path, "has no key of '%s'; merge it", principal);
}

static int
find_subjects(struct trial *t, const char *principal)
{
	bool any = false;

	t->subjects = calloc(t->file.n + 1, sizeof(*t->subjects));
	if (t->subjects == NULL)
		return -1;
	for (size_t i = 0; i < t->file.n; i++) {
		struct subject *s = &t->subjects[t->n];

		if (is_known(t, &t->file.entries[i]))
			continue;
		s->entry = &t->file.entries[i];
		(void)keytab_principal_text(s->entry, s->name);
		s->reported = is_asked_for(s->name, principal);
		any |= s->reported;
		t->n++;
	}
	if (any)
		return 0;
	if (principal != NULL)
		refuse_principal(t, principal);
	else
		cmd_keytab_say(t->file.path, "no entries");
	return -1;
}

/* Returns false where there is no use in trying others. */
static bool
log_in(struct trial *t, struct subject *s)
{
	s->proof.login = kerberos_login(
	    t->kerberos, t->file.entries, t->file.n, s->entry, s->login_why);
	t->someone_is_in |= s->proof.login == PROOF_YES;
	return s->proof.login != PROOF_UNREACHABLE;
}

/*
 * Those to report log in first. Where none of them may, as a service of Active
 * Directory, any other of the file does, for somebody has to ask for tickets.
 */
static void
log_all_in(struct trial *t)
{
	bool go_on = true;

	for (size_t i = 0; go_on && i < t->n; i++)
		if (t->subjects[i].reported)
			go_on = log_in(t, &t->subjects[i]);
	for (size_t i = 0; go_on && !t->someone_is_in && i < t->n; i++)
		if (!t->subjects[i].reported)
			go_on = log_in(t, &t->subjects[i]);
	/* One silence is enough: waiting for it takes long. */
	for (size_t i = 0; !go_on && i < t->n; i++)
		t->subjects[i].proof.login = PROOF_UNREACHABLE;
}

static void
print_keys(const struct trial *t, const struct subject *s)
{
	char kind[ENCTYPE_TEXT_MAX];
	const char *between = "";

	(void)printf("  keytab: ");
	for (size_t i = 0; i < t->file.n; i++) {
		const struct keytab_entry *e = &t->file.entries[i];

		if (!keytab_is_same_principal(e, s->entry))
			continue;
		(void)printf("%skvno %" PRIu32 " %s", between, e->kvno,
		    enctype_name(e->enctype, kind));
		between = ", ";
	}
	(void)printf("\n");
}

/* Returns whether all is well. */
static bool
report(const struct trial *t, const struct subject *s)
{
	const struct proof *p = &s->proof;
	const char *advice =
	    proof_judge(p, t->file.entries, t->file.n, s->entry);
	const char *warning = proof_warning(p);
	char kind[ENCTYPE_TEXT_MAX];

	if (advice == NULL)
		(void)printf("%s: good\n", s->name);
	else
		(void)printf("%s: FAILED: %s\n", s->name, advice);
	(void)printf("  login: %s\n", proof_answer_text(p->login));
	if (p->login != PROOF_YES && p->login != PROOF_NOT_KNOWN &&
	    s->login_why[0] != '\0')
		(void)printf("    %s\n", s->login_why);
	if (p->ticket == PROOF_YES)
		(void)printf("  ticket: kvno %" PRIu32 " %s\n", p->kvno,
		    enctype_name(p->enctype, kind));
	else if (s->ticket_why[0] != '\0')
		(void)printf("  ticket: none\n    %s\n", s->ticket_why);
	print_keys(t, s);
	if (advice == NULL && warning != NULL)
		(void)printf("  kvno %" PRIu32 ": works\n    warning: %s\n",
		    p->key_kvno, warning);
	return advice == NULL;
}

/*
 * The acceptor names itself as krb5.conf and the resolver tell it to: where the
 * virtual IP's name is an alias, it then looks for another key than clients ask
 * a ticket for.
 */
static bool
report_name(const struct trial *t, const struct subject *s)
{
	char host[KERBEROS_HOST_MAX], why[KERBEROS_WHY_MAX];
	struct spn spn;

	if (spn_of(s->entry, &spn) < 0)
		return true;
	if (kerberos_canonical(t->kerberos, spn.service, spn.host, host, why) <
	    0) {
		(void)printf("  name: %s\n", why);
		return false;
	}
	if (strcmp(host, spn.host) == 0)
		return true;
	(void)printf(
	    "  name: FAILED: a service on this machine takes '%s' for '%s' and looks for a key of that: make it the first name of its address (DNS, /etc/hosts), or set dns_canonicalize_hostname = false in krb5.conf\n",
	    spn.host, host);
	return false;
}

static bool
report_clock(const struct trial *t)
{
	int ahead = kerberos_clock_ahead_s(t->kerberos);

	if (ahead >= -SKEW_MAX_S && ahead <= SKEW_MAX_S)
		return true;
	(void)printf(
	    "clock: FAILED: the KDC's is %d s %s of this machine's, so a service here refuses its tickets: set the clock\n",
	    abs(ahead), ahead > 0 ? "ahead" : "behind");
	return false;
}

static int
run(struct trial *t, const char *principal)
{
	char why[KERBEROS_WHY_MAX];
	bool good = true;

	if (find_subjects(t, principal) < 0)
		return COMMAND_FAILED;
	t->kerberos = kerberos_new(why);
	if (t->kerberos == NULL) {
		cmd_keytab_say(t->file.path, "%s", why);
		return COMMAND_FAILED;
	}
	log_all_in(t);
	for (size_t i = 0; i < t->n; i++) {
		struct subject *s = &t->subjects[i];

		if (!s->reported)
			continue;
		kerberos_ask(t->kerberos, t->file.entries, t->file.n, s->entry,
		    &s->proof, s->ticket_why);
		good &= report(t, s);
		good &= report_name(t, s);
	}
	good &= report_clock(t);
	return good ? COMMAND_DONE : COMMAND_FAILED;
}

int
cmd_keytab_verify(int argc, char **argv)
{
	struct trial t = { .n = 0 };
	const char *principal = NULL;
	const struct command_option options[] = {
		{ 'p', "principal", .word = &principal },
	};
	int status = cmd_keytab_options(
	    "verify", argc, argv, options, ARRAY_LEN(options));

	if (status != COMMAND_DONE)
		return status;
	if (argc - optind != 1)
		return cmd_keytab_misused("verify", "expected one file");
	status = cmd_keytab_open(&t.file, argv[optind]) == 0
	    ? run(&t, principal)
	    : COMMAND_FAILED;
	end(&t);
	return fflush(stdout) == 0 ? status : COMMAND_FAILED;
}
