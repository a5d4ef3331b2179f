// SPDX-License-Identifier: MIT
/* The IOMMUs that the kernel drives, by their names in /sys/class/iommu. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "doctor.h"

static const struct iommu_type {
	const char *prefix, *name;
	enum doctor_iommu kind;
} types[] = {
	{"smmu3.", "Arm SMMUv3", DOCTOR_IOMMU_SMMUV3},      {"dmar", "Intel VT-d", DOCTOR_IOMMU_VTD},
	{"smmu.", "Arm SMMU (v1, v2)", DOCTOR_IOMMU_OTHER}, {"ivhd", "AMD-Vi", DOCTOR_IOMMU_OTHER},
	{"riscv-iommu", "RISC-V", DOCTOR_IOMMU_OTHER},      {"", "other", DOCTOR_IOMMU_OTHER},
};

#define TYPE_COUNT (sizeof(types) / sizeof(types[0]))

static size_t type_of(const char *name)
{
	size_t i = 0;

	while (strncmp(name, types[i].prefix, strlen(types[i].prefix)) != 0)
		i++;
	return i;
}

enum doctor_iommu doctor_iommu_kind(const char *name)
{
	if (!name[0])
		return DOCTOR_IOMMU_NONE;
	return types[type_of(name)].kind;
}

static void list_types(const unsigned int counts[TYPE_COUNT], char *out, size_t size)
{
	size_t i, len = 0;

	out[0] = 0;
	for (i = 0; i < TYPE_COUNT && len < size; i++) {
		if (counts[i])
			len += (size_t)snprintf(out + len, size - len, "%s%u x %s", len ? ", " : "", counts[i],
						types[i].name);
	}
}

static void judge_none(struct doctor *d)
{
	doctor_find(d, DOCTOR_MISSING, "iommu", "the kernel drives no IOMMU (/sys/class/iommu)");
	if (d->intel)
		doctor_remedy(d, "switch VT-d on in the firmware and boot with intel_iommu=on,sm_on; on an AMD machine "
				 "nothing helps yet but viq's software host, which needs no IOMMU");
	else if (!strcmp(d->arch, "aarch64"))
		doctor_remedy(
			d, "switch the SMMU on in the firmware; in a virtual machine, give it a nested SMMUv3 (QEMU: "
			   "-machine virt,iommu=smmuv3 with arm-smmuv3.stage=nested)");
	else
		doctor_remedy(d, "use a machine with an Arm SMMUv3 or VT-d; viq's software host needs no IOMMU");
}

static size_t count_types(const struct doctor *d, unsigned int counts[TYPE_COUNT])
{
	struct doctor_list list;
	size_t count;

	doctor_list(d, &list, "sys/class/iommu");
	for (int i = 0; i < list.count; i++)
		counts[type_of(list.entries[i]->d_name)]++;
	count = (size_t)list.count;
	doctor_list_free(&list);
	return count;
}

void doctor_learn(struct doctor *d)
{
	unsigned int counts[TYPE_COUNT] = {0};

	count_types(d, counts);
	d->smmus = counts[0];
	d->vtds = counts[1];
}

void doctor_iommu(struct doctor *d)
{
	unsigned int counts[TYPE_COUNT] = {0};
	char text[256];

	if (!count_types(d, counts)) {
		judge_none(d);
		return;
	}
	list_types(counts, text, sizeof(text));
	if (d->smmus || d->vtds) {
		doctor_find(d, DOCTOR_OK, "iommu", "%s", text);
		return;
	}
	doctor_find(d, DOCTOR_MISSING, "iommu", "%s", text);
	doctor_remedy(d, "use a machine with an Arm SMMUv3 or Intel VT-d: viq's Linux host drives no other yet; its "
			 "software host needs no IOMMU");
}
