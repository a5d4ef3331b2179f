/* SPDX-License-Identifier: MIT */
/* The iommufd itself, and what concerns objects of every kind. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "linux.h"
#include "sys.h"

#define PATH "/dev/iommu"

int linux_why(struct viq_linux_why *why, int err, const char *format, ...)
{
	va_list args;

	if (!why)
		return err;
	va_start(args, format);
	errno = -err; /* for %m, which needs no buffer that threads share */
	vsnprintf(why->text, sizeof(why->text), format, args);
	va_end(args);
	return err;
}

static int open_failed(struct viq_linux_why *why, int err)
{
	switch (err) {
	case -ENOENT:
		return linux_why(why, err,
				 PATH " does not exist: load the module with 'modprobe iommufd', or boot a kernel of "
				      "6.2 or newer that is built with CONFIG_IOMMUFD");
	case -EACCES:
		return linux_why(why, err,
				 PATH ": permission denied: run as root, or let this user read and write " PATH);
	case -EPERM:
		return linux_why(why, err,
				 PATH ": not permitted: allow the device in this container or service (its device "
				      "cgroup or seccomp filter refuses it)");
	case -ENODEV:
	case -ENXIO:
		return linux_why(why, err,
				 PATH " exists, but no driver answers: load the module with 'modprobe iommufd', or "
				      "boot a kernel built with CONFIG_IOMMUFD");
	case -EMFILE:
	case -ENFILE:
		return linux_why(why, err, PATH ": %m: raise the limit of open files (ulimit -n)");
	default:
		return linux_why(why, err, PATH " cannot be opened: %m: see the kernel's log (dmesg)");
	}
}

static bool sys_ok(const struct viq_linux_sys *sys)
{
	return sys->size == sizeof(*sys) && sys->open && sys->close && sys->ioctl && sys->read;
}

static int check_config(const struct viq_linux_config *config, struct viq_linux_why *why)
{
	if (config->size != sizeof(*config))
		return linux_why(why, -EINVAL,
				 "viq_linux_config.size is %u instead of %zu: use "
				 "viq_linux_config_init() of the header that this library came with",
				 config->size, sizeof(*config));
	if (config->fd < -1)
		return linux_why(why, -EINVAL, "viq_linux_config.fd is %d: pass an open " PATH ", or -1", config->fd);
	if (config->sys && !sys_ok(config->sys))
		return linux_why(why, -EINVAL, "viq_linux_sys: set its size to %zu and all four calls",
				 sizeof(*config->sys));
	return 0;
}

void viq_linux_config_init(struct viq_linux_config *config)
{
	*config = (struct viq_linux_config){.size = sizeof(*config), .fd = -1};
}

int viq_linux_open(const struct viq_linux_config *config, struct viq_linux **out, struct viq_linux_why *why)
{
	struct viq_linux_config defaults;
	struct viq_linux *ctx;
	int ret;

	if (!config) {
		viq_linux_config_init(&defaults);
		config = &defaults;
	}
	if (!out)
		return linux_why(why, -EINVAL, "viq_linux_open: no place for the result: pass out");
	ret = check_config(config, why);
	if (ret)
		return ret;
	ctx = malloc(sizeof(*ctx));
	if (!ctx)
		return linux_why(why, -ENOMEM, "no memory for a context: free some");
	*ctx = (struct viq_linux){.sys = config->sys ? config->sys : &linux_sys,
				  .opaque = config->sys_opaque,
				  .fd = config->fd,
				  .own_fd = config->fd < 0};
	if (ctx->own_fd) {
		ctx->fd = linux_open(ctx, PATH, O_RDWR | O_CLOEXEC);
		if (ctx->fd < 0) {
			ret = open_failed(why, ctx->fd);
			free(ctx);
			return ret;
		}
	}
	*out = ctx;
	return 0;
}

void viq_linux_close(struct viq_linux *ctx)
{
	if (!ctx)
		return;
	if (ctx->own_fd)
		linux_close(ctx, ctx->fd);
	free(ctx);
}

int viq_linux_fd(const struct viq_linux *ctx)
{
	return ctx->fd;
}

int viq_linux_destroy(struct viq_linux *ctx, uint32_t id)
{
	struct uapi_iommu_destroy cmd = {.size = sizeof(cmd), .id = id};

	if (!ctx || !id)
		return -EINVAL;
	return linux_ioctl(ctx, ctx->fd, UAPI_IOMMU_DESTROY, &cmd);
}
