/* SPDX-License-Identifier: MIT */
/*
 * The register pages (IHI 0070 chapter 6) as a table: one row per register, with its width, the bits that exist, and
 * who may write when. Registers whose write sets something in motion have a function.
 *
 * Where the architecture leaves a choice (6.2), this does: accesses of 1 or 2 bytes and unaligned ones are RAZ/WI; a
 * 64-bit read of two 32-bit registers is of both at once (FreeBSD reads the event queue's indices so), a write is two,
 * the lower one first; undefined offsets are RES0, in page 1 too; writes to a guarded register are ignored while its
 * guard is set.
 *
 * No register of the architecture has a read with a side effect, or must not be read. So a read is one load from the
 * image of the pages (guest/reg.h), at any time, by any thread: whoever changes a register shows it there.
 */
#include <stddef.h>
#include <string.h>

#include "smmuv3.h"

/* What must be off for a write to be taken (1.5 of the register descriptions: "is Guarded by"). */
enum guard {
	GUARD_NONE,
	GUARD_READONLY,
	GUARD_SMMUEN,
	GUARD_CMDQEN,
	GUARD_EVENTQEN,
	GUARD_GERROR_IRQ,
	GUARD_EVENTQ_IRQ,
	GUARD_PRIQEN,
	GUARD_PRIQ_IRQ,
};

/* An index register of a queue shows its index bits and its wrap flag (6.3.27, 6.3.28); it keeps all of them. */
enum queue {
	QUEUE_NONE,
	QUEUE_CMDQ,
	QUEUE_EVENTQ,
	QUEUE_PRIQ,
};

struct reg {
	uint32_t offset;
	uint8_t width;    /* bytes: 4 or 8 */
	uint8_t guard;    /* enum guard */
	uint8_t queue;    /* enum queue */
	uint16_t field;   /* offset in struct viq_smmuv3; the width there is the register's */
	uint64_t bits;    /* that exist */
	uint32_t need;    /* feature in IDR0 without which */
	uint64_t needing; /* these of them do not exist */
	uint64_t pri;     /* nor these without IDR0.PRI */
	/* Instead of storing: value holds the whole register as written, bits those that exist. */
	void (*write)(struct viq_smmuv3 *s, uint64_t value, uint64_t bits);
};

static void show_queue(struct viq_smmuv3 *s, enum queue which);

/* --- Writes that set something in motion ---------------------------------------------------------------------- */

/* All but the queue's work, which CMDQ_CONS tells, has happened. Another vCPU may be looking (6.3.10, 6.3.14). */
void smmuv3_acknowledge(struct viq_smmuv3 *s)
{
	if (s->reconfig.owed)
		return;
	s->regs.gbpa &= ~(uint32_t)VIQ_SMMUV3_GBPA_UPDATE;
	smmuv3_show(s, VIQ_SMMUV3_GBPA, s->regs.gbpa);
	smmuv3_show(s, VIQ_SMMUV3_CR0ACK, s->regs.cr0);
}

static void write_cr0(struct viq_smmuv3 *s, uint64_t value, uint64_t bits)
{
	uint32_t old = s->regs.cr0, now = (uint32_t)(value & bits);
	uint32_t on = now & ~old, off = old & ~now;

	s->regs.cr0 = now;
	smmuv3_show(s, VIQ_SMMUV3_CR0, now);
	if (off & VIQ_SMMUV3_CR0_CMDQEN)
		s->wait = (struct host_wait){0};
	/* While it was off another command may have come to CONS. */
	if (on & VIQ_SMMUV3_CR0_CMDQEN)
		smmuv3_reconfig_leave(s);
	if ((on | off) & VIQ_SMMUV3_CR0_SMMUEN)
		smmuv3_reconfig_owe(s, on & VIQ_SMMUV3_CR0_SMMUEN ? VIQ_SMMUV3_ENABLED : VIQ_SMMUV3_DISABLED);
	smmuv3_acknowledge(s);
	smmuv3_cmdq_doorbell(s);
}

static void write_cr1(struct viq_smmuv3 *s, uint64_t value, uint64_t bits)
{
	uint32_t mask = 0;

	/* Two fields, each with its own guard (6.3.11). */
	if (!(s->regs.cr0 & VIQ_SMMUV3_CR0_SMMUEN))
		mask |= VIQ_SMMUV3_CR1_TABLE;
	if (!(s->regs.cr0 & (VIQ_SMMUV3_CR0_CMDQEN | VIQ_SMMUV3_CR0_EVENTQEN | VIQ_SMMUV3_CR0_PRIQEN)))
		mask |= VIQ_SMMUV3_CR1_QUEUE;
	s->regs.cr1 = (s->regs.cr1 & ~mask) | ((uint32_t)value & mask);
	smmuv3_show(s, VIQ_SMMUV3_CR1, s->regs.cr1);
}

static void write_gbpa(struct viq_smmuv3 *s, uint64_t value, uint64_t bits)
{
	uint32_t old = s->regs.gbpa & ~(uint32_t)VIQ_SMMUV3_GBPA_UPDATE, now = (uint32_t)(value & bits);

	/* Without UPDATE nothing is taken; UPDATE itself reads 0 again when it is done (6.3.14). */
	if (!(value & VIQ_SMMUV3_GBPA_UPDATE))
		return;
	s->regs.gbpa = now | VIQ_SMMUV3_GBPA_UPDATE;
	smmuv3_show(s, VIQ_SMMUV3_GBPA, s->regs.gbpa);
	if (now != old && !(s->regs.cr0 & VIQ_SMMUV3_CR0_SMMUEN))
		smmuv3_reconfig_owe(s, VIQ_SMMUV3_GBPA_CHANGED);
	smmuv3_acknowledge(s);
	smmuv3_cmdq_doorbell(s);
}

static void write_irq_ctrl(struct viq_smmuv3 *s, uint64_t value, uint64_t bits)
{
	s->regs.irq_ctrl = (uint32_t)(value & bits);
	smmuv3_show(s, VIQ_SMMUV3_IRQ_CTRL, s->regs.irq_ctrl);
	smmuv3_show(s, VIQ_SMMUV3_IRQ_CTRLACK, s->regs.irq_ctrl);
}

static void write_gerrorn(struct viq_smmuv3 *s, uint64_t value, uint64_t bits)
{
	s->regs.gerrorn = (uint32_t)(value & bits);
	smmuv3_show(s, VIQ_SMMUV3_GERRORN, s->regs.gerrorn);
	/* An acknowledged command queue error lets the queue go on by itself (7.1). */
	smmuv3_cmdq_doorbell(s);
}

static void move_cmdq(struct viq_smmuv3 *s)
{
	smmuv3_cmdq_moved(s, smmuv3_queue(s, s->regs.cmdq_base, VIQ_GET(VIQ_SMMUV3_IDR1_CMDQS, s->config.idr1),
					  VIQ_SMMUV3_CMD_SIZE));
}

static void write_cmdq_base(struct viq_smmuv3 *s, uint64_t value, uint64_t bits)
{
	s->regs.cmdq_base = value & bits;
	move_cmdq(s);
	show_queue(s, QUEUE_CMDQ);
}

static void write_eventq_base(struct viq_smmuv3 *s, uint64_t value, uint64_t bits)
{
	s->regs.eventq_base = value & bits;
	show_queue(s, QUEUE_EVENTQ);
}

static void write_priq_base(struct viq_smmuv3 *s, uint64_t value, uint64_t bits)
{
	s->regs.priq_base = value & bits;
	show_queue(s, QUEUE_PRIQ);
}

static void write_cmdq_prod(struct viq_smmuv3 *s, uint64_t value, uint64_t bits)
{
	s->regs.cmdq_prod = (uint32_t)(value & bits);
	smmuv3_show(s, VIQ_SMMUV3_CMDQ_PROD, s->regs.cmdq_prod & s->cmdq.mask);
	s->counters.doorbells++;
	smmuv3_reconfig_queued(s);
	smmuv3_cmdq_doorbell(s);
}

/* --- The table ------------------------------------------------------------------------------------------------ */

#define AT(member) offsetof(struct viq_smmuv3, member)
#define ALL32      VIQ_BITS(31, 0)

/* clang-format off */
/* "..." is the bits that exist, then any other members. */
#define REG(name, w, guarded, f, ...)                                                                                  \
	{.offset = VIQ_SMMUV3_##name, .width = w, .guard = GUARD_##guarded, .field = AT(f), .bits = __VA_ARGS__}
#define INDEX(q)              .queue = QUEUE_##q
#define PRI(which)            .pri = which
#define NEED(feature, which)  .need = VIQ_SMMUV3_IDR0_##feature, .needing = which

#define CR0_BITS     (VIQ_SMMUV3_CR0_SMMUEN | VIQ_SMMUV3_CR0_EVENTQEN | VIQ_SMMUV3_CR0_CMDQEN |                         \
		      VIQ_SMMUV3_CR0_ATSCHK | VIQ_SMMUV3_CR0_PRIQEN)
#define CR1_BITS     (VIQ_SMMUV3_CR1_QUEUE | VIQ_SMMUV3_CR1_TABLE)
#define IRQ_BITS     (VIQ_SMMUV3_IRQ_CTRL_GERROR_IRQEN | VIQ_SMMUV3_IRQ_CTRL_EVENTQ_IRQEN |                            \
		      VIQ_SMMUV3_IRQ_CTRL_PRIQ_IRQEN)
#define MSI_ERRORS   (VIQ_SMMUV3_GERROR_MSI_CMDQ_ABT_ERR | VIQ_SMMUV3_GERROR_MSI_EVENTQ_ABT_ERR |                      \
		      VIQ_SMMUV3_GERROR_MSI_PRIQ_ABT_ERR | VIQ_SMMUV3_GERROR_MSI_GERROR_ABT_ERR)
#define PRIQ_ERRORS  (VIQ_SMMUV3_GERROR_PRIQ_ABT_ERR | VIQ_SMMUV3_GERROR_MSI_PRIQ_ABT_ERR)
#define ERRORS       (VIQ_SMMUV3_GERROR_CMDQ_ERR | VIQ_SMMUV3_GERROR_EVENTQ_ABT_ERR | PRIQ_ERRORS | MSI_ERRORS)
#define STRTAB_BITS  (VIQ_SMMUV3_STRTAB_BASE_RA | VIQ_SMMUV3_STRTAB_BASE_ADDR)
#define SPLIT_FMT    (VIQ_SMMUV3_STRTAB_BASE_CFG_SPLIT | VIQ_SMMUV3_STRTAB_BASE_CFG_FMT)
#define Q_BASE_BITS  (VIQ_SMMUV3_Q_BASE_HINT | VIQ_SMMUV3_Q_BASE_ADDR | VIQ_SMMUV3_Q_BASE_LOG2SIZE)
#define CONS_BITS    (VIQ_SMMUV3_Q_INDEX | VIQ_SMMUV3_CMDQ_CONS_ERR)
#define EVENTQ_BITS  (VIQ_SMMUV3_Q_INDEX | VIQ_SMMUV3_EVENTQ_OVFLG)
#define IRQ_CFG(name, guard, f)                                                                                        \
	REG(name##_IRQ_CFG0, 8, guard, f.addr, VIQ_SMMUV3_IRQ_CFG0_ADDR, NEED(MSI, VIQ_SMMUV3_IRQ_CFG0_ADDR)),         \
	REG(name##_IRQ_CFG1, 4, guard, f.data, ALL32, NEED(MSI, ALL32)),                                               \
	REG(name##_IRQ_CFG2, 4, guard, f.attr, VIQ_SMMUV3_IRQ_CFG2_MASK, NEED(MSI, VIQ_SMMUV3_IRQ_CFG2_MASK))

static const struct reg regs[] = {
	REG(IDR0, 4, READONLY, config.idr0, ALL32),
	REG(IDR1, 4, READONLY, config.idr1, ALL32),
	REG(IDR3, 4, READONLY, config.idr3, ALL32),
	REG(IDR5, 4, READONLY, config.idr5, ALL32),
	REG(IIDR, 4, READONLY, config.iidr, ALL32),
	REG(AIDR, 4, READONLY, config.aidr, ALL32),
	REG(CR0, 4, NONE, regs.cr0, CR0_BITS, NEED(ATS, VIQ_SMMUV3_CR0_ATSCHK), PRI(VIQ_SMMUV3_CR0_PRIQEN),
	    .write = write_cr0),
	REG(CR0ACK, 4, READONLY, regs.cr0, CR0_BITS, NEED(ATS, VIQ_SMMUV3_CR0_ATSCHK), PRI(VIQ_SMMUV3_CR0_PRIQEN)),
	REG(CR1, 4, NONE, regs.cr1, CR1_BITS, .write = write_cr1),
	REG(CR2, 4, SMMUEN, regs.cr2, VIQ_SMMUV3_CR2_RECINVSID), /* PTM needs BTM, which is not offered */
	REG(GBPA, 4, NONE, regs.gbpa, SMMUV3_GBPA_BITS, .write = write_gbpa),
	REG(IRQ_CTRL, 4, NONE, regs.irq_ctrl, IRQ_BITS, PRI(VIQ_SMMUV3_IRQ_CTRL_PRIQ_IRQEN), .write = write_irq_ctrl),
	REG(IRQ_CTRLACK, 4, READONLY, regs.irq_ctrl, IRQ_BITS, PRI(VIQ_SMMUV3_IRQ_CTRL_PRIQ_IRQEN)),
	REG(GERROR, 4, READONLY, regs.gerror, ERRORS, NEED(MSI, MSI_ERRORS), PRI(PRIQ_ERRORS)),
	REG(GERRORN, 4, NONE, regs.gerrorn, ERRORS | VIQ_SMMUV3_GERROR_SFM_ERR, NEED(MSI, MSI_ERRORS),
	    PRI(PRIQ_ERRORS), .write = write_gerrorn),
	IRQ_CFG(GERROR, GERROR_IRQ, regs.gerror_irq),
	REG(STRTAB_BASE, 8, SMMUEN, regs.strtab_base, STRTAB_BITS),
	REG(STRTAB_BASE_CFG, 4, SMMUEN, regs.strtab_base_cfg, VIQ_SMMUV3_STRTAB_BASE_CFG_LOG2SIZE | SPLIT_FMT,
	    NEED(ST_LEVEL, SPLIT_FMT)), /* 6.3.25 */
	REG(CMDQ_BASE, 8, CMDQEN, regs.cmdq_base, Q_BASE_BITS, INDEX(CMDQ), .write = write_cmdq_base),
	REG(CMDQ_PROD, 4, NONE, regs.cmdq_prod, VIQ_SMMUV3_Q_INDEX, INDEX(CMDQ), .write = write_cmdq_prod),
	REG(CMDQ_CONS, 4, CMDQEN, regs.cmdq_cons, CONS_BITS, INDEX(CMDQ)),
	REG(EVENTQ_BASE, 8, EVENTQEN, regs.eventq_base, Q_BASE_BITS, INDEX(EVENTQ), .write = write_eventq_base),
	IRQ_CFG(EVENTQ, EVENTQ_IRQ, regs.eventq_irq),
	REG(EVENTQ_PROD, 4, EVENTQEN, regs.eventq_prod, EVENTQ_BITS, INDEX(EVENTQ)),
	REG(EVENTQ_CONS, 4, NONE, regs.eventq_cons, EVENTQ_BITS, INDEX(EVENTQ)),
	REG(PRIQ_BASE, 8, PRIQEN, regs.priq_base, Q_BASE_BITS, PRI(Q_BASE_BITS), INDEX(PRIQ),
	    .write = write_priq_base),
	REG(PRIQ_IRQ_CFG0, 8, PRIQ_IRQ, regs.priq_irq.addr, VIQ_SMMUV3_IRQ_CFG0_ADDR,
	    NEED(MSI, VIQ_SMMUV3_IRQ_CFG0_ADDR), PRI(VIQ_SMMUV3_IRQ_CFG0_ADDR)),
	REG(PRIQ_IRQ_CFG1, 4, PRIQ_IRQ, regs.priq_irq.data, ALL32, NEED(MSI, ALL32), PRI(ALL32)),
	/* LO is there without MSIs, too. */
	REG(PRIQ_IRQ_CFG2, 4, PRIQ_IRQ, regs.priq_irq.attr, VIQ_SMMUV3_IRQ_CFG2_MASK | VIQ_SMMUV3_PRIQ_CFG2_LO,
	    NEED(MSI, VIQ_SMMUV3_IRQ_CFG2_MASK), PRI(ALL32)),
	REG(PRIQ_PROD, 4, PRIQEN, regs.priq_prod, EVENTQ_BITS, PRI(EVENTQ_BITS), INDEX(PRIQ)),
	REG(PRIQ_CONS, 4, NONE, regs.priq_cons, EVENTQ_BITS, PRI(EVENTQ_BITS), INDEX(PRIQ)),
};
/* clang-format on */

#define REGS (sizeof(regs) / sizeof(regs[0]))

/* The bits that exist under this configuration. */
static uint64_t bits_of(const struct viq_smmuv3 *s, const struct reg *r)
{
	return r->bits & ~(s->config.idr0 & r->need ? 0 : r->needing) &
	       ~(s->config.idr0 & VIQ_SMMUV3_IDR0_PRI ? 0 : r->pri);
}

static const struct reg *find(uint64_t offset)
{
	for (size_t i = 0; i < REGS; i++) {
		if (offset - regs[i].offset < regs[i].width)
			return &regs[i];
	}
	return NULL;
}

static bool guarded(const struct viq_smmuv3 *s, enum guard guard)
{
	switch (guard) {
	case GUARD_NONE:
		return false;
	case GUARD_READONLY:
		return true;
	case GUARD_SMMUEN:
		return s->regs.cr0 & VIQ_SMMUV3_CR0_SMMUEN;
	case GUARD_CMDQEN:
		return s->regs.cr0 & VIQ_SMMUV3_CR0_CMDQEN;
	case GUARD_EVENTQEN:
		return s->regs.cr0 & VIQ_SMMUV3_CR0_EVENTQEN;
	case GUARD_GERROR_IRQ:
		return s->regs.irq_ctrl & VIQ_SMMUV3_IRQ_CTRL_GERROR_IRQEN;
	case GUARD_EVENTQ_IRQ:
		return s->regs.irq_ctrl & VIQ_SMMUV3_IRQ_CTRL_EVENTQ_IRQEN;
	case GUARD_PRIQEN:
		return s->regs.cr0 & VIQ_SMMUV3_CR0_PRIQEN;
	case GUARD_PRIQ_IRQ:
		return s->regs.irq_ctrl & VIQ_SMMUV3_IRQ_CTRL_PRIQ_IRQEN;
	}
	return true;
}

static uint32_t index_mask(const struct viq_smmuv3 *s, enum queue which)
{
	switch (which) {
	case QUEUE_CMDQ:
		return s->cmdq.mask;
	case QUEUE_PRIQ:
		return smmuv3_priq(s).mask;
	default:
		return smmuv3_eventq(s).mask;
	}
}

/* As the guest sees it: of an index, the bits that the queue's size of this moment has. */
static uint64_t shown(const struct viq_smmuv3 *s, const struct reg *r)
{
	uint64_t value = reg_get((const char *)s + r->field, r->width);

	if (!r->queue || r->width == 8)
		return value;
	return value & ~(VIQ_SMMUV3_Q_INDEX & ~(uint64_t)index_mask(s, (enum queue)r->queue));
}

static void show(struct viq_smmuv3 *s, const struct reg *r)
{
	if (r->width == 8)
		reg_show64(s->shown.page[r->offset >> 16] + (r->offset & 0xffff), shown(s, r));
	else
		smmuv3_show(s, r->offset, (uint32_t)shown(s, r));
}

static void show_queue(struct viq_smmuv3 *s, enum queue which)
{
	for (size_t i = 0; i < REGS; i++) {
		if (regs[i].queue == which)
			show(s, &regs[i]);
	}
}

static void store(struct viq_smmuv3 *s, const struct reg *r, uint64_t value)
{
	uint64_t bits = bits_of(s, r);

	if (guarded(s, r->guard))
		return;
	if (r->write) {
		r->write(s, value, bits);
		return;
	}
	reg_put((char *)s + r->field, r->width, value & bits);
	show(s, r);
}

uint64_t viq_smmuv3_mmio_read(const struct viq_smmuv3 *s, uint64_t offset, unsigned int size)
{
	uint64_t page = offset >> 16, at = offset & 0xffff;

	if (!s || page > 1 || at >= SMMUV3_SHOWN || !reg_access_ok(offset, size))
		return 0;
	return reg_seen(s->shown.page[page] + at, size);
}

/* 4 bytes. Of a 64-bit register the other half stays. */
static void write_half(struct viq_smmuv3 *s, uint64_t offset, uint64_t value)
{
	const struct reg *r = find(offset);

	value &= ALL32;
	if (r && r->width == 8) {
		unsigned int shift = 8 * ((unsigned int)offset - r->offset);

		value = (reg_get((char *)s + r->field, 8) & ~(ALL32 << shift)) | value << shift;
	}
	if (r)
		store(s, r, value);
}

/* Any access. Apart from the doorbell's, which would pay for its registers. */
static __attribute__((noinline)) void write_any(struct viq_smmuv3 *s, uint64_t offset, unsigned int size,
						uint64_t value)
{
	const struct reg *r;

	if (!reg_access_ok(offset, size))
		return;
	r = size == 8 ? find(offset) : NULL;
	if (r && r->width == 8) {
		store(s, r, value);
		return;
	}
	write_half(s, offset, value);
	if (size == 8)
		write_half(s, offset + 4, value >> 32);
}

static inline void write_access(struct viq_smmuv3 *s, uint64_t offset, unsigned int size, uint64_t value)
{
	/* Nearly every access is the doorbell. */
	if (offset == VIQ_SMMUV3_CMDQ_PROD && size == 4)
		write_cmdq_prod(s, value, VIQ_SMMUV3_Q_INDEX);
	else
		write_any(s, offset, size, value);
}

void viq_smmuv3_mmio_write(struct viq_smmuv3 *s, uint64_t offset, unsigned int size, uint64_t value)
{
	if (!s)
		return;
	if (!smmuv3_enter(s)) {
		s->counters.writes_lost += !gate_keep(&s->gate, offset, size, value);
		return;
	}
	write_access(s, offset, size, value);
	smmuv3_leave(s);
}

bool smmuv3_settle(struct viq_smmuv3 *s)
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
		smmuv3_reset(s);
		/* One asked for in it is this one, but where writes were kept in it: these come before it. */
		g->reset &= i < g->count;
	}
	/* Who was told by host_wait() that the queue waits has it run again. */
	kick = g->kick && (s->reconfig.owed || (smmuv3_cmdq_waits(s) && !(s->wait.waits && s->ops.host_wait)));
	gate_leave(g);
	return kick;
}

void smmuv3_kick(struct viq_smmuv3 *s)
{
	bool kicking = s->gate.kicking;

	s->gate.kicking = true;
	if (s->ops.kick) {
		s->ops.kick(s->config.opaque);
	} else if (!kicking) { /* nobody is told: what is left is done now */
		while (viq_smmuv3_run(s, VIQ_WORK_UNLIMITED))
			;
	}
	s->gate.kicking = kicking;
}

void smmuv3_regs_init(struct viq_smmuv3 *s)
{
	char *page = s->config.page;

	if (page)
		memset(page, 0, VIQ_SMMUV3_MMIO_SIZE);
	for (size_t i = 0; i < 2; i++)
		s->shown.page[i] = page ? page + i * VIQ_SMMUV3_MMIO_SIZE / 2 : (char *)s->shown.own[i];
}

void smmuv3_regs_reset(struct viq_smmuv3 *s)
{
	const struct smmuv3_regs none = {.gbpa = s->config.gbpa};

	smmuv3_regs_set(s, &none);
}

bool smmuv3_regs_ok(const struct viq_smmuv3 *s, const struct smmuv3_regs *r)
{
	for (size_t i = 0; i < REGS; i++) {
		size_t at = regs[i].field - AT(regs);

		if (at < sizeof(*r) && reg_get((const char *)r + at, regs[i].width) & ~bits_of(s, &regs[i]))
			return false;
	}
	return true;
}

void smmuv3_regs_set(struct viq_smmuv3 *s, const struct smmuv3_regs *to)
{
	s->regs = *to;
	move_cmdq(s);
	for (size_t i = 0; i < REGS; i++)
		show(s, &regs[i]);
}
