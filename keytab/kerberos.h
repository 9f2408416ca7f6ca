#pragma once

/*
 * The door to libkrb5: what the programs that use a keytab will make of it, and
 * what the KDC says to its keys. Waits for the network. Nothing of it touches
 * the user's own tickets.
 */

#include "core/base.h"
#include "keytab/keytab.h"
#include "keytab/proof.h"

#define KERBEROS_WHY_MAX 256
#define KERBEROS_HOST_MAX 256

struct kerberos;

/* Of krb5.conf, as any program here has it. NULL with words for it. */
struct kerberos *kerberos_new(char ret_why[static KERBEROS_WHY_MAX]);
void kerberos_free_at(struct kerberos **k); /* for CLEANUP */

/*
 * Whether libkrb5 reads these very entries, in this order, from the file, whose
 * path is absolute. Returns 0, or -errno with words for it.
 */
MUST_CHECK int kerberos_compare(struct kerberos *k, const char *path,
    const struct keytab_entry *entries, size_t n,
    char ret_why[static KERBEROS_WHY_MAX]);

/*
 * Logs in as the principal, with its newest key among the entries. From then on
 * tickets are asked for in its name. Words of libkrb5 where it fails.
 */
enum proof_answer kerberos_login(struct kerberos *k,
    const struct keytab_entry *entries, size_t n,
    const struct keytab_entry *principal,
    char ret_why[static KERBEROS_WHY_MAX]);

/*
 * Asks for a ticket for the principal, and tries to open it with the entry that
 * fits it. Fills in the proof's ticket, kvno, enctype and opened.
 */
void kerberos_ask(struct kerberos *k, const struct keytab_entry *entries,
    size_t n, const struct keytab_entry *principal, struct proof *proof,
    char ret_why[static KERBEROS_WHY_MAX]);

/* By how much the KDC's clock was ahead of ours at the last login. */
int kerberos_clock_ahead_s(struct kerberos *k);

/*
 * What a service of that host would look for in its keytab on this machine: the
 * host's name after whatever krb5.conf and the resolver make of it. Returns 0
 * or -errno with words for it.
 */
MUST_CHECK int kerberos_canonical(struct kerberos *k, const char *service,
    const char *host, char ret_host[static KERBEROS_HOST_MAX],
    char ret_why[static KERBEROS_WHY_MAX]);
