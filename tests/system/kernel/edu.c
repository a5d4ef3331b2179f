/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "edu.h"
#include "live/function.h"
#include "machine.h"
#include "tap.h"

#define PCI_DEVICES "/sys/bus/pci/devices"
#define VENDOR      0x1234 /* of both */
#define EDU_DEVICE  0x11e8

/* Registers, as indices of 32-bit words; the last four are 64 bits wide. */
#define EDU_DMA_SOURCE      (0x80 / 4)
#define EDU_DMA_DESTINATION (0x88 / 4)
#define EDU_DMA_COUNT       (0x90 / 4)
#define EDU_DMA_COMMAND     (0x98 / 4)
#define EDU_DMA_START       1u
#define EDU_DMA_TO_MEMORY   2u
#define EDU_BUFFER          0x40000 /* as an address for its own DMA engine */
#define EDU_BAR_SIZE        0x1000  /* the registers that are used */

/* The device takes 100 ms from the command on. */
#define TRANSFER_NS 100100000

#define PCI_COMMAND            4
#define PCI_COMMAND_MEMORY     2u
#define PCI_COMMAND_BUS_MASTER 4u

static unsigned int read_hex(const char *name, const char *file)
{
	char path[300];
	unsigned int value = 0;
	FILE *f;

	snprintf(path, sizeof(path), PCI_DEVICES "/%s/%s", name, file);
	f = fopen(path, "r");
	if (!f)
		return 0;
	if (fscanf(f, "%x", &value) != 1)
		value = 0;
	fclose(f);
	return value;
}

void edu_find(struct edu *edu)
{
	char wanted[sizeof(edu->name)];
	struct dirent *entry;
	DIR *dir = opendir(PCI_DEVICES);

	if (!dir)
		fail(PCI_DEVICES ": %s", strerror(errno));
	machine_option("viq.edu", wanted, sizeof(wanted));
	while ((entry = readdir(dir))) {
		unsigned int device = read_hex(entry->d_name, "device");

		if (wanted[0] && strcmp(entry->d_name, wanted))
			continue;
		if (read_hex(entry->d_name, "vendor") == VENDOR &&
		    (device == EDU_DEVICE || device == VIQ_DMA_DEVICE_ID)) {
			snprintf(edu->name, sizeof(edu->name), "%.15s", entry->d_name);
			closedir(dir);
			return;
		}
	}
	fail("the machine has no device that does DMA when told to");
}

uint32_t edu_requester(const struct edu *edu)
{
	unsigned int bus, slot, function;

	if (sscanf(edu->name, "%*x:%x:%x.%x", &bus, &slot, &function) != 3)
		fail("%s is not the name of a PCI device", edu->name);
	return bus << 8 | slot << 3 | function;
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		fail("%s: %s", path, strerror(errno));
	close(fd);
}

/* Opens the one vfio cdev below the PCI device; -1 while vfio-pci does not have it. */
static int open_cdev(const char *name)
{
	char path[600];
	struct dirent *entry;
	int fd = -1;
	DIR *dir;

	snprintf(path, sizeof(path), PCI_DEVICES "/%s/vfio-dev", name);
	dir = opendir(path);
	if (!dir)
		return -1;
	while (fd < 0 && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, "vfio", 4))
			continue;
		snprintf(path, sizeof(path), "/dev/vfio/devices/%s", entry->d_name);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			fail("%s: %s", path, strerror(errno));
	}
	closedir(dir);
	return fd;
}

void edu_open(struct edu *edu)
{
	edu_find(edu);
	edu_open_found(edu);
}

void edu_open_found(struct edu *edu)
{
	char path[300];

	edu->cdev = open_cdev(edu->name);
	if (edu->cdev >= 0)
		return;
	snprintf(path, sizeof(path), PCI_DEVICES "/%s/driver_override", edu->name);
	write_file(path, "vfio-pci");
	write_file("/sys/bus/pci/drivers_probe", edu->name);
	edu->cdev = open_cdev(edu->name);
	if (edu->cdev < 0)
		fail("vfio-pci did not take %s", edu->name);
}

static uint64_t region(int cdev, uint32_t index)
{
	struct vfio_region_info info = {.argsz = sizeof(info), .index = index};

	if (ioctl(cdev, VFIO_DEVICE_GET_REGION_INFO, &info))
		fail("VFIO_DEVICE_GET_REGION_INFO(%u): %s", index, strerror(errno));
	return info.offset;
}

static void know(struct edu *edu)
{
	edu->viq_dma = read_hex(edu->name, "device") == VIQ_DMA_DEVICE_ID;
	edu->control = 0;
}

void edu_start(struct edu *edu)
{
	uint16_t command = PCI_COMMAND_MEMORY | PCI_COMMAND_BUS_MASTER;
	void *bar;

	know(edu);
	edu->config = region(edu->cdev, VFIO_PCI_CONFIG_REGION_INDEX);
	if (pwrite(edu->cdev, &command, sizeof(command), (off_t)edu->config + PCI_COMMAND) != sizeof(command))
		fail("PCI command register: %s", strerror(errno));
	bar = mmap(NULL, EDU_BAR_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, edu->cdev,
		   (off_t)region(edu->cdev, VFIO_PCI_BAR0_REGION_INDEX));
	if (bar == MAP_FAILED)
		fail("mapping BAR 0: %s", strerror(errno));
	edu->bar = bar;
}

void edu_close(struct edu *edu)
{
	munmap((void *)edu->bar, EDU_BAR_SIZE);
	if (edu->cdev >= 0)
		close(edu->cdev);
}

void edu_unbind(struct edu *edu)
{
	char path[300];

	edu_find(edu);
	snprintf(path, sizeof(path), PCI_DEVICES "/%s/driver/unbind", edu->name);
	if (!access(path, F_OK))
		write_file(path, edu->name);
}

/* Opens a file of the device in sysfs. */
static int open_file(const struct edu *edu, const char *file)
{
	char path[300];
	int fd;

	snprintf(path, sizeof(path), PCI_DEVICES "/%s/%s", edu->name, file);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		fail("%s: %s", path, strerror(errno));
	return fd;
}

void edu_start_bare(struct edu *edu)
{
	uint16_t command = PCI_COMMAND_MEMORY | PCI_COMMAND_BUS_MASTER;
	void *bar;
	int fd;

	edu_find(edu);
	know(edu);
	edu->cdev = -1;
	fd = open_file(edu, "config");
	if (pwrite(fd, &command, sizeof(command), PCI_COMMAND) != sizeof(command))
		fail("PCI command register: %s", strerror(errno));
	close(fd);
	fd = open_file(edu, "resource0");
	bar = mmap(NULL, EDU_BAR_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (bar == MAP_FAILED)
		fail("mapping resource0: %s", strerror(errno));
	close(fd);
	edu->bar = bar;
}

/* viq-dma's buffer is its register DATA. */
static void command(struct edu *edu, uint32_t op, uint64_t src, uint64_t dst, uint32_t bytes)
{
	struct function function = {edu->bar};

	edu->bar[VIQ_DMA_CONTROL / 4] = edu->control;
	check(function_command(&function, op, src, dst, bytes) & VIQ_DMA_STATUS_DONE);
}

static void write64(struct edu *edu, unsigned int word, uint64_t value)
{
	*(volatile uint64_t *)(edu->bar + word) = value;
}

static void transfer(struct edu *edu, uint64_t from, uint64_t to, uint32_t bytes, uint32_t direction)
{
	/* Waking up costs more than a transfer does, in a machine within a machine: once must do. */
	const struct timespec usual = {.tv_nsec = TRANSFER_NS}, more = {.tv_nsec = 1000000};

	write64(edu, EDU_DMA_SOURCE, from);
	write64(edu, EDU_DMA_DESTINATION, to);
	write64(edu, EDU_DMA_COUNT, bytes);
	write64(edu, EDU_DMA_COMMAND, EDU_DMA_START | direction);
	nanosleep(&usual, NULL);
	while (edu->bar[EDU_DMA_COMMAND] & EDU_DMA_START)
		nanosleep(&more, NULL);
}

void edu_fetch(struct edu *edu, uint64_t iova, uint32_t bytes)
{
	if (edu->viq_dma)
		command(edu, VIQ_DMA_READ, iova, 0, bytes);
	else
		transfer(edu, iova, EDU_BUFFER, bytes, 0);
}

void edu_store(struct edu *edu, uint64_t iova, uint32_t bytes)
{
	if (edu->viq_dma)
		command(edu, VIQ_DMA_WRITE, 0, iova, bytes);
	else
		transfer(edu, EDU_BUFFER, iova, bytes, EDU_DMA_TO_MEMORY);
}
