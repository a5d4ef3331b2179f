// SPDX-License-Identifier: MIT
/* `viq device`: one conversation in QEMU's qtest protocol, on standard input and output or on a unix socket. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "board.h"
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
		if (board_ready(c->board))
			board_run(c->board, c->slice);
	return ret;
}

/* Wait for input, or not for long while the IOMMU has work. 1: there is some (or end of file). */
static int wait_input(struct conversation *c)
{
	static const struct timespec now = {0}, later = {.tv_nsec = 1000000};
	const struct timespec *left = board_ready(c->board) ? &now : c->board->busy ? &later : NULL;
	struct pollfd fd = {.fd = c->in, .events = POLLIN};
	int n = ppoll(&fd, 1, left, &c->unblocked);

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
	struct conversation c = {0};
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
	status = opts.socket ? serve_socket(&c, opts.socket) : serve_stdio(&c);
	c.board->qtest = NULL;
	qtest_destroy(c.qtest);
	board_destroy(c.board);
	return status;
}
