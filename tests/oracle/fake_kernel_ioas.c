/* SPDX-License-Identifier: MIT */
/* The fake kernel's I/O address spaces. */
#include <errno.h>
#include <stdlib.h>

#include "fake_kernel_inside.h"

#define PAGE 4096

int fk_ioas_alloc(struct fake_kernel *fk, struct fk_ctx *ctx, void *arg)
{
	struct uapi_iommu_ioas_alloc *cmd = arg;

	if (cmd->flags)
		return -EOPNOTSUPP;
	cmd->out_ioas_id = fk_object_new(ctx, FK_IOAS)->id;
	return 0;
}

static const struct fk_object *ioas_of(const struct fk_object *pt)
{
	if (pt->type == FK_NESTED)
		pt = pt->nested.parent ? pt->nested.parent : pt->nested.viommu->viommu.hwpt;
	return pt->hwpt.ioas;
}

bool fk_reserved(struct fk_ctx *ctx, const struct fk_object *ioas)
{
	for (const struct fk_object *o = ctx->objects; o; o = o->next) {
		if (o->type == FK_DEVICE && o->device.attached && ioas_of(o->device.attached) == ioas)
			return true;
	}
	return false;
}

static const struct fk_mapping *overlap(const struct fk_object *ioas, uint64_t first, uint64_t last)
{
	const struct fk_mapping *m = ioas->ioas.mappings;

	while (m && (m->last < first || m->first > last))
		m = m->next;
	return m;
}

bool fk_reservable(const struct fake_kernel *fk, const struct fk_object *ioas)
{
	return fk->reserved_last < fk->reserved_first || !overlap(ioas, fk->reserved_first, fk->reserved_last);
}

int fk_ioas_ranges(struct fake_kernel *fk, struct fk_ctx *ctx, void *arg)
{
	struct uapi_iommu_ioas_iova_ranges *cmd = arg;
	struct uapi_iommu_iova_range all[2] = {{0, UINT64_MAX}}, *user = (void *)(uintptr_t)cmd->allowed_iovas;
	const struct fk_object *ioas;
	uint32_t count = 1, room = cmd->num_iovas;

	if (cmd->__reserved)
		return -EOPNOTSUPP;
	ioas = fk_get(ctx, cmd->ioas_id, FK_IOAS);
	if (!ioas)
		return -ENOENT;
	if (fk->reserved_last >= fk->reserved_first && fk_reserved(ctx, ioas)) {
		all[0].last = fk->reserved_first - 1;
		all[count++] = (struct uapi_iommu_iova_range){fk->reserved_last + 1, UINT64_MAX};
	}
	for (uint32_t i = 0; i < count && i < room; i++)
		user[i] = all[i];
	cmd->num_iovas = count;
	cmd->out_iova_alignment = PAGE;
	return count > room ? -EMSGSIZE : 0;
}

int fk_ioas_map(struct fake_kernel *fk, struct fk_ctx *ctx, void *arg)
{
	struct uapi_iommu_ioas_map *cmd = arg;
	struct fk_object *ioas;
	struct fk_mapping *m;
	uint64_t last;

	if (cmd->flags & ~7u || cmd->__reserved)
		return -EOPNOTSUPP;
	if (cmd->iova == UINT64_MAX || cmd->length == UINT64_MAX)
		return -EOVERFLOW;
	if (!(cmd->flags & (UAPI_IOMMU_IOAS_MAP_READABLE | UAPI_IOMMU_IOAS_MAP_WRITEABLE)))
		return -EINVAL;
	ioas = fk_get(ctx, cmd->ioas_id, FK_IOAS);
	if (!ioas)
		return -ENOENT;
	/* Without FIXED_IOVA Linux chooses the address, which nobody here asks for. */
	if (!(cmd->flags & UAPI_IOMMU_IOAS_MAP_FIXED_IOVA) || !cmd->length ||
	    (cmd->iova | cmd->length | cmd->user_va) % PAGE)
		return -EINVAL;
	if (__builtin_add_overflow(cmd->iova, cmd->length - 1, &last))
		return -EOVERFLOW;
	if (fk_reserved(ctx, ioas) && cmd->iova <= fk->reserved_last && last >= fk->reserved_first)
		return -EINVAL;
	if (overlap(ioas, cmd->iova, last))
		return -EEXIST;
	m = calloc(1, sizeof(*m));
	*m = (struct fk_mapping){cmd->iova, last, ioas->ioas.mappings};
	ioas->ioas.mappings = m;
	return 0;
}

/* Everything in the range, which must not cut a mapping. */
static int unmap(struct fk_object *ioas, uint64_t first, uint64_t last, uint64_t *bytes)
{
	struct fk_mapping **link = &ioas->ioas.mappings;

	for (const struct fk_mapping *m = ioas->ioas.mappings; m; m = m->next) {
		if (m->last >= first && m->first <= last && (m->first < first || m->last > last))
			return -ENOENT;
	}
	while (*link) {
		struct fk_mapping *m = *link;

		if (m->first < first || m->last > last) {
			link = &m->next;
			continue;
		}
		*bytes += m->last - m->first + 1;
		*link = m->next;
		free(m);
	}
	return 0;
}

int fk_ioas_unmap(struct fake_kernel *fk, struct fk_ctx *ctx, void *arg)
{
	struct uapi_iommu_ioas_unmap *cmd = arg;
	struct fk_object *ioas = fk_get(ctx, cmd->ioas_id, FK_IOAS);
	uint64_t last, bytes = 0;
	bool all = !cmd->iova && cmd->length == UINT64_MAX;
	int ret;

	if (!ioas)
		return -ENOENT;
	if (!all && !cmd->length)
		return -EINVAL;
	if (!all && (cmd->iova == UINT64_MAX || cmd->length == UINT64_MAX ||
		     __builtin_add_overflow(cmd->iova, cmd->length - 1, &last)))
		return -EOVERFLOW;
	ret = unmap(ioas, cmd->iova, all ? UINT64_MAX : last, &bytes);
	if (ret)
		return ret;
	if (!bytes && !all)
		return -ENOENT;
	cmd->length = bytes;
	return 0;
}
