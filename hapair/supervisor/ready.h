#pragma once

/*
 * Tells who started us how we are: the service manager (the door to
 * libsystemd), which need not be there.
 */

#include "core/base.h"

void ready_tell(void); /* both roles do their work */
void ready_stopping(void);

/*
 * How often it wants to hear that we turn, or it starts us anew (WatchdogSec=);
 * 0: it does not.
 */
uint64_t ready_watchdog_us(void);
void ready_alive(void);
