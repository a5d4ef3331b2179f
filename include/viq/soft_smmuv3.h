/* SPDX-License-Identifier: MIT */
/*
 * Software IOMMU with the tables of Arm SMMUv3: the host for emulated devices, and the laptop's SMMU for testing.
 * Threads, access sections and flags are those of <viq/soft.h>.
 *
 * It has the objects of Linux's iommufd (stage-2 page table, vIOMMU, device, vDEVICE, nested page table), walks both
 * stages of Arm's page tables, caches what hardware caches (TLB, context descriptors, a device's ATC) and executes
 * invalidate calls exactly. What the guest does not invalidate really goes stale. Failures are viq/fault.h's business.
 *
 * Errors, for all functions: -EINVAL arguments make no sense; -ENOENT no such object; -EBUSY still in use; -ENOMEM;
 * -EDEADLK called inside an access. Nothing has changed then. Those that make something say why, if asked.
 */
#ifndef VIQ_SOFT_SMMUV3_H
#define VIQ_SOFT_SMMUV3_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <viq/call.h>
#include <viq/export.h>
#include <viq/mem.h>
#include <viq/smmuv3_host.h>
#include <viq/soft.h>
#include <viq/why.h>

#ifdef __cplusplus
extern "C" {
#endif

struct viq_soft;     /* the IOMMU */
struct viq_soft_dev; /* a device behind it */

struct viq_soft_config {
	uint32_t size; /* sizeof(struct viq_soft_config) */
	/*
	 * ID registers of the IOMMU (viq/smmuv3_spec.h): what STEs, CDs and commands are checked against. S1P, S2P,
	 * TTF = AArch64 and STALL_MODEL = 1 are as they must be; HTTU, HYP, DPT, E0PD, DS, D128, an OAS of 56 bits and
	 * more than 20 bits of SSID are not implemented and refused.
	 */
	uint32_t idr0, idr1, idr3, idr5;
	uint32_t tlb_entries;      /* capacity, a power of two, 64 to 2^24 */
	uint32_t atc_entries;      /* capacity of each device's ATC, a power of two, 16 to 2^20 */
	const struct viq_mem *mem; /* physical memory: tables are read here, stage-2 output addresses point here */
	/*
	 * A vIOMMU has events, and had none before: wake who calls viq_soft_events() or viq_nest_smmuv3_events().
	 * Called on the accessing thread, inside its access: it may write an eventfd or the like, and must not wait,
	 * take a lock of the front end's, or call viq. May be NULL.
	 */
	void (*notify)(void *opaque, uint32_t viommu);
	void *opaque;
};

/* Defaults: SMMUv3.1, 4K/16K/64K, 48 bits, RIL, ATS, CD2L, 20-bit SSIDs, ASID16, VMID16, 65,536 TLB and 1,024 ATC
 * entries. */
VIQ_EXPORT void viq_soft_config_init(struct viq_soft_config *config, size_t size);
/* *out is the caller's. -EINVAL: config. -ENOMEM. */
VIQ_EXPORT VIQ_MUST_CHECK int viq_soft_create(const struct viq_soft_config *config, struct viq_soft **out,
					      struct viq_why *why);
/* All objects go with it. No thread may be using it. NULL is allowed. */
VIQ_EXPORT void viq_soft_destroy(struct viq_soft *soft);

/* --- Objects: ids are never 0 and never reused ------------------------------------------------------------------ */

/* A stage-2 page table in physical memory, in the architecture's format (STE words 2 and 3). */
struct viq_soft_s2_config {
	uint32_t size;
	uint32_t identity;          /* not 0: no tables, IPA = PA; the other members are ignored */
	uint64_t ttb;               /* S2TTB */
	uint32_t t0sz, sl0, tg, ps; /* as in STE word 2: S2T0SZ, S2SL0, S2TG (0 4K, 1 64K, 2 16K), S2PS */
};

/* -EINVAL also when the fields are ILLEGAL by 5.2.2 of the architecture. */
VIQ_EXPORT int viq_soft_s2_alloc(struct viq_soft *soft, const struct viq_soft_s2_config *config, uint32_t *id,
				 struct viq_why *why);
/*
 * The embedder has changed stage-2 entries of IPAs [ipa, ipa + len): forget them. len 0 with ipa 0: all. Forgets more
 * than asked for: everything that was translated through this stage 2, devices' ATCs included. Like an invalidate call
 * it waits for accesses.
 */
VIQ_EXPORT VIQ_MUST_CHECK int viq_soft_s2_invalidate(struct viq_soft *soft, uint32_t s2, uint64_t ipa, uint64_t len);

/* A guest's view of the IOMMU: owns a VMID, the target of invalidate calls. */
VIQ_EXPORT int viq_soft_viommu_alloc(struct viq_soft *soft, uint32_t s2, uint32_t *id, struct viq_why *why);
/* The host to give to a guest front end or a fan-out. Valid as long as soft; GONE after the vIOMMU went. */
VIQ_EXPORT struct viq_call_host viq_soft_host(struct viq_soft *soft, uint32_t viommu);

/*
 * The vIOMMU's devices for who follows a guest's tables; as viq_soft_host(). Its offer() and promise() go by idr0 to
 * idr5 of viq_soft_config. What the guest's ID registers lack of them is ILLEGAL in STEs and context descriptors of
 * streams that are set afterwards (ASID16, SSIDSIZE, OAS, granules, VAX, HAD, CD2L, ATS, TERM_MODEL).
 *
 * On an identity stage 2 a guest may have one of its own (IDR0.S2P and VMID16; IDR3.XNX, FWB and PTWNNC, whatever idr3
 * says of the embedder's); a VMM sets S2P before it asks offer(). Memory is then taken for each VMID that a stream has.
 */
VIQ_EXPORT struct viq_smmuv3_backend viq_soft_backend(struct viq_soft *soft, uint32_t viommu);

/* A device. It aborts all accesses until a nested page table is attached. */
VIQ_EXPORT int viq_soft_dev_alloc(struct viq_soft *soft, struct viq_soft_dev **out, struct viq_why *why);
VIQ_EXPORT int viq_soft_dev_free(struct viq_soft_dev *dev); /* -EBUSY while it has a vDEVICE. Detaches. */
/* Let the device use ATS: translations go through its own cache while the attached STE has EATS = 1. Default off. */
VIQ_EXPORT VIQ_MUST_CHECK int viq_soft_dev_set_ats(struct viq_soft_dev *dev, bool on);
/* Bind the device to StreamID vsid of the guest behind viommu. -EEXIST: the vSID or the device is bound already. */
VIQ_EXPORT int viq_soft_vdevice_alloc(struct viq_soft *soft, uint32_t viommu, struct viq_soft_dev *dev, uint32_t vsid,
				      uint32_t *id, struct viq_why *why);
/* Whose device is it? -ENOENT: no such vIOMMU, or no device at vsid. */
VIQ_EXPORT int viq_soft_vdevice_find(struct viq_soft *soft, uint32_t viommu, uint32_t vsid, struct viq_soft_dev **dev);

/*
 * A nested page table from words 0 and 1 of a guest's STE (struct iommu_hwpt_arm_smmuv3). V = 0 and Config = 0 abort;
 * Config 4 bypasses stage 1; Config 5 uses the guest's context descriptors. -EINVAL: bits outside the nesting masks,
 * another Config, or ILLEGAL by 5.2.2.
 */
VIQ_EXPORT int viq_soft_nested_alloc(struct viq_soft *soft, uint32_t viommu, const uint64_t ste[2], uint32_t *id,
				     struct viq_why *why);
/* Attach, or replace what is attached; 0 detaches (aborts). Forgets the device's cached configuration; empties its ATC
 * when ATS goes off. Translating needs a vDEVICE: else -EINVAL. */
VIQ_EXPORT VIQ_MUST_CHECK int viq_soft_attach(struct viq_soft_dev *dev, uint32_t nested);
/*
 * -EBUSY: a stage 2 with vIOMMUs; a vIOMMU with vDEVICEs or nested page tables; a nested page table that is attached; a
 * vDEVICE whose device translates through a page table that was attached with viq_soft_attach().
 */
VIQ_EXPORT int viq_soft_object_free(struct viq_soft *soft, uint32_t id);

/*
 * In one step for a vDEVICE: allocate a nested page table from ste, attach it, free the one that this function made
 * before. Also with the same ste as before: then the stream's context descriptors are read again, as CFGI_STE promises.
 * The page table has no id; it goes when another one is attached, or with the vDEVICE. Errors as for
 * viq_soft_nested_alloc() and viq_soft_attach(); -ENOENT: no such vDEVICE.
 */
VIQ_EXPORT VIQ_MUST_CHECK int viq_soft_vdevice_configure(struct viq_soft *soft, uint32_t viommu, uint32_t vsid,
							 const uint64_t ste[2]);

/*
 * As viq_soft_vdevice_configure() with an aborting STE, and each access of the device delivers this event record, with
 * the access's SubstreamID filled in: C_BAD_STREAMID, F_STE_FETCH or C_BAD_STE, which a guest's stream table may ask
 * for (7.3; viq_smmuv3_stream_config()). A device with ATS on gets no translation and records nothing (3.9.1). -EINVAL
 * also for any other event.
 */
VIQ_EXPORT VIQ_MUST_CHECK int viq_soft_vdevice_fault(struct viq_soft *soft, uint32_t viommu, uint32_t vsid,
						     const uint64_t record[4]);

/* --- Accesses ------------------------------------------------------------------------------------------------- */

/*
 * Translate iova for a READ and/or WRITE access, inside an access section (else -EINVAL). 0 with *out filled. -EFAULT:
 * aborted; the event, if the architecture records one, waits to be taken. -ENODATA: terminated without abort (CD.A =
 * 0): reads give 0, writes are ignored.
 */
VIQ_EXPORT int viq_soft_translate(struct viq_soft_dev *dev, uint64_t iova, uint32_t ssid, uint32_t flags,
				  struct viq_soft_xlate *out);

/*
 * DMA: translate and copy, piece by piece, in one access section of its own. flags: VIQ_SOFT_PRIV, _SSV and, for reads,
 * _EXEC; the direction may be given. Errors as above, and -EFAULT where there is no memory; the copy may be partial.
 * After -ENODATA the rest of buf is zero. -EINVAL also if the thread is not registered.
 */
VIQ_EXPORT int viq_soft_dma_read(struct viq_soft_dev *dev, uint64_t iova, uint32_t ssid, uint32_t flags, void *buf,
				 size_t len);
VIQ_EXPORT int viq_soft_dma_write(struct viq_soft_dev *dev, uint64_t iova, uint32_t ssid, uint32_t flags,
				  const void *buf, size_t len);

/* --- Events --------------------------------------------------------------------------------------------------- */

/*
 * Take at most *count (>= 1) events of a vIOMMU's devices, with the guest's StreamIDs; *count: how many there were.
 * Those of faults of stage 2 (VIQ_SMMUV3_EVT_1_S2), which viq_soft_backend() keeps from the guest, are among them.
 * 1,024 wait at most; what comes then is lost, and told in its place (lost). Those of a device are gone when it has
 * left the StreamID, devices without a vDEVICE have none. A record is here before the access that it is of returns.
 */
VIQ_EXPORT VIQ_MUST_CHECK int viq_soft_events(struct viq_soft *soft, uint32_t viommu,
					      struct viq_smmuv3_host_event *events, uint32_t *count);

/* --- Looking in ----------------------------------------------------------------------------------------------- */

/* size: sizeof(*out). -EINVAL: NULL, or size is no multiple of 8. Context: any thread. */
VIQ_EXPORT int viq_soft_counters(struct viq_soft *soft, struct viq_soft_counters *out, size_t size);

/* Would a translation of iova by dev hit the TLB (or, with ats, the device's ATC) now? Changes nothing. */
VIQ_EXPORT bool viq_soft_cached(struct viq_soft_dev *dev, uint64_t iova, uint32_t ssid, uint32_t flags, bool ats);

#ifdef __cplusplus
}
#endif
#endif
