// SPDX-License-Identifier: MIT
/* `viq device`: one conversation in QEMU's qtest protocol, on standard input and output or on a unix socket. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "board.h"
#include "failures.h"
#include "tool.h"

#define SLICE 4096 /* commands consumed between two looks at the input, when no budget is given */

static const char help[] =
	"usage: viq device smmuv3|vtd [OPTION]...\n"
	"A register-level IOMMU that answers to QEMU's qtest line protocol, where QEMU's machine has it:\n"
	"  smmuv3   registers at 0x09050000, memory from 0x40000000: the virt machine\n"
	"  vtd      registers at 0xfed90000, memory from 0: the q35 machine\n"
	"One client; ends when it hangs up.\n\n"
	"  --socket PATH      wait for the client on a new unix socket (default: standard input and output)\n"
	"  --host soft|null   what executes invalidations: a software IOMMU, or nothing (default: null)\n"
	"  --contract NAME    smmuv3: how the software host reports failures: exact, linux-7.3 or linux-next "
	"(default:\n"
	"                     exact)\n"
	"  --stream N         with the software host: a device with this StreamID or source-id (repeat for more;\n"
	"                     default: 0)\n"
	"  --idr0 X, --idr1 X, --idr3 X, --idr5 X, --aidr X\n"
	"                     smmuv3: ID registers that the guest sees\n"
	"  --ver X, --cap X, --ecap X\n"
	"                     vtd: capability registers that the guest sees\n"
	"  --memory SIZE      guest memory, in bytes or with K, M or G (default: 128M)\n"
	"  --budget N         commands consumed by one register write at most; the rest follows between lines\n\n"
	"Lines that begin with 'viq' are additions: run, counters, dma_read, dma_write, inject, save, restore.\n"
	"Example: printf 'readl 0x9050000\\n' | viq device smmuv3\n";

#define MAX_MEMORY (UINT64_C(1) << 40)

struct options {
	struct board_config board;
	const char *socket;
	const char *of_smmuv3, *of_vtd; /* an option that only this device has, if one was given */
	uint32_t budget;
};

static volatile sig_atomic_t stopped;

static void stop(int number)
{
	stopped = number;
}

/* --- Command line ------------------------------------------------------------------------------------------------ */

static bool parse_size(const char *text, uint64_t *out)
{
	static const char units[] = "KMG";
	size_t len = strlen(text);
	const char *unit = len ? strchr(units, text[len - 1]) : NULL;
	char digits[32];

	if (!unit || len > sizeof(digits))
		return tool_number("--memory", text, 4096, MAX_MEMORY, out);
	memcpy(digits, text, len - 1);
	digits[len - 1] = '\0';
	if (!tool_number("--memory", digits, 1, MAX_MEMORY >> (10 * (unit - units + 1)), out))
		return false;
	*out <<= 10 * (unit - units + 1);
	return true;
}

static bool parse_u32(const char *option, const char *text, uint32_t *out)
{
	uint64_t value;

	if (!tool_number(option, text, 0, UINT32_MAX, &value))
		return false;
	*out = (uint32_t)value;
	return true;
}

static bool parse_host(const char *text, bool *soft)
{
	*soft = !strcmp(text, "soft");
	if (*soft || !strcmp(text, "null"))
		return true;
	tool_usage("--host: '%s' is not soft or null", text);
	return false;
}

static bool parse_stream(struct board_config *board, const char *text)
{
	if (board->stream_count == BOARD_MAX_STREAM) {
		tool_usage("--stream: more than %d devices", BOARD_MAX_STREAM);
		return false;
	}
	if (!parse_u32("--stream", text, &board->streams[board->stream_count]))
		return false;
	for (size_t i = 0; i < board->stream_count; i++) {
		if (board->streams[i] == board->streams[board->stream_count]) {
			tool_usage("--stream: %s is given twice", text);
			return false;
		}
	}
	board->stream_count++;
	return true;
}

static bool parse_contract(const char *text, uint32_t *contract)
{
	if (!contract_parse(text, contract))
		return true;
	tool_usage("--contract: '%s' is not %s", text, CONTRACT_NAMES);
	return false;
}

enum {
	OPT_SOCKET = 256,
	OPT_HOST,
	OPT_CONTRACT,
	OPT_STREAM,
	OPT_IDR0,
	OPT_IDR1,
	OPT_IDR3,
	OPT_IDR5,
	OPT_AIDR,
	OPT_VER,
	OPT_CAP,
	OPT_ECAP,
	OPT_MEMORY,
	OPT_BUDGET,
};

static const struct option long_options[] = {
	{"socket", required_argument, NULL, OPT_SOCKET},
	{"host", required_argument, NULL, OPT_HOST},
	{"contract", required_argument, NULL, OPT_CONTRACT},
	{"stream", required_argument, NULL, OPT_STREAM},
	{"idr0", required_argument, NULL, OPT_IDR0},
	{"idr1", required_argument, NULL, OPT_IDR1},
	{"idr3", required_argument, NULL, OPT_IDR3},
	{"idr5", required_argument, NULL, OPT_IDR5},
	{"aidr", required_argument, NULL, OPT_AIDR},
	{"ver", required_argument, NULL, OPT_VER},
	{"cap", required_argument, NULL, OPT_CAP},
	{"ecap", required_argument, NULL, OPT_ECAP},
	{"memory", required_argument, NULL, OPT_MEMORY},
	{"budget", required_argument, NULL, OPT_BUDGET},
	{"help", no_argument, NULL, 'h'},
	{0},
};

static bool take_smmuv3(int option, struct options *opts)
{
	static const char *const names[] = {"--idr0", "--idr1", "--idr3", "--idr5", "--aidr"};
	struct viq_smmuv3_config *c = &opts->board.smmuv3;
	uint32_t *const fields[] = {&c->idr0, &c->idr1, &c->idr3, &c->idr5, &c->aidr};

	opts->of_smmuv3 = names[option - OPT_IDR0];
	return parse_u32(opts->of_smmuv3, optarg, fields[option - OPT_IDR0]);
}

static bool take_vtd(int option, struct options *opts)
{
	static const char *const names[] = {"--ver", "--cap", "--ecap"};

	opts->of_vtd = names[option - OPT_VER];
	if (option == OPT_VER)
		return parse_u32("--ver", optarg, &opts->board.vtd.version);
	return tool_number(opts->of_vtd, optarg, 0, UINT64_MAX,
			   option == OPT_CAP ? &opts->board.vtd.cap : &opts->board.vtd.ecap);
}

static bool take_option(int option, struct options *opts)
{
	struct board_config *board = &opts->board;

	switch (option) {
	case OPT_SOCKET:
		opts->socket = optarg;
		return true;
	case OPT_HOST:
		return parse_host(optarg, &board->soft);
	case OPT_CONTRACT:
		opts->of_smmuv3 = "--contract";
		return parse_contract(optarg, &board->contract);
	case OPT_STREAM:
		return parse_stream(board, optarg);
	case OPT_IDR0:
	case OPT_IDR1:
	case OPT_IDR3:
	case OPT_IDR5:
	case OPT_AIDR:
		return take_smmuv3(option, opts);
	case OPT_VER:
	case OPT_CAP:
	case OPT_ECAP:
		return take_vtd(option, opts);
	case OPT_MEMORY:
		return parse_size(optarg, &board->ram_size);
	case OPT_BUDGET:
		return parse_u32("--budget", optarg, &opts->budget);
	default:
		return false;
	}
}

static const struct board_arch *find_arch(const char *name)
{
	static const struct board_arch *const archs[] = {&board_smmuv3, &board_vtd};

	for (size_t i = 0; i < sizeof(archs) / sizeof(archs[0]); i++)
		if (!strcmp(archs[i]->name, name))
			return archs[i];
	return NULL;
}

/* Do the options fit the device? TOOL_OK, or the status to exit with. */
static int check_options(struct options *opts)
{
	struct board_config *board = &opts->board;

	if (!board->arch)
		return tool_usage("name one device: smmuv3 or vtd");
	if (opts->of_smmuv3 && board->arch != &board_smmuv3)
		return tool_usage("%s is for smmuv3", opts->of_smmuv3);
	if (opts->of_vtd && board->arch != &board_vtd)
		return tool_usage("%s is for vtd", opts->of_vtd);
	if (!board->soft && (board->stream_count || board->contract != VIQ_FAULT_EXACT))
		return tool_usage("--stream and --contract need --host soft");
	for (size_t i = 0; i < board->stream_count; i++)
		if (board->streams[i] > board->arch->stream_limit)
			return tool_usage("--stream: 0x%x is above 0x%llx", board->streams[i],
					  (unsigned long long)board->arch->stream_limit);
	if (!board->stream_count)
		board->streams[board->stream_count++] = 0;
	board->smmuv3.budget = board->vtd.budget = opts->budget;
	return TOOL_OK;
}

/* TOOL_OK and *go, or the status to exit with. */
static int parse_options(int argc, char **argv, struct options *opts, bool *go)
{
	int option;

	*go = false;
	while ((option = tool_getopt(argc, argv, "h", long_options)) != -1) {
		if (option == 'h') {
			fputs(help, stdout);
			return TOOL_OK;
		}
		if (!take_option(option, opts))
			return TOOL_USAGE;
	}
	if (optind == argc - 1)
		opts->board.arch = find_arch(argv[optind]);
	option = check_options(opts);
	*go = option == TOOL_OK;
	return option;
}

/* --- Conversation ------------------------------------------------------------------------------------------------ */

struct conversation {
	struct board *board;
	struct qtest *qtest;
	uint32_t slice;
	int in, out;
	sigset_t unblocked; /* while waiting */
};

static int send_all(void *opaque, const void *buf, size_t len)
{
	struct conversation *c = opaque;
	struct pollfd fd = {.fd = c->out, .events = POLLOUT};

	while (len && !stopped) {
		ssize_t n = write(c->out, buf, len);

		if (n >= 0) {
			buf = (const char *)buf + n;
			len -= (size_t)n;
		} else if (errno == EAGAIN) {
			ppoll(&fd, 1, NULL, &c->unblocked);
		} else if (errno != EINTR) {
			return -errno;
		}
	}
	return 0;
}

static void talk_read(void *opaque, uint64_t addr, void *buf, uint64_t len)
{
	struct conversation *c = opaque;

	board_read(c->board, addr, buf, len);
}

static void talk_write(void *opaque, uint64_t addr, const void *buf, uint64_t len)
{
	struct conversation *c = opaque;

	board_write(c->board, addr, buf, len);
}

static void talk_fill(void *opaque, uint64_t addr, uint8_t byte, uint64_t len)
{
	struct conversation *c = opaque;

	board_fill(c->board, addr, byte, len);
}

static void talk_extra(void *opaque, struct qtest *qtest, char *const *words, size_t count)
{
	struct conversation *c = opaque;

	board_extra(c->board, qtest, words, count);
}

static const struct qtest_ops talk_ops = {
	.read = talk_read,
	.write = talk_write,
	.fill = talk_fill,
	.send = send_all,
	.extra = talk_extra,
};

/* Carry out all complete lines; what a budget has left gets its turn after each. */
static int run_lines(struct conversation *c)
{
	int ret;

	while ((ret = qtest_step(c->qtest)) > 0 && !stopped)
		if (c->board->busy)
			board_run(c->board, c->slice);
	return ret;
}

/* Wait for input, or only look for it while the IOMMU has work. 1: there is some (or end of file). */
static int wait_input(struct conversation *c)
{
	static const struct timespec now = {0};
	struct pollfd fd = {.fd = c->in, .events = POLLIN};
	int n = ppoll(&fd, 1, c->board->busy ? &now : NULL, &c->unblocked);

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	return n;
}

/* 1: bytes came; 0: end of file; else a negative errno. */
static int receive(struct conversation *c)
{
	void *buf;
	int64_t room = qtest_space(c->qtest, &buf);
	ssize_t n;

	if (room < 0)
		return (int)room;
	n = read(c->in, buf, (size_t)room);
	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? 1 : -errno;
	qtest_filled(c->qtest, (size_t)n);
	return n > 0;
}

/* Until end of file, a signal or an error. */
static int converse(struct conversation *c)
{
	int ret;

	while (!stopped) {
		ret = wait_input(c);
		if (ret < 0)
			return ret;
		if (!ret) {
			if (c->board->busy)
				board_run(c->board, c->slice);
			continue;
		}
		ret = receive(c);
		if (ret <= 0)
			return ret;
		ret = run_lines(c);
		if (ret < 0)
			return ret;
	}
	return 0;
}

/* --- Socket ------------------------------------------------------------------------------------------------------ */

/* A listening socket, or -1 after an error message. */
static int listen_at(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd;

	if (!*path || strlen(path) >= sizeof(addr.sun_path)) {
		tool_error(path, "a socket's path has 1 to %zu bytes; choose a shorter one", sizeof(addr.sun_path) - 1);
		return -1;
	}
	strcpy(addr.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		tool_error(path, "socket: %s", strerror(errno));
		return -1;
	}
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		if (errno == EADDRINUSE)
			tool_error(path, "exists already; remove it or choose another path");
		else
			tool_error(path, "bind: %s", strerror(errno));
		goto close_fd;
	}
	if (listen(fd, 1)) {
		tool_error(path, "listen: %s", strerror(errno));
		unlink(path);
		goto close_fd;
	}
	return fd;
close_fd:
	close(fd);
	return -1;
}

/* Wait for the one client. Its socket; -1 with errno, EINTR after a signal. */
static int accept_client(int listener, const sigset_t *unblocked)
{
	struct pollfd fd = {.fd = listener, .events = POLLIN};

	if (ppoll(&fd, 1, NULL, unblocked) < 0)
		return -1;
	return accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

/* --- The command ------------------------------------------------------------------------------------------------- */

static int report(const struct conversation *c, const char *name, int err)
{
	/* A client that goes away without reading its last answers has hung up. */
	if (err == -EPIPE || err == -ECONNRESET)
		err = 0;
	if (err)
		return tool_error(name, "%s", strerror(-err));
	if (!stopped && qtest_partial(c->qtest))
		return tool_error(name, "ended inside a line, which was not carried out; end it with a newline");
	return TOOL_OK;
}

static int serve_stdio(struct conversation *c)
{
	c->in = STDIN_FILENO;
	c->out = STDOUT_FILENO;
	return report(c, "standard input", converse(c));
}

/* With a socket to remove: signals that end the program are seen only while it waits. */
static void catch_signals(sigset_t *unblocked)
{
	struct sigaction action = {.sa_handler = stop};
	sigset_t blocked;

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGINT);
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, SIGHUP);
	sigprocmask(SIG_BLOCK, &blocked, unblocked);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
}

static int serve_socket(struct conversation *c, const char *path)
{
	int status = TOOL_OK;
	int listener;

	catch_signals(&c->unblocked);
	listener = listen_at(path);
	if (listener < 0)
		return TOOL_ERROR;
	c->in = c->out = accept_client(listener, &c->unblocked);
	if (c->in >= 0) {
		status = report(c, path, converse(c));
		close(c->in);
	} else if (errno != EINTR) {
		status = tool_error(path, "accept: %s", strerror(errno));
	}
	unlink(path);
	close(listener);
	return status;
}

int cmd_device(int argc, char **argv)
{
	struct options opts = {.board.ram_size = UINT64_C(128) << 20};
	struct conversation c = {0};
	const char *why;
	int status, err;
	bool go;

	viq_smmuv3_config_init(&opts.board.smmuv3);
	viq_vtd_config_init(&opts.board.vtd);
	status = parse_options(argc, argv, &opts, &go);
	if (!go)
		return status;
	err = board_create(&opts.board, &c.board, &why);
	if (err)
		return err == -EINVAL ? tool_usage("%s", why) : tool_error(NULL, "%s", why);
	if (qtest_create(&talk_ops, &c, &c.qtest)) {
		board_destroy(c.board);
		return tool_error(NULL, "no memory");
	}
	c.board->qtest = c.qtest;
	c.slice = opts.budget ? opts.budget : SLICE;
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&c.unblocked);
	status = opts.socket ? serve_socket(&c, opts.socket) : serve_stdio(&c);
	c.board->qtest = NULL;
	qtest_destroy(c.qtest);
	board_destroy(c.board);
	return status;
}
