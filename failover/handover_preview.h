#pragma once

/*
 * The dry run of a handover: what is in the way, or what it would cost. Asks
 * nobody and changes nothing, so the peer may still not take it.
 */

struct role;

/* "dry-run handover" or "dry-run handover GROUP". Takes the socket. */
void handover_preview_ask(struct role *role, const char *request, int *socket);
