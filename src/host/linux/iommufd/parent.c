/* SPDX-License-Identifier: MIT */
/*
 * Stage 2 below vIOMMUs of SMMUv3. Up to Linux 7.3 a vIOMMU has the VMID of its stage 2, so two guests on one would
 * find each other's ASIDs in the TLB: a stage 2 is one vSMMU's. VT-d needs no such rule: each nested page table has a
 * domain-id of its own in each unit.
 */
#include <errno.h>
#include <stdlib.h>

#include "linux.h"

/* sorted_key() */
struct linux_parent {
	uint32_t hwpt;
};

static int take(struct sorted *parents, uint32_t hwpt, struct viq_why *why)
{
	struct linux_parent *p;

	if (sorted_find(parents, hwpt))
		return why_say(
			why, -EBUSY,
			"config.hwpt: another vSMMU is on stage 2 %u, and Linux would give both its VMID: make a "
			"stage 2 for each",
			hwpt);
	p = sorted_reserve(parents) ? NULL : malloc(sizeof(*p));
	if (!p)
		return why_say(why, -ENOMEM, "out of memory");
	p->hwpt = hwpt;
	sorted_insert(parents, p);
	return 0;
}

int linux_parent_take(struct viq_linux *ctx, uint32_t hwpt, struct viq_why *why)
{
	int err;

	pthread_mutex_lock(&ctx->lock);
	err = take(&ctx->parents, hwpt, why);
	pthread_mutex_unlock(&ctx->lock);
	return err;
}

void linux_parent_put(struct viq_linux *ctx, uint32_t hwpt)
{
	struct linux_parent *p;

	pthread_mutex_lock(&ctx->lock);
	p = sorted_find(&ctx->parents, hwpt);
	if (p)
		sorted_remove(&ctx->parents, p);
	pthread_mutex_unlock(&ctx->lock);
	free(p);
}

void linux_parents_free(struct viq_linux *ctx)
{
	for (size_t i = 0; i < ctx->parents.count; i++)
		free(ctx->parents.items[i]);
	free(ctx->parents.items);
}
