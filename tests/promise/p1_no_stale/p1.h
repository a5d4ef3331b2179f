/* SPDX-License-Identifier: MIT */
/*
 * The P1 oracle: a random guest, its devices and its host IOMMUs, and a model that knows what each device may still be
 * told at any moment.
 *
 * The guest edits page tables, context descriptors and stream table entries, queues invalidations, some of them too
 * late, too narrow or not at all, and its devices translate all the time. The commands go through a real viq_smmuv3 and
 * a real ring to real software hosts that fail on demand. A Linux-like driver answers the errors.
 *
 * The model holds no tables: it is a list of what is mapped, and a set of answers for each point (a page of a
 * substream of a device). A set has every answer that some cache may lawfully hold, each with the last moment at which
 * it can have been cached. Once a CMD_SYNC is seen to have completed, the answers that the invalidations before it
 * cover, and that cannot have been cached again since, are gone (IHI 0070 4.3 to 4.7, minimum scopes). So an answer
 * outside the set is a stale completion, whatever the guest did.
 *
 * Time counts events: w->now. An answer that can be cached at this moment is stamped with it by model_refresh(), which
 * therefore precedes every event that takes something away.
 */
#ifndef TESTS_P1_P1_H
#define TESTS_P1_P1_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <viq/fault.h>
#include <viq/nest_smmuv3.h>
#include <viq/soft_smmuv3.h>

#include "synth/synth.h"

#define P1_STREAMS 6
#define P1_SSIDS   4 /* substreams that are used of a stream, and so CDs of a CD table */
#define P1_SLOTS   5 /* how a device may access: without SSID, or with one of these */
#define P1_POINTS  72
#define P1_ASIDS   5
#define P1_TABLES  14
#define P1_CDTS    5
#define P1_HOSTS   2
#define P1_RECENT  8
#define P1_SET     10
#define P1_MAPS    256
#define P1_JOBS    5
#define P1_STEPS   64
#define P1_PENDING 256

/* --- The model's terms ------------------------------------------------------------------------------------------- */

/* A translation that a cache can hold. No padding: compared as bytes. */
struct p1_answer {
	uint64_t pa, ipa;           /* of the point */
	uint8_t attr1, attr2;       /* SYNTH_*: rights of the two stages */
	uint8_t shift, level, gran; /* of the stage-1 leaf; 0 without stage 1 */
	uint8_t global;
	uint8_t pad[2];
};

struct p1_seen {
	struct p1_answer answer;
	uint64_t until; /* the last moment at which it can have been cached */
};

struct p1_set {
	struct p1_seen seen[P1_SET];
	uint32_t count;
	bool full; /* answers were lost: anything goes until everything is invalidated */
	uint64_t full_until;
};

struct p1_map {
	uint64_t from, to;
	uint8_t shift, level, attr;
};

struct p1_list {
	struct p1_map map[P1_MAPS];
	uint32_t count;
};

/* Page tables of one half (TTB0 or TTB1). */
struct p1_tables {
	bool used, upper;
	struct synth_pt pt;
	struct p1_list list;
	bool ok[P1_POINTS]; /* a walk now ends in an answer */
	struct p1_answer answer[P1_POINTS];
};

/* What a CD says. half: number of the tables, or -1 (EPD). */
struct p1_cd {
	bool valid;
	uint8_t asid; /* index in w->asids */
	int8_t half[2];
};

struct p1_cdt {
	struct synth_cdt cdt;
	unsigned int cdmax;
	struct p1_cd cd[P1_SSIDS];
};

enum p1_kind {
	P1_INVALID, /* V = 0 */
	P1_ABORT,
	P1_BYPASS,
	P1_STAGE1,
};

struct p1_ste {
	uint8_t kind, dss, eats;
	int8_t cdt;
};

/* Versions of an STE and of a CD that may be in use. */
struct p1_ste_seen {
	struct p1_ste ste;
	uint64_t until;
};
struct p1_cd_seen {
	struct p1_cd cd;
	int8_t cdt; /* where it was read */
	uint64_t until;
};

struct p1_stream {
	uint32_t sid;
	unsigned int host;
	bool ats;     /* the device can */
	bool blocked; /* its device did not answer, and the VMM made it abort */
	struct viq_soft_dev *dev;
	uint32_t vdevice;
	struct p1_ste now;
	struct p1_ste_seen ste[P1_SET];
	uint32_t ste_count;
	struct p1_cd_seen cd[P1_SSIDS][P1_SET];
	uint32_t cd_count[P1_SSIDS];
	struct p1_set atc[P1_SLOTS][P1_POINTS];
};

/* What one host's TLB may hold. */
struct p1_tlb {
	struct p1_set asid[P1_ASIDS][P1_POINTS], global[P1_POINTS], bypass[P1_POINTS];
};

/* --- The guest's side of the queue ------------------------------------------------------------------------------- */

struct p1_entry {
	struct synth_cmd cmd;
	uint64_t issued;
	bool sync, msi, junk; /* junk: illegal on purpose */
};

struct p1_pending {
	struct synth_cmd cmd;
	uint64_t begun; /* it cannot have taken effect before */
};

/* Commands that belong together, some of them CMD_SYNCs, pushed bit by bit. */
struct p1_job {
	struct synth_cmd step[P1_STEPS];
	bool sync[P1_STEPS];
	uint32_t count, pos;
	bool waits;        /* after a CMD_SYNC, as Linux does, until it has completed */
	uint64_t wait_for; /* absolute index */
};

/* --- The world --------------------------------------------------------------------------------------------------- */

struct p1_options {
	uint64_t seed;
	uint32_t steps;
	uint32_t hosts;
	bool failures; /* inject failures, and save and restore */
	bool drop;     /* the hosts drop an invalidation now and then */
	bool liar;     /* a layer before the hosts reports a call done without making it, now and then */
	bool quiet;    /* say nothing about a finding */
};

/* What a run has seen. */
struct p1_result {
	bool stale; /* a finding: an answer outside its set, or a queue that does not go on */
	uint32_t step;
	uint64_t checks, tight; /* answers judged, and those for which only one was allowed */
	uint64_t hits, syncs, commands, errors[4], waits, blocked, migrations, injected, edits, plugs, guests;
};

struct p1_host {
	struct viq_soft *soft;
	struct viq_fault *fault; /* before it */
	uint32_t s2, viommu;
	struct viq_call_host call;
};

struct p1_world {
	struct p1_options options;
	struct p1_result result;
	uint64_t random, now;
	uint32_t step;

	/* Machine */
	char *ram;
	size_t ram_size;
	struct viq_mem *guest_mem, *host_mem;
	struct synth_mem guest, tables_mem;
	struct p1_host host[P1_HOSTS];
	struct viq_call_fanout *fanout;
	struct viq_nest_smmuv3 *nest;
	struct viq_call_host inner; /* behind the liar */
	struct viq_call_host_ops mortal;
	const struct p1_stream *dead; /* its device answers no ATC_INV; NULL: all do */
	struct viq_smmuv3_config config;
	struct viq_smmuv3 *smmu;
	bool kicked;
	bool armed;
	uint32_t reconfig_fails; /* times that reconfig() is still to fail */
	uint32_t stuck;

	/* Stage 2 */
	bool identity;
	bool own; /* it is the guest's: its STEs name it, and its commands invalidate it */
	uint16_t vmid;
	struct synth_pt s2;
	struct p1_list s2_list;
	uint64_t s2_dirty_first, s2_dirty_last; /* edited and not yet forgotten; first > last: none */
	bool s2_ok[P1_POINTS];
	struct p1_answer s2_answer[P1_POINTS];

	/* Guest */
	uint64_t point[P1_POINTS];
	unsigned int recent[P1_RECENT]; /* points that have just changed, or will */
	unsigned int recent_next;
	uint16_t asids[P1_ASIDS];
	struct p1_cd space[P1_ASIDS]; /* which tables an ASID stands for */
	int shared_half;              /* the same tables for all ASIDs, with globals; -1: none */
	struct p1_tables tables[P1_TABLES];
	struct p1_cdt cdt[P1_CDTS];
	struct synth_st st;
	struct p1_stream stream[P1_STREAMS];
	struct p1_tlb tlb[P1_HOSTS];

	/* Queue */
	struct synth_cmdq cmdq;
	bool lazy;           /* rings the doorbell seldom: long batches */
	uint64_t prod, cons; /* absolute */
	uint64_t synced;     /* when the last CMD_SYNC was seen to have completed */
	struct p1_entry ring[1u << 8];
	struct p1_pending pending[P1_PENDING];
	uint32_t pending_count;
	struct p1_job job[P1_JOBS];
	struct synth_cmd lost[16]; /* overwritten, to be queued again */
	uint32_t lost_count;

	/* The last things that happened, for the report. */
	char log[64][160];
	uint64_t log_count;
};

extern const uint32_t p1_ssids[P1_SSIDS];

/* run.c */
int p1_run(const struct p1_options *options, struct p1_result *result);
uint64_t p1_seed(void);
uint32_t p1_steps(uint32_t otherwise);

/* random numbers */
uint64_t p1_random(struct p1_world *w);
uint32_t p1_below(struct p1_world *w, uint32_t bound);
bool p1_one_in(struct p1_world *w, uint32_t n);
__attribute__((format(printf, 2, 3))) void p1_log(struct p1_world *w, const char *format, ...);
/* A finding: say so once, with all that a maintainer needs, and stop the run. */
__attribute__((format(printf, 2, 3))) void p1_found(struct p1_world *w, const char *format, ...);

/* machine.c */
int machine_init(struct p1_world *w);
void machine_fini(struct p1_world *w);
uint32_t machine_r32(struct p1_world *w, uint64_t offset);
void machine_w32(struct p1_world *w, uint64_t offset, uint32_t value);
void machine_w64(struct p1_world *w, uint64_t offset, uint64_t value);
void machine_inject(struct p1_world *w);
void machine_heal(struct p1_world *w);
/* Save, destroy, create, restore: on the same hosts, on new ones, or as another guest of the same ones. */
enum machine_move {
	MACHINE_STAYS,
	MACHINE_FRESH,
	MACHINE_AGAIN,
};
void machine_migrate(struct p1_world *w, enum machine_move move);
void machine_forget_stage2(struct p1_world *w);

/* plug.c */
int plug_in(struct p1_world *w, struct p1_stream *s);
void plug_out(struct p1_world *w, struct p1_stream *s);
void plug_again(struct p1_world *w);
void plug_free_guest(struct p1_world *w, unsigned int number);

/* model.c */
void model_walk(struct p1_world *w, struct p1_tables *t);
void model_walk_all(struct p1_world *w);
void model_refresh(struct p1_world *w);
void model_complete(struct p1_world *w, const struct synth_cmd *cmd, uint64_t begun);
void model_stage2_forgotten(struct p1_world *w);
void model_fresh_hosts(struct p1_world *w);
void model_fresh_stream(struct p1_stream *s);
bool model_tables_in_use(const struct p1_world *w, int tables);
/* One access of a device, judged. */
void model_access(struct p1_world *w, unsigned int stream, unsigned int slot, unsigned int point);
/* The same at random, mostly where something is mapped or has just changed. */
void model_access_random(struct p1_world *w);
void model_check_all(struct p1_world *w, bool must_be_tight);
bool map_list_find(const struct p1_list *list, uint64_t addr, struct p1_map *out);

/* guest.c */
void guest_push(struct p1_world *w, struct synth_cmd cmd);
uint64_t guest_push_sync(struct p1_world *w); /* absolute index */
void guest_push_junk(struct p1_world *w);
void guest_doorbell(struct p1_world *w);
void guest_run(struct p1_world *w);
void guest_restart_queue(struct p1_world *w);
void guest_observe(struct p1_world *w, bool handle_errors);
void guest_drain(struct p1_world *w); /* until the queue is empty */
void guest_settle(struct p1_world *w);
/* What a hypervisor does after it has changed this part of its own stage 2. */
void guest_push_stage2(struct p1_world *w, uint64_t first, uint64_t last);

/* edit.c */
int edit_init(struct p1_world *w);
void edit_random(struct p1_world *w);
void edit_stage2(struct p1_world *w);
void job_step(struct p1_world *w);

static inline unsigned int p1_asid_of(const struct p1_world *w, uint64_t cmd0)
{
	unsigned int i = 0;

	while (i < P1_ASIDS && w->asids[i] != VIQ_GET(VIQ_SMMUV3_TLBI_ASID, cmd0))
		i++;
	return i;
}

#endif
