/* SPDX-License-Identifier: MIT */
/* Faults of requests as data: Table 30 (7.1.3), and Table 29's interrupt faults, which no translation request meets. */
#include <stddef.h>

#include "fault.h"

#define ROW(reason, text, q, a) [reason] = {.name = text, .qualified = q, .answer = VTD_ATS_##a}
#define ALWAYS                  false /* recorded whatever FPD says */
#define UNLESS                  true  /* ... unless FPD */

/* clang-format off */
static const struct vtd_fault faults[] = {
	ROW(0x01, "root entry not present", ALWAYS, UR),
	ROW(0x02, "context entry not present", UNLESS, UR),
	ROW(0x03, "invalid context entry", UNLESS, CA),
	ROW(0x04, "address beyond the width", UNLESS, SUCCESS),
	ROW(0x05, "no write permission", UNLESS, SUCCESS),
	ROW(0x06, "no read permission", UNLESS, SUCCESS),
	ROW(0x07, "second-stage entry access error", UNLESS, CA),
	ROW(0x08, "root table access error", ALWAYS, CA),
	ROW(0x09, "context table access error", ALWAYS, CA),
	ROW(0x0a, "reserved bits in root entry", ALWAYS, CA),
	ROW(0x0b, "reserved bits in context entry", UNLESS, CA),
	ROW(0x0c, "reserved bits in second-stage entry", UNLESS, CA),
	ROW(0x0d, "translation request blocked by the context entry", UNLESS, UR),
	ROW(0x0e, "output in the interrupt address range", UNLESS, CA),
	ROW(0x20, "reserved bits in interrupt request", ALWAYS, NONE),
	ROW(0x21, "interrupt index beyond the table", ALWAYS, NONE),
	ROW(0x22, "interrupt remapping entry not present", UNLESS, NONE),
	ROW(0x23, "interrupt remapping table access error", ALWAYS, NONE),
	ROW(0x24, "reserved bits in interrupt remapping entry", ALWAYS, NONE),
	ROW(0x25, "compatibility format interrupt blocked", UNLESS, NONE),
	ROW(0x26, "interrupt source not allowed", UNLESS, NONE),
	ROW(0x30, "invalid translation table mode", ALWAYS, CA),
	ROW(0x31, "request with PASID in legacy mode", ALWAYS, UR),
	ROW(0x32, "page request in legacy mode", ALWAYS, NONE),
	ROW(0x33, "abort mode", ALWAYS, UR),
	ROW(0x34, "execute requests not supported", ALWAYS, UR),
	ROW(0x38, "root table access error", ALWAYS, CA),
	ROW(0x39, "root entry not present", ALWAYS, UR),
	ROW(0x3a, "reserved bits in root entry", ALWAYS, CA),
	ROW(0x40, "context table access error", ALWAYS, CA),
	ROW(0x41, "context entry not present", UNLESS, UR),
	ROW(0x42, "reserved bits in context entry", UNLESS, CA),
	ROW(0x43, "invalid context entry", UNLESS, CA),
	ROW(0x44, "device-TLB not enabled in the context entry", UNLESS, UR),
	ROW(0x45, "PASID not enabled in the context entry", UNLESS, UR),
	ROW(0x46, "PASID beyond the directory", UNLESS, UR),
	ROW(0x47, "page requests not enabled in the context entry", UNLESS, NONE),
	ROW(0x48, "PASID is RID_PASID", UNLESS, UR),
	ROW(0x49, "translated request with PASID not enabled in the context entry", UNLESS, NONE),
	ROW(0x50, "PASID directory access error", ALWAYS, CA),
	ROW(0x51, "PASID directory entry not present", UNLESS, SUCCESS),
	ROW(0x52, "reserved bits in PASID directory entry", UNLESS, CA),
	ROW(0x58, "PASID table access error", ALWAYS, CA),
	ROW(0x59, "PASID entry not present", UNLESS, SUCCESS),
	ROW(0x5a, "reserved bits in PASID entry", UNLESS, CA),
	ROW(0x5b, "invalid PASID entry", UNLESS, CA),
	ROW(0x5c, "execute requests not enabled in the PASID entry", UNLESS, SUCCESS),
	ROW(0x5d, "supervisor requests not enabled in the PASID entry", UNLESS, SUCCESS),
	ROW(0x60, "address beyond the host permission table", UNLESS, NONE),
	ROW(0x70, "first-stage entry access error", UNLESS, SUCCESS),
	ROW(0x71, "first-stage entry not present", UNLESS, SUCCESS),
	ROW(0x72, "reserved bits in first-stage entry", UNLESS, SUCCESS),
	ROW(0x73, "first-stage root table access error", UNLESS, SUCCESS),
	ROW(0x74, "nested: first-stage table beyond the second-stage width", UNLESS, SUCCESS),
	ROW(0x75, "nested: no read permission for the first-stage root table", UNLESS, SUCCESS),
	ROW(0x76, "nested: no read permission for a first-stage table", UNLESS, SUCCESS),
	ROW(0x77, "nested: no write permission for a first-stage accessed or dirty bit", UNLESS, SUCCESS),
	ROW(0x78, "second-stage entry access error", UNLESS, CA),
	ROW(0x79, "second-stage entry not present", UNLESS, SUCCESS),
	ROW(0x7a, "reserved bits in second-stage entry", UNLESS, CA),
	ROW(0x7b, "invalid second-stage root pointer", UNLESS, CA),
	ROW(0x7c, "second-stage accessed or dirty bit needs snooping", UNLESS, CA),
	ROW(0x7d, "second-stage accessed or dirty bit could not be written", UNLESS, CA),
	ROW(0x80, "address not canonical", UNLESS, SUCCESS),
	ROW(0x81, "no user permission", UNLESS, SUCCESS),
	ROW(0x82, "no execute permission", UNLESS, SUCCESS),
	ROW(0x83, "address beyond the hardware's width", UNLESS, SUCCESS),
	ROW(0x84, "second-stage input beyond the width", UNLESS, SUCCESS),
	ROW(0x85, "no write permission", UNLESS, SUCCESS),
	ROW(0x86, "no read permission", UNLESS, SUCCESS),
	ROW(0x87, "output in the interrupt address range", UNLESS, CA),
	ROW(0x89, "PASID wider than supported", UNLESS, UR),
	ROW(0x90, "first-stage accessed or dirty bit needs snooping", UNLESS, SUCCESS),
	ROW(0x91, "first-stage accessed or dirty bit could not be written", UNLESS, RECORDED),
	ROW(0xa0, "host permission table access error", UNLESS, NONE),
	ROW(0xa1, "reserved bits in host permission table entry", UNLESS, NONE),
	ROW(0xa2, "host permission root table access error", UNLESS, NONE),
	ROW(0xa3, "no permission for a zero-length read in the host permission table", UNLESS, NONE),
	ROW(0xa4, "no write permission in the host permission table", UNLESS, NONE),
	ROW(0xa5, "no read permission in the host permission table", UNLESS, NONE),
};
/* clang-format on */

const struct vtd_fault *vtd_fault_find(unsigned int reason)
{
	return reason < sizeof(faults) / sizeof(faults[0]) && faults[reason].name ? &faults[reason] : NULL;
}
