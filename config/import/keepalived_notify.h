#pragma once

/*
 * notify, notify_master and their like as `notify`: one program for all states
 * here, so a script that calls theirs is put down as a comment.
 */

#include "config/import/keepalived_hosts.h"

void keepalived_notify_read(struct keepalived_hosts *h);
