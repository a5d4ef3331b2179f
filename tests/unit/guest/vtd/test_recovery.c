/* SPDX-License-Identifier: MIT */
/*
 * Linux's driver against errors, step by step: several CPUs submit, poll their status words, look at FSTS, and do what
 * qi_check_fault() does: of Linux 7.3, or of 5.8 to 6.19, which at an ITE looks at every other slot only and goes round
 * for ever, with interrupts off, if the last one that was queued is not among them. Every CPU gets through, and every
 * invalidation took effect unless Linux itself gave it up.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "support/vvtd.h"

#define LENGTH 256
#define CPUS   8

enum slot_state {
	SLOT_FREE,
	SLOT_IN_USE,
	SLOT_ABORT,
};

struct cpu {
	bool busy;
	struct test_desc descs[4];
	unsigned int count;
	uint64_t index, wait; /* absolute */
	int result;
	unsigned int restarts;
};

struct linux_qi {
	struct vvtd *v;
	enum slot_state slots[LENGTH];
	struct cpu cpus[CPUS];
	uint16_t gone; /* a source-id whose device is not there any more */
	bool old;      /* 5.8 to 6.19 */
};

static void submit(struct linux_qi *qi, struct cpu *cpu)
{
	cpu->index = qi->v->prod;
	for (unsigned int i = 0; i < cpu->count; i++)
		vvtd_push(qi->v, cpu->descs[i]);
	cpu->wait = qi->v->prod;
	vvtd_push_wait(qi->v);
	for (uint64_t i = cpu->index; i <= cpu->wait; i++)
		qi->slots[i % LENGTH] = SLOT_IN_USE;
	cpu->busy = true;
}

static void start(struct linux_qi *qi, unsigned int n, const struct test_desc *descs, unsigned int count)
{
	struct cpu *cpu = &qi->cpus[n];

	*cpu = (struct cpu){.count = count};
	memcpy(cpu->descs, descs, count * sizeof(*descs));
	submit(qi, cpu);
}

/* qi_check_fault() */
static int check_fault(struct linux_qi *qi, struct cpu *cpu)
{
	struct vvtd *v = qi->v;
	uint32_t fault;

	if (qi->slots[cpu->wait % LENGTH] == SLOT_ABORT)
		return -EAGAIN;
	fault = vvtd_r32(v, VREG(FSTS));
	if (fault & VREG(FSTS_IQE)) {
		uint32_t head = vvtd_r32(v, VREG(IQH));

		if (head >> 5 == cpu->index % LENGTH) {
			memcpy(v->ram + v->base + head, v->ram + vvtd_gpa(v, cpu->wait), 32);
			memset(v->shadow[head >> 5].desc, 0, 32); /* given up */
			vvtd_w32(v, VREG(FSTS), VREG(FSTS_IQE));
			return -EINVAL;
		}
	}
	if (fault & VREG(FSTS_ITE)) {
		uint32_t head = (vvtd_r32(v, VREG(IQH)) / 32 - 1 + LENGTH) % LENGTH;
		uint32_t tail = (vvtd_r32(v, VREG(IQT)) / 32 - 1 + LENGTH) % LENGTH;
		uint16_t sid = vvtd_r64(v, VREG(IQERCD)) >> 32 & 0xffff;
		unsigned int looks = 0;

		if (qi->old)
			head |= 1;
		v->ite_time = ++v->time;
		vvtd_w32(v, VREG(FSTS), VREG(FSTS_ITE));
		do {
			if (qi->slots[head] == SLOT_IN_USE)
				qi->slots[head] = SLOT_ABORT;
			head = (head - (qi->old ? 2 : 1) + LENGTH) % LENGTH;
			if (looks++ == LENGTH)
				fail_msg("the driver looks for aborted descriptors for ever");
		} while (head != tail);
		if (sid && sid == qi->gone)
			return -ETIMEDOUT;
		if (qi->slots[cpu->wait % LENGTH] == SLOT_ABORT)
			return -EAGAIN;
	}
	if (fault & VREG(FSTS_ICE))
		vvtd_w32(v, VREG(FSTS), VREG(FSTS_ICE));
	return 0;
}

/* One turn of a CPU's polling loop. */
static void poll(struct linux_qi *qi, struct cpu *cpu)
{
	int ret = 0;

	if (!cpu->busy)
		return;
	if (!vvtd_completed(qi->v, cpu->wait)) {
		ret = check_fault(qi, cpu);
		if (!ret)
			return;
	}
	for (uint64_t i = cpu->index; i <= cpu->wait; i++)
		qi->slots[i % LENGTH] = SLOT_FREE;
	cpu->busy = false;
	cpu->result = ret;
	if (ret != -EAGAIN)
		return;
	cpu->restarts++;
	submit(qi, cpu);
	vvtd_ring(qi->v);
}

/* All CPUs poll in turns until all are through. */
static void run(struct linux_qi *qi)
{
	bool busy = true;

	vvtd_ring(qi->v);
	for (unsigned int turn = 0; busy; turn++) {
		if (turn == 1000)
			fail_msg("the guest hangs");
		busy = false;
		for (unsigned int i = 0; i < CPUS; i++) {
			poll(qi, &qi->cpus[i]);
			busy |= qi->cpus[i].busy;
		}
		vvtd_retry(qi->v); /* the VMM's timer */
	}
	assert_vidle(qi->v);
}

static struct linux_qi *new_linux(struct vvtd_host **host)
{
	struct linux_qi *qi = calloc(1, sizeof(*qi));

	assert_non_null(qi);
	qi->v = vvtd_new(NULL);
	*host = vvtd_host_new(qi->v);
	vvtd_attach(qi->v, *host, 4, 0, 0x100, VIQ_VTD_TABLE_RID);
	vvtd_boot(qi->v, 256, 1);
	assert_int_equal(qi->v->slots, LENGTH);
	return qi;
}

static void free_linux(struct linux_qi *qi)
{
	vvtd_free(qi->v);
	free(qi);
}

/* IQE: the CPU whose submission is at IQH gives up; the others never notice. */
static void test_iqe(void **state)
{
	struct vvtd_host *host;
	struct linux_qi *qi = new_linux(&host);

	for (unsigned int bad = 0; bad < CPUS; bad++) {
		vvtd_forget(qi->v);
		for (unsigned int i = 0; i < CPUS; i++) {
			struct test_desc d = desc_page(4, 0, i);

			if (i == bad)
				d.qw[3] = 1;
			start(qi, i, &d, 1);
		}
		run(qi);
		for (unsigned int i = 0; i < CPUS; i++) {
			assert_int_equal(qi->cpus[i].result, i == bad ? -EINVAL : 0);
			assert_int_equal(vvtd_host_did(host, entry_page(i, true), 0), i != bad);
		}
	}
	free_linux(qi);
}

/*
 * A host that fails for a while. Its VMM waits: no driver sees anything of it. It gives up: Linux clears ITE, has
 * nothing aborted, and every CPU's invalidation gets done; but only since it was mended.
 */
static void host_failure(bool old, bool gives_up)
{
	struct vvtd_host *host;
	struct linux_qi *qi = new_linux(&host);

	qi->old = old;
	qi->v->gives_up = gives_up;
	for (unsigned int bad = 0; bad < CPUS; bad++) {
		for (unsigned int prefix = 0; prefix < 3; prefix++) {
			vvtd_forget(qi->v);
			/* IQH at odd and even slots, and around the end of the ring. */
			for (unsigned int i = 0; i < prefix; i++)
				vvtd_push(qi->v, desc_wait(false, false, true, 0, 0));
			vvtd_host_fail(host, entry_page(bad, true), VIQ_CALL_FAILED, 1 + bad);
			for (unsigned int i = 0; i < CPUS; i++) {
				const struct test_desc d[] = {desc_page(4, 0, i), desc_page(4, 0, i + 0x100)};

				start(qi, i, d, 1 + i % 2);
			}
			run(qi);
			for (unsigned int i = 0; i < CPUS; i++) {
				assert_int_equal(qi->cpus[i].result, 0);
				assert_int_equal(qi->cpus[i].restarts, 0);
				assert_true(vvtd_host_did(host, entry_page(i, true), 0));
			}
		}
	}
	free_linux(qi);
}

static void test_host_failure(void **state)
{
	host_failure(false, false);
	host_failure(true, false);
	host_failure(false, true);
}

/* A device that times out once: its CPU submits again, and so do others whose wait was aborted; all get through. */
static void test_device_times_out(void **state)
{
	struct vvtd_host *host;
	struct linux_qi *qi = new_linux(&host);

	for (unsigned int times = 1; times < 4; times++) {
		vvtd_forget(qi->v);
		qi->v->devtlb_result = -ETIMEDOUT;
		qi->v->devtlb_times = times;
		for (unsigned int i = 0; i < CPUS; i++) {
			const struct test_desc d[] = {desc_page(4, 0, i), desc_devtlb(0x100, i << 12, false)};

			start(qi, i, d, i == 3 ? 2 : 1);
		}
		run(qi);
		for (unsigned int i = 0; i < CPUS; i++) {
			assert_int_equal(qi->cpus[i].result, 0);
			assert_int_equal(qi->cpus[i].restarts, i == 3 ? times : 0);
			assert_true(vvtd_host_did(host, entry_page(i, true), 0));
		}
	}
	free_linux(qi);
}

/* A device that is gone: its CPU gives up by the source-id; everybody else goes on. */
static void test_device_is_gone(void **state)
{
	struct vvtd_host *host;
	struct linux_qi *qi = new_linux(&host);
	const struct test_desc d[] = {desc_page(4, 0, 9), desc_devtlb(0x100, 0x9000, false)};
	const struct test_desc other = desc_page(4, 0, 1);

	qi->gone = 0x100;
	qi->v->devtlb_result = -ETIMEDOUT;
	qi->v->devtlb_times = -1;
	start(qi, 0, d, 2);
	vvtd_ring(qi->v);
	poll(qi, &qi->cpus[0]);
	assert_int_equal(qi->cpus[0].result, -ETIMEDOUT);
	assert_false(qi->cpus[0].busy);
	start(qi, 1, &other, 1);
	run(qi);
	assert_int_equal(qi->cpus[1].result, 0);
	assert_true(vvtd_host_did(host, entry_page(1, true), 0));
	free_linux(qi);
}

static void test_ice(void **state)
{
	struct vvtd_host *host;
	struct linux_qi *qi = new_linux(&host);

	qi->v->devtlb_result = -EIO;
	qi->v->devtlb_times = 2;
	for (unsigned int i = 0; i < CPUS; i++) {
		const struct test_desc d[] = {desc_page(4, 0, i), desc_devtlb(0x100 + i, i << 12, false)};

		start(qi, i, d, 2);
	}
	run(qi);
	/* The one that has seen ITE left at once, to submit all again. */
	assert_int_equal(vvtd_r32(qi->v, VREG(FSTS)), VREG(FSTS_ICE));
	vvtd_w32(qi->v, VREG(FSTS), VREG(FSTS_ICE));
	for (unsigned int i = 0; i < CPUS; i++)
		assert_int_equal(qi->cpus[i].result, 0);
	free_linux(qi);
}

/* How Linux starts: old faults cleared, queue, interrupt remapping, root table, global invalidations, TE; and kexec. */
static void test_boot(void **state)
{
	struct vvtd_host *host;
	struct linux_qi *qi = new_linux(&host);
	struct vvtd *v = qi->v;
	const struct test_desc globals[] = {desc_cc(1, 0, 0, 0), desc_pc(3, 0, 0), desc_iotlb(1, 0, 0, 0, false)};
	const struct test_desc iec = desc_iec(false, 0, 0);

	viq_vtd_fault(v->vtd, (const uint64_t[2]){0, 1});
	for (unsigned int boot = 0; boot < 2; boot++) {
		for (unsigned int i = 0; i < 8; i++) {
			if (vvtd_r32(v, 0x220 + 16 * i + 12) >> 31)
				vvtd_w32(v, 0x220 + 16 * i + 12, 0x80000000);
		}
		vvtd_w32(v, VREG(FSTS), vvtd_r32(v, VREG(FSTS)));
		assert_int_equal(vvtd_r32(v, VREG(FSTS)), 0);
		if (vvtd_r32(v, VREG(GSTS)) & VREG(GSTS_QIES)) {
			assert_true(vvtd_r64(v, VREG(IQH)) == vvtd_r64(v, VREG(IQT)));
			vvtd_gcmd(v, VREG(GCMD_QIE), false);
		}
		vvtd_boot(v, 256, 1);
		vvtd_w64(v, VREG(IRTA), 0x100000 | 0xf | VREG(IRTA_EIME));
		vvtd_gcmd(v, VREG(GCMD_SIRTP), true);
		start(qi, 0, &iec, 1);
		run(qi);
		vvtd_gcmd(v, VREG(GCMD_IRE), true);
		vvtd_w64(v, VREG(RTADDR), 0x200000 | 0x400);
		vvtd_gcmd(v, VREG(GCMD_SRTP), true);
		for (unsigned int i = 0; i < 3; i++) {
			start(qi, 0, &globals[i], 1);
			run(qi);
			assert_int_equal(qi->cpus[0].result, 0);
		}
		vvtd_gcmd(v, VREG(GCMD_TE), true);
	}
	assert_int_equal(host->effect_count, 2);
	free_linux(qi);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_iqe),
		cmocka_unit_test(test_host_failure),
		cmocka_unit_test(test_device_times_out),
		cmocka_unit_test(test_device_is_gone),
		cmocka_unit_test(test_ice),
		cmocka_unit_test(test_boot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
