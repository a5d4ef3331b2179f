/* SPDX-License-Identifier: MIT */
/* The Linux host on a kernel that answers every invalidate call at once: what remains is the library's own. */
#ifndef VIQ_BENCH_KERNEL_H
#define VIQ_BENCH_KERNEL_H

#include <viq/linux_smmuv3.h>

struct bench_kernel {
	struct viq_linux *ctx;
	struct viq_linux_vsmmu *vsmmu;
	struct viq_call_host_ops ops;
	struct viq_call_host host; /* knows every stream */
	uint64_t calls, entries;   /* of IOMMU_HWPT_INVALIDATE so far */
};

/* The object must stay where it is. */
int bench_kernel_open(struct bench_kernel *kernel, enum viq_linux_calls calls);
void bench_kernel_close(struct bench_kernel *kernel); /* also after a failed open */

#endif
