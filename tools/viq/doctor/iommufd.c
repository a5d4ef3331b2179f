// SPDX-License-Identifier: MIT
/* /dev/iommu, and how much memory this process may pin through it. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "doctor.h"

#define CAP_IPC_LOCK 14 /* <linux/capability.h>: RLIMIT_MEMLOCK does not apply */

/* 0 or -errno. A copy of a tree has no device: there it is only asked whether this user might open it. */
static int try_open(struct doctor *d)
{
	int fd, ret;

	if (d->live)
		return viq_linux_open(NULL, &d->ctx, NULL);
	fd = doctor_open(d, "dev/iommu", O_PATH);
	if (fd < 0)
		return -errno;
	ret = faccessat(fd, "", R_OK | W_OK, AT_EACCESS | AT_EMPTY_PATH) ? -errno : 0;
	close(fd);
	return ret;
}

/* What the kernel itself says outweighs what its version does. */
void doctor_report(struct doctor *d)
{
	if (!viq_linux_reports(d->ctx))
		return;
	d->row = "7.3 with integrations/linux";
	doctor_find(d, DOCTOR_OK, "iommufd", "a call that fails says which entry, and why: row '%s'", d->row);
}

static void judge_open(struct doctor *d, int err)
{
	switch (err) {
	case 0:
		doctor_find(d, DOCTOR_OK, "iommufd", "/dev/iommu %s", d->live ? "can be opened" : "is there");
		if (d->live)
			doctor_report(d);
		return;
	case -EACCES:
		doctor_find(d, DOCTOR_MISSING, "iommufd", "/dev/iommu may not be opened by this user");
		doctor_remedy(d, "run as root, or let this user read and write /dev/iommu (a udev rule)");
		return;
	case -EPERM:
		doctor_find(d, DOCTOR_MISSING, "iommufd", "/dev/iommu may not be opened in this container or service");
		doctor_remedy(d, "allow /dev/iommu in its device cgroup or seccomp filter");
		return;
	default:
		doctor_find(d, DOCTOR_MISSING, "iommufd", "/dev/iommu cannot be opened: %s", strerror(-err));
		doctor_remedy(d, "load the module again: modprobe -r iommufd; modprobe iommufd; then see dmesg");
	}
}

static void judge_iommufd(struct doctor *d)
{
	if (!doctor_exists(d, "dev/iommu")) {
		doctor_find(d, DOCTOR_MISSING, "iommufd", "/dev/iommu does not exist");
		doctor_remedy(d, "modprobe iommufd; if there is no such module, boot a kernel that is built with "
				 "CONFIG_IOMMUFD; in a container, pass /dev/iommu in");
		return;
	}
	if (!doctor_exists(d, "sys/class/misc/iommu")) {
		/* Opening it would load the module: that is for others to decide. */
		doctor_find(d, DOCTOR_MISSING, "iommufd", "/dev/iommu exists, but its driver is not loaded");
		doctor_remedy(d, "modprobe iommufd");
		return;
	}
	judge_open(d, try_open(d));
}

static bool may_lock(const struct doctor *d)
{
	char *text, *line;
	size_t len;
	bool may;

	if (doctor_read(d, "proc/self/status", 65536, &text, &len))
		return false;
	line = strstr(text, "\nCapEff:");
	may = line && strtoull(line + strlen("\nCapEff:"), NULL, 16) >> CAP_IPC_LOCK & 1;
	free(text);
	return may;
}

/* Guest memory stays pinned as long as it is mapped, all of it. */
static void judge_memlock(struct doctor *d)
{
	struct rlimit limit;

	if (may_lock(d)) {
		doctor_find(d, DOCTOR_OK, "memory", "this process may pin any amount of memory (CAP_IPC_LOCK)");
	} else if (!getrlimit(RLIMIT_MEMLOCK, &limit) && limit.rlim_cur != RLIM_INFINITY) {
		doctor_find(d, DOCTOR_WARNING, "memory",
			    "this process may pin %" PRIu64 " KiB (RLIMIT_MEMLOCK), and all guest memory is pinned",
			    (uint64_t)limit.rlim_cur / 1024);
		doctor_remedy(d, "raise the limit above the guest's memory: ulimit -l, LimitMEMLOCK= of systemd, or "
				 "/etc/security/limits.conf");
	} else {
		doctor_find(d, DOCTOR_OK, "memory", "this process may pin any amount of memory (RLIMIT_MEMLOCK)");
	}
}

void doctor_iommufd(struct doctor *d)
{
	judge_iommufd(d);
	if (d->own)
		judge_memlock(d);
}
