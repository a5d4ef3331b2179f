/* SPDX-License-Identifier: MIT */
/*
 * Loading a VT-d's saved state: whatever the bytes are, under each configuration that viq_vtd_config_check() allows,
 * the state is refused with an error, and nothing of the object has changed; or it is what the rest of the code relies
 * on: the queue as vtd_queue.h says it, which the proof of the ring begins with; each register has only bits that VT-d
 * Rev. 5.10, chapter 11, gives it under these capabilities, said anew below; indices of fault records are below their
 * number; nothing is half done. Registers are shown within their page.
 *
 * Bounds: 2 fault records (CAP.NFR is 1), which loops go through one by one and carry nothing between. A state's size
 * depends on their number and the version only, so a buffer of up to 8 bytes more than that is any longer one. The
 * header is taken to fit whenever it may, since anyone can work out the hash; the proof freeze has it read within the
 * buffer.
 */
#include "shown.h"
#include "vtd_queue.h"

#include "guest/freeze.h"

#define RECORDS 2
#define LONGEST 280

/* A constant, for the loops. */
#define vtd_frcd_count count_of_cap
#include "guest/vtd/fault.c"
#undef vtd_frcd_count
uint32_t vtd_frcd_count(const struct viq_vtd *s)
{
	PROVE(count_of_cap(s) == RECORDS);
	return RECORDS;
}

/* That is proved in freeze. */
#define freeze_check_header header_of_any_hash
#include "guest/freeze.c"
#undef freeze_check_header

#include "guest/vtd/config.c"
#include "guest/vtd/device.c"
#include "guest/vtd/regs.c"
#include "guest/vtd/save.c"
#include "guest/vtd/signal.c"

static struct viq_vtd s;
static bool taken;

struct viq_vtd nondet_vtd(void);

/* Of chapter 11: the bits that are there. */
static bool bits_ok(const struct vtd_regs *r, const uint64_t frcd[][2])
{
	const bool ir = s.config.ecap >> 3 & 1, eim = s.config.ecap >> 4 & 1, prs = s.config.ecap >> 29 & 1,
		   by_register = (s.config.version >> 4 & 0xf) < 6;
	const uint64_t page_bits = ~UINT64_C(0xfff), irta = ir ? page_bits | 0xf | (eim ? 1u << 11 : 0) : 0;
	const uint32_t high = eim ? UINT32_MAX : 0;
	bool ok = true;

	/* TES, RTPS, QIES; IRES, IRTPS, CFIS */
	ok &= !(r->gsts & ~(UINT32_C(0xc4000000) | (ir ? 0x3800000u : 0)));
	ok &= !((r->rtaddr | r->rtaddr_used) & ~(page_bits | 0xc00)) && !((r->irta | r->irta_used) & ~irta);
	ok &= !((r->iqa | r->iqa_used) & ~(page_bits | 0x807)) && !((r->iqh | r->iqt) & ~UINT64_C(0x7fff0));
	/* ICC and IVT are 0: nothing goes on. */
	ok &= by_register ? !(r->ccmd >> 63) && !(r->iotlb >> 63) && !(r->iva & ~(page_bits | 0x7f))
			  : !(r->ccmd | r->iotlb | r->iva);
	ok &= !(r->fsts & ~UINT32_C(0xff71)) && !(r->ics & ~1u);
	ok &= !(r->iqercd & ~UINT64_C(0xffffffff0000000f));
	ok &= !((r->fault_event.ctl | r->wait_event.ctl | r->page_event.ctl) & ~UINT32_C(0xc0000000));
	ok &= !((r->fault_event.data | r->wait_event.data | r->page_event.data) & ~UINT32_C(0xffff));
	ok &= !((r->fault_event.addr | r->wait_event.addr | r->page_event.addr) & 3u);
	ok &= !((r->fault_event.uaddr | r->wait_event.uaddr | r->page_event.uaddr) & ~high);
	ok &= !((r->pqh | r->pqt) & ~UINT64_C(0x7ffe0)) && !(r->pqa & ~(page_bits | 7)) && !(r->prs & ~3u);
	ok &= prs || !(r->pqh | r->pqt | r->pqa | r->prs | r->page_event.ctl | r->page_event.data | r->page_event.addr |
		       r->page_event.uaddr);
	ok &= r->timed_out <= 1 && r->timeout_sid <= UINT16_MAX;
	for (uint32_t i = 0; i < RECORDS; i++)
		ok &= !(frcd[i][0] & 0xfff) && !(frcd[i][1] & 0xfff0000);
	return ok;
}

/* Whatever hooks are called with. */
static void prove_consistent(void)
{
	PROVE(bits_ok(&s.regs, s.frcd));
	PROVE(registers_ok(&s.regs) && queue_ok_of(&s) && !s.model.usable);
	PROVE(s.regs.fault_next < RECORDS && (s.regs.fsts >> 8 & 0xff) < RECORDS);
	PROVE(vtd_batch_empty(&s) && !s.wait.waits && !s.work.owed && !s.work.at && !s.work.alone_desc[0]);
	PROVE(s.shown.gsts == s.regs.gsts);
}

/* --- What is proved elsewhere ------------------------------------------------------------------------------------- */

int freeze_check_header(const uint8_t *buf, size_t len, const char magic[FREEZE_MAGIC], uint32_t *version)
{
	const uint32_t found = nondet_bool() ? 1 : 2;

	PROVE(__CPROVER_r_ok(magic, FREEZE_MAGIC) && *version == 2);
	if (len < FREEZE_HEADER || nondet_bool())
		return nondet_bool() ? -EINVAL : -ENOTSUP;
	*version = found;
	return 0;
}

void vtd_invq_moved(struct viq_vtd *vtd, struct vtd_queue to)
{
	vtd->queue = to;
	vtd->model.usable = false;
	vtd->ring_slots = nondet_u32();
	GIVEN(vtd->ring_slots <= to.slots);
}

bool vtd_invq_waits(const struct viq_vtd *vtd)
{
	(void)vtd;
	return nondet_bool();
}

void vtd_batch_drop(struct viq_vtd *vtd)
{
	vtd->batch.first = vtd->batch.taken;
}

void vtd_work_restored(struct viq_vtd *vtd)
{
	PROVE(vtd == &s && s.gate.busy && !taken);
	taken = true;
	prove_consistent();
}

bool viq_vtd_run(struct viq_vtd *vtd, uint32_t budget)
{
	(void)budget;
	PROVE(vtd == &s && taken && !s.gate.busy);
	prove_consistent();
	return false;
}

/* Of what restoring would write first. */
static bool same_regs(const struct vtd_regs *a, const struct vtd_regs *b)
{
	return a->gsts == b->gsts && a->iqa_used == b->iqa_used && a->iqh == b->iqh && a->iqt == b->iqt &&
	       a->fsts == b->fsts && a->fault_next == b->fault_next;
}

int main(void)
{
	struct vtd_regs before;
	struct vtd_queue queue;
	size_t len = nondet_size();
	uint8_t *buf;
	int ret;

	s = nondet_vtd();
	s.ops = (struct viq_vtd_ops){0};
	s.config.ops = &s.ops;
	s.shown.page = register_page;
	s.gate = (struct gate){.busy = nondet_bool(), .kicking = nondet_bool()};
	GIVEN(!check_ver(&s.config) && !check_cap(&s.config) && !check_ecap(&s.config) && !check_both(&s.config) &&
	      !check_places(&s.config) && count_of_cap(&s) == RECORDS);
	PROVE(viq_vtd_save_size(&s) + 8 == LONGEST);
	GIVEN(len <= LONGEST);
	buf = malloc(len);
	GIVEN(buf);
	before = s.regs;
	queue = s.queue;

	ret = viq_vtd_restore(&s, buf, len);
	PROVE(ret == 0 || ret == -EINVAL || ret == -EBUSY || ret == -ENOTSUP);
	PROVE(taken == !ret);
	if (!ret)
		prove_consistent();
	else
		PROVE(same_regs(&before, &s.regs) && s.queue.base == queue.base && s.queue.slots == queue.slots);
	return 0;
}
