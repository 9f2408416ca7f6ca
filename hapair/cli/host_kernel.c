#include "hapair/cli/host_kernel.h"

#include "config/kernel_fit.h"
#include "core/fd.h"
#include "director/bpf/director_program.h"
#include "hapair/cli/port_use.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#define WHY_MAX 256
#define RING_BYTES (64 * 1024)

static const char way_out[] =
    "services with 'path: kernel' are relayed until it can be had";

/* The last line of what the kernel said, which has the reason. */
static const char *
last_line(char *text)
{
	char *end = text + strlen(text);

	while (end > text && end[-1] == '\n')
		*--end = '\0';
	end = strrchr(text, '\n');
	return end != NULL ? end + 1 : text;
}

/* What to do about it. */
static const char *
advice(int error)
{
	switch (error) {
	case -EPERM:
		return "it takes CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN: ask as root, and not in a container without them";
	case -ENOSYS:
		return "this kernel is without BPF (CONFIG_BPF_SYSCALL)";
	case -EACCES:
	case -EINVAL:
		return "this kernel does not take the program; expected Linux 5.12 or later, and CAP_PERFMON";
	case -ENOMEM:
		return "there is no memory for the tables ('slots')";
	default:
		return strerror(-error);
	}
}

static void
check_program(struct host_report *m)
{
	char why[WHY_MAX] = "";
	const struct director_program_options options = {
		.slots = m->config->kernel.slots,
		.services = 1,
		.events_bytes = RING_BYTES,
		.closed_bytes = RING_BYTES,
		.why = why,
		.why_bytes = sizeof(why),
	};
	struct director_program_facts facts;
	struct director_program *p = NULL;
	struct utsname u = { .release = "?" };
	int e = director_program_load(&options, &p);

	(void)uname(&u);
	if (e == 0)
		e = director_program_facts(p, &facts);
	director_program_free(p);
	if (e == 0)
		host_report_tell(m, HOST_REPORT_OK,
		    "Linux %s takes the program of the kernel path, with tables for %u connections",
		    u.release, m->config->kernel.slots);
	else
		/* Who is not root hears what cannot be known, not what is so.
		 */
		host_report_tell(m,
		    e == -EPERM && geteuid() != 0 ? HOST_REPORT_WARNING
		                                  : HOST_REPORT_ERROR,
		    "kernel path: Linux %s: %s%s%s; %s", u.release, advice(e),
		    *why != '\0' ? ": " : "", last_line(why), way_out);
}

/* Each packet would be interpreted. */
static void
check_compiler(struct host_report *m)
{
	static const char path[] = "/proc/sys/net/core/bpf_jit_enable";
	CLEANUP(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	char c;

	if (fd != -1 && read(fd, &c, 1) == 1 && c == '0')
		host_report_tell(m, HOST_REPORT_WARNING,
		    "kernel path: %s is 0: the program is slow; expected 1",
		    path);
}

static void
check_pins(struct host_report *m)
{
	const char *pins = m->config->kernel.pins;
	char above[PATH_MAX];
	struct statfs s;

	(void)snprintf(above, sizeof(above), "%.*s",
	    (int)(strrchr(pins, '/') - pins) + 1, pins);
	if (statfs(above, &s) == -1)
		host_report_tell(m, HOST_REPORT_ERROR,
		    "kernel path: pins %s: %s: %s; %s", pins, above,
		    strerror(errno), way_out);
	else if (s.f_type != BPF_FS_MAGIC)
		host_report_tell(m, HOST_REPORT_ERROR,
		    "kernel path: pins %s: no BPF file system is mounted at %s: `mount -t bpf bpf /sys/fs/bpf`; %s",
		    pins, above, way_out);
	else
		host_report_tell(
		    m, HOST_REPORT_OK, "pins %s is in a BPF file system", pins);
}

/* The peer's director comes there, by TCP. */
static void
check_port(struct host_report *m)
{
	const struct config_pair *pair = &m->config->pair;
	char text[ADDR_TEXT_MAX], use[PORT_USE_TEXT];
	struct listen_table t = { 0 };
	struct port_use u;
	union addr a;
	int e;

	if (m->node == CONFIG_NO_NODE)
		return;
	a = pair->nodes[m->node].address;
	addr_set_port(&a, config_stream_port(pair));
	e = listen_table_read(&t);
	if (e == 0 &&
	    (m->running ? port_use_look_after_ours(&t, &a, &u, &e)
	                : port_use_look(&t, &a, &u, &e)) == PORT_USE_TAKEN)
		host_report_tell(m, HOST_REPORT_ERROR,
		    "kernel path: cannot listen on %s for the peer: %s",
		    addr_format(&a, text), port_use_text(&u, use));
	listen_table_free(&t);
}

/* Of addresses; servers may be elsewhere. */
static bool
is_ethernet(int fd, const char *name)
{
	struct ifreq r = { 0 };

	(void)snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	/* Others say of one that it is not there. */
	return ioctl(fd, SIOCGIFHWADDR, &r) == -1 ||
	    r.ifr_hwaddr.sa_family == ARPHRD_ETHER;
}

static void
check_interfaces(struct host_report *m)
{
	const struct config_pair *pair = &m->config->pair;
	CLEANUP(fd_close)
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	for (size_t g = 0; g < pair->n_groups; g++)
		for (size_t i = 0; i < pair->groups[g].n_interfaces; i++) {
			const char *name = pair->groups[g].interfaces[i];

			if (!is_ethernet(fd, name))
				host_report_tell(m, HOST_REPORT_WARNING,
				    "kernel path: interface %s is not Ethernet: connections over it are relayed",
				    name);
		}
}

/* What the file makes of `auto`. */
static void
tell_auto(struct host_report *m)
{
	for (size_t i = 0; i < m->config->n_services; i++) {
		const struct config_service *s = &m->config->services[i];
		const char *why = kernel_fit_why_not(m->config, s);

		if (s->path_asked == CONFIG_PATH_AUTO)
			host_report_tell(m, HOST_REPORT_OK,
			    "service %s: 'path: auto' is %s%s%s", s->name,
			    config_path_words[s->path], why != NULL ? ": " : "",
			    why != NULL ? why : "");
	}
}

void
host_kernel_check(struct host_report *m)
{
	tell_auto(m);
	if (!config_has_kernel(m->config))
		return;
	check_program(m);
	check_compiler(m);
	check_pins(m);
	check_port(m);
	check_interfaces(m);
}
