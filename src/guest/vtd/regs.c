/* SPDX-License-Identifier: MIT */
/*
 * The register page as a table: one row per register, with its width and the bits that a write stores. Registers whose
 * write sets something in motion have a function.
 *
 * Where the architecture leaves a choice, this does: accesses of 1 or 2 bytes and unaligned ones read 0 and write
 * nothing, as do undefined offsets; 64-bit registers take one 8-byte or two 4-byte accesses; an 8-byte access to two
 * 32-bit registers is two of 4 bytes.
 *
 * No register that is offered has a read with a side effect; those that are only written read 0. So a read is one load
 * from the image of the page (guest/reg.h), at any time, by any thread: whoever changes a register shows it there.
 */
#include <stddef.h>
#include <string.h>

#include "vtd.h"

/* Which registers are there at all. */
enum presence {
	PRESENT,
	PRESENT_IR,  /* ECAP.IR */
	PRESENT_EIM, /* ECAP.EIM: else reserved */
	PRESENT_PRS, /* ECAP.PRS */
	PRESENT_REG, /* register-based invalidation: until major version 5 */
};

/* What an offset counts from. */
enum place {
	PLACE_FIXED,
	PLACE_IRO,
	PLACE_NONE, /* kept, but not shown by any offset */
};

struct reg {
	uint16_t offset;
	uint8_t place; /* enum place */
	uint8_t width; /* bytes: 4 or 8 */
	uint8_t presence;
	bool read_only;
	bool apart;       /* written only, or shown by those who change it */
	uint16_t field;   /* offset in struct viq_vtd; the width there is the register's */
	uint64_t bits;    /* that exist */
	uint8_t need;     /* enum presence: without it */
	uint64_t needing; /* these of them do not exist */
	/* Instead of storing: value holds the whole register as written, fresh the bits that this access wrote. */
	void (*write)(struct viq_vtd *s, uint64_t value, uint64_t fresh);
};

#define ALL32 VIQ_BITS(31, 0)
#define ALL64 VIQ_BITS(63, 0)

/* --- Global command ----------------------------------------------------------------------------------------------- */

/* The embedder sees it at once, the guest as show_status() says. */
static void set_status(struct viq_vtd *s, uint64_t bit, bool on)
{
	s->regs.gsts = on ? s->regs.gsts | (uint32_t)bit : s->regs.gsts & ~(uint32_t)bit;
	/* 7.2.1: the index of fault records, once neither addresses nor interrupts are translated. */
	if (bit & (VIQ_VTD_GSTS_TES | VIQ_VTD_GSTS_IRES) && !(s->regs.gsts & (VIQ_VTD_GSTS_TES | VIQ_VTD_GSTS_IRES)))
		s->regs.fault_next = 0;
}

/* What other vCPUs see. Of bits that are still being worked on: what was, and 0 of one-shot commands. */
static void show_status(struct viq_vtd *s)
{
	uint32_t working = s->work.status, was = working & ~(uint32_t)(VIQ_VTD_GSTS_RTPS | VIQ_VTD_GSTS_IRTPS);

	s->shown.gsts = (s->regs.gsts & ~working) | (s->shown.gsts & was);
	vtd_show32(s, VIQ_VTD_GSTS, s->shown.gsts);
}

void vtd_status_done(struct viq_vtd *s, uint32_t bits)
{
	s->work.status &= ~bits;
	show_status(s);
}

static void work_on(struct viq_vtd *s, uint64_t bits)
{
	s->work.status |= (uint32_t)bits;
	show_status(s);
}

static void owe_reconfig(struct viq_vtd *s, enum viq_vtd_reconfig_cause cause)
{
	vtd_work_owe_reconfig(s, (struct viq_vtd_reconfig){.cause = cause, .scope = VIQ_VTD_SCOPE_ALL});
	vtd_invq_doorbell(s);
}

static void owe_remap(struct viq_vtd *s, enum viq_vtd_remap_cause cause)
{
	vtd_work_owe_remap(s, cause);
	vtd_invq_doorbell(s);
}

static void set_root_table(struct viq_vtd *s)
{
	work_on(s, VIQ_VTD_GSTS_RTPS);
	s->regs.rtaddr_used = s->regs.rtaddr;
	vtd_invq_moved(s, vtd_queue_of(s));
	set_status(s, VIQ_VTD_GSTS_RTPS, true);
	owe_reconfig(s, VIQ_VTD_ROOT_TABLE);
}

static void set_remap_table(struct viq_vtd *s)
{
	work_on(s, VIQ_VTD_GSTS_IRTPS);
	s->regs.irta_used = s->regs.irta;
	set_status(s, VIQ_VTD_GSTS_IRTPS, true);
	owe_remap(s, VIQ_VTD_REMAP_TABLE);
}

static void switch_remapping(struct viq_vtd *s, uint64_t value)
{
	work_on(s, VIQ_VTD_GSTS_IRES | VIQ_VTD_GSTS_CFIS);
	set_status(s, VIQ_VTD_GSTS_IRES, value & VIQ_VTD_GCMD_IRE);
	set_status(s, VIQ_VTD_GSTS_CFIS, value & VIQ_VTD_GCMD_CFI);
	owe_remap(s, VIQ_VTD_REMAP_STATE);
}

static void switch_translation(struct viq_vtd *s, bool on)
{
	work_on(s, VIQ_VTD_GSTS_TES);
	set_status(s, VIQ_VTD_GSTS_TES, on);
	owe_reconfig(s, on ? VIQ_VTD_ENABLED : VIQ_VTD_DISABLED);
}

static void switch_queue(struct viq_vtd *s, bool on)
{
	/* What was read is confirmed and what waits is dropped: a guest may switch off at any time. */
	vtd_iqh_set(s, 0);
	s->regs.timed_out = 0;
	if (!s->work.waiting)
		s->wait = (struct host_wait){0};
	vtd_work_leave(s);
	set_status(s, VIQ_VTD_GSTS_QIES, on);
	show_status(s);
	if (!on)
		return;
	s->regs.iqa_used = s->regs.iqa;
	vtd_invq_moved(s, vtd_queue_of(s));
	vtd_invq_doorbell(s);
}

/*
 * Level bits act when they differ from GSTS, one-shot bits whenever they are written 1. The embedder sees it at once,
 * GSTS says when it is done: mostly before the write returns. WBF has nothing to flush, advanced fault logging is not
 * offered.
 */
static void write_gcmd(struct viq_vtd *s, uint64_t value, uint64_t fresh)
{
	uint64_t changed = value ^ s->regs.gsts;
	bool ir = s->config.ecap & VIQ_VTD_ECAP_IR;

	if (value & VIQ_VTD_GCMD_SRTP)
		set_root_table(s);
	if (ir && (value & VIQ_VTD_GCMD_SIRTP))
		set_remap_table(s);
	if (ir && (changed & (VIQ_VTD_GCMD_IRE | VIQ_VTD_GCMD_CFI)))
		switch_remapping(s, value);
	if (changed & VIQ_VTD_GCMD_TE)
		switch_translation(s, value & VIQ_VTD_GCMD_TE);
	if (changed & VIQ_VTD_GCMD_QIE)
		switch_queue(s, value & VIQ_VTD_GCMD_QIE);
}

/* --- Faults and events -------------------------------------------------------------------------------------------- */

static void write_fsts(struct viq_vtd *s, uint64_t value, uint64_t fresh)
{
	uint32_t clear = value & (VIQ_VTD_FSTS_PFO | VIQ_VTD_FSTS_IQE | VIQ_VTD_FSTS_ICE | VIQ_VTD_FSTS_ITE);
	uint64_t record = 0;

	if (clear & VIQ_VTD_FSTS_IQE)
		record |= VIQ_VTD_IQERCD_IQEI;
	if (clear & VIQ_VTD_FSTS_ITE)
		record |= VIQ_VTD_IQERCD_ITESID;
	if (clear & VIQ_VTD_FSTS_ICE)
		record |= VIQ_VTD_IQERCD_ICESID;
	vtd_fsts_set(s, s->regs.fsts & ~clear);
	s->regs.iqercd &= ~record;
	vtd_show64(s, VIQ_VTD_IQERCD, s->regs.iqercd);
	vtd_events_settle(s);
	/* The queue goes on by itself, without a write of IQT. */
	if (clear & (VIQ_VTD_FSTS_IQE | VIQ_VTD_FSTS_ITE))
		vtd_invq_doorbell(s);
}

static void write_fectl(struct viq_vtd *s, uint64_t value, uint64_t fresh)
{
	vtd_event_control(s, &s->regs.fault_event, (uint32_t)value);
}

static void write_iectl(struct viq_vtd *s, uint64_t value, uint64_t fresh)
{
	vtd_event_control(s, &s->regs.wait_event, (uint32_t)value);
}

static void write_ics(struct viq_vtd *s, uint64_t value, uint64_t fresh)
{
	s->regs.ics &= ~(uint32_t)(value & VIQ_VTD_ICS_IWC);
	vtd_show32(s, VIQ_VTD_ICS, s->regs.ics);
	vtd_events_settle(s);
}

static void write_pectl(struct viq_vtd *s, uint64_t value, uint64_t fresh)
{
	vtd_event_control(s, &s->regs.page_event, (uint32_t)value);
}

static void write_prs(struct viq_vtd *s, uint64_t value, uint64_t fresh)
{
	s->regs.prs &= ~(uint32_t)value;
	vtd_show32(s, VIQ_VTD_PRS, s->regs.prs);
	vtd_events_settle(s);
}

/* --- The queue's registers ---------------------------------------------------------------------------------------- */

static void write_iqt(struct viq_vtd *s, uint64_t value, uint64_t fresh)
{
	/* The upper half holds nothing, and is no doorbell. */
	if (!(fresh & VIQ_VTD_IQ_OFFSET))
		return;
	s->regs.iqt = value & VIQ_VTD_IQ_OFFSET;
	vtd_show64(s, VIQ_VTD_IQT, s->regs.iqt);
	s->counters.doorbells++;
	vtd_work_queued(s);
	vtd_invq_doorbell(s);
}

static void write_iqa(struct viq_vtd *s, uint64_t value, uint64_t fresh)
{
	/* While the queue is on the write is undefined. IQT stays as it is: guests load it before the queue is on. */
	if (s->regs.gsts & VIQ_VTD_GSTS_QIES)
		return;
	s->regs.iqa = value & VTD_IQA_BITS;
	vtd_show64(s, VIQ_VTD_IQA, s->regs.iqa);
}

/* --- The table ---------------------------------------------------------------------------------------------------- */

#define AT(member) offsetof(struct viq_vtd, member)

/* clang-format off */
/* "..." is the bits that exist, then any other members. */
#define REG(name, w, f, ...) {.offset = VIQ_VTD_##name, .width = w, .field = AT(f), .bits = __VA_ARGS__}
#define RO(name, w, f, ...)  REG(name, w, f, __VA_ARGS__, .read_only = true)
#define KEPT(w, f, ...)      {.place = PLACE_NONE, .width = w, .field = AT(f), .bits = __VA_ARGS__}
#define APART                .apart = true
#define ONLY(feature)        .presence = PRESENT_##feature
#define NEED(feature, which) .need = PRESENT_##feature, .needing = which

#define CCMD_BITS   (~VIQ_VTD_CCMD_ICC)
#define IOTLB_BITS  (~VIQ_VTD_IOTLB_IVT)
#define IQERCD_BITS (VIQ_VTD_IQERCD_IQEI | VIQ_VTD_IQERCD_ITESID | VIQ_VTD_IQERCD_ICESID)
#define RTADDR_BITS (VIQ_VTD_RTADDR_RTA | VIQ_VTD_RTADDR_TTM)
#define IRTA_BITS   (VIQ_VTD_IRTA_IRTA | VIQ_VTD_IRTA_S | VIQ_VTD_IRTA_EIME)
#define CTL_BITS    (VIQ_VTD_EVENT_IM | VIQ_VTD_EVENT_IP)
#define FSTS_BITS   (VIQ_VTD_FSTS_PFO | VIQ_VTD_FSTS_IQE | VIQ_VTD_FSTS_ICE | VIQ_VTD_FSTS_ITE | VIQ_VTD_FSTS_FRI)
#define REMAP_BITS  (VIQ_VTD_GSTS_IRES | VIQ_VTD_GSTS_IRTPS | VIQ_VTD_GSTS_CFIS)
#define GSTS_BITS   (VIQ_VTD_GSTS_TES | VIQ_VTD_GSTS_RTPS | VIQ_VTD_GSTS_QIES | REMAP_BITS)
#define PQA_BITS    (VIQ_VTD_PQA_PQA | VIQ_VTD_PQA_PQS)
#define PRS_BITS    (VIQ_VTD_PRS_PPR | VIQ_VTD_PRS_PRO)
#define EVENT(reg, f)                                                                                                  \
	REG(reg##DATA, 4, f.data, VIQ_VTD_EVENT_DATA), REG(reg##ADDR, 4, f.addr, VIQ_VTD_EVENT_ADDR),                  \
	REG(reg##UADDR, 4, f.uaddr, VIQ_VTD_EVENT_UADDR, ONLY(EIM))

static const struct reg regs[] = {
	RO(VER, 4, config.version, ALL32),
	RO(CAP, 8, config.cap, ALL64),
	RO(ECAP, 8, config.ecap, ALL64),
	REG(GCMD, 4, shown.gsts, 0, APART, .write = write_gcmd),
	RO(GSTS, 4, regs.gsts, GSTS_BITS, NEED(IR, REMAP_BITS), APART),
	REG(RTADDR, 8, regs.rtaddr, RTADDR_BITS),
	REG(CCMD, 8, regs.ccmd, CCMD_BITS, ONLY(REG), .write = vtd_write_ccmd),
	REG(FSTS, 4, regs.fsts, FSTS_BITS, APART, .write = write_fsts),
	REG(FECTL, 4, regs.fault_event.ctl, CTL_BITS, .write = write_fectl),
	EVENT(FE, regs.fault_event),
	RO(IQH, 8, regs.iqh, VIQ_VTD_IQ_OFFSET),
	REG(IQT, 8, regs.iqt, VIQ_VTD_IQ_OFFSET, .write = write_iqt),
	REG(IQA, 8, regs.iqa, VTD_IQA_BITS, .write = write_iqa),
	REG(ICS, 4, regs.ics, VIQ_VTD_ICS_IWC, .write = write_ics),
	REG(IECTL, 4, regs.wait_event.ctl, CTL_BITS, .write = write_iectl),
	EVENT(IE, regs.wait_event),
	RO(IQERCD, 8, regs.iqercd, IQERCD_BITS),
	REG(IRTA, 8, regs.irta, IRTA_BITS, ONLY(IR), NEED(EIM, VIQ_VTD_IRTA_EIME)),
	REG(PQH, 8, regs.pqh, VIQ_VTD_PQ_OFFSET, ONLY(PRS)),
	REG(PQT, 8, regs.pqt, VIQ_VTD_PQ_OFFSET, ONLY(PRS)),
	REG(PQA, 8, regs.pqa, PQA_BITS, ONLY(PRS)),
	REG(PRS, 4, regs.prs, PRS_BITS, ONLY(PRS), .write = write_prs),
	REG(PECTL, 4, regs.page_event.ctl, CTL_BITS, ONLY(PRS), .write = write_pectl),
	REG(PEDATA, 4, regs.page_event.data, VIQ_VTD_EVENT_DATA, ONLY(PRS)),
	REG(PEADDR, 4, regs.page_event.addr, VIQ_VTD_EVENT_ADDR, ONLY(PRS)),
	REG(PEUADDR, 4, regs.page_event.uaddr, VIQ_VTD_EVENT_UADDR, ONLY(PRS), NEED(EIM, VIQ_VTD_EVENT_UADDR)),
	REG(IVA_REG, 8, regs.iva, VTD_IVA_BITS, .place = PLACE_IRO, ONLY(REG), APART, .write = vtd_write_iva),
	REG(IOTLB_REG, 8, regs.iotlb, IOTLB_BITS, .place = PLACE_IRO, ONLY(REG), .write = vtd_write_iotlb),
	/* What no offset shows. */
	KEPT(8, regs.rtaddr_used, RTADDR_BITS),
	KEPT(8, regs.irta_used, IRTA_BITS, ONLY(IR), NEED(EIM, VIQ_VTD_IRTA_EIME)),
	KEPT(8, regs.iqa_used, VTD_IQA_BITS),
	KEPT(4, regs.fault_next, VIQ_BITS(7, 0)),
	KEPT(4, regs.timed_out, 1),
	KEPT(4, regs.timeout_sid, VIQ_BITS(15, 0)),
};
/* clang-format on */

#define REGS (sizeof(regs) / sizeof(regs[0]))

static bool has(const struct viq_vtd *s, enum presence presence)
{
	switch (presence) {
	case PRESENT:
		return true;
	case PRESENT_IR:
		return s->config.ecap & VIQ_VTD_ECAP_IR;
	case PRESENT_EIM:
		return s->config.ecap & VIQ_VTD_ECAP_EIM;
	case PRESENT_PRS:
		return s->config.ecap & VIQ_VTD_ECAP_PRS;
	case PRESENT_REG:
		return VIQ_GET(VIQ_VTD_VER_MAX, s->config.version) < 6;
	}
	return false;
}

/* The bits that exist under this configuration. */
static uint64_t bits_of(const struct viq_vtd *s, const struct reg *r)
{
	if (!has(s, (enum presence)r->presence))
		return 0;
	return has(s, (enum presence)r->need) ? r->bits : r->bits & ~r->needing;
}

static uint64_t base_of(const struct viq_vtd *s, const struct reg *r)
{
	return r->place == PLACE_IRO ? vtd_iro(s) + r->offset : r->offset;
}

static const struct reg *find(const struct viq_vtd *s, uint64_t offset)
{
	for (const struct reg *r = regs; r->place != PLACE_NONE; r++) {
		if (offset - base_of(s, r) < r->width)
			return has(s, (enum presence)r->presence) ? r : NULL;
	}
	return NULL;
}

static void show(struct viq_vtd *s, const struct reg *r)
{
	uint64_t value = reg_get((const char *)s + r->field, r->width);

	if (r->width == 8)
		vtd_show64(s, base_of(s, r), value);
	else
		vtd_show32(s, base_of(s, r), (uint32_t)value);
}

static void store(struct viq_vtd *s, const struct reg *r, uint64_t value, uint64_t fresh)
{
	if (r->write) {
		r->write(s, value, fresh);
	} else if (!r->read_only) {
		reg_put((char *)s + r->field, r->width, value & bits_of(s, r));
		show(s, r);
	}
}

/* The fault record that holds offset, or a number beyond all records. */
static uint64_t record_at(const struct viq_vtd *s, uint64_t offset)
{
	return (offset - vtd_frcd_offset(s)) / VIQ_VTD_FRCD_SIZE;
}

static void write_half(struct viq_vtd *s, uint64_t offset, uint32_t value)
{
	const struct reg *r = find(s, offset);
	unsigned int shift = 8 * (offset % 8);
	uint64_t n = record_at(s, offset);

	if (r && r->width == 4)
		store(s, r, value, ALL32);
	else if (r)
		store(s, r, (reg_get((char *)s + r->field, 8) & ~(ALL32 << shift)) | (uint64_t)value << shift,
		      ALL32 << shift);
	else if (n < vtd_frcd_count(s) && offset / 8 % 2)
		vtd_frcd_clear(s, (uint32_t)n, (uint64_t)value << shift);
}

uint64_t viq_vtd_mmio_read(const struct viq_vtd *s, uint64_t offset, unsigned int size)
{
	if (!s || offset >= VIQ_VTD_MMIO_SIZE || !reg_access_ok(offset, size))
		return 0;
	return reg_seen(s->shown.page + offset, size);
}

/* Any aligned access of 4 or 8 bytes. Apart from the doorbell's, which would pay for its registers. */
static __attribute__((noinline)) void write_any(struct viq_vtd *s, uint64_t offset, unsigned int size, uint64_t value)
{
	const struct reg *r = size == 8 ? find(s, offset) : NULL;

	if (r && r->width == 8) {
		store(s, r, value, ALL64);
		return;
	}
	write_half(s, offset, (uint32_t)value);
	if (size == 8)
		write_half(s, offset + 4, (uint32_t)(value >> 32));
}

static inline void write_access(struct viq_vtd *s, uint64_t offset, unsigned int size, uint64_t value)
{
	if (!reg_access_ok(offset, size))
		return;
	/* Nearly every access is the doorbell. */
	if (offset == VIQ_VTD_IQT)
		write_iqt(s, value, ALL32);
	else
		write_any(s, offset, size, value);
}

void viq_vtd_mmio_write(struct viq_vtd *s, uint64_t offset, unsigned int size, uint64_t value)
{
	if (!s)
		return;
	if (!vtd_enter(s)) {
		s->counters.writes_lost += !gate_keep(&s->gate, offset, size, value);
		return;
	}
	write_access(s, offset, size, value);
	vtd_leave(s);
}

bool vtd_settle(struct viq_vtd *s)
{
	struct gate *g = &s->gate;
	uint32_t i = 0;
	bool kick;

	for (;;) {
		for (; i < g->count; i++)
			write_access(s, g->writes[i].offset, g->writes[i].size, g->writes[i].value);
		if (!g->reset)
			break;
		g->reset = false;
		vtd_reset(s);
		/* One asked for in it is this one, but where writes were kept in it: these come before it. */
		g->reset &= i < g->count;
	}
	/* Who was told by host_wait() that the queue waits has it run again. */
	kick = g->kick && (vtd_work_left(s) || (vtd_invq_waits(s) && !(s->wait.waits && s->ops.host_wait)));
	gate_leave(g);
	return kick;
}

void vtd_kick(struct viq_vtd *s)
{
	bool kicking = s->gate.kicking;

	s->gate.kicking = true;
	if (s->ops.kick) {
		s->ops.kick(s->config.opaque);
	} else if (!kicking) { /* nobody is told: what is left is done now */
		while (viq_vtd_run(s, VIQ_WORK_UNLIMITED))
			;
	}
	s->gate.kicking = kicking;
}

void vtd_regs_init(struct viq_vtd *s)
{
	s->shown.page = s->config.page;
	if (s->shown.page)
		memset(s->shown.page, 0, VIQ_VTD_MMIO_SIZE);
	else
		s->shown.page = (char *)s->shown.own;
}

void vtd_regs_reset(struct viq_vtd *s)
{
	static const uint64_t frcd[VIQ_VTD_FRCD_MAX][2];
	const struct vtd_regs none = {
		.fault_event.ctl = VIQ_VTD_EVENT_IM,
		.wait_event.ctl = VIQ_VTD_EVENT_IM,
		.page_event.ctl = has(s, PRESENT_PRS) ? VIQ_VTD_EVENT_IM : 0,
	};

	vtd_regs_set(s, &none, frcd);
}

bool vtd_regs_ok(const struct viq_vtd *s, const struct vtd_regs *r)
{
	for (size_t i = 0; i < REGS; i++) {
		size_t at = regs[i].field - AT(regs);

		if (at < sizeof(*r) && reg_get((const char *)r + at, regs[i].width) & ~bits_of(s, &regs[i]))
			return false;
	}
	return true;
}

void vtd_regs_set(struct viq_vtd *s, const struct vtd_regs *to, const uint64_t frcd[VIQ_VTD_FRCD_MAX][2])
{
	s->regs = *to;
	for (size_t i = 0; i < REGS; i++) {
		if (regs[i].place != PLACE_NONE && !regs[i].apart)
			show(s, &regs[i]);
	}
	for (uint32_t i = 0; i < vtd_frcd_count(s); i++) {
		vtd_frcd_set(s, i, 0, frcd[i][0]);
		vtd_frcd_set(s, i, 1, frcd[i][1]);
	}
	vtd_fsts_set(s, to->fsts);
	s->work = (struct vtd_work){0};
	show_status(s);
	vtd_invq_moved(s, vtd_queue_of(s));
}
