/* SPDX-License-Identifier: MIT */
/*
 * Arm SMMUv3: register offsets, register fields, commands, event records, stream table entries, context descriptors.
 *
 * Names follow IHI 0070 with the prefix VIQ_SMMUV3_. A field is a mask in its own register or 64-bit word; structure
 * words are numbered from 0 (STE_0_V is bit 0 of word 0). Everything in memory is little endian. Only the Non-secure
 * programming interface is here.
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
#define VIQ_SMMUV3_EVENTQ_PROD     0x100a8
#define VIQ_SMMUV3_EVENTQ_CONS     0x100ac

/* IDR0 (6.3.1) */
#define VIQ_SMMUV3_IDR0_S2P         VIQ_BIT(0)
#define VIQ_SMMUV3_IDR0_S1P         VIQ_BIT(1)
#define VIQ_SMMUV3_IDR0_TTF         VIQ_BITS(3, 2)
#define VIQ_SMMUV3_IDR0_TTF_AARCH64 2
#define VIQ_SMMUV3_IDR0_COHACC      VIQ_BIT(4)
#define VIQ_SMMUV3_IDR0_BTM         VIQ_BIT(5)
#define VIQ_SMMUV3_IDR0_HTTU        VIQ_BITS(7, 6)
#define VIQ_SMMUV3_IDR0_DORMHINT    VIQ_BIT(8)
#define VIQ_SMMUV3_IDR0_HYP         VIQ_BIT(9)
#define VIQ_SMMUV3_IDR0_ATS         VIQ_BIT(10)
#define VIQ_SMMUV3_IDR0_NS1ATS      VIQ_BIT(11)
#define VIQ_SMMUV3_IDR0_ASID16      VIQ_BIT(12)
#define VIQ_SMMUV3_IDR0_MSI         VIQ_BIT(13)
#define VIQ_SMMUV3_IDR0_SEV         VIQ_BIT(14)
#define VIQ_SMMUV3_IDR0_ATOS        VIQ_BIT(15)
#define VIQ_SMMUV3_IDR0_PRI         VIQ_BIT(16)
#define VIQ_SMMUV3_IDR0_VMW         VIQ_BIT(17)
#define VIQ_SMMUV3_IDR0_VMID16      VIQ_BIT(18)
#define VIQ_SMMUV3_IDR0_CD2L        VIQ_BIT(19)
#define VIQ_SMMUV3_IDR0_VATOS       VIQ_BIT(20)
#define VIQ_SMMUV3_IDR0_TTENDIAN    VIQ_BITS(22, 21)
#define VIQ_SMMUV3_IDR0_ATSRECERR   VIQ_BIT(23)
#define VIQ_SMMUV3_IDR0_STALL_MODEL VIQ_BITS(25, 24)
#define VIQ_SMMUV3_IDR0_TERM_MODEL  VIQ_BIT(26)
#define VIQ_SMMUV3_IDR0_ST_LEVEL    VIQ_BITS(28, 27)

/* IDR1 (6.3.2) */
#define VIQ_SMMUV3_IDR1_SIDSIZE        VIQ_BITS(5, 0)
#define VIQ_SMMUV3_IDR1_SSIDSIZE       VIQ_BITS(10, 6)
#define VIQ_SMMUV3_IDR1_PRIQS          VIQ_BITS(15, 11)
#define VIQ_SMMUV3_IDR1_EVENTQS        VIQ_BITS(20, 16)
#define VIQ_SMMUV3_IDR1_CMDQS          VIQ_BITS(25, 21)
#define VIQ_SMMUV3_IDR1_ATTR_PERMS_OVR VIQ_BIT(26)
#define VIQ_SMMUV3_IDR1_ATTR_TYPES_OVR VIQ_BIT(27)
#define VIQ_SMMUV3_IDR1_REL            VIQ_BIT(28)
#define VIQ_SMMUV3_IDR1_QUEUES_PRESET  VIQ_BIT(29)
#define VIQ_SMMUV3_IDR1_TABLES_PRESET  VIQ_BIT(30)
#define VIQ_SMMUV3_IDR1_ECMDQ          VIQ_BIT(31)

/* IDR3 (6.3.4) */
#define VIQ_SMMUV3_IDR3_HAD  VIQ_BIT(2)
#define VIQ_SMMUV3_IDR3_PBHA VIQ_BIT(3)
#define VIQ_SMMUV3_IDR3_XNX  VIQ_BIT(4)
#define VIQ_SMMUV3_IDR3_PPS  VIQ_BIT(5)
#define VIQ_SMMUV3_IDR3_MPAM VIQ_BIT(7)
#define VIQ_SMMUV3_IDR3_FWB  VIQ_BIT(8)
#define VIQ_SMMUV3_IDR3_STT  VIQ_BIT(9)
#define VIQ_SMMUV3_IDR3_RIL  VIQ_BIT(10)
#define VIQ_SMMUV3_IDR3_BBML VIQ_BITS(12, 11)
#define VIQ_SMMUV3_IDR3_E0PD VIQ_BIT(13)
#define VIQ_SMMUV3_IDR3_DPT  VIQ_BIT(15)

/* IDR5 (6.3.6) */
#define VIQ_SMMUV3_IDR5_OAS       VIQ_BITS(2, 0) /* 0..7: 32 36 40 42 44 48 52 56 bits */
#define VIQ_SMMUV3_IDR5_GRAN4K    VIQ_BIT(4)
#define VIQ_SMMUV3_IDR5_GRAN16K   VIQ_BIT(5)
#define VIQ_SMMUV3_IDR5_GRAN64K   VIQ_BIT(6)
#define VIQ_SMMUV3_IDR5_DS        VIQ_BIT(7)
#define VIQ_SMMUV3_IDR5_D128      VIQ_BIT(8)
#define VIQ_SMMUV3_IDR5_VAX       VIQ_BITS(11, 10)
#define VIQ_SMMUV3_IDR5_STALL_MAX VIQ_BITS(31, 16)

/* AIDR (6.3.8): 0x00 is v3.0 .. 0x04 is v3.4 */
#define VIQ_SMMUV3_AIDR_V3_1 0x01

/* CR0, CR0ACK (6.3.9) */
#define VIQ_SMMUV3_CR0_SMMUEN   VIQ_BIT(0)
#define VIQ_SMMUV3_CR0_PRIQEN   VIQ_BIT(1)
#define VIQ_SMMUV3_CR0_EVENTQEN VIQ_BIT(2)
#define VIQ_SMMUV3_CR0_CMDQEN   VIQ_BIT(3)
#define VIQ_SMMUV3_CR0_ATSCHK   VIQ_BIT(4)
#define VIQ_SMMUV3_CR0_VMW      VIQ_BITS(8, 6)

/* CR1 (6.3.11), CR2 (6.3.12) */
#define VIQ_SMMUV3_CR1_QUEUE       VIQ_BITS(5, 0)
#define VIQ_SMMUV3_CR1_TABLE       VIQ_BITS(11, 6)
#define VIQ_SMMUV3_CR2_E2H         VIQ_BIT(0)
#define VIQ_SMMUV3_CR2_RECINVSID   VIQ_BIT(1)
#define VIQ_SMMUV3_CR2_PTM         VIQ_BIT(2)
#define VIQ_SMMUV3_CR2_REC_CFG_ATS VIQ_BIT(3)

/* GBPA (6.3.14) */
#define VIQ_SMMUV3_GBPA_MEMATTR  VIQ_BITS(3, 0)
#define VIQ_SMMUV3_GBPA_MTCFG    VIQ_BIT(4)
#define VIQ_SMMUV3_GBPA_ALLOCCFG VIQ_BITS(11, 8)
#define VIQ_SMMUV3_GBPA_SHCFG    VIQ_BITS(13, 12)
#define VIQ_SMMUV3_GBPA_PRIVCFG  VIQ_BITS(17, 16)
#define VIQ_SMMUV3_GBPA_INSTCFG  VIQ_BITS(19, 18)
#define VIQ_SMMUV3_GBPA_ABORT    VIQ_BIT(20)
#define VIQ_SMMUV3_GBPA_UPDATE   VIQ_BIT(31)

/* IRQ_CTRL (6.3.16) */
#define VIQ_SMMUV3_IRQ_CTRL_GERROR_IRQEN VIQ_BIT(0)
#define VIQ_SMMUV3_IRQ_CTRL_PRIQ_IRQEN   VIQ_BIT(1)
#define VIQ_SMMUV3_IRQ_CTRL_EVENTQ_IRQEN VIQ_BIT(2)

/* GERROR, GERRORN (6.3.18): an error is active while its two bits differ */
#define VIQ_SMMUV3_GERROR_CMDQ_ERR           VIQ_BIT(0)
#define VIQ_SMMUV3_GERROR_EVENTQ_ABT_ERR     VIQ_BIT(2)
#define VIQ_SMMUV3_GERROR_PRIQ_ABT_ERR       VIQ_BIT(3)
#define VIQ_SMMUV3_GERROR_MSI_CMDQ_ABT_ERR   VIQ_BIT(4)
#define VIQ_SMMUV3_GERROR_MSI_EVENTQ_ABT_ERR VIQ_BIT(5)
#define VIQ_SMMUV3_GERROR_MSI_PRIQ_ABT_ERR   VIQ_BIT(6)
#define VIQ_SMMUV3_GERROR_MSI_GERROR_ABT_ERR VIQ_BIT(7)
#define VIQ_SMMUV3_GERROR_SFM_ERR            VIQ_BIT(8)

/* Interrupt configuration triples: CFG0 address (0: no MSI), CFG1 data, CFG2 attributes */
#define VIQ_SMMUV3_IRQ_CFG0_ADDR VIQ_BITS(51, 2)
#define VIQ_SMMUV3_IRQ_CFG2_MASK VIQ_BITS(5, 0)

/* STRTAB_BASE, STRTAB_BASE_CFG (6.3.24, 6.3.25) */
#define VIQ_SMMUV3_STRTAB_BASE_ADDR         VIQ_BITS(51, 6)
#define VIQ_SMMUV3_STRTAB_BASE_RA           VIQ_BIT(62)
#define VIQ_SMMUV3_STRTAB_BASE_CFG_LOG2SIZE VIQ_BITS(5, 0)
#define VIQ_SMMUV3_STRTAB_BASE_CFG_SPLIT    VIQ_BITS(10, 6)
#define VIQ_SMMUV3_STRTAB_BASE_CFG_FMT      VIQ_BITS(17, 16)
#define VIQ_SMMUV3_STRTAB_FMT_LINEAR        0
#define VIQ_SMMUV3_STRTAB_FMT_2LVL          1

/* CMDQ_BASE, EVENTQ_BASE (6.3.26, 6.3.29), indices */
#define VIQ_SMMUV3_Q_BASE_LOG2SIZE VIQ_BITS(4, 0)
#define VIQ_SMMUV3_Q_BASE_ADDR     VIQ_BITS(51, 5)
#define VIQ_SMMUV3_Q_BASE_HINT     VIQ_BIT(62)     /* RA or WA */
#define VIQ_SMMUV3_Q_INDEX         VIQ_BITS(19, 0) /* index and wrap flag of the largest queue */
#define VIQ_SMMUV3_Q_MAX_LOG2SIZE  19
#define VIQ_SMMUV3_CMDQ_CONS_ERR   VIQ_BITS(30, 24)
#define VIQ_SMMUV3_EVENTQ_OVFLG    VIQ_BIT(31)
#define VIQ_SMMUV3_CMD_SIZE        16
#define VIQ_SMMUV3_EVENT_SIZE      32

/* CMDQ_CONS.ERR (7.1) */
#define VIQ_SMMUV3_CERROR_NONE         0
#define VIQ_SMMUV3_CERROR_ILL          1
#define VIQ_SMMUV3_CERROR_ABT          2
#define VIQ_SMMUV3_CERROR_ATC_INV_SYNC 3

/* --- Commands (section 4); word 0 unless the name says _1_ ------------------------------------------------------ */

#define VIQ_SMMUV3_CMD_OP VIQ_BITS(7, 0)

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

#define VIQ_SMMUV3_CMD_SSEC          VIQ_BIT(10)
#define VIQ_SMMUV3_CMD_SSV           VIQ_BIT(11)
#define VIQ_SMMUV3_CMD_SSID          VIQ_BITS(31, 12)
#define VIQ_SMMUV3_CMD_SID           VIQ_BITS(63, 32)
#define VIQ_SMMUV3_CMD_1_LEAF        VIQ_BIT(0)
#define VIQ_SMMUV3_CFGI_1_RANGE      VIQ_BITS(4, 0)
#define VIQ_SMMUV3_CFGI_RANGE_ALL    31
#define VIQ_SMMUV3_TLBI_NUM          VIQ_BITS(16, 12)
#define VIQ_SMMUV3_TLBI_SCALE        VIQ_BITS(25, 20)
#define VIQ_SMMUV3_TLBI_SCALE_5      VIQ_BIT(25) /* RES0 without IDR5.DS */
#define VIQ_SMMUV3_TLBI_VMID         VIQ_BITS(47, 32)
#define VIQ_SMMUV3_TLBI_ASID         VIQ_BITS(63, 48)
#define VIQ_SMMUV3_TLBI_1_TTL128     VIQ_BIT(7)
#define VIQ_SMMUV3_TLBI_1_TTL        VIQ_BITS(9, 8)
#define VIQ_SMMUV3_TLBI_1_TG         VIQ_BITS(11, 10) /* 0 no range, 1 4K, 2 16K, 3 64K */
#define VIQ_SMMUV3_TLBI_1_VA         VIQ_BITS(63, 12)
#define VIQ_SMMUV3_TLBI_1_IPA        VIQ_BITS(51, 12)
#define VIQ_SMMUV3_ATC_G             VIQ_BIT(9)
#define VIQ_SMMUV3_ATC_1_SIZE        VIQ_BITS(5, 0)
#define VIQ_SMMUV3_ATC_SIZE_ALL      52
#define VIQ_SMMUV3_ATC_1_ADDR        VIQ_BITS(63, 12)
#define VIQ_SMMUV3_PREFETCH_1_SIZE   VIQ_BITS(4, 0)
#define VIQ_SMMUV3_PREFETCH_1_STRIDE VIQ_BITS(9, 5)
#define VIQ_SMMUV3_PREFETCH_1_ADDR   VIQ_BITS(63, 12)
#define VIQ_SMMUV3_PRI_1_GROUP       VIQ_BITS(8, 0)
#define VIQ_SMMUV3_PRI_1_RESP        VIQ_BITS(13, 12)
#define VIQ_SMMUV3_RESUME_AC         VIQ_BIT(12)
#define VIQ_SMMUV3_RESUME_AB         VIQ_BIT(13)
#define VIQ_SMMUV3_RESUME_1_STAG     VIQ_BITS(15, 0)
#define VIQ_SMMUV3_SYNC_CS           VIQ_BITS(13, 12)
#define VIQ_SMMUV3_SYNC_CS_NONE      0
#define VIQ_SMMUV3_SYNC_CS_IRQ       1
#define VIQ_SMMUV3_SYNC_CS_SEV       2
#define VIQ_SMMUV3_SYNC_MSH          VIQ_BITS(23, 22)
#define VIQ_SMMUV3_SYNC_MSIATTR      VIQ_BITS(27, 24)
#define VIQ_SMMUV3_SYNC_MSIDATA      VIQ_BITS(63, 32)
#define VIQ_SMMUV3_SYNC_1_MSIADDR    VIQ_BITS(51, 2)

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

#define VIQ_SMMUV3_EVT_0_ID     VIQ_BITS(7, 0)
#define VIQ_SMMUV3_EVT_0_SSV    VIQ_BIT(11)
#define VIQ_SMMUV3_EVT_0_SSID   VIQ_BITS(31, 12)
#define VIQ_SMMUV3_EVT_0_SID    VIQ_BITS(63, 32)
#define VIQ_SMMUV3_EVT_1_REASON VIQ_BITS(15, 0) /* implementation defined */
#define VIQ_SMMUV3_EVT_1_STAG   VIQ_BITS(15, 0)
#define VIQ_SMMUV3_EVT_1_STALL  VIQ_BIT(31)
#define VIQ_SMMUV3_EVT_1_PNU    VIQ_BIT(33)
#define VIQ_SMMUV3_EVT_1_IND    VIQ_BIT(34)
#define VIQ_SMMUV3_EVT_1_RNW    VIQ_BIT(35)
#define VIQ_SMMUV3_EVT_1_S2     VIQ_BIT(39)
#define VIQ_SMMUV3_EVT_1_CLASS  VIQ_BITS(41, 40)
#define VIQ_SMMUV3_EVT_CLASS_CD 0
#define VIQ_SMMUV3_EVT_CLASS_TT 1
#define VIQ_SMMUV3_EVT_CLASS_IN 2
#define VIQ_SMMUV3_EVT_1_TTRNW  VIQ_BIT(44)
#define VIQ_SMMUV3_EVT_3_FETCH  VIQ_BITS(51, 3)
#define VIQ_SMMUV3_EVT_3_IPA    VIQ_BITS(51, 12)

/* --- Level-1 stream table descriptor, stream table entry (5.1, 5.2) ---------------------------------------------- */

#define VIQ_SMMUV3_L1STD_SPAN  VIQ_BITS(4, 0)
#define VIQ_SMMUV3_L1STD_L2PTR VIQ_BITS(51, 6)

#define VIQ_SMMUV3_STE_SIZE           64
#define VIQ_SMMUV3_STE_WORDS          8
#define VIQ_SMMUV3_STE_0_V            VIQ_BIT(0)
#define VIQ_SMMUV3_STE_0_CONFIG       VIQ_BITS(3, 1)
#define VIQ_SMMUV3_STE_CONFIG_ABORT   0
#define VIQ_SMMUV3_STE_CONFIG_BYPASS  4
#define VIQ_SMMUV3_STE_CONFIG_S1      5
#define VIQ_SMMUV3_STE_CONFIG_S2      6
#define VIQ_SMMUV3_STE_CONFIG_NESTED  7
#define VIQ_SMMUV3_STE_0_S1FMT        VIQ_BITS(5, 4)
#define VIQ_SMMUV3_STE_0_S1CONTEXTPTR VIQ_BITS(51, 6)
#define VIQ_SMMUV3_STE_0_S1CDMAX      VIQ_BITS(63, 59)
#define VIQ_SMMUV3_STE_1_S1DSS        VIQ_BITS(1, 0)
#define VIQ_SMMUV3_STE_1_S1CIR        VIQ_BITS(3, 2)
#define VIQ_SMMUV3_STE_1_S1COR        VIQ_BITS(5, 4)
#define VIQ_SMMUV3_STE_1_S1CSH        VIQ_BITS(7, 6)
#define VIQ_SMMUV3_STE_1_MEV          VIQ_BIT(19)
#define VIQ_SMMUV3_STE_1_S1STALLD     VIQ_BIT(27)
#define VIQ_SMMUV3_STE_1_EATS         VIQ_BITS(29, 28)
#define VIQ_SMMUV3_STE_1_STRW         VIQ_BITS(31, 30)
#define VIQ_SMMUV3_STE_1_SHCFG        VIQ_BITS(45, 44)
#define VIQ_SMMUV3_STE_2_S2VMID       VIQ_BITS(15, 0)
#define VIQ_SMMUV3_STE_2_S2T0SZ       VIQ_BITS(37, 32)
#define VIQ_SMMUV3_STE_2_S2SL0        VIQ_BITS(39, 38)
#define VIQ_SMMUV3_STE_2_S2TG         VIQ_BITS(47, 46) /* 0 4K, 1 64K, 2 16K */
#define VIQ_SMMUV3_STE_2_S2PS         VIQ_BITS(50, 48)
#define VIQ_SMMUV3_STE_2_S2AA64       VIQ_BIT(51)
#define VIQ_SMMUV3_STE_2_S2ENDI       VIQ_BIT(52)
#define VIQ_SMMUV3_STE_2_S2AFFD       VIQ_BIT(53)
#define VIQ_SMMUV3_STE_2_S2PTW        VIQ_BIT(54)
#define VIQ_SMMUV3_STE_2_S2HD         VIQ_BIT(55)
#define VIQ_SMMUV3_STE_2_S2HA         VIQ_BIT(56)
#define VIQ_SMMUV3_STE_2_S2S          VIQ_BIT(57)
#define VIQ_SMMUV3_STE_2_S2R          VIQ_BIT(58)
#define VIQ_SMMUV3_STE_3_S2TTB        VIQ_BITS(51, 4)

/* What Linux accepts of words 0 and 1 for a nested page table (struct iommu_hwpt_arm_smmuv3). */
#define VIQ_SMMUV3_STE_0_NESTING                                                                                       \
	(VIQ_SMMUV3_STE_0_V | VIQ_SMMUV3_STE_0_CONFIG | VIQ_SMMUV3_STE_0_S1FMT | VIQ_SMMUV3_STE_0_S1CONTEXTPTR |       \
	 VIQ_SMMUV3_STE_0_S1CDMAX)
#define VIQ_SMMUV3_STE_1_NESTING                                                                                       \
	(VIQ_SMMUV3_STE_1_S1DSS | VIQ_SMMUV3_STE_1_S1CIR | VIQ_SMMUV3_STE_1_S1COR | VIQ_SMMUV3_STE_1_S1CSH |           \
	 VIQ_SMMUV3_STE_1_S1STALLD | VIQ_SMMUV3_STE_1_EATS)

/* --- Level-1 context descriptor, context descriptor (5.3, 5.4) --------------------------------------------------- */

#define VIQ_SMMUV3_L1CD_V     VIQ_BIT(0)
#define VIQ_SMMUV3_L1CD_L2PTR VIQ_BITS(51, 12)

#define VIQ_SMMUV3_CD_SIZE   64
#define VIQ_SMMUV3_CD_WORDS  8
#define VIQ_SMMUV3_CD_0_T0SZ VIQ_BITS(5, 0)
#define VIQ_SMMUV3_CD_0_TG0  VIQ_BITS(7, 6) /* 0 4K, 1 64K, 2 16K */
#define VIQ_SMMUV3_CD_0_EPD0 VIQ_BIT(14)
#define VIQ_SMMUV3_CD_0_ENDI VIQ_BIT(15)
#define VIQ_SMMUV3_CD_0_T1SZ VIQ_BITS(21, 16)
#define VIQ_SMMUV3_CD_0_TG1  VIQ_BITS(23, 22) /* 1 16K, 2 4K, 3 64K */
#define VIQ_SMMUV3_CD_0_EPD1 VIQ_BIT(30)
#define VIQ_SMMUV3_CD_0_V    VIQ_BIT(31)
#define VIQ_SMMUV3_CD_0_IPS  VIQ_BITS(34, 32)
#define VIQ_SMMUV3_CD_0_AFFD VIQ_BIT(35)
#define VIQ_SMMUV3_CD_0_WXN  VIQ_BIT(36)
#define VIQ_SMMUV3_CD_0_UWXN VIQ_BIT(37)
#define VIQ_SMMUV3_CD_0_TBI0 VIQ_BIT(38)
#define VIQ_SMMUV3_CD_0_TBI1 VIQ_BIT(39)
#define VIQ_SMMUV3_CD_0_PAN  VIQ_BIT(40)
#define VIQ_SMMUV3_CD_0_AA64 VIQ_BIT(41)
#define VIQ_SMMUV3_CD_0_HD   VIQ_BIT(42)
#define VIQ_SMMUV3_CD_0_HA   VIQ_BIT(43)
#define VIQ_SMMUV3_CD_0_S    VIQ_BIT(44)
#define VIQ_SMMUV3_CD_0_R    VIQ_BIT(45)
#define VIQ_SMMUV3_CD_0_A    VIQ_BIT(46)
#define VIQ_SMMUV3_CD_0_ASET VIQ_BIT(47)
#define VIQ_SMMUV3_CD_0_ASID VIQ_BITS(63, 48)
#define VIQ_SMMUV3_CD_1_HAD0 VIQ_BIT(1)
#define VIQ_SMMUV3_CD_1_HAFT VIQ_BIT(3)
#define VIQ_SMMUV3_CD_1_TTB0 VIQ_BITS(51, 4)
#define VIQ_SMMUV3_CD_2_HAD1 VIQ_BIT(1)
#define VIQ_SMMUV3_CD_2_TTB1 VIQ_BITS(51, 4)

#endif
