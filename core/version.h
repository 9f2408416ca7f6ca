#pragma once

/* The one place where the version stands. */
#define VERSION "0.3.0-dev"

/* With its end; on the wire, in a heartbeat. */
#define VERSION_TEXT_MAX 16
_Static_assert(sizeof(VERSION) <= VERSION_TEXT_MAX, "a heartbeat tells it");
