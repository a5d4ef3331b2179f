/* SPDX-License-Identifier: MIT */
/* The fake kernel's system calls: files, arguments in and out, failures on demand. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <viq/smmuv3_spec.h>
#include <viq/vtd_spec.h>

#include "fake_kernel_inside.h"

/* --- Files -------------------------------------------------------------------------------------------------------- */

struct fk_file *fk_file_new(struct fake_kernel *fk, enum fk_file_type type, struct fk_ctx *ctx)
{
	struct fk_file *file = calloc(1, sizeof(*file));

	*file = (struct fk_file){
		.fds = {eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)}, .fd_count = 1, .type = type, .ctx = ctx};
	file->next = fk->files;
	fk->files = file;
	if (ctx)
		ctx->refs++;
	return file;
}

struct fk_file *fk_file_find(const struct fake_kernel *fk, int fd)
{
	for (struct fk_file *file = fk->files; file; file = file->next) {
		for (uint32_t i = 0; i < file->fd_count; i++) {
			if (file->fds[i] == fd)
				return file;
		}
	}
	return NULL;
}

static void file_free(struct fake_kernel *fk, struct fk_file *file)
{
	struct fk_file **link = &fk->files;

	while (*link != file)
		link = &(*link)->next;
	*link = file->next;
	if (file->type == FK_FILE_CDEV) {
		fk_unbind(fk, file);
		fk->devices[file->device].fd = -1;
	} else if (file->queue) {
		*(file->type == FK_FILE_FAULTQ ? &file->queue->faultq.file : &file->queue->veventq.file) = NULL;
		file->queue->users--;
	}
	if (file->ctx)
		fk_ctx_put(fk, file->ctx);
	while (file->fd_count)
		close(file->fds[--file->fd_count]);
	free(file);
}

/* One descriptor goes, and the file with its last. */
static void fd_free(struct fake_kernel *fk, struct fk_file *file, int fd)
{
	uint32_t i = 0;

	if (file->type == FK_FILE_CDEV && fk->devices[file->device].fd == fd)
		fk->devices[file->device].fd = -1;
	if (file->fd_count == 1) {
		file_free(fk, file);
		return;
	}
	while (file->fds[i] != fd)
		i++;
	file->fds[i] = file->fds[--file->fd_count];
	close(fd);
}

static int open_cdev(struct fake_kernel *fk, uint32_t device)
{
	struct fk_file *file;

	if (device >= FK_DEVICES)
		return -ENOENT;
	if (fk->devices[device].fd >= 0)
		return -EBUSY; /* simpler than Linux, which refuses the second one at the bind */
	file = fk_file_new(fk, FK_FILE_CDEV, NULL);
	file->device = device;
	return fk->devices[device].fd = file->fds[0];
}

static int open_path(struct fake_kernel *fk, const char *path)
{
	unsigned int device;

	if (!strcmp(path, "/dev/iommu"))
		return fk->no_iommu ? -ENOENT
				    : fk_file_new(fk, FK_FILE_IOMMUFD, calloc(1, sizeof(struct fk_ctx)))->fds[0];
	if (sscanf(path, "/dev/vfio/devices/vfio%u", &device) == 1)
		return open_cdev(fk, device);
	return -ENOENT;
}

/* --- Arguments of the iommufd's ioctls ---------------------------------------------------------------------------- */

static int destroy(struct fake_kernel *fk, struct fk_ctx *ctx, void *arg)
{
	return fk_destroy(fk, ctx, ((const struct uapi_iommu_destroy *)arg)->id);
}

struct ioctl_row {
	unsigned long request;
	uint32_t size, min_size;
	int (*execute)(struct fake_kernel *fk, struct fk_ctx *ctx, void *arg);
};

static const struct ioctl_row ioctls[] = {
	{UAPI_IOMMU_DESTROY, 8, 8, destroy},
	{UAPI_IOMMU_IOAS_ALLOC, 12, 12, fk_ioas_alloc},
	{UAPI_IOMMU_IOAS_IOVA_RANGES, 32, 32, fk_ioas_ranges},
	{UAPI_IOMMU_IOAS_MAP, 40, 40, fk_ioas_map},
	{UAPI_IOMMU_IOAS_UNMAP, 24, 24, fk_ioas_unmap},
	{UAPI_IOMMU_HWPT_ALLOC, 48, 24, fk_hwpt_alloc},
	{UAPI_IOMMU_GET_HW_INFO, 40, 32, fk_hw_info},
	{UAPI_IOMMU_HWPT_INVALIDATE, sizeof(struct linux_hwpt_invalidate), 32, fk_invalidate},
	{UAPI_IOMMU_VIOMMU_ALLOC, 40, 24, fk_viommu_alloc},
	{UAPI_IOMMU_VDEVICE_ALLOC, 24, 24, fk_vdevice_alloc},
	{UAPI_IOMMU_VEVENTQ_ALLOC, 32, 28, fk_veventq_alloc},
	{UAPI_IOMMU_FAULT_QUEUE_ALLOC, 16, 16, fk_fault_alloc},
};

#define ARG_MAX 48

static bool known(const struct fake_kernel *fk, unsigned long request)
{
	if (request == UAPI_IOMMU_FAULT_QUEUE_ALLOC)
		return !fk->no_faultq;
	if (request == UAPI_IOMMU_VIOMMU_ALLOC || request == UAPI_IOMMU_VDEVICE_ALLOC)
		return !fk->no_viommu;
	return request != UAPI_IOMMU_VEVENTQ_ALLOC || (!fk->no_viommu && !fk->no_veventq);
}

static const struct ioctl_row *find_ioctl(const struct fake_kernel *fk, unsigned long request)
{
	for (size_t i = 0; i < sizeof(ioctls) / sizeof(ioctls[0]); i++) {
		if (ioctls[i].request == request)
			return known(fk, request) ? &ioctls[i] : NULL;
	}
	return NULL;
}

/* What the kernel knows of the struct: it has grown. */
static uint32_t known_size(const struct fake_kernel *fk, const struct ioctl_row *row)
{
	if (row->request == UAPI_IOMMU_HWPT_INVALIDATE && fk->behaviour != FK_LINUX_REPORT)
		return row->min_size;
	return row->request == UAPI_IOMMU_VIOMMU_ALLOC && fk->behaviour == FK_LINUX_6_13 ? 24 : row->size;
}

/* Does the kernel write the struct back? */
static bool responds(const struct ioctl_row *row, int ret)
{
	return !ret || row->execute == fk_invalidate || (row->execute == fk_ioas_ranges && ret == -EMSGSIZE);
}

static int iommufd_ioctl(struct fake_kernel *fk, struct fk_ctx *ctx, unsigned long request, void *arg)
{
	const struct ioctl_row *row = find_ioctl(fk, request);
	uint64_t copy[ARG_MAX / 8] = {0};
	uint32_t user_size, size;
	int ret;

	if (!row)
		return -ENOTTY;
	if (!arg)
		return -EFAULT;
	memcpy(&user_size, arg, sizeof(user_size));
	if (user_size < row->min_size)
		return -EINVAL;
	size = known_size(fk, row);
	for (uint32_t i = size; i < user_size; i++) {
		if (((const uint8_t *)arg)[i])
			return -E2BIG;
	}
	if (size > user_size)
		size = user_size;
	memcpy(copy, arg, size);
	ret = row->execute(fk, ctx, copy);
	if (responds(row, ret))
		memcpy(arg, copy, size);
	return ret;
}

/* --- Failures on demand ------------------------------------------------------------------------------------------- */

/* The call is counted. A negative errno: it fails now. */
static int fault(struct fake_kernel *fk, unsigned long request)
{
	uint64_t *of_kind = &fk->ioctls[request & 0xff];

	fk->calls++;
	if (request)
		++*of_kind;
	if (fk->before_call)
		fk->before_call(fk, fk->calls, request);
	for (int i = 0; i < FK_FAULTS; i++) {
		const struct fk_fault *f = &fk->faults[i];
		uint64_t n = f->request ? *of_kind : fk->calls;

		if ((!f->request || f->request == request) && n >= f->first && n - f->first < f->times)
			return f->err;
	}
	return 0;
}

/* --- struct viq_linux_sys ----------------------------------------------------------------------------------------- */

static int sys_open(void *opaque, const char *path, int flags)
{
	struct fake_kernel *fk = opaque;
	int ret;

	pthread_mutex_lock(&fk->lock);
	ret = fault(fk, 0);
	if (!ret)
		ret = open_path(fk, path);
	pthread_mutex_unlock(&fk->lock);
	return ret;
}

static int sys_close(void *opaque, int fd)
{
	struct fake_kernel *fk = opaque;
	struct fk_file *file;

	pthread_mutex_lock(&fk->lock);
	file = fk_file_find(fk, fd);
	if (file)
		fd_free(fk, file, fd);
	else
		fk->bad_handles++;
	pthread_mutex_unlock(&fk->lock);
	return file ? 0 : -EBADF;
}

static int sys_dup(void *opaque, int fd)
{
	struct fake_kernel *fk = opaque;
	struct fk_file *file;
	int ret;

	pthread_mutex_lock(&fk->lock);
	ret = fault(fk, 0);
	file = fk_file_find(fk, fd);
	if (!ret && !file) {
		fk->bad_handles++;
		ret = -EBADF;
	}
	if (!ret)
		ret = file->fd_count < FK_DUPS ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -EMFILE;
	if (ret >= 0)
		file->fds[file->fd_count++] = ret;
	pthread_mutex_unlock(&fk->lock);
	return ret;
}

static int file_ioctl(struct fake_kernel *fk, int fd, unsigned long request, void *arg)
{
	struct fk_file *file = fk_file_find(fk, fd);

	if (!file) {
		fk->bad_handles++;
		return -EBADF;
	}
	switch (file->type) {
	case FK_FILE_IOMMUFD:
		return iommufd_ioctl(fk, file->ctx, request, arg);
	case FK_FILE_CDEV:
		return fk_vfio_ioctl(fk, file, request, arg);
	case FK_FILE_VEVENTQ:
	case FK_FILE_FAULTQ:
		break;
	}
	return -ENOTTY;
}

static int sys_ioctl(void *opaque, int fd, unsigned long request, void *arg)
{
	struct fake_kernel *fk = opaque;
	int ret;

	pthread_mutex_lock(&fk->lock);
	ret = fault(fk, request);
	if (!ret)
		ret = file_ioctl(fk, fd, request, arg);
	pthread_mutex_unlock(&fk->lock);
	return ret;
}

static int64_t file_read(struct fake_kernel *fk, int fd, void *buf, size_t len)
{
	struct fk_file *file = fk_file_find(fk, fd);

	if (!file) {
		fk->bad_handles++;
		return -EBADF;
	}
	if (file->type == FK_FILE_FAULTQ)
		return file->queue ? fk_faultq_read(fk, file->queue, buf, len) : -ENODEV;
	if (file->type != FK_FILE_VEVENTQ)
		return -EINVAL;
	return file->queue ? fk_veventq_read(file->queue, buf, len) : -ENODEV;
}

static int64_t sys_read(void *opaque, int fd, void *buf, size_t len)
{
	struct fake_kernel *fk = opaque;
	int64_t ret;

	pthread_mutex_lock(&fk->lock);
	ret = fault(fk, 0);
	if (!ret)
		ret = file_read(fk, fd, buf, len);
	pthread_mutex_unlock(&fk->lock);
	return ret;
}

static int64_t file_write(struct fake_kernel *fk, int fd, const void *buf, size_t len)
{
	struct fk_file *file = fk_file_find(fk, fd);

	if (!file) {
		fk->bad_handles++;
		return -EBADF;
	}
	if (file->type != FK_FILE_FAULTQ)
		return -EINVAL;
	return file->queue ? fk_faultq_write(fk, file->queue, buf, len) : -ENODEV;
}

static int64_t sys_write(void *opaque, int fd, const void *buf, size_t len)
{
	struct fake_kernel *fk = opaque;
	int64_t ret;

	pthread_mutex_lock(&fk->lock);
	ret = fault(fk, 0);
	if (!ret)
		ret = file_write(fk, fd, buf, len);
	pthread_mutex_unlock(&fk->lock);
	return ret;
}

/* Not counted: the kernel's answer cannot be had again, and every failure means the same. */
static int sys_group(void *opaque, int cdev, uint32_t *group)
{
	struct fake_kernel *fk = opaque;
	const struct fk_file *file;
	int ret = -ENOENT;

	pthread_mutex_lock(&fk->lock);
	file = fk_file_find(fk, cdev);
	if (!file)
		fk->bad_handles++;
	else if (file->type == FK_FILE_CDEV && fk->devices[file->device].group) {
		*group = fk->devices[file->device].group;
		ret = 0;
	}
	pthread_mutex_unlock(&fk->lock);
	return ret;
}

const struct viq_linux_sys *fake_kernel_sys(void)
{
	static const struct viq_linux_sys sys = {
		.size = sizeof(sys),
		.open = sys_open,
		.close = sys_close,
		.ioctl = sys_ioctl,
		.read = sys_read,
		.group = sys_group,
		.dup = sys_dup,
		.write = sys_write,
	};

	return &sys;
}

/* --- For tests ---------------------------------------------------------------------------------------------------- */

static const struct fk_smmu default_smmu = {
	.type = VIQ_LINUX_HW_SMMUV3,
	.idr = {VIQ_SMMUV3_IDR0_S2P | VIQ_SMMUV3_IDR0_S1P | 2 << 2 | VIQ_SMMUV3_IDR0_COHACC | 2 << 6 |
			VIQ_SMMUV3_IDR0_ATS | VIQ_SMMUV3_IDR0_ASID16 | VIQ_SMMUV3_IDR0_MSI | VIQ_SMMUV3_IDR0_SEV |
			VIQ_SMMUV3_IDR0_VMID16 | VIQ_SMMUV3_IDR0_CD2L | 2 << 21 | VIQ_SMMUV3_IDR0_TERM_MODEL | 1 << 27,
		16 | 20 << 6 | 19 << 16 | 19 << 21, 0, VIQ_SMMUV3_IDR3_HAD | VIQ_SMMUV3_IDR3_XNX | VIQ_SMMUV3_IDR3_RIL,
		0, 5 | VIQ_SMMUV3_IDR5_GRAN4K | VIQ_SMMUV3_IDR5_GRAN16K | VIQ_SMMUV3_IDR5_GRAN64K},
	.iidr = 0x43b,
	.aidr = 2,
};

struct fake_kernel *fake_kernel_new(void)
{
	struct fake_kernel *fk = calloc(1, sizeof(*fk));
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE); /* for what the hooks call */
	pthread_mutex_init(&fk->lock, &attr);
	pthread_mutexattr_destroy(&attr);
	fk->behaviour = FK_LINUX_7_3;
	fk->reserved_first = 0x8000000;
	fk->reserved_last = 0x80fffff;
	for (int i = 0; i < FK_SMMUS; i++)
		fk->smmus[i] = default_smmu;
	for (int i = 0; i < FK_DEVICES; i++)
		fk->devices[i] = (struct fk_device){.coherent = true, .streams = 1, .fd = -1};
	return fk;
}

struct fake_kernel *fake_kernel_new_vtd(void)
{
	struct fake_kernel *fk = fake_kernel_new();

	fk->reserved_first = VIQ_VTD_MSI_FIRST;
	fk->reserved_last = VIQ_VTD_MSI_LAST;
	for (int i = 0; i < FK_SMMUS; i++) {
		fk->smmus[i] = (struct fk_smmu){
			.type = VIQ_LINUX_HW_VTD,
			.flags = 1, /* the erratum */
			.cap = VIQ_PUT(VIQ_VTD_CAP_ND, 6) | VIQ_PUT(VIQ_VTD_CAP_SAGAW, 4 | 8) |
			       VIQ_PUT(VIQ_VTD_CAP_MGAW, 56) | VIQ_VTD_CAP_PSI | VIQ_PUT(VIQ_VTD_CAP_MAMV, 18) |
			       VIQ_VTD_CAP_DWD | VIQ_VTD_CAP_DRD | VIQ_VTD_CAP_FS1GP | VIQ_VTD_CAP_FS5LP,
			.ecap = VIQ_VTD_ECAP_C | VIQ_VTD_ECAP_QI | VIQ_VTD_ECAP_DT | VIQ_VTD_ECAP_PT | VIQ_VTD_ECAP_SC |
				VIQ_VTD_ECAP_NEST | VIQ_VTD_ECAP_SRS | VIQ_VTD_ECAP_EAFS |
				VIQ_PUT(VIQ_VTD_ECAP_PSS, 19) | VIQ_VTD_ECAP_PASID | VIQ_VTD_ECAP_SMTS |
				VIQ_VTD_ECAP_SSTS | VIQ_VTD_ECAP_FSTS | VIQ_VTD_ECAP_SMPWCS | VIQ_VTD_ECAP_NWFS |
				VIQ_VTD_ECAP_PRS,
		};
	}
	for (int i = 0; i < FK_DEVICES; i++)
		fk->devices[i].max_pasid_log2 = 20;
	return fk;
}

void fake_kernel_free(struct fake_kernel *fk)
{
	if (!fk)
		return;
	while (fk->files)
		file_free(fk, fk->files);
	pthread_mutex_destroy(&fk->lock);
	free(fk->effects);
	free(fk);
}

struct viq_linux *fake_kernel_open(struct fake_kernel *fk)
{
	struct viq_linux_config config;
	struct viq_linux *ctx;

	viq_linux_config_init(&config, sizeof(config));
	config.sys = fake_kernel_sys();
	config.sys_opaque = fk;
	if (viq_linux_open(&config, &ctx, NULL))
		abort();
	/* What the library asks then is no invalidation. */
	fk->inv_calls = fk->ioctls[UAPI_IOMMU_HWPT_INVALIDATE & 0xff] = 0;
	return ctx;
}

int fake_kernel_cdev(struct fake_kernel *fk, uint32_t device)
{
	int fd;

	pthread_mutex_lock(&fk->lock);
	fd = open_cdev(fk, device);
	pthread_mutex_unlock(&fk->lock);
	return fd;
}

void fake_kernel_cdev_close(struct fake_kernel *fk, uint32_t device)
{
	sys_close(fk, fk->devices[device].fd);
}

/* The first iommufd. */
static struct fk_ctx *first_ctx(const struct fake_kernel *fk)
{
	struct fk_ctx *ctx = NULL;

	for (struct fk_file *file = fk->files; file; file = file->next) {
		if (file->type == FK_FILE_IOMMUFD)
			ctx = file->ctx;
	}
	return ctx;
}

int fake_kernel_destroy(struct fake_kernel *fk, uint32_t id)
{
	struct fk_ctx *ctx;
	int ret = -ENOENT;

	pthread_mutex_lock(&fk->lock);
	ctx = first_ctx(fk);
	if (ctx)
		ret = fk_destroy(fk, ctx, id);
	pthread_mutex_unlock(&fk->lock);
	return ret;
}

/* Each context once: files of one context may be several. */
static bool first_of_ctx(const struct fake_kernel *fk, const struct fk_file *file)
{
	for (const struct fk_file *f = fk->files; f != file; f = f->next) {
		if (f->ctx == file->ctx)
			return false;
	}
	return file->ctx;
}

size_t fake_kernel_objects(const struct fake_kernel *fk)
{
	size_t n = 0;

	for (const struct fk_file *file = fk->files; file; file = file->next) {
		if (!first_of_ctx(fk, file))
			continue;
		for (const struct fk_object *o = file->ctx->objects; o; o = o->next)
			n++;
	}
	return n;
}

size_t fake_kernel_files(const struct fake_kernel *fk)
{
	size_t n = 0;

	for (const struct fk_file *file = fk->files; file; file = file->next)
		n += file->fd_count;
	return n;
}

size_t fake_kernel_leaks(const struct fake_kernel *fk)
{
	static const char *const names[] = {"iommufd", "vfio device", "event queue"};

	for (const struct fk_file *file = fk->files; file; file = file->next) {
		fprintf(stderr, "left: file %d (%s)\n", file->fds[0], names[file->type]);
		if (!first_of_ctx(fk, file))
			continue;
		for (const struct fk_object *o = file->ctx->objects; o; o = o->next)
			fprintf(stderr, "left: object %u (%s), %u users\n", o->id, fk_type_name(o->type), o->users);
	}
	return fake_kernel_files(fk) + fake_kernel_objects(fk);
}

void fake_kernel_reset(struct fake_kernel *fk)
{
	memset(fk->faults, 0, sizeof(fk->faults));
	memset(fk->plans, 0, sizeof(fk->plans));
	memset(fk->ioctls, 0, sizeof(fk->ioctls));
	fk->inv_fault = (struct fk_inv_fault){0};
	fk->memory = 0;
	fk->before_call = NULL;
	fk->before_entry = NULL;
	fk->calls = fk->inv_calls = fk->entries = fk->wedged = fk->swallowed = fk->bad_handles = 0;
	fk->longest = 0;
	fk->effect_count = 0;
}
