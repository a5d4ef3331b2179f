/* SPDX-License-Identifier: MIT */
/* The kernel's own tests of iommufd, if the machine has them: build-kernel.sh makes them with our patches. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"
#include "tests.h"

#define IOMMUFD  "/selftest-iommufd"
#define FAIL_NTH "/selftest-iommufd_fail_nth"
#define OUTPUT   "/selftest.out"

/* What it says is TAP too, so it goes to a file; its complaints and what it skips are shown. How many it skipped. */
static unsigned int show_complaints(void)
{
	FILE *file = fopen(OUTPUT, "r");
	unsigned int skipped = 0;
	char line[512];

	check(file);
	while (fgets(line, sizeof(line), file)) {
		const bool skip = strstr(line, "# SKIP");

		line[strcspn(line, "\n")] = 0;
		if (skip || strstr(line, "not ok") || strstr(line, ".c:") || strstr(line, "Totals"))
			tap_note("%s", line);
		skipped += skip;
	}
	fclose(file);
	return skipped;
}

/* Every test of it that is chosen runs, and none fails. */
static void run(char *const arguments[])
{
	unsigned int skipped;
	int status = 0;
	pid_t pid;

	if (access(arguments[0], X_OK))
		tap_skip("this kernel's own tests are not here");
	fflush(stdout);
	pid = fork();
	if (!pid) {
		if (!freopen(OUTPUT, "w", stdout) || dup2(STDOUT_FILENO, STDERR_FILENO) < 0)
			_exit(126);
		execv(arguments[0], arguments);
		_exit(127);
	}
	check(pid > 0 && waitpid(pid, &status, 0) == pid);
	skipped = show_complaints();
	check(WIFEXITED(status));
	check_equal(WEXITSTATUS(status), 0);
	check_equal(skipped, 0);
}

/*
 * All but those that fail without our patches, too, as this kernel has no huge pages (area_auto_iova
 * and reserved_overflow expect their alignment) and no DMA buffers. The variant without a vIOMMU skips
 * what needs one.
 */
void test_selftests(void)
{
	static const char *const left_out[][2] = {
		{"-V", "one_domain_hugepage"},
		{"-V", "two_domains_hugepage"},
		{"-V", "domain_dirty64M_huge"},
		{"-V", "domain_dirty128M_huge"},
		{"-T", "access_domain_destory"},
		{"-T", "area_auto_iova"},
		{"-T", "huge_map"},
		{"-T", "reserved_overflow"},
		{"-T", "dmabuf_simple"},
		{"-T", "dmabuf_revoke"},
		{"-V", "no_viommu"},
	};
	enum {
		LEFT_OUT = sizeof(left_out) / sizeof(left_out[0])
	};
	const char *arguments[1 + 2 * LEFT_OUT + 1] = {IOMMUFD};
	char names[300] = "";

	for (unsigned int i = 0; i < LEFT_OUT; i++) {
		memcpy(&arguments[1 + 2 * i], left_out[i], sizeof(left_out[i]));
		snprintf(names + strlen(names), sizeof(names) - strlen(names), " %s", left_out[i][1]);
	}
	tap_note("not run:%s", names);
	run((char *const *)arguments);
}

/* Each allocation in turn fails, in every call of iommufd that is there; the report is among a device's. */
void test_selftests_fail_nth(void)
{
	char *arguments[] = {FAIL_NTH, NULL};

	if (mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL) && errno != EBUSY)
		fail("debugfs: %s", strerror(errno));
	run(arguments);
}
