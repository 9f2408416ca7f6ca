#pragma once

/* `track`: a server that is as well as another one is, by that one's check. */

#include "config/import/haproxy_proxy.h"

/* Of all sections: what tracks is checked as what it tracks, or is named. */
void haproxy_track_all(struct haproxy_proxy_file *f);
