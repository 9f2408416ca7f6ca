#pragma once

/*
 * Heartbeats as bare Ethernet frames: on a group's network the peer may have no
 * address that the configuration knows, and needs none. The ethertype is the
 * one that IEEE 802 leaves to local experiments.
 */

#include "core/base.h"

#define HEARTBEAT_FRAME_TYPE 0x88b5
#define HEARTBEAT_FRAME_MAC_BYTES 6
#define HEARTBEAT_FRAME_INTERFACES_MAX 16

struct heartbeat_frame_from {
	int interface; /* its index */
	uint8_t mac[HEARTBEAT_FRAME_MAC_BYTES];
};

/* A socket that hears nobody yet. Needs CAP_NET_RAW. Returns it, or -errno. */
MUST_CHECK int heartbeat_frame_open(void);

/*
 * From now on it hears that sender's hellos alone, on these interfaces alone.
 * What else has this ethertype wakes nobody: it may be another pair's, or come
 * in floods. Returns 0 or -errno; then it hears whom it heard.
 */
MUST_CHECK int heartbeat_frame_hear(
    int fd, const int *interfaces, size_t n, uint64_t sender);

/* Returns 0 or -errno. */
MUST_CHECK int heartbeat_frame_send(int fd, int interface,
    const uint8_t to[static HEARTBEAT_FRAME_MAC_BYTES], const void *bytes,
    size_t len);

/* One frame's length, cut to `room`, or -EAGAIN when there is none. */
MUST_CHECK int heartbeat_frame_receive(int fd, void *ret_bytes, size_t room,
    struct heartbeat_frame_from *ret_from);
