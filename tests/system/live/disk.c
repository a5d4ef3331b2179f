/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "job.h"

#define LONGEST (256u << 10)
#define SHARE   (4u << 20) /* bytes of the disk */
#define NOTHING 0x5aa5c33c0ff0a55aull

static uint64_t mix(uint64_t x)
{
	x ^= x >> 31;
	x *= 0x9e3779b97f4a7c15ull;
	x ^= x >> 29;
	return x;
}

/* Pages that were somebody else's, full of nothing. */
static uint64_t *fresh(size_t bytes)
{
	uint64_t *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		fail("no memory");
	for (size_t i = 0; i < bytes / 8; i++)
		at[i] = NOTHING;
	return at;
}

static void one_round(int fd, const char *path, unsigned int share, uint64_t seed)
{
	size_t bytes = 4096 * (1 + mix(seed) % (LONGEST / 4096)); /* one page to LONGEST */
	off_t place = (off_t)share * SHARE + (off_t)(4096 * (mix(seed + 1) % ((SHARE - bytes) / 4096 + 1)));
	uint64_t *data = fresh(bytes);

	for (size_t i = 0; i < bytes / 8; i++)
		data[i] = mix(seed + i);
	if (pwrite(fd, data, bytes, place) != (ssize_t)bytes)
		fail("writing to %s: %s", path, strerror(errno));
	munmap(data, bytes);
	data = fresh(bytes);
	if (pread(fd, data, bytes, place) != (ssize_t)bytes)
		fail("reading from %s: %s", path, strerror(errno));
	for (size_t i = 0; i < bytes / 8; i++) {
		if (data[i] != mix(seed + i))
			fail("%s at 0x%llx + 0x%zx of 0x%zx: 0x%llx, not 0x%llx%s", path, (unsigned long long)place,
			     i * 8, bytes, (unsigned long long)data[i], (unsigned long long)mix(seed + i),
			     data[i] == NOTHING ? ": nothing came here" : "");
	}
	munmap(data, bytes);
}

void disk_check(const char *path, unsigned int share, unsigned int rounds)
{
	static uint64_t seed; /* never the same data again: what is on the disk already proves nothing */
	int fd = devices_open(path);

	for (unsigned int i = 0; i < rounds; i++)
		one_round(fd, path, share, mix(((uint64_t)getpid() << 32) + ++seed));
	close(fd);
}

static volatile sig_atomic_t ended;

static void end(int signal)
{
	ended = 1;
}

pid_t disk_begin(const char *path, unsigned int share)
{
	pid_t pid = fork();

	if (pid < 0)
		fail("fork: %s", strerror(errno));
	if (!pid) {
		/* A failure's reason goes the same way as the test's own. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		signal(SIGTERM, end);
		for (unsigned int i = 0; !ended; i++)
			disk_check(path, share, 1 + i % 8);
		_exit(0);
	}
	return pid;
}

void disk_end(pid_t pid)
{
	int status;

	kill(pid, SIGTERM);
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status))
		fail("the load beside it: status 0x%x", (unsigned int)status);
}
