/* SPDX-License-Identifier: MIT */
/*
 * Closing leaves nothing behind in an iommufd that stays open. Two witnesses: each IOMMU_DESTROY of nest_destroy()
 * succeeds, which the kernel denies with EBUSY while anything stands on the object; and the number of the kernel's
 * small allocations does not grow with the number of times that all was made and destroyed, as it would with an object
 * that stands on nothing.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nest.h"
#include "tap.h"
#include "tests.h"

#define WARM    150 /* first, so that caches are full */
#define ROUNDS  100
#define ALLOWED (ROUNDS / 2) /* the kernel's counts are a little rough; one object a round is twice that */

/* Objects in use, in all of the kernel's slab caches whose name begins so. */
static long slab_objects(const char *prefix)
{
	FILE *file = fopen("/proc/slabinfo", "r");
	char line[512], name[64];
	long total = 0, active;

	check(file);
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%63s %ld", name, &active) == 2 && !strncmp(name, prefix, strlen(prefix)))
			total += active;
	}
	fclose(file);
	return total;
}

static unsigned int open_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int count = 0;

	check(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

/* One VMM's life: two streams of state changes, invalidations, a failed call. */
static void live(struct nest *nest, struct viq_linux *linux_host)
{
	uint64_t ste[VIQ_SMMUV3_STE_WORDS];

	nest_create(nest,
		    &(struct nest_config){.log2size = 6, .vsid = 5, .linux_host = linux_host, .any_stream = true});
	synth_ste_bypass(ste);
	nest_set_ste(nest, 5, ste);
	nest_command(nest, synth_cmd_cfgi_ste(5, true));
	synth_ste_s1(ste, &nest->guest.cdt, 0, 0);
	nest_set_ste(nest, 5, ste);
	nest_command(nest, synth_cmd_cfgi_ste(5, true));
	nest_command(nest, guest_tlbi(0));
	nest_push(nest, synth_cmd_cfgi_cd(200, 0, true));
	nest_ring(nest);
	nest_repair(nest);
	nest_destroy(nest);
}

void test_leak(void)
{
	struct viq_linux *linux_host;
	static struct nest nest;
	unsigned int files;
	long before, after;

	check_equal(viq_linux_open(NULL, &linux_host, NULL), 0);

	for (unsigned int i = 0; i < WARM; i++)
		live(&nest, linux_host);
	files = open_files();
	before = slab_objects("kmalloc");
	for (unsigned int i = 0; i < ROUNDS; i++)
		live(&nest, linux_host);
	after = slab_objects("kmalloc");
	check_equal(open_files(), files);
	tap_note("made and destroyed %u times: %ld kernel allocations more", ROUNDS, after - before);
	check(after - before < ALLOWED);
	viq_linux_close(linux_host);
}
