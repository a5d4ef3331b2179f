/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "machine.h"

static void mount_at(const char *type, const char *path)
{
	mkdir(path, 0755);
	if (mount(type, path, type, 0, NULL) && errno != EBUSY)
		printf("mounting %s: %s\n", path, strerror(errno));
}

void machine_start(void)
{
	mount_at("proc", "/proc");
	mount_at("sysfs", "/sys");
	mount_at("devtmpfs", "/dev");
}

bool machine_option(const char *key, char *value, size_t size)
{
	size_t length = strlen(key);
	FILE *file = fopen("/proc/cmdline", "r");
	char line[4096] = "";
	bool found = false;

	if (file && !fgets(line, sizeof(line), file))
		line[0] = 0;
	if (file)
		fclose(file);
	value[0] = 0;
	for (char *word = strtok(line, " \n"); word && !found; word = strtok(NULL, " \n")) {
		found = !strncmp(word, key, length) && word[length] == '=';
		if (found)
			snprintf(value, size, "%s", word + length + 1);
	}
	return found;
}

static void dump_iort(void)
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

void machine_off(void)
{
	fflush(stdout);
	reboot(RB_POWER_OFF);
}

int machine_run(const struct machine_job *jobs, size_t count)
{
	char run[32], only[64];
	bool chosen;

	machine_start();
	machine_option("viq.run", run, sizeof(run));
	chosen = machine_option("viq.only", only, sizeof(only));
	if (!strcmp(run, "iort"))
		dump_iort();
	for (size_t i = 0; i < count; i++) {
		if (!strcmp(run, jobs[i].name))
			tap_run(jobs[i].tests, jobs[i].count, chosen ? only : NULL);
	}
	printf("viq: the end\n");
	machine_off();
	return 0;
}

void machine_use_processor(unsigned int number)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(number, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		fail("processor %u: %s", number, strerror(errno));
}

uint64_t machine_now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

uint64_t machine_median(uint64_t *values, size_t count)
{
	qsort(values, count, sizeof(values[0]), compare);
	return values[count / 2];
}
