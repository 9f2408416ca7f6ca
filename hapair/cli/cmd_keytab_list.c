#include "core/json_doc.h"
#include "core/wall_clock.h"
#include "hapair/cli/cmd_keytab.h"
#include "hapair/cli/text_table.h"
#include "keytab/advice.h"
#include "keytab/enctype.h"
#include "keytab/fingerprint.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

/* RFC 4120 s. 6.2: what sort of name it is said to be. */
static const char *
name_type_text(uint32_t type, char buf[static 16])
{
	static const char *const names[] = { "unknown", "principal", "srv-inst",
		"srv-hst", "srv-xhst", "uid" };

	if (type < ARRAY_LEN(names))
		return names[type];
	if (type == 10)
		return "enterprise";
	(void)snprintf(buf, 16, "%" PRIu32, type);
	return buf;
}

/* Whole seconds: that is all that a keytab has. */
static const char *
time_text(uint32_t timestamp, char buf[static WALL_CLOCK_TEXT_MAX])
{
	(void)wall_clock_format((int64_t)timestamp * 1000, buf);
	buf[sizeof("2026-11-22T10:00:01") - 1] = 'Z';
	buf[sizeof("2026-11-22T10:00:01Z") - 1] = '\0';
	return buf;
}

static void
print_table(const struct keyfile *f)
{
	CLEANUP(text_table_free_at)
	struct text_table *t = text_table_new("KVNO", "ENCTYPE", "TIMESTAMP",
	    "NAME TYPE", "FINGERPRINT", "PRINCIPAL", NULL);
	char name[KEYTAB_TEXT_MAX], kind[ENCTYPE_TEXT_MAX], type[16];
	char when[WALL_CLOCK_TEXT_MAX], finger[FINGERPRINT_TEXT_MAX];

	for (size_t i = 0; i < f->n; i++) {
		const struct keytab_entry *e = &f->entries[i];

		text_table_cell(t, "%" PRIu32, e->kvno);
		text_table_cell(t, "%s", enctype_name(e->enctype, kind));
		text_table_cell(t, "%s", time_text(e->timestamp, when));
		text_table_cell(t, "%s", name_type_text(e->name_type, type));
		text_table_cell(t, "%s", fingerprint_text(e->key, finger));
		text_table_cell(t, "%s", keytab_principal_text(e, name));
		text_table_end_row(t);
	}
	text_table_print(
	    t, stdout, &(struct text_table_form){ .bold = "", .plain = "" });
}

static void
put_entry(struct json_doc *at, const struct keytab_entry *e)
{
	char name[KEYTAB_TEXT_MAX], kind[ENCTYPE_TEXT_MAX], type[16];
	char when[WALL_CLOCK_TEXT_MAX], finger[FINGERPRINT_TEXT_MAX];
	const char *words[ADVICE_MAX];
	unsigned n = advice_on(e, words);
	struct json_doc *warnings;

	json_doc_put_string(at, "principal", keytab_principal_text(e, name));
	json_doc_put_int(at, "kvno", e->kvno);
	json_doc_put_string(at, "enctype", enctype_name(e->enctype, kind));
	json_doc_put_int(at, "enctype_number", (int16_t)e->enctype);
	json_doc_put_string(
	    at, "name_type", name_type_text(e->name_type, type));
	json_doc_put_string(at, "timestamp", time_text(e->timestamp, when));
	json_doc_put_string(
	    at, "fingerprint", fingerprint_text(e->key, finger));
	json_doc_put_int(at, "offset", (int64_t)e->offset);
	warnings = json_doc_put_array(at, "warnings");
	for (unsigned i = 0; i < n; i++)
		json_doc_put_string(warnings, NULL, words[i]);
}

static int
print_json(const struct keyfile *f)
{
	CLEANUP(json_doc_free_at) struct json_doc *doc = json_doc_new();
	CLEANUP(free_str) char *text = NULL;
	struct json_doc *entries;
	char mode[8];

	(void)snprintf(mode, sizeof(mode), "%04o", (unsigned)f->mode);
	json_doc_put_string(doc, "file", f->path);
	json_doc_put_string(doc, "mode", mode);
	entries = json_doc_put_array(doc, "entries");
	for (size_t i = 0; i < f->n; i++)
		put_entry(json_doc_put_object(entries, NULL), &f->entries[i]);
	text = json_doc_text(doc, true);
	if (text == NULL)
		return COMMAND_FAILED;
	(void)printf("%s\n", text);
	return COMMAND_DONE;
}

static void
warn(const struct keyfile *f)
{
	char name[KEYTAB_TEXT_MAX];

	if (f->n == 0)
		cmd_keytab_say(f->path, "warning: no entries");
	for (size_t i = 0; i < f->n; i++) {
		const char *words[ADVICE_MAX];
		unsigned n = advice_on(&f->entries[i], words);

		(void)keytab_principal_text(&f->entries[i], name);
		for (unsigned w = 0; w < n; w++)
			cmd_keytab_say(
			    f->path, "warning: %s: %s", name, words[w]);
	}
}

int
cmd_keytab_list(int argc, char **argv)
{
	int json = 0, status;
	const struct command_option options[] = {
		{ 'j', "json", .there = &json },
	};
	CLEANUP(keyfile_close) struct keyfile f = { .path = NULL };

	status =
	    cmd_keytab_options("list", argc, argv, options, ARRAY_LEN(options));
	if (status != COMMAND_DONE)
		return status;
	if (argc - optind != 1)
		return cmd_keytab_misused("list", "expected one file");
	if (cmd_keytab_open(&f, argv[optind]) < 0)
		return COMMAND_FAILED;
	warn(&f);
	if (json != 0)
		status = print_json(&f);
	else
		print_table(&f);
	return fflush(stdout) == 0 ? status : COMMAND_FAILED;
}
