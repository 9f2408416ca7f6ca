#pragma once

/*
 * What a connection needs only if it lasts: probes towards a silent server, and
 * a look whether a client that owes us acknowledgements still lives. A worker
 * goes through its sessions again and again, a few at a time, so that short
 * connections never pay for it.
 */

struct session;

void upkeep_session(struct session *s);
