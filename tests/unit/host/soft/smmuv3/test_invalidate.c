/* SPDX-License-Identifier: MIT */
/*
 * The software host's invalidate call: which entries it takes, how far it gets, and what it says of it. "Took effect"
 * is looked up in the TLB, page by page: entry i invalidates page i.
 */
#include "support/sized.h"
#include "support/soft.h"

#define PAGES 200u

static struct viq_call_result make_call(const struct machine *m, struct viq_call_request *req)
{
	struct viq_call_result res = {.size = sizeof(res)};

	assert_int_equal(m->host.ops->invalidate(m->host.opaque, req, &res), 0);
	return res;
}

/* --- What is accepted -------------------------------------------------------------------------------------------- */

static bool accepts(struct machine *m, uint64_t w0, uint64_t w1)
{
	const uint64_t cmd[1][2] = {{w0, w1}};
	struct viq_call_result res = call_host(m->host, cmd, 1);

	assert_true(res.error == VIQ_CALL_NONE || res.error == VIQ_CALL_ILLEGAL);
	assert_int_equal(res.handled, res.error ? 0 : 1);
	assert_int_equal(res.suspect, res.error ? 0 : 1);
	assert_int_equal(res.hw_code, res.error ? VIQ_SMMUV3_CERROR_ILL : 0);
	assert_int_equal(res.os_error, 0);
	return !res.error;
}

/* The kernel's list (drivers/iommu/arm/arm-smmu-v3, 7.3), written out once more. */
struct allowed {
	uint8_t op;
	uint64_t w0, w1;          /* bits that may be set alone */
	uint64_t ssid_w0, ril_w0; /* of those: need substreams, need RIL */
	uint64_t ril_w1;
};
static const struct allowed allowed[] = {
	{0x05, UINT64_C(0xfffffffffffff000), 1, 0xfffff000, 0, 0},
	{0x06, UINT64_C(0xffffffff00000000), 0, 0, 0, 0},
	{0x10, UINT64_C(0x0000ffff00000000), 0, 0, 0, 0},
	{0x11, UINT64_C(0xffffffff00000000), 0, 0, 0, 0},
	{0x12, UINT64_C(0xffffffff00000000), UINT64_C(0xfffffffffffff001), 0, 0x01f1f000, 0xf00},
	{0x13, UINT64_C(0x0000ffff00000000), UINT64_C(0xfffffffffffff001), 0, 0x01f1f000, 0xf00},
	{0x30, 0, 0, 0, 0, 0},
	{0x40, UINT64_C(0xfffffffffffffa00), UINT64_C(0xfffffffffffff03f), 0xfffffa00, 0, 0},
};

static bool is_stream_command(uint8_t op)
{
	return op == 0x05 || op == 0x06 || op == 0x40;
}

static void exactly_the_kernels_opcodes_and_bits_are_taken(void **state)
{
	struct machine m;
	unsigned int row = 0;

	machine_init_s1(&m, NULL);
	for (unsigned int op = 0; op < 256; op++) {
		const struct allowed *a = row < 8 && allowed[row].op == op ? &allowed[row++] : NULL;
		uint64_t base = op;

		if (is_stream_command(op))
			base = with_sid(op, VSID);
		assert_int_equal(accepts(&m, base, 0), a != NULL);
		for (unsigned int bit = 8; a && bit < 64; bit++) {
			uint64_t b = VIQ_BIT(bit);

			if (is_stream_command(op) && bit >= 32)
				continue; /* other streams: below */
			/* Range fields need a granule: below. */
			assert_int_equal(accepts(&m, base | b, 0), (a->w0 & b) != 0 && !(a->ril_w0 & b));
		}
		for (unsigned int bit = 0; a && bit < 64; bit++) {
			uint64_t b = VIQ_BIT(bit);

			assert_int_equal(accepts(&m, base, b), (a->w1 & b) != 0);
		}
	}
	assert_int_equal(row, 8);
	machine_fini(&m);
}

static void range_fields_go_together(void **state)
{
	struct machine m;

	machine_init_s1(&m, NULL);
	for (unsigned int op = 0x12; op <= 0x13; op++) {
		for (unsigned int tg = 0; tg < 4; tg++) {
			for (unsigned int ttl = 0; ttl < 4; ttl++) {
				bool plain = tg ? ttl && !(tg == 2 && ttl == 1) : !ttl;
				bool ranged = tg; /* there TTL = 1 of 16K counts as 0 (4.4.1.1) */

				assert_int_equal(accepts(&m, op, range1(ttl, tg)), plain);
				assert_int_equal(accepts(&m, op | range0(1, 0), range1(ttl, tg)), ranged);
				assert_int_equal(accepts(&m, op | range0(0, 1), range1(ttl, tg)), ranged);
				assert_int_equal(accepts(&m, op | range0(31, 31), range1(ttl, tg)), ranged);
				assert_false(accepts(&m, op | range0(0, 32), range1(ttl, tg))); /* needs DS */
			}
		}
		assert_false(accepts(&m, op, VIQ_SMMUV3_TLBI_1_TTL128));
	}
	machine_fini(&m);
}

static void a_stream_needs_a_vdevice(void **state)
{
	const uint8_t ops[] = {0x05, 0x06, 0x40};
	struct machine m;

	machine_init_s1(&m, NULL);
	for (unsigned int i = 0; i < 3; i++) {
		assert_true(accepts(&m, with_sid(ops[i], VSID), 0));
		assert_false(accepts(&m, with_sid(ops[i], VSID + 1), 0));
		assert_false(accepts(&m, with_sid(ops[i], VSID + 256), 0));
	}
	assert_int_equal(viq_soft_object_free(m.soft, m.vdevice), 0);
	for (unsigned int i = 0; i < 3; i++)
		assert_false(accepts(&m, with_sid(ops[i], VSID), 0));
	machine_fini(&m);
}

static void atc_inv_size_ends_at_52(void **state)
{
	struct machine m;

	machine_init_s1(&m, NULL);
	for (unsigned int size = 0; size < 64; size++)
		assert_int_equal(accepts(&m, with_sid(0x40, VSID), size), size <= 52);
	machine_fini(&m);
}

static void poor_features(struct viq_soft_config *config)
{
	config->idr0 &= ~(VIQ_SMMUV3_IDR0_ATS | VIQ_SMMUV3_IDR0_ASID16);
	config->idr1 &= ~VIQ_SMMUV3_IDR1_SSIDSIZE;
	config->idr3 &= ~VIQ_SMMUV3_IDR3_RIL;
}

static void bits_of_features_that_the_host_lacks_are_refused(void **state)
{
	struct machine m;

	machine_init_s1(&m, poor_features);
	assert_false(accepts(&m, with_sid(0x40, VSID), 0));
	assert_true(accepts(&m, with_sid(0x05, VSID), 0));
	assert_false(accepts(&m, with_sid(0x05, VSID) | 0x1000, 0));
	assert_true(accepts(&m, tlbi_asid(255), 0));
	assert_false(accepts(&m, tlbi_asid(256), 0));
	assert_false(accepts(&m, tlbi_va(256), 0));
	assert_true(accepts(&m, tlbi_va(1), 0x1001));
	assert_false(accepts(&m, tlbi_va(1) | range0(1, 0), range1(3, 1)));
	assert_false(accepts(&m, tlbi_va(1), range1(3, 1)));
	machine_fini(&m);
}

static void calls_that_make_no_sense_do_nothing(void **state)
{
	static const uint64_t entries[2] = {0x30, 0};
	struct viq_call_piece piece = {.entries = entries, .count = 1};
	struct viq_call_request good = {
		.size = sizeof(good), .type = VIQ_CALL_SMMUV3, .entry_size = 16, .pieces = &piece, .piece_count = 1};
	struct viq_call_result res = {.size = sizeof(res), .handled = 77};
	struct machine m;
	struct viq_soft_counters counters;

	machine_init(&m, NULL);
	good.object = m.viommu;
#define REFUSES(change)                                                                                                \
	do {                                                                                                           \
		struct viq_call_request req = good;                                                                    \
		req.change;                                                                                            \
		assert_int_equal(m.host.ops->invalidate(m.host.opaque, &req, &res), -EINVAL);                          \
		assert_int_equal(res.handled, 77);                                                                     \
	} while (0)
	REFUSES(size--);
	REFUSES(entry_size = 24);
	REFUSES(pieces = NULL);
	REFUSES(piece_count = 17);
	REFUSES(reserved = 1);
	piece.entries = (const char *)entries + 4;
	REFUSES(reserved = 0);
	piece.entries = NULL;
	REFUSES(reserved = 0);
	piece.entries = entries;
	piece.count = VIQ_CALL_MAX_ENTRIES + 1;
	REFUSES(reserved = 0);
	piece.count = 1;
	assert_int_equal(m.host.ops->invalidate(m.host.opaque, NULL, &res), -EINVAL);
	assert_int_equal(m.host.ops->invalidate(m.host.opaque, &good, NULL), -EINVAL);
	assert_int_equal(m.host.ops->invalidate(NULL, &good, &res), -EINVAL);
	viq_soft_counters(m.soft, &counters, sizeof(counters));
	assert_int_equal(counters.calls, 0);
	assert_takes_later(viq_call_request, good, m.host.ops->invalidate(m.host.opaque, later, &res));
	machine_fini(&m);
}

static void an_empty_array_asks_whether_the_type_is_known(void **state)
{
	struct viq_call_request req = {.size = sizeof(req), .type = VIQ_CALL_SMMUV3, .entry_size = 16};
	struct viq_call_result res;
	struct machine m;

	machine_init(&m, NULL);
	req.object = m.viommu;
	res = make_call(&m, &req);
	assert_int_equal(res.error, VIQ_CALL_NONE);
	assert_int_equal(res.host_calls, 1);
	req.type = VIQ_CALL_VTD_S1;
	req.entry_size = 24;
	assert_int_equal(make_call(&m, &req).error, VIQ_CALL_UNSUPPORTED);
	req.type = VIQ_CALL_SMMUV3;
	req.entry_size = 16;
	req.object = m.s2;
	assert_int_equal(make_call(&m, &req).error, VIQ_CALL_GONE);
	assert_int_equal(viq_soft_object_free(m.soft, m.viommu), 0);
	req.object = m.viommu;
	assert_int_equal(make_call(&m, &req).error, VIQ_CALL_GONE);
	machine_fini(&m);
}

static void the_host_knows_its_streams(void **state)
{
	const uint64_t with_eats = VIQ_PUT(VIQ_SMMUV3_STE_1_EATS, 1);
	struct machine m;

	machine_init_s1(&m, NULL);
	assert_int_equal(m.host.ops->report_group, 1);
	assert_int_equal(m.host.ops->stream(m.host.opaque, m.host.object, VSID), VIQ_CALL_STREAM_KNOWN);
	assert_int_equal(m.host.ops->stream(m.host.opaque, m.host.object, VSID + 1), 0);
	assert_int_equal(m.host.ops->stream(m.host.opaque, m.s2, VSID), 0);
	assert_int_equal(viq_soft_dev_set_ats(m.dev, true), 0);
	assert_int_equal(m.host.ops->stream(m.host.opaque, m.host.object, VSID), VIQ_CALL_STREAM_KNOWN);
	assert_int_equal(viq_soft_vdevice_configure(m.soft, m.viommu, VSID,
						    (uint64_t[2]){ste0(VIQ_SMMUV3_STE_CONFIG_S1, m.cd, 0), with_eats}),
			 0);
	assert_int_equal(m.host.ops->stream(m.host.opaque, m.host.object, VSID),
			 VIQ_CALL_STREAM_KNOWN | VIQ_CALL_STREAM_ATS);
	assert_int_equal(viq_soft_dev_set_ats(m.dev, false), 0);
	assert_int_equal(m.host.ops->stream(m.host.opaque, m.host.object, VSID), VIQ_CALL_STREAM_KNOWN);
	machine_fini(&m);
}

/* --- How far a failed call gets ---------------------------------------------------------------------------------- */

/* Page i at i * 4096 of ASID 1, cached; cmds[i] invalidates it. */
struct bench {
	struct machine m;
	uint64_t cmds[PAGES][2];
};

static void bench_fill(struct bench *b)
{
	uint64_t pa;

	for (uint32_t i = 0; i < PAGES; i++)
		assert_int_equal(translate(b->m.dev, i * 4096, 0, VIQ_SOFT_READ, &pa), 0);
}

static void bench_init(struct bench *b)
{
	uint64_t ttb = machine_init_s1(&b->m, NULL);

	for (uint32_t i = 0; i < PAGES; i++) {
		map_page(&b->m, ttb, i * 4096, MEM_BASE | PAGE_RW);
		b->cmds[i][0] = tlbi_va(1);
		b->cmds[i][1] = i * 4096;
	}
	bench_fill(b);
}

/* Entries [0, below) took effect, and nothing else. */
static void check_effects(struct bench *b, uint32_t below)
{
	for (uint32_t i = 0; i < PAGES; i++)
		assert_int_equal(viq_soft_cached(b->m.dev, i * 4096, 0, VIQ_SOFT_READ, false), i >= below);
}

static const uint32_t indices[] = {0, 1, 62, 63, 64, 125, 126, 150, 188, 189, 198, 199};

static void an_illegal_entry_is_found_exactly(void **state)
{
	for (uint32_t n = 0; n < sizeof(indices) / sizeof(indices[0]); n++) {
		uint32_t i = indices[n];
		struct viq_soft_counters counters;
		struct viq_call_result res;
		struct bench b;

		bench_init(&b);
		b.cmds[i][0] |= VIQ_BIT(8); /* RES0 */
		res = call_host(b.m.host, (const uint64_t(*)[2])b.cmds, PAGES);
		assert_int_equal(res.error, VIQ_CALL_ILLEGAL);
		assert_int_equal(res.handled, i);
		assert_int_equal(res.suspect, i);
		assert_int_equal(res.hw_code, VIQ_SMMUV3_CERROR_ILL);
		assert_int_equal(res.os_error, 0);
		assert_int_equal(res.host_calls, 1);
		check_effects(&b, i);
		viq_soft_counters(b.m.soft, &counters, sizeof(counters));
		assert_int_equal(counters.calls, 1);
		assert_int_equal(counters.entries, i);
		/* Sent again, it fails again. */
		res = call_host(b.m.host, (const uint64_t(*)[2]) & b.cmds[i], 1);
		assert_int_equal(res.error, VIQ_CALL_ILLEGAL);
		assert_int_equal(res.handled, 0);
		machine_fini(&b.m);
	}
}

/* The same array, cut into pieces, empty ones among them. */
static void the_cut_makes_no_difference(void **state)
{
	for (uint32_t n = 0; n < sizeof(indices) / sizeof(indices[0]); n++) {
		struct viq_call_piece pieces[VIQ_CALL_MAX_PIECES];
		struct viq_call_request req = {.size = sizeof(req),
					       .type = VIQ_CALL_SMMUV3,
					       .entry_size = 16,
					       .pieces = pieces,
					       .piece_count = VIQ_CALL_MAX_PIECES};
		struct viq_call_result whole, cut;
		uint32_t done = 0;
		struct bench b;

		bench_init(&b);
		b.cmds[indices[n]][0] = 0x46; /* a CMD_SYNC */
		whole = call_host(b.m.host, (const uint64_t(*)[2])b.cmds, PAGES);
		bench_fill(&b);
		req.object = b.m.viommu;
		for (uint32_t p = 0; p < VIQ_CALL_MAX_PIECES; p++) {
			uint32_t count = p == VIQ_CALL_MAX_PIECES - 1 ? PAGES - done : p % 3 ? p * 7 % 29 : 0;

			pieces[p] = (struct viq_call_piece){.entries = b.cmds[done], .count = count};
			done += count;
		}
		assert_int_equal(done, PAGES);
		cut = make_call(&b.m, &req);
		assert_memory_equal(&whole, &cut, sizeof(cut));
		check_effects(&b, indices[n]);
		machine_fini(&b.m);
	}
}

/* A neighbour that differs in any one bit is judged, and carried out, as if it were alone. */
static void neighbours_are_judged_one_by_one(void **state)
{
	const uint64_t ops[] = {tlbi_va(1), VIQ_SMMUV3_OP_TLBI_NH_VAA};
	struct bench b;

	bench_init(&b);
	for (unsigned int i = 0; i < 2; i++) {
		for (unsigned int bit = 0; bit < 128; bit++) {
			uint64_t cmds[3][2] = {{ops[i], 0}, {ops[i], 0x1000}, {ops[i], 0x2000}};
			struct viq_call_result res;
			bool legal, went;

			/* Alone, to a page of its own. */
			cmds[2][bit / 64] ^= VIQ_BIT(bit % 64);
			legal = accepts(&b.m, cmds[2][0], cmds[2][1]);
			went = !viq_soft_cached(b.m.dev, 0x2000, 0, VIQ_SOFT_READ, false);
			bench_fill(&b);
			res = call_host(b.m.host, (const uint64_t(*)[2])cmds, 3);
			assert_int_equal(res.error, legal ? VIQ_CALL_NONE : VIQ_CALL_ILLEGAL);
			assert_int_equal(res.handled, legal ? 3 : 2);
			assert_false(viq_soft_cached(b.m.dev, 0, 0, VIQ_SOFT_READ, false));
			assert_false(viq_soft_cached(b.m.dev, 0x1000, 0, VIQ_SOFT_READ, false));
			assert_int_equal(!viq_soft_cached(b.m.dev, 0x2000, 0, VIQ_SOFT_READ, false), went);
			bench_fill(&b);
		}
	}
	machine_fini(&b.m);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(exactly_the_kernels_opcodes_and_bits_are_taken),
	cmocka_unit_test(range_fields_go_together),
	cmocka_unit_test(a_stream_needs_a_vdevice),
	cmocka_unit_test(atc_inv_size_ends_at_52),
	cmocka_unit_test(bits_of_features_that_the_host_lacks_are_refused),
	cmocka_unit_test(calls_that_make_no_sense_do_nothing),
	cmocka_unit_test(an_empty_array_asks_whether_the_type_is_known),
	cmocka_unit_test(the_host_knows_its_streams),
	cmocka_unit_test(an_illegal_entry_is_found_exactly),
	cmocka_unit_test(the_cut_makes_no_difference),
	cmocka_unit_test(neighbours_are_judged_one_by_one),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
