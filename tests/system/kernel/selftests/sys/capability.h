/* SPDX-License-Identifier: MIT */
/* What the kernel's own iommufd tests use of libcap, which Debian has no cross package of. */
#ifndef VIQ_KERNEL_SELFTESTS_CAPABILITY_H
#define VIQ_KERNEL_SELFTESTS_CAPABILITY_H

#include <linux/capability.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

typedef struct __user_cap_data_struct *cap_t;
typedef int cap_value_t;

#define CAP_EFFECTIVE 0
#define CAP_CLEAR     0

static struct __user_cap_header_struct cap_header = {_LINUX_CAPABILITY_VERSION_3, 0};
static struct __user_cap_data_struct cap_words[2];

static inline cap_t cap_get_proc(void)
{
	return syscall(SYS_capget, &cap_header, cap_words) ? NULL : cap_words;
}

/* Only ever called to clear effective ones. */
static inline int cap_set_flag(cap_t caps, int set, int count, const cap_value_t *list, int value)
{
	for (int i = 0; i < count; i++)
		caps[list[i] / 32].effective &= ~(UINT32_C(1) << list[i] % 32);
	return set || value ? -1 : 0;
}

static inline int cap_set_proc(cap_t caps)
{
	return (int)syscall(SYS_capset, &cap_header, caps);
}

static inline int cap_free(cap_t caps)
{
	return caps ? 0 : -1;
}

#endif
