/* SPDX-License-Identifier: MIT */
/* Between replay_smmuv3.c (the guest) and replay_smmuv3_use.c (its devices). */
#ifndef VIQ_TOOL_REPLAY_SMMUV3_H
#define VIQ_TOOL_REPLAY_SMMUV3_H

#include <viq/smmuv3.h>

#include "witness_private.h"
#include "soft_guest.h"

struct smmuv3_guest {
	struct replay_guest base;
	struct viq_smmuv3_config config; /* of smmu */
	struct viq_smmuv3 *smmu;
	bool soft; /* host is there */
	struct soft_guest host;
	struct synth_st st;
};

#define WITNESS_MAX_SSIDS 16

/* The device of an ASID. */
struct asid_witness {
	uint16_t asid;
	struct viq_soft_dev *dev;
	struct synth_pt pt;
	struct recent recent;
};

/* A context descriptor of a configured stream: which of the two sets of tables it names. */
struct config_state {
	uint32_t ssid;
	uint8_t tables;
	uint32_t waiting; /* records */
};

struct stream_witness {
	uint32_t sid;
	bool ats;
	struct viq_soft_dev *dev;
	struct synth_cdt cdt[2]; /* the STE points to one */
	uint8_t current;
	struct config_state ssids[WITNESS_MAX_SSIDS];
	size_t ssid_count;
	struct recent recent;
	uint32_t atc_waiting; /* records */
	uint64_t atc_used;    /* before which doorbell */
};

/* witness.own */
struct smmuv3_devices {
	struct asid_witness *asids;
	size_t asid_count;
	uint16_t by_asid[65536]; /* place in asids + 1; 0: none */
	struct stream_witness *streams;
	size_t stream_count;
	/* What context descriptors of configured streams name: two sets of tables, each under an ASID of its own. */
	struct synth_pt tables[2];
	uint16_t tables_asid[2];
};

struct replay_subject;

/* subject.c */
bool smmuv3_subject(const uint64_t entry[4], struct replay_subject *subject, uint64_t *pages);

int smmuv3_witness_populate(struct witness *w, const struct scan *scan);
void smmuv3_witness_unpopulate(struct witness *w);
void smmuv3_witness_use(struct witness *w, const struct replay_command *command);
bool smmuv3_witness_cached(struct witness *w, const struct record *record);
bool smmuv3_witness_stale(struct witness *w, const struct record *record);

#endif
