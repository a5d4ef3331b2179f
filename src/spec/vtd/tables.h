/* SPDX-License-Identifier: MIT */
/*
 * From a root table to what a PASID's entry says (chapters 3 and 9): root, context, PASID-directory and PASID-table
 * entries. Words in, a decoded structure or a fault out; memory is read by the caller:
 *
 *   struct vtd_lookup l;
 *   vtd_lookup_context(&l, &caps, rtaddr, source_id);
 *   while (l.words)
 *           vtd_lookup_step(&l, viq_mem_read_words(mem, l.at, words, l.words) ? NULL : words);
 *   // l.reason, or l.context
 *
 * All of hardware's checks are here, and no more: what a host makes of a legal entry is the host's rule.
 */
#ifndef VIQ_SPEC_VTD_TABLES_H
#define VIQ_SPEC_VTD_TABLES_H

#include <stdbool.h>
#include <stdint.h>

#include <viq/vtd_spec.h>

/* What CAP and ECAP allow, and the machine: decides which bits are reserved. */
struct vtd_caps {
	uint64_t cap, ecap;
	uint8_t haw;    /* host address width of the machine, 32 to 52: pointers have no bits above */
	uint8_t mgaw;   /* CAP.MGAW + 1: bits of a second-stage input address */
	uint8_t max_aw; /* the largest AW that CAP.SAGAW allows; 0: none */
};
/* Bits that domain-ids have (11.4.2, ND). */
static inline uint16_t vtd_domain_bits(uint64_t cap)
{
	return (uint16_t)((UINT32_C(1) << (4 + 2 * VIQ_GET(VIQ_VTD_CAP_ND, cap))) - 1);
}
/* The largest AW that CAP.SAGAW allows; 0: none. */
uint8_t vtd_max_aw(uint64_t cap);
void vtd_caps_init(struct vtd_caps *caps, uint64_t cap, uint64_t ecap, unsigned int haw);

/* First-stage tables. */
struct vtd_fs {
	uint64_t table; /* FSPTPTR; a guest-physical address in nested translation */
	uint8_t levels; /* 4, 5 */
	bool wpe;       /* supervisors obey R/W too */
	bool eafe;      /* set the extended-accessed flag */
};
/* Second-stage tables. */
struct vtd_ss {
	uint64_t table; /* SSPTPTR */
	uint8_t levels; /* 3, 4, 5 */
	uint8_t width;  /* input address bits: the smaller of AGAW and MGAW */
	bool ad;        /* SSADE: accessed and dirty flags exist */
};

/*
 * Tables that come not from a guest's structures but from calls. 0, or -EINVAL: AW (as PASID-table entries code it),
 * number of levels, or pointer (not aligned, above HAW) that this hardware does not have. nested: table is a
 * guest-physical address. The other members become false.
 */
int vtd_fs_init(struct vtd_fs *fs, const struct vtd_caps *caps, uint64_t table, unsigned int levels, bool nested);
int vtd_ss_init(struct vtd_ss *ss, const struct vtd_caps *caps, uint64_t table, unsigned int aw);

/* A checked PASID-table entry, or a checked legacy context entry: how to translate. */
struct vtd_regime {
	uint8_t pgtt;  /* VIQ_VTD_PGTT_* */
	bool legacy;   /* of a legacy context entry: faults have its reasons */
	bool fpd;      /* qualified faults are not recorded */
	bool sre, ere; /* supervisor requests, execute requests are let in */
	bool snooped;  /* PWSNP: flags of paging entries can be set (3.10) */
	uint16_t did;
	struct vtd_fs fs; /* PGTT_FS, PGTT_NESTED */
	struct vtd_ss ss; /* PGTT_SS, PGTT_NESTED */
};

/* A checked context entry. */
struct vtd_context {
	bool scalable; /* else legacy */
	bool fpd;
	/* Legacy */
	uint8_t tt; /* VIQ_VTD_TT_* */
	uint16_t did;
	struct vtd_ss ss; /* not with TT_PT */
	/* Scalable */
	bool dte, paside, pre;
	bool rid_priv; /* requests without PASID are privileged */
	uint8_t pdts;  /* the directory has 2^(pdts + 7) entries */
	uint32_t rid_pasid;
	uint64_t pasid_dir;
};

/* PASIDs that a context's directory has room for. */
static inline uint32_t vtd_context_pasids(const struct vtd_context *c)
{
	return (uint32_t)VIQ_VTD_PE_TABLE << (c->pdts + 7);
}

/* What a legacy context entry makes of a request. */
void vtd_legacy_regime(const struct vtd_context *ctx, struct vtd_regime *regime);

/* --- Finding entries ---------------------------------------------------------------------------------------------- */

struct vtd_lookup {
	const struct vtd_caps *caps;
	/* The entry to be read next; words 0: the lookup has ended. After a fault, the entry to blame, 0: none. */
	uint64_t at;
	uint8_t words;
	uint8_t stage;
	bool scalable;
	bool fpd;       /* of an entry that was read: a qualified fault is not recorded */
	uint8_t reason; /* 0, or VIQ_VTD_FR_* */
	uint16_t source_id;
	uint32_t pasid;
	uint64_t table;             /* of the PASIDs, once the directory entry was read */
	struct vtd_context context; /* result of vtd_lookup_context() */
	struct vtd_regime regime;   /* result of vtd_lookup_pasid() */
};

/* The context entry of a device. rtaddr: RTADDR as SRTP latched it. */
void vtd_lookup_context(struct vtd_lookup *l, const struct vtd_caps *caps, uint64_t rtaddr, uint16_t source_id);
/* The entry of a PASID that the directory has room for, of a scalable context. */
void vtd_lookup_pasid(struct vtd_lookup *l, const struct vtd_caps *caps, const struct vtd_context *ctx, uint32_t pasid);
/* words: l->words words read at l->at, in CPU byte order, NULL if there is no memory. */
void vtd_lookup_step(struct vtd_lookup *l, const uint64_t *words);

/* The eight words of a PASID-table entry. fpd: as the entries above say. 0, or VIQ_VTD_FR_PE_P, _RSVD, _INVALID. */
unsigned int vtd_pasid_decode(const struct vtd_caps *caps, const uint64_t entry[VIQ_VTD_PE_WORDS], bool fpd,
			      struct vtd_regime *regime);

#endif
