#pragma once

/*
 * What failover knows for `status`. The relay asks, and the supervisor where
 * the relay does not answer.
 */

struct msg_ask;
struct role;

/* On the channel of whoever asked; who does not read gets none. */
void status_answer_send(
    struct role *role, int channel, const struct msg_ask *ask);
