#include "hapair/cli/file_diff.h"

#include "config/config.h"
#include "config/config_diff.h"
#include "config/load.h"
#include "core/json_doc.h"
#include "hapair/cli/client.h"
#include "hapair/cli/command.h"
#include "hapair/supervisor/pins_directory.h"

#include <string.h>

/* A daemon of another version may have keys that we do not know. */
static int
load_running(const struct json_doc *answer, struct config **ret_config)
{
	const char *text = json_doc_string(answer, "configuration");

	if (load_text("the running configuration", text, strlen(text), NULL,
	        ret_config) == 0)
		return COMMAND_DONE;
	return command_refuse("check", COMMAND_FAILED,
	    "the running configuration is none that this program understands: the daemon is of another version");
}

int
file_diff_print(
    const struct config *file, const char *path, const char *socket, FILE *out)
{
	CLEANUP(json_doc_free_at) struct json_doc *answer = NULL;
	CLEANUP(config_free_at) struct config *running = NULL;
	const struct client client = { .command = "check",
		.socket = socket != NULL ? socket : file->control,
		.keeps_text = true };
	const struct config_diff_change *c;
	struct config_diff d;
	int status = client_ask(&client, "configuration", &answer);

	if (status == COMMAND_DONE)
		status = load_running(answer, &running);
	if (status != COMMAND_DONE)
		return status;
	if (config_diff_init(&d, running, file) < 0) {
		config_diff_fini(&d);
		return command_refuse("check", COMMAND_FAILED, "memory is out");
	}
	if (!config_has_kernel(running) &&
	    !pins_directory_is_used(running->kernel.pins))
		config_diff_free_tables(&d);
	if (d.n == 0)
		(void)fprintf(out, "%s: the same as what runs\n", path);
	TAILQ_FOREACH (c, &d.all, all) {
		config_diff_print(c, out);
		(void)fputc('\n', out);
	}
	status = config_diff_class(&d) == CHANGE_CLASS_RESTART ? COMMAND_FAILED
	                                                       : COMMAND_DONE;
	config_diff_fini(&d);
	return status;
}
