/* SPDX-License-Identifier: MIT */
/* Descriptors as text, in the architecture's words: one walk over the same table that the checks use. */
#include <inttypes.h>

#include "base/line.h"

#include "text.h"

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
static void put_span(struct line *line, const uint64_t desc[4])
{
	struct vtd_span span;

	if (!vtd_descriptor_span(desc, &span))
		return;
	if (span.bytes)
		put(line, " [0x%" PRIx64 " + %" PRIu64 "K]", span.addr, span.bytes / 1024);
	else
		put(line, " [everything]");
}

int vtd_descriptor_text(const uint64_t desc[4], const struct vtd_offer *offer, char *buf, size_t len)
{
	struct line line = {.buf = buf, .size = buf ? len : 0};
	const struct vtd_descriptor *row;
	const char *why;

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
	put(&line, "%s%s", offer->features & FEATURE_BIT(row->feature) ? "" : "!", row->name);
	for (const struct vtd_field *const *f = row->fields; *f; f++)
		put_field(&line, *f, desc, offer->features);
	put_undefined(&line, row, desc);
	why = vtd_limits_broken(row->limits, desc, offer);
	if (why)
		put(&line, " !(%s)", why);
	else
		put_span(&line, desc);
	return (int)line.used;
}

const char *vtd_iqei_name(unsigned int iqei)
{
	static const char *const names[] = {
		"no information",           "invalid tail pointer",           "descriptor fetch error",
		"invalid descriptor type",  "reserved field violation",       "invalid descriptor width",
		"tail pointer not aligned", "invalid translation table mode",
	};

	return iqei < sizeof(names) / sizeof(names[0]) ? names[iqei] : NULL;
}
