// SPDX-License-Identifier: MIT
#include <inttypes.h>

#include <viq/smmuv3_spec.h>

#include "text/line.h"
#include "vtd_text.h"

#define TYPE_BITS (VIQ_BITS(11, 9) | VIQ_BITS(3, 0))
#define G_ANY     0xff /* field.when: whatever the granularity */
#define G(n)      (1u << (n))

enum format {
	NUMBER,
	FLAG,    /* shown when set */
	ADDRESS, /* shown in place, not shifted */
};

struct field {
	const char *name;
	uint64_t mask;
	uint8_t word;
	uint8_t when; /* granularities that use it, a bit each; the others ignore it */
	uint8_t format;
};

struct descriptor {
	const char *name;
	const char *granularity[4]; /* by G; NULL: reserved. All NULL: the type has none */
	uint64_t granularity_mask;
	unsigned int type;
	bool wide; /* only in queues of 32-byte descriptors */
	struct field fields[10];
};

static const struct descriptor descriptors[] = {
	{
		.type = 1,
		.name = "CONTEXT_CACHE",
		.granularity_mask = VIQ_BITS(5, 4),
		.granularity = {NULL, "global", "domain", "device"},
		.fields = {{"DID", VIQ_BITS(31, 16), 0, G(2) | G(3), NUMBER},
			   {"SID", VIQ_BITS(47, 32), 0, G(3), NUMBER},
			   {"FM", VIQ_BITS(49, 48), 0, G(3), NUMBER}},
	},
	{
		.type = 2,
		.name = "IOTLB",
		.granularity_mask = VIQ_BITS(5, 4),
		.granularity = {NULL, "global", "domain", "page"},
		.fields = {{"DW", VIQ_BIT(6), 0, G_ANY, FLAG},
			   {"DR", VIQ_BIT(7), 0, G_ANY, FLAG},
			   {"DID", VIQ_BITS(31, 16), 0, G(2) | G(3), NUMBER},
			   {"ADDR", VIQ_BITS(63, 12), 1, G(3), ADDRESS},
			   {"AM", VIQ_BITS(5, 0), 1, G(3), NUMBER},
			   {"IH", VIQ_BIT(6), 1, G(3), FLAG}},
	},
	{
		.type = 3,
		.name = "DEVICE_TLB",
		.fields = {{"SID", VIQ_BITS(47, 32), 0, G_ANY, NUMBER},
			   {"MIP", VIQ_BITS(20, 16), 0, G_ANY, NUMBER},
			   {"PFSID[3:0]", VIQ_BITS(15, 12), 0, G_ANY, FLAG},
			   {"PFSID[15:4]", VIQ_BITS(63, 52), 0, G_ANY, FLAG},
			   {"ADDR", VIQ_BITS(63, 12), 1, G_ANY, ADDRESS},
			   {"S", VIQ_BIT(0), 1, G_ANY, FLAG}},
	},
	{
		.type = 4,
		.name = "INTERRUPT_ENTRY_CACHE",
		.granularity_mask = VIQ_BIT(4),
		.granularity = {"global", "index"},
		.fields = {{"IIDX", VIQ_BITS(47, 32), 0, G(1), NUMBER}, {"IM", VIQ_BITS(31, 27), 0, G(1), NUMBER}},
	},
	{
		.type = 5,
		.name = "WAIT",
		.fields = {{"IF", VIQ_BIT(4), 0, G_ANY, FLAG},
			   {"SW", VIQ_BIT(5), 0, G_ANY, FLAG},
			   {"FN", VIQ_BIT(6), 0, G_ANY, FLAG},
			   {"PD", VIQ_BIT(7), 0, G_ANY, FLAG},
			   {"STATUS_DATA", VIQ_BITS(63, 32), 0, G_ANY, NUMBER},
			   {"STATUS_ADDR", VIQ_BITS(63, 2), 1, G_ANY, ADDRESS}},
	},
	{
		.type = 6,
		.name = "PASID_IOTLB",
		.wide = true,
		.granularity_mask = VIQ_BITS(5, 4),
		.granularity = {NULL, NULL, "PASID", "page"},
		.fields = {{"DID", VIQ_BITS(31, 16), 0, G_ANY, NUMBER},
			   {"PASID", VIQ_BITS(51, 32), 0, G_ANY, NUMBER},
			   {"ADDR", VIQ_BITS(63, 12), 1, G(3), ADDRESS},
			   {"AM", VIQ_BITS(5, 0), 1, G(3), NUMBER},
			   {"IH", VIQ_BIT(6), 1, G(3), FLAG}},
	},
	{
		.type = 7,
		.name = "PASID_CACHE",
		.wide = true,
		.granularity_mask = VIQ_BITS(5, 4),
		.granularity = {"domain", "PASID", NULL, "global"},
		.fields = {{"DID", VIQ_BITS(31, 16), 0, G(0) | G(1), NUMBER},
			   {"PASID", VIQ_BITS(51, 32), 0, G(1), NUMBER}},
	},
	{
		.type = 8,
		.name = "PASID_DEVICE_TLB",
		.wide = true,
		.fields = {{"SID", VIQ_BITS(31, 16), 0, G_ANY, NUMBER},
			   {"PASID", VIQ_BITS(51, 32), 0, G_ANY, NUMBER},
			   {"MIP", VIQ_BITS(8, 4), 0, G_ANY, NUMBER},
			   {"PFSID[3:0]", VIQ_BITS(15, 12), 0, G_ANY, FLAG},
			   {"PFSID[15:4]", VIQ_BITS(63, 52), 0, G_ANY, FLAG},
			   {"G", VIQ_BIT(0), 1, G_ANY, FLAG},
			   {"ADDR", VIQ_BITS(63, 12), 1, G_ANY, ADDRESS},
			   {"S", VIQ_BIT(11), 1, G_ANY, FLAG}},
	},
	{
		.type = 9,
		.name = "PAGE_GROUP_RESPONSE",
		.wide = true,
		.fields = {{"RID", VIQ_BITS(31, 16), 0, G_ANY, NUMBER},
			   {"PP", VIQ_BIT(4), 0, G_ANY, FLAG},
			   {"PASID", VIQ_BITS(51, 32), 0, G_ANY, NUMBER},
			   {"CODE", VIQ_BITS(15, 12), 0, G_ANY, NUMBER},
			   {"LPIG", VIQ_BIT(2), 1, G_ANY, FLAG},
			   {"PRG_INDEX", VIQ_BITS(11, 3), 1, G_ANY, NUMBER}},
	},
};

static const struct descriptor *find(const uint64_t *words)
{
	unsigned int type = vtd_descriptor_type(words);
	size_t i;

	for (i = 0; i < sizeof(descriptors) / sizeof(descriptors[0]); i++) {
		if (descriptors[i].type == type)
			return &descriptors[i];
	}
	return NULL;
}

unsigned int vtd_descriptor_type(const uint64_t *words)
{
	return (unsigned int)(VIQ_GET(VIQ_BITS(3, 0), words[0]) | VIQ_GET(VIQ_BITS(11, 9), words[0]) << 4);
}

const char *vtd_descriptor_name(const uint64_t *words)
{
	const struct descriptor *d = find(words);

	return d ? d->name : NULL;
}

static void put_field(struct line *line, const struct field *f, const uint64_t *words)
{
	uint64_t value = f->format == ADDRESS ? words[f->word] & f->mask : VIQ_GET(f->mask, words[f->word]);

	if (value || f->format != FLAG)
		put(line, " %s=0x%" PRIx64, f->name, value);
}

/* Each bit that no field covers. */
static bool put_reserved(struct line *line, const struct descriptor *d, const uint64_t *words, unsigned int word_count)
{
	uint64_t rest[4] = {words[0] & ~TYPE_BITS & ~d->granularity_mask, words[1]};
	const struct field *f;
	bool clean = true;
	unsigned int bit;

	if (word_count == 4) {
		rest[2] = words[2];
		rest[3] = words[3];
	}
	for (f = d->fields; f->name; f++)
		rest[f->word] &= ~f->mask;
	for (bit = 0; bit < word_count * 64; bit++) {
		if (rest[bit / 64] >> (bit % 64) & 1) {
			put(line, " !qw%u[%u]=1(reserved)", bit / 64, bit % 64);
			clean = false;
		}
	}
	return clean;
}

/* The granularity's text; its number in *g, 0 where the type has none. */
static bool put_granularity(struct line *line, const struct descriptor *d, const uint64_t *words, unsigned int *g)
{
	*g = 0;
	if (!d->granularity_mask)
		return true;
	*g = (unsigned int)VIQ_GET(d->granularity_mask, words[0]);
	put(line, d->granularity[*g] ? " G=%s" : " !G=%s(reserved)",
	    d->granularity[*g] ? d->granularity[*g] : (const char *[]){"0", "1", "2", "3"}[*g]);
	return d->granularity[*g];
}

void vtd_descriptor_text(const uint64_t *words, unsigned int word_count, char *buf, size_t len, bool *legal)
{
	struct line line = {.buf = buf, .size = len};
	const struct descriptor *d = find(words);
	const struct field *f;
	unsigned int g;

	if (len)
		buf[0] = 0;
	if (!d) {
		put(&line, "!reserved type 0x%x qw0=0x%016" PRIx64 " qw1=0x%016" PRIx64, vtd_descriptor_type(words),
		    words[0], words[1]);
		*legal = false;
		return;
	}
	*legal = word_count == 4 || !d->wide;
	put(&line, "%s%s", *legal ? "" : "!", d->name);
	if (!*legal)
		put(&line, "(not in a queue of 16-byte descriptors)");
	if (!put_granularity(&line, d, words, &g))
		*legal = false;
	for (f = d->fields; f->name; f++) {
		if (f->when & G(g))
			put_field(&line, f, words);
	}
	if (!put_reserved(&line, d, words, word_count))
		*legal = false;
}
