/* SPDX-License-Identifier: MIT */
/* The IOMMU group of a device, as sysfs tells it: a tree of the test's own, around a character device there is. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/linux/iommufd/sys.h"

/* root/dev/char/MAJOR:MINOR/device/iommu_group, and the directories above it. */
struct tree {
	char root[32], link[128];
	int cdev;
};

static void plant(struct tree *t)
{
	static const char *const dirs[] = {"/dev", "/char", NULL, "/device"};
	char number[32];
	struct stat st;

	strcpy(t->root, "/tmp/viq-sysfs-XXXXXX");
	assert_non_null(mkdtemp(t->root));
	t->cdev = open("/dev/null", O_RDWR | O_CLOEXEC);
	assert_int_equal(fstat(t->cdev, &st), 0);
	snprintf(number, sizeof(number), "/%u:%u", major(st.st_rdev), minor(st.st_rdev));
	strcpy(t->link, t->root);
	for (unsigned int i = 0; i < 4; i++) {
		strcat(t->link, dirs[i] ? dirs[i] : number);
		assert_int_equal(mkdir(t->link, 0700), 0);
	}
	strcat(t->link, "/iommu_group");
}

static void fell(struct tree *t)
{
	unlink(t->link);
	for (unsigned int i = 0; i < 5; i++) {
		*strrchr(t->link, '/') = '\0';
		assert_int_equal(rmdir(t->link), 0);
	}
	close(t->cdev);
}

static int group_of(const struct tree *t, const char *target, uint32_t *group)
{
	unlink(t->link);
	if (target)
		assert_int_equal(symlink(target, t->link), 0);
	return linux_sysfs_group(t->root, t->cdev, group);
}

static void the_number_at_the_end_of_the_link(void **state)
{
	static const struct {
		const char *target;
		int ret;
		uint32_t group;
	} cases[] = {
		{"../../../../kernel/iommu_groups/12", 0, 12},
		{"/sys/kernel/iommu_groups/0", 0, 0},
		{"../../../../kernel/iommu_groups/4294967295", 0, UINT32_MAX},
		{"../../../../kernel/iommu_groups/4294967296", -ENODEV, 77},
		{"../../../../kernel/iommu_groups/", -ENODEV, 77},
		{"../../../../kernel/iommu_groups/12a", -ENODEV, 77},
		{"../../../../kernel/iommu_groups/-1", -ENODEV, 77},
		{"../../../../kernel/iommu_groups/ 1", -ENODEV, 77},
		{"12", -ENODEV, 77},
		{NULL, -ENOENT, 77},
	};
	char longer[300];
	struct tree t;

	plant(&t);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint32_t group = 77;

		assert_int_equal(group_of(&t, cases[i].target, &group), cases[i].ret);
		assert_int_equal(group, cases[i].group);
	}
	/* What is longer than any link there is not cut to another number. */
	for (size_t length = 250; length < sizeof(longer); length++) {
		uint32_t group = 77;

		memset(longer, '1', length);
		memcpy(longer + length - 8, "/1234567", 9);
		assert_int_equal(group_of(&t, longer, &group), length < 256 ? 0 : -ENODEV);
		assert_int_equal(group, length < 256 ? 1234567 : 77);
	}
	fell(&t);
}

static void files_that_have_none(void **state)
{
	char deep[300];
	struct tree t;
	uint32_t group;
	int fd;

	plant(&t);
	assert_int_equal(group_of(&t, "groups/12", &group), 0);
	/* No device, a file, a path that does not fit; and the system's own sysfs, which has no group of this one. */
	assert_int_equal(linux_sysfs_group(t.root, -1, &group), -EBADF);
	fd = open(t.root, O_RDONLY | O_CLOEXEC);
	assert_int_equal(linux_sysfs_group(t.root, fd, &group), -ENODEV);
	close(fd);
	memset(deep, '/', sizeof(deep));
	deep[sizeof(deep) - 1] = '\0';
	assert_int_equal(linux_sysfs_group(deep, t.cdev, &group), -ENAMETOOLONG);
	assert_int_equal(linux_sys.group(NULL, t.cdev, &group), -ENOENT);
	fell(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_number_at_the_end_of_the_link),
		cmocka_unit_test(files_that_have_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
