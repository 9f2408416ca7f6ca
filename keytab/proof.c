#include "keytab/proof.h"

static const char no_kdc[] =
    "no KDC answers, so nothing is proven: look at krb5.conf, and let port 88 pass";
static const char clocks[] =
    "clocks are too far apart, so nothing is proven: set this host's or the KDC's";
static const char nothing[] =
    "no key of this keytab is let in by the KDC, so nothing could be asked for: extract one that may log in, impala/HOST";

const struct keytab_entry *
proof_pick(const struct keytab_entry *entries, size_t n,
    const struct keytab_entry *principal, uint32_t kvno, uint16_t enctype)
{
	const struct keytab_entry *alike = NULL;

	for (size_t i = 0; i < n; i++) {
		const struct keytab_entry *e = &entries[i];

		if (e->enctype != enctype ||
		    !keytab_is_same_principal(e, principal))
			continue;
		if (e->kvno == kvno)
			return e;
		if (alike == NULL && (e->kvno & 0xff) == (kvno & 0xff))
			alike = e;
	}
	return alike;
}

/* No entry fits the ticket: by what it differs from those that are there. */
static const char *
judge_missing(const struct proof *p, const struct keytab_entry *entries,
    size_t n, const struct keytab_entry *principal)
{
	bool newer = false;

	for (size_t i = 0; i < n; i++) {
		if (!keytab_is_same_principal(&entries[i], principal))
			continue;
		if (entries[i].kvno == p->kvno)
			return "the kvno is there, but not the enctype: extract it with this one too, or take it from the principal's keys";
		newer |= entries[i].kvno > p->kvno;
	}
	return newer
	    ? "the KDC issues an older kvno: it is a replica that lags behind, or the keytab is of another realm's KDC"
	    : "the KDC issues a newer kvno: extract it once more (each ktadd makes a new key: once, not once a host), merge, and copy it to all hosts";
}

/* Of a principal of which a ticket was opened. */
static const char *
judge_login(enum proof_answer login)
{
	switch (login) {
	case PROOF_UNTRIED:
	case PROOF_YES:
	/* In Active Directory a service's name is usually no client's. */
	case PROOF_NOT_KNOWN:
		return NULL;
	case PROOF_WRONG_KEY:
	case PROOF_NO_ENCTYPE:
	case PROOF_OTHER: /* expired, locked, a policy */
		return "opens tickets, but the KDC refuses its login, so a daemon of this name gets no ticket of its own: mend the principal, or extract it again";
	case PROOF_UNREACHABLE:
		return no_kdc;
	case PROOF_SKEW:
		return clocks;
	}
	return nothing;
}

const char *
proof_judge(const struct proof *p, const struct keytab_entry *entries, size_t n,
    const struct keytab_entry *principal)
{
	switch (p->ticket) {
	case PROOF_YES:
		break;
	case PROOF_UNTRIED:
		if (p->login == PROOF_UNREACHABLE)
			return no_kdc;
		return p->login == PROOF_SKEW ? clocks : nothing;
	case PROOF_NOT_KNOWN:
		return "the KDC has no such principal: create it, by the full name that clients ask for";
	case PROOF_UNREACHABLE:
		return no_kdc;
	case PROOF_SKEW:
		return clocks;
	case PROOF_WRONG_KEY:
	case PROOF_NO_ENCTYPE:
	case PROOF_OTHER:
		return "the KDC issues no ticket for it";
	}
	if (!p->opened &&
	    proof_pick(entries, n, principal, p->kvno, p->enctype) == NULL)
		return judge_missing(p, entries, n, principal);
	if (!p->opened)
		return "kvno and enctype are there, but the key is another one: from another KDC, or extracted twice; take the newest to all hosts";
	return judge_login(p->login);
}

const char *
proof_warning(const struct proof *p)
{
	if (!p->opened || (p->key_kvno & 0xff) == (p->kvno & 0xff))
		return NULL;
	if (p->key_kvno == 0)
		return "two keys of kvno 0 are never in one keytab: at the next key change extract with the KDC's kvno, and merge";
	if (p->key_kvno > p->kvno)
		return "a later key of the KDC will have this kvno, and two keys of one kvno are never in one keytab: at the next key change replace it on all hosts at once";
	return "an acceptor that looks for the ticket's kvno alone refuses it: at the next key change extract with the KDC's kvno, and merge; an extract now would make a new key, and end all copies";
}

const char *
proof_answer_text(enum proof_answer a)
{
	switch (a) {
	case PROOF_UNTRIED:
		return "not tried";
	case PROOF_YES:
		return "yes";
	case PROOF_NOT_KNOWN:
		return "no such client: will do for --principal, not for --be_principal";
	case PROOF_WRONG_KEY:
		return "no, its key is not the KDC's";
	case PROOF_NO_ENCTYPE:
		return "no, its enctype is not taken";
	case PROOF_UNREACHABLE:
		return "no KDC answers";
	case PROOF_SKEW:
		return "clocks are too far apart";
	case PROOF_OTHER:
		return "no";
	}
	return "";
}
