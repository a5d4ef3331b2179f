/* SPDX-License-Identifier: MIT */
/* Guest memory: an I/O address space (IOAS) and what is mapped there. */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <unistd.h>

#include "linux.h"

/* The kernel fills the caller's array itself. */
static_assert(sizeof(struct viq_linux_range) == sizeof(struct uapi_iommu_iova_range), "range");
static_assert(offsetof(struct viq_linux_range, last) == offsetof(struct uapi_iommu_iova_range, last), "range");

/* Both are whole pages, and the range does not wrap. */
static bool range_ok(uint64_t start, uint64_t len)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	return len && !((start | len) % page) && start <= UINT64_MAX - (len - 1);
}

int viq_linux_ioas_alloc(struct viq_linux *ctx, uint32_t *ioas)
{
	struct uapi_iommu_ioas_alloc cmd = {.size = sizeof(cmd)};
	int ret;

	if (!ctx || !ioas)
		return -EINVAL;
	ret = linux_ioctl(ctx, ctx->fd, UAPI_IOMMU_IOAS_ALLOC, &cmd);
	if (!ret)
		*ioas = cmd.out_ioas_id;
	return ret;
}

int viq_linux_ioas_map(struct viq_linux *ctx, uint32_t ioas, uint64_t gpa, void *va, uint64_t len, uint32_t access)
{
	struct uapi_iommu_ioas_map cmd = {
		.size = sizeof(cmd),
		.flags = UAPI_IOMMU_IOAS_MAP_FIXED_IOVA,
		.ioas_id = ioas,
		.user_va = (uintptr_t)va,
		.length = len,
		.iova = gpa,
	};

	if (!ctx || !ioas || !va || !range_ok(gpa, len) || !range_ok(cmd.user_va, len))
		return -EINVAL;
	if (!access || access & ~(VIQ_LINUX_READ | VIQ_LINUX_WRITE))
		return -EINVAL;
	if (access & VIQ_LINUX_READ)
		cmd.flags |= UAPI_IOMMU_IOAS_MAP_READABLE;
	if (access & VIQ_LINUX_WRITE)
		cmd.flags |= UAPI_IOMMU_IOAS_MAP_WRITEABLE;
	return linux_ioctl(ctx, ctx->fd, UAPI_IOMMU_IOAS_MAP, &cmd);
}

int viq_linux_ioas_unmap(struct viq_linux *ctx, uint32_t ioas, uint64_t gpa, uint64_t len)
{
	struct uapi_iommu_ioas_unmap cmd = {.size = sizeof(cmd), .ioas_id = ioas, .iova = gpa, .length = len};

	if (!ctx || !ioas || !range_ok(gpa, len))
		return -EINVAL;
	return linux_ioctl(ctx, ctx->fd, UAPI_IOMMU_IOAS_UNMAP, &cmd);
}

int viq_linux_ioas_ranges(struct viq_linux *ctx, uint32_t ioas, struct viq_linux_range *ranges, uint32_t *count)
{
	struct uapi_iommu_ioas_iova_ranges cmd = {
		.size = sizeof(cmd),
		.ioas_id = ioas,
		.allowed_iovas = (uintptr_t)ranges,
	};
	int ret;

	if (!ctx || !ioas || !count || (*count && !ranges))
		return -EINVAL;
	cmd.num_iovas = *count;
	ret = linux_ioctl(ctx, ctx->fd, UAPI_IOMMU_IOAS_IOVA_RANGES, &cmd);
	/* Who believes it reads beyond the array. */
	if (!ret && cmd.num_iovas > *count)
		return -EIO;
	if (!ret || ret == -EMSGSIZE)
		*count = cmd.num_iovas;
	return ret;
}
