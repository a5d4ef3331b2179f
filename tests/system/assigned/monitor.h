/* SPDX-License-Identifier: MIT */
/* QEMU's monitor, by QMP on two pipes: the machine's kernel has no sockets. */
#ifndef VIQ_ASSIGNED_MONITOR_H
#define VIQ_ASSIGNED_MONITOR_H

#include <stdint.h>

#define MONITOR_PATH "/monitor"

/* Words, divided by bars. */
#define MONITOR_OPTIONS "-chardev|pipe,id=monitor,path=" MONITOR_PATH "|-mon|chardev=monitor,mode=control"

/* Before QEMU is started. Fails the test. */
void monitor_make(void);

/* A command of the human monitor, and its answer in JSON. Fails the test if there is none. */
void monitor_ask(const char *command, char *answer, unsigned int size);

/* A counter that "info viq" tells; 0 if it does not. */
uint64_t monitor_counter(const char *info, const char *name);

#endif
