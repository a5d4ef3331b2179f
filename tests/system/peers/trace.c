/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/kvm.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/tap.h"
#include "trace.h"

#define IOMMU_HWPT_INVALIDATE _IO(';', 0x8d) /* <linux/iommufd.h> of a cross compiler may lack it */
#define SYSCALL_STOP          (SIGTRAP | 0x80)

static void seize(pid_t thread)
{
	if (!ptrace(PTRACE_SEIZE, thread, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE))
		ptrace(PTRACE_INTERRUPT, thread, NULL, NULL);
}

static void seize_all(pid_t pid)
{
	struct dirent *entry;
	char path[64];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		pid_t thread = (pid_t)strtol(entry->d_name, NULL, 10);

		if (thread > 0)
			seize(thread);
	}
	if (dir)
		closedir(dir);
}

/* Each call stops its thread twice: here it begins. */
static void count_call(pid_t thread, volatile struct trace_counts *counts)
{
	struct __ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, thread, sizeof(info), &info) <= 0 || info.op != PTRACE_SYSCALL_INFO_ENTRY)
		return;
	counts->calls++;
	if (info.entry.nr == SYS_ioctl) {
		counts->runs += info.entry.args[1] == KVM_RUN;
		counts->invalidates += info.entry.args[1] == IOMMU_HWPT_INVALIDATE;
	}
}

static void __attribute__((noreturn)) count(volatile struct trace_counts *counts)
{
	pid_t thread;
	int status;

	while ((thread = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR) {
		long signal = 0;

		if (thread < 0 || !WIFSTOPPED(status))
			continue;
		if (WSTOPSIG(status) == SYSCALL_STOP)
			count_call(thread, counts);
		else if (!(status >> 16))
			signal = WSTOPSIG(status);
		ptrace(PTRACE_SYSCALL, thread, NULL, signal);
	}
	_exit(0);
}

void trace_start(struct trace *trace, pid_t pid)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		fail("mmap: %s", strerror(errno));
	trace->counts = page;
	fflush(stdout);
	trace->pid = fork();
	if (trace->pid < 0)
		fail("fork: %s", strerror(errno));
	if (!trace->pid) {
		seize_all(pid);
		count(trace->counts);
	}
}

void trace_end(struct trace *trace)
{
	waitpid(trace->pid, NULL, 0);
	munmap((void *)trace->counts, 4096);
}
