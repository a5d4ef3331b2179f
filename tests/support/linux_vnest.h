/* SPDX-License-Identifier: MIT */
/*
 * A guest VT-d on the fake kernel's: the wiring of a VMM, and a guest that uses it, for tests.
 *
 * What a test looks at is what the fake kernel's hardware would do: what a device's requests meet now, and
 * fake_kernel.effects which entries reached it.
 */
#ifndef TESTS_LINUX_VNEST_H
#define TESTS_LINUX_VNEST_H

#include "oracle/fake_kernel.h"
#include "vvtd.h"

#include <viq/linux_vtd.h>
#include <viq/nest_vtd.h>

/* The guest's tables. Device n is at bus 1 + n / 2, device-function 8 or 136: both halves of a root entry. */
#define VNEST_ROOT      UINT64_C(0x00100000)
#define VNEST_CTX(n)    (UINT64_C(0x00110000) + (n)*0x1000u)
#define VNEST_DIR(n)    (UINT64_C(0x00120000) + (n)*0x1000u) /* PDTS 0: 128 entries, PASIDs 0 to 8191 */
#define VNEST_TABLE(n)  (UINT64_C(0x00200000) + (n)*0x80000u)
#define VNEST_PGTBL(k)  (UINT64_C(0x10000000) + (k)*UINT64_C(0x1000)) /* it is never read */
#define VNEST_SID(n)    ((uint16_t)((1 + (n) / 2) << 8 | ((n) % 2 ? 136 : 8)))
#define VNEST_PASID_MAX 8191

struct vnest {
	struct fake_kernel *fk;
	struct viq_linux *ctx;
	uint32_t ioas, hwpt;
	uint32_t devices;
	int fd[FK_DEVICES];
	uint32_t id[FK_DEVICES];
	struct viq_linux_vvtd *vv;
	struct viq_nest_vtd *nest; /* with vv */
	bool bound;                /* it, to the guest */
	struct viq_linux_vvtd_config config;
	struct viq_linux_vvtd_ops ops;
	struct viq_vtd_ops guest_ops;
	struct viq_vtd_config guest_config;
	struct vvtd *g;   /* the guest */
	bool own_attach;  /* devices are added without their fd: the ops attach */
	int attach_fails; /* own_attach: so many times; -1: always */
	uint32_t fates[VIQ_VTD_SET_FATES];
	struct viq_vtd_outcome last;
	uint32_t devtlbs; /* device-TLB descriptors that were left to the embedder */
	uint32_t host_errors;
	struct viq_call_host failed; /* the host of the last one */
	struct viq_why why;
};

/* The kernel, n devices bound to an iommufd, memory with a stage 2; nothing nested. */
struct vnest *vnest_kernel(uint32_t n);
/* And a nested VT-d with a guest that is offered all of it, without devices; the guest has booted. */
struct vnest *vnest_new(uint32_t n);
int vnest_create(struct vnest *n); /* the nested VT-d alone */
void vnest_guest(struct vnest *n); /* a guest for it */
void vnest_bind(struct vnest *n, bool on);
void vnest_boot(struct vnest *n);    /* its queue, empty tables, scalable mode, translation enabled */
void vnest_destroy(struct vnest *n); /* both: must work */
/* Everything goes; nothing may be left in the kernel. */
void vnest_free(struct vnest *n);
/* The same for a kernel in which failing calls have left objects. */
void vnest_free_leaky(struct vnest *n);
size_t vnest_own_objects(const struct vnest *n); /* those that the nested VT-d has made */

/* They must exist, be set up as the guest says. */
int vnest_move(struct vnest *n, const struct viq_linux_move *moves, uint32_t count);
/* The VMM closes a device, which is certain to be blocked then, and opens it again; no call fails. */
void vnest_reopen(struct vnest *n, uint32_t device);
int vnest_try_add(struct vnest *n, uint32_t device, uint16_t source_id);
void vnest_add(struct vnest *n, uint32_t device); /* at VNEST_SID(device), with PASIDs; must work */

/* --- The guest's tables ------------------------------------------------------------------------------------------- */

void vnest_context(struct vnest *n, uint32_t at, const uint64_t ctx[4]);
void vnest_context_on(struct vnest *n, uint32_t at); /* present, with PASIDs and their directory */
uint64_t vnest_entry_gpa(uint32_t at, uint32_t pasid);
/* The PASID entry with qw0, qw1, qw2, and its table in the directory. */
void vnest_entry(struct vnest *n, uint32_t at, uint32_t pasid, uint64_t qw0, uint64_t qw1, uint64_t qw2);
/* A first-stage entry as Linux writes it: page table VNEST_PGTBL(k). */
void vnest_first(struct vnest *n, uint32_t at, uint32_t pasid, uint16_t did, uint64_t k);
void vnest_clear(struct vnest *n, uint32_t at, uint32_t pasid);

/* One descriptor and a wait descriptor. Did both complete? */
bool vnest_send(struct vnest *n, struct test_desc desc);
/* PASID-cache, PASID-selective, as Linux sends after any change; must complete. */
void vnest_flush(struct vnest *n, uint16_t did, uint32_t pasid);
/* As a driver that retries: clear ITE. Is the queue empty then? */
bool vnest_retry(struct vnest *n);
/* A first-stage entry, and the descriptor for it. */
void vnest_set(struct vnest *n, uint32_t at, uint32_t pasid, uint16_t did, uint64_t k);

/* --- What is true ------------------------------------------------------------------------------------------------- */

/* What requests with this PASID meet; 0: those without. */
enum fk_mode vnest_mode(const struct vnest *n, uint32_t device, uint32_t pasid);
const struct viq_linux_vtd_s1 *vnest_s1(const struct vnest *n, uint32_t device, uint32_t pasid);
uint32_t vnest_attached(const struct vnest *n, uint32_t device, uint32_t pasid);
struct viq_linux_vtd_counters vnest_counters(const struct vnest *n);
/* How often {addr, npages, flags} took effect on this nested page table. */
size_t vnest_effects(const struct vnest *n, uint32_t hwpt, struct viq_vtd_s1_entry entry);

#define assert_nested(n, device, pasid, k)                                                                             \
	do {                                                                                                           \
		assert_int_equal(vnest_mode(n, device, pasid), FK_TRANSLATE);                                          \
		assert_int_equal(vnest_s1(n, device, pasid)->pgtbl_addr, VNEST_PGTBL(k));                              \
	} while (0)

#define assert_blocked(n, device, pasid) assert_int_equal(vnest_mode(n, device, pasid), FK_BLOCKED)

#endif
