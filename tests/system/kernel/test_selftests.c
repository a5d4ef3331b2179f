/* SPDX-License-Identifier: MIT */
/*
 * The kernel's own tests of iommufd, if the machine has them: build-kernel.sh makes them with our patches. Here only
 * those of what the patches touch; viq.run=selftests runs all there are, which takes minutes.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"
#include "tests.h"

#define PROGRAM "/selftest-iommufd"
#define OUTPUT  "/selftest.out"

/* What it says is TAP too, so it goes to a file; its complaints are shown. */
static void show_complaints(void)
{
	FILE *file = fopen(OUTPUT, "r");
	char line[512];

	while (file && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = 0;
		if (strncmp(line, "ok ", 3) &&
		    (strstr(line, "not ok") || strstr(line, ".c:") || strstr(line, "Totals")))
			tap_note("%s", line);
	}
	if (file)
		fclose(file);
}

static void run(char *const arguments[])
{
	int status = 0;
	pid_t pid;

	if (access(PROGRAM, X_OK))
		tap_skip("this kernel's own tests are not here");
	fflush(stdout);
	pid = fork();
	if (!pid) {
		if (!freopen(OUTPUT, "w", stdout) || dup2(STDOUT_FILENO, STDERR_FILENO) < 0)
			_exit(126);
		execv(PROGRAM, arguments);
		_exit(127);
	}
	check(pid > 0 && waitpid(pid, &status, 0) == pid);
	show_complaints();
	check(WIFEXITED(status));
	check_equal(WEXITSTATUS(status), 0);
}

void test_selftests(void)
{
	char *arguments[] = {
		PROGRAM,         "-t", "cmd_length", "-t", "alloc_hwpt_nested", "-t", "hwpt_invalidate_report", "-t",
		"vdevice_cache", NULL};

	run(arguments);
}

void test_selftests_all(void)
{
	char *arguments[] = {PROGRAM, NULL};

	run(arguments);
}
