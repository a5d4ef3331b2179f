/* SPDX-License-Identifier: MIT */
/*
 * A VMM without a host IOMMU: a guest VT-d (scalable mode, first stage), and behind it two emulated devices whose DMA
 * is done by an I/O thread. The NIC uses ATS, so it has a TLB of its own. docs/emulated-devices.md goes with this.
 */
#include <sys/eventfd.h>
#include <viq/nest_vtd.h>
#include <viq/soft_vtd.h>

#include "emulated.h"

#define DISK 0x10 /* source-ids: 00:02.0 and 00:03.0 */
#define NIC  0x18

static struct viq_soft_vtd *soft;
static struct viq_nest_vtd *nest;
static struct viq_vtd *vtd;
static struct viq_soft_vtd_dev *disk, *nic;
static pthread_mutex_t lock =
	PTHREAD_MUTEX_INITIALIZER; /* of vtd, nest and the devices; never taken inside an access */
static int wake;                   /* eventfd of the event loop */

/* kick; and notify, on the I/O thread inside an access: wake the event loop, and nothing else. */
static void on_wake(void *opaque)
{
	eventfd_write(wake, 1);
}

static int on_reconfig(void *opaque, struct viq_vtd_reconfig *what)
{
	return viq_nest_vtd_reconfig(nest, what);
}

/* Must be there if ECAP.DT = 1. */
static int on_devtlb(void *opaque, const struct viq_vtd_devtlb *inv)
{
	return viq_soft_vtd_devtlb(soft, inv);
}

/* Faults of accesses that ended before a wait descriptor are recorded when it completes. */
static uint32_t on_sync(void *opaque)
{
	return viq_nest_vtd_sync(nest);
}

static void on_msi(void *opaque, uint64_t addr, uint32_t data)
{
	printf("interrupt 0x%x\n", (unsigned int)data); /* a VMM hands it to the guest's APIC */
}

/* One turn of the event loop. vCPUs get the lock between two steps. */
static void loop(void)
{
	eventfd_t count;

	check(eventfd_read(wake, &count), "event loop"); /* sleeps */
	for (bool more = true; more;) {
		pthread_mutex_lock(&lock);
		check(viq_nest_vtd_faults(nest, 0), "faults");
		more = viq_vtd_run(vtd, 0);
		pthread_mutex_unlock(&lock);
	}
}

static int dma_read(void *dev, uint64_t iova, void *buf, size_t len)
{
	return viq_soft_vtd_dma_read(dev, iova, 0, 0, buf, len);
}

/* The guest may be running: its entries are read now. */
static struct viq_soft_vtd_dev *plug(uint16_t source_id, bool ats)
{
	struct viq_soft_vtd_dev *dev;

	pthread_mutex_lock(&lock);
	check(viq_soft_vtd_dev_alloc(soft, source_id, &dev, NULL), "device");
	check(viq_soft_vtd_dev_set_ats(dev, ats), "ATS");
	check(viq_nest_vtd_follow(nest, source_id), "context entry");
	pthread_mutex_unlock(&lock);
	return dev;
}

/* The I/O thread must have nothing of the device's any more. Faults that have not been taken go with it. */
static void unplug(struct viq_soft_vtd_dev *dev)
{
	pthread_mutex_lock(&lock);
	check(viq_soft_vtd_dev_free(dev), "device");
	pthread_mutex_unlock(&lock);
}

/* --- The guest: what its driver does, as vCPUs bring it ----------------------------------------------------------- */

static void mmio_write(uint64_t offset, unsigned int size, uint64_t value)
{
	pthread_mutex_lock(&lock);
	viq_vtd_mmio_write(vtd, offset, size, value);
	pthread_mutex_unlock(&lock);
}

/* A descriptor, and a wait descriptor that the guest waits for. Reading a register needs no lock. */
static void descriptor(uint64_t qw0, uint64_t qw1)
{
	static uint32_t tail;
	const uint64_t entries[] = {qw0, qw1, 0, 0, VIQ_VTD_TYPE_WAIT, 0, 0, 0};

	memcpy(guest_at(0x1000 + tail), entries, sizeof(entries));
	tail = (tail + 64) & 0xfff;
	mmio_write(VIQ_VTD_IQT, 8, tail);
	while (viq_vtd_mmio_read(vtd, VIQ_VTD_IQH, 8) != tail)
		loop();
}

static void guest_works(void)
{
	const uint64_t did = VIQ_PUT(VIQ_VTD_DESC_DID, 7);
	uint64_t cap, frcd;

	guest_vtd_tables(DISK, NIC);
	mmio_write(VIQ_VTD_FEDATA, 4, 0x41); /* the vector of its fault event */
	mmio_write(VIQ_VTD_FEADDR, 4, VIQ_VTD_MSI_FIRST);
	mmio_write(VIQ_VTD_FECTL, 4, 0);
	mmio_write(VIQ_VTD_IQA, 8, 0x1000 | VIQ_VTD_IQA_DW); /* 128 descriptors of 256 bits */
	mmio_write(VIQ_VTD_GCMD, 4, VIQ_VTD_GCMD_QIE);
	mmio_write(VIQ_VTD_RTADDR, 8, 0x2000 | VIQ_PUT(VIQ_VTD_RTADDR_TTM, VIQ_VTD_TTM_SCALABLE));
	mmio_write(VIQ_VTD_GCMD, 4, VIQ_VTD_GCMD_QIE | VIQ_VTD_GCMD_SRTP);
	descriptor(VIQ_VTD_TYPE_CC | VIQ_PUT(VIQ_VTD_DESC_G, VIQ_VTD_CC_GLOBAL), 0);
	descriptor(VIQ_VTD_TYPE_PC | VIQ_PUT(VIQ_VTD_DESC_G, VIQ_VTD_PC_GLOBAL), 0);
	descriptor(VIQ_VTD_TYPE_IOTLB | VIQ_PUT(VIQ_VTD_DESC_G, VIQ_VTD_IOTLB_GLOBAL), 0);
	mmio_write(VIQ_VTD_GCMD, 4, VIQ_VTD_GCMD_QIE | VIQ_VTD_GCMD_TE);
	device_reads("disk", disk, 0x1000);
	device_reads("NIC", nic, 0x1000);

	guest_remaps();
	descriptor(VIQ_VTD_TYPE_PIOTLB | VIQ_PUT(VIQ_VTD_DESC_G, VIQ_VTD_PIOTLB_PAGE) | did, 0x1000);
	puts("another page is mapped there, and the IOTLB is invalidated");
	device_reads("disk", disk, 0x1000);
	device_reads("NIC", nic, 0x1000);
	descriptor(VIQ_VTD_TYPE_DEVTLB | VIQ_PUT(VIQ_VTD_DEVTLB_SID, NIC), 0x1000);
	puts("and the TLB of the NIC");
	device_reads("NIC", nic, 0x1000);
	device_reads("disk", disk, 0x2000);
	loop();
	viq_vtd_caps(vtd, &cap, NULL);
	frcd = VIQ_GET(VIQ_VTD_CAP_FRO, cap) * VIQ_VTD_OFFSET_UNITS + 8;
	printf("fault: %s\n",
	       viq_vtd_fault_name((unsigned int)VIQ_GET(VIQ_VTD_FRCD_1_FR, viq_vtd_mmio_read(vtd, frcd, 8))));
}

int main(void)
{
	const struct viq_mem_region region = {.gpa = 0, .size = sizeof(guest_ram), .host = guest_ram};
	const struct viq_vtd_ops ops = {.size = sizeof(ops),
					.msi = on_msi,
					.reconfig = on_reconfig,
					.devtlb = on_devtlb,
					.kick = on_wake,
					.sync = on_sync};
	struct viq_soft_vtd_config sconfig;
	struct viq_nest_vtd_config nconfig;
	struct viq_vtd_config config;
	struct viq_mem *mem;

	wake = eventfd(0, EFD_CLOEXEC);
	check(viq_mem_create(&region, 1, NULL, NULL, &mem, NULL), "memory");
	viq_vtd_config_init(&config, sizeof(config));
	config.ecap |= VIQ_VTD_ECAP_DT;
	config.mem = mem;
	config.ops = &ops;
	check(viq_vtd_create(&config, &vtd, NULL), "VT-d");

	viq_soft_vtd_config_init(&sconfig, sizeof(sconfig));
	sconfig.cap = config.cap; /* what the guest is told is what it gets */
	sconfig.ecap = config.ecap;
	sconfig.devtlb_implied = 0; /* as hardware: device-TLBs are on_devtlb()'s */
	sconfig.mem = mem;
	sconfig.notify = on_wake;
	check(viq_soft_vtd_create(&sconfig, &soft, NULL), "software host");
	viq_nest_vtd_config_init(&nconfig, sizeof(nconfig));
	nconfig.backend = viq_soft_vtd_backend(soft);
	check(viq_nest_vtd_create(&nconfig, &nest, NULL), "nesting");
	check(viq_nest_vtd_bind(nest, vtd, mem), "nesting");

	io_start();
	disk = plug(DISK, false);
	nic = plug(NIC, true);
	guest_works();
	unplug(nic);
	descriptor(VIQ_VTD_TYPE_DEVTLB | VIQ_PUT(VIQ_VTD_DEVTLB_SID, NIC), 0); /* it concerns nobody now */
	puts("the NIC is unplugged");

	unplug(disk);
	io_stop();
	viq_nest_vtd_destroy(nest);
	viq_soft_vtd_destroy(soft);
	viq_vtd_destroy(vtd);
	viq_mem_destroy(mem);
	return 0;
}
