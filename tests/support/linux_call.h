/* SPDX-License-Identifier: MIT */
/* The Linux host's invalidate call on a fake kernel, as a host for the call layer. */
#ifndef TESTS_LINUX_FIXTURE_H
#define TESTS_LINUX_FIXTURE_H

#include <viq/call.h>
#include <viq/smmuv3_spec.h>

#include "oracle/fake_vm.h"
#include "host/linux/smmuv3/invalidate.h"

#define FIXTURE_MAX 2048 /* entries of a test's array at most */

struct linux_fixture {
	struct fake_vm vm;
	struct viq_linux_smmuv3_host *exact;
	struct viq_call_host_ops ops; /* its, but for the streams: FAKE_VM_VSID alone is known */
	struct viq_call_host host;    /* it, with these */
	struct linux_invalidate *inv; /* its inside */
};

/* erratum: the hardware has VIQ_LINUX_SMMUV3_REPEAT_TLBI_CFGI. */
void linux_fixture_init(struct linux_fixture *f, enum fk_behaviour behaviour, enum viq_linux_calls calls, bool erratum);
void linux_fixture_fini(struct linux_fixture *f);
/* The host takes the kernel's word for how many calls there were: of others the kernel knows nothing. */
void linux_fixture_recount(struct linux_fixture *f);

/* A command of which there is only one with this number, CPU byte order. */
void linux_tlbi(uint64_t cmd[2], uint32_t number);
void linux_atc(uint64_t cmd[2], uint32_t vsid, uint32_t number);
/* The kernel fails this command: see struct fk_plan. */
void linux_fail(struct linux_fixture *f, unsigned int plan, const uint64_t cmd[2], int err, int times);

/* The array (CPU byte order) in one piece, and in pieces of these lengths, the rest in the last one. */
struct viq_call_result linux_call(struct linux_fixture *f, const uint64_t (*cmds)[2], uint32_t count);
struct viq_call_result linux_call_cut(struct linux_fixture *f, const uint64_t (*cmds)[2], uint32_t count,
				      const uint32_t *lengths, uint32_t pieces);

/* How often cmd took effect. */
uint32_t linux_ran(const struct linux_fixture *f, const uint64_t cmd[2]);

#endif
