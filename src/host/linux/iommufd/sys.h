/* SPDX-License-Identifier: MIT */
#ifndef VIQ_HOST_LINUX_SYS_H
#define VIQ_HOST_LINUX_SYS_H

#include <viq/linux.h>

/* The system's own calls. */
extern const struct viq_linux_sys linux_sys;

#endif
