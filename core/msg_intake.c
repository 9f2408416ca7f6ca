#include "core/msg_intake.h"

#include <errno.h>
#include <stdio.h>

struct msg_intake
msg_intake_init(
    enum msg_rights_party from, enum msg_rights_party to, struct closer *closer)
{
	return (struct msg_intake){ .from = from, .to = to, .closer = closer };
}

int
msg_intake_take(struct msg_intake *in, int channel, enum msg_rights_stage stage,
    struct channel_packet *p)
{
	struct msg_rights_message m;
	int e = channel_recv(channel, p);

	in->type = p->type;
	in->fault = MSG_RIGHTS_BROKEN;
	if (e == 0 || (e < 0 && e != -EBADMSG))
		return e;
	m = (struct msg_rights_message){ .type = p->type,
		.len = p->len,
		.n_fds = p->fd == -1 ? 0 : 1 + p->n_more };
	in->fault = MSG_RIGHTS_WRONG_SIZE; /* none of ours at all */
	if (e == 1)
		in->fault = msg_rights_ask(
		    &in->meter, in->from, in->to, stage, &m, mono_now());
	if (in->fault == MSG_RIGHTS_ALLOWED)
		return 1;
	channel_drop_fds(in->closer, p);
	return -EBADMSG;
}

int
msg_intake_end(struct msg_intake *in, struct channel_packet *p, int e)
{
	channel_drop_fds(in->closer, p);
	if (e < 0)
		in->fault =
		    e == -EBADMSG ? MSG_RIGHTS_MALFORMED : MSG_RIGHTS_FAILED;
	return e;
}

const char *
msg_intake_text(
    const struct msg_intake *in, char text[static MSG_INTAKE_TEXT_MAX])
{
	const char *name = msg_rights_name(in->type);

	if (name != NULL)
		(void)snprintf(text, MSG_INTAKE_TEXT_MAX, "%s: %s", name,
		    msg_rights_fault_text(in->fault));
	else
		(void)snprintf(text, MSG_INTAKE_TEXT_MAX, "message %u: %s",
		    (unsigned)in->type, msg_rights_fault_text(in->fault));
	return text;
}
