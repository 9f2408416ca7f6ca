#include "config/keys_check.h"

#include "config/config.h"
#include "config/schema/byte_forms.h"
#include "config/schema/check_forms.h"

#include <limits.h>

#define PATH_LEN (PATH_MAX - 1)
#define MATCHES_MAX 16
#define STATUSES_MAX 16
#define TURNS_MAX 16
#define SECOND 1000
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)

#define OF_CONNECTIONS                                                         \
	.applies = check_forms_has_connection,                                 \
	.applies_to = "a type with a connection"
#define OF_TCP .applies = check_forms_is_tcp, .applies_to = "type: tcp"
#define OF_HTTP .applies = check_forms_is_http, .applies_to = "type: http"
#define OF_CERTIFICATES                                                        \
	.applies = check_forms_has_certificate,                                \
	.applies_to = "type: http or tls"
#define OF_USERS                                                               \
	.applies = check_forms_has_user,                                       \
	.applies_to = "type: http, mysql, postgres, redis or ldap"
#define OF_ROLES                                                               \
	.applies = check_forms_has_role,                                       \
	.applies_to = "type: http, mysql, postgres or redis"
#define OF_SCRIPT .applies = check_forms_is_script, .applies_to = "type: script"

#define TEXT_AT(member)                                                        \
	SCHEMA_OTHER, SCHEMA_AT(struct config_check, member),                  \
	    .form = &check_forms_text
/* The query of a page may hold a token. */
#define URL_PATH_AT(member)                                                    \
	SCHEMA_OTHER, SCHEMA_AT(struct config_check, member),                  \
	    .form = &check_forms_path, .hidden = true

static const struct schema_list status_list = {
	.count_at = offsetof(struct config_check, n_statuses),
	.item_size = sizeof(struct config_status),
	.form = &check_forms_status,
};

static const struct schema_key turn_keys[] = {
	{ "send", SCHEMA_OTHER, SCHEMA_AT(struct config_turn, send),
	    .form = &byte_forms_bytes,
	    .help = "What is sent, after all that is expected before it has "
	            "come." },
	{ "expect", SCHEMA_OTHER, SCHEMA_AT(struct config_turn, expect),
	    .form = &byte_forms_bytes,
	    .help = "What the server has to say then. Anything may come "
	            "before it." },
};

static const struct schema_table turn_table = { .what = "an item of 'dialog'",
	.keys = turn_keys,
	.n_keys = ARRAY_LEN(turn_keys) };

static const struct schema_list dialog_list = {
	.count_at = offsetof(struct config_check, n_dialog),
	.item_size = sizeof(struct config_turn),
	.table = &turn_table,
};

/* The type first: whether the others have a meaning depends on it. */
static const struct schema_key check_keys[] = {
	{ "type", SCHEMA_WORD, SCHEMA_AT(struct config_check, type),
	    .words = config_check_type_words, .fallback = "tcp",
	    .decides = true,
	    .help =
	        "tcp: the server is well when it accepts a connection, "
	        "and goes through the `dialog`. http: when a page says so. "
	        "tls: when it goes through a handshake, and has a valid "
	        "certificate. mysql: when it lets `user` log in. postgres: "
	        "when it answers (version 12 on), or lets `user` log in. "
	        "redis: when it answers a PING, or wants a password for it. "
	        "ldap: when it answers a bind. script: when a program says "
	        "so. none: until `fall` connects of clients in a row fail; "
	        "once an `interval` one client tries it again then. The "
	        "same question to the same address is asked once, for all "
	        "services." },
	{ "interval", SCHEMA_DURATION,
	    SCHEMA_AT(struct config_check, interval_ms), .min = 10, .max = HOUR,
	    .fallback = "2s",
	    .help = "From the end of one check to the start of the next, give "
	            "or take a tenth." },
	{ "timeout", SCHEMA_DURATION,
	    SCHEMA_AT(struct config_check, timeout_ms), .min = 10,
	    .max = 10 * MINUTE, .fallback = "1s",
	    .help = "A check that takes longer has failed." },
	{ "rise", SCHEMA_NUMBER, SCHEMA_AT(struct config_check, rise), .min = 1,
	    .max = 100, .fallback = "2",
	    .help = "Good checks in a row that bring a server up." },
	{ "fall", SCHEMA_NUMBER, SCHEMA_AT(struct config_check, fall), .min = 1,
	    .max = 100, .fallback = "3",
	    .help = "Failed checks in a row that take a server down." },
	{ "port", SCHEMA_NUMBER, SCHEMA_AT(struct config_check, port), .min = 1,
	    .max = UINT16_MAX,
	    .help = "The port to check. Without it the server's own." },
	{ "proxy_protocol", SCHEMA_WORD, SCHEMA_AT(struct config_check, proxy),
	    .words = config_check_proxy_words, .fallback = "service",
	    OF_CONNECTIONS,
	    .help = "The header that a check's connection begins with. "
	            "service: that of the service's connections where the "
	            "check goes to the same port, else none. A v2 header says "
	            "LOCAL, a v1 header has the addresses of the check's own "
	            "connection. With a header `user` is sent by basic "
	            "authentication alone." },
	{ "dialog", SCHEMA_LIST, SCHEMA_AT(struct config_check, dialog),
	    .min = 1, .max = TURNS_MAX, .list = &dialog_list, .hidden = true,
	    OF_TCP,
	    .help = "What is said and heard on the connection, in turns. The "
	            "server is well when all of it was heard." },
	{ "script", SCHEMA_PATH, SCHEMA_AT(struct config_check, script),
	    .max = PATH_LEN, OF_SCRIPT,
	    .help = "A program that is run as the relay's user, as PATH "
	            "SERVICE SERVER ADDRESS PORT. The server is well when the "
	            "program exits with status 0. `status` shows the first "
	            "line that it prints. Each server has runs of its own." },
	{ "path", URL_PATH_AT(path), .fallback = "/", OF_HTTP,
	    .help = "The path of the page that is asked for." },
	{ "method", SCHEMA_WORD, SCHEMA_AT(struct config_check, method),
	    .words = config_method_words, .fallback = "GET", OF_HTTP,
	    .help = "How the page is asked for. An answer to HEAD has no "
	            "body." },
	{ "host", SCHEMA_OTHER, SCHEMA_AT(struct config_check, host),
	    .form = &check_forms_host, OF_CERTIFICATES,
	    .help = "The Host header, and the name that a certificate must be "
	            "valid for. Without it both are the host of the server's "
	            "address. Checks go to that address in any case." },
	{ "headers", SCHEMA_MATCHES, SCHEMA_AT(struct config_check, headers),
	    .max = MATCHES_MAX, .what = "names of headers and their values",
	    .hidden = true, OF_HTTP,
	    .help = "Headers that the request has besides." },
	{ "status", SCHEMA_LIST, SCHEMA_AT(struct config_check, statuses),
	    .min = 1, .max = STATUSES_MAX, .fallback = "200",
	    .list = &status_list, OF_HTTP,
	    .help = "The status that the answer must have, or several, also "
	            "as a range: 200-399. No redirection is followed." },
	{ "expect", TEXT_AT(expect), OF_HTTP,
	    .help = "A text that the body must hold. With a ! in front, a "
	            "text that it must not hold." },
	{ "json", SCHEMA_MATCHES, SCHEMA_AT(struct config_check, json),
	    .max = MATCHES_MAX, OF_HTTP,
	    .help = "Keys at the top of a JSON body, and the values that they "
	            "must have." },
	{ "drain", SCHEMA_MATCHES, SCHEMA_AT(struct config_check, drain),
	    .max = MATCHES_MAX, OF_HTTP,
	    .help = "Likewise. A server that is well and of which all of "
	            "these match drains: it keeps its connections and gets no "
	            "new ones." },
	{ "fallback", URL_PATH_AT(fallback), OF_HTTP,
	    .help = "A page whose status decides where the body has none of "
	            "the keys of `json` and `drain`." },
	{ "role", TEXT_AT(role), OF_ROLES,
	    .help = "Of a database: primary or replica, which the server has "
	            "to be; a standby service follows the primary. Of http: a "
	            "key at the top of a JSON body that says which of several "
	            "servers is in charge; its value is Active or Standby, and "
	            "a body without the key says nothing." },
	{ "role_path", URL_PATH_AT(role_path), .fallback = "/", OF_HTTP,
	    .help = "The path of the page that has the role. A server without "
	            "that page has not failed." },
	{ "tls", SCHEMA_BOOL, SCHEMA_AT(struct config_check, tls),
	    .fallback = "false", OF_HTTP,
	    .help = "Checks ask by https. The certificate must be valid for "
	            "the host of the server's address." },
	{ "verify", SCHEMA_BOOL, SCHEMA_AT(struct config_check, verify),
	    .fallback = "true", OF_CERTIFICATES,
	    .help = "With TLS, whether the certificate is looked at. "
	            "Where it is not, anybody may have answered, and `status` "
	            "says so. A server shows it at least once a minute: "
	            "handshakes in between may be short ones." },
	{ "ca", SCHEMA_PATH, SCHEMA_AT(struct config_check, ca),
	    .max = PATH_LEN, OF_CERTIFICATES,
	    .help = "Certificates (PEM) that vouch for the server's, in place "
	            "of the system's. The relay's user reads them at its "
	            "start and once a day." },
	{ "user", TEXT_AT(user), OF_USERS,
	    .help = "Checks ask as this user: with http by basic or digest "
	            "authentication, whichever the server wants; with mysql "
	            "and postgres by a login, for which the user needs no "
	            "rights; with redis by AUTH; with ldap by a bind with this "
	            "name." },
	{ "password_file", SCHEMA_PATH,
	    SCHEMA_AT(struct config_check, password_file), .max = PATH_LEN,
	    OF_USERS,
	    .help =
	        "The first line is that user's password. hapair reads the "
	        "file as root, at its start and at each reload, and refuses "
	        "it if others can read it." },
	{ "negotiate", SCHEMA_BOOL, SCHEMA_AT(struct config_check, negotiate),
	    .fallback = "false", OF_HTTP,
	    .help = "Checks ask with a Kerberos ticket (SPNEGO) for "
	            "HTTP/HOST, where HOST is that of the server's address. "
	            "The time of the KDC counts as part of the check's time." },
	{ "negotiate_keytab", SCHEMA_PATH,
	    SCHEMA_AT(struct config_check, negotiate_keytab), .max = PATH_LEN,
	    OF_HTTP,
	    .help =
	        "Checks ask as the first principal of this keytab. hapair "
	        "reads it as root, at its start and at each reload, and "
	        "refuses it if others can read it. Without it the relay's user asks as the "
	        "environment says: KRB5_CLIENT_KTNAME, else KRB5CCNAME." },
};

const struct schema_table keys_check_table = {
	.what = "a check", .keys = check_keys, .n_keys = ARRAY_LEN(check_keys)
};
