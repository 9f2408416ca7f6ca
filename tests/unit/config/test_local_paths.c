#include "config/local_paths.h"

#include "config/config.h"
#include "config/load.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct config *
load(const char *text)
{
	struct config *c = NULL;

	test_row(text);
	assert_int_equal(load_text("f", text, strlen(text), NULL, &c), 0);
	return c;
}

#define PAIR(more)                                                             \
	"pair:\n"                                                              \
	"  nodes:\n"                                                           \
	"    - {name: a, address: 10.0.0.1}\n"                                 \
	"    - {name: b, address: 10.0.0.2}\n"                                 \
	"  key_file: /k\n" more

#define SERVICE(name, port, more)                                              \
	"  - name: " name "\n"                                                 \
	"    listen: 127.0.0.1:" port "\n"                                     \
	"    servers: [{name: s, address: 10.0.1.1:80}, {name: t, address: 10.0.1.2:80}]\n" more

#define OTHERS(name, port, one, two, more)                                     \
	"  - name: " name "\n"                                                 \
	"    listen: 127.0.0.1:" port "\n"                                     \
	"    servers: [{name: " one ", address: 10.0.1.1:80}, {name: " two     \
	", address: 10.0.1.2:80}]\n" more

#define CHECKED(server, address, check)                                        \
	"  - name: web\n"                                                      \
	"    listen: 127.0.0.1:80\n"                                           \
	"    servers: [{name: " server ", address: \"" address ":80\"}]\n"     \
	"    check: {" check "}\n"

#define GROUPS(name)                                                           \
	"  groups:\n"                                                          \
	"    - {name: " name ", interface: lo, addresses: [10.0.0.100/24]}\n"

#define SECRET "type: http, user: u, password_file: /p"
#define SCRIPT "type: script, script: /c"
#define STANDBY "    mode: standby\n"
#define WEB SERVICE("web", "80", "")

static const struct row {
	const char *running, *fresh, *told; /* NULL: it may come */
} rows[] = {
	/* What is served is the peer's to say. */
	{ PAIR("services:\n" WEB),
	    PAIR("  interval: 50ms\nservices:\n" WEB SERVICE("b", "81", "")),
	    NULL },
	/* What root runs is not. */
	{ PAIR(""), PAIR("  notify: /bin/sh\n"), "notify: /bin/sh" },
	{ PAIR("  notify: /n\n"), PAIR("  notify: /m\n"), "notify: /m" },
	{ PAIR("  notify: /n\n"), PAIR(""), NULL },
	{ PAIR(""), PAIR("  track: [{script: /t}]\n"), "script: /t" },
	/* Nor by another key, which has other arguments. */
	{ PAIR("  notify: /n\n"), PAIR("  track: [{script: /n}]\n"),
	    "script: /n" },
	{ PAIR("services:\n" WEB),
	    PAIR("services:\n" SERVICE("web", "80", STANDBY "    fence: /f\n")),
	    "fence: /f" },
	{ PAIR("services:\n" SERVICE("web", "80", STANDBY "    fence: /f\n")),
	    PAIR("services:\n" SERVICE("web", "80", STANDBY "    fence: /f\n")
	            SERVICE("b", "81", STANDBY "    fence: /f\n")),
	    "fence: service b is not in the file here" },
	/* Nor with arguments that it does not have here. */
	{ PAIR("services:\n" SERVICE("web", "80", STANDBY "    fence: /f\n")
	          SERVICE("b", "81", STANDBY)),
	    PAIR("services:\n" SERVICE("web", "80", STANDBY "    fence: /f\n")
	            SERVICE("b", "81", STANDBY "    fence: /f\n")),
	    "fence: service b has another fence here" },
	{ PAIR("services:\n" SERVICE(
	      "web", "80", STANDBY "    fence: /f\n    promote: /g\n")),
	    PAIR("services:\n" SERVICE(
	        "web", "80", STANDBY "    promote: /g\n")),
	    NULL },
	{ PAIR("services:\n" SERVICE("web", "80", STANDBY "    promote: /g\n")
	          SERVICE("b", "81", STANDBY)),
	    PAIR("services:\n" SERVICE("b", "81", STANDBY "    promote: /g\n")),
	    "promote: service b has another promote here" },
	{ PAIR("services:\n" SERVICE("web", "80", STANDBY "    fence: /f\n")),
	    PAIR("services:\n" SERVICE(
	        "web", "80", STANDBY "    fence: /f\n    standby_group: g\n")),
	    "fence: service web has another standby_group here" },
	{ PAIR("services:\n" SERVICE("web", "80", STANDBY "    fence: /f\n")),
	    PAIR("services:\n" OTHERS("web", "80", "t", "s",
	        STANDBY "    fence: /f\n    hold: 9s\n")),
	    NULL },
	{ PAIR("services:\n" SERVICE("web", "80", STANDBY "    fence: /f\n")),
	    PAIR("services:\n" OTHERS(
	        "web", "80", "s", "u", STANDBY "    fence: /f\n")),
	    "fence: service web has other servers here" },
	{ PAIR("  notify: /n\n" GROUPS("g")),
	    PAIR("  notify: /n\n" GROUPS("h")),
	    "notify: group h is not in the file here" },
	{ PAIR(GROUPS("g")), PAIR(GROUPS("h")), NULL },
	{ PAIR("services:\n" WEB),
	    PAIR("services:\n" SERVICE(
	        "web", "80", "    check: {type: script, script: /c}\n")),
	    "script: /c" },
	{ PAIR("services:\n" SERVICE(
	      "web", "80", "    check: {type: script, script: /c}\n")),
	    PAIR("services:\n" SERVICE("b", "81",
	        "    check: {type: script, script: /c, interval: 9s}\n")),
	    "check: server s is not in this service here" },
	{ PAIR("services:\n" CHECKED("s", "10.0.1.1", SCRIPT)),
	    PAIR("services:\n" CHECKED(
	        "s", "10.0.1.1", SCRIPT ", interval: 9s")),
	    NULL },
	{ PAIR("services:\n" CHECKED("s", "10.0.1.1", SCRIPT)),
	    PAIR("services:\n" CHECKED("u", "10.0.1.1", SCRIPT)),
	    "check: server u is not in this service here" },
	{ PAIR("services:\n" CHECKED("s", "10.0.1.1", SCRIPT)),
	    PAIR("services:\n" CHECKED("s", "10.9.9.9", SCRIPT)),
	    "check: server s has another address here" },
	{ PAIR("services:\n" CHECKED("s", "10.0.1.1", SCRIPT)),
	    PAIR("services:\n" CHECKED("s", "10.0.1.1", SCRIPT ", port: 22")),
	    "check: server s has another check here" },
	/* A secret is shown to nobody else. */
	{ PAIR("services:\n" CHECKED("s", "10.0.1.1", SECRET)),
	    PAIR("services:\n" CHECKED("s", "10.0.1.1", SECRET ", fall: 9")),
	    NULL },
	{ PAIR("services:\n" CHECKED("s", "10.0.1.1", SECRET)),
	    PAIR("services:\n" CHECKED("s", "10.9.9.9", SECRET)),
	    "check: server s has another address here" },
	{ PAIR("services:\n" CHECKED("s", "a.example", SECRET)),
	    PAIR("services:\n" CHECKED("s", "b.example", SECRET)),
	    "check: server s has another address here" },
	{ PAIR("services:\n" CHECKED("s", "10.0.1.1", SECRET)),
	    PAIR("services:\n" CHECKED("s", "10.0.1.1", SECRET ", port: 99")),
	    "check: server s has another check here" },
	{ PAIR("services:\n" CHECKED("s", "10.0.1.1", SECRET ", tls: true")),
	    PAIR("services:\n" CHECKED("s", "10.0.1.1", SECRET)),
	    "check: server s has another check here" },
	{ PAIR("services:\n" CHECKED("s", "10.0.1.1", SECRET ", tls: true")),
	    PAIR("services:\n" CHECKED(
	        "s", "10.0.1.1", SECRET ", tls: true, verify: false")),
	    "check: server s has another check here" },
	{ PAIR("services:\n" CHECKED(
	      "s", "10.0.1.1", SECRET ", tls: true, ca: /ca")),
	    PAIR("services:\n" CHECKED("s", "10.0.1.1", SECRET ", tls: true")),
	    "check: server s has another check here" },
	{ PAIR("services:\n" CHECKED("s", "10.0.1.1", SECRET)),
	    PAIR(
	        "services:\n" CHECKED("s", "10.0.1.1", SECRET ", path: /stop")),
	    "check: server s has another check here" },
	{ PAIR("services:\n" CHECKED("s", "10.0.1.1", SECRET)),
	    PAIR("services:\n" CHECKED(
	        "s", "10.0.1.1", SECRET ", headers: {a: b}")),
	    "check: server s has another check here" },
	{ PAIR("services:\n" CHECKED(
	      "s", "10.0.1.1", "type: mysql, user: u, password_file: /p")),
	    PAIR("services:\n" CHECKED("s", "10.0.1.1", SECRET)),
	    "check: server s has another check here" },
	{ PAIR("services:\n" CHECKED("s", "10.0.1.1",
	      "type: http, negotiate: true, negotiate_keytab: /kt")),
	    PAIR("services:\n" CHECKED("s", "10.9.9.9",
	        "type: http, negotiate: true, negotiate_keytab: /kt")),
	    "check: server s has another address here" },
	/* That of the environment has no path in the file. */
	{ PAIR("services:\n" CHECKED("s", "10.0.1.1", "type: http")),
	    PAIR("services:\n" CHECKED(
	        "s", "10.0.1.1", "type: http, negotiate: true")),
	    "check: server s has another check here" },
	/* What it reads and writes. */
	{ PAIR("services:\n" WEB),
	    PAIR("services:\n" SERVICE("web", "80", "    keytab: /kt\n")),
	    "keytab: /kt" },
	{ PAIR("services:\n" WEB),
	    PAIR("services:\n" SERVICE("web", "80",
	        "    check: {type: http, user: u, password_file: /p}\n")),
	    "password_file: /p" },
	{ PAIR(""), PAIR("log: {target: /var/log/x}\n"),
	    "log.target: /var/log/x" },
	{ PAIR("log: {target: /l}\n"), PAIR("log: {target: /l}\n"), NULL },
	{ PAIR("log: {target: /l}\n"), PAIR("log: {target: syslog}\n"),
	    "log.target: syslog" },
	{ PAIR("log: {target: /l}\n"), PAIR(""), "log.target: stderr" },
	{ PAIR("log: {target: \"udp://10.0.0.9:514\"}\n"),
	    PAIR("log: {target: \"udp://10.0.0.8:514\"}\n"),
	    "log.target: udp" },
	{ PAIR(""), PAIR("log: {level: error}\n"), "log.level: error" },
	{ PAIR("log: {target: syslog}\n"),
	    PAIR("log: {target: syslog, facility: kern}\n"),
	    "log.facility: kern" },
	{ PAIR(""), PAIR("log: {connections: false}\n"),
	    "log.connections: false" },
	{ PAIR(""), PAIR("pid_file: /p\n"), "pid_file: /p" },
	/* As whom it runs. */
	{ PAIR(""), PAIR("user: root\n"), "user: root" },
	{ PAIR("user: a\n"), PAIR(""), "user: removed" },
	{ PAIR(""), PAIR("group: adm\n"), "group: adm" },
};

static void
a_peer_brings_no_program_file_or_user(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(config_free_at)
		struct config *running = load(rows[i].running);
		CLEANUP(config_free_at)
		struct config *fresh = load(rows[i].fresh);
		char text[LOCAL_PATHS_TEXT_MAX] = "";

		assert_int_equal(local_paths_compare(fresh, running, text),
		    rows[i].told != NULL ? -EPERM : 0);
		assert_text(text, rows[i].told != NULL ? rows[i].told : "");
	}
}

/* Every key that takes a path, of the example that has every key. */
static void
no_path_of_any_key_is_left_out(void **state)
{
	CLEANUP(config_free_at)
	struct config *none = load(
	    "pair:\n  nodes:\n    - {name: a, address: 10.0.0.1}\n    - {name: b, address: 10.0.0.2}\n  key_file: /another\n");
	CLEANUP(config_free_at) struct config *full = NULL;
	CLEANUP(free_str) char *text = NULL;
	char told[LOCAL_PATHS_TEXT_MAX];
	size_t len;

	(void)state;
	assert_int_equal(
	    load_read("config/examples/full.yaml", false, NULL, &text, &len),
	    0);
	assert_int_equal(load_text("f", text, len, NULL, &full), 0);
	assert_int_equal(local_paths_compare(full, full, told), 0);
	assert_int_equal(local_paths_compare(full, none, told), -EPERM);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_peer_brings_no_program_file_or_user),
		cmocka_unit_test(no_path_of_any_key_is_left_out),
	};

	TEST_MAIN(tests);
}
