/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/tap.h"
#include "vmm.h"

/*
 * Seconds of this machine's clock, which leaps while the guest waits: a guest that waits for what never comes is
 * noticed at once. One that is busy is given minutes of real time, of which vm.py has the last word.
 */
#define PATIENCE 900

static void __attribute__((noreturn)) become(char *const argv[], const int in[2], const int out[2], const int err[2])
{
	/* A test that dies takes its VMM with it. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_DFL);
	if (dup2(in[0], 0) >= 0 && dup2(out[1], 1) >= 0 && dup2(err[1], 2) >= 0)
		execv(argv[0], argv);
	dprintf(err[1], "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

static void lines_init(struct vmm_lines *lines, char prefix, int fd)
{
	*lines = (struct vmm_lines){.prefix = prefix, .fd = fd};
	fcntl(fd, F_SETFL, O_NONBLOCK);
}

void vmm_start(struct vmm *vmm, char *const argv[])
{
	int in[2], out[2], err[2];

	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC))
		fail("pipe: %s", strerror(errno));
	fflush(stdout);
	/* A VMM that has ended is noticed by its silence, not by writing to it. */
	signal(SIGPIPE, SIG_IGN);
	vmm->pid = fork();
	if (vmm->pid < 0)
		fail("fork: %s", strerror(errno));
	if (!vmm->pid)
		become(argv, in, out, err);
	close(in[0]);
	close(out[1]);
	close(err[1]);
	vmm->input = in[1];
	lines_init(&vmm->console, 'G', out[0]);
	lines_init(&vmm->words, 'V', err[0]);
}

/* Reads what there is. */
static void fill(struct vmm_lines *lines)
{
	ssize_t got;

	if (lines->ended || lines->length == sizeof(lines->text) - 1)
		return;
	got = read(lines->fd, lines->text + lines->length, sizeof(lines->text) - 1 - lines->length);
	if (got > 0)
		lines->length += (size_t)got;
	else if (!got || (errno != EAGAIN && errno != EINTR))
		lines->ended = true;
}

/* A whole line, or what can never become one. */
static bool take(struct vmm_lines *lines, char line[VMM_LINE])
{
	char *end = memchr(lines->text, '\n', lines->length);
	bool full = lines->length == sizeof(lines->text) - 1;
	size_t length = end ? (size_t)(end - lines->text) : lines->length, used = length + (end != NULL);

	if (!end && !full && !(lines->ended && lines->length))
		return false;
	memcpy(line, lines->text, length);
	lines->length -= used;
	memmove(lines->text, lines->text + used, lines->length);
	while (length && line[length - 1] == '\r')
		length--;
	line[length] = 0;
	for (size_t i = 0; i < length; i++) {
		if (line[i] == 0)
			line[i] = '?';
	}
	printf("%c| %s\n", lines->prefix, line);
	fflush(stdout);
	return true;
}

/* False if nothing came for too long. */
static bool wait_for_more(struct vmm *vmm)
{
	struct pollfd fds[] = {
		{.fd = vmm->console.ended ? -1 : vmm->console.fd, .events = POLLIN},
		{.fd = vmm->words.ended ? -1 : vmm->words.fd, .events = POLLIN},
	};

	if (!poll(fds, 2, PATIENCE * 1000))
		return false;
	/* In this order: what was said before the guest's line was written is there when that is read. */
	if (fds[0].revents)
		fill(&vmm->console);
	fill(&vmm->words);
	return true;
}

enum vmm_source vmm_next(struct vmm *vmm, char line[VMM_LINE])
{
	for (;;) {
		if (take(&vmm->words, line))
			return VMM_WORDS;
		if (take(&vmm->console, line))
			return VMM_CONSOLE;
		if (vmm->words.ended && vmm->console.ended)
			return VMM_ENDED;
		if (!wait_for_more(vmm))
			return VMM_SILENT;
	}
}

bool vmm_words(struct vmm *vmm, char line[VMM_LINE])
{
	struct pollfd fd = {.fd = vmm->words.fd, .events = POLLIN};

	while (!take(&vmm->words, line)) {
		if (vmm->words.ended || !poll(&fd, 1, PATIENCE * 1000))
			return false;
		fill(&vmm->words);
	}
	return true;
}

static void put(struct vmm *vmm, const char *text, size_t length)
{
	/* Short, and there is nobody to tell if it does not arrive. */
	if (write(vmm->input, text, length) < 0)
		tap_note("the VMM takes no input: %s", strerror(errno));
}

void vmm_key(struct vmm *vmm, char key)
{
	const char keys[] = {1, key};

	put(vmm, keys, sizeof(keys));
}

void vmm_type(struct vmm *vmm, const char *text)
{
	char line[VMM_LINE];
	int length = snprintf(line, sizeof(line), "%.900s\n", text);

	put(vmm, line, (size_t)length);
}

int vmm_stop(struct vmm *vmm)
{
	int status;

	/* Both of its pipes have ended unless something is wrong: killing one that is about to exit would hide its
	 * status. */
	if (!vmm->console.ended || !vmm->words.ended)
		kill(vmm->pid, SIGKILL);
	while (waitpid(vmm->pid, &status, 0) < 0) {
		if (errno != EINTR)
			return -1;
	}
	close(vmm->input);
	close(vmm->console.fd);
	close(vmm->words.fd);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
