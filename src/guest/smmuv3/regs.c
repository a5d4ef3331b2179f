/* SPDX-License-Identifier: MIT */
/*
 * The register pages (IHI 0070 chapter 6) as a table: a row a register, with its width, the bits that exist, and who
 * may write when. Registers whose write sets something in motion have a function.
 *
 * Where the architecture leaves a choice (6.2), this does: accesses of 1 or 2 bytes, unaligned ones, and 64-bit
 * accesses to a 32-bit register are RAZ/WI; undefined offsets are RES0, in page 1 too; writes to a guarded register are
 * ignored while its guard is set.
 *
 * Any thread may read at any time (guest/reg.h): a read is one load of what the table names, and has no side effect.
 */
#include <stddef.h>

#include "smmuv3.h"

/* What must be off for a write to be taken (1.5 of the register descriptions: "is Guarded by"). */
enum guard {
	GUARD_NONE,
	GUARD_READONLY,
	GUARD_SMMUEN,
	GUARD_CMDQEN,
	GUARD_EVENTQEN,
	GUARD_GERROR_IRQ, /* and IDR0.MSI must be there at all */
	GUARD_EVENTQ_IRQ,
};

#define Q_BASE (VIQ_SMMUV3_Q_BASE_HINT | VIQ_SMMUV3_Q_BASE_ADDR | VIQ_SMMUV3_Q_BASE_LOG2SIZE)

struct reg {
	uint32_t offset;
	uint8_t width;  /* bytes: 4 or 8 */
	uint8_t guard;  /* enum guard */
	uint16_t field; /* offset in struct viq_smmuv3; the width there is the register's */
	uint64_t mask;  /* bits that are stored */
	/* Instead of storing: value holds the whole register as written. */
	void (*write)(struct viq_smmuv3 *s, uint64_t value);
};

uint32_t smmuv3_cr0_mask(const struct viq_smmuv3 *s)
{
	uint32_t mask = VIQ_SMMUV3_CR0_SMMUEN | VIQ_SMMUV3_CR0_EVENTQEN | VIQ_SMMUV3_CR0_CMDQEN;

	return s->config.idr0 & VIQ_SMMUV3_IDR0_ATS ? mask | VIQ_SMMUV3_CR0_ATSCHK : mask;
}

uint32_t smmuv3_irq_ctrl_mask(const struct viq_smmuv3 *s)
{
	return VIQ_SMMUV3_IRQ_CTRL_GERROR_IRQEN | VIQ_SMMUV3_IRQ_CTRL_EVENTQ_IRQEN;
}

uint32_t smmuv3_gerror_mask(const struct viq_smmuv3 *s)
{
	uint32_t mask = VIQ_SMMUV3_GERROR_CMDQ_ERR | VIQ_SMMUV3_GERROR_EVENTQ_ABT_ERR | VIQ_SMMUV3_GERROR_SFM_ERR;

	if (s->config.idr0 & VIQ_SMMUV3_IDR0_MSI)
		mask |= VIQ_SMMUV3_GERROR_MSI_CMDQ_ABT_ERR | VIQ_SMMUV3_GERROR_MSI_EVENTQ_ABT_ERR |
			VIQ_SMMUV3_GERROR_MSI_GERROR_ABT_ERR;
	return mask;
}

uint32_t smmuv3_strtab_cfg_mask(const struct viq_smmuv3 *s)
{
	uint32_t mask = VIQ_SMMUV3_STRTAB_BASE_CFG_LOG2SIZE;

	/* Without two-level tables SPLIT and FMT are RES0 (6.3.25). */
	if (s->config.idr0 & VIQ_SMMUV3_IDR0_ST_LEVEL)
		mask |= VIQ_SMMUV3_STRTAB_BASE_CFG_SPLIT | VIQ_SMMUV3_STRTAB_BASE_CFG_FMT;
	return mask;
}

/* --- Writes that set something in motion ---------------------------------------------------------------------- */

static void write_cr0(struct viq_smmuv3 *s, uint64_t value)
{
	uint32_t old = s->regs.cr0, now = (uint32_t)value & smmuv3_cr0_mask(s);
	uint32_t on = now & ~old, off = old & ~now;

	reg_store(s->regs.cr0, now);
	if (on & VIQ_SMMUV3_CR0_SMMUEN)
		smmuv3_reconfig(s, VIQ_SMMUV3_ENABLED, 0, smmuv3_last_sid(s));
	else if (off & VIQ_SMMUV3_CR0_SMMUEN)
		smmuv3_reconfig(s, VIQ_SMMUV3_DISABLED, 0, smmuv3_last_sid(s));
	/* All but the queue's work, which CMDQ_CONS tells, has happened. Another vCPU may be looking (6.3.10). */
	reg_store(s->shown.cr0ack, now);
	if (on & VIQ_SMMUV3_CR0_CMDQEN)
		smmuv3_cmdq_doorbell(s);
}

static void write_cr1(struct viq_smmuv3 *s, uint64_t value)
{
	uint32_t mask = 0;

	/* Two fields, each with its own guard (6.3.11). */
	if (!(s->regs.cr0 & VIQ_SMMUV3_CR0_SMMUEN))
		mask |= VIQ_SMMUV3_CR1_TABLE;
	if (!(s->regs.cr0 & (VIQ_SMMUV3_CR0_CMDQEN | VIQ_SMMUV3_CR0_EVENTQEN | VIQ_SMMUV3_CR0_PRIQEN)))
		mask |= VIQ_SMMUV3_CR1_QUEUE;
	reg_store(s->regs.cr1, (s->regs.cr1 & ~mask) | (value & mask));
}

static void write_gbpa(struct viq_smmuv3 *s, uint64_t value)
{
	uint32_t old = s->regs.gbpa, now = value & SMMUV3_GBPA_BITS;

	/* Without UPDATE nothing is taken; UPDATE itself reads 0 again when it is done (6.3.14). */
	if (!(value & VIQ_SMMUV3_GBPA_UPDATE))
		return;
	reg_store(s->regs.gbpa, now | VIQ_SMMUV3_GBPA_UPDATE);
	if (now != old && !(s->regs.cr0 & VIQ_SMMUV3_CR0_SMMUEN))
		smmuv3_reconfig(s, VIQ_SMMUV3_GBPA_CHANGED, 0, smmuv3_last_sid(s));
	reg_store(s->regs.gbpa, now);
}

static void write_strtab_base_cfg(struct viq_smmuv3 *s, uint64_t value)
{
	reg_store(s->regs.strtab_base_cfg, value & smmuv3_strtab_cfg_mask(s));
}

static void write_irq_ctrl(struct viq_smmuv3 *s, uint64_t value)
{
	reg_store(s->regs.irq_ctrl, value & smmuv3_irq_ctrl_mask(s));
}

static void write_gerrorn(struct viq_smmuv3 *s, uint64_t value)
{
	reg_store(s->regs.gerrorn, value & smmuv3_gerror_mask(s));
	/* An acknowledged command queue error lets the queue go on by itself (7.1). */
	smmuv3_cmdq_doorbell(s);
}

static void write_cmdq_base(struct viq_smmuv3 *s, uint64_t value)
{
	reg_store(s->regs.cmdq_base, value & Q_BASE);
	smmuv3_cmdq_moved(s);
}

static void write_cmdq_prod(struct viq_smmuv3 *s, uint64_t value)
{
	reg_store(s->regs.cmdq_prod, value & VIQ_SMMUV3_Q_INDEX);
	s->counters.doorbells++;
	smmuv3_cmdq_doorbell(s);
}

static void write_cmdq_cons(struct viq_smmuv3 *s, uint64_t value)
{
	smmuv3_cons_set(s, value & (VIQ_SMMUV3_Q_INDEX | VIQ_SMMUV3_CMDQ_CONS_ERR));
}

/* --- The table ------------------------------------------------------------------------------------------------ */

#define AT(member) offsetof(struct viq_smmuv3, member)
#define ALL32      VIQ_BITS(31, 0)
#define Q_BASE     (VIQ_SMMUV3_Q_BASE_HINT | VIQ_SMMUV3_Q_BASE_ADDR | VIQ_SMMUV3_Q_BASE_LOG2SIZE)

/* clang-format off */
#define RO(name, f)                 {VIQ_SMMUV3_##name, 4, GUARD_READONLY, AT(f), ALL32, NULL}
#define RW(name, w, guard, f, bits) {VIQ_SMMUV3_##name, w, GUARD_##guard, AT(f), bits, NULL}
#define DO(name, w, guard, f, fn)   {VIQ_SMMUV3_##name, w, GUARD_##guard, AT(f), ALL32, fn}

#define CR2_BITS      (VIQ_SMMUV3_CR2_RECINVSID | VIQ_SMMUV3_CR2_PTM)
#define STRTAB_BITS   (VIQ_SMMUV3_STRTAB_BASE_RA | VIQ_SMMUV3_STRTAB_BASE_ADDR)
#define EVENTQ_BITS   (VIQ_SMMUV3_Q_INDEX | VIQ_SMMUV3_EVENTQ_OVFLG)
#define IRQ_ADDR_BITS VIQ_SMMUV3_IRQ_CFG0_ADDR
#define IRQ_ATTR_BITS VIQ_SMMUV3_IRQ_CFG2_MASK

static const struct reg regs[] = {
	RO(IDR0, config.idr0),
	RO(IDR1, config.idr1),
	RO(IDR3, config.idr3),
	RO(IDR5, config.idr5),
	RO(IIDR, config.iidr),
	RO(AIDR, config.aidr),
	DO(CR0, 4, NONE, regs.cr0, write_cr0),
	RO(CR0ACK, shown.cr0ack),
	DO(CR1, 4, NONE, regs.cr1, write_cr1),
	RW(CR2, 4, SMMUEN, regs.cr2, CR2_BITS),
	DO(GBPA, 4, NONE, regs.gbpa, write_gbpa),
	DO(IRQ_CTRL, 4, NONE, regs.irq_ctrl, write_irq_ctrl),
	RO(IRQ_CTRLACK, regs.irq_ctrl),
	RO(GERROR, regs.gerror),
	DO(GERRORN, 4, NONE, regs.gerrorn, write_gerrorn),
	RW(GERROR_IRQ_CFG0, 8, GERROR_IRQ, regs.gerror_irq.addr, IRQ_ADDR_BITS),
	RW(GERROR_IRQ_CFG1, 4, GERROR_IRQ, regs.gerror_irq.data, ALL32),
	RW(GERROR_IRQ_CFG2, 4, GERROR_IRQ, regs.gerror_irq.attr, IRQ_ATTR_BITS),
	RW(STRTAB_BASE, 8, SMMUEN, regs.strtab_base, STRTAB_BITS),
	DO(STRTAB_BASE_CFG, 4, SMMUEN, regs.strtab_base_cfg, write_strtab_base_cfg),
	DO(CMDQ_BASE, 8, CMDQEN, regs.cmdq_base, write_cmdq_base),
	DO(CMDQ_PROD, 4, NONE, regs.cmdq_prod, write_cmdq_prod),
	DO(CMDQ_CONS, 4, CMDQEN, shown.cmdq_cons, write_cmdq_cons),
	RW(EVENTQ_BASE, 8, EVENTQEN, regs.eventq_base, Q_BASE),
	RW(EVENTQ_IRQ_CFG0, 8, EVENTQ_IRQ, regs.eventq_irq.addr, IRQ_ADDR_BITS),
	RW(EVENTQ_IRQ_CFG1, 4, EVENTQ_IRQ, regs.eventq_irq.data, ALL32),
	RW(EVENTQ_IRQ_CFG2, 4, EVENTQ_IRQ, regs.eventq_irq.attr, IRQ_ATTR_BITS),
	RW(EVENTQ_PROD, 4, EVENTQEN, regs.eventq_prod, EVENTQ_BITS),
	RW(EVENTQ_CONS, 4, NONE, regs.eventq_cons, EVENTQ_BITS),
};
/* clang-format on */

static const struct reg *find(uint64_t offset)
{
	for (size_t i = 0; i < sizeof(regs) / sizeof(regs[0]); i++) {
		if (offset - regs[i].offset < regs[i].width)
			return &regs[i];
	}
	return NULL;
}

static bool guarded(const struct viq_smmuv3 *s, enum guard guard)
{
	bool msi = s->config.idr0 & VIQ_SMMUV3_IDR0_MSI;

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
		return !msi || (s->regs.irq_ctrl & VIQ_SMMUV3_IRQ_CTRL_GERROR_IRQEN);
	case GUARD_EVENTQ_IRQ:
		return !msi || (s->regs.irq_ctrl & VIQ_SMMUV3_IRQ_CTRL_EVENTQ_IRQEN);
	}
	return true;
}

static uint64_t load(const struct viq_smmuv3 *s, const struct reg *r)
{
	return reg_load_at((const char *)s + r->field, r->width);
}

static void store(struct viq_smmuv3 *s, const struct reg *r, uint64_t value)
{
	if (guarded(s, r->guard))
		return;
	if (r->write)
		r->write(s, value);
	else
		reg_store_at((char *)s + r->field, r->width, value & r->mask);
}

/* The register for an access of this size, or NULL if the access is RAZ/WI. */
static const struct reg *decode(uint64_t offset, unsigned int size)
{
	const struct reg *r;

	if ((size != 4 && size != 8) || offset % size)
		return NULL;
	r = find(offset);
	return r && size <= r->width ? r : NULL;
}

uint64_t viq_smmuv3_mmio_read(const struct viq_smmuv3 *s, uint64_t offset, unsigned int size)
{
	const struct reg *r = s ? decode(offset, size) : NULL;
	uint64_t value;

	if (!r)
		return 0;
	value = load(s, r);
	return size == 8 ? value : value >> (8 * (offset - r->offset)) & ALL32;
}

static inline void write_access(struct viq_smmuv3 *s, uint64_t offset, unsigned int size, uint64_t value)
{
	const struct reg *r;

	/* Nearly every access is the doorbell. */
	if (offset == VIQ_SMMUV3_CMDQ_PROD && size == 4) {
		write_cmdq_prod(s, value);
		return;
	}
	r = decode(offset, size);
	if (!r)
		return;
	/* Half of a 64-bit register: the other half stays. */
	if (size < r->width) {
		unsigned int shift = 8 * ((unsigned int)offset - r->offset);

		value = (load(s, r) & ~(ALL32 << shift)) | (value & ALL32) << shift;
	}
	store(s, r, size == 4 && r->width == 4 ? value & ALL32 : value);
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
	bool kick;

	for (uint32_t i = 0; i < g->count; i++)
		write_access(s, g->writes[i].offset, g->writes[i].size, g->writes[i].value);
	if (g->reset)
		smmuv3_reset(s);
	kick = g->kick && smmuv3_cmdq_waits(s);
	gate_leave(g);
	return kick;
}

void smmuv3_regs_reset(struct viq_smmuv3 *s)
{
	const struct smmuv3_regs none = {.gbpa = s->config.gbpa};

	smmuv3_regs_set(s, &none);
}

void smmuv3_regs_set(struct viq_smmuv3 *s, const struct smmuv3_regs *to)
{
	/* Every member of the struct is a register of the table, but for CMDQ_CONS. */
	for (size_t i = 0; i < sizeof(regs) / sizeof(regs[0]); i++) {
		const struct reg *r = &regs[i];
		size_t at = r->field - AT(regs);

		if (at < sizeof(*to))
			reg_store_at((char *)&s->regs + at, r->width, reg_load_at((const char *)to + at, r->width));
	}
	s->regs.cmdq_cons = to->cmdq_cons;
	reg_store(s->shown.cr0ack, to->cr0);
	smmuv3_cmdq_moved(s);
}
