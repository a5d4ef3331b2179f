// SPDX-License-Identifier: MIT
/* The IOMMUs that the kernel drives, by their names in /sys/class/iommu. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "doctor.h"

static const struct iommu_type {
	const char *prefix, *name;
} types[] = {
	{"smmu3.", "Arm SMMUv3"}, {"smmu.", "Arm SMMU (v1, v2)"}, {"dmar", "Intel VT-d"},
	{"ivhd", "AMD-Vi"},       {"riscv-iommu", "RISC-V"},      {"", "other"},
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
	return type_of(name) == 0 ? DOCTOR_IOMMU_SMMUV3 : DOCTOR_IOMMU_OTHER;
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
	bool arm = !strcmp(d->arch, "aarch64");

	doctor_find(d, DOCTOR_MISSING, "iommu", "the kernel drives no IOMMU (/sys/class/iommu)");
	if (arm)
		doctor_remedy(
			d, "switch the SMMU on in the firmware; in a virtual machine, give it a nested SMMUv3 (QEMU: "
			   "-machine virt,iommu=smmuv3 with arm-smmuv3.stage=nested)");
	else
		doctor_remedy(d, "use a machine with an Arm SMMUv3; viq's software host needs no IOMMU");
}

void doctor_iommu(struct doctor *d)
{
	unsigned int counts[TYPE_COUNT] = {0};
	struct doctor_list list;
	char text[256];
	int i;

	doctor_list(d, &list, "sys/class/iommu");
	for (i = 0; i < list.count; i++)
		counts[type_of(list.entries[i]->d_name)]++;
	doctor_list_free(&list);
	if (!list.count) {
		judge_none(d);
		return;
	}
	list_types(counts, text, sizeof(text));
	d->smmus = counts[0];
	doctor_find(d, d->smmus ? DOCTOR_OK : DOCTOR_MISSING, "iommu", "%s", text);
	if (!d->smmus)
		doctor_remedy(
			d, "use a machine with an Arm SMMUv3: viq's Linux host drives no other yet; its software host "
			   "needs no IOMMU");
}
