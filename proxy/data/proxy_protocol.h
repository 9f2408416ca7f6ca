#pragma once

/*
 * The PROXY protocol header, versions 1 and 2, that tells a server who its
 * client is (proxy-protocol.txt of the HAProxy project, 2020/03/05).
 *
 * Pure.
 */

#include "config/config.h"

/* The longest header: v1's 107 bytes; v2 takes 52. */
#define PROXY_PROTOCOL_MAX 107

/*
 * The header for a connection that `client` made to `local`, both with their
 * ports and of one family. Returns its length; 0 with CONFIG_PREFACE_NONE.
 */
size_t proxy_protocol_encode(enum config_proxy_protocol version,
    const union addr *client, const union addr *local,
    uint8_t ret_header[static PROXY_PROTOCOL_MAX]);

/*
 * Likewise for a connection of our own, which serves no client: v2 says so
 * (LOCAL), v1 has the connection's own addresses.
 */
size_t proxy_protocol_encode_own(enum config_proxy_protocol version,
    const union addr *local, const union addr *peer,
    uint8_t ret_header[static PROXY_PROTOCOL_MAX]);
