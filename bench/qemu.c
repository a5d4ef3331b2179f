// SPDX-License-Identifier: MIT
/*
 * QEMU: the bulk stream through the SMMUv3 of QEMU's virt machine, driven over the qtest protocol, with the guest's
 * processors stopped.
 *
 * Timed is from sending the write of CMDQ_PROD to the answer to a read of CMDQ_CONS that says that all is consumed.
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

#define EMPTY_TURNS 9

struct remote {
	struct machine machine;
	uint64_t *stream; /* little endian, as in memory */
};

static int write_reg(struct remote *r, uint32_t offset, uint32_t value)
{
	return machine_write32(&r->machine, MACHINE_SMMU + offset, value);
}

/* The stream in memory, written anew, and an empty queue there. */
static int prepare(struct remote *r)
{
	uint64_t base = MACHINE_RAM | VIQ_PUT(VIQ_SMMUV3_Q_BASE_LOG2SIZE, BULK_LOG2SIZE);

	if (write_reg(r, VIQ_SMMUV3_CR0, 0) || machine_write(&r->machine, MACHINE_RAM, r->stream, BULK_BYTES) ||
	    machine_write64(&r->machine, MACHINE_SMMU + VIQ_SMMUV3_CMDQ_BASE, base) ||
	    write_reg(r, VIQ_SMMUV3_CMDQ_PROD, 0) || write_reg(r, VIQ_SMMUV3_CMDQ_CONS, 0) ||
	    write_reg(r, VIQ_SMMUV3_CR0, VIQ_SMMUV3_CR0_CMDQEN))
		return -EIO;
	return 0;
}

/* ns from the doorbell to the answer that all is consumed; negative if that never comes. */
static double ring(struct remote *r)
{
	uint64_t start = bench_now();
	uint32_t cons;

	if (write_reg(r, VIQ_SMMUV3_CMDQ_PROD, BULK_COMMANDS))
		return -1;
	do {
		if (machine_read32(&r->machine, MACHINE_SMMU + VIQ_SMMUV3_CMDQ_CONS, &cons))
			return -1;
		if (cons & VIQ_SMMUV3_CMDQ_CONS_ERR || bench_now() - start > UINT64_C(30000000000))
			return -1;
	} while (cons != BULK_COMMANDS);
	return (double)(bench_now() - start);
}

static double ring_net(void *opaque)
{
	struct remote *r = opaque;
	struct bench_samples empty = {.count = 0};
	double full, net;

	if (prepare(r))
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
	return full < 0 ? -1 : net > 0 ? net / BULK_COMMANDS : 0;
}

static uint64_t *encode_stream(void)
{
	uint64_t *words = malloc(BULK_BYTES);

	for (uint32_t i = 0; words && i < BULK_COMMANDS; i++) {
		struct synth_cmd cmd = bulk_command(i, BULK_ADDRESS);

		words[2 * i] = htole64(cmd.w[0]);
		words[2 * i + 1] = htole64(cmd.w[1]);
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

static void report_faster(const struct bench *b, const struct bench_case *cases, uint32_t which, const char *name,
			  const char *title)
{
	b->emit(b->opaque, &(struct bench_row){
				   .name = name,
				   .title = title,
				   .unit = "ns/command",
				   .value = bench_stat(&cases[which].samples),
				   .figure_name = "x faster than QEMU",
				   .figure = bench_ratio(&cases[CASE_QEMU].samples, &cases[which].samples),
				   .bound = BENCH_AT_LEAST,
				   .limit = 30,
			   });
}

static int measure(const struct bench *b, struct remote remotes[2], struct bulk *bulk, const char *title)
{
	struct bench_case *cases = calloc(CASES, sizeof(*cases));
	int ret;

	if (!cases)
		return -ENOMEM;
	cases[CASE_QEMU] = (struct bench_case){.run = ring_net, .opaque = &remotes[0]};
	cases[CASE_DEVICE] = (struct bench_case){.run = ring_net, .opaque = &remotes[1]};
	cases[CASE_HERE] = (struct bench_case){.run = bulk_ring, .opaque = bulk};
	ret = bench_rounds(cases, CASES, bench_round_count(b, 100));
	if (!ret) {
		b->emit(b->opaque, &(struct bench_row){.name = "qemu",
						       .title = title,
						       .unit = "ns/command",
						       .value = bench_stat(&cases[CASE_QEMU].samples)});
		report_faster(b, cases, CASE_HERE, "front_end", "viq, in the VMM's process, null host");
		report_faster(b, cases, CASE_DEVICE, "device", "viq device over qtest, null host");
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
static bool qemu_title(char *title, size_t size)
{
	FILE *pipe = popen("qemu-system-aarch64 --version 2>/dev/null", "re");
	char version[32] = "";

	if (!pipe)
		return false;
	if (fscanf(pipe, "QEMU emulator version %31[0-9.]", version) != 1)
		version[0] = '\0';
	snprintf(title, size, "QEMU %s over qtest", version);
	return pclose(pipe) == 0 && version[0];
}

/* Does the machine answer, and does it have a queue that is large enough? */
static bool has_smmu(struct machine *machine)
{
	uint32_t idr1;

	return !machine_read32(machine, MACHINE_SMMU + VIQ_SMMUV3_IDR1, &idr1) &&
	       VIQ_GET(VIQ_SMMUV3_IDR1_CMDQS, idr1) >= BULK_LOG2SIZE;
}

static int measure_beside(const struct bench *b, struct machine qemu, const char *title)
{
	const char *const device[] = {b->self, "device", "smmuv3", "--host", "null", NULL};
	struct remote remotes[2] = {{.machine = qemu}};
	struct bulk bulk;
	int ret;

	remotes[0].stream = remotes[1].stream = encode_stream();
	if (!remotes[0].stream)
		return -ENOMEM;
	ret = machine_start(&remotes[1].machine, device);
	if (ret)
		goto free_stream;
	ret = bulk_open(&bulk, BULK_ADDRESS);
	if (!ret)
		ret = measure(b, remotes, &bulk, title);
	bulk_close(&bulk);
	machine_stop(&remotes[1].machine);
free_stream:
	free(remotes[0].stream);
	return ret;
}

int bench_qemu(const struct bench *b)
{
	/* clang-format off */
	const char *const argv[] = {
		"qemu-system-aarch64", "-machine", "virt-7.2,iommu=smmuv3", "-accel", "tcg", "-S", "-display", "none",
		"-nodefaults", "-qtest", "stdio", "-qtest-log", "none", NULL,
	};
	/* clang-format on */
	struct machine qemu;
	char title[64];
	int ret;

	if (!qemu_title(title, sizeof(title))) {
		report_skipped(b, "no qemu-system-aarch64 in PATH");
		return 0;
	}
	ret = machine_start(&qemu, argv);
	if (ret)
		return ret;
	if (has_smmu(&qemu))
		ret = measure_beside(b, qemu, title);
	else
		report_skipped(b, "this QEMU has no virt-7.2 machine with an SMMUv3");
	machine_stop(&qemu);
	return ret;
}
