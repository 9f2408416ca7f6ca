#pragma once

/*
 * What is proven of one principal of a keytab: whether the KDC lets it in, and
 * whether a ticket for it can be opened with a key that is there. The verdict
 * is drawn from what was seen, since libkrb5 has one and the same error for
 * most of it.
 *
 * Pure.
 */

#include "core/base.h"
#include "keytab/keytab.h"

enum proof_answer {
	PROOF_UNTRIED,
	PROOF_YES,
	PROOF_NOT_KNOWN,   /* the KDC has no such principal, for this use */
	PROOF_WRONG_KEY,   /* it was refused, or what came could not be read */
	PROOF_NO_ENCTYPE,  /* none that both sides take */
	PROOF_UNREACHABLE, /* no KDC answers */
	PROOF_SKEW,        /* clocks are too far apart */
	PROOF_OTHER,
};

struct proof {
	enum proof_answer login;  /* with this principal's key */
	enum proof_answer ticket; /* for this principal, by whoever is in */
	uint32_t kvno;            /* the ticket's */
	uint16_t enctype;         /* the ticket's */
	bool opened;              /* by some key of that principal */
	uint32_t key_kvno;        /* of the entry that opened it */
};

/*
 * The entry of that principal that is to open such a ticket: the kvno, or where
 * no entry has it one with the same low 8 bits. NULL: none. An acceptor of
 * libkrb5 that goes by a host's name tries all the others, too.
 */
const struct keytab_entry *proof_pick(const struct keytab_entry *entries,
    size_t n, const struct keytab_entry *principal, uint32_t kvno,
    uint16_t enctype);

/* What is wrong and what to do about it; NULL where all is well. */
const char *proof_judge(const struct proof *p,
    const struct keytab_entry *entries, size_t n,
    const struct keytab_entry *principal);

/*
 * What is well now and will not be after the next key change; NULL: nothing.
 * Only of a ticket that was opened.
 */
const char *proof_warning(const struct proof *p);

const char *proof_answer_text(enum proof_answer a);
