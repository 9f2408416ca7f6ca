#pragma once

/*
 * Every key of the file, as tables: what schema.c reads by, print.c writes by
 * and the manual lists. A key is here if and only if its feature is built.
 */

struct schema_table;

/* The file: fills a struct config. */
extern const struct schema_table keys_file;
