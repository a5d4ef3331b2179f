/* SPDX-License-Identifier: MIT */
/* What every /init of these machines does: mount, read its orders from the kernel's command line, switch off. */
#ifndef VIQ_KERNEL_MACHINE_H
#define VIQ_KERNEL_MACHINE_H

#include <stdbool.h>
#include <stddef.h>

/* Mounts /proc, /sys and /dev. */
void machine_start(void);
/* The value of key=value in the kernel's command line, cut to size; false, and "" in value, if there is none. */
bool machine_option(const char *key, char *value, size_t size);
/* Writes the firmware's IORT to the console, in hex. */
void machine_dump_iort(void);
/* Switches off. */
void machine_off(void);
/* Says that the end was reached, and switches off. */
void machine_end(void);

#endif
