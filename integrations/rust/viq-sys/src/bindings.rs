/* SPDX-License-Identifier: MIT */
// Made by bindgen.sh. Do not edit.
pub const VIQ_CALL_MAX_PIECES: u32 = 16;
pub const VIQ_CALL_MAX_ENTRIES: u32 = 524288;
pub const VIQ_CALL_MAX_HOST_CALLS: u32 = 64;
pub const VIQ_CALL_ERROR_MAX: u32 = 16;
pub const VIQ_CALL_STREAM_KNOWN: u32 = 1;
pub const VIQ_CALL_STREAM_ATS: u32 = 2;
pub const VIQ_CALL_MAX_HOSTS: u32 = 8;
pub const VIQ_LINUX_READ: u32 = 1;
pub const VIQ_LINUX_WRITE: u32 = 2;
pub const VIQ_LINUX_CAP_DIRTY_TRACKING: u32 = 1;
pub const VIQ_LINUX_CAP_PASID_EXEC: u32 = 2;
pub const VIQ_LINUX_CAP_PASID_PRIV: u32 = 4;
pub const VIQ_LINUX_CAP_NO_ATS: u32 = 8;
pub const VIQ_LINUX_SMMUV3_REPEAT_TLBI_CFGI: u32 = 1;
pub const VIQ_LINUX_NEST_PARENT: u32 = 1;
pub const VIQ_LINUX_DIRTY_TRACKING: u32 = 2;
pub const VIQ_LINUX_PASID: u32 = 8;
pub const VIQ_LINUX_VTD_SRE: u32 = 1;
pub const VIQ_LINUX_VTD_EAFE: u32 = 2;
pub const VIQ_LINUX_VTD_WPE: u32 = 4;
pub const VIQ_SMMUV3_MMIO_SIZE: u32 = 131072;
pub const VIQ_SMMUV3_IDR0: u32 = 0;
pub const VIQ_SMMUV3_IDR1: u32 = 4;
pub const VIQ_SMMUV3_IDR2: u32 = 8;
pub const VIQ_SMMUV3_IDR3: u32 = 12;
pub const VIQ_SMMUV3_IDR4: u32 = 16;
pub const VIQ_SMMUV3_IDR5: u32 = 20;
pub const VIQ_SMMUV3_IIDR: u32 = 24;
pub const VIQ_SMMUV3_AIDR: u32 = 28;
pub const VIQ_SMMUV3_CR0: u32 = 32;
pub const VIQ_SMMUV3_CR0ACK: u32 = 36;
pub const VIQ_SMMUV3_CR1: u32 = 40;
pub const VIQ_SMMUV3_CR2: u32 = 44;
pub const VIQ_SMMUV3_STATUSR: u32 = 64;
pub const VIQ_SMMUV3_GBPA: u32 = 68;
pub const VIQ_SMMUV3_AGBPA: u32 = 72;
pub const VIQ_SMMUV3_IRQ_CTRL: u32 = 80;
pub const VIQ_SMMUV3_IRQ_CTRLACK: u32 = 84;
pub const VIQ_SMMUV3_GERROR: u32 = 96;
pub const VIQ_SMMUV3_GERRORN: u32 = 100;
pub const VIQ_SMMUV3_GERROR_IRQ_CFG0: u32 = 104;
pub const VIQ_SMMUV3_GERROR_IRQ_CFG1: u32 = 112;
pub const VIQ_SMMUV3_GERROR_IRQ_CFG2: u32 = 116;
pub const VIQ_SMMUV3_STRTAB_BASE: u32 = 128;
pub const VIQ_SMMUV3_STRTAB_BASE_CFG: u32 = 136;
pub const VIQ_SMMUV3_CMDQ_BASE: u32 = 144;
pub const VIQ_SMMUV3_CMDQ_PROD: u32 = 152;
pub const VIQ_SMMUV3_CMDQ_CONS: u32 = 156;
pub const VIQ_SMMUV3_EVENTQ_BASE: u32 = 160;
pub const VIQ_SMMUV3_EVENTQ_IRQ_CFG0: u32 = 176;
pub const VIQ_SMMUV3_EVENTQ_IRQ_CFG1: u32 = 184;
pub const VIQ_SMMUV3_EVENTQ_IRQ_CFG2: u32 = 188;
pub const VIQ_SMMUV3_PRIQ_BASE: u32 = 192;
pub const VIQ_SMMUV3_PRIQ_IRQ_CFG0: u32 = 208;
pub const VIQ_SMMUV3_PRIQ_IRQ_CFG1: u32 = 216;
pub const VIQ_SMMUV3_PRIQ_IRQ_CFG2: u32 = 220;
pub const VIQ_SMMUV3_EVENTQ_PROD: u32 = 65704;
pub const VIQ_SMMUV3_EVENTQ_CONS: u32 = 65708;
pub const VIQ_SMMUV3_PRIQ_PROD: u32 = 65736;
pub const VIQ_SMMUV3_PRIQ_CONS: u32 = 65740;
pub const VIQ_SMMUV3_IDR0_S2P: u64 = 0x1;
pub const VIQ_SMMUV3_IDR0_S1P: u64 = 0x2;
pub const VIQ_SMMUV3_IDR0_TTF: u64 = 0xc;
pub const VIQ_SMMUV3_IDR0_TTF_AARCH64: u32 = 2;
pub const VIQ_SMMUV3_IDR0_COHACC: u64 = 0x10;
pub const VIQ_SMMUV3_IDR0_BTM: u64 = 0x20;
pub const VIQ_SMMUV3_IDR0_HTTU: u64 = 0xc0;
pub const VIQ_SMMUV3_IDR0_DORMHINT: u64 = 0x100;
pub const VIQ_SMMUV3_IDR0_HYP: u64 = 0x200;
pub const VIQ_SMMUV3_IDR0_ATS: u64 = 0x400;
pub const VIQ_SMMUV3_IDR0_NS1ATS: u64 = 0x800;
pub const VIQ_SMMUV3_IDR0_ASID16: u64 = 0x1000;
pub const VIQ_SMMUV3_IDR0_MSI: u64 = 0x2000;
pub const VIQ_SMMUV3_IDR0_SEV: u64 = 0x4000;
pub const VIQ_SMMUV3_IDR0_ATOS: u64 = 0x8000;
pub const VIQ_SMMUV3_IDR0_PRI: u64 = 0x10000;
pub const VIQ_SMMUV3_IDR0_VMW: u64 = 0x20000;
pub const VIQ_SMMUV3_IDR0_VMID16: u64 = 0x40000;
pub const VIQ_SMMUV3_IDR0_CD2L: u64 = 0x80000;
pub const VIQ_SMMUV3_IDR0_VATOS: u64 = 0x100000;
pub const VIQ_SMMUV3_IDR0_TTENDIAN: u64 = 0x600000;
pub const VIQ_SMMUV3_IDR0_ATSRECERR: u64 = 0x800000;
pub const VIQ_SMMUV3_IDR0_STALL_MODEL: u64 = 0x3000000;
pub const VIQ_SMMUV3_IDR0_TERM_MODEL: u64 = 0x4000000;
pub const VIQ_SMMUV3_IDR0_ST_LEVEL: u64 = 0x18000000;
pub const VIQ_SMMUV3_IDR1_SIDSIZE: u64 = 0x3f;
pub const VIQ_SMMUV3_IDR1_SSIDSIZE: u64 = 0x7c0;
pub const VIQ_SMMUV3_IDR1_PRIQS: u64 = 0xf800;
pub const VIQ_SMMUV3_IDR1_EVENTQS: u64 = 0x1f0000;
pub const VIQ_SMMUV3_IDR1_CMDQS: u64 = 0x3e00000;
pub const VIQ_SMMUV3_IDR1_ATTR_PERMS_OVR: u64 = 0x4000000;
pub const VIQ_SMMUV3_IDR1_ATTR_TYPES_OVR: u64 = 0x8000000;
pub const VIQ_SMMUV3_IDR1_REL: u64 = 0x10000000;
pub const VIQ_SMMUV3_IDR1_QUEUES_PRESET: u64 = 0x20000000;
pub const VIQ_SMMUV3_IDR1_TABLES_PRESET: u64 = 0x40000000;
pub const VIQ_SMMUV3_IDR1_ECMDQ: u64 = 0x80000000;
pub const VIQ_SMMUV3_IDR3_HAD: u64 = 0x4;
pub const VIQ_SMMUV3_IDR3_PBHA: u64 = 0x8;
pub const VIQ_SMMUV3_IDR3_XNX: u64 = 0x10;
pub const VIQ_SMMUV3_IDR3_PPS: u64 = 0x20;
pub const VIQ_SMMUV3_IDR3_MPAM: u64 = 0x80;
pub const VIQ_SMMUV3_IDR3_FWB: u64 = 0x100;
pub const VIQ_SMMUV3_IDR3_STT: u64 = 0x200;
pub const VIQ_SMMUV3_IDR3_RIL: u64 = 0x400;
pub const VIQ_SMMUV3_IDR3_BBML: u64 = 0x1800;
pub const VIQ_SMMUV3_IDR3_E0PD: u64 = 0x2000;
pub const VIQ_SMMUV3_IDR3_PTWNNC: u64 = 0x4000;
pub const VIQ_SMMUV3_IDR3_DPT: u64 = 0x8000;
pub const VIQ_SMMUV3_IDR5_OAS: u64 = 0x7;
pub const VIQ_SMMUV3_IDR5_GRAN4K: u64 = 0x10;
pub const VIQ_SMMUV3_IDR5_GRAN16K: u64 = 0x20;
pub const VIQ_SMMUV3_IDR5_GRAN64K: u64 = 0x40;
pub const VIQ_SMMUV3_IDR5_DS: u64 = 0x80;
pub const VIQ_SMMUV3_IDR5_D128: u64 = 0x100;
pub const VIQ_SMMUV3_IDR5_VAX: u64 = 0xc00;
pub const VIQ_SMMUV3_IDR5_STALL_MAX: u64 = 0xffff0000;
pub const VIQ_SMMUV3_AIDR_V3_1: u32 = 1;
pub const VIQ_SMMUV3_CR0_SMMUEN: u64 = 0x1;
pub const VIQ_SMMUV3_CR0_PRIQEN: u64 = 0x2;
pub const VIQ_SMMUV3_CR0_EVENTQEN: u64 = 0x4;
pub const VIQ_SMMUV3_CR0_CMDQEN: u64 = 0x8;
pub const VIQ_SMMUV3_CR0_ATSCHK: u64 = 0x10;
pub const VIQ_SMMUV3_CR0_VMW: u64 = 0x1c0;
pub const VIQ_SMMUV3_CR1_QUEUE: u64 = 0x3f;
pub const VIQ_SMMUV3_CR1_TABLE: u64 = 0xfc0;
pub const VIQ_SMMUV3_CR2_E2H: u64 = 0x1;
pub const VIQ_SMMUV3_CR2_RECINVSID: u64 = 0x2;
pub const VIQ_SMMUV3_CR2_PTM: u64 = 0x4;
pub const VIQ_SMMUV3_CR2_REC_CFG_ATS: u64 = 0x8;
pub const VIQ_SMMUV3_GBPA_MEMATTR: u64 = 0xf;
pub const VIQ_SMMUV3_GBPA_MTCFG: u64 = 0x10;
pub const VIQ_SMMUV3_GBPA_ALLOCCFG: u64 = 0xf00;
pub const VIQ_SMMUV3_GBPA_SHCFG: u64 = 0x3000;
pub const VIQ_SMMUV3_GBPA_PRIVCFG: u64 = 0x30000;
pub const VIQ_SMMUV3_GBPA_INSTCFG: u64 = 0xc0000;
pub const VIQ_SMMUV3_GBPA_ABORT: u64 = 0x100000;
pub const VIQ_SMMUV3_GBPA_UPDATE: u64 = 0x80000000;
pub const VIQ_SMMUV3_IRQ_CTRL_GERROR_IRQEN: u64 = 0x1;
pub const VIQ_SMMUV3_IRQ_CTRL_PRIQ_IRQEN: u64 = 0x2;
pub const VIQ_SMMUV3_IRQ_CTRL_EVENTQ_IRQEN: u64 = 0x4;
pub const VIQ_SMMUV3_GERROR_CMDQ_ERR: u64 = 0x1;
pub const VIQ_SMMUV3_GERROR_EVENTQ_ABT_ERR: u64 = 0x4;
pub const VIQ_SMMUV3_GERROR_PRIQ_ABT_ERR: u64 = 0x8;
pub const VIQ_SMMUV3_GERROR_MSI_CMDQ_ABT_ERR: u64 = 0x10;
pub const VIQ_SMMUV3_GERROR_MSI_EVENTQ_ABT_ERR: u64 = 0x20;
pub const VIQ_SMMUV3_GERROR_MSI_PRIQ_ABT_ERR: u64 = 0x40;
pub const VIQ_SMMUV3_GERROR_MSI_GERROR_ABT_ERR: u64 = 0x80;
pub const VIQ_SMMUV3_GERROR_SFM_ERR: u64 = 0x100;
pub const VIQ_SMMUV3_IRQ_CFG0_ADDR: u64 = 0xffffffffffffc;
pub const VIQ_SMMUV3_IRQ_CFG2_MASK: u64 = 0x3f;
pub const VIQ_SMMUV3_PRIQ_CFG2_LO: u64 = 0x80000000;
pub const VIQ_SMMUV3_STRTAB_BASE_ADDR: u64 = 0xfffffffffffc0;
pub const VIQ_SMMUV3_STRTAB_BASE_RA: u64 = 0x4000000000000000;
pub const VIQ_SMMUV3_STRTAB_BASE_CFG_LOG2SIZE: u64 = 0x3f;
pub const VIQ_SMMUV3_STRTAB_BASE_CFG_SPLIT: u64 = 0x7c0;
pub const VIQ_SMMUV3_STRTAB_BASE_CFG_FMT: u64 = 0x30000;
pub const VIQ_SMMUV3_STRTAB_FMT_LINEAR: u32 = 0;
pub const VIQ_SMMUV3_STRTAB_FMT_2LVL: u32 = 1;
pub const VIQ_SMMUV3_Q_BASE_LOG2SIZE: u64 = 0x1f;
pub const VIQ_SMMUV3_Q_BASE_ADDR: u64 = 0xfffffffffffe0;
pub const VIQ_SMMUV3_Q_BASE_HINT: u64 = 0x4000000000000000;
pub const VIQ_SMMUV3_Q_INDEX: u64 = 0xfffff;
pub const VIQ_SMMUV3_Q_MAX_LOG2SIZE: u32 = 19;
pub const VIQ_SMMUV3_CMDQ_CONS_ERR: u64 = 0x7f000000;
pub const VIQ_SMMUV3_EVENTQ_OVFLG: u64 = 0x80000000;
pub const VIQ_SMMUV3_CMD_SIZE: u32 = 16;
pub const VIQ_SMMUV3_EVENT_SIZE: u32 = 32;
pub const VIQ_SMMUV3_PRI_SIZE: u32 = 16;
pub const VIQ_SMMUV3_CERROR_NONE: u32 = 0;
pub const VIQ_SMMUV3_CERROR_ILL: u32 = 1;
pub const VIQ_SMMUV3_CERROR_ABT: u32 = 2;
pub const VIQ_SMMUV3_CERROR_ATC_INV_SYNC: u32 = 3;
pub const VIQ_SMMUV3_CMD_OP: u64 = 0xff;
pub const VIQ_SMMUV3_OP_PREFETCH_CONFIG: u32 = 1;
pub const VIQ_SMMUV3_OP_PREFETCH_ADDR: u32 = 2;
pub const VIQ_SMMUV3_OP_CFGI_STE: u32 = 3;
pub const VIQ_SMMUV3_OP_CFGI_STE_RANGE: u32 = 4;
pub const VIQ_SMMUV3_OP_CFGI_CD: u32 = 5;
pub const VIQ_SMMUV3_OP_CFGI_CD_ALL: u32 = 6;
pub const VIQ_SMMUV3_OP_CFGI_VMS_PIDM: u32 = 7;
pub const VIQ_SMMUV3_OP_TLBI_NH_ALL: u32 = 16;
pub const VIQ_SMMUV3_OP_TLBI_NH_ASID: u32 = 17;
pub const VIQ_SMMUV3_OP_TLBI_NH_VA: u32 = 18;
pub const VIQ_SMMUV3_OP_TLBI_NH_VAA: u32 = 19;
pub const VIQ_SMMUV3_OP_TLBI_EL3_ALL: u32 = 24;
pub const VIQ_SMMUV3_OP_TLBI_EL3_VA: u32 = 26;
pub const VIQ_SMMUV3_OP_TLBI_EL2_ALL: u32 = 32;
pub const VIQ_SMMUV3_OP_TLBI_EL2_ASID: u32 = 33;
pub const VIQ_SMMUV3_OP_TLBI_EL2_VA: u32 = 34;
pub const VIQ_SMMUV3_OP_TLBI_EL2_VAA: u32 = 35;
pub const VIQ_SMMUV3_OP_TLBI_S12_VMALL: u32 = 40;
pub const VIQ_SMMUV3_OP_TLBI_S2_IPA: u32 = 42;
pub const VIQ_SMMUV3_OP_TLBI_NSNH_ALL: u32 = 48;
pub const VIQ_SMMUV3_OP_ATC_INV: u32 = 64;
pub const VIQ_SMMUV3_OP_PRI_RESP: u32 = 65;
pub const VIQ_SMMUV3_OP_RESUME: u32 = 68;
pub const VIQ_SMMUV3_OP_STALL_TERM: u32 = 69;
pub const VIQ_SMMUV3_OP_SYNC: u32 = 70;
pub const VIQ_SMMUV3_OP_DPTI_ALL: u32 = 112;
pub const VIQ_SMMUV3_OP_DPTI_PA: u32 = 115;
pub const VIQ_SMMUV3_CMD_SSEC: u64 = 0x400;
pub const VIQ_SMMUV3_CMD_SSV: u64 = 0x800;
pub const VIQ_SMMUV3_CMD_SSID: u64 = 0xfffff000;
pub const VIQ_SMMUV3_CMD_SID: u64 = 0xffffffff00000000;
pub const VIQ_SMMUV3_CMD_1_LEAF: u64 = 0x1;
pub const VIQ_SMMUV3_CFGI_1_RANGE: u64 = 0x1f;
pub const VIQ_SMMUV3_CFGI_RANGE_ALL: u32 = 31;
pub const VIQ_SMMUV3_TLBI_NUM: u64 = 0x1f000;
pub const VIQ_SMMUV3_TLBI_SCALE: u64 = 0x3f00000;
pub const VIQ_SMMUV3_TLBI_SCALE_5: u64 = 0x2000000;
pub const VIQ_SMMUV3_TLBI_VMID: u64 = 0xffff00000000;
pub const VIQ_SMMUV3_TLBI_ASID: u64 = 0xffff000000000000;
pub const VIQ_SMMUV3_TLBI_1_TTL128: u64 = 0x80;
pub const VIQ_SMMUV3_TLBI_1_TTL: u64 = 0x300;
pub const VIQ_SMMUV3_TLBI_1_TG: u64 = 0xc00;
pub const VIQ_SMMUV3_TLBI_1_VA: u64 = 0xfffffffffffff000;
pub const VIQ_SMMUV3_TLBI_1_IPA: u64 = 0xffffffffff000;
pub const VIQ_SMMUV3_ATC_G: u64 = 0x200;
pub const VIQ_SMMUV3_ATC_1_SIZE: u64 = 0x3f;
pub const VIQ_SMMUV3_ATC_SIZE_ALL: u32 = 52;
pub const VIQ_SMMUV3_ATC_1_ADDR: u64 = 0xfffffffffffff000;
pub const VIQ_SMMUV3_PREFETCH_1_SIZE: u64 = 0x1f;
pub const VIQ_SMMUV3_PREFETCH_1_STRIDE: u64 = 0x3e0;
pub const VIQ_SMMUV3_PREFETCH_1_ADDR: u64 = 0xfffffffffffff000;
pub const VIQ_SMMUV3_PRI_1_GROUP: u64 = 0x1ff;
pub const VIQ_SMMUV3_PRI_1_RESP: u64 = 0x3000;
pub const VIQ_SMMUV3_PRI_FAILURE: u32 = 0;
pub const VIQ_SMMUV3_PRI_INVALID: u32 = 1;
pub const VIQ_SMMUV3_PRI_SUCCESS: u32 = 2;
pub const VIQ_SMMUV3_RESUME_AC: u64 = 0x1000;
pub const VIQ_SMMUV3_RESUME_AB: u64 = 0x2000;
pub const VIQ_SMMUV3_RESUME_1_STAG: u64 = 0xffff;
pub const VIQ_SMMUV3_SYNC_CS: u64 = 0x3000;
pub const VIQ_SMMUV3_SYNC_CS_NONE: u32 = 0;
pub const VIQ_SMMUV3_SYNC_CS_IRQ: u32 = 1;
pub const VIQ_SMMUV3_SYNC_CS_SEV: u32 = 2;
pub const VIQ_SMMUV3_SYNC_MSH: u64 = 0xc00000;
pub const VIQ_SMMUV3_SYNC_MSIATTR: u64 = 0xf000000;
pub const VIQ_SMMUV3_SYNC_MSIDATA: u64 = 0xffffffff00000000;
pub const VIQ_SMMUV3_SYNC_1_MSIADDR: u64 = 0xffffffffffffc;
pub const VIQ_SMMUV3_EVT_F_UUT: u32 = 1;
pub const VIQ_SMMUV3_EVT_C_BAD_STREAMID: u32 = 2;
pub const VIQ_SMMUV3_EVT_F_STE_FETCH: u32 = 3;
pub const VIQ_SMMUV3_EVT_C_BAD_STE: u32 = 4;
pub const VIQ_SMMUV3_EVT_F_BAD_ATS_TREQ: u32 = 5;
pub const VIQ_SMMUV3_EVT_F_STREAM_DISABLED: u32 = 6;
pub const VIQ_SMMUV3_EVT_F_TRANSL_FORBIDDEN: u32 = 7;
pub const VIQ_SMMUV3_EVT_C_BAD_SUBSTREAMID: u32 = 8;
pub const VIQ_SMMUV3_EVT_F_CD_FETCH: u32 = 9;
pub const VIQ_SMMUV3_EVT_C_BAD_CD: u32 = 10;
pub const VIQ_SMMUV3_EVT_F_WALK_EABT: u32 = 11;
pub const VIQ_SMMUV3_EVT_F_TRANSLATION: u32 = 16;
pub const VIQ_SMMUV3_EVT_F_ADDR_SIZE: u32 = 17;
pub const VIQ_SMMUV3_EVT_F_ACCESS: u32 = 18;
pub const VIQ_SMMUV3_EVT_F_PERMISSION: u32 = 19;
pub const VIQ_SMMUV3_EVT_0_ID: u64 = 0xff;
pub const VIQ_SMMUV3_EVT_0_SSV: u64 = 0x800;
pub const VIQ_SMMUV3_EVT_0_SSID: u64 = 0xfffff000;
pub const VIQ_SMMUV3_EVT_0_SID: u64 = 0xffffffff00000000;
pub const VIQ_SMMUV3_EVT_1_REASON: u64 = 0xffff;
pub const VIQ_SMMUV3_EVT_1_STAG: u64 = 0xffff;
pub const VIQ_SMMUV3_EVT_1_STALL: u64 = 0x80000000;
pub const VIQ_SMMUV3_EVT_1_PNU: u64 = 0x200000000;
pub const VIQ_SMMUV3_EVT_1_IND: u64 = 0x400000000;
pub const VIQ_SMMUV3_EVT_1_RNW: u64 = 0x800000000;
pub const VIQ_SMMUV3_EVT_1_S2: u64 = 0x8000000000;
pub const VIQ_SMMUV3_EVT_1_CLASS: u64 = 0x30000000000;
pub const VIQ_SMMUV3_EVT_CLASS_CD: u32 = 0;
pub const VIQ_SMMUV3_EVT_CLASS_TT: u32 = 1;
pub const VIQ_SMMUV3_EVT_CLASS_IN: u32 = 2;
pub const VIQ_SMMUV3_EVT_1_TTRNW: u64 = 0x100000000000;
pub const VIQ_SMMUV3_EVT_3_FETCH: u64 = 0xffffffffffff8;
pub const VIQ_SMMUV3_EVT_3_IPA: u64 = 0xffffffffff000;
pub const VIQ_SMMUV3_PPR_0_SID: u64 = 0xffffffff;
pub const VIQ_SMMUV3_PPR_0_SSID: u64 = 0xfffff00000000;
pub const VIQ_SMMUV3_PPR_0_PRIV: u64 = 0x400000000000000;
pub const VIQ_SMMUV3_PPR_0_X: u64 = 0x800000000000000;
pub const VIQ_SMMUV3_PPR_0_R: u64 = 0x1000000000000000;
pub const VIQ_SMMUV3_PPR_0_W: u64 = 0x2000000000000000;
pub const VIQ_SMMUV3_PPR_0_LAST: u64 = 0x4000000000000000;
pub const VIQ_SMMUV3_PPR_0_SSV: u64 = 0x8000000000000000;
pub const VIQ_SMMUV3_PPR_1_PRG: u64 = 0x1ff;
pub const VIQ_SMMUV3_PPR_1_ADDR: u64 = 0xfffffffffffff000;
pub const VIQ_SMMUV3_PRG_BITS: u32 = 9;
pub const VIQ_SMMUV3_PRG_SUCCESS: u32 = 0;
pub const VIQ_SMMUV3_PRG_INVALID: u32 = 1;
pub const VIQ_SMMUV3_PRG_FAILURE: u32 = 15;
pub const VIQ_SMMUV3_L1STD_SPAN: u64 = 0x1f;
pub const VIQ_SMMUV3_L1STD_L2PTR: u64 = 0xfffffffffffc0;
pub const VIQ_SMMUV3_STE_SIZE: u32 = 64;
pub const VIQ_SMMUV3_STE_WORDS: u32 = 8;
pub const VIQ_SMMUV3_STE_0_V: u64 = 0x1;
pub const VIQ_SMMUV3_STE_0_CONFIG: u64 = 0xe;
pub const VIQ_SMMUV3_STE_CONFIG_ABORT: u32 = 0;
pub const VIQ_SMMUV3_STE_CONFIG_BYPASS: u32 = 4;
pub const VIQ_SMMUV3_STE_CONFIG_S1: u32 = 5;
pub const VIQ_SMMUV3_STE_CONFIG_S2: u32 = 6;
pub const VIQ_SMMUV3_STE_CONFIG_NESTED: u32 = 7;
pub const VIQ_SMMUV3_STE_0_S1FMT: u64 = 0x30;
pub const VIQ_SMMUV3_STE_0_S1CONTEXTPTR: u64 = 0xfffffffffffc0;
pub const VIQ_SMMUV3_STE_0_S1CDMAX: u64 = 0xf800000000000000;
pub const VIQ_SMMUV3_STE_1_S1DSS: u64 = 0x3;
pub const VIQ_SMMUV3_STE_1_S1CIR: u64 = 0xc;
pub const VIQ_SMMUV3_STE_1_S1COR: u64 = 0x30;
pub const VIQ_SMMUV3_STE_1_S1CSH: u64 = 0xc0;
pub const VIQ_SMMUV3_STE_1_MEV: u64 = 0x80000;
pub const VIQ_SMMUV3_STE_1_S2FWB: u64 = 0x2000000;
pub const VIQ_SMMUV3_STE_1_S1STALLD: u64 = 0x8000000;
pub const VIQ_SMMUV3_STE_1_EATS: u64 = 0x30000000;
pub const VIQ_SMMUV3_STE_1_STRW: u64 = 0xc0000000;
pub const VIQ_SMMUV3_STE_1_SHCFG: u64 = 0x300000000000;
pub const VIQ_SMMUV3_STE_2_S2VMID: u64 = 0xffff;
pub const VIQ_SMMUV3_STE_2_S2T0SZ: u64 = 0x3f00000000;
pub const VIQ_SMMUV3_STE_2_S2SL0: u64 = 0xc000000000;
pub const VIQ_SMMUV3_STE_2_S2TG: u64 = 0xc00000000000;
pub const VIQ_SMMUV3_STE_2_S2PS: u64 = 0x7000000000000;
pub const VIQ_SMMUV3_STE_2_S2AA64: u64 = 0x8000000000000;
pub const VIQ_SMMUV3_STE_2_S2ENDI: u64 = 0x10000000000000;
pub const VIQ_SMMUV3_STE_2_S2AFFD: u64 = 0x20000000000000;
pub const VIQ_SMMUV3_STE_2_S2PTW: u64 = 0x40000000000000;
pub const VIQ_SMMUV3_STE_2_S2HD: u64 = 0x80000000000000;
pub const VIQ_SMMUV3_STE_2_S2HA: u64 = 0x100000000000000;
pub const VIQ_SMMUV3_STE_2_S2S: u64 = 0x200000000000000;
pub const VIQ_SMMUV3_STE_2_S2R: u64 = 0x400000000000000;
pub const VIQ_SMMUV3_STE_2_STAGE2: u64 = 0x7ffffff00000000;
pub const VIQ_SMMUV3_STE_3_S2TTB: u64 = 0xffffffffffff0;
pub const VIQ_SMMUV3_STE_0_NESTING: u64 = 0xf80fffffffffffff;
pub const VIQ_SMMUV3_STE_1_NESTING: u64 = 0x380000ff;
pub const VIQ_SMMUV3_L1CD_V: u64 = 0x1;
pub const VIQ_SMMUV3_L1CD_L2PTR: u64 = 0xffffffffff000;
pub const VIQ_SMMUV3_CD_SIZE: u32 = 64;
pub const VIQ_SMMUV3_CD_WORDS: u32 = 8;
pub const VIQ_SMMUV3_CD_0_T0SZ: u64 = 0x3f;
pub const VIQ_SMMUV3_CD_0_TG0: u64 = 0xc0;
pub const VIQ_SMMUV3_CD_0_EPD0: u64 = 0x4000;
pub const VIQ_SMMUV3_CD_0_ENDI: u64 = 0x8000;
pub const VIQ_SMMUV3_CD_0_T1SZ: u64 = 0x3f0000;
pub const VIQ_SMMUV3_CD_0_TG1: u64 = 0xc00000;
pub const VIQ_SMMUV3_CD_0_EPD1: u64 = 0x40000000;
pub const VIQ_SMMUV3_CD_0_V: u64 = 0x80000000;
pub const VIQ_SMMUV3_CD_0_IPS: u64 = 0x700000000;
pub const VIQ_SMMUV3_CD_0_AFFD: u64 = 0x800000000;
pub const VIQ_SMMUV3_CD_0_WXN: u64 = 0x1000000000;
pub const VIQ_SMMUV3_CD_0_UWXN: u64 = 0x2000000000;
pub const VIQ_SMMUV3_CD_0_TBI0: u64 = 0x4000000000;
pub const VIQ_SMMUV3_CD_0_TBI1: u64 = 0x8000000000;
pub const VIQ_SMMUV3_CD_0_PAN: u64 = 0x10000000000;
pub const VIQ_SMMUV3_CD_0_AA64: u64 = 0x20000000000;
pub const VIQ_SMMUV3_CD_0_HD: u64 = 0x40000000000;
pub const VIQ_SMMUV3_CD_0_HA: u64 = 0x80000000000;
pub const VIQ_SMMUV3_CD_0_S: u64 = 0x100000000000;
pub const VIQ_SMMUV3_CD_0_R: u64 = 0x200000000000;
pub const VIQ_SMMUV3_CD_0_A: u64 = 0x400000000000;
pub const VIQ_SMMUV3_CD_0_ASET: u64 = 0x800000000000;
pub const VIQ_SMMUV3_CD_0_ASID: u64 = 0xffff000000000000;
pub const VIQ_SMMUV3_CD_1_HAD0: u64 = 0x2;
pub const VIQ_SMMUV3_CD_1_HAFT: u64 = 0x8;
pub const VIQ_SMMUV3_CD_1_TTB0: u64 = 0xffffffffffff0;
pub const VIQ_SMMUV3_CD_2_HAD1: u64 = 0x2;
pub const VIQ_SMMUV3_CD_2_TTB1: u64 = 0xffffffffffff0;
pub const VIQ_VTD_MMIO_SIZE: u32 = 4096;
pub const VIQ_VTD_VER: u32 = 0;
pub const VIQ_VTD_CAP: u32 = 8;
pub const VIQ_VTD_ECAP: u32 = 16;
pub const VIQ_VTD_GCMD: u32 = 24;
pub const VIQ_VTD_GSTS: u32 = 28;
pub const VIQ_VTD_RTADDR: u32 = 32;
pub const VIQ_VTD_CCMD: u32 = 40;
pub const VIQ_VTD_FSTS: u32 = 52;
pub const VIQ_VTD_FECTL: u32 = 56;
pub const VIQ_VTD_FEDATA: u32 = 60;
pub const VIQ_VTD_FEADDR: u32 = 64;
pub const VIQ_VTD_FEUADDR: u32 = 68;
pub const VIQ_VTD_IQH: u32 = 128;
pub const VIQ_VTD_IQT: u32 = 136;
pub const VIQ_VTD_IQA: u32 = 144;
pub const VIQ_VTD_ICS: u32 = 156;
pub const VIQ_VTD_IECTL: u32 = 160;
pub const VIQ_VTD_IEDATA: u32 = 164;
pub const VIQ_VTD_IEADDR: u32 = 168;
pub const VIQ_VTD_IEUADDR: u32 = 172;
pub const VIQ_VTD_IQERCD: u32 = 176;
pub const VIQ_VTD_IRTA: u32 = 184;
pub const VIQ_VTD_PQH: u32 = 192;
pub const VIQ_VTD_PQT: u32 = 200;
pub const VIQ_VTD_PQA: u32 = 208;
pub const VIQ_VTD_PRS: u32 = 220;
pub const VIQ_VTD_PECTL: u32 = 224;
pub const VIQ_VTD_PEDATA: u32 = 228;
pub const VIQ_VTD_PEADDR: u32 = 232;
pub const VIQ_VTD_PEUADDR: u32 = 236;
pub const VIQ_VTD_FIXED_END: u32 = 240;
pub const VIQ_VTD_IVA_REG: u32 = 0;
pub const VIQ_VTD_IOTLB_REG: u32 = 8;
pub const VIQ_VTD_IOTLB_SIZE: u32 = 16;
pub const VIQ_VTD_FRCD_SIZE: u32 = 16;
pub const VIQ_VTD_FRCD_MAX: u32 = 256;
pub const VIQ_VTD_OFFSET_UNITS: u32 = 16;
pub const VIQ_VTD_VER_MIN: u64 = 0xf;
pub const VIQ_VTD_VER_MAX: u64 = 0xf0;
pub const VIQ_VTD_CAP_ND: u64 = 0x7;
pub const VIQ_VTD_CAP_AFL: u64 = 0x8;
pub const VIQ_VTD_CAP_RWBF: u64 = 0x10;
pub const VIQ_VTD_CAP_PLMR: u64 = 0x20;
pub const VIQ_VTD_CAP_PHMR: u64 = 0x40;
pub const VIQ_VTD_CAP_CM: u64 = 0x80;
pub const VIQ_VTD_CAP_SAGAW: u64 = 0x1f00;
pub const VIQ_VTD_CAP_MGAW: u64 = 0x3f0000;
pub const VIQ_VTD_CAP_ZLR: u64 = 0x400000;
pub const VIQ_VTD_CAP_FRO: u64 = 0x3ff000000;
pub const VIQ_VTD_CAP_SSLPS: u64 = 0x3c00000000;
pub const VIQ_VTD_CAP_PSI: u64 = 0x8000000000;
pub const VIQ_VTD_CAP_NFR: u64 = 0xff0000000000;
pub const VIQ_VTD_CAP_MAMV: u64 = 0x3f000000000000;
pub const VIQ_VTD_CAP_DWD: u64 = 0x40000000000000;
pub const VIQ_VTD_CAP_DRD: u64 = 0x80000000000000;
pub const VIQ_VTD_CAP_FS1GP: u64 = 0x100000000000000;
pub const VIQ_VTD_CAP_PI: u64 = 0x800000000000000;
pub const VIQ_VTD_CAP_FS5LP: u64 = 0x1000000000000000;
pub const VIQ_VTD_CAP_ECMDS: u64 = 0x2000000000000000;
pub const VIQ_VTD_CAP_ESIRTPS: u64 = 0x4000000000000000;
pub const VIQ_VTD_CAP_ESRTPS: u64 = 0x8000000000000000;
pub const VIQ_VTD_SAGAW_39: u64 = 0x2;
pub const VIQ_VTD_SAGAW_48: u64 = 0x4;
pub const VIQ_VTD_SAGAW_57: u64 = 0x8;
pub const VIQ_VTD_ECAP_C: u64 = 0x1;
pub const VIQ_VTD_ECAP_QI: u64 = 0x2;
pub const VIQ_VTD_ECAP_DT: u64 = 0x4;
pub const VIQ_VTD_ECAP_IR: u64 = 0x8;
pub const VIQ_VTD_ECAP_EIM: u64 = 0x10;
pub const VIQ_VTD_ECAP_PT: u64 = 0x40;
pub const VIQ_VTD_ECAP_SC: u64 = 0x80;
pub const VIQ_VTD_ECAP_IRO: u64 = 0x3ff00;
pub const VIQ_VTD_ECAP_MHMV: u64 = 0xf00000;
pub const VIQ_VTD_ECAP_MTS: u64 = 0x2000000;
pub const VIQ_VTD_ECAP_NEST: u64 = 0x4000000;
pub const VIQ_VTD_ECAP_PRS: u64 = 0x20000000;
pub const VIQ_VTD_ECAP_ERS: u64 = 0x40000000;
pub const VIQ_VTD_ECAP_SRS: u64 = 0x80000000;
pub const VIQ_VTD_ECAP_NWFS: u64 = 0x200000000;
pub const VIQ_VTD_ECAP_EAFS: u64 = 0x400000000;
pub const VIQ_VTD_ECAP_PSS: u64 = 0xf800000000;
pub const VIQ_VTD_ECAP_PASID: u64 = 0x10000000000;
pub const VIQ_VTD_ECAP_DIT: u64 = 0x20000000000;
pub const VIQ_VTD_ECAP_PDS: u64 = 0x40000000000;
pub const VIQ_VTD_ECAP_SMTS: u64 = 0x80000000000;
pub const VIQ_VTD_ECAP_VCS: u64 = 0x100000000000;
pub const VIQ_VTD_ECAP_SSADS: u64 = 0x200000000000;
pub const VIQ_VTD_ECAP_SSTS: u64 = 0x400000000000;
pub const VIQ_VTD_ECAP_FSTS: u64 = 0x800000000000;
pub const VIQ_VTD_ECAP_SMPWCS: u64 = 0x1000000000000;
pub const VIQ_VTD_ECAP_RPS: u64 = 0x2000000000000;
pub const VIQ_VTD_ECAP_PMS: u64 = 0x8000000000000;
pub const VIQ_VTD_ECAP_ADMS: u64 = 0x10000000000000;
pub const VIQ_VTD_ECAP_RPRIVS: u64 = 0x20000000000000;
pub const VIQ_VTD_GCMD_CFI: u64 = 0x800000;
pub const VIQ_VTD_GCMD_SIRTP: u64 = 0x1000000;
pub const VIQ_VTD_GCMD_IRE: u64 = 0x2000000;
pub const VIQ_VTD_GCMD_QIE: u64 = 0x4000000;
pub const VIQ_VTD_GCMD_WBF: u64 = 0x8000000;
pub const VIQ_VTD_GCMD_EAFL: u64 = 0x10000000;
pub const VIQ_VTD_GCMD_SFL: u64 = 0x20000000;
pub const VIQ_VTD_GCMD_SRTP: u64 = 0x40000000;
pub const VIQ_VTD_GCMD_TE: u64 = 0x80000000;
pub const VIQ_VTD_GSTS_CFIS: u64 = 0x800000;
pub const VIQ_VTD_GSTS_IRTPS: u64 = 0x1000000;
pub const VIQ_VTD_GSTS_IRES: u64 = 0x2000000;
pub const VIQ_VTD_GSTS_QIES: u64 = 0x4000000;
pub const VIQ_VTD_GSTS_WBFS: u64 = 0x8000000;
pub const VIQ_VTD_GSTS_RTPS: u64 = 0x40000000;
pub const VIQ_VTD_GSTS_TES: u64 = 0x80000000;
pub const VIQ_VTD_RTADDR_TTM: u64 = 0xc00;
pub const VIQ_VTD_TTM_LEGACY: u32 = 0;
pub const VIQ_VTD_TTM_SCALABLE: u32 = 1;
pub const VIQ_VTD_TTM_RESERVED: u32 = 2;
pub const VIQ_VTD_TTM_ABORT: u32 = 3;
pub const VIQ_VTD_RTADDR_RTA: u64 = 0xfffffffffffff000;
pub const VIQ_VTD_CCMD_DID: u64 = 0xffff;
pub const VIQ_VTD_CCMD_SID: u64 = 0xffff0000;
pub const VIQ_VTD_CCMD_FM: u64 = 0x300000000;
pub const VIQ_VTD_CCMD_CAIG: u64 = 0x1800000000000000;
pub const VIQ_VTD_CCMD_CIRG: u64 = 0x6000000000000000;
pub const VIQ_VTD_CCMD_ICC: u64 = 0x8000000000000000;
pub const VIQ_VTD_IOTLB_DID: u64 = 0xffff00000000;
pub const VIQ_VTD_IOTLB_DW: u64 = 0x1000000000000;
pub const VIQ_VTD_IOTLB_DR: u64 = 0x2000000000000;
pub const VIQ_VTD_IOTLB_IAIG: u64 = 0x600000000000000;
pub const VIQ_VTD_IOTLB_IIRG: u64 = 0x3000000000000000;
pub const VIQ_VTD_IOTLB_IVT: u64 = 0x8000000000000000;
pub const VIQ_VTD_IVA_AM: u64 = 0x3f;
pub const VIQ_VTD_IVA_IH: u64 = 0x40;
pub const VIQ_VTD_IVA_ADDR: u64 = 0xfffffffffffff000;
pub const VIQ_VTD_FSTS_PFO: u64 = 0x1;
pub const VIQ_VTD_FSTS_PPF: u64 = 0x2;
pub const VIQ_VTD_FSTS_IQE: u64 = 0x10;
pub const VIQ_VTD_FSTS_ICE: u64 = 0x20;
pub const VIQ_VTD_FSTS_ITE: u64 = 0x40;
pub const VIQ_VTD_FSTS_FRI: u64 = 0xff00;
pub const VIQ_VTD_EVENT_IP: u64 = 0x40000000;
pub const VIQ_VTD_EVENT_IM: u64 = 0x80000000;
pub const VIQ_VTD_EVENT_DATA: u64 = 0xffff;
pub const VIQ_VTD_EVENT_ADDR: u64 = 0xfffffffc;
pub const VIQ_VTD_EVENT_UADDR: u64 = 0xffffffff;
pub const VIQ_VTD_IQ_OFFSET: u64 = 0x7fff0;
pub const VIQ_VTD_IQA_QS: u64 = 0x7;
pub const VIQ_VTD_IQA_DW: u64 = 0x800;
pub const VIQ_VTD_IQA_IQA: u64 = 0xfffffffffffff000;
pub const VIQ_VTD_ICS_IWC: u64 = 0x1;
pub const VIQ_VTD_IQERCD_IQEI: u64 = 0xf;
pub const VIQ_VTD_IQERCD_ITESID: u64 = 0xffff00000000;
pub const VIQ_VTD_IQERCD_ICESID: u64 = 0xffff000000000000;
pub const VIQ_VTD_IQEI_NONE: u32 = 0;
pub const VIQ_VTD_IQEI_TAIL: u32 = 1;
pub const VIQ_VTD_IQEI_FETCH: u32 = 2;
pub const VIQ_VTD_IQEI_TYPE: u32 = 3;
pub const VIQ_VTD_IQEI_RESERVED: u32 = 4;
pub const VIQ_VTD_IQEI_WIDTH: u32 = 5;
pub const VIQ_VTD_IQEI_ALIGN: u32 = 6;
pub const VIQ_VTD_IQEI_TTM: u32 = 7;
pub const VIQ_VTD_IRTA_S: u64 = 0xf;
pub const VIQ_VTD_IRTA_EIME: u64 = 0x800;
pub const VIQ_VTD_IRTA_IRTA: u64 = 0xfffffffffffff000;
pub const VIQ_VTD_PQ_OFFSET: u64 = 0x7ffe0;
pub const VIQ_VTD_PQA_PQS: u64 = 0x7;
pub const VIQ_VTD_PQA_PQA: u64 = 0xfffffffffffff000;
pub const VIQ_VTD_PRS_PPR: u64 = 0x1;
pub const VIQ_VTD_PRS_PRO: u64 = 0x2;
pub const VIQ_VTD_MSI_FIRST: u64 = 0xfee00000;
pub const VIQ_VTD_MSI_LAST: u64 = 0xfeefffff;
pub const VIQ_VTD_ROOT_SIZE: u32 = 16;
pub const VIQ_VTD_ROOT_WORDS: u32 = 2;
pub const VIQ_VTD_ROOT_P: u64 = 0x1;
pub const VIQ_VTD_ROOT_RSVD: u64 = 0xffe;
pub const VIQ_VTD_ROOT_CTP: u64 = 0xfffffffffffff000;
pub const VIQ_VTD_CTX_SIZE: u32 = 16;
pub const VIQ_VTD_CTX_WORDS: u32 = 2;
pub const VIQ_VTD_CTX_P: u64 = 0x1;
pub const VIQ_VTD_CTX_FPD: u64 = 0x2;
pub const VIQ_VTD_CTX_TT: u64 = 0xc;
pub const VIQ_VTD_CTX_RSVD: u64 = 0xff0;
pub const VIQ_VTD_CTX_SSPTPTR: u64 = 0xfffffffffffff000;
pub const VIQ_VTD_CTX_1_AW: u64 = 0x7;
pub const VIQ_VTD_CTX_1_DID: u64 = 0xffff00;
pub const VIQ_VTD_CTX_1_RSVD: u64 = 0xffffffffff000080;
pub const VIQ_VTD_TT_SS: u32 = 0;
pub const VIQ_VTD_TT_SS_ATS: u32 = 1;
pub const VIQ_VTD_TT_PT: u32 = 2;
pub const VIQ_VTD_AW_39: u32 = 1;
pub const VIQ_VTD_AW_48: u32 = 2;
pub const VIQ_VTD_AW_57: u32 = 3;
pub const VIQ_VTD_SCTX_SIZE: u32 = 32;
pub const VIQ_VTD_SCTX_WORDS: u32 = 4;
pub const VIQ_VTD_SCTX_P: u64 = 0x1;
pub const VIQ_VTD_SCTX_FPD: u64 = 0x2;
pub const VIQ_VTD_SCTX_DTE: u64 = 0x4;
pub const VIQ_VTD_SCTX_PASIDE: u64 = 0x8;
pub const VIQ_VTD_SCTX_PRE: u64 = 0x10;
pub const VIQ_VTD_SCTX_RSVD: u64 = 0x1e0;
pub const VIQ_VTD_SCTX_PDTS: u64 = 0xe00;
pub const VIQ_VTD_SCTX_PASIDDIRPTR: u64 = 0xfffffffffffff000;
pub const VIQ_VTD_SCTX_1_RID_PASID: u64 = 0xfffff;
pub const VIQ_VTD_SCTX_1_RID_PRIV: u64 = 0x100000;
pub const VIQ_VTD_SCTX_1_RSVD: u64 = 0xffffffffffe00000;
pub const VIQ_VTD_PDE_SIZE: u32 = 8;
pub const VIQ_VTD_PDE_P: u64 = 0x1;
pub const VIQ_VTD_PDE_FPD: u64 = 0x2;
pub const VIQ_VTD_PDE_RSVD: u64 = 0xffc;
pub const VIQ_VTD_PDE_PTP: u64 = 0xfffffffffffff000;
pub const VIQ_VTD_PE_SIZE: u32 = 64;
pub const VIQ_VTD_PE_WORDS: u32 = 8;
pub const VIQ_VTD_PE_TABLE: u32 = 64;
pub const VIQ_VTD_PE_P: u64 = 0x1;
pub const VIQ_VTD_PE_FPD: u64 = 0x2;
pub const VIQ_VTD_PE_AW: u64 = 0x1c;
pub const VIQ_VTD_PE_PGTT: u64 = 0x1c0;
pub const VIQ_VTD_PE_SSADE: u64 = 0x200;
pub const VIQ_VTD_PE_RSVD: u64 = 0xc20;
pub const VIQ_VTD_PE_SSPTPTR: u64 = 0xfffffffffffff000;
pub const VIQ_VTD_PE_1_DID: u64 = 0xffff;
pub const VIQ_VTD_PE_1_RSVD: u64 = 0xf87f0000;
pub const VIQ_VTD_PE_1_PWSNP: u64 = 0x800000;
pub const VIQ_VTD_PE_1_PGSNP: u64 = 0x1000000;
pub const VIQ_VTD_PE_1_CD: u64 = 0x2000000;
pub const VIQ_VTD_PE_1_EMTE: u64 = 0x4000000;
pub const VIQ_VTD_PE_1_PAT: u64 = 0xffffffff00000000;
pub const VIQ_VTD_PE_2_SRE: u64 = 0x1;
pub const VIQ_VTD_PE_2_ERE: u64 = 0x2;
pub const VIQ_VTD_PE_2_FSPM: u64 = 0xc;
pub const VIQ_VTD_PE_2_WPE: u64 = 0x10;
pub const VIQ_VTD_PE_2_NXE: u64 = 0x20;
pub const VIQ_VTD_PE_2_SMEP: u64 = 0x40;
pub const VIQ_VTD_PE_2_EAFE: u64 = 0x80;
pub const VIQ_VTD_PE_2_RSVD: u64 = 0xf00;
pub const VIQ_VTD_PE_2_FSPTPTR: u64 = 0xfffffffffffff000;
pub const VIQ_VTD_PGTT_FS: u32 = 1;
pub const VIQ_VTD_PGTT_SS: u32 = 2;
pub const VIQ_VTD_PGTT_NESTED: u32 = 3;
pub const VIQ_VTD_PGTT_PT: u32 = 4;
pub const VIQ_VTD_FSPM_4: u32 = 0;
pub const VIQ_VTD_FSPM_5: u32 = 1;
pub const VIQ_VTD_PASID_BITS: u32 = 20;
pub const VIQ_VTD_FRCD_0_FI: u64 = 0xfffffffffffff000;
pub const VIQ_VTD_FRCD_1_SID: u64 = 0xffff;
pub const VIQ_VTD_FRCD_1_T2: u64 = 0x10000000;
pub const VIQ_VTD_FRCD_1_PRIV: u64 = 0x20000000;
pub const VIQ_VTD_FRCD_1_EXE: u64 = 0x40000000;
pub const VIQ_VTD_FRCD_1_PP: u64 = 0x80000000;
pub const VIQ_VTD_FRCD_1_FR: u64 = 0xff00000000;
pub const VIQ_VTD_FRCD_1_PV: u64 = 0xfffff0000000000;
pub const VIQ_VTD_FRCD_1_AT: u64 = 0x3000000000000000;
pub const VIQ_VTD_FRCD_1_T1: u64 = 0x4000000000000000;
pub const VIQ_VTD_FRCD_1_F: u64 = 0x8000000000000000;
pub const VIQ_VTD_FS_P: u64 = 0x1;
pub const VIQ_VTD_FS_RW: u64 = 0x2;
pub const VIQ_VTD_FS_US: u64 = 0x4;
pub const VIQ_VTD_FS_A: u64 = 0x20;
pub const VIQ_VTD_FS_D: u64 = 0x40;
pub const VIQ_VTD_FS_PS: u64 = 0x80;
pub const VIQ_VTD_FS_EA: u64 = 0x400;
pub const VIQ_VTD_FS_ADDR: u64 = 0xffffffffff000;
pub const VIQ_VTD_FS_XD: u64 = 0x8000000000000000;
pub const VIQ_VTD_SS_R: u64 = 0x1;
pub const VIQ_VTD_SS_W: u64 = 0x2;
pub const VIQ_VTD_SS_PS: u64 = 0x80;
pub const VIQ_VTD_SS_A: u64 = 0x100;
pub const VIQ_VTD_SS_D: u64 = 0x200;
pub const VIQ_VTD_SS_SNP: u64 = 0x800;
pub const VIQ_VTD_SS_ADDR: u64 = 0xffffffffff000;
pub const VIQ_VTD_SS_RSVD: u64 = 0x4000000000000000;
pub const VIQ_VTD_FR_ROOT_P: u32 = 1;
pub const VIQ_VTD_FR_CTX_P: u32 = 2;
pub const VIQ_VTD_FR_CTX_INVALID: u32 = 3;
pub const VIQ_VTD_FR_ADDR: u32 = 4;
pub const VIQ_VTD_FR_WRITE: u32 = 5;
pub const VIQ_VTD_FR_READ: u32 = 6;
pub const VIQ_VTD_FR_SS_ACCESS: u32 = 7;
pub const VIQ_VTD_FR_ROOT_ACCESS: u32 = 8;
pub const VIQ_VTD_FR_CTX_ACCESS: u32 = 9;
pub const VIQ_VTD_FR_ROOT_RSVD: u32 = 10;
pub const VIQ_VTD_FR_CTX_RSVD: u32 = 11;
pub const VIQ_VTD_FR_SS_RSVD: u32 = 12;
pub const VIQ_VTD_FR_CTX_TT: u32 = 13;
pub const VIQ_VTD_FR_INTERRUPT_ADDR: u32 = 14;
pub const VIQ_VTD_FR_RTADDR: u32 = 48;
pub const VIQ_VTD_FR_TTM_PASID: u32 = 49;
pub const VIQ_VTD_FR_TTM_PGRP: u32 = 50;
pub const VIQ_VTD_FR_TTM_ABORT: u32 = 51;
pub const VIQ_VTD_FR_SM_ROOT_ACCESS: u32 = 56;
pub const VIQ_VTD_FR_SM_ROOT_P: u32 = 57;
pub const VIQ_VTD_FR_SM_ROOT_RSVD: u32 = 58;
pub const VIQ_VTD_FR_SM_CTX_ACCESS: u32 = 64;
pub const VIQ_VTD_FR_SM_CTX_P: u32 = 65;
pub const VIQ_VTD_FR_SM_CTX_RSVD: u32 = 66;
pub const VIQ_VTD_FR_SM_CTX_INVALID: u32 = 67;
pub const VIQ_VTD_FR_SM_DTE: u32 = 68;
pub const VIQ_VTD_FR_SM_PASIDE: u32 = 69;
pub const VIQ_VTD_FR_SM_PASID_RANGE: u32 = 70;
pub const VIQ_VTD_FR_SM_PRE: u32 = 71;
pub const VIQ_VTD_FR_SM_RID_PASID: u32 = 72;
pub const VIQ_VTD_FR_PDE_ACCESS: u32 = 80;
pub const VIQ_VTD_FR_PDE_P: u32 = 81;
pub const VIQ_VTD_FR_PDE_RSVD: u32 = 82;
pub const VIQ_VTD_FR_PE_ACCESS: u32 = 88;
pub const VIQ_VTD_FR_PE_P: u32 = 89;
pub const VIQ_VTD_FR_PE_RSVD: u32 = 90;
pub const VIQ_VTD_FR_PE_INVALID: u32 = 91;
pub const VIQ_VTD_FR_PE_ERE: u32 = 92;
pub const VIQ_VTD_FR_PE_SRE: u32 = 93;
pub const VIQ_VTD_FR_FS_ACCESS: u32 = 112;
pub const VIQ_VTD_FR_FS_P: u32 = 113;
pub const VIQ_VTD_FR_FS_RSVD: u32 = 114;
pub const VIQ_VTD_FR_FS_ROOT_ACCESS: u32 = 115;
pub const VIQ_VTD_FR_FS_TABLE_ADDR: u32 = 116;
pub const VIQ_VTD_FR_FS_ROOT_READ: u32 = 117;
pub const VIQ_VTD_FR_FS_TABLE_READ: u32 = 118;
pub const VIQ_VTD_FR_FS_TABLE_WRITE: u32 = 119;
pub const VIQ_VTD_FR_SM_SS_ACCESS: u32 = 120;
pub const VIQ_VTD_FR_SM_SS_P: u32 = 121;
pub const VIQ_VTD_FR_SM_SS_RSVD: u32 = 122;
pub const VIQ_VTD_FR_SM_SS_ROOT_ACCESS: u32 = 123;
pub const VIQ_VTD_FR_SS_FLAG_SNOOP: u32 = 124;
pub const VIQ_VTD_FR_SS_FLAG_FAILED: u32 = 125;
pub const VIQ_VTD_FR_FS_CANONICAL: u32 = 128;
pub const VIQ_VTD_FR_FS_US: u32 = 129;
pub const VIQ_VTD_FR_FS_EXECUTE: u32 = 130;
pub const VIQ_VTD_FR_SM_ADDR: u32 = 131;
pub const VIQ_VTD_FR_SM_SS_ADDR: u32 = 132;
pub const VIQ_VTD_FR_SM_WRITE: u32 = 133;
pub const VIQ_VTD_FR_SM_READ: u32 = 134;
pub const VIQ_VTD_FR_SM_INTERRUPT_ADDR: u32 = 135;
pub const VIQ_VTD_FR_PASID_WIDTH: u32 = 137;
pub const VIQ_VTD_FR_FS_FLAG_SNOOP: u32 = 144;
pub const VIQ_VTD_FR_FS_FLAG_FAILED: u32 = 145;
pub const VIQ_VTD_AT_UNTRANSLATED: u32 = 0;
pub const VIQ_VTD_AT_TRANSLATION: u32 = 1;
pub const VIQ_VTD_AT_TRANSLATED: u32 = 2;
pub const VIQ_VTD_DESC_WORDS: u32 = 4;
pub const VIQ_VTD_DESC_SIZE_128: u32 = 16;
pub const VIQ_VTD_DESC_SIZE_256: u32 = 32;
pub const VIQ_VTD_DESC_TYPE: u64 = 0xf;
pub const VIQ_VTD_DESC_TYPE_HI: u64 = 0xe00;
pub const VIQ_VTD_TYPE_CC: u32 = 1;
pub const VIQ_VTD_TYPE_IOTLB: u32 = 2;
pub const VIQ_VTD_TYPE_DEVTLB: u32 = 3;
pub const VIQ_VTD_TYPE_IEC: u32 = 4;
pub const VIQ_VTD_TYPE_WAIT: u32 = 5;
pub const VIQ_VTD_TYPE_PIOTLB: u32 = 6;
pub const VIQ_VTD_TYPE_PC: u32 = 7;
pub const VIQ_VTD_TYPE_PDEVTLB: u32 = 8;
pub const VIQ_VTD_TYPE_PGRP: u32 = 9;
pub const VIQ_VTD_DESC_G: u64 = 0x30;
pub const VIQ_VTD_CC_GLOBAL: u32 = 1;
pub const VIQ_VTD_CC_DOMAIN: u32 = 2;
pub const VIQ_VTD_CC_DEVICE: u32 = 3;
pub const VIQ_VTD_IOTLB_GLOBAL: u32 = 1;
pub const VIQ_VTD_IOTLB_DOMAIN: u32 = 2;
pub const VIQ_VTD_IOTLB_PAGE: u32 = 3;
pub const VIQ_VTD_PIOTLB_PASID: u32 = 2;
pub const VIQ_VTD_PIOTLB_PAGE: u32 = 3;
pub const VIQ_VTD_PC_DOMAIN: u32 = 0;
pub const VIQ_VTD_PC_PASID: u32 = 1;
pub const VIQ_VTD_PC_GLOBAL: u32 = 3;
pub const VIQ_VTD_DESC_DID: u64 = 0xffff0000;
pub const VIQ_VTD_DESC_PASID: u64 = 0xfffff00000000;
pub const VIQ_VTD_DESC_1_AM: u64 = 0x3f;
pub const VIQ_VTD_DESC_1_IH: u64 = 0x40;
pub const VIQ_VTD_DESC_1_ADDR: u64 = 0xfffffffffffff000;
pub const VIQ_VTD_CC_SID: u64 = 0xffff00000000;
pub const VIQ_VTD_CC_FM: u64 = 0x3000000000000;
pub const VIQ_VTD_DESC_DW: u64 = 0x40;
pub const VIQ_VTD_DESC_DR: u64 = 0x80;
pub const VIQ_VTD_DEVTLB_MIP: u64 = 0x1f0000;
pub const VIQ_VTD_DEVTLB_SID: u64 = 0xffff00000000;
pub const VIQ_VTD_DEVTLB_1_S: u64 = 0x1;
pub const VIQ_VTD_PDEVTLB_MIP: u64 = 0x1f0;
pub const VIQ_VTD_PDEVTLB_SID: u64 = 0xffff0000;
pub const VIQ_VTD_PDEVTLB_1_G: u64 = 0x1;
pub const VIQ_VTD_PDEVTLB_1_S: u64 = 0x800;
pub const VIQ_VTD_DESC_PFSID_LO: u64 = 0xf000;
pub const VIQ_VTD_DESC_PFSID_HI: u64 = 0xfff0000000000000;
pub const VIQ_VTD_IEC_G: u64 = 0x10;
pub const VIQ_VTD_IEC_IM: u64 = 0xf8000000;
pub const VIQ_VTD_IEC_IIDX: u64 = 0xffff00000000;
pub const VIQ_VTD_WAIT_IF: u64 = 0x10;
pub const VIQ_VTD_WAIT_SW: u64 = 0x20;
pub const VIQ_VTD_WAIT_FN: u64 = 0x40;
pub const VIQ_VTD_WAIT_PD: u64 = 0x80;
pub const VIQ_VTD_WAIT_DATA: u64 = 0xffffffff00000000;
pub const VIQ_VTD_WAIT_1_ADDR: u64 = 0xfffffffffffffffc;
pub const VIQ_VTD_PGRP_PP: u64 = 0x10;
pub const VIQ_VTD_PGRP_RESP: u64 = 0xf000;
pub const VIQ_VTD_PGRP_RID: u64 = 0xffff0000;
pub const VIQ_VTD_PGRP_1_LPIG: u64 = 0x4;
pub const VIQ_VTD_PGRP_1_PRGI: u64 = 0xff8;
pub const VIQ_VTD_RESP_SUCCESS: u32 = 0;
pub const VIQ_VTD_RESP_INVALID: u32 = 1;
pub const VIQ_VTD_RESP_FAILURE: u32 = 15;
pub const VIQ_VTD_PREQ_SIZE: u32 = 32;
pub const VIQ_VTD_PREQ_TYPE: u64 = 0xff;
pub const VIQ_VTD_PREQ_PAGE: u32 = 1;
pub const VIQ_VTD_PREQ_PP: u64 = 0x100;
pub const VIQ_VTD_PREQ_RID: u64 = 0xffff0000;
pub const VIQ_VTD_PREQ_PASID: u64 = 0xfffff00000000;
pub const VIQ_VTD_PREQ_EXR: u64 = 0x10000000000000;
pub const VIQ_VTD_PREQ_PMR: u64 = 0x20000000000000;
pub const VIQ_VTD_PREQ_1_RDR: u64 = 0x1;
pub const VIQ_VTD_PREQ_1_WRR: u64 = 0x2;
pub const VIQ_VTD_PREQ_1_LPIG: u64 = 0x4;
pub const VIQ_VTD_PREQ_1_PRGI: u64 = 0xff8;
pub const VIQ_VTD_PREQ_1_ADDR: u64 = 0xfffffffffffff000;
pub const VIQ_VTD_PRGI_BITS: u32 = 9;
pub const VIQ_VTD_S1_LEAF: u64 = 0x1;
pub const VIQ_VTD_S1_ALL: u64 = 0xffffffffffffffff;
pub const VIQ_WORK_BUDGET: u32 = 1024;
pub const VIQ_WORK_UNLIMITED: u32 = 4294967294;
pub const VIQ_WORK_CALL: u32 = 64;
pub const VIQ_VTD_TABLE_RID: u32 = 1;
pub const VIQ_VTD_DEVTLB_IMPLIED: u32 = 2;
pub const VIQ_VTD_TABLE_STAGE2: u32 = 4;
pub const VIQ_MEM_READONLY: u32 = 1;
pub const VIQ_SMMUV3_DEFER: u32 = 4294967295;
pub const VIQ_SMMUV3_SAVE_VERSION: u32 = 2;
pub const VIQ_VTD_DEFER: u32 = 4294967295;
pub const VIQ_VTD_SAVE_VERSION: u32 = 2;
pub const VIQ_SOFT_READ: u32 = 1;
pub const VIQ_SOFT_WRITE: u32 = 2;
pub const VIQ_SOFT_EXEC: u32 = 4;
pub const VIQ_SOFT_PRIV: u32 = 8;
pub const VIQ_SOFT_SSV: u32 = 16;
pub const VIQ_VERSION_MAJOR: u32 = 0;
pub const VIQ_VERSION_MINOR: u32 = 2;
pub const VIQ_VERSION_PATCH: u32 = 0;
pub const VIQ_VERSION: u32 = 512;
pub const VIQ_VERSION_STRING: &[u8; 6usize] = b"0.2.0\0";
pub type __uint8_t = ::std::os::raw::c_uchar;
pub type __uint16_t = ::std::os::raw::c_ushort;
pub type __int32_t = ::std::os::raw::c_int;
pub type __uint32_t = ::std::os::raw::c_uint;
pub type __int64_t = ::std::os::raw::c_long;
pub type __uint64_t = ::std::os::raw::c_ulong;
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct viq_why {
    pub text: [::std::os::raw::c_char; 256usize],
}
impl Default for viq_why {
    fn default() -> Self {
        let mut s = ::std::mem::MaybeUninit::<Self>::uninit();
        unsafe {
            ::std::ptr::write_bytes(s.as_mut_ptr(), 0, 1);
            s.assume_init()
        }
    }
}
pub const VIQ_CALL_VTD_S1: viq_call_type = 0;
pub const VIQ_CALL_SMMUV3: viq_call_type = 1;
pub type viq_call_type = ::std::os::raw::c_uint;
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct viq_call_piece {
    pub entries: *const ::std::os::raw::c_void,
    pub count: u32,
}
impl Default for viq_call_piece {
    fn default() -> Self {
        let mut s = ::std::mem::MaybeUninit::<Self>::uninit();
        unsafe {
            ::std::ptr::write_bytes(s.as_mut_ptr(), 0, 1);
            s.assume_init()
        }
    }
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct viq_call_request {
    pub size: u32,
    pub object: u32,
    pub type_: u32,
    pub entry_size: u32,
    pub pieces: *const viq_call_piece,
    pub piece_count: u32,
    pub reserved: u32,
}
impl Default for viq_call_request {
    fn default() -> Self {
        let mut s = ::std::mem::MaybeUninit::<Self>::uninit();
        unsafe {
            ::std::ptr::write_bytes(s.as_mut_ptr(), 0, 1);
            s.assume_init()
        }
    }
}
pub const VIQ_CALL_NONE: viq_call_error = 0;
pub const VIQ_CALL_ILLEGAL: viq_call_error = 1;
pub const VIQ_CALL_ABORTED: viq_call_error = 2;
pub const VIQ_CALL_TIMEOUT: viq_call_error = 3;
pub const VIQ_CALL_FAILED: viq_call_error = 4;
pub const VIQ_CALL_NO_MEMORY: viq_call_error = 5;
pub const VIQ_CALL_GONE: viq_call_error = 6;
pub const VIQ_CALL_UNSUPPORTED: viq_call_error = 7;
pub const VIQ_CALL_ERROR_COUNT: viq_call_error = 8;
pub type viq_call_error = ::std::os::raw::c_uint;
#[repr(C)]
#[derive(Debug, Default, Copy, Clone)]
pub struct viq_call_result {
    pub size: u32,
    pub handled: u32,
    pub suspect: u32,
    pub error: u32,
    pub hw_code: u32,
    pub os_error: i32,
    pub host_calls: u32,
    pub hint: u32,
    pub extra_calls: u32,
}
#[repr(C)]
#[derive(Debug, Default, Copy, Clone)]
pub struct viq_call_host_ops {
    pub size: u32,
    pub report_group: u32,
    pub invalidate: ::std::option::Option<
        unsafe extern "C" fn(
            opaque: *mut ::std::os::raw::c_void,
            req: *const viq_call_request,
            res: *mut viq_call_result,
        ) -> ::std::os::raw::c_int,
    >,
    pub stream:
        ::std::option::Option<unsafe extern "C" fn(opaque: *mut ::std::os::raw::c_void, object: u32, sid: u32) -> u32>,
    pub call_entries: u32,
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct viq_call_host {
    pub ops: *const viq_call_host_ops,
    pub opaque: *mut ::std::os::raw::c_void,
    pub object: u32,
}
impl Default for viq_call_host {
    fn default() -> Self {
        let mut s = ::std::mem::MaybeUninit::<Self>::uninit();
        unsafe {
            ::std::ptr::write_bytes(s.as_mut_ptr(), 0, 1);
            s.assume_init()
        }
    }
}
extern "C" {
    pub fn viq_call_invalidate(
        host: *const viq_call_host,
        req: *const viq_call_request,
        res: *mut viq_call_result,
    ) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_call_stream(host: *const viq_call_host, sid: u32) -> u32;
}
extern "C" {
    pub fn viq_call_error_text(error: u32) -> *const ::std::os::raw::c_char;
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct viq_call_fanout {
    _unused: [u8; 0],
}
extern "C" {
    pub fn viq_call_fanout_create(
        hosts: *const viq_call_host,
        count: u32,
        out: *mut *mut viq_call_fanout,
        why: *mut viq_why,
    ) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_call_fanout_destroy(fanout: *mut viq_call_fanout);
}
extern "C" {
    pub fn viq_call_fanout_host(fanout: *mut viq_call_fanout) -> viq_call_host;
}
extern "C" {
    pub fn viq_call_fanout_add(
        fanout: *mut viq_call_fanout,
        host: *const viq_call_host,
        why: *mut viq_why,
    ) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_call_fanout_remove(fanout: *mut viq_call_fanout, host: *const viq_call_host) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_call_null_host() -> viq_call_host;
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct viq_fault {
    _unused: [u8; 0],
}
pub const VIQ_FAULT_EXACT: viq_fault_contract = 0;
pub const VIQ_FAULT_LINUX_7_3: viq_fault_contract = 1;
pub const VIQ_FAULT_LINUX_NEXT: viq_fault_contract = 2;
pub type viq_fault_contract = ::std::os::raw::c_uint;
extern "C" {
    pub fn viq_fault_create(contract: u32, out: *mut *mut viq_fault, why: *mut viq_why) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_fault_destroy(fault: *mut viq_fault);
}
extern "C" {
    pub fn viq_fault_host(
        fault: *mut viq_fault,
        inner: *const viq_call_host,
        out: *mut viq_call_host,
        why: *mut viq_why,
    ) -> ::std::os::raw::c_int;
}
pub const VIQ_FAULT_NONE: viq_fault_kind = 0;
pub const VIQ_FAULT_ILLEGAL: viq_fault_kind = 1;
pub const VIQ_FAULT_HARDWARE: viq_fault_kind = 2;
pub const VIQ_FAULT_ATC_TIMEOUT: viq_fault_kind = 3;
pub const VIQ_FAULT_NO_MEMORY: viq_fault_kind = 4;
pub const VIQ_FAULT_GONE: viq_fault_kind = 5;
pub const VIQ_FAULT_DROP: viq_fault_kind = 6;
pub const VIQ_FAULT_ATC_DROP: viq_fault_kind = 7;
pub type viq_fault_kind = ::std::os::raw::c_uint;
extern "C" {
    pub fn viq_fault_kind_name(kind: u32) -> *const ::std::os::raw::c_char;
}
extern "C" {
    pub fn viq_fault_contract_name(contract: u32) -> *const ::std::os::raw::c_char;
}
#[repr(C)]
#[derive(Debug, Default, Copy, Clone)]
pub struct viq_fault_failure {
    pub size: u32,
    pub kind: u32,
    pub index: u32,
    pub before: u32,
    pub after: u32,
    pub times: u32,
    pub counted: u32,
}
extern "C" {
    pub fn viq_fault_arm(fault: *mut viq_fault, failure: *const viq_fault_failure) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_fault_strikes(fault: *mut viq_fault) -> u64;
}
extern "C" {
    pub fn viq_fault_struck(fault: *mut viq_fault, entry: *mut ::std::os::raw::c_void, size: u32) -> u32;
}
#[repr(C)]
#[derive(Debug, Default, Copy, Clone)]
pub struct viq_linux_sys {
    pub size: u32,
    pub open: ::std::option::Option<
        unsafe extern "C" fn(
            opaque: *mut ::std::os::raw::c_void,
            path: *const ::std::os::raw::c_char,
            flags: ::std::os::raw::c_int,
        ) -> ::std::os::raw::c_int,
    >,
    pub close: ::std::option::Option<
        unsafe extern "C" fn(opaque: *mut ::std::os::raw::c_void, fd: ::std::os::raw::c_int) -> ::std::os::raw::c_int,
    >,
    pub ioctl: ::std::option::Option<
        unsafe extern "C" fn(
            opaque: *mut ::std::os::raw::c_void,
            fd: ::std::os::raw::c_int,
            request: ::std::os::raw::c_ulong,
            arg: *mut ::std::os::raw::c_void,
        ) -> ::std::os::raw::c_int,
    >,
    pub read: ::std::option::Option<
        unsafe extern "C" fn(
            opaque: *mut ::std::os::raw::c_void,
            fd: ::std::os::raw::c_int,
            buf: *mut ::std::os::raw::c_void,
            len: usize,
        ) -> i64,
    >,
    pub group: ::std::option::Option<
        unsafe extern "C" fn(
            opaque: *mut ::std::os::raw::c_void,
            cdev: ::std::os::raw::c_int,
            group: *mut u32,
        ) -> ::std::os::raw::c_int,
    >,
    pub dup: ::std::option::Option<
        unsafe extern "C" fn(opaque: *mut ::std::os::raw::c_void, fd: ::std::os::raw::c_int) -> ::std::os::raw::c_int,
    >,
    pub write: ::std::option::Option<
        unsafe extern "C" fn(
            opaque: *mut ::std::os::raw::c_void,
            fd: ::std::os::raw::c_int,
            buf: *const ::std::os::raw::c_void,
            len: usize,
        ) -> i64,
    >,
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct viq_linux {
    _unused: [u8; 0],
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct viq_linux_config {
    pub size: u32,
    pub fd: ::std::os::raw::c_int,
    pub sys: *const viq_linux_sys,
    pub sys_opaque: *mut ::std::os::raw::c_void,
}
impl Default for viq_linux_config {
    fn default() -> Self {
        let mut s = ::std::mem::MaybeUninit::<Self>::uninit();
        unsafe {
            ::std::ptr::write_bytes(s.as_mut_ptr(), 0, 1);
            s.assume_init()
        }
    }
}
extern "C" {
    pub fn viq_linux_config_init(config: *mut viq_linux_config, size: usize);
}
extern "C" {
    pub fn viq_linux_open(
        config: *const viq_linux_config,
        out: *mut *mut viq_linux,
        why: *mut viq_why,
    ) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_linux_close(ctx: *mut viq_linux);
}
extern "C" {
    pub fn viq_linux_fd(ctx: *const viq_linux) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_linux_reports(ctx: *const viq_linux) -> bool;
}
extern "C" {
    pub fn viq_linux_destroy(ctx: *mut viq_linux, id: u32) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_linux_ioas_alloc(ctx: *mut viq_linux, ioas: *mut u32) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_linux_ioas_map(
        ctx: *mut viq_linux,
        ioas: u32,
        gpa: u64,
        va: *mut ::std::os::raw::c_void,
        len: u64,
        access: u32,
    ) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_linux_ioas_unmap(ctx: *mut viq_linux, ioas: u32, gpa: u64, len: u64) -> ::std::os::raw::c_int;
}
#[repr(C)]
#[derive(Debug, Default, Copy, Clone)]
pub struct viq_linux_range {
    pub first: u64,
    pub last: u64,
}
extern "C" {
    pub fn viq_linux_ioas_ranges(
        ctx: *mut viq_linux,
        ioas: u32,
        ranges: *mut viq_linux_range,
        count: *mut u32,
    ) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_linux_vfio_bind(
        ctx: *mut viq_linux,
        cdev: ::std::os::raw::c_int,
        device: *mut u32,
        why: *mut viq_why,
    ) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_linux_vfio_attach(ctx: *mut viq_linux, cdev: ::std::os::raw::c_int, pt: u32) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_linux_vfio_detach(ctx: *mut viq_linux, cdev: ::std::os::raw::c_int) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_linux_vfio_attach_pasid(
        ctx: *mut viq_linux,
        cdev: ::std::os::raw::c_int,
        pasid: u32,
        pt: u32,
    ) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_linux_vfio_detach_pasid(
        ctx: *mut viq_linux,
        cdev: ::std::os::raw::c_int,
        pasid: u32,
    ) -> ::std::os::raw::c_int;
}
pub const VIQ_LINUX_HW_NONE: viq_linux_hw_type = 0;
pub const VIQ_LINUX_HW_VTD: viq_linux_hw_type = 1;
pub const VIQ_LINUX_HW_SMMUV3: viq_linux_hw_type = 2;
pub const VIQ_LINUX_HW_AMD: viq_linux_hw_type = 4;
pub type viq_linux_hw_type = ::std::os::raw::c_uint;
#[repr(C)]
#[derive(Debug, Default, Copy, Clone)]
pub struct viq_linux_hw_info {
    pub size: u32,
    pub type_: u32,
    pub capabilities: u64,
    pub max_pasid_log2: u32,
    pub flags: u32,
    pub idr: [u32; 6usize],
    pub iidr: u32,
    pub aidr: u32,
    pub cap: u64,
    pub ecap: u64,
}
extern "C" {
    pub fn viq_linux_hw_info(ctx: *mut viq_linux, device: u32, info: *mut viq_linux_hw_info) -> ::std::os::raw::c_int;
}
#[repr(C)]
#[derive(Debug, Default, Copy, Clone)]
pub struct viq_linux_move {
    pub from: u32,
    pub to: u32,
}
extern "C" {
    pub fn viq_linux_hwpt_alloc(
        ctx: *mut viq_linux,
        device: u32,
        ioas: u32,
        flags: u32,
        hwpt: *mut u32,
    ) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_linux_viommu_alloc(
        ctx: *mut viq_linux,
        device: u32,
        hwpt: u32,
        viommu: *mut u32,
    ) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_linux_vdevice_alloc(
        ctx: *mut viq_linux,
        viommu: u32,
        device: u32,
        vsid: u32,
        vdevice: *mut u32,
    ) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_linux_nested_alloc(
        ctx: *mut viq_linux,
        device: u32,
        viommu: u32,
        ste: *const u64,
        nested: *mut u32,
    ) -> ::std::os::raw::c_int;
}
#[repr(C)]
#[derive(Debug, Default, Copy, Clone)]
pub struct viq_linux_vtd_s1 {
    pub flags: u64,
    pub pgtbl_addr: u64,
    pub addr_width: u32,
    pub reserved: u32,
}
extern "C" {
    pub fn viq_linux_vtd_nested_alloc(
        ctx: *mut viq_linux,
        device: u32,
        parent: u32,
        flags: u32,
        s1: *const viq_linux_vtd_s1,
        nested: *mut u32,
    ) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_linux_veventq_alloc(
        ctx: *mut viq_linux,
        viommu: u32,
        depth: u32,
        id: *mut u32,
        fd: *mut ::std::os::raw::c_int,
    ) -> ::std::os::raw::c_int;
}
#[repr(C)]
#[derive(Debug, Default, Copy, Clone)]
pub struct viq_linux_vevent {
    pub lost: u32,
    pub sequence: u32,
    pub record: [u64; 4usize],
}
extern "C" {
    pub fn viq_linux_veventq_read(
        ctx: *mut viq_linux,
        fd: ::std::os::raw::c_int,
        events: *mut viq_linux_vevent,
        count: *mut u32,
    ) -> ::std::os::raw::c_int;
}
pub const VIQ_LINUX_CALLS_DEFAULT: viq_linux_calls = 0;
pub const VIQ_LINUX_CALLS_BULK: viq_linux_calls = 1;
pub const VIQ_LINUX_CALLS_STRICT: viq_linux_calls = 2;
pub const VIQ_LINUX_CALLS_SINGLE: viq_linux_calls = 3;
pub type viq_linux_calls = ::std::os::raw::c_uint;
#[repr(C)]
#[derive(Debug, Default, Copy, Clone)]
pub struct viq_linux_host_counters {
    pub ioctls: u64,
    pub entries: u64,
    pub failed: u64,
    pub refused: u64,
    pub repeated: u64,
    pub whole: u64,
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct viq_linux_smmuv3_host {
    _unused: [u8; 0],
}
extern "C" {
    pub fn viq_linux_smmuv3_host_create(
        ctx: *mut viq_linux,
        viommu: u32,
        hw: *const viq_linux_hw_info,
        calls: u32,
        out: *mut *mut viq_linux_smmuv3_host,
        why: *mut viq_why,
    ) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_linux_smmuv3_host_destroy(host: *mut viq_linux_smmuv3_host);
}
extern "C" {
    pub fn viq_linux_smmuv3_host_get(host: *mut viq_linux_smmuv3_host) -> viq_call_host;
}
extern "C" {
    pub fn viq_linux_smmuv3_host_counters(
        host: *const viq_linux_smmuv3_host,
        out: *mut viq_linux_host_counters,
        size: usize,
    ) -> ::std::os::raw::c_int;
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct viq_linux_vtd_host {
    _unused: [u8; 0],
}
extern "C" {
    pub fn viq_linux_vtd_host_create(
        ctx: *mut viq_linux,
        hwpt: u32,
        out: *mut *mut viq_linux_vtd_host,
        why: *mut viq_why,
    ) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_linux_vtd_host_destroy(host: *mut viq_linux_vtd_host);
}
extern "C" {
    pub fn viq_linux_vtd_host_get(host: *mut viq_linux_vtd_host) -> viq_call_host;
}
extern "C" {
    pub fn viq_linux_vtd_host_counters(
        host: *const viq_linux_vtd_host,
        out: *mut viq_linux_host_counters,
        size: usize,
    ) -> ::std::os::raw::c_int;
}
#[repr(C)]
#[derive(Debug, Default, Copy, Clone)]
pub struct viq_smmuv3_ids {
    pub size: u32,
    pub idr0: u32,
    pub idr1: u32,
    pub idr3: u32,
    pub idr5: u32,
    pub aidr: u32,
}
pub const VIQ_SMMUV3_ABORT: viq_smmuv3_stream_mode = 0;
pub const VIQ_SMMUV3_FAULT: viq_smmuv3_stream_mode = 1;
pub const VIQ_SMMUV3_BYPASS: viq_smmuv3_stream_mode = 2;
pub const VIQ_SMMUV3_STAGE1: viq_smmuv3_stream_mode = 3;
pub const VIQ_SMMUV3_STAGE2: viq_smmuv3_stream_mode = 4;
pub type viq_smmuv3_stream_mode = ::std::os::raw::c_uint;
#[repr(C)]
#[derive(Debug, Default, Copy, Clone)]
pub struct viq_smmuv3_stream {
    pub size: u32,
    pub mode: u32,
    pub ste: [u64; 2usize],
    pub event: [u64; 4usize],
    pub disabled: u32,
    pub reserved: u32,
    pub stage2: [u64; 2usize],
}
pub const VIQ_SMMUV3_STREAM_ABORT: viq_smmuv3_stream_fate = 0;
pub const VIQ_SMMUV3_STREAM_FAULT: viq_smmuv3_stream_fate = 1;
pub const VIQ_SMMUV3_STREAM_BYPASS: viq_smmuv3_stream_fate = 2;
pub const VIQ_SMMUV3_STREAM_STAGE1: viq_smmuv3_stream_fate = 3;
pub const VIQ_SMMUV3_STREAM_UNCHANGED: viq_smmuv3_stream_fate = 4;
pub const VIQ_SMMUV3_STREAM_REJECTED: viq_smmuv3_stream_fate = 5;
pub const VIQ_SMMUV3_STREAM_FAILED: viq_smmuv3_stream_fate = 6;
pub const VIQ_SMMUV3_STREAM_BROKEN: viq_smmuv3_stream_fate = 7;
pub const VIQ_SMMUV3_STREAM_STAGE2: viq_smmuv3_stream_fate = 8;
pub type viq_smmuv3_stream_fate = ::std::os::raw::c_uint;
#[repr(C)]
#[derive(Debug, Default, Copy, Clone)]
pub struct viq_smmuv3_outcome {
    pub size: u32,
    pub vsid: u32,
    pub fate: u32,
    pub os_error: i32,
    pub ste: [u64; 2usize],
    pub calls: u32,
    pub reserved: u32,
}
#[repr(C)]
#[derive(Debug, Default, Copy, Clone)]
pub struct viq_smmuv3_host_event {
    pub record: [u64; 4usize],
    pub lost: u64,
}
#[repr(C)]
#[derive(Debug, Default, Copy, Clone)]
pub struct viq_smmuv3_backend_ops {
    pub size: u32,
    pub offer: ::std::option::Option<
        unsafe extern "C" fn(
            opaque: *mut ::std::os::raw::c_void,
            object: u32,
            raise: bool,
            ats: bool,
            ids: *mut viq_smmuv3_ids,
        ),
    >,
    pub promise: ::std::option::Option<
        unsafe extern "C" fn(
            opaque: *mut ::std::os::raw::c_void,
            object: u32,
            ids: *const viq_smmuv3_ids,
            why: *mut viq_why,
        ) -> ::std::os::raw::c_int,
    >,
    pub next: ::std::option::Option<
        unsafe extern "C" fn(
            opaque: *mut ::std::os::raw::c_void,
            object: u32,
            vsid: *mut u32,
            broken: *mut bool,
        ) -> ::std::os::raw::c_int,
    >,
    pub set: ::std::option::Option<
        unsafe extern "C" fn(
            opaque: *mut ::std::os::raw::c_void,
            object: u32,
            vsid: u32,
            stream: *const viq_smmuv3_stream,
            outcome: *mut viq_smmuv3_outcome,
        ) -> ::std::os::raw::c_int,
    >,
    pub events: ::std::option::Option<
        unsafe extern "C" fn(
            opaque: *mut ::std::os::raw::c_void,
            object: u32,
            events: *mut viq_smmuv3_host_event,
            count: *mut u32,
        ) -> ::std::os::raw::c_int,
    >,
    pub pending: ::std::option::Option<unsafe extern "C" fn(opaque: *mut ::std::os::raw::c_void, object: u32) -> bool>,
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct viq_smmuv3_backend {
    pub ops: *const viq_smmuv3_backend_ops,
    pub opaque: *mut ::std::os::raw::c_void,
    pub object: u32,
    pub host: viq_call_host,
}
impl Default for viq_smmuv3_backend {
    fn default() -> Self {
        let mut s = ::std::mem::MaybeUninit::<Self>::uninit();
        unsafe {
            ::std::ptr::write_bytes(s.as_mut_ptr(), 0, 1);
            s.assume_init()
        }
    }
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct viq_linux_vsmmu {
    _unused: [u8; 0],
}
#[repr(C)]
#[derive(Debug, Default, Copy, Clone)]
pub struct viq_linux_vsmmu_ops {
    pub size: u32,
    pub attach: ::std::option::Option<
        unsafe extern "C" fn(
            opaque: *mut ::std::os::raw::c_void,
            device: u32,
            pasid: u32,
            pt: u32,
        ) -> ::std::os::raw::c_int,
    >,
    pub group: ::std::option::Option<
        unsafe extern "C" fn(
            opaque: *mut ::std::os::raw::c_void,
            device: u32,
            group: *mut u32,
        ) -> ::std::os::raw::c_int,
    >,
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct viq_linux_vsmmu_config {
    pub size: u32,
    pub hwpt: u32,
    pub device: u32,
    pub calls: u32,
    pub event_depth: u32,
    pub ioas: u32,
    pub ops: *const viq_linux_vsmmu_ops,
    pub opaque: *mut ::std::os::raw::c_void,
}
impl Default for viq_linux_vsmmu_config {
    fn default() -> Self {
        let mut s = ::std::mem::MaybeUninit::<Self>::uninit();
        unsafe {
            ::std::ptr::write_bytes(s.as_mut_ptr(), 0, 1);
            s.assume_init()
        }
    }
}
extern "C" {
    pub fn viq_linux_vsmmu_config_init(config: *mut viq_linux_vsmmu_config, size: usize);
}
extern "C" {
    pub fn viq_linux_vsmmu_create(
        ctx: *mut viq_linux,
        config: *const viq_linux_vsmmu_config,
        out: *mut *mut viq_linux_vsmmu,
        why: *mut viq_why,
    ) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_linux_vsmmu_destroy(vsmmu: *mut viq_linux_vsmmu) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_linux_vsmmu_hw_info(vsmmu: *const viq_linux_vsmmu) -> *const viq_linux_hw_info;
}
extern "C" {
    pub fn viq_linux_vsmmu_host(vsmmu: *mut viq_linux_vsmmu) -> viq_call_host;
}
extern "C" {
    pub fn viq_linux_vsmmu_backend(vsmmu: *mut viq_linux_vsmmu) -> viq_smmuv3_backend;
}
extern "C" {
    pub fn viq_linux_vsmmu_offer(vsmmu: *const viq_linux_vsmmu, raise: bool, ats: bool, ids: *mut viq_smmuv3_ids);
}
extern "C" {
    pub fn viq_linux_vsmmu_promise(
        vsmmu: *mut viq_linux_vsmmu,
        ids: *const viq_smmuv3_ids,
        why: *mut viq_why,
    ) -> ::std::os::raw::c_int;
}
#[repr(C)]
#[derive(Debug, Default, Copy, Clone)]
pub struct viq_linux_device {
    pub size: u32,
    pub device: u32,
    pub fd: ::std::os::raw::c_int,
    pub ats: u32,
}
extern "C" {
    pub fn viq_linux_vsmmu_add(
        vsmmu: *mut viq_linux_vsmmu,
        device: *const viq_linux_device,
        vsid: u32,
        why: *mut viq_why,
    ) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_linux_vsmmu_remove(vsmmu: *mut viq_linux_vsmmu, vsid: u32) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_linux_vsmmu_move(
        vsmmu: *mut viq_linux_vsmmu,
        moves: *const viq_linux_move,
        count: u32,
    ) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_linux_vsmmu_set(
        vsmmu: *mut viq_linux_vsmmu,
        vsid: u32,
        stream: *const viq_smmuv3_stream,
        outcome: *mut viq_smmuv3_outcome,
    ) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_linux_vsmmu_event_fd(vsmmu: *const viq_linux_vsmmu) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_linux_vsmmu_events(
        vsmmu: *mut viq_linux_vsmmu,
        events: *mut viq_smmuv3_host_event,
        count: *mut u32,
    ) -> ::std::os::raw::c_int;
}
#[repr(C)]
#[derive(Debug, Default, Copy, Clone)]
pub struct viq_linux_counters {
    pub ioctls: u64,
    pub entries: u64,
    pub failed: u64,
    pub repeated: u64,
    pub refused: u64,
    pub attaches: u64,
    pub rejected: u64,
    pub events: u64,
    pub events_lost: u64,
    pub events_kept: u64,
    pub set_failed: u64,
}
extern "C" {
    pub fn viq_linux_vsmmu_counters(
        vsmmu: *mut viq_linux_vsmmu,
        out: *mut viq_linux_counters,
        size: usize,
    ) -> ::std::os::raw::c_int;
}
#[repr(C)]
#[derive(Debug, Default, Copy, Clone)]
pub struct viq_vtd_s1_entry {
    pub addr: u64,
    pub npages: u64,
    pub flags: u32,
    pub reserved: u32,
}
#[repr(C)]
#[derive(Debug, Default, Copy, Clone)]
pub struct viq_work {
    pub budget: u32,
    pub cost: u32,
    pub cursor: [u64; 4usize],
}
pub const VIQ_VTD_CONTEXT_CACHE: viq_vtd_reconfig_cause = 0;
pub const VIQ_VTD_PASID_CACHE: viq_vtd_reconfig_cause = 1;
pub const VIQ_VTD_ROOT_TABLE: viq_vtd_reconfig_cause = 2;
pub const VIQ_VTD_ENABLED: viq_vtd_reconfig_cause = 3;
pub const VIQ_VTD_DISABLED: viq_vtd_reconfig_cause = 4;
pub const VIQ_VTD_RESTORED: viq_vtd_reconfig_cause = 5;
pub type viq_vtd_reconfig_cause = ::std::os::raw::c_uint;
pub const VIQ_VTD_SCOPE_ALL: viq_vtd_scope = 0;
pub const VIQ_VTD_SCOPE_DOMAIN: viq_vtd_scope = 1;
pub const VIQ_VTD_SCOPE_DEVICE: viq_vtd_scope = 2;
pub const VIQ_VTD_SCOPE_PASID: viq_vtd_scope = 3;
pub type viq_vtd_scope = ::std::os::raw::c_uint;
#[repr(C)]
#[derive(Debug, Default, Copy, Clone)]
pub struct viq_vtd_reconfig {
    pub size: u32,
    pub cause: u32,
    pub scope: u32,
    pub domain_id: u16,
    pub source_id: u16,
    pub source_mask: u16,
    pub reserved: u16,
    pub pasid: u32,
    pub work: viq_work,
}
#[repr(C)]
#[derive(Debug, Default, Copy, Clone)]
pub struct viq_vtd_tables {
    pub size: u32,
    pub enabled: bool,
    pub remap_enabled: bool,
    pub compat: bool,
    pub mode: u8,
    pub root: u64,
    pub root_set: bool,
    pub remap_set: bool,
    pub extended: bool,
    pub reserved: u8,
    pub remap_entries: u32,
    pub remap_table: u64,
}
#[repr(C)]
#[derive(Debug, Default, Copy, Clone)]
pub struct viq_vtd_devtlb {
    pub size: u32,
    pub source_id: u16,
    pub has_pasid: bool,
    pub all_pasids: bool,
    pub pasid: u32,
    pub reserved: u32,
    pub addr: u64,
    pub bytes: u64,
}
#[repr(C)]
#[derive(Debug, Default, Copy, Clone)]
pub struct viq_vtd_page_request {
    pub size: u32,
    pub source_id: u16,
    pub prgi: u16,
    pub pasid: u32,
    pub has_pasid: bool,
    pub last: bool,
    pub read: bool,
    pub write: bool,
    pub exec: bool,
    pub priv_: bool,
    pub reserved: [u8; 6usize],
    pub addr: u64,
}
#[repr(C)]
#[derive(Debug, Default, Copy, Clone)]
pub struct viq_vtd_host_page_request {
    pub request: viq_vtd_page_request,
    pub lost: u64,
}
#[repr(C)]
#[derive(Debug, Default, Copy, Clone)]
pub struct viq_vtd_page_response {
    pub size: u32,
    pub source_id: u16,
    pub prgi: u16,
    pub pasid: u32,
    pub has_pasid: bool,
    pub code: u8,
    pub reserved: [u8; 2usize],
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct viq_vtd_table {
    pub size: u32,
    pub flags: u32,
    pub pasid: u32,
    pub domain_id: u16,
    pub source_id: u16,
    pub host: viq_call_host,
}
impl Default for viq_vtd_table {
    fn default() -> Self {
        let mut s = ::std::mem::MaybeUninit::<Self>::uninit();
        unsafe {
            ::std::ptr::write_bytes(s.as_mut_ptr(), 0, 1);
            s.assume_init()
        }
    }
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct viq_vtd_listener {
    pub size: u32,
    pub attach: ::std::option::Option<
        unsafe extern "C" fn(
            opaque: *mut ::std::os::raw::c_void,
            table: *const viq_vtd_table,
            handle: *mut u32,
        ) -> ::std::os::raw::c_int,
    >,
    pub detach: ::std::option::Option<unsafe extern "C" fn(opaque: *mut ::std::os::raw::c_void, handle: u32)>,
    pub opaque: *mut ::std::os::raw::c_void,
}
impl Default for viq_vtd_listener {
    fn default() -> Self {
        let mut s = ::std::mem::MaybeUninit::<Self>::uninit();
        unsafe {
            ::std::ptr::write_bytes(s.as_mut_ptr(), 0, 1);
            s.assume_init()
        }
    }
}
#[repr(C)]
#[derive(Debug, Default, Copy, Clone)]
pub struct viq_vtd_host_fault {
    pub record: [u64; 2usize],
    pub lost: u64,
    pub parent: bool,
    pub reserved: [u8; 7usize],
}
pub const VIQ_VTD_BLOCK: viq_vtd_mode = 0;
pub const VIQ_VTD_BYPASS: viq_vtd_mode = 1;
pub const VIQ_VTD_STAGE1: viq_vtd_mode = 2;
pub const VIQ_VTD_STAGE2: viq_vtd_mode = 3;
pub type viq_vtd_mode = ::std::os::raw::c_uint;
#[repr(C)]
#[derive(Debug, Default, Copy, Clone)]
pub struct viq_vtd_translation {
    pub size: u32,
    pub mode: u32,
    pub pasid: u32,
    pub domain_id: u16,
    pub reason: u8,
    pub renew: bool,
    pub table: u64,
    pub levels: u32,
    pub sre: bool,
    pub ere: bool,
    pub wpe: bool,
    pub eafe: bool,
    pub nxe: bool,
    pub smep: bool,
    pub reserved: [u8; 6usize],
}
pub const VIQ_VTD_SET_BLOCKED: viq_vtd_outcome_fate = 0;
pub const VIQ_VTD_SET_UNSUPPORTED: viq_vtd_outcome_fate = 1;
pub const VIQ_VTD_SET_BYPASS: viq_vtd_outcome_fate = 2;
pub const VIQ_VTD_SET_NESTED: viq_vtd_outcome_fate = 3;
pub const VIQ_VTD_SET_UNCHANGED: viq_vtd_outcome_fate = 4;
pub const VIQ_VTD_SET_REJECTED: viq_vtd_outcome_fate = 5;
pub const VIQ_VTD_SET_FAILED: viq_vtd_outcome_fate = 6;
pub const VIQ_VTD_SET_BROKEN: viq_vtd_outcome_fate = 7;
pub const VIQ_VTD_SET_FATES: viq_vtd_outcome_fate = 8;
pub type viq_vtd_outcome_fate = ::std::os::raw::c_uint;
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct viq_vtd_outcome {
    pub size: u32,
    pub fate: u32,
    pub os_error: i32,
    pub source_id: u16,
    pub has_pasid: bool,
    pub reason: u8,
    pub pasid: u32,
    pub domain_id: u32,
    pub why: *const ::std::os::raw::c_char,
    pub calls: u32,
    pub reserved: u32,
}
impl Default for viq_vtd_outcome {
    fn default() -> Self {
        let mut s = ::std::mem::MaybeUninit::<Self>::uninit();
        unsafe {
            ::std::ptr::write_bytes(s.as_mut_ptr(), 0, 1);
            s.assume_init()
        }
    }
}
#[repr(C)]
#[derive(Debug, Default, Copy, Clone)]
pub struct viq_vtd_device_state {
    pub size: u32,
    pub pasid_bits: u32,
    pub rid_pasid: u32,
    pub unsure: bool,
    pub reserved: [u8; 3usize],
}
#[repr(C)]
#[derive(Debug, Default, Copy, Clone)]
pub struct viq_vtd_backend_ops {
    pub size: u32,
    pub reconfig: ::std::option::Option<
        unsafe extern "C" fn(
            opaque: *mut ::std::os::raw::c_void,
            tables: *const viq_vtd_tables,
            what: *const viq_vtd_reconfig,
        ) -> ::std::os::raw::c_int,
    >,
    pub next: ::std::option::Option<
        unsafe extern "C" fn(
            opaque: *mut ::std::os::raw::c_void,
            source_id: *mut u32,
            state: *mut viq_vtd_device_state,
        ) -> ::std::os::raw::c_int,
    >,
    pub next_pasid: ::std::option::Option<
        unsafe extern "C" fn(
            opaque: *mut ::std::os::raw::c_void,
            source_id: u16,
            pasid: *mut u32,
        ) -> ::std::os::raw::c_int,
    >,
    pub set: ::std::option::Option<
        unsafe extern "C" fn(
            opaque: *mut ::std::os::raw::c_void,
            source_id: u16,
            pasid: u32,
            translation: *const viq_vtd_translation,
            outcome: *mut viq_vtd_outcome,
        ) -> ::std::os::raw::c_int,
    >,
    pub listen: ::std::option::Option<
        unsafe extern "C" fn(
            opaque: *mut ::std::os::raw::c_void,
            listener: *const viq_vtd_listener,
        ) -> ::std::os::raw::c_int,
    >,
    pub settle: ::std::option::Option<unsafe extern "C" fn(opaque: *mut ::std::os::raw::c_void)>,
    pub step: ::std::option::Option<
        unsafe extern "C" fn(
            opaque: *mut ::std::os::raw::c_void,
            reads: *mut u64,
            entries: *mut u64,
        ) -> ::std::os::raw::c_int,
    >,
    pub faults: ::std::option::Option<
        unsafe extern "C" fn(
            opaque: *mut ::std::os::raw::c_void,
            faults: *mut viq_vtd_host_fault,
            count: *mut u32,
        ) -> ::std::os::raw::c_int,
    >,
    pub pending: ::std::option::Option<unsafe extern "C" fn(opaque: *mut ::std::os::raw::c_void) -> bool>,
    pub block: ::std::option::Option<
        unsafe extern "C" fn(opaque: *mut ::std::os::raw::c_void, source_id: u16) -> ::std::os::raw::c_int,
    >,
    pub fetch:
        ::std::option::Option<unsafe extern "C" fn(opaque: *mut ::std::os::raw::c_void) -> ::std::os::raw::c_int>,
    pub page_requests: ::std::option::Option<
        unsafe extern "C" fn(
            opaque: *mut ::std::os::raw::c_void,
            requests: *mut viq_vtd_host_page_request,
            count: *mut u32,
        ) -> ::std::os::raw::c_int,
    >,
    pub look_cost: u32,
    pub reserved: u32,
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct viq_vtd_backend {
    pub ops: *const viq_vtd_backend_ops,
    pub opaque: *mut ::std::os::raw::c_void,
}
impl Default for viq_vtd_backend {
    fn default() -> Self {
        let mut s = ::std::mem::MaybeUninit::<Self>::uninit();
        unsafe {
            ::std::ptr::write_bytes(s.as_mut_ptr(), 0, 1);
            s.assume_init()
        }
    }
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct viq_linux_vvtd {
    _unused: [u8; 0],
}
#[repr(C)]
#[derive(Debug, Default, Copy, Clone)]
pub struct viq_linux_vvtd_ops {
    pub size: u32,
    pub attach: ::std::option::Option<
        unsafe extern "C" fn(
            opaque: *mut ::std::os::raw::c_void,
            device: u32,
            pasid: u32,
            pt: u32,
        ) -> ::std::os::raw::c_int,
    >,
    pub group: ::std::option::Option<
        unsafe extern "C" fn(
            opaque: *mut ::std::os::raw::c_void,
            device: u32,
            group: *mut u32,
        ) -> ::std::os::raw::c_int,
    >,
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct viq_linux_vvtd_config {
    pub size: u32,
    pub hwpt: u32,
    pub device: u32,
    pub max_tables: u32,
    pub ops: *const viq_linux_vvtd_ops,
    pub opaque: *mut ::std::os::raw::c_void,
    pub page_groups: u32,
    pub reserved: u32,
}
impl Default for viq_linux_vvtd_config {
    fn default() -> Self {
        let mut s = ::std::mem::MaybeUninit::<Self>::uninit();
        unsafe {
            ::std::ptr::write_bytes(s.as_mut_ptr(), 0, 1);
            s.assume_init()
        }
    }
}
extern "C" {
    pub fn viq_linux_vvtd_config_init(config: *mut viq_linux_vvtd_config, size: usize);
}
extern "C" {
    pub fn viq_linux_vvtd_create(
        ctx: *mut viq_linux,
        config: *const viq_linux_vvtd_config,
        out: *mut *mut viq_linux_vvtd,
        why: *mut viq_why,
    ) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_linux_vvtd_destroy(vvtd: *mut viq_linux_vvtd) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_linux_vvtd_hw_info(vvtd: *const viq_linux_vvtd) -> *const viq_linux_hw_info;
}
extern "C" {
    pub fn viq_linux_vvtd_offer(vvtd: *const viq_linux_vvtd, cap: *mut u64, ecap: *mut u64);
}
extern "C" {
    pub fn viq_linux_vvtd_check(
        vvtd: *const viq_linux_vvtd,
        cap: u64,
        ecap: u64,
        why: *mut viq_why,
    ) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_linux_vvtd_backend(vvtd: *mut viq_linux_vvtd) -> viq_vtd_backend;
}
extern "C" {
    pub fn viq_linux_vvtd_listen(vvtd: *mut viq_linux_vvtd, listener: *const viq_vtd_listener)
        -> ::std::os::raw::c_int;
}
#[repr(C)]
#[derive(Debug, Default, Copy, Clone)]
pub struct viq_linux_vtd_device {
    pub size: u32,
    pub device: u32,
    pub fd: ::std::os::raw::c_int,
    pub pasids: u32,
    pub page_requests: u32,
    pub reserved: u32,
}
extern "C" {
    pub fn viq_linux_vvtd_add(
        vvtd: *mut viq_linux_vvtd,
        device: *const viq_linux_vtd_device,
        source_id: u16,
        why: *mut viq_why,
    ) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_linux_vvtd_remove(vvtd: *mut viq_linux_vvtd, source_id: u16) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_linux_vvtd_move(
        vvtd: *mut viq_linux_vvtd,
        moves: *const viq_linux_move,
        count: u32,
    ) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_linux_vvtd_set(
        vvtd: *mut viq_linux_vvtd,
        source_id: u16,
        pasid: u32,
        translation: *const viq_vtd_translation,
        outcome: *mut viq_vtd_outcome,
    ) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_linux_vvtd_page_fd(vvtd: *const viq_linux_vvtd) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_linux_vvtd_page_response(
        vvtd: *mut viq_linux_vvtd,
        response: *const viq_vtd_page_response,
    ) -> ::std::os::raw::c_int;
}
#[repr(C)]
#[derive(Debug, Default, Copy, Clone)]
pub struct viq_linux_vtd_counters {
    pub ioctls: u64,
    pub entries: u64,
    pub failed: u64,
    pub refused: u64,
    pub whole: u64,
    pub attaches: u64,
    pub rejected: u64,
    pub tables: u64,
    pub set_failed: u64,
    pub page_requests: u64,
    pub page_discarded: u64,
}
extern "C" {
    pub fn viq_linux_vvtd_counters(
        vvtd: *mut viq_linux_vvtd,
        out: *mut viq_linux_vtd_counters,
        size: usize,
    ) -> ::std::os::raw::c_int;
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct viq_mem {
    _unused: [u8; 0],
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct viq_mem_region {
    pub gpa: u64,
    pub size: u64,
    pub host: *mut ::std::os::raw::c_void,
    pub flags: u32,
}
impl Default for viq_mem_region {
    fn default() -> Self {
        let mut s = ::std::mem::MaybeUninit::<Self>::uninit();
        unsafe {
            ::std::ptr::write_bytes(s.as_mut_ptr(), 0, 1);
            s.assume_init()
        }
    }
}
#[repr(C)]
#[derive(Debug, Default, Copy, Clone)]
pub struct viq_mem_ops {
    pub size: u32,
    pub read: ::std::option::Option<
        unsafe extern "C" fn(
            opaque: *mut ::std::os::raw::c_void,
            gpa: u64,
            buf: *mut ::std::os::raw::c_void,
            len: usize,
        ) -> ::std::os::raw::c_int,
    >,
    pub write: ::std::option::Option<
        unsafe extern "C" fn(
            opaque: *mut ::std::os::raw::c_void,
            gpa: u64,
            buf: *const ::std::os::raw::c_void,
            len: usize,
        ) -> ::std::os::raw::c_int,
    >,
    pub written: ::std::option::Option<unsafe extern "C" fn(opaque: *mut ::std::os::raw::c_void, gpa: u64, len: usize)>,
}
extern "C" {
    pub fn viq_mem_create(
        regions: *const viq_mem_region,
        count: usize,
        ops: *const viq_mem_ops,
        opaque: *mut ::std::os::raw::c_void,
        out: *mut *mut viq_mem,
        why: *mut viq_why,
    ) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_mem_destroy(mem: *mut viq_mem);
}
extern "C" {
    pub fn viq_mem_read(
        mem: *const viq_mem,
        gpa: u64,
        buf: *mut ::std::os::raw::c_void,
        len: usize,
    ) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_mem_write(
        mem: *const viq_mem,
        gpa: u64,
        buf: *const ::std::os::raw::c_void,
        len: usize,
    ) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_mem_read_words(mem: *const viq_mem, gpa: u64, words: *mut u64, count: usize) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_mem_write_u32(mem: *const viq_mem, gpa: u64, value: u32) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_mem_write_u64(mem: *const viq_mem, gpa: u64, value: u64) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_mem_cas_u64(mem: *const viq_mem, gpa: u64, expected: u64, value: u64) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_mem_span(mem: *const viq_mem, gpa: u64, avail: *mut u64) -> *mut ::std::os::raw::c_void;
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct viq_smmuv3 {
    _unused: [u8; 0],
}
pub const VIQ_SMMUV3_IRQ_EVENTQ: viq_smmuv3_irq = 0;
pub const VIQ_SMMUV3_IRQ_GERROR: viq_smmuv3_irq = 1;
pub const VIQ_SMMUV3_IRQ_CMD_SYNC: viq_smmuv3_irq = 2;
pub const VIQ_SMMUV3_IRQ_PRIQ: viq_smmuv3_irq = 3;
pub type viq_smmuv3_irq = ::std::os::raw::c_uint;
pub const VIQ_SMMUV3_CFGI_STE: viq_smmuv3_reconfig_cause = 0;
pub const VIQ_SMMUV3_ENABLED: viq_smmuv3_reconfig_cause = 1;
pub const VIQ_SMMUV3_DISABLED: viq_smmuv3_reconfig_cause = 2;
pub const VIQ_SMMUV3_GBPA_CHANGED: viq_smmuv3_reconfig_cause = 3;
pub const VIQ_SMMUV3_RESTORED: viq_smmuv3_reconfig_cause = 4;
pub type viq_smmuv3_reconfig_cause = ::std::os::raw::c_uint;
#[repr(C)]
#[derive(Debug, Default, Copy, Clone)]
pub struct viq_smmuv3_reconfig {
    pub size: u32,
    pub cause: u32,
    pub first: u32,
    pub last: u32,
    pub work: viq_work,
}
#[repr(C)]
#[derive(Debug, Default, Copy, Clone)]
pub struct viq_smmuv3_page_request {
    pub size: u32,
    pub sid: u32,
    pub ssid: u32,
    pub prgi: u16,
    pub ssv: bool,
    pub last: bool,
    pub read: bool,
    pub write: bool,
    pub exec: bool,
    pub priv_: bool,
    pub reserved: [u8; 4usize],
    pub addr: u64,
}
#[repr(C)]
#[derive(Debug, Default, Copy, Clone)]
pub struct viq_smmuv3_page_response {
    pub size: u32,
    pub sid: u32,
    pub ssid: u32,
    pub prgi: u16,
    pub ssv: bool,
    pub code: u8,
}
pub const VIQ_SMMUV3_FATE_HOST: viq_smmuv3_fate = 0;
pub const VIQ_SMMUV3_FATE_LOCAL: viq_smmuv3_fate = 1;
pub const VIQ_SMMUV3_FATE_NO_STREAM: viq_smmuv3_fate = 2;
pub const VIQ_SMMUV3_FATE_SYNC: viq_smmuv3_fate = 3;
pub const VIQ_SMMUV3_FATE_ERROR: viq_smmuv3_fate = 4;
pub const VIQ_SMMUV3_FATE_RETAINED: viq_smmuv3_fate = 5;
pub type viq_smmuv3_fate = ::std::os::raw::c_uint;
#[repr(C)]
#[derive(Debug, Default, Copy, Clone)]
pub struct viq_smmuv3_trace {
    pub size: u32,
    pub index: u32,
    pub cmd: [u64; 2usize],
    pub fate: u8,
    pub cerror: u8,
    pub reserved: [u8; 6usize],
}
#[repr(C)]
#[derive(Debug, Default, Copy, Clone)]
pub struct viq_smmuv3_ops {
    pub size: u32,
    pub irq: ::std::option::Option<unsafe extern "C" fn(opaque: *mut ::std::os::raw::c_void, which: viq_smmuv3_irq)>,
    pub msi: ::std::option::Option<
        unsafe extern "C" fn(opaque: *mut ::std::os::raw::c_void, addr: u64, data: u32) -> ::std::os::raw::c_int,
    >,
    pub reconfig: ::std::option::Option<
        unsafe extern "C" fn(
            opaque: *mut ::std::os::raw::c_void,
            what: *mut viq_smmuv3_reconfig,
        ) -> ::std::os::raw::c_int,
    >,
    pub kick: ::std::option::Option<unsafe extern "C" fn(opaque: *mut ::std::os::raw::c_void)>,
    pub host_error: ::std::option::Option<
        unsafe extern "C" fn(opaque: *mut ::std::os::raw::c_void, result: *const viq_call_result),
    >,
    pub trace: ::std::option::Option<
        unsafe extern "C" fn(opaque: *mut ::std::os::raw::c_void, trace: *const viq_smmuv3_trace),
    >,
    pub host_wait: ::std::option::Option<
        unsafe extern "C" fn(
            opaque: *mut ::std::os::raw::c_void,
            result: *const viq_call_result,
            times: u64,
        ) -> ::std::os::raw::c_int,
    >,
    pub device_timeout: ::std::option::Option<unsafe extern "C" fn(opaque: *mut ::std::os::raw::c_void, sid: u32)>,
    pub sync: ::std::option::Option<unsafe extern "C" fn(opaque: *mut ::std::os::raw::c_void) -> u32>,
    pub page_response: ::std::option::Option<
        unsafe extern "C" fn(
            opaque: *mut ::std::os::raw::c_void,
            response: *const viq_smmuv3_page_response,
        ) -> ::std::os::raw::c_int,
    >,
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct viq_smmuv3_config {
    pub size: u32,
    pub idr0: u32,
    pub idr1: u32,
    pub idr3: u32,
    pub idr5: u32,
    pub iidr: u32,
    pub aidr: u32,
    pub gbpa: u32,
    pub budget: u32,
    pub mem: *const viq_mem,
    pub host: viq_call_host,
    pub ops: *const viq_smmuv3_ops,
    pub opaque: *mut ::std::os::raw::c_void,
    pub page: *mut ::std::os::raw::c_void,
}
impl Default for viq_smmuv3_config {
    fn default() -> Self {
        let mut s = ::std::mem::MaybeUninit::<Self>::uninit();
        unsafe {
            ::std::ptr::write_bytes(s.as_mut_ptr(), 0, 1);
            s.assume_init()
        }
    }
}
extern "C" {
    pub fn viq_smmuv3_config_init(config: *mut viq_smmuv3_config, size: usize);
}
extern "C" {
    pub fn viq_smmuv3_config_check(config: *const viq_smmuv3_config, why: *mut viq_why) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_smmuv3_create(
        config: *const viq_smmuv3_config,
        out: *mut *mut viq_smmuv3,
        why: *mut viq_why,
    ) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_smmuv3_destroy(smmu: *mut viq_smmuv3);
}
extern "C" {
    pub fn viq_smmuv3_get_ids(smmu: *const viq_smmuv3, ids: *mut viq_smmuv3_ids) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_smmuv3_set_budget(smmu: *mut viq_smmuv3, budget: u32) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_smmuv3_reset(smmu: *mut viq_smmuv3);
}
extern "C" {
    pub fn viq_smmuv3_mmio_read(smmu: *const viq_smmuv3, offset: u64, size: ::std::os::raw::c_uint) -> u64;
}
extern "C" {
    pub fn viq_smmuv3_mmio_write(smmu: *mut viq_smmuv3, offset: u64, size: ::std::os::raw::c_uint, value: u64);
}
extern "C" {
    pub fn viq_smmuv3_run(smmu: *mut viq_smmuv3, budget: u32) -> bool;
}
extern "C" {
    pub fn viq_smmuv3_waits_for_host(smmu: *const viq_smmuv3) -> u64;
}
extern "C" {
    pub fn viq_smmuv3_event(smmu: *mut viq_smmuv3, record: *const u64) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_smmuv3_event_lost(smmu: *mut viq_smmuv3, count: u64);
}
extern "C" {
    pub fn viq_smmuv3_page_request(
        smmu: *mut viq_smmuv3,
        request: *const viq_smmuv3_page_request,
    ) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_smmuv3_stream_config(
        smmu: *const viq_smmuv3,
        sid: u32,
        stream: *mut viq_smmuv3_stream,
    ) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_smmuv3_save_size(smmu: *const viq_smmuv3) -> usize;
}
extern "C" {
    pub fn viq_smmuv3_save(
        smmu: *const viq_smmuv3,
        buf: *mut ::std::os::raw::c_void,
        len: *mut usize,
    ) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_smmuv3_save_as(
        smmu: *const viq_smmuv3,
        version: u32,
        buf: *mut ::std::os::raw::c_void,
        len: *mut usize,
    ) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_smmuv3_restore(
        smmu: *mut viq_smmuv3,
        buf: *const ::std::os::raw::c_void,
        len: usize,
    ) -> ::std::os::raw::c_int;
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct viq_smmuv3_counters {
    pub commands: [u64; 256usize],
    pub cerror: [u64; 4usize],
    pub doorbells: u64,
    pub runs: u64,
    pub calls: u64,
    pub host_calls: u64,
    pub entries: u64,
    pub call_errors: [u64; 16usize],
    pub no_stream: u64,
    pub events: u64,
    pub events_lost: u64,
    pub budget_ends: u64,
    pub writes_lost: u64,
    pub host_waits: u64,
    pub page_requests: u64,
    pub page_requests_lost: u64,
    pub page_responses: u64,
}
impl Default for viq_smmuv3_counters {
    fn default() -> Self {
        let mut s = ::std::mem::MaybeUninit::<Self>::uninit();
        unsafe {
            ::std::ptr::write_bytes(s.as_mut_ptr(), 0, 1);
            s.assume_init()
        }
    }
}
extern "C" {
    pub fn viq_smmuv3_counters(
        smmu: *const viq_smmuv3,
        out: *mut viq_smmuv3_counters,
        size: usize,
    ) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_smmuv3_counters_add(total: *mut viq_smmuv3_counters, more: *const viq_smmuv3_counters, size: usize);
}
extern "C" {
    pub fn viq_smmuv3_footprint(smmu: *const viq_smmuv3) -> usize;
}
extern "C" {
    pub fn viq_smmuv3_command_name(cmd: *const u64) -> *const ::std::os::raw::c_char;
}
extern "C" {
    pub fn viq_smmuv3_command_text(
        cmd: *const u64,
        config: *const viq_smmuv3_config,
        buf: *mut ::std::os::raw::c_char,
        len: usize,
    ) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_smmuv3_command_check(cmd: *const u64, config: *const viq_smmuv3_config) -> ::std::os::raw::c_uint;
}
extern "C" {
    pub fn viq_smmuv3_cerror_name(cerror: ::std::os::raw::c_uint) -> *const ::std::os::raw::c_char;
}
extern "C" {
    pub fn viq_smmuv3_event_name(event: ::std::os::raw::c_uint) -> *const ::std::os::raw::c_char;
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct viq_nest_smmuv3 {
    _unused: [u8; 0],
}
#[repr(C)]
#[derive(Debug, Default, Copy, Clone)]
pub struct viq_nest_smmuv3_ops {
    pub size: u32,
    pub trace: ::std::option::Option<
        unsafe extern "C" fn(opaque: *mut ::std::os::raw::c_void, outcome: *const viq_smmuv3_outcome),
    >,
}
extern "C" {
    pub fn viq_nest_smmuv3_create(
        ops: *const viq_nest_smmuv3_ops,
        opaque: *mut ::std::os::raw::c_void,
        out: *mut *mut viq_nest_smmuv3,
        why: *mut viq_why,
    ) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_nest_smmuv3_destroy(nest: *mut viq_nest_smmuv3);
}
extern "C" {
    pub fn viq_nest_smmuv3_host(nest: *mut viq_nest_smmuv3) -> viq_call_host;
}
extern "C" {
    pub fn viq_nest_smmuv3_offer(nest: *const viq_nest_smmuv3, ats: bool, config: *mut viq_smmuv3_config);
}
extern "C" {
    pub fn viq_nest_smmuv3_bind(
        nest: *mut viq_nest_smmuv3,
        smmu: *mut viq_smmuv3,
        why: *mut viq_why,
    ) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_nest_smmuv3_join(
        nest: *mut viq_nest_smmuv3,
        backend: *const viq_smmuv3_backend,
        why: *mut viq_why,
    ) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_nest_smmuv3_leave(
        nest: *mut viq_nest_smmuv3,
        backend: *const viq_smmuv3_backend,
    ) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_nest_smmuv3_follow(nest: *mut viq_nest_smmuv3, vsid: u32) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_nest_smmuv3_block(nest: *mut viq_nest_smmuv3, vsid: u32) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_nest_smmuv3_reconfig(
        nest: *mut viq_nest_smmuv3,
        what: *mut viq_smmuv3_reconfig,
    ) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_nest_smmuv3_events(nest: *mut viq_nest_smmuv3, budget: u32) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_nest_smmuv3_sync(nest: *mut viq_nest_smmuv3) -> u32;
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct viq_vtd {
    _unused: [u8; 0],
}
pub const VIQ_VTD_IEC: viq_vtd_remap_cause = 0;
pub const VIQ_VTD_REMAP_TABLE: viq_vtd_remap_cause = 1;
pub const VIQ_VTD_REMAP_STATE: viq_vtd_remap_cause = 2;
pub const VIQ_VTD_REMAP_RESTORED: viq_vtd_remap_cause = 3;
pub type viq_vtd_remap_cause = ::std::os::raw::c_uint;
#[repr(C)]
#[derive(Debug, Default, Copy, Clone)]
pub struct viq_vtd_remap {
    pub size: u32,
    pub cause: u32,
    pub first: u32,
    pub count: u32,
    pub work: viq_work,
}
pub const VIQ_VTD_FATE_HOST: viq_vtd_fate = 0;
pub const VIQ_VTD_FATE_LOCAL: viq_vtd_fate = 1;
pub const VIQ_VTD_FATE_NO_TABLE: viq_vtd_fate = 2;
pub const VIQ_VTD_FATE_WAIT: viq_vtd_fate = 3;
pub const VIQ_VTD_FATE_ABORTED: viq_vtd_fate = 4;
pub const VIQ_VTD_FATE_TIMEOUT: viq_vtd_fate = 5;
pub const VIQ_VTD_FATE_ICE: viq_vtd_fate = 6;
pub const VIQ_VTD_FATE_ERROR: viq_vtd_fate = 7;
pub const VIQ_VTD_FATE_RETRY: viq_vtd_fate = 8;
pub type viq_vtd_fate = ::std::os::raw::c_uint;
#[repr(C)]
#[derive(Debug, Default, Copy, Clone)]
pub struct viq_vtd_trace {
    pub size: u32,
    pub head: u32,
    pub desc: [u64; 4usize],
    pub fate: u8,
    pub iqei: u8,
    pub reserved: [u8; 6usize],
}
#[repr(C)]
#[derive(Debug, Default, Copy, Clone)]
pub struct viq_vtd_ops {
    pub size: u32,
    pub msi: ::std::option::Option<unsafe extern "C" fn(opaque: *mut ::std::os::raw::c_void, addr: u64, data: u32)>,
    pub reconfig: ::std::option::Option<
        unsafe extern "C" fn(opaque: *mut ::std::os::raw::c_void, what: *mut viq_vtd_reconfig) -> ::std::os::raw::c_int,
    >,
    pub remap: ::std::option::Option<
        unsafe extern "C" fn(opaque: *mut ::std::os::raw::c_void, what: *mut viq_vtd_remap) -> ::std::os::raw::c_int,
    >,
    pub devtlb: ::std::option::Option<
        unsafe extern "C" fn(opaque: *mut ::std::os::raw::c_void, inv: *const viq_vtd_devtlb) -> ::std::os::raw::c_int,
    >,
    pub kick: ::std::option::Option<unsafe extern "C" fn(opaque: *mut ::std::os::raw::c_void)>,
    pub host_error: ::std::option::Option<
        unsafe extern "C" fn(
            opaque: *mut ::std::os::raw::c_void,
            table: *const viq_vtd_table,
            result: *const viq_call_result,
        ),
    >,
    pub trace:
        ::std::option::Option<unsafe extern "C" fn(opaque: *mut ::std::os::raw::c_void, trace: *const viq_vtd_trace)>,
    pub host_wait: ::std::option::Option<
        unsafe extern "C" fn(
            opaque: *mut ::std::os::raw::c_void,
            result: *const viq_call_result,
            times: u64,
        ) -> ::std::os::raw::c_int,
    >,
    pub device_timeout: ::std::option::Option<unsafe extern "C" fn(opaque: *mut ::std::os::raw::c_void, sid: u32)>,
    pub sync: ::std::option::Option<unsafe extern "C" fn(opaque: *mut ::std::os::raw::c_void) -> u32>,
    pub page_response: ::std::option::Option<
        unsafe extern "C" fn(
            opaque: *mut ::std::os::raw::c_void,
            response: *const viq_vtd_page_response,
        ) -> ::std::os::raw::c_int,
    >,
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct viq_vtd_config {
    pub size: u32,
    pub version: u32,
    pub cap: u64,
    pub ecap: u64,
    pub budget: u32,
    pub reserved: u32,
    pub mem: *const viq_mem,
    pub ops: *const viq_vtd_ops,
    pub opaque: *mut ::std::os::raw::c_void,
    pub page: *mut ::std::os::raw::c_void,
}
impl Default for viq_vtd_config {
    fn default() -> Self {
        let mut s = ::std::mem::MaybeUninit::<Self>::uninit();
        unsafe {
            ::std::ptr::write_bytes(s.as_mut_ptr(), 0, 1);
            s.assume_init()
        }
    }
}
extern "C" {
    pub fn viq_vtd_config_init(config: *mut viq_vtd_config, size: usize);
}
extern "C" {
    pub fn viq_vtd_config_check(config: *const viq_vtd_config, why: *mut viq_why) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_vtd_create(
        config: *const viq_vtd_config,
        out: *mut *mut viq_vtd,
        why: *mut viq_why,
    ) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_vtd_destroy(vtd: *mut viq_vtd);
}
extern "C" {
    pub fn viq_vtd_set_budget(vtd: *mut viq_vtd, budget: u32) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_vtd_reset(vtd: *mut viq_vtd);
}
extern "C" {
    pub fn viq_vtd_attach(vtd: *mut viq_vtd, table: *const viq_vtd_table, handle: *mut u32) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_vtd_detach(vtd: *mut viq_vtd, handle: u32) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_vtd_tables(vtd: *const viq_vtd, tables: *mut viq_vtd_tables) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_vtd_caps(vtd: *const viq_vtd, cap: *mut u64, ecap: *mut u64);
}
extern "C" {
    pub fn viq_vtd_mmio_read(vtd: *const viq_vtd, offset: u64, size: ::std::os::raw::c_uint) -> u64;
}
extern "C" {
    pub fn viq_vtd_mmio_write(vtd: *mut viq_vtd, offset: u64, size: ::std::os::raw::c_uint, value: u64);
}
extern "C" {
    pub fn viq_vtd_run(vtd: *mut viq_vtd, budget: u32) -> bool;
}
extern "C" {
    pub fn viq_vtd_waits_for_host(vtd: *const viq_vtd) -> u64;
}
extern "C" {
    pub fn viq_vtd_fault(vtd: *mut viq_vtd, record: *const u64) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_vtd_fault_lost(vtd: *mut viq_vtd, count: u64);
}
extern "C" {
    pub fn viq_vtd_page_request(vtd: *mut viq_vtd, request: *const viq_vtd_page_request) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_vtd_page_requests_lost(vtd: *mut viq_vtd, count: u64);
}
extern "C" {
    pub fn viq_vtd_save_size(vtd: *const viq_vtd) -> usize;
}
extern "C" {
    pub fn viq_vtd_save(
        vtd: *const viq_vtd,
        buf: *mut ::std::os::raw::c_void,
        len: *mut usize,
    ) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_vtd_save_as(
        vtd: *const viq_vtd,
        version: u32,
        buf: *mut ::std::os::raw::c_void,
        len: *mut usize,
    ) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_vtd_restore(vtd: *mut viq_vtd, buf: *const ::std::os::raw::c_void, len: usize) -> ::std::os::raw::c_int;
}
#[repr(C)]
#[derive(Debug, Default, Copy, Clone)]
pub struct viq_vtd_counters {
    pub descriptors: [u64; 16usize],
    pub iqe: [u64; 16usize],
    pub retries: u64,
    pub timeouts: u64,
    pub aborted: u64,
    pub ice: u64,
    pub doorbells: u64,
    pub runs: u64,
    pub calls: u64,
    pub host_calls: u64,
    pub entries: u64,
    pub call_errors: [u64; 16usize],
    pub no_table: u64,
    pub status_lost: u64,
    pub faults: u64,
    pub faults_lost: u64,
    pub budget_ends: u64,
    pub writes_lost: u64,
    pub host_waits: u64,
    pub page_requests: u64,
    pub page_requests_lost: u64,
    pub page_responses: u64,
}
extern "C" {
    pub fn viq_vtd_counters(vtd: *const viq_vtd, out: *mut viq_vtd_counters, size: usize) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_vtd_counters_add(total: *mut viq_vtd_counters, more: *const viq_vtd_counters, size: usize);
}
extern "C" {
    pub fn viq_vtd_footprint(vtd: *const viq_vtd) -> usize;
}
extern "C" {
    pub fn viq_vtd_descriptor_name(desc: *const u64) -> *const ::std::os::raw::c_char;
}
extern "C" {
    pub fn viq_vtd_descriptor_text(
        desc: *const u64,
        config: *const viq_vtd_config,
        buf: *mut ::std::os::raw::c_char,
        len: usize,
    ) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_vtd_descriptor_check(
        desc: *const u64,
        width: ::std::os::raw::c_uint,
        config: *const viq_vtd_config,
    ) -> ::std::os::raw::c_uint;
}
extern "C" {
    pub fn viq_vtd_iqei_name(iqei: ::std::os::raw::c_uint) -> *const ::std::os::raw::c_char;
}
extern "C" {
    pub fn viq_vtd_fault_name(reason: ::std::os::raw::c_uint) -> *const ::std::os::raw::c_char;
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct viq_nest_vtd {
    _unused: [u8; 0],
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct viq_nest_vtd_config {
    pub size: u32,
    pub haw: u32,
    pub backend: viq_vtd_backend,
    pub host: ::std::option::Option<
        unsafe extern "C" fn(opaque: *mut ::std::os::raw::c_void, host: *mut viq_call_host) -> ::std::os::raw::c_int,
    >,
    pub fault: ::std::option::Option<
        unsafe extern "C" fn(opaque: *mut ::std::os::raw::c_void, record: *const u64, parent: bool),
    >,
    pub trace: ::std::option::Option<
        unsafe extern "C" fn(opaque: *mut ::std::os::raw::c_void, outcome: *const viq_vtd_outcome),
    >,
    pub opaque: *mut ::std::os::raw::c_void,
}
impl Default for viq_nest_vtd_config {
    fn default() -> Self {
        let mut s = ::std::mem::MaybeUninit::<Self>::uninit();
        unsafe {
            ::std::ptr::write_bytes(s.as_mut_ptr(), 0, 1);
            s.assume_init()
        }
    }
}
extern "C" {
    pub fn viq_nest_vtd_config_init(config: *mut viq_nest_vtd_config, size: usize);
}
extern "C" {
    pub fn viq_nest_vtd_create(
        config: *const viq_nest_vtd_config,
        out: *mut *mut viq_nest_vtd,
        why: *mut viq_why,
    ) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_nest_vtd_destroy(nest: *mut viq_nest_vtd);
}
extern "C" {
    pub fn viq_nest_vtd_bind(nest: *mut viq_nest_vtd, vtd: *mut viq_vtd, mem: *const viq_mem) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_nest_vtd_reconfig(nest: *mut viq_nest_vtd, what: *mut viq_vtd_reconfig) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_nest_vtd_follow(nest: *mut viq_nest_vtd, source_id: u16) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_nest_vtd_block(nest: *mut viq_nest_vtd, source_id: u16) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_nest_vtd_faults(nest: *mut viq_nest_vtd, budget: u32) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_nest_vtd_sync(nest: *mut viq_nest_vtd) -> u32;
}
extern "C" {
    pub fn viq_soft_thread_register() -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_soft_thread_unregister() -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_soft_access_begin();
}
extern "C" {
    pub fn viq_soft_access_end();
}
#[repr(C)]
#[derive(Debug, Default, Copy, Clone)]
pub struct viq_soft_xlate {
    pub pa: u64,
    pub len: u64,
}
#[repr(C)]
#[derive(Debug, Default, Copy, Clone)]
pub struct viq_soft_counters {
    pub entries: u64,
    pub calls: u64,
    pub tlb_hits: u64,
    pub tlb_misses: u64,
    pub atc_hits: u64,
    pub walks: u64,
    pub faults: u64,
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct viq_soft {
    _unused: [u8; 0],
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct viq_soft_dev {
    _unused: [u8; 0],
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct viq_soft_config {
    pub size: u32,
    pub idr0: u32,
    pub idr1: u32,
    pub idr3: u32,
    pub idr5: u32,
    pub tlb_entries: u32,
    pub atc_entries: u32,
    pub mem: *const viq_mem,
    pub notify: ::std::option::Option<unsafe extern "C" fn(opaque: *mut ::std::os::raw::c_void, viommu: u32)>,
    pub opaque: *mut ::std::os::raw::c_void,
}
impl Default for viq_soft_config {
    fn default() -> Self {
        let mut s = ::std::mem::MaybeUninit::<Self>::uninit();
        unsafe {
            ::std::ptr::write_bytes(s.as_mut_ptr(), 0, 1);
            s.assume_init()
        }
    }
}
extern "C" {
    pub fn viq_soft_config_init(config: *mut viq_soft_config, size: usize);
}
extern "C" {
    pub fn viq_soft_create(
        config: *const viq_soft_config,
        out: *mut *mut viq_soft,
        why: *mut viq_why,
    ) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_soft_destroy(soft: *mut viq_soft);
}
#[repr(C)]
#[derive(Debug, Default, Copy, Clone)]
pub struct viq_soft_s2_config {
    pub size: u32,
    pub identity: u32,
    pub ttb: u64,
    pub t0sz: u32,
    pub sl0: u32,
    pub tg: u32,
    pub ps: u32,
}
extern "C" {
    pub fn viq_soft_s2_alloc(
        soft: *mut viq_soft,
        config: *const viq_soft_s2_config,
        id: *mut u32,
        why: *mut viq_why,
    ) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_soft_s2_invalidate(soft: *mut viq_soft, s2: u32, ipa: u64, len: u64) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_soft_viommu_alloc(
        soft: *mut viq_soft,
        s2: u32,
        id: *mut u32,
        why: *mut viq_why,
    ) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_soft_host(soft: *mut viq_soft, viommu: u32) -> viq_call_host;
}
extern "C" {
    pub fn viq_soft_backend(soft: *mut viq_soft, viommu: u32) -> viq_smmuv3_backend;
}
extern "C" {
    pub fn viq_soft_dev_alloc(
        soft: *mut viq_soft,
        out: *mut *mut viq_soft_dev,
        why: *mut viq_why,
    ) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_soft_dev_free(dev: *mut viq_soft_dev) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_soft_dev_set_ats(dev: *mut viq_soft_dev, on: bool) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_soft_vdevice_alloc(
        soft: *mut viq_soft,
        viommu: u32,
        dev: *mut viq_soft_dev,
        vsid: u32,
        id: *mut u32,
        why: *mut viq_why,
    ) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_soft_vdevice_find(
        soft: *mut viq_soft,
        viommu: u32,
        vsid: u32,
        dev: *mut *mut viq_soft_dev,
    ) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_soft_nested_alloc(
        soft: *mut viq_soft,
        viommu: u32,
        ste: *const u64,
        id: *mut u32,
        why: *mut viq_why,
    ) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_soft_attach(dev: *mut viq_soft_dev, nested: u32) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_soft_object_free(soft: *mut viq_soft, id: u32) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_soft_vdevice_configure(
        soft: *mut viq_soft,
        viommu: u32,
        vsid: u32,
        ste: *const u64,
    ) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_soft_vdevice_fault(
        soft: *mut viq_soft,
        viommu: u32,
        vsid: u32,
        record: *const u64,
    ) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_soft_translate(
        dev: *mut viq_soft_dev,
        iova: u64,
        ssid: u32,
        flags: u32,
        out: *mut viq_soft_xlate,
    ) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_soft_dma_read(
        dev: *mut viq_soft_dev,
        iova: u64,
        ssid: u32,
        flags: u32,
        buf: *mut ::std::os::raw::c_void,
        len: usize,
    ) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_soft_dma_write(
        dev: *mut viq_soft_dev,
        iova: u64,
        ssid: u32,
        flags: u32,
        buf: *const ::std::os::raw::c_void,
        len: usize,
    ) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_soft_events(
        soft: *mut viq_soft,
        viommu: u32,
        events: *mut viq_smmuv3_host_event,
        count: *mut u32,
    ) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_soft_counters(soft: *mut viq_soft, out: *mut viq_soft_counters, size: usize) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_soft_cached(dev: *mut viq_soft_dev, iova: u64, ssid: u32, flags: u32, ats: bool) -> bool;
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct viq_soft_vtd {
    _unused: [u8; 0],
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct viq_soft_vtd_dev {
    _unused: [u8; 0],
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct viq_soft_vtd_config {
    pub size: u32,
    pub haw: u32,
    pub cap: u64,
    pub ecap: u64,
    pub tlb_entries: u32,
    pub devtlb_entries: u32,
    pub tables: u32,
    pub devtlb_implied: u32,
    pub mem: *const viq_mem,
    pub guest_mem: *const viq_mem,
    pub parent_table: u64,
    pub parent_aw: u32,
    pub reserved: u32,
    pub notify: ::std::option::Option<unsafe extern "C" fn(opaque: *mut ::std::os::raw::c_void)>,
    pub opaque: *mut ::std::os::raw::c_void,
}
impl Default for viq_soft_vtd_config {
    fn default() -> Self {
        let mut s = ::std::mem::MaybeUninit::<Self>::uninit();
        unsafe {
            ::std::ptr::write_bytes(s.as_mut_ptr(), 0, 1);
            s.assume_init()
        }
    }
}
extern "C" {
    pub fn viq_soft_vtd_config_init(config: *mut viq_soft_vtd_config, size: usize);
}
extern "C" {
    pub fn viq_soft_vtd_create(
        config: *const viq_soft_vtd_config,
        out: *mut *mut viq_soft_vtd,
        why: *mut viq_why,
    ) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_soft_vtd_destroy(soft: *mut viq_soft_vtd);
}
extern "C" {
    pub fn viq_soft_vtd_listen(soft: *mut viq_soft_vtd, listener: *const viq_vtd_listener) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_soft_vtd_backend(soft: *mut viq_soft_vtd) -> viq_vtd_backend;
}
extern "C" {
    pub fn viq_soft_vtd_dev_alloc(
        soft: *mut viq_soft_vtd,
        source_id: u16,
        out: *mut *mut viq_soft_vtd_dev,
        why: *mut viq_why,
    ) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_soft_vtd_dev_find(soft: *mut viq_soft_vtd, source_id: u16) -> *mut viq_soft_vtd_dev;
}
extern "C" {
    pub fn viq_soft_vtd_dev_free(dev: *mut viq_soft_vtd_dev) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_soft_vtd_dev_set_ats(dev: *mut viq_soft_vtd_dev, on: bool) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_soft_vtd_reconfig(
        soft: *mut viq_soft_vtd,
        tables: *const viq_vtd_tables,
        what: *const viq_vtd_reconfig,
    ) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_soft_vtd_translate(
        dev: *mut viq_soft_vtd_dev,
        iova: u64,
        pasid: u32,
        flags: u32,
        out: *mut viq_soft_xlate,
    ) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_soft_vtd_dma_read(
        dev: *mut viq_soft_vtd_dev,
        iova: u64,
        pasid: u32,
        flags: u32,
        buf: *mut ::std::os::raw::c_void,
        len: usize,
    ) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_soft_vtd_dma_write(
        dev: *mut viq_soft_vtd_dev,
        iova: u64,
        pasid: u32,
        flags: u32,
        buf: *const ::std::os::raw::c_void,
        len: usize,
    ) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_soft_vtd_faults(
        soft: *mut viq_soft_vtd,
        faults: *mut viq_vtd_host_fault,
        count: *mut u32,
    ) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_soft_vtd_page_request(
        dev: *mut viq_soft_vtd_dev,
        request: *const viq_vtd_page_request,
        answer: *mut viq_vtd_page_response,
    ) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_soft_vtd_devtlb(soft: *mut viq_soft_vtd, inv: *const viq_vtd_devtlb) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_soft_vtd_parent_invalidate(soft: *mut viq_soft_vtd, gpa: u64, len: u64) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_soft_vtd_inject_devtlb(
        dev: *mut viq_soft_vtd_dev,
        error: ::std::os::raw::c_int,
        times: u32,
    ) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_soft_vtd_counters(
        soft: *mut viq_soft_vtd,
        out: *mut viq_soft_counters,
        size: usize,
    ) -> ::std::os::raw::c_int;
}
extern "C" {
    pub fn viq_soft_vtd_cached(dev: *mut viq_soft_vtd_dev, iova: u64, pasid: u32, flags: u32, devtlb: bool) -> bool;
}
extern "C" {
    pub fn viq_version() -> u32;
}
