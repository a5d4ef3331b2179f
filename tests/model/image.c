/* SPDX-License-Identifier: MIT */
/*
 * What a guest may conclude from a register while another of its vCPUs drives the object: src/guest's register images.
 * One thread is the vCPU that writes, with all of the front end behind it; the other one reads the page as a guest does
 * that has it mapped, a load and an acquire each. In every execution
 *
 *   - who sees the queue's index behind a CMD_SYNC or a wait descriptor, or its status word, sees what the host did
 * (P1);
 *   - who sees an error bit sees the code that says which, and where the queue stands;
 *   - who sees the index of a record, or that a fault is pending, sees the record.
 */
#include <endian.h>
#include <malloc.h>
#include <string.h>

#include <viq/mem.h>
#include <viq/smmuv3.h>
#include <viq/vtd.h>

#include "guest/reg.h"

#include "machine.h"

#define QUEUE  UINT64_C(0x1000)
#define EVENTS UINT64_C(0x2000)
#define STATUS UINT64_C(0x3000)
#define STAMP  77u /* in a status word or a record */

static _Alignas(4096) char page[VIQ_SMMUV3_MMIO_SIZE];
static _Alignas(4096) char ram[0x4000];
static uint32_t applied; /* by the host */
static struct viq_mem *mem;
static struct viq_smmuv3 *smmu;
static struct viq_vtd *vtd;
static uint64_t frcd; /* the first fault record */

static void apply(void)
{
	__atomic_store_n(&applied, 1, __ATOMIC_RELAXED);
}

static bool is_applied(void)
{
	return __atomic_load_n(&applied, __ATOMIC_RELAXED);
}

static uint32_t see32(uint64_t offset)
{
	return (uint32_t)reg_seen(page + offset, 4);
}

/* The guest's memory, as a driver reads it behind a register: nothing orders it any more. */
static uint64_t record_word(uint64_t gpa)
{
	return le64toh(__atomic_load_n((uint64_t *)(void *)(ram + gpa), __ATOMIC_RELAXED));
}

static void put_words(uint64_t gpa, uint64_t word0, uint64_t word1)
{
	const uint64_t words[2] = {htole64(word0), htole64(word1)};

	memcpy(ram + gpa, words, sizeof(words));
}

static void clear(void)
{
	const struct viq_mem_region region = {.gpa = 0, .size = sizeof(ram), .host = ram};

	memset(ram, 0, sizeof(ram));
	applied = 0;
	model_check(!viq_mem_create(&region, 1, NULL, NULL, &mem, NULL), "no memory");
}

/* --- SMMUv3 ------------------------------------------------------------------------------------------------------- */

static int invalidate(void *opaque, const struct viq_call_request *req, struct viq_call_result *res)
{
	const uint32_t count = req->pieces[0].count;

	apply();
	*res = (struct viq_call_result){.size = sizeof(*res), .handled = count, .suspect = count, .host_calls = 1};
	return 0;
}

static const struct viq_call_host_ops host_ops = {
	.size = sizeof(host_ops), .report_group = 1, .invalidate = invalidate};

static void write_smmu(uint64_t offset, unsigned int size, uint64_t value)
{
	viq_smmuv3_mmio_write(smmu, offset, size, value);
}

static void setup_smmu(uint64_t first, uint64_t second)
{
	struct viq_smmuv3_config config;

	clear();
	put_words(QUEUE, first, 0);
	put_words(QUEUE + 16, second, STATUS);
	viq_smmuv3_config_init(&config, sizeof(config));
	config.mem = mem;
	config.host = (struct viq_call_host){.ops = &host_ops};
	config.page = page;
	model_check(!viq_smmuv3_create(&config, &smmu, NULL), "no memory");
	model_keep(smmu, malloc_usable_size(smmu));
	write_smmu(VIQ_SMMUV3_CMDQ_BASE, 8, QUEUE | 2);
	write_smmu(VIQ_SMMUV3_EVENTQ_BASE, 8, EVENTS | 2);
	write_smmu(VIQ_SMMUV3_CR0, 4, VIQ_SMMUV3_CR0_CMDQEN | VIQ_SMMUV3_CR0_EVENTQEN);
}

static void setup_sync(void)
{
	setup_smmu(VIQ_SMMUV3_OP_TLBI_NSNH_ALL, VIQ_SMMUV3_OP_SYNC);
}

static void setup_sync_msi(void)
{
	setup_smmu(VIQ_SMMUV3_OP_TLBI_NSNH_ALL, VIQ_SMMUV3_OP_SYNC |
							VIQ_PUT(VIQ_SMMUV3_SYNC_CS, VIQ_SMMUV3_SYNC_CS_IRQ) |
							VIQ_PUT(VIQ_SMMUV3_SYNC_MSIDATA, STAMP));
}

static void setup_illegal(void)
{
	setup_smmu(VIQ_SMMUV3_OP_TLBI_NSNH_ALL, 0xff);
}

static void free_smmu(void)
{
	viq_smmuv3_destroy(smmu);
	viq_mem_destroy(mem);
}

static void ring_smmu(void)
{
	write_smmu(VIQ_SMMUV3_CMDQ_PROD, 4, 2);
}

static void poll_cons(void)
{
	if ((see32(VIQ_SMMUV3_CMDQ_CONS) & 3) == 2)
		model_check(is_applied(), "CONS is behind a CMD_SYNC, and the host has done nothing");
}

static void poll_msi(void)
{
	if (le32toh(__atomic_load_n((uint32_t *)(void *)(ram + STATUS), __ATOMIC_ACQUIRE)) == STAMP)
		model_check(is_applied(), "the CMD_SYNC's message is there, and the host has done nothing");
}

static void poll_gerror(void)
{
	if (!(see32(VIQ_SMMUV3_GERROR) & VIQ_SMMUV3_GERROR_CMDQ_ERR))
		return;
	model_check(see32(VIQ_SMMUV3_CMDQ_CONS) == (VIQ_PUT(VIQ_SMMUV3_CMDQ_CONS_ERR, VIQ_SMMUV3_CERROR_ILL) | 1),
		    "GERROR has an error that CONS does not say");
	model_check(is_applied(), "what is in front of the error is not done");
}

static void record_event(void)
{
	const uint64_t record[4] = {VIQ_SMMUV3_EVT_F_TRANSLATION, 0, STAMP, 0};

	(void)viq_smmuv3_event(smmu, record);
}

static void poll_event(void)
{
	if (see32(VIQ_SMMUV3_EVENTQ_PROD) == 1)
		model_check(record_word(EVENTS) == VIQ_SMMUV3_EVT_F_TRANSLATION && record_word(EVENTS + 16) == STAMP,
			    "PROD is behind a record that is not there");
}

/* --- VT-d --------------------------------------------------------------------------------------------------------- */

static int reconfig(void *opaque, struct viq_vtd_reconfig *what)
{
	apply();
	return 0;
}

static void write_vtd(uint64_t offset, unsigned int size, uint64_t value)
{
	viq_vtd_mmio_write(vtd, offset, size, value);
}

static void setup_vtd(uint64_t second)
{
	const struct viq_vtd_ops ops = {.size = sizeof(ops), .reconfig = reconfig};
	struct viq_vtd_config config;

	clear();
	put_words(QUEUE, VIQ_VTD_TYPE_CC | VIQ_PUT(VIQ_VTD_DESC_G, VIQ_VTD_CC_GLOBAL), 0);
	put_words(QUEUE + 16, second, STATUS);
	viq_vtd_config_init(&config, sizeof(config));
	config.mem = mem;
	config.ops = &ops;
	config.page = page;
	model_check(!viq_vtd_create(&config, &vtd, NULL), "no memory");
	model_keep(vtd, malloc_usable_size(vtd));
	write_vtd(VIQ_VTD_IQA, 8, QUEUE);
	write_vtd(VIQ_VTD_GCMD, 4, VIQ_VTD_GCMD_QIE);
	applied = 0;
	frcd = VIQ_GET(VIQ_VTD_CAP_FRO, config.cap) * VIQ_VTD_FRCD_SIZE;
}

static void setup_wait(void)
{
	setup_vtd(VIQ_VTD_TYPE_WAIT | VIQ_VTD_WAIT_SW | VIQ_VTD_WAIT_IF | VIQ_PUT(VIQ_VTD_WAIT_DATA, STAMP));
}

static void setup_unknown(void)
{
	setup_vtd(0xf);
}

static void free_vtd(void)
{
	viq_vtd_destroy(vtd);
	viq_mem_destroy(mem);
}

static void ring_vtd(void)
{
	write_vtd(VIQ_VTD_IQT, 8, 32);
}

static void poll_iqh(void)
{
	if (reg_seen(page + VIQ_VTD_IQH, 8) == 32)
		model_check(is_applied(), "IQH is behind a wait descriptor, and the host has done nothing");
}

static void poll_status(void)
{
	if (le32toh(__atomic_load_n((uint32_t *)(void *)(ram + STATUS), __ATOMIC_ACQUIRE)) == STAMP)
		model_check(is_applied(), "the status is written, and the host has done nothing");
}

static void poll_iwc(void)
{
	if (see32(VIQ_VTD_ICS))
		model_check(is_applied() && le32toh(__atomic_load_n((uint32_t *)(void *)(ram + STATUS),
								    __ATOMIC_RELAXED)) == STAMP,
			    "IWC is set, and the status is not written");
}

static void poll_iqe(void)
{
	if (!(see32(VIQ_VTD_FSTS) & VIQ_VTD_FSTS_IQE))
		return;
	model_check(VIQ_GET(VIQ_VTD_IQERCD_IQEI, reg_seen(page + VIQ_VTD_IQERCD, 8)),
		    "IQE is set, and IQERCD says nothing");
	model_check(reg_seen(page + VIQ_VTD_IQH, 8) == 16 && is_applied(),
		    "IQE is set, and IQH is not at the descriptor");
}

static void record_fault(void)
{
	const uint64_t record[2] = {UINT64_C(0x5000), VIQ_PUT(VIQ_VTD_FRCD_1_FR, 5) | 7};

	(void)viq_vtd_fault(vtd, record);
}

static void poll_fault(void)
{
	if (!(see32(VIQ_VTD_FSTS) & VIQ_VTD_FSTS_PPF))
		return;
	model_check(reg_seen(page + frcd + 8, 8) & VIQ_VTD_FRCD_1_F, "PPF is set, and no record");
	model_check(reg_seen(page + frcd, 8) == 0x5000, "PPF is set, and its record has no address");
}

/* Software may look at the records alone. */
static void poll_record(void)
{
	if (reg_seen(page + frcd + 8, 8) & VIQ_VTD_FRCD_1_F)
		model_check(reg_seen(page + frcd, 8) == 0x5000, "F is set, and the record has no address");
}

static const struct model models[] = {
	{"CMD_SYNC, CONS", setup_sync, {ring_smmu, poll_cons}, NULL, free_smmu},
	{"CMD_SYNC, message", setup_sync_msi, {ring_smmu, poll_msi}, NULL, free_smmu},
	{"CERROR_ILL", setup_illegal, {ring_smmu, poll_gerror}, NULL, free_smmu},
	{"an event", setup_sync, {record_event, poll_event}, NULL, free_smmu},
	{"wait, IQH", setup_wait, {ring_vtd, poll_iqh}, NULL, free_vtd},
	{"wait, status", setup_wait, {ring_vtd, poll_status}, NULL, free_vtd},
	{"wait, ICS", setup_wait, {ring_vtd, poll_iwc}, NULL, free_vtd},
	{"IQE", setup_unknown, {ring_vtd, poll_iqe}, NULL, free_vtd},
	{"a fault, PPF", setup_unknown, {record_fault, poll_fault}, NULL, free_vtd},
	{"a fault, F", setup_unknown, {record_fault, poll_record}, NULL, free_vtd},
};

static const char *const spare[] = {
	NULL,
};

int main(int argc, char **argv)
{
	return model_main(argc, argv, models, sizeof(models) / sizeof(*models), spare);
}
