#pragma once

/*
 * Tells who started us how we are: the service manager (the door to
 * libsystemd), which need not be there.
 */

void ready_tell(void); /* both roles do their work */
void ready_stopping(void);
