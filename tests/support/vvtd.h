/* SPDX-License-Identifier: MIT */
/*
 * A guest, its memory and hosts around one viq_vtd, for tests.
 *
 * Everything that the object does to the outside is written into one ordered log. The guest driver remembers each
 * descriptor that it queued; vvtd_observe() looks at status words and registers as the guest would and fails the test
 * when a wait descriptor has completed before an earlier descriptor took effect in every table it concerns (P1). What
 * took effect is the hosts' own truth, not what they reported; what a descriptor concerns is worked out here once more.
 */
#ifndef TESTS_SUPPORT_VVTD_H
#define TESTS_SUPPORT_VVTD_H

#include <stdbool.h>

#include <viq/vtd.h>

#include "test.h"
#include "answer.h"
#include "counters.h"

#define VVTD_RAM_SIZE UINT64_C(0x02000000) /* from address 0 */
#define VVTD_QUEUE    UINT64_C(0x01000000) /* room for 512 KiB */
#define VVTD_STATUS   UINT64_C(0x00800000) /* a 4-byte word for each slot */
#define VVTD_DONE     2

/* Register access as a guest does it. */
#define VREG(name) VIQ_VTD_##name

/* --- Hosts: execute entries, keep the truth, answer as told ------------------------------------------------------- */

#define VVTD_CONTRACTS (TEST_WINDOW + 1)        /* the first so many contracts */
#define VVTD_LIES      (TEST_LIE_BAD_ERROR + 1) /* and lies */

struct vvtd_effect {
	struct viq_vtd_s1_entry entry;
	uint64_t time;
};

struct vvtd_host {
	struct viq_call_host_ops ops;
	struct vvtd *v;
	unsigned int number;
	enum test_contract contract;
	enum test_lie lie;
	/* Entries that equal this fail, times times (-1: until disarmed; 0: disarmed). */
	struct viq_vtd_s1_entry bad;
	uint32_t error; /* enum viq_call_error */
	int times;
	uint32_t charge; /* host_calls reported for one */
	uint64_t calls;
	uint32_t longest; /* array */
	struct vvtd_effect *effects;
	size_t effect_count, effect_room;
};

#define VVTD_HOSTS  256
#define VVTD_TABLES 512

/* --- The log ------------------------------------------------------------------------------------------------------ */

enum vvtd_log_kind {
	VLOG_HOST,     /* a = host, b = addr, c = npages of an entry that took effect */
	VLOG_RECONFIG, /* what in reconfig */
	VLOG_REMAP,    /* a = cause, b = first, c = count */
	VLOG_DEVTLB,   /* what in devtlb */
	VLOG_RESPONSE, /* what in response: the page_response hook */
	VLOG_MSI,      /* a = address, b = data */
	VLOG_KICK,
	VLOG_ERROR,   /* a = viq_call_error, b = domain-id, c = PASID */
	VLOG_WAIT,    /* a = viq_call_error, b = times: the host_wait hook */
	VLOG_TIMEOUT, /* a = source-id: the device_timeout hook */
	VLOG_TRACE,   /* a = fate, b = head, c = iqei */
	VLOG_WRITE,   /* a = guest address, b = length: guest memory was written */
};

struct vvtd_log {
	enum vvtd_log_kind kind;
	uint64_t a, b, c;
	uint64_t time;
	int result; /* of a hook */
	uint64_t desc[4];
	struct viq_vtd_reconfig reconfig;
	struct viq_vtd_devtlb devtlb;
	struct viq_vtd_page_response response;
	/* Registers as they read at that moment. */
	uint32_t iqh, fsts, ics, fectl, iectl;
};

/* --- The guest ---------------------------------------------------------------------------------------------------- */

struct vvtd_shadow {
	uint64_t desc[4];
	uint64_t time; /* when it was queued */
};

struct vvtd_table {
	struct viq_vtd_table table;
	struct vvtd_host *host; /* NULL: not one of the harness */
	uint32_t handle;
	uint64_t time; /* of attachment */
	bool attached;
};

struct vvtd {
	struct viq_vtd *vtd;
	struct viq_vtd_config config;
	struct viq_vtd_ops ops;
	struct viq_mem *mem;
	uint8_t *ram;
	struct vvtd_host *hosts[VVTD_HOSTS];
	unsigned int host_count;
	struct vvtd_table tables[VVTD_TABLES];
	unsigned int table_count;
	bool quiet; /* nothing is logged: for measuring and for long runs without P1 */
	uint64_t time;
	struct vvtd_log *log;
	size_t log_count, log_room;
	int reconfig_result, remap_result, devtlb_result, response_result;
	bool gives_up;    /* host_wait() does, at once; else it waits for vvtd_retry() */
	uint32_t steps;   /* of the work of reconfig() and remap(): see work_in_steps() */
	bool kicked;      /* since the last write */
	int devtlb_times; /* how often devtlb_result is given; -1: always */
	void (*on_reconfig)(struct vvtd *v, const struct viq_vtd_reconfig *what);
	void (*on_trace)(struct vvtd *v, const struct viq_vtd_trace *trace);
	void *opaque;
	/* The driver. Indices here are absolute: they count since the queue was set up. */
	uint64_t base;
	unsigned int shift;
	uint32_t slots;
	uint64_t prod, seen; /* seen: all before are known to be complete */
	uint64_t ite_time;   /* when the driver last saw ITE */
	struct vvtd_shadow *shadow;
	bool lax; /* vvtd_observe() checks nothing: for guests that break the rules */
};

/* The default of the tests: DT, IR with EIM, 8 fault records, all else as viq_vtd_config_init(). */
void vvtd_config(struct viq_vtd_config *config);
/* config NULL: the above. Its mem, ops and opaque are replaced by the harness where they are NULL. */
struct vvtd *vvtd_new(const struct viq_vtd_config *config);
struct vvtd *vvtd_budget(uint32_t budget); /* the default but for the budget */
void vvtd_free(struct vvtd *v);
/* Throw the object away and make a fresh one as on a new host, save and restore, attach every table again. */
void vvtd_migrate(struct vvtd *v);

struct vvtd_host *vvtd_host_new(struct vvtd *v);
struct viq_call_host vvtd_host_ref(struct vvtd_host *host);
void vvtd_host_contract(struct vvtd_host *host, enum test_contract contract);
void vvtd_host_fail(struct vvtd_host *host, struct viq_vtd_s1_entry bad, uint32_t error, int times);
/* The entry takes effect now: for hosts of other kinds that keep their truth here. */
void vvtd_host_effect(struct vvtd_host *host, struct viq_vtd_s1_entry entry);
/* Did an entry that covers this one take effect at or after time? */
bool vvtd_host_did(const struct vvtd_host *host, struct viq_vtd_s1_entry entry, uint64_t since);
/* How often exactly this entry took effect. */
size_t vvtd_host_count(const struct vvtd_host *host, struct viq_vtd_s1_entry entry);

/* Attach, with source-id sid; returns the number in v->tables. */
unsigned int vvtd_attach(struct vvtd *v, struct vvtd_host *host, uint16_t did, uint32_t pasid, uint16_t sid,
			 uint32_t flags);
unsigned int vvtd_attach_ref(struct vvtd *v, struct viq_call_host host, uint16_t did, uint32_t pasid, uint16_t sid,
			     uint32_t flags);
void vvtd_detach(struct vvtd *v, unsigned int table);

uint32_t vvtd_r32(struct vvtd *v, uint64_t offset);
uint64_t vvtd_r64(struct vvtd *v, uint64_t offset);
void vvtd_w32(struct vvtd *v, uint64_t offset, uint32_t value);
void vvtd_w64(struct vvtd *v, uint64_t offset, uint64_t value);
uint64_t vvtd_peek64(struct vvtd *v, uint64_t gpa);
uint32_t vvtd_peek32(struct vvtd *v, uint64_t gpa);
void vvtd_poke64(struct vvtd *v, uint64_t gpa, uint64_t value);

/* One field of GCMD as Linux changes it: read GSTS, mask the one-shot bits, write, expect GSTS to follow. */
void vvtd_gcmd(struct vvtd *v, uint32_t bit, bool on);
/* Set the queue up and switch it on. width: 128 or 256. */
void vvtd_boot(struct vvtd *v, unsigned int width, unsigned int qs);
void vvtd_boot_at(struct vvtd *v, unsigned int width, unsigned int qs, uint64_t base);

struct test_desc {
	uint64_t qw[4];
};

void vvtd_push(struct vvtd *v, struct test_desc desc);   /* no doorbell */
void vvtd_push_wait(struct vvtd *v);                     /* Linux's form */
void vvtd_ring(struct vvtd *v);                          /* doorbell, then observe */
void vvtd_submit(struct vvtd *v, struct test_desc desc); /* one descriptor, a wait, doorbell */
/* Overwrite what is queued. */
void vvtd_replace_desc(struct vvtd *v, uint64_t absolute, struct test_desc desc);
uint32_t vvtd_slot(const struct vvtd *v, uint64_t absolute);
uint32_t vvtd_offset(const struct vvtd *v, uint64_t absolute); /* as IQH shows it */
uint64_t vvtd_gpa(const struct vvtd *v, uint64_t absolute);
uint64_t vvtd_status(const struct vvtd *v, uint64_t absolute); /* address of the slot's status word */
bool vvtd_completed(struct vvtd *v, uint64_t absolute);        /* of a wait */
/* Look as the guest does; checks P1. */
void vvtd_observe(struct vvtd *v);
bool vvtd_idle(struct vvtd *v); /* IQH == IQT, no error */
/* The VMM tries again what the queue waits for, and the guest observes. */
void vvtd_retry(struct vvtd *v);
/* Run as an event loop would, for rounds rounds. True: idle. */
bool vvtd_drain(struct vvtd *v, unsigned int rounds);
/* Forget log and effects. */
void vvtd_forget(struct vvtd *v);

size_t vvtd_log_find(const struct vvtd *v, size_t from, enum vvtd_log_kind kind); /* log_count: none */
size_t vvtd_log_number(const struct vvtd *v, enum vvtd_log_kind kind);

#define assert_iqh(v, absolute) assert_int_equal(vvtd_r64(v, VREG(IQH)), vvtd_offset(v, absolute))
/* The queue stopped at the descriptor with IQE and this code. */
#define assert_iqe(v, absolute, code)                                                                                  \
	do {                                                                                                           \
		vvtd_observe(v);                                                                                       \
		assert_int_equal(vvtd_r32(v, VREG(FSTS)) & (VREG(FSTS_IQE) | VREG(FSTS_ITE)), VREG(FSTS_IQE));         \
		assert_int_equal(VIQ_GET(VREG(IQERCD_IQEI), vvtd_r64(v, VREG(IQERCD))), code);                         \
		assert_iqh(v, absolute);                                                                               \
	} while (0)
/* It waits at the descriptor for a host, and the guest sees nothing but that. */
#define assert_vwaits(v, absolute)                                                                                     \
	do {                                                                                                           \
		vvtd_observe(v);                                                                                       \
		assert_int_equal(vvtd_r32(v, VREG(FSTS)) & (VREG(FSTS_IQE) | VREG(FSTS_ITE)), 0);                      \
		assert_iqh(v, absolute);                                                                               \
		assert_true(viq_vtd_waits_for_host((v)->vtd));                                                         \
	} while (0)
/* It stopped there with ITE, to be read again, because the embedder gave up. */
#define assert_retry(v, absolute)                                                                                      \
	do {                                                                                                           \
		vvtd_observe(v);                                                                                       \
		assert_int_equal(vvtd_r32(v, VREG(FSTS)) & (VREG(FSTS_IQE) | VREG(FSTS_ITE)), VREG(FSTS_ITE));         \
		assert_int_equal(VIQ_GET(VREG(IQERCD_ITESID), vvtd_r64(v, VREG(IQERCD))), 0);                          \
		assert_iqh(v, absolute);                                                                               \
	} while (0)
#define assert_vidle(v) assert_true(vvtd_idle(v))

/* --- Descriptors -------------------------------------------------------------------------------------------------- */

struct test_desc desc_cc(unsigned int g, uint16_t did, uint16_t sid, unsigned int fm);
struct test_desc desc_iotlb(unsigned int g, uint16_t did, uint64_t addr, unsigned int am, bool ih);
struct test_desc desc_devtlb(uint16_t sid, uint64_t addr, bool s);
struct test_desc desc_iec(bool index, uint16_t iidx, unsigned int im);
struct test_desc desc_wait(bool sw, bool interrupt, bool fence, uint32_t data, uint64_t addr);
struct test_desc desc_piotlb(unsigned int g, uint16_t did, uint32_t pasid, uint64_t addr, unsigned int am, bool ih);
struct test_desc desc_pc(unsigned int g, uint16_t did, uint32_t pasid);
struct test_desc desc_pgrp(uint16_t rid, bool pp, uint32_t pasid, uint16_t prgi, unsigned int code);
struct test_desc desc_pdevtlb(uint16_t sid, uint32_t pasid, bool global, uint64_t addr, bool s);
/* One page of (did, pasid), as Linux asks for it. */
struct test_desc desc_page(uint16_t did, uint32_t pasid, uint64_t page);
struct viq_vtd_s1_entry entry_page(uint64_t page, bool leaf);
struct viq_vtd_s1_entry entry_all(void);

/* --- Random numbers ----------------------------------------------------------------------------------------------- */

uint64_t vvtd_seed(void); /* VIQ_SEED or a fixed one; printed */
uint64_t vvtd_random(uint64_t *state);
uint32_t vvtd_below(uint64_t *state, uint32_t bound);

#endif
