/* SPDX-License-Identifier: MIT */
/* The system calls. */
#include <errno.h>

#include <viq/smmuv3_spec.h>
#include <viq/vtd_spec.h>

#include "support/test.h"
#include "host/linux/iommufd/uapi.h"
#include "kernel_inside.h"

/* --- Calls -------------------------------------------------------------------------------------------------------- */

static int hwpt_alloc(struct kernel *k, const struct kernel_lie *lie, struct uapi_iommu_hwpt_alloc *cmd)
{
	const void *data = (const void *)(uintptr_t)cmd->data_uptr;
	const struct uapi_iommu_hwpt_arm_smmuv3 *ste = data;
	const struct uapi_iommu_hwpt_vtd_s1 *s1 = data;
	uint64_t words[2];

	if (cmd->data_type == UAPI_IOMMU_HWPT_DATA_NONE)
		return kernel_make(k, lie, &cmd->out_hwpt_id, NULL);
	words[0] = k->vtd ? s1->pgtbl_addr : le64_get(ste->ste[0]);
	words[1] = k->vtd ? s1->addr_width | s1->flags << 32 : le64_get(ste->ste[1]);
	return kernel_make(k, lie, &cmd->out_hwpt_id, words);
}

static const struct uapi_iommu_hw_info_arm_smmuv3 smmu = {
	.idr = {VIQ_SMMUV3_IDR0_S2P | VIQ_SMMUV3_IDR0_S1P | 2 << 2 | VIQ_SMMUV3_IDR0_COHACC | 2 << 6 |
			VIQ_SMMUV3_IDR0_ATS | VIQ_SMMUV3_IDR0_ASID16 | VIQ_SMMUV3_IDR0_MSI | VIQ_SMMUV3_IDR0_SEV |
			VIQ_SMMUV3_IDR0_VMID16 | VIQ_SMMUV3_IDR0_CD2L | 2 << 21 | 1 << 24 | VIQ_SMMUV3_IDR0_TERM_MODEL |
			1 << 27,
		16 | 20 << 6 | 19 << 16 | 19 << 21, 0, VIQ_SMMUV3_IDR3_RIL, 0,
		5 | VIQ_SMMUV3_IDR5_GRAN4K | VIQ_SMMUV3_IDR5_GRAN16K | VIQ_SMMUV3_IDR5_GRAN64K},
	.aidr = 2,
};
static const struct uapi_iommu_hw_info_vtd vtd = {
	.cap_reg = VIQ_PUT(VIQ_VTD_CAP_ND, 6) | VIQ_PUT(VIQ_VTD_CAP_SAGAW, 4 | 8) | VIQ_PUT(VIQ_VTD_CAP_MGAW, 56) |
		   VIQ_VTD_CAP_PSI | VIQ_PUT(VIQ_VTD_CAP_MAMV, 18) | VIQ_VTD_CAP_FS1GP | VIQ_VTD_CAP_FS5LP,
	.ecap_reg = VIQ_VTD_ECAP_C | VIQ_VTD_ECAP_QI | VIQ_VTD_ECAP_DT | VIQ_VTD_ECAP_PT | VIQ_VTD_ECAP_SC |
		    VIQ_VTD_ECAP_NEST | VIQ_VTD_ECAP_SRS | VIQ_VTD_ECAP_EAFS | VIQ_VTD_ECAP_SMPWCS |
		    VIQ_PUT(VIQ_VTD_ECAP_PSS, 19) | VIQ_VTD_ECAP_PASID | VIQ_VTD_ECAP_SMTS | VIQ_VTD_ECAP_SSTS |
		    VIQ_VTD_ECAP_FSTS | VIQ_VTD_ECAP_NWFS | VIQ_VTD_ECAP_PRS,
};

static int hw_info(struct kernel *k, const struct kernel_lie *lie, struct uapi_iommu_hw_info *cmd)
{
	void *to = (void *)(uintptr_t)cmd->data_uptr;
	const void *from = k->vtd ? (const void *)&vtd : &smmu;
	size_t len = k->vtd ? sizeof(vtd) : sizeof(smmu);

	memcpy(to, from, len < cmd->data_len ? len : cmd->data_len);
	if (!k->vtd)
		((struct uapi_iommu_hw_info_arm_smmuv3 *)to)->flags = k->repeat;
	cmd->out_data_type = k->vtd ? VIQ_LINUX_HW_VTD : VIQ_LINUX_HW_SMMUV3;
	cmd->out_max_pasid_log2 = 9;
	if (lie->how & GARBAGE) {
		kernel_garbage(to, cmd->data_len, lie->value);
		cmd->out_max_pasid_log2 = (uint8_t)lie->value;
		cmd->out_capabilities = lie->value >> 8;
		if (!(lie->how & SMALL))
			cmd->out_data_type = lie->value >> 16;
	}
	return kernel_result(lie);
}

static int invalidate(struct kernel *k, const struct kernel_lie *lie, struct linux_hwpt_invalidate *call)
{
	struct uapi_iommu_hwpt_invalidate *cmd = &call->cmd;
	const uint32_t n = cmd->entry_num, words = cmd->entry_len / 8;
	const bool asked = cmd->size == sizeof(*call);
	uint32_t done = n;
	int ret = kernel_result(lie);

	if (asked && !cmd->hwpt_id)
		return k->report ? -ENOENT : -EOPNOTSUPP;
	if (!n && !ret)
		return k->vtd ? 0 : -EINVAL;
	if (ret < 0)
		cmd->entry_num = n / 2;
	if (lie->how & GARBAGE) {
		cmd->entry_num = lie->how & SMALL ? lie->value % (n + 2) : lie->value;
		if (asked) {
			call->out_last_index = lie->value >> 8 & (lie->how & SMALL ? 0x7f : UINT32_MAX);
			call->out_error = lie->value >> 16 & (lie->how & SMALL ? 0x73 : UINT32_MAX);
		}
	}
	if (cmd->entry_num != n || ret < 0) {
		const bool exact =
			k->vtd || (asked && cmd->entry_num <= call->out_last_index && call->out_last_index < n);

		/* Of an interrupted call the library does not ask what it has done. */
		done = ret < 0 && ret != -EINTR && cmd->entry_num < n ? cmd->entry_num : 0;
		if (!exact)
			done -= done % 63;
	}
	for (uint32_t i = 0; i < done; i++)
		k->done(k->opaque, cmd->hwpt_id, (const uint64_t *)(uintptr_t)cmd->data_uptr + (size_t)i * words);
	return ret;
}

static int iova_ranges(const struct kernel_lie *lie, struct uapi_iommu_ioas_iova_ranges *cmd)
{
	uint64_t room = cmd->num_iovas;

	cmd->num_iovas = lie->how & GARBAGE ? kernel_number(lie) : 1;
	if (cmd->num_iovas < room)
		room = cmd->num_iovas;
	kernel_garbage((void *)(uintptr_t)cmd->allowed_iovas, room * sizeof(struct uapi_iommu_iova_range), lie->value);
	return kernel_result(lie);
}

static int kernel_ioctl(void *opaque, int fd, unsigned long request, void *arg)
{
	struct kernel *k = opaque;
	const struct kernel_lie lie = kernel_next_lie(k);
	struct uapi_vfio_device_attach_iommufd_pt *on = arg;
	struct uapi_vfio_device_detach_iommufd_pt *off = arg;

	assert_non_null(kernel_find_file(k, fd));
	switch (request) {
	case UAPI_IOMMU_DESTROY:
		return kernel_destroy(k, &lie, ((struct uapi_iommu_destroy *)arg)->id);
	case UAPI_IOMMU_IOAS_ALLOC:
		return kernel_make(k, &lie, &((struct uapi_iommu_ioas_alloc *)arg)->out_ioas_id, NULL);
	case UAPI_IOMMU_HWPT_ALLOC:
		return hwpt_alloc(k, &lie, arg);
	case UAPI_IOMMU_VIOMMU_ALLOC:
		return kernel_make(k, &lie, &((struct uapi_iommu_viommu_alloc *)arg)->out_viommu_id, NULL);
	case UAPI_IOMMU_VDEVICE_ALLOC:
		return kernel_make(k, &lie, &((struct uapi_iommu_vdevice_alloc *)arg)->out_vdevice_id, NULL);
	case UAPI_IOMMU_VEVENTQ_ALLOC:
		return kernel_make_queue(k, &lie, &((struct uapi_iommu_veventq_alloc *)arg)->out_veventq_id,
					 &((struct uapi_iommu_veventq_alloc *)arg)->out_veventq_fd);
	case UAPI_IOMMU_FAULT_QUEUE_ALLOC:
		return kernel_make_queue(k, &lie, &((struct uapi_iommu_fault_alloc *)arg)->out_fault_id,
					 &((struct uapi_iommu_fault_alloc *)arg)->out_fault_fd);
	case UAPI_IOMMU_GET_HW_INFO:
		return hw_info(k, &lie, arg);
	case UAPI_IOMMU_HWPT_INVALIDATE:
		return invalidate(k, &lie, arg);
	case UAPI_IOMMU_IOAS_IOVA_RANGES:
		return iova_ranges(&lie, arg);
	case UAPI_VFIO_ATTACH_IOMMUFD_PT:
		return kernel_attach(k, &lie, fd, on->flags & UAPI_VFIO_DEVICE_ATTACH_PASID ? on->pasid : 0, on->pt_id);
	case UAPI_VFIO_DETACH_IOMMUFD_PT:
		return kernel_attach(k, &lie, fd, off->flags & UAPI_VFIO_DEVICE_DETACH_PASID ? off->pasid : 0, 0);
	}
	return kernel_result(&lie);
}

/* --- Files -------------------------------------------------------------------------------------------------------- */

static int kernel_open(void *opaque, const char *path, int flags)
{
	struct kernel *k = opaque;
	const struct kernel_lie lie = kernel_next_lie(k);
	int ret = kernel_result(&lie);

	if (ret < 0)
		return ret;
	kernel_give_file(k, 200 + (int)k->file_count, KERNEL_DEVICES);
	return k->files[k->file_count - 1].fd;
}

static int kernel_close(void *opaque, int fd)
{
	struct kernel_file *f = kernel_find_file(opaque, fd);

	assert_non_null(f);
	f->open--;
	return 0;
}

static int kernel_dup(void *opaque, int fd)
{
	struct kernel *k = opaque;
	const struct kernel_lie lie = kernel_next_lie(k);
	const struct kernel_file *f = kernel_find_file(k, fd);
	int ret = kernel_result(&lie);

	assert_non_null(f);
	if (ret < 0)
		return ret;
	kernel_give_file(k, 200 + (int)k->file_count, f->device);
	return k->files[k->file_count - 1].fd;
}

static int kernel_group(void *opaque, int cdev, uint32_t *group)
{
	const struct kernel_lie lie = kernel_next_lie(opaque);

	*group = kernel_number(&lie) % 4;
	return lie.how & GARBAGE ? kernel_result(&lie) : -ENOENT;
}

/* Records that mean something, of any bytes else. */
static void records(const struct kernel *k, uint8_t *to, size_t len, uint64_t seed)
{
	const size_t size =
		k->vtd ? sizeof(struct uapi_iommu_hwpt_pgfault)
		       : sizeof(struct uapi_iommufd_vevent_header) + sizeof(struct uapi_iommu_vevent_arm_smmuv3);

	kernel_garbage(to, len, seed);
	for (size_t at = 0; at + size <= len; at += size) {
		struct uapi_iommu_hwpt_pgfault fault;
		uint64_t header, word;

		if (k->vtd) {
			memcpy(&fault, to + at, size);
			fault.dev_id = 1 + fault.dev_id % 4;
			fault.flags &= seed & 1 ? 3 : UINT32_MAX;
			fault.pasid %= 4;
			fault.grpid %= 4;
			fault.cookie %= 8;
			memcpy(to + at, &fault, size);
			continue;
		}
		memcpy(&header, to + at, sizeof(header));
		header &= UINT64_C(0xff00000001);
		header &= header >> 33 & 1 ? UINT64_MAX : ~UINT64_C(1); /* fewer losses */
		memcpy(to + at, &header, sizeof(header));
		memcpy(&word, to + at + sizeof(header), sizeof(word));
		word &= UINT64_C(0x000000030000081f);
		memcpy(to + at + sizeof(header), &word, sizeof(word));
	}
}

static int64_t kernel_read(void *opaque, int fd, void *buf, size_t len)
{
	struct kernel *k = opaque;
	const struct kernel_lie lie = kernel_next_lie(k);
	size_t n = lie.how & GARBAGE ? lie.value % (len + 1) : 0;

	assert_non_null(kernel_find_file(k, fd));
	if (lie.how & SMALL)
		kernel_garbage(buf, n, lie.value);
	else
		records(k, buf, n, lie.value);
	if (lie.how & FAILS)
		return kernel_errors[lie.how >> 4];
	return lie.how & POSITIVE ? lie.value : (int64_t)n;
}

static int64_t kernel_write(void *opaque, int fd, const void *buf, size_t len)
{
	struct kernel *k = opaque;
	const struct kernel_lie lie = kernel_next_lie(k);

	assert_non_null(kernel_find_file(k, fd));
	if (lie.how & FAILS)
		return kernel_errors[lie.how >> 4];
	return lie.how & GARBAGE ? kernel_number(&lie) : (int64_t)len;
}

const struct viq_linux_sys *kernel_sys(void)
{
	static const struct viq_linux_sys sys = {
		.size = sizeof(sys),
		.open = kernel_open,
		.close = kernel_close,
		.ioctl = kernel_ioctl,
		.read = kernel_read,
		.group = kernel_group,
		.dup = kernel_dup,
		.write = kernel_write,
	};

	return &sys;
}
