/* SPDX-License-Identifier: MIT */
/* The iommufd itself, and what concerns objects of every kind. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sized.h"

#include "linux.h"
#include "sys.h"

#define PATH "/dev/iommu"

static int open_failed(struct viq_why *why, int err)
{
	switch (err) {
	case -ENOENT:
		return why_say(why, err,
			       PATH " does not exist: load the module with 'modprobe iommufd', or boot a kernel of "
				    "6.2 or newer that is built with CONFIG_IOMMUFD");
	case -EACCES:
		return why_say(why, err,
			       PATH ": permission denied: run as root, or let this user read and write " PATH);
	case -EPERM:
		return why_say(why, err,
			       PATH ": not permitted: allow the device in this container or service (its device "
				    "cgroup or seccomp filter refuses it)");
	case -ENODEV:
	case -ENXIO:
		return why_say(why, err,
			       PATH " exists, but no driver answers: load the module with 'modprobe iommufd', or "
				    "boot a kernel built with CONFIG_IOMMUFD");
	case -EMFILE:
	case -ENFILE:
		return why_say(why, err, PATH ": %m: raise the limit of open files (ulimit -n)");
	default:
		return why_say(why, err, PATH " cannot be opened: %m: see the kernel's log (dmesg)");
	}
}

/* Fds may mean nothing to this process then: no call is left to the system's own. */
static int take_sys(struct viq_linux_sys *sys, const struct viq_linux_sys *from, struct viq_why *why)
{
	sys->group = NULL;
	sys->dup = NULL;
	return sized_take(sys, sizeof(*sys), from, SIZED_TO(struct viq_linux_sys, read), "config.sys", why);
}

/* Take over the caller's configuration and system calls, whatever version its structs have. */
static int take_config(struct viq_linux_config *own, struct viq_linux_sys *sys, const struct viq_linux_config *config,
		       struct viq_why *why)
{
	int ret;

	viq_linux_config_init(own, sizeof(*own));
	*sys = linux_sys;
	ret = config ? sized_take(own, sizeof(*own), config, SIZED_TO(struct viq_linux_config, fd), "config", why) : 0;
	if (!ret && own->sys)
		ret = take_sys(sys, own->sys, why);
	if (ret)
		return ret;
	if (own->fd < -1)
		return why_say(why, -EINVAL, "config.fd is %d: pass an open " PATH ", or -1", own->fd);
	if (!sys->open || !sys->close || !sys->ioctl || !sys->read)
		return why_say(why, -EINVAL, "config.sys: set open, close, ioctl and read");
	return 0;
}

void viq_linux_config_init(struct viq_linux_config *config, size_t size)
{
	const struct viq_linux_config defaults = {.fd = -1};

	if (config)
		sized_give(config, size, &defaults, sizeof(defaults));
}

/* 0 or a negative errno, with *why. */
static int open_file(struct viq_linux *ctx, int callers, struct viq_why *why)
{
	ctx->own_fd = callers < 0;
	ctx->fd = ctx->own_fd ? linux_open(ctx, PATH, O_RDWR | O_CLOEXEC) : linux_keep(ctx, callers);
	if (ctx->fd >= 0)
		return 0;
	return ctx->own_fd
		       ? open_failed(why, ctx->fd)
		       : why_say(why, ctx->fd, "config.fd: %d cannot be duplicated: %s", callers, strerror(-ctx->fd));
}

int viq_linux_open(const struct viq_linux_config *config, struct viq_linux **out, struct viq_why *why)
{
	struct viq_linux_config own;
	struct viq_linux_sys sys;
	struct viq_linux *ctx;
	int ret;

	if (!out)
		return why_say(why, -EINVAL, "out: NULL");
	ret = take_config(&own, &sys, config, why);
	if (ret)
		return ret;
	ctx = malloc(sizeof(*ctx));
	if (!ctx)
		return why_say(why, -ENOMEM, "out of memory");
	*ctx = (struct viq_linux){.sys = sys, .opaque = own.sys_opaque};
	if (pthread_mutex_init(&ctx->lock, NULL)) {
		free(ctx);
		return why_say(why, -ENOMEM, "out of memory");
	}
	ret = open_file(ctx, own.fd, why);
	if (ret) {
		pthread_mutex_destroy(&ctx->lock);
		free(ctx);
		return ret;
	}
	ctx->report = linux_ask_report(ctx);
	*out = ctx;
	return 0;
}

void viq_linux_close(struct viq_linux *ctx)
{
	if (!ctx)
		return;
	if (ctx->own_fd)
		linux_close(ctx, ctx->fd);
	else
		linux_let_go(ctx, ctx->fd);
	linux_groups_free(ctx);
	linux_parents_free(ctx);
	pthread_mutex_destroy(&ctx->lock);
	free(ctx);
}

int viq_linux_fd(const struct viq_linux *ctx)
{
	return ctx->fd;
}

bool viq_linux_reports(const struct viq_linux *ctx)
{
	return ctx->report;
}

int viq_linux_destroy(struct viq_linux *ctx, uint32_t id)
{
	struct uapi_iommu_destroy cmd = {.size = sizeof(cmd), .id = id};

	if (!ctx || !id)
		return -EINVAL;
	return linux_ioctl(ctx, ctx->fd, UAPI_IOMMU_DESTROY, &cmd);
}
