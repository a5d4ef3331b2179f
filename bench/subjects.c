// SPDX-License-Identifier: MIT
#include <stddef.h>

#include "subjects.h"

const struct bench_subject bench_subjects[] = {
	{"bulk", "one doorbell, many commands, null host", bench_bulk},
	{"doorbell", "a doorbell for [TLBI_NH_VA, CMD_SYNC], beyond the host's own time", bench_doorbell},
	{"vtd_bulk", "VT-d: one doorbell, many descriptors, null host", bench_vtd_bulk},
	{"vtd_doorbell", "VT-d: a doorbell for [invalidate, wait], beyond the host's own time", bench_vtd_doorbell},
	{"soft", "the software host", bench_soft},
	{"linux", "the Linux host, with a kernel that answers at once", bench_linux},
	{"memory", "memory of a queue object", bench_memory},
	{"qemu", "the bulk stream through QEMU, and viq beside it", bench_qemu},
	{"vtd_soft", "VT-d: the software host", bench_vtd_soft},
	{"vtd_qemu", "VT-d: the bulk stream through QEMU, and viq beside it", bench_vtd_qemu},
	{"scale", "how costs grow", bench_scale},
	{NULL, NULL, NULL},
};
