/* SPDX-License-Identifier: MIT */
/*
 * What replaying has to know of a guest's IOMMU: one table an architecture.
 *
 * Everything else (events to doorbells, witnesses' records, reports) is the same for all. An entry is always four
 * words; those that a queue's entries do not have are 0. A slot's *index* is as the queue's registers count: with the
 * wrap flag on SMMUv3, below the number of entries on VT-d.
 */
#ifndef VIQ_TOOL_REPLAY_ARCH_H
#define VIQ_TOOL_REPLAY_ARCH_H

#include "scan.h"
#include "witness_private.h"

/* What the guest's driver did about an error. */
enum replay_answer {
	REPLAY_REPLACED, /* overwrote the entry with one that waits, and cleared the error */
	REPLAY_RETRIED,  /* cleared the error: the entry is read again */
	REPLAY_AGAIN,    /* cleared the error, and queues the submission of the entry again */
	REPLAY_STUCK,    /* nothing that helps: it polls for ever */
	REPLAY_WAITED,   /* it saw nothing: the queue waited for its host, and was run again */
};

/* Where the entry that failed stands in what its driver submitted. */
struct replay_submission {
	bool first;    /* it is the first entry */
	uint32_t last; /* slot of the last one */
};

/* Whose translations or configuration a command invalidates. */
struct replay_subject {
	const char *what;   /* "ASID", "everything" */
	uint64_t id, pasid; /* REPLAY_NO_ID: it has none */
};

#define REPLAY_NO_ID UINT64_MAX

struct replay_arch {
	const char *iommu;     /* "SMMUv3" */
	const char *json;      /* "smmuv3" */
	const char *entry;     /* what stands in the queue: "command" */
	const char *sync;      /* the entry whose completion tells that all before took effect */
	const char *replaced;  /* what the driver does with a refused entry, and */
	const char *retried;   /* with one that could not be executed */
	const char *again;     /* with a wait that was aborted; NULL: there is no such thing */
	const char *host_kind; /* what a host executes, for messages */
	const char *atc_kind;  /* what a device's TLB executes */
	bool wraps;            /* indices have a wrap flag */
	bool contracts;        /* --contract means something */
	uint64_t opcode;       /* bits of word 0, the lowest; all of them set is no entry's */
	uint64_t doorbell;     /* register that is written to ring */
	uint64_t filler[4];    /* in place of an entry without bytes: waits, and does nothing else */

	/* --- Entries */
	unsigned int (*kind)(const uint64_t entry[4]); /* below REPLAY_KINDS */
	const char *(*kind_name)(unsigned int kind);   /* never NULL */
	void (*text)(const uint64_t entry[4], char *buf, size_t len);
	bool (*goes_to_host)(const uint64_t entry[4]); /* does a host execute it? */
	bool (*goes_to_device)(const uint64_t entry[4]);
	/* *pages: how many the entry names; 0: all there are. False: it invalidates nothing. */
	bool (*subject)(const uint64_t entry[4], struct replay_subject *subject, uint64_t *pages);
	bool (*ends_call)(const uint64_t entry[4]); /* what follows goes to the host in another call */
	void (*scan)(struct scan *scan, const uint64_t entry[4]);

	/* --- The guest */
	size_t size; /* bytes of a guest with what this adds */
	/* Memory is there: front end and host; nothing enabled. Or a negative errno and *why, what cannot be done. */
	int (*build)(struct replay_guest *guest, const struct replay_options *options, const struct scan *scan,
		     struct viq_why *why);
	void (*destroy)(struct replay_guest *guest); /* what build() has made, also after a failure */
	uint64_t (*read)(struct replay_guest *guest, uint64_t offset, unsigned int size);
	void (*write)(struct replay_guest *guest, uint64_t offset, unsigned int size, uint64_t value);
	/* Enable translation with the tables as they are now. */
	void (*enable)(struct replay_guest *guest);
	/* A (new) queue at guest->ring, empty at this index. */
	void (*start_queue)(struct replay_guest *guest, uint32_t first);
	/* What the guest's own driver would have written: status addresses of the recorded one lie elsewhere. */
	void (*adapt)(struct replay_guest *guest, uint32_t index, uint64_t entry[4]);
	/* Is a reserved bit set in it? */
	bool (*is_reserved)(const struct replay_guest *guest, const uint64_t entry[4]);
	/* Index up to which the queue is consumed, as the guest sees it. */
	uint32_t (*head)(struct replay_guest *guest);
	/* Has this entry, which head has passed, told the guest that all before it took effect? */
	bool (*completed)(struct replay_guest *guest, uint32_t index, const uint64_t entry[4]);
	bool (*run)(struct replay_guest *guest); /* true: work is left */
	bool (*stopped)(struct replay_guest *guest);
	uint64_t (*waits)(const struct replay_guest *guest); /* for its host */
	/* Registers and names of what stopped the queue, and at which index, if not at head. */
	void (*note_error)(struct replay_guest *guest, struct replay_error *error);
	enum replay_answer (*answer)(struct replay_guest *guest, const struct replay_error *error,
				     const struct replay_submission *submission);
	void (*counters)(const struct replay_guest *guest, struct replay_result *result);
	/* The error's registers, for people and for programs. */
	void (*print_error)(const struct replay_error *error);
	void (*error_json)(const struct replay_error *error, json_t *object);
	/* What is in front of the software host: arm a failure of this entry, number what->index of a call. */
	void (*arm)(struct replay_guest *guest, const struct viq_fault_failure *what, const uint64_t entry[4]);

	/* --- Witnesses, with the software host */
	int (*populate)(struct witness *w, const struct scan *scan);
	void (*unpopulate)(struct witness *w);
	/* Before a command is rung: use what it invalidates, change it, and keep records of that. */
	void (*use)(struct witness *w, const struct replay_command *command);
	/* Is what the record saw still cached? Does the device still get what it got before? */
	bool (*cached)(struct witness *w, const struct record *record);
	bool (*stale)(struct witness *w, const struct record *record);
};

/* The guest queues a bad entry in place of this one, where kind says so (inject.c). */
void replay_spoil(const struct replay_guest *guest, enum replay_injection kind, uint64_t entry[4]);
/* What the driver did, as part of a sentence. */
const char *replay_answer_text(const struct replay_arch *arch, const struct replay_error *error);

extern const struct replay_arch replay_smmuv3, replay_vtd;

#endif
