/* SPDX-License-Identifier: MIT */
/*
 * The software host's objects and who may touch them.
 *
 * Locks. soft->lock guards every object, list and reference count. An invalidation does not take it, so that guests do
 * not wait for each other: it takes the lock of its vIOMMU's bucket (struct soft_guests), under which the generation
 * counters of slot.h are written, too. What invalidations look at, which is the vIOMMUs of a bucket, their vsids and
 * the views of their vDEVICEs' devices, changes under both locks; soft->lock is taken first, and either is enough for
 * looking. A long invalidation lets go of its lock between two commands if somebody wants to change something.
 * Accessing threads take no lock: they follow dev->view, and from there reach only what a view points to.
 *
 * Lifetime. Whatever a view points to, and views themselves, are unlinked under the lock, and freed after the lock has
 * been dropped and a grace period has passed (soft_retire()).
 *
 * References. users counts the objects that name this one: vIOMMUs on a stage 2; vDEVICEs and nested page tables of a
 * vIOMMU; devices that a nested page table is attached to. An object with users is busy.
 */
#ifndef VIQ_SOFT_OBJECT_H
#define VIQ_SOFT_OBJECT_H

#include <viq/soft_smmuv3.h>

#include "base/guard.h"
#include "base/sorted.h"
#include "host/soft/cache/atc.h"
#include "config_cache.h"
#include "host/soft/count.h"
#include "host/soft/front.h"
#include "host/soft/ring.h"
#include "host/soft/thread.h"
#include "host/soft/cache/tlb.h"
#include "walk.h"

#define SOFT_ID_BUCKETS    4096u
#define SOFT_GUEST_BUCKETS 256u

enum soft_kind {
	SOFT_S2,
	SOFT_VIOMMU,
	SOFT_VDEVICE,
	SOFT_NESTED,
	SOFT_KINDS,
};

struct soft_object {
	uint32_t id; /* 0: not in the table (nested page tables that belong to a vDEVICE) */
	uint32_t users;
	enum soft_kind kind;
	struct soft_object *next; /* in its bucket; after unlinking, in the list of what to free */
};

struct soft_stage2 {
	struct soft_object object;
	struct smmuv3_s2 regime;
};

/* A VMID of a guest with a stage 2 of its own, while a nested page table has it: what is cached of it goes with it. */
struct soft_vmid {
	uint32_t vmid; /* the key */
	uint32_t users;
	struct soft_vm vm;
	struct soft_vmid *retired;
};

struct soft_viommu {
	struct soft_object object;
	struct soft_viommu *next; /* in its bucket of guests */
	struct soft_stage2 *s2;
	struct soft_vm vm;               /* VMID 0, and what has no VMID */
	struct sorted vmids;             /* struct soft_vmid, those above 0 */
	struct smmuv3_features features; /* the IOMMU's, as far as the guest has them */
	struct sorted vsids;             /* struct soft_vsid */
	struct soft_ring events;         /* words: the record; source: the vDEVICE's id */
};

struct soft_vsid {
	uint32_t vsid; /* the key */
	struct soft_vdevice *vdevice;
};

struct soft_vdevice {
	struct soft_object object;
	struct soft_viommu *viommu;
	struct viq_soft_dev *dev;
	uint32_t vsid;
	struct soft_vsid place;
};

/* What a Config (5.2) turns on: stage 1, the guest's stage 2, any. */
#define SOFT_STAGE1(config)     (((config)&5) == 5)
#define SOFT_STAGE2(config)     (((config)&6) == 6)
#define SOFT_TRANSLATES(config) ((config) > VIQ_SMMUV3_STE_CONFIG_BYPASS)

/* A nested page table. */
struct soft_nested {
	struct soft_object object;
	struct soft_viommu *viommu;
	uint64_t ste[2];
	unsigned int config;     /* VIQ_SMMUV3_STE_CONFIG_* */
	struct soft_vmid *vmid;  /* NULL: vm of the vIOMMU */
	struct smmuv3_s2 stage2; /* with _S2 and _NESTED: the guest's own */
	bool disabled;     /* with _BYPASS: the guest's SMMU is off, which is more than a bypassing STE (6.3.9.6) */
	uint64_t fault[4]; /* with _ABORT: the record that each access delivers; event 0: none */
};

/*
 * All that an access needs to know of its device, immutable but for the caches. NULL in a device: abort without event.
 */
struct soft_view {
	unsigned int config; /* as in soft_nested */
	bool disabled;       /* the same */
	uint32_t vdevice;    /* id; 0: it has no StreamID, so no events */
	uint32_t vsid;
	struct soft_viommu *viommu;
	uint64_t ste[2];
	uint64_t fault[4];               /* as in soft_nested */
	struct smmuv3_features features; /* the vIOMMU's, when this was made */
	struct soft_vm *vm;
	const struct smmuv3_s2 *s2;
	struct soft_atc *atc; /* NULL: the device may not use ATS */
	struct soft_config_cache cds;
	uint64_t owner; /* of its entries in the front cache */
	struct soft_view *retired;
};

struct viq_soft_dev {
	struct viq_soft *soft;
	_Atomic(struct soft_view *) view;
	bool ats;
	struct soft_atc *atc; /* made when ATS is first turned on */
	struct soft_nested *nested;
	struct soft_vdevice *vdevice;
	struct viq_soft_dev *prev, *next;
};

/* vIOMMUs whose ids are the same, modulo the buckets: one, unless there are many. */
struct soft_guests {
	_Alignas(2 * SOFT_LINE) pthread_mutex_t lock;
	struct soft_viommu *first;
	_Atomic bool wanted; /* by who has soft->lock */
	soft_word calls, entries;
};

struct viq_soft {
	struct viq_soft_config config;
	struct smmuv3_features features;
	struct soft_tlb tlb;
	struct soft_front front;
	struct soft_stripe stripes[SOFT_STRIPES];
	struct soft_guests guests[SOFT_GUEST_BUCKETS];

	pthread_mutex_t lock;
	struct soft_object *objects[SOFT_ID_BUCKETS];
	struct viq_soft_dev *devs;
	uint32_t last_id;
	uint64_t views;           /* ever */
	_Atomic uint32_t waiting; /* vIOMMUs with events to take */
	uint32_t viommus;         /* there are now: each would have a VMID */
};

/* What an operation has unlinked and must free after a grace period. */
struct soft_retired {
	struct soft_object *objects;
	struct soft_view *views;
	struct soft_vmid *vmids;
	bool caches; /* nothing to free, but cached translations were invalidated */
};

/* Enter an operation on objects: 0 with the lock held, or -EDEADLK inside an access. */
int soft_lock(struct viq_soft *soft) TAKES_IF_0(soft->lock);
/* Leave it: drop the lock, and if anything was retired wait for a grace period and free it. */
void soft_unlock(struct viq_soft *soft, struct soft_retired *retired) DROPS(soft->lock);

/* object.c. Ids come from soft_object_link(): 0 or -ENOMEM when all ids were used up. */
int soft_object_link(struct viq_soft *soft, struct soft_object *object, enum soft_kind kind) MUST_HOLD(soft->lock);
void soft_object_unlink(struct viq_soft *soft, struct soft_object *object) MUST_HOLD(soft->lock);
/* 0 with *out, -ENOENT, or -EINVAL if it is of another kind. */
int soft_object_find(struct viq_soft *soft, uint32_t id, enum soft_kind kind, struct soft_object **out)
	MUST_HOLD(soft->lock);
void soft_object_retire(struct viq_soft *soft, struct soft_object *object, struct soft_retired *retired)
	MUST_HOLD(soft->lock);

/* After the grace period. */
void soft_object_free(struct viq_soft *soft, struct soft_object *object) MUST_NOT_HOLD(soft->lock);
/* Everything, at the end: no lock, no grace period. */
void soft_objects_destroy(struct viq_soft *soft);

/* The bucket of a vIOMMU's id; any one for id 0, which is nobody's. */
static inline struct soft_guests *soft_guests(struct viq_soft *soft, uint32_t viommu)
{
	return &soft->guests[viommu % SOFT_GUEST_BUCKETS];
}

/* With soft->lock held, to change what invalidations look at. */
static inline void soft_guests_lock(struct soft_guests *guests) TAKES(guests->lock)
{
	atomic_store_explicit(&guests->wanted, true, memory_order_relaxed);
	pthread_mutex_lock(&guests->lock);
	atomic_store_explicit(&guests->wanted, false, memory_order_relaxed);
}

static inline struct soft_viommu *soft_guest_find(const struct soft_guests *guests, uint32_t id)
{
	struct soft_viommu *viommu = guests->first;

	while (viommu && viommu->object.id != id)
		viommu = viommu->next;
	return viommu;
}

/*
 * Has the guest a stage 2 of its own? It has not with one of the embedder's below it: nothing here walks three stages.
 * Its VMIDs are its own then, and else those that the host would give it.
 */
static inline bool soft_own_stage2(const struct soft_viommu *viommu)
{
	return viommu->features.idr0 & VIQ_SMMUV3_IDR0_S2P;
}

/* Everything that is cached for the guest. Under the lock of its bucket. */
static inline void soft_viommu_inv(struct soft_viommu *viommu)
{
	soft_tlb_inv_vm(&viommu->vm);
	for (size_t i = 0; i < viommu->vmids.count; i++)
		soft_tlb_inv_vm(&((struct soft_vmid *)viommu->vmids.items[i])->vm);
}

static inline struct soft_viommu *soft_viommu_find(struct viq_soft *soft, uint32_t id, int *err) MUST_HOLD(soft->lock)
{
	struct soft_viommu *viommu = soft_guest_find(soft_guests(soft, id), id);
	struct soft_object *other;

	*err = viommu ? 0 : soft_object_find(soft, id, SOFT_VIOMMU, &other);
	return viommu;
}

/* vdevice.c */
struct soft_vdevice *soft_vdevice_find(const struct soft_viommu *viommu, uint32_t vsid);
/* Make the stream so; errors as viq_soft_vdevice_configure() and _fault(). */
int soft_vdevice_set(struct viq_soft *soft, uint32_t viommu, uint32_t vsid, const struct viq_smmuv3_stream *stream);
int soft_vdevice_release(struct viq_soft *soft, struct soft_object *object, struct soft_retired *retired)
	MUST_HOLD(soft->lock);

/*
 * nested.c: the page table for words 0 to 3 of an STE, not in the id table yet; a user of the vIOMMU. 0, -EINVAL,
 * -ENOMEM.
 */
int soft_nested_make(struct viq_soft *soft, struct soft_viommu *viommu, const uint64_t ste[4], struct soft_nested **out)
	MUST_HOLD(soft->lock);
void soft_vmid_free(struct soft_vmid *vmid);
void soft_nested_drop(struct viq_soft *soft, struct soft_nested *nested, struct soft_retired *retired)
	MUST_HOLD(soft->lock);

/*
 * device.c: attach nested (NULL: nothing), with this vDEVICE (NULL: none) and ATS; what was before goes to retired. The
 * arguments must fit each other. 0, or -ENOMEM with nothing changed.
 */
int soft_dev_set(struct viq_soft_dev *dev, struct soft_nested *nested, struct soft_vdevice *vdevice, bool ats,
		 struct soft_retired *retired);
void soft_view_free(struct soft_view *view);
void soft_dev_destroy(struct viq_soft_dev *dev);
bool soft_dev_uses_ats(const struct viq_soft_dev *dev);

static inline void soft_count(struct viq_soft *soft, enum soft_count what)
{
	soft_stripes_count(soft->stripes, soft_self(), what);
}

#endif
