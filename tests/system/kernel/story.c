/* SPDX-License-Identifier: MIT */
/*
 * The story of make demo-kernel, in two chapters: the kernel's call alone, then the same commands through viq.
 * Everything that it says of the device was seen just then; a chapter that does not come out as told fails.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "bare.h"
#include "nest.h"
#include "tap.h"
#include "tests.h"

#define COUNT 400
#define BAD   300

static const struct synth_cmd bad_command = {{VIQ_SMMUV3_OP_TLBI_S12_VMALL, 0}};
#define FIRST_PAGE 1000 /* of the first chapter, not one of the 400 */
/* Pages that the device looks at. */
static const unsigned int looks[] = {0, 100, 251, 252, 299};
#define LOOKS (sizeof(looks) / sizeof(looks[0]))

static void __attribute__((format(printf, 1, 2))) say(const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	printf("STORY|%s\n", text);
	fflush(stdout);
}

static void say_bytes(const char *when, enum guest_seen seen)
{
	say("   %-56s the device reads: %s", when, seen == GUEST_OLD ? "OLD" : seen == GUEST_NEW ? "NEW" : "nothing");
}

/* A row a page. Returns how many are stale. */
static unsigned int say_looks(struct guest *guest, struct edu *edu)
{
	unsigned int stale = 0;

	for (unsigned int i = 0; i < LOOKS; i++) {
		enum guest_seen seen = guest_look(guest, edu, looks[i]);
		char page[32];

		check(seen == GUEST_OLD || seen == GUEST_NEW);
		stale += seen == GUEST_OLD;
		snprintf(page, sizeof(page), "page %u", looks[i]);
		say_bytes(page, seen);
	}
	return stale;
}

static void one_page(struct guest *guest, struct bare *bare)
{
	struct synth_cmd command = guest_tlbi(FIRST_PAGE);
	uint32_t count = 1;
	enum guest_seen seen;

	say("1. One page");
	say("   The device may use an address; the guest's page tables say which memory that is. The IOMMU looks it "
	    "up");
	say("   once, and remembers.");
	guest_map(guest, FIRST_PAGE, guest->old_page);
	seen = guest_look(guest, &bare->edu, FIRST_PAGE);
	say_bytes("at first:", seen);
	check_equal(seen, GUEST_OLD);
	guest_map(guest, FIRST_PAGE, guest->new_page);
	seen = guest_look(guest, &bare->edu, FIRST_PAGE);
	say_bytes("the guest has put new memory behind the address:", seen);
	check_equal(seen, GUEST_OLD);
	check_equal(bare_invalidate(bare->iommufd, bare->viommu, &command, &count), 0);
	seen = guest_look(guest, &bare->edu, FIRST_PAGE);
	say_bytes("it has told the IOMMU to forget (an invalidation):", seen);
	check_equal(seen, GUEST_NEW);
	say("   Until the invalidation is done, the old memory must not be given to anybody else.");
	say("%s", "");
}

static void many_pages(struct guest *guest, struct bare *bare)
{
	static struct synth_cmd commands[COUNT];
	uint32_t count = COUNT;
	unsigned int stale;

	say("2. Many pages at once, and one bad command");
	say("   The guest does this with %u pages. Its virtual machine monitor hands all %u invalidations to the "
	    "kernel in",
	    COUNT, COUNT);
	say("   one call. Number %u is not a valid command: a bug in the guest, or an attack.", BAD);
	for (unsigned int i = 0; i < COUNT; i++)
		commands[i] = guest_tlbi(i);
	commands[BAD] = bad_command;
	for (unsigned int i = 0; i < LOOKS; i++)
		guest_make_stale(guest, &bare->edu, looks[i]);
	check(bare_invalidate(bare->iommufd, bare->viommu, commands, &count) < 0);
	say("   IOMMU_HWPT_INVALIDATE: an error, \"%u successfully handled\". The monitor tells the guest so.", count);
	stale = say_looks(guest, &bare->edu);
	if (count == BAD && stale) {
		say("   OLD means: the device still reaches memory that the kernel said it cannot reach any more. It "
		    "belongs");
		say("   to somebody else by now.");
	} else {
		say("   On this kernel, what it counts is true: %u entries. (Linux 7.3 and older count more than they "
		    "did.)",
		    count);
	}
}

void story_bare(void)
{
	struct guest guest;
	struct bare bare;

	guest_create(&guest);
	bare_create(&bare, &guest);
	one_page(&guest, &bare);
	many_pages(&guest, &bare);
	say("%s", "");
}

void story_viq(void)
{
	static struct nest nest;
	unsigned int stale;

	say("3. The same through viq");
	nest_create(&nest, &(struct nest_config){.log2size = 10, .vsid = 5});
	say("   The guest writes the same %u commands into its queue and rings the doorbell; viq does the rest, on the",
	    COUNT);
	say("   same kernel.");
	for (unsigned int i = 0; i < LOOKS; i++)
		guest_make_stale(&nest.guest, &nest.edu, looks[i]);
	for (unsigned int i = 0; i < COUNT; i++)
		nest_push(&nest, i == BAD ? bad_command : guest_tlbi(i));
	nest_push_sync(&nest);
	/* The boot has used some indices. */
	uint32_t first = nest.queue.prod - COUNT - 1;
	nest_ring(&nest);
	say("   The guest sees its queue stopped at command %u: %s.", nest_cons(&nest) - first,
	    viq_smmuv3_cerror_name(nest_error(&nest)));
	check_equal(nest_cons(&nest) - first, BAD);
	check_equal(nest_error(&nest), VIQ_SMMUV3_CERROR_ILL);
	stale = say_looks(&nest.guest, &nest.edu);
	check_equal(stale, 0);
	say("   Everything before the bad command is done, and the guest knows exactly which one was bad.");
	nest_destroy(&nest);
}
