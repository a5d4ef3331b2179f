/* SPDX-License-Identifier: MIT */
/* Between replay_vtd.c (the guest), replay_vtd_devices.c and replay_vtd_use.c (what they use). */
#ifndef VIQ_TOOL_REPLAY_VTD_H
#define VIQ_TOOL_REPLAY_VTD_H

#include "witness_private.h"

#include <viq/nest_vtd.h>
#include <viq/soft_vtd.h>

struct vtd_guest {
	struct replay_guest base;
	struct viq_vtd_config config; /* of vtd */
	struct viq_vtd *vtd;
	struct viq_soft_vtd *soft;   /* NULL: another host */
	struct viq_nest_vtd *nest;   /* with soft */
	struct log *log;             /* of options */
	bool registered;             /* the thread, for translating */
	bool scalable;               /* mode of the tables; else legacy */
	uint64_t root;               /* root table */
	uint64_t status, status_end; /* words that wait descriptors write, one a slot */
};

/*
 * Each domain and PASID of the capture is a device with two roots of page tables: pages that PASID-IOTLB and IOTLB
 * descriptors name hang under both, and a last part of the address space leads elsewhere from each. Whether the device
 * is configured with the one or the other therefore shows at an address of that part that it has never used.
 */
struct vtd_device {
	struct scan_table key;
	uint16_t sid;
	bool ats;
	struct viq_soft_vtd_dev *dev;
	uint64_t root[2];
	uint64_t directory[2], pasids[2]; /* scalable mode: the context entry points to one directory */
	uint8_t current;                  /* directory */
	uint8_t tables;                   /* root that the entries name */
	uint32_t waiting;                 /* records of a configuration that are not settled */
	uint64_t probe;                   /* next address to look with */
	uint32_t atc_waiting;             /* records of its own TLB that are not settled */
	uint64_t atc_used;                /* before which doorbell */
	struct recent recent;
};

/* witness.own */
struct vtd_devices {
	struct vtd_device *devices;
	size_t count;
};

static inline struct vtd_devices *vtd_own(const struct witness *w)
{
	return w->own;
}

static inline struct vtd_guest *vtd_guest_of(const struct witness *w)
{
	return (struct vtd_guest *)w->guest;
}

static inline uint32_t vtd_flags(const struct vtd_device *d)
{
	return VIQ_SOFT_READ | (d->key.pasid ? VIQ_SOFT_SSV : 0);
}

/* Can a device use this address, and is it none that vtd_configured() looks at? */
bool vtd_usable(const struct witness *w, uint64_t va);
/* Where the leaf of va stands, the same under both roots. SYNTH_NONE: no memory. */
uint64_t vtd_shared_slot(struct witness *w, const struct vtd_device *d, uint64_t va);
uint64_t vtd_leaf_entry(const struct witness *w, uint64_t addr);
/* Another output address. */
void vtd_remap(struct witness *w, uint64_t slot);
/* As the device: 0 and *pa. */
int vtd_translate(struct viq_soft_vtd_dev *dev, uint64_t iova, uint32_t pasid, uint32_t flags, uint64_t *pa);
/* Which root is the device configured with? 2: none. */
unsigned int vtd_configured(struct witness *w, struct vtd_device *d);
/* With d->tables as they are now. */
void vtd_write_pasid_entry(struct witness *w, const struct vtd_device *d, unsigned int directory);
void vtd_write_context(struct witness *w, const struct vtd_device *d);

struct replay_subject;

/* subject.c */
bool vtd_subject(const uint64_t entry[4], struct replay_subject *subject, uint64_t *pages);

int vtd_witness_populate(struct witness *w, const struct scan *scan);
void vtd_witness_unpopulate(struct witness *w);
void vtd_witness_use(struct witness *w, const struct replay_command *command);
bool vtd_witness_cached(struct witness *w, const struct record *record);
bool vtd_witness_stale(struct witness *w, const struct record *record);

#endif
