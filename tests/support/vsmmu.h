/* SPDX-License-Identifier: MIT */
/*
 * A guest, its memory and a host around one viq_smmuv3, for tests.
 *
 * Everything that the object does to the outside is written into one ordered log. The guest driver remembers each
 * command that it queued; vsmmu_observe() looks at the registers as the guest would and fails the test when a CMD_SYNC
 * has completed before an earlier command took effect in the host (P1). What took effect is the host's own truth, not
 * what it reported.
 */
#ifndef TESTS_SUPPORT_VSMMU_H
#define TESTS_SUPPORT_VSMMU_H

#include <stdbool.h>

#include <viq/smmuv3.h>

#include "test.h"
#include "oracle/refcmd.h"
#include "answer.h"
#include "counters.h"

#define VSMMU_RAM      UINT64_C(0x40000000)
#define VSMMU_RAM_SIZE UINT64_C(0x02000000)
#define VSMMU_CMDQ     (VSMMU_RAM + 0x01000000) /* room for 2^19 commands */
#define VSMMU_EVENTQ   (VSMMU_RAM + 0x00800000)
#define VSMMU_STRTAB   (VSMMU_RAM + 0x00100000)
#define VSMMU_ALL_SIDS 0

/* Register access as a guest does it. */
#define REG(name) VIQ_SMMUV3_##name

/* --- The host: executes entries, keeps the truth, answers as told ------------------------------------------------ */

#define TEST_PLANS 4

/* Entries that equal cmd (under mask) fail, times times (-1: until disarmed). */
struct test_plan {
	uint64_t cmd[2], mask[2];
	uint32_t error; /* enum viq_call_error */
	int times;      /* 0: disarmed */
};

struct test_host {
	struct viq_call_host_ops ops;
	struct vsmmu *v;
	enum test_contract contract;
	enum test_lie lie;
	struct test_plan plans[TEST_PLANS];
	uint32_t (*stream)(struct test_host *host, uint32_t sid); /* NULL: every stream, with ATS */
	uint64_t calls;
	/* Truth: each entry that took effect, in order. */
	struct test_effect {
		uint64_t cmd[2];
		uint64_t time;
		uint64_t call;
	} * effects;
	size_t effect_count, effect_room;
	size_t *hash; /* last effect of a command, plus one */
	size_t hash_size;
};

void test_host_init(struct test_host *host, struct vsmmu *v);
void test_host_free(struct test_host *host);
void test_host_contract(struct test_host *host, enum test_contract contract);
void test_host_fail(struct test_host *host, unsigned int plan, const uint64_t cmd[2], uint32_t error, int times);
void test_host_heal(struct test_host *host); /* disarm every plan */
struct viq_call_host test_host_ref(struct test_host *host);
/* cmd takes effect now: for hosts of other kinds that keep their truth here. */
void test_host_effect(struct test_host *host, const uint64_t cmd[2]);
/* Did cmd, or one that covers it, take effect at or after time? */
bool test_host_did(const struct test_host *host, const uint64_t cmd[2], uint64_t since);

/* --- The log ------------------------------------------------------------------------------------------------------ */

enum vsmmu_log_kind {
	LOG_HOST,     /* a = dw0, b = dw1 of an entry that took effect */
	LOG_RECONFIG, /* a = cause, b = first, c = last */
	LOG_IRQ,      /* a = which */
	LOG_MSI,      /* a = address, b = data: through the hook */
	LOG_KICK,
	LOG_ERROR,    /* a = viq_call_error */
	LOG_WAIT,     /* a = viq_call_error, b = times: the host_wait hook */
	LOG_TIMEOUT,  /* a = StreamID: the device_timeout hook */
	LOG_RESPONSE, /* what in response: the page_response hook */
	LOG_TRACE,    /* a = fate, b = index, c = cerror */
	LOG_WRITE,    /* a = guest address, b = length: guest memory was written */
};

struct vsmmu_log {
	enum vsmmu_log_kind kind;
	uint64_t a, b, c;
	uint64_t cmd[2]; /* LOG_TRACE */
	struct viq_smmuv3_page_response response;
	/* Registers as they read at that moment. */
	uint32_t cons, gerror, eventq_prod;
};

/* --- The guest ---------------------------------------------------------------------------------------------------- */

struct vsmmu_shadow {
	uint64_t cmd[2];
	uint64_t time; /* when it was queued */
};

struct vsmmu {
	struct viq_smmuv3 *smmu;
	struct viq_smmuv3_config config;
	struct viq_smmuv3_ops ops;
	struct viq_mem *mem;
	uint8_t *ram;
	struct test_host host;
	bool quiet; /* no log */
	uint64_t time;
	struct vsmmu_log *log;
	size_t log_count, log_room;
	int reconfig_result; /* what reconfig() answers to a command */
	uint32_t steps;      /* of its work: see work_in_steps() */
	bool kicked;         /* since the last write */
	int msi_result, response_result;
	void (*on_timeout)(struct vsmmu *v, uint32_t sid);
	bool gives_up; /* host_wait() does, at once; else it waits for vsmmu_retry() */
	void (*on_trace)(struct vsmmu *v, const struct viq_smmuv3_trace *trace); /* also when quiet */
	void *opaque;                                                            /* for on_trace */
	/* The driver. Indices here are absolute: they count since the queue was set up. */
	uint64_t cmdq_base;
	unsigned int log2size;
	bool smmuen;
	uint64_t prod, cons, synced;
	uint64_t consumed[256]; /* by opcode */
	struct vsmmu_shadow *shadow;
	size_t shadow_room;
	struct vsmmu_reconfig {
		uint32_t first, last;
		uint64_t time;
	} * reconfigs; /* that succeeded, for a command */
	size_t reconfig_count, reconfig_room;
	bool collect; /* count stale completions instead of failing: for the test of the test */
	unsigned int stale;
	bool lax; /* vsmmu_observe() checks nothing: for guests that break the rules of the queue */
};

/* The default of the tests: RIL, ATS, MSI, 20-bit SSIDs, 32-bit SIDs, all else as viq_smmuv3_config_init(). */
void vsmmu_config(struct viq_smmuv3_config *config);
/* config NULL: the above. Its mem, host, ops and opaque are replaced by the harness where they are NULL. */
void vsmmu_config_stage2(struct viq_smmuv3_config *config); /* a stage 2 besides */
struct vsmmu *vsmmu_new(const struct viq_smmuv3_config *config);
struct vsmmu *vsmmu_budget(uint32_t budget); /* the default but for the budget */
/* The same, with a queue of 2^log2size, booted. */
struct vsmmu *vsmmu_start(uint32_t budget, unsigned int log2size);
void vsmmu_free(struct vsmmu *v);
/* Throw the object away and make a fresh one (same configuration), as on a new host. The guest's memory stays. */
void vsmmu_replace(struct vsmmu *v);
/* Save, replace, restore. */
void vsmmu_migrate(struct vsmmu *v);

uint32_t vsmmu_r32(struct vsmmu *v, uint64_t offset);
uint64_t vsmmu_r64(struct vsmmu *v, uint64_t offset);
void vsmmu_w32(struct vsmmu *v, uint64_t offset, uint32_t value);
void vsmmu_w64(struct vsmmu *v, uint64_t offset, uint64_t value);

void *vsmmu_ram(struct vsmmu *v, uint64_t gpa);
void vsmmu_poke64(struct vsmmu *v, uint64_t gpa, uint64_t value);
uint64_t vsmmu_peek64(struct vsmmu *v, uint64_t gpa);
uint32_t vsmmu_peek32(struct vsmmu *v, uint64_t gpa);

/* Bring the SMMU up as Linux does: queues, SMMUEN, interrupts. start: first index of the queue, with wrap flag. */
void vsmmu_boot(struct vsmmu *v, unsigned int log2size);
void vsmmu_boot_at(struct vsmmu *v, unsigned int log2size, uint64_t cmdq_base, uint32_t start);

void vsmmu_push(struct vsmmu *v, uint64_t dw0, uint64_t dw1); /* no doorbell */
void vsmmu_push_cmd(struct vsmmu *v, const uint64_t cmd[2]);
void vsmmu_push_sync(struct vsmmu *v);                          /* Linux's form with CS = SEV */
void vsmmu_ring(struct vsmmu *v);                               /* doorbell, then observe */
uint32_t vsmmu_index(const struct vsmmu *v, uint64_t absolute); /* as the registers show it */
uint64_t vsmmu_entry(const struct vsmmu *v, uint64_t absolute); /* guest address */

/* Look as the guest does; checks P1. Returns the absolute CONS. */
uint64_t vsmmu_observe(struct vsmmu *v);
unsigned int vsmmu_cerror(struct vsmmu *v); /* the active CMDQ error, or NONE */
bool vsmmu_idle(struct vsmmu *v);           /* CONS == PROD and no error */
/*
 * Linux's GERROR handler: with an active CMDQ error, overwrite the command at CONS with a CMD_SYNC (CERROR_ILL only),
 * acknowledge, observe. Returns the code that it found.
 */
unsigned int vsmmu_linux_gerror(struct vsmmu *v);
/* Forget log, effects and every command consumed so far. */
void vsmmu_forget(struct vsmmu *v);
/* The VMM tries again what the queue waits for, and the guest observes. */
void vsmmu_retry(struct vsmmu *v);
/* Run as an event loop would, handling errors as Linux, until idle or for rounds rounds. True: idle. */
bool vsmmu_drain(struct vsmmu *v, unsigned int rounds);

void vsmmu_log_add(struct vsmmu *v, struct vsmmu_log entry);
size_t vsmmu_log_find(const struct vsmmu *v, size_t from, enum vsmmu_log_kind kind); /* log_count: none */
size_t vsmmu_log_number(const struct vsmmu *v, enum vsmmu_log_kind kind);
void vsmmu_log_clear(struct vsmmu *v);

#define assert_cons(v, absolute) assert_int_equal(vsmmu_r32(v, REG(CMDQ_CONS)) & 0xfffff, vsmmu_index(v, absolute))
/* The queue stopped at the command with this code. */
#define assert_stopped(v, absolute, code)                                                                              \
	do {                                                                                                           \
		vsmmu_observe(v);                                                                                      \
		assert_int_equal(vsmmu_cerror(v), (code));                                                             \
		assert_cons(v, absolute);                                                                              \
	} while (0)
/* It waits at the command for the host, and the guest sees nothing but that. */
#define assert_waits(v, absolute)                                                                                      \
	do {                                                                                                           \
		assert_stopped(v, absolute, VIQ_SMMUV3_CERROR_NONE);                                                   \
		assert_true(viq_smmuv3_waits_for_host((v)->smmu));                                                     \
	} while (0)
#define assert_idle(v) assert_true(vsmmu_idle(v))

/* --- Commands ----------------------------------------------------------------------------------------------------- */

struct test_cmd {
	uint64_t dw[2];
};

struct test_cmd cmd_nh_all(void);
struct test_cmd cmd_nsnh_all(void);
struct test_cmd cmd_nh_asid(uint32_t asid);
struct test_cmd cmd_nh_va(uint32_t asid, uint64_t va);
struct test_cmd cmd_nh_vaa(uint64_t va);
struct test_cmd cmd_atc(uint32_t sid, uint64_t addr, unsigned int size);
struct test_cmd cmd_cfgi_cd(uint32_t sid, uint32_t ssid);
struct test_cmd cmd_cfgi_cd_all(uint32_t sid);
struct test_cmd cmd_cfgi_ste(uint32_t sid);
struct test_cmd cmd_cfgi_range(uint32_t sid, unsigned int range);
struct test_cmd cmd_sync(unsigned int cs);
struct test_cmd cmd_sync_msi(uint64_t addr, uint32_t data);

/*
 * The i-th of a family of distinct legal commands that go to the host, by type (0 .. TEST_HOST_TYPES - 1); NH_ALL and
 * NSNH_ALL have no second member.
 */
#define TEST_HOST_TYPES 8
struct test_cmd cmd_host_type(unsigned int type, uint32_t i);
void vsmmu_push_test(struct vsmmu *v, struct test_cmd cmd);
void vsmmu_submit(struct vsmmu *v, struct test_cmd cmd); /* it, a CMD_SYNC, and the doorbell */

/* --- Random numbers ----------------------------------------------------------------------------------------------- */

/* The seed of this run: VIQ_SEED or a fixed one; printed. */
uint64_t test_seed(void);
uint64_t test_random(uint64_t *state);
uint32_t test_below(uint64_t *state, uint32_t bound);

#endif
