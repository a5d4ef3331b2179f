// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "machine.h"

#define ANSWER_MS   30000
#define WRITE_CHUNK 65536 /* bytes of memory that one line carries */

/* --- The process ------------------------------------------------------------------------------------------------- */

static void become(const char *const *argv, int fd, pid_t parent)
{
	int null = open("/dev/null", O_WRONLY);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* The parent may have ended before that. */
	if (getppid() == parent && null >= 0 && dup2(fd, STDIN_FILENO) >= 0 && dup2(fd, STDOUT_FILENO) >= 0 &&
	    dup2(null, STDERR_FILENO) >= 0)
		execvp(argv[0], (char *const *)argv);
	_exit(127);
}

int machine_start(struct machine *machine, const char *const *argv)
{
	pid_t self = getpid();
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
		return -errno;
	machine->pid = fork();
	if (machine->pid < 0) {
		int ret = -errno;

		close(fds[0]);
		close(fds[1]);
		return ret;
	}
	if (machine->pid == 0)
		become(argv, fds[1], self);
	close(fds[1]);
	machine->fd = fds[0];
	return 0;
}

void machine_stop(struct machine *machine)
{
	close(machine->fd);
	kill(machine->pid, SIGKILL);
	waitpid(machine->pid, NULL, 0);
}

/* --- The protocol ------------------------------------------------------------------------------------------------ */

static int send_all(int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t n = send(fd, text, len, MSG_NOSIGNAL);

		if (n < 0 && errno != EINTR)
			return -EIO;
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

/* One line, without its newline. The machine says nothing that it was not asked, so nothing follows the newline. */
static int receive_line(int fd, char *line, size_t size)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
	size_t len = 0;

	while (len < size) {
		int ready = poll(&poll_fd, 1, ANSWER_MS);
		ssize_t n;

		if (ready < 0 && errno == EINTR)
			continue;
		if (!ready)
			return -ETIMEDOUT;
		n = ready < 0 ? -1 : read(fd, line + len, size - len);
		if (n <= 0)
			return -EIO;
		len += (size_t)n;
		if (line[len - 1] == '\n') {
			line[len - 1] = '\0';
			return 0;
		}
	}
	return -EIO;
}

int machine_ask(struct machine *machine, const char *request, char *answer, size_t size)
{
	char *line;
	int len, ret;

	len = asprintf(&line, "%s\n", request);
	if (len < 0)
		return -ENOMEM;
	ret = send_all(machine->fd, line, (size_t)len);
	free(line);
	if (!ret)
		ret = receive_line(machine->fd, answer, size);
	if (!ret && strncmp(answer, "OK", 2))
		ret = -EIO;
	return ret;
}

int machine_read32(struct machine *machine, uint64_t addr, uint32_t *value)
{
	char request[64], answer[64];
	int ret;

	snprintf(request, sizeof(request), "readl 0x%" PRIx64, addr);
	ret = machine_ask(machine, request, answer, sizeof(answer));
	if (!ret && sscanf(answer, "OK 0x%" SCNx32, value) != 1)
		ret = -EIO;
	return ret;
}

static int write_word(struct machine *machine, const char *verb, uint64_t addr, uint64_t value)
{
	char request[64], answer[64];

	snprintf(request, sizeof(request), "%s 0x%" PRIx64 " 0x%" PRIx64, verb, addr, value);
	return machine_ask(machine, request, answer, sizeof(answer));
}

int machine_write32(struct machine *machine, uint64_t addr, uint32_t value)
{
	return write_word(machine, "writel", addr, value);
}

int machine_write64(struct machine *machine, uint64_t addr, uint64_t value)
{
	return write_word(machine, "writeq", addr, value);
}

static int write_chunk(struct machine *machine, uint64_t addr, const uint8_t *bytes, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	char *request = malloc(2 * len + 64), answer[64];
	char *p;
	int ret;

	if (!request)
		return -ENOMEM;
	p = request + sprintf(request, "write 0x%" PRIx64 " %zu 0x", addr, len);
	for (size_t i = 0; i < len; i++) {
		*p++ = digits[bytes[i] >> 4];
		*p++ = digits[bytes[i] & 15];
	}
	*p = '\0';
	ret = machine_ask(machine, request, answer, sizeof(answer));
	free(request);
	return ret;
}

int machine_write(struct machine *machine, uint64_t addr, const void *buf, size_t len)
{
	const uint8_t *bytes = buf;

	while (len) {
		size_t n = len < WRITE_CHUNK ? len : WRITE_CHUNK;
		int ret = write_chunk(machine, addr, bytes, n);

		if (ret)
			return ret;
		addr += n;
		bytes += n;
		len -= n;
	}
	return 0;
}
