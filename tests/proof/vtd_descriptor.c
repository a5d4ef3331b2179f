/* SPDX-License-Identifier: MIT */
/*
 * The check of an invalidation descriptor is the architecture's, said anew below from VT-d Rev. 5.10, 6.5.2.1
 * to 6.5.2.11 (Table 26) and 7.6.1: for each descriptor of 128 or 256 bits, in either mode, under any CAP and ECAP, the
 * fast check and the full one both accept it if and only if it is legal there, and else give the same IQEI.
 *
 * Bounds: ECAP.HPTS is 0 (no type 0xa), and the table's own size. Types FIRST to LAST, one at a time: the table is
 * looked up then, and not solved for.
 */
#include "proof.h"

#include "spec/vtd/descriptor.c"

/* Bits high to low of 128. */
struct bits {
	uint64_t word[2];
};

static void allow(struct bits *all, unsigned int high, unsigned int low)
{
	all->word[low / 64] |= ~UINT64_C(0) >> (63 - (high - low)) << low % 64;
}

static bool has(uint64_t reg, unsigned int n)
{
	return reg >> n & 1;
}

/* Bits 3:0 and 11:9 are the type. What may be set, if there is such a type in this mode. */
static bool known(unsigned int type, uint64_t cap, uint64_t ecap, bool scalable, struct bits *all)
{
	const bool dt = has(ecap, 2), ir = has(ecap, 3), prs = has(ecap, 29), dit = has(ecap, 41),
		   modes = has(ecap, 43) || has(ecap, 52), pds = has(ecap, 42);

	(void)cap;
	allow(all, 3, 0);
	switch (type) {
	case 1: /* context-cache: G, DID, SID, FM */
		allow(all, 5, 4), allow(all, 31, 16), allow(all, 47, 32), allow(all, 49, 48);
		return true;
	case 2: /* IOTLB: G, DW, DR, DID; AM, IH, ADDR */
		allow(all, 5, 4), allow(all, 6, 6), allow(all, 7, 7), allow(all, 31, 16);
		allow(all, 69, 64), allow(all, 70, 70), allow(all, 127, 76);
		return true;
	case 3: /* device-TLB: MIP, SID; S, ADDR; PFSID with DIT */
		allow(all, 20, 16), allow(all, 47, 32), allow(all, 64, 64), allow(all, 127, 76);
		if (dit)
			allow(all, 15, 12), allow(all, 63, 52);
		return dt;
	case 4: /* interrupt entry cache: G, IM, IIDX */
		allow(all, 4, 4), allow(all, 31, 27), allow(all, 47, 32);
		return ir;
	case 5: /* wait: IF, SW, FN, PD with PDS; data; address */
		allow(all, 4, 4), allow(all, 5, 5), allow(all, 6, 6), allow(all, 63, 32), allow(all, 127, 66);
		if (pds)
			allow(all, 7, 7);
		return true;
	case 6: /* PASID-IOTLB: G, DID, PASID; AM, IH, ADDR */
		allow(all, 5, 4), allow(all, 31, 16), allow(all, 51, 32);
		allow(all, 69, 64), allow(all, 70, 70), allow(all, 127, 76);
		return modes && scalable;
	case 7: /* PASID-cache: G, DID, PASID */
		allow(all, 5, 4), allow(all, 31, 16), allow(all, 51, 32);
		return modes && scalable;
	case 8: /* PASID-based device-TLB: MIP, SID, PASID; G, S, ADDR; PFSID with DIT */
		allow(all, 8, 4), allow(all, 31, 16), allow(all, 51, 32);
		allow(all, 64, 64), allow(all, 75, 75), allow(all, 127, 76);
		if (dit)
			allow(all, 15, 12), allow(all, 63, 52);
		return modes && dt && scalable;
	case 9: /* page group response: PP, RC, RID, PASID; IGN, once LPIG; PRGI */
		allow(all, 4, 4), allow(all, 15, 12), allow(all, 31, 16), allow(all, 51, 32);
		allow(all, 66, 66), allow(all, 75, 67);
		return prs && scalable;
	}
	return false;
}

static bool values_legal(unsigned int type, uint64_t cap, const uint64_t desc[4])
{
	unsigned int g = desc[0] >> 4 & 3, am = desc[1] & 0x3f;

	switch (type) {
	case 1:
		return g != 0;
	case 2:
		/* Page-selective needs CAP.PSI, and AM is CAP.MAMV at most. */
		return g != 0 && (g != 3 || (has(cap, 39) && am <= (cap >> 48 & 0x3f)));
	case 6:
		return g >= 2;
	case 7:
		return g != 2;
	}
	return true;
}

static void prove_of(unsigned int type)
{
	uint64_t desc[4] = {(nondet_u64() << 4) | type, nondet_u64(), nondet_u64(), nondet_u64()};
	const uint64_t cap = nondet_u64(), ecap = nondet_u64();
	const struct vtd_offer offer = vtd_offer(cap, ecap);
	const bool wide = nondet_bool(), scalable = nondet_bool();
	static struct vtd_rule rules[VTD_TYPES];
	struct bits all = {{0, 0}};
	unsigned int expected = 0;

	GIVEN(IMPLIES(scalable, wide) && !has(ecap, 55));
	if (!wide)
		desc[2] = desc[3] = 0;
	vtd_rule_init(&rules[type], (uint8_t)type, &offer);
	if (!known(type, cap, ecap, scalable, &all) || (desc[0] >> 9 & 7))
		expected = 3; /* invalid type */
	else if ((desc[0] & ~all.word[0]) || (desc[1] & ~all.word[1]) || desc[2] || desc[3] ||
		 !values_legal(type, cap, desc))
		expected = 4; /* reserved */
	PROVE(vtd_rule_check(rules, &offer, wide, scalable, desc) == expected);
	PROVE(vtd_rule_judge(rules, &offer, wide, scalable, desc) == expected);
}

int main(void)
{
	for (unsigned int type = FIRST; type <= LAST; type++)
		prove_of(type);
	return 0;
}
