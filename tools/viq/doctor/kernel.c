// SPDX-License-Identifier: MIT
/* The kernel's version and options. */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "doctor.h"

#define OPTIONS_MAX           (4u << 20) /* bytes of a list of options */
#define VERSION(major, minor) (1000u * (major) + (minor))

/* --- Version ------------------------------------------------------------------------------------------------------ */

/* From each version on; the rows are those of docs/kernels.md. */
static const struct generation {
	unsigned int since;
	const char *row, *lacks;
} generations[] = {
	{VERSION(7, 4), "after 7.3", NULL},
	{VERSION(7, 3), "7.3", NULL},
	{VERSION(6, 13), "6.13 to 7.2", NULL},
	{VERSION(6, 2), NULL, "iommufd, but no vIOMMU objects for an SMMUv3"},
	{0, NULL, "no iommufd"},
};

static void learn_names(struct doctor *d)
{
	struct utsname own;
	unsigned int major, minor;

	if (d->own && !uname(&own)) {
		snprintf(d->release, sizeof(d->release), "%s", own.release);
		snprintf(d->arch, sizeof(d->arch), "%.31s", own.machine);
	} else {
		doctor_line(d, "proc/sys/kernel/osrelease", d->release, sizeof(d->release));
		doctor_line(d, "proc/sys/kernel/arch", d->arch, sizeof(d->arch));
	}
	doctor_plain(d->release);
	doctor_plain(d->arch);
	if (sscanf(d->release, "%3u.%3u", &major, &minor) == 2)
		d->version = VERSION(major, minor);
	/* Where the tree does not tell, its IOMMUs do. */
	d->intel = d->arch[0] ? !strcmp(d->arch, "x86_64") : d->vtds && !d->smmus;
}

/* On VT-d: the calls that viq makes there are of 6.8, those about PASIDs of 6.15. */
static void judge_version_vtd(struct doctor *d)
{
	if (d->version < VERSION(6, 8)) {
		doctor_find(d, DOCTOR_MISSING, "kernel", "Linux %s has no nesting on VT-d (by version only)",
			    d->release);
		doctor_remedy(d, "boot Linux 6.8 or newer; 6.15 for guests that use PASIDs");
		return;
	}
	doctor_find(d, DOCTOR_OK, "kernel",
		    "Linux %s%s%s: invalidate calls behave as under 'VT-d' of docs/kernels.md%s (by version only)",
		    d->release, d->arch[0] ? " on " : "", d->arch,
		    d->version < VERSION(6, 15) ? "; a guest's PASIDs need 6.15" : "");
}

static void judge_version(struct doctor *d)
{
	const struct generation *g = generations;

	if (!d->version) {
		doctor_find(d, DOCTOR_WARNING, "kernel",
			    "the kernel's version is not known: no /proc/sys/kernel/osrelease");
		doctor_remedy(d, "make sure that it is Linux %s or newer", d->intel ? "6.8" : "6.13");
		return;
	}
	if (d->intel) {
		judge_version_vtd(d);
		return;
	}
	while (g->since > d->version)
		g++;
	d->row = g->row;
	if (g->lacks) {
		doctor_find(d, DOCTOR_MISSING, "kernel", "Linux %s has %s (by version only)", d->release, g->lacks);
		doctor_remedy(d, "boot Linux 6.13 or newer");
		return;
	}
	doctor_find(d, DOCTOR_OK, "kernel",
		    "Linux %s%s%s: failing calls behave as in row '%s' of docs/kernels.md (by version "
		    "only)",
		    d->release, d->arch[0] ? " on " : "", d->arch, g->row);
}

/* --- Options ------------------------------------------------------------------------------------------------------ */

static const struct option {
	const char *name, *arch; /* arch NULL: all */
	const char *what;
} options[] = {
	{"IOMMUFD", NULL, "/dev/iommu"},
	{"VFIO_DEVICE_CDEV", NULL, "/dev/vfio/devices"},
	{"VFIO_PCI", NULL, "the driver that hands PCI devices to user space"},
	{"ARM_SMMU_V3", "aarch64", "the SMMUv3's driver"},
	{"ARM_SMMU_V3_IOMMUFD", "aarch64", "nesting on an SMMUv3"},
	{"INTEL_IOMMU", "x86_64", "VT-d's driver"},
};

#define OPTION_COUNT (sizeof(options) / sizeof(options[0]))

/* The end of a pipe that gives fd's contents unpacked, or -1; *pid is to be waited for. */
static int start_gunzip(int fd, pid_t *pid)
{
	char *const argv[] = {(char *)"gzip", (char *)"-dc", NULL};
	posix_spawn_file_actions_t actions;
	int ends[2], err;

	if (pipe2(ends, O_CLOEXEC))
		return -1;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fd, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	err = posix_spawnp(pid, "gzip", &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	if (!err)
		return ends[0];
	close(ends[0]);
	return -1;
}

/* NULL: not there, not gzip, or no gzip. To be freed. */
static char *read_gz(const struct doctor *d, const char *path)
{
	char *text = malloc(OPTIONS_MAX + 1);
	int status = 1, out, fd = doctor_open(d, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	size_t len = 0;
	ssize_t n = 1;
	pid_t pid;

	out = fd < 0 || !text ? -1 : start_gunzip(fd, &pid);
	if (out >= 0) {
		for (; n > 0 && len<OPTIONS_MAX; len += n> 0 ? (size_t)n : 0)
			n = read(out, text + len, OPTIONS_MAX - len);
		text[len] = 0;
		close(out); /* ends it if there was more */
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	}
	if (fd >= 0)
		close(fd);
	if (out >= 0 && !status && !n)
		return text;
	free(text);
	return NULL;
}

/* The list of options, to be freed, and where it was; NULL: nowhere. */
static char *read_options(const struct doctor *d, char *where, size_t size)
{
	static const struct {
		const char *before, *after;
	} places[] = {{"boot/config-", ""}, {"lib/modules/", "/config"}, {"usr/lib/modules/", "/config"}};
	char *text;
	size_t i, len;

	for (i = 0; d->release[0] && i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(where, size, "%s%s%s", places[i].before, d->release, places[i].after);
		if (!doctor_read(d, where, OPTIONS_MAX, &text, &len))
			return text;
	}
	snprintf(where, size, "proc/config.gz");
	return read_gz(d, where);
}

static bool has_option(const char *text, const char *name)
{
	size_t len = strlen(name);
	const char *p;

	for (p = text; (p = strstr(p, "CONFIG_")); p++) {
		if (p != text && p[-1] != '\n')
			continue;
		if (!strncmp(p + 7, name, len) && (!strncmp(p + 7 + len, "=y", 2) || !strncmp(p + 7 + len, "=m", 2)))
			return true;
	}
	return false;
}

static void judge_options(struct doctor *d)
{
	char where[256], have[256] = "";
	char *text = read_options(d, where, sizeof(where));
	const char *arch = d->intel ? "x86_64" : d->arch;
	size_t i;

	if (!text) {
		doctor_find(
			d, DOCTOR_WARNING, "options",
			"the kernel's options are not to be found (/boot/config-%s, /proc/config.gz): judged by what "
			"exists",
			d->release);
		return;
	}
	for (i = 0; i < OPTION_COUNT; i++) {
		const struct option *o = &options[i];

		if (o->arch && strcmp(o->arch, arch))
			continue;
		if (has_option(text, o->name)) {
			snprintf(have + strlen(have), sizeof(have) - strlen(have), " %s", o->name);
			continue;
		}
		doctor_find(d, DOCTOR_MISSING, "options", "the kernel is built without CONFIG_%s: %s (/%s)", o->name,
			    o->what, where);
		doctor_remedy(d, "boot a kernel that is built with CONFIG_%s", o->name);
	}
	d->scalable = has_option(text, "INTEL_IOMMU_SCALABLE_MODE_DEFAULT_ON") ? DOCTOR_YES : DOCTOR_NO;
	if (have[0])
		doctor_find(d, DOCTOR_OK, "options", "the kernel is built with%s (/%s)", have, where);
	free(text);
}

void doctor_kernel(struct doctor *d)
{
	learn_names(d);
	judge_version(d);
	judge_options(d);
}
