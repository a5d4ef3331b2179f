/* SPDX-License-Identifier: MIT */
/*
 * Capture files: what a guest wrote to its invalidation queue, doorbell by doorbell.
 *
 * A capture is a libpcap file of link type USER0; docs/capture-format.md documents every byte. Reading gives one event
 * a packet, in the order in which the guest acted: entries become visible to the IOMMU with the doorbell that follows
 * them. Readers check everything before they hand it out, so a caller may index a queue of setup.entries with what it
 * gets; what the entries themselves say is the guest's, unchecked.
 *
 * Errors are negative errno values; where a function takes an err, it is filled on failure with one sentence for the
 * user. An object is used by one thread at a time.
 */
#ifndef VIQ_CAPTURE_H
#define VIQ_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The guest-visible IOMMU; one for the whole file. */
enum viq_capture_kind {
	VIQ_CAPTURE_SMMUV3 = 1, /* command queue: 16-byte commands, doorbell SMMU_CMDQ_PROD */
	VIQ_CAPTURE_VTD = 2,    /* invalidation queue: 16- or 32-byte descriptors, doorbell IQT_REG */
};

enum viq_capture_type {
	VIQ_CAPTURE_SETUP = 1,   /* the queue's geometry: the first event, and again when the guest makes a new queue */
	VIQ_CAPTURE_ENTRIES = 2, /* queue entries that the next doorbell makes visible */
	VIQ_CAPTURE_GAP = 3,     /* like ENTRIES, but the source did not record their bytes */
	VIQ_CAPTURE_DOORBELL = 4, /* a write of the doorbell register, with (the last of) its entries */
	VIQ_CAPTURE_READ = 5,     /* the guest read this value from a register: ID registers, mostly */
	VIQ_CAPTURE_WRITE = 6,    /* the guest wrote this value to another register than the doorbell */
	VIQ_CAPTURE_END = 7,      /* totals; readers check them and do not hand them out */
};

/* What the times of the packets are. */
enum viq_capture_clock {
	VIQ_CAPTURE_COUNTER = 0,  /* the source has no times: packet n has time n microseconds */
	VIQ_CAPTURE_REALTIME = 1, /* nanoseconds since 1970 */
};

#define VIQ_CAPTURE_NO_BASE     UINT64_MAX /* setup.base: the source does not tell */
#define VIQ_CAPTURE_NOTE_MAX    1024       /* bytes */
#define VIQ_CAPTURE_MAX_ENTRIES 1024       /* in one packet */
#define VIQ_CAPTURE_ENTRY_MAX   32         /* bytes of one entry */

struct viq_capture_setup {
	uint64_t base;                       /* guest-physical address of the queue, or VIQ_CAPTURE_NO_BASE */
	uint32_t entries;                    /* in the queue: a power of two */
	uint32_t entry_size;                 /* bytes */
	uint32_t clock;                      /* enum viq_capture_clock */
	char note[VIQ_CAPTURE_NOTE_MAX + 1]; /* where the recording comes from: printable UTF-8, one line */
};

/* Entries, a gap, or a doorbell. */
struct viq_capture_entries {
	uint32_t doorbell; /* DOORBELL: the value as the guest wrote it to PROD or IQT; else 0 */
	/*
	 * Queue index of the first entry. SMMUv3: with its wrap flag, as PROD encodes it (below 2 x entries). VT-d:
	 * below entries. An event's entries may wrap: entry i is at slot (first + i) modulo entries.
	 */
	uint32_t first;
	uint32_t count;    /* at most VIQ_CAPTURE_MAX_ENTRIES (a GAP: at most setup.entries); 0 in a bare doorbell */
	const void *bytes; /* count x entry_size bytes as in guest memory, 8-byte aligned; NULL for a GAP or count 0 */
};

struct viq_capture_register {
	uint32_t offset; /* from the start of the IOMMU's register page */
	uint32_t size;   /* 4 or 8 bytes */
	uint64_t value;
};

struct viq_capture_event {
	uint64_t packet; /* number in the file, from 1 */
	uint64_t offset; /* of the packet in the file, for messages */
	uint64_t time;   /* nanoseconds, below 2^63; see setup.clock */
	uint32_t type;   /* enum viq_capture_type; says which member holds */
	union {
		struct viq_capture_setup setup;
		struct viq_capture_entries entries;
		struct viq_capture_register reg;
	};
};

/* Totals of a file. */
struct viq_capture_totals {
	uint64_t packets; /* without the END packet */
	uint64_t doorbells;
	uint64_t entries; /* recorded */
	uint64_t missing; /* in gaps */
};

/* What failed: "what; what to do". */
struct viq_capture_error {
	uint64_t offset; /* in the file, when has_offset */
	bool has_offset;
	char text[256];
};

/* --- Reading ------------------------------------------------------------------------------------------------------ */

struct viq_capture_reader;

/*
 * Open a capture and read its first packet. *out is the caller's, for viq_capture_reader_close(). -errno of open() and
 * read(); -EBADMSG: not a viq capture or damaged; -ENOTSUP: a newer version of the format.
 */
int viq_capture_reader_open(const char *path, struct viq_capture_reader **out, struct viq_capture_error *err);
/* The same of a descriptor, from where it stands: a pipe will do. It stays the caller's. */
int viq_capture_reader_open_fd(int fd, struct viq_capture_reader **out, struct viq_capture_error *err);
void viq_capture_reader_close(struct viq_capture_reader *reader); /* NULL is allowed */

enum viq_capture_kind viq_capture_reader_kind(const struct viq_capture_reader *reader);
/* The last SETUP that the reader has seen; from open on. */
const struct viq_capture_setup *viq_capture_reader_setup(const struct viq_capture_reader *reader);

/*
 * The next event. 1: *event is filled; pointers in it hold until the next call. 0: the end, and the totals are right.
 * -EBADMSG: damaged, truncated or in conflict with itself; -errno of read(). After an error every further call fails.
 */
int viq_capture_reader_next(struct viq_capture_reader *reader, struct viq_capture_event *event,
			    struct viq_capture_error *err);

/* Entry i of an ENTRIES or DOORBELL event as 64-bit words in host order: 2, or 4 in a queue of 32-byte entries. */
void viq_capture_entry_words(const struct viq_capture_reader *reader, const struct viq_capture_event *event, uint32_t i,
			     uint64_t *words);

/* Totals of what next() has given out so far. */
const struct viq_capture_totals *viq_capture_reader_totals(const struct viq_capture_reader *reader);
/* Bytes read so far and bytes in the file (0 if it is not a regular file): for a progress bar. */
void viq_capture_reader_position(const struct viq_capture_reader *reader, uint64_t *done, uint64_t *total);

/* --- Writing ------------------------------------------------------------------------------------------------------
 *
 * The file appears under its name, whole, with viq_capture_writer_commit(), and not before. Append functions return
 * -EINVAL, and write nothing, for what a reader would refuse, and -EOVERFLOW for a time of 2^32 seconds or more, which
 * pcap cannot hold. The first error of any kind, a full disk as well, is remembered and makes commit fail, so a caller
 * need not look at each append.
 */

struct viq_capture_writer;

/* Begin a file. *out is the caller's, for _commit() or _abandon(). -errno; -EEXIST: path is there, and not a file. */
int viq_capture_writer_create(const char *path, enum viq_capture_kind kind, struct viq_capture_writer **out,
			      struct viq_capture_error *err);
/* The same to a descriptor, a pipe say, which stays the caller's: commit writes all of it at once. */
int viq_capture_writer_create_fd(int fd, enum viq_capture_kind kind, struct viq_capture_writer **out,
				 struct viq_capture_error *err);

/* time is ignored while the clock is VIQ_CAPTURE_COUNTER. The first append must be a setup. */
int viq_capture_append_setup(struct viq_capture_writer *writer, uint64_t time, const struct viq_capture_setup *setup);
/* Any number of entries up to setup.entries: split over packets as needed. bytes NULL: a gap before the doorbell. */
int viq_capture_append_entries(struct viq_capture_writer *writer, uint64_t time, uint32_t first, uint32_t count,
			       const void *bytes);
/* A doorbell with its entries (count may be 0). */
int viq_capture_append_doorbell(struct viq_capture_writer *writer, uint64_t time, uint32_t value, uint32_t first,
				uint32_t count, const void *bytes);
/* type: VIQ_CAPTURE_READ or VIQ_CAPTURE_WRITE. */
int viq_capture_append_register(struct viq_capture_writer *writer, uint64_t time, enum viq_capture_type type,
				const struct viq_capture_register *reg);

const struct viq_capture_totals *viq_capture_writer_totals(const struct viq_capture_writer *writer);

/* Write the END packet, make the file durable, give it its name. The writer is freed, also on failure. */
int viq_capture_writer_commit(struct viq_capture_writer *writer, struct viq_capture_error *err);
/* Forget it all; no file is left. NULL is allowed. */
void viq_capture_writer_abandon(struct viq_capture_writer *writer);

#endif
