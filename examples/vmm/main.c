/* SPDX-License-Identifier: MIT */
#include <getopt.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "vmm.h"

static const char usage[] =
	"Usage: viq-vmm --kernel IMAGE [OPTION...]\n"
	"Runs an arm64 Linux on KVM, with a PCI device behind an SMMUv3 that is viq.\n"
	"\n"
	"  --kernel IMAGE    an arm64 Image, not compressed\n"
	"  --initrd FILE\n"
	"  --append STRING   the kernel's command line; the console is ttyAMA0\n"
	"  --memory MIB      of the guest (256)\n"
	"  --cpus N          1 to 8 (1)\n"
	"  --device PATH     vfio cdev of the device (/dev/vfio/devices/vfio0)\n"
	"  --queue WHERE     vcpu: who rings the doorbell consumes the commands (default); worker: a thread does\n"
	"  --reads HOW       of the SMMU's registers: exit (default); page: from memory, no exit (needs FEAT_S2FWB)\n"
	"  --budget N        work done while others must wait, in commands; a host call counts as 64 (0: 1,024)\n"
	"  --calls HOW       entries that one system call gets: bulk (default), strict, single\n"
	"  --no-range        the guest sees no range invalidation\n"
	"  --msi-window HOW  the addresses to which the host has the device send its MSIs: direct (default): the "
	"guest's\n"
	"                    kernel maps them, for its driver; none: it does not, and a program may have the device "
	"(vfio)\n"
	"  --msi             a CMD_SYNC may complete by a write to memory; else the guest reads CMDQ_CONS\n"
	"  --cmdq LOG2       the guest's command queue has at most 2^LOG2 entries\n"
	"  --status SECONDS  how often to say what viq has done\n"
	"  --count           for tests: count the guest's commands in its ring, for Ctrl-A c\n"
	"  --drop N          for tests: lose the N-th invalidation of an address\n"
	"\n"
	"The guest's console is standard input and output; Ctrl-A ? lists what else can be typed.\n";

struct options {
	struct boot boot;
	struct smmu_options smmu;
	uint64_t memory;
	unsigned int cpus, status;
};

/* One write: lines of several threads do not get into each other. */
static void print_line(const char *prefix, const char *format, va_list args)
{
	char line[512];

	vsnprintf(line, sizeof(line), format, args);
	fprintf(stderr, "%s: %s\n", prefix, line);
}

void say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_line("viq", format, args);
	va_end(args);
}

void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_line("viq-vmm", format, args);
	va_end(args);
	exit(1);
}

/* --- The command line --------------------------------------------------------------------------------------------- */

static uint64_t number(const char *name, const char *text, uint64_t least, uint64_t most)
{
	char *end;
	uint64_t value;

	errno = 0;
	value = strtoull(text, &end, 0);
	if (errno || end == text || *end || text[0] == '-' || value < least || value > most)
		die("--%s: %s is not a number from %llu to %llu", name, text, (unsigned long long)least,
		    (unsigned long long)most);
	return value;
}

static bool queue_option(const char *text)
{
	if (strcmp(text, "vcpu") && strcmp(text, "worker"))
		die("--queue is vcpu or worker, not %s", text);
	return !strcmp(text, "worker");
}

static bool reads_option(const char *text)
{
	if (strcmp(text, "exit") && strcmp(text, "page"))
		die("--reads is exit or page, not %s", text);
	return !strcmp(text, "page");
}

static bool window_option(const char *text)
{
	if (strcmp(text, "direct") && strcmp(text, "none"))
		die("--msi-window is direct or none, not %s", text);
	return !strcmp(text, "none");
}

static const struct option words[] = {
	{"kernel", required_argument, NULL, 'k'},
	{"initrd", required_argument, NULL, 'i'},
	{"append", required_argument, NULL, 'a'},
	{"memory", required_argument, NULL, 'm'},
	{"cpus", required_argument, NULL, 'c'},
	{"device", required_argument, NULL, 'd'},
	{"queue", required_argument, NULL, 'q'},
	{"reads", required_argument, NULL, 'r'},
	{"budget", required_argument, NULL, 'b'},
	{"calls", required_argument, NULL, 'C'},
	{"no-range", no_argument, NULL, 'R'},
	{"msi", no_argument, NULL, 'M'},
	{"cmdq", required_argument, NULL, 'Q'},
	{"status", required_argument, NULL, 's'},
	{"count", no_argument, NULL, 'n'},
	{"drop", required_argument, NULL, 'D'},
	{"help", no_argument, NULL, 'h'},
	{"msi-window", required_argument, NULL, 'w'},
	{NULL, 0, NULL, 0},
};

static void set_option(struct options *o, int word)
{
	switch (word) {
	case 'k':
		o->boot.kernel = optarg;
		break;
	case 'i':
		o->boot.initrd = optarg;
		break;
	case 'a':
		o->boot.append = optarg;
		break;
	case 'm':
		o->memory = number("memory", optarg, 64, 65536) << 20;
		break;
	case 'c':
		o->cpus = (unsigned int)number("cpus", optarg, 1, MAX_CPUS);
		break;
	case 'd':
		o->smmu.device = optarg;
		break;
	case 'q':
		o->smmu.worker = queue_option(optarg);
		break;
	case 'r':
		o->smmu.page = reads_option(optarg);
		break;
	case 'b':
		o->smmu.budget = (uint32_t)number("budget", optarg, 0, VIQ_CALL_MAX_ENTRIES);
		break;
	case 'C':
		o->smmu.calls = optarg;
		break;
	case 'R':
		o->smmu.no_range = true;
		break;
	case 'M':
		o->smmu.msi = true;
		break;
	case 'Q':
		o->smmu.cmdq = (uint32_t)number("cmdq", optarg, 1, 19);
		break;
	case 'w':
		o->boot.no_window = window_option(optarg);
		break;
	case 's':
		o->status = (unsigned int)number("status", optarg, 1, 3600);
		break;
	case 'n':
		o->smmu.count = true;
		break;
	case 'D':
		o->smmu.drop = number("drop", optarg, 1, UINT64_MAX);
		break;
	case 'h':
		fputs(usage, stdout);
		exit(0);
	default:
		fputs("Try viq-vmm --help.\n", stderr);
		exit(2);
	}
}

static void parse(struct options *o, int argc, char **argv)
{
	int word;

	while ((word = getopt_long(argc, argv, "", words, NULL)) != -1)
		set_option(o, word);
	if (optind < argc)
		die("%s is not an option", argv[optind]);
	if (!o->boot.kernel)
		die("no --kernel; try --help");
}

/* --- The event loop ----------------------------------------------------------------------------------------------- */

static struct termios terminal;

static void restore_terminal(void)
{
	tcsetattr(STDIN_FILENO, TCSANOW, &terminal);
}

/* The guest's console wants single keys, and does the echo itself. */
static void prepare_terminal(void)
{
	struct termios raw;

	if (tcgetattr(STDIN_FILENO, &terminal))
		return; /* not a terminal */
	atexit(restore_terminal);
	raw = terminal;
	cfmakeraw(&raw);
	raw.c_oflag |= OPOST;
	tcsetattr(STDIN_FILENO, TCSANOW, &raw);
}

static volatile sig_atomic_t signalled;

static void on_signal(int signal)
{
	signalled = 1;
}

/*
 * Signals that end the program come while the main thread waits, and only then: this is done before there are others,
 * which inherit that they are blocked. Returns the mask to wait with.
 */
static sigset_t catch_signals(void)
{
	struct sigaction action = {.sa_handler = on_signal};
	sigset_t ours, before;

	sigemptyset(&ours);
	sigaddset(&ours, SIGINT);
	sigaddset(&ours, SIGTERM);
	sigprocmask(SIG_BLOCK, &ours, &before);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	signal(SIGPIPE, SIG_IGN); /* a guest goes on when nobody reads its console */
	return before;
}

static time_t seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

enum {
	INPUT,
	EVENTS,
	END,
	SOURCES,
};

/* What the console's user typed; false at its end. */
static bool take_input(struct monitor *m)
{
	uint8_t text[256];
	ssize_t got = read(STDIN_FILENO, text, sizeof(text));

	if (got > 0)
		monitor_input(m, text, (size_t)got);
	return got > 0 || (got < 0 && errno == EINTR);
}

/* Waits until there is something to do, the next status line is due (0: none is wanted), or a signal comes. */
static void wait_for(struct pollfd *fds, const sigset_t *mask, time_t due)
{
	struct timespec left = {.tv_sec = due > seconds() ? due - seconds() : 0};

	if (ppoll(fds, SOURCES, due ? &left : NULL, mask) >= 0)
		return;
	if (errno != EINTR)
		die("poll: %s", strerror(errno));
	for (int i = 0; i < SOURCES; i++)
		fds[i].revents = 0;
}

static void run(struct monitor *m, const sigset_t *mask, time_t status)
{
	struct pollfd fds[SOURCES] = {
		[INPUT] = {.fd = STDIN_FILENO, .events = POLLIN},
		[EVENTS] = {.fd = smmu_event_fd(m->smmu), .events = POLLIN},
		[END] = {.fd = m->vm->end_fd, .events = POLLIN},
	};
	time_t last = seconds();

	while (!fds[END].revents) {
		wait_for(fds, mask, status ? last + status : 0);
		if (fds[INPUT].revents && !take_input(m))
			fds[INPUT].fd = -1;
		if (fds[EVENTS].revents)
			smmu_events(m->smmu);
		if (status && seconds() - last >= status) {
			monitor_status(m, (unsigned int)(seconds() - last));
			last = seconds();
		}
		if (signalled)
			vm_end(m->vm, "ended by a signal", false);
	}
}

int main(int argc, char **argv)
{
	struct options options = {
		.boot.append = "console=ttyAMA0",
		.smmu.device = "/dev/vfio/devices/vfio0",
		.memory = UINT64_C(256) << 20,
		.cpus = 1,
		.smmu.calls = "bulk",
	};
	struct assigned *assigned;
	struct monitor monitor = {0};
	struct smmu_exits exits;
	struct vm vm;
	sigset_t mask;
	int cdev;

	setvbuf(stderr, NULL, _IOLBF, 0);
	parse(&options, argc, argv);
	mask = catch_signals();
	vm_create(&vm, options.memory, options.cpus);
	cdev = assigned_open(options.smmu.device);
	monitor = (struct monitor){.vm = &vm, .smmu = smmu_create(&vm, cdev, &options.smmu)};
	assigned = assigned_create(&vm, cdev);
	pci_create(&vm, assigned);
	monitor.uart = uart_create(&vm, STDOUT_FILENO);
	boot_load(&vm, &options.boot);

	prepare_terminal();
	vcpus_start(&vm);
	run(&monitor, &mask, options.status);
	vcpus_stop(&vm);
	exits = smmu_exits(monitor.smmu);
	say("the guest has ended: %s; %llu reads and %llu doorbells of the SMMU exited", vm.ending,
	    (unsigned long long)exits.reads, (unsigned long long)exits.doorbells);

	uart_destroy(monitor.uart);
	assigned_destroy(assigned);
	smmu_destroy(monitor.smmu);
	close(cdev);
	vm_destroy(&vm);
	return vm.failed;
}
