/* SPDX-License-Identifier: MIT */
/*
 * The TLB: translations of both stages together, tagged as IHI 0070 3.17 says; and what each TLBI removes (4.4).
 *
 * An entry is one piece that both stages translate as a whole, so one stage-1 block may be here in many pieces. They
 * all hang on the generation of their *stage-1 leaf*: one TLBI of any address of the block makes them all stale.
 *
 * Globals (nG = 0) are kept apart from the entries of ASIDs: NH_ASID does not reach them, NH_VA of any ASID does.
 * Entries of streams without stage 1 carry a VMID only, and go with everything of the VMID; those of a guest's own
 * stage 2 hang on the generation of their stage-2 leaf, which TLBI_S2_IPA makes stale. Combined entries do not: a
 * hypervisor invalidates them by what it knows of them, the VMID (4.4.3.1).
 *
 * VT-d's IOTLB is the same thing under other names (vtd/unit.h): a unit is one VMID, each (domain-id, PASID, PGTT) has
 * an ASID, there are no globals.
 *
 * Invalidation costs one or two counters for a VMID, an ASID or everything, however many entries there are; a few for a
 * page; and for a range as many as it has leaves, up to SOFT_TLB_STEPS (or the capacity, if smaller), beyond which the
 * whole ASID (NH_VA) or VMID (NH_VAA) goes.
 */
#ifndef VIQ_SOFT_TLB_H
#define VIQ_SOFT_TLB_H

#include <stdbool.h>
#include <stdint.h>

#include "leaf.h"
#include "slot.h"

#define SOFT_TLB_STEPS 512u /* what soft_vm.steps is at most, if nobody sets it */

struct soft_tlb {
	soft_word *slots;
	void *slots_alloc;
	uint64_t set_mask;
};

/* Beside sizes of leaves: some of them are of globals. */
#define SOFT_LEAVES_GLOBAL (UINT64_C(1) << 63)

/*
 * A VMID's share: all counters that its invalidations write, so that those of two VMIDs have nothing in common, and
 * may run at once. The counters begin at 0: so nothing that was tagged with id may ever have
 * been filled before.
 */
struct soft_vm {
	uint32_t id; /* in the place of the VMID, not 0, and never used again */
	uint32_t asid_mask;
	soft_word gen;        /* everything of the VMID */
	soft_word gen_global; /* its globals */
	soft_word *asid_gen;  /* by ASID */
	struct soft_page_gens pages;
	void *gens_alloc; /* both */
	uint32_t steps;   /* leaves that one command invalidates one by one */
	/*
	 * Bits that only get set: combined sizes (log2) that entries may have, [0] of ASIDs and without stage 1, [1]
	 * global; and sizes (log2) of the stage-1 leaves that entries may be of, with SOFT_LEAVES_GLOBAL. They bound
	 * the probes of a look-up and the counters of an invalidation, and keep a guest's odd choice of sizes its own
	 * affair.
	 */
	soft_word sizes[2];
	soft_word leaves;
};

/* What a look-up goes by. */
struct soft_tlb_key {
	struct soft_vm *vm;
	uint64_t va;     /* bits that TBI ignores: as bit 55 */
	uint16_t asid;   /* with s1 */
	bool s1;         /* false: stage 2 only, va is an IPA */
	bool aset;       /* globals match look-ups of the same ASET only */
	uint8_t granule; /* of va's half, for fills; without s1 of the guest's stage 2, or 0: it has none */
};

/* The counters of everything a walk may find, as they were before it began. */
struct soft_tlb_sample {
	uint64_t common;
	uint64_t leaves;     /* the VMID's, with stage 1 */
	uint64_t leaf[4][2]; /* by the leaf's level and by nG = 0; without stage 1 as nG = 0 */
};

/* What an entry depends on, beside the counters of everything and of its VMID; and its stamp. */
struct soft_tlb_ref {
	const soft_word *owner; /* the ASID's counter or the globals'; or one that never moves (no stage 1) */
	const soft_word
		*leaf; /* that of the entry's kind in its stage-1 leaf's line; SOFT_OWNER_ANY's is first there */
	uint64_t stamp;
};

int soft_tlb_init(struct soft_tlb *tlb, uint32_t entries);
void soft_tlb_fini(struct soft_tlb *tlb);
/* For entries of a TLB that has so many. */
int soft_vm_init(struct soft_vm *vm, uint32_t tlb_entries, uint32_t id, unsigned int asid_bits);
void soft_vm_fini(struct soft_vm *vm);

/* Readers, in a section. True with the leaf, and where the entry's validity can be looked up again. */
bool soft_tlb_lookup(struct soft_tlb *tlb, const struct soft_tlb_key *key, struct soft_leaf *leaf,
		     struct soft_tlb_ref *ref);
void soft_tlb_sample(const struct soft_tlb_key *key, struct soft_tlb_sample *sample);
/*
 * leaf is the outcome of a walk for key that began after the sample was taken. False: the VMID has had no such leaf
 * yet; take another sample and walk again.
 */
bool soft_tlb_insert(struct soft_tlb *tlb, const struct soft_tlb_key *key, const struct soft_tlb_sample *sample,
		     const struct soft_leaf *leaf, struct soft_tlb_ref *ref);

/* The sum of all counters that cover an entry, now. Relaxed: see slot.h. */
static inline uint64_t soft_tlb_ref_stamp(const struct soft_vm *vm, const struct soft_tlb_ref *ref)
{
	const soft_word *any = (const soft_word *)((uintptr_t)ref->leaf & ~(uintptr_t)(SOFT_LINE - 1));

	return soft_gen_load(&vm->gen) + soft_gen_load(ref->owner) + soft_gen_load(any) + soft_gen_load(ref->leaf);
}

/* Invalidations, one of a VMID at a time. A grace period must follow. */
struct soft_tlb_range {
	uint64_t first, last; /* addresses, both included; bits [63:56] are not compared */
	uint64_t leaves;      /* of soft_vm_leaves(), those that must go */
};
void soft_tlb_inv_vm(struct soft_vm *vm);
void soft_tlb_inv_asid(struct soft_vm *vm, uint16_t asid);
/* Entries of the ASID and globals in the range. */
void soft_tlb_inv_va(struct soft_vm *vm, uint16_t asid, const struct soft_tlb_range *range);
/* Entries of every ASID and globals in the range. */
void soft_tlb_inv_vaa(struct soft_vm *vm, const struct soft_tlb_range *range);
/* Entries of the guest's stage 2 alone in the range of IPAs. */
void soft_tlb_inv_ipa(struct soft_vm *vm, const struct soft_tlb_range *range);

/* Leaves of a granule (12, 14, 16) at this level; level 0: at any. */
uint64_t soft_leaves_at(unsigned int granule, unsigned int level);
/*
 * The VMID's leaves. A fill of one that this does not see begins after it, so also after the table changes that were
 * made before: both are read-modify-writes of one word. Once a call is enough: what it invalidates has changed before.
 */
uint64_t soft_vm_leaves(struct soft_vm *vm);

#endif
