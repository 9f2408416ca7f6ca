#include "proxy/kernel/kernel_words.h"

static const char *
word(const char *const *words, size_t n, size_t i)
{
	return i < n ? words[i] : "unknown";
}

const char *
kernel_words_why(uint8_t why)
{
	static const char *const words[] = {
		[MSG_KERNEL_WHY_NOT] = NULL,
		[MSG_KERNEL_WHY_SINGLE] = "there is no peer",
		[MSG_KERNEL_WHY_NO_LINK] = "the stream to the peer is down",
		[MSG_KERNEL_WHY_SPLIT] = "the peer has the address, too",
		[MSG_KERNEL_WHY_DUMP] = "the peer is being told of all",
		[MSG_KERNEL_WHY_LAGS] = "the peer does not keep up",
		[MSG_KERNEL_WHY_DISPUTED] =
		    "the peer knows of a later owner of the address",
	};

	return word(words, ARRAY_LEN(words), why);
}

const char *
kernel_words_work(uint8_t work)
{
	static const char *const words[] = {
		[MSG_KERNEL_STARTING] = "starting",
		[MSG_KERNEL_WORKS] = "works",
		[MSG_KERNEL_RELAY_ONLY] = "relay_only",
	};

	return word(words, ARRAY_LEN(words), work);
}

const char *
kernel_words_peer(uint8_t peer)
{
	static const char *const words[] = {
		[MSG_KERNEL_PEER_NONE] = "none",
		[MSG_KERNEL_PEER_DOWN] = "down",
		[MSG_KERNEL_PEER_DUMPING] = "dumping",
		[MSG_KERNEL_PEER_LINKED] = "linked",
		[MSG_KERNEL_PEER_LAGGING] = "lagging",
		[MSG_KERNEL_PEER_MISMATCH] = "mismatch",
	};

	return word(words, ARRAY_LEN(words), peer);
}

/* enum director_bpf_counter, which is no business of this room's. */
const char *
kernel_words_counter(unsigned i)
{
	static const char *const words[] = {
		"syns",
		"syns_unread",
		"syns_to_listener",
		"strays",
		"fragments",
		"extended",
		"malformed",
		"icmp_errors",
		"refusals",
		"refusals_unread",
		"silent_acks",
		"expired",
		"ends_unread",
		"stale",
		"failed",
	};

	return i < ARRAY_LEN(words) ? words[i] : NULL;
}
