/* SPDX-License-Identifier: MIT */
/* Page requests (IHI 0070 chapter 8): the PRI queue, a ring that the SMMU produces into, and answers to devices. */
#include <errno.h>

#include "base/sized.h"
#include "spec/smmuv3/scope.h"

#include "smmuv3.h"

/* --- Answers ------------------------------------------------------------------------------------------------------ */

bool smmuv3_page_response(struct viq_smmuv3 *s, const uint64_t cmd[2])
{
	static const uint8_t codes[] = {
		[VIQ_SMMUV3_PRI_FAILURE] = VIQ_SMMUV3_PRG_FAILURE,
		[VIQ_SMMUV3_PRI_INVALID] = VIQ_SMMUV3_PRG_INVALID,
		[VIQ_SMMUV3_PRI_SUCCESS] = VIQ_SMMUV3_PRG_SUCCESS,
	};
	const bool ssv = s->features.ssid_bits && smmuv3_cmd_ssv(cmd);
	const struct viq_smmuv3_page_response response = {
		.size = sizeof(response),
		.sid = smmuv3_cmd_sid(cmd),
		.ssid = ssv ? (uint32_t)VIQ_GET(VIQ_SMMUV3_CMD_SSID, cmd[0]) : 0,
		.ssv = ssv,
		.prgi = VIQ_GET(VIQ_SMMUV3_PRI_1_GROUP, cmd[1]),
		.code = codes[VIQ_GET(VIQ_SMMUV3_PRI_1_RESP, cmd[1])],
	};
	int err;

	/* The device tries again when it has the answer: what it must not find any more is gone by then. */
	if (!smmuv3_batch_flush(s) || !s->budget.left)
		return false;
	budget_spend(&s->budget, VIQ_WORK_CALL);
	err = s->ops.page_response(s->config.opaque, &response);
	if (err) {
		const struct viq_call_result res = host_wait_hook_failed(err);

		smmuv3_host_failed(s, s->head, cmd, &res);
	}
	return !err;
}

/* The SMMU's own answer. Stop markers get none (8.2). */
static void answer(struct viq_smmuv3 *s, const struct viq_smmuv3_page_request *r, uint8_t code)
{
	/* Only of an overflow does it have a PASID. */
	const bool ssv = r->ssv && code == VIQ_SMMUV3_PRG_SUCCESS;
	const struct viq_smmuv3_page_response response = {
		.size = sizeof(response),
		.sid = r->sid,
		.ssid = ssv ? r->ssid : 0,
		.ssv = ssv,
		.prgi = r->prgi,
		.code = code,
	};

	if (!r->last || (r->ssv && !r->read && !r->write))
		return;
	s->counters.page_responses++;
	(void)s->ops.page_response(s->config.opaque, &response);
}

/* --- The queue ---------------------------------------------------------------------------------------------------- */

static struct smmuv3_produced produced(struct viq_smmuv3 *s)
{
	return (struct smmuv3_produced){.ring = smmuv3_priq(s),
					.reg = VIQ_SMMUV3_PRIQ_PROD,
					.prod = &s->regs.priq_prod,
					.cons = &s->regs.priq_cons,
					.writing = &s->requesting};
}

/* An interrupt for each last request, or for a queue that was empty (PRIQ_IRQ_CFG2.LO). */
static void signal_request(struct viq_smmuv3 *s, const struct viq_smmuv3_page_request *r, bool first)
{
	if (s->regs.priq_irq.attr & VIQ_SMMUV3_PRIQ_CFG2_LO ? r->last : first)
		smmuv3_priq_signal(s);
}

static void encode(const struct viq_smmuv3_page_request *r, le64 words[VIQ_SMMUV3_PRI_SIZE / 8])
{
	uint64_t word = VIQ_PUT(VIQ_SMMUV3_PPR_0_SID, r->sid) | VIQ_PUT(VIQ_SMMUV3_PPR_0_R, r->read) |
			VIQ_PUT(VIQ_SMMUV3_PPR_0_W, r->write) | VIQ_PUT(VIQ_SMMUV3_PPR_0_LAST, r->last);

	if (r->ssv)
		word |= VIQ_SMMUV3_PPR_0_SSV | VIQ_PUT(VIQ_SMMUV3_PPR_0_SSID, r->ssid) |
			VIQ_PUT(VIQ_SMMUV3_PPR_0_X, r->exec) | VIQ_PUT(VIQ_SMMUV3_PPR_0_PRIV, r->priv);
	words[0] = le64_put(word);
	words[1] = le64_put((r->addr & VIQ_SMMUV3_PPR_1_ADDR) | r->prgi);
}

static int queue_request(struct viq_smmuv3 *s, const struct viq_smmuv3_page_request *r)
{
	const struct smmuv3_produced p = produced(s);
	le64 words[VIQ_SMMUV3_PRI_SIZE / 8];
	int ret;

	if (!smmuv3_translates(s) || !(s->regs.cr0 & VIQ_SMMUV3_CR0_PRIQEN) ||
	    smmuv3_error_active(s, VIQ_SMMUV3_GERROR_PRIQ_ABT_ERR)) {
		answer(s, r, VIQ_SMMUV3_PRG_FAILURE);
		return -ENODEV;
	}
	encode(r, words);
	/* An overflow inhibits new entries until it is acknowledged (8.1). */
	ret = smmuv3_overflown(&p) ? -ENOSPC : smmuv3_produce(s, &p, words, sizeof(words));
	if (ret == -ENOSPC) {
		smmuv3_overflow(s, &p);
		answer(s, r, VIQ_SMMUV3_PRG_SUCCESS);
	}
	if (ret == -EFAULT) {
		smmuv3_gerror(s, VIQ_SMMUV3_GERROR_PRIQ_ABT_ERR);
		answer(s, r, VIQ_SMMUV3_PRG_FAILURE);
		return ret;
	}
	signal_request(s, r, ret > 0);
	return ret < 0 ? ret : 0;
}

int viq_smmuv3_page_request(struct viq_smmuv3 *s, const struct viq_smmuv3_page_request *asked)
{
	struct viq_smmuv3_page_request own = {0};
	bool outer;
	int ret;

	if (!s)
		return -EINVAL;
	ret = sized_take(&own, sizeof(own), asked, SIZED_TO(struct viq_smmuv3_page_request, addr), "request", NULL);
	if (ret)
		return ret;
	if (own.prgi >> VIQ_SMMUV3_PRG_BITS || own.sid > smmuv3_last_sid(s) ||
	    (own.ssv && (!s->features.ssid_bits || own.ssid >> s->features.ssid_bits)))
		return -EINVAL;
	if (!(s->config.idr0 & VIQ_SMMUV3_IDR0_PRI))
		return -ENOTSUP;
	outer = smmuv3_enter(s);
	ret = queue_request(s, &own);
	if (ret)
		s->counters.page_requests_lost++;
	else
		s->counters.page_requests++;
	if (outer)
		smmuv3_leave(s);
	return ret;
}
