#pragma once

/*
 * The client's side of SCRAM-SHA-256 (RFC 5802, RFC 7677), without channel
 * binding: each proves to the other that it knows the password. Computes only.
 */

#include "proxy/health/digest.h"

#define SCRAM_NONCE_MAX 64
#define SCRAM_MESSAGE_MAX 512
/* What a server may ask of us at most: some 20 ms of the main thread. */
#define SCRAM_ROUNDS_MAX 100000

struct scram {
	char nonce[SCRAM_NONCE_MAX]; /* ours, printable */
	uint8_t server_proof[DIGEST_SHA256_BYTES];
};

/* The first message, for the user that the protocol itself names. */
void scram_begin(struct scram *s, const void *random, size_t len,
    char ret_message[static SCRAM_MESSAGE_MAX]);

/* To the server's first message. NULL, or why there is no answer. */
MUST_CHECK const char *scram_answer(struct scram *s, const char *password,
    const char *server_message, char ret_message[static SCRAM_MESSAGE_MAX]);

/* Whether the server's last message proves that it knows the password, too. */
bool scram_is_proven(const struct scram *s, const char *server_message);
