/* SPDX-License-Identifier: MIT */
/* The kernel's own calls, one by one, with no viq between: what viq is compared with. */
#ifndef VIQ_KERNEL_BARE_H
#define VIQ_KERNEL_BARE_H

#include <stdint.h>

#include "guest.h"

/* A device that translates through the guest's tables on a nested SMMUv3. */
struct bare {
	int iommufd;
	struct edu edu;
	uint32_t device, ioas, stage2, viommu, vdevice, nested;
};

#define BARE_VSID 5 /* the device's StreamID in the guest */

/* Everything up to the attached nested page table. Fails the test. */
void bare_create(struct bare *bare, struct guest *guest);

/* IOMMU_HWPT_INVALIDATE: 0 or a negative errno; *count: entries in, the kernel's "successfully handled" out. */
int bare_invalidate(int iommufd, uint32_t viommu, const struct synth_cmd *commands, uint32_t *count);

/* The same, asked for a report; *last, *error: what it says. -EOPNOTSUPP: this kernel has none. */
int bare_report(int iommufd, uint32_t viommu, const struct synth_cmd *commands, uint32_t *count, uint32_t *last,
		uint32_t *error);

#endif
