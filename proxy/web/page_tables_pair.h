#pragma once

/* Of page_tables.h: the nodes, their groups, and the links between them. */

#include <stdio.h>

struct json_doc;

void page_tables_pair(const struct json_doc *status, FILE *out);
