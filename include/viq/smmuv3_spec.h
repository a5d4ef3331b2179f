/* SPDX-License-Identifier: MIT */
/*
 * Arm SMMUv3: register offsets, register fields, commands, event records, stream table entries, context descriptors.
 *
 * Names follow IHI 0070 with the prefix VIQ_SMMUV3_. A field is a mask in its own register or 64-bit word; structure
 * words are numbered from 0 (STE_0_V is bit 0 of word 0). Its bits are in brackets, [high:low] or [bit]. Everything in
 * memory is little endian. Only the Non-secure programming interface is here.
 */
#ifndef VIQ_SMMUV3_SPEC_H
#define VIQ_SMMUV3_SPEC_H

#include <viq/bits.h>

/* --- Registers, page 0 and page 1 (section 6) ------------------------------------------------------------------- */

#define VIQ_SMMUV3_MMIO_SIZE 0x20000 /* two pages of 64 KiB */

#define VIQ_SMMUV3_IDR0            0x00
#define VIQ_SMMUV3_IDR1            0x04
#define VIQ_SMMUV3_IDR2            0x08
#define VIQ_SMMUV3_IDR3            0x0c
#define VIQ_SMMUV3_IDR4            0x10
#define VIQ_SMMUV3_IDR5            0x14
#define VIQ_SMMUV3_IIDR            0x18
#define VIQ_SMMUV3_AIDR            0x1c
#define VIQ_SMMUV3_CR0             0x20
#define VIQ_SMMUV3_CR0ACK          0x24
#define VIQ_SMMUV3_CR1             0x28
#define VIQ_SMMUV3_CR2             0x2c
#define VIQ_SMMUV3_STATUSR         0x40
#define VIQ_SMMUV3_GBPA            0x44
#define VIQ_SMMUV3_AGBPA           0x48
#define VIQ_SMMUV3_IRQ_CTRL        0x50
#define VIQ_SMMUV3_IRQ_CTRLACK     0x54
#define VIQ_SMMUV3_GERROR          0x60
#define VIQ_SMMUV3_GERRORN         0x64
#define VIQ_SMMUV3_GERROR_IRQ_CFG0 0x68 /* 64 bit */
#define VIQ_SMMUV3_GERROR_IRQ_CFG1 0x70
#define VIQ_SMMUV3_GERROR_IRQ_CFG2 0x74
#define VIQ_SMMUV3_STRTAB_BASE     0x80 /* 64 bit */
#define VIQ_SMMUV3_STRTAB_BASE_CFG 0x88
#define VIQ_SMMUV3_CMDQ_BASE       0x90 /* 64 bit */
#define VIQ_SMMUV3_CMDQ_PROD       0x98
#define VIQ_SMMUV3_CMDQ_CONS       0x9c
#define VIQ_SMMUV3_EVENTQ_BASE     0xa0 /* 64 bit */
#define VIQ_SMMUV3_EVENTQ_IRQ_CFG0 0xb0 /* 64 bit */
#define VIQ_SMMUV3_EVENTQ_IRQ_CFG1 0xb8
#define VIQ_SMMUV3_EVENTQ_IRQ_CFG2 0xbc
#define VIQ_SMMUV3_PRIQ_BASE       0xc0 /* 64 bit */
#define VIQ_SMMUV3_PRIQ_IRQ_CFG0   0xd0 /* 64 bit */
#define VIQ_SMMUV3_PRIQ_IRQ_CFG1   0xd8
#define VIQ_SMMUV3_PRIQ_IRQ_CFG2   0xdc
#define VIQ_SMMUV3_EVENTQ_PROD     0x100a8
#define VIQ_SMMUV3_EVENTQ_CONS     0x100ac
#define VIQ_SMMUV3_PRIQ_PROD       0x100c8
#define VIQ_SMMUV3_PRIQ_CONS       0x100cc

/* IDR0 (6.3.1) */
#define VIQ_SMMUV3_IDR0_S2P         0x1UL /* [0] */
#define VIQ_SMMUV3_IDR0_S1P         0x2UL /* [1] */
#define VIQ_SMMUV3_IDR0_TTF         0xcUL /* [3:2] */
#define VIQ_SMMUV3_IDR0_TTF_AARCH64 2
#define VIQ_SMMUV3_IDR0_COHACC      0x10UL       /* [4] */
#define VIQ_SMMUV3_IDR0_BTM         0x20UL       /* [5] */
#define VIQ_SMMUV3_IDR0_HTTU        0xc0UL       /* [7:6] */
#define VIQ_SMMUV3_IDR0_DORMHINT    0x100UL      /* [8] */
#define VIQ_SMMUV3_IDR0_HYP         0x200UL      /* [9] */
#define VIQ_SMMUV3_IDR0_ATS         0x400UL      /* [10] */
#define VIQ_SMMUV3_IDR0_NS1ATS      0x800UL      /* [11] */
#define VIQ_SMMUV3_IDR0_ASID16      0x1000UL     /* [12] */
#define VIQ_SMMUV3_IDR0_MSI         0x2000UL     /* [13] */
#define VIQ_SMMUV3_IDR0_SEV         0x4000UL     /* [14] */
#define VIQ_SMMUV3_IDR0_ATOS        0x8000UL     /* [15] */
#define VIQ_SMMUV3_IDR0_PRI         0x10000UL    /* [16] */
#define VIQ_SMMUV3_IDR0_VMW         0x20000UL    /* [17] */
#define VIQ_SMMUV3_IDR0_VMID16      0x40000UL    /* [18] */
#define VIQ_SMMUV3_IDR0_CD2L        0x80000UL    /* [19] */
#define VIQ_SMMUV3_IDR0_VATOS       0x100000UL   /* [20] */
#define VIQ_SMMUV3_IDR0_TTENDIAN    0x600000UL   /* [22:21] */
#define VIQ_SMMUV3_IDR0_ATSRECERR   0x800000UL   /* [23] */
#define VIQ_SMMUV3_IDR0_STALL_MODEL 0x3000000UL  /* [25:24] */
#define VIQ_SMMUV3_IDR0_TERM_MODEL  0x4000000UL  /* [26] */
#define VIQ_SMMUV3_IDR0_ST_LEVEL    0x18000000UL /* [28:27] */

/* IDR1 (6.3.2) */
#define VIQ_SMMUV3_IDR1_SIDSIZE        0x3fUL       /* [5:0] */
#define VIQ_SMMUV3_IDR1_SSIDSIZE       0x7c0UL      /* [10:6] */
#define VIQ_SMMUV3_IDR1_PRIQS          0xf800UL     /* [15:11] */
#define VIQ_SMMUV3_IDR1_EVENTQS        0x1f0000UL   /* [20:16] */
#define VIQ_SMMUV3_IDR1_CMDQS          0x3e00000UL  /* [25:21] */
#define VIQ_SMMUV3_IDR1_ATTR_PERMS_OVR 0x4000000UL  /* [26] */
#define VIQ_SMMUV3_IDR1_ATTR_TYPES_OVR 0x8000000UL  /* [27] */
#define VIQ_SMMUV3_IDR1_REL            0x10000000UL /* [28] */
#define VIQ_SMMUV3_IDR1_QUEUES_PRESET  0x20000000UL /* [29] */
#define VIQ_SMMUV3_IDR1_TABLES_PRESET  0x40000000UL /* [30] */
#define VIQ_SMMUV3_IDR1_ECMDQ          0x80000000UL /* [31] */

/* IDR3 (6.3.4) */
#define VIQ_SMMUV3_IDR3_HAD    0x4UL    /* [2] */
#define VIQ_SMMUV3_IDR3_PBHA   0x8UL    /* [3] */
#define VIQ_SMMUV3_IDR3_XNX    0x10UL   /* [4] */
#define VIQ_SMMUV3_IDR3_PPS    0x20UL   /* [5] */
#define VIQ_SMMUV3_IDR3_MPAM   0x80UL   /* [7] */
#define VIQ_SMMUV3_IDR3_FWB    0x100UL  /* [8] */
#define VIQ_SMMUV3_IDR3_STT    0x200UL  /* [9] */
#define VIQ_SMMUV3_IDR3_RIL    0x400UL  /* [10] */
#define VIQ_SMMUV3_IDR3_BBML   0x1800UL /* [12:11] */
#define VIQ_SMMUV3_IDR3_E0PD   0x2000UL /* [13] */
#define VIQ_SMMUV3_IDR3_PTWNNC 0x4000UL /* [14] */
#define VIQ_SMMUV3_IDR3_DPT    0x8000UL /* [15] */

/* IDR5 (6.3.6) */
#define VIQ_SMMUV3_IDR5_OAS       0x7UL        /* [2:0]: 0..7: 32 36 40 42 44 48 52 56 bits */
#define VIQ_SMMUV3_IDR5_GRAN4K    0x10UL       /* [4] */
#define VIQ_SMMUV3_IDR5_GRAN16K   0x20UL       /* [5] */
#define VIQ_SMMUV3_IDR5_GRAN64K   0x40UL       /* [6] */
#define VIQ_SMMUV3_IDR5_DS        0x80UL       /* [7] */
#define VIQ_SMMUV3_IDR5_D128      0x100UL      /* [8] */
#define VIQ_SMMUV3_IDR5_VAX       0xc00UL      /* [11:10] */
#define VIQ_SMMUV3_IDR5_STALL_MAX 0xffff0000UL /* [31:16] */

/* AIDR (6.3.8): 0x00 is v3.0 .. 0x04 is v3.4 */
#define VIQ_SMMUV3_AIDR_V3_1 0x01

/* CR0, CR0ACK (6.3.9) */
#define VIQ_SMMUV3_CR0_SMMUEN   0x1UL   /* [0] */
#define VIQ_SMMUV3_CR0_PRIQEN   0x2UL   /* [1] */
#define VIQ_SMMUV3_CR0_EVENTQEN 0x4UL   /* [2] */
#define VIQ_SMMUV3_CR0_CMDQEN   0x8UL   /* [3] */
#define VIQ_SMMUV3_CR0_ATSCHK   0x10UL  /* [4] */
#define VIQ_SMMUV3_CR0_VMW      0x1c0UL /* [8:6] */

/* CR1 (6.3.11), CR2 (6.3.12) */
#define VIQ_SMMUV3_CR1_QUEUE       0x3fUL  /* [5:0] */
#define VIQ_SMMUV3_CR1_TABLE       0xfc0UL /* [11:6] */
#define VIQ_SMMUV3_CR2_E2H         0x1UL   /* [0] */
#define VIQ_SMMUV3_CR2_RECINVSID   0x2UL   /* [1] */
#define VIQ_SMMUV3_CR2_PTM         0x4UL   /* [2] */
#define VIQ_SMMUV3_CR2_REC_CFG_ATS 0x8UL   /* [3] */

/* GBPA (6.3.14) */
#define VIQ_SMMUV3_GBPA_MEMATTR  0xfUL        /* [3:0] */
#define VIQ_SMMUV3_GBPA_MTCFG    0x10UL       /* [4] */
#define VIQ_SMMUV3_GBPA_ALLOCCFG 0xf00UL      /* [11:8] */
#define VIQ_SMMUV3_GBPA_SHCFG    0x3000UL     /* [13:12] */
#define VIQ_SMMUV3_GBPA_PRIVCFG  0x30000UL    /* [17:16] */
#define VIQ_SMMUV3_GBPA_INSTCFG  0xc0000UL    /* [19:18] */
#define VIQ_SMMUV3_GBPA_ABORT    0x100000UL   /* [20] */
#define VIQ_SMMUV3_GBPA_UPDATE   0x80000000UL /* [31] */

/* IRQ_CTRL (6.3.16) */
#define VIQ_SMMUV3_IRQ_CTRL_GERROR_IRQEN 0x1UL /* [0] */
#define VIQ_SMMUV3_IRQ_CTRL_PRIQ_IRQEN   0x2UL /* [1] */
#define VIQ_SMMUV3_IRQ_CTRL_EVENTQ_IRQEN 0x4UL /* [2] */

/* GERROR, GERRORN (6.3.18): an error is active while its two bits differ */
#define VIQ_SMMUV3_GERROR_CMDQ_ERR           0x1UL   /* [0] */
#define VIQ_SMMUV3_GERROR_EVENTQ_ABT_ERR     0x4UL   /* [2] */
#define VIQ_SMMUV3_GERROR_PRIQ_ABT_ERR       0x8UL   /* [3] */
#define VIQ_SMMUV3_GERROR_MSI_CMDQ_ABT_ERR   0x10UL  /* [4] */
#define VIQ_SMMUV3_GERROR_MSI_EVENTQ_ABT_ERR 0x20UL  /* [5] */
#define VIQ_SMMUV3_GERROR_MSI_PRIQ_ABT_ERR   0x40UL  /* [6] */
#define VIQ_SMMUV3_GERROR_MSI_GERROR_ABT_ERR 0x80UL  /* [7] */
#define VIQ_SMMUV3_GERROR_SFM_ERR            0x100UL /* [8] */

/* Interrupt configuration triples: CFG0 address (0: no MSI), CFG1 data, CFG2 attributes */
#define VIQ_SMMUV3_IRQ_CFG0_ADDR 0xffffffffffffcUL /* [51:2] */
#define VIQ_SMMUV3_IRQ_CFG2_MASK 0x3fUL            /* [5:0] */
#define VIQ_SMMUV3_PRIQ_CFG2_LO  0x80000000UL      /* [31]: only requests that are the last of their group */

/* STRTAB_BASE, STRTAB_BASE_CFG (6.3.24, 6.3.25) */
#define VIQ_SMMUV3_STRTAB_BASE_ADDR         0xfffffffffffc0UL    /* [51:6] */
#define VIQ_SMMUV3_STRTAB_BASE_RA           0x4000000000000000UL /* [62] */
#define VIQ_SMMUV3_STRTAB_BASE_CFG_LOG2SIZE 0x3fUL               /* [5:0] */
#define VIQ_SMMUV3_STRTAB_BASE_CFG_SPLIT    0x7c0UL              /* [10:6] */
#define VIQ_SMMUV3_STRTAB_BASE_CFG_FMT      0x30000UL            /* [17:16] */
#define VIQ_SMMUV3_STRTAB_FMT_LINEAR        0
#define VIQ_SMMUV3_STRTAB_FMT_2LVL          1

/* CMDQ_BASE, EVENTQ_BASE, PRIQ_BASE (6.3.26, 6.3.29), indices */
#define VIQ_SMMUV3_Q_BASE_LOG2SIZE 0x1fUL               /* [4:0] */
#define VIQ_SMMUV3_Q_BASE_ADDR     0xfffffffffffe0UL    /* [51:5] */
#define VIQ_SMMUV3_Q_BASE_HINT     0x4000000000000000UL /* [62]: RA or WA */
#define VIQ_SMMUV3_Q_INDEX         0xfffffUL            /* [19:0]: index and wrap flag of the largest queue */
#define VIQ_SMMUV3_Q_MAX_LOG2SIZE  19
#define VIQ_SMMUV3_CMDQ_CONS_ERR   0x7f000000UL /* [30:24] */
#define VIQ_SMMUV3_EVENTQ_OVFLG    0x80000000UL /* [31]; the PRI queue's, too */
#define VIQ_SMMUV3_CMD_SIZE        16
#define VIQ_SMMUV3_EVENT_SIZE      32
#define VIQ_SMMUV3_PRI_SIZE        16

/* CMDQ_CONS.ERR (7.1) */
#define VIQ_SMMUV3_CERROR_NONE         0
#define VIQ_SMMUV3_CERROR_ILL          1
#define VIQ_SMMUV3_CERROR_ABT          2
#define VIQ_SMMUV3_CERROR_ATC_INV_SYNC 3

/* --- Commands (section 4); word 0 unless the name says _1_ ------------------------------------------------------ */

#define VIQ_SMMUV3_CMD_OP 0xffUL /* [7:0] */

#define VIQ_SMMUV3_OP_PREFETCH_CONFIG 0x01
#define VIQ_SMMUV3_OP_PREFETCH_ADDR   0x02
#define VIQ_SMMUV3_OP_CFGI_STE        0x03
#define VIQ_SMMUV3_OP_CFGI_STE_RANGE  0x04 /* CFGI_ALL if Range = 31 */
#define VIQ_SMMUV3_OP_CFGI_CD         0x05
#define VIQ_SMMUV3_OP_CFGI_CD_ALL     0x06
#define VIQ_SMMUV3_OP_CFGI_VMS_PIDM   0x07
#define VIQ_SMMUV3_OP_TLBI_NH_ALL     0x10
#define VIQ_SMMUV3_OP_TLBI_NH_ASID    0x11
#define VIQ_SMMUV3_OP_TLBI_NH_VA      0x12
#define VIQ_SMMUV3_OP_TLBI_NH_VAA     0x13
#define VIQ_SMMUV3_OP_TLBI_EL3_ALL    0x18
#define VIQ_SMMUV3_OP_TLBI_EL3_VA     0x1a
#define VIQ_SMMUV3_OP_TLBI_EL2_ALL    0x20
#define VIQ_SMMUV3_OP_TLBI_EL2_ASID   0x21
#define VIQ_SMMUV3_OP_TLBI_EL2_VA     0x22
#define VIQ_SMMUV3_OP_TLBI_EL2_VAA    0x23
#define VIQ_SMMUV3_OP_TLBI_S12_VMALL  0x28
#define VIQ_SMMUV3_OP_TLBI_S2_IPA     0x2a
#define VIQ_SMMUV3_OP_TLBI_NSNH_ALL   0x30
#define VIQ_SMMUV3_OP_ATC_INV         0x40
#define VIQ_SMMUV3_OP_PRI_RESP        0x41
#define VIQ_SMMUV3_OP_RESUME          0x44
#define VIQ_SMMUV3_OP_STALL_TERM      0x45
#define VIQ_SMMUV3_OP_SYNC            0x46
#define VIQ_SMMUV3_OP_DPTI_ALL        0x70
#define VIQ_SMMUV3_OP_DPTI_PA         0x73

/* _CMD_: where several commands have the field, SID of CFGI_STE, CFGI_CD, PREFETCH, ATC_INV, PRI_RESP, RESUME */
#define VIQ_SMMUV3_CMD_SSEC          0x400UL              /* [10] */
#define VIQ_SMMUV3_CMD_SSV           0x800UL              /* [11] */
#define VIQ_SMMUV3_CMD_SSID          0xfffff000UL         /* [31:12] */
#define VIQ_SMMUV3_CMD_SID           0xffffffff00000000UL /* [63:32] */
#define VIQ_SMMUV3_CMD_1_LEAF        0x1UL                /* [0] */
#define VIQ_SMMUV3_CFGI_1_RANGE      0x1fUL               /* [4:0] */
#define VIQ_SMMUV3_CFGI_RANGE_ALL    31
#define VIQ_SMMUV3_TLBI_NUM          0x1f000UL            /* [16:12] */
#define VIQ_SMMUV3_TLBI_SCALE        0x3f00000UL          /* [25:20] */
#define VIQ_SMMUV3_TLBI_SCALE_5      0x2000000UL          /* [25]: RES0 without IDR5.DS */
#define VIQ_SMMUV3_TLBI_VMID         0xffff00000000UL     /* [47:32] */
#define VIQ_SMMUV3_TLBI_ASID         0xffff000000000000UL /* [63:48] */
#define VIQ_SMMUV3_TLBI_1_TTL128     0x80UL               /* [7] */
#define VIQ_SMMUV3_TLBI_1_TTL        0x300UL              /* [9:8] */
#define VIQ_SMMUV3_TLBI_1_TG         0xc00UL              /* [11:10]: 0 no range, 1 4K, 2 16K, 3 64K */
#define VIQ_SMMUV3_TLBI_1_VA         0xfffffffffffff000UL /* [63:12] */
#define VIQ_SMMUV3_TLBI_1_IPA        0xffffffffff000UL    /* [51:12] */
#define VIQ_SMMUV3_ATC_G             0x200UL              /* [9] */
#define VIQ_SMMUV3_ATC_1_SIZE        0x3fUL               /* [5:0] */
#define VIQ_SMMUV3_ATC_SIZE_ALL      52
#define VIQ_SMMUV3_ATC_1_ADDR        0xfffffffffffff000UL /* [63:12] */
#define VIQ_SMMUV3_PREFETCH_1_SIZE   0x1fUL               /* [4:0] */
#define VIQ_SMMUV3_PREFETCH_1_STRIDE 0x3e0UL              /* [9:5] */
#define VIQ_SMMUV3_PREFETCH_1_ADDR   0xfffffffffffff000UL /* [63:12] */
#define VIQ_SMMUV3_PRI_1_GROUP       0x1ffUL              /* [8:0] */
#define VIQ_SMMUV3_PRI_1_RESP        0x3000UL             /* [13:12] */
#define VIQ_SMMUV3_PRI_FAILURE       0
#define VIQ_SMMUV3_PRI_INVALID       1
#define VIQ_SMMUV3_PRI_SUCCESS       2
#define VIQ_SMMUV3_RESUME_AC         0x1000UL /* [12] */
#define VIQ_SMMUV3_RESUME_AB         0x2000UL /* [13] */
#define VIQ_SMMUV3_RESUME_1_STAG     0xffffUL /* [15:0] */
#define VIQ_SMMUV3_SYNC_CS           0x3000UL /* [13:12] */
#define VIQ_SMMUV3_SYNC_CS_NONE      0
#define VIQ_SMMUV3_SYNC_CS_IRQ       1
#define VIQ_SMMUV3_SYNC_CS_SEV       2
#define VIQ_SMMUV3_SYNC_MSH          0xc00000UL           /* [23:22] */
#define VIQ_SMMUV3_SYNC_MSIATTR      0xf000000UL          /* [27:24] */
#define VIQ_SMMUV3_SYNC_MSIDATA      0xffffffff00000000UL /* [63:32] */
#define VIQ_SMMUV3_SYNC_1_MSIADDR    0xffffffffffffcUL    /* [51:2] */

/* --- Event records (7.3) ----------------------------------------------------------------------------------------- */

#define VIQ_SMMUV3_EVT_F_UUT              0x01
#define VIQ_SMMUV3_EVT_C_BAD_STREAMID     0x02
#define VIQ_SMMUV3_EVT_F_STE_FETCH        0x03
#define VIQ_SMMUV3_EVT_C_BAD_STE          0x04
#define VIQ_SMMUV3_EVT_F_BAD_ATS_TREQ     0x05
#define VIQ_SMMUV3_EVT_F_STREAM_DISABLED  0x06
#define VIQ_SMMUV3_EVT_F_TRANSL_FORBIDDEN 0x07
#define VIQ_SMMUV3_EVT_C_BAD_SUBSTREAMID  0x08
#define VIQ_SMMUV3_EVT_F_CD_FETCH         0x09
#define VIQ_SMMUV3_EVT_C_BAD_CD           0x0a
#define VIQ_SMMUV3_EVT_F_WALK_EABT        0x0b
#define VIQ_SMMUV3_EVT_F_TRANSLATION      0x10
#define VIQ_SMMUV3_EVT_F_ADDR_SIZE        0x11
#define VIQ_SMMUV3_EVT_F_ACCESS           0x12
#define VIQ_SMMUV3_EVT_F_PERMISSION       0x13

#define VIQ_SMMUV3_EVT_0_ID     0xffUL               /* [7:0] */
#define VIQ_SMMUV3_EVT_0_SSV    0x800UL              /* [11] */
#define VIQ_SMMUV3_EVT_0_SSID   0xfffff000UL         /* [31:12] */
#define VIQ_SMMUV3_EVT_0_SID    0xffffffff00000000UL /* [63:32] */
#define VIQ_SMMUV3_EVT_1_REASON 0xffffUL             /* [15:0]: implementation defined */
#define VIQ_SMMUV3_EVT_1_STAG   0xffffUL             /* [15:0] */
#define VIQ_SMMUV3_EVT_1_STALL  0x80000000UL         /* [31] */
#define VIQ_SMMUV3_EVT_1_PNU    0x200000000UL        /* [33] */
#define VIQ_SMMUV3_EVT_1_IND    0x400000000UL        /* [34] */
#define VIQ_SMMUV3_EVT_1_RNW    0x800000000UL        /* [35] */
#define VIQ_SMMUV3_EVT_1_S2     0x8000000000UL       /* [39] */
#define VIQ_SMMUV3_EVT_1_CLASS  0x30000000000UL      /* [41:40] */
#define VIQ_SMMUV3_EVT_CLASS_CD 0
#define VIQ_SMMUV3_EVT_CLASS_TT 1
#define VIQ_SMMUV3_EVT_CLASS_IN 2
#define VIQ_SMMUV3_EVT_1_TTRNW  0x100000000000UL  /* [44] */
#define VIQ_SMMUV3_EVT_3_FETCH  0xffffffffffff8UL /* [51:3] */
#define VIQ_SMMUV3_EVT_3_IPA    0xffffffffff000UL /* [51:12] */

/* --- PRI queue entries (chapter 8) -------------------------------------------------------------------------------- */

#define VIQ_SMMUV3_PPR_0_SID  0xffffffffUL         /* [31:0] */
#define VIQ_SMMUV3_PPR_0_SSID 0xfffff00000000UL    /* [51:32] */
#define VIQ_SMMUV3_PPR_0_PRIV 0x400000000000000UL  /* [58] */
#define VIQ_SMMUV3_PPR_0_X    0x800000000000000UL  /* [59] */
#define VIQ_SMMUV3_PPR_0_R    0x1000000000000000UL /* [60] */
#define VIQ_SMMUV3_PPR_0_W    0x2000000000000000UL /* [61] */
#define VIQ_SMMUV3_PPR_0_LAST 0x4000000000000000UL /* [62] */
#define VIQ_SMMUV3_PPR_0_SSV  0x8000000000000000UL /* [63] */
#define VIQ_SMMUV3_PPR_1_PRG  0x1ffUL              /* [8:0] */
#define VIQ_SMMUV3_PPR_1_ADDR 0xfffffffffffff000UL /* [63:12] */
#define VIQ_SMMUV3_PRG_BITS   9

/* Response codes to a device (8.3), as PCIe has them */
#define VIQ_SMMUV3_PRG_SUCCESS 0x0
#define VIQ_SMMUV3_PRG_INVALID 0x1
#define VIQ_SMMUV3_PRG_FAILURE 0xf

/* --- Level-1 stream table descriptor, stream table entry (5.1, 5.2) ---------------------------------------------- */

#define VIQ_SMMUV3_L1STD_SPAN  0x1fUL            /* [4:0] */
#define VIQ_SMMUV3_L1STD_L2PTR 0xfffffffffffc0UL /* [51:6] */

#define VIQ_SMMUV3_STE_SIZE           64
#define VIQ_SMMUV3_STE_WORDS          8
#define VIQ_SMMUV3_STE_0_V            0x1UL /* [0] */
#define VIQ_SMMUV3_STE_0_CONFIG       0xeUL /* [3:1] */
#define VIQ_SMMUV3_STE_CONFIG_ABORT   0
#define VIQ_SMMUV3_STE_CONFIG_BYPASS  4
#define VIQ_SMMUV3_STE_CONFIG_S1      5
#define VIQ_SMMUV3_STE_CONFIG_S2      6
#define VIQ_SMMUV3_STE_CONFIG_NESTED  7
#define VIQ_SMMUV3_STE_0_S1FMT        0x30UL               /* [5:4] */
#define VIQ_SMMUV3_STE_0_S1CONTEXTPTR 0xfffffffffffc0UL    /* [51:6] */
#define VIQ_SMMUV3_STE_0_S1CDMAX      0xf800000000000000UL /* [63:59] */
#define VIQ_SMMUV3_STE_1_S1DSS        0x3UL                /* [1:0] */
#define VIQ_SMMUV3_STE_1_S1CIR        0xcUL                /* [3:2] */
#define VIQ_SMMUV3_STE_1_S1COR        0x30UL               /* [5:4] */
#define VIQ_SMMUV3_STE_1_S1CSH        0xc0UL               /* [7:6] */
#define VIQ_SMMUV3_STE_1_MEV          0x80000UL            /* [19] */
#define VIQ_SMMUV3_STE_1_S2FWB        0x2000000UL          /* [25] */
#define VIQ_SMMUV3_STE_1_S1STALLD     0x8000000UL          /* [27] */
#define VIQ_SMMUV3_STE_1_EATS         0x30000000UL         /* [29:28] */
#define VIQ_SMMUV3_STE_1_STRW         0xc0000000UL         /* [31:30] */
#define VIQ_SMMUV3_STE_1_SHCFG        0x300000000000UL     /* [45:44] */
#define VIQ_SMMUV3_STE_2_S2VMID       0xffffUL             /* [15:0] */
#define VIQ_SMMUV3_STE_2_S2T0SZ       0x3f00000000UL       /* [37:32] */
#define VIQ_SMMUV3_STE_2_S2SL0        0xc000000000UL       /* [39:38] */
#define VIQ_SMMUV3_STE_2_S2TG         0xc00000000000UL     /* [47:46]: 0 4K, 1 64K, 2 16K */
#define VIQ_SMMUV3_STE_2_S2PS         0x7000000000000UL    /* [50:48] */
#define VIQ_SMMUV3_STE_2_S2AA64       0x8000000000000UL    /* [51] */
#define VIQ_SMMUV3_STE_2_S2ENDI       0x10000000000000UL   /* [52] */
#define VIQ_SMMUV3_STE_2_S2AFFD       0x20000000000000UL   /* [53] */
#define VIQ_SMMUV3_STE_2_S2PTW        0x40000000000000UL   /* [54] */
#define VIQ_SMMUV3_STE_2_S2HD         0x80000000000000UL   /* [55] */
#define VIQ_SMMUV3_STE_2_S2HA         0x100000000000000UL  /* [56] */
#define VIQ_SMMUV3_STE_2_S2S          0x200000000000000UL  /* [57] */
#define VIQ_SMMUV3_STE_2_S2R          0x400000000000000UL  /* [58] */
#define VIQ_SMMUV3_STE_2_STAGE2       0x7ffffff00000000UL  /* [58:32]: what is not the VMID */
#define VIQ_SMMUV3_STE_3_S2TTB        0xffffffffffff0UL    /* [51:4] */

/* What Linux accepts of words 0 and 1 for a nested page table (struct iommu_hwpt_arm_smmuv3). */
#define VIQ_SMMUV3_STE_0_NESTING 0xf80fffffffffffffUL /* [63:59, 51:0]: V, CONFIG, S1FMT, S1CONTEXTPTR, S1CDMAX */
#define VIQ_SMMUV3_STE_1_NESTING 0x380000ffUL         /* [29:27, 7:0]: S1DSS, S1CIR, S1COR, S1CSH, S1STALLD, EATS */

/* --- Level-1 context descriptor, context descriptor (5.3, 5.4) --------------------------------------------------- */

#define VIQ_SMMUV3_L1CD_V     0x1UL             /* [0] */
#define VIQ_SMMUV3_L1CD_L2PTR 0xffffffffff000UL /* [51:12] */

#define VIQ_SMMUV3_CD_SIZE   64
#define VIQ_SMMUV3_CD_WORDS  8
#define VIQ_SMMUV3_CD_0_T0SZ 0x3fUL               /* [5:0] */
#define VIQ_SMMUV3_CD_0_TG0  0xc0UL               /* [7:6]: 0 4K, 1 64K, 2 16K */
#define VIQ_SMMUV3_CD_0_EPD0 0x4000UL             /* [14] */
#define VIQ_SMMUV3_CD_0_ENDI 0x8000UL             /* [15] */
#define VIQ_SMMUV3_CD_0_T1SZ 0x3f0000UL           /* [21:16] */
#define VIQ_SMMUV3_CD_0_TG1  0xc00000UL           /* [23:22]: 1 16K, 2 4K, 3 64K */
#define VIQ_SMMUV3_CD_0_EPD1 0x40000000UL         /* [30] */
#define VIQ_SMMUV3_CD_0_V    0x80000000UL         /* [31] */
#define VIQ_SMMUV3_CD_0_IPS  0x700000000UL        /* [34:32] */
#define VIQ_SMMUV3_CD_0_AFFD 0x800000000UL        /* [35] */
#define VIQ_SMMUV3_CD_0_WXN  0x1000000000UL       /* [36] */
#define VIQ_SMMUV3_CD_0_UWXN 0x2000000000UL       /* [37] */
#define VIQ_SMMUV3_CD_0_TBI0 0x4000000000UL       /* [38] */
#define VIQ_SMMUV3_CD_0_TBI1 0x8000000000UL       /* [39] */
#define VIQ_SMMUV3_CD_0_PAN  0x10000000000UL      /* [40] */
#define VIQ_SMMUV3_CD_0_AA64 0x20000000000UL      /* [41] */
#define VIQ_SMMUV3_CD_0_HD   0x40000000000UL      /* [42] */
#define VIQ_SMMUV3_CD_0_HA   0x80000000000UL      /* [43] */
#define VIQ_SMMUV3_CD_0_S    0x100000000000UL     /* [44] */
#define VIQ_SMMUV3_CD_0_R    0x200000000000UL     /* [45] */
#define VIQ_SMMUV3_CD_0_A    0x400000000000UL     /* [46] */
#define VIQ_SMMUV3_CD_0_ASET 0x800000000000UL     /* [47] */
#define VIQ_SMMUV3_CD_0_ASID 0xffff000000000000UL /* [63:48] */
#define VIQ_SMMUV3_CD_1_HAD0 0x2UL                /* [1] */
#define VIQ_SMMUV3_CD_1_HAFT 0x8UL                /* [3] */
#define VIQ_SMMUV3_CD_1_TTB0 0xffffffffffff0UL    /* [51:4] */
#define VIQ_SMMUV3_CD_2_HAD1 0x2UL                /* [1] */
#define VIQ_SMMUV3_CD_2_TTB1 0xffffffffffff0UL    /* [51:4] */

#endif
