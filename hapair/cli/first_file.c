#include "hapair/cli/first_file.h"

#include <stdio.h>
#include <string.h>

/* YAML takes what begins with a bracket for a list, and '*' for an alias. */
static void
put_quoted(FILE *out, const char *before, const char *text, const char *after)
{
	(void)fprintf(out, "\"%s%s%s\"", before, text, after);
}

static void
put_pair(FILE *out, const struct first_file *f)
{
	(void)fprintf(out,
	    "pair:\n"
	    "  nodes:\n"
	    "    # Each host finds itself by its address. Where both start at once the\n"
	    "    # higher priority is master; nothing moves back by itself later.\n"
	    "    - {name: \"%s\", address: \"%s\", priority: 150}\n"
	    "    - {name: \"%s\", address: \"%s\", priority: 100}\n"
	    "  # The same on both hosts, mode 0400. Heartbeats and the connection between\n"
	    "  # the hosts are at port 8401, UDP and TCP: let both pass.\n"
	    "  key_file: \"%s\"\n"
	    "  groups:\n"
	    "    - name: main\n"
	    "      interface: \"%s\"    # on both hosts\n"
	    "      # They move together; hapair adds and removes them, nobody else.\n"
	    "      addresses:\n",
	    f->here.name, f->here.address, f->peer.name, f->peer.address,
	    f->key_file, f->interface);
	for (size_t i = 0; i < f->n_addresses; i++) {
		(void)fputs("        - ", out);
		put_quoted(out, "", f->addresses[i], "");
		(void)fputc('\n', out);
	}
	(void)fputc('\n', out);
}

static void
put_listens(FILE *out, const struct first_file *f)
{
	char ip[64];

	(void)fputs("    listen:\n", out);
	if (!f->is_pair)
		(void)fprintf(out, "      - \"*:%s\"\n", f->port);
	for (size_t i = 0; f->is_pair && i < f->n_addresses; i++) {
		const char *a = f->addresses[i];
		const bool v6 = strchr(a, ':') != NULL;

		(void)snprintf(ip, sizeof(ip), "%.*s", (int)strcspn(a, "/"), a);
		(void)fprintf(out, "      - \"%s%s%s:%s\"\n", v6 ? "[" : "", ip,
		    v6 ? "]" : "", f->port);
	}
}

static void
put_service(FILE *out, const struct first_file *f)
{
	(void)fprintf(out, "services:\n  - name: \"%s-%s\"\n",
	    f->preset != NULL ? f->preset : "tcp", f->port);
	if (f->preset != NULL)
		(void)fprintf(out,
		    "    preset: \"%s\"    # hapair check --print shows what it sets\n",
		    f->preset);
	put_listens(out, f);
	if (f->preset == NULL)
		(void)fputs(
		    "    balance: roundrobin    # or leastconn, source, random\n"
		    "    # A server is up where it takes a connection. Types that ask more of it:\n"
		    "    # http, tls, postgres, mysql, redis, ldap, send, script.\n"
		    "    check: {type: tcp, interval: 2s}\n",
		    out);
	(void)fputs("    servers:\n", out);
	for (size_t i = 0; i < f->n_servers; i++) {
		(void)fputs("      - ", out);
		put_quoted(out, "", f->servers[i], "");
		(void)fputc('\n', out);
	}
}

char *
first_file_text(const struct first_file *f)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (out == NULL)
		return NULL;
	(void)fprintf(out,
	    "# Made by `hapair init`%s.\n"
	    "# `hapair help keys` explains each key, hapair.yaml(5) all of it;\n"
	    "# `hapair check --host` tells whether this host can run it.\n"
	    "\n",
	    f->is_pair ? "; byte for byte the same on both hosts" : "");
	if (f->is_pair)
		put_pair(out, f);
	put_service(out, f);
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}
