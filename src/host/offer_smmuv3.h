/* SPDX-License-Identifier: MIT */
#ifndef VIQ_HOST_OFFER_SMMUV3_H
#define VIQ_HOST_OFFER_SMMUV3_H

#include <viq/smmuv3_host.h>

/* As a backend's offer(), on a host with these ID registers. */
void offer_smmuv3(const struct viq_smmuv3_ids *host, bool raise, bool ats, struct viq_smmuv3_ids *ids);
/* Take away a stage 2, which hosts that have one of their own below the guest cannot give it. */
void offer_smmuv3_stage1(struct viq_smmuv3_ids *ids);
/* A caller's ids, of any size. */
int offer_smmuv3_take(struct viq_smmuv3_ids *own, const struct viq_smmuv3_ids *ids, struct viq_why *why);
/* 0, or -EINVAL with *why naming the first field in which *ids promises more than *host has. */
int offer_smmuv3_check(const struct viq_smmuv3_ids *host, const struct viq_smmuv3_ids *ids, struct viq_why *why);

#endif
