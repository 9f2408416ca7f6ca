#include "proxy/health/scram.h"

#include "core/secret.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SALT_MAX 96
#define BASE64_MAX 48 /* of a hash, with its NUL */

static const char gs2_header[] = "n,,";

static const char bad_message[] = "not a message of SCRAM";

/* As PostgreSQL wants it: the startup message has the name. */
static void
first_bare(const struct scram *s, char *text, size_t room)
{
	(void)snprintf(text, room, "n=,r=%s", s->nonce);
}

void
scram_begin(struct scram *s, const void *random, size_t len,
    char ret_message[static SCRAM_MESSAGE_MAX])
{
	char bare[SCRAM_MESSAGE_MAX - sizeof(gs2_header)];

	*s = (struct scram){ .nonce = "" };
	if (len <= (sizeof(s->nonce) - 1) / 4 * 3)
		digest_to_base64(random, len, s->nonce);
	first_bare(s, bare, sizeof(bare));
	(void)snprintf(
	    ret_message, SCRAM_MESSAGE_MAX, "%s%s", gs2_header, bare);
}

struct challenge {
	char nonce[SCRAM_MESSAGE_MAX / 2];
	uint8_t salt[SALT_MAX];
	size_t salt_len;
	unsigned rounds;
};

/* "r=...,s=...,i=..." */
static const char *
read_challenge(
    const struct scram *s, const char *message, struct challenge *ret_challenge)
{
	struct challenge c = { .rounds = 0 };
	char salt[SALT_MAX / 3 * 4 + 1], rest[2];
	int n;

	if (sscanf(message, "r=%255[^,],s=%128[^,],i=%9u%1[^,]", c.nonce, salt,
	        &c.rounds, rest) != 3)
		return bad_message;
	/* Its nonce begins with ours: it answers us, and now. */
	if (s->nonce[0] == '\0' ||
	    strncmp(c.nonce, s->nonce, strlen(s->nonce)) != 0)
		return bad_message;
	n = digest_from_base64(salt, strlen(salt), c.salt, sizeof(c.salt));
	if (n < 0 || c.rounds == 0)
		return bad_message;
	if (c.rounds > SCRAM_ROUNDS_MAX)
		return "it wants too many rounds of SCRAM";
	c.salt_len = (size_t)n;
	*ret_challenge = c;
	return NULL;
}

/* RFC 5802, section 3. */
static bool
prove(struct scram *s, const uint8_t salted[static DIGEST_SHA256_BYTES],
    const char *all, uint8_t ret_proof[static DIGEST_SHA256_BYTES])
{
	uint8_t client[DIGEST_SHA256_BYTES], stored[DIGEST_SHA256_BYTES];
	uint8_t mask[DIGEST_SHA256_BYTES], server[DIGEST_SHA256_BYTES];

	if (!digest_hmac(salted, "Client Key", 10, client) ||
	    !digest_sha256(client, sizeof(client), stored) ||
	    !digest_hmac(stored, all, strlen(all), mask) ||
	    !digest_hmac(salted, "Server Key", 10, server) ||
	    !digest_hmac(server, all, strlen(all), s->server_proof))
		return false;
	for (unsigned i = 0; i < DIGEST_SHA256_BYTES; i++)
		ret_proof[i] = client[i] ^ mask[i];
	return true;
}

const char *
scram_answer(struct scram *s, const char *password, const char *server_message,
    char ret_message[static SCRAM_MESSAGE_MAX])
{
	char bare[SCRAM_MESSAGE_MAX / 2], last[SCRAM_MESSAGE_MAX / 2 + 16];
	char all[3 * SCRAM_MESSAGE_MAX], proof64[BASE64_MAX];
	uint8_t salted[DIGEST_SHA256_BYTES], proof[DIGEST_SHA256_BYTES];
	struct challenge c;
	const char *why = read_challenge(s, server_message, &c);
	bool good;

	if (why != NULL)
		return why;
	first_bare(s, bare, sizeof(bare));
	/* biws: "n,," in base64. */
	(void)snprintf(last, sizeof(last), "c=biws,r=%s", c.nonce);
	(void)snprintf(
	    all, sizeof(all), "%s,%s,%s", bare, server_message, last);
	good = digest_stretch(password, c.salt, c.salt_len, c.rounds, salted) &&
	    prove(s, salted, all, proof);
	secret_wipe(salted, sizeof(salted));
	if (!good)
		return "no SHA-256 for a login";
	digest_to_base64(proof, sizeof(proof), proof64);
	(void)snprintf(
	    ret_message, SCRAM_MESSAGE_MAX, "%s,p=%s", last, proof64);
	return NULL;
}

bool
scram_is_proven(const struct scram *s, const char *server_message)
{
	uint8_t proof[DIGEST_SHA256_BYTES + 4];

	if (strncmp(server_message, "v=", 2) != 0)
		return false;
	return digest_from_base64(server_message + 2,
	           strlen(server_message + 2), proof,
	           sizeof(proof)) == DIGEST_SHA256_BYTES &&
	    secret_is_same(proof, s->server_proof, DIGEST_SHA256_BYTES);
}
