#pragma once

/* The one place where the version stands. */
#define VERSION "0.1.0"
