// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"
#include "doctor.h"
#include "tool.h"

/* Is the tree this machine's, however it is called? */
static bool is_own(int root)
{
	struct stat there, here;

	return !fstat(root, &there) && !stat("/", &here) && there.st_dev == here.st_dev && there.st_ino == here.st_ino;
}

static void examine(struct doctor *d)
{
	doctor_learn(d);
	doctor_kernel(d);
	doctor_iommufd(d);
	doctor_iommu(d);
	doctor_iort(d);
	doctor_vtd(d);
	doctor_vfio(d);
	doctor_settle(d);
}

enum {
	OPT_JSON = 256,
	OPT_ROOT,
	OPT_TRY,
};

static const struct tool_option doctor_options[] = {
	{"try", OPT_TRY, NULL,
	 "open each device that is bound to vfio and that nobody uses, make on it what nesting needs, and undo it: the "
	 "proof, "
	 "and the device is reset"},
	{"root", OPT_ROOT, "DIR",
	 "look at the tree in DIR (/dev, /proc, /sys, /boot of another machine) in place of /; only files are read, "
	 "and symbolic links end in DIR"},
	{"json", OPT_JSON, NULL, "one JSON object"},
	{0},
};

static int cmd_doctor(int argc, char **argv)
{
	struct doctor d = {.live = true};
	const char *root = "/";
	bool json = false;
	int c, fd, status;

	while ((c = tool_getopt(argc, argv, &command_doctor, &status)) != -1) {
		switch (c) {
		case OPT_JSON:
			json = true;
			break;
		case OPT_TRY:
			d.tries = true;
			break;
		case OPT_ROOT:
			root = optarg;
			d.live = false;
			break;
		default:
			return status;
		}
	}
	if (optind != argc)
		return tool_usage("no operands are taken");
	if (d.tries && !d.live)
		return tool_usage("--try is of this machine, without --root");
	d.root = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d.root < 0)
		return tool_usage("--root %s: %s", root, strerror(errno));
	fd = doctor_open(&d, ".", O_PATH);
	if (fd < 0)
		return tool_usage("--root %s: %s", root,
				  errno == ENOSYS || errno == EPERM
					  ? "its links might lead out of it: openat2(), of Linux 5.6, is missing or "
					    "not permitted"
					  : strerror(errno));
	close(fd);
	d.own = is_own(d.root);
	examine(&d);
	doctor_print(&d, json);
	status = doctor_nesting(&d) ? TOOL_OK : TOOL_ERROR;
	doctor_free(&d);
	return status;
}

const struct tool_command command_doctor = {
	.name = "doctor",
	.run = cmd_doctor,
	.summary = "say whether nesting can work on this machine, and what is missing",
	.usage = "[OPTION]...",
	.about = "Say whether nested translation can work on this machine, on an Arm SMMUv3 or on Intel VT-d, and what "
		 "is "
		 "missing. Nothing is changed and no device is opened, but with --try.",
	.options = doctor_options,
	.colour = true,
	.status = "0 nesting can work, 1 it cannot, 2 bad command line.",
	.examples = "viq doctor\n"
		    "sudo viq doctor --try\n"
		    "viq doctor --json | jq -r '.findings[] | select(.level == \"missing\").remedy'",
};
