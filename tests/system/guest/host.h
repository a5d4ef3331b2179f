/* SPDX-License-Identifier: MIT */
/* The machine that the VMM runs on: its assigned device, and what its kernel has to say. */
#ifndef VIQ_GUEST_HOST_H
#define VIQ_GUEST_HOST_H

#include <stdbool.h>
#include <stddef.h>

#include <viq/linux.h>

#define HOST_DEVICE "/dev/vfio/devices/vfio0"
#define HOST_PATH   64

/* Gives the edu device to vfio-pci, if it is not there yet. Fails the test. */
void host_bind(void);
/* The same of the NVMe disk; its cdev's path. */
void host_bind_disk(char path[HOST_PATH]);

/* The device, used by this program. */
struct host_use {
	int cdev;
	struct viq_linux *linux;
};
/* Works if nobody else uses it. Fails the test. */
void host_use(struct host_use *use, const char *path);
void host_leave(struct host_use *use);

/* The kernel's log from now on. */
struct host_log {
	int fd;
};
void host_log_begin(struct host_log *log);
/* Is there a record of level "warning" or worse? Then the first one is in text. */
bool host_log_end(struct host_log *log, char *text, size_t size);

#endif
