/* SPDX-License-Identifier: MIT */
/*
 * /init of the virtual machine, its only program. The kernel's command line says what to do:
 *
 *   viq.run=tests    run the tests (viq.only=PREFIX: those whose names begin so)
 *   viq.run=bench    measure
 *   viq.run=iort     write the firmware's IORT to the console, in hex
 *   viq.run=story    make demo-kernel
 *
 * Then the machine is switched off.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tap.h"
#include "tests.h"

static const struct tap_test tests[] = {
	{"objects", test_objects},
	{"bare-valid", test_bare_valid},
	{"bare-pair", test_bare_pair},
	{"bare-groups", test_bare_groups},
	{"bare-answers", test_bare_answers},
	{"exact-guest", test_exact_guest},
	{"exact-kernel", test_exact_kernel},
	{"exact-strict", test_exact_strict},
	{"exact-many", test_exact_many},
	{"exact-call", test_exact_call},
	{"exact-call-listed", test_exact_call_listed},
	{"exact-reserved", test_exact_reserved},
	{"streams-ste", test_streams_ste},
	{"streams-bad-ste", test_streams_bad_ste},
	{"streams-cd", test_streams_cd},
	{"streams-smmuen", test_streams_smmuen},
	{"streams-move", test_streams_move},
	{"streams-plug", test_streams_plug},
	{"streams-event", test_streams_event},
	{"doorbell-bulk", test_doorbell_bulk},
	{"doorbell-strict", test_doorbell_strict},
	{"replay", test_replay},
	{"mock-array", test_mock_array},
	{"mock-count", test_mock_count},
	{"mock-refusal", test_mock_refusal},
	{"mock-pasids", test_mock_pasids},
	{"leak", test_leak},
};

static void run_tests(const char *only)
{
	tap_run(tests, sizeof(tests) / sizeof(tests[0]), only);
}

static void dump_iort(const char *unused)
{
	FILE *table = fopen("/sys/firmware/acpi/tables/IORT", "rb");
	int byte, at = 0;

	if (!table) {
		printf("IORT: %s\n", strerror(errno));
		return;
	}
	while ((byte = fgetc(table)) != EOF)
		printf("%s%02x", at++ % 32 ? "" : "\nIORT: ", (unsigned int)byte);
	printf("\nIORT: end\n");
	fclose(table);
}

static void run_bench(const char *unused)
{
	static const struct tap_test measure = {"bench", bench};

	tap_run(&measure, 1, NULL);
}

static void tell_story(const char *unused)
{
	story();
}

static const struct job {
	const char *name;
	void (*run)(const char *only);
} jobs[] = {
	{"tests", run_tests},
	{"bench", run_bench},
	{"iort", dump_iort},
	{"story", tell_story},
};

/* The value of key=value in the kernel's command line, or NULL. */
static const char *option(char *line, const char *key)
{
	size_t length = strlen(key);

	for (char *word = strtok(line, " \n"); word; word = strtok(NULL, " \n")) {
		if (!strncmp(word, key, length) && word[length] == '=')
			return word + length + 1;
	}
	return NULL;
}

static const char *command_line(char *buf, size_t size, const char *key)
{
	FILE *file = fopen("/proc/cmdline", "r");
	const char *value = NULL;

	if (file && fgets(buf, (int)size, file))
		value = option(buf, key);
	if (file)
		fclose(file);
	return value;
}

static void mount_at(const char *type, const char *path)
{
	mkdir(path, 0755);
	if (mount(type, path, type, 0, NULL) && errno != EBUSY)
		printf("mounting %s: %s\n", path, strerror(errno));
}

int main(void)
{
	char run_line[4096], only_line[4096];
	const char *run, *only;

	mount_at("proc", "/proc");
	mount_at("sysfs", "/sys");
	mount_at("devtmpfs", "/dev");
	run = command_line(run_line, sizeof(run_line), "viq.run");
	only = command_line(only_line, sizeof(only_line), "viq.only");
	for (size_t i = 0; i < sizeof(jobs) / sizeof(jobs[0]); i++) {
		if (run && !strcmp(run, jobs[i].name))
			jobs[i].run(only);
	}
	printf("viq: the end\n");
	fflush(stdout);
	reboot(RB_POWER_OFF);
	return 0;
}
