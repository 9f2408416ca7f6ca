#include "config/keys_web.h"

#include "config/config.h"
#include "config/schema/value_forms.h"

#include <limits.h>

static const struct schema_list listen_list = {
	.count_at = offsetof(struct config_web, front.n_listens),
	.item_size = sizeof(struct config_listen),
	.twice = true,
	.form = &value_forms_listen,
};

static const struct schema_list allow_list = {
	.count_at = offsetof(struct config_web, front.n_allow),
	.item_size = sizeof(struct config_cidr),
	.form = &value_forms_network,
};

static const struct schema_key web_keys[] = {
	{ "listen", SCHEMA_LIST, SCHEMA_AT(struct config_web, front.listens),
	    .min = 1, .max = CONFIG_WEB_LISTENS_MAX, .list = &listen_list,
	    .required = true,
	    .help = "Browsers and programs connect here, by HTTP. Any address, "
	            "also one that this host does not have: list the "
	            "addresses of both nodes, or \"*:port\". At a virtual IP "
	            "the node answers that is master." },
	{ "allow", SCHEMA_LIST, SCHEMA_AT(struct config_web, front.allow),
	    .min = 1, .max = CONFIG_NETWORKS_MAX, .list = &allow_list,
	    .help = "Networks that may ask. Without it, this host itself and "
	            "the addresses of the pair's nodes. Others get no byte." },
	{ "user", SCHEMA_NAME, SCHEMA_AT(struct config_web, user),
	    .max = CONFIG_NAME_MAX - 1, .with = "password_file",
	    .help = "Whoever asks has to give this name and the password, by "
	            "basic authentication. Both go over the network readable "
	            "by others, unless a server for TLS stands in front." },
	{ "password_file", SCHEMA_PATH,
	    SCHEMA_AT(struct config_web, password_file), .max = PATH_MAX - 1,
	    .with = "user",
	    .help = "The first line is the password. hapair reads the file as "
	            "root at a start, an upgrade, and a reload, also where the "
	            "configuration is the same, and refuses it if others can "
	            "read it." },
};

const struct schema_table keys_web_table = {
	.what = "'web'", .keys = web_keys, .n_keys = ARRAY_LEN(web_keys)
};
