/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/tap.h"
#include "monitor.h"

#define TO_QEMU   MONITOR_PATH ".in"
#define FROM_QEMU MONITOR_PATH ".out"

void monitor_make(void)
{
	unlink(TO_QEMU);
	unlink(FROM_QEMU);
	if (mkfifo(TO_QEMU, 0600) || mkfifo(FROM_QEMU, 0600))
		fail("pipes for QEMU's monitor: %s", strerror(errno));
}

/* The next line that is an answer: events and the greeting are none. */
static void answer_of(FILE *monitor, char *answer, unsigned int size)
{
	do {
		if (!fgets(answer, (int)size, monitor))
			fail("QEMU's monitor gives no answer");
	} while (strncmp(answer, "{\"return\"", 9) && strncmp(answer, "{\"error\"", 8));
}

void monitor_ask(const char *command, char *answer, unsigned int size)
{
	int to = open(TO_QEMU, O_WRONLY | O_CLOEXEC);
	FILE *from = fopen(FROM_QEMU, "re");

	if (to < 0 || !from)
		fail("QEMU's monitor: %s", strerror(errno));
	/* Only the first one is not an error. */
	dprintf(to, "{\"execute\": \"qmp_capabilities\"}\n");
	answer_of(from, answer, size);
	dprintf(to, "{\"execute\": \"human-monitor-command\", \"arguments\": {\"command-line\": \"%s\"}}\n", command);
	answer_of(from, answer, size);
	fclose(from);
	close(to);
}

uint64_t monitor_counter(const char *info, const char *name)
{
	char word[64];
	const char *at;

	snprintf(word, sizeof(word), "  %s ", name);
	at = strstr(info, word);
	return at ? strtoull(at + strlen(word), NULL, 10) : 0;
}
