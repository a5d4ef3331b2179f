/* SPDX-License-Identifier: MIT */
/*
 * modes: from bypass to translation to abort and back, by what the guest's kernel does when drivers come and go. What
 * becomes of the device's stream in each case:
 *
 *   no driver, group type "identity"  bypass: an address is a guest-physical one
 *   no driver, group type "DMA"       stage 1, with nothing mapped
 *   vfio-pci, bound to an iommufd     abort: the owner of the group is a user, who has attached nothing
 *   attached to an I/O address space  stage 1
 *
 * The device tells what it could read only when it can write again. So it takes a text along that nobody else has, and
 * the next mode in which it reaches memory shows whether it is still that one.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "work.h"

#define CYCLES 3
#define IOVA   UINT64_C(0x500000000)
#define BYTES  4 /* of an access that makes an event */

/* Places in the page */
#define SECRET  0
#define ARRIVED 1024
#define FIRM    2048 /* what the device must not overwrite */

struct modes {
	uint8_t *page;
	uint64_t physical;
	struct edu edu;
	struct log log;
	unsigned int number; /* of texts so far */
	struct text carried; /* what the device has */
};

/* --- The page ------------------------------------------------------------------------------------------------------
 */

static uint64_t physical_address(const void *page)
{
	off_t at = (off_t)((uintptr_t)page / PAGE * 8);
	uint64_t entry = 0;
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || pread(fd, &entry, sizeof(entry), at) != sizeof(entry))
		fail("/proc/self/pagemap: %s", strerror(errno));
	close(fd);
	/* Documentation/admin-guide/mm/pagemap.rst: bit 63 present, bits 0 to 54 the page frame */
	if (!(entry >> 63) || !(entry & ((UINT64_C(1) << 55) - 1)))
		fail("no physical address in /proc/self/pagemap: %#llx", (unsigned long long)entry);
	return (entry & ((UINT64_C(1) << 55) - 1)) * PAGE;
}

static struct text *place(struct modes *m, uint32_t offset)
{
	return (struct text *)(m->page + offset);
}

/* --- What the device can do ----------------------------------------------------------------------------------------
 */

/* The page is at this address, and the device still has the text that it last got there. */
static void check_reached(struct modes *m, uint64_t address, const char *mode)
{
	struct text text = text_of("in the open %u", m->number++);

	memset(place(m, ARRIVED), 0, TEXT_BYTES);
	edu_store(&m->edu, address + ARRIVED, TEXT_BYTES);
	/* A read that was aborted may leave zeros there. */
	if (m->carried.bytes[0] && place(m, ARRIVED)->bytes[0] && !text_equal(place(m, ARRIVED), &m->carried))
		fail("%s: the device came with \"%s\", its last text was \"%s\": it read what it should not reach",
		     mode, text_printable(place(m, ARRIVED)).bytes, m->carried.bytes);
	memcpy(place(m, SECRET), &text, sizeof(text));
	edu_fetch(&m->edu, address + SECRET, TEXT_BYTES);
	edu_store(&m->edu, address + ARRIVED, TEXT_BYTES);
	if (!text_equal(place(m, ARRIVED), &text))
		fail("%s: the device does not reach the page at %#llx: \"%s\" came, not \"%s\"", mode,
		     (unsigned long long)address, text_printable(place(m, ARRIVED)).bytes, text.bytes);
	m->carried = text;
	log_expect_no_event(&m->log);
}

/* It is not. event: each try makes one; else none is made, as by an STE that aborts (IHI 0070 5.2, Config 0b000). */
static void check_out_of_reach(struct modes *m, uint64_t address, bool event, const char *mode)
{
	struct text secret = text_of("%u is a secret", m->number++), firm = text_of("firm %u", m->number++);

	memcpy(place(m, SECRET), &secret, sizeof(secret));
	memcpy(place(m, FIRM), &firm, sizeof(firm));
	edu_fetch(&m->edu, address + SECRET, BYTES);
	if (event)
		log_expect_event(&m->log, &m->edu, EVENT_TRANSLATION, address + SECRET, false);
	edu_store(&m->edu, address + FIRM, BYTES);
	if (event)
		log_expect_event(&m->log, &m->edu, EVENT_TRANSLATION, address + FIRM, true);
	log_expect_no_event(&m->log);
	if (!text_equal(place(m, FIRM), &firm))
		fail("%s: the device has written to the page at %#llx: \"%s\"", mode, (unsigned long long)address,
		     text_printable(place(m, FIRM)).bytes);
}

/* --- The modes -----------------------------------------------------------------------------------------------------
 */

static void set_group_type(const char *name, const char *type)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group/type", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, type, strlen(type)) < 0)
		fail("%s: \"%s\": %s", path, type, strerror(errno));
	close(fd);
}

static void without_driver(struct modes *m, const char *type)
{
	edu_unbind(&m->edu);
	set_group_type(m->edu.name, type);
	edu_start_bare(&m->edu);
}

static void detach(struct space *space)
{
	int err = viq_linux_vfio_detach(space->ctx, space->edu.cdev);

	if (err)
		fail("detaching: %s", strerror(-err));
}

static void with_driver(struct modes *m)
{
	struct space space;

	space_bind(&space);
	m->edu = space.edu;
	check_out_of_reach(m, m->physical, false, "bound");
	space_attach(&space);
	space_map(&space, IOVA, m->page, 1);
	check_reached(m, IOVA, "attached");
	check_out_of_reach(m, m->physical, true, "attached");
	check_reached(m, IOVA, "attached");
	detach(&space);
	check_out_of_reach(m, IOVA, false, "detached");
	check_out_of_reach(m, m->physical, false, "detached");
	space_close(&space);
}

static void cycle(struct modes *m)
{
	log_let_events_be_told();
	without_driver(m, "identity");
	check_reached(m, m->physical, "identity");
	edu_close(&m->edu);

	without_driver(m, "DMA");
	check_out_of_reach(m, m->physical, true, "translated, nothing mapped");
	edu_close(&m->edu);

	without_driver(m, "identity");
	check_reached(m, m->physical, "identity");
	edu_close(&m->edu);

	with_driver(m);
}

void work_modes(void)
{
	struct modes m = {0};

	m.page =
		mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_LOCKED | MAP_POPULATE, -1, 0);
	if (m.page == MAP_FAILED)
		fail("a page of memory: %s", strerror(errno));
	m.physical = physical_address(m.page);
	log_open(&m.log);
	for (unsigned int i = 0; i < CYCLES; i++)
		cycle(&m);
	without_driver(&m, "DMA");
	edu_close(&m.edu);
	log_close(&m.log);
	say_ok("modes", "%u times bypass, translation, bypass, abort, translation, abort", CYCLES);
}
