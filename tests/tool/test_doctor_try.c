/* SPDX-License-Identifier: MIT */
/*
 * `viq doctor` tries a device: what the kernel answers at each step becomes a finding with a remedy, and everything
 * that was made is destroyed, the last first.
 */
#include <errno.h>
#include <string.h>

#include <viq/vtd_spec.h>

#include "support/test.h"
#include "doctor/doctor.h"
#include "tool.h"

#define CDEV 5

/* Numbers of <linux/iommufd.h> and <linux/vfio.h>. */
enum request {
	BIND = 0x3b76,
	DESTROY = 0x3b80,
	IOAS = 0x3b81,
	HWPT = 0x3b89,
	HW_INFO = 0x3b8a,
	INVALIDATE = 0x3b8d, /* what opening asks */
	VIOMMU = 0x3b90,
};

/* A kernel that makes objects 10, 11, ... and fails one request. */
struct kernel {
	enum request fails;
	int err;
	bool nested_fails; /* HWPT: the second, which is the nested one */
	bool reports;      /* it has integrations/linux */
	uint32_t hw_type, idr0, idr3;
	uint64_t cap, ecap; /* of a VT-d */
	uint32_t next, alive[8], alive_count;
	int binds;
};

static void made(struct kernel *k, void *arg, size_t id_at)
{
	uint32_t id = k->next++;

	memcpy((char *)arg + id_at, &id, 4);
	k->alive[k->alive_count++] = id;
}

static void tell_hw_info(const struct kernel *k, void *arg)
{
	uint32_t regs[10] = {0, 0, k->idr0, 0x10 | 20 << 6, 0, k->idr3, [9] = 2};
	/* struct iommu_hw_info_vtd: flags, padding, CAP, ECAP */
	const uint64_t vtd[3] = {0, k->cap, k->ecap};
	uint64_t pointer;

	memcpy(&pointer, (char *)arg + 16, 8);
	if (k->hw_type == VIQ_LINUX_HW_VTD)
		memcpy((void *)(uintptr_t)pointer, vtd, sizeof(vtd));
	else
		memcpy((void *)(uintptr_t)pointer, regs, sizeof(regs));
	memcpy((char *)arg + 24, &k->hw_type, 4);
}

static int kernel_ioctl(void *opaque, int fd, unsigned long request, void *arg)
{
	struct kernel *k = opaque;

	if (k->err && request == k->fails && (request != HWPT || k->next == (k->nested_fails ? 12 : 11)))
		return k->err;
	switch (request) {
	case BIND:
		assert_int_equal(fd, CDEV);
		k->binds++;
		((uint32_t *)arg)[3] = 9;
		return 0;
	case HW_INFO:
		tell_hw_info(k, arg);
		return 0;
	case IOAS:
		made(k, arg, 8);
		return 0;
	case HWPT:
		made(k, arg, 16);
		return 0;
	case VIOMMU:
		made(k, arg, 20);
		return 0;
	case DESTROY:
		assert_true(k->alive_count > 0);
		k->alive_count--;
		assert_memory_equal((char *)arg + 4, &k->alive[k->alive_count], 4);
		return 0;
	case INVALIDATE:
		return k->reports ? -ENOENT : -EOPNOTSUPP;
	default:
		fail_msg("request %lx", request);
		return -ENOTTY;
	}
}

static int kernel_open(void *opaque, const char *path, int flags)
{
	return -ENOENT;
}

static int kernel_close(void *opaque, int fd)
{
	return 0;
}

static int64_t kernel_read(void *opaque, int fd, void *buf, size_t len)
{
	return 0;
}

static const struct viq_linux_sys sys = {
	.size = sizeof(sys), .open = kernel_open, .close = kernel_close, .ioctl = kernel_ioctl, .read = kernel_read};

/* As viq doctor --json prints it: test_json.py reads that. */
static void print_report(const struct doctor *d, struct doctor_device *device)
{
	struct doctor with = *d;

	with.devices = device;
	with.device_count = 1;
	doctor_print(&with, true);
}

/* The one finding; the context and the device are there to be looked at until the next call. */
static const struct doctor_finding *try_device(struct kernel *k, struct doctor *d, struct doctor_device *device)
{
	struct viq_linux_config config;

	viq_linux_config_init(&config, sizeof(config));
	config.fd = 3;
	config.sys = &sys;
	config.sys_opaque = k;
	k->next = 10;
	k->alive_count = 0;
	k->binds = 0;
	*d = (struct doctor){.live = true, .root = -1};
	*device = (struct doctor_device){.cdev = "vfio7", .name = "0000:01:00.0"};
	assert_int_equal(viq_linux_open(&config, &d->ctx, NULL), 0);
	doctor_try_fd(d, device, CDEV);
	assert_int_equal(d->finding_count, 1);
	assert_int_equal(k->alive_count, 0);
	assert_string_equal(d->findings[0].subject, "device");
	assert_ptr_equal(strstr(d->findings[0].text, "0000:01:00.0 (vfio7): "), d->findings[0].text);
	return &d->findings[0];
}

static void test_a_device_that_can_nest(void **state)
{
	struct kernel k = {.hw_type = VIQ_LINUX_HW_SMMUV3, .idr0 = 3 | 1 << 10 | 1 << 12, .idr3 = 1 << 8 | 1 << 10};
	struct doctor_device device;
	struct doctor d;
	const struct doctor_finding *f = try_device(&k, &d, &device);

	assert_int_equal(f->level, DOCTOR_OK);
	assert_int_equal(device.use, DOCTOR_USE_PROVEN);
	assert_int_equal(k.next, 13);
	assert_int_equal(k.binds, 1);
	assert_string_equal(
		f->text + strlen("0000:01:00.0 (vfio7): "),
		"a vIOMMU can be made; SMMUv3.2, StreamIDs of 16 bits, SubstreamIDs of 20, both stages, S2FWB, "
		"range invalidation, ATS, 16-bit ASIDs");
	assert_int_equal(device.hw.idr[3], k.idr3);
	print_report(&d, &device);
	doctor_free(&d);
}

static void test_each_step_that_fails(void **state)
{
	static const struct {
		enum request fails;
		int err;
		uint32_t idr0, idr3;
		enum doctor_use use;
		const char *text, *remedy; /* remedy NULL: nothing is wrong with the machine */
	} cases[] = {
		{BIND, -EBUSY, 3, 0, DOCTOR_USE_UNKNOWN, "another program uses it", NULL},
		{BIND, -EINVAL, 3, 0, DOCTOR_USE_UNKNOWN, "another program uses it", NULL},
		{BIND, -EPERM, 3, 0, DOCTOR_USE_UNKNOWN, "another program uses it", NULL},
		{BIND, -ENOTTY, 3, 0, DOCTOR_USE_NO, "cannot be bound", "Linux 6.6"},
		{BIND, -EIO, 3, 0, DOCTOR_USE_NO, "cannot be bound", "dmesg"},
		{HW_INFO, -EOPNOTSUPP, 3, 0, DOCTOR_USE_NO, "does not tell", "6.13"},
		{IOAS, -ENOMEM, 3, 0, DOCTOR_USE_NO, "no address space", "dmesg"},
		{HWPT, -EOPNOTSUPP, 1, 0, DOCTOR_USE_NO, "it has not got both stages", "stage 1 and stage 2"},
		{HWPT, -EOPNOTSUPP, 3, 0, DOCTOR_USE_NO, "refuses a parent", "CONFIG_ARM_SMMU_V3_IOMMUFD"},
		{HWPT, -ENOMEM, 3, 0, DOCTOR_USE_NO, "no stage 2", "dmesg"},
		{VIOMMU, -ENOTTY, 3, 0, DOCTOR_USE_NO, "no vIOMMU", "6.13"},
		{VIOMMU, -EOPNOTSUPP, 3, 0, DOCTOR_USE_NO, "no vIOMMU", "CANWBS"},
		{VIOMMU, -EOPNOTSUPP, 3, 1 << 8, DOCTOR_USE_NO, "no vIOMMU", "CONFIG_ARM_SMMU_V3_IOMMUFD"},
	};
	struct doctor_device device;
	struct doctor d;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct kernel k = {.fails = cases[i].fails,
				   .err = cases[i].err,
				   .hw_type = VIQ_LINUX_HW_SMMUV3,
				   .idr0 = cases[i].idr0,
				   .idr3 = cases[i].idr3};
		const struct doctor_finding *f = try_device(&k, &d, &device);

		print_message("%s\n", f->text);
		assert_int_equal(f->level, DOCTOR_WARNING);
		assert_int_equal(device.use, cases[i].use);
		assert_non_null(strstr(f->text, cases[i].text));
		assert_int_equal(!f->remedy, !cases[i].remedy);
		if (f->remedy)
			assert_non_null(strstr(f->remedy, cases[i].remedy));
		doctor_free(&d);
	}
}

#define ABLE (VIQ_VTD_ECAP_SMTS | VIQ_VTD_ECAP_NEST | VIQ_VTD_ECAP_FSTS)

static void test_a_vtd_that_can_nest(void **state)
{
	struct kernel k = {.hw_type = VIQ_LINUX_HW_VTD,
			   .cap = VIQ_VTD_CAP_FS5LP,
			   .ecap = ABLE | VIQ_VTD_ECAP_DT | VIQ_VTD_ECAP_SC};
	struct doctor_device device;
	struct doctor d;
	const struct doctor_finding *f = try_device(&k, &d, &device);

	assert_int_equal(f->level, DOCTOR_OK);
	assert_int_equal(device.use, DOCTOR_USE_PROVEN);
	assert_int_equal(k.next, 13);
	assert_string_equal(f->text + strlen("0000:01:00.0 (vfio7): "),
			    "a nested page table can be made; VT-d, PASIDs of 0 bits, 57-bit addresses, ATS, snoop "
			    "control");
	assert_true(device.hw.ecap == k.ecap);
	print_report(&d, &device);
	doctor_free(&d);
}

static void test_each_step_that_fails_on_vtd(void **state)
{
	static const struct {
		enum request fails;
		bool nested;
		int err;
		uint64_t ecap;
		const char *text, *remedy;
	} cases[] = {
		{HWPT, false, -EOPNOTSUPP, ABLE, "no nested page table", "intel_iommu=on,sm_on"},
		{HWPT, false, -EOPNOTSUPP, ABLE & ~VIQ_VTD_ECAP_NEST, "no nested page table", "ECAP.NEST"},
		{HWPT, false, -ENOMEM, ABLE, "no stage 2", "dmesg"},
		{HWPT, true, -EOPNOTSUPP, ABLE, "no nested page table", "intel_iommu=on,sm_on"},
		{HWPT, true, -EOPNOTSUPP, ABLE & ~VIQ_VTD_ECAP_SMTS, "no nested page table", "ECAP.SMTS"},
		{HWPT, true, -ENOMEM, ABLE, "no nested page table", "dmesg"},
		{HW_INFO, false, -ENOTTY, ABLE, "does not tell", "6.8"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct kernel k = {.fails = cases[i].fails,
				   .nested_fails = cases[i].nested,
				   .err = cases[i].err,
				   .hw_type = VIQ_LINUX_HW_VTD,
				   .ecap = cases[i].ecap};
		struct doctor_device device;
		struct doctor d;
		const struct doctor_finding *f = try_device(&k, &d, &device);

		print_message("%s -> %s\n", f->text, f->remedy);
		assert_int_equal(f->level, DOCTOR_WARNING);
		assert_int_equal(device.use, DOCTOR_USE_NO);
		assert_non_null(strstr(f->text, cases[i].text));
		assert_non_null(strstr(f->remedy, cases[i].remedy));
		doctor_free(&d);
	}
}

/* CONFIG_ARM_SMMU_V3_IOMMUFD left out: the driver has nothing to tell. */
static void test_no_features_are_told(void **state)
{
	struct kernel k = {.hw_type = VIQ_LINUX_HW_NONE};
	struct doctor_device device;
	struct doctor d;
	const struct doctor_finding *f = try_device(&k, &d, &device);

	assert_int_equal(device.use, DOCTOR_USE_NO);
	assert_non_null(strstr(f->remedy, "CONFIG_ARM_SMMU_V3_IOMMUFD"));
	assert_int_equal(k.next, 10);
	doctor_free(&d);
}

/* What looked missing cannot be, if a vIOMMU could be made. */
static void test_what_works_settles_it(void **state)
{
	struct kernel k = {.hw_type = VIQ_LINUX_HW_SMMUV3, .idr0 = 3};
	struct doctor_device device;
	struct doctor d;

	try_device(&k, &d, &device);
	d.devices = &device;
	d.device_count = 1;
	doctor_find(&d, DOCTOR_MISSING, "kernel", "too old by its number");
	assert_false(doctor_nesting(&d));
	doctor_settle(&d);
	assert_true(doctor_nesting(&d));
	assert_int_equal(d.findings[1].level, DOCTOR_WARNING);

	device.use = DOCTOR_USE_UNKNOWN;
	d.findings[1].level = DOCTOR_MISSING;
	doctor_settle(&d);
	assert_false(doctor_nesting(&d));
	d.devices = NULL;
	doctor_free(&d);
}

static void test_a_kernel_that_reports(void **state)
{
	for (int reports = 0; reports < 2; reports++) {
		struct kernel k = {.fails = BIND, .err = -EBUSY, .reports = reports};
		struct doctor_device device;
		struct doctor d;

		try_device(&k, &d, &device);
		d.row = "7.3";
		doctor_report(&d);
		assert_int_equal(d.finding_count, 1 + reports);
		assert_string_equal(d.row, reports ? "7.3 with integrations/linux" : "7.3");
		if (reports) {
			assert_int_equal(d.findings[1].level, DOCTOR_OK);
			assert_non_null(strstr(d.findings[1].text, "which entry, and why"));
		}
		doctor_free(&d);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_device_that_can_nest), cmocka_unit_test(test_each_step_that_fails),
		cmocka_unit_test(test_a_vtd_that_can_nest),    cmocka_unit_test(test_each_step_that_fails_on_vtd),
		cmocka_unit_test(test_no_features_are_told),   cmocka_unit_test(test_what_works_settles_it),
		cmocka_unit_test(test_a_kernel_that_reports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
