/* SPDX-License-Identifier: MIT */
/*
 * A machine in another process that speaks QEMU's qtest protocol on its standard input and output: QEMU itself, or
 * `viq device`. Both are driven by the same code here.
 */
#ifndef VIQ_BENCH_MACHINE_H
#define VIQ_BENCH_MACHINE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Of QEMU's virt machine. */
#define MACHINE_SMMU UINT64_C(0x09050000)
#define MACHINE_RAM  UINT64_C(0x40000000)
/* Of the q35 machine, whose memory begins at 0. */
#define MACHINE_VTD UINT64_C(0xfed90000)

struct machine {
	pid_t pid;
	int fd;
};

/* argv[0] is searched for in PATH. The process dies with this one. */
int machine_start(struct machine *machine, const char *const *argv);
void machine_stop(struct machine *machine); /* ends this process and no other */

/*
 * Send a line (without its newline) and wait for the answer. -EIO: the answer is not OK, or the machine has gone;
 * -ETIMEDOUT: none came within half a minute.
 */
int machine_ask(struct machine *machine, const char *request, char *answer, size_t size);

int machine_read32(struct machine *machine, uint64_t addr, uint32_t *value);
int machine_write32(struct machine *machine, uint64_t addr, uint32_t value);
int machine_write64(struct machine *machine, uint64_t addr, uint64_t value);
int machine_write(struct machine *machine, uint64_t addr, const void *buf, size_t len);

#endif
