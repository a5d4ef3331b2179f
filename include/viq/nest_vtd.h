/* SPDX-License-Identifier: MIT */
/*
 * Between a guest VT-d (<viq/vtd.h>) and a host of its tables (<viq/linux_vtd.h>, <viq/soft_vtd.h>): makes the host's
 * devices follow the guest's root, context and PASID entries, and brings tables and faults back.
 *
 *   viq_nest_vtd_config_init(&nconfig, sizeof(nconfig));
 *   nconfig.backend = viq_linux_vvtd_backend(vvtd);
 *   viq_nest_vtd_create(&nconfig, &nest, &why);
 *   ops.reconfig = ... viq_nest_vtd_reconfig(nest, what);
 *   ops.sync = ... viq_nest_vtd_sync(nest);
 *   viq_vtd_create(&config, &vtd, NULL);
 *   viq_nest_vtd_bind(nest, vtd, config.mem);
 *   viq_linux_vvtd_add(vvtd, &device, source_id, &why);  // each device; now, or hot-plugged later
 *   viq_nest_vtd_follow(nest, source_id);
 *
 * config.cap and ecap are set by viq_linux_vvtd_offer(); with the software host they are those of viq_soft_vtd_config.
 * Either side may be there first, and the guest may be living. While one is bound, every nested page table of the host
 * is attached to the front end, from before a device uses it until the host holds nothing of it: whatever fails in
 * between, nothing translates without being invalidated.
 *
 * Each entry is read once and judged by the copy. What hardware would fault on is blocked, and no error.
 *
 * Used by one thread at a time, the one that uses the guest VT-d and changes the host.
 */
#ifndef VIQ_NEST_VTD_H
#define VIQ_NEST_VTD_H

#include <viq/export.h>
#include <viq/mem.h>
#include <viq/vtd.h>
#include <viq/vtd_host.h>

#ifdef __cplusplus
extern "C" {
#endif

struct viq_nest_vtd;

struct viq_nest_vtd_config {
	uint32_t size; /* sizeof(struct viq_nest_vtd_config) */
	uint32_t haw;  /* bits of a guest-physical address, 32 to 52: pointers in the guest's entries have none above */
	struct viq_vtd_backend backend; /* the host; must outlive the object */
	/*
	 * Before a table is attached: *host is where its invalidations go, and may be replaced by another one in front
	 * of it. Negative errno: the table is not attached. May be NULL.
	 */
	int (*host)(void *opaque, struct viq_call_host *host);
	/* For each fault that viq_nest_vtd_faults() takes. NULL: viq_vtd_fault() of those that are not the parent's. */
	void (*fault)(void *opaque, const uint64_t record[2], bool parent);
	/* The fate of each device's requests that were set. May be NULL; must not call back. */
	void (*trace)(void *opaque, const struct viq_vtd_outcome *outcome);
	void *opaque;
};

/* 52 bits. backend is the caller's to set. */
VIQ_EXPORT void viq_nest_vtd_config_init(struct viq_nest_vtd_config *config, size_t size);

/* *out is the caller's. -EINVAL: config; -ENOMEM. */
VIQ_EXPORT VIQ_MUST_CHECK int viq_nest_vtd_create(const struct viq_nest_vtd_config *config, struct viq_nest_vtd **out,
						  struct viq_why *why);
/* Unbinds. NULL is allowed. Devices keep what they have. */
VIQ_EXPORT void viq_nest_vtd_destroy(struct viq_nest_vtd *nest);

/*
 * The guest VT-d whose tables in mem are read, and to which the host's tables are attached; vtd NULL: none. Both must
 * outlive the binding. Devices keep what they have until viq_nest_vtd_reconfig() with VIQ_VTD_RESTORED. Several
 * objects, each with a host of its own, may be bound to one vtd: all are then given what its reconfig hook gets.
 * -ENOMEM, -EBUSY: none is bound; -EINVAL, too: the guest has CAP.CM = 0, and the host does not look for entries
 * itself.
 */
VIQ_EXPORT int viq_nest_vtd_bind(struct viq_nest_vtd *nest, struct viq_vtd *vtd, const struct viq_mem *mem);

/*
 * For viq_vtd_ops.reconfig, and for the embedder itself (work.budget 0: all at once): make every device and PASID that
 * *what concerns follow. A failure of the host for which the requests are blocked (FAILED; trace() tells), or -ENOSPC
 * of one that reads the tables itself, is no error: the guest's descriptor completes, one device holds no others, and
 * the device is set again by any later call, whatever that concerns, or by viq_nest_vtd_follow() when the VMM knows
 * that it can be. An error: they may not be blocked (BROKEN), or the host lacks memory, so that the guest's queue
 * waits; the others are done all the same.
 *
 * A descriptor that names no PASID makes all of a device's PASIDs be read: as many entries of 64 bytes as ECAP.PSS says
 * that there can be. viq_linux_vvtd_offer() gives 2^16 at most. A step is a device's context entry, or a table of 64
 * PASIDs; it costs 1 for each entry that is read, and VIQ_WORK_CALL for each system call of the backend's set(), once
 * at least. Devices may come and go between steps. 1: more is left; 0; -ENODEV: no guest is bound, nothing has changed;
 * -EINVAL.
 */
VIQ_EXPORT VIQ_MUST_CHECK int viq_nest_vtd_reconfig(struct viq_nest_vtd *nest, struct viq_vtd_reconfig *what);

/*
 * A device has been added to the host, or has another source-id: set up all of it. -ENODEV; -ENOENT: no such device
 * (not told by a host that reads the tables itself).
 */
VIQ_EXPORT VIQ_MUST_CHECK int viq_nest_vtd_follow(struct viq_nest_vtd *nest, uint16_t source_id);

/*
 * Block all requests of a device, whatever its entries say: one that does not answer is isolated so, and has no
 * device-TLB any more. Not from within a hook of the guest VT-d: its tables are detached. Requests are blocked until
 * the guest has their entry read again (context-cache, PASID-cache and their like; a PASID-selective descriptor has
 * only that PASID's read), or viq_nest_vtd_follow(). -ENOENT: no such device; -EOPNOTSUPP: the host reads the tables
 * itself and has no block(). An error of the host: it is BROKEN.
 */
VIQ_EXPORT int viq_nest_vtd_block(struct viq_nest_vtd *nest, uint16_t source_id);

/*
 * Move faults of the host to the guest's fault records, and page requests of its devices to the guest's queue, each in
 * order: at most budget of either (0: 1,024), so that a flood does not hold the caller, and one of faults no request.
 * Before that, where CAP.CM = 0, the host takes over entries that devices have found. What the host has lost makes the
 * records, or the queue, overflow (viq_vtd_fault_lost(), viq_vtd_page_requests_lost()). Without a guest they are
 * dropped. 0, or a negative errno of the host.
 */
VIQ_EXPORT VIQ_MUST_CHECK int viq_nest_vtd_faults(struct viq_nest_vtd *nest, uint32_t budget);
/*
 * For viq_vtd_ops.sync: as viq_nest_vtd_faults(nest, 0) if faults are in time when they are moved now. Returns what
 * that has cost: 1 for each, and what the host says of its own calls (look_cost).
 */
VIQ_EXPORT uint32_t viq_nest_vtd_sync(struct viq_nest_vtd *nest);

#ifdef __cplusplus
}
#endif
#endif
