// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "doctor.h"
#include "tool.h"

static const char help[] =
	"usage: viq doctor [OPTION]...\n"
	"Say whether nested translation can work on this machine, and what is missing. Nothing is changed: devices "
	"that\n"
	"are bound to vfio and that nobody uses are opened, tried and closed again, which resets them.\n"
	"\n"
	"Options:\n"
	"      --root DIR  look at the tree in DIR (/dev, /proc, /sys, /boot of another machine) in place of /; then "
	"no\n"
	"                  device is opened. --root / looks at this machine so\n"
	"      --json      one JSON object\n"
	"  -h, --help\n"
	"\n"
	"Exit status: 0 nesting can work, 1 it cannot, 2 bad command line.\n"
	"\n"
	"Examples:\n"
	"  sudo viq doctor\n"
	"  viq doctor --json | jq -r '.findings[] | select(.level == \"missing\") | .remedy'\n";

/* Is the tree this machine's, however it is called? */
static bool is_own(int root)
{
	struct stat there, here;

	return !fstat(root, &there) && !stat("/", &here) && there.st_dev == here.st_dev && there.st_ino == here.st_ino;
}

static void examine(struct doctor *d)
{
	doctor_kernel(d);
	doctor_iommufd(d);
	doctor_iommu(d);
	doctor_iort(d);
	doctor_vfio(d);
	doctor_settle(d);
}

int cmd_doctor(int argc, char **argv)
{
	static const struct option options[] = {
		{"help", no_argument, NULL, 'h'},
		{"json", no_argument, NULL, 'j'},
		{"root", required_argument, NULL, 'r'},
		{0},
	};
	struct doctor d = {.live = true};
	const char *root = "/";
	bool json = false;
	int c, status;

	while ((c = tool_getopt(argc, argv, "h", options)) != -1) {
		switch (c) {
		case 'h':
			fputs(help, stdout);
			return TOOL_OK;
		case 'j':
			json = true;
			break;
		case 'r':
			root = optarg;
			d.live = false;
			break;
		default:
			return TOOL_USAGE;
		}
	}
	if (optind != argc)
		return tool_usage("no operands are taken");
	d.root = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d.root < 0)
		return tool_usage("--root %s: %s", root, strerror(errno));
	d.own = is_own(d.root);
	examine(&d);
	doctor_print(&d, json);
	status = doctor_nesting(&d) ? TOOL_OK : TOOL_ERROR;
	doctor_free(&d);
	return status;
}
