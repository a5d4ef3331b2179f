/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "support/test.h"
#include "script.h"

static bool interrupted(struct script *s)
{
	s->calls++;
	if (!s->interrupts)
		return false;
	s->interrupts--;
	return true;
}

static int script_sys_open(void *opaque, const char *path, int flags)
{
	struct script *s = opaque;

	if (interrupted(s))
		return -EINTR;
	s->opens++;
	s->open_flags = flags;
	snprintf(s->path, sizeof(s->path), "%s", path);
	return s->ret ? s->ret : SCRIPT_FD;
}

static int script_sys_close(void *opaque, int fd)
{
	struct script *s = opaque;

	s->calls++;
	s->closes++;
	s->closed_fd = fd;
	return 0;
}

static void *pointer_in(const struct script *s)
{
	uint64_t pointer;

	memcpy(&pointer, s->arg + s->pointer, sizeof(pointer));
	return (void *)(uintptr_t)pointer;
}

/* Every argument of iommufd and vfio begins with its size. */
static int script_sys_ioctl(void *opaque, int fd, unsigned long request, void *arg)
{
	struct script *s = opaque;
	uint32_t i;

	memcpy(&s->arg_len, arg, sizeof(s->arg_len));
	assert_in_range(s->arg_len, 4, sizeof(s->arg));
	if (interrupted(s)) {
		memset(arg, 0xee, s->arg_len); /* answers that do not count */
		return -EINTR;
	}
	s->ioctls++;
	s->fd = fd;
	s->request = request;
	memcpy(s->arg, arg, s->arg_len);
	if (s->pointer && !s->data)
		memcpy(s->pointed, pointer_in(s), s->pointed_len ? s->pointed_len : 16);
	if (s->ret < 0)
		return s->ret;
	if (s->pointer && s->data)
		memcpy(pointer_in(s), s->data, (size_t)s->data_len);
	for (i = 0; i < s->out_count; i++)
		memcpy((uint8_t *)arg + s->out[i].offset, &s->out[i].value, 4);
	return s->ret;
}

static int64_t script_sys_read(void *opaque, int fd, void *buf, size_t len)
{
	struct script *s = opaque;

	if (interrupted(s))
		return -EINTR;
	s->reads++;
	s->fd = fd;
	s->read_len = len;
	if (s->data_len > 0)
		memcpy(buf, s->data, (size_t)s->data_len < len ? (size_t)s->data_len : len);
	return s->data_len;
}

const struct viq_linux_sys script_sys = {
	.size = sizeof(script_sys),
	.open = script_sys_open,
	.close = script_sys_close,
	.ioctl = script_sys_ioctl,
	.read = script_sys_read,
};

struct viq_linux *script_open(struct script *script)
{
	/* HWPT_INVALIDATE of no object, with an empty array and the flag of integrations/linux. */
	static const uint32_t ask[10] = {40, 0, 0, 0, 0, 0, 0, 1};
	struct script opening = {.ret = -EOPNOTSUPP}, own = *script;
	struct viq_linux_config config;
	struct viq_linux *ctx;

	viq_linux_config_init(&config, sizeof(config));
	config.fd = SCRIPT_FD;
	config.sys = &script_sys;
	config.sys_opaque = script;
	*script = opening;
	assert_int_equal(viq_linux_open(&config, &ctx, NULL), 0);
	opening = *script;
	*script = own;
	assert_int_equal(opening.calls, 1);
	script_expect(&opening, SCRIPT_FD, 0x3b8d, ask, sizeof(ask));
	assert_false(viq_linux_reports(ctx));
	return ctx;
}

void script_expect(const struct script *script, int fd, unsigned long request, const void *arg, size_t len)
{
	assert_int_equal(script->fd, fd);
	assert_int_equal(script->request, request);
	assert_int_equal(script->arg_len, len);
	assert_memory_equal(script->arg, arg, len);
}
