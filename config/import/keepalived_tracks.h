#pragma once

/*
 * track_script, track_interface and track_process as `track` of the pair. What
 * looks after haproxy is left out: here the relay is watched anyway.
 */

#include "config/import/keepalived_hosts.h"

void keepalived_tracks_read(struct keepalived_hosts *h);
