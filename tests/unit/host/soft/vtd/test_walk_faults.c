/* SPDX-License-Identifier: MIT */
/*
 * Every fault reason of a DMA request (7.1.3), reached from a working translation by one change; which of them Fault
 * Processing Disable keeps from being recorded; and what their records say.
 *
 * A line of the table below says where something is changed (an entry on the way of the request, a capability, the
 * request), and what the unit must say then.
 */
#include <errno.h>

#include "walk.h"

enum place {
	NOTHING,
	ROOT,    /* the word for this devfn */
	CONTEXT, /* index: word */
	DIR,
	PASID_ENTRY, /* index: word */
	RID_ENTRY,   /* index: word; the entry of RID_PASID */
	FS,          /* index: level */
	SS,          /* index: level, of the data's address */
	SS_FS,       /* index: first-stage level whose table's page; its second-stage leaf */
	TTM,         /* RTADDR */
	ADDR,        /* the request's address */
};

enum mode {
	LEGACY,
	LEGACY_PT,
	FIRST,
	SECOND,
	NESTED,
	THROUGH,
	MODES
};

/* How far down the unit reads before it faults: FPD bits below are not known to it. */
enum depth {
	AT_ROOT,
	AT_CONTEXT,
	AT_DIR,
	AT_PASID
};

/* Flags of a line */
#define NO_PASID    (1u << 0) /* the request has none (scalable mode) */
#define WITH_PASID  (1u << 1) /* it has one (legacy mode) */
#define TRANSLATION (1u << 2) /* it is an ATS translation request */
#define ALWAYS      (1u << 3) /* recorded in spite of FPD */
#define HOST_FAULT  (1u << 4) /* second_stage */
#define HERE        (1u << 5) /* the fault's entry is the one that was changed */
#define SSADE       (1u << 6) /* with second-stage flags */
#define EAFE        (1u << 7)
#define LARGE       (1u << 8)  /* PS is set in it too */
#define SMALL_WIDTH (1u << 9)  /* the tables have fewer levels: 3 in the second stage, 4 in the first */
#define ERE_SRE     (1u << 10) /* execute and supervisor requests are let in, WPE obeyed; NXE, SMEP ignored */

#define ANY_PTR VIQ_BITS(51, 12)

struct line {
	const char *name;
	uint8_t mode;
	uint8_t place, index;
	uint64_t clear, set;
	uint8_t access; /* 0: a read */
	uint8_t reason;
	uint8_t depth;
	uint16_t flags;
	uint64_t without_cap, without_ecap;
};

/* clang-format off */
static const struct line lines[] = {
	/* RTADDR */
	{"TTM reserved", FIRST, TTM, 0, VIQ_VTD_RTADDR_TTM, 0x800, 0, VIQ_VTD_FR_RTADDR, AT_ROOT, ALWAYS, 0, 0},
	{"TTM abort", FIRST, TTM, 0, VIQ_VTD_RTADDR_TTM, 0xc00, 0, VIQ_VTD_FR_RTADDR, AT_ROOT, ALWAYS, 0, 0},
	{"no scalable mode", FIRST, NOTHING, 0, 0, 0, 0, VIQ_VTD_FR_RTADDR, AT_ROOT, ALWAYS, 0, VIQ_VTD_ECAP_SMTS},
	{"PASID in legacy mode", LEGACY, NOTHING, 0, 0, 0, 0, VIQ_VTD_FR_TTM_PASID, AT_ROOT, ALWAYS | WITH_PASID, 0, 0},
	/* Root entries */
	{"no root table", LEGACY, TTM, 0, VIQ_VTD_RTADDR_RTA, NOWHERE, 0,
	 VIQ_VTD_FR_ROOT_ACCESS, AT_ROOT, ALWAYS, 0, 0},
	{"root P", LEGACY, ROOT, 0, 1, 0, 0, VIQ_VTD_FR_ROOT_P, AT_ROOT, ALWAYS | HERE, 0, 0},
	{"root [1]", LEGACY, ROOT, 0, 0, 2, 0, VIQ_VTD_FR_ROOT_RSVD, AT_ROOT, ALWAYS | HERE, 0, 0},
	{"root [11]", LEGACY, ROOT, 0, 0, 1 << 11, 0, VIQ_VTD_FR_ROOT_RSVD, AT_ROOT, ALWAYS | HERE, 0, 0},
	{"root, second word", LEGACY, ROOT, 1, 0, 1, 0, VIQ_VTD_FR_ROOT_RSVD, AT_ROOT, ALWAYS, 0, 0},
	{"root pointer above HAW", LEGACY, ROOT, 0, 0, VIQ_BIT(46), 0,
	 VIQ_VTD_FR_ROOT_RSVD, AT_ROOT, ALWAYS | HERE, 0, 0},
	{"no scalable root table", FIRST, TTM, 0, VIQ_VTD_RTADDR_RTA, NOWHERE, 0,
	 VIQ_VTD_FR_SM_ROOT_ACCESS, AT_ROOT, ALWAYS, 0, 0},
	{"scalable root P", FIRST, ROOT, 0, 1, 0, 0, VIQ_VTD_FR_SM_ROOT_P, AT_ROOT, ALWAYS | HERE, 0, 0},
	{"scalable root [1]", FIRST, ROOT, 0, 0, 2, 0, VIQ_VTD_FR_SM_ROOT_RSVD, AT_ROOT, ALWAYS | HERE, 0, 0},
	{"scalable root [11]", FIRST, ROOT, 0, 0, 1 << 11, 0, VIQ_VTD_FR_SM_ROOT_RSVD, AT_ROOT, ALWAYS | HERE, 0, 0},
	{"scalable root pointer above HAW", FIRST, ROOT, 0, 0, VIQ_BIT(63), 0,
	 VIQ_VTD_FR_SM_ROOT_RSVD, AT_ROOT, ALWAYS | HERE, 0, 0},
	/* Legacy context entries */
	{"no context table", LEGACY, ROOT, 0, ANY_PTR, NOWHERE, 0, VIQ_VTD_FR_CTX_ACCESS, AT_ROOT, ALWAYS, 0, 0},
	{"context P", LEGACY, CONTEXT, 0, 1, 0, 0, VIQ_VTD_FR_CTX_P, AT_CONTEXT, HERE, 0, 0},
	{"context [4]", LEGACY, CONTEXT, 0, 0, 1 << 4, 0, VIQ_VTD_FR_CTX_RSVD, AT_CONTEXT, HERE, 0, 0},
	{"context [11]", LEGACY, CONTEXT, 0, 0, 1 << 11, 0, VIQ_VTD_FR_CTX_RSVD, AT_CONTEXT, HERE, 0, 0},
	{"context qw1 [7]", LEGACY, CONTEXT, 1, 0, 1 << 7, 0, VIQ_VTD_FR_CTX_RSVD, AT_CONTEXT, 0, 0, 0},
	{"context qw1 [24]", LEGACY, CONTEXT, 1, 0, 1 << 24, 0, VIQ_VTD_FR_CTX_RSVD, AT_CONTEXT, 0, 0, 0},
	{"context pointer above HAW", LEGACY, CONTEXT, 0, 0, VIQ_BIT(46), 0,
	 VIQ_VTD_FR_CTX_RSVD, AT_CONTEXT, HERE, 0, 0},
	{"context TT 3", LEGACY, CONTEXT, 0, 0, 3 << 2, 0, VIQ_VTD_FR_CTX_INVALID, AT_CONTEXT, HERE, 0, 0},
	{"context AW 0", LEGACY, CONTEXT, 1, 7, 0, 0, VIQ_VTD_FR_CTX_INVALID, AT_CONTEXT, 0, 0, 0},
	{"context AW 4", LEGACY, CONTEXT, 1, 7, 4, 0, VIQ_VTD_FR_CTX_INVALID, AT_CONTEXT, 0, 0, 0},
	{"context AW not in SAGAW", LEGACY, NOTHING, 0, 0, 0, 0,
	 VIQ_VTD_FR_CTX_INVALID, AT_CONTEXT, 0, VIQ_PUT(VIQ_VTD_CAP_SAGAW, VIQ_VTD_SAGAW_48), 0},
	{"ATS without device-TLBs", LEGACY, CONTEXT, 0, 0, 1 << 2, 0,
	 VIQ_VTD_FR_CTX_INVALID, AT_CONTEXT, HERE, 0, VIQ_VTD_ECAP_DT},
	{"pass-through not of the largest width", LEGACY_PT, CONTEXT, 1, 7, 2, 0,
	 VIQ_VTD_FR_CTX_INVALID, AT_CONTEXT, 0, 0, 0},
	{"legacy pass-through without the capability", LEGACY_PT, NOTHING, 0, 0, 0, 0,
	 VIQ_VTD_FR_CTX_INVALID, AT_CONTEXT, 0, 0, VIQ_VTD_ECAP_PT},
	{"translation request, TT 0", LEGACY, NOTHING, 0, 0, 0, 0, VIQ_VTD_FR_CTX_TT, AT_CONTEXT, TRANSLATION, 0, 0},
	{"translation request, TT 2", LEGACY_PT, NOTHING, 0, 0, 0, 0, VIQ_VTD_FR_CTX_TT, AT_CONTEXT, TRANSLATION, 0, 0},
	/* Scalable context entries */
	{"no scalable context table", FIRST, ROOT, 0, ANY_PTR, NOWHERE, 0,
	 VIQ_VTD_FR_SM_CTX_ACCESS, AT_ROOT, ALWAYS, 0, 0},
	{"scalable context P", FIRST, CONTEXT, 0, 1, 0, 0, VIQ_VTD_FR_SM_CTX_P, AT_CONTEXT, HERE, 0, 0},
	{"scalable context [5]", FIRST, CONTEXT, 0, 0, 1 << 5, 0,
	 VIQ_VTD_FR_SM_CTX_RSVD, AT_CONTEXT, HERE, 0, 0},
	{"scalable context [8]", FIRST, CONTEXT, 0, 0, 1 << 8, 0,
	 VIQ_VTD_FR_SM_CTX_RSVD, AT_CONTEXT, HERE, 0, 0},
	{"scalable context qw1 [21]", FIRST, CONTEXT, 1, 0, 1 << 21, 0,
	 VIQ_VTD_FR_SM_CTX_RSVD, AT_CONTEXT, 0, 0, 0},
	{"scalable context qw1 [63]", FIRST, CONTEXT, 1, 0, VIQ_BIT(63), 0,
	 VIQ_VTD_FR_SM_CTX_RSVD, AT_CONTEXT, 0, 0, 0},
	{"scalable context qw2", FIRST, CONTEXT, 2, 0, 1, 0, VIQ_VTD_FR_SM_CTX_RSVD, AT_CONTEXT, 0, 0, 0},
	{"scalable context qw3", FIRST, CONTEXT, 3, 0, VIQ_BIT(63), 0,
	 VIQ_VTD_FR_SM_CTX_RSVD, AT_CONTEXT, 0, 0, 0},
	{"directory pointer above HAW", FIRST, CONTEXT, 0, 0, VIQ_BIT(46), 0,
	 VIQ_VTD_FR_SM_CTX_RSVD, AT_CONTEXT, HERE, 0, 0},
	{"DTE without device-TLBs", FIRST, CONTEXT, 0, 0, 1 << 2, 0,
	 VIQ_VTD_FR_SM_CTX_RSVD, AT_CONTEXT, HERE, 0, VIQ_VTD_ECAP_DT},
	{"PASIDE without PASIDs", FIRST, NOTHING, 0, 0, 0, 0,
	 VIQ_VTD_FR_SM_CTX_RSVD, AT_CONTEXT, 0, 0, VIQ_VTD_ECAP_PASID},
	{"PRE without page requests", FIRST, CONTEXT, 0, 0, 1 << 4, 0,
	 VIQ_VTD_FR_SM_CTX_RSVD, AT_CONTEXT, HERE, 0, VIQ_VTD_ECAP_PRS},
	{"translation request, DTE 0", FIRST, NOTHING, 0, 0, 0, 0, VIQ_VTD_FR_SM_DTE, AT_CONTEXT, TRANSLATION, 0, 0},
	{"PASIDE 0", FIRST, CONTEXT, 0, 1 << 3, 0, 0, VIQ_VTD_FR_SM_PASIDE, AT_CONTEXT, 0, 0, 0},
	{"RID_PASID without the capability", FIRST, NOTHING, 0, 0, 0, 0,
	 VIQ_VTD_FR_SM_CTX_RSVD, AT_CONTEXT, 0, 0, VIQ_VTD_ECAP_RPS},
	{"RID_PRIV without the capability", FIRST, CONTEXT, 1, 0, 1 << 20, 0,
	 VIQ_VTD_FR_SM_CTX_RSVD, AT_CONTEXT, 0, 0, VIQ_VTD_ECAP_RPRIVS},
	{"RID_PASID beyond the directory", FIRST, CONTEXT, 1, 0, 0x2000, 0,
	 VIQ_VTD_FR_SM_CTX_INVALID, AT_CONTEXT, NO_PASID, 0, 0},
	{"RID_PASID beyond the directory, request with PASID", FIRST, CONTEXT, 1, 0, 0x2000, 0,
	 VIQ_VTD_FR_SM_CTX_INVALID, AT_CONTEXT, 0, 0, 0},
	{"PRE without DTE", FIRST, CONTEXT, 0, 0, 1 << 4, 0, VIQ_VTD_FR_SM_CTX_INVALID, AT_CONTEXT, HERE, 0, 0},
	{"PASID beyond PSS", FIRST, NOTHING, 0, 0, 0, 0, VIQ_VTD_FR_PASID_WIDTH, AT_CONTEXT, 0, 0,
	 VIQ_PUT(VIQ_VTD_ECAP_PSS, 16)},
	{"PASID is RID_PASID", FIRST, CONTEXT, 1, VIQ_VTD_SCTX_1_RID_PASID, PASID, 0,
	 VIQ_VTD_FR_SM_RID_PASID, AT_CONTEXT, 0, 0, 0},
	/* PASID directory, PASID table */
	{"no directory", FIRST, CONTEXT, 0, ANY_PTR, NOWHERE, 0, VIQ_VTD_FR_PDE_ACCESS, AT_CONTEXT, ALWAYS, 0, 0},
	{"directory P", FIRST, DIR, 0, 1, 0, 0, VIQ_VTD_FR_PDE_P, AT_DIR, HERE, 0, 0},
	{"directory [2]", FIRST, DIR, 0, 0, 1 << 2, 0, VIQ_VTD_FR_PDE_RSVD, AT_DIR, HERE, 0, 0},
	{"directory [11]", FIRST, DIR, 0, 0, 1 << 11, 0, VIQ_VTD_FR_PDE_RSVD, AT_DIR, HERE, 0, 0},
	{"table pointer above HAW", FIRST, DIR, 0, 0, VIQ_BIT(46), 0, VIQ_VTD_FR_PDE_RSVD, AT_DIR, HERE, 0, 0},
	{"no table", FIRST, DIR, 0, ANY_PTR, NOWHERE, 0, VIQ_VTD_FR_PE_ACCESS, AT_DIR, ALWAYS, 0, 0},
	{"entry P", FIRST, PASID_ENTRY, 0, 1, 0, 0, VIQ_VTD_FR_PE_P, AT_PASID, HERE, 0, 0},
	{"entry of RID_PASID, P", FIRST, RID_ENTRY, 0, 1, 0, 0, VIQ_VTD_FR_PE_P, AT_PASID, NO_PASID, 0, 0},
	{"entry [5]", FIRST, PASID_ENTRY, 0, 0, 1 << 5, 0, VIQ_VTD_FR_PE_RSVD, AT_PASID, HERE, 0, 0},
	{"entry [10]", FIRST, PASID_ENTRY, 0, 0, 1 << 10, 0, VIQ_VTD_FR_PE_RSVD, AT_PASID, HERE, 0, 0},
	{"entry [11]", FIRST, PASID_ENTRY, 0, 0, 1 << 11, 0, VIQ_VTD_FR_PE_RSVD, AT_PASID, HERE, 0, 0},
	{"SSADE without flags", SECOND, PASID_ENTRY, 0, 0, 1 << 9, 0,
	 VIQ_VTD_FR_PE_RSVD, AT_PASID, HERE, 0, VIQ_VTD_ECAP_SSADS},
	{"entry qw1 [16]", FIRST, PASID_ENTRY, 1, 0, 1 << 16, 0, VIQ_VTD_FR_PE_RSVD, AT_PASID, 0, 0, 0},
	{"entry qw1 [22]", FIRST, PASID_ENTRY, 1, 0, 1 << 22, 0, VIQ_VTD_FR_PE_RSVD, AT_PASID, 0, 0, 0},
	{"PWSNP without coherency", FIRST, PASID_ENTRY, 1, 0, 1 << 23, 0,
	 VIQ_VTD_FR_PE_RSVD, AT_PASID, 0, 0, VIQ_VTD_ECAP_SMPWCS},
	{"PGSNP without snoop control", FIRST, PASID_ENTRY, 1, 0, 1 << 24, 0,
	 VIQ_VTD_FR_PE_RSVD, AT_PASID, 0, 0, VIQ_VTD_ECAP_SC},
	{"SRE without supervisor requests", FIRST, PASID_ENTRY, 2, 0, 1 << 0, 0,
	 VIQ_VTD_FR_PE_RSVD, AT_PASID, 0, 0, VIQ_VTD_ECAP_SRS},
	{"ERE without execute requests", FIRST, PASID_ENTRY, 2, 0, 1 << 1, 0,
	 VIQ_VTD_FR_PE_RSVD, AT_PASID, 0, 0, VIQ_VTD_ECAP_ERS},
	{"EAFE without the flag", FIRST, PASID_ENTRY, 2, 0, 1 << 7, 0,
	 VIQ_VTD_FR_PE_RSVD, AT_PASID, 0, 0, VIQ_VTD_ECAP_EAFS},
	{"entry qw2 [8]", FIRST, PASID_ENTRY, 2, 0, 1 << 8, 0, VIQ_VTD_FR_PE_RSVD, AT_PASID, 0, 0, 0},
	{"entry qw2 [11]", FIRST, PASID_ENTRY, 2, 0, 1 << 11, 0, VIQ_VTD_FR_PE_RSVD, AT_PASID, 0, 0, 0},
	{"entry qw3", FIRST, PASID_ENTRY, 3, 0, 1, 0, VIQ_VTD_FR_PE_RSVD, AT_PASID, 0, 0, 0},
	{"entry qw7", FIRST, PASID_ENTRY, 7, 0, VIQ_BIT(63), 0, VIQ_VTD_FR_PE_RSVD, AT_PASID, 0, 0, 0},
	{"FSPTPTR above HAW", FIRST, PASID_ENTRY, 2, 0, VIQ_BIT(46), 0, VIQ_VTD_FR_PE_RSVD, AT_PASID, 0, 0, 0},
	{"SSPTPTR above HAW", SECOND, PASID_ENTRY, 0, 0, VIQ_BIT(46), 0,
	 VIQ_VTD_FR_PE_RSVD, AT_PASID, HERE, 0, 0},
	{"PGTT 0", FIRST, PASID_ENTRY, 0, 7 << 6, 0, 0, VIQ_VTD_FR_PE_INVALID, AT_PASID, HERE, 0, 0},
	{"PGTT 5", FIRST, PASID_ENTRY, 0, 7 << 6, 5 << 6, 0, VIQ_VTD_FR_PE_INVALID, AT_PASID, HERE, 0, 0},
	{"PGTT 7", FIRST, PASID_ENTRY, 0, 7 << 6, 7 << 6, 0, VIQ_VTD_FR_PE_INVALID, AT_PASID, HERE, 0, 0},
	{"FSPTPTR without first stage", FIRST, NOTHING, 0, 0, 0, 0, VIQ_VTD_FR_PE_RSVD, AT_PASID, 0, 0,
	 VIQ_VTD_ECAP_FSTS},
	{"no first stage", FIRST, PASID_ENTRY, 2, ANY_PTR, 0, 0, VIQ_VTD_FR_PE_INVALID, AT_PASID, 0, 0,
	 VIQ_VTD_ECAP_FSTS},
	{"SSPTPTR without second stage", SECOND, NOTHING, 0, 0, 0, 0, VIQ_VTD_FR_PE_RSVD, AT_PASID, 0, 0,
	 VIQ_VTD_ECAP_SSTS},
	{"no second stage", SECOND, PASID_ENTRY, 0, ANY_PTR, 0, 0, VIQ_VTD_FR_PE_INVALID, AT_PASID, 0, 0,
	 VIQ_VTD_ECAP_SSTS},
	{"no nesting", NESTED, NOTHING, 0, 0, 0, 0, VIQ_VTD_FR_PE_INVALID, AT_PASID, 0, 0, VIQ_VTD_ECAP_NEST},
	{"no pass-through", THROUGH, NOTHING, 0, 0, 0, 0, VIQ_VTD_FR_PE_INVALID, AT_PASID, 0, 0, VIQ_VTD_ECAP_PT},
	{"FSPM 2", FIRST, PASID_ENTRY, 2, 3 << 2, 2 << 2, 0, VIQ_VTD_FR_PE_INVALID, AT_PASID, 0, 0, 0},
	{"five levels not supported", FIRST, PASID_ENTRY, 2, 0, 1 << 2, 0,
	 VIQ_VTD_FR_PE_INVALID, AT_PASID, 0, VIQ_VTD_CAP_FS5LP, 0},
	{"FSPM 3, nested", NESTED, PASID_ENTRY, 2, 3 << 2, 3 << 2, 0, VIQ_VTD_FR_PE_INVALID, AT_PASID, 0, 0, 0},
	{"AW 0", SECOND, PASID_ENTRY, 0, 7 << 2, 0, 0, VIQ_VTD_FR_PE_INVALID, AT_PASID, HERE, 0, 0},
	{"AW 7", NESTED, PASID_ENTRY, 0, 7 << 2, 7 << 2, 0, VIQ_VTD_FR_PE_INVALID, AT_PASID, HERE, 0, 0},
	{"AW not in SAGAW", NESTED, NOTHING, 0, 0, 0, 0,
	 VIQ_VTD_FR_PE_INVALID, AT_PASID, 0, VIQ_PUT(VIQ_VTD_CAP_SAGAW, VIQ_VTD_SAGAW_48), 0},
	{"ERE 0", FIRST, NOTHING, 0, 0, 0, SOFT_R | SOFT_X, VIQ_VTD_FR_PE_ERE, AT_PASID, 0, 0, 0},
	{"SRE 0", FIRST, NOTHING, 0, 0, 0, SOFT_R | SOFT_P, VIQ_VTD_FR_PE_SRE, AT_PASID, 0, 0, 0},
	{"SRE 0, RID_PRIV", FIRST, CONTEXT, 1, 0, 1 << 20, 0, VIQ_VTD_FR_PE_SRE, AT_PASID, NO_PASID, 0, 0},
	/* First stage */
	{"no first-stage root table", FIRST, PASID_ENTRY, 2, ANY_PTR, NOWHERE, 0,
	 VIQ_VTD_FR_FS_ROOT_ACCESS, AT_PASID, 0, 0, 0},
	{"no first-stage table", FIRST, FS, 4, ANY_PTR, NOWHERE, 0, VIQ_VTD_FR_FS_ACCESS, AT_PASID, 0, 0, 0},
	{"no first-stage page table", FIRST, FS, 2, ANY_PTR, NOWHERE, 0, VIQ_VTD_FR_FS_ACCESS, AT_PASID, 0, 0, 0},
	{"first-stage P, level 4", FIRST, FS, 4, 1, 0, 0, VIQ_VTD_FR_FS_P, AT_PASID, HERE, 0, 0},
	{"first-stage P, level 1", FIRST, FS, 1, 1, 0, 0, VIQ_VTD_FR_FS_P, AT_PASID, HERE, 0, 0},
	{"nested first-stage P, level 3", NESTED, FS, 3, 1, 0, 0, VIQ_VTD_FR_FS_P, AT_PASID, HERE, 0, 0},
	{"PS at level 4", FIRST, FS, 4, 0, 1 << 7, 0, VIQ_VTD_FR_FS_RSVD, AT_PASID, HERE, 0, 0},
	{"PS at level 3 without 1 GiB pages", FIRST, FS, 3, ANY_PTR, 1 << 7, 0,
	 VIQ_VTD_FR_FS_RSVD, AT_PASID, HERE, VIQ_VTD_CAP_FS1GP, 0},
	{"1 GiB page [13]", FIRST, FS, 3, ANY_PTR, 1 << 13, 0, VIQ_VTD_FR_FS_RSVD, AT_PASID, HERE | LARGE, 0, 0},
	{"1 GiB page [29]", FIRST, FS, 3, ANY_PTR, 1 << 29, 0, VIQ_VTD_FR_FS_RSVD, AT_PASID, HERE | LARGE, 0, 0},
	{"2 MiB page [13]", FIRST, FS, 2, ANY_PTR, 1 << 13, 0, VIQ_VTD_FR_FS_RSVD, AT_PASID, HERE | LARGE, 0, 0},
	{"2 MiB page [20]", NESTED, FS, 2, ANY_PTR, 1 << 20, 0, VIQ_VTD_FR_FS_RSVD, AT_PASID, HERE | LARGE, 0, 0},
	{"first-stage table above HAW", FIRST, FS, 3, 0, VIQ_BIT(46), 0, VIQ_VTD_FR_FS_RSVD, AT_PASID, HERE, 0, 0},
	{"first-stage page above HAW", FIRST, FS, 1, 0, VIQ_BIT(51), 0, VIQ_VTD_FR_FS_RSVD, AT_PASID, HERE, 0, 0},
	{"address not canonical, bit 47", FIRST, ADDR, 0, 0, VIQ_BIT(47), 0,
	 VIQ_VTD_FR_FS_CANONICAL, AT_PASID, 0, 0, 0},
	{"address not canonical, bit 63", NESTED, ADDR, 0, 0, VIQ_BIT(63), 0,
	 VIQ_VTD_FR_FS_CANONICAL, AT_PASID, 0, 0, 0},
	{"supervisor page, level 1", FIRST, FS, 1, 1 << 2, 0, 0, VIQ_VTD_FR_FS_US, AT_PASID, HERE, 0, 0},
	{"supervisor table, level 4", FIRST, FS, 4, 1 << 2, 0, 0, VIQ_VTD_FR_FS_US, AT_PASID, 0, 0, 0},
	{"supervisor page, written by a user", NESTED, FS, 2, 1 << 2, 0, SOFT_W, VIQ_VTD_FR_FS_US, AT_PASID, 0, 0, 0},
	{"read-only page", FIRST, FS, 1, 1 << 1, 0, SOFT_W, VIQ_VTD_FR_SM_WRITE, AT_PASID, HERE, 0, 0},
	{"read-only table", FIRST, FS, 4, 1 << 1, 0, SOFT_R | SOFT_W, VIQ_VTD_FR_SM_WRITE, AT_PASID, 0, 0, 0},
	{"read-only page, nested", NESTED, FS, 1, 1 << 1, 0, SOFT_W, VIQ_VTD_FR_SM_WRITE, AT_PASID, HERE, 0, 0},
	{"WPE", FIRST, FS, 1, 1 << 1, 0, SOFT_W | SOFT_P, VIQ_VTD_FR_SM_WRITE, AT_PASID, HERE | ERE_SRE, 0, 0},
	{"accessed flag in tables that are not snooped", FIRST, PASID_ENTRY, 1, VIQ_VTD_PE_1_PWSNP, 0, 0,
	 VIQ_VTD_FR_FS_FLAG_SNOOP, AT_PASID, EAFE, 0, 0},
	{"accessed flag in read-only memory", FIRST, FS, 2, 0, READONLY, 0,
	 VIQ_VTD_FR_FS_FLAG_FAILED, AT_PASID, EAFE, 0, 0},
	/* Second stage */
	{"no second-stage root table", LEGACY, CONTEXT, 0, ANY_PTR, NOWHERE, 0,
	 VIQ_VTD_FR_CTX_INVALID, AT_PASID, 0, 0, 0},
	{"no second-stage table", LEGACY, SS, 3, ANY_PTR, NOWHERE, 0, VIQ_VTD_FR_SS_ACCESS, AT_PASID, 0, 0, 0},
	{"second-stage [62]", LEGACY, SS, 1, 0, VIQ_BIT(62), 0, VIQ_VTD_FR_SS_RSVD, AT_PASID, HERE, 0, 0},
	{"SNP without snoop control", LEGACY, SS, 1, 0, 1 << 11, 0,
	 VIQ_VTD_FR_SS_RSVD, AT_PASID, HERE, 0, VIQ_VTD_ECAP_SC},
	{"SNP in a table", LEGACY, SS, 2, 0, 1 << 11, 0, VIQ_VTD_FR_SS_RSVD, AT_PASID, HERE, 0, 0},
	{"absent, read", LEGACY, SS, 2, 3, 0, 0, VIQ_VTD_FR_READ, AT_PASID, HERE, 0, 0},
	{"absent, written", LEGACY, SS, 1, 3, 0, SOFT_W, VIQ_VTD_FR_WRITE, AT_PASID, HERE, 0, 0},
	{"legacy, not readable", LEGACY, SS, 1, 1, 0, 0, VIQ_VTD_FR_READ, AT_PASID, HERE, 0, 0},
	{"legacy, not writable", LEGACY, SS, 3, 2, 0, SOFT_W, VIQ_VTD_FR_WRITE, AT_PASID, 0, 0, 0},
	{"legacy address beyond AGAW", LEGACY, ADDR, 0, 0, VIQ_BIT(39), 0,
	 VIQ_VTD_FR_ADDR, AT_PASID, SMALL_WIDTH, 0, 0},
	{"legacy address beyond MGAW", LEGACY, ADDR, 0, 0, VIQ_BIT(48), 0, VIQ_VTD_FR_ADDR, AT_PASID, 0, 0, 0},
	{"legacy pass-through address beyond HAW and MGAW", LEGACY_PT, ADDR, 0, 0, VIQ_BIT(48), 0,
	 VIQ_VTD_FR_ADDR, AT_PASID, 0, 0, 0},
	{"legacy pass-through address beyond HAW", LEGACY_PT, ADDR, 0, 0, VIQ_BIT(46), 0,
	 VIQ_VTD_FR_ADDR, AT_PASID, 0, 0, 0},
	{"legacy output in the interrupt range", LEGACY, SS, 1, ANY_PTR, 0xfee00000, 0,
	 VIQ_VTD_FR_INTERRUPT_ADDR, AT_PASID, 0, 0, 0},
	{"no second-stage root table, scalable", SECOND, PASID_ENTRY, 0, ANY_PTR, NOWHERE, 0,
	 VIQ_VTD_FR_SM_SS_ROOT_ACCESS, AT_PASID, 0, 0, 0},
	{"no second-stage table, scalable", SECOND, SS, 2, ANY_PTR, NOWHERE, 0,
	 VIQ_VTD_FR_SM_SS_ACCESS, AT_PASID, 0, 0, 0},
	{"absent", SECOND, SS, 1, 3, 0, 0, VIQ_VTD_FR_SM_SS_P, AT_PASID, HERE, 0, 0},
	{"scalable SNP without snoop control", SECOND, SS, 1, 0, 1 << 11, 0,
	 VIQ_VTD_FR_SM_SS_RSVD, AT_PASID, HERE, 0, VIQ_VTD_ECAP_SC},
	{"absent table", SECOND, SS, 4, 3, 0, 0, VIQ_VTD_FR_SM_SS_P, AT_PASID, HERE, 0, 0},
	{"scalable [62]", SECOND, SS, 4, 0, VIQ_BIT(62), 0, VIQ_VTD_FR_SM_SS_RSVD, AT_PASID, HERE, 0, 0},
	{"second-stage PS at level 4", SECOND, SS, 4, 0, 1 << 7, 0, VIQ_VTD_FR_SM_SS_RSVD, AT_PASID, HERE, 0, 0},
	{"second-stage 1 GiB page not supported", SECOND, SS, 3, ANY_PTR, 1 << 7, 0,
	 VIQ_VTD_FR_SM_SS_RSVD, AT_PASID, HERE, VIQ_PUT(VIQ_VTD_CAP_SSLPS, 2), 0},
	{"second-stage 2 MiB page not supported", SECOND, SS, 2, ANY_PTR, 1 << 7, 0,
	 VIQ_VTD_FR_SM_SS_RSVD, AT_PASID, HERE, VIQ_PUT(VIQ_VTD_CAP_SSLPS, 1), 0},
	{"second-stage 1 GiB page [12]", SECOND, SS, 3, ANY_PTR, 1 << 12, 0,
	 VIQ_VTD_FR_SM_SS_RSVD, AT_PASID, HERE | LARGE, 0, 0},
	{"second-stage 1 GiB page [29]", SECOND, SS, 3, ANY_PTR, 1 << 29, 0,
	 VIQ_VTD_FR_SM_SS_RSVD, AT_PASID, HERE | LARGE, 0, 0},
	{"second-stage 2 MiB page [12]", SECOND, SS, 2, ANY_PTR, 1 << 12, 0,
	 VIQ_VTD_FR_SM_SS_RSVD, AT_PASID, HERE | LARGE, 0, 0},
	{"second-stage 2 MiB page [20]", SECOND, SS, 2, ANY_PTR, 1 << 20, 0,
	 VIQ_VTD_FR_SM_SS_RSVD, AT_PASID, HERE | LARGE, 0, 0},
	{"second-stage page above HAW", SECOND, SS, 1, 0, VIQ_BIT(46), 0, VIQ_VTD_FR_SM_SS_RSVD, AT_PASID, HERE, 0, 0},
	{"second-stage table above HAW", SECOND, SS, 2, 0, VIQ_BIT(51), 0, VIQ_VTD_FR_SM_SS_RSVD, AT_PASID, HERE, 0, 0},
	{"address beyond AGAW", SECOND, ADDR, 0, 0, VIQ_BIT(39), 0, VIQ_VTD_FR_SM_SS_ADDR, AT_PASID, SMALL_WIDTH, 0, 0},
	{"address beyond MGAW", SECOND, ADDR, 0, 0, VIQ_BIT(48), 0, VIQ_VTD_FR_SM_SS_ADDR, AT_PASID, 0, 0, 0},
	{"pass-through address beyond HAW", THROUGH, ADDR, 0, 0, VIQ_BIT(46), 0, VIQ_VTD_FR_SM_ADDR, AT_PASID, 0, 0, 0},
	{"not readable", SECOND, SS, 1, 1, 0, SOFT_R | SOFT_W, VIQ_VTD_FR_SM_READ, AT_PASID, HERE, 0, 0},
	{"not writable", SECOND, SS, 4, 2, 0, SOFT_R | SOFT_W, VIQ_VTD_FR_SM_WRITE, AT_PASID, 0, 0, 0},
	{"flag in tables that are not snooped", SECOND, PASID_ENTRY, 1, VIQ_VTD_PE_1_PWSNP, 0, 0,
	 VIQ_VTD_FR_SS_FLAG_SNOOP, AT_PASID, SSADE, 0, 0},
	{"legacy read of the interrupt range", LEGACY, ADDR, 0, ~UINT64_C(0), 0xfee00000, 0,
	 VIQ_VTD_FR_INTERRUPT_ADDR, AT_CONTEXT, 0, 0, 0},
	{"AtomicOp in the interrupt range", FIRST, ADDR, 0, ~UINT64_C(0), 0xfeefffff, SOFT_R | SOFT_W,
	 VIQ_VTD_FR_SM_INTERRUPT_ADDR, AT_CONTEXT, NO_PASID, 0, 0},
	{"output in the interrupt range", SECOND, SS, 1, ANY_PTR, 0xfeeff000, 0,
	 VIQ_VTD_FR_SM_INTERRUPT_ADDR, AT_PASID, 0, 0, 0},
	{"first-stage output in the interrupt range", FIRST, FS, 1, ANY_PTR, 0xfee00000, 0,
	 VIQ_VTD_FR_SM_INTERRUPT_ADDR, AT_PASID, 0, 0, 0},
	{"pass-through to the interrupt range", THROUGH, ADDR, 0, ~UINT64_C(0), 0xfee00000, 0,
	 VIQ_VTD_FR_SM_INTERRUPT_ADDR, AT_PASID, 0, 0, 0},
	{"second-stage flag in read-only memory", SECOND, SS, 2, 0, READONLY, SOFT_R,
	 VIQ_VTD_FR_SS_FLAG_FAILED, AT_PASID, SSADE, 0, 0},
	/* Nested: faults of the tables' own addresses */
	{"FSPTPTR beyond MGAW", NESTED, PASID_ENTRY, 2, 0, VIQ_BIT(50), 0, VIQ_VTD_FR_PE_INVALID, AT_PASID, 0, 0, 0},
	{"FSPTPTR beyond AGAW", NESTED, PASID_ENTRY, 2, 0, VIQ_BIT(39), 0,
	 VIQ_VTD_FR_PE_INVALID, AT_PASID, SMALL_WIDTH, 0, 0},
	{"first-stage table beyond the second stage", NESTED, FS, 3, 0, VIQ_BIT(48), 0,
	 VIQ_VTD_FR_FS_TABLE_ADDR, AT_PASID, HOST_FAULT, 0, 0},
	{"first-stage root table not readable", NESTED, SS_FS, 5, 1, 0, 0,
	 VIQ_VTD_FR_FS_ROOT_READ, AT_PASID, HOST_FAULT | HERE, 0, 0},
	{"first-stage table not readable", NESTED, SS_FS, 3, 1, 0, 0,
	 VIQ_VTD_FR_FS_TABLE_READ, AT_PASID, HOST_FAULT | HERE, 0, 0},
	{"first-stage page table not readable", NESTED, SS_FS, 1, 1, 0, 0,
	 VIQ_VTD_FR_FS_TABLE_READ, AT_PASID, HOST_FAULT | HERE, 0, 0},
	{"first-stage page table not writable", NESTED, SS_FS, 1, 2, 0, 0,
	 VIQ_VTD_FR_FS_TABLE_WRITE, AT_PASID, HOST_FAULT | HERE | EAFE, 0, 0},
	{"first-stage root table not writable", NESTED, SS_FS, 5, 2, 0, 0,
	 VIQ_VTD_FR_FS_TABLE_WRITE, AT_PASID, HOST_FAULT | HERE | EAFE, 0, 0},
	{"first-stage table absent", NESTED, SS_FS, 3, 3, 0, 0, VIQ_VTD_FR_SM_SS_P, AT_PASID, HOST_FAULT | HERE, 0, 0},
	{"first-stage table, second-stage [62]", NESTED, SS_FS, 3, 0, VIQ_BIT(62), 0,
	 VIQ_VTD_FR_SM_SS_RSVD, AT_PASID, HOST_FAULT | HERE, 0, 0},
	{"first-stage root table really nowhere", NESTED, SS_FS, 5, ANY_PTR, NOWHERE, 0,
	 VIQ_VTD_FR_FS_ROOT_ACCESS, AT_PASID, 0, 0, 0},
	{"first-stage table really nowhere", NESTED, SS_FS, 3, ANY_PTR, NOWHERE, 0,
	 VIQ_VTD_FR_FS_ACCESS, AT_PASID, 0, 0, 0},
	{"nested, flag in read-only memory", NESTED, SS_FS, 2, 0, READONLY, 0,
	 VIQ_VTD_FR_FS_FLAG_FAILED, AT_PASID, EAFE, 0, 0},
	/* Nested: the final address */
	{"nested, page absent", NESTED, SS, 1, 3, 0, 0, VIQ_VTD_FR_SM_SS_P, AT_PASID, HOST_FAULT | HERE, 0, 0},
	{"nested, page not readable", NESTED, SS, 1, 1, 0, 0, VIQ_VTD_FR_SM_READ, AT_PASID, HOST_FAULT | HERE, 0, 0},
	{"nested, page not readable, executed", NESTED, SS, 1, 1, 0, SOFT_X,
	 VIQ_VTD_FR_SM_READ, AT_PASID, HOST_FAULT | HERE | ERE_SRE, 0, 0},
	{"nested, page not writable", NESTED, SS, 1, 2, 0, SOFT_W,
	 VIQ_VTD_FR_SM_WRITE, AT_PASID, HOST_FAULT | HERE, 0, 0},
	{"nested, page beyond the second stage", NESTED, FS, 1, 0, VIQ_BIT(48), 0,
	 VIQ_VTD_FR_FS_TABLE_ADDR, AT_PASID, HOST_FAULT, 0, 0}, /* SFS.5; SGN.5 is of the second stage alone */
	{"nested, output in the interrupt range", NESTED, SS, 1, ANY_PTR, 0xfee00000, 0,
	 VIQ_VTD_FR_SM_INTERRUPT_ADDR, AT_PASID, 0, 0, 0},
};
/* clang-format on */
#define LINES (sizeof(lines) / sizeof(lines[0]))

/* The address in memory of what a line changes. Level 5 of SS_FS is the first-stage root table's page. */
static uint64_t slot_of(struct vtd_walk_env *env, unsigned int place, unsigned int index)
{
	uint64_t gpa;

	switch (place) {
	case ROOT:
		return synth_vtd_root_entry(&env->root, SID) + index * 8;
	case CONTEXT:
		return synth_vtd_root_slot(&env->root, SID, false) + index * 8;
	case DIR:
		return synth_vtd_pasids_dir_slot(&env->pasids, PASID);
	case PASID_ENTRY:
		return synth_vtd_pasids_slot(&env->pasids, PASID, false) + index * 8;
	case RID_ENTRY:
		return synth_vtd_pasids_slot(&env->pasids, RID_PASID, false) + index * 8;
	case FS:
		gpa = synth_vtd_pt_slot(&env->fs, IOVA, index, false);
		return env->pgtt == VIQ_VTD_PGTT_NESTED ? vtd_walk_gpa_to_pa(gpa) : gpa;
	case SS:
		return synth_vtd_pt_slot(&env->ss, DATA_GPA, index, false);
	default:
		gpa = index == 5 ? env->fs.root : synth_vtd_pt_slot(&env->fs, IOVA, index, false);
		return synth_vtd_pt_slot(&env->ss, gpa, 1, false);
	}
}

static void change_memory(struct vtd_walk_env *env, uint64_t slot, uint64_t clear, uint64_t set)
{
	uint64_t word;

	assert_int_equal(viq_mem_read_words(env->mem, slot, &word, 1), 0);
	assert_int_equal(viq_mem_write_u64(env->mem, slot, (word & ~clear) | set), 0);
}

static void build(struct vtd_walk_env *env, const struct line *l)
{
	static const uint8_t pgtt[MODES] = {VIQ_VTD_PGTT_SS, VIQ_VTD_PGTT_PT,     VIQ_VTD_PGTT_FS,
					    VIQ_VTD_PGTT_SS, VIQ_VTD_PGTT_NESTED, VIQ_VTD_PGTT_PT};
	uint64_t slot;

	vtd_caps_init(&env->f, VTD_CAP & ~l->without_cap, VTD_ECAP & ~l->without_ecap, VTD_HAW);
	vtd_walk_build(env, l->mode <= LEGACY_PT, pgtt[l->mode], l->flags & SMALL_WIDTH ? 3 : 4);
	if (l->mode <= LEGACY_PT)
		return;
	slot = slot_of(env, PASID_ENTRY, 0);
	change_memory(env, slot, 0, l->flags & SSADE ? VIQ_VTD_PE_SSADE : 0);
	change_memory(env, slot + 16, 0, l->flags & EAFE ? VIQ_VTD_PE_2_EAFE : 0);
	if (l->flags & SSADE)
		change_memory(env, slot_of(env, SS, 1), VIQ_VTD_SS_A, 0);
	if (l->flags & ERE_SRE)
		change_memory(env, slot + 16, 0,
			      VIQ_VTD_PE_2_SRE | VIQ_VTD_PE_2_ERE | VIQ_VTD_PE_2_NXE | VIQ_VTD_PE_2_SMEP |
				      VIQ_VTD_PE_2_WPE);
}

/* The one change, and the request. */
static void apply(struct vtd_walk_env *env, const struct line *l)
{
	uint64_t set = l->set | (l->flags & LARGE ? VIQ_VTD_FS_PS : 0);

	if (l->access)
		env->req.access = l->access;
	if (l->flags & (NO_PASID | WITH_PASID))
		env->req.has_pasid = l->flags & WITH_PASID;
	if (l->flags & TRANSLATION)
		env->req.type = VIQ_VTD_AT_TRANSLATION;
	if (l->place == TTM)
		env->rtaddr = (env->rtaddr & ~l->clear) | set;
	else if (l->place == ADDR)
		env->req.addr = (env->req.addr & ~l->clear) | set;
	else if (l->place != NOTHING)
		change_memory(env, slot_of(env, l->place, l->index), l->clear, set);
}

/* Does the line's request work before its change? Only then it is the change that the fault is about. */
static void assert_works_unchanged(struct vtd_walk_env *env, const struct line *l)
{
	struct line harmless = *l;

	harmless.place = NOTHING;
	harmless.access &= ~(SOFT_X | SOFT_P);
	harmless.flags &= ~(WITH_PASID | TRANSLATION);
	harmless.without_cap = harmless.without_ecap = 0;
	build(env, &harmless);
	apply(env, &harmless);
	assert_int_equal(vtd_walk_try(env), 0);
	assert_int_equal(env->leaf.pa, DATA_PA);
}

static void fail_line(const struct line *l, const char *what, unsigned int got)
{
	print_error("%s: %s %#x\n", l->name, what, got);
	fail();
}

static void check_line(struct vtd_walk_env *env, const struct line *l, bool recorded)
{
	uint64_t slot = l->place == NOTHING || l->place >= TTM ? 0 : slot_of(env, l->place, l->index);

	/* An output address, that is; an input address (3.15) is not translated. */
	bool interrupt = l->depth == AT_PASID &&
			 (l->reason == VIQ_VTD_FR_INTERRUPT_ADDR || l->reason == VIQ_VTD_FR_SM_INTERRUPT_ADDR);

	env->leaf.shift = 0;
	if (vtd_walk_try(env) != -EFAULT)
		fail_line(l, "no fault", 0);
	if (!env->leaf.shift == interrupt)
		fail_line(l, "a leaf to cache", env->leaf.shift);
	if (env->fault.reason != l->reason)
		fail_line(l, "reason", env->fault.reason);
	if (env->fault.recorded != recorded)
		fail_line(l, "recorded", env->fault.recorded);
	if (env->fault.second_stage != !!(l->flags & HOST_FAULT))
		fail_line(l, "second stage", env->fault.second_stage);
	if (l->flags & HERE && env->fault.fetch != slot)
		fail_line(l, "entry", env->fault.fetch - slot);
	if (l->flags & HERE && (l->place == FS || l->place == SS) && env->fault.level != l->index)
		fail_line(l, "level", env->fault.level);
}

static void every_reason(void **state)
{
	for (unsigned int i = 0; i < LINES; i++) {
		assert_works_unchanged(*state, &lines[i]);
		build(*state, &lines[i]);
		apply(*state, &lines[i]);
		check_line(*state, &lines[i], true);
	}
}

/* 0x46 has no place in the table: it is about the PASID itself. */
static void pasid_beyond_the_directory(void **state)
{
	struct vtd_walk_env *env = *state;

	vtd_walk_build(env, false, VIQ_VTD_PGTT_FS, 4);
	env->req.pasid = PASID | 0x2000;
	assert_int_equal(vtd_walk_try(env), -EFAULT);
	assert_int_equal(env->fault.reason, VIQ_VTD_FR_SM_PASID_RANGE);
	/* The largest directory takes every PASID. */
	change_memory(env, slot_of(env, CONTEXT, 0), 0, VIQ_VTD_SCTX_PDTS);
	env->req.pasid = 0xfffff;
	assert_int_equal(vtd_walk_try(env), -EFAULT);
	assert_int_equal(env->fault.reason, VIQ_VTD_FR_PDE_P);
}

/* All that a DMA request can meet are in the table, but those of page requests. */
static void no_reason_is_missing(void **state)
{
	static const uint8_t all[] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c,
				      0x0d, 0x0e, 0x30, 0x31, 0x38, 0x39, 0x3a, 0x40, 0x41, 0x42, 0x43, 0x44,
				      0x45, 0x48, 0x50, 0x51, 0x52, 0x58, 0x59, 0x5a, 0x5b, 0x5c, 0x5d, 0x70,
				      0x71, 0x72, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0x7b, 0x7d,
				      0x80, 0x81, 0x83, 0x84, 0x85, 0x86, 0x87, 0x7c, 0x89, 0x90, 0x91};
	bool met[256] = {false};

	for (unsigned int i = 0; i < LINES; i++)
		met[lines[i].reason] = true;
	for (unsigned int i = 0; i < sizeof(all); i++) {
		if (!met[all[i]])
			fail_msg("%#x is never met", all[i]);
		met[all[i]] = false;
	}
	for (unsigned int i = 0; i < 256; i++)
		assert_false(met[i]);
}

/* FPD of the context, the directory or the entry: it counts as soon as it has been read, even in absent entries. */
static void fault_processing_disable(void **state)
{
	static const enum place places[] = {CONTEXT, DIR, PASID_ENTRY};
	struct vtd_walk_env *env = *state;

	for (unsigned int i = 0; i < LINES; i++) {
		for (unsigned int p = 0; p < 3; p++) {
			const struct line *l = &lines[i];
			bool known = l->depth >= AT_CONTEXT + p;

			if (p && (l->mode <= LEGACY_PT || l->flags & NO_PASID))
				continue;
			build(env, l);
			change_memory(env, slot_of(env, places[p], 0), 0, 2);
			apply(env, l);
			check_line(env, l, !known || l->flags & ALWAYS);
		}
	}
}

/* Requests without PASID have the directory entry of RID_PASID, and its FPD. */
static void fault_processing_disable_of_rid_pasid(void **state)
{
	struct vtd_walk_env *env = *state;

	vtd_walk_build(env, false, VIQ_VTD_PGTT_FS, 4);
	env->req.has_pasid = false;
	change_memory(env, slot_of(env, RID_ENTRY, 0), 1, 2);
	assert_int_equal(vtd_walk_try(env), -EFAULT);
	assert_int_equal(env->fault.reason, VIQ_VTD_FR_PE_P);
	assert_false(env->fault.recorded);
	env->req.has_pasid = true;
	assert_int_equal(vtd_walk_try(env), 0);
}

static void second_stage_faults_name_the_guest_address(void **state)
{
	struct vtd_walk_env *env = *state;
	uint64_t gpa;

	vtd_walk_build(env, false, VIQ_VTD_PGTT_NESTED, 4);
	gpa = synth_vtd_pt_slot(&env->fs, IOVA, 2, false);
	change_memory(env, slot_of(env, SS_FS, 2), 3, 0);
	assert_int_equal(vtd_walk_try(env), -EFAULT);
	assert_int_equal(env->fault.gpa, gpa);
	vtd_walk_build(env, false, VIQ_VTD_PGTT_NESTED, 4);
	change_memory(env, slot_of(env, SS, 1), 2, 0);
	env->req.access = SOFT_W;
	assert_int_equal(vtd_walk_try(env), -EFAULT);
	assert_int_equal(env->fault.gpa, DATA_GPA);
	/* Without nesting there is no guest-physical address, and no one else's second stage. */
	vtd_walk_build(env, false, VIQ_VTD_PGTT_SS, 4);
	change_memory(env, slot_of(env, SS, 1), 3, 0);
	assert_int_equal(vtd_walk_try(env), -EFAULT);
	assert_int_equal(env->fault.gpa, 0);
}

static void records(void **state)
{
	struct soft_vtd_request req = {.addr = 0x123456789abcdef0, .sid = 0xa1b2, .access = SOFT_R};
	struct soft_vtd_fault fault = {.reason = 0x86};
	uint64_t record[2];

	soft_vtd_fault_record(&req, &fault, record);
	assert_int_equal(record[0], 0x123456789abcd000);
	assert_int_equal(record[1], 0xc00000860000a1b2); /* F, T1 */
	req.access = SOFT_W;
	soft_vtd_fault_record(&req, &fault, record);
	assert_int_equal(record[1], 0x800000860000a1b2);
	req.access = SOFT_R | SOFT_W;
	soft_vtd_fault_record(&req, &fault, record);
	assert_int_equal(record[1], 0xc00000861000a1b2); /* AtomicOp: T1 and T2 */
	req = (struct soft_vtd_request){.sid = 0xa1b2,
					.has_pasid = true,
					.pasid = 0xfedcb,
					.type = VIQ_VTD_AT_TRANSLATION,
					.access = SOFT_R | SOFT_X | SOFT_P};
	soft_vtd_fault_record(&req, &fault, record);
	assert_int_equal(record[1], 0xdfedcb86e000a1b2);
	/* What a request without PASID cannot be is not recorded of it. */
	req.has_pasid = false;
	soft_vtd_fault_record(&req, &fault, record);
	assert_int_equal(record[1], 0xd00000860000a1b2);
}

/* Tables that a caller names, where no entry has been checked. */
static void tables_from_calls(void **state)
{
	struct vtd_walk_env *env = *state;
	struct vtd_fs fs;
	struct vtd_ss ss;

	assert_int_equal(vtd_fs_init(&fs, &env->f, HOST_PA, 4, false), 0);
	assert_true(fs.table == HOST_PA && fs.levels == 4 && !fs.wpe && !fs.eafe);
	assert_int_equal(vtd_fs_init(&fs, &env->f, HOST_PA, 3, false), -EINVAL);
	assert_int_equal(vtd_fs_init(&fs, &env->f, HOST_PA, 6, false), -EINVAL);
	assert_int_equal(vtd_fs_init(&fs, &env->f, HOST_PA + 8, 4, false), -EINVAL);
	assert_int_equal(vtd_fs_init(&fs, &env->f, HOST_PA + 8, 4, true), -EINVAL);
	assert_int_equal(vtd_fs_init(&fs, &env->f, VIQ_BIT(VTD_HAW), 5, false), -EINVAL);
	assert_int_equal(vtd_fs_init(&fs, &env->f, VIQ_BIT(VTD_HAW), 5, true), 0);
	assert_int_equal(vtd_ss_init(&ss, &env->f, HOST_PA, VIQ_VTD_AW_39), 0);
	assert_true(ss.table == HOST_PA && ss.levels == 3 && ss.width == 39 && !ss.ad);
	assert_int_equal(vtd_ss_init(&ss, &env->f, HOST_PA, VIQ_VTD_AW_57), 0);
	assert_true(ss.levels == 5 && ss.width == 48);
	assert_int_equal(vtd_ss_init(&ss, &env->f, HOST_PA, 0), -EINVAL);
	assert_int_equal(vtd_ss_init(&ss, &env->f, HOST_PA, 4), -EINVAL);
	assert_int_equal(vtd_ss_init(&ss, &env->f, HOST_PA + 8, VIQ_VTD_AW_48), -EINVAL);
	assert_int_equal(vtd_ss_init(&ss, &env->f, VIQ_BIT(VTD_HAW), VIQ_VTD_AW_48), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_reason, vtd_walk_setup, vtd_walk_teardown),
		cmocka_unit_test_setup_teardown(fault_processing_disable, vtd_walk_setup, vtd_walk_teardown),
		cmocka_unit_test_setup_teardown(fault_processing_disable_of_rid_pasid, vtd_walk_setup,
						vtd_walk_teardown),
		cmocka_unit_test(no_reason_is_missing),
		cmocka_unit_test_setup_teardown(pasid_beyond_the_directory, vtd_walk_setup, vtd_walk_teardown),
		cmocka_unit_test(records),
		cmocka_unit_test_setup_teardown(second_stage_faults_name_the_guest_address, vtd_walk_setup,
						vtd_walk_teardown),
		cmocka_unit_test_setup_teardown(tables_from_calls, vtd_walk_setup, vtd_walk_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
