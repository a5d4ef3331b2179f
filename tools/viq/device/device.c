// SPDX-License-Identifier: MIT
/* `viq device`: one conversation in QEMU's qtest protocol, on standard input and output or on a unix socket; and QMP.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "board.h"
#include "monitor.h"
#include "options.h"
#include "tool.h"

#define SLICE 4096 /* commands consumed between two looks at the input, when no budget is given */

static volatile sig_atomic_t stopped;

static void stop(int number)
{
	stopped = number;
}

/* --- Conversation ------------------------------------------------------------------------------------------------ */

struct conversation {
	struct board *board;
	struct qtest *qtest;
	uint32_t slice;
	int in, out;
	struct monitor *monitor;
	int qmp;            /* its socket; -1: it has none */
	sigset_t unblocked; /* while waiting */
};

static int send_all(const struct conversation *c, int out, const void *buf, size_t len)
{
	struct pollfd fd = {.fd = out, .events = POLLOUT};

	while (len && !stopped) {
		ssize_t n = write(out, buf, len);

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

static uint32_t talk_in(void *opaque, uint16_t port, unsigned int size)
{
	struct conversation *c = opaque;

	return pci_in(c->board, port, size);
}

static void talk_out(void *opaque, uint16_t port, unsigned int size, uint32_t value)
{
	struct conversation *c = opaque;

	pci_out(c->board, port, size, value);
}

static int talk_send(void *opaque, const void *buf, size_t len)
{
	const struct conversation *c = opaque;

	return send_all(c, c->out, buf, len);
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
	.in = talk_in,
	.out = talk_out,
	.send = talk_send,
	.extra = talk_extra,
};

static int qmp_send(void *opaque, const void *buf, size_t len)
{
	const struct conversation *c = opaque;

	return send_all(c, c->qmp, buf, len);
}

static void qmp_reset(void *opaque)
{
	const struct conversation *c = opaque;

	board_reset(c->board);
}

static const struct monitor_ops qmp_ops = {
	.send = qmp_send,
	.reset = qmp_reset,
};

/* Carry out all complete lines; what a budget has left gets its turn after each. */
static int run_lines(struct conversation *c)
{
	int ret;

	while ((ret = qtest_step(c->qtest)) > 0 && !stopped)
		if (board_ready(c->board))
			board_run(c->board, c->slice);
	return ret;
}

enum {
	INPUT_LINES = 1,
	INPUT_QMP = 2,
};

/* Wait for input (or its end), or not for long while the IOMMU has work. What has come, or a negative errno. */
static int wait_input(struct conversation *c)
{
	static const struct timespec now = {0}, later = {.tv_nsec = 1000000};
	const struct timespec *left = board_ready(c->board) ? &now : c->board->busy ? &later : NULL;
	struct pollfd fds[] = {{.fd = c->in, .events = POLLIN}, {.fd = c->qmp, .events = POLLIN}};

	if (ppoll(fds, 2, left, &c->unblocked) < 0)
		return errno == EINTR ? 0 : -errno;
	return (fds[0].revents ? INPUT_LINES : 0) | (fds[1].revents ? INPUT_QMP : 0);
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

/* A monitor that hangs up is no end of the conversation. */
static int serve_qmp(struct conversation *c)
{
	void *buf;
	size_t room = monitor_space(c->monitor, &buf);
	ssize_t n = read(c->qmp, buf, room);
	int err = 0;

	if (n > 0)
		err = monitor_filled(c->monitor, (size_t)n);
	else if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (n > 0 && err != -EPIPE && err != -ECONNRESET)
		return err;
	close(c->qmp);
	c->qmp = -1;
	return 0;
}

/* Until end of file, "quit", a signal or an error. */
static int converse(struct conversation *c)
{
	int ret, came;

	while (!stopped && !(c->monitor && monitor_quits(c->monitor))) {
		came = wait_input(c);
		if (came < 0)
			return came;
		if (!came && c->board->busy)
			board_run(c->board, c->slice);
		ret = came & INPUT_QMP ? serve_qmp(c) : 0;
		if (ret < 0)
			return ret;
		if (!(came & INPUT_LINES))
			continue;
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

/* A socket and its address, or -1 after an error message. */
static int new_socket(const char *path, struct sockaddr_un *addr)
{
	int fd;

	*addr = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (!*path || strlen(path) >= sizeof(addr->sun_path)) {
		tool_error(path, "a socket's path has 1 to %zu bytes; choose a shorter one",
			   sizeof(addr->sun_path) - 1);
		return -1;
	}
	strcpy(addr->sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		tool_error(path, "socket: %s", strerror(errno));
	return fd;
}

/* A listening socket, or -1 after an error message. */
static int listen_at(const char *path)
{
	struct sockaddr_un addr;
	int fd = new_socket(path, &addr);

	if (fd < 0)
		return -1;
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		if (errno == EADDRINUSE)
			tool_error(path, "exists already; remove it or choose another path");
		else
			tool_error(path, "cannot make a socket here: %s; choose a writable directory", strerror(errno));
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

/* A connection to who listens there, or -1 after an error message. */
static int connect_to(const char *path)
{
	struct sockaddr_un addr;
	int fd = new_socket(path, &addr);

	if (fd < 0)
		return -1;
	if (!connect(fd, (struct sockaddr *)&addr, sizeof(addr)) && !fcntl(fd, F_SETFL, O_NONBLOCK))
		return fd;
	tool_error(path, "cannot connect: %s; the program that listens here must have been started", strerror(errno));
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

static int serve(struct conversation *c, const char *name, int in, int out)
{
	c->in = in;
	c->out = out;
	return report(c, name, converse(c));
}

static int serve_socket(struct conversation *c, const char *path)
{
	int listener = listen_at(path);
	int status = TOOL_OK;
	int fd;

	if (listener < 0)
		return TOOL_ERROR;
	fd = accept_client(listener, &c->unblocked);
	if (fd >= 0) {
		status = serve(c, path, fd, fd);
		close(fd);
	} else if (errno != EINTR) {
		status = tool_error(path, "accept: %s", strerror(errno));
	}
	unlink(path);
	close(listener);
	return status;
}

static int serve_listener(struct conversation *c, const char *path)
{
	int fd = connect_to(path);
	int status;

	if (fd < 0)
		return TOOL_ERROR;
	status = serve(c, path, fd, fd);
	close(fd);
	return status;
}

static int serve_all(struct conversation *c, const struct device_options *opts)
{
	int err;

	if (opts->qmp) {
		c->qmp = connect_to(opts->qmp);
		if (c->qmp < 0)
			return TOOL_ERROR;
		err = monitor_create(&qmp_ops, c, c->board->arch->machine, &c->monitor);
		if (err)
			return tool_error(opts->qmp, "%s", strerror(-err));
	}
	if (opts->socket)
		return serve_socket(c, opts->socket);
	if (opts->connect)
		return serve_listener(c, opts->connect);
	return serve(c, "standard input", STDIN_FILENO, STDOUT_FILENO);
}

int cmd_device(int argc, char **argv)
{
	struct conversation c = {.qmp = -1};
	struct device_options opts;
	struct viq_why why = {""};
	int status, err;
	bool go;

	status = device_parse_options(argc, argv, &opts, &go);
	if (!go)
		return status;
	err = board_create(&opts.board, &c.board, &why);
	if (err)
		return err == -EINVAL ? tool_usage("%s", why.text) : tool_error(NULL, "%s", why.text);
	if (qtest_create(&talk_ops, &c, &c.qtest)) {
		board_destroy(c.board);
		return tool_error(NULL, "no memory");
	}
	c.board->qtest = c.qtest;
	c.slice = opts.budget ? opts.budget : SLICE;
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&c.unblocked);
	if (opts.socket || opts.connect)
		catch_signals(&c.unblocked);
	status = serve_all(&c, &opts);
	if (c.qmp >= 0)
		close(c.qmp);
	monitor_destroy(c.monitor);
	c.board->qtest = NULL;
	qtest_destroy(c.qtest);
	board_destroy(c.board);
	return status;
}
