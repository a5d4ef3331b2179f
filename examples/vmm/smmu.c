/* SPDX-License-Identifier: MIT */
/*
 * The guest's SMMUv3: everything that this VMM does with viq.
 *
 *   guest memory     viq_mem, and pinned in an IOAS of the iommufd at the same addresses
 *   the device       bound to the iommufd, and added to the vSMMU under the StreamID that the guest computes
 *   vSMMU            what the physical SMMU does for this guest: page tables, and the host for invalidations
 *   front            the registers and queues that the guest sees; the one object that is saved and restored
 *   nest             makes the vSMMU follow what the guest writes into the front's registers and tables
 *
 * Two locks. "use" is held by whoever makes the front or the vSMMU work: a vCPU that writes a register, the worker, the
 * main thread with events. Reading a register needs no lock of viq's; but the front is replaced by another when it has
 * been saved, so "life" is held for reading as long as one is looked at.
 *
 * With --reads page the guest sees the registers as memory, and no read exits but while the front is replaced.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "trial.h"
#include "vmm.h"

#define PATIENCE 1000 /* attempts of a host that cannot, until the guest is told */

struct smmu {
	struct vm *vm;
	struct smmu_options options;
	struct viq_mem *mem;
	struct viq_linux *linux;
	struct viq_linux_vsmmu *vsmmu;
	struct viq_nest_smmuv3 *nest;
	struct viq_smmuv3_config config;
	struct viq_smmuv3 *front;
	struct viq_smmuv3_counters earlier; /* of fronts that have been replaced */
	struct trial trial;
	pthread_mutex_t use;
	pthread_rwlock_t life;
	bool kicked; /* commands wait for viq_smmuv3_run(); under use, as what follows */
	bool stopping;
	pthread_cond_t work;
	pthread_t worker;
	void *page;     /* the image of the registers */
	uint64_t exits; /* doorbells */
	uint64_t reads; /* that exited; counted without a lock */
};

static void check(int err, const char *what, const struct viq_why *why)
{
	if (err)
		die("%s: %s", what, why && why->text[0] ? why->text : strerror(-err));
}

/* --- What the front asks of the VMM: on the thread that uses it, which holds the lock ----------------------------- */

static void on_irq(void *opaque, enum viq_smmuv3_irq which)
{
	struct smmu *s = opaque;

	if (which == VIQ_SMMUV3_IRQ_EVENTQ)
		vm_pulse_irq(s->vm, SPI_SMMU_EVENTQ);
	else if (which == VIQ_SMMUV3_IRQ_GERROR)
		vm_pulse_irq(s->vm, SPI_SMMU_GERROR);
	/* The interrupt of CMD_SYNC is not in the device tree: Linux polls. */
}

static int on_reconfig(void *opaque, struct viq_smmuv3_reconfig *what)
{
	struct smmu *s = opaque;

	return viq_nest_smmuv3_reconfig(s->nest, what);
}

static void on_kick(void *opaque)
{
	struct smmu *s = opaque;

	s->kicked = true;
	pthread_cond_signal(&s->work);
}

static void on_host_error(void *opaque, const struct viq_call_result *result)
{
	say("the host failed at entries %u to %u of a call: %s", result->handled, result->suspect,
	    viq_call_error_text(result->error));
}

/* The host could not: it is tried again every millisecond, see pause_use(), for a while. */
static int on_host_wait(void *opaque, const struct viq_call_result *result, uint64_t times)
{
	if (times > PATIENCE)
		say("the guest is told that the host cannot: %s", viq_call_error_text(result->error));
	on_kick(opaque);
	return times > PATIENCE;
}

static void on_device_timeout(void *opaque, uint32_t sid)
{
	struct smmu *s = opaque;

	say("stream 0x%x is made to abort: its device does not answer", sid);
	if (viq_nest_smmuv3_block(s->nest, sid))
		vm_end(s->vm, "a device that does not answer cannot be blocked", true);
}

static const struct viq_smmuv3_ops front_ops = {
	.size = sizeof(front_ops),
	.irq = on_irq,
	.reconfig = on_reconfig,
	.kick = on_kick,
	.host_error = on_host_error,
	.host_wait = on_host_wait,
	.device_timeout = on_device_timeout,
};

static void on_trace(void *opaque, const struct viq_smmuv3_outcome *trace)
{
	if (trace->fate >= VIQ_SMMUV3_STREAM_REJECTED && trace->fate <= VIQ_SMMUV3_STREAM_BROKEN)
		say("stream 0x%x aborts: %s", trace->vsid, strerror(-trace->os_error));
}

static const struct viq_nest_smmuv3_ops nest_ops = {.size = sizeof(nest_ops), .trace = on_trace};

/* --- Consuming the queue ------------------------------------------------------------------------------------------ */

/* The budget's worth of commands; the lock is held, and released between two of them so that others have a turn. */
static void consume(struct smmu *s)
{
	s->kicked = false;
	if (viq_smmuv3_run(s->front, s->options.budget))
		s->kicked = true;
}

/* A mutex is not fair: whoever waits would find it taken again. A host that cannot gets some time. */
static void pause_use(struct smmu *s)
{
	bool waits = viq_smmuv3_waits_for_host(s->front);

	pthread_mutex_unlock(&s->use);
	if (waits)
		usleep(1000);
	else
		sched_yield();
	pthread_mutex_lock(&s->use);
}

static void *work(void *opaque)
{
	struct smmu *s = opaque;

	pthread_mutex_lock(&s->use);
	while (!s->stopping) {
		if (s->kicked)
			consume(s);
		else
			pthread_cond_wait(&s->work, &s->use);
		pause_use(s);
	}
	pthread_mutex_unlock(&s->use);
	return NULL;
}

/* The end of using the front: what is left to consume is the worker's, or done here. */
static void leave(struct smmu *s)
{
	while (!s->options.worker && s->kicked) {
		pause_use(s);
		if (s->kicked)
			consume(s);
	}
	pthread_mutex_unlock(&s->use);
}

static uint64_t smmu_read(void *opaque, uint64_t offset, unsigned int size)
{
	struct smmu *s = opaque;
	uint64_t value;

	__atomic_fetch_add(&s->reads, 1, __ATOMIC_RELAXED);
	pthread_rwlock_rdlock(&s->life);
	value = viq_smmuv3_mmio_read(s->front, offset, size);
	pthread_rwlock_unlock(&s->life);
	return value;
}

static void smmu_write(void *opaque, uint64_t offset, unsigned int size, uint64_t value)
{
	struct smmu *s = opaque;

	pthread_mutex_lock(&s->use);
	if (offset == VIQ_SMMUV3_CMDQ_PROD && size == 4) {
		s->exits++;
		trial_doorbell(&s->trial, s->front, (uint32_t)value);
	}
	viq_smmuv3_mmio_write(s->front, offset, size, value);
	leave(s);
}

int smmu_event_fd(const struct smmu *s)
{
	return viq_linux_vsmmu_event_fd(s->vsmmu);
}

void smmu_events(struct smmu *s)
{
	int err;

	pthread_mutex_lock(&s->use);
	err = viq_nest_smmuv3_events(s->nest, 0);
	leave(s);
	if (err)
		vm_end(s->vm, "events cannot be read from the host's SMMU", true);
}

/* --- Making it ---------------------------------------------------------------------------------------------------- */

/* The guest's memory for viq, and for the device. Returns the stage-2 page table. */
static uint32_t make_memory(struct smmu *s, uint32_t device)
{
	struct viq_mem_region region = {.gpa = RAM_BASE, .size = s->vm->ram_size, .host = s->vm->ram};
	uint32_t ioas, hwpt;

	check(viq_mem_create(&region, 1, NULL, NULL, &s->mem, NULL), "guest memory", NULL);
	check(viq_linux_ioas_alloc(s->linux, &ioas), "IOAS", NULL);
	check(viq_linux_ioas_map(s->linux, ioas, RAM_BASE, s->vm->ram, s->vm->ram_size,
				 VIQ_LINUX_READ | VIQ_LINUX_WRITE),
	      "pinning guest memory (is RLIMIT_MEMLOCK large enough?)", NULL);
	check(viq_linux_hwpt_alloc(s->linux, device, ioas, VIQ_LINUX_NEST_PARENT, &hwpt), "stage 2", NULL);
	return hwpt;
}

static uint32_t calls_option(const char *name)
{
	if (!strcmp(name, "bulk"))
		return VIQ_LINUX_CALLS_BULK;
	if (!strcmp(name, "strict"))
		return VIQ_LINUX_CALLS_STRICT;
	if (!strcmp(name, "single"))
		return VIQ_LINUX_CALLS_SINGLE;
	die("--calls is bulk, strict or single, not %s", name);
}

/* What the guest's SMMU can do: what the hardware can, less what was asked to be left out. */
static void make_config(struct smmu *s)
{
	viq_smmuv3_config_init(&s->config, sizeof(s->config));
	viq_nest_smmuv3_offer(s->nest, false, &s->config);
	if (s->options.no_range)
		s->config.idr3 &= ~(uint32_t)VIQ_SMMUV3_IDR3_RIL;
	if (!s->options.msi)
		s->config.idr0 &= ~(uint32_t)VIQ_SMMUV3_IDR0_MSI;
	if (s->options.cmdq)
		s->config.idr1 = (s->config.idr1 & ~(uint32_t)VIQ_SMMUV3_IDR1_CMDQS) |
				 (uint32_t)VIQ_PUT(VIQ_SMMUV3_IDR1_CMDQS, s->options.cmdq);
	s->config.mem = s->mem;
	s->config.host = trial_host(&s->trial, viq_linux_vsmmu_host(s->vsmmu));
	s->config.budget = s->options.worker ? VIQ_SMMUV3_DEFER : s->options.budget;
	s->config.ops = &front_ops;
	s->config.opaque = s;
	if (s->options.page)
		s->config.page = s->page = vm_map(SMMU_SIZE, "the image of the SMMU's registers");
}

/* From now on the guest reads the registers without an exit, or no longer: before another front takes the page. */
static void show_page(struct smmu *s, bool shown)
{
	if (s->page)
		check(vm_set_read_only(s->vm, SMMU_SLOT, SMMU_BASE, shown ? s->page : NULL, SMMU_SIZE),
		      "registers as memory", NULL);
}

/* A front in reset state, which the vSMMU follows. It does not promise the guest more than the hardware has. */
static struct viq_smmuv3 *make_front(struct smmu *s)
{
	struct viq_smmuv3 *front;
	struct viq_why why = {""};

	check(viq_smmuv3_create(&s->config, &front, &why), "the guest's SMMU", &why);
	check(viq_nest_smmuv3_bind(s->nest, front, &why), "ID registers", &why);
	return front;
}

static void make_vsmmu(struct smmu *s, int cdev)
{
	struct viq_linux_device device = {.size = sizeof(device), .fd = cdev};
	struct viq_linux_vsmmu_config config;
	struct viq_smmuv3_backend backend;
	struct viq_why why = {""};

	check(viq_linux_open(NULL, &s->linux, &why), "iommufd", &why);
	check(viq_linux_vfio_bind(s->linux, cdev, &device.device, &why), s->options.device, &why);
	viq_linux_vsmmu_config_init(&config, sizeof(config));
	config.device = device.device;
	config.hwpt = make_memory(s, device.device);
	config.calls = calls_option(s->options.calls);
	check(viq_linux_vsmmu_create(s->linux, &config, &s->vsmmu, &why), "nested SMMUv3", &why);
	backend = viq_linux_vsmmu_backend(s->vsmmu);
	check(viq_nest_smmuv3_create(&nest_ops, s, &s->nest, NULL), "nesting", NULL);
	check(viq_nest_smmuv3_join(s->nest, &backend, &why), "nesting", &why);
	trial_init(&s->trial, s->mem, s->options.count, s->options.drop);
	make_config(s);
	s->front = make_front(s);
	check(viq_linux_vsmmu_add(s->vsmmu, &device, ASSIGNED_SID, &why), "putting the device behind the guest's SMMU",
	      &why);
	check(viq_nest_smmuv3_follow(s->nest, ASSIGNED_SID), "setting the device up", NULL);
}

struct smmu *smmu_create(struct vm *vm, int cdev, const struct smmu_options *options)
{
	struct smmu *s = calloc(1, sizeof(*s));

	if (!s)
		die("no memory");
	s->vm = vm;
	s->options = *options;
	pthread_mutex_init(&s->use, NULL);
	pthread_rwlock_init(&s->life, NULL);
	pthread_cond_init(&s->work, NULL);
	make_vsmmu(s, cdev);
	show_page(s, true);
	if (options->worker && pthread_create(&s->worker, NULL, work, s))
		die("a thread for the command queue cannot be made");
	vm_add_mmio(vm, &(struct mmio){SMMU_BASE, SMMU_SIZE, smmu_read, smmu_write, s});
	return s;
}

/* Backwards. The device is blocked first: from there on nothing reaches the guest's memory. */
void smmu_destroy(struct smmu *s)
{
	int err;

	if (s->options.worker) {
		pthread_mutex_lock(&s->use);
		s->stopping = true;
		pthread_cond_signal(&s->work);
		pthread_mutex_unlock(&s->use);
		pthread_join(s->worker, NULL);
	}
	err = viq_linux_vsmmu_destroy(s->vsmmu);
	if (err)
		say("the kernel keeps a part of the nested SMMU: %s", strerror(-err));
	viq_nest_smmuv3_destroy(s->nest);
	show_page(s, false);
	viq_smmuv3_destroy(s->front);
	if (s->page)
		munmap(s->page, SMMU_SIZE);
	viq_linux_close(s->linux);
	viq_mem_destroy(s->mem);
	pthread_cond_destroy(&s->work);
	pthread_rwlock_destroy(&s->life);
	pthread_mutex_destroy(&s->use);
	free(s);
}

/* --- While it runs ------------------------------------------------------------------------------------------------ */

/* Add what the front of now has counted to what those before it have. */
static void count(const struct smmu *s, struct viq_smmuv3_counters *total)
{
	struct viq_smmuv3_counters now;

	check(viq_smmuv3_counters(s->front, &now, sizeof(now)), "counters", NULL);
	viq_smmuv3_counters_add(total, &now, sizeof(now));
}

/*
 * What a migration does, on one machine. Commands that wait stay in the guest's ring; the new front goes on with them
 * (kick). Restoring reads the guest's stream table and attaches the device again.
 */
void smmu_freeze(struct smmu *s)
{
	uint32_t waiting;
	size_t size;
	void *state;
	int err;

	pthread_mutex_lock(&s->use);
	pthread_rwlock_wrlock(&s->life);
	show_page(s, false);
	size = viq_smmuv3_save_size(s->front);
	state = malloc(size);
	check(state ? viq_smmuv3_save(s->front, state, &size) : -ENOMEM, "saving the guest's SMMU", NULL);
	waiting = (uint32_t)(viq_smmuv3_mmio_read(s->front, VIQ_SMMUV3_CMDQ_PROD, 4) -
			     viq_smmuv3_mmio_read(s->front, VIQ_SMMUV3_CMDQ_CONS, 4)) &
		  VIQ_SMMUV3_Q_INDEX;
	count(s, &s->earlier);
	viq_nest_smmuv3_bind(s->nest, NULL, NULL);
	viq_smmuv3_destroy(s->front);
	s->front = make_front(s);
	err = viq_smmuv3_restore(s->front, state, size);
	show_page(s, true);
	pthread_rwlock_unlock(&s->life);
	leave(s);
	free(state);
	check(err, "restoring the guest's SMMU", NULL);
	say("freeze: %zu bytes saved and restored, %u commands waited", size, waiting);
}

struct smmu_exits smmu_exits(const struct smmu *s)
{
	return (struct smmu_exits){.reads = s->reads, .doorbells = s->exits};
}

void smmu_status(struct smmu *s, struct smmu_status *status)
{
	pthread_mutex_lock(&s->use);
	status->guest = s->earlier;
	count(s, &status->guest);
	viq_linux_vsmmu_counters(s->vsmmu, &status->host, sizeof(status->host));
	pthread_mutex_unlock(&s->use);
	status->commands = status->errors = 0;
	for (unsigned int opcode = 0; opcode < 256; opcode++)
		status->commands += status->guest.commands[opcode];
	for (unsigned int code = 1; code < 4; code++)
		status->errors += status->guest.cerror[code];
}

void smmu_inject(struct smmu *s)
{
	pthread_mutex_lock(&s->use);
	s->trial.armed = true;
	pthread_mutex_unlock(&s->use);
}

void smmu_compare(struct smmu *s)
{
	struct viq_smmuv3_counters counters;

	pthread_mutex_lock(&s->use);
	counters = s->earlier;
	count(s, &counters);
	trial_compare(&s->trial, s->front, &counters);
	pthread_mutex_unlock(&s->use);
}
