/* SPDX-License-Identifier: MIT */
/*
 * The nesting of an SMMUv3: what its files share.
 *
 *   nest.c     guest and backends come and go; ID registers
 *   streams.c  the guest's stream table, one stream at a time
 *   events.c   events for the guest
 */
#ifndef VIQ_NEST_SMMUV3_NEST_H
#define VIQ_NEST_SMMUV3_NEST_H

#include <viq/nest_smmuv3.h>

#include "base/sized.h"

struct viq_nest_smmuv3 {
	struct viq_nest_smmuv3_ops ops;
	void *opaque;
	struct viq_smmuv3 *smmu;        /* NULL: none is bound */
	struct viq_call_fanout *fanout; /* of the backends' hosts */
	struct viq_smmuv3_backend *backends;
	size_t count;
};

#define NEST_BACKEND_OP(b, member) SIZED_GET(struct viq_smmuv3_backend_ops, (b)->ops, member)

/* Make every stream of the backend abort. The first error. */
int nest_smmuv3_block_all(struct viq_nest_smmuv3 *nest, const struct viq_smmuv3_backend *backend);

/* Keep the first error. */
static inline void nest_first(int *first, int err)
{
	if (!*first)
		*first = err;
}

#endif
