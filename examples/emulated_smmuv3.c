/* SPDX-License-Identifier: MIT */
/*
 * A VMM without a host IOMMU: a guest SMMUv3, and behind it two emulated devices whose DMA is done by an I/O thread.
 * The NIC uses ATS, so it keeps translations of its own. docs/emulated-devices.md goes with this.
 */
#include <sys/eventfd.h>
#include <viq/nest_smmuv3.h>
#include <viq/soft_smmuv3.h>

#include "emulated.h"

#define RAM UINT64_C(0x40000000) /* where the guest has its memory */

struct device {
	uint32_t sid, vdevice;
	struct viq_soft_dev *dev;
};

static struct device disk = {.sid = 8}, nic = {.sid = 16};
static struct viq_soft *soft;
static struct viq_nest_smmuv3 *nest;
static struct viq_smmuv3 *smmu;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of smmu and nest; never taken inside an access */
static int wake;                                         /* eventfd of the event loop */

static void on_kick(void *opaque)
{
	eventfd_write(wake, 1);
}

/* On the I/O thread, inside an access: wake the event loop, and nothing else. */
static void on_notify(void *opaque, uint32_t viommu)
{
	eventfd_write(wake, 1);
}

static int on_reconfig(void *opaque, struct viq_smmuv3_reconfig *what)
{
	return viq_nest_smmuv3_reconfig(nest, what);
}

/* Events of accesses that ended before a CMD_SYNC are in the guest's queue when it completes. */
static uint32_t on_sync(void *opaque)
{
	return viq_nest_smmuv3_sync(nest);
}

static void on_irq(void *opaque, enum viq_smmuv3_irq which)
{
	printf("interrupt %d\n", (int)which); /* a VMM pulses a line of the guest's interrupt controller */
}

/* One turn of the event loop. vCPUs get the lock between two steps. */
static void loop(void)
{
	eventfd_t count;

	check(eventfd_read(wake, &count), "event loop"); /* sleeps */
	for (bool more = true; more;) {
		pthread_mutex_lock(&lock);
		check(viq_nest_smmuv3_events(nest, 0), "events");
		more = viq_smmuv3_run(smmu, 0);
		pthread_mutex_unlock(&lock);
	}
}

static int dma_read(void *dev, uint64_t iova, void *buf, size_t len)
{
	return viq_soft_dma_read(dev, iova, 0, 0, buf, len);
}

/* The guest may be running: its STE is read now. */
static void plug(struct device *d, uint32_t viommu, bool ats)
{
	pthread_mutex_lock(&lock);
	check(viq_soft_dev_alloc(soft, &d->dev, NULL), "device");
	check(viq_soft_dev_set_ats(d->dev, ats), "ATS");
	check(viq_soft_vdevice_alloc(soft, viommu, d->dev, d->sid, &d->vdevice, NULL), "StreamID");
	check(viq_nest_smmuv3_follow(nest, d->sid), "STE");
	pthread_mutex_unlock(&lock);
}

/* The I/O thread must have nothing of the device's any more. Events that have not been taken go with it. */
static void unplug(struct device *d)
{
	pthread_mutex_lock(&lock);
	check(viq_soft_object_free(soft, d->vdevice), "StreamID");
	check(viq_soft_dev_free(d->dev), "device");
	pthread_mutex_unlock(&lock);
}

/* --- The guest: what its driver does, as vCPUs bring it ----------------------------------------------------------- */

static void mmio_write(uint64_t offset, unsigned int size, uint64_t value)
{
	pthread_mutex_lock(&lock);
	viq_smmuv3_mmio_write(smmu, offset, size, value);
	pthread_mutex_unlock(&lock);
}

/* A command, and a CMD_SYNC that the guest waits for. Reading a register needs no lock. */
static void command(uint64_t word0, uint64_t word1)
{
	static uint32_t prod;
	const uint64_t entries[] = {word0, word1, VIQ_SMMUV3_OP_SYNC, 0};

	memcpy(guest_at(0x1000 + (prod & 15) * 16), entries, sizeof(entries));
	prod = (prod + 2) & 31;
	mmio_write(VIQ_SMMUV3_CMDQ_PROD, 4, prod);
	while (viq_smmuv3_mmio_read(smmu, VIQ_SMMUV3_CMDQ_CONS, 4) != prod)
		loop();
}

static void guest_works(void)
{
	guest_smmuv3_tables(RAM, disk.sid, nic.sid);
	mmio_write(VIQ_SMMUV3_STRTAB_BASE, 8, RAM + 0x2000);
	mmio_write(VIQ_SMMUV3_STRTAB_BASE_CFG, 4, 5); /* 2^5 STEs */
	mmio_write(VIQ_SMMUV3_CMDQ_BASE, 8, (RAM + 0x1000) | 4);
	mmio_write(VIQ_SMMUV3_EVENTQ_BASE, 8, (RAM + 0x4000) | 4);
	mmio_write(VIQ_SMMUV3_IRQ_CTRL, 4, VIQ_SMMUV3_IRQ_CTRL_EVENTQ_IRQEN);
	mmio_write(VIQ_SMMUV3_CR0, 4, VIQ_SMMUV3_CR0_CMDQEN | VIQ_SMMUV3_CR0_EVENTQEN | VIQ_SMMUV3_CR0_SMMUEN);
	command(VIQ_SMMUV3_OP_CFGI_STE_RANGE, VIQ_SMMUV3_CFGI_RANGE_ALL);
	device_reads("disk", disk.dev, 0x1000);
	device_reads("NIC", nic.dev, 0x1000);

	guest_remaps();
	command(VIQ_SMMUV3_OP_TLBI_NH_VA | VIQ_PUT(VIQ_SMMUV3_TLBI_ASID, 5), 0x1000 | VIQ_SMMUV3_CMD_1_LEAF);
	puts("another page is mapped there, and the TLB is invalidated");
	device_reads("disk", disk.dev, 0x1000);
	device_reads("NIC", nic.dev, 0x1000);
	command(VIQ_SMMUV3_OP_ATC_INV | VIQ_PUT(VIQ_SMMUV3_CMD_SID, nic.sid), 0x1000);
	puts("and the ATC of the NIC");
	device_reads("NIC", nic.dev, 0x1000);
	device_reads("disk", disk.dev, 0x2000);
	loop();
	printf("event: %s\n", viq_smmuv3_event_name((unsigned int)*guest_at(0x4000) & 0xff));
}

int main(void)
{
	const struct viq_mem_region region = {.gpa = RAM, .size = sizeof(guest_ram), .host = guest_ram};
	const struct viq_soft_s2_config identity = {.size = sizeof(identity), .identity = 1};
	const struct viq_smmuv3_ops ops = {
		.size = sizeof(ops), .irq = on_irq, .reconfig = on_reconfig, .kick = on_kick, .sync = on_sync};
	struct viq_smmuv3_backend backend;
	struct viq_smmuv3_config config;
	struct viq_soft_config sconfig;
	uint32_t s2, viommu;
	struct viq_mem *mem;

	wake = eventfd(0, EFD_CLOEXEC);
	check(viq_mem_create(&region, 1, NULL, NULL, &mem, NULL), "memory");
	viq_soft_config_init(&sconfig, sizeof(sconfig));
	sconfig.mem = mem;
	sconfig.notify = on_notify;
	check(viq_soft_create(&sconfig, &soft, NULL), "software host");
	check(viq_soft_s2_alloc(soft, &identity, &s2, NULL), "stage 2");
	check(viq_soft_viommu_alloc(soft, s2, &viommu, NULL), "vIOMMU");
	backend = viq_soft_backend(soft, viommu);
	check(viq_nest_smmuv3_create(NULL, NULL, &nest, NULL), "nesting");
	check(viq_nest_smmuv3_join(nest, &backend, NULL), "nesting");

	viq_smmuv3_config_init(&config, sizeof(config));
	viq_nest_smmuv3_offer(nest, true, &config); /* ID registers: what the software host has, with ATS */
	config.mem = mem;
	config.host = backend.host;
	config.ops = &ops;
	check(viq_smmuv3_create(&config, &smmu, NULL), "SMMUv3");
	check(viq_nest_smmuv3_bind(nest, smmu, NULL), "nesting");

	io_start();
	plug(&disk, viommu, false);
	plug(&nic, viommu, true);
	guest_works();
	unplug(&nic);
	command(VIQ_SMMUV3_OP_ATC_INV | VIQ_PUT(VIQ_SMMUV3_CMD_SID, nic.sid), 0); /* it concerns nobody now */
	puts("the NIC is unplugged");

	unplug(&disk);
	io_stop();
	viq_nest_smmuv3_destroy(nest);
	viq_smmuv3_destroy(smmu);
	viq_soft_destroy(soft);
	viq_mem_destroy(mem);
	return 0;
}
