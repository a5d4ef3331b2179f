/* SPDX-License-Identifier: MIT */
/*
 * both: two devices behind one SMMU, each with an address space of its own, at the same addresses (viq.edu= and
 * viq.edu2=). Where the VMM has different hosts for them, each must be told of what the guest invalidates for its
 * device.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kernel/machine.h"
#include "work.h"

#define SIDES  2
#define POOL   64
#define IOVA   UINT64_C(0x600000000)
#define READ   0
#define WRITE  2048
#define ROUNDS 50

struct side {
	struct space space;
	uint32_t page; /* what is mapped at IOVA */
};

/* The device copies a text from one place of its page to another. */
static void look(const struct side *side, struct pool *pool, uint32_t number, uint32_t round)
{
	struct text text = text_of("device %u in round %u", number, round), was = pool_read(pool, side->page, WRITE),
		    came;

	pool_write(pool, side->page, READ, &text);
	edu_fetch(&side->space.edu, IOVA + READ, TEXT_BYTES);
	edu_store(&side->space.edu, IOVA + WRITE, TEXT_BYTES);
	came = pool_read(pool, side->page, WRITE);
	if (!text_equal(&came, &text))
		fail("round %u: device %u brought \"%s\", not \"%s\": stale, or lost", round, number,
		     text_printable(&came).bytes, text.bytes);
	pool_written(pool, side->page, WRITE, &was, &text);
}

static void map(struct side *side, struct pool *pool, uint32_t round)
{
	side->page = pool_take(pool, 1, IOVA, round);
	space_map(&side->space, IOVA, pool_page(pool, side->page), 1);
}

static void run(uint32_t rounds)
{
	static const char *const options[SIDES] = {"viq.edu", "viq.edu2"};
	struct side sides[SIDES];
	struct pool pool;

	pool_create(&pool, POOL);
	for (uint32_t i = 0; i < SIDES; i++) {
		char name[16];

		if (!machine_option(options[i], name, sizeof(name)))
			fail("the kernel's command line has no %s=", options[i]);
		space_open_of(&sides[i].space, name);
		map(&sides[i], &pool, 0);
	}
	for (uint32_t round = 0; round < rounds; round++) {
		struct side *side = &sides[round % SIDES];
		uint32_t old = side->page;

		for (uint32_t i = 0; i < SIDES; i++)
			look(&sides[i], &pool, i, round);
		/* The VMM may be asked to lose what tells of it. */
		if (round == setting("viq.lose", rounds))
			ask(NULL, 0, "lose");
		/* One of them gets another page; the other one keeps what it has. */
		space_unmap(&side->space, IOVA, 1);
		map(side, &pool, round);
		look(side, &pool, round % SIDES, round);
		pool_give(&pool, old, 1);
	}
	pool_check(&pool, 0, POOL);
	for (uint32_t i = 0; i < SIDES; i++)
		space_close(&sides[i].space);
	pool_destroy(&pool);
}

void work_both(void)
{
	run(ROUNDS);
	say_ok("both", "%u unmaps of two devices in turns", ROUNDS);
}

/* --- A device that comes and goes --------------------------------------------------------------------------------- */

static void write_word(const char *path, off_t at, const void *word, size_t size)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || pwrite(fd, word, size, at) != (ssize_t)size)
		fail("%s cannot be written", path);
	close(fd);
}

/* The Slot Control register of the port (PCI Express 7.5.3.10), as a hot-plug driver writes it. */
static void set_slot(bool on)
{
	const uint16_t control = on ? 0x0100 : 0x0700; /* power indicator on; or off, and the power as well */
	uint8_t at, id = 0;
	char name[16], path[64];
	int fd;

	machine_option("viq.port", name, sizeof(name));
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || pread(fd, &at, 1, 0x34) != 1)
		fail("%s cannot be read", path);
	while (at && pread(fd, &id, 1, at) == 1 && id != 0x10) {
		if (pread(fd, &at, 1, at + 1) != 1)
			break;
	}
	close(fd);
	if (id != 0x10)
		fail("%s is no port", name);
	write_word(path, at + 0x18, &control, sizeof(control));
}

void work_plug(void)
{
	char name[16], path[64];

	machine_option("viq.edu", name, sizeof(name));
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/remove", name);
	for (unsigned int times = 0; times < 2; times++) {
		run(10);
		write_word(path, 0, "1", 1);
		set_slot(false);
		ask(NULL, 0, "unplugged");
		ask(NULL, 0, "plug");
		set_slot(true);
		write_word("/sys/bus/pci/rescan", 0, "1", 1);
	}
	run(10);
	say_ok("plug", "a device has gone twice and come back, and worked beside the other one");
}
