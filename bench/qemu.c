// SPDX-License-Identifier: MIT
/*
 * QEMU: the bulk stream through the SMMUv3 of QEMU's virt machine, or the VT-d of its q35 machine, driven over the
 * qtest protocol, with the guest's processors stopped.
 *
 * Timed is from sending the doorbell to the answer to a read of the queue's head that says that all is consumed.
 * Taken off is what the same two lines take when there is nothing to consume. What remains is QEMU's own time, with
 * which the front end is compared twice: in this process, as a VMM would have it, and behind the same protocol, in
 * `viq device`.
 */
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bulk.h"
#include "machine.h"
#include "subjects.h"
#include "vtd_bulk.h"

#define EMPTY_TURNS 9

/* One of QEMU's IOMMUs, and what drives it. Functions return 0 or a negative errno. */
struct platform {
	const char *binary;
	const char *machine, *device; /* device: with an option "-device"; NULL: none */
	const char *name;             /* of `viq device` */
	const char *missing;          /* what a QEMU without it has not */
	const char *unit;
	uint32_t count; /* commands of the stream */
	/* Command i of the stream, in host order. */
	void (*command)(uint32_t i, uint64_t words[2]);
	bool (*present)(struct machine *machine);
	/* The stream in memory, written anew, and an empty queue there. */
	int (*prepare)(struct machine *machine, const uint64_t *stream);
	int (*doorbell)(struct machine *machine);
	/* Has it all been consumed? -EIO: an error is shown. */
	int (*consumed)(struct machine *machine, bool *done);
	double (*here)(void *bulk); /* the front end in this process, on the same stream */
};

struct remote {
	const struct platform *platform;
	struct machine machine;
	uint64_t *stream; /* little endian, as in memory */
};

/* --- SMMUv3 ------------------------------------------------------------------------------------------------------ */

static int write_smmu(struct machine *m, uint32_t offset, uint32_t value)
{
	return machine_write32(m, MACHINE_SMMU + offset, value);
}

static void smmuv3_command(uint32_t i, uint64_t words[2])
{
	struct synth_cmd cmd = bulk_command(i, BULK_ADDRESS);

	words[0] = cmd.w[0];
	words[1] = cmd.w[1];
}

/* Does the machine answer, and does it have a queue that is large enough? */
static bool smmuv3_present(struct machine *m)
{
	uint32_t idr1;

	return !machine_read32(m, MACHINE_SMMU + VIQ_SMMUV3_IDR1, &idr1) &&
	       VIQ_GET(VIQ_SMMUV3_IDR1_CMDQS, idr1) >= BULK_LOG2SIZE;
}

static int smmuv3_prepare(struct machine *m, const uint64_t *stream)
{
	uint64_t base = MACHINE_RAM | VIQ_PUT(VIQ_SMMUV3_Q_BASE_LOG2SIZE, BULK_LOG2SIZE);

	if (write_smmu(m, VIQ_SMMUV3_CR0, 0) || machine_write(m, MACHINE_RAM, stream, BULK_BYTES) ||
	    machine_write64(m, MACHINE_SMMU + VIQ_SMMUV3_CMDQ_BASE, base) || write_smmu(m, VIQ_SMMUV3_CMDQ_PROD, 0) ||
	    write_smmu(m, VIQ_SMMUV3_CMDQ_CONS, 0) || write_smmu(m, VIQ_SMMUV3_CR0, VIQ_SMMUV3_CR0_CMDQEN))
		return -EIO;
	return 0;
}

static int smmuv3_doorbell(struct machine *m)
{
	return write_smmu(m, VIQ_SMMUV3_CMDQ_PROD, BULK_COMMANDS);
}

static int smmuv3_consumed(struct machine *m, bool *done)
{
	uint32_t cons;

	if (machine_read32(m, MACHINE_SMMU + VIQ_SMMUV3_CMDQ_CONS, &cons) || (cons & VIQ_SMMUV3_CMDQ_CONS_ERR))
		return -EIO;
	*done = cons == BULK_COMMANDS;
	return 0;
}

/* --- VT-d -------------------------------------------------------------------------------------------------------- */

#define VTD_RING   UINT64_C(0x1000000)
#define VTD_STATUS UINT64_C(0x2000000)
/* As many 128-bit descriptors as the largest queue can hold. */
#define VTD_COUNT ((4096u << VTD_BULK_QS) / VIQ_VTD_DESC_SIZE_128 - 1)

static int write_vtd(struct machine *m, uint32_t offset, uint32_t value)
{
	return machine_write32(m, MACHINE_VTD + offset, value);
}

static void vtd_command(uint32_t i, uint64_t words[2])
{
	const struct vtd_bulk like = {.guest = {.entry_size = VIQ_VTD_DESC_SIZE_128, .status = VTD_STATUS},
				      .count = VTD_COUNT};
	struct vtd_desc desc = vtd_bulk_desc(&like, i);

	words[0] = desc.w[0];
	words[1] = desc.w[1];
}

static bool vtd_present(struct machine *m)
{
	uint32_t ecap;

	return !machine_read32(m, MACHINE_VTD + VIQ_VTD_ECAP, &ecap) && (ecap & VIQ_VTD_ECAP_QI);
}

/* QEMU lets go of a queue only if it is empty and ended with a wait descriptor, as it does here. */
static int vtd_prepare(struct machine *m, const uint64_t *stream)
{
	if (write_vtd(m, VIQ_VTD_GCMD, 0) || machine_write(m, VTD_RING, stream, VTD_COUNT * VIQ_VTD_DESC_SIZE_128) ||
	    write_vtd(m, VIQ_VTD_IQT, 0) || machine_write64(m, MACHINE_VTD + VIQ_VTD_IQA, VTD_RING | VTD_BULK_QS) ||
	    write_vtd(m, VIQ_VTD_GCMD, VIQ_VTD_GCMD_QIE))
		return -EIO;
	return 0;
}

static int vtd_doorbell(struct machine *m)
{
	return write_vtd(m, VIQ_VTD_IQT, VTD_COUNT * VIQ_VTD_DESC_SIZE_128);
}

static int vtd_consumed(struct machine *m, bool *done)
{
	uint32_t head;

	if (machine_read32(m, MACHINE_VTD + VIQ_VTD_IQH, &head))
		return -EIO;
	*done = head == VTD_COUNT * VIQ_VTD_DESC_SIZE_128;
	return 0;
}

/* --- Both -------------------------------------------------------------------------------------------------------- */

/* ns from the doorbell to the answer that all is consumed; negative if that never comes. */
static double ring(struct remote *r)
{
	uint64_t start = bench_now();
	bool done = false;

	if (r->platform->doorbell(&r->machine))
		return -1;
	while (!done) {
		if (r->platform->consumed(&r->machine, &done) || bench_now() - start > UINT64_C(30000000000))
			return -1;
	}
	return (double)(bench_now() - start);
}

static double ring_net(void *opaque)
{
	struct remote *r = opaque;
	struct bench_samples empty = {.count = 0};
	double full, net;

	if (r->platform->prepare(&r->machine, r->stream))
		return -1;
	full = ring(r);
	for (unsigned int i = 0; i < EMPTY_TURNS && full >= 0; i++) {
		double turn = ring(r);

		if (turn < 0)
			return -1;
		bench_add(&empty, turn);
	}
	net = full - bench_stat(&empty).median;
	/* Too fast for what the round trips vary by. */
	return full < 0 ? -1 : net > 0 ? net / r->platform->count : 0;
}

static uint64_t *encode_stream(const struct platform *p)
{
	uint64_t *words = malloc((size_t)p->count * 16), cmd[2];

	for (uint32_t i = 0; words && i < p->count; i++) {
		p->command(i, cmd);
		words[2 * i] = htole64(cmd[0]);
		words[2 * i + 1] = htole64(cmd[1]);
	}
	return words;
}

/* --- Rows -------------------------------------------------------------------------------------------------------- */

enum {
	CASE_QEMU,
	CASE_DEVICE,
	CASE_HERE,
	CASES
};

static void report_faster(const struct bench *b, const struct platform *p, const struct bench_case *cases,
			  uint32_t which, const char *name, const char *title)
{
	b->emit(b->opaque, &(struct bench_row){
				   .name = name,
				   .title = title,
				   .unit = p->unit,
				   .value = bench_stat(&cases[which].samples),
				   .figure_name = "x faster than QEMU",
				   .figure = bench_ratio(&cases[CASE_QEMU].samples, &cases[which].samples),
				   .bound = BENCH_AT_LEAST,
				   .limit = 30,
			   });
}

static int measure(const struct bench *b, struct remote remotes[2], void *bulk, const char *title)
{
	struct bench_case *cases = calloc(CASES, sizeof(*cases));
	const struct platform *p = remotes[0].platform;
	int ret;

	if (!cases)
		return -ENOMEM;
	cases[CASE_QEMU] = (struct bench_case){.run = ring_net, .opaque = &remotes[0]};
	cases[CASE_DEVICE] = (struct bench_case){.run = ring_net, .opaque = &remotes[1]};
	cases[CASE_HERE] = (struct bench_case){.run = p->here, .opaque = bulk};
	ret = bench_rounds(cases, CASES, bench_round_count(b, 100));
	if (!ret) {
		b->emit(b->opaque, &(struct bench_row){.name = "qemu",
						       .title = title,
						       .unit = p->unit,
						       .value = bench_stat(&cases[CASE_QEMU].samples)});
		report_faster(b, p, cases, CASE_HERE, "front_end", "viq, in the VMM's process, null host");
		report_faster(b, p, cases, CASE_DEVICE, "device", "viq device over qtest, null host");
	}
	free(cases);
	return ret;
}

static void report_skipped(const struct bench *b, const char *why)
{
	const struct bench_row rows[] = {
		{.name = "qemu", .title = "QEMU over qtest", .skipped = why},
		{.name = "front_end",
		 .title = "viq, in the VMM's process, null host",
		 .bound = BENCH_AT_LEAST,
		 .limit = 30,
		 .skipped = why},
		{.name = "device",
		 .title = "viq device over qtest, null host",
		 .bound = BENCH_AT_LEAST,
		 .limit = 30,
		 .skipped = why},
	};

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		b->emit(b->opaque, &rows[i]);
}

/* "QEMU 7.2.22 over qtest". false: there is none. */
static bool qemu_title(const struct platform *p, char *title, size_t size)
{
	char command[64], version[32] = "";
	FILE *pipe;

	snprintf(command, sizeof(command), "%s --version 2>/dev/null", p->binary);
	pipe = popen(command, "re");
	if (!pipe)
		return false;
	if (fscanf(pipe, "QEMU emulator version %31[0-9.]", version) != 1)
		version[0] = '\0';
	snprintf(title, size, "QEMU %s over qtest", version);
	return pclose(pipe) == 0 && version[0];
}

/* bulk: as platform.here takes it. */
static int measure_beside(const struct bench *b, const struct platform *p, struct machine qemu, void *bulk,
			  const char *title)
{
	const char *const device[] = {b->self, "device", p->name, "--host", "null", NULL};
	struct remote remotes[2] = {{.platform = p, .machine = qemu}, {.platform = p}};
	int ret;

	remotes[0].stream = remotes[1].stream = encode_stream(p);
	if (!remotes[0].stream)
		return -ENOMEM;
	ret = machine_start(&remotes[1].machine, device);
	if (!ret) {
		ret = measure(b, remotes, bulk, title);
		machine_stop(&remotes[1].machine);
	}
	free(remotes[0].stream);
	return ret;
}

static int compare(const struct bench *b, const struct platform *p, void *bulk)
{
	/* clang-format off */
	const char *const argv[] = {
		p->binary, "-machine", p->machine, "-accel", "tcg", "-S", "-display", "none", "-nodefaults", "-qtest",
		"stdio", "-qtest-log", "none", p->device ? "-device" : NULL, p->device, NULL,
	};
	/* clang-format on */
	struct machine qemu;
	char title[64], why[96];
	int ret;

	if (!qemu_title(p, title, sizeof(title))) {
		snprintf(why, sizeof(why), "no %s in PATH", p->binary);
		report_skipped(b, why);
		return 0;
	}
	ret = machine_start(&qemu, argv);
	if (ret)
		return ret;
	if (p->present(&qemu))
		ret = measure_beside(b, p, qemu, bulk, title);
	else
		report_skipped(b, p->missing);
	machine_stop(&qemu);
	return ret;
}

int bench_qemu(const struct bench *b)
{
	static const struct platform smmuv3 = {
		.binary = "qemu-system-aarch64",
		.machine = "virt-7.2,iommu=smmuv3",
		.name = "smmuv3",
		.missing = "this QEMU has no virt-7.2 machine with an SMMUv3",
		.unit = "ns/command",
		.count = BULK_COMMANDS,
		.command = smmuv3_command,
		.present = smmuv3_present,
		.prepare = smmuv3_prepare,
		.doorbell = smmuv3_doorbell,
		.consumed = smmuv3_consumed,
		.here = bulk_ring,
	};
	struct bulk bulk;
	int ret;

	ret = bulk_open(&bulk, BULK_ADDRESS);
	if (!ret)
		ret = compare(b, &smmuv3, &bulk);
	bulk_close(&bulk);
	return ret;
}

/* 128-bit IOTLB descriptors: QEMU 7.2 passes PASID-IOTLB descriptors over. */
int bench_vtd_qemu(const struct bench *b)
{
	static const struct platform vtd = {
		.binary = "qemu-system-x86_64",
		.machine = "q35,kernel-irqchip=split",
		.device = "intel-iommu,intremap=on",
		.name = "vtd",
		.missing = "this QEMU has no q35 machine with a VT-d",
		.unit = "ns/descriptor",
		.count = VTD_COUNT,
		.command = vtd_command,
		.present = vtd_present,
		.prepare = vtd_prepare,
		.doorbell = vtd_doorbell,
		.consumed = vtd_consumed,
		.here = vtd_bulk_ring,
	};
	struct vtd_bulk bulk;
	int ret;

	ret = vtd_bulk_open(&bulk, 0);
	if (!ret)
		ret = compare(b, &vtd, &bulk);
	vtd_bulk_close(&bulk);
	return ret;
}
