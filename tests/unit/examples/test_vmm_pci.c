/* SPDX-License-Identifier: MIT */
/*
 * The example VMM's PCI device, examples/vmm/{pci,assigned,config,bars,msi}.c: a file in memory is the vfio cdev, the
 * test is KVM.
 */
#include <errno.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "support/test.h"
#include "examples/vmm/vmm.h"

#define REGION      0x200000u /* each region has that much of the file */
#define CONFIG      (VFIO_PCI_CONFIG_REGION_INDEX * REGION)
#define DEVICE      (PCI_ECAM_BASE + (ASSIGNED_SLOT << 15))
#define PLACE       PCI_MMIO_BASE
#define MEMORY      PCI_COMMAND_MEMORY
#define NOBODY      UINT64_MAX
#define CAP_PM      0x40
#define CAP_MSI     0x50
#define CAP_EXPRESS 0x60
#define CAP_MSIX    0xa0
#define CAP_VENDOR  0xc0
#define VECTORS     3u
#define TABLE       0x1000u /* in BAR 2, and the pending bits in the same page */
#define PENDING     0x1800u
#define BELOW(bar)  (1 + 2 * (bar)) /* the memory slot of a BAR, up to the MSI-X table if that is in it */
#define BEHIND(bar) (2 + 2 * (bar))
#define ENTRY(n)    (PLACE + TABLE + (n)*PCI_MSIX_ENTRY_SIZE)

/* BAR 0: 64 KiB; 1: I/O; 2 and 3: one of 64 bits; 4: less than a page; 5: mappable in parts */
static const uint64_t sizes[] = {0x10000, 0x20, 0x100000, 0, 0x100, 0x20000};
static const uint32_t types[] = {0, PCI_BASE_ADDRESS_SPACE_IO, 0xc, 0, 0, 0};

static struct machine {
	struct vm vm;
	struct assigned *assigned;
	int cdev;
	uint64_t at[16]; /* each memory slot's address, and size; 0: none */
	uint64_t size[16];
	unsigned int told;
	/* vfio's: which index signals, and whereto. KVM's: what is connected, and the data of its message */
	uint32_t signalled, count;
	bool refuses; /* vfio, to signal */
	int32_t events[GSIS];
	bool connected[GSIS];
	uint32_t data[GSIS];
} m;

int __wrap_ioctl(int fd, unsigned long request, void *arg);

int __wrap_ioctl(int fd, unsigned long request, void *arg)
{
	struct vfio_region_info *info = arg;
	struct vfio_info_cap_header sparse = {.id = VFIO_REGION_INFO_CAP_SPARSE_MMAP, .version = 1};

	assert_int_equal(fd, m.cdev);
	if (request == VFIO_DEVICE_SET_IRQS) {
		struct vfio_irq_set *set = arg;

		if (m.refuses) {
			errno = ENOSPC;
			return -1;
		}
		m.signalled = set->index;
		m.count = set->count;
		memcpy(m.events + (set->index == VFIO_PCI_MSI_IRQ_INDEX ? MSI_GSI : MSIX_GSI), set->data,
		       set->count * sizeof(*m.events));
		return 0;
	}
	if (request == VFIO_DEVICE_GET_INFO) {
		((struct vfio_device_info *)arg)->flags = VFIO_DEVICE_FLAGS_PCI;
		return 0;
	}
	assert_int_equal(request, VFIO_DEVICE_GET_REGION_INFO);
	info->offset = (uint64_t)info->index * REGION;
	info->size = info->index < 6 ? sizes[info->index] : 256;
	info->flags = VFIO_REGION_INFO_FLAG_MMAP;
	if (info->index == 5) {
		info->flags |= VFIO_REGION_INFO_FLAG_CAPS;
		info->cap_offset = sizeof(*info);
		memcpy((uint8_t *)arg + sizeof(*info), &sparse, sizeof(sparse));
	}
	return 0;
}

static uint32_t real(uint32_t offset, size_t size)
{
	uint32_t value = 0;

	assert_int_equal(pread(m.cdev, &value, size, CONFIG + offset), size);
	return value;
}

static void set_real(uint32_t offset, uint32_t value)
{
	assert_int_equal(pwrite(m.cdev, &value, 4, CONFIG + offset), 4);
}

/* --- The VMM around it -------------------------------------------------------------------------------------------- */

void die(const char *format, ...)
{
	fail_msg("died: %s", format);
	_exit(1);
}

void say(const char *format, ...)
{
	m.told++;
}

void vm_add_mmio(struct vm *vm, const struct mmio *mmio)
{
	vm->mmio[vm->mmio_count++] = *mmio;
}

/* The device must decode as long as its memory is the guest's: else the guest's next access ends its vCPU. */
int vm_set_memory(struct vm *vm, unsigned int slot, uint64_t gpa, void *host, uint64_t size)
{
	assert_true(real(PCI_COMMAND, 2) & MEMORY);
	for (unsigned int i = 0; host && i < 16; i++)
		if (m.size[i] && gpa < m.at[i] + m.size[i] && m.at[i] < gpa + size)
			return -EEXIST;
	m.at[slot] = host ? gpa : 0;
	m.size[slot] = host ? size : 0;
	return 0;
}

/* The host's window is not here. */
void __wrap_msi_check_window(int cdev);

void __wrap_msi_check_window(int cdev)
{
}

int vm_route_msi(struct vm *vm, unsigned int gsi, uint32_t device, uint32_t data)
{
	assert_int_equal(device, ASSIGNED_SID);
	m.data[gsi] = data;
	return 0;
}

int vm_connect_event(struct vm *vm, unsigned int gsi, int event, bool on)
{
	assert_int_equal(event, m.events[gsi]);
	m.connected[gsi] = on;
	return 0;
}

void vm_end(struct vm *vm, const char *text, bool failed)
{
	fail_msg("ended: %s", text);
}

static const struct mmio *find(uint64_t address)
{
	for (unsigned int i = 0; i < m.vm.mmio_count; i++)
		if (address - m.vm.mmio[i].base < m.vm.mmio[i].size)
			return &m.vm.mmio[i];
	fail_msg("nothing is registered there");
	return NULL;
}

static uint64_t get(uint64_t address, unsigned int size)
{
	const struct mmio *mmio = find(address);

	return mmio->read(mmio->opaque, address - mmio->base, size);
}

static void put(uint64_t address, unsigned int size, uint64_t value)
{
	const struct mmio *mmio = find(address);

	mmio->write(mmio->opaque, address - mmio->base, size, value);
}

static uint64_t bar(unsigned int index)
{
	return DEVICE + PCI_BASE_ADDRESS_0 + index * 4;
}

static int start(void **state)
{
	memset(&m, 0, sizeof(m));
	m.cdev = memfd_create("device", 0);
	assert_return_code(m.cdev, errno);
	assert_return_code(ftruncate(m.cdev, CONFIG + REGION), errno);
	set_real(PCI_VENDOR_ID, 0x11e81234);
	set_real(PCI_COMMAND, (uint32_t)PCI_STATUS_CAP_LIST << 16 | 0x47);
	for (uint32_t i = 0; i < 6; i++)
		set_real(PCI_BASE_ADDRESS_0 + i * 4, i == 3 ? 0x80 : 0xf0000000u | types[i]);
	set_real(PCI_ROM_ADDRESS, 0xfffc0000);
	set_real(PCI_CAPABILITY_LIST, CAP_PM);
	set_real(PCI_INTERRUPT_LINE, 0x01ff);
	set_real(CAP_PM, 0xabcd0000 | CAP_MSI << 8 | PCI_CAP_ID_PM);
	set_real(CAP_MSI, 0xabcd0000 | (uint32_t)PCI_MSI_FLAGS_64BIT << 16 | CAP_EXPRESS << 8 | PCI_CAP_ID_MSI);
	set_real(CAP_EXPRESS, 0x00020000 | CAP_MSIX << 8 | PCI_CAP_ID_EXP);
	set_real(CAP_EXPRESS + 0x38, 0x12345678);
	set_real(CAP_MSIX, (VECTORS - 1) << 16 | CAP_VENDOR << 8 | PCI_CAP_ID_MSIX);
	set_real(CAP_MSIX + PCI_MSIX_TABLE, TABLE | 2);
	set_real(CAP_MSIX + PCI_MSIX_PBA, PENDING | 2);
	set_real(CAP_VENDOR, 0x00080000 | PCI_CAP_ID_VNDR);
	set_real(CAP_VENDOR + 4, 0x11111111);
	set_real(CAP_VENDOR + 8, 0x22222222);
	return 0;
}

static void create(void)
{
	m.assigned = assigned_create(&m.vm, m.cdev);
	pci_create(&m.vm, m.assigned);
}

static int stop(void **state)
{
	if (m.assigned)
		assigned_destroy(m.assigned);
	for (unsigned int i = 0; i < 16; i++)
		assert_int_equal(m.size[i], 0);
	return close(m.cdev);
}

/* --- Configuration space ------------------------------------------------------------------------------------------ */

static void test_only_two_functions(void **state)
{
	create();
	assert_int_equal(get(DEVICE, 4), 0x11e81234);
	assert_int_equal(get(DEVICE + 2, 2), 0x11e8);
	assert_int_equal(get(DEVICE + 1, 1), 0x12);
	assert_int_equal(get(DEVICE, 8) & UINT32_MAX, 0x11e81234);
	assert_int_equal(get(DEVICE + 1, 2), NOBODY);
	assert_int_equal(get(PCI_ECAM_BASE + PCI_CLASS_DEVICE, 2), 0x0600);
	assert_int_equal(get(DEVICE + 0x1000, 4), UINT32_MAX);
	assert_int_equal(get(PCI_ECAM_BASE + PCI_ECAM_SIZE - 4, 4), UINT32_MAX);
}

static void test_hidden_capabilities_leave_the_list(void **state)
{
	create();
	assert_true(get(DEVICE + PCI_STATUS, 2) & PCI_STATUS_CAP_LIST);
	assert_int_equal(get(DEVICE + PCI_CAPABILITY_LIST, 1), CAP_MSI);
	assert_int_equal(get(DEVICE + CAP_MSI, 2), CAP_EXPRESS << 8 | PCI_CAP_ID_MSI);
	assert_int_equal(get(DEVICE + CAP_MSI + PCI_MSI_FLAGS, 2), PCI_MSI_FLAGS_64BIT); /* one vector, no masks */
	assert_int_equal(get(DEVICE + CAP_EXPRESS, 2), CAP_MSIX << 8 | PCI_CAP_ID_EXP);
	assert_int_equal(get(DEVICE + CAP_MSIX, 4), (VECTORS - 1) << 16 | CAP_VENDOR << 8 | PCI_CAP_ID_MSIX);
	assert_int_equal(get(DEVICE + CAP_MSIX + PCI_MSIX_TABLE, 4), TABLE | 2);
	assert_int_equal(get(DEVICE + CAP_MSIX + PCI_MSIX_PBA, 4), PENDING | 2);
	assert_int_equal(get(DEVICE + CAP_EXPRESS + 0x38, 4), 0x12345678);
	assert_int_equal(get(DEVICE + CAP_VENDOR, 2), PCI_CAP_ID_VNDR);
	assert_int_equal(get(DEVICE + CAP_VENDOR + 4, 4), 0x11111111);
	assert_int_equal(get(DEVICE + CAP_VENDOR + 8, 4), 0); /* behind its end */
	assert_int_equal(get(DEVICE + CAP_PM, 4), 0);
	assert_int_equal(get(DEVICE + PCI_INTERRUPT_PIN, 1), 0);
	assert_int_equal(get(DEVICE + PCI_CFG_SPACE_SIZE, 4), 0);
}

static void test_no_capability_no_list(void **state)
{
	set_real(CAP_PM, PCI_CAP_ID_PM);
	create();
	assert_false(get(DEVICE + PCI_STATUS, 2) & PCI_STATUS_CAP_LIST);
	assert_int_equal(get(DEVICE + PCI_CAPABILITY_LIST, 1), 0);
}

static void test_what_may_be_written(void **state)
{
	uint32_t allowed = MEMORY | PCI_COMMAND_MASTER;

	create();
	assert_int_equal(real(PCI_COMMAND, 2), PCI_COMMAND_INTX_DISABLE); /* nothing is left of who had it before */
	for (uint32_t offset = 0; offset < PCI_CFG_SPACE_SIZE; offset += 4)
		put(DEVICE + offset, 4, UINT32_MAX);
	assert_int_equal(real(PCI_COMMAND, 2), allowed | PCI_COMMAND_INTX_DISABLE);
	assert_int_equal(get(DEVICE + PCI_COMMAND, 2), allowed | PCI_COMMAND_INTX_DISABLE);
	assert_int_equal(real(CAP_EXPRESS + PCI_EXP_DEVCTL, 2), 0xffff);
	assert_int_equal(real(PCI_VENDOR_ID, 4), 0x11e81234);
	assert_int_equal(real(PCI_BASE_ADDRESS_0, 4), 0xf0000000);
	assert_int_equal(real(PCI_ROM_ADDRESS, 4), 0xfffc0000);
	assert_int_equal(real(CAP_MSI, 2), CAP_EXPRESS << 8 | PCI_CAP_ID_MSI);
	assert_int_equal(real(CAP_MSI + PCI_MSI_FLAGS, 2), 0xabcd | PCI_MSI_FLAGS_64BIT);
	assert_int_equal(real(CAP_MSIX + PCI_MSIX_FLAGS, 2), VECTORS - 1);
	assert_int_equal(real(CAP_EXPRESS + 0x38, 4), 0x12345678);
	put(DEVICE + PCI_COMMAND + 1, 1, 0);
	assert_int_equal(real(PCI_COMMAND, 2), allowed | PCI_COMMAND_INTX_DISABLE);
}

/* --- BARs --------------------------------------------------------------------------------------------------------- */

static void test_sizing(void **state)
{
	create();
	for (unsigned int i = 0; i < 6; i++)
		put(bar(i), 4, UINT32_MAX);
	assert_int_equal(get(bar(0), 4), 0xffff0000);
	assert_int_equal(get(bar(1), 4), 0); /* I/O */
	assert_int_equal(get(bar(2), 4), 0xfff0000c);
	assert_int_equal(get(bar(3), 4), UINT32_MAX);
	assert_int_equal(get(bar(4), 4), 0xffffff00);
	assert_int_equal(get(DEVICE + PCI_ROM_ADDRESS, 4), 0);
	put(bar(0) + 3, 1, 0x12);
	assert_int_equal(get(bar(0), 4), 0x12ff0000);
}

static void test_memory_follows(void **state)
{
	create();
	put(bar(0), 4, PLACE);
	put(bar(2), 4, PLACE + 0x100000);
	put(bar(4), 4, PLACE + 0x200000);
	put(bar(5), 4, PLACE + 0x220000);
	assert_int_equal(m.size[BELOW(0)], 0);
	put(DEVICE + PCI_COMMAND, 2, MEMORY);
	assert_int_equal(m.at[BELOW(0)], PLACE);
	assert_int_equal(m.size[BELOW(0)], sizes[0]);
	assert_int_equal(m.at[BELOW(2)], PLACE + 0x100000);
	assert_int_equal(m.size[BELOW(2)], TABLE);
	assert_int_equal(m.at[BEHIND(2)], PLACE + 0x100000 + TABLE + 0x1000);
	assert_int_equal(m.size[BEHIND(2)], 0x100000 - TABLE - 0x1000);
	assert_int_equal(m.size[BELOW(4)] + m.size[BELOW(5)], 0); /* served by exits */
	put(bar(0), 4, PLACE + 0x10000);
	assert_int_equal(m.at[BELOW(0)], PLACE + 0x10000);
	put(DEVICE + PCI_COMMAND, 2, 0);
	assert_int_equal(m.size[BELOW(0)] + m.size[BELOW(2)] + m.size[BEHIND(2)], 0);
	assert_int_equal(m.told, 0);
}

static void test_bad_places_are_told_once(void **state)
{
	create();
	for (unsigned int i = 4; i < 6; i++)
		put(bar(i), 4, PLACE + 0x400000 * i);
	put(bar(2), 4, PLACE);
	put(DEVICE + PCI_COMMAND, 2, MEMORY); /* BAR 0 is at 0 */
	assert_int_equal(m.told, 1);
	assert_int_equal(m.size[BELOW(0)], 0);
	put(bar(2), 4, 0);
	assert_int_equal(m.told, 2);
	put(bar(0), 4, PLACE);
	put(bar(2), 4, PLACE); /* on top of BAR 0 */
	assert_int_equal(m.size[BELOW(2)], 0);
	put(bar(0), 4, PLACE + 0x800000);
	assert_int_equal(m.at[BELOW(2)], PLACE); /* the place is free now */
	put(bar(3), 4, 1);
	assert_int_equal(m.size[BELOW(2)], 0); /* beyond 4 GiB */
	put(bar(0), 4, (uint32_t)(PLACE + PCI_MMIO_SIZE));
	assert_int_equal(m.size[BELOW(0)], 0);
	assert_int_equal(m.told, 2);
}

static void test_exits(void **state)
{
	create();
	put(bar(4), 4, PLACE + 0x100);
	put(bar(5), 4, PLACE + 0x20000);
	assert_int_equal(get(PLACE + 0x100, 4), NOBODY);
	put(DEVICE + PCI_COMMAND, 2, MEMORY);
	put(PLACE + 0x110, 8, 0x1122334455667788);
	put(PLACE + 0x20004, 4, 0xabcdef01);
	assert_int_equal(get(PLACE + 0x110, 8), 0x1122334455667788);
	assert_int_equal(get(PLACE + 0x20004, 4), 0xabcdef01);
	assert_int_equal(get(PLACE + 0x111, 1), 0x77);
	assert_int_equal(get(PLACE + 0x1fc, 8), NOBODY); /* across its end */
	assert_int_equal(get(PLACE + 0x200, 4), NOBODY);
}

/* --- Interrupts --------------------------------------------------------------------------------------------------- */

static void start_msix(uint16_t flags)
{
	create();
	put(bar(2), 4, PLACE);
	put(DEVICE + PCI_COMMAND, 2, MEMORY);
	put(DEVICE + CAP_MSIX + PCI_MSIX_FLAGS, 2, flags);
}

static uint64_t pending(void)
{
	return get(PLACE + PENDING, 8);
}

static void signal_vector(unsigned int which)
{
	uint64_t one = 1;

	assert_int_equal(write(m.events[MSIX_GSI + which], &one, sizeof(one)), sizeof(one));
}

static void test_a_vector_is_connected(void **state)
{
	start_msix(0);
	assert_int_equal(get(ENTRY(1) + PCI_MSIX_ENTRY_VECTOR_CTRL, 4), PCI_MSIX_ENTRY_CTRL_MASKBIT);
	put(ENTRY(1), 8, 0x1122334455667788);
	put(ENTRY(1) + PCI_MSIX_ENTRY_DATA, 8, 77);
	assert_int_equal(get(ENTRY(1), 8), 0x1122334455667788);
	assert_int_equal(get(ENTRY(1) + PCI_MSIX_ENTRY_DATA, 4), 77);
	assert_false(m.connected[MSIX_GSI + 1]);
	put(DEVICE + CAP_MSIX + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE);
	assert_int_equal(m.signalled, VFIO_PCI_MSIX_IRQ_INDEX);
	assert_int_equal(m.count, VECTORS);
	assert_true(m.connected[MSIX_GSI + 1]);
	assert_int_equal(m.data[MSIX_GSI + 1], 77);
	assert_false(m.connected[MSIX_GSI] || m.connected[MSIX_GSI + 2]);
	put(ENTRY(1) + PCI_MSIX_ENTRY_DATA, 4, 78);
	assert_int_equal(m.data[MSIX_GSI + 1], 78);
	put(DEVICE + CAP_MSIX + PCI_MSIX_FLAGS, 2, 0);
	assert_false(m.connected[MSIX_GSI + 1]);
	assert_int_equal(m.count, 0);
}

/* A guest may try for ever. */
static void test_a_refusal_is_told_once(void **state)
{
	m.refuses = true;
	start_msix(0);
	m.told = 0; /* of BARs */
	for (unsigned int i = 0; i < 5; i++)
		put(DEVICE + CAP_MSIX + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE);
	assert_int_equal(m.told, 1);
	put(DEVICE + CAP_MSI + PCI_MSI_FLAGS, 2, PCI_MSI_FLAGS_ENABLE);
	assert_int_equal(m.told, 2);
	m.refuses = false;
	put(DEVICE + CAP_MSI + PCI_MSI_FLAGS, 2, 0);
	put(DEVICE + CAP_MSIX + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE);
	assert_int_equal(m.count, VECTORS);
}

static void test_what_is_masked_is_pending(void **state)
{
	start_msix(PCI_MSIX_FLAGS_ENABLE);
	assert_int_equal(pending(), 0);
	signal_vector(2);
	assert_int_equal(pending(), 0x4);
	put(ENTRY(2) + PCI_MSIX_ENTRY_VECTOR_CTRL, 4, 0);
	assert_true(m.connected[MSIX_GSI + 2]);
	assert_int_equal(pending(), 0); /* KVM has it */
	put(DEVICE + CAP_MSIX + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	assert_false(m.connected[MSIX_GSI + 2]);
	put(PLACE + PENDING, 8, 0);
	assert_int_equal(pending(), 0x4);
	put(DEVICE + CAP_MSIX + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE);
	assert_true(m.connected[MSIX_GSI + 2]);
}

static void test_odd_accesses_to_the_table(void **state)
{
	start_msix(PCI_MSIX_FLAGS_ENABLE);
	put(ENTRY(0), 4, 0x12345678);
	assert_int_equal(get(ENTRY(0), 2), 0);
	assert_int_equal(get(ENTRY(0) + 1, 1), 0);
	assert_int_equal(get(ENTRY(0) + 2, 4), 0);
	put(ENTRY(0) + 2, 4, UINT32_MAX);
	put(ENTRY(0), 1, 0);
	put(ENTRY(0) + 4, 8, UINT64_MAX);
	assert_int_equal(get(ENTRY(0), 8), 0x12345678);
	/* Behind the last entry the page is the device's own. */
	put(ENTRY(VECTORS), 4, 0xabcdef01);
	assert_int_equal(get(ENTRY(VECTORS), 4), 0xabcdef01);
	assert_int_equal(get(ENTRY(VECTORS - 1) + PCI_MSIX_ENTRY_VECTOR_CTRL, 4), PCI_MSIX_ENTRY_CTRL_MASKBIT);
}

static void test_no_more_vectors_than_there_are_places(void **state)
{
	set_real(CAP_MSIX, PCI_MSIX_FLAGS_QSIZE << 16 | CAP_VENDOR << 8 | PCI_CAP_ID_MSIX);
	start_msix(PCI_MSIX_FLAGS_ENABLE);
	assert_int_equal(get(DEVICE + CAP_MSIX + PCI_MSIX_FLAGS, 2) & PCI_MSIX_FLAGS_QSIZE, MAX_VECTORS - 1);
	assert_int_equal(m.count, MAX_VECTORS);
	put(ENTRY(MAX_VECTORS - 1) + PCI_MSIX_ENTRY_DATA, 8, 5);
	assert_true(m.connected[MSIX_GSI + MAX_VECTORS - 1]);
}

static void test_msi(void **state)
{
	create();
	put(DEVICE + CAP_MSI + PCI_MSI_ADDRESS_LO, 4, UINT32_MAX);
	assert_int_equal(get(DEVICE + CAP_MSI + PCI_MSI_ADDRESS_LO, 4), UINT32_MAX & ~3u);
	put(DEVICE + CAP_MSI + PCI_MSI_DATA_64, 2, 33);
	put(DEVICE + CAP_MSI + PCI_MSI_FLAGS, 2, PCI_MSI_FLAGS_ENABLE | PCI_MSI_FLAGS_QSIZE);
	assert_int_equal(get(DEVICE + CAP_MSI + PCI_MSI_FLAGS, 2), PCI_MSI_FLAGS_64BIT | PCI_MSI_FLAGS_ENABLE);
	assert_int_equal(m.signalled, VFIO_PCI_MSI_IRQ_INDEX);
	assert_int_equal(m.count, 1);
	assert_true(m.connected[MSI_GSI]);
	assert_int_equal(m.data[MSI_GSI], 33);
	put(DEVICE + CAP_MSI + PCI_MSI_FLAGS, 2, 0);
	assert_false(m.connected[MSI_GSI]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_only_two_functions, start, stop),
		cmocka_unit_test_setup_teardown(test_hidden_capabilities_leave_the_list, start, stop),
		cmocka_unit_test_setup_teardown(test_no_capability_no_list, start, stop),
		cmocka_unit_test_setup_teardown(test_what_may_be_written, start, stop),
		cmocka_unit_test_setup_teardown(test_sizing, start, stop),
		cmocka_unit_test_setup_teardown(test_memory_follows, start, stop),
		cmocka_unit_test_setup_teardown(test_bad_places_are_told_once, start, stop),
		cmocka_unit_test_setup_teardown(test_exits, start, stop),
		cmocka_unit_test_setup_teardown(test_a_vector_is_connected, start, stop),
		cmocka_unit_test_setup_teardown(test_a_refusal_is_told_once, start, stop),
		cmocka_unit_test_setup_teardown(test_what_is_masked_is_pending, start, stop),
		cmocka_unit_test_setup_teardown(test_odd_accesses_to_the_table, start, stop),
		cmocka_unit_test_setup_teardown(test_no_more_vectors_than_there_are_places, start, stop),
		cmocka_unit_test_setup_teardown(test_msi, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
