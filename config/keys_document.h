#pragma once

/*
 * All keys of the file with type, default and help, for people: `hapair help
 * keys`, of which scripts/make-manual makes the manual.
 */

#include <stdio.h>

void keys_document(FILE *out);
