/* SPDX-License-Identifier: MIT */
/* P3: each byte of the queue is read once per consumption; all checks and uses are of the private copy. */
#include <endian.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "support/vvtd.h"

#define SLOTS 128

struct rewriter {
	struct vvtd *v;
	atomic_bool stop;
};

/* Another vCPU that turns descriptors into illegal ones and back, and changes what they name. */
__attribute__((no_sanitize("thread"))) static void *rewrite(void *opaque)
{
	struct rewriter *r = opaque;
	uint64_t seed = 7;

	while (!atomic_load(&r->stop)) {
		volatile uint64_t *slot = (volatile uint64_t *)(r->v->ram + VVTD_QUEUE + 32 * vvtd_below(&seed, SLOTS));

		switch (vvtd_below(&seed, 6)) {
		case 0:
			slot[0] = htole64(desc_page(4, 0, 0).qw[0]);
			break;
		case 1:
			slot[0] = htole64(desc_page(5, 0, 0).qw[0]);
			break;
		case 2:
			slot[0] = htole64(desc_iotlb(2, 4, 0, 0, false).qw[0]);
			break;
		case 3:
			slot[0] = htole64(0xfff000000000000a);
			break;
		case 4:
			slot[1] = htole64(vvtd_random(&seed) & ~UINT64_C(0xf80));
			break;
		case 5:
			slot[2] = htole64(vvtd_below(&seed, 8) == 0);
			break;
		}
	}
	return NULL;
}

/* The driver makes the descriptor at IQH a legal one; the other vCPU may already be at it again. */
__attribute__((no_sanitize("thread"))) static void repair(struct vvtd *v, uint64_t head)
{
	volatile uint64_t *slot = (volatile uint64_t *)(v->ram + VVTD_QUEUE + head);

	slot[0] = htole64(desc_page(4, 0, 0).qw[0]);
	slot[1] = htole64(desc_page(4, 0, head).qw[1]);
	slot[2] = 0;
}

/* What the trace says was read, must be what was judged and what was sent. */
struct judge {
	struct viq_vtd_config config;
	struct vvtd_host *hosts[2];
	size_t judged[2]; /* of a host's effects */
	uint64_t sent[2]; /* descriptors */
	unsigned int stops;
};

/* Worked out once more: a descriptor of type 2 names all of a domain here, others pages, which may be all too. */
static struct viq_vtd_s1_entry entry_of(const uint64_t desc[4])
{
	unsigned int am = desc[1] & 0x3f;
	uint64_t npages = UINT64_C(1) << am;

	if ((desc[0] & 0xf) == 2 || am >= 52)
		return (struct viq_vtd_s1_entry){.npages = VIQ_VTD_S1_ALL};
	return (struct viq_vtd_s1_entry){
		.addr = desc[1] & -(npages * 4096), .npages = npages, .flags = desc[1] >> 6 & 1};
}

/* The host's next effect is this one. A second "all" in a row may be done with the first. */
static void judge_effect(struct judge *j, unsigned int which, const struct viq_vtd_s1_entry *e)
{
	const struct vvtd_host *host = j->hosts[which];
	size_t at = j->judged[which];

	j->sent[which]++;
	if (at < host->effect_count && !memcmp(&host->effects[at].entry, e, sizeof(*e)))
		j->judged[which]++;
	else if (e->npages != VIQ_VTD_S1_ALL || !at || host->effects[at - 1].entry.npages != VIQ_VTD_S1_ALL)
		fail_msg("host %u did not get %#llx + %llu", which, (unsigned long long)e->addr,
			 (unsigned long long)e->npages);
}

static void judge_trace(struct vvtd *v, const struct viq_vtd_trace *t)
{
	struct judge *j = v->opaque;
	unsigned int verdict = viq_vtd_descriptor_check(t->desc, 256, &j->config);
	struct viq_vtd_s1_entry entry;

	if (t->fate == VIQ_VTD_FATE_ERROR) {
		assert_int_equal(verdict, t->iqei);
		j->stops++;
		return;
	}
	assert_int_equal(verdict, 0);
	assert_int_not_equal(t->fate, VIQ_VTD_FATE_RETRY);
	if (t->fate == VIQ_VTD_FATE_HOST) {
		entry = entry_of(t->desc);
		judge_effect(j, (t->desc[0] >> 16 & 0xffff) - 4, &entry);
	}
}

static void ring_all(struct vvtd *v)
{
	vvtd_w32(v, VREG(IQT), ((uint32_t)vvtd_r64(v, VREG(IQH)) + 32 * (SLOTS - 1)) % (32 * SLOTS));
}

static void test_rewriting_guest(void **state)
{
	struct vvtd *v = vvtd_new(NULL);
	struct vvtd_host *hosts[2] = {vvtd_host_new(v), vvtd_host_new(v)};
	struct judge judge = {.config = v->config, .hosts = {hosts[0], hosts[1]}};
	struct rewriter r = {.v = v};
	pthread_t thread;

	vvtd_attach(v, hosts[0], 4, 0, 1, 0);
	vvtd_attach(v, hosts[1], 5, 0, 2, 0);
	v->lax = true;
	v->on_trace = judge_trace;
	v->opaque = &judge;
	vvtd_boot(v, 256, 0);
	/* The ring as it stands while the other vCPU does not run: all of a domain again and again, page after page. */
	for (unsigned int all = 2; all-- > 0;) {
		for (unsigned int i = 0; i < SLOTS; i++)
			vvtd_replace_desc(v, i, all ? desc_iotlb(2, 4, 0, 0, false) : desc_page(4, 0, i));
		ring_all(v);
	}
	assert_int_equal(pthread_create(&thread, NULL, rewrite, &r), 0);
	/* Until everything has happened often; a test that never gets there is stopped from outside. */
	while (judge.stops < 500 || judge.sent[0] < 500 || judge.sent[1] < 500) {
		ring_all(v);
		if (vvtd_r32(v, VREG(FSTS)) & VREG(FSTS_IQE)) {
			repair(v, vvtd_r64(v, VREG(IQH)));
			vvtd_w32(v, VREG(FSTS), VREG(FSTS_IQE));
		}
		v->log_count = 0;
	}
	atomic_store(&r.stop, true);
	pthread_join(thread, NULL);
	for (unsigned int i = 0; i < 2; i++)
		assert_int_equal(hosts[i]->effect_count, judge.judged[i]);
	vvtd_free(v);
}

/* --- Memory behind call-backs counts how often each byte is read ------------------------------------------------- */

struct counted {
	uint8_t bytes[4096];
	unsigned int reads[4096];
};

static int counted_read(void *opaque, uint64_t gpa, void *buf, size_t len)
{
	struct counted *c = opaque;

	if (gpa + len > sizeof(c->bytes))
		return -14;
	for (size_t i = 0; i < len; i++)
		c->reads[gpa + i]++;
	memcpy(buf, c->bytes + gpa, len);
	/* The guest spoils it at once. */
	memset(c->bytes + gpa, 0xff, len);
	return 0;
}

static void test_each_byte_once(void **state)
{
	const struct viq_mem_ops ops = {.size = sizeof(ops), .read = counted_read};
	struct counted counted = {0};
	struct viq_vtd_config config;
	struct vvtd_host *host;
	struct vvtd *v;

	vvtd_config(&config);
	assert_int_equal(viq_mem_create(NULL, 0, &ops, &counted, (struct viq_mem **)&config.mem, NULL), 0);
	for (unsigned int width = 128; width <= 256; width += 128) {
		uint32_t size = width / 8, slots = 4096 / size;

		v = vvtd_new(&config);
		host = vvtd_host_new(v);
		vvtd_attach(v, host, 1, 0, 1, width == 128 ? VIQ_VTD_TABLE_STAGE2 : 0);
		memset(counted.reads, 0, sizeof(counted.reads));
		for (uint32_t i = 0; i < slots; i++) {
			struct test_desc d =
				width == 256 ? desc_page(1, 0, i) : desc_iotlb(3, 1, UINT64_C(4096) * i, 0, false);

			memcpy(counted.bytes + i * size, d.qw, size);
		}
		v->lax = true;
		vvtd_boot_at(v, width, 0, 0);
		vvtd_w32(v, VREG(IQT), (slots - 1) * size);
		assert_int_equal(vvtd_r64(v, VREG(IQH)), (slots - 1) * size);
		for (uint32_t i = 0; i < 4096; i++)
			assert_int_equal(counted.reads[i], i < (slots - 1) * size);
		assert_int_equal(host->effect_count, slots - 1);
		vvtd_free(v);
	}
	viq_mem_destroy((struct viq_mem *)config.mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rewriting_guest),
		cmocka_unit_test(test_each_byte_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
