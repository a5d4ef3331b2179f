/* SPDX-License-Identifier: MIT */
/*
 * The objects of <viq/linux.h>: one system call each, with the bytes that <linux/iommufd.h> and <linux/vfio.h> ask for.
 * Requests are written down here once more, as numbers and 32-bit words, so that nothing is compared with itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <viq/call.h>
#include <viq/linux.h>
#include <viq/linux_host.h>

#include "support/test.h"
#include "script.h"

#define CDEV 5
#define OUT  0xdeadbeefu /* what an out parameter holds before */
#define PAGE 65536ul     /* a multiple of every page size */

#define LOW(x)  (uint32_t)(uint64_t)(x)
#define HIGH(x) (uint32_t)((uint64_t)(x) >> 32)

/* Guest memory; nothing reads it. */
#define VA ((void *)(16 * PAGE))

struct result {
	uint32_t id;
	int fd;
	struct viq_linux_hw_info info;
	struct viq_linux_range ranges[2];
	uint32_t count;
};

static const uint64_t ste[2] = {0x1122334455667788, 0x99aabbccddeeff00};

/* --- Every request, with arguments that are right ----------------------------------------------------------------- */

static int do_destroy(struct viq_linux *ctx, struct result *r)
{
	return viq_linux_destroy(ctx, 9);
}

static int do_ioas_alloc(struct viq_linux *ctx, struct result *r)
{
	return viq_linux_ioas_alloc(ctx, &r->id);
}

static int do_map(struct viq_linux *ctx, struct result *r)
{
	return viq_linux_ioas_map(ctx, 2, 0x100000000 + PAGE, VA, 4 * PAGE, VIQ_LINUX_READ | VIQ_LINUX_WRITE);
}

static int do_map_read(struct viq_linux *ctx, struct result *r)
{
	return viq_linux_ioas_map(ctx, 2, 0, VA, PAGE, VIQ_LINUX_READ);
}

static int do_map_write(struct viq_linux *ctx, struct result *r)
{
	return viq_linux_ioas_map(ctx, 2, 0 - PAGE, VA, PAGE, VIQ_LINUX_WRITE);
}

static int do_unmap(struct viq_linux *ctx, struct result *r)
{
	return viq_linux_ioas_unmap(ctx, 2, 0x100000000 + PAGE, 4 * PAGE);
}

static int do_bind(struct viq_linux *ctx, struct result *r)
{
	return viq_linux_vfio_bind(ctx, CDEV, &r->id, NULL);
}

static int do_attach(struct viq_linux *ctx, struct result *r)
{
	return viq_linux_vfio_attach(ctx, CDEV, 8);
}

static int do_detach(struct viq_linux *ctx, struct result *r)
{
	return viq_linux_vfio_detach(ctx, CDEV);
}

static int do_attach_pasid(struct viq_linux *ctx, struct result *r)
{
	return viq_linux_vfio_attach_pasid(ctx, CDEV, 0xfffff, 8);
}

static int do_detach_pasid(struct viq_linux *ctx, struct result *r)
{
	return viq_linux_vfio_detach_pasid(ctx, CDEV, 0xfffff);
}

static int do_hwpt_pasid(struct viq_linux *ctx, struct result *r)
{
	return viq_linux_hwpt_alloc(ctx, 3, 2, VIQ_LINUX_NEST_PARENT | VIQ_LINUX_PASID, &r->id);
}

static int do_hwpt(struct viq_linux *ctx, struct result *r)
{
	return viq_linux_hwpt_alloc(ctx, 3, 2, VIQ_LINUX_NEST_PARENT | VIQ_LINUX_DIRTY_TRACKING, &r->id);
}

static int do_viommu(struct viq_linux *ctx, struct result *r)
{
	return viq_linux_viommu_alloc(ctx, 3, 4, &r->id);
}

static int do_vdevice(struct viq_linux *ctx, struct result *r)
{
	return viq_linux_vdevice_alloc(ctx, 5, 3, UINT32_MAX, &r->id);
}

static int do_veventq(struct viq_linux *ctx, struct result *r)
{
	return viq_linux_veventq_alloc(ctx, 5, 1024, &r->id, &r->fd);
}

static const struct request {
	const char *name;
	int (*run)(struct viq_linux *ctx, struct result *r);
	char type; /* ioctl type and number */
	unsigned int number;
	size_t id_at; /* offset of the id that comes back; 0: none */
	uint32_t word_count, words[12];
} requests[] = {
	{"destroy", do_destroy, ';', 0x80, 0, 2, {8, 9}},
	{"ioas_alloc", do_ioas_alloc, ';', 0x81, 8, 3, {12}},
	{"map", do_map, ';', 0x85, 0, 10, {40, 7, 2, 0, 16 * PAGE, 0, 4 * PAGE, 0, PAGE, 1}},
	{"map, read only", do_map_read, ';', 0x85, 0, 10, {40, 5, 2, 0, 16 * PAGE, 0, PAGE}},
	{"map, write only, the last page",
	 do_map_write,
	 ';',
	 0x85,
	 0,
	 10,
	 {40, 3, 2, 0, 16 * PAGE, 0, PAGE, 0, LOW(0 - PAGE), UINT32_MAX}},
	{"unmap", do_unmap, ';', 0x86, 0, 6, {24, 2, PAGE, 1, 4 * PAGE}},
	{"bind", do_bind, ';', 100 + 18, 12, 6, {24, 0, SCRIPT_FD}},
	{"attach", do_attach, ';', 100 + 19, 0, 3, {12, 0, 8}},
	{"detach", do_detach, ';', 100 + 20, 0, 2, {8}},
	{"attach a PASID", do_attach_pasid, ';', 100 + 19, 0, 4, {16, 1, 8, 0xfffff}},
	{"detach a PASID", do_detach_pasid, ';', 100 + 20, 0, 3, {12, 1, 0xfffff}},
	{"hwpt for PASIDs", do_hwpt_pasid, ';', 0x89, 16, 12, {48, 9, 3, 2}},
	{"hwpt", do_hwpt, ';', 0x89, 16, 12, {48, 3, 3, 2}},
	{"viommu", do_viommu, ';', 0x90, 20, 10, {40, 0, 1, 3, 4}},
	{"vdevice", do_vdevice, ';', 0x91, 12, 6, {24, 5, 3, 0, UINT32_MAX, 0}},
	{"veventq", do_veventq, ';', 0x93, 20, 8, {32, 0, 5, 1, 1024}},
};

#define REQUEST_COUNT (sizeof(requests) / sizeof(requests[0]))

static const struct result untouched = {
	.id = OUT, .fd = -7, .info = {.size = sizeof(struct viq_linux_hw_info), .type = OUT}, .count = OUT};

static int run(const struct request *req, struct script *script, struct result *r)
{
	struct viq_linux *ctx = script_open(script);
	int ret;

	*r = untouched;
	ret = req->run(ctx, r);
	viq_linux_close(ctx);
	return ret;
}

static void expect_request(const struct script *s, const struct request *req)
{
	script_expect(s, req->number < 0x80 ? CDEV : SCRIPT_FD, (unsigned long)req->type << 8 | req->number, req->words,
		      4 * req->word_count);
}

static void test_each_request_has_its_number_and_its_bytes(void **state)
{
	const struct request *req;
	struct result r;

	for (req = requests; req < requests + REQUEST_COUNT; req++) {
		struct script s = {.out = {{req->id_at, 42}}, .out_count = req->id_at != 0};

		print_message("%s\n", req->name);
		assert_int_equal(run(req, &s, &r), 0);
		assert_int_equal(s.calls, 1);
		expect_request(&s, req);
		assert_int_equal(r.id, req->id_at ? 42 : OUT);
	}
}

static void test_an_error_is_passed_through_and_nothing_is_written(void **state)
{
	static const int errors[] = {-ENOENT, -EBUSY, -EOPNOTSUPP, -ENOTTY, -ENOMEM, -EIO, -EEXIST};
	const struct request *req;
	struct result r;
	size_t i;

	for (req = requests; req < requests + REQUEST_COUNT; req++) {
		for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
			struct script s = {.ret = errors[i]};

			assert_int_equal(run(req, &s, &r), errors[i]);
			assert_int_equal(s.calls, 1);
			assert_memory_equal(&r, &untouched, sizeof(r));
		}
	}
}

static void test_an_interrupted_call_is_made_again_but_not_for_ever(void **state)
{
	const struct request *req;
	struct result r;

	for (req = requests; req < requests + REQUEST_COUNT; req++) {
		struct script s = {.interrupts = 255};
		struct script never = {.interrupts = 1000000};

		assert_int_equal(run(req, &s, &r), 0);
		assert_int_equal(s.calls, 256);
		assert_int_equal(s.ioctls, 1);
		expect_request(&s, req);
		assert_int_equal(run(req, &never, &r), -EAGAIN);
		assert_int_equal(never.calls, 256);
		assert_memory_equal(&r, &untouched, sizeof(r));
	}
}

/* What the kernel has written into its argument before the signal came does not count: all entries are to be done. */
static void test_an_interrupted_invalidation_is_made_anew(void **state)
{
	static const uint64_t entries[2][2] = {{0x30}, {0x30}}; /* TLBI_NSNH_ALL */
	const struct viq_linux_hw_info hw = {.size = sizeof(hw), .type = VIQ_LINUX_HW_SMMUV3};
	const struct viq_call_piece piece = {entries, 2};
	const uint64_t at = (uintptr_t)entries;
	/* size, object, address, type, bytes of an entry, entries, reserved */
	const uint32_t want[] = {32, 5, (uint32_t)at, (uint32_t)(at >> 32), VIQ_CALL_SMMUV3, 16, 2, 0};
	struct script s = {.ret = 0};
	struct viq_linux *ctx = script_open(&s);
	struct viq_call_result res = {.size = sizeof(res)};
	struct viq_linux_smmuv3_host *host;
	struct viq_call_host h;

	assert_int_equal(viq_linux_smmuv3_host_create(ctx, 5, &hw, VIQ_LINUX_CALLS_BULK, &host, NULL), 0);
	h = viq_linux_smmuv3_host_get(host);
	s.interrupts = 3;
	assert_int_equal(viq_call_invalidate(&h,
					     &(struct viq_call_request){.size = sizeof(struct viq_call_request),
									.object = h.object,
									.type = VIQ_CALL_SMMUV3,
									.entry_size = 16,
									.pieces = &piece,
									.piece_count = 1},
					     &res),
			 0);
	assert_int_equal(res.handled, 2);
	assert_int_equal(res.host_calls, 1);
	assert_int_equal(s.interrupts, 0);
	script_expect(&s, SCRIPT_FD, 0x3b8d, want, sizeof(want));
	viq_linux_smmuv3_host_destroy(host);
	viq_linux_close(ctx);
}

/* ioctl() may answer more than 0, which is no error. */
static void test_a_positive_answer_is_success(void **state)
{
	struct script s = {.ret = 3, .out = {{8, 42}}, .out_count = 1};
	struct viq_linux *ctx = script_open(&s);
	uint32_t ioas;

	assert_int_equal(viq_linux_ioas_alloc(ctx, &ioas), 0);
	assert_int_equal(ioas, 42);
	viq_linux_close(ctx);
}

static void test_no_context(void **state)
{
	const struct request *req;
	struct result r = untouched;

	for (req = requests; req < requests + REQUEST_COUNT; req++)
		assert_int_equal(req->run(NULL, &r), -EINVAL);
	assert_memory_equal(&r, &untouched, sizeof(r));
}

/* --- What has a pointer in it ------------------------------------------------------------------------------------- */

static void test_nested_gets_the_two_words_in_little_endian(void **state)
{
	static const uint8_t bytes[16] = {0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11,
					  0x00, 0xff, 0xee, 0xdd, 0xcc, 0xbb, 0xaa, 0x99};
	uint32_t words[12] = {48, 0, 3, 5, 0, 0, 2, 16};
	struct script s = {.pointer = 32, .out = {{16, 42}}, .out_count = 1};
	struct viq_linux *ctx = script_open(&s);
	uint32_t id = OUT;

	assert_int_equal(viq_linux_nested_alloc(ctx, 3, 5, ste, &id), 0);
	memcpy(words + 8, s.arg + 32, 8); /* where it is, is free */
	script_expect(&s, SCRIPT_FD, 0x3b89, words, sizeof(words));
	assert_memory_equal(s.pointed, bytes, sizeof(bytes));
	assert_int_equal(id, 42);

	s.ret = -EIO;
	id = OUT;
	assert_int_equal(viq_linux_nested_alloc(ctx, 3, 5, ste, &id), -EIO);
	assert_int_equal(id, OUT);
	viq_linux_close(ctx);
}

static void test_vtd_nested_gets_the_entry(void **state)
{
	const struct viq_linux_vtd_s1 s1 = {
		.flags = VIQ_LINUX_VTD_SRE | VIQ_LINUX_VTD_EAFE | VIQ_LINUX_VTD_WPE,
		.pgtbl_addr = 0x123456789000,
		.addr_width = 57,
	};
	const uint64_t data[3] = {7, 0x123456789000, 57};
	uint32_t words[12] = {48, VIQ_LINUX_PASID, 3, 5, 0, 0, 1, 24};
	struct script s = {.pointer = 32, .pointed_len = 24, .out = {{16, 42}}, .out_count = 1};
	struct viq_linux *ctx = script_open(&s);
	uint32_t id = OUT;

	assert_int_equal(viq_linux_vtd_nested_alloc(ctx, 3, 5, VIQ_LINUX_PASID, &s1, &id), 0);
	memcpy(words + 8, s.arg + 32, 8);
	script_expect(&s, SCRIPT_FD, 0x3b89, words, sizeof(words));
	assert_memory_equal(s.pointed, data, sizeof(data));
	assert_int_equal(id, 42);
	s.ret = -EOPNOTSUPP;
	id = OUT;
	assert_int_equal(viq_linux_vtd_nested_alloc(ctx, 3, 5, 0, &s1, &id), -EOPNOTSUPP);
	assert_int_equal(id, OUT);
	viq_linux_close(ctx);
}

/* The kernel would put low bits of the address into other fields of the hardware's entry. */
static void test_vtd_nested_refuses_what_the_kernel_would_take(void **state)
{
	const struct viq_linux_vtd_s1 good = {.pgtbl_addr = 0x1000, .addr_width = 48};
	struct viq_linux_vtd_s1 bad[3] = {good, good, good};
	struct script s = {0};
	struct viq_linux *ctx = script_open(&s);
	uint32_t id = OUT;

	bad[0].pgtbl_addr |= 0x800;
	bad[1].flags = 8;
	bad[2].reserved = 1;
	for (int i = 0; i < 3; i++)
		assert_int_equal(viq_linux_vtd_nested_alloc(ctx, 3, 5, 0, &bad[i], &id), -EINVAL);
	assert_int_equal(viq_linux_vtd_nested_alloc(ctx, 3, 5, VIQ_LINUX_NEST_PARENT, &good, &id), -EINVAL);
	assert_int_equal(viq_linux_vtd_nested_alloc(ctx, 0, 5, 0, &good, &id), -EINVAL);
	assert_int_equal(viq_linux_vtd_nested_alloc(ctx, 3, 0, 0, &good, &id), -EINVAL);
	assert_int_equal(viq_linux_vtd_nested_alloc(ctx, 3, 5, 0, NULL, &id), -EINVAL);
	assert_int_equal(viq_linux_vtd_nested_alloc(ctx, 3, 5, 0, &good, NULL), -EINVAL);
	assert_int_equal(viq_linux_vtd_nested_alloc(NULL, 3, 5, 0, &good, &id), -EINVAL);
	/* PASID 0 would be taken for requests without PASID. */
	assert_int_equal(viq_linux_vfio_attach_pasid(ctx, CDEV, 0, 8), -EINVAL);
	assert_int_equal(viq_linux_vfio_attach_pasid(ctx, CDEV, 1u << 20, 8), -EINVAL);
	assert_int_equal(viq_linux_vfio_attach_pasid(ctx, CDEV, 1, 0), -EINVAL);
	assert_int_equal(viq_linux_vfio_attach_pasid(ctx, -1, 1, 8), -EINVAL);
	assert_int_equal(viq_linux_vfio_detach_pasid(ctx, CDEV, 0), -EINVAL);
	assert_int_equal(viq_linux_vfio_detach_pasid(ctx, CDEV, 1u << 20), -EINVAL);
	assert_int_equal(viq_linux_vfio_detach_pasid(ctx, -1, 1), -EINVAL);
	assert_int_equal(s.calls, 0);
	assert_int_equal(id, OUT);
	viq_linux_close(ctx);
}

static void test_hw_info_of_a_vtd(void **state)
{
	static const uint64_t regs[5] = {1, 0x1122334455667788, 0x99aabbccddeeff00};
	struct viq_linux_hw_info info = {.size = sizeof(info), .idr = {OUT}};
	const struct viq_linux_hw_info expected = {
		.size = sizeof(info),
		.type = VIQ_LINUX_HW_VTD,
		.flags = 1,
		.max_pasid_log2 = 20,
		.cap = regs[1],
		.ecap = regs[2],
	};
	struct script s = {.pointer = 16,
			   .data = regs,
			   .data_len = sizeof(regs),
			   .out = {{24, VIQ_LINUX_HW_VTD}, {28, 20}},
			   .out_count = 2};
	struct viq_linux *ctx = script_open(&s);

	assert_int_equal(viq_linux_hw_info(ctx, 3, &info), 0);
	assert_memory_equal(&info, &expected, sizeof(info));
	viq_linux_close(ctx);
}

static void test_hw_info_of_an_smmuv3(void **state)
{
	static const uint32_t regs[10] = {1, 0, 10, 11, 12, 13, 14, 15, 16, 17};
	uint32_t words[10] = {40, 0, 3, 40};
	struct viq_linux_hw_info info = {.size = sizeof(info)};
	struct script s = {
		.pointer = 16,
		.data = regs,
		.data_len = sizeof(regs),
		.out = {{24, VIQ_LINUX_HW_SMMUV3}, {28, 20}, {32, VIQ_LINUX_CAP_NO_ATS | VIQ_LINUX_CAP_PASID_PRIV}},
		.out_count = 3,
	};
	struct viq_linux *ctx = script_open(&s);
	int i;

	assert_int_equal(viq_linux_hw_info(ctx, 3, &info), 0);
	memcpy(words + 4, s.arg + 16, 8);
	script_expect(&s, SCRIPT_FD, 0x3b8a, words, sizeof(words));
	assert_int_equal(info.size, sizeof(info));
	assert_int_equal(info.type, VIQ_LINUX_HW_SMMUV3);
	assert_int_equal(info.max_pasid_log2, 20);
	assert_int_equal(info.capabilities, VIQ_LINUX_CAP_NO_ATS | VIQ_LINUX_CAP_PASID_PRIV);
	assert_int_equal(info.flags, VIQ_LINUX_SMMUV3_REPEAT_TLBI_CFGI);
	for (i = 0; i < 6; i++)
		assert_int_equal(info.idr[i], 10 + i);
	assert_int_equal(info.iidr, 16);
	assert_int_equal(info.aidr, 17);
	viq_linux_close(ctx);
}

/* Registers of another IOMMU are not taken for an SMMU's. */
static void test_hw_info_of_another_iommu(void **state)
{
	uint32_t regs[10];
	struct viq_linux_hw_info info = {.size = sizeof(info), .flags = OUT, .idr = {OUT}, .aidr = OUT};
	const struct viq_linux_hw_info expected = {.size = sizeof(info), .type = VIQ_LINUX_HW_AMD};
	struct script s = {.pointer = 16,
			   .data = memset(regs, 0xff, sizeof(regs)),
			   .data_len = sizeof(regs),
			   .out = {{24, VIQ_LINUX_HW_AMD}},
			   .out_count = 1};
	struct viq_linux *ctx = script_open(&s);

	assert_int_equal(viq_linux_hw_info(ctx, 3, &info), 0);
	assert_memory_equal(&info, &expected, sizeof(info));
	viq_linux_close(ctx);
}

static void test_hw_info_writes_nothing_on_failure(void **state)
{
	struct viq_linux_hw_info info = untouched.info;
	struct script s = {.ret = -EOPNOTSUPP};
	struct viq_linux *ctx = script_open(&s);

	assert_int_equal(viq_linux_hw_info(ctx, 3, &info), -EOPNOTSUPP);
	assert_memory_equal(&info, &untouched.info, sizeof(info));
	viq_linux_close(ctx);
}

static void test_ranges(void **state)
{
	static const uint64_t holes[4] = {0, 0x7ffffff, 0x8100000, UINT64_MAX};
	uint32_t words[8] = {32, 2, 2};
	struct viq_linux_range ranges[3] = {[2] = {OUT, OUT}};
	uint32_t count = 2;
	struct script s = {.pointer = 16, .data = holes, .data_len = sizeof(holes), .out = {{8, 2}}, .out_count = 1};
	struct viq_linux *ctx = script_open(&s);

	assert_int_equal(viq_linux_ioas_ranges(ctx, 2, ranges, &count), 0);
	words[4] = LOW((uintptr_t)ranges);
	words[5] = HIGH((uintptr_t)ranges);
	script_expect(&s, SCRIPT_FD, 0x3b84, words, sizeof(words));
	assert_int_equal(count, 2);
	assert_int_equal(ranges[0].last, 0x7ffffff);
	assert_int_equal(ranges[1].first, 0x8100000);
	assert_true(ranges[1].last == UINT64_MAX);
	assert_int_equal(ranges[2].first, OUT);
	viq_linux_close(ctx);
}

/* Linux stores the number and fails: the one failure that says something in an out parameter. */
static int too_many_ranges(void *opaque, int fd, unsigned long request, void *arg)
{
	((uint32_t *)arg)[2] = 5;
	return *(int *)opaque;
}

static void test_more_ranges_than_room(void **state)
{
	struct viq_linux_config config;
	struct viq_linux_sys sys = script_sys;
	struct viq_linux_range range;
	struct viq_linux *ctx;
	uint32_t count = 0;
	int ret = -EMSGSIZE;

	sys.ioctl = too_many_ranges;
	viq_linux_config_init(&config, sizeof(config));
	config.fd = SCRIPT_FD;
	config.sys = &sys;
	config.sys_opaque = &ret;
	assert_int_equal(viq_linux_open(&config, &ctx, NULL), 0);
	assert_int_equal(viq_linux_ioas_ranges(ctx, 2, NULL, &count), -EMSGSIZE);
	assert_int_equal(count, 5);
	ret = -ENOENT;
	count = 1;
	assert_int_equal(viq_linux_ioas_ranges(ctx, 2, &range, &count), -ENOENT);
	assert_int_equal(count, 1);
	/* Nor does it say that all of them fit. */
	ret = 0;
	assert_int_equal(viq_linux_ioas_ranges(ctx, 2, &range, &count), -EIO);
	assert_int_equal(count, 1);
	viq_linux_close(ctx);
}

/* A queue, but no file; then what is destroyed. */
static int queue_without_file(void *opaque, int fd, unsigned long request, void *arg)
{
	uint32_t *words = arg, *destroyed = opaque;

	if (request == 0x3b80)
		*destroyed = words[1];
	if (request == 0x3b93) {
		words[5] = 9;
		words[6] = UINT32_MAX;
	}
	return 0;
}

static void test_event_queue_without_file(void **state)
{
	struct viq_linux_config config;
	struct viq_linux_sys sys = script_sys;
	uint32_t destroyed = 0, id = OUT;
	struct viq_linux *ctx;
	int fd = 77;

	sys.ioctl = queue_without_file;
	viq_linux_config_init(&config, sizeof(config));
	config.fd = SCRIPT_FD;
	config.sys = &sys;
	config.sys_opaque = &destroyed;
	assert_int_equal(viq_linux_open(&config, &ctx, NULL), 0);
	assert_int_equal(viq_linux_veventq_alloc(ctx, 2, 4, &id, &fd), -EIO);
	assert_int_equal(destroyed, 9);
	assert_int_equal(id, OUT);
	assert_int_equal(fd, 77);
	viq_linux_close(ctx);
}

/* The fd of the event queue is given beside its id. */
static void test_veventq_gives_an_fd(void **state)
{
	struct script s = {.out = {{20, 42}, {24, 11}}, .out_count = 2};
	struct viq_linux *ctx = script_open(&s);
	uint32_t id;
	int fd;

	assert_int_equal(viq_linux_veventq_alloc(ctx, 5, 1, &id, &fd), 0);
	assert_int_equal(id, 42);
	assert_int_equal(fd, 11);
	viq_linux_close(ctx);
	assert_int_equal(s.closes, 0);
}

/* --- Arguments that make no sense are found before the kernel is asked -------------------------------------------- */

#define REFUSED(expr) assert_int_equal(expr, -EINVAL)

static void test_bad_ids(void **state)
{
	struct script s = {0};
	struct viq_linux *ctx = script_open(&s);
	uint32_t id = OUT, count = 0;
	struct viq_linux_hw_info info = untouched.info;
	int fd = -7;

	REFUSED(viq_linux_destroy(ctx, 0));
	REFUSED(viq_linux_ioas_map(ctx, 0, 0, VA, PAGE, VIQ_LINUX_READ));
	REFUSED(viq_linux_ioas_unmap(ctx, 0, 0, PAGE));
	REFUSED(viq_linux_ioas_ranges(ctx, 0, NULL, &count));
	REFUSED(viq_linux_vfio_bind(ctx, -1, &id, NULL));
	REFUSED(viq_linux_vfio_attach(ctx, -1, 8));
	REFUSED(viq_linux_vfio_attach(ctx, CDEV, 0));
	REFUSED(viq_linux_vfio_detach(ctx, -1));
	REFUSED(viq_linux_hw_info(ctx, 0, &info));
	REFUSED(viq_linux_hwpt_alloc(ctx, 0, 2, 0, &id));
	REFUSED(viq_linux_hwpt_alloc(ctx, 3, 0, 0, &id));
	REFUSED(viq_linux_viommu_alloc(ctx, 0, 4, &id));
	REFUSED(viq_linux_viommu_alloc(ctx, 3, 0, &id));
	REFUSED(viq_linux_vdevice_alloc(ctx, 0, 3, 0, &id));
	REFUSED(viq_linux_vdevice_alloc(ctx, 5, 0, 0, &id));
	REFUSED(viq_linux_nested_alloc(ctx, 0, 5, ste, &id));
	REFUSED(viq_linux_nested_alloc(ctx, 3, 0, ste, &id));
	REFUSED(viq_linux_veventq_alloc(ctx, 0, 1, &id, &fd));
	REFUSED(viq_linux_veventq_alloc(ctx, 5, 0, &id, &fd));
	assert_int_equal(s.calls, 0);
	assert_int_equal(id, OUT);
	assert_int_equal(fd, -7);
	viq_linux_close(ctx);
}

static void test_no_place_for_the_result(void **state)
{
	struct script s = {0};
	struct viq_linux *ctx = script_open(&s);
	uint32_t id = OUT, count = 1;
	int fd = -7;

	REFUSED(viq_linux_ioas_alloc(ctx, NULL));
	REFUSED(viq_linux_ioas_ranges(ctx, 2, NULL, NULL));
	REFUSED(viq_linux_ioas_ranges(ctx, 2, NULL, &count));
	REFUSED(viq_linux_vfio_bind(ctx, CDEV, NULL, NULL));
	REFUSED(viq_linux_hw_info(ctx, 3, NULL));
	REFUSED(viq_linux_hwpt_alloc(ctx, 3, 2, 0, NULL));
	REFUSED(viq_linux_viommu_alloc(ctx, 3, 4, NULL));
	REFUSED(viq_linux_vdevice_alloc(ctx, 5, 3, 0, NULL));
	REFUSED(viq_linux_nested_alloc(ctx, 3, 5, NULL, &id));
	REFUSED(viq_linux_nested_alloc(ctx, 3, 5, ste, NULL));
	REFUSED(viq_linux_veventq_alloc(ctx, 5, 1, NULL, &fd));
	REFUSED(viq_linux_veventq_alloc(ctx, 5, 1, &id, NULL));
	assert_int_equal(s.calls, 0);
	assert_int_equal(id, OUT);
	assert_int_equal(count, 1);
	viq_linux_close(ctx);
}

/* One errno has several causes: the line names those that can be mended. */
static void test_why_a_device_cannot_be_bound(void **state)
{
	static const struct {
		int err;
		const char *says;
	} cases[] = {
		{-EINVAL, "another program uses the device"}, {-EBUSY, "IOMMU group"},
		{-EPERM, "allow_unsafe_interrupts"},          {-ENOTTY, "CONFIG_VFIO_DEVICE_CDEV"},
		{-ENOMEM, "Cannot allocate memory"},
	};
	struct viq_why why;
	uint32_t id = OUT;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct script s = {.ret = cases[i].err};
		struct viq_linux *ctx = script_open(&s);

		why.text[0] = 0;
		assert_int_equal(viq_linux_vfio_bind(ctx, CDEV, &id, &why), cases[i].err);
		assert_non_null(strstr(why.text, cases[i].says));
		assert_int_equal(id, OUT);
		viq_linux_close(ctx);
	}
}

static void test_bad_flags_sizes_and_ranges(void **state)
{
	struct script s = {0};
	struct viq_linux *ctx = script_open(&s);
	struct viq_linux_hw_info info = {0};
	uint32_t id = OUT;

	REFUSED(viq_linux_hwpt_alloc(ctx, 3, 2, 1u << 2, &id));
	REFUSED(viq_linux_hw_info(ctx, 3, &info));
	REFUSED(viq_linux_ioas_map(ctx, 2, 0, VA, PAGE, 0));
	REFUSED(viq_linux_ioas_map(ctx, 2, 0, VA, PAGE, VIQ_LINUX_READ | 1u << 2));
	REFUSED(viq_linux_ioas_map(ctx, 2, 0, NULL, PAGE, VIQ_LINUX_READ));
	REFUSED(viq_linux_ioas_map(ctx, 2, 0, VA, 0, VIQ_LINUX_READ));
	REFUSED(viq_linux_ioas_map(ctx, 2, 0, VA, 1, VIQ_LINUX_READ));
	REFUSED(viq_linux_ioas_map(ctx, 2, 1, VA, PAGE, VIQ_LINUX_READ));
	REFUSED(viq_linux_ioas_map(ctx, 2, 0, (char *)VA + 1, PAGE, VIQ_LINUX_READ));
	REFUSED(viq_linux_ioas_map(ctx, 2, 0 - PAGE, VA, 2 * PAGE, VIQ_LINUX_READ));
	REFUSED(viq_linux_ioas_map(ctx, 2, 0, VA, 0 - PAGE, VIQ_LINUX_READ));
	REFUSED(viq_linux_ioas_unmap(ctx, 2, 0, 0));
	REFUSED(viq_linux_ioas_unmap(ctx, 2, 8, PAGE));
	REFUSED(viq_linux_ioas_unmap(ctx, 2, 0, 8));
	REFUSED(viq_linux_ioas_unmap(ctx, 2, 0 - PAGE, 2 * PAGE));
	assert_int_equal(s.calls, 0);
	viq_linux_close(ctx);
}

/* --- The iommufd: who opens it closes it -------------------------------------------------------------------------- */

static int open_with(struct script *s, int fd, struct viq_linux **ctx, struct viq_why *why)
{
	struct viq_linux_config config;

	viq_linux_config_init(&config, sizeof(config));
	assert_int_equal(config.fd, -1);
	assert_null(config.sys);
	config.fd = fd;
	config.sys = &script_sys;
	config.sys_opaque = s;
	return viq_linux_open(&config, ctx, why);
}

static void test_an_own_fd_is_opened_and_closed(void **state)
{
	struct script s = {.interrupts = 3};
	struct viq_linux *ctx;

	assert_int_equal(open_with(&s, -1, &ctx, NULL), 0);
	assert_string_equal(s.path, "/dev/iommu");
	assert_int_equal(s.open_flags, O_RDWR | O_CLOEXEC);
	assert_int_equal(viq_linux_fd(ctx), SCRIPT_FD);
	viq_linux_close(ctx);
	assert_int_equal(s.opens, 1);
	assert_int_equal(s.closes, 1);
	assert_int_equal(s.closed_fd, SCRIPT_FD);
}

static void test_the_callers_fd_stays_open(void **state)
{
	struct script s = {0};
	struct viq_linux *ctx;

	assert_int_equal(open_with(&s, 0, &ctx, NULL), 0);
	assert_int_equal(viq_linux_fd(ctx), 0);
	viq_linux_close(ctx);
	/* What open asks, and no more. */
	assert_int_equal(s.calls, 1);
	assert_int_equal(s.ioctls, 1);
	viq_linux_close(NULL);
}

static void test_open_that_fails_says_why(void **state)
{
	static const struct {
		int err;
		const char *cause, *remedy;
	} cases[] = {
		{-ENOENT, "does not exist", "modprobe iommufd"}, {-ENOENT, "/dev/iommu", "CONFIG_IOMMUFD"},
		{-EACCES, "permission denied", "run as root"},   {-EPERM, "not permitted", "container"},
		{-ENODEV, "no driver", "modprobe iommufd"},      {-ENXIO, "no driver", "CONFIG_IOMMUFD"},
		{-EMFILE, "/dev/iommu: ", "ulimit -n"},          {-ENOMEM, "/dev/iommu cannot be opened: ", "dmesg"},
	};
	struct viq_linux *ctx = (void *)&ctx;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct script s = {.ret = cases[i].err};
		struct viq_why why = {""};

		assert_int_equal(open_with(&s, -1, &ctx, &why), cases[i].err);
		assert_int_equal(open_with(&s, -1, &ctx, NULL), cases[i].err);
		assert_ptr_equal(ctx, &ctx);
		assert_non_null(strstr(why.text, cases[i].cause));
		assert_non_null(strstr(why.text, cases[i].remedy));
		assert_null(strchr(why.text, '\n'));
		assert_true(strlen(why.text) < sizeof(why.text) - 1); /* not cut */
		assert_int_equal(s.closes, 0);
	}
}

static void test_a_bad_configuration_says_why(void **state)
{
	struct viq_linux_config config;
	struct viq_why why = {""};
	struct viq_linux_sys sys = script_sys;
	struct viq_linux *ctx = NULL;

	viq_linux_config_init(&config, sizeof(config));
	assert_int_equal(viq_linux_open(&config, NULL, &why), -EINVAL);
	assert_non_null(strstr(why.text, "out"));
	config.size--;
	assert_int_equal(viq_linux_open(&config, &ctx, &why), -EINVAL);
	assert_non_null(strstr(why.text, "size"));
	viq_linux_config_init(&config, sizeof(config));
	config.fd = -2;
	assert_int_equal(viq_linux_open(&config, &ctx, &why), -EINVAL);
	assert_non_null(strstr(why.text, "fd is -2"));
	config.fd = 0;
	config.sys = &sys;
	sys.read = NULL;
	assert_int_equal(viq_linux_open(&config, &ctx, &why), -EINVAL);
	assert_non_null(strstr(why.text, "config.sys"));
	sys = script_sys;
	sys.size = 0;
	assert_int_equal(viq_linux_open(&config, &ctx, NULL), -EINVAL);
	assert_null(ctx);
}

/* --- The system's own calls --------------------------------------------------------------------------------------- */

static void test_the_systems_own_calls(void **state)
{
	struct viq_linux_config config;
	struct viq_linux *ctx;
	uint32_t ioas = OUT;

	viq_linux_config_init(&config, sizeof(config));
	config.fd = open("/dev/null", O_RDWR);
	assert_true(config.fd >= 0);
	assert_int_equal(viq_linux_open(&config, &ctx, NULL), 0);
	assert_int_equal(viq_linux_ioas_alloc(ctx, &ioas), -ENOTTY); /* no iommufd */
	viq_linux_close(ctx);
	assert_int_equal(close(config.fd), 0); /* nobody has */
}

/* What the caller closes, and opens in its place, is not met: the library has a descriptor of its own. */
static void test_the_callers_fd_is_duplicated(void **state)
{
	struct viq_why why = {""};
	struct viq_linux_config config;
	struct viq_linux *ctx;
	struct stat null, file;
	int fd, pipes[2];

	viq_linux_config_init(&config, sizeof(config));
	config.fd = fd = open("/dev/null", O_RDWR);
	assert_int_equal(viq_linux_open(&config, &ctx, NULL), 0);
	assert_int_not_equal(viq_linux_fd(ctx), fd);
	assert_int_equal(fcntl(viq_linux_fd(ctx), F_GETFD), FD_CLOEXEC);
	assert_int_equal(close(fd), 0);
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(pipes[0], fd);
	assert_int_equal(stat("/dev/null", &null), 0);
	assert_int_equal(fstat(viq_linux_fd(ctx), &file), 0);
	assert_int_equal(file.st_rdev, null.st_rdev);
	fd = viq_linux_fd(ctx);
	viq_linux_close(ctx);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	assert_int_equal(close(pipes[0]) | close(pipes[1]), 0);
	/* One that is not open is found at once. */
	assert_int_equal(viq_linux_open(&config, &ctx, &why), -EBADF);
	assert_non_null(strstr(why.text, "config.fd"));
}

/* The library's open(2): which file /dev/iommu is, so that there is one on every machine. NULL: itself. */
static const char *iommu_is;
static unsigned int iommu_opens;

__attribute__((visibility("default"))) int open_here(const char *path, int flags, mode_t mode) __asm__("open64");

int open_here(const char *path, int flags, mode_t mode)
{
	bool iommu = !strcmp(path, "/dev/iommu");

	iommu_opens += iommu;
	return (int)syscall(SYS_openat, AT_FDCWD, iommu && iommu_is ? iommu_is : path, flags, mode);
}

static void test_the_systems_iommufd(void **state)
{
	struct viq_linux *ctx;
	int fd;

	iommu_is = "/dev/null";
	assert_int_equal(viq_linux_open(NULL, &ctx, NULL), 0);
	assert_int_equal(iommu_opens, 1);
	fd = viq_linux_fd(ctx);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDWR);
	viq_linux_close(ctx);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

/* What the system says is passed on, with a reason: also what it says of this machine's own. */
static void test_the_system_has_no_iommufd(void **state)
{
	static const char *const files[] = {"/dev/null/iommu", "/", "/nowhere/iommu", NULL};
	static const int errors[] = {-ENOTDIR, -EISDIR, -ENOENT, 0};

	for (unsigned int i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct viq_why why = {""};
		int fd, expected = errors[i];
		struct viq_linux *ctx;

		iommu_is = files[i];
		if (!iommu_is) {
			fd = open("/dev/iommu", O_RDWR);
			expected = fd < 0 ? -errno : close(fd);
		}
		assert_int_equal(viq_linux_open(NULL, &ctx, &why), expected);
		if (expected)
			assert_non_null(strstr(why.text, "/dev/iommu"));
		else
			viq_linux_close(ctx);
	}
}

/* 0 is a file descriptor as any other. */
static void test_file_descriptor_0(void **state)
{
	struct script s = {0};
	struct viq_linux *ctx = script_open(&s);
	uint32_t id;

	assert_int_equal(viq_linux_vfio_attach(ctx, 0, 8), 0);
	assert_int_equal(viq_linux_vfio_detach(ctx, 0), 0);
	assert_int_equal(viq_linux_vfio_attach_pasid(ctx, 0, 1, 8), 0);
	assert_int_equal(viq_linux_vfio_detach_pasid(ctx, 0, 1), 0);
	assert_int_equal(viq_linux_vfio_bind(ctx, 0, &id, NULL), 0);
	assert_int_equal(s.ioctls, 5);
	assert_int_equal(s.fd, 0);
	viq_linux_close(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_request_has_its_number_and_its_bytes),
		cmocka_unit_test(test_an_error_is_passed_through_and_nothing_is_written),
		cmocka_unit_test(test_an_interrupted_call_is_made_again_but_not_for_ever),
		cmocka_unit_test(test_an_interrupted_invalidation_is_made_anew),
		cmocka_unit_test(test_a_positive_answer_is_success),
		cmocka_unit_test(test_no_context),
		cmocka_unit_test(test_nested_gets_the_two_words_in_little_endian),
		cmocka_unit_test(test_vtd_nested_gets_the_entry),
		cmocka_unit_test(test_vtd_nested_refuses_what_the_kernel_would_take),
		cmocka_unit_test(test_hw_info_of_a_vtd),
		cmocka_unit_test(test_hw_info_of_an_smmuv3),
		cmocka_unit_test(test_hw_info_of_another_iommu),
		cmocka_unit_test(test_hw_info_writes_nothing_on_failure),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_more_ranges_than_room),
		cmocka_unit_test(test_event_queue_without_file),
		cmocka_unit_test(test_veventq_gives_an_fd),
		cmocka_unit_test(test_bad_ids),
		cmocka_unit_test(test_no_place_for_the_result),
		cmocka_unit_test(test_why_a_device_cannot_be_bound),
		cmocka_unit_test(test_bad_flags_sizes_and_ranges),
		cmocka_unit_test(test_an_own_fd_is_opened_and_closed),
		cmocka_unit_test(test_the_callers_fd_stays_open),
		cmocka_unit_test(test_open_that_fails_says_why),
		cmocka_unit_test(test_a_bad_configuration_says_why),
		cmocka_unit_test(test_the_systems_own_calls),
		cmocka_unit_test(test_the_systems_iommufd),
		cmocka_unit_test(test_the_system_has_no_iommufd),
		cmocka_unit_test(test_the_callers_fd_is_duplicated),
		cmocka_unit_test(test_file_descriptor_0),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
