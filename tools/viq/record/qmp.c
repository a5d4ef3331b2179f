// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "qmp.h"
#include "tool.h"

#define QMP_TIMEOUT_S 10 /* receive() names it */

static void broken(struct qmp *qmp, const char *what, const char *why)
{
	tool_error(qmp->path, "%s (%s); %s", what, why,
		   qmp->advice ? qmp->advice : "is QEMU running, and is this its -qmp socket?");
	qmp->broken = true;
}

/* A message of QEMU: NULL after an error. */
static json_t *receive(struct qmp *qmp)
{
	json_error_t error;
	json_t *message;

	errno = 0;
	message = json_loadf(qmp->in, JSON_DISABLE_EOF_CHECK, &error);
	if (message)
		return message;
	if (errno == EAGAIN || errno == EWOULDBLOCK)
		broken(qmp, "no answer for 10 seconds", "QMP serves one client at a time, is another one connected?");
	else
		broken(qmp, "no QMP message", errno ? strerror(errno) : error.text);
	return NULL;
}

static bool send_all(struct qmp *qmp, const char *text)
{
	size_t len = strlen(text);
	ssize_t sent;

	while (len) {
		sent = send(fileno(qmp->in), text, len, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0) {
			broken(qmp, "cannot send", strerror(errno));
			return false;
		}
		text += sent;
		len -= (size_t)sent;
	}
	return true;
}

/* The answer to a command; events come in between. */
static bool receive_answer(struct qmp *qmp, const char *command, json_t **result)
{
	const char *why;
	json_t *message;

	for (;;) {
		message = receive(qmp);
		if (!message)
			return false;
		if (json_object_get(message, "return") || json_object_get(message, "error"))
			break;
		json_decref(message);
	}
	why = json_string_value(json_object_get(json_object_get(message, "error"), "desc"));
	if (json_object_get(message, "error")) {
		tool_error(qmp->path, "QEMU refuses %s: %s", command, why ? why : "no reason given");
		json_decref(message);
		return false;
	}
	if (result)
		*result = json_incref(json_object_get(message, "return"));
	json_decref(message);
	return true;
}

bool qmp_execute(struct qmp *qmp, const char *command, json_t *arguments, json_t **result)
{
	json_t *message = json_pack("{s:s, s:o*}", "execute", command, "arguments", arguments);
	char *text = message ? json_dumps(message, JSON_COMPACT) : NULL;
	bool ok = false;

	if (!text)
		tool_error(NULL, "out of memory");
	else if (!qmp->broken)
		ok = send_all(qmp, text) && receive_answer(qmp, command, result);
	free(text);
	json_decref(message);
	return ok;
}

static int open_socket(const char *path)
{
	struct timeval timeout = {.tv_sec = QMP_TIMEOUT_S};
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(path) >= sizeof(addr.sun_path)) {
		tool_error(path, "the name is too long for a unix socket; use a shorter path");
		return -1;
	}
	strcpy(addr.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) < 0 ||
	    connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		tool_error(path, "cannot connect: %s; start QEMU with -qmp unix:%s,server=on,wait=off", strerror(errno),
			   path);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

bool qmp_connect(struct qmp *qmp, const char *path)
{
	json_t *greeting;
	int fd = open_socket(path);

	if (fd < 0)
		return false;
	qmp->path = path;
	qmp->in = fdopen(fd, "r");
	if (!qmp->in) {
		close(fd);
		tool_error(NULL, "out of memory");
		return false;
	}
	greeting = receive(qmp);
	if (greeting && !json_object_get(greeting, "QMP")) {
		tool_error(path, "something other than QMP answers; name QEMU's -qmp socket");
		json_decref(greeting);
		greeting = NULL;
	}
	if (!greeting) {
		qmp_close(qmp);
		return false;
	}
	json_decref(greeting);
	if (!qmp_execute(qmp, "qmp_capabilities", NULL, NULL)) {
		qmp_close(qmp);
		return false;
	}
	return true;
}

void qmp_close(struct qmp *qmp)
{
	if (qmp->in)
		fclose(qmp->in);
	qmp->in = NULL;
}
