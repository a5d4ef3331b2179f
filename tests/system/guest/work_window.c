/* SPDX-License-Identifier: MIT */
/*
 * window: firmware has told the guest's kernel where the host has the device send its MSIs, and it maps that to itself,
 * for this device and not for the other one (viq.edu=, viq.edu2=).
 */
#include <stdio.h>
#include <string.h>

#include "kernel/machine.h"
#include "work.h"

static bool has_window(const char *option)
{
	char name[16], path[96], line[128];
	bool found = false;
	FILE *regions;

	machine_option(option, name, sizeof(name));
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group/reserved_regions", name);
	regions = fopen(path, "re");
	if (!regions)
		fail("%s cannot be read", path);
	while (fgets(line, sizeof(line), regions)) {
		say_note("%s: %.*s", name, (int)strcspn(line, "\n"), line);
		found |= !strcmp(line, "0x0000000008000000 0x00000000080fffff direct\n");
	}
	fclose(regions);
	return found;
}

void work_window(void)
{
	if (!has_window("viq.edu"))
		fail("the assigned device has no such reserved region");
	if (has_window("viq.edu2"))
		fail("the emulated device has one");
	say_ok("window", "the assigned device's MSIs pass as they are");
}
