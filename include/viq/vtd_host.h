/* SPDX-License-Identifier: MIT */
/*
 * The words between a guest's VT-d (<viq/vtd.h>, or a VMM's own), hosts of its tables (<viq/linux_vtd.h>,
 * <viq/soft_vtd.h>) and what stands between them (<viq/nest_vtd.h>).
 *
 * The guest speaks of domain-ids, PASIDs and source-ids, hosts of nested page tables. A host is set by value, one
 * device's requests with one PASID at a time, and says which nested page tables there are.
 */
#ifndef VIQ_VTD_HOST_H
#define VIQ_VTD_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <viq/call.h>
#include <viq/vtd_spec.h>
#include <viq/work.h>

#ifdef __cplusplus
extern "C" {
#endif

/* --- What the guest has changed ----------------------------------------------------------------------------------- */

/* Why devices must be configured again. */
enum viq_vtd_reconfig_cause {
	VIQ_VTD_CONTEXT_CACHE, /* context-cache descriptor, or CCMD */
	VIQ_VTD_PASID_CACHE,   /* PASID-cache descriptor */
	VIQ_VTD_ROOT_TABLE,    /* GCMD.SRTP: root table and mode taken over from RTADDR */
	VIQ_VTD_ENABLED,       /* GCMD.TE 0 to 1 */
	VIQ_VTD_DISABLED,      /* GCMD.TE 1 to 0: requests are not translated now */
	VIQ_VTD_RESTORED,      /* viq_vtd_restore() or _reset() */
};

/* Which of them: the fields of struct viq_vtd_reconfig that count. */
enum viq_vtd_scope {
	VIQ_VTD_SCOPE_ALL,
	VIQ_VTD_SCOPE_DOMAIN, /* entries of domain_id */
	VIQ_VTD_SCOPE_DEVICE, /* devices whose source-id equals source_id in the bits of source_mask */
	VIQ_VTD_SCOPE_PASID,  /* entries of domain_id and pasid */
};

/*
 * domain_id is what the guest says of the entry that it changed: it may be the old entry's or the new one's, so with
 * SCOPE_DOMAIN and SCOPE_PASID both the entries that were cached under it and those that can now have it must be read
 * again. With SCOPE_DEVICE it only hints.
 */
struct viq_vtd_reconfig {
	uint32_t size;
	uint32_t cause; /* enum viq_vtd_reconfig_cause */
	uint32_t scope; /* enum viq_vtd_scope */
	uint16_t domain_id;
	uint16_t source_id, source_mask;
	uint16_t reserved;
	uint32_t pasid;
	struct viq_work work; /* not looked at by hosts */
};

/* The guest's tables as the unit uses them: taken over by GCMD, not what RTADDR and IRTA say now. */
struct viq_vtd_tables {
	uint32_t size;      /* sizeof(struct viq_vtd_tables), set by the caller */
	bool enabled;       /* GSTS.TES */
	bool remap_enabled; /* GSTS.IRES */
	bool compat;        /* GSTS.CFIS: compatibility format interrupts pass */
	uint8_t mode;       /* VIQ_VTD_TTM_* */
	uint64_t root;      /* guest address of the root table; valid if root_set */
	bool root_set;      /* GSTS.RTPS */
	bool remap_set;     /* GSTS.IRTPS */
	bool extended;      /* IRTA.EIME */
	uint8_t reserved;
	uint32_t remap_entries; /* 2^(S + 1) */
	uint64_t remap_table;   /* guest address */
};

/* A device-TLB invalidation (6.5.2). */
struct viq_vtd_devtlb {
	uint32_t size;
	uint16_t source_id;
	bool has_pasid;  /* requests with pasid; else those without PASID */
	bool all_pasids; /* requests with any PASID; has_pasid is set, pasid means nothing */
	uint32_t pasid;
	uint32_t reserved;
	uint64_t addr;  /* a multiple of bytes */
	uint64_t bytes; /* a power of two, 4096 at least; 0: every address */
};

/* --- Page requests: from a device to the guest, and back (7.4) ---------------------------------------------------- */

/* A page that a device asks for. Requests of one group have the same source-id, PASID and prgi. */
struct viq_vtd_page_request {
	uint32_t size; /* sizeof(struct viq_vtd_page_request) */
	uint16_t source_id;
	uint16_t prgi;  /* group, below 2^VIQ_VTD_PRGI_BITS */
	uint32_t pasid; /* below 2^20; without has_pasid not looked at */
	bool has_pasid;
	bool last;              /* of its group: this one is answered */
	bool read, write, exec; /* exec: with has_pasid and read only */
	bool priv;              /* with has_pasid only */
	uint8_t reserved[6];
	uint64_t addr; /* of the page; bits 11:0 are not looked at */
};

/* One that has come to a host, or the loss of some. */
struct viq_vtd_host_page_request {
	struct viq_vtd_page_request request; /* for viq_vtd_page_request(); size is 0 if there is none, only a loss */
	uint64_t lost; /* by the host before this one; those that are the last of their group were answered */
};

/* The answer to a group. */
struct viq_vtd_page_response {
	uint32_t size;
	uint16_t source_id;
	uint16_t prgi;
	uint32_t pasid; /* 0 without has_pasid */
	bool has_pasid;
	uint8_t code; /* VIQ_VTD_RESP_*, or another of 4 bits: a guest may write any */
	uint8_t reserved[2];
};

/* --- Nested page tables: from a host to a front end --------------------------------------------------------------- */

/* The table serves requests without PASID; pasid is then the context entry's RID_PASID. */
#define VIQ_VTD_TABLE_RID 0x1u
/*
 * An entry of the invalidate call invalidates the device's TLB as well, after the IOTLB. Linux does so. A device-TLB
 * descriptor then becomes an entry of the same range, unless the entry before it already covers that and goes to the
 * host in the same call. Without this flag device-TLB descriptors go to devtlb().
 */
#define VIQ_VTD_DEVTLB_IMPLIED 0x2u
/*
 * Its input addresses are those of the guest's second stage, or pass through: page-selective IOTLB descriptors become
 * entries of their range. Without this flag these take everything of the table: the address cannot be matched.
 */
#define VIQ_VTD_TABLE_STAGE2 0x4u

/*
 * A nested page table behind one (device, PASID) of the guest. domain_id and pasid are what the guest's entries said
 * when the table was attached, which is how hardware would have cached them; the guest may have changed its memory
 * since.
 */
struct viq_vtd_table {
	uint32_t size;             /* sizeof(struct viq_vtd_table) */
	uint32_t flags;            /* VIQ_VTD_TABLE_*, VIQ_VTD_DEVTLB_IMPLIED */
	uint32_t pasid;            /* below 2^20 */
	uint16_t domain_id;        /* of the PASID-table entry */
	uint16_t source_id;        /* of the device */
	struct viq_call_host host; /* with the target object; entries are of type VIQ_CALL_VTD_S1 */
};

/* Who is told of a host's tables: viq_vtd_attach(), viq_vtd_detach(). Called on the thread that changes the host. */
struct viq_vtd_listener {
	uint32_t size; /* sizeof(struct viq_vtd_listener) */
	/*
	 * A device has a table from now on. Nothing in the host is older. *handle, which is not 0, comes back with
	 * detach(). A negative errno: the device must not have it.
	 */
	int (*attach)(void *opaque, const struct viq_vtd_table *table, uint32_t *handle);
	/* The host holds nothing of the table any more. */
	void (*detach)(void *opaque, uint32_t handle);
	void *opaque;
};

/* --- Faults: from a host to a front end --------------------------------------------------------------------------- */

/* A fault of a device's access, or the loss of some. */
struct viq_vtd_host_fault {
	uint64_t record[2]; /* VIQ_VTD_FRCD_*, for viq_vtd_fault(); record[1] is 0 if there is none, only a loss */
	uint64_t lost;      /* faults that the host has lost before this one */
	bool parent;        /* the host's own second stage is to blame, not the guest's tables */
	uint8_t reserved[7];
};

/* --- Translations: from a guest's tables to a host ---------------------------------------------------------------- */

/* How requests are to be treated. */
enum viq_vtd_mode {
	VIQ_VTD_BLOCK,
	VIQ_VTD_BYPASS, /* addresses are guest-physical */
	VIQ_VTD_STAGE1, /* through the guest's first-stage table */
	VIQ_VTD_STAGE2, /* the guest's entry is legal, and has a second stage of the guest's own */
};

struct viq_vtd_translation {
	uint32_t size;  /* sizeof(struct viq_vtd_translation) */
	uint32_t mode;  /* enum viq_vtd_mode */
	uint32_t pasid; /* of the entry; for requests without PASID that is RID_PASID */
	uint16_t domain_id;
	uint8_t reason;  /* BLOCK: fault reason as viq_vtd_fault_name() has them; 0: there is no entry to blame */
	bool renew;      /* nothing that was cached may survive, also if the entry is as before */
	uint64_t table;  /* STAGE1: FSPTPTR, and fields of the entry */
	uint32_t levels; /* 4, 5 */
	bool sre, ere, wpe, eafe, nxe, smep;
	uint8_t reserved[6];
};

/* What requests do after they were set. */
enum viq_vtd_outcome_fate {
	VIQ_VTD_SET_BLOCKED,     /* as the guest's entry says (reason) */
	VIQ_VTD_SET_UNSUPPORTED, /* blocked: the guest's entry is legal, and this host cannot do it (why) */
	VIQ_VTD_SET_BYPASS,      /* stage 2 only */
	VIQ_VTD_SET_NESTED,      /* translate through the guest's first-stage table */
	VIQ_VTD_SET_UNCHANGED,   /* do already */
	VIQ_VTD_SET_REJECTED,    /* blocked: the host refuses it (os_error), or has no room for more (-ENOSPC) */
	VIQ_VTD_SET_FAILED,      /* blocked: the host failed (os_error); to be set again */
	VIQ_VTD_SET_BROKEN,      /* the host failed, and could not block them either: remove the device */
	VIQ_VTD_SET_FATES,
};

struct viq_vtd_outcome {
	uint32_t size;
	uint32_t fate;      /* enum viq_vtd_outcome_fate */
	int32_t os_error;   /* negative errno, or 0 */
	uint16_t source_id; /* of the device */
	bool has_pasid;     /* requests with pasid; else those without, by the entry of pasid (RID_PASID) */
	uint8_t reason;     /* as given */
	uint32_t pasid;
	uint32_t domain_id;
	const char *why; /* UNSUPPORTED: a static sentence that names the field; else NULL */
	uint32_t calls;  /* system calls that it took, and those of settle() since the last one */
	uint32_t reserved;
};

/* A device, for who follows a guest's tables. */
struct viq_vtd_device_state {
	uint32_t size;
	uint32_t pasid_bits; /* of its requests' PASIDs; 0: they have none */
	uint32_t rid_pasid;  /* the entry by which requests without PASID translate now; UINT32_MAX: none */
	bool unsure; /* BROKEN: something may still translate that should not; or FAILED. All is to be set again */
	uint8_t reserved[3];
};

/*
 * A host, for who follows a guest's tables. All functions are called on one thread, that of the guest VT-d. A host that
 * is told what to do has next(), next_pasid(), set() and settle(); one that reads tables itself, as hardware does, has
 * reconfig(), and may have step(), in their place.
 */
struct viq_vtd_backend_ops {
	uint32_t size; /* sizeof(struct viq_vtd_backend_ops) */
	/*
	 * The guest has changed what its tables say: tables are where they are now. 0, or a negative errno. With step()
	 * this only begins to read them again; what was begun before and is not done yet is done again with it.
	 */
	int (*reconfig)(void *opaque, const struct viq_vtd_tables *tables, const struct viq_vtd_reconfig *what);
	/*
	 * The first device whose source-id is not below *source_id: 1 with *source_id, *state; 0: none; or a negative
	 * errno. (One below *source_id, or above 65535, is an error too: -EIO.)
	 */
	int (*next)(void *opaque, uint32_t *source_id, struct viq_vtd_device_state *state);
	/*
	 * The first PASID of a device, not below *pasid (1 at least), whose requests are not blocked, or FAILED: 1; 0:
	 * none. (One below *pasid, or above 20 bits, is an error: -EIO.)
	 */
	int (*next_pasid)(void *opaque, uint16_t source_id, uint32_t *pasid);
	/*
	 * Set a device's requests with pasid, or those without PASID if it is 0. What the host refuses is blocked and
	 * no error. Negative errno: it could not be done: blocked, or BROKEN; or there is no such device.
	 */
	int (*set)(void *opaque, uint16_t source_id, uint32_t pasid, const struct viq_vtd_translation *translation,
		   struct viq_vtd_outcome *outcome);
	/*
	 * Tell listener, which is copied, of all tables, now and from now on; NULL: nobody. Who listened before has
	 * been told that they are gone. After an error nobody listens.
	 */
	int (*listen)(void *opaque, const struct viq_vtd_listener *listener);
	/* All that was to be set now has been: what could not be released before is tried again. */
	void (*settle)(void *opaque);
	/*
	 * Go on with what reconfig() began for one step: a device's context entry, a table of 64 PASIDs, or the release
	 * of 64 nested tables. *reads and *entries of guest memory are added to. 1: there is more; else it is done: 0,
	 * or the first error. May be NULL.
	 */
	int (*step)(void *opaque, uint64_t *reads, uint64_t *entries);
	/* Take at most *count faults (>= 1); *count: how many there were. 0 or a negative errno. NULL: there are none.
	 */
	int (*faults)(void *opaque, struct viq_vtd_host_fault *faults, uint32_t *count);
	/*
	 * Are there faults of accesses that have been refused by now, or accesses to be waited for in faults()? It must
	 * be called before the guest's next wait descriptor completes then. It may be true without need, and is asked
	 * often. NULL: no, faults come when they come.
	 */
	bool (*pending)(void *opaque);
	/*
	 * Of a host that reads the tables itself: block all of a device until reconfig() names it, or one of its
	 * entries. 0, -ENOENT: no such device, or another negative errno. May be NULL.
	 */
	int (*block)(void *opaque, uint16_t source_id);
	/*
	 * Of a host that looks for entries itself when a device needs them, as it must where CAP.CM = 0: take over
	 * those that devices have found since, and tell of their tables. Called outside of the front end's hooks. 0, or
	 * a negative errno. NULL: it does not, and the guest must say what it makes present (CAP.CM = 1).
	 */
	int (*fetch)(void *opaque);
	/*
	 * Take at most *count page requests (>= 1); *count: how many there were. 0 or a negative errno. NULL: there are
	 * none. pending() speaks of these, too.
	 */
	int (*page_requests)(void *opaque, struct viq_vtd_host_page_request *requests, uint32_t *count);
	/*
	 * What each call of faults() and page_requests() takes besides 1 for each record, and an answer of the unit's
	 * own to a device, in units of <viq/work.h>: VIQ_WORK_CALL for a system call. 0: next to nothing.
	 */
	uint32_t look_cost;
	uint32_t reserved;
};

struct viq_vtd_backend {
	const struct viq_vtd_backend_ops *ops;
	void *opaque;
};

#ifdef __cplusplus
}
#endif
#endif
