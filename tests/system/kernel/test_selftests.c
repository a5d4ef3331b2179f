/* SPDX-License-Identifier: MIT */
/*
 * The kernel's own tests of iommufd, if the machine has them: build-kernel.sh makes them with our patches. Here only
 * those of what the patches touch; viq.run=selftests runs all there are, which takes minutes.
 */
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

/* Returns how many of its tests were skipped; none has failed. */
static unsigned int run(char *const arguments[])
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
	return skipped;
}

/* The variant without a vIOMMU has nothing to invalidate, and says that it skips this. */
void test_selftests(void)
{
	char *arguments[] = {IOMMUFD,
			     "-V",
			     "no_viommu",
			     "-t",
			     "cmd_length",
			     "-t",
			     "alloc_hwpt_nested",
			     "-t",
			     "hwpt_invalidate_report",
			     "-t",
			     "vdevice_cache",
			     NULL};

	check_equal(run(arguments), 0);
}

static void fail_nth(char *const arguments[])
{
	if (mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL) && errno != EBUSY)
		fail("debugfs: %s", strerror(errno));
	check_equal(run(arguments), 0);
}

/* An allocation fails, each in turn, of all that the calls of a device make: the invalidate call is one of them. */
void test_selftests_fail_nth(void)
{
	char *arguments[] = {FAIL_NTH, "-t", "device", NULL};

	fail_nth(arguments);
}

void test_selftests_all(void)
{
	char *arguments[] = {IOMMUFD, NULL};

	tap_note("%u skipped", run(arguments));
}

void test_selftests_fail_nth_all(void)
{
	char *arguments[] = {FAIL_NTH, NULL};

	fail_nth(arguments);
}
