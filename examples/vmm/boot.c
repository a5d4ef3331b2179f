/* SPDX-License-Identifier: MIT */
/*
 * What lies in the guest's memory when it starts, from below (Documentation/arch/arm64/booting.rst): the kernel, the
 * device tree, the initrd. The kernel finds the tree by the address in x0, and in it the initrd.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm.h"

#define IMAGE_MAGIC      0x644d5241U /* "ARM\x64" */
#define IMAGE_BIG_ENDIAN UINT64_C(1)
#define FDT_ROOM         UINT64_C(0x10000)
#define PAGE             UINT64_C(0x10000) /* the largest that a kernel may have */

struct image {
	uint32_t code[2];
	uint64_t text_offset, image_size, flags, reserved[3];
	uint32_t magic, pe_offset;
};
_Static_assert(sizeof(struct image) == 64, "booting.rst, 4");

/* Are there size bytes at this offset of the guest's memory? Returns the offset of the page behind them. */
static uint64_t room(const struct vm *vm, const char *what, uint64_t offset, uint64_t size)
{
	if (offset > vm->ram_size || size > vm->ram_size - offset)
		die("%s does not fit into the guest's memory of %llu MiB", what,
		    (unsigned long long)(vm->ram_size >> 20));
	return (offset + size + PAGE - 1) & ~(PAGE - 1);
}

static int open_file(const char *path, uint64_t *size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat status;

	if (fd < 0 || fstat(fd, &status))
		die("%s: %s", path, strerror(errno));
	*size = (uint64_t)status.st_size;
	return fd;
}

/* The file's first size bytes */
static void read_file(int fd, const char *path, void *to, uint64_t size)
{
	for (uint64_t done = 0; done < size;) {
		ssize_t got = pread(fd, (uint8_t *)to + done, size - done, (off_t)done);

		if (got <= 0)
			die("%s: %s", path, got ? strerror(errno) : "too short");
		done += (uint64_t)got;
	}
}

/* Returns the offset behind what the kernel needs at first. RAM_BASE is aligned as its base must be. */
static uint64_t load_kernel(const struct vm *vm, const char *path, uint64_t *start)
{
	struct image image;
	uint64_t size, needed;
	int fd = open_file(path, &size);

	read_file(fd, path, &image, sizeof(image));
	if (le32toh(image.magic) != IMAGE_MAGIC || le64toh(image.flags) & IMAGE_BIG_ENDIAN || !image.image_size)
		die("%s: not a little-endian arm64 Image of Linux 3.17 or newer (compressed ones are not known)", path);
	*start = le64toh(image.text_offset);
	needed = le64toh(image.image_size);
	needed = room(vm, path, *start, needed > size ? needed : size);
	read_file(fd, path, vm->ram + *start, size);
	close(fd);
	return needed;
}

/* Returns its size. */
static uint64_t load_initrd(const struct vm *vm, const char *path, uint64_t offset)
{
	uint64_t size;
	int fd = open_file(path, &size);

	room(vm, path, offset, size);
	read_file(fd, path, vm->ram + offset, size);
	close(fd);
	return size;
}

void boot_load(struct vm *vm, const struct boot *boot)
{
	uint64_t kernel, fdt, initrd, initrd_size = 0;

	fdt = load_kernel(vm, boot->kernel, &kernel);
	initrd = room(vm, "the device tree", fdt, FDT_ROOM);
	if (boot->initrd)
		initrd_size = load_initrd(vm, boot->initrd, initrd);
	fdt_build(vm, boot, RAM_BASE + initrd, initrd_size, vm->ram + fdt, FDT_ROOM);
	vcpu_set_entry(&vm->cpus[0], RAM_BASE + kernel, RAM_BASE + fdt);
}
