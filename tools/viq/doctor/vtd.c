// SPDX-License-Identifier: MIT
/*
 * What VT-d needs beside the kernel's version and options: units that can nest, which their registers tell (sysfs has
 * CAP and ECAP of each), and scalable mode, which a kernel may have and not use.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <viq/vtd_spec.h>

#include "doctor.h"

const char *doctor_vtd_lacks(uint64_t ecap)
{
	if (!(ecap & VIQ_VTD_ECAP_SMTS))
		return "scalable mode (ECAP.SMTS)";
	if (!(ecap & VIQ_VTD_ECAP_NEST))
		return "nested translation (ECAP.NEST)";
	if (!(ecap & VIQ_VTD_ECAP_FSTS))
		return "first-stage translation (ECAP.FSTS)";
	return NULL;
}

bool doctor_vtd_ecap(const struct doctor *d, const char *unit, uint64_t *ecap)
{
	char path[64 + DOCTOR_NAME], text[32], *end;

	if ((size_t)snprintf(path, sizeof(path), "sys/class/iommu/%s/intel-iommu/ecap", unit) >= sizeof(path) ||
	    !doctor_line(d, path, text, sizeof(text)))
		return false;
	errno = 0;
	*ecap = strtoull(text, &end, 16);
	return !errno && end != text && !*end;
}

/* --- Units -------------------------------------------------------------------------------------------------------- */

struct units {
	unsigned int count, able, unknown;
	const char *lacks; /* what one that is not able has not got */
	char name[DOCTOR_NAME];
};

static void count_units(const struct doctor *d, struct units *units)
{
	struct doctor_list list;
	uint64_t ecap;

	doctor_list(d, &list, "sys/class/iommu");
	for (int i = 0; i < list.count; i++) {
		const char *name = list.entries[i]->d_name;

		if (doctor_iommu_kind(name) != DOCTOR_IOMMU_VTD)
			continue;
		units->count++;
		if (!doctor_vtd_ecap(d, name, &ecap)) {
			units->unknown++;
		} else if (!doctor_vtd_lacks(ecap)) {
			units->able++;
		} else if (!units->lacks) {
			units->lacks = doctor_vtd_lacks(ecap);
			snprintf(units->name, sizeof(units->name), "%.*s", DOCTOR_NAME - 1, name);
		}
	}
	doctor_list_free(&list);
}

static void judge_units(struct doctor *d)
{
	struct units units = {0};

	count_units(d, &units);
	if (units.able == units.count) {
		doctor_find(d, DOCTOR_OK, "nesting", "%s can nest (ECAP in /sys/class/iommu)",
			    units.count == 1 ? "the VT-d unit" : "all VT-d units");
	} else if (units.unknown) {
		doctor_find(d, DOCTOR_WARNING, "nesting",
			    "the registers of %u of %u VT-d units are not to be found (/sys/class/iommu/dmar*/"
			    "intel-iommu/ecap)",
			    units.unknown, units.count);
		doctor_remedy(d, "as root, viq doctor --try tries a device");
	} else if (units.able) {
		doctor_find(d, DOCTOR_WARNING, "nesting", "%u of %u VT-d units can nest; %s has no %s", units.able,
			    units.count, units.name, units.lacks);
		doctor_remedy(d, "use devices behind the others");
	} else {
		doctor_find(d, DOCTOR_MISSING, "nesting", "no VT-d unit can nest: %s has no %s", units.name,
			    units.lacks);
		doctor_remedy(d, "use a machine whose VT-d has scalable mode and nested translation; viq's software "
				 "host needs no IOMMU");
	}
}

/* --- Scalable mode ------------------------------------------------------------------------------------------------ */

/* intel_iommu=on,sm_on: the last word that is there counts. */
static enum doctor_known commanded(char *line)
{
	enum doctor_known mode = DOCTOR_NOT_KNOWN;
	char *words, *value, *word, *option;

	for (word = strtok_r(line, " \n", &words); word; word = strtok_r(NULL, " \n", &words)) {
		if (strncmp(word, "intel_iommu=", 12) != 0)
			continue;
		for (option = strtok_r(word + 12, ",", &value); option; option = strtok_r(NULL, ",", &value)) {
			if (!strcmp(option, "sm_on"))
				mode = DOCTOR_YES;
			else if (!strcmp(option, "sm_off"))
				mode = DOCTOR_NO;
		}
	}
	return mode;
}

static void judge_mode(struct doctor *d)
{
	enum doctor_known mode = DOCTOR_NOT_KNOWN;
	const char *why = "intel_iommu= on the kernel's command line";
	char *line;
	size_t len;

	if (!doctor_read(d, "proc/cmdline", 65536, &line, &len)) {
		mode = commanded(line);
		free(line);
		if (!mode) {
			mode = d->scalable;
			why = "CONFIG_INTEL_IOMMU_SCALABLE_MODE_DEFAULT_ON, and nothing on its command line";
		}
	}
	if (mode == DOCTOR_YES)
		doctor_find(d, DOCTOR_OK, "scalable", "the kernel uses scalable mode where there is one (%s)", why);
	else
		doctor_find(d, mode == DOCTOR_NO ? DOCTOR_MISSING : DOCTOR_WARNING, "scalable", "%s",
			    mode == DOCTOR_NO ? "the kernel does not use scalable mode"
					      : "whether the kernel uses scalable mode is not known (/proc/cmdline)");
	if (mode != DOCTOR_YES)
		doctor_remedy(d, "boot with intel_iommu=on,sm_on");
}

void doctor_vtd(struct doctor *d)
{
	if (!d->vtds)
		return;
	judge_units(d);
	judge_mode(d);
}
