#pragma once

/*
 * The kernel path on the page, out of a status document: one section, which is
 * not there where no service is on it.
 */

#include <stdio.h>

struct json_doc;

void page_tables_kernel(const struct json_doc *status, FILE *out);
