/* SPDX-License-Identifier: MIT */
#include <endian.h>
#include <string.h>

#include "tap.h"
#include "vtd_guest.h"

#define QUEUE 0x10000
#define SIZE  2 /* IQA.QS of VTD_GUEST_SLOTS */
#define ROOT  0x30000
#define CTX   0x31000
#define DIR   0x32000
#define TABLE 0x33000
#define SID   VTD_GUEST_SID

void vtd_guest_poke(struct vtd_guest *g, uint64_t gpa, uint64_t value)
{
	value = htole64(value);
	memcpy(g->ram + gpa, &value, sizeof(value));
}

/* --- The VMM ------------------------------------------------------------------------------------------------------ */

static int on_reconfig(void *opaque, struct viq_vtd_reconfig *what)
{
	struct vtd_guest *g = opaque;

	return viq_nest_vtd_reconfig(g->nest, what);
}

/* The tables' host reaches it: there is nothing else to do. */
static int on_devtlb(void *opaque, const struct viq_vtd_devtlb *inv)
{
	(void)opaque;
	fail("the TLB of device 0x%x is not reached by its tables", inv->source_id);
}

static int on_page_response(void *opaque, const struct viq_vtd_page_response *response)
{
	struct vtd_guest *g = opaque;

	return viq_linux_vvtd_page_response(g->vv, response);
}

static void make_guest(struct vtd_guest *g, bool devtlb)
{
	struct viq_mem_region region = {.size = VTD_GUEST_RAM, .host = g->ram};
	struct viq_why why = {{0}};
	struct viq_vtd_config config;

	check_equal(viq_mem_create(&region, 1, NULL, NULL, &g->mem, NULL), 0);
	viq_vtd_config_init(&config, sizeof(config));
	config.ecap |= devtlb ? VIQ_VTD_ECAP_DT : 0;
	viq_linux_vvtd_offer(g->vv, &config.cap, &config.ecap);
	g->ops = (struct viq_vtd_ops){.size = sizeof(g->ops),
				      .reconfig = on_reconfig,
				      .devtlb = on_devtlb,
				      .page_response = on_page_response};
	config.mem = g->mem;
	config.ops = &g->ops;
	config.opaque = g;
	if (viq_linux_vvtd_check(g->vv, config.cap, config.ecap, &why))
		fail("%s", why.text);
	if (viq_vtd_create(&config, &g->vtd, &why))
		fail("%s", why.text);
	check_equal(viq_nest_vtd_bind(g->nest, g->vtd, g->mem), 0);
}

static void boot(struct vtd_guest *g, bool devtlb)
{
	vtd_guest_poke(g, ROOT + (SID >> 8) * 16, CTX | 1);
	vtd_guest_poke(g, CTX, VIQ_VTD_SCTX_P | VIQ_VTD_SCTX_PASIDE | (devtlb ? VIQ_VTD_SCTX_DTE : 0) | DIR);
	vtd_guest_poke(g, DIR, TABLE | 1);
	viq_vtd_mmio_write(g->vtd, VIQ_VTD_IQA, 8, QUEUE | VIQ_VTD_IQA_DW | SIZE);
	viq_vtd_mmio_write(g->vtd, VIQ_VTD_GCMD, 4, VIQ_VTD_GCMD_QIE);
	viq_vtd_mmio_write(g->vtd, VIQ_VTD_RTADDR, 8, ROOT | VIQ_PUT(VIQ_VTD_RTADDR_TTM, VIQ_VTD_TTM_SCALABLE));
	viq_vtd_mmio_write(g->vtd, VIQ_VTD_GCMD, 4, VIQ_VTD_GCMD_QIE | VIQ_VTD_GCMD_SRTP);
	viq_vtd_mmio_write(g->vtd, VIQ_VTD_GCMD, 4, VIQ_VTD_GCMD_QIE | VIQ_VTD_GCMD_TE);
	viq_vtd_mmio_write(g->vtd, VIQ_VTD_PQA, 8, VTD_GUEST_PRQ);
}

void vtd_guest_start(struct vtd_guest *g, const struct vtd_guest_host *host, uint8_t *ram)
{
	struct viq_linux_vtd_device device = {.size = sizeof(device),
					      .device = host->device,
					      .fd = host->cdev,
					      .pasids = host->pasids,
					      .page_requests = host->asks};
	struct viq_linux_vvtd_config config;
	struct viq_nest_vtd_config nest;
	struct viq_why why = {{0}};

	*g = (struct vtd_guest){.ram = ram};
	viq_linux_vvtd_config_init(&config, sizeof(config));
	config.hwpt = host->parent;
	config.device = host->device;
	config.page_groups = host->asks ? 4 : 0;
	if (viq_linux_vvtd_create(host->ctx, &config, &g->vv, &why))
		fail("%s", why.text);
	viq_nest_vtd_config_init(&nest, sizeof(nest));
	nest.backend = viq_linux_vvtd_backend(g->vv);
	check_equal(viq_nest_vtd_create(&nest, &g->nest, NULL), 0);
	make_guest(g, host->devtlb || host->asks);
	boot(g, host->devtlb);
	if (viq_linux_vvtd_add(g->vv, &device, SID, &why))
		fail("%s", why.text);
	check_equal(viq_nest_vtd_follow(g->nest, SID), 0);
}

void vtd_guest_end(struct vtd_guest *g)
{
	viq_nest_vtd_destroy(g->nest);
	viq_vtd_destroy(g->vtd);
	check_equal(viq_linux_vvtd_destroy(g->vv), 0);
	viq_mem_destroy(g->mem);
}

/* --- The guest's driver ------------------------------------------------------------------------------------------- */

void vtd_guest_rewrite(struct vtd_guest *g, uint32_t slot, uint64_t qw0, uint64_t qw1)
{
	uint64_t gpa = QUEUE + slot * VIQ_VTD_DESC_SIZE_256;

	vtd_guest_poke(g, gpa, qw0);
	vtd_guest_poke(g, gpa + 8, qw1);
}

void vtd_guest_push(struct vtd_guest *g, uint64_t qw0, uint64_t qw1)
{
	vtd_guest_rewrite(g, g->tail++ % VTD_GUEST_SLOTS, qw0, qw1);
	check(VTD_GUEST_STATUS + 8 * g->tail < ROOT);
}

void vtd_guest_push_page(struct vtd_guest *g, uint32_t pasid, uint64_t page)
{
	vtd_guest_push(g,
		       VIQ_VTD_TYPE_PIOTLB | VIQ_PUT(VIQ_VTD_DESC_G, VIQ_VTD_PIOTLB_PAGE) |
			       VIQ_PUT(VIQ_VTD_DESC_DID, VTD_GUEST_DID) | VIQ_PUT(VIQ_VTD_DESC_PASID, pasid),
		       page << 12);
}

void vtd_guest_push_devtlb(struct vtd_guest *g, uint32_t pasid, uint64_t page)
{
	uint64_t qw0 = VIQ_VTD_TYPE_DEVTLB | VIQ_PUT(VIQ_VTD_DEVTLB_SID, SID);

	if (pasid)
		qw0 = VIQ_VTD_TYPE_PDEVTLB | VIQ_PUT(VIQ_VTD_PDEVTLB_SID, SID) | VIQ_PUT(VIQ_VTD_DESC_PASID, pasid);
	vtd_guest_push(g, qw0, page << 12);
}

bool vtd_guest_ring(struct vtd_guest *g)
{
	uint64_t status = VTD_GUEST_STATUS + 8 * g->tail;

	vtd_guest_push(g, VIQ_VTD_TYPE_WAIT | VIQ_VTD_WAIT_SW | VIQ_PUT(VIQ_VTD_WAIT_DATA, VTD_GUEST_DONE), status);
	viq_vtd_mmio_write(g->vtd, VIQ_VTD_IQT, 4, g->tail % VTD_GUEST_SLOTS * VIQ_VTD_DESC_SIZE_256);
	return vtd_guest_done(g);
}

bool vtd_guest_done(const struct vtd_guest *g)
{
	return g->ram[VTD_GUEST_STATUS + 8 * (g->tail - 1)] == VTD_GUEST_DONE;
}

static bool flush_pasid(struct vtd_guest *g, uint32_t pasid)
{
	vtd_guest_push(g,
		       VIQ_VTD_TYPE_PC | VIQ_PUT(VIQ_VTD_DESC_G, VIQ_VTD_PC_PASID) |
			       VIQ_PUT(VIQ_VTD_DESC_DID, VTD_GUEST_DID) | VIQ_PUT(VIQ_VTD_DESC_PASID, pasid),
		       0);
	return vtd_guest_ring(g);
}

/* The entry of a PASID below 64; table 0: none. Its descriptor must complete. */
void vtd_guest_set(struct vtd_guest *g, uint32_t pasid, uint64_t table)
{
	uint64_t gpa = TABLE + pasid * VIQ_VTD_PE_SIZE;

	vtd_guest_poke(g, gpa + 16, table);
	vtd_guest_poke(g, gpa + 8, VTD_GUEST_DID);
	vtd_guest_poke(g, gpa, table ? VIQ_VTD_PE_P | VIQ_PUT(VIQ_VTD_PE_PGTT, VIQ_VTD_PGTT_FS) : 0);
	check(flush_pasid(g, pasid));
}
