#pragma once

/*
 * What `hapair init` is told, by options or as answers to its questions: taken
 * word by word and checked, so that who mistypes is told at once. What is left
 * out and this host knows, such as its own address, is found. The words are
 * copied.
 */

#include "core/addr.h"
#include "hapair/cli/first_file.h"

#define FIRST_WORDS_MAX 64
#define FIRST_WORDS_FAULT 256

struct first_words {
	char *here_name, *here, *peer_name, *peer;
	char *interface, *port, *preset;
	char *addresses[FIRST_WORDS_MAX];
	size_t n_addresses;
	char *servers[FIRST_WORDS_MAX];
	size_t n_servers;
};

void first_words_fini(struct first_words *w); /* takes zeros */

/* Back to so many virtual IPs and servers. */
void first_words_shorten(
    struct first_words *w, size_t n_addresses, size_t n_servers);

/*
 * Each takes one word. Returns 0, -ENOMEM, or -EINVAL with the reason in
 * `ret_fault` (FIRST_WORDS_FAULT bytes).
 */
typedef int (*first_words_take)(
    struct first_words *w, const char *word, char *ret_fault);
int first_words_take_address(
    struct first_words *w, const char *word, char *ret_fault);
int first_words_take_peer(
    struct first_words *w, const char *word, char *ret_fault);
int first_words_take_here(
    struct first_words *w, const char *word, char *ret_fault);
int first_words_take_port(
    struct first_words *w, const char *word, char *ret_fault);
int first_words_take_server(
    struct first_words *w, const char *word, char *ret_fault);
int first_words_take_name(char **ret_name, const char *what, const char *word,
    char *ret_fault); /* of an interface or a preset */

/*
 * Fills in what was left out of a pair: this host's name and address, the
 * interface, and the prefix of an address without one. The same results.
 */
MUST_CHECK int first_words_complete(struct first_words *w, char *ret_fault);

/* All of it borrowed from `w`. */
struct first_file first_words_file(
    const struct first_words *w, const char *key_file);
