/* SPDX-License-Identifier: MIT */
/*
 * P1, P2 over two software IOMMUs behind one fan-out: their devices' translations show what really took effect, under
 * every contract that the two may have.
 */
#include "support/soft.h"
#include "support/fault.h"

#define PAGES   144u
#define ENTRIES (PAGES + PAGES / 8)
#define HOSTS   2
#define UNKNOWN 77u /* a stream that no host knows */

static const uint32_t vsids[HOSTS] = {8, 9};

struct pair {
	struct machine machines[HOSTS];
	struct viq_fault *faults[HOSTS];
	struct viq_call_fanout *fanout;
	struct viq_call_host host;
	uint64_t entries[ENTRIES][2];
	uint32_t page_of[ENTRIES]; /* the page of a TLBI; PAGES: names a stream */
	uint64_t descs[HOSTS][PAGES];
	uint32_t generation; /* of the mappings in the tables */
};

static uint64_t page_pa(uint32_t page, uint32_t generation)
{
	return MEM_BASE + (page + PAGES * (generation % 2)) * UINT64_C(0x1000);
}

static void host_init(struct pair *p, uint32_t h)
{
	struct machine *m = &p->machines[h];
	uint64_t ttb;

	machine_init(m, NULL);
	/* The target pages are not looked at: they may lie over the tables. */
	m->cd = alloc_pages(m, 1);
	ttb = alloc_pages(m, 1);
	write_cd(m, m->cd, 1, ttb);
	assert_int_equal(viq_soft_dev_alloc(m->soft, &m->dev, NULL), 0);
	assert_int_equal(viq_soft_vdevice_alloc(m->soft, m->viommu, m->dev, vsids[h], &m->vdevice, NULL), 0);
	assert_int_equal(viq_soft_vdevice_configure(m->soft, m->viommu, vsids[h],
						    (uint64_t[2]){ste0(VIQ_SMMUV3_STE_CONFIG_S1, m->cd, 0), 0}),
			 0);
	for (uint32_t i = 0; i < PAGES; i++) {
		p->descs[h][i] = desc_at(m, ttb, i * UINT64_C(0x1000), 3);
		put_word(m, p->descs[h][i], page_pa(i, 0) | PAGE_RW);
	}
}

/* A TLBI for each page; after each eight a command for a stream of one host, of the other, or of none. */
static void fill_entries(struct pair *p)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < PAGES; i++) {
		p->page_of[n] = i;
		p->entries[n][0] = htole64(tlbi_va(1));
		p->entries[n++][1] = htole64(i * UINT64_C(0x1000));
		if (i % 8 != 7)
			continue;
		p->page_of[n] = PAGES;
		p->entries[n][0] = htole64(with_sid(VIQ_SMMUV3_OP_CFGI_CD, i % 3 < 2 ? vsids[i % 3] : UNKNOWN));
		p->entries[n++][1] = 0;
	}
	assert_int_equal(n, ENTRIES);
}

/* Does the device still translate as before the last change, for pages of entries [from, to)? */
static void assert_stale(struct pair *p, uint32_t h, uint32_t from, uint32_t to, bool stale)
{
	for (uint32_t i = from; i < to; i++) {
		if (p->page_of[i] < PAGES)
			assert_translates(p->machines[h].dev, p->page_of[i] * UINT64_C(0x1000),
					  page_pa(p->page_of[i], p->generation - stale));
	}
}

static void pair_init(struct pair *p, const uint32_t contracts[HOSTS])
{
	struct viq_call_host hosts[HOSTS];

	memset(p, 0, sizeof(*p));
	fill_entries(p);
	for (uint32_t h = 0; h < HOSTS; h++) {
		host_init(p, h);
		p->faults[h] = fault_new(contracts[h]);
		hosts[h] = fault_before(p->faults[h], p->machines[h].host);
		assert_stale(p, h, 0, ENTRIES, false);
	}
	assert_int_equal(viq_call_fanout_create(hosts, HOSTS, &p->fanout, NULL), 0);
	p->host = viq_call_fanout_host(p->fanout);
}

static void pair_fini(struct pair *p)
{
	viq_call_fanout_destroy(p->fanout);
	for (uint32_t h = 0; h < HOSTS; h++) {
		viq_fault_destroy(p->faults[h]);
		machine_fini(&p->machines[h]);
	}
}

/* Move all pages, in the tables only: every cached translation is stale now. */
static void change_mappings(struct pair *p)
{
	p->generation++;
	for (uint32_t h = 0; h < HOSTS; h++) {
		for (uint32_t i = 0; i < PAGES; i++)
			put_word(&p->machines[h], p->descs[h][i], page_pa(i, p->generation) | PAGE_RW);
	}
}

static struct viq_call_result send(struct pair *p, uint32_t from)
{
	struct viq_call_piece piece = {p->entries[from], ENTRIES - from};
	struct viq_call_request req = {
		.size = sizeof(req),
		.type = VIQ_CALL_SMMUV3,
		.entry_size = 16,
		.pieces = &piece,
		.piece_count = 1,
	};
	struct viq_call_result res = {.size = sizeof(res)};

	assert_int_equal(viq_call_invalidate(&p->host, &req, &res), 0);
	return res;
}

/* Arm a failure of one host at an entry of the whole list. */
static void arm(struct pair *p, uint32_t h, uint32_t kind, uint32_t entry)
{
	uint32_t index = 0;

	/* The host's own array lacks what concerns other streams. */
	for (uint32_t i = 0; i < entry; i++)
		index += p->page_of[i] < PAGES || VIQ_GET(VIQ_SMMUV3_CMD_SID, le64toh(p->entries[i][0])) == vsids[h];
	fault_arm(p->faults[h], kind, index, 0, 0, 0);
}

/* The guest's retry: from the failed entry on, nothing fails any more. */
static void finish(struct pair *p, uint32_t h, uint32_t from)
{
	struct viq_call_result res;

	fault_disarm(p->faults[h]);
	res = send(p, from);
	assert_int_equal(res.error, VIQ_CALL_NONE);
	assert_int_equal(res.handled, ENTRIES - from);
	for (uint32_t k = 0; k < HOSTS; k++)
		assert_stale(p, k, 0, ENTRIES, false);
}

static void check_illegal(struct pair *p, uint32_t h, uint32_t entry)
{
	struct viq_call_result res;

	change_mappings(p);
	arm(p, h, VIQ_FAULT_ILLEGAL, entry);
	res = send(p, 0);
	assert_int_equal(res.error, VIQ_CALL_ILLEGAL);
	assert_int_equal(res.handled, entry);
	assert_int_equal(res.suspect, entry);
	for (uint32_t k = 0; k < HOSTS; k++)
		assert_stale(p, k, 0, entry, false);
	/* The host itself, and all after it, have done nothing more. */
	for (uint32_t k = h; k < HOSTS; k++)
		assert_stale(p, k, entry, ENTRIES, true);
	finish(p, h, entry);
}

static void check_window(struct pair *p, uint32_t h, uint32_t entry)
{
	struct viq_call_result res;

	change_mappings(p);
	arm(p, h, VIQ_FAULT_HARDWARE, entry);
	res = send(p, 0);
	assert_int_equal(res.error, VIQ_CALL_FAILED);
	assert_in_range(entry, res.handled, res.suspect);
	for (uint32_t k = 0; k < HOSTS; k++)
		assert_stale(p, k, 0, res.handled, false);
	finish(p, h, res.handled);
}

static void sweep(void (*check)(struct pair *, uint32_t, uint32_t))
{
	for (uint32_t k = 0; k < 9; k++) {
		struct pair p;

		pair_init(&p, (uint32_t[HOSTS]){k % 3, k / 3});
		for (uint32_t h = 0; h < HOSTS; h++) {
			for (uint32_t i = 0; i < ENTRIES; i++) {
				if (p.page_of[i] < PAGES)
					check(&p, h, i);
			}
		}
		pair_fini(&p);
	}
}

static void p2_every_entry_illegal_in_either_host(void **state)
{
	sweep(check_illegal);
}

static void p1_hardware_failure_in_either_host(void **state)
{
	sweep(check_window);
}

/* Commands for streams of the other host or of none would be illegal: that the call succeeds shows they are left out.
 */
static void p1_everything_takes_effect_in_both_hosts(void **state)
{
	struct viq_call_result res;
	struct pair p;

	pair_init(&p, (uint32_t[HOSTS]){VIQ_FAULT_LINUX_7_3, VIQ_FAULT_EXACT});
	change_mappings(&p);
	for (uint32_t h = 0; h < HOSTS; h++)
		assert_stale(&p, h, 0, ENTRIES, true);
	res = send(&p, 0);
	assert_int_equal(res.error, VIQ_CALL_NONE);
	assert_int_equal(res.handled, ENTRIES);
	assert_int_equal(res.host_calls, HOSTS);
	for (uint32_t h = 0; h < HOSTS; h++)
		assert_stale(&p, h, 0, ENTRIES, false);
	pair_fini(&p);
}

/* The test bites: one invalidation that a host drops is seen. */
static void p1_a_dropped_entry_is_seen(void **state)
{
	struct viq_call_result res;
	struct pair p;

	pair_init(&p, (uint32_t[HOSTS]){VIQ_FAULT_EXACT, VIQ_FAULT_EXACT});
	change_mappings(&p);
	arm(&p, 1, VIQ_FAULT_DROP, 20);
	res = send(&p, 0);
	assert_int_equal(res.error, VIQ_CALL_NONE);
	assert_stale(&p, 0, 0, ENTRIES, false);
	assert_stale(&p, 1, 0, 20, false);
	assert_stale(&p, 1, 20, 21, true);
	assert_stale(&p, 1, 21, ENTRIES, false);
	pair_fini(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(p1_a_dropped_entry_is_seen),
		cmocka_unit_test(p1_everything_takes_effect_in_both_hosts),
		cmocka_unit_test(p1_hardware_failure_in_either_host),
		cmocka_unit_test(p2_every_entry_illegal_in_either_host),
	};

	return cmocka_run_group_tests_name("call-soft", tests, NULL, NULL);
}
