/* SPDX-License-Identifier: MIT */
/*
 * Any tree of files and links as what `viq doctor --root` looks at: a copy of another machine's. What must hold besides
 * what tool_run.h says: a table of ACPI, registers, options and names are judged and never an error of the command, its
 * exit status is the verdict that it prints, and it prints nothing of what is outside the tree, where links may lead.
 */
#include <fcntl.h>
#include <ftw.h>
#include <jansson.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/test.h"
#include "input.h"
#include "tool_run.h"

#define TEXT 255 /* bytes of a file, but of the table */

/* Filled by the input: files, and links by where they lead to. */
static const char *const files[] = {
	"proc/sys/kernel/osrelease",
	"proc/sys/kernel/arch",
	"proc/cmdline",
	"boot/config-6.15.0",
	"sys/class/iommu/dmar0/intel-iommu/ecap",
	"sys/class/iommu/dmar1/intel-iommu/ecap",
	"sys/bus/pci/devices/0000:00:01.0/class",
};
static const char *const links[] = {
	"sys/class/vfio-dev/vfio0/device/driver", "sys/class/vfio-dev/vfio0/device/iommu",
	"sys/class/vfio-dev/vfio1/device",        "sys/bus/pci/devices/0000:00:01.0/driver",
	"sys/bus/pci/devices/0000:00:01.0/iommu",
};
/* There or not. */
static const char *const marks[] = {
	"dev/iommu",
	"sys/class/misc/iommu",
	"sys/class/iommu/smmu3.0x0000000009050000",
	"sys/class/iommu/ivhd0",
};
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Of the first byte: files that would be empty, and all links, lead out of the tree. */
#define FILES_OUT 0x40
#define LINKS_OUT 0x80

#define IORT "sys/firmware/acpi/tables/IORT"

/* Outside the tree: a file with this text, and where a link ends. */
#define SECRET "OUTSIDE"

static char top[64], root[80], outside[80];

static int forget(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static void remove_tree(void)
{
	nftw(top, forget, 16, FTW_DEPTH | FTW_PHYS);
}

static void put_file(int dir, const char *path, const void *bytes, size_t len)
{
	int fd = openat(dir, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd > 0);
	assert_int_equal(write(fd, bytes, len), len);
	close(fd);
}

/* The folders that a path has. */
static void make_folders(int dir, const char *path)
{
	char folder[128];

	for (const char *slash = path; (slash = strchr(slash, '/')); slash++) {
		snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path), path);
		mkdirat(dir, folder, 0700);
	}
}

static void make_outside(void)
{
	int dir;

	assert_int_equal(mkdir(outside, 0700), 0);
	dir = open(outside, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(dir > 0);
	put_file(dir, "file", SECRET, strlen(SECRET));
	assert_int_equal(symlinkat("../" SECRET, dir, "driver"), 0);
	assert_int_equal(symlinkat("../" SECRET, dir, "iommu"), 0);
	close(dir);
}

static int open_tree(void)
{
	static int dir;

	if (dir)
		return dir;
	/* In memory, where there is such a place: disks are slow. */
	snprintf(top, sizeof(top), "/dev/shm/viq-doctor-XXXXXX");
	if (!mkdtemp(top)) {
		snprintf(top, sizeof(top), "/tmp/viq-doctor-XXXXXX");
		assert_non_null(mkdtemp(top));
	}
	snprintf(root, sizeof(root), "%s/tree", top);
	snprintf(outside, sizeof(outside), "%s/outside", top);
	assert_int_equal(mkdir(root, 0700), 0);
	make_outside();
	dir = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(dir > 0);
	for (size_t i = 0; i < COUNT(files); i++)
		make_folders(dir, files[i]);
	for (size_t i = 0; i < COUNT(links); i++)
		make_folders(dir, links[i]);
	for (size_t i = 0; i < COUNT(marks); i++)
		make_folders(dir, marks[i]);
	make_folders(dir, IORT);
	atexit(remove_tree);
	return dir;
}

static size_t take(struct input *in, size_t max, const uint8_t **bytes)
{
	size_t len = input_bytes(in, max > 255 ? 2 : 1) % (max + 1);

	len = len < in->left ? len : in->left;
	*bytes = in->data;
	in->data += len;
	in->left -= len;
	return len;
}

/* Mostly one with the right name, length and sum. */
static void put_table(int dir, struct input *in, bool raw)
{
	uint8_t table[1024], sum = 0;
	const uint8_t *bytes;
	size_t len = take(in, sizeof(table), &bytes);

	memcpy(table, bytes, len);
	if (!raw && len >= 36) {
		memcpy(table, "IORT", 4);
		for (size_t i = 0; i < 4; i++)
			table[4 + i] = (uint8_t)(len >> (8 * i));
		for (size_t i = 0; i < len; i++)
			sum = (uint8_t)(sum + table[i]);
		table[9] = (uint8_t)(table[9] - sum);
	}
	put_file(dir, IORT, table, len);
}

static void put_link(int dir, const char *path, bool out, struct input *in)
{
	const uint8_t *bytes;
	size_t len = take(in, 80, &bytes);
	char target[192];

	snprintf(target, sizeof(target), "%s/%.*s", out ? outside : "../x", (int)len, (const char *)bytes);
	unlinkat(dir, path, 0);
	if (len)
		assert_int_equal(symlinkat(target, dir, path), 0);
}

/* One of the two ways: by .. from where it stands, or by its whole path. */
static void put_link_out(int dir, const char *path, bool up)
{
	char target[128] = "";

	for (const char *slash = path; up && (slash = strchr(slash, '/')); slash++)
		strcat(target, "../");
	snprintf(target + strlen(target), sizeof(target) - strlen(target), "%s/file", up ? "../outside" : outside);
	assert_int_equal(symlinkat(target, dir, path), 0);
}

static void put_mark(int dir, const char *path, bool there)
{
	if (there)
		put_file(dir, path, "", 0);
	else
		unlinkat(dir, path, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	const uint8_t how = input_u8(&in);
	const char *words[] = {"--color=never", "--root", root, how & 1 ? "--json" : NULL, NULL};
	struct tool_said said;
	int status, dir = open_tree();
	const uint8_t *bytes;
	size_t len;

	for (size_t i = 0; i < COUNT(marks); i++)
		put_mark(dir, marks[i], how & 4 << i);
	for (size_t i = 0; i < COUNT(files); i++) {
		len = take(&in, TEXT, &bytes);
		unlinkat(dir, files[i], 0);
		if (len || !(how & FILES_OUT))
			put_file(dir, files[i], bytes, len);
		else
			put_link_out(dir, files[i], i & 1);
	}
	for (size_t i = 0; i < COUNT(links); i++)
		put_link(dir, links[i], how & LINKS_OUT, &in);
	put_table(dir, &in, how & 2);
	status = tool_run(&command_doctor, words, how & 1, &said);
	assert_int_equal(said.err_len, 0);
	assert_non_null(strstr(said.out, status ? "Nesting cannot work here: " : "Nesting can work here"));
	if (!memmem(data, size, SECRET, strlen(SECRET)))
		assert_null(strstr(said.out, SECRET));
	tool_forget(&said);
	return 0;
}
