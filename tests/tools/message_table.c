/*
 * Prints the table of rights as doc/messages.md: `make messages` writes it, and
 * `make check` compares.
 */

#include "core/msg_rights.h"

#include <inttypes.h>
#include <stdio.h>

static const char head[] =
    "# Who may say what\n"
    "\n"
    "Printed from `core/msg_rights.c` by `make messages`; `make check` compares. What each\n"
    "message means is in `core/msg.h`.\n"
    "\n"
    "The receiver asks the table before it looks at what a message says. One that is not\n"
    "allowed is the last of its sender: the supervisor kills the role and starts it again, a\n"
    "role ends itself where the supervisor sends it one. Between the two roles the receiver\n"
    "gives up the channel and tells the supervisor (SIBLING_LOST). Failover's word that the\n"
    "relay sent what it may not restarts the relay. The relay's word restarts nobody, and\n"
    "both are given a new channel, as after any other loss; the fourth time within ten\n"
    "seconds each the relay is restarted. Where the director is one of two that lose each\n"
    "other it is the director that is restarted, for no connection and no address hangs on\n"
    "its process. Each receiver takes a few packets a turn, so that no sender can keep it\n"
    "from its other work.\n"
    "\n"
    "When: how far the role is that talks with the supervisor, and of failover and the relay\n"
    "the relay: new (without configuration), starting (until READY; SERVING between these),\n"
    "working, stopping. A descriptor is needed (yes) or not allowed (no), and nobody sends\n"
    "two. A second: so many more than those at once; `-`: never more than those, where they\n"
    "are counted, and as many as the supervisor likes where it is the sender.\n"
    "\n"
    "| message | from | to | when | descriptor | bytes | at once | a second |\n"
    "|---|---|---|---|---|---|---|---|\n";

static const char *const parties[] = {
	[MSG_RIGHTS_SUPERVISOR] = "supervisor",
	[MSG_RIGHTS_FAILOVER] = "failover",
	[MSG_RIGHTS_RELAY] = "relay",
	[MSG_RIGHTS_DIRECTOR] = "director",
};

static void
print_stages(unsigned stages)
{
	static const char *const names[] = { "new", "starting", "working",
		"stopping" };
	const char *between = "";

	for (unsigned i = 0; i < ARRAY_LEN(names); i++)
		if ((stages & 1u << i) != 0) {
			printf("%s%s", between, names[i]);
			between = ", ";
		}
}

static void
print_number(uint32_t n)
{
	if (n == 0)
		printf(" - |");
	else
		printf(" %" PRIu32 " |", n);
}

static void
print_row(const struct msg_rights_row *row)
{
	printf("| %s | %s | %s | ", msg_rights_name((uint16_t)row->type),
	    parties[row->from], parties[row->to]);
	print_stages(row->stages);
	printf(" | %s | ", row->fd ? "yes" : "no");
	if (row->least == row->most)
		printf("%u |", row->least);
	else
		printf("%u to %u |", row->least, row->most);
	print_number(row->burst);
	print_number(row->a_second);
	printf("\n");
}

int
main(void)
{
	printf("%s", head);
	for (unsigned i = 0; i < MSG_RIGHTS_ROWS; i++)
		print_row(&msg_rights_rows[i]);
	return 0;
}
