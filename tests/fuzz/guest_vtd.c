/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "oracle/vvtd_model.h"
#include "guest_vtd.h"

#define PRQ UINT64_C(0x00400000) /* the only place for page requests: the largest queue is 512 KiB */

static uint64_t op_began;
static uint32_t consumed; /* in this operation */
/* What hosts were called for by earlier operations, and is still at head. */
static struct {
	bool is_begun;
	uint64_t began;
	uint32_t head;
	uint64_t qw0, qw1;
	size_t effects; /* those of descriptors that are done */
} half;

static unsigned int width_of(struct vvtd *v)
{
	/* While the queue is on, IQA is what it was when it was switched on. */
	return vvtd_r64(v, VREG(IQA)) & VREG(IQA_DW) ? 256 : 128;
}

static bool is_the_half_done(const struct viq_vtd_trace *t)
{
	return half.is_begun && t->head == half.head && t->desc[0] == half.qw0 && t->desc[1] == half.qw1;
}

static void on_trace(struct vvtd *v, const struct viq_vtd_trace *t)
{
	unsigned int verdict = viq_vtd_descriptor_check(t->desc, width_of(v), &v->config);
	struct viq_vtd_tables tables = {.size = sizeof(tables)};

	/* Types 6 and above are of scalable mode alone (Table 26). */
	assert_int_equal(viq_vtd_tables(v->vtd, &tables), 0);
	if (tables.mode == VIQ_VTD_TTM_LEGACY && (t->desc[0] & VIQ_VTD_DESC_TYPE) >= 6)
		verdict = VREG(IQEI_TYPE);
	if (t->fate == VIQ_VTD_FATE_ERROR) {
		if (t->iqei == VREG(IQEI_TYPE))
			assert_int_equal(verdict, t->iqei);
		return;
	}
	assert_int_equal(verdict, 0);
	if (t->fate == VIQ_VTD_FATE_RETRY)
		return;
	consumed++;
	if (t->fate == VIQ_VTD_FATE_HOST && ((t->desc[0] & 0xf) == 2 || (t->desc[0] & 0xf) == 6))
		assert_true(vvtd_took_effect(v, t->desc, is_the_half_done(t) ? half.began : op_began));
	half.is_begun = false;
	half.effects = vvtd_log_number(v, VLOG_HOST);
}

static void write_register(struct vvtd *v, struct input *in)
{
	static const uint16_t places[] = {VREG(GCMD),   VREG(RTADDR), VREG(CCMD),   VREG(FSTS),  VREG(FECTL),
					  VREG(FEDATA), VREG(IQT),    VREG(IQA),    VREG(ICS),   VREG(IECTL),
					  VREG(IEADDR), VREG(IRTA),   VREG(IQERCD), 0xf0,        0xf8,
					  0x220,        0x228,        0x22c,        VREG(PQH),   VREG(PQT),
					  VREG(PQA),    VREG(PRS),    VREG(PECTL),  VREG(PEADDR)};
	uint8_t how = input_u8(in);
	uint64_t offset = places[how % 24], value = input_u64(in);

	if (offset == VREG(IQA))
		value = VVTD_QUEUE | (value & 0xfff);
	if (offset == VREG(PQA))
		value = PRQ | (value & 0xfff);
	/* Half of an address would lead elsewhere. */
	if (offset == VREG(PQA))
		viq_vtd_mmio_write(v->vtd, offset, 8, value);
	else
		viq_vtd_mmio_write(v->vtd, offset + (how & 0x40 ? 4 : 0), how & 0x80 ? 8 : 4, value);
}

/* A descriptor that has a chance: type, ids and page in few bytes. */
static void write_descriptor(struct vvtd *v, struct input *in)
{
	uint64_t slot = input_u8(in), size = width_of(v) / 8, a = input_u32(in), b = input_u8(in);
	uint64_t qw0 = (a & 0x3f) | (a >> 8 & 3) << 16 | (a >> 16 & 3) << 32, qw1 = (a >> 24) << 12 | (b & 0x7f);

	if ((a & 0xf) == VREG(TYPE_WAIT)) {
		qw0 |= UINT64_C(0x200000000);
		qw1 = VVTD_STATUS + 4 * slot;
	}
	vvtd_poke64(v, VVTD_QUEUE + slot * size, qw0);
	vvtd_poke64(v, VVTD_QUEUE + slot * size + 8, qw1);
	for (uint64_t word = 2; word < size / 8; word++)
		vvtd_poke64(v, VVTD_QUEUE + slot * size + 8 * word, b & 0x80 ? input_u8(in) : 0);
}

static void trouble(struct vvtd *v, struct input *in)
{
	uint8_t how = input_u8(in);
	struct vvtd_host *host = v->hosts[how % GUEST_VTD_HOSTS];

	vvtd_host_contract(host, how / GUEST_VTD_HOSTS % VVTD_CONTRACTS);
	host->lie = input_u8(in) % VVTD_LIES;
	vvtd_host_fail(host, how & 0x80 ? entry_all() : entry_page(input_u8(in), how & 0x40),
		       1 + input_u8(in) % (VIQ_CALL_ERROR_COUNT - 1), input_u8(in) % 4);
	v->reconfig_result = how & 0x20 ? -EIO : 0;
	v->response_result = how & 0x10 ? -ENOMEM : 0;
	v->devtlb_result = (const int[]){0, -EIO, -ETIMEDOUT, -ENOMEM}[how >> 3 & 3];
}

static void plug(struct vvtd *v, struct input *in)
{
	uint8_t how = input_u8(in);
	unsigned int table = how % 16;

	if (table < v->table_count && v->tables[table].attached)
		vvtd_detach(v, table);
	else if (v->table_count < 16)
		vvtd_attach(v, v->hosts[how % GUEST_VTD_HOSTS], how >> 2 & 3, how >> 4 & 3, how & 3, how >> 6);
}

/* Bytes of a saved state changed, and the hash made right: refused, or as good as any other state. */
static void forge(struct vvtd *v, struct input *in)
{
	size_t len = viq_vtd_save_size(v->vtd), again_len = len;
	uint8_t *state = malloc(len), *again = malloc(len);
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	int ret;

	assert_true(state && again);
	assert_int_equal(viq_vtd_save(v->vtd, state, &len), 0);
	for (unsigned int n = 1 + input_u8(in) % 4; n > 0; n--) {
		size_t at = 24 + (input_u8(in) | (size_t)input_u8(in) << 8) % (len - 24);

		state[at] = input_u8(in);
	}
	for (size_t i = 24; i < len; i++)
		hash = (hash ^ state[i]) * UINT64_C(0x100000001b3);
	for (size_t i = 0; i < 8; i++)
		state[16 + i] = (uint8_t)(hash >> (8 * i));
	ret = viq_vtd_restore(v->vtd, state, len);
	assert_true(!ret || ret == -EINVAL);
	if (!ret) {
		assert_int_equal(viq_vtd_save(v->vtd, again, &again_len), 0);
		assert_memory_equal(again, state, len);
	}
	free(state);
	free(again);
}

/* It reaches the queue where PQT was, or is answered if it is the last of its group. */
static void ask(struct vvtd *v, struct input *in)
{
	uint8_t how = input_u8(in);
	const struct viq_vtd_page_request request = {
		.size = sizeof(request),
		.source_id = how & 3,
		.prgi = how >> 2 & 7,
		.has_pasid = how & 0x20,
		.pasid = 5,
		.last = how & 0x40,
		.write = true,
		.addr = (uint64_t)how << 12,
	};
	uint64_t bits = ((UINT64_C(4096) << (vvtd_r64(v, VREG(PQA)) & 7)) - 1) & ~UINT64_C(31);
	uint64_t tail = vvtd_r64(v, VREG(PQT)) & bits, base = vvtd_r64(v, VREG(PQA)) & ~UINT64_C(0xfff);
	size_t answers = vvtd_log_number(v, VLOG_RESPONSE);
	int ret;

	ret = viq_vtd_page_request(v->vtd, &request);
	answers = vvtd_log_number(v, VLOG_RESPONSE) - answers;
	if (ret == -ENOTSUP)
		assert_false(v->config.ecap & VREG(ECAP_PRS));
	else
		assert_int_equal(answers, ret && request.last);
	if (ret)
		return;
	assert_true(vvtd_r64(v, VREG(PQT)) == ((tail + 32) & bits));
	if (base == PRQ)
		assert_true((vvtd_peek64(v, base + tail) & 0xff) == VIQ_VTD_PREQ_PAGE &&
			    VIQ_GET(VREG(PREQ_RID), vvtd_peek64(v, base + tail)) == request.source_id);
}

struct vvtd *guest_vtd_new(const struct viq_vtd_config *config)
{
	struct vvtd *v = vvtd_new(config);

	v->lax = true;
	v->on_trace = on_trace;
	memset(&half, 0, sizeof(half));
	return v;
}

void guest_vtd_begin(struct vvtd *v)
{
	op_began = ++v->time;
	consumed = 0;
}

static void note_half_done(struct vvtd *v)
{
	const uint64_t iqh = vvtd_r64(v, VREG(IQH)), at = VVTD_QUEUE + iqh;

	/* Taken back with the queue; elsewhere is nothing that runs. */
	if (!(vvtd_r32(v, VREG(GSTS)) & VREG(GSTS_QIES)) || (vvtd_r64(v, VREG(IQA)) & ~UINT64_C(0xfff)) != VVTD_QUEUE ||
	    vvtd_log_number(v, VLOG_HOST) == half.effects) {
		memset(&half, 0, sizeof(half));
		return;
	}
	if (half.is_begun && half.head == iqh && half.qw0 == vvtd_peek64(v, at) && half.qw1 == vvtd_peek64(v, at + 8))
		return;
	half.is_begun = true;
	half.began = op_began;
	half.head = (uint32_t)iqh;
	half.qw0 = vvtd_peek64(v, at);
	half.qw1 = vvtd_peek64(v, at + 8);
}

void guest_vtd_end(struct vvtd *v)
{
	assert_true(consumed < 32768);
	assert_true(vvtd_r64(v, VREG(IQH)) < 4096u << (vvtd_r64(v, VREG(IQA)) & 7) ||
		    !(vvtd_r32(v, VREG(GSTS)) & VREG(GSTS_QIES)));
	note_half_done(v);
	if (!half.is_begun)
		vvtd_forget(v);
}

void guest_vtd_step(struct vvtd *v, struct input *in)
{
	guest_vtd_begin(v);
	switch (input_u8(in) % 13) {
	case 0:
	case 1:
		write_register(v, in);
		break;
	case 2:
		vvtd_poke64(v, VVTD_QUEUE + 8 * (uint64_t)(input_u32(in) % 1024), input_u64(in));
		break;
	case 3:
	case 4:
	case 5:
		write_descriptor(v, in);
		break;
	case 6:
		vvtd_w32(v, VREG(IQT), input_u8(in) * (width_of(v) / 8));
		break;
	case 7:
		viq_vtd_run(v->vtd, input_u8(in));
		break;
	case 8:
		vvtd_w32(v, VREG(FSTS), 0x7f);
		break;
	case 9:
		trouble(v, in);
		break;
	case 10:
		plug(v, in);
		break;
	case 11:
		if (input_u8(in) & 1)
			vvtd_migrate(v);
		else
			forge(v, in);
		break;
	case 12:
		ask(v, in);
		break;
	}
	guest_vtd_end(v);
}
