#pragma once

/*
 * Bytes of a dialog with a server, as the file has them: text, in which \r, \n,
 * \t, \\ and \xHH stand for what cannot be written, or `hex:` and digits.
 */

#include "config/schema/schema.h"

#define BYTE_FORMS_MAX 200

extern const struct schema_form byte_forms_bytes; /* struct config_bytes */
