#pragma once

/*
 * From the sections of haproxy to services: a `listen`, or a `frontend` with
 * the `backend` that it leads to. Sections of statistics become `web`.
 */

#include "config/import/haproxy_proxy.h"

void haproxy_service_all(struct haproxy_proxy_file *f);
