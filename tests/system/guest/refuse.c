/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kernel/tap.h"
#include "host.h"
#include "refuse.h"
#include "vmm.h"

#define MAX_ARGUMENTS 12
#define ALL           "--kernel /Image --initrd /guest.cpio "

static const struct refusal {
	const char *hidden; /* a file that is away meanwhile, or NULL */
	const char *options;
	const char *says; /* among other things */
} refusals[] = {
	{"/dev/kvm", ALL, "/dev/kvm"},
	{"/dev/iommu", ALL, "/dev/iommu"},
	{HOST_DEVICE, ALL, HOST_DEVICE},
	{NULL, ALL "--device /dev/vfio/devices/other", "/dev/vfio/devices/other"},
	{NULL, ALL "--device /dev/null", "/dev/null"},
	{NULL, "", "--kernel"},
	{NULL, "--kernel /missing", "/missing"},
	{NULL, "--kernel /init", "/init"},
	{NULL, "--kernel /Image --initrd /missing", "/missing"},
	{NULL, ALL "--cpus 0", "--cpus"},
	{NULL, ALL "--cpus 9", "--cpus"},
	{NULL, ALL "--memory 1", "--memory"},
	{NULL, ALL "--memory much", "--memory"},
	{NULL, ALL "--calls all", "--calls"},
	{NULL, ALL "--queue none", "--queue"},
	{NULL, ALL "--msi-window all", "--msi-window"},
	{NULL, ALL "more", "more"},
};

/* What is wrong with how it ends, or "" in why. */
static void refuse(const struct refusal *refusal, char *why, size_t size)
{
	char options[256], line[VMM_LINE], *argv[MAX_ARGUMENTS] = {(char *)VMM_PROGRAM};
	unsigned int at = 1, lines = 0, right = 0;
	enum vmm_source source;
	struct vmm vmm;
	int status;

	snprintf(options, sizeof(options), "%s", refusal->options);
	for (char *word = strtok(options, " "); word && at < MAX_ARGUMENTS - 1; word = strtok(NULL, " "))
		argv[at++] = word;
	vmm_start(&vmm, argv);
	while ((source = vmm_next(&vmm, line)) == VMM_CONSOLE || source == VMM_WORDS) {
		lines++;
		right += source == VMM_WORDS && !strncmp(line, "viq-vmm: ", 9) && strstr(line, refusal->says);
	}
	status = vmm_stop(&vmm);
	why[0] = 0;
	if (status != 1 || lines != 1 || !right)
		snprintf(why, size, "\"%s\"%s%s: status %d after %u lines, of which %u tell of %s", refusal->options,
			 refusal->hidden ? " without " : "", refusal->hidden ? refusal->hidden : "", status, lines,
			 right, refusal->says);
}

/* What a VMM that refused has opened is closed again. */
static void check_device(void)
{
	struct host_use use;

	host_use(&use, HOST_DEVICE);
	host_leave(&use);
}

void test_refuse(void)
{
	char why[500], away[64];

	host_bind();
	for (unsigned int i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		const struct refusal *refusal = &refusals[i];

		if (refusal->hidden) {
			snprintf(away, sizeof(away), "%s.away", refusal->hidden);
			if (rename(refusal->hidden, away))
				fail("%s: %s", refusal->hidden, strerror(errno));
		}
		refuse(refusal, why, sizeof(why));
		if (refusal->hidden && rename(away, refusal->hidden))
			fail("%s: %s", away, strerror(errno));
		if (why[0])
			fail("%s", why);
	}
	check_device();
}

/* A device that somebody else uses. */
void test_refuse_busy(void)
{
	static const struct refusal busy = {NULL, ALL, HOST_DEVICE};
	struct host_use use;
	char why[500];

	host_bind();
	host_use(&use, HOST_DEVICE);
	refuse(&busy, why, sizeof(why));
	if (why[0])
		fail("%s", why);
	host_leave(&use);
}
