/* SPDX-License-Identifier: MIT */
#ifndef VIQ_HOST_LINUX_SYS_H
#define VIQ_HOST_LINUX_SYS_H

#include <viq/linux.h>

/* The system's own calls. */
extern const struct viq_linux_sys linux_sys;

/* The IOMMU group of a character device's device, by the sysfs at root. 0 or a negative errno. */
int linux_sysfs_group(const char *root, int cdev, uint32_t *group);

#endif
