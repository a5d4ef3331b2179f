/* SPDX-License-Identifier: MIT */
/*
 * Linux's iommufd, its vfio character devices and the SMMUv3 or VT-d below them, behind struct viq_linux_sys.
 *
 * It answers as the kernel does (drivers/iommu/iommufd, arm-smmu-v3-iommufd.c and intel/ of Linux 6.13 to 7.3): ids,
 * what pins what, which argument is refused with which errno, and what an invalidate call really executes compared with
 * what it says. Everything that a test may set is a plain member of struct fake_kernel, and may be changed between two
 * calls. The library under test may call from several threads; a test looks when none of them runs.
 *
 * Files opened here are real file descriptors (eventfds), so that they can be polled and every leak shows.
 */
#ifndef TESTS_SUPPORT_FAKE_KERNEL_H
#define TESTS_SUPPORT_FAKE_KERNEL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <viq/linux.h>

/* How IOMMU_HWPT_INVALIDATE works on SMMUv3; VT-d is always exact. G is the start of the group of 63 in which the call
 * failed. */
enum fk_behaviour {
	FK_LINUX_6_13, /* to 7.2: as 7.3, but of a command only opcode and StreamID are looked at */
	FK_LINUX_7_3,  /* refuses command i: [0, G) ran, says i. Cannot issue a group: says its last command */
	FK_LINUX_NEXT, /* checks a group before it is issued: [0, G) ran, says G */
	FK_EXACT,      /* one by one: [0, i) ran, says i */
	/*
	 * 7.3 with integrations/linux: refuses command i: [0, i) ran, says i. Cannot issue a group: says its first
	 * command. Tells whoever asks the range of those that can be the cause, and the hardware's error; VT-d, too.
	 */
	FK_LINUX_REPORT,
	FK_BEHAVIOURS,
};

/* The fate of a group that could not be issued. */
enum fk_ran {
	FK_RAN_NONE,
	FK_RAN_BEFORE, /* the commands before the culprit */
	FK_RAN_OTHERS, /* all but the culprit */
	FK_RANS,
};

/*
 * Commands that equal cmd under mask (CPU byte order) fail. err -EIO: refused, as if the kernel's list did not have
 * them. Anything else: the group that they are in cannot be issued (-ETIMEDOUT), unless it is swallowed.
 */
struct fk_plan {
	uint64_t cmd[2], mask[2];
	int err;   /* negative errno; 0: no plan */
	int times; /* it strikes so often; -1: always */
	enum fk_ran ran;
	/*
	 * The hardware fails, such as when a device does not confirm in time, of which Linux up to 7.3 says nothing: it
	 * goes on as if the entry had taken effect. FK_LINUX_REPORT tells: CERROR_ATC_INV_SYNC of an ATC_INV,
	 * CERROR_ILL of another command; of VT-d ITE, or IQE if err is -EIO. On VT-d (cmd is {addr, npages}) the call
	 * ends there with err otherwise.
	 */
	bool swallowed;
};

/*
 * System calls that fail before they do anything. Calls are counted from 1: all of them but close(), or if request is
 * not 0 the ioctls with that number only.
 */
struct fk_fault {
	unsigned long request;
	uint64_t first, times; /* calls first .. first + times - 1; times 0: no fault */
	int err;               /* negative errno */
};

/* Invalidate calls that end in err without executing anything. Calls are counted from 1. */
struct fk_inv_fault {
	uint64_t first, times; /* times 0: no fault */
	int err;               /* negative errno; 0: success is claimed, which no kernel should do */
	bool keep_count;       /* entry_num stays as it was passed in, as when memory for the array is lacking */
	uint32_t said;         /* entry_num otherwise */
};

struct fk_smmu {
	uint32_t type, flags, idr[6], iidr, aidr; /* IOMMU_GET_HW_INFO */
	uint64_t cap, ecap;                       /* VT-d; likewise */
	bool legacy_mode;                         /* VT-d: the host does not use scalable mode */
	bool dead;                                /* refuses every command with EIO */
};

enum fk_mode {
	FK_BLOCKED,
	FK_ABORT,
	FK_BYPASS,
	FK_TRANSLATE,
	FK_OWN_TABLES
};

#define FK_PASIDS 512

/* What requests with a PASID meet: VT-d. */
struct fk_pasid {
	uint32_t pasid; /* 0: this place is free */
	enum fk_mode mode;
	struct viq_linux_vtd_s1 s1; /* FK_TRANSLATE */
	uint32_t attached;
};

/* A PCI function, bound to vfio-pci: /dev/vfio/devices/vfioN for device N. */
struct fk_device {
	uint32_t smmu;         /* index: which one is in front of it */
	bool coherent;         /* CANWBS */
	uint32_t streams;      /* StreamIDs that it has */
	uint64_t capabilities; /* VIQ_LINUX_CAP_* */
	uint32_t max_pasid_log2;
	bool pri;       /* enabled: page requests */
	uint32_t group; /* IOMMU group, set before anything is attached; 0: one of its own, of which sysfs says nothing
			 */
	/* What its STE says now: read only. */
	enum fk_mode mode;
	uint64_t ste[2];            /* FK_TRANSLATE: the guest's words; */
	struct viq_linux_vtd_s1 s1; /* or on VT-d, the guest's table */
	struct fk_pasid pasids[FK_PASIDS];
	uint32_t attached; /* id, 0: none */
	bool ats;
	uint64_t attaches;  /* successful ones */
	uint32_t object_id; /* while bound; 0: not */
	int fd;             /* while open; -1: not */
};

/* A command that took effect, as the guest wrote it; of VT-d {addr, npages}. */
struct fk_effect {
	uint64_t cmd[2]; /* CPU byte order */
	uint32_t flags;  /* VT-d */
	uint32_t viommu; /* VT-d: the nested page table */
	uint64_t call;   /* number of the invalidate call, from 1 */
};

#define FK_SMMUS   2
#define FK_DEVICES 8
#define FK_FAULTS  4
#define FK_PLANS   8

struct fake_kernel {
	/* Settings. */
	enum fk_behaviour behaviour;
	struct fk_smmu smmus[FK_SMMUS];
	struct fk_device devices[FK_DEVICES];
	struct fk_fault faults[FK_FAULTS];
	struct fk_inv_fault inv_fault;
	uint32_t inv_fault_last; /* out_last_index then, if it is asked for and beyond the count */
	struct fk_plan plans[FK_PLANS];
	uint32_t memory;   /* longer arrays end in ENOMEM; 0: no limit */
	bool no_iommu;     /* there is no /dev/iommu */
	bool no_viommu;    /* a kernel before 6.13 */
	bool no_veventq;   /* a kernel before 6.15 */
	bool no_faultq;    /* a kernel before 6.11 */
	bool cookies_grow; /* cookies of page requests are not used again, as no kernel has it */
	/*
	 * A window that no device can reach (MSIs), reserved as soon as one is attached. last < first: none. On arm64
	 * it is at 0x8000000.
	 */
	uint64_t reserved_first, reserved_last;
	/* Before each system call that is counted, and before each entry of an invalidate call that is looked at. */
	void (*before_call)(struct fake_kernel *fk, uint64_t call, unsigned long request);
	void (*before_entry)(struct fake_kernel *fk, uint64_t call, uint32_t index);
	void *opaque; /* for these two */

	/* Record: may be read, and set to 0, at any time. */
	uint64_t calls;     /* system calls but close() */
	uint64_t inv_calls; /* IOMMU_HWPT_INVALIDATE */
	uint32_t warnings;  /* that a kernel would have printed */
	uint32_t longest;   /* entries of the longest of these */
	uint64_t entries;   /* passed in all of these */
	/*
	 * Commands with bits that are not on the kernel's list, which reached the physical queue: it hangs then, for
	 * every guest, and no group can be issued any more.
	 */
	uint64_t wedged;
	uint64_t swallowed; /* entries that did not take effect, which nobody was told */
	uint64_t pages_granted, pages_refused, pages_ended; /* groups that were answered so, and by the kernel itself */
	uint64_t bad_handles; /* file descriptors that are not open here, also in close() */
	struct fk_effect *effects;
	size_t effect_count, effect_room;

	/* Inside. */
	uint64_t ioctls[256]; /* by number */
	struct fk_file *files;
	pthread_mutex_t lock;
};

/* Linux 7.3, one SMMU with all that nesting needs in front of eight coherent devices. */
struct fake_kernel *fake_kernel_new(void);
/* Likewise, with a VT-d that has all there is. */
struct fake_kernel *fake_kernel_new_vtd(void);
/* What requests of the device with this PASID meet, or those without if it is 0. NULL: blocked. */
const struct fk_pasid *fake_kernel_pasid(const struct fake_kernel *fk, uint32_t device, uint32_t pasid);
/* The descriptors that are still open are closed. */
void fake_kernel_free(struct fake_kernel *fk);

/* For struct viq_linux_config. */
const struct viq_linux_sys *fake_kernel_sys(void);
struct viq_linux *fake_kernel_open(struct fake_kernel *fk); /* viq_linux_open() on it, which must work */

/* Open a device, as the VMM does; the fd is for fake_kernel_cdev_close(). */
int fake_kernel_cdev(struct fake_kernel *fk, uint32_t device);
/*
 * Close the VMM's fd. With the last one of the file its binding and its vDEVICE go, whoever holds their ids. Also how a
 * device is lost.
 */
void fake_kernel_cdev_close(struct fake_kernel *fk, uint32_t device);
/* Somebody else destroys the object: what IOMMU_DESTROY answers. */
int fake_kernel_destroy(struct fake_kernel *fk, uint32_t id);
/* The object and what is built on it vanish, as no kernel does on its own: for the worst case. */
void fake_kernel_lose(struct fake_kernel *fk, uint32_t id);

/* Objects in all iommufds; file descriptors that are open. */
size_t fake_kernel_objects(const struct fake_kernel *fk);
size_t fake_kernel_files(const struct fake_kernel *fk);
/* One line an object or file that is left, to standard error. Returns how many there were. */
size_t fake_kernel_leaks(const struct fake_kernel *fk);

/* Forget effects, counters of calls, faults and plans; objects stay. */
void fake_kernel_reset(struct fake_kernel *fk);
/* Would the physical queue take this command (CPU byte order), a stream's vDEVICE aside? By Linux 7.3's list. */
bool fake_kernel_legal(const struct fk_smmu *smmu, const uint64_t cmd[2]);

/*
 * The SMMU records an event of the device (CPU byte order; the StreamID is filled in). 0; -ENOENT: its stream has no
 * vDEVICE, or no nested page table is attached; -EOPNOTSUPP: there is no queue. A full queue loses it: 0.
 */
int fake_kernel_event(struct fake_kernel *fk, uint32_t device, const uint64_t record[4]);
/*
 * A device asks for count pages in one group, from addr on: read and write, with pasid if it is not 0. 0; -ENOENT: what
 * is attached for such requests has no fault queue.
 */
int fake_kernel_ask(struct fake_kernel *fk, uint32_t device, uint32_t pasid, uint32_t prgi, uint64_t addr,
		    uint32_t count);
/* The kernel has no memory for an event: it is lost. */
int fake_kernel_lose_event(struct fake_kernel *fk, uint32_t device);

#endif
