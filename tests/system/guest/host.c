/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kernel/edu.h"
#include "kernel/tap.h"
#include "host.h"

#define PCI_DEVICES "/sys/bus/pci/devices"
#define NVME_CLASS  "0x010802"

#define LEVEL_WARNING   4 /* of the kernel's log; 0 is the worst */
#define FACILITY_KERNEL 0

/* The disk's name as a PCI device; this machine's own driver does not keep it. */
static void free_disk(char *name, size_t size)
{
	char path[300], class[16] = "";
	struct dirent *entry;
	DIR *dir = opendir(PCI_DEVICES);
	int fd;

	if (!dir)
		fail(PCI_DEVICES ": %s", strerror(errno));
	while (strncmp(class, NVME_CLASS, strlen(NVME_CLASS)) && (entry = readdir(dir))) {
		snprintf(name, size, "%.15s", entry->d_name);
		snprintf(path, sizeof(path), PCI_DEVICES "/%s/class", name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd >= 0 && read(fd, class, sizeof(class)) < 0)
			class[0] = 0;
		close(fd);
	}
	closedir(dir);
	if (strncmp(class, NVME_CLASS, strlen(NVME_CLASS)))
		fail("the machine has no NVMe disk");
	snprintf(path, sizeof(path), PCI_DEVICES "/%s/driver/unbind", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0 && write(fd, name, strlen(name)) < 0)
		fail("%s: %s", path, strerror(errno));
	close(fd);
}

void host_bind_disk(char path[HOST_PATH])
{
	static char name[16]; /* once vfio-pci has it, nobody takes it away again */
	struct edu device = {.cdev = -1};
	char link[32];
	ssize_t length;

	if (!name[0])
		free_disk(name, sizeof(name));
	memcpy(device.name, name, sizeof(name));
	edu_open_found(&device);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", device.cdev);
	length = readlink(link, path, HOST_PATH - 1);
	if (length < 0)
		fail("%s: %s", link, strerror(errno));
	path[length] = 0;
	close(device.cdev);
}

void host_bind(void)
{
	struct edu edu;

	edu_open(&edu);
	close(edu.cdev);
	if (access(HOST_DEVICE, R_OK | W_OK))
		fail(HOST_DEVICE ": %s", strerror(errno));
}

void host_use(struct host_use *use, const char *path)
{
	struct viq_why why = {""};
	uint32_t id;

	use->cdev = open(path, O_RDWR | O_CLOEXEC);
	if (use->cdev < 0)
		fail("%s: %s", path, strerror(errno));
	if (viq_linux_open(NULL, &use->linux, &why))
		fail("iommufd: %s", why.text);
	if (viq_linux_vfio_bind(use->linux, use->cdev, &id, &why))
		fail("%s cannot be bound to an iommufd: %s", path, why.text);
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

/* vfio resets a device that can be when it is taken and given back, and the kernel has that as a warning. */
static bool is_reset(const char *said)
{
	return strstr(said, ": resetting\n") || strstr(said, ": reset done\n");
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
			(priority & 7) <= LEVEL_WARNING && said && !is_reset(said);
		if (found)
			snprintf(text, size, "%.*s", (int)strcspn(said + 1, "\n"), said + 1);
	}
	close(log->fd);
	return found;
}
