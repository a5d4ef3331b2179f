/* SPDX-License-Identifier: MIT */
/*
 * Linked into each program and library in which mutants are tried: which of them this process is to have (VIQ_MUTANT,
 * from 1), and a file with a byte for each function that has mutants (VIQ_MUTATED), set when it is called.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

__attribute__((visibility("hidden"))) int viq_mutant;
__attribute__((visibility("hidden"))) unsigned char *viq_mutated;

__attribute__((constructor(101))) static void mutate(void)
{
	const char *number = getenv("VIQ_MUTANT"), *path = getenv("VIQ_MUTATED");
	struct stat st;
	void *map;
	int fd;

	viq_mutant = number ? atoi(number) : 0;
	fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	if (fd < 0)
		return;
	map = fstat(fd, &st) ? MAP_FAILED : mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	viq_mutated = map == MAP_FAILED ? NULL : map;
	close(fd);
}
