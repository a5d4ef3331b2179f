/* SPDX-License-Identifier: MIT */
/* The system's own calls, on what is no iommufd; and signals that do not end. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/linux/iommufd/linux.h"
#include "host/linux/iommufd/sys.h"

static void reads_and_writes(void **state)
{
	char buf[8] = "";
	int fds[2];

	assert_int_equal(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
	assert_int_equal(linux_sys.read(NULL, fds[0], buf, sizeof(buf)), -EAGAIN);
	assert_int_equal(linux_sys.write(NULL, fds[1], "queue", 5), 5);
	assert_int_equal(linux_sys.read(NULL, fds[0], buf, sizeof(buf)), 5);
	assert_string_equal(buf, "queue");
	assert_int_equal(linux_sys.write(NULL, fds[0], "queue", 5), -EBADF);
	assert_int_equal(linux_sys.close(NULL, fds[0]), 0);
	assert_int_equal(linux_sys.close(NULL, fds[1]), 0);
	assert_int_equal(linux_sys.read(NULL, fds[0], buf, sizeof(buf)), -EBADF);
}

static int calls;

static int64_t interrupted_read(void *opaque, int fd, void *buf, size_t len)
{
	return ++calls < *(int *)opaque ? -EINTR : 7;
}

static int64_t interrupted_write(void *opaque, int fd, const void *buf, size_t len)
{
	return ++calls < *(int *)opaque ? -EINTR : 7;
}

static int interrupted_open(void *opaque, const char *path, int flags)
{
	return ++calls < *(int *)opaque ? -EINTR : 7;
}

/* P4: tried again, but not for ever. */
static void signals(void **state)
{
	int works;
	const struct viq_linux ctx = {
		.sys = {.read = interrupted_read, .write = interrupted_write, .open = interrupted_open},
		.opaque = &works};
	char buf[8] = "";

	for (works = 1; works < 4; works++) {
		assert_int_equal((calls = 0, linux_read(&ctx, 3, buf, sizeof(buf))), 7);
		assert_int_equal((calls = 0, linux_write(&ctx, 3, buf, sizeof(buf))), 7);
		assert_int_equal((calls = 0, linux_open(&ctx, "/dev/iommu", O_RDWR)), 7);
		assert_int_equal(calls, works);
	}
	works = INT32_MAX;
	assert_int_equal((calls = 0, linux_read(&ctx, 3, buf, sizeof(buf))), -EAGAIN);
	assert_in_range(calls, 2, 1000);
	assert_int_equal((calls = 0, linux_write(&ctx, 3, buf, sizeof(buf))), -EAGAIN);
	assert_in_range(calls, 2, 1000);
	assert_int_equal((calls = 0, linux_open(&ctx, "/dev/iommu", O_RDWR)), -EAGAIN);
	assert_in_range(calls, 2, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_and_writes),
		cmocka_unit_test(signals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
