#pragma once

/*
 * A kernel_conn from the moment at which its server hears of it. A part of
 * kernel_conn.c.
 *
 * Pure.
 */

struct conn_step;

void conn_made_connecting(const struct conn_step *s);
void conn_made_step(const struct conn_step *s); /* SILENT and OPEN */
void conn_made_doubted(const struct conn_step *s);
