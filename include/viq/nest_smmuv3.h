/* SPDX-License-Identifier: MIT */
/*
 * Nesting of a guest SMMUv3: makes hosts follow the guest's registers and stream table, and brings their events to the
 * guest's event queue.
 *
 * Backends (viq_linux_vsmmu_backend(), viq_soft_backend(), or a VMM's own) are joined and leave, and the guest SMMUv3
 * is bound and unbound, in any order and at any time. Streams keep what they have until they are told to follow:
 *
 *   the guest changed its tables      viq_nest_smmuv3_reconfig(), called from viq_smmuv3_ops.reconfig
 *   a device was added or moved       viq_nest_smmuv3_follow()
 *   a backend joined, a guest bound   viq_nest_smmuv3_reconfig() with VIQ_SMMUV3_RESTORED
 *   a CMD_SYNC is about to complete   viq_nest_smmuv3_sync(), called from viq_smmuv3_ops.sync
 *
 * All functions are called on the thread that uses the guest SMMUv3 then. In the usual order:
 *
 *   viq_nest_smmuv3_create(&nops, opaque, &nest, &why);
 *   viq_nest_smmuv3_join(nest, &backend, &why);
 *   viq_smmuv3_config_init(&config, sizeof(config));
 *   viq_nest_smmuv3_offer(nest, ats, &config);
 *   config.host = viq_nest_smmuv3_host(nest);
 *   viq_smmuv3_create(&config, &smmu, &why);
 *   viq_nest_smmuv3_bind(nest, smmu, &why);
 *   viq_linux_vsmmu_add(vsmmu, &device, vsid, &why);  // each device; now, or hot-plugged later
 *   viq_nest_smmuv3_follow(nest, vsid);
 */
#ifndef VIQ_NEST_SMMUV3_H
#define VIQ_NEST_SMMUV3_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <viq/export.h>
#include <viq/smmuv3.h>
#include <viq/smmuv3_host.h>

#ifdef __cplusplus
extern "C" {
#endif

struct viq_nest_smmuv3;

/* All members but size are optional (NULL). They must not call back. */
struct viq_nest_smmuv3_ops {
	uint32_t size; /* sizeof(struct viq_nest_smmuv3_ops) */
	/* A stream was set, or could not be. */
	void (*trace)(void *opaque, const struct viq_smmuv3_outcome *outcome);
};

/* ops are copied; NULL: no hooks. *out is the caller's. 0, -EINVAL or -ENOMEM. */
VIQ_EXPORT VIQ_MUST_CHECK int viq_nest_smmuv3_create(const struct viq_nest_smmuv3_ops *ops, void *opaque,
						     struct viq_nest_smmuv3 **out, struct viq_why *why);
/* Touches neither the guest nor a backend. NULL is allowed. */
VIQ_EXPORT void viq_nest_smmuv3_destroy(struct viq_nest_smmuv3 *nest);

/*
 * The hosts of all backends that are here at a time, as one: for viq_smmuv3_config.host, if backends are to come and go
 * while the guest lives. Valid until nest is destroyed, from any thread. Where one backend is there from the beginning
 * to the end its own host does, and is faster.
 */
VIQ_EXPORT struct viq_call_host viq_nest_smmuv3_host(struct viq_nest_smmuv3 *nest);

/*
 * Set config's ID registers to what this library and all backends offer, where that is more than
 * viq_smmuv3_config_init() promises, and take away what one of them lacks. The rest of *config is not touched. ATS is
 * offered only if ats. Without a backend nothing changes.
 */
VIQ_EXPORT void viq_nest_smmuv3_offer(const struct viq_nest_smmuv3 *nest, bool ats, struct viq_smmuv3_config *config);

/*
 * The guest SMMUv3 whose tables are followed and that gets the events; it must be unbound (NULL) before it is
 * destroyed. -EINVAL with *why: its ID registers promise more than a backend has; then none is bound. why may be NULL,
 * here and below.
 */
VIQ_EXPORT int viq_nest_smmuv3_bind(struct viq_nest_smmuv3 *nest, struct viq_smmuv3 *smmu, struct viq_why *why);

/*
 * A host joins: *backend is copied, and must be valid until it leaves. -EINVAL with *why: no backend, or the bound
 * guest was promised more than it has. -EEXIST: it is here already. -ENOSPC: VIQ_CALL_MAX_HOSTS are. -ENOMEM.
 */
VIQ_EXPORT VIQ_MUST_CHECK int viq_nest_smmuv3_join(struct viq_nest_smmuv3 *nest,
						   const struct viq_smmuv3_backend *backend, struct viq_why *why);
/*
 * It leaves: its streams abort from now on, and viq_nest_smmuv3_host() waits for the calls that are in it. -ENOENT: it
 * is not here. The first error of the host: it has left all the same, and a device that could not be made to abort must
 * be removed. Not from within a function of a host.
 */
VIQ_EXPORT int viq_nest_smmuv3_leave(struct viq_nest_smmuv3 *nest, const struct viq_smmuv3_backend *backend);

/*
 * Read the STE of the device at vsid and set its stream: after it was added or moved there. -ENOENT: no backend has it.
 * -ENODEV: no guest is bound, nothing has changed. An error of the host: it aborts, or is BROKEN.
 */
VIQ_EXPORT VIQ_MUST_CHECK int viq_nest_smmuv3_follow(struct viq_nest_smmuv3 *nest, uint32_t vsid);

/*
 * Make the stream abort, whatever its STE says: a device that does not answer is isolated so, and has no ATC any more.
 * It does until the guest has its STE read again (CFGI_STE and its like), or viq_nest_smmuv3_follow(). -ENOENT: no
 * backend has it. An error of the host: it is BROKEN.
 */
VIQ_EXPORT int viq_nest_smmuv3_block(struct viq_nest_smmuv3 *nest, uint32_t vsid);

/*
 * For viq_smmuv3_ops.reconfig, and for the embedder itself (work.budget 0: all at once): read the STE of every device
 * in [first, last] and set its stream. A guest's bad STE makes its stream abort and is no error. Nor is a failure of
 * the host for which the stream aborts (FAILED; trace() tells): the guest's command completes, one device holds no
 * others, and the stream is set again by any later call, or by viq_nest_smmuv3_follow() when the VMM knows that it can
 * be. An error: the stream may not abort (BROKEN), or the host lacks memory, so that the guest's queue waits; the other
 * streams are done all the same. Causes other than VIQ_SMMUV3_CFGI_STE concern every device, and any cause a stream
 * that is BROKEN or FAILED.
 *
 * A step is one stream, in order of their StreamIDs, and costs VIQ_WORK_CALL for each system call, once at least. It
 * may be taken up by another object, and whatever joined, left, was added or removed in between. 1: more is left; 0;
 * -ENODEV: no guest is bound, nothing has changed; -EINVAL.
 */
VIQ_EXPORT VIQ_MUST_CHECK int viq_nest_smmuv3_reconfig(struct viq_nest_smmuv3 *nest, struct viq_smmuv3_reconfig *what);

/*
 * Move events of all backends to the guest's event queue, in each backend's order: at most budget of each (0: 1,024),
 * so that a flood does not hold the caller. What a host has lost makes the guest's queue overflow
 * (viq_smmuv3_event_lost()). Without a guest they are dropped. 0, or the first negative errno of a backend; -EIO: it
 * says that it gave more than it was asked for, of which nothing is believed, and which counts as one event lost.
 */
VIQ_EXPORT VIQ_MUST_CHECK int viq_nest_smmuv3_events(struct viq_nest_smmuv3 *nest, uint32_t budget);
/*
 * For viq_smmuv3_ops.sync: as viq_nest_smmuv3_events(nest, 0) for those backends whose events are in time if they are
 * moved now. Returns how many there were. Costs next to nothing if there are none.
 */
VIQ_EXPORT uint32_t viq_nest_smmuv3_sync(struct viq_nest_smmuv3 *nest);

#ifdef __cplusplus
}
#endif
#endif
