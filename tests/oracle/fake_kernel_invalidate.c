/* SPDX-License-Identifier: MIT */
/* The fake kernel's IOMMU_HWPT_INVALIDATE on an SMMUv3's vIOMMU: what really runs, and what is said. */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <viq/smmuv3_spec.h>

#include "fake_kernel_inside.h"

#define GROUP     63 /* commands issued at once */
#define ENTRY_MAX (1u << 19)
#define PAGE      4096

struct inv {
	struct fake_kernel *fk;
	struct fk_ctx *ctx;
	const struct fk_object *viommu;
	uint64_t (*cmds)[2]; /* CPU byte order */
	uint32_t count;
	/* What the hardware did not do of the group that was issued last. */
	uint32_t illegal; /* lowest index of a command that it refused, UINT32_MAX: none */
	bool atc;         /* a device did not confirm an ATC_INV */
	/* Of a call that asks for it. */
	bool report;
	uint32_t last, error;
};

/* --- Commands ----------------------------------------------------------------------------------------------------- */

#define OP(cmd)    ((unsigned int)VIQ_GET(VIQ_SMMUV3_CMD_OP, (cmd)[0]))
#define FIELD(f)   VIQ_GET(VIQ_SMMUV3_##f, cmd[0])
#define FIELD_1(f) VIQ_GET(VIQ_SMMUV3_##f, cmd[1])

/* Values of the range fields that mean nothing (arm_vsmmu_validate_range()). */
static bool range_legal(const struct fk_smmu *smmu, const uint64_t cmd[2])
{
	bool ranged = FIELD(TLBI_NUM) || FIELD(TLBI_SCALE), ds = smmu->idr[5] & VIQ_SMMUV3_IDR5_DS;

	switch (FIELD_1(TLBI_1_TG)) {
	case 0:
		return !ranged && !FIELD_1(TLBI_1_TTL);
	case 2:
		if (FIELD_1(TLBI_1_TTL) == 1 && !ds)
			return false;
	}
	return ranged || FIELD_1(TLBI_1_TTL);
}

static bool tlbi_va_legal(const struct fk_smmu *smmu, const uint64_t cmd[2], uint64_t rest[2])
{
	if (smmu->idr[3] & VIQ_SMMUV3_IDR3_RIL) {
		if (!range_legal(smmu, cmd))
			return false;
		rest[0] &= ~(VIQ_SMMUV3_TLBI_NUM | VIQ_SMMUV3_TLBI_SCALE);
		rest[1] &= ~(VIQ_SMMUV3_TLBI_1_TG | VIQ_SMMUV3_TLBI_1_TTL);
		if (FIELD(TLBI_SCALE) > 31 && !(smmu->idr[5] & VIQ_SMMUV3_IDR5_DS))
			return false;
	}
	rest[0] &= ~VIQ_SMMUV3_TLBI_VMID;
	rest[1] &= ~(VIQ_SMMUV3_CMD_1_LEAF | VIQ_SMMUV3_TLBI_1_VA);
	return true;
}

static bool atc_legal(const struct fk_smmu *smmu, const uint64_t cmd[2], uint64_t rest[2])
{
	if (!(smmu->idr[0] & VIQ_SMMUV3_IDR0_ATS) || FIELD_1(ATC_1_SIZE) > 52)
		return false;
	if (smmu->idr[1] & VIQ_SMMUV3_IDR1_SSIDSIZE)
		rest[0] &= ~(VIQ_SMMUV3_CMD_SSV | VIQ_SMMUV3_CMD_SSID | VIQ_SMMUV3_ATC_G);
	rest[0] &= ~VIQ_SMMUV3_CMD_SID;
	rest[1] &= ~(VIQ_SMMUV3_ATC_1_SIZE | VIQ_SMMUV3_ATC_1_ADDR);
	return true;
}

static void clear_asid(const struct fk_smmu *smmu, uint64_t rest[2])
{
	rest[0] &= ~((smmu->idr[0] & VIQ_SMMUV3_IDR0_ASID16 ? UINT64_C(0xffff) : UINT64_C(0xff)) << 48);
}

/* What is accounted for is taken away from the command; nothing must be left. */
bool fake_kernel_legal(const struct fk_smmu *smmu, const uint64_t cmd[2])
{
	uint64_t rest[2] = {cmd[0] & ~VIQ_SMMUV3_CMD_OP, cmd[1]};

	switch (OP(cmd)) {
	case VIQ_SMMUV3_OP_TLBI_NSNH_ALL:
		break;
	case VIQ_SMMUV3_OP_TLBI_NH_ALL:
		rest[0] &= ~VIQ_SMMUV3_TLBI_VMID;
		break;
	case VIQ_SMMUV3_OP_TLBI_NH_ASID:
		rest[0] &= ~VIQ_SMMUV3_TLBI_VMID;
		clear_asid(smmu, rest);
		break;
	case VIQ_SMMUV3_OP_TLBI_NH_VA:
		clear_asid(smmu, rest);
		if (!tlbi_va_legal(smmu, cmd, rest))
			return false;
		break;
	case VIQ_SMMUV3_OP_TLBI_NH_VAA:
		if (!tlbi_va_legal(smmu, cmd, rest))
			return false;
		break;
	case VIQ_SMMUV3_OP_ATC_INV:
		if (!atc_legal(smmu, cmd, rest))
			return false;
		break;
	case VIQ_SMMUV3_OP_CFGI_CD:
		if (smmu->idr[1] & VIQ_SMMUV3_IDR1_SSIDSIZE)
			rest[0] &= ~VIQ_SMMUV3_CMD_SSID;
		rest[0] &= ~VIQ_SMMUV3_CMD_SID;
		rest[1] &= ~VIQ_SMMUV3_CMD_1_LEAF;
		break;
	case VIQ_SMMUV3_OP_CFGI_CD_ALL:
		/* Linux 7.3 lets Leaf pass only for CFGI_CD. */
		rest[0] &= ~VIQ_SMMUV3_CMD_SID;
		break;
	default:
		return false;
	}
	return !rest[0] && !rest[1];
}

static bool opcode_legal(unsigned int op)
{
	switch (op) {
	case VIQ_SMMUV3_OP_TLBI_NSNH_ALL:
	case VIQ_SMMUV3_OP_TLBI_NH_ALL:
	case VIQ_SMMUV3_OP_TLBI_NH_ASID:
	case VIQ_SMMUV3_OP_TLBI_NH_VA:
	case VIQ_SMMUV3_OP_TLBI_NH_VAA:
	case VIQ_SMMUV3_OP_ATC_INV:
	case VIQ_SMMUV3_OP_CFGI_CD:
	case VIQ_SMMUV3_OP_CFGI_CD_ALL:
		return true;
	}
	return false;
}

static bool names_stream(unsigned int op)
{
	return op == VIQ_SMMUV3_OP_ATC_INV || op == VIQ_SMMUV3_OP_CFGI_CD || op == VIQ_SMMUV3_OP_CFGI_CD_ALL;
}

static bool has_vdevice(const struct inv *inv, uint64_t vsid)
{
	for (const struct fk_object *o = inv->ctx->objects; o; o = o->next) {
		if (o->type == FK_VDEVICE && o->vdevice.viommu == inv->viommu && o->vdevice.vsid == vsid)
			return true;
	}
	return false;
}

/* --- Failures on demand ------------------------------------------------------------------------------------------- */

static bool matches(const struct fk_plan *plan, const uint64_t cmd[2])
{
	return (plan->err || plan->swallowed) && plan->times && !((cmd[0] ^ plan->cmd[0]) & plan->mask[0]) &&
	       !((cmd[1] ^ plan->cmd[1]) & plan->mask[1]);
}

static struct fk_plan *find_plan(struct fake_kernel *fk, const uint64_t cmd[2], bool refusal)
{
	for (int i = 0; i < FK_PLANS; i++) {
		struct fk_plan *plan = &fk->plans[i];

		if ((plan->err == -EIO) == refusal && matches(plan, cmd))
			return plan;
	}
	return NULL;
}

static void strike(struct fk_plan *plan)
{
	if (plan->times > 0)
		plan->times--;
}

/* --- The driver --------------------------------------------------------------------------------------------------- */

/* Check and convert command i. */
static bool refused(struct inv *inv, uint32_t i)
{
	struct fake_kernel *fk = inv->fk;
	const struct fk_smmu *smmu = &fk->smmus[inv->viommu->viommu.smmu];
	const uint64_t *cmd = inv->cmds[i];
	struct fk_plan *plan;

	if (fk->before_entry)
		fk->before_entry(fk, fk->inv_calls, i);
	if (smmu->dead)
		return true;
	plan = find_plan(fk, cmd, true);
	if (plan) {
		strike(plan);
		return true;
	}
	if (fk->behaviour == FK_LINUX_6_13 ? !opcode_legal(OP(cmd)) : !fake_kernel_legal(smmu, cmd))
		return true;
	return names_stream(OP(cmd)) && !has_vdevice(inv, FIELD(CMD_SID));
}

void fk_effect_add(struct fake_kernel *fk, struct fk_effect effect)
{
	if (fk->effect_count == fk->effect_room) {
		fk->effect_room = fk->effect_room * 2 + 4096;
		fk->effects = realloc(fk->effects, fk->effect_room * sizeof(*fk->effects));
	}
	effect.call = fk->inv_calls;
	fk->effects[fk->effect_count++] = effect;
}

/* An ATC_INV that no device confirms: the driver acknowledges CERROR_ATC_INV_SYNC, and its CMD_SYNC completes. */
static bool swallow(struct inv *inv, uint32_t i)
{
	struct fk_plan *plan = find_plan(inv->fk, inv->cmds[i], false);

	if (!plan || !plan->swallowed)
		return false;
	strike(plan);
	inv->fk->swallowed += !inv->report;
	if (OP(inv->cmds[i]) == VIQ_SMMUV3_OP_ATC_INV)
		inv->atc = true;
	else if (i < inv->illegal)
		inv->illegal = i;
	return true;
}

static void execute(struct inv *inv, uint32_t i)
{
	if (swallow(inv, i))
		return;
	fk_effect_add(inv->fk,
		      (struct fk_effect){.cmd = {inv->cmds[i][0], inv->cmds[i][1]}, .viommu = inv->viommu->id});
}

/* A command that the physical queue does not take: it hangs from now on. */
static bool wedges(struct inv *inv, uint32_t first, uint32_t end)
{
	struct fake_kernel *fk = inv->fk;

	for (uint32_t i = first; i < end; i++)
		fk->wedged += !fake_kernel_legal(&fk->smmus[inv->viommu->viommu.smmu], inv->cmds[i]);
	return fk->wedged;
}

/* Issue commands [first, end) and wait for their CMD_SYNC. */
static int issue(struct inv *inv, uint32_t first, uint32_t end)
{
	struct fk_plan *plan = NULL;
	uint32_t culprit = first;

	if (wedges(inv, first, end))
		return -ETIMEDOUT;
	for (; culprit < end && !plan; culprit += !plan) {
		plan = find_plan(inv->fk, inv->cmds[culprit], false);
		if (plan && plan->swallowed)
			plan = NULL;
	}
	for (uint32_t i = first; i < end; i++) {
		if (!plan ||
		    (i != culprit && (plan->ran == FK_RAN_OTHERS || (plan->ran == FK_RAN_BEFORE && i < culprit))))
			execute(inv, i);
	}
	if (!plan)
		return 0;
	strike(plan);
	return plan->err;
}

/* 6.13 to 7.3: each command is converted, a group is issued when it is full or the last. */
static int run_7_3(struct inv *inv, uint32_t *count)
{
	uint32_t cur = 0, last = 0;

	while (cur != inv->count) {
		int ret;

		*count = cur;
		if (refused(inv, cur))
			return -EIO;
		cur++;
		if (cur != inv->count && cur - last != GROUP)
			continue;
		ret = issue(inv, last, cur);
		if (ret) {
			*count = cur - 1;
			return ret;
		}
		last = cur;
	}
	*count = cur;
	return 0;
}

/* Groups of at most size are checked, then issued. */
static int run_groups(struct inv *inv, uint32_t size, uint32_t *count)
{
	for (*count = 0; *count != inv->count;) {
		uint32_t first = *count, end = inv->count - first < size ? inv->count : first + size;
		int ret;

		for (uint32_t i = first; i < end; i++) {
			if (refused(inv, i))
				return -EIO;
		}
		ret = issue(inv, first, end);
		if (ret)
			return ret;
		*count = end;
	}
	return 0;
}

/* What the hardware did not do of [first, end). How many commands from the first one on it did do. */
static uint32_t hardware_did(struct inv *inv, uint32_t first, uint32_t end)
{
	uint32_t done = end - first;

	if (inv->illegal != UINT32_MAX) {
		done = inv->illegal - first;
		inv->last = inv->illegal;
		inv->error = VIQ_SMMUV3_CERROR_ILL;
	}
	for (uint32_t i = first; inv->atc && i < end; i++) {
		if (OP(inv->cmds[i]) != VIQ_SMMUV3_OP_ATC_INV)
			continue;
		if (i - first < done)
			done = i - first;
		if (i > inv->last)
			inv->last = i;
		if (!inv->error)
			inv->error = VIQ_SMMUV3_CERROR_ATC_INV_SYNC;
	}
	return done;
}

/* With integrations/linux: what was converted before a refused command is issued. */
static int run_report(struct inv *inv, uint32_t *count)
{
	int ret = 0;

	for (*count = 0; !ret && *count != inv->count;) {
		uint32_t first = *count, end = first;
		int err;

		while (!ret && end != inv->count && end - first != GROUP) {
			if (refused(inv, end))
				ret = -EIO;
			else
				end++;
		}
		inv->illegal = UINT32_MAX;
		inv->atc = false;
		err = issue(inv, first, end);
		if (err) {
			inv->last = end - 1;
			return err;
		}
		*count = inv->report ? first + hardware_did(inv, first, end) : end;
		if (*count != end)
			return -EIO;
	}
	return ret;
}

static int run(struct inv *inv, uint32_t *count)
{
	switch (inv->fk->behaviour) {
	case FK_LINUX_REPORT:
		return run_report(inv, count);
	case FK_LINUX_NEXT:
		return run_groups(inv, GROUP, count);
	case FK_EXACT:
		return run_groups(inv, 1, count);
	default:
		return run_7_3(inv, count);
	}
}

/* Take the array from user space: any entry_len, the part beyond the kernel's struct must be 0. */
static int copy_entries(struct inv *inv, const uint8_t *user, uint32_t entry_len)
{
	for (uint32_t i = 0; i < inv->count; i++, user += entry_len) {
		uint64_t words[2] = {0};

		for (uint32_t b = sizeof(words); b < entry_len; b++) {
			if (user[b])
				return -E2BIG;
		}
		memcpy(words, user, entry_len < sizeof(words) ? entry_len : sizeof(words));
		inv->cmds[i][0] = le64toh(words[0]);
		inv->cmds[i][1] = le64toh(words[1]);
	}
	return 0;
}

static bool probe_works(enum fk_behaviour behaviour)
{
	return behaviour == FK_LINUX_NEXT || behaviour == FK_EXACT || behaviour == FK_LINUX_REPORT;
}

#define KMALLOC_MAX (4u << 20)
#define FK_CMD_SIZE 16u

static int cache_invalidate(struct inv *inv, struct uapi_iommu_hwpt_invalidate *cmd, uint32_t *count)
{
	int ret;

	*count = inv->fk->behaviour == FK_LINUX_REPORT ? 0 : cmd->entry_num;
	/* kcalloc() of more than 4 MiB: it warns first. */
	if (cmd->entry_num > KMALLOC_MAX / FK_CMD_SIZE) {
		inv->fk->warnings++;
		return -ENOMEM;
	}
	if (inv->fk->memory && cmd->entry_num > inv->fk->memory)
		return -ENOMEM;
	*count = 0;
	if (cmd->data_type != UAPI_IOMMU_VIOMMU_INVALIDATE_DATA_ARM_SMMUV3)
		return -EINVAL;
	if (!cmd->entry_num)
		return probe_works(inv->fk->behaviour) ? 0 : -EINVAL;
	inv->cmds = calloc(cmd->entry_num, sizeof(*inv->cmds));
	inv->count = cmd->entry_num;
	ret = copy_entries(inv, (const void *)(uintptr_t)cmd->data_uptr, cmd->entry_len);
	if (!ret)
		ret = run(inv, count);
	free(inv->cmds);
	return ret;
}

static int invalidate(struct inv *inv, struct uapi_iommu_hwpt_invalidate *cmd, uint32_t *count)
{
	struct fake_kernel *fk = inv->fk;
	const struct fk_inv_fault *f = &fk->inv_fault;

	if (cmd->__reserved & ~(fk->behaviour == FK_LINUX_REPORT ? LINUX_INVALIDATE_REPORT : 0))
		return -EOPNOTSUPP;
	if (cmd->__reserved && cmd->size < sizeof(struct linux_hwpt_invalidate))
		return -EINVAL;
	inv->report = cmd->__reserved;
	if (cmd->entry_num &&
	    (!cmd->data_uptr || !cmd->entry_len || cmd->entry_len > PAGE || cmd->entry_num > ENTRY_MAX))
		return -EINVAL;
	inv->viommu = fk_find(inv->ctx, cmd->hwpt_id);
	if (!inv->viommu)
		return -ENOENT;
	if (inv->viommu->type == FK_NESTED && !inv->viommu->nested.parent)
		return -EOPNOTSUPP;
	if (inv->viommu->type != FK_VIOMMU && inv->viommu->type != FK_NESTED)
		return -EINVAL;
	if (fk->inv_calls >= f->first && fk->inv_calls - f->first < f->times) {
		*count = f->keep_count ? cmd->entry_num : f->said;
		inv->last = fk->inv_fault_last;
		return f->err;
	}
	if (inv->viommu->type == FK_NESTED)
		return fk_vtd_invalidate(fk, inv->viommu, cmd, count, inv->report ? &inv->error : NULL);
	return cache_invalidate(inv, cmd, count);
}

int fk_invalidate(struct fake_kernel *fk, struct fk_ctx *ctx, void *arg)
{
	struct linux_hwpt_invalidate *call = arg;
	struct uapi_iommu_hwpt_invalidate *cmd = &call->cmd;
	struct inv inv = {.fk = fk, .ctx = ctx};
	uint32_t count = 0;
	int ret;

	fk->inv_calls++;
	fk->entries += cmd->entry_num;
	if (cmd->entry_num > fk->longest)
		fk->longest = cmd->entry_num;
	ret = invalidate(&inv, cmd, &count);
	cmd->entry_num = count;
	if (inv.report) {
		call->out_last_index = ret && inv.last > count ? inv.last : ret ? count : 0;
		call->out_error = inv.error;
	}
	return ret;
}
