/* SPDX-License-Identifier: MIT */
/* A system that records each call and answers as it was told: for tests of single requests. */
#ifndef VIQ_TEST_LINUX_SCRIPT_H
#define VIQ_TEST_LINUX_SCRIPT_H

#include <stddef.h>
#include <stdint.h>

#include <viq/linux.h>

#define SCRIPT_FD 77 /* of /dev/iommu */

struct script {
	int interrupts; /* so many calls answer -EINTR first, and overwrite the argument */
	int ret;        /* of open, ioctl */
	/* ioctl: stored at these offsets of the argument if ret is 0 */
	struct {
		size_t offset;
		uint32_t value;
	} out[4];
	uint32_t out_count;
	/* What read gives, and what else is put where the argument points to. */
	const void *data;
	int64_t data_len;   /* read: or -errno */
	size_t pointer;     /* offset of the pointer in the argument; 0: none */
	size_t pointed_len; /* bytes there; 0: 16 */

	/* Recorded. */
	int calls, opens, closes, ioctls, reads; /* calls: all, interrupted ones included */
	int fd, closed_fd, open_flags;
	char path[64];
	unsigned long request;
	uint8_t arg[64], pointed[64];
	uint32_t arg_len;
	size_t read_len;
};

extern const struct viq_linux_sys script_sys;

/* A context on the script, with SCRIPT_FD. */
struct viq_linux *script_open(struct script *script);
/* The last ioctl was this request on fd, with exactly these bytes. */
void script_expect(const struct script *script, int fd, unsigned long request, const void *arg, size_t len);

#endif
