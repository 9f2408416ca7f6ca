#pragma once

/*
 * The pair's keys as they were accepted last: read once, when the daemon
 * starts, and then what failover says it has taken. Each failover process gets
 * them from here, so that a key file that is being changed, was refused or is
 * gone matters to nobody before somebody asks for it (reload.h). They are in no
 * core dump and, where possible, in no swap. Owned by who calls
 * supervisor_run(); opened after the last fork(), for locks are not inherited.
 */

#include "core/secret.h"
#include "keytab/vault.h"

struct channel_packet;
struct child;

struct key_keeper {
	struct vault vault;       /* of `keys` */
	struct secret_keys *keys; /* NULL: there is no pair */
};

/* Returns 0 or -errno, for which secret_fault() has the words. */
MUST_CHECK int key_keeper_open(struct key_keeper *k, const char *path);

/* These, out of a memory file, which is wiped. Returns 0 or -errno. */
MUST_CHECK int key_keeper_adopt(struct key_keeper *k, int file);

/* Wipes them; the empty value is fine. */
void key_keeper_close(struct key_keeper *k);

/* To a failover that begins; nothing where there is no pair. */
void key_keeper_hand_over(const struct key_keeper *k, struct child *failover);

/* Failover has taken these. Wipes the message. Returns 0 or -EBADMSG. */
MUST_CHECK int key_keeper_take(struct key_keeper *k, struct channel_packet *p);
