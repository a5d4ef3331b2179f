/* SPDX-License-Identifier: MIT */
/* System calls: the system's own, and the one place from which all of them are made. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/assert.h"
#include "linux.h"
#include "sys.h"

/* Signals that interrupt one call this often let it get nowhere: fail rather than loop forever. */
#define INTERRUPTS_MAX 256
/* Bytes of the largest argument in uapi.h. Each begins with its size. */
#define ARGUMENT_MAX 48

static int sys_open(void *opaque, const char *path, int flags)
{
	int fd = open(path, flags);

	return fd < 0 ? -errno : fd;
}

/* Linux closes the fd whatever it answers, so there is nothing to do again. */
static int sys_close(void *opaque, int fd)
{
	return close(fd) ? -errno : 0;
}

/* What POSIX leaves to libc. The kernel has 32 bits. */
#ifdef __GLIBC__
typedef unsigned long ioctl_request;
#else
typedef int ioctl_request;
#endif

static int sys_ioctl(void *opaque, int fd, unsigned long request, void *arg)
{
	int ret = ioctl(fd, (ioctl_request)request, arg);

	return ret < 0 ? -errno : ret;
}

static int64_t sys_read(void *opaque, int fd, void *buf, size_t len)
{
	ssize_t n = read(fd, buf, len);

	return n < 0 ? -errno : n;
}

static int64_t sys_write(void *opaque, int fd, const void *buf, size_t len)
{
	ssize_t n = write(fd, buf, len);

	return n < 0 ? -errno : n;
}

static int sys_dup(void *opaque, int fd)
{
	int ret = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	return ret < 0 ? -errno : ret;
}

/* The link ends in the group's number. -ENODEV: it does not, or is longer than any link there. */
static int read_number(const char *path, uint32_t *number)
{
	char link[256], *name, *end;
	unsigned long value;
	ssize_t n;

	n = readlink(path, link, sizeof(link));
	if (n < 0)
		return -errno;
	if (n == sizeof(link))
		return -ENODEV;
	link[n] = '\0';
	name = strrchr(link, '/');
	if (!name || name[1] < '0' || name[1] > '9')
		return -ENODEV;
	value = strtoul(name + 1, &end, 10);
	if (*end || value > UINT32_MAX)
		return -ENODEV;
	*number = (uint32_t)value;
	return 0;
}

int linux_sysfs_group(const char *root, int cdev, uint32_t *group)
{
	char path[256];
	struct stat st;
	int n;

	if (fstat(cdev, &st))
		return -errno;
	if (!S_ISCHR(st.st_mode))
		return -ENODEV;
	n = snprintf(path, sizeof(path), "%s/dev/char/%u:%u/device/iommu_group", root, major(st.st_rdev),
		     minor(st.st_rdev));
	return n < (int)sizeof(path) ? read_number(path, group) : -ENAMETOOLONG;
}

static int sys_group(void *opaque, int cdev, uint32_t *group)
{
	return linux_sysfs_group("/sys", cdev, group);
}

const struct viq_linux_sys linux_sys = {
	.size = sizeof(linux_sys),
	.open = sys_open,
	.close = sys_close,
	.ioctl = sys_ioctl,
	.read = sys_read,
	.group = sys_group,
	.dup = sys_dup,
	.write = sys_write,
};

int linux_ioctl(const struct viq_linux *ctx, int fd, unsigned long request, void *arg)
{
	uint8_t before[ARGUMENT_MAX];
	uint32_t size;
	int i, ret;

	memcpy(&size, arg, sizeof(size));
	ASSERT(size <= sizeof(before));
	memcpy(before, arg, size);
	for (i = 0; i < INTERRUPTS_MAX; i++) {
		ret = linux_ioctl_once(ctx, fd, request, arg);
		if (ret != -EINTR)
			return ret;
		/* It may have answered already, such as how many entries it did: the next call is to do them all. */
		memcpy(arg, before, size);
	}
	return -EAGAIN;
}

int64_t linux_read(const struct viq_linux *ctx, int fd, void *buf, size_t len)
{
	int64_t ret;
	int i;

	for (i = 0; i < INTERRUPTS_MAX; i++) {
		ret = ctx->sys.read(ctx->opaque, fd, buf, len);
		if (ret != -EINTR)
			return ret;
	}
	return -EAGAIN;
}

int64_t linux_write(const struct viq_linux *ctx, int fd, const void *buf, size_t len)
{
	int64_t ret;
	int i;

	for (i = 0; i < INTERRUPTS_MAX; i++) {
		ret = ctx->sys.write(ctx->opaque, fd, buf, len);
		if (ret != -EINTR)
			return ret;
	}
	return -EAGAIN;
}

int linux_open(const struct viq_linux *ctx, const char *path, int flags)
{
	int i, ret;

	for (i = 0; i < INTERRUPTS_MAX; i++) {
		ret = ctx->sys.open(ctx->opaque, path, flags);
		if (ret != -EINTR)
			return ret;
	}
	return -EAGAIN;
}

void linux_close(const struct viq_linux *ctx, int fd)
{
	ctx->sys.close(ctx->opaque, fd);
}

int linux_keep(const struct viq_linux *ctx, int fd)
{
	int ret = -EINTR;

	if (!ctx->sys.dup)
		return fd;
	for (int i = 0; ret == -EINTR && i < INTERRUPTS_MAX; i++)
		ret = ctx->sys.dup(ctx->opaque, fd);
	return ret == -EINTR ? -EAGAIN : ret;
}

void linux_let_go(const struct viq_linux *ctx, int fd)
{
	if (ctx->sys.dup)
		linux_close(ctx, fd);
}
