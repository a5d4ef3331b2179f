/* SPDX-License-Identifier: MIT */
/* What the files of the fake kernel share. The lock is held wherever these are called. */
#ifndef TESTS_SUPPORT_FAKE_KERNEL_INSIDE_H
#define TESTS_SUPPORT_FAKE_KERNEL_INSIDE_H

#include "fake_kernel.h"
#include "host/linux/iommufd/uapi.h"

enum fk_type {
	FK_IOAS,
	FK_HWPT,
	FK_NESTED,
	FK_VIOMMU,
	FK_VDEVICE,
	FK_VEVENTQ,
	FK_FAULTQ,
	FK_DEVICE
};

struct fk_mapping {
	uint64_t first, last;
	struct fk_mapping *next;
};

struct fk_queued_event {
	struct uapi_iommufd_vevent_header header;
	struct uapi_iommu_vevent_arm_smmuv3 data; /* unless the header says lost */
	struct fk_queued_event *next;
};

/* A group of page requests. */
struct fk_page_group {
	uint32_t device; /* index */
	uint32_t pasid;  /* 0: none, of what is attached for these requests */
	uint32_t cookie; /* 0: not read yet */
	uint32_t count;
	struct uapi_iommu_hwpt_pgfault *requests;
	struct fk_page_group *next;
};

struct fk_object {
	uint32_t id;
	enum fk_type type;
	uint32_t users; /* besides its id */
	struct fk_object *next;
	union {
		struct {
			struct fk_mapping *mappings;
		} ioas;
		struct {
			struct fk_object *ioas;
			uint32_t smmu;
			bool parent;
			bool automatic; /* made by attaching an IOAS: goes with its last user */
			bool pasid;     /* ALLOC_PASID */
		} hwpt;
		struct {
			struct fk_object *viommu; /* SMMUv3, */
			uint64_t ste[2];
			bool ats;
			struct fk_object *parent; /* or VT-d */
			struct viq_linux_vtd_s1 s1;
			bool pasid;
			struct fk_object *faultq; /* NULL: none */
		} nested;
		struct {
			struct fk_object *hwpt;
			uint32_t smmu;
		} viommu;
		struct {
			struct fk_object *viommu;
			uint32_t device; /* index */
			uint64_t vsid;
		} vdevice;
		struct {
			struct fk_object *viommu;
			uint32_t depth, count, sequence;
			struct fk_queued_event *events;
			struct fk_file *file;
		} veventq;
		struct {
			struct fk_page_group *groups; /* those that are not answered, oldest first */
			uint32_t last;                /* cookie */
			struct fk_file *file;
		} faultq;
		struct {
			uint32_t device; /* index */
			struct fk_object *vdevice, *attached;
			struct fk_object *pasids[FK_PASIDS]; /* attached, by place in struct fk_device */
			struct fk_object *vmaster;           /* vIOMMU that events go to, */
			uint64_t vsid;                       /* as this stream */
		} device;
	};
};

/* An open iommufd: lives as long as its file, a bound device or an event queue's file. */
struct fk_ctx {
	struct fk_object *objects; /* by id */
	uint32_t tombs[FK_DEVICES * 4];
	uint32_t tomb_count; /* ids whose vDEVICE the kernel itself destroyed: not free until the end */
	uint32_t refs;
};

enum fk_file_type {
	FK_FILE_IOMMUFD,
	FK_FILE_CDEV,
	FK_FILE_VEVENTQ,
	FK_FILE_FAULTQ
};

#define FK_DUPS 4 /* descriptors that one file can have */

struct fk_file {
	int fds[FK_DUPS]; /* those that are open, in any order */
	uint32_t fd_count;
	enum fk_file_type type;
	struct fk_ctx *ctx;      /* of a device: when it is bound */
	uint32_t device;         /* FK_FILE_CDEV: index */
	struct fk_object *queue; /* FK_FILE_VEVENTQ, FK_FILE_FAULTQ */
	struct fk_file *next;
};

/* fake_kernel.c */
struct fk_file *fk_file_new(struct fake_kernel *fk, enum fk_file_type type, struct fk_ctx *ctx);
struct fk_file *fk_file_find(const struct fake_kernel *fk, int fd); /* NULL: nobody's */

/* fake_kernel_objects.c */
struct fk_object *fk_find(struct fk_ctx *ctx, uint32_t id);
struct fk_object *fk_get(struct fk_ctx *ctx, uint32_t id, enum fk_type type); /* NULL: ENOENT */
struct fk_object *fk_object_new(struct fk_ctx *ctx, enum fk_type type);
int fk_destroy(struct fake_kernel *fk, struct fk_ctx *ctx, uint32_t id);
void fk_object_free(struct fake_kernel *fk, struct fk_ctx *ctx, struct fk_object *object);
void fk_ctx_put(struct fake_kernel *fk, struct fk_ctx *ctx);
const char *fk_type_name(enum fk_type type);
struct fk_object *fk_device_object(struct fk_ctx *ctx, uint32_t device); /* of a bound device's index */

/* Each takes the ioctl's struct, complete, and returns 0 or a negative errno. */
int fk_hw_info(struct fake_kernel *fk, struct fk_ctx *ctx, void *arg);
int fk_hwpt_alloc(struct fake_kernel *fk, struct fk_ctx *ctx, void *arg);
int fk_viommu_alloc(struct fake_kernel *fk, struct fk_ctx *ctx, void *arg);
int fk_vdevice_alloc(struct fake_kernel *fk, struct fk_ctx *ctx, void *arg);

/* fake_kernel_vtd.c */
int fk_vtd_nested_alloc(struct fk_ctx *ctx, const struct fk_smmu *vtd, struct fk_object *parent, void *arg);
/* May the device be set up like this? What is attached goes first, and the kernel cannot always put it back. */
int fk_vtd_check_attach(const struct fk_smmu *vtd, const struct fk_device *dev, const struct fk_object *pt);
int fk_vtd_attach_pasid(struct fake_kernel *fk, struct fk_ctx *ctx, struct fk_object *device, uint32_t pasid,
			uint32_t id);
void fk_vtd_detach_pasid(struct fake_kernel *fk, struct fk_object *device, uint32_t pasid);
bool fk_vtd_pasid_compatible(const struct fk_object *pt);
bool fk_vtd_has_pasids(const struct fk_object *device);
/* error NULL: the hardware's is not asked for. */
int fk_vtd_invalidate(struct fake_kernel *fk, const struct fk_object *nested, const void *cmd, uint32_t *count,
		      uint32_t *error);

/* fake_kernel_invalidate.c */
void fk_effect_add(struct fake_kernel *fk, struct fk_effect effect);

/* fake_kernel_events.c */
int fk_veventq_alloc(struct fake_kernel *fk, struct fk_ctx *ctx, void *arg);
int64_t fk_veventq_read(struct fk_object *queue, void *buf, size_t len);

/* fake_kernel_pages.c */
int fk_fault_alloc(struct fake_kernel *fk, struct fk_ctx *ctx, void *arg);
int64_t fk_faultq_read(const struct fake_kernel *fk, struct fk_object *queue, void *buf, size_t len);
int64_t fk_faultq_write(struct fake_kernel *fk, struct fk_object *queue, const void *buf, size_t len);
/*
 * What is attached for a device's requests goes: its groups are answered. Replaced by another one they may be, or wait
 * for ever, or be met again when they are freed memory, by kernel: a warning.
 */
void fk_pages_detach(struct fake_kernel *fk, const struct fk_object *pt, uint32_t device, uint32_t pasid,
		     bool replaced);
void fk_faultq_free(struct fk_object *queue);

/* fake_kernel_invalidate.c */
int fk_invalidate(struct fake_kernel *fk, struct fk_ctx *ctx, void *arg);

/* fake_kernel_vfio.c */
int fk_vfio_ioctl(struct fake_kernel *fk, struct fk_file *cdev, unsigned long request, void *arg);
void fk_unbind(struct fake_kernel *fk, struct fk_file *cdev);
void fk_detach(struct fake_kernel *fk, struct fk_ctx *ctx, struct fk_object *device);

/* fake_kernel_ioas.c */
int fk_ioas_alloc(struct fake_kernel *fk, struct fk_ctx *ctx, void *arg);
int fk_ioas_ranges(struct fake_kernel *fk, struct fk_ctx *ctx, void *arg);
int fk_ioas_map(struct fake_kernel *fk, struct fk_ctx *ctx, void *arg);
int fk_ioas_unmap(struct fake_kernel *fk, struct fk_ctx *ctx, void *arg);
/* Can the reserved window be had in this IOAS? */
bool fk_reservable(const struct fake_kernel *fk, const struct fk_object *ioas);
/* Is a device attached to page tables of this IOAS, so that the window is reserved? */
bool fk_reserved(struct fk_ctx *ctx, const struct fk_object *ioas);

#endif
