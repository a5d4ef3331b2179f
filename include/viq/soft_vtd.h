/* SPDX-License-Identifier: MIT */
/*
 * Software IOMMU with the tables of Intel VT-d: the host for emulated devices behind a viq_vtd, and the laptop's VT-d
 * for testing. Threads, access sections and flags are those of <viq/soft.h>.
 *
 * It is a remapping unit that caches context and PASID-table entries, translations (tagged with domain-id, PASID and
 * PGTT) and, for devices that use ATS, their device-TLBs. Each of them really goes stale until the guest invalidates
 * it:
 *
 *   context and PASID-table entries   viq_soft_vtd_reconfig(), which <viq/nest_vtd.h> calls
 *   translations                      the invalidate calls of the tables that it reports
 *   device-TLBs                       viq_soft_vtd_devtlb(), for viq_vtd_ops.devtlb; or the same invalidate calls
 *
 * With CAP.CM = 1 an entry that was not present stays so until then. With CM = 0 an access that finds no entry cached
 * looks in memory. What it finds is cached when <viq/nest_vtd.h> comes for it; until then, and where there is no room
 * (tables), each such access looks again.
 *
 * A *table* is what a (domain-id, PASID) of the guest stands for, shared by all devices whose entries say so. The unit
 * tells who listens of each device's tables as they come and go.
 *
 * Not modelled: paging-structure caches (IH, so VIQ_VTD_S1_LEAF, makes no difference), interrupt
 * remapping. A write to [VIQ_VTD_MSI_FIRST, VIQ_VTD_MSI_LAST] without PASID is an interrupt message and not for here.
 */
#ifndef VIQ_SOFT_VTD_H
#define VIQ_SOFT_VTD_H

#include <viq/mem.h>
#include <viq/soft.h>
#include <viq/vtd_host.h>
#include <viq/vtd_spec.h>

#ifdef __cplusplus
extern "C" {
#endif

struct viq_soft_vtd;     /* the remapping unit */
struct viq_soft_vtd_dev; /* a device behind it */

struct viq_soft_vtd_config {
	uint32_t size; /* sizeof(struct viq_soft_vtd_config) */
	uint32_t haw;  /* bits of a physical address, 32 to 52: pointers in the guest's structures have none above */
	/*
	 * CAP and ECAP, as the guest is told. What they say of tables is obeyed: SAGAW, MGAW, SSLPS, FS1GP, FS5LP;
	 * CM; SMTS, FSTS, SSTS, PT, PSS, PASID, NEST, SRS, EAFS, ...; DT: devices may use ATS; PRS: and ask for pages.
	 */
	uint64_t cap, ecap;
	uint32_t tlb_entries;    /* capacity, a power of two, 64 to 2^24 */
	uint32_t devtlb_entries; /* capacity of each device-TLB, a power of two, 16 to 2^20 */
	/*
	 * Tables of devices at most, over all devices: 1 to 65535. A guest that wants more gets a reconfiguration that
	 * fails with -ENOSPC; with CAP.CM = 0 they are not cached.
	 */
	uint32_t tables;
	/*
	 * Not 0: an entry of an invalidate call invalidates device-TLBs as well, after the IOTLB, as Linux does; tables
	 * are reported with VIQ_VTD_DEVTLB_IMPLIED.
	 */
	uint32_t devtlb_implied;
	const struct viq_mem *mem; /* physical memory: paging structures are read, and output addresses point here */
	/*
	 * Guest-physical memory: where root, context and PASID tables are read. NULL: mem is the guest's memory. Needed
	 * with a parent.
	 */
	const struct viq_mem *guest_mem;
	/*
	 * The embedder's second stage, in mem, below everything that the guest does: root table and AW as PASID-table
	 * entries code them. aw 0: there is none, guest-physical is physical. With it guests cannot have a second stage
	 * of their own: TTM legacy other than pass-through, SSTS and NEST.
	 */
	uint64_t parent_table;
	uint32_t parent_aw; /* VIQ_VTD_AW_* */
	uint32_t reserved;  /* 0 */
	/*
	 * There are faults, page requests, or (CAP.CM = 0) entries to be cached, and were none before: wake who calls
	 * viq_soft_vtd_faults() or, for all, viq_nest_vtd_faults(). Called
	 * on the accessing thread, inside its access: it may write an eventfd or the like, and must not wait, take a
	 * lock of the front end's, or call viq. May be NULL.
	 */
	void (*notify)(void *opaque);
	void *opaque;
};

/*
 * Defaults: CAP and ECAP as viq_vtd_config_init() has them, with second stage, supervisor requests and device-TLBs; 52
 * bits, 65,536 TLB and 1,024 device-TLB entries, 4,096 tables, devtlb_implied.
 */
VIQ_EXPORT void viq_soft_vtd_config_init(struct viq_soft_vtd_config *config, size_t size);
/* *out is the caller's. -EINVAL: config. -ENOMEM. */
VIQ_EXPORT VIQ_MUST_CHECK int viq_soft_vtd_create(const struct viq_soft_vtd_config *config, struct viq_soft_vtd **out,
						  struct viq_why *why);
/* Devices go with it; nothing is reported. No thread may be using it. NULL is allowed. */
VIQ_EXPORT void viq_soft_vtd_destroy(struct viq_soft_vtd *soft);

/*
 * Who is told of tables from now on; it is copied. It is told at once of the attachments that exist; who listened
 * before is told that they are gone. NULL: nobody, and then no device gets a further table. attach() and detach() are
 * called from inside this, viq_soft_vtd_reconfig() and the functions about devices, on the same thread, which is
 * therefore to be the front end's. They must not call the unit. An error of attach(): the device must not have the
 * table; it is blocked, and the reconfiguration fails with this error. If this function fails, nobody listens. -EINVAL,
 * -ENOMEM, -EDEADLK.
 */
VIQ_EXPORT VIQ_MUST_CHECK int viq_soft_vtd_listen(struct viq_soft_vtd *soft, const struct viq_vtd_listener *listener);
/* For struct viq_nest_vtd_config. */
VIQ_EXPORT struct viq_vtd_backend viq_soft_vtd_backend(struct viq_soft_vtd *soft);

/* --- Devices ------------------------------------------------------------------------------------------------------ */

/*
 * A device with this source-id. It is configured at once, if viq_soft_vtd_reconfig() was ever called; else it aborts
 * all accesses. -EEXIST: the source-id is in use; -EINVAL, -ENOMEM, -EDEADLK; with *why. If its tables cannot be taken
 * over now it is blocked, until a reconfiguration that concerns it.
 */
VIQ_EXPORT int viq_soft_vtd_dev_alloc(struct viq_soft_vtd *soft, uint16_t source_id, struct viq_soft_vtd_dev **out,
				      struct viq_why *why);
/* NULL: no device has this source-id. On the thread that changes the unit. */
VIQ_EXPORT struct viq_soft_vtd_dev *viq_soft_vtd_dev_find(struct viq_soft_vtd *soft, uint16_t source_id);
/* Detaches its tables. */
VIQ_EXPORT int viq_soft_vtd_dev_free(struct viq_soft_vtd_dev *dev);
/*
 * Let the device use ATS: translations go through its own TLB, while ECAP.DT = 1 and the context entry allows it (TT =
 * 01; scalable mode: DTE = 1). Default off. Off empties the device-TLB. -ENOMEM: as it was, and the device may be
 * blocked until this or a reconfiguration that concerns it succeeds.
 */
VIQ_EXPORT VIQ_MUST_CHECK int viq_soft_vtd_dev_set_ats(struct viq_soft_vtd_dev *dev, bool on);

/*
 * The guest has invalidated cached entries, or changed the unit's mode: read the entries in scope again and take over
 * what they say. tables: as viq_vtd_tables() gives them now. Entries outside the scope stay as they were cached,
 * whatever memory says. A changed context entry brings the device's PASID-table entries with it. Only entries that are
 * present and valid are cached and reported; a request that finds none faults as the tables say.
 * Waits for accesses. -ENOMEM, -ENOSPC or what attach() said: the devices concerned are blocked (their requests abort,
 * nothing is recorded), until a reconfiguration that concerns them succeeds. A call costs at most one look at each
 * PASID-table entry that the guest has present PASID directory entries for; <viq/nest_vtd.h> does the same in steps of
 * 64 entries.
 */
VIQ_EXPORT VIQ_MUST_CHECK int viq_soft_vtd_reconfig(struct viq_soft_vtd *soft, const struct viq_vtd_tables *tables,
						    const struct viq_vtd_reconfig *what);

/* --- Accesses: as in viq/soft_smmuv3.h. VIQ_SOFT_SSV: pasid is valid ---------------------------------------------- */

/*
 * 0 with *out; -EFAULT: aborted, and the fault, if the architecture records one, waits to be taken. Interrupt messages
 * (writes of four bytes without PASID to VIQ_VTD_MSI_FIRST and on) are not translated: they are for whoever remaps
 * interrupts, and abort here, as all that has no PASID does there (3.15).
 */
VIQ_EXPORT int viq_soft_vtd_translate(struct viq_soft_vtd_dev *dev, uint64_t iova, uint32_t pasid, uint32_t flags,
				      struct viq_soft_xlate *out);
VIQ_EXPORT int viq_soft_vtd_dma_read(struct viq_soft_vtd_dev *dev, uint64_t iova, uint32_t pasid, uint32_t flags,
				     void *buf, size_t len);
VIQ_EXPORT int viq_soft_vtd_dma_write(struct viq_soft_vtd_dev *dev, uint64_t iova, uint32_t pasid, uint32_t flags,
				      const void *buf, size_t len);

/* --- Faults ------------------------------------------------------------------------------------------------------- */

/*
 * Take at most *count (>= 1) faults of the unit's devices, the parent's among them; *count: how many there were. 1,024
 * wait at most; what comes then is lost, and told in its place (lost). Those of a device go with it. A record is here
 * before the access that it is of returns. -EINVAL; -EDEADLK.
 */
VIQ_EXPORT VIQ_MUST_CHECK int viq_soft_vtd_faults(struct viq_soft_vtd *soft, struct viq_vtd_host_fault *faults,
						  uint32_t *count);

/* --- Page requests ------------------------------------------------------------------------------------------------ */

/*
 * A device that uses ATS asks the guest for a page (7.4.1), after an access with -EFAULT and no fault: request (whose
 * source_id does not count) waits for viq_nest_vtd_faults(), 1,024 at most, and translations of the page that are
 * cached are dropped (6.5.3.1). Between them and the answer, which viq_vtd_ops.page_response() brings, the device
 * should not try again. Returns: 0: on its way; a request that is not the last of its group may also have been dropped,
 * like the guest's answer to none. 1: *answer is the answer, and no other comes: the guest's tables do not let the
 * device ask (invalid request; the fault, if the architecture records one, waits to be taken), or there was no room
 * (success: the guest is told of the overflow). -EINVAL: also if the thread has not registered; -ENOTSUP: ECAP.PRS = 0.
 * Context: any thread.
 */
VIQ_EXPORT VIQ_MUST_CHECK int viq_soft_vtd_page_request(struct viq_soft_vtd_dev *dev,
							const struct viq_vtd_page_request *request,
							struct viq_vtd_page_response *answer);

/* --- Invalidation ------------------------------------------------------------------------------------------------- */

/*
 * Entries (VIQ_CALL_VTD_S1) go to the host in struct viq_vtd_table. An entry removes what is tagged with the table's
 * domain-id and PASID: everything, or translations of input addresses in the range, be they first-stage or (legacy
 * mode, PGTT = 010) second-stage ones. A piece of a first-stage leaf that the second stage cuts up goes with the leaf.
 * Illegal, as for Linux: unknown flags, reserved not 0, addr not a multiple of 4096, npages 0, a range beyond 2^64,
 * VIQ_VTD_S1_ALL with another addr than 0. Answers are exact; VIQ_CALL_GONE once no device has the table.
 */

/*
 * A device-TLB invalidation, for viq_vtd_ops.devtlb. 0, also if no device has this source-id. -ETIMEDOUT, -EIO: as
 * injected; the device-TLB is as it was. -EINVAL; -EDEADLK.
 */
VIQ_EXPORT VIQ_MUST_CHECK int viq_soft_vtd_devtlb(struct viq_soft_vtd *soft, const struct viq_vtd_devtlb *inv);

/*
 * The embedder has changed entries of the parent for guest-physical [gpa, gpa + len), or, without a parent, memory that
 * is there; len 0 with gpa 0: all. Forgets everything that was translated, device-TLBs included, and waits for
 * accesses. -EINVAL; -EDEADLK.
 */
VIQ_EXPORT VIQ_MUST_CHECK int viq_soft_vtd_parent_invalidate(struct viq_soft_vtd *soft, uint64_t gpa, uint64_t len);

/* --- Failure injection -------------------------------------------------------------------------------------------- */

/*
 * The next times calls of viq_soft_vtd_devtlb() for this device (0: all) fail with error: -ETIMEDOUT, -EIO, -ENOMEM; 0
 * disarms.
 */
VIQ_EXPORT int viq_soft_vtd_inject_devtlb(struct viq_soft_vtd_dev *dev, int error, uint32_t times);

/* --- Looking in --------------------------------------------------------------------------------------------------- */

/*
 * calls and entries count invalidate calls; atc_hits those of device-TLBs. size: sizeof(*out). -EINVAL: NULL, or size
 * is no multiple of 8. Context: any thread.
 */
VIQ_EXPORT int viq_soft_vtd_counters(struct viq_soft_vtd *soft, struct viq_soft_counters *out, size_t size);
/* Would the access hit the IOTLB (or, with devtlb, the device's TLB) now? Changes nothing. */
VIQ_EXPORT bool viq_soft_vtd_cached(struct viq_soft_vtd_dev *dev, uint64_t iova, uint32_t pasid, uint32_t flags,
				    bool devtlb);

#ifdef __cplusplus
}
#endif
#endif
