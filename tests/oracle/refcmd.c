/* SPDX-License-Identifier: MIT */
#include <stddef.h>

#include "refcmd.h"

#define SSID_BITS VIQ_BITS(31, 12)
#define SID_BITS  VIQ_BITS(63, 32)
#define VMID_BITS VIQ_BITS(47, 32)
#define ASID_BITS VIQ_BITS(63, 48)
#define ADDR_BITS VIQ_BITS(63, 12)

/* Range fields of an address TLBI (4.4.1.1): dw0 NUM and SCALE, dw1 TTL and TG. */
#define NUM_BITS   VIQ_BITS(16, 12)
#define SCALE_BITS VIQ_BITS(25, 20)
#define TTL_BITS   VIQ_BITS(9, 8)
#define TG_BITS    VIQ_BITS(11, 10)

struct refcmd_row {
	uint64_t allowed[2]; /* beside the opcode */
};

/* Only the commands that a Non-secure SMMU without EL2 and stalls can have. */
static const struct refcmd_row rows[256] = {
	[0x01] = {{VIQ_BIT(11) | SSID_BITS | SID_BITS, 0}},
	[0x02] = {{VIQ_BIT(11) | SSID_BITS | SID_BITS, VIQ_BITS(9, 0) | ADDR_BITS}},
	[0x03] = {{SID_BITS, VIQ_BIT(0)}},
	[0x04] = {{SID_BITS, VIQ_BITS(4, 0)}},
	[0x05] = {{SSID_BITS | SID_BITS, VIQ_BIT(0)}},
	[0x06] = {{SID_BITS, 0}},
	[0x10] = {{VMID_BITS, 0}},
	[0x11] = {{VMID_BITS | ASID_BITS, 0}},
	[0x12] = {{NUM_BITS | SCALE_BITS | VMID_BITS | ASID_BITS, VIQ_BIT(0) | TTL_BITS | TG_BITS | ADDR_BITS}},
	[0x13] = {{NUM_BITS | SCALE_BITS | VMID_BITS, VIQ_BIT(0) | TTL_BITS | TG_BITS | ADDR_BITS}},
	[0x28] = {{VMID_BITS, 0}},
	[0x2a] = {{NUM_BITS | SCALE_BITS | VMID_BITS, VIQ_BIT(0) | TTL_BITS | TG_BITS | VIQ_BITS(51, 12)}},
	[0x30] = {{0, 0}},
	[0x40] = {{VIQ_BIT(9) | VIQ_BIT(11) | SSID_BITS | SID_BITS, VIQ_BITS(5, 0) | ADDR_BITS}},
	[0x41] = {{VIQ_BIT(11) | SSID_BITS | SID_BITS, VIQ_BITS(8, 0) | VIQ_BITS(13, 12)}},
	[0x46] = {{VIQ_BITS(13, 12) | VIQ_BITS(23, 22) | VIQ_BITS(27, 24) | SID_BITS, VIQ_BITS(51, 2)}},
};

static const uint8_t known[] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x10, 0x11,
				0x12, 0x13, 0x28, 0x2a, 0x30, 0x40, 0x41, 0x46};

static bool is_known(unsigned int op)
{
	for (size_t i = 0; i < sizeof(known); i++) {
		if (known[i] == op)
			return true;
	}
	return false;
}

static bool range_illegal(const uint64_t cmd[2], const struct viq_smmuv3_config *config)
{
	uint64_t num = VIQ_GET(NUM_BITS, cmd[0]), scale = VIQ_GET(SCALE_BITS, cmd[0]);
	uint64_t ttl = VIQ_GET(TTL_BITS, cmd[1]), tg = VIQ_GET(TG_BITS, cmd[1]);
	bool ds = config->idr5 & VIQ_BIT(7);

	if (!(config->idr3 & VIQ_BIT(10)))
		return num || scale || ttl || tg;
	if (scale >= 32 && !ds)
		return true;
	if (!tg)
		return num || scale || ttl;
	return !num && !scale && (!ttl || (tg == 2 && ttl == 1 && !ds)); /* that TTL counts as 0 */
}

unsigned int refcmd_check(const uint64_t cmd[2], const struct viq_smmuv3_config *config)
{
	unsigned int op = refcmd_op(cmd);
	bool s1p = config->idr0 & VIQ_BIT(1), s2p = config->idr0 & VIQ_BIT(0), ats = config->idr0 & VIQ_BIT(10);

	if (!is_known(op))
		return VIQ_SMMUV3_CERROR_ILL;
	if ((op == 0x05 || op == 0x06 || (op >= 0x10 && op <= 0x13)) && !s1p)
		return VIQ_SMMUV3_CERROR_ILL;
	if ((op == 0x28 || op == 0x2a) && !s2p)
		return VIQ_SMMUV3_CERROR_ILL;
	if (op == 0x40 && (!ats || (cmd[1] & 0x3f) > 52))
		return VIQ_SMMUV3_CERROR_ILL;
	if (op == 0x41 && (!(config->idr0 & VIQ_BIT(16)) || VIQ_GET(VIQ_BITS(13, 12), cmd[1]) == 3))
		return VIQ_SMMUV3_CERROR_ILL;
	if (op == 0x02 && !(config->aidr & 0xff) && (cmd[1] & VIQ_BITS(9, 5)))
		return VIQ_SMMUV3_CERROR_ILL; /* Stride came with v3.1 */
	if (op == 0x46 && VIQ_GET(VIQ_BITS(13, 12), cmd[0]) == 3)
		return VIQ_SMMUV3_CERROR_ILL;
	if ((cmd[0] & ~0xffull & ~rows[op].allowed[0]) || (cmd[1] & ~rows[op].allowed[1]))
		return VIQ_SMMUV3_CERROR_ILL;
	if ((op == 0x12 || op == 0x13 || op == 0x2a) && range_illegal(cmd, config))
		return VIQ_SMMUV3_CERROR_ILL;
	return VIQ_SMMUV3_CERROR_NONE;
}

bool refcmd_has_sid(const uint64_t cmd[2])
{
	unsigned int op = refcmd_op(cmd);

	return op == 0x05 || op == 0x06 || op == 0x40;
}

bool refcmd_to_host(const uint64_t cmd[2], const struct viq_smmuv3_config *config, bool smmuen, uint32_t stream,
		    uint64_t out[2])
{
	unsigned int op = refcmd_op(cmd);
	unsigned int sidsize = config->idr1 & 0x3f, ssidsize = (config->idr1 >> 6) & 0x1f;
	uint64_t ssid = VIQ_GET(SSID_BITS, cmd[0]);

	out[0] = cmd[0];
	out[1] = cmd[1];
	if (refcmd_has_sid(cmd)) {
		if (((uint64_t)refcmd_sid(cmd) >> sidsize) || !(stream & VIQ_CALL_STREAM_KNOWN))
			return false;
		if (!ssidsize)
			out[0] &= ~(SSID_BITS | VIQ_BIT(11) | VIQ_BIT(9));
		if (op == 0x05)
			return !ssidsize || !(ssid >> ssidsize);
		if (op == 0x06)
			return true;
		if (!smmuen || !(stream & VIQ_CALL_STREAM_ATS))
			return false;
		return !(out[0] & VIQ_BIT(11)) || !(ssid >> ssidsize);
	}
	if ((op >= 0x10 && op <= 0x13) || op == 0x28 || op == 0x2a) {
		if (!(config->idr0 & VIQ_BIT(0)))
			out[0] &= ~VMID_BITS; /* no stage 2: no VMID */
		if (!(config->idr0 & VIQ_BIT(12)))
			out[0] &= ~VIQ_BITS(63, 56);
		if ((op == 0x12 || op == 0x13 || op == 0x2a) && (cmd[1] & (TG_BITS | TTL_BITS)) == 0x900 &&
		    !(config->idr5 & VIQ_BIT(7)))
			out[1] &= ~TTL_BITS;
		return true;
	}
	return op == 0x30;
}

static bool atc_covers(const uint64_t b[2], const uint64_t a[2])
{
	unsigned int sa = a[1] & 0x3f, sb = b[1] & 0x3f;
	bool same_pasids = !((a[0] ^ b[0]) & (SSID_BITS | VIQ_BIT(9)));
	/* Bit 11 is SSV. With bit 9, G, it is for all PASIDs, whatever the one that is named (4.5.1). */
	bool pasid_ok = !(b[0] & VIQ_BIT(11)) || (a[0] & VIQ_BIT(11) && (b[0] & VIQ_BIT(9) || same_pasids));

	if (refcmd_sid(a) != refcmd_sid(b) || !pasid_ok || sb < sa)
		return false;
	return sb >= 52 || a[1] >> (12 + sb) == b[1] >> (12 + sb);
}

bool refcmd_covers(const uint64_t b[2], const uint64_t a[2])
{
	if (a[0] == b[0] && a[1] == b[1])
		return true;
	return refcmd_op(a) == 0x40 && refcmd_op(b) == 0x40 && atc_covers(b, a);
}
