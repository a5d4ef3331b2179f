/* SPDX-License-Identifier: MIT */
/* The software VT-d as a whole: creation, locks, counters. The model is in unit.h, ../cache/slot.h and ../thread.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/sized.h"
#include "base/why.h"
#include "host/soft/thread.h"
#include "unit.h"

/* Pages that one entry invalidates one by one: 2 MiB, and the leaves around them. */
#define TLB_STEPS 1024u

void viq_soft_vtd_config_init(struct viq_soft_vtd_config *config, size_t size)
{
	const struct viq_soft_vtd_config defaults = {
		.haw = 52,
		.cap = VIQ_PUT(VIQ_VTD_CAP_ND, 6) | VIQ_VTD_CAP_CM | VIQ_PUT(VIQ_VTD_CAP_SAGAW, VIQ_VTD_SAGAW_48) |
		       VIQ_PUT(VIQ_VTD_CAP_MGAW, 47) | VIQ_PUT(VIQ_VTD_CAP_FRO, 0x22) | VIQ_PUT(VIQ_VTD_CAP_SSLPS, 3) |
		       VIQ_VTD_CAP_PSI | VIQ_PUT(VIQ_VTD_CAP_MAMV, 18) | VIQ_VTD_CAP_DWD | VIQ_VTD_CAP_DRD |
		       VIQ_VTD_CAP_FS1GP,
		.ecap = VIQ_VTD_ECAP_C | VIQ_VTD_ECAP_QI | VIQ_VTD_ECAP_DT | VIQ_VTD_ECAP_PT |
			VIQ_PUT(VIQ_VTD_ECAP_IRO, 0xf) | VIQ_VTD_ECAP_SRS | VIQ_PUT(VIQ_VTD_ECAP_PSS, 19) |
			VIQ_VTD_ECAP_PASID | VIQ_VTD_ECAP_SMTS | VIQ_VTD_ECAP_SSTS | VIQ_VTD_ECAP_FSTS,
		.tlb_entries = 65536,
		.devtlb_entries = 1024,
		.tables = 4096,
		.devtlb_implied = 1,
	};

	if (config)
		sized_give(config, size, &defaults, sizeof(defaults));
}

static bool capacity_ok(uint32_t entries, uint32_t min, uint32_t max)
{
	return entries >= min && entries <= max && !(entries & (entries - 1));
}

/* What is not here must not be claimed: the embedder would offer it to a guest. */
static const char *features_wrong(const struct viq_soft_vtd_config *c)
{
	if (c->cap & VIQ_VTD_CAP_ZLR)
		return "cap: ZLR must be 0";
	if (c->ecap & (VIQ_VTD_ECAP_MTS | VIQ_VTD_ECAP_ADMS))
		return "ecap: MTS and ADMS must be 0";
	if (c->parent_aw && c->ecap & (VIQ_VTD_ECAP_SSTS | VIQ_VTD_ECAP_NEST))
		return "ecap: SSTS and NEST must be 0 with a parent";
	return NULL;
}

static const char *config_wrong(const struct viq_soft_vtd_config *c)
{
	if (c->haw < 32 || c->haw > 52)
		return "haw: must be 32 to 52";
	if (!capacity_ok(c->tlb_entries, 64, 1u << 24))
		return "tlb_entries: must be a power of two, 64 to 2^24";
	if (!capacity_ok(c->devtlb_entries, 16, 1u << 20))
		return "devtlb_entries: must be a power of two, 16 to 2^20";
	if (!c->tables || c->tables >= SOFT_VTD_ASIDS)
		return "tables: must be 1 to 65535";
	if (!c->mem || (!c->guest_mem && c->parent_aw))
		return "mem, guest_mem: NULL";
	if (c->reserved)
		return "reserved: must be 0";
	return features_wrong(c);
}

static int take_config(struct viq_soft_vtd *soft, const struct viq_soft_vtd_config *config, struct viq_why *why)
{
	struct viq_soft_vtd_config *own = &soft->config;
	const char *wrong;
	int ret;

	viq_soft_vtd_config_init(own, sizeof(*own));
	ret = sized_take(own, sizeof(*own), config, SIZED_TO(struct viq_soft_vtd_config, mem), "config", why);
	if (ret)
		return ret;
	wrong = config_wrong(own);
	return wrong ? why_say(why, -EINVAL, "config.%s", wrong) : 0;
}

/* The parent may have whatever a second stage can have: it is not the guest's. */
static int init_parent(struct viq_soft_vtd *soft)
{
	const struct viq_soft_vtd_config *c = &soft->config;
	uint64_t cap = c->cap | VIQ_VTD_CAP_SSLPS | VIQ_VTD_CAP_SAGAW;

	if (!c->parent_aw)
		return 0;
	cap = (cap & ~VIQ_VTD_CAP_MGAW) | VIQ_PUT(VIQ_VTD_CAP_MGAW, 56);
	vtd_caps_init(&soft->walking, cap, c->ecap | VIQ_VTD_ECAP_SC, c->haw);
	soft->parent = (struct vtd_regime){.pgtt = VIQ_VTD_PGTT_SS, .sre = true, .ere = true};
	return vtd_ss_init(&soft->parent.ss, &soft->walking, c->parent_table, c->parent_aw);
}

static int init_rings(struct viq_soft_vtd *soft)
{
	int ret = soft_ring_init(&soft->faults, &soft->waiting);

	if (ret || !(soft->config.ecap & VIQ_VTD_ECAP_PRS))
		return ret;
	soft->requests = malloc(sizeof(*soft->requests));
	ret = soft->requests ? soft_ring_init(soft->requests, &soft->waiting) : -ENOMEM;
	if (ret) {
		free(soft->requests);
		soft_ring_fini(&soft->faults);
	}
	return ret;
}

static void fini_rings(struct viq_soft_vtd *soft)
{
	if (soft->requests)
		soft_ring_fini(soft->requests);
	free(soft->requests);
	soft_ring_fini(&soft->faults);
}

static int init_locks(struct viq_soft_vtd *soft)
{
	int ret = -pthread_mutex_init(&soft->lock, NULL);

	if (ret)
		return ret;
	ret = -pthread_mutex_init(&soft->config_lock, NULL);
	if (ret)
		pthread_mutex_destroy(&soft->lock);
	return ret;
}

int viq_soft_vtd_create(const struct viq_soft_vtd_config *config, struct viq_soft_vtd **out, struct viq_why *why)
{
	struct viq_soft_vtd *soft;
	int ret;

	if (!out)
		return why_say(why, -EINVAL, "out: NULL");
	soft = aligned_alloc(_Alignof(struct viq_soft_vtd), sizeof(*soft));
	if (!soft)
		return why_say(why, -ENOMEM, "no memory");
	memset(soft, 0, sizeof(*soft));
	ret = take_config(soft, config, why);
	if (ret) {
		free(soft);
		return ret;
	}
	config = &soft->config;
	soft->guest_mem = config->guest_mem ? config->guest_mem : config->mem;
	vtd_caps_init(&soft->features, config->cap, config->ecap, config->haw);
	soft->walking = soft->features;
	soft->looks = !(config->cap & VIQ_VTD_CAP_CM);
	ret = init_parent(soft);
	if (ret)
		goto err_free;
	ret = soft_tlb_init(&soft->tlb, config->tlb_entries);
	if (ret)
		goto err_free;
	ret = -ENOMEM;
	if (soft_front_init(&soft->front, config->tlb_entries))
		goto err_tlb;
	ret = soft_vm_init(&soft->vm, config->tlb_entries, 1, 16);
	if (ret)
		goto err_front;
	soft->vm.steps = config->tlb_entries < TLB_STEPS ? config->tlb_entries : TLB_STEPS;
	ret = init_rings(soft);
	if (ret)
		goto err_vm;
	ret = init_locks(soft);
	if (ret)
		goto err_ring;
	*out = soft;
	return 0;

err_ring:
	fini_rings(soft);
err_vm:
	soft_vm_fini(&soft->vm);
err_front:
	soft_front_fini(&soft->front);
err_tlb:
	soft_tlb_fini(&soft->tlb);
err_free:
	free(soft);
	return why_say(why, ret, "%m");
}

void viq_soft_vtd_destroy(struct viq_soft_vtd *soft)
{
	if (!soft)
		return;
	if (soft->work.dev)
		soft_vtd_work_leave(soft->work.dev, false, &soft->work.change);
	soft_vtd_tables_destroy(soft);
	soft->work.change.dropped = NULL;
	(void)soft_vtd_release_some(soft, &soft->work.change, UINT32_MAX);
	for (size_t i = 0; i < soft->devs.count; i++)
		soft_vtd_dev_destroy(soft->devs.items[i]);
	free(soft->devs.items);
	pthread_mutex_destroy(&soft->config_lock);
	pthread_mutex_destroy(&soft->lock);
	fini_rings(soft);
	soft_vm_fini(&soft->vm);
	soft_front_fini(&soft->front);
	soft_tlb_fini(&soft->tlb);
	free(soft);
}

/* --- Who listens -------------------------------------------------------------------------------------------------- */

int viq_soft_vtd_listen(struct viq_soft_vtd *soft, const struct viq_vtd_listener *listener)
{
	struct viq_vtd_listener copy = {0};
	int ret = soft ? 0 : -EINVAL;

	if (!ret && listener) {
		ret = sized_take(&copy, sizeof(copy), listener, SIZED_TO(struct viq_vtd_listener, opaque), "listener",
				 NULL);
		if (!ret && (!copy.attach || !copy.detach))
			ret = -EINVAL;
	}
	if (ret)
		return ret;
	ret = soft_vtd_enter(soft);
	if (ret)
		return ret;
	soft_vtd_tables_forget(soft);
	soft->listener = copy;
	ret = listener ? soft_vtd_tables_tell(soft) : 0;
	if (ret) {
		soft_vtd_tables_forget(soft);
		soft->listener = (struct viq_vtd_listener){0};
	}
	soft_vtd_leave(soft);
	return ret;
}

static int backend_reconfig(void *opaque, const struct viq_vtd_tables *tables, const struct viq_vtd_reconfig *what)
{
	return soft_vtd_begin(opaque, tables, what);
}

static int backend_step(void *opaque, uint64_t *reads, uint64_t *entries)
{
	struct soft_vtd_cost cost = {0};
	int ret = soft_vtd_step(opaque, &cost);

	*reads += cost.reads;
	*entries += cost.entries;
	return ret;
}

static int backend_listen(void *opaque, const struct viq_vtd_listener *listener)
{
	return viq_soft_vtd_listen(opaque, listener);
}

static int backend_faults(void *opaque, struct viq_vtd_host_fault *faults, uint32_t *count)
{
	return viq_soft_vtd_faults(opaque, faults, count);
}

static int backend_page_requests(void *opaque, struct viq_vtd_host_page_request *requests, uint32_t *count)
{
	return soft_vtd_page_requests(opaque, requests, count);
}

static bool backend_pending(void *opaque)
{
	const struct viq_soft_vtd *soft = opaque;

	return atomic_load_explicit(&soft->waiting, memory_order_relaxed) || soft_vtd_looking(soft);
}

static int backend_block(void *opaque, uint16_t source_id)
{
	return soft_vtd_block(opaque, source_id);
}

static int backend_fetch(void *opaque)
{
	return soft_vtd_fetch(opaque);
}

struct viq_vtd_backend viq_soft_vtd_backend(struct viq_soft_vtd *soft)
{
#define BACKEND                                                                                                        \
	.size = sizeof(struct viq_vtd_backend_ops), .reconfig = backend_reconfig, .step = backend_step,                \
	.listen = backend_listen, .faults = backend_faults, .pending = backend_pending, .block = backend_block,        \
	.page_requests = backend_page_requests
	static const struct viq_vtd_backend_ops ops = {BACKEND}, looks = {BACKEND, .fetch = backend_fetch};
#undef BACKEND

	return (struct viq_vtd_backend){.ops = soft && soft->looks ? &looks : &ops, .opaque = soft};
}

int soft_vtd_enter(struct viq_soft_vtd *soft)
{
	if (soft_in_section())
		return -EDEADLK;
	pthread_mutex_lock(&soft->config_lock);
	return 0;
}

void soft_vtd_leave(struct viq_soft_vtd *soft)
{
	pthread_mutex_unlock(&soft->config_lock);
}

int viq_soft_vtd_counters(struct viq_soft_vtd *soft, struct viq_soft_counters *out, size_t size)
{
	struct viq_soft_counters now;

	if (!soft)
		return -EINVAL;
	pthread_mutex_lock(&soft->lock);
	now = (struct viq_soft_counters){.entries = soft->entries, .calls = soft->calls};
	soft_stripes_snapshot(soft->stripes, &now);
	pthread_mutex_unlock(&soft->lock);
	return sized_counters(out, size, &now, sizeof(now));
}
