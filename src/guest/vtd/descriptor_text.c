/* SPDX-License-Identifier: MIT */
/* Descriptors as text, in the architecture's words: one walk over the same table that the checks use. */
#include <inttypes.h>

#include "base/line.h"

#include "descriptor.h"

const char *viq_vtd_descriptor_name(const uint64_t desc[4])
{
	const struct vtd_descriptor *row = desc ? vtd_descriptor_find(desc) : NULL;

	return row ? row->name : NULL;
}

static void put_field(struct line *line, const struct vtd_field *f, const uint64_t desc[4], uint32_t features)
{
	bool has = features & FEATURE_BIT(f->feature);
	uint64_t value = f->format == FORMAT_ADDRESS ? desc[f->word] & f->mask : VIQ_GET(f->mask, desc[f->word]);

	if (!value && (f->format == FORMAT_FLAG || !has))
		return;
	put(line, has ? " %s=0x%" PRIx64 : " !%s=0x%" PRIx64 "(reserved here)", f->name, value);
}

/* Bits that no field covers, one mark a bit. */
static void put_undefined(struct line *line, const struct vtd_descriptor *row, const uint64_t desc[4])
{
	uint64_t rest[4] = {desc[0] & ~(VIQ_VTD_DESC_TYPE | VIQ_VTD_DESC_TYPE_HI), desc[1], desc[2], desc[3]};

	for (const struct vtd_field *const *f = row->fields; *f; f++)
		rest[(*f)->word] &= ~(*f)->mask;
	for (unsigned int bit = 0; bit < 64 * VIQ_VTD_DESC_WORDS; bit++) {
		if (rest[bit / 64] >> (bit % 64) & 1)
			put(line, " !qw%u[%u]=1(reserved)", bit / 64, bit % 64);
	}
}

/* The numbers of address and size come to this. */
static void put_span(struct line *line, const struct vtd_descriptor *row, const uint64_t desc[4])
{
	uint64_t addr = desc[1] & VIQ_VTD_DESC_1_ADDR;
	struct vtd_span span;

	switch (row->type) {
	case VIQ_VTD_TYPE_IOTLB:
	case VIQ_VTD_TYPE_PIOTLB:
		if (VIQ_GET(VIQ_VTD_DESC_G, desc[0]) != VIQ_VTD_IOTLB_PAGE)
			return;
		span = vtd_page_span(addr, VIQ_GET(VIQ_VTD_DESC_1_AM, desc[1]));
		break;
	case VIQ_VTD_TYPE_DEVTLB:
		span = vtd_devtlb_span(addr, desc[1] & VIQ_VTD_DEVTLB_1_S);
		break;
	case VIQ_VTD_TYPE_PDEVTLB:
		span = vtd_devtlb_span(addr, desc[1] & VIQ_VTD_PDEVTLB_1_S);
		break;
	default:
		return;
	}
	if (span.bytes)
		put(line, " [0x%" PRIx64 " + %" PRIu64 "K]", span.addr, span.bytes / 1024);
	else
		put(line, " [everything]");
}

int viq_vtd_descriptor_text(const uint64_t desc[4], const struct viq_vtd_config *config, char *buf, size_t len)
{
	struct line line = {.buf = buf, .size = buf ? len : 0};
	struct vtd_offer offer = vtd_offer(config);
	const struct vtd_descriptor *row;
	const char *why;

	if (!desc)
		return 0;
	if (buf && len)
		buf[0] = '\0';
	row = vtd_descriptor_find(desc);
	if (!row) {
		put(&line, "!invalid type 0x%02x",
		    (unsigned int)(desc[0] & VIQ_VTD_DESC_TYPE) | (unsigned int)VIQ_GET(VIQ_VTD_DESC_TYPE_HI, desc[0])
									  << 4);
		for (unsigned int i = 0; i < VIQ_VTD_DESC_WORDS; i++)
			put(&line, " qw%u=0x%016" PRIx64, i, desc[i]);
		return (int)line.used;
	}
	put(&line, "%s%s", offer.features & FEATURE_BIT(row->feature) ? "" : "!", row->name);
	for (const struct vtd_field *const *f = row->fields; *f; f++)
		put_field(&line, *f, desc, offer.features);
	put_undefined(&line, row, desc);
	why = row->check ? row->check(desc, &offer) : NULL;
	if (why)
		put(&line, " !(%s)", why);
	else
		put_span(&line, row, desc);
	return (int)line.used;
}

const char *viq_vtd_iqei_name(unsigned int iqei)
{
	static const char *const names[] = {
		"no information",           "invalid tail pointer",           "descriptor fetch error",
		"invalid descriptor type",  "reserved field violation",       "invalid descriptor width",
		"tail pointer not aligned", "invalid translation table mode",
	};

	return iqei < sizeof(names) / sizeof(names[0]) ? names[iqei] : NULL;
}

const char *viq_vtd_fault_name(unsigned int reason)
{
	/* clang-format off */
	static const char *const names[] = {
		[0x01] = "root entry not present",
		[0x02] = "context entry not present",
		[0x03] = "invalid context entry",
		[0x04] = "address beyond the width",
		[0x05] = "no write permission",
		[0x06] = "no read permission",
		[0x07] = "second-stage entry access error",
		[0x08] = "root table access error",
		[0x09] = "context table access error",
		[0x0a] = "reserved bits in root entry",
		[0x0b] = "reserved bits in context entry",
		[0x0c] = "reserved bits in second-stage entry",
		[0x0d] = "translation request blocked by the context entry",
		[0x0e] = "output in the interrupt address range",
		[0x20] = "reserved bits in interrupt request",
		[0x21] = "interrupt index beyond the table",
		[0x22] = "interrupt remapping entry not present",
		[0x23] = "interrupt remapping table access error",
		[0x24] = "reserved bits in interrupt remapping entry",
		[0x25] = "compatibility format interrupt blocked",
		[0x26] = "interrupt source not allowed",
		[0x30] = "invalid translation table mode",
		[0x31] = "request with PASID in legacy mode",
		[0x32] = "page request in legacy mode",
		[0x38] = "root table access error",
		[0x39] = "root entry not present",
		[0x3a] = "reserved bits in root entry",
		[0x40] = "context table access error",
		[0x41] = "context entry not present",
		[0x42] = "reserved bits in context entry",
		[0x43] = "invalid context entry",
		[0x44] = "device-TLB not enabled in the context entry",
		[0x45] = "PASID not enabled in the context entry",
		[0x46] = "PASID beyond the directory",
		[0x47] = "page requests not enabled in the context entry",
		[0x48] = "RID_PASID error",
		[0x50] = "PASID directory access error",
		[0x51] = "PASID directory entry not present",
		[0x52] = "reserved bits in PASID directory entry",
		[0x58] = "PASID table access error",
		[0x59] = "PASID entry not present",
		[0x5a] = "reserved bits in PASID entry",
		[0x5b] = "invalid PASID entry",
		[0x5c] = "execute requests not enabled in the PASID entry",
		[0x5d] = "supervisor requests not enabled in the PASID entry",
		[0x70] = "first-stage entry access error",
		[0x71] = "first-stage entry not present",
		[0x72] = "reserved bits in first-stage entry",
		[0x73] = "first-stage root table access error",
		[0x74] = "nested: first-stage table beyond the second-stage width",
		[0x75] = "nested: no read permission for the first-stage root table",
		[0x76] = "nested: no read permission for a first-stage table",
		[0x77] = "nested: no write permission for a first-stage accessed or dirty bit",
		[0x78] = "second-stage entry access error",
		[0x79] = "second-stage entry not present",
		[0x7a] = "reserved bits in second-stage entry",
		[0x7b] = "invalid second-stage root pointer",
		[0x7c] = "second-stage accessed or dirty bit needs snooping",
		[0x80] = "address not canonical",
		[0x81] = "no user permission",
		[0x82] = "no execute permission",
		[0x83] = "address beyond the hardware's width",
		[0x84] = "second-stage input beyond the width",
		[0x85] = "no write permission",
		[0x86] = "no read permission",
		[0x87] = "output in the interrupt address range",
		[0x90] = "first-stage accessed or dirty bit needs snooping",
		[0x91] = "first-stage accessed or dirty bit could not be written",
	};
	/* clang-format on */

	return reason < sizeof(names) / sizeof(names[0]) ? names[reason] : NULL;
}
