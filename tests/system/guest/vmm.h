/* SPDX-License-Identifier: MIT */
/*
 * A viq-vmm (or another VMM: tests/system/peers) that runs: its guest's console, what it says itself, and what it can
 * be told. Every line is also written to this machine's console, the guest's behind "G| " and the VMM's behind "V| ",
 * so that neither is taken for a word of this machine's kernel.
 */
#ifndef VIQ_GUEST_VMM_H
#define VIQ_GUEST_VMM_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define VMM_PROGRAM "/viq-vmm"
#define VMM_LINE    1024 /* longer ones are cut */

/* Lines from a pipe. */
struct vmm_lines {
	char prefix;
	bool ended;
	int fd;
	size_t length;
	char text[VMM_LINE];
};

struct vmm {
	pid_t pid;
	int input;
	struct vmm_lines console, words;
};

enum vmm_source {
	VMM_CONSOLE, /* a line of the guest's console */
	VMM_WORDS,   /* a line of the VMM's own */
	VMM_ENDED,
	VMM_SILENT, /* nothing for a long time */
};

/* Starts argv[0] with these arguments, the last one NULL. Fails the test. */
void vmm_start(struct vmm *vmm, char *const argv[]);
/*
 * Waits for the next line, without its end. What the VMM had said before its guest wrote a line comes before that line.
 */
enum vmm_source vmm_next(struct vmm *vmm, char line[VMM_LINE]);
/* The VMM's next line; its guest's wait meanwhile. False if none comes. */
bool vmm_words(struct vmm *vmm, char line[VMM_LINE]);
/* Ctrl-A and the key. */
void vmm_key(struct vmm *vmm, char key);
/* A line for the guest to read; cut so that its UART holds it. */
void vmm_type(struct vmm *vmm, const char *text);
/* Kills it if it still runs. Its exit status, or -1 if it was killed by a signal. */
int vmm_stop(struct vmm *vmm);

#endif
