/* SPDX-License-Identifier: MIT */
/*
 * A small virtual machine monitor for arm64 on KVM, whose guest has an SMMUv3 that is viq in front of one assigned PCI
 * device. It is an example: everything here is as short as it can be and still be right.
 *
 *   main.c      the command line, and the order in which everything is made
 *   vm.c        KVM: memory, which device answers which address;  gic.c  the interrupt controller
 *   vcpu.c      a thread for each virtual processor
 *   boot.c      kernel, initrd;  fdt.c  the device tree that describes all this to the guest
 *   uart.c      the guest's console
 *   pci.c       the PCI host bridge
 *   assigned.c  the assigned device: vfio. With config.c, bars.c and msi.c, see assigned.h
 *   smmu.c      viq: all that a VMM does with the library. Read this one first
 *   monitor.c   the status line, and what can be asked for while the guest runs
 *   trial.c     faults made on purpose, for the tests: a dropped invalidation, an illegal command
 *
 * An error before the guest runs ends the program with a line that says what is missing: die().
 */
#ifndef VMM_H
#define VMM_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <viq/linux_smmuv3.h>
#include <viq/nest_smmuv3.h>

/*
 * The guest's physical address space. The first of it is not free to choose. The host's kernel has every assigned
 * device write its MSIs to a window of addresses, which nothing else may use. There the guest has its own doorbell: the
 * ITS's second 64 KiB are GITS_TRANSLATER's, and begin where the window does. So a program in the guest that uses the
 * device by vfio maps the right page: the guest's kernel gives it the same window, and puts that doorbell at its
 * beginning.
 */
#define MSI_WINDOW_BASE UINT64_C(0x08000000)
#define MSI_WINDOW_SIZE UINT64_C(0x100000)
#define ITS_BASE        (MSI_WINDOW_BASE - 0x10000)
#define ITS_SIZE        UINT64_C(0x20000)

#define GICD_BASE     UINT64_C(0x08200000) /* the GIC's distributor */
#define GICD_SIZE     UINT64_C(0x10000)
#define GICR_BASE     UINT64_C(0x08220000) /* its redistributors */
#define GICR_SIZE     UINT64_C(0x20000)    /* of each processor's */
#define UART_BASE     UINT64_C(0x09000000)
#define UART_SIZE     UINT64_C(0x1000)
#define SMMU_BASE     UINT64_C(0x09050000)
#define SMMU_SIZE     UINT64_C(0x20000)
#define PCI_MMIO_BASE UINT64_C(0x10000000) /* the window for BARs */
#define PCI_MMIO_SIZE UINT64_C(0x10000000)
#define PCI_ECAM_BASE UINT64_C(0x20000000) /* bus 0 alone: 4 KiB for each of 256 functions */
#define PCI_ECAM_SIZE UINT64_C(0x100000)
#define RAM_BASE      UINT64_C(0x40000000)

/* Shared peripheral interrupts, by their number in the device tree (32 less than the GIC's) */
#define SPI_UART        1
#define SPI_SMMU_EVENTQ 8 /* both of the SMMU's are edges, the UART's is a level */
#define SPI_SMMU_GERROR 9

/* MSIs, by KVM's number of what signals them: that of MSI, and those of MSI-X */
#define MAX_VECTORS 128
#define MSI_GSI     0
#define MSIX_GSI    1
#define GSIS        (MSIX_GSI + MAX_VECTORS)

/* KVM's memory slots; each BAR of the device has two */
enum {
	RAM_SLOT,
	BAR_SLOT,
	SMMU_SLOT = BAR_SLOT + 2 * 6,
};

#define MAX_CPUS      8
#define ASSIGNED_SLOT 1                    /* the device is 00:01.0 */
#define ASSIGNED_SID  (ASSIGNED_SLOT << 3) /* StreamID: the requester ID, as iommu-map of the device tree says */

void __attribute__((noreturn, format(printf, 1, 2))) die(const char *format, ...);
/* A line on standard error while the guest runs. */
void __attribute__((format(printf, 1, 2))) say(const char *format, ...);

/* --- vm.c, vcpu.c ------------------------------------------------------------------------------------------------- */

/* A device in the guest's address space. Called from any vCPU's thread: it locks for itself. */
struct mmio {
	uint64_t base, size;
	uint64_t (*read)(void *opaque, uint64_t offset, unsigned int size);
	void (*write)(void *opaque, uint64_t offset, unsigned int size, uint64_t value);
	void *opaque;
};

struct vcpu {
	struct vm *vm;
	unsigned int index;
	int fd;
	struct kvm_run *run;
	pthread_t thread;
};

/* What the device with this DeviceID writes to the ITS */
struct vm_msi {
	bool used;
	uint32_t device, data;
};

struct vm {
	int kvm, fd, gic, its;
	struct vm_msi msis[GSIS];
	uint8_t *ram; /* guest-physical RAM_BASE */
	uint64_t ram_size;
	unsigned int cpu_count;
	struct vcpu cpus[MAX_CPUS];
	size_t run_size; /* of a struct kvm_run's mapping */
	struct mmio mmio[8];
	unsigned int mmio_count;
	int end_fd;         /* eventfd: readable when the guest has ended */
	const char *ending; /* why, then: "switched off", "reset", or what failed */
	bool failed;
	bool strayed; /* the first access that no device answers has been told */
};

/* RAM, vCPUs (all but the first switched off, for PSCI), GICv3. Dies with what this machine's KVM lacks. */
void vm_create(struct vm *vm, uint64_t ram_size, unsigned int cpu_count);
void vm_destroy(struct vm *vm);
/* Before the guest runs. */
void vm_add_mmio(struct vm *vm, const struct mmio *mmio);
/* The device that answers size bytes at this address, or NULL, which is told the first time. */
const struct mmio *vm_find_mmio(struct vm *vm, uint64_t address, unsigned int size);
/* Memory that the guest reaches without an exit; host NULL: no longer. At any time; 0 or -errno. Slot 0 is RAM. */
int vm_set_memory(struct vm *vm, unsigned int slot, uint64_t gpa, void *host, uint64_t size);
/* The same with writes that exit: they go to the device that is there. */
int vm_set_read_only(struct vm *vm, unsigned int slot, uint64_t gpa, void *host, uint64_t size);
void *vm_map(size_t size, const char *what);
/* The first caller's reason counts; wakes end_fd. text is static. */
void vm_end(struct vm *vm, const char *text, bool failed);

/* Where the first vCPU begins. */
void vcpu_set_entry(struct vcpu *vcpu, uint64_t pc, uint64_t x0);
void vcpus_start(struct vm *vm);
/* Makes all vCPUs leave the guest for good, and waits for their threads. */
void vcpus_stop(struct vm *vm);

/* --- gic.c -------------------------------------------------------------------------------------------------------- */

/* When all vCPUs exist. */
void gic_create(struct vm *vm);
void gic_destroy(struct vm *vm);
void vm_set_irq(struct vm *vm, unsigned int spi, bool level);
void vm_pulse_irq(struct vm *vm, unsigned int spi);
/* What a signal at gsi does from now on. Calls do not come at the same time. 0 or -errno, as the next. */
int vm_route_msi(struct vm *vm, unsigned int gsi, uint32_t device, uint32_t data);
/* Let KVM take the signals of this eventfd, also those that it holds already; or no longer. */
int vm_connect_event(struct vm *vm, unsigned int gsi, int event, bool on);

/* --- boot.c, fdt.c ------------------------------------------------------------------------------------------------ */

struct boot {
	const char *kernel, *initrd, *append; /* initrd may be NULL */
	bool no_window;                       /* the guest is not told to map the window of the device's MSIs */
};

/* Loads the images, builds the tree, sets the first vCPU's entry. */
void boot_load(struct vm *vm, const struct boot *boot);
/* Builds the tree at blob, which has room for size bytes. initrd_size 0: none. */
void fdt_build(const struct vm *vm, const struct boot *boot, uint64_t initrd, uint64_t initrd_size, void *blob,
	       size_t size);

/* --- uart.c ------------------------------------------------------------------------------------------------------- */

/* An Arm SBSA generic UART (a PL011 without clocks): what the guest writes goes to out. */
struct uart;
struct uart *uart_create(struct vm *vm, int out);
void uart_destroy(struct uart *uart);
/* A character for the guest; dropped if it has not read the last 1024. */
void uart_input(struct uart *uart, uint8_t character);

/* --- pci.c, assigned.c -------------------------------------------------------------------------------------------- */

/*
 * The assigned device's vfio cdev. It is opened first; everything else asks the kernel about it, which it allows once
 * the cdev is bound to an iommufd (smmu_create()).
 */
struct assigned;
int assigned_open(const char *path); /* the cdev's fd; dies with what is wrong */
struct assigned *assigned_create(struct vm *vm, int cdev);
void assigned_destroy(struct assigned *assigned);

/* Its configuration space as the guest may see it. size: 1, 2 or 4, aligned. */
uint32_t assigned_config_read(struct assigned *assigned, uint32_t offset, unsigned int size);
void assigned_config_write(struct assigned *assigned, uint32_t offset, unsigned int size, uint32_t value);

/* The bus that the guest finds it on. */
void pci_create(struct vm *vm, struct assigned *assigned);

/* --- smmu.c --------------------------------------------------------------------------------------------- */

struct smmu_options {
	const char *device; /* cdev's path, for messages */
	bool worker;        /* a thread consumes the queue; else the vCPU that rings the doorbell */
	bool page;          /* the guest reads the registers without an exit */
	uint32_t budget;    /* work done while the lock is held, in commands; 0: VIQ_WORK_BUDGET, 1,024 */
	const char *calls;  /* how many entries a system call gets: "bulk", "strict" or "single" */
	bool no_range;      /* the guest sees no range invalidation */
	bool msi;           /* a CMD_SYNC may complete by a write to memory */
	uint32_t cmdq;      /* log2 of the command queue's entries; 0: as the library says */
	bool count;         /* trial.c: count what the guest queues, from the ring itself */
	uint64_t drop;      /* trial.c: swallow the n-th address invalidation; 0: none */
};

struct smmu;
/* Binds cdev to an iommufd, pins the guest's memory, makes the guest's SMMU and puts the device behind it. */
struct smmu *smmu_create(struct vm *vm, int cdev, const struct smmu_options *options);
/* When no vCPU runs any more. */
void smmu_destroy(struct smmu *smmu);
/* For poll(), then smmu_events(). -1: this host has none. */
int smmu_event_fd(const struct smmu *smmu);
void smmu_events(struct smmu *smmu);
/* Save the guest's SMMU, make a new one of it, and go on; the guest keeps running. */
void smmu_freeze(struct smmu *smmu);

/* Accesses that came as exits to this program. */
struct smmu_exits {
	uint64_t reads, doorbells;
};
struct smmu_exits smmu_exits(const struct smmu *smmu);

struct smmu_status {
	struct viq_smmuv3_counters guest; /* of every object that there has been */
	struct viq_linux_counters host;
	uint64_t commands, errors; /* of its command queue */
};
void smmu_status(struct smmu *smmu, struct smmu_status *status);
/* For the tests: see trial.h. */
void smmu_inject(struct smmu *smmu);
void smmu_compare(struct smmu *smmu);

/* --- monitor.c ---------------------------------------------------------------------------------------------------- */

struct monitor {
	struct vm *vm;
	struct smmu *smmu;
	struct uart *uart;
	struct smmu_status last; /* at the last status line */
	bool escape;             /* Ctrl-A has been pressed */
};

/* What the user typed: for the guest, or after Ctrl-A for the VMM. */
void monitor_input(struct monitor *monitor, const uint8_t *text, size_t length);
/* The live status line: what has happened since the last one, seconds ago. */
void monitor_status(struct monitor *monitor, unsigned int seconds);

#endif
