/* SPDX-License-Identifier: MIT */
/*
 * viq doctor: can nesting work on this machine, and what is missing?
 *
 * Everything is read from a directory tree, which is / or a copy of what another machine has there. Each file below
 * looks at one subject and adds findings; the verdict is made of these at the end. Only doctor_try.c opens devices.
 */
#ifndef VIQ_TOOL_DOCTOR_H
#define VIQ_TOOL_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <viq/linux.h>

enum doctor_level {
	DOCTOR_OK,
	DOCTOR_WARNING, /* not known, or a nuisance */
	DOCTOR_MISSING, /* nesting cannot work without it */
};

struct doctor_finding {
	enum doctor_level level;
	const char *subject;
	char *text, *remedy; /* owned; remedy may be NULL */
};

enum doctor_iommu {
	DOCTOR_IOMMU_NONE,
	DOCTOR_IOMMU_SMMUV3,
	DOCTOR_IOMMU_VTD,
	DOCTOR_IOMMU_OTHER,
};

enum doctor_use {
	DOCTOR_USE_NO,
	DOCTOR_USE_UNKNOWN, /* another program has it, or nothing was opened */
	DOCTOR_USE_PROVEN,  /* a vIOMMU was made on it */
};

enum doctor_known {
	DOCTOR_NOT_KNOWN,
	DOCTOR_NO,
	DOCTOR_YES,
};

#define DOCTOR_NAME 64

/* A device that vfio has a cdev for. */
struct doctor_device {
	char cdev[DOCTOR_NAME];   /* vfio0 */
	char name[DOCTOR_NAME];   /* 0000:01:00.0 */
	char driver[DOCTOR_NAME]; /* vfio-pci */
	char iommu[DOCTOR_NAME];  /* smmu3.0x0000000009050000, dmar0, or empty */
	enum doctor_use use;
	struct viq_linux_hw_info hw; /* size 0: not known */
};

struct doctor {
	int root;             /* directory fd */
	bool own;             /* it is / */
	bool live;            /* /dev/iommu may be opened; only if own */
	bool tries;           /* devices, too; only if live */
	char release[128];    /* uname -r, or empty */
	char arch[32];        /* uname -m, or empty */
	unsigned int version; /* 1000 * major + minor; 0: not known */
	const char *row;      /* of docs/kernels.md; NULL: none */
	bool intel;           /* the machine is one that has VT-d, if it has an IOMMU; else one that has SMMUv3s */
	unsigned int smmus;   /* SMMUv3s */
	unsigned int vtds;    /* units */
	enum doctor_known scalable; /* the kernel uses VT-d's scalable mode unless it is told otherwise */
	struct viq_linux *ctx;      /* NULL: none, or not to be used */
	struct doctor_finding *findings;
	size_t finding_count;
	struct doctor_device *devices;
	size_t device_count;
};

/* --- Findings (doctor_findings.c); out of memory ends the program ------------------------------------------------- */

/* Names come from files: what is no plain character becomes '?', so that none reaches a terminal, or makes bad JSON. */
void doctor_plain(char *text);

void doctor_find(struct doctor *d, enum doctor_level level, const char *subject, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* What to do about the last finding. */
void doctor_remedy(struct doctor *d, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* What was made on a device to see that nesting works. */
const char *doctor_proof(const struct viq_linux_hw_info *hw);
void doctor_print(const struct doctor *d, bool json);
/* Something was tried and works: what looked missing is not. */
void doctor_settle(struct doctor *d);
bool doctor_nesting(const struct doctor *d);
void doctor_free(struct doctor *d);

/* --- The tree (doctor_tree.c); paths are relative, without a leading / -------------------------------------------- */

struct doctor_list {
	struct dirent **entries; /* sorted, without . and .. */
	int count;
};

/*
 * As openat(2), with O_CLOEXEC; under --root no symbolic link leads out of the tree: the tree's root is /, and its own
 * parent. ENOSYS or EPERM: the kernel, or a filter, has no openat2(2).
 */
int doctor_open(const struct doctor *d, const char *path, int flags);
bool doctor_exists(const struct doctor *d, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* At most max bytes, with a 0 behind; to be freed. Returns 0 or -errno; -EFBIG if there is more. */
int doctor_read(const struct doctor *d, const char *path, size_t max, char **out, size_t *len);
/* The first line. False if there is none. */
bool doctor_line(const struct doctor *d, const char *path, char *out, size_t size);
/* The last component of what the symbolic link says; empty if there is none. */
void doctor_link(const struct doctor *d, char out[DOCTOR_NAME], const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Empty if there is no such directory. */
void doctor_list(const struct doctor *d, struct doctor_list *list, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void doctor_list_free(struct doctor_list *list);

/* --- Subjects, in the order in which they are looked at ----------------------------------------------------------- */

void doctor_learn(struct doctor *d);   /* doctor_iommu.c: which IOMMUs there are; no finding */
void doctor_kernel(struct doctor *d);  /* doctor_kernel.c: version, options */
void doctor_iommufd(struct doctor *d); /* doctor_iommufd.c: /dev/iommu, memory that may be pinned */
/* Does the open kernel say what has failed a call? */
void doctor_report(struct doctor *d);
void doctor_iommu(struct doctor *d); /* doctor_iommu.c: is one of them of use? */
void doctor_iort(struct doctor *d);  /* doctor_iort.c: SMMUv3: is DMA coherent? */
void doctor_vtd(struct doctor *d);   /* doctor_vtd.c: can the units nest, is scalable mode used? */
void doctor_vfio(struct doctor *d);  /* doctor_vfio.c: devices, and who has them */

enum doctor_iommu doctor_iommu_kind(const char *name);
/* A VT-d unit's extended capability register, by its name in /sys/class/iommu; false: not to be found. */
bool doctor_vtd_ecap(const struct doctor *d, const char *unit, uint64_t *ecap);
/* What it has not got and nesting needs; NULL: nothing. */
const char *doctor_vtd_lacks(uint64_t ecap);
/* Opens the device, makes what nesting needs, undoes all; fills in device->hw and ->use and adds a finding. */
void doctor_try(struct doctor *d, struct doctor_device *device);
/* The same on an open cdev, which stays the caller's and is bound from now on. */
void doctor_try_fd(struct doctor *d, struct doctor_device *device, int fd);

#endif
