-- SPDX-License-Identifier: MIT
--
-- Wireshark and tshark: captures of IOMMU invalidation queues (docs/capture-format.md), every field to filter by.
--
-- Works where it lies in a folder of Lua plugins ("Help, About, Folders", or `tshark -G folders`), and with
-- `-X lua_script:viq.lua`. It takes link type USER0 for itself; packets that are not viq's go where they went before.
--
-- Legality is that of `viq decode`: by the ID registers that the guest has read, if they are all in the capture, else by
-- all that the architecture knows. Runs with the Lua of Wireshark 4.0 (5.2) and later (5.4).

-- BEGIN tables: made of src/spec by tools/wireshark; tests/lint/test_wireshark.py --update
local SMMUV3 = {
	always = 0, never = 1, ds = 11, asid16 = 13,
	id_registers = {[0x0] = "IDR0", [0x4] = "IDR1", [0xc] = "IDR3", [0x14] = "IDR5", [0x1c] = "AIDR"},
	features = { -- number, register, mask, without it
		{2, "IDR0", 0x2, 0x0},
		{3, "IDR0", 0x1, 0x0},
		{4, "IDR0", 0x200, 0x0},
		{5, "IDR0", 0x400, 0x0},
		{6, "IDR0", 0x10000, 0x0},
		{13, "IDR0", 0x1000, 0x0},
		{7, "IDR0", 0x3000000, 0x1000000},
		{8, "IDR3", 0x80, 0x0},
		{9, "IDR3", 0x8000, 0x0},
		{10, "IDR3", 0x400, 0x0},
		{11, "IDR5", 0x80, 0x0},
		{12, "IDR1", 0x7c0, 0x0},
		{14, "AIDR", 0xff, 0x0},
	},
	commands = { -- fields: name, filter, word, lowest bit, width, feature, without it, format
		[0x01] = {name = "PREFETCH_CONFIG", group = "prefetch", feature = 0,
			{"SSec", "prefetch.ssec", 0, 10, 1, 1, "illegal", "flag"},
			{"SID", "prefetch.sid", 0, 32, 32, 0, "illegal", "hex"},
			{"SSV", "prefetch.ssv", 0, 11, 1, 12, "cleared", "flag"},
			{"SSID", "prefetch.ssid", 0, 12, 20, 12, "cleared", "hex"},
		},
		[0x02] = {name = "PREFETCH_ADDR", group = "prefetch", feature = 0,
			{"SSec", "prefetch.ssec", 0, 10, 1, 1, "illegal", "flag"},
			{"SID", "prefetch.sid", 0, 32, 32, 0, "illegal", "hex"},
			{"SSV", "prefetch.ssv", 0, 11, 1, 12, "cleared", "flag"},
			{"SSID", "prefetch.ssid", 0, 12, 20, 12, "cleared", "hex"},
			{"Size", "prefetch.size", 1, 0, 5, 0, "illegal", "hex"},
			{"Stride", "prefetch.stride", 1, 5, 5, 14, "illegal", "flag"},
			{"Addr", "prefetch.addr", 1, 12, 52, 0, "illegal", "address"},
		},
		[0x03] = {name = "CFGI_STE", group = "cfgi", feature = 0,
			{"SSec", "cfgi.ssec", 0, 10, 1, 1, "illegal", "flag"},
			{"SID", "cfgi.sid", 0, 32, 32, 0, "illegal", "hex"},
			{"Leaf", "cfgi.leaf", 1, 0, 1, 0, "illegal", "flag"},
		},
		[0x04] = {name = "CFGI_STE_RANGE", group = "cfgi", feature = 0,
			all = {range = 31, name = "CFGI_ALL"},
			{"SSec", "cfgi.ssec", 0, 10, 1, 1, "illegal", "flag"},
			{"SID", "cfgi.sid", 0, 32, 32, 0, "illegal", "hex"},
			{"Range", "cfgi.range", 1, 0, 5, 0, "illegal", "hex"},
		},
		[0x05] = {name = "CFGI_CD", group = "cfgi", feature = 2,
			{"SSec", "cfgi.ssec", 0, 10, 1, 1, "illegal", "flag"},
			{"SID", "cfgi.sid", 0, 32, 32, 0, "illegal", "hex"},
			{"SSID", "cfgi.ssid", 0, 12, 20, 12, "cleared", "hex"},
			{"Leaf", "cfgi.leaf", 1, 0, 1, 0, "illegal", "flag"},
		},
		[0x06] = {name = "CFGI_CD_ALL", group = "cfgi", feature = 2,
			{"SSec", "cfgi.ssec", 0, 10, 1, 1, "illegal", "flag"},
			{"SID", "cfgi.sid", 0, 32, 32, 0, "illegal", "hex"},
		},
		[0x07] = {name = "CFGI_VMS_PIDM", group = "cfgi", feature = 8,
			{"SSec", "cfgi.ssec", 0, 10, 1, 1, "illegal", "flag"},
			{"VMID", "cfgi.vmid", 0, 32, 16, 3, "cleared", "flag"},
		},
		[0x10] = {name = "TLBI_NH_ALL", group = "tlbi", feature = 2,
			{"VMID", "tlbi.vmid", 0, 32, 16, 3, "cleared", "flag"},
		},
		[0x11] = {name = "TLBI_NH_ASID", group = "tlbi", feature = 2,
			{"VMID", "tlbi.vmid", 0, 32, 16, 3, "cleared", "flag"},
			{"ASID", "tlbi.asid", 0, 48, 8, 0, "illegal", "asid"},
			{"ASID[15:8]", "tlbi.asid_15_8", 0, 56, 8, 13, "cleared", "asid_upper"},
		},
		[0x12] = {name = "TLBI_NH_VA", group = "tlbi", feature = 2,
			{"ASID", "tlbi.asid", 0, 48, 8, 0, "illegal", "asid"},
			{"ASID[15:8]", "tlbi.asid_15_8", 0, 56, 8, 13, "cleared", "asid_upper"},
			{"VA", "tlbi.va", 1, 12, 52, 0, "illegal", "address"},
			{"Leaf", "tlbi.leaf", 1, 0, 1, 0, "illegal", "flag"},
			{"TTL128", "tlbi.ttl128", 1, 7, 1, 1, "illegal", "flag"},
			{"TTL", "tlbi.ttl", 1, 8, 2, 10, "illegal", "flag"},
			{"TG", "tlbi.tg", 1, 10, 2, 10, "illegal", "flag"},
			{"NUM", "tlbi.num", 0, 12, 5, 10, "illegal", "flag"},
			{"SCALE", "tlbi.scale", 0, 20, 5, 10, "illegal", "flag"},
			{"SCALE[5]", "tlbi.scale_5", 0, 25, 1, 11, "illegal", "flag"},
			{"VMID", "tlbi.vmid", 0, 32, 16, 3, "cleared", "flag"},
		},
		[0x13] = {name = "TLBI_NH_VAA", group = "tlbi", feature = 2,
			{"VA", "tlbi.va", 1, 12, 52, 0, "illegal", "address"},
			{"Leaf", "tlbi.leaf", 1, 0, 1, 0, "illegal", "flag"},
			{"TTL128", "tlbi.ttl128", 1, 7, 1, 1, "illegal", "flag"},
			{"TTL", "tlbi.ttl", 1, 8, 2, 10, "illegal", "flag"},
			{"TG", "tlbi.tg", 1, 10, 2, 10, "illegal", "flag"},
			{"NUM", "tlbi.num", 0, 12, 5, 10, "illegal", "flag"},
			{"SCALE", "tlbi.scale", 0, 20, 5, 10, "illegal", "flag"},
			{"SCALE[5]", "tlbi.scale_5", 0, 25, 1, 11, "illegal", "flag"},
			{"VMID", "tlbi.vmid", 0, 32, 16, 3, "cleared", "flag"},
		},
		[0x18] = {name = "TLBI_EL3_ALL", group = "tlbi", feature = 1,
		},
		[0x1a] = {name = "TLBI_EL3_VA", group = "tlbi", feature = 1,
			{"VA", "tlbi.va", 1, 12, 52, 0, "illegal", "address"},
			{"Leaf", "tlbi.leaf", 1, 0, 1, 0, "illegal", "flag"},
			{"TTL128", "tlbi.ttl128", 1, 7, 1, 1, "illegal", "flag"},
			{"TTL", "tlbi.ttl", 1, 8, 2, 10, "illegal", "flag"},
			{"TG", "tlbi.tg", 1, 10, 2, 10, "illegal", "flag"},
			{"NUM", "tlbi.num", 0, 12, 5, 10, "illegal", "flag"},
			{"SCALE", "tlbi.scale", 0, 20, 5, 10, "illegal", "flag"},
			{"SCALE[5]", "tlbi.scale_5", 0, 25, 1, 11, "illegal", "flag"},
		},
		[0x20] = {name = "TLBI_EL2_ALL", group = "tlbi", feature = 4,
		},
		[0x21] = {name = "TLBI_EL2_ASID", group = "tlbi", feature = 4,
			{"ASID", "tlbi.asid", 0, 48, 8, 0, "illegal", "asid"},
			{"ASID[15:8]", "tlbi.asid_15_8", 0, 56, 8, 13, "cleared", "asid_upper"},
		},
		[0x22] = {name = "TLBI_EL2_VA", group = "tlbi", feature = 4,
			{"ASID", "tlbi.asid", 0, 48, 8, 0, "illegal", "asid"},
			{"ASID[15:8]", "tlbi.asid_15_8", 0, 56, 8, 13, "cleared", "asid_upper"},
			{"VA", "tlbi.va", 1, 12, 52, 0, "illegal", "address"},
			{"Leaf", "tlbi.leaf", 1, 0, 1, 0, "illegal", "flag"},
			{"TTL128", "tlbi.ttl128", 1, 7, 1, 1, "illegal", "flag"},
			{"TTL", "tlbi.ttl", 1, 8, 2, 10, "illegal", "flag"},
			{"TG", "tlbi.tg", 1, 10, 2, 10, "illegal", "flag"},
			{"NUM", "tlbi.num", 0, 12, 5, 10, "illegal", "flag"},
			{"SCALE", "tlbi.scale", 0, 20, 5, 10, "illegal", "flag"},
			{"SCALE[5]", "tlbi.scale_5", 0, 25, 1, 11, "illegal", "flag"},
		},
		[0x23] = {name = "TLBI_EL2_VAA", group = "tlbi", feature = 4,
			{"VA", "tlbi.va", 1, 12, 52, 0, "illegal", "address"},
			{"Leaf", "tlbi.leaf", 1, 0, 1, 0, "illegal", "flag"},
			{"TTL128", "tlbi.ttl128", 1, 7, 1, 1, "illegal", "flag"},
			{"TTL", "tlbi.ttl", 1, 8, 2, 10, "illegal", "flag"},
			{"TG", "tlbi.tg", 1, 10, 2, 10, "illegal", "flag"},
			{"NUM", "tlbi.num", 0, 12, 5, 10, "illegal", "flag"},
			{"SCALE", "tlbi.scale", 0, 20, 5, 10, "illegal", "flag"},
			{"SCALE[5]", "tlbi.scale_5", 0, 25, 1, 11, "illegal", "flag"},
		},
		[0x28] = {name = "TLBI_S12_VMALL", group = "tlbi", feature = 3,
			{"VMID", "tlbi.vmid", 0, 32, 16, 3, "cleared", "flag"},
		},
		[0x2a] = {name = "TLBI_S2_IPA", group = "tlbi", feature = 3,
			{"IPA", "tlbi.ipa", 1, 12, 40, 0, "illegal", "address"},
			{"Leaf", "tlbi.leaf", 1, 0, 1, 0, "illegal", "flag"},
			{"TTL128", "tlbi.ttl128", 1, 7, 1, 1, "illegal", "flag"},
			{"TTL", "tlbi.ttl", 1, 8, 2, 10, "illegal", "flag"},
			{"TG", "tlbi.tg", 1, 10, 2, 10, "illegal", "flag"},
			{"NUM", "tlbi.num", 0, 12, 5, 10, "illegal", "flag"},
			{"SCALE", "tlbi.scale", 0, 20, 5, 10, "illegal", "flag"},
			{"SCALE[5]", "tlbi.scale_5", 0, 25, 1, 11, "illegal", "flag"},
			{"VMID", "tlbi.vmid", 0, 32, 16, 3, "cleared", "flag"},
		},
		[0x30] = {name = "TLBI_NSNH_ALL", group = "tlbi", feature = 0,
		},
		[0x40] = {name = "ATC_INV", group = "atc", feature = 5,
			{"SID", "atc.sid", 0, 32, 32, 0, "illegal", "hex"},
			{"SSV", "atc.ssv", 0, 11, 1, 12, "cleared", "flag"},
			{"SSID", "atc.ssid", 0, 12, 20, 12, "cleared", "hex"},
			{"G", "atc.g", 0, 9, 1, 12, "cleared", "flag"},
			{"Size", "atc.size", 1, 0, 6, 0, "illegal", "hex"},
			{"Addr", "atc.addr", 1, 12, 52, 0, "illegal", "address"},
		},
		[0x41] = {name = "PRI_RESP", group = "pri_resp", feature = 6,
			{"SID", "pri_resp.sid", 0, 32, 32, 0, "illegal", "hex"},
			{"SSV", "pri_resp.ssv", 0, 11, 1, 12, "cleared", "flag"},
			{"SSID", "pri_resp.ssid", 0, 12, 20, 12, "cleared", "hex"},
			{"PRGIndex", "pri_resp.prgindex", 1, 0, 9, 0, "illegal", "hex"},
			{"Resp", "pri_resp.resp", 1, 12, 2, 0, "illegal", "hex"},
		},
		[0x44] = {name = "RESUME", group = "stall", feature = 7,
			{"SSec", "stall.ssec", 0, 10, 1, 1, "illegal", "flag"},
			{"SID", "stall.sid", 0, 32, 32, 0, "illegal", "hex"},
			{"Ac", "stall.ac", 0, 12, 1, 0, "illegal", "flag"},
			{"Ab", "stall.ab", 0, 13, 1, 0, "illegal", "flag"},
			{"STAG", "stall.stag", 1, 0, 16, 0, "illegal", "hex"},
		},
		[0x45] = {name = "STALL_TERM", group = "stall", feature = 7,
			{"SSec", "stall.ssec", 0, 10, 1, 1, "illegal", "flag"},
			{"SID", "stall.sid", 0, 32, 32, 0, "illegal", "hex"},
		},
		[0x46] = {name = "SYNC", group = "sync", feature = 0,
			{"CS", "sync.cs", 0, 12, 2, 0, "illegal", "hex"},
			{"MSH", "sync.msh", 0, 22, 2, 0, "illegal", "flag"},
			{"MSIAttr", "sync.msiattr", 0, 24, 4, 0, "illegal", "flag"},
			{"MSIData", "sync.msidata", 0, 32, 32, 0, "illegal", "flag"},
			{"MSIAddr", "sync.msiaddr", 1, 2, 50, 0, "illegal", "msi"},
		},
		[0x70] = {name = "DPTI_ALL", group = "dpti", feature = 9,
		},
		[0x73] = {name = "DPTI_PA", group = "dpti", feature = 9,
		},
	},
}
local VTD = {
	always = 0, psi = 8,
	id_registers = {[0x8] = "CAP", [0x10] = "ECAP"},
	mamv = {48, 6}, -- lowest bit and width in CAP
	features = { -- number, bits of CAP and of ECAP, from the lowest
		{1, {"ECAP", 2}},
		{2, {"ECAP", 3}},
		{3, {"ECAP", 29}},
		{4, {"ECAP", 42}},
		{5, {"ECAP", 41}},
		{6, {"ECAP", 43}},
		{6, {"ECAP", 52}},
		{7, {"ECAP", 2}, {"ECAP", 43}},
		{7, {"ECAP", 2}, {"ECAP", 52}},
		{8, {"CAP", 39}},
	},
	commands = { -- as above
		[1] = {name = "context-cache", group = "context_cache", feature = 0, wide = false,
			{"G", "context_cache.g", 0, 4, 2, 0, "illegal", "hex"},
			{"DID", "context_cache.did", 0, 16, 16, 0, "illegal", "hex"},
			{"SID", "context_cache.sid", 0, 32, 16, 0, "illegal", "hex"},
			{"FM", "context_cache.fm", 0, 48, 2, 0, "illegal", "flag"},
		},
		[2] = {name = "iotlb", group = "iotlb", feature = 0, wide = false,
			{"G", "iotlb.g", 0, 4, 2, 0, "illegal", "hex"},
			{"DID", "iotlb.did", 0, 16, 16, 0, "illegal", "hex"},
			{"ADDR", "iotlb.addr", 1, 12, 52, 0, "illegal", "address"},
			{"AM", "iotlb.am", 1, 0, 6, 0, "illegal", "hex"},
			{"IH", "iotlb.ih", 1, 6, 1, 0, "illegal", "flag"},
			{"DW", "iotlb.dw", 0, 6, 1, 0, "illegal", "flag"},
			{"DR", "iotlb.dr", 0, 7, 1, 0, "illegal", "flag"},
		},
		[3] = {name = "device-tlb", group = "device_tlb", feature = 1, wide = false,
			{"SID", "device_tlb.sid", 0, 32, 16, 0, "illegal", "hex"},
			{"ADDR", "device_tlb.addr", 1, 12, 52, 0, "illegal", "address"},
			{"S", "device_tlb.s", 1, 0, 1, 0, "illegal", "flag"},
			{"MIP", "device_tlb.mip", 0, 16, 5, 0, "illegal", "flag"},
			{"PFSID[3:0]", "device_tlb.pfsid_3_0", 0, 12, 4, 5, "illegal", "flag"},
			{"PFSID[15:4]", "device_tlb.pfsid_15_4", 0, 52, 12, 5, "illegal", "flag"},
		},
		[4] = {name = "interrupt-entry-cache", group = "interrupt_entry_cache", feature = 2, wide = false,
			{"G", "interrupt_entry_cache.g", 0, 4, 1, 0, "illegal", "hex"},
			{"IIDX", "interrupt_entry_cache.iidx", 0, 32, 16, 0, "illegal", "hex"},
			{"IM", "interrupt_entry_cache.im", 0, 27, 5, 0, "illegal", "flag"},
		},
		[5] = {name = "wait", group = "wait", feature = 0, wide = false,
			{"DATA", "wait.data", 0, 32, 32, 0, "illegal", "hex"},
			{"ADDR", "wait.addr", 1, 2, 62, 0, "illegal", "address"},
			{"IF", "wait.if", 0, 4, 1, 0, "illegal", "flag"},
			{"SW", "wait.sw", 0, 5, 1, 0, "illegal", "flag"},
			{"FN", "wait.fn", 0, 6, 1, 0, "illegal", "flag"},
			{"PD", "wait.pd", 0, 7, 1, 4, "illegal", "flag"},
		},
		[6] = {name = "pasid-iotlb", group = "pasid_iotlb", feature = 6, wide = true,
			{"G", "pasid_iotlb.g", 0, 4, 2, 0, "illegal", "hex"},
			{"DID", "pasid_iotlb.did", 0, 16, 16, 0, "illegal", "hex"},
			{"PASID", "pasid_iotlb.pasid", 0, 32, 20, 0, "illegal", "hex"},
			{"ADDR", "pasid_iotlb.addr", 1, 12, 52, 0, "illegal", "address"},
			{"AM", "pasid_iotlb.am", 1, 0, 6, 0, "illegal", "hex"},
			{"IH", "pasid_iotlb.ih", 1, 6, 1, 0, "illegal", "flag"},
		},
		[7] = {name = "pasid-cache", group = "pasid_cache", feature = 6, wide = true,
			{"G", "pasid_cache.g", 0, 4, 2, 0, "illegal", "hex"},
			{"DID", "pasid_cache.did", 0, 16, 16, 0, "illegal", "hex"},
			{"PASID", "pasid_cache.pasid", 0, 32, 20, 0, "illegal", "hex"},
		},
		[8] = {name = "pasid-device-tlb", group = "pasid_device_tlb", feature = 7, wide = true,
			{"SID", "pasid_device_tlb.sid", 0, 16, 16, 0, "illegal", "hex"},
			{"PASID", "pasid_device_tlb.pasid", 0, 32, 20, 0, "illegal", "hex"},
			{"ADDR", "pasid_device_tlb.addr", 1, 12, 52, 0, "illegal", "address"},
			{"S", "pasid_device_tlb.s", 1, 11, 1, 0, "illegal", "flag"},
			{"G", "pasid_device_tlb.g", 1, 0, 1, 0, "illegal", "flag"},
			{"MIP", "pasid_device_tlb.mip", 0, 4, 5, 0, "illegal", "flag"},
			{"PFSID[3:0]", "pasid_device_tlb.pfsid_3_0", 0, 12, 4, 5, "illegal", "flag"},
			{"PFSID[15:4]", "pasid_device_tlb.pfsid_15_4", 0, 52, 12, 5, "illegal", "flag"},
		},
		[9] = {name = "page-group-response", group = "page_group_response", feature = 3, wide = true,
			{"RID", "page_group_response.rid", 0, 16, 16, 0, "illegal", "hex"},
			{"PP", "page_group_response.pp", 0, 4, 1, 0, "illegal", "flag"},
			{"PASID", "page_group_response.pasid", 0, 32, 20, 0, "illegal", "hex"},
			{"PRGI", "page_group_response.prgi", 1, 3, 9, 0, "illegal", "hex"},
			{"RESP", "page_group_response.resp", 0, 12, 4, 0, "illegal", "hex"},
			{"LPIG", "page_group_response.lpig", 1, 2, 1, 0, "illegal", "flag"},
		},
	},
}
-- END tables

local MAGIC, VERSION = 0x564951, 1 -- "VIQ"
local MAX_ENTRIES = 1024 -- in a packet
local IOMMUS = {[1] = "SMMUv3", [2] = "VT-d"}
local TYPES = {"setup", "entries", "gap", "doorbell", "read", "write", "end"}
local SETUP, ENTRIES, GAP, DOORBELL, READ, WRITE, END = 1, 2, 3, 4, 5, 6, 7
local ONES = UInt64(0xffffffff, 0xffffffff)

local viq = Proto("viq", "IOMMU invalidation queue")

-- Fields -------------------------------------------------------------------------------------------------------------

local fields = {}

local function field(filter, name, ftype, base_, values)
	if not fields[filter] then
		fields[filter] = ProtoField.new(name, "viq." .. filter, ftype, values, base_)
	end
end

-- A number of so many bits, as its architecture's tables have it.
local function sized(width)
	return width <= 8 and ftypes.UINT8 or width <= 16 and ftypes.UINT16 or width <= 32 and ftypes.UINT32 or ftypes.UINT64
end

local function names(commands)
	local list = {}
	for code, row in pairs(commands) do
		list[code] = row.name
	end
	return list
end

field("version", "Version", ftypes.UINT8, base.DEC)
field("iommu", "IOMMU", ftypes.UINT8, base.DEC, IOMMUS)
field("type", "Type", ftypes.UINT8, base.DEC, TYPES)
field("setup.base", "Address of the queue", ftypes.UINT64, base.HEX)
field("setup.entries", "Entries in the queue", ftypes.UINT32, base.DEC)
field("setup.entry_size", "Bytes per entry", ftypes.UINT16, base.DEC)
field("setup.clock", "Clock", ftypes.UINT16, base.DEC, {[0] = "none: packet n has time n microseconds", [1] = "time since 1970"})
field("setup.note", "Note", ftypes.STRING, base.UNICODE)
field("doorbell", "Doorbell", ftypes.UINT32, base.HEX)
field("first", "First index", ftypes.UINT32, base.DEC)
field("count", "Entries", ftypes.UINT32, base.DEC)
field("register.offset", "Register", ftypes.UINT32, base.HEX)
field("register.size", "Bytes", ftypes.UINT32, base.DEC)
field("register.value", "Value", ftypes.UINT64, base.HEX)
field("end.packets", "Packets", ftypes.UINT64, base.DEC)
field("end.doorbells", "Doorbells", ftypes.UINT64, base.DEC)
field("end.entries", "Entries recorded", ftypes.UINT64, base.DEC)
field("end.missing", "Entries in gaps", ftypes.UINT64, base.DEC)
field("entry", "Entry", ftypes.BYTES, base.NONE)
field("index", "Slot", ftypes.UINT32, base.DEC)
field("wrap", "Wrap flag", ftypes.UINT8, base.DEC)
field("name", "Name", ftypes.STRING, base.ASCII)
field("legal", "Legal", ftypes.UINT8, base.DEC)
field("smmuv3.opcode", "Opcode", ftypes.UINT8, base.HEX, names(SMMUV3.commands))
field("vtd.type", "Type", ftypes.UINT8, base.HEX, names(VTD.commands))

local EXPERTS = {
	illegal = {"Not a command that this IOMMU has", expert.group.PROTOCOL, expert.severity.ERROR},
	reserved = {"Reserved bits are set", expert.group.PROTOCOL, expert.severity.ERROR},
	conflict = {"Values that are reserved, or contradict each other", expert.group.PROTOCOL, expert.severity.ERROR},
	ignored = {"Ignored by this IOMMU", expert.group.PROTOCOL, expert.severity.NOTE},
	gap = {"Entries that were not recorded", expert.group.SEQUENCE, expert.severity.NOTE},
	malformed = {"Not as docs/capture-format.md says", expert.group.MALFORMED, expert.severity.ERROR},
}
local experts = {}
for filter, e in pairs(EXPERTS) do
	experts[filter] = ProtoExpert.new("viq." .. filter, e[1], e[2], e[3])
end

local function mask(low, width)
	return ONES:rshift(64 - width):lshift(low)
end

-- Make the tables' fields known, and work out which bits are none's.
local function prepare(iommu, tables, code_mask)
	for _, row in pairs(tables.commands) do
		local known = {[0] = code_mask, UInt64(0), UInt64(0), UInt64(0)}
		for i, f in ipairs(row) do
			local name, filter, word, low, width, feature, missing, format = table.unpack(f)
			row[i] = {name = name, filter = iommu .. "." .. filter, word = word, low = low, width = width, feature = feature,
				cleared = missing == "cleared", format = format}
			field(row[i].filter, name, sized((format == "address" or format == "msi") and 64 or format == "asid" and 16 or width), base.HEX)
			known[word] = known[word]:bor(mask(low, width))
		end
		row.undefined = {}
		for word = 0, 3 do
			row.undefined[word] = known[word]:bnot()
		end
	end
end
prepare("smmuv3", SMMUV3, mask(0, 8))
prepare("vtd", VTD, mask(0, 4):bor(mask(9, 3)))

viq.fields, viq.experts = {}, {}
for _, f in pairs(fields) do
	table.insert(viq.fields, f)
end
for _, e in pairs(experts) do
	table.insert(viq.experts, e)
end

-- What packets before have said ----------------------------------------------------------------------------------------

local now, earlier -- state after the last packet; state before each packet, by its number

function viq.init()
	now, earlier = {registers = {}}, {}
end

-- States are never changed: a packet that says something new makes another one.
local function learn(key, value)
	local changed = {registers = now.registers, entries = now.entries}
	changed[key] = value
	now = changed
end

local function learn_register(offset, value, size, tables, wanted_size)
	local name = tables.id_registers[offset]
	if name and name ~= "AIDR" and size == wanted_size then
		local registers = {[name] = value}
		for other, old in pairs(now.registers) do
			registers[other] = registers[other] or old
		end
		learn("registers", registers)
	end
end

-- Sets of features: all, until the ID registers are known.
local ALL = setmetatable({}, {__index = function(_, feature) return feature ~= SMMUV3.never end})
local ANY = setmetatable({mamv = 63}, {__index = function() return true end})

local function smmuv3_features(r)
	if not (r.IDR0 and r.IDR1 and r.IDR3 and r.IDR5) then
		return ALL
	end
	local has = {[SMMUV3.always] = true}
	for _, row in ipairs(SMMUV3.features) do
		-- AIDR: as `viq decode`, SMMUv3.1.
		local value = row[2] == "AIDR" and UInt64(1) or r[row[2]]
		has[row[1]] = value:band(UInt64(row[3])) ~= UInt64(row[4])
	end
	return has
end

local function vtd_features(r)
	if not (r.CAP and r.ECAP) then
		return ANY
	end
	local has = {[VTD.always] = true, mamv = r.CAP:band(mask(table.unpack(VTD.mamv))):rshift(VTD.mamv[1]):tonumber()}
	for _, row in ipairs(VTD.features) do
		local all = true
		for i = 2, #row do
			all = all and r[row[i][1]]:rshift(row[i][2]):band(UInt64(1)) == UInt64(1)
		end
		has[row[1]] = has[row[1]] or all -- a feature may have several rows
	end
	return has
end

-- Rules between fields: src/spec/smmuv3/command.c and src/spec/vtd/descriptor.c -----------------------------------------

local function smmuv3_conflict(row, v, has)
	if v.tg then
		local range, ttl = v.num + v.scale + v.scale_5 > 0, v.ttl
		if v.tg == 0 then
			return (range or ttl > 0) and "NUM, SCALE and TTL are RES0 with TG = 0"
		elseif not range and ttl == 0 then
			return "TG with NUM = SCALE = TTL = 0 is reserved"
		elseif not range and v.tg == 2 and ttl == 1 and not has[SMMUV3.ds] then
			return "TTL = 1 of 16K granules is TTL = 0 without DS, and TG alone is reserved"
		end
	end
	return row.group == "atc" and v.size > 52 and "Size is above 52"
		or v.resp == 3 and "Resp = 3 is reserved"
		or v.cs == 3 and "CS = 3 is reserved"
end

local function vtd_conflict(row, v, has)
	local g, group = v.g, row.group
	if (group == "context_cache" or group == "iotlb") and g == 0 then
		return "G = 0 is reserved"
	elseif group == "iotlb" and g == 3 then
		return not has[VTD.psi] and "G = 3 without CAP.PSI" or v.am > has.mamv and "AM is above CAP.MAMV"
	elseif group == "pasid_iotlb" and g < 2 then
		return "G = 0 and 1 are reserved"
	elseif group == "pasid_cache" and g == 2 then
		return "G = 2 is reserved"
	end
end

-- An entry -------------------------------------------------------------------------------------------------------------

local function complain(tree, expert_, what)
	tree:add_proto_expert_info(experts[expert_], what)
end

-- Value of a field: a number if it fits in 32 bits, else a UInt64. Addresses stay in place.
local function value_of(f, words, has)
	local width = f.format == "asid" and has[SMMUV3.asid16] and 16 or f.width -- with its upper half
	local value = words[f.word]:lshift(64 - f.low - width):rshift(64 - width)
	if f.format == "address" or f.format == "msi" then
		return value:lshift(f.low), value:tonumber(), width
	end
	return width <= 32 and value:tonumber() or value, value:tonumber(), width
end

-- Adds the fields. Returns the text of all that says something, whether the bits are legal, and the values.
local function add_fields(tree, range, row, words, has, reserved)
	local text, legal, values = {}, true, {}
	for _, f in ipairs(row) do
		local has_it = has[f.feature]
		local value, number, width = value_of(f, words, has)
		values[f.filter:match("[^.]*$")] = number
		if f.format ~= "asid_upper" or not has_it then
			local first, last = math.floor(f.low / 8), math.floor((f.low + width - 1) / 8)
			local item = tree:add(fields[f.filter], range(8 * f.word + first, last - first + 1), value)
			local shown = string.format("%s=0x%s", f.name, type(value) == "number" and string.format("%x", value)
				or value:tohex():gsub("^0+(.)", "%1"))
			if number ~= 0 and not has_it then
				complain(item, f.cleared and "ignored" or "reserved", f.name .. (f.cleared and ": ignored by this IOMMU" or ": " .. reserved))
				shown = (f.cleared and "" or "!") .. shown
				legal = legal and f.cleared
			end
			if number ~= 0 or has_it and (f.format == "hex" or f.format == "address" or f.format == "asid") then
				table.insert(text, shown)
			end
		end
	end
	return text, legal, values
end

-- Bits that no field covers.
local function add_undefined(tree, row, words, count, label)
	local legal = true
	for word = 0, count - 1 do
		local rest = words[word]:band(row.undefined[word])
		if rest ~= UInt64(0) then
			legal = false
			for bit_ = 0, 63 do
				if rest:rshift(bit_):band(UInt64(1)) == UInt64(1) then
					complain(tree, "reserved", string.format("%s%d[%d] = 1 (%s)", label, word, bit_, label == "dw" and "RES0" or "reserved"))
				end
			end
		end
	end
	return legal
end

-- One entry of an SMMUv3 or VT-d queue: what differs between them.
local ARCHITECTURES = {
	{
		tables = SMMUV3, code = "smmuv3.opcode", width = 8, label = "dw", features = smmuv3_features, conflict = smmuv3_conflict,
		reserved = "RES0 here", unknown = "reserved opcode", doorbell = "CMDQ_PROD", one = "command", many = "commands",
		read_code = function(words) return words[0]:band(UInt64(0xff)):tonumber() end, size = 4,
	},
	{
		tables = VTD, code = "vtd.type", width = 2, label = "qw", features = vtd_features, conflict = vtd_conflict,
		reserved = "reserved here", unknown = "invalid type", doorbell = "IQT", one = "descriptor", many = "descriptors",
		read_code = function(words)
			return words[0]:band(UInt64(0xf)):tonumber() + 16 * words[0]:rshift(9):band(UInt64(7)):tonumber()
		end, size = 8,
	},
}

-- Returns its name.
local function add_entry(tree, range, arch, has, index, wrap)
	local words, count = {}, range:len() / 8
	for word = 0, count - 1 do
		words[word] = range(8 * word, 8):le_uint64()
	end
	local code = arch.read_code(words)
	local row = arch.tables.commands[code]
	local name = row and row.name or string.format("%s 0x%02x", arch.unknown, code)
	local item = tree:add(fields["entry"], range)
	item:add(fields["index"], range(0, 0), index):set_generated()
	item:add(fields["wrap"], range(0, 0), wrap):set_generated()
	item:add(fields[arch.code], range(0, arch.width == 8 and 1 or 2), code)
	local legal, text = false, {}
	if row then
		local bits, rest, values
		text, bits, values = add_fields(item, range, row, words, has, arch.reserved)
		rest = add_undefined(item, row, words, count, arch.label)
		if row.all and values.range == row.all.range then
			name = row.all.name
		end
		local conflict = arch.conflict(row, values, has)
		if conflict then
			complain(item, "conflict", conflict)
		end
		local exists = has[row.feature] and not (row.wide and count == 2)
		if not exists then
			complain(item, "illegal", count == 2 and row.wide and "not in a queue of 128-bit descriptors"
				or name .. " needs a feature that this IOMMU does not have")
		end
		legal = exists and bits and rest and not conflict
	else
		complain(item, "illegal", name)
	end
	item:add(fields["name"], range(0, 1), name):set_generated()
	item:add(fields["legal"], range(0, 0), legal and 1 or 0):set_generated()
	item:set_text(string.format("%d%s: %s%s %s", index, wrap == 1 and "w" or "", legal and "" or "!", name, table.concat(text, " ")))
	return (legal and "" or "!") .. name
end

-- Packets --------------------------------------------------------------------------------------------------------------

-- Names with how often they follow each other: "TLBI_NH_VA x 31, SYNC".
local function summary(list)
	local parts, i = {}, 1
	while i <= #list and #parts < 8 do
		local last = i
		while list[last + 1] == list[i] do
			last = last + 1
		end
		table.insert(parts, last > i and string.format("%s x %d", list[i], last - i + 1) or list[i])
		i = last + 1
	end
	return table.concat(parts, ", ") .. (i <= #list and ", ..." or "")
end

local function add_entries(body, tree, packet_type, arch, state)
	local doorbell, first, count = body(0, 4):le_uint(), body(4, 4):le_uint(), body(8, 4):le_uint()
	if packet_type == DOORBELL then
		tree:add_le(fields["doorbell"], body(0, 4))
	end
	tree:add_le(fields["first"], body(4, 4))
	tree:add_le(fields["count"], body(8, 4))
	if packet_type == GAP then
		complain(tree, "gap", string.format("%d %s not recorded", count, count == 1 and arch.one or arch.many))
		return string.format("%d not recorded", count)
	end
	local bytes, size = body:len() - 16, nil
	size = count > 0 and bytes / count or 16
	if (size ~= 16 and (size ~= 32 or arch.label == "dw")) or count > MAX_ENTRIES or size * count ~= bytes then
		complain(tree, "malformed", "the packet's length is not that of its entries")
		size = 16
		count = math.min(count, MAX_ENTRIES, math.floor(bytes / size))
	end
	local has, list, entries = arch.features(state.registers), {}, state.entries
	for i = 0, count - 1 do
		local at = first + i
		local index, wrap = at, 0
		if entries then
			index, wrap = at % entries, arch.label == "dw" and math.floor(at / entries) % 2 or 0
		end
		table.insert(list, add_entry(tree, body(16 + i * size, size), arch, has, index, wrap))
	end
	local text = summary(list)
	if packet_type == DOORBELL then
		return string.format("%s=0x%x, %d %s%s%s", arch.doorbell, doorbell, count, count == 1 and arch.one or arch.many,
			count > 0 and ": " or "", text)
	end
	return string.format("%d before the doorbell: %s", count, text)
end

local function add_setup(body, tree, visited)
	tree:add_le(fields["setup.base"], body(0, 8))
	tree:add_le(fields["setup.entries"], body(8, 4))
	tree:add_le(fields["setup.entry_size"], body(12, 2))
	tree:add_le(fields["setup.clock"], body(14, 2))
	local entries, note = body(8, 4):le_uint(), ""
	if body:len() > 24 then
		note = body(24):string(ENC_UTF_8)
		tree:add(fields["setup.note"], body(24), note)
	end
	if entries == 0 then
		complain(tree, "malformed", "a queue without entries")
	elseif not visited then
		learn("entries", entries)
	end
	return string.format("%d entries of %d bytes%s%s", entries, body(12, 2):le_uint(), note ~= "" and ": " or "", note)
end

local function add_register(body, tree, packet_type, arch, visited)
	local offset, size, value = body(0, 4):le_uint(), body(4, 4):le_uint(), body(8, 8):le_uint64()
	local name = arch.tables.id_registers[offset]
	local item = tree:add_le(fields["register.offset"], body(0, 4))
	if name then
		item:append_text(" (" .. name .. ")")
	end
	tree:add_le(fields["register.size"], body(4, 4))
	tree:add(fields["register.value"], body(8, 8), value)
	if packet_type == READ and not visited then
		learn_register(offset, value, size, arch.tables, arch.size)
	end
	return string.format("%s %s 0x%s", name or string.format("0x%x", offset), packet_type == READ and "is" or "=",
		(value:tohex():gsub("^0+(.)", "%1")))
end

local function add_end(body, tree)
	for i, name in ipairs({"packets", "doorbells", "entries", "missing"}) do
		tree:add_le(fields["end." .. name], body(8 * (i - 1), 8))
	end
	return string.format("%s packets, %s entries", tostring(body(0, 8):le_uint64()), tostring(body(16, 8):le_uint64()))
end

local SIZES = {24, 16, 16, 16, 16, 16, 32} -- of bodies, at least

local function dissect(tvb, pinfo, root)
	local tree = root:add(viq, tvb())
	local version, iommu, packet_type = tvb(3, 1):uint(), tvb(4, 1):uint(), tvb(5, 1):uint()
	local arch, kind = ARCHITECTURES[iommu], TYPES[packet_type]
	tree:add(fields["version"], tvb(3, 1))
	tree:add(fields["iommu"], tvb(4, 1))
	tree:add(fields["type"], tvb(5, 1))
	pinfo.cols.protocol = IOMMUS[iommu] or "viq"
	local state = now
	if pinfo.visited then
		state = earlier[pinfo.number] or now
	else
		earlier[pinfo.number] = now
	end
	if tvb(6, 2):uint() ~= 0 then
		complain(tree, "malformed", "reserved bytes are not zero")
	end
	if version ~= VERSION or not arch or not kind then
		complain(tree, "malformed", "a version, IOMMU or type that is not known here")
		return
	elseif tvb:len() < 8 + SIZES[packet_type] then
		complain(tree, "malformed", "shorter than its type")
		return
	end
	local body, text = tvb(8), ""
	if packet_type == SETUP then
		text = add_setup(body, tree, pinfo.visited)
	elseif packet_type == READ or packet_type == WRITE then
		text = add_register(body, tree, packet_type, arch, pinfo.visited)
	elseif packet_type == END then
		text = add_end(body, tree)
	else
		text = add_entries(body, tree, packet_type, arch, state)
	end
	pinfo.cols.info = kind .. ": " .. text
	tree:append_text(", " .. kind .. ": " .. text)
end

local encapsulations = DissectorTable.get("wtap_encap")
local USER0 = (wtap_encaps or wtap).USER0
local before = encapsulations:get_dissector(USER0)
local handed_on -- number of the packet: a setting may name this dissector

function viq.dissector(tvb, pinfo, root)
	if tvb:len() < 8 or tvb(0, 3):uint() ~= MAGIC then
		-- Somebody else's USER0.
		local length = 0
		if before and handed_on ~= pinfo.number then
			handed_on = pinfo.number
			length = before:call(tvb, pinfo, root)
			handed_on = nil
		end
		return length
	end
	dissect(tvb, pinfo, root)
	return tvb:len()
end

encapsulations:add(USER0, viq)
