/* SPDX-License-Identifier: MIT */
/*
 * msi: the device interrupts a program that has it by vfio. The guest's kernel maps the doorbell for the program, at
 * the addresses at which the host's does for this machine.
 */
#include <errno.h>
#include <linux/vfio.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "work.h"

#define EDU_RAISE       (0x60 / 4)
#define EDU_ACKNOWLEDGE (0x64 / 4)
#define TIMES           50u
#define PATIENCE_MS     5000

/* event < 0: no longer. */
static void set_event(const struct space *space, int event)
{
	union {
		struct vfio_irq_set set;
		uint8_t room[sizeof(struct vfio_irq_set) + sizeof(int32_t)];
	} irqs;
	bool on = event >= 0;

	irqs.set = (struct vfio_irq_set){
		.argsz = sizeof(irqs),
		.flags = VFIO_IRQ_SET_ACTION_TRIGGER | (on ? VFIO_IRQ_SET_DATA_EVENTFD : VFIO_IRQ_SET_DATA_NONE),
		.index = VFIO_PCI_MSI_IRQ_INDEX,
		.count = on,
	};
	memcpy(irqs.set.data, &event, sizeof(event));
	if (ioctl(space->edu.cdev, VFIO_DEVICE_SET_IRQS, &irqs))
		fail("VFIO_DEVICE_SET_IRQS: %s", strerror(errno));
}

static uint64_t wait_for(int event, int milliseconds)
{
	struct pollfd fd = {.fd = event, .events = POLLIN};
	uint64_t count = 0;

	if (poll(&fd, 1, milliseconds) > 0 && read(event, &count, sizeof(count)) != sizeof(count))
		fail("eventfd: %s", strerror(errno));
	return count;
}

void work_msi(void)
{
	int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct space space;

	space_open(&space);
	set_event(&space, event);
	for (uint32_t i = 0; i < TIMES; i++) {
		uint64_t count;

		space.edu.bar[EDU_RAISE] = 1;
		count = wait_for(event, PATIENCE_MS);
		if (count != 1)
			fail("the device has interrupted once more, after %u times, and %llu came", i,
			     (unsigned long long)count);
		space.edu.bar[EDU_ACKNOWLEDGE] = 1;
	}
	set_event(&space, -1);
	space_close(&space);
	close(event);
	say_ok("msi", "%u interrupts", TIMES);
}
