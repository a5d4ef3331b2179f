/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kernel/edu.h"
#include "kernel/tap.h"
#include "host.h"

#define LEVEL_WARNING   4 /* of the kernel's log; 0 is the worst */
#define FACILITY_KERNEL 0

void host_bind(void)
{
	struct edu edu;

	edu_open(&edu);
	close(edu.cdev);
	if (access(HOST_DEVICE, R_OK | W_OK))
		fail(HOST_DEVICE ": %s", strerror(errno));
}

void host_use(struct host_use *use)
{
	struct viq_why why = {""};
	uint32_t id;

	use->cdev = open(HOST_DEVICE, O_RDWR | O_CLOEXEC);
	if (use->cdev < 0)
		fail(HOST_DEVICE ": %s", strerror(errno));
	if (viq_linux_open(NULL, &use->linux, &why))
		fail("iommufd: %s", why.text);
	if (viq_linux_vfio_bind(use->linux, use->cdev, &id, &why))
		fail(HOST_DEVICE " cannot be bound to an iommufd: %s", why.text);
}

void host_leave(struct host_use *use)
{
	close(use->cdev);
	viq_linux_close(use->linux);
}

void host_log_begin(struct host_log *log)
{
	log->fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (log->fd < 0 || lseek(log->fd, 0, SEEK_END) < 0)
		fail("/dev/kmsg: %s", strerror(errno));
}

bool host_log_end(struct host_log *log, char *text, size_t size)
{
	char record[2048], *said;
	bool found = false;
	ssize_t got;

	/* A record a read: "PRIORITY,NUMBER,TIME,FLAGS;TEXT\n" and more lines that do not matter here. */
	while (!found && ((got = read(log->fd, record, sizeof(record) - 1)) > 0 || (got < 0 && errno == EPIPE))) {
		unsigned int priority = 0;

		if (got < 0) /* records were lost; go on with the oldest one there is */
			continue;
		record[got] = 0;
		said = strchr(record, ';');
		found = sscanf(record, "%u", &priority) == 1 && priority >> 3 == FACILITY_KERNEL &&
			(priority & 7) <= LEVEL_WARNING && said;
		if (found)
			snprintf(text, size, "%.*s", (int)strcspn(said + 1, "\n"), said + 1);
	}
	close(log->fd);
	return found;
}
