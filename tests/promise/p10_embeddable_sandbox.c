/* SPDX-License-Identifier: MIT */
/*
 * In a sandbox: each part makes the system calls that docs/sandbox.md lists for it, and no other; and each of those in
 * the list is really made. The table there is read, so the page and the filter cannot differ.
 *
 * A scene runs in a process of its own under a filter that allows the calls of its rows, of the allocator's row, and
 * what the test itself needs to end. It makes its objects and destroys them inside, but for threads.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "oracle/fake_kernel.h"
#include "support/soft.h"

#include "host/linux/iommufd/sys.h"

#include <viq/linux_smmuv3.h>
#include <viq/linux_vtd.h>
#include <viq/nest_smmuv3.h>
#include <viq/vtd.h>

static const struct {
	const char *name;
	long nr;
} numbers[] = {
	{"brk", SYS_brk},
	{"close", SYS_close},
	{"fcntl", SYS_fcntl},
#ifdef SYS_fstat
	{"fstat", SYS_fstat},
#endif
	{"futex", SYS_futex},
	{"ioctl", SYS_ioctl},
	{"madvise", SYS_madvise},
	{"membarrier", SYS_membarrier},
	{"mmap", SYS_mmap},
	{"mprotect", SYS_mprotect},
	{"mremap", SYS_mremap},
	{"munmap", SYS_munmap},
#ifdef SYS_newfstatat
	{"newfstatat", SYS_newfstatat},
#endif
#ifdef SYS_open
	{"open", SYS_open},
#endif
	{"openat", SYS_openat},
	{"read", SYS_read},
#ifdef SYS_readlink
	{"readlink", SYS_readlink},
#endif
	{"readlinkat", SYS_readlinkat},
	{"write", SYS_write},
};

#define GROUPS 8 /* system calls of a row; a group has several names of one, by libc and machine: `a`/`b` */
#define NAMES  3

struct row {
	long group[GROUPS][NAMES]; /* -1: no further one, or not on this machine */
	unsigned int groups;
};

static char page[16384];

static long number(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (strlen(numbers[i].name) == len && !memcmp(numbers[i].name, name, len))
			return numbers[i].nr;
	return -1;
}

/* The second cell of the table's row that begins so. */
static struct row row_of(const char *title)
{
	const char *at = strstr(page, title), *end;
	struct row row;
	unsigned int n = 0;

	assert_non_null(at);
	memset(&row, 0xff, sizeof(row));
	row.groups = 0;
	end = at + strcspn(at, "\n");
	at = strchr(at + 2, '|');
	for (at = strchr(at, '`'); at && at < end; at = strchr(at + 1, '`')) {
		size_t len = strcspn(++at, "`");

		assert_true(row.groups < GROUPS && n < NAMES);
		row.group[row.groups][n++] = number(at, len);
		at += len;
		if (at[1] != '/')
			row.groups++, n = 0;
	}
	return row;
}

/* --- The filter --------------------------------------------------------------------------------------------------- */

static volatile int *denied; /* shared with the child: the call that was not allowed */

static void on_sigsys(int sig, siginfo_t *info, void *context)
{
	*denied = info->si_syscall;
	_exit(2);
}

static unsigned int allow(struct sock_filter *f, unsigned int n, long nr)
{
	if (nr < 0)
		return n;
	f[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)nr, 0, 1);
	f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	return n;
}

/* All threads are under it from now on. skip: a group of row that is left out. */
static void confine(const struct row *row, unsigned int skip, const struct row *allocator)
{
	const struct sigaction action = {.sa_sigaction = on_sigsys, .sa_flags = SA_SIGINFO};
	struct sock_filter f[8 + 4 * GROUPS * NAMES];
	struct sock_fprog prog = {.filter = f};
	unsigned int n = 0;

	f[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	n = allow(f, n, SYS_exit_group);
	n = allow(f, n, SYS_eventfd2); /* the fake kernel's files */
	for (unsigned int i = 0; i < GROUPS * NAMES; i++) {
		if (i / NAMES != skip)
			n = allow(f, n, row->group[i / NAMES][i % NAMES]);
		if (allocator)
			n = allow(f, n, allocator->group[i / NAMES][i % NAMES]);
	}
	f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP);
	prog.len = (unsigned short)n;
	sigaction(SIGSYS, &action, NULL);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &prog))
		_exit(3);
}

/* In a scene an assertion could not print. */
static void must(bool ok, int line)
{
	if (ok)
		return;
	*denied = -line;
	_exit(1);
}
#define MUST(...) must(__VA_ARGS__, __LINE__)

/* --- Front ends and the fan-out: nothing at all, once they are made ----------------------------------------------- */

static void scene_front(const struct row *row, unsigned int skip, const struct row *allocator)
{
	static uint64_t ram[0x400];
	const struct viq_mem_region region = {.gpa = 0x40000000, .size = sizeof(ram), .host = ram};
	const struct viq_call_host null = viq_call_null_host();
	struct viq_call_fanout *fanout;
	struct viq_smmuv3_config config;
	struct viq_vtd_config vconfig;
	struct viq_smmuv3 *smmu;
	struct viq_vtd *vtd;
	struct viq_mem *mem;
	char state[8192];
	size_t len = sizeof(state);

	MUST(!viq_mem_create(&region, 1, NULL, NULL, &mem, NULL));
	MUST(!viq_call_fanout_create(&null, 1, &fanout, NULL));
	viq_smmuv3_config_init(&config, sizeof(config));
	config.mem = mem;
	config.host = viq_call_fanout_host(fanout);
	MUST(!viq_smmuv3_create(&config, &smmu, NULL));
	viq_vtd_config_init(&vconfig, sizeof(vconfig));
	vconfig.mem = mem;
	MUST(!viq_vtd_create(&vconfig, &vtd, NULL));

	confine(row, skip, allocator);
	ram[0] = VIQ_SMMUV3_OP_TLBI_NH_ASID;
	ram[2] = VIQ_SMMUV3_OP_CFGI_STE_RANGE;
	ram[3] = VIQ_SMMUV3_CFGI_RANGE_ALL;
	ram[4] = VIQ_SMMUV3_OP_SYNC;
	viq_smmuv3_mmio_write(smmu, VIQ_SMMUV3_CMDQ_BASE, 8, 0x40000000 | 4);
	viq_smmuv3_mmio_write(smmu, VIQ_SMMUV3_CR0, 4, VIQ_SMMUV3_CR0_CMDQEN);
	viq_smmuv3_mmio_write(smmu, VIQ_SMMUV3_CMDQ_PROD, 4, 3);
	MUST(viq_smmuv3_mmio_read(smmu, VIQ_SMMUV3_CMDQ_CONS, 4) == 3);
	MUST(!viq_smmuv3_save(smmu, state, &len) && !viq_smmuv3_restore(smmu, state, len));

	ram[0x200] = VIQ_VTD_TYPE_IOTLB | VIQ_PUT(VIQ_VTD_DESC_G, VIQ_VTD_IOTLB_GLOBAL);
	ram[0x204] = VIQ_VTD_TYPE_WAIT | VIQ_VTD_WAIT_SW;
	ram[0x205] = 0x40000000;
	viq_vtd_mmio_write(vtd, VIQ_VTD_IQA, 8, 0x40001000 | VIQ_VTD_IQA_DW);
	viq_vtd_mmio_write(vtd, VIQ_VTD_GCMD, 4, VIQ_VTD_GCMD_QIE);
	viq_vtd_mmio_write(vtd, VIQ_VTD_IQT, 8, 64);
	MUST(viq_vtd_mmio_read(vtd, VIQ_VTD_IQH, 8) == 64);
	len = sizeof(state);
	MUST(!viq_vtd_save(vtd, state, &len) && !viq_vtd_restore(vtd, state, len));
}

/* --- The software host: an access that an invalidation has to wait for -------------------------------------------- */

static struct machine machine;
static sem_t begin, inside;

static void *accessor(void *opaque)
{
	struct viq_soft_xlate x;
	struct timespec now, end;

	sem_post(&inside); /* started: that is libc's, too */
	sem_wait(&begin);
	MUST(!viq_soft_thread_register());
	viq_soft_access_begin();
	MUST(!viq_soft_translate(machine.dev, 0, 0, VIQ_SOFT_READ, &x));
	sem_post(&inside);
	clock_gettime(CLOCK_MONOTONIC, &end); /* no system call: vDSO */
	end.tv_nsec += 50000000;
	do
		clock_gettime(CLOCK_MONOTONIC, &now);
	while ((now.tv_sec - end.tv_sec) * 1000000000 + now.tv_nsec < end.tv_nsec);
	viq_soft_access_end();
	MUST(!viq_soft_thread_unregister());
	sem_post(&inside);
	sem_wait(&begin); /* for ever: the end of a thread is libc's */
	return opaque;
}

static void scene_soft(const struct row *row, unsigned int skip, const struct row *allocator)
{
	uint64_t cmd[] = {VIQ_SMMUV3_OP_TLBI_NH_ALL, 0}, table;
	const struct viq_call_piece piece = {cmd, 1};
	struct viq_call_request req = {.size = sizeof(req), .pieces = &piece, .piece_count = 1};
	struct viq_call_result res = {.size = sizeof(res)};
	pthread_t thread;

	sem_init(&begin, 0, 0);
	sem_init(&inside, 0, 0);
	MUST(!pthread_create(&thread, NULL, accessor, NULL));
	sem_wait(&inside);
	confine(row, skip, allocator);
	table = machine_init_s1(&machine, NULL);
	map_page(&machine, table, 0, MEM_BASE | PAGE_RW);
	sem_post(&begin);
	sem_wait(&inside);
	req.object = machine.host.object;
	req.type = VIQ_CALL_SMMUV3;
	req.entry_size = 16;
	MUST(!viq_call_invalidate(&machine.host, &req, &res) && res.handled == 1);
	sem_wait(&inside);
	machine_fini(&machine);
}

/* --- The Linux host: on the fake kernel, and each of its calls is made to the real one, too, on nothing ------------
 */

static int also_open(void *opaque, const char *path, int flags)
{
	linux_sys.open(NULL, "/nowhere/iommu", flags);
	return fake_kernel_sys()->open(opaque, path, flags);
}

static int also_close(void *opaque, int fd)
{
	linux_sys.close(NULL, -1);
	return fake_kernel_sys()->close(opaque, fd);
}

static int also_ioctl(void *opaque, int fd, unsigned long request, void *arg)
{
	linux_sys.ioctl(NULL, -1, request, arg);
	return fake_kernel_sys()->ioctl(opaque, fd, request, arg);
}

static int64_t also_read(void *opaque, int fd, void *buf, size_t len)
{
	linux_sys.read(NULL, -1, buf, len);
	return fake_kernel_sys()->read(opaque, fd, buf, len);
}

static int null_device;

/* A character device that is no vfio device: fstat() succeeds, and the link of its group is looked for. */
static int also_group(void *opaque, int cdev, uint32_t *group)
{
	return linux_sys.group(NULL, null_device, group);
}

static int also_dup(void *opaque, int fd)
{
	linux_sys.dup(NULL, -1);
	return fake_kernel_sys()->dup(opaque, fd);
}

static int64_t also_write(void *opaque, int fd, const void *buf, size_t len)
{
	linux_sys.write(NULL, -1, buf, len);
	return fake_kernel_sys()->write(opaque, fd, buf, len);
}

static const struct viq_linux_sys sys = {.size = sizeof(sys),
					 .open = also_open,
					 .close = also_close,
					 .ioctl = also_ioctl,
					 .read = also_read,
					 .group = also_group,
					 .dup = also_dup,
					 .write = also_write};

/* The kernel, its first device bound, and a stage 2. */
static struct viq_linux *open_linux(struct fake_kernel *fk, int *cdev, uint32_t *device, uint32_t *hwpt)
{
	struct viq_linux_config config;
	struct viq_linux *ctx;
	uint32_t ioas;

	viq_linux_config_init(&config, sizeof(config));
	config.sys = &sys;
	config.sys_opaque = fk;
	MUST(!viq_linux_open(&config, &ctx, NULL));
	*cdev = fake_kernel_cdev(fk, 0);
	MUST(!viq_linux_vfio_bind(ctx, *cdev, device, NULL));
	MUST(!viq_linux_ioas_alloc(ctx, &ioas));
	MUST(!viq_linux_hwpt_alloc(ctx, *device, ioas, VIQ_LINUX_NEST_PARENT, hwpt));
	return ctx;
}

static int table_attach(void *opaque, const struct viq_vtd_table *table, uint32_t *handle)
{
	*handle = 1;
	return 0;
}

static void table_detach(void *opaque, uint32_t handle)
{
}

/* A device asks for a page, and is answered. */
static void scene_linux_pages(void)
{
	const struct viq_vtd_translation first = {
		.size = sizeof(first), .mode = VIQ_VTD_STAGE1, .domain_id = 1, .levels = 4, .table = 0x1000};
	const struct viq_vtd_listener listener = {
		.size = sizeof(listener), .attach = table_attach, .detach = table_detach};
	const struct viq_vtd_page_response response = {.size = sizeof(response), .source_id = 8, .prgi = 5};
	struct viq_linux_vtd_device device = {.size = sizeof(device), .page_requests = true};
	struct fake_kernel *fk = fake_kernel_new_vtd();
	struct viq_vtd_host_page_request request;
	struct viq_linux_vvtd_config config;
	struct viq_vtd_backend backend;
	struct viq_linux_vvtd *vvtd;
	struct viq_linux *ctx;
	uint32_t count = 1;

	fk->devices[0].pri = true;
	viq_linux_vvtd_config_init(&config, sizeof(config));
	ctx = open_linux(fk, &device.fd, &device.device, &config.hwpt);
	config.device = device.device;
	config.page_groups = 1;
	MUST(!viq_linux_vvtd_create(ctx, &config, &vvtd, NULL));
	MUST(!viq_linux_vvtd_listen(vvtd, &listener));
	MUST(!viq_linux_vvtd_add(vvtd, &device, 8, NULL));
	MUST(!viq_linux_vvtd_set(vvtd, 8, 0, &first, NULL));
	MUST(!fake_kernel_ask(fk, 0, 0, 5, 0x1000, 1));
	backend = viq_linux_vvtd_backend(vvtd);
	MUST(!backend.ops->page_requests(backend.opaque, &request, &count) && count == 1);
	MUST(!viq_linux_vvtd_page_response(vvtd, &response) && fk->pages_granted == 1);
	MUST(!viq_linux_vvtd_destroy(vvtd));
	viq_linux_close(ctx);
}

static void scene_linux(const struct row *row, unsigned int skip, const struct row *allocator)
{
	struct viq_smmuv3_stream stream = {.size = sizeof(stream), .mode = VIQ_SMMUV3_BYPASS, .ste = {9, 0}};
	struct viq_smmuv3_outcome outcome = {.size = sizeof(outcome)};
	struct viq_linux_device device = {.size = sizeof(device)};
	struct viq_smmuv3_host_event events[4];
	struct viq_linux_vsmmu_config config;
	struct viq_linux_vsmmu *vsmmu;
	struct viq_linux *ctx;
	struct fake_kernel *fk;
	uint32_t count = 4;

	for (size_t at = offsetof(struct viq_linux_sys, open); at < sizeof(sys); at += sizeof(void *))
		MUST(*(void *const *)((const char *)&sys + at)); /* every call is here */
	null_device = open("/dev/null", O_RDONLY | O_CLOEXEC);
	confine(row, skip, allocator);
	fk = fake_kernel_new();
	viq_linux_vsmmu_config_init(&config, sizeof(config));
	ctx = open_linux(fk, &device.fd, &device.device, &config.hwpt);
	config.device = device.device;
	MUST(!viq_linux_vsmmu_create(ctx, &config, &vsmmu, NULL));
	MUST(!viq_linux_vsmmu_add(vsmmu, &device, 8, NULL));
	MUST(!viq_linux_vsmmu_set(vsmmu, 8, &stream, &outcome) && outcome.fate == VIQ_SMMUV3_STREAM_BYPASS);
	MUST(!viq_linux_vsmmu_events(vsmmu, events, &count));
	MUST(!viq_linux_vsmmu_destroy(vsmmu));
	viq_linux_close(ctx);
	scene_linux_pages();
}

/* --- The tests ---------------------------------------------------------------------------------------------------- */

typedef void scene(const struct row *, unsigned int skip, const struct row *allocator);

/* Its exit status; -1: the test itself is at fault. */
static int run(scene *s, const struct row *row, unsigned int skip, const struct row *allocator)
{
	int status;
	pid_t pid;

	*denied = 0;
	pid = fork();
	if (!pid) {
		s(row, skip, allocator);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void check(scene *s, const char *title, const char *allocator_title)
{
	const struct row row = row_of(title), allocator = row_of(allocator_title ? allocator_title : title);
	int status = run(s, &row, GROUPS, allocator_title ? &allocator : NULL);

	if (status)
		print_error("%s status %d, %s %d\n", title, status, *denied < 0 ? "line" : "system call", abs(*denied));
	assert_int_equal(status, 0);
	for (unsigned int i = 0; i < row.groups; i++) {
		assert_int_equal(run(s, &row, i, allocator_title ? &allocator : NULL), 2);
		for (unsigned int j = 0; j < NAMES; j++)
			if (row.group[i][j] == *denied)
				goto found;
		fail_msg("%s: call %d is denied where group %u is left out", title, *denied, i);
	found:;
	}
}

#define ALLOCATOR "| the allocator of glibc"

static void test_front_ends_make_none(void **state)
{
	check(scene_front, "| guest front ends", NULL);
}

static void test_soft(void **state)
{
	check(scene_soft, "| software host", ALLOCATOR);
}

static void test_linux(void **state)
{
	check(scene_linux, "| Linux host", ALLOCATOR);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_front_ends_make_none),
		cmocka_unit_test(test_soft),
		cmocka_unit_test(test_linux),
	};
	FILE *file = argc == 2 ? fopen(argv[1], "r") : NULL;

	if (prctl(PR_GET_SECCOMP) < 0)
		return 77; /* no filters here: QEMU's user mode */
	if (!file || !fread(page, 1, sizeof(page) - 1, file))
		return 1;
	fclose(file);
	denied = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
