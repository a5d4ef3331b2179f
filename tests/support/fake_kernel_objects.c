/* SPDX-License-Identifier: MIT */
/* The fake kernel's objects: how they are made, what pins them, how they go. */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include <viq/smmuv3_spec.h>

#include "fake_kernel_inside.h"

#define PAGE            4096
#define ID_MAX          INT32_MAX
#define VEVENTQ_MAX     (1u << 19)
#define STE_0_ALLOWED   UINT64_C(0xf80fffffffffffff)
#define STE_1_ALLOWED   UINT64_C(0x00000000380000ff)
#define HWPT_FLAGS      0xfu /* NEST_PARENT, DIRTY_TRACKING, FAULT_ID_VALID, PASID */
#define HWPT_FAULT_ID   (1u << 2)
#define HW_INFO_IN_TYPE (1u << 0)

const char *fk_type_name(enum fk_type type)
{
	static const char *const names[] = {
		[FK_IOAS] = "IOAS",       [FK_HWPT] = "HWPT",       [FK_NESTED] = "nested HWPT", [FK_VIOMMU] = "vIOMMU",
		[FK_VDEVICE] = "vDEVICE", [FK_VEVENTQ] = "vEVENTQ", [FK_DEVICE] = "device",
	};

	return names[type];
}

/* --- Ids ---------------------------------------------------------------------------------------------------------- */

struct fk_object *fk_find(struct fk_ctx *ctx, uint32_t id)
{
	struct fk_object *o = ctx->objects;

	while (o && o->id != id)
		o = o->next;
	return o;
}

struct fk_object *fk_get(struct fk_ctx *ctx, uint32_t id, enum fk_type type)
{
	struct fk_object *o = fk_find(ctx, id);

	return o && o->type == type ? o : NULL;
}

struct fk_object *fk_device_object(struct fk_ctx *ctx, uint32_t device)
{
	for (struct fk_object *o = ctx->objects; o; o = o->next) {
		if (o->type == FK_DEVICE && o->device.device == device)
			return o;
	}
	return NULL;
}

static bool is_tomb(const struct fk_ctx *ctx, uint32_t id)
{
	for (uint32_t i = 0; i < ctx->tomb_count; i++) {
		if (ctx->tombs[i] == id)
			return true;
	}
	return false;
}

/* The lowest free id, as Linux gives it. */
struct fk_object *fk_object_new(struct fk_ctx *ctx, enum fk_type type)
{
	struct fk_object **link = &ctx->objects, *o = calloc(1, sizeof(*o));
	uint32_t id = 1;

	o->type = type;
	while ((*link && (*link)->id == id) || is_tomb(ctx, id)) {
		if (*link && (*link)->id == id)
			link = &(*link)->next;
		id++;
	}
	o->id = id;
	o->next = *link;
	*link = o;
	return o;
}

static void free_mappings(struct fk_mapping *m)
{
	while (m) {
		struct fk_mapping *next = m->next;

		free(m);
		m = next;
	}
}

static void free_events(struct fk_queued_event *e)
{
	while (e) {
		struct fk_queued_event *next = e->next;

		free(e);
		e = next;
	}
}

static void vdevice_gone(struct fk_ctx *ctx, struct fk_object *o)
{
	struct fk_object *device = fk_device_object(ctx, o->vdevice.device);

	o->vdevice.viommu->users--;
	if (device && device->device.vdevice == o)
		device->device.vdevice = NULL;
}

/* Give back what the object holds. Its own users have gone. */
static void release(struct fk_ctx *ctx, struct fk_object *o)
{
	switch (o->type) {
	case FK_IOAS:
		free_mappings(o->ioas.mappings);
		break;
	case FK_HWPT:
		o->hwpt.ioas->users--;
		break;
	case FK_NESTED:
		o->nested.viommu->users--;
		break;
	case FK_VIOMMU:
		o->viommu.hwpt->users--;
		break;
	case FK_VDEVICE:
		vdevice_gone(ctx, o);
		break;
	case FK_VEVENTQ:
		o->veventq.viommu->users--;
		free_events(o->veventq.events);
		if (o->veventq.file)
			o->veventq.file->queue = NULL;
		break;
	case FK_DEVICE:
		break;
	}
}

void fk_object_free(struct fake_kernel *fk, struct fk_ctx *ctx, struct fk_object *object)
{
	struct fk_object **link = &ctx->objects;

	while (*link != object)
		link = &(*link)->next;
	*link = object->next;
	release(ctx, object);
	free(object);
}

int fk_destroy(struct fake_kernel *fk, struct fk_ctx *ctx, uint32_t id)
{
	struct fk_object *o = fk_find(ctx, id);

	if (!o)
		return -ENOENT;
	if (o->users)
		return -EBUSY;
	fk_object_free(fk, ctx, o);
	return 0;
}

/* The last reference is gone: leaves first. */
void fk_ctx_put(struct fake_kernel *fk, struct fk_ctx *ctx)
{
	if (--ctx->refs)
		return;
	while (ctx->objects) {
		struct fk_object *o = ctx->objects;

		while (o->users)
			o = o->next;
		fk_object_free(fk, ctx, o);
	}
	free(ctx);
}

static bool built_on(const struct fk_object *o, const struct fk_object *base)
{
	switch (o->type) {
	case FK_HWPT:
		return o->hwpt.ioas == base;
	case FK_NESTED:
		return o->nested.viommu == base;
	case FK_VIOMMU:
		return o->viommu.hwpt == base;
	case FK_VDEVICE:
		return o->vdevice.viommu == base;
	case FK_VEVENTQ:
		return o->veventq.viommu == base;
	case FK_IOAS:
	case FK_DEVICE:
		break;
	}
	return false;
}

static void lose(struct fake_kernel *fk, struct fk_ctx *ctx, struct fk_object *base)
{
	struct fk_object *o = ctx->objects;

	while (o) {
		if (built_on(o, base)) {
			lose(fk, ctx, o);
			o = ctx->objects;
		} else {
			if (o->type == FK_DEVICE && o->device.attached == base)
				fk_detach(fk, ctx, o);
			o = o->next;
		}
	}
	fk_object_free(fk, ctx, base);
}

void fake_kernel_lose(struct fake_kernel *fk, uint32_t id)
{
	struct fk_object *o = NULL;

	pthread_mutex_lock(&fk->lock);
	for (struct fk_file *file = fk->files; file && !o; file = file->next) {
		if (!file->ctx)
			continue;
		o = fk_find(file->ctx, id);
		if (o && o->type != FK_DEVICE)
			lose(fk, file->ctx, o);
	}
	pthread_mutex_unlock(&fk->lock);
}

/* --- IOAS --------------------------------------------------------------------------------------------------------- */

int fk_ioas_alloc(struct fake_kernel *fk, struct fk_ctx *ctx, void *arg)
{
	struct uapi_iommu_ioas_alloc *cmd = arg;

	if (cmd->flags)
		return -EOPNOTSUPP;
	cmd->out_ioas_id = fk_object_new(ctx, FK_IOAS)->id;
	return 0;
}

static const struct fk_object *ioas_of(const struct fk_object *pt)
{
	if (pt->type == FK_NESTED)
		pt = pt->nested.viommu->viommu.hwpt;
	return pt->hwpt.ioas;
}

bool fk_reserved(struct fk_ctx *ctx, const struct fk_object *ioas)
{
	for (const struct fk_object *o = ctx->objects; o; o = o->next) {
		if (o->type == FK_DEVICE && o->device.attached && ioas_of(o->device.attached) == ioas)
			return true;
	}
	return false;
}

static const struct fk_mapping *overlap(const struct fk_object *ioas, uint64_t first, uint64_t last)
{
	const struct fk_mapping *m = ioas->ioas.mappings;

	while (m && (m->last < first || m->first > last))
		m = m->next;
	return m;
}

bool fk_reservable(const struct fake_kernel *fk, const struct fk_object *ioas)
{
	return fk->reserved_last < fk->reserved_first || !overlap(ioas, fk->reserved_first, fk->reserved_last);
}

int fk_ioas_ranges(struct fake_kernel *fk, struct fk_ctx *ctx, void *arg)
{
	struct uapi_iommu_ioas_iova_ranges *cmd = arg;
	struct uapi_iommu_iova_range all[2] = {{0, UINT64_MAX}}, *user = (void *)(uintptr_t)cmd->allowed_iovas;
	const struct fk_object *ioas;
	uint32_t count = 1, room = cmd->num_iovas;

	if (cmd->__reserved)
		return -EOPNOTSUPP;
	ioas = fk_get(ctx, cmd->ioas_id, FK_IOAS);
	if (!ioas)
		return -ENOENT;
	if (fk->reserved_last >= fk->reserved_first && fk_reserved(ctx, ioas)) {
		all[0].last = fk->reserved_first - 1;
		all[count++] = (struct uapi_iommu_iova_range){fk->reserved_last + 1, UINT64_MAX};
	}
	for (uint32_t i = 0; i < count && i < room; i++)
		user[i] = all[i];
	cmd->num_iovas = count;
	cmd->out_iova_alignment = PAGE;
	return count > room ? -EMSGSIZE : 0;
}

int fk_ioas_map(struct fake_kernel *fk, struct fk_ctx *ctx, void *arg)
{
	struct uapi_iommu_ioas_map *cmd = arg;
	struct fk_object *ioas;
	struct fk_mapping *m;
	uint64_t last;

	if (cmd->flags & ~7u || cmd->__reserved)
		return -EOPNOTSUPP;
	if (cmd->iova == UINT64_MAX || cmd->length == UINT64_MAX)
		return -EOVERFLOW;
	if (!(cmd->flags & (UAPI_IOMMU_IOAS_MAP_READABLE | UAPI_IOMMU_IOAS_MAP_WRITEABLE)))
		return -EINVAL;
	ioas = fk_get(ctx, cmd->ioas_id, FK_IOAS);
	if (!ioas)
		return -ENOENT;
	/* Without FIXED_IOVA Linux chooses the address, which nobody here asks for. */
	if (!(cmd->flags & UAPI_IOMMU_IOAS_MAP_FIXED_IOVA) || !cmd->length ||
	    (cmd->iova | cmd->length | cmd->user_va) % PAGE)
		return -EINVAL;
	if (__builtin_add_overflow(cmd->iova, cmd->length - 1, &last))
		return -EOVERFLOW;
	if (fk_reserved(ctx, ioas) && cmd->iova <= fk->reserved_last && last >= fk->reserved_first)
		return -EINVAL;
	if (overlap(ioas, cmd->iova, last))
		return -EEXIST;
	m = calloc(1, sizeof(*m));
	*m = (struct fk_mapping){cmd->iova, last, ioas->ioas.mappings};
	ioas->ioas.mappings = m;
	return 0;
}

/* Everything in the range, which must not cut a mapping. */
static int unmap(struct fk_object *ioas, uint64_t first, uint64_t last, uint64_t *bytes)
{
	struct fk_mapping **link = &ioas->ioas.mappings;

	for (const struct fk_mapping *m = ioas->ioas.mappings; m; m = m->next) {
		if (m->last >= first && m->first <= last && (m->first < first || m->last > last))
			return -ENOENT;
	}
	while (*link) {
		struct fk_mapping *m = *link;

		if (m->first < first || m->last > last) {
			link = &m->next;
			continue;
		}
		*bytes += m->last - m->first + 1;
		*link = m->next;
		free(m);
	}
	return 0;
}

int fk_ioas_unmap(struct fake_kernel *fk, struct fk_ctx *ctx, void *arg)
{
	struct uapi_iommu_ioas_unmap *cmd = arg;
	struct fk_object *ioas = fk_get(ctx, cmd->ioas_id, FK_IOAS);
	uint64_t last, bytes = 0;
	bool all = !cmd->iova && cmd->length == UINT64_MAX;
	int ret;

	if (!ioas)
		return -ENOENT;
	if (!all && !cmd->length)
		return -EINVAL;
	if (!all && (cmd->iova == UINT64_MAX || cmd->length == UINT64_MAX ||
		     __builtin_add_overflow(cmd->iova, cmd->length - 1, &last)))
		return -EOVERFLOW;
	ret = unmap(ioas, cmd->iova, all ? UINT64_MAX : last, &bytes);
	if (ret)
		return ret;
	if (!bytes && !all)
		return -ENOENT;
	cmd->length = bytes;
	return 0;
}

/* --- GET_HW_INFO -------------------------------------------------------------------------------------------------- */

int fk_hw_info(struct fake_kernel *fk, struct fk_ctx *ctx, void *arg)
{
	struct uapi_iommu_hw_info *cmd = arg;
	struct uapi_iommu_hw_info_arm_smmuv3 regs = {0};
	const struct fk_object *o;
	const struct fk_device *device;
	const struct fk_smmu *smmu;
	uint32_t len = sizeof(regs);

	if (cmd->flags & ~HW_INFO_IN_TYPE || cmd->__reserved[0] || cmd->__reserved[1] || cmd->__reserved[2])
		return -EOPNOTSUPP;
	o = fk_get(ctx, cmd->dev_id, FK_DEVICE);
	if (!o)
		return -ENOENT;
	device = &fk->devices[o->device.device];
	smmu = &fk->smmus[device->smmu];
	if (smmu->type == VIQ_LINUX_HW_NONE)
		len = 0;
	regs.flags = smmu->flags;
	memcpy(regs.idr, smmu->idr, sizeof(regs.idr));
	regs.iidr = smmu->iidr;
	regs.aidr = smmu->aidr;
	if (cmd->data_len) {
		uint8_t *user = (void *)(uintptr_t)cmd->data_uptr;
		uint32_t n = cmd->data_len < len ? cmd->data_len : len;

		if (!user)
			return -EFAULT;
		memcpy(user, &regs, n);
		memset(user + n, 0, cmd->data_len - n);
	}
	cmd->data_len = len;
	cmd->out_data_type = smmu->type;
	cmd->out_max_pasid_log2 = (uint8_t)device->max_pasid_log2;
	cmd->out_capabilities = device->capabilities;
	return 0;
}

/* --- Page tables -------------------------------------------------------------------------------------------------- */

static int paging_alloc(struct fake_kernel *fk, struct fk_ctx *ctx, const struct fk_object *device,
			struct fk_object *ioas, struct uapi_iommu_hwpt_alloc *cmd)
{
	const struct fk_device *dev = &fk->devices[device->device.device];
	const struct fk_smmu *smmu = &fk->smmus[dev->smmu];
	bool parent = cmd->flags & UAPI_IOMMU_HWPT_ALLOC_NEST_PARENT;
	struct fk_object *o;

	if (cmd->flags & ~HWPT_FLAGS || cmd->data_len)
		return -EOPNOTSUPP;
	if (cmd->flags & UAPI_IOMMU_HWPT_ALLOC_DIRTY_TRACKING && !(dev->capabilities & VIQ_LINUX_CAP_DIRTY_TRACKING))
		return -EOPNOTSUPP;
	if (parent && (cmd->flags & HWPT_FAULT_ID || smmu->type != VIQ_LINUX_HW_SMMUV3 ||
		       !(smmu->idr[0] & VIQ_SMMUV3_IDR0_S2P) || !(smmu->idr[0] & VIQ_SMMUV3_IDR0_S1P)))
		return -EOPNOTSUPP;
	o = fk_object_new(ctx, FK_HWPT);
	o->hwpt.ioas = ioas;
	o->hwpt.smmu = dev->smmu;
	o->hwpt.parent = parent;
	ioas->users++;
	cmd->out_hwpt_id = o->id;
	return 0;
}

/* As arm_smmu_validate_vste(). */
static int validate_ste(uint64_t ste[2], bool *ats)
{
	uint64_t config = VIQ_GET(VIQ_SMMUV3_STE_0_CONFIG, ste[0]);
	uint64_t eats = VIQ_GET(VIQ_SMMUV3_STE_1_EATS, ste[1]);

	*ats = false;
	if (!(ste[0] & VIQ_SMMUV3_STE_0_V)) {
		ste[0] = ste[1] = 0;
		return 0;
	}
	if (ste[0] & ~STE_0_ALLOWED || ste[1] & ~STE_1_ALLOWED)
		return -EIO;
	if (config != VIQ_SMMUV3_STE_CONFIG_ABORT && config != VIQ_SMMUV3_STE_CONFIG_BYPASS &&
	    config != VIQ_SMMUV3_STE_CONFIG_S1)
		return -EIO;
	if (eats > 1)
		return -EIO;
	*ats = eats && config == VIQ_SMMUV3_STE_CONFIG_S1;
	return 0;
}

static int nested_alloc(struct fake_kernel *fk, struct fk_ctx *ctx, const struct fk_object *device,
			struct fk_object *viommu, struct uapi_iommu_hwpt_alloc *cmd)
{
	const struct uapi_iommu_hwpt_arm_smmuv3 *data = (const void *)(uintptr_t)cmd->data_uptr;
	uint64_t ste[2];
	struct fk_object *o;
	bool ats;
	int ret;

	if (viommu->viommu.smmu != fk->devices[device->device.device].smmu)
		return -EINVAL;
	if (cmd->flags || !cmd->data_len)
		return -EOPNOTSUPP;
	if (cmd->data_type != UAPI_IOMMU_HWPT_DATA_ARM_SMMUV3 || cmd->data_len != sizeof(*data))
		return -EINVAL;
	if (!data)
		return -EFAULT;
	ste[0] = le64toh(data->ste[0]);
	ste[1] = le64toh(data->ste[1]);
	ret = validate_ste(ste, &ats);
	if (ret)
		return ret;
	o = fk_object_new(ctx, FK_NESTED);
	o->nested.viommu = viommu;
	o->nested.ats = ats;
	memcpy(o->nested.ste, ste, sizeof(ste));
	viommu->users++;
	cmd->out_hwpt_id = o->id;
	return 0;
}

int fk_hwpt_alloc(struct fake_kernel *fk, struct fk_ctx *ctx, void *arg)
{
	struct uapi_iommu_hwpt_alloc *cmd = arg;
	struct fk_object *device, *pt;

	if (cmd->__reserved)
		return -EOPNOTSUPP;
	if ((cmd->data_type == UAPI_IOMMU_HWPT_DATA_NONE) != !cmd->data_len)
		return -EINVAL;
	device = fk_get(ctx, cmd->dev_id, FK_DEVICE);
	if (!device)
		return -ENOENT;
	pt = fk_find(ctx, cmd->pt_id);
	if (pt && pt->type == FK_IOAS)
		return paging_alloc(fk, ctx, device, pt, cmd);
	if (pt && pt->type == FK_VIOMMU)
		return nested_alloc(fk, ctx, device, pt, cmd);
	/* Nesting on a HWPT is VT-d's way, which the SMMUv3 driver has not. */
	return pt && pt->type == FK_HWPT ? -EOPNOTSUPP : -EINVAL;
}

/* --- vIOMMU, vDEVICE ---------------------------------------------------------------------------------------------- */

static bool can_nest(const struct fk_smmu *smmu, const struct fk_device *device)
{
	return smmu->type == VIQ_LINUX_HW_SMMUV3 && smmu->idr[0] & VIQ_SMMUV3_IDR0_S1P &&
	       smmu->idr[0] & VIQ_SMMUV3_IDR0_S2P && (device->coherent || smmu->idr[3] & VIQ_SMMUV3_IDR3_FWB);
}

int fk_viommu_alloc(struct fake_kernel *fk, struct fk_ctx *ctx, void *arg)
{
	struct uapi_iommu_viommu_alloc *cmd = arg;
	const struct fk_device *dev;
	struct fk_object *device, *hwpt, *o;

	if (cmd->flags || !cmd->type)
		return -EOPNOTSUPP;
	device = fk_get(ctx, cmd->dev_id, FK_DEVICE);
	if (!device)
		return -ENOENT;
	dev = &fk->devices[device->device.device];
	if (!can_nest(&fk->smmus[dev->smmu], dev) || cmd->type != UAPI_IOMMU_VIOMMU_TYPE_ARM_SMMUV3)
		return -EOPNOTSUPP;
	hwpt = fk_get(ctx, cmd->hwpt_id, FK_HWPT);
	if (!hwpt)
		return -ENOENT;
	if (!hwpt->hwpt.parent || hwpt->hwpt.smmu != dev->smmu)
		return -EINVAL;
	o = fk_object_new(ctx, FK_VIOMMU);
	o->viommu.hwpt = hwpt;
	o->viommu.smmu = dev->smmu;
	hwpt->users++;
	cmd->out_viommu_id = o->id;
	return 0;
}

static bool vsid_used(const struct fk_ctx *ctx, const struct fk_object *viommu, uint64_t vsid)
{
	for (const struct fk_object *o = ctx->objects; o; o = o->next) {
		if (o->type == FK_VDEVICE && o->vdevice.viommu == viommu && o->vdevice.vsid == vsid)
			return true;
	}
	return false;
}

int fk_vdevice_alloc(struct fake_kernel *fk, struct fk_ctx *ctx, void *arg)
{
	struct uapi_iommu_vdevice_alloc *cmd = arg;
	struct fk_object *viommu, *device, *o;

	viommu = fk_get(ctx, cmd->viommu_id, FK_VIOMMU);
	if (!viommu)
		return -ENOENT;
	device = fk_get(ctx, cmd->dev_id, FK_DEVICE);
	if (!device)
		return -ENOENT;
	if (fk->devices[device->device.device].smmu != viommu->viommu.smmu)
		return -EINVAL;
	if (device->device.vdevice || vsid_used(ctx, viommu, cmd->virt_id))
		return -EEXIST;
	if (fk->devices[device->device.device].streams != 1)
		return -EOPNOTSUPP;
	o = fk_object_new(ctx, FK_VDEVICE);
	o->vdevice.viommu = viommu;
	o->vdevice.device = device->device.device;
	o->vdevice.vsid = cmd->virt_id;
	viommu->users++;
	device->device.vdevice = o;
	cmd->out_vdevice_id = o->id;
	return 0;
}

/* --- Events ------------------------------------------------------------------------------------------------------- */

static struct fk_object *queue_of(struct fk_ctx *ctx, const struct fk_object *viommu)
{
	for (struct fk_object *o = ctx->objects; o; o = o->next) {
		if (o->type == FK_VEVENTQ && o->veventq.viommu == viommu)
			return o;
	}
	return NULL;
}

int fk_veventq_alloc(struct fake_kernel *fk, struct fk_ctx *ctx, void *arg)
{
	struct uapi_iommu_veventq_alloc *cmd = arg;
	struct fk_object *viommu, *o;

	if (cmd->flags || cmd->__reserved || cmd->type != UAPI_IOMMU_VEVENTQ_TYPE_ARM_SMMUV3)
		return -EOPNOTSUPP;
	if (!cmd->veventq_depth || cmd->veventq_depth > VEVENTQ_MAX)
		return -EINVAL;
	viommu = fk_get(ctx, cmd->viommu_id, FK_VIOMMU);
	if (!viommu)
		return -ENOENT;
	if (queue_of(ctx, viommu))
		return -EEXIST;
	o = fk_object_new(ctx, FK_VEVENTQ);
	o->veventq.viommu = viommu;
	o->veventq.depth = cmd->veventq_depth;
	o->veventq.file = fk_file_new(fk, FK_FILE_VEVENTQ, ctx);
	o->veventq.file->queue = o;
	o->users++; /* the file */
	viommu->users++;
	cmd->out_veventq_id = o->id;
	cmd->out_veventq_fd = (uint32_t)o->veventq.file->fd;
	return 0;
}

#define LOST(e) ((e)->header.flags & UAPI_IOMMU_VEVENTQ_FLAG_LOST_EVENTS)

/*
 * Behind the last one. A note of losses stands at the end only: the next event or note takes its place, and then a gap
 * in the sequence is all that tells of the losses. record NULL: a note.
 */
static void put_event(struct fk_object *q, const uint64_t *record, uint64_t vsid)
{
	struct fk_queued_event **link = &q->veventq.events, *e = calloc(1, sizeof(*e));

	while (*link && (*link)->next)
		link = &(*link)->next;
	if (*link && LOST(*link)) {
		free(*link);
		*link = NULL;
	}
	while (*link)
		link = &(*link)->next;
	*link = e;
	e->header.sequence = q->veventq.sequence;
	q->veventq.sequence = (q->veventq.sequence + 1) & INT32_MAX;
	if (!record) {
		e->header.flags = UAPI_IOMMU_VEVENTQ_FLAG_LOST_EVENTS;
	} else {
		q->veventq.count++;
		e->data.evt[0] = htole64((record[0] & ~VIQ_SMMUV3_EVT_0_SID) | VIQ_PUT(VIQ_SMMUV3_EVT_0_SID, vsid));
		for (int i = 1; i < 4; i++)
			e->data.evt[i] = htole64(record[i]);
	}
	eventfd_write(q->veventq.file->fd, 1);
}

static int record_event(struct fake_kernel *fk, uint32_t device, const uint64_t *record)
{
	struct fk_object *o = NULL, *q;

	for (struct fk_file *file = fk->files; file && !o; file = file->next)
		o = file->ctx ? fk_device_object(file->ctx, device) : NULL;
	for (struct fk_file *file = fk->files; o && file; file = file->next) {
		if (!file->ctx || fk_device_object(file->ctx, device) != o)
			continue;
		if (!o->device.vmaster)
			return -ENOENT;
		q = queue_of(file->ctx, o->device.vmaster);
		if (!q || !q->veventq.file)
			return -EOPNOTSUPP;
		put_event(q, q->veventq.count == q->veventq.depth ? NULL : record, o->device.vsid);
		return 0;
	}
	return -ENOENT;
}

int fake_kernel_event(struct fake_kernel *fk, uint32_t device, const uint64_t record[4])
{
	int ret;

	pthread_mutex_lock(&fk->lock);
	ret = record_event(fk, device, record);
	pthread_mutex_unlock(&fk->lock);
	return ret;
}

int fake_kernel_lose_event(struct fake_kernel *fk, uint32_t device)
{
	return fake_kernel_event(fk, device, NULL);
}

int64_t fk_veventq_read(struct fk_object *queue, void *buf, size_t len)
{
	struct fk_queued_event *e;
	size_t done = 0;
	eventfd_t n;

	if (len < sizeof(e->header))
		return -EINVAL;
	while ((e = queue->veventq.events)) {
		size_t size = LOST(e) ? sizeof(e->header) : sizeof(e->header) + sizeof(e->data);

		if (size > len - done)
			return done || len - done < sizeof(e->header) ? (int64_t)done : -EINVAL;
		memcpy((char *)buf + done, &e->header, sizeof(e->header));
		memcpy((char *)buf + done + sizeof(e->header), &e->data, size - sizeof(e->header));
		done += size;
		queue->veventq.count -= !LOST(e);
		queue->veventq.events = e->next;
		free(e);
	}
	eventfd_read(queue->veventq.file->fd, &n);
	return (int64_t)done;
}
