#pragma once

/*
 * Values of a check that have a form of their own: a path of a URL, a text to
 * look for, a host, statuses of HTTP; and which keys belong to which type of
 * check.
 */

#include "config/schema/schema.h"

extern const struct schema_form check_forms_path;   /* const char * */
extern const struct schema_form check_forms_text;   /* const char * */
extern const struct schema_form check_forms_host;   /* const char * */
extern const struct schema_form check_forms_status; /* struct config_status */

/* Printable characters of ASCII, `min` to `max` of them. */
bool check_forms_is_text(const char *text, size_t min, size_t max);

/* `check` is a struct config_check. */
bool check_forms_has_connection(const void *check);
bool check_forms_is_tcp(const void *check);
bool check_forms_is_http(const void *check);
bool check_forms_has_certificate(const void *check);
bool check_forms_has_user(const void *check);
bool check_forms_has_role(const void *check);
bool check_forms_is_script(const void *check);
