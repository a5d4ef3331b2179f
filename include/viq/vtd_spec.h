/* SPDX-License-Identifier: MIT */
/*
 * Intel VT-d: register offsets, register fields, invalidation descriptors, fault records.
 *
 * Names follow the VT-d architecture specification, revision 4 and later, with the prefix VIQ_VTD_: first stage and
 * second stage are what older revisions call first level and second level. A field is a mask in its own register or
 * 64-bit word; words of a descriptor are numbered from 0 (qw0). Its bits are in brackets, [high:low] or [bit].
 * Everything in memory is little endian. "Section" means a section of that specification.
 */
#ifndef VIQ_VTD_SPEC_H
#define VIQ_VTD_SPEC_H

#include <viq/bits.h>

/* --- Registers (section 11.4) --------------------------------------------------------------------------------------
 */

#define VIQ_VTD_MMIO_SIZE 0x1000 /* what this library uses: one page */

#define VIQ_VTD_VER     0x00
#define VIQ_VTD_CAP     0x08 /* 64 bit */
#define VIQ_VTD_ECAP    0x10 /* 64 bit */
#define VIQ_VTD_GCMD    0x18
#define VIQ_VTD_GSTS    0x1c
#define VIQ_VTD_RTADDR  0x20 /* 64 bit */
#define VIQ_VTD_CCMD    0x28 /* 64 bit */
#define VIQ_VTD_FSTS    0x34
#define VIQ_VTD_FECTL   0x38
#define VIQ_VTD_FEDATA  0x3c
#define VIQ_VTD_FEADDR  0x40
#define VIQ_VTD_FEUADDR 0x44
#define VIQ_VTD_IQH     0x80 /* 64 bit */
#define VIQ_VTD_IQT     0x88 /* 64 bit */
#define VIQ_VTD_IQA     0x90 /* 64 bit */
#define VIQ_VTD_ICS     0x9c
#define VIQ_VTD_IECTL   0xa0
#define VIQ_VTD_IEDATA  0xa4
#define VIQ_VTD_IEADDR  0xa8
#define VIQ_VTD_IEUADDR 0xac
#define VIQ_VTD_IQERCD  0xb0 /* 64 bit */
#define VIQ_VTD_IRTA    0xb8 /* 64 bit */
#define VIQ_VTD_PQH     0xc0 /* 64 bit */
#define VIQ_VTD_PQT     0xc8 /* 64 bit */
#define VIQ_VTD_PQA     0xd0 /* 64 bit */
#define VIQ_VTD_PRS     0xdc
#define VIQ_VTD_PECTL   0xe0
#define VIQ_VTD_PEDATA  0xe4
#define VIQ_VTD_PEADDR  0xe8
#define VIQ_VTD_PEUADDR 0xec
/* End of the registers at fixed places. From here on those whose place CAP.FRO and ECAP.IRO tell. */
#define VIQ_VTD_FIXED_END 0xf0

/* Offsets from ECAP.IRO x 16 */
#define VIQ_VTD_IVA_REG    0 /* 64 bit, write only */
#define VIQ_VTD_IOTLB_REG  8 /* 64 bit */
#define VIQ_VTD_IOTLB_SIZE 16

/* Fault record n is at CAP.FRO x 16 + n x 16 */
#define VIQ_VTD_FRCD_SIZE    16
#define VIQ_VTD_FRCD_MAX     256
#define VIQ_VTD_OFFSET_UNITS 16 /* of FRO and IRO, in bytes */

/* VER */
#define VIQ_VTD_VER_MIN 0xfUL  /* [3:0] */
#define VIQ_VTD_VER_MAX 0xf0UL /* [7:4] */

/* CAP */
#define VIQ_VTD_CAP_ND      0x7UL                /* [2:0]: 2^(4 + 2 ND) domain-ids */
#define VIQ_VTD_CAP_AFL     0x8UL                /* [3] */
#define VIQ_VTD_CAP_RWBF    0x10UL               /* [4] */
#define VIQ_VTD_CAP_PLMR    0x20UL               /* [5] */
#define VIQ_VTD_CAP_PHMR    0x40UL               /* [6] */
#define VIQ_VTD_CAP_CM      0x80UL               /* [7] */
#define VIQ_VTD_CAP_SAGAW   0x1f00UL             /* [12:8] */
#define VIQ_VTD_CAP_MGAW    0x3f0000UL           /* [21:16]: width less one */
#define VIQ_VTD_CAP_ZLR     0x400000UL           /* [22] */
#define VIQ_VTD_CAP_FRO     0x3ff000000UL        /* [33:24] */
#define VIQ_VTD_CAP_SSLPS   0x3c00000000UL       /* [37:34] */
#define VIQ_VTD_CAP_PSI     0x8000000000UL       /* [39] */
#define VIQ_VTD_CAP_NFR     0xff0000000000UL     /* [47:40]: fault records less one */
#define VIQ_VTD_CAP_MAMV    0x3f000000000000UL   /* [53:48] */
#define VIQ_VTD_CAP_DWD     0x40000000000000UL   /* [54] */
#define VIQ_VTD_CAP_DRD     0x80000000000000UL   /* [55] */
#define VIQ_VTD_CAP_FS1GP   0x100000000000000UL  /* [56] */
#define VIQ_VTD_CAP_PI      0x800000000000000UL  /* [59] */
#define VIQ_VTD_CAP_FS5LP   0x1000000000000000UL /* [60] */
#define VIQ_VTD_CAP_ECMDS   0x2000000000000000UL /* [61] */
#define VIQ_VTD_CAP_ESIRTPS 0x4000000000000000UL /* [62] */
#define VIQ_VTD_CAP_ESRTPS  0x8000000000000000UL /* [63] */

/* SAGAW: second-stage widths, a bit each */
#define VIQ_VTD_SAGAW_39 0x2UL /* [1] */
#define VIQ_VTD_SAGAW_48 0x4UL /* [2] */
#define VIQ_VTD_SAGAW_57 0x8UL /* [3] */

/* ECAP */
#define VIQ_VTD_ECAP_C      0x1UL              /* [0] */
#define VIQ_VTD_ECAP_QI     0x2UL              /* [1] */
#define VIQ_VTD_ECAP_DT     0x4UL              /* [2] */
#define VIQ_VTD_ECAP_IR     0x8UL              /* [3] */
#define VIQ_VTD_ECAP_EIM    0x10UL             /* [4] */
#define VIQ_VTD_ECAP_PT     0x40UL             /* [6] */
#define VIQ_VTD_ECAP_SC     0x80UL             /* [7] */
#define VIQ_VTD_ECAP_IRO    0x3ff00UL          /* [17:8] */
#define VIQ_VTD_ECAP_MHMV   0xf00000UL         /* [23:20] */
#define VIQ_VTD_ECAP_MTS    0x2000000UL        /* [25] */
#define VIQ_VTD_ECAP_NEST   0x4000000UL        /* [26] */
#define VIQ_VTD_ECAP_PRS    0x20000000UL       /* [29] */
#define VIQ_VTD_ECAP_ERS    0x40000000UL       /* [30] */
#define VIQ_VTD_ECAP_SRS    0x80000000UL       /* [31] */
#define VIQ_VTD_ECAP_NWFS   0x200000000UL      /* [33] */
#define VIQ_VTD_ECAP_EAFS   0x400000000UL      /* [34] */
#define VIQ_VTD_ECAP_PSS    0xf800000000UL     /* [39:35]: PASIDs of PSS + 1 bits */
#define VIQ_VTD_ECAP_PASID  0x10000000000UL    /* [40] */
#define VIQ_VTD_ECAP_DIT    0x20000000000UL    /* [41] */
#define VIQ_VTD_ECAP_PDS    0x40000000000UL    /* [42] */
#define VIQ_VTD_ECAP_SMTS   0x80000000000UL    /* [43] */
#define VIQ_VTD_ECAP_VCS    0x100000000000UL   /* [44] */
#define VIQ_VTD_ECAP_SSADS  0x200000000000UL   /* [45] */
#define VIQ_VTD_ECAP_SSTS   0x400000000000UL   /* [46] */
#define VIQ_VTD_ECAP_FSTS   0x800000000000UL   /* [47] */
#define VIQ_VTD_ECAP_SMPWCS 0x1000000000000UL  /* [48] */
#define VIQ_VTD_ECAP_RPS    0x2000000000000UL  /* [49] */
#define VIQ_VTD_ECAP_PMS    0x8000000000000UL  /* [51] */
#define VIQ_VTD_ECAP_ADMS   0x10000000000000UL /* [52] */
#define VIQ_VTD_ECAP_RPRIVS 0x20000000000000UL /* [53] */

/* GCMD and GSTS: the same bits; one-shot ones in GCMD, their "done" in GSTS */
#define VIQ_VTD_GCMD_CFI   0x800000UL   /* [23] */
#define VIQ_VTD_GCMD_SIRTP 0x1000000UL  /* [24] */
#define VIQ_VTD_GCMD_IRE   0x2000000UL  /* [25] */
#define VIQ_VTD_GCMD_QIE   0x4000000UL  /* [26] */
#define VIQ_VTD_GCMD_WBF   0x8000000UL  /* [27] */
#define VIQ_VTD_GCMD_EAFL  0x10000000UL /* [28] */
#define VIQ_VTD_GCMD_SFL   0x20000000UL /* [29] */
#define VIQ_VTD_GCMD_SRTP  0x40000000UL /* [30] */
#define VIQ_VTD_GCMD_TE    0x80000000UL /* [31] */

#define VIQ_VTD_GSTS_CFIS  0x800000UL   /* [23] */
#define VIQ_VTD_GSTS_IRTPS 0x1000000UL  /* [24] */
#define VIQ_VTD_GSTS_IRES  0x2000000UL  /* [25] */
#define VIQ_VTD_GSTS_QIES  0x4000000UL  /* [26] */
#define VIQ_VTD_GSTS_WBFS  0x8000000UL  /* [27]: 1 while a flush goes on */
#define VIQ_VTD_GSTS_RTPS  0x40000000UL /* [30] */
#define VIQ_VTD_GSTS_TES   0x80000000UL /* [31] */

/* RTADDR */
#define VIQ_VTD_RTADDR_TTM   0xc00UL /* [11:10] */
#define VIQ_VTD_TTM_LEGACY   0
#define VIQ_VTD_TTM_SCALABLE 1
#define VIQ_VTD_TTM_RESERVED 2
#define VIQ_VTD_TTM_ABORT    3
#define VIQ_VTD_RTADDR_RTA   0xfffffffffffff000UL /* [63:12] */

/* CCMD, IOTLB and IVA: register-based invalidation */
#define VIQ_VTD_CCMD_DID   0xffffUL             /* [15:0] */
#define VIQ_VTD_CCMD_SID   0xffff0000UL         /* [31:16] */
#define VIQ_VTD_CCMD_FM    0x300000000UL        /* [33:32] */
#define VIQ_VTD_CCMD_CAIG  0x1800000000000000UL /* [60:59] */
#define VIQ_VTD_CCMD_CIRG  0x6000000000000000UL /* [62:61] */
#define VIQ_VTD_CCMD_ICC   0x8000000000000000UL /* [63] */
#define VIQ_VTD_IOTLB_DID  0xffff00000000UL     /* [47:32] */
#define VIQ_VTD_IOTLB_DW   0x1000000000000UL    /* [48] */
#define VIQ_VTD_IOTLB_DR   0x2000000000000UL    /* [49] */
#define VIQ_VTD_IOTLB_IAIG 0x600000000000000UL  /* [58:57] */
#define VIQ_VTD_IOTLB_IIRG 0x3000000000000000UL /* [61:60] */
#define VIQ_VTD_IOTLB_IVT  0x8000000000000000UL /* [63] */
#define VIQ_VTD_IVA_AM     0x3fUL               /* [5:0] */
#define VIQ_VTD_IVA_IH     0x40UL               /* [6] */
#define VIQ_VTD_IVA_ADDR   0xfffffffffffff000UL /* [63:12] */

/* FSTS */
#define VIQ_VTD_FSTS_PFO 0x1UL    /* [0] */
#define VIQ_VTD_FSTS_PPF 0x2UL    /* [1] */
#define VIQ_VTD_FSTS_IQE 0x10UL   /* [4] */
#define VIQ_VTD_FSTS_ICE 0x20UL   /* [5] */
#define VIQ_VTD_FSTS_ITE 0x40UL   /* [6] */
#define VIQ_VTD_FSTS_FRI 0xff00UL /* [15:8] */

/* FECTL (11.4.7.2), IECTL (11.4.9.5), PECTL (11.4.11.5) and their message registers */
#define VIQ_VTD_EVENT_IP    0x40000000UL /* [30] */
#define VIQ_VTD_EVENT_IM    0x80000000UL /* [31] */
#define VIQ_VTD_EVENT_DATA  0xffffUL     /* [15:0] */
#define VIQ_VTD_EVENT_ADDR  0xfffffffcUL /* [31:2] */
#define VIQ_VTD_EVENT_UADDR 0xffffffffUL /* [31:0] */

/* IQH, IQT (11.4.9.1, 11.4.9.2): byte offsets into the queue */
#define VIQ_VTD_IQ_OFFSET 0x7fff0UL /* [18:4] */
/* IQA (11.4.9.3) */
#define VIQ_VTD_IQA_QS  0x7UL                /* [2:0]: 4096 << QS bytes */
#define VIQ_VTD_IQA_DW  0x800UL              /* [11]: 256-bit descriptors */
#define VIQ_VTD_IQA_IQA 0xfffffffffffff000UL /* [63:12] */

/* ICS (11.4.9.4) */
#define VIQ_VTD_ICS_IWC 0x1UL /* [0] */

/* IQERCD (11.4.9.9) */
#define VIQ_VTD_IQERCD_IQEI   0xfUL                /* [3:0] */
#define VIQ_VTD_IQERCD_ITESID 0xffff00000000UL     /* [47:32] */
#define VIQ_VTD_IQERCD_ICESID 0xffff000000000000UL /* [63:48] */

/* IQERCD.IQEI */
#define VIQ_VTD_IQEI_NONE     0 /* no information */
#define VIQ_VTD_IQEI_TAIL     1 /* tail pointer beyond the queue */
#define VIQ_VTD_IQEI_FETCH    2 /* a descriptor could not be read */
#define VIQ_VTD_IQEI_TYPE     3 /* invalid descriptor type */
#define VIQ_VTD_IQEI_RESERVED 4 /* reserved field, in a descriptor of a valid type */
#define VIQ_VTD_IQEI_WIDTH    5 /* invalid descriptor width */
#define VIQ_VTD_IQEI_ALIGN    6 /* tail pointer not aligned to 256-bit descriptors */
#define VIQ_VTD_IQEI_TTM      7 /* invalid translation table mode */

/* IRTA */
#define VIQ_VTD_IRTA_S    0xfUL                /* [3:0]: 2^(S + 1) entries */
#define VIQ_VTD_IRTA_EIME 0x800UL              /* [11] */
#define VIQ_VTD_IRTA_IRTA 0xfffffffffffff000UL /* [63:12] */

/* PQH, PQT (11.4.11.1, 11.4.11.2): byte offsets into the page request queue */
#define VIQ_VTD_PQ_OFFSET 0x7ffe0UL /* [18:5] */
/* PQA (11.4.11.3) */
#define VIQ_VTD_PQA_PQS 0x7UL                /* [2:0]: 4096 << PQS bytes */
#define VIQ_VTD_PQA_PQA 0xfffffffffffff000UL /* [63:12] */
/* PRS (11.4.11.4) */
#define VIQ_VTD_PRS_PPR 0x1UL /* [0] */
#define VIQ_VTD_PRS_PRO 0x2UL /* [1] */

/* Writes to these addresses are interrupt messages, never memory. */
#define VIQ_VTD_MSI_FIRST 0xfee00000UL
#define VIQ_VTD_MSI_LAST  0xfeefffffUL

/* --- Tables in memory (chapter 9): qw0 unless the name says _1_, _2_ --------------------------------------------- */

/* Root entry (9.1), 16 bytes, 256 of them. Scalable mode (9.2): qw0 for device-functions 0 to 127, qw1 for the rest. */
#define VIQ_VTD_ROOT_SIZE  16
#define VIQ_VTD_ROOT_WORDS 2
#define VIQ_VTD_ROOT_P     0x1UL                /* [0] */
#define VIQ_VTD_ROOT_RSVD  0xffeUL              /* [11:1] */
#define VIQ_VTD_ROOT_CTP   0xfffffffffffff000UL /* [63:12] */

/* Legacy context entry (9.3), 16 bytes, 256 of them */
#define VIQ_VTD_CTX_SIZE    16
#define VIQ_VTD_CTX_WORDS   2
#define VIQ_VTD_CTX_P       0x1UL                /* [0] */
#define VIQ_VTD_CTX_FPD     0x2UL                /* [1] */
#define VIQ_VTD_CTX_TT      0xcUL                /* [3:2] */
#define VIQ_VTD_CTX_RSVD    0xff0UL              /* [11:4] */
#define VIQ_VTD_CTX_SSPTPTR 0xfffffffffffff000UL /* [63:12] */
#define VIQ_VTD_CTX_1_AW    0x7UL                /* [2:0] */
#define VIQ_VTD_CTX_1_DID   0xffff00UL           /* [23:8] */
#define VIQ_VTD_CTX_1_RSVD  0xffffffffff000080UL /* [7, 63:24] */
#define VIQ_VTD_TT_SS       0                    /* untranslated requests, by second stage */
#define VIQ_VTD_TT_SS_ATS   1                    /* and translation requests */
#define VIQ_VTD_TT_PT       2                    /* pass-through */
/* AW, in PASID-table entries too: AW + 2 levels of 9 bits */
#define VIQ_VTD_AW_39 1
#define VIQ_VTD_AW_48 2
#define VIQ_VTD_AW_57 3

/* Scalable-mode context entry (9.4), 32 bytes, 128 of them in each of the two tables */
#define VIQ_VTD_SCTX_SIZE        32
#define VIQ_VTD_SCTX_WORDS       4
#define VIQ_VTD_SCTX_P           0x1UL                /* [0] */
#define VIQ_VTD_SCTX_FPD         0x2UL                /* [1] */
#define VIQ_VTD_SCTX_DTE         0x4UL                /* [2] */
#define VIQ_VTD_SCTX_PASIDE      0x8UL                /* [3] */
#define VIQ_VTD_SCTX_PRE         0x10UL               /* [4] */
#define VIQ_VTD_SCTX_RSVD        0x1e0UL              /* [8:5] */
#define VIQ_VTD_SCTX_PDTS        0xe00UL              /* [11:9]: the directory has 2^(PDTS + 7) entries */
#define VIQ_VTD_SCTX_PASIDDIRPTR 0xfffffffffffff000UL /* [63:12] */
#define VIQ_VTD_SCTX_1_RID_PASID 0xfffffUL            /* [19:0] */
#define VIQ_VTD_SCTX_1_RID_PRIV  0x100000UL           /* [20] */
#define VIQ_VTD_SCTX_1_RSVD      0xffffffffffe00000UL /* [63:21] */

/* PASID-directory entry (9.5), 8 bytes, for 64 PASIDs each */
#define VIQ_VTD_PDE_SIZE 8
#define VIQ_VTD_PDE_P    0x1UL                /* [0] */
#define VIQ_VTD_PDE_FPD  0x2UL                /* [1] */
#define VIQ_VTD_PDE_RSVD 0xffcUL              /* [11:2] */
#define VIQ_VTD_PDE_PTP  0xfffffffffffff000UL /* [63:12] */

/* PASID-table entry (9.6), 64 bytes; words 3 to 7 are reserved */
#define VIQ_VTD_PE_SIZE      64
#define VIQ_VTD_PE_WORDS     8
#define VIQ_VTD_PE_TABLE     64                   /* entries of a table */
#define VIQ_VTD_PE_P         0x1UL                /* [0] */
#define VIQ_VTD_PE_FPD       0x2UL                /* [1] */
#define VIQ_VTD_PE_AW        0x1cUL               /* [4:2] */
#define VIQ_VTD_PE_PGTT      0x1c0UL              /* [8:6] */
#define VIQ_VTD_PE_SSADE     0x200UL              /* [9] */
#define VIQ_VTD_PE_RSVD      0xc20UL              /* [5, 11:10] */
#define VIQ_VTD_PE_SSPTPTR   0xfffffffffffff000UL /* [63:12] */
#define VIQ_VTD_PE_1_DID     0xffffUL             /* [15:0] */
#define VIQ_VTD_PE_1_RSVD    0xf87f0000UL         /* [22:16, 31:27] */
#define VIQ_VTD_PE_1_PWSNP   0x800000UL           /* [23] */
#define VIQ_VTD_PE_1_PGSNP   0x1000000UL          /* [24] */
#define VIQ_VTD_PE_1_CD      0x2000000UL          /* [25] */
#define VIQ_VTD_PE_1_EMTE    0x4000000UL          /* [26] */
#define VIQ_VTD_PE_1_PAT     0xffffffff00000000UL /* [63:32] */
#define VIQ_VTD_PE_2_SRE     0x1UL                /* [0] */
#define VIQ_VTD_PE_2_ERE     0x2UL                /* [1] */
#define VIQ_VTD_PE_2_FSPM    0xcUL                /* [3:2] */
#define VIQ_VTD_PE_2_WPE     0x10UL               /* [4] */
#define VIQ_VTD_PE_2_NXE     0x20UL               /* [5] */
#define VIQ_VTD_PE_2_SMEP    0x40UL               /* [6] */
#define VIQ_VTD_PE_2_EAFE    0x80UL               /* [7] */
#define VIQ_VTD_PE_2_RSVD    0xf00UL              /* [11:8] */
#define VIQ_VTD_PE_2_FSPTPTR 0xfffffffffffff000UL /* [63:12] */
/* PGTT */
#define VIQ_VTD_PGTT_FS     1 /* first stage */
#define VIQ_VTD_PGTT_SS     2 /* second stage */
#define VIQ_VTD_PGTT_NESTED 3
#define VIQ_VTD_PGTT_PT     4 /* pass-through */
/* FSPM */
#define VIQ_VTD_FSPM_4 0 /* 4 levels, 48 bits */
#define VIQ_VTD_FSPM_5 1 /* 5 levels, 57 bits */

#define VIQ_VTD_PASID_BITS 20

/* --- Fault records: two 64-bit words ------------------------------------------------------------------ */

#define VIQ_VTD_FRCD_0_FI   0xfffffffffffff000UL /* [63:12] */
#define VIQ_VTD_FRCD_1_SID  0xffffUL             /* [15:0] */
#define VIQ_VTD_FRCD_1_T2   0x10000000UL         /* [28] */
#define VIQ_VTD_FRCD_1_PRIV 0x20000000UL         /* [29] */
#define VIQ_VTD_FRCD_1_EXE  0x40000000UL         /* [30] */
#define VIQ_VTD_FRCD_1_PP   0x80000000UL         /* [31] */
#define VIQ_VTD_FRCD_1_FR   0xff00000000UL       /* [39:32] */
#define VIQ_VTD_FRCD_1_PV   0xfffff0000000000UL  /* [59:40] */
#define VIQ_VTD_FRCD_1_AT   0x3000000000000000UL /* [61:60] */
#define VIQ_VTD_FRCD_1_T1   0x4000000000000000UL /* [62] */
#define VIQ_VTD_FRCD_1_F    0x8000000000000000UL /* [63] */

/* --- Paging entries (sections 9.7, 9.8): 8 bytes, 512 a table, levels 1 (4 KiB) to 5 ----------------------- */

#define VIQ_VTD_FS_P    0x1UL                /* [0] */
#define VIQ_VTD_FS_RW   0x2UL                /* [1] */
#define VIQ_VTD_FS_US   0x4UL                /* [2] */
#define VIQ_VTD_FS_A    0x20UL               /* [5] */
#define VIQ_VTD_FS_D    0x40UL               /* [6] */
#define VIQ_VTD_FS_PS   0x80UL               /* [7]: levels 2 and 3 */
#define VIQ_VTD_FS_EA   0x400UL              /* [10] */
#define VIQ_VTD_FS_ADDR 0xffffffffff000UL    /* [51:12] */
#define VIQ_VTD_FS_XD   0x8000000000000000UL /* [63] */

#define VIQ_VTD_SS_R    0x1UL                /* [0] */
#define VIQ_VTD_SS_W    0x2UL                /* [1] */
#define VIQ_VTD_SS_PS   0x80UL               /* [7]: levels 2 and 3 */
#define VIQ_VTD_SS_A    0x100UL              /* [8] */
#define VIQ_VTD_SS_D    0x200UL              /* [9] */
#define VIQ_VTD_SS_SNP  0x800UL              /* [11] */
#define VIQ_VTD_SS_ADDR 0xffffffffff000UL    /* [51:12] */
#define VIQ_VTD_SS_RSVD 0x4000000000000000UL /* [62] */

/* --- Fault reasons of DMA requests: FRCD.FR (section 7.1.3) ------------------------------------------------ */

/* Legacy mode */
#define VIQ_VTD_FR_ROOT_P         0x01 /* root entry not present */
#define VIQ_VTD_FR_CTX_P          0x02
#define VIQ_VTD_FR_CTX_INVALID    0x03 /* AW, TT, or no memory at SSPTPTR */
#define VIQ_VTD_FR_ADDR           0x04 /* input address beyond the width */
#define VIQ_VTD_FR_WRITE          0x05 /* no write permission */
#define VIQ_VTD_FR_READ           0x06
#define VIQ_VTD_FR_SS_ACCESS      0x07 /* a paging entry could not be read */
#define VIQ_VTD_FR_ROOT_ACCESS    0x08
#define VIQ_VTD_FR_CTX_ACCESS     0x09
#define VIQ_VTD_FR_ROOT_RSVD      0x0a /* reserved bits */
#define VIQ_VTD_FR_CTX_RSVD       0x0b
#define VIQ_VTD_FR_SS_RSVD        0x0c
#define VIQ_VTD_FR_CTX_TT         0x0d /* translation or translated request blocked by TT */
#define VIQ_VTD_FR_INTERRUPT_ADDR 0x0e /* output in the interrupt range */

/* Both modes: RTADDR */
#define VIQ_VTD_FR_RTADDR    0x30 /* TTM not supported */
#define VIQ_VTD_FR_TTM_PASID 0x31 /* legacy mode, request with PASID */
#define VIQ_VTD_FR_TTM_PGRP  0x32 /* legacy mode, page request */
#define VIQ_VTD_FR_TTM_ABORT 0x33 /* abort mode */

/* Scalable mode */
#define VIQ_VTD_FR_SM_ROOT_ACCESS    0x38
#define VIQ_VTD_FR_SM_ROOT_P         0x39
#define VIQ_VTD_FR_SM_ROOT_RSVD      0x3a
#define VIQ_VTD_FR_SM_CTX_ACCESS     0x40
#define VIQ_VTD_FR_SM_CTX_P          0x41
#define VIQ_VTD_FR_SM_CTX_RSVD       0x42
#define VIQ_VTD_FR_SM_CTX_INVALID    0x43 /* PRE without DTE, RID_PASID beyond the directory */
#define VIQ_VTD_FR_SM_DTE            0x44 /* DTE = 0, translation or translated request */
#define VIQ_VTD_FR_SM_PASIDE         0x45 /* PASIDE = 0, request with PASID */
#define VIQ_VTD_FR_SM_PASID_RANGE    0x46 /* PASID beyond the directory */
#define VIQ_VTD_FR_SM_PRE            0x47 /* PRE = 0, page request */
#define VIQ_VTD_FR_SM_RID_PASID      0x48 /* request with PASID that is RID_PASID */
#define VIQ_VTD_FR_PDE_ACCESS        0x50
#define VIQ_VTD_FR_PDE_P             0x51
#define VIQ_VTD_FR_PDE_RSVD          0x52
#define VIQ_VTD_FR_PE_ACCESS         0x58
#define VIQ_VTD_FR_PE_P              0x59
#define VIQ_VTD_FR_PE_RSVD           0x5a
#define VIQ_VTD_FR_PE_INVALID        0x5b /* PGTT, AW, FSPM */
#define VIQ_VTD_FR_PE_ERE            0x5c /* ERE = 0, execute request */
#define VIQ_VTD_FR_PE_SRE            0x5d /* SRE = 0, privileged request */
#define VIQ_VTD_FR_FS_ACCESS         0x70 /* a first-stage entry could not be read */
#define VIQ_VTD_FR_FS_P              0x71
#define VIQ_VTD_FR_FS_RSVD           0x72
#define VIQ_VTD_FR_FS_ROOT_ACCESS    0x73 /* no memory at FSPTPTR */
#define VIQ_VTD_FR_FS_TABLE_ADDR     0x74 /* nested: a first-stage entry's address beyond the second stage's width */
#define VIQ_VTD_FR_FS_ROOT_READ      0x75 /* nested: second stage forbids reading at FSPTPTR */
#define VIQ_VTD_FR_FS_TABLE_READ     0x76 /* nested: ... or another first-stage table */
#define VIQ_VTD_FR_FS_TABLE_WRITE    0x77 /* nested: ... or setting flags there */
#define VIQ_VTD_FR_SM_SS_ACCESS      0x78
#define VIQ_VTD_FR_SM_SS_P           0x79 /* neither readable nor writable */
#define VIQ_VTD_FR_SM_SS_RSVD        0x7a
#define VIQ_VTD_FR_SM_SS_ROOT_ACCESS 0x7b /* no memory at SSPTPTR */
#define VIQ_VTD_FR_SS_FLAG_SNOOP     0x7c /* a flag to set through non-snooped tables */
#define VIQ_VTD_FR_SS_FLAG_FAILED    0x7d /* a flag could not be set */
#define VIQ_VTD_FR_FS_CANONICAL      0x80
#define VIQ_VTD_FR_FS_US             0x81 /* user request, supervisor page */
#define VIQ_VTD_FR_FS_EXECUTE        0x82
#define VIQ_VTD_FR_SM_ADDR           0x83 /* input address beyond the machine's width */
#define VIQ_VTD_FR_SM_SS_ADDR        0x84 /* second-stage input address beyond its width */
#define VIQ_VTD_FR_SM_WRITE          0x85
#define VIQ_VTD_FR_SM_READ           0x86
#define VIQ_VTD_FR_SM_INTERRUPT_ADDR 0x87
#define VIQ_VTD_FR_PASID_WIDTH       0x89 /* PASID beyond ECAP.PSS */
#define VIQ_VTD_FR_FS_FLAG_SNOOP     0x90
#define VIQ_VTD_FR_FS_FLAG_FAILED    0x91

/* AT of a fault record */
#define VIQ_VTD_AT_UNTRANSLATED 0
#define VIQ_VTD_AT_TRANSLATION  1
#define VIQ_VTD_AT_TRANSLATED   2

/* --- Invalidation descriptors (section 6.5.2); qw0 unless the name says _1_ -------------------------------------- */

#define VIQ_VTD_DESC_WORDS    4 /* of a 256-bit descriptor; a 128-bit one has qw0 and qw1 only */
#define VIQ_VTD_DESC_SIZE_128 16
#define VIQ_VTD_DESC_SIZE_256 32

#define VIQ_VTD_DESC_TYPE    0xfUL   /* [3:0] */
#define VIQ_VTD_DESC_TYPE_HI 0xe00UL /* [11:9]: 0 in every type there is */

#define VIQ_VTD_TYPE_CC      0x1 /* context-cache */
#define VIQ_VTD_TYPE_IOTLB   0x2
#define VIQ_VTD_TYPE_DEVTLB  0x3
#define VIQ_VTD_TYPE_IEC     0x4 /* interrupt-entry cache */
#define VIQ_VTD_TYPE_WAIT    0x5
#define VIQ_VTD_TYPE_PIOTLB  0x6 /* PASID-based IOTLB */
#define VIQ_VTD_TYPE_PC      0x7 /* PASID-cache */
#define VIQ_VTD_TYPE_PDEVTLB 0x8 /* PASID-based device-TLB */
#define VIQ_VTD_TYPE_PGRP    0x9 /* page group response */

/* Granularity. The numbers mean something else in each type. */
#define VIQ_VTD_DESC_G       0x30UL /* [5:4] */
#define VIQ_VTD_CC_GLOBAL    1
#define VIQ_VTD_CC_DOMAIN    2
#define VIQ_VTD_CC_DEVICE    3
#define VIQ_VTD_IOTLB_GLOBAL 1
#define VIQ_VTD_IOTLB_DOMAIN 2
#define VIQ_VTD_IOTLB_PAGE   3
#define VIQ_VTD_PIOTLB_PASID 2
#define VIQ_VTD_PIOTLB_PAGE  3
#define VIQ_VTD_PC_DOMAIN    0
#define VIQ_VTD_PC_PASID     1
#define VIQ_VTD_PC_GLOBAL    3

#define VIQ_VTD_DESC_DID      0xffff0000UL         /* [31:16]: CC, IOTLB, PIOTLB, PC */
#define VIQ_VTD_DESC_PASID    0xfffff00000000UL    /* [51:32]: PIOTLB, PC, PDEVTLB, PGRP */
#define VIQ_VTD_DESC_1_AM     0x3fUL               /* [5:0]: IOTLB, PIOTLB: 2^AM pages */
#define VIQ_VTD_DESC_1_IH     0x40UL               /* [6] */
#define VIQ_VTD_DESC_1_ADDR   0xfffffffffffff000UL /* [63:12]: IOTLB, PIOTLB, DEVTLB, PDEVTLB */
#define VIQ_VTD_CC_SID        0xffff00000000UL     /* [47:32] */
#define VIQ_VTD_CC_FM         0x3000000000000UL    /* [49:48] */
#define VIQ_VTD_DESC_DW       0x40UL               /* [6]: IOTLB */
#define VIQ_VTD_DESC_DR       0x80UL               /* [7] */
#define VIQ_VTD_DEVTLB_MIP    0x1f0000UL           /* [20:16] */
#define VIQ_VTD_DEVTLB_SID    0xffff00000000UL     /* [47:32] */
#define VIQ_VTD_DEVTLB_1_S    0x1UL                /* [0] */
#define VIQ_VTD_PDEVTLB_MIP   0x1f0UL              /* [8:4] */
#define VIQ_VTD_PDEVTLB_SID   0xffff0000UL         /* [31:16] */
#define VIQ_VTD_PDEVTLB_1_G   0x1UL                /* [0] */
#define VIQ_VTD_PDEVTLB_1_S   0x800UL              /* [11] */
#define VIQ_VTD_DESC_PFSID_LO 0xf000UL             /* [15:12]: DEVTLB, PDEVTLB */
#define VIQ_VTD_DESC_PFSID_HI 0xfff0000000000000UL /* [63:52] */
#define VIQ_VTD_IEC_G         0x10UL               /* [4]: 0: global */
#define VIQ_VTD_IEC_IM        0xf8000000UL         /* [31:27] */
#define VIQ_VTD_IEC_IIDX      0xffff00000000UL     /* [47:32] */
#define VIQ_VTD_WAIT_IF       0x10UL               /* [4] */
#define VIQ_VTD_WAIT_SW       0x20UL               /* [5] */
#define VIQ_VTD_WAIT_FN       0x40UL               /* [6] */
#define VIQ_VTD_WAIT_PD       0x80UL               /* [7] */
#define VIQ_VTD_WAIT_DATA     0xffffffff00000000UL /* [63:32] */
#define VIQ_VTD_WAIT_1_ADDR   0xfffffffffffffffcUL /* [63:2] */
#define VIQ_VTD_PGRP_PP       0x10UL               /* [4] */
#define VIQ_VTD_PGRP_RESP     0xf000UL             /* [15:12] */
#define VIQ_VTD_PGRP_RID      0xffff0000UL         /* [31:16] */
#define VIQ_VTD_PGRP_1_LPIG   0x4UL                /* [2]: revision 3 */
#define VIQ_VTD_PGRP_1_PRGI   0xff8UL              /* [11:3] */

/* Response codes (Table 32), as PCIe has them. Devices take 2 to 14 for a failure. */
#define VIQ_VTD_RESP_SUCCESS 0x0
#define VIQ_VTD_RESP_INVALID 0x1
#define VIQ_VTD_RESP_FAILURE 0xf

/* --- Page request descriptors (7.4.1.1): four 64-bit words, qw2 and qw3 are 0; qw0 unless the name says _1_ ------- */

#define VIQ_VTD_PREQ_SIZE   32
#define VIQ_VTD_PREQ_TYPE   0xffUL /* [7:0] */
#define VIQ_VTD_PREQ_PAGE   1
#define VIQ_VTD_PREQ_PP     0x100UL              /* [8]: PASID is there */
#define VIQ_VTD_PREQ_RID    0xffff0000UL         /* [31:16] */
#define VIQ_VTD_PREQ_PASID  0xfffff00000000UL    /* [51:32] */
#define VIQ_VTD_PREQ_EXR    0x10000000000000UL   /* [52] */
#define VIQ_VTD_PREQ_PMR    0x20000000000000UL   /* [53] */
#define VIQ_VTD_PREQ_1_RDR  0x1UL                /* [0] */
#define VIQ_VTD_PREQ_1_WRR  0x2UL                /* [1] */
#define VIQ_VTD_PREQ_1_LPIG 0x4UL                /* [2] */
#define VIQ_VTD_PREQ_1_PRGI 0xff8UL              /* [11:3] */
#define VIQ_VTD_PREQ_1_ADDR 0xfffffffffffff000UL /* [63:12] */
#define VIQ_VTD_PRGI_BITS   9

/* --- Entries of the invalidate call: struct iommu_hwpt_vtd_s1_invalidate of <linux/iommufd.h> ------------------- */

struct viq_vtd_s1_entry {
	uint64_t addr;   /* a multiple of 4096 */
	uint64_t npages; /* pages of 4096 bytes, never 0; all ones, with addr = 0: everything of the target */
	uint32_t flags;  /* VIQ_VTD_S1_LEAF */
	uint32_t reserved;
};

#define VIQ_VTD_S1_LEAF 0x1UL /* [0]: only leaf entries changed */
#define VIQ_VTD_S1_ALL  0xffffffffffffffffUL

#ifndef __cplusplus
_Static_assert(sizeof(struct viq_vtd_s1_entry) == 24, "an entry is what the kernel takes");
#endif

#endif
