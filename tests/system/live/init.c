/* SPDX-License-Identifier: MIT */
/*
 * /init of a guest whose IOMMU is viq: an unmodified Linux of Debian's. What it is to find is on its command line:
 * viq.type, the type of each IOMMU group ("DMA": strict, "DMA-FQ": lazy); viq.rounds, how much it is to do.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kexec.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "function.h"
#include "job.h"

#define FUNCTIONS "/sys/bus/pci/devices"

static unsigned int rounds(void)
{
	char text[16];

	return machine_option("viq.rounds", text, sizeof(text)) ? (unsigned int)atoi(text) : 40;
}

/* Names in a folder of sysfs. */
static int count_names(const char *path)
{
	struct dirent **list;
	int count = scandir(path, &list, NULL, NULL);

	return count < 2 ? 0 : count - 2;
}

/* The kernel has found an IOMMU, and put all PCI functions behind it in the way that it was told. */
static void test_found(void)
{
	char wanted[16], type[32], path[512];
	struct dirent **list;
	int count = scandir(FUNCTIONS, &list, NULL, alphasort), behind = 0;

	check(count_names("/sys/class/iommu") > 0);
	check(machine_option("viq.type", wanted, sizeof(wanted)));
	for (int i = 0; i < count; i++) {
		if (list[i]->d_name[0] == '.')
			continue;
		/* Arm's host bridge is not behind it. */
		snprintf(path, sizeof(path), FUNCTIONS "/%s/iommu_group/type", list[i]->d_name);
		if (access(path, F_OK))
			continue;
		devices_read(path, type, sizeof(type));
		if (strcmp(type, wanted) != 0)
			fail("%s is of type %s, not %s", list[i]->d_name, type, wanted);
		behind++;
	}
	tap_note("%d of %d PCI functions are behind the IOMMU, %s", behind, count - 2, wanted);
	check(behind >= 4);
}

static void test_nvme(void)
{
	pid_t beside = disk_begin(NVME, 1);

	disk_check(NVME, 0, rounds());
	disk_end(beside);
}

static void test_virtio_blk(void)
{
	pid_t beside = disk_begin(VIRTIO_BLK, 1);

	disk_check(VIRTIO_BLK, 0, rounds());
	disk_end(beside);
}

static void test_net(void)
{
	net_check(4 * rounds());
}

/* Drivers leave their devices and come back, while another device works. */
static void test_rebind(void)
{
	static const char *const drivers[] = {"nvme", "e1000e"};
	pid_t beside = disk_begin(VIRTIO_BLK, 0);
	char address[32];

	for (int i = 0; i < 3; i++) {
		for (size_t j = 0; j < sizeof(drivers) / sizeof(drivers[0]); j++) {
			devices_find(drivers[j], address, sizeof(address));
			devices_unbind(drivers[j], address);
			devices_bind(drivers[j], address);
		}
		disk_check(NVME, 0, 4);
		net_check(8);
	}
	disk_end(beside);
}

/* Through an identity domain, past the IOMMU, and back: what was cached of one must not serve the other. */
static void test_domains(void)
{
	pid_t beside = disk_begin(VIRTIO_BLK, 0);
	char wanted[16], address[32], path[128];

	check(machine_option("viq.type", wanted, sizeof(wanted)));
	devices_find("nvme", address, sizeof(address));
	snprintf(path, sizeof(path), FUNCTIONS "/%s/iommu_group/type", address);
	for (int i = 0; i < 4; i++) {
		devices_unbind("nvme", address);
		devices_write(path, i % 2 ? wanted : "identity");
		devices_bind("nvme", address);
		disk_check(NVME, 0, 4);
	}
	disk_end(beside);
}

/* A processor goes and comes: what it had still to flush must not be lost. */
static void test_processors(void)
{
	pid_t beside = disk_begin(NVME, 1);

	for (int i = 0; i < 4; i++) {
		devices_write("/sys/devices/system/cpu/cpu1/online", i % 2 ? "1" : "0");
		disk_check(VIRTIO_BLK, 0, 4);
	}
	disk_end(beside);
}

/* A second NVMe comes to a root port, works, goes, and comes again. */
static void test_hotplug(void)
{
	pid_t beside = disk_begin(NVME, 1);

	for (int i = 0; i < 2; i++) {
		devices_ask("plug");
		disk_check("/dev/nvme1n1", 0, 8);
		devices_ask("unplug");
		/* Linux has still to see that the slot is empty, and powers none up within a second. */
		sleep(3);
	}
	disk_end(beside);
}

/* A function's memory is decoded, and not, and so on until this process is ended. */
static void change_decoding(void)
{
	const uint16_t off = 0, on = 2; /* Memory Space Enable, in Command */
	char address[32], path[320];
	int config;

	function_find(address, sizeof(address));
	snprintf(path, sizeof(path), FUNCTIONS "/%s/config", address);
	config = open(path, O_RDWR | O_CLOEXEC);
	check(config >= 0);
	for (;;) {
		check(pwrite(config, &on, sizeof(on), 4) == sizeof(on));
		check(pwrite(config, &off, sizeof(off), 4) == sizeof(off));
	}
}

/*
 * One processor changes where memory is, again and again: what another one writes to its APIC meanwhile must come there
 * (docs/qemu.md). That one naps, so that it has timers to set and interrupts to end; a nap without an end is the fault.
 */
static void test_decoding(void)
{
	pid_t beside = fork();
	int status;

	check(beside >= 0);
	machine_use_processor(beside ? 0 : 1);
	if (!beside) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		change_decoding();
	}
	for (unsigned int i = 0; i < 10000; i++)
		usleep(20 + i % 300);
	check(!kill(beside, SIGKILL));
	check(waitpid(beside, &status, 0) == beside && WIFSIGNALED(status));
}

static void test_dma(void)
{
	dma_check(rounds());
}

/* The host has an invalidation lost: this must fail, since what follows reads stale. */
static void test_lost(void)
{
	dma_check(4);
	dma_check_lost();
}

/*
 * A failure in the midst of I/O, of the IOMMU or of the host behind it, that goes away by itself or after a while. All
 * must go on, and each byte be where it belongs.
 */
static void survive(const char *failure, unsigned int seconds)
{
	pid_t beside = disk_begin(VIRTIO_BLK, 1);
	char text[64];

	disk_check(NVME, 0, 4);
	if (seconds)
		snprintf(text, sizeof(text), "fail %s %u", failure, seconds);
	else
		snprintf(text, sizeof(text), "fail %s", failure);
	devices_ask(text);
	if (seconds)
		sleep(seconds + 2);
	disk_check(NVME, 0, rounds() / 2);
	disk_end(beside);
	devices_ask("fail none");
	disk_check(VIRTIO_BLK, 0, 4);
}

/* The same failure for one page, again and again, then alone and in the midst of other work. */
static void strike(const char *failure, enum dma_after after)
{
	pid_t beside;

	for (int i = 0; i < 4; i++)
		dma_check_failure(failure, after);
	beside = disk_begin(VIRTIO_BLK, 1);
	disk_check(NVME, 0, rounds() / 4);
	disk_end(beside);
}

/*
 * Linux tells of an invalidation that was refused, and goes on as if it were done (qi_check_fault(),
 * __arm_smmu_cmdq_skip_err()): what was unmapped may be reached until the next one for it.
 */
static void test_refused(void)
{
	strike("0:host-illegal", DMA_EITHER);
}

static void test_abort(void)
{
	strike("0:abort", DMA_GONE);
}

static void test_gone(void)
{
	survive("3:gone", 3);
}

static void test_config_drop(void)
{
	dma_check_attach_lost();
}

static void test_ats_on(void)
{
	dma_check_ats();
}

/* The architecture of the IOMMU: Arm's has a command queue. */
static bool is_arm(void)
{
	struct utsname name;

	check(!uname(&name));
	return !strcmp(name.machine, "aarch64");
}

/*
 * Linux submits it again (qi_check_fault(): ITE), until it is answered; on Arm it goes on without
 * (__arm_smmu_cmdq_skip_err()).
 */
static void test_atc_timeout(void)
{
	strike("0:atc-timeout", is_arm() ? DMA_EITHER : DMA_GONE);
	strike("0:atc-timeout:3", is_arm() ? DMA_EITHER : DMA_GONE);
}

/* A wrong answer is none: what follows is as above. */
static void test_atc_wrong(void)
{
	strike("0:atc-wrong", DMA_GONE);
}

/* What is lost must be seen, or nothing here looks at a device's own translations. */
static void test_atc_drop(void)
{
	strike("0:atc-drop", DMA_STALE);
}

/*
 * Linux up to 7.0 looks at every other slot of the queue when a device did not answer, up to the one before IQT, and
 * would loop for ever if that is not among them. An unmapping takes three slots from 6.12 on, so either comes.
 */
static void test_both_slots(void)
{
	bool seen[2] = {false};
	struct utsname name;
	char slot[16];

	for (int i = 0; i < 16 && !(seen[0] && seen[1]); i++) {
		devices_ask_for("slot", slot, sizeof(slot));
		seen[!strcmp(slot, "odd")] = true;
		dma_check_failure("0:atc-timeout", DMA_GONE);
	}
	check(!uname(&name));
	check((seen[0] && seen[1]) || !strncmp(name.release, "6.1.", 4));
	tap_note("struck with IQT at%s%s slots", seen[0] ? " even" : "", seen[1] ? " odd" : "");
}

static void test_no_memory(void)
{
	survive("3:no-memory:4", 0);
}

static void test_stands_still(void)
{
	survive("3:hardware:0", 3);
}

static void test_slow(void)
{
	survive("5:slow", 3);
}

static void test_hangs(void)
{
	survive("hang", 3);
}

/* Works until the host resets the machine; after that it does its rounds and is done. */
static void test_reset(void)
{
	pid_t beside = disk_begin(NVME, 1);

	disk_check(VIRTIO_BLK, 0, 4);
	devices_ask("reset");
	disk_check(VIRTIO_BLK, 0, rounds());
	disk_end(beside);
}

/* Goes on in another QEMU, in the midst of I/O. */
static void test_migrate(void)
{
	pid_t beside = disk_begin(VIRTIO_BLK, 1);

	disk_check(VIRTIO_BLK, 0, 4);
	devices_ask("migrate");
	disk_check(VIRTIO_BLK, 0, rounds());
	net_check(rounds());
	disk_end(beside);
}

/*
 * Dies in the midst of work, with the kernel beside it that was loaded for this case: that one finds the IOMMU switched
 * on, with tables that it did not write, and devices that still do DMA.
 */
static void test_crash(void)
{
	int image = open("/second/Image", O_RDONLY | O_CLOEXEC), disk = open("/second/initrd", O_RDONLY | O_CLOEXEC);
	char words[4096];
	char *run;

	devices_read("/proc/cmdline", words, sizeof(words));
	run = strstr(words, "viq.run=crash");
	check(run);
	memcpy(run, "viq.run=after", strlen("viq.run=after")); /* as long */
	strncat(words, " nr_cpus=1 reset_devices", sizeof(words) - strlen(words) - 1);
	if (syscall(SYS_kexec_file_load, image, disk, strlen(words) + 1, words, (unsigned long)KEXEC_FILE_ON_CRASH))
		fail("kexec_file_load: %s", strerror(errno));
	disk_begin(NVME, 1);
	disk_begin(VIRTIO_BLK, 1);
	net_check(8);
	disk_check(NVME, 0, 4);
	printf("viq: crash\n");
	fflush(stdout);
	devices_write("/proc/sysrq-trigger", "c");
}

static const struct tap_test work[] = {
	{"found", test_found},           {"nvme", test_nvme},
	{"virtio-blk", test_virtio_blk}, {"net", test_net},
	{"rebind", test_rebind},         {"domains", test_domains},
	{"processors", test_processors}, {"hotplug", test_hotplug},
	{"decoding", test_decoding},     {"dma", test_dma},
};
static const struct tap_test failures[] = {
	{"no-memory", test_no_memory}, {"stands-still", test_stands_still},
	{"slow", test_slow},           {"hangs", test_hangs},
	{"gone", test_gone},           {"refused", test_refused},
	{"abort", test_abort},         {"config-drop", test_config_drop},
};
static const struct tap_test ats[] = {
	{"ats-on", test_ats_on}, {"atc-timeout", test_atc_timeout}, {"atc-drop", test_atc_drop},
	{"abort", test_abort},   {"atc-wrong", test_atc_wrong},     {"both-slots", test_both_slots},
};
#define ATS_ARM 4 /* the first of these */
static const struct tap_test reset[] = {{"reset", test_reset}};
static const struct tap_test migrate[] = {{"migrate", test_migrate}};
static const struct tap_test crash[] = {{"crash", test_crash}};
static const struct tap_test after[] = {
	{"after-found", test_found},
	{"after-nvme", test_nvme},
	{"after-virtio-blk", test_virtio_blk},
	{"after-net", test_net},
};
/* Dom0 of a Xen that has the IOMMU: it sees none itself. */
static const struct tap_test dom0[] = {
	{"nvme", test_nvme},
	{"virtio-blk", test_virtio_blk},
	{"net", test_net},
	{"rebind", test_rebind},
};
/* Its virtio disk is a process's of its own. */
static const struct tap_test vhost[] = {{"found", test_found}, {"virtio-blk", test_virtio_blk}};
static const struct tap_test bench[] = {{"unmap", bench_unmap}, {"reads", bench_reads}};
static const struct tap_test lost[] = {{"lost", test_lost}};

static const struct machine_job jobs[] = {
	{"work", MACHINE_TESTS(work)},       {"reset", MACHINE_TESTS(reset)}, {"crash", MACHINE_TESTS(crash)},
	{"after", MACHINE_TESTS(after)},     {"lost", MACHINE_TESTS(lost)},   {"bench", MACHINE_TESTS(bench)},
	{"ats", MACHINE_TESTS(ats)},         {"ats-arm", ats, ATS_ARM},       {"failures", MACHINE_TESTS(failures)},
	{"migrate", MACHINE_TESTS(migrate)}, {"dom0", MACHINE_TESTS(dom0)},   {"vhost", MACHINE_TESTS(vhost)},
};

int main(void)
{
	machine_start();
	devices_load_modules();
	return machine_run(jobs, sizeof(jobs) / sizeof(jobs[0]));
}
