/* SPDX-License-Identifier: MIT */
/*
 * P5: the allow-list is the kernel's, bit by bit, for every opcode and every combination of hardware features.
 *
 * The table below is Linux 7.3's list in plain numbers; the fake kernel's is a third writing of it. Too wide a list
 * lets kernels before 7.3 hang the physical queue; too narrow a list makes a legal command an error.
 */

#include <stdio.h>

#include "support/test.h"
#include "oracle/fake_host.h"
#include "oracle/fake_kernel.h"
#include "host/linux/smmuv3/allow.h"

enum {
	RIL = 1,
	DS = 2,
	ATS = 4,
	SSID = 8,
	ASID16 = 16,
	FEATURES = 32
};

static const struct {
	uint8_t op;
	unsigned int needs;   /* feature without which the command is refused */
	uint64_t bits[2];     /* always */
	uint64_t extra[5][2]; /* with feature 1 << n */
} table[] = {
	{0x05, 0, {0xffffffff00000000, 1}, {{0}, {0}, {0}, {0xfffff000}}},
	{0x06, 0, {0xffffffff00000000, 0}, {{0}}},
	{0x10, 0, {0x0000ffff00000000, 0}, {{0}}},
	{0x11, 0, {0x00ffffff00000000, 0}, {{0}, {0}, {0}, {0}, {0xff00000000000000}}},
	{0x12, 0, {0x00ffffff00000000, 0xfffffffffffff001}, {{0x1f1f000, 0xf00}, {0}, {0}, {0}, {0xff00000000000000}}},
	{0x13, 0, {0x0000ffff00000000, 0xfffffffffffff001}, {{0x1f1f000, 0xf00}}},
	{0x30, 0, {0, 0}, {{0}}},
	{0x40, ATS, {0xffffffff00000000, 0xfffffffffffff03f}, {{0}, {0}, {0}, {0xfffffa00}}},
};

#define TABLE_SIZE (sizeof(table) / sizeof(table[0]))

/* Values of fields whose bits are all allowed. */
static bool values_ok(uint8_t op, const uint64_t cmd[2], unsigned int features)
{
	unsigned int tg = cmd[1] >> 10 & 3, ttl = cmd[1] >> 8 & 3;
	bool range = cmd[0] & 0x3f1f000;

	if (op == 0x40)
		return (cmd[1] & 0x3f) <= 52;
	if (!(op == 0x12 || op == 0x13) || !(features & RIL))
		return true;
	if (tg == 0)
		return !range && !ttl;
	return (range || ttl) && !(tg == 2 && ttl == 1 && !(features & DS));
}

static bool expect(const uint64_t cmd[2], unsigned int features)
{
	for (size_t i = 0; i < TABLE_SIZE; i++) {
		uint64_t bits[2] = {table[i].bits[0] | 0xff, table[i].bits[1]};

		if (table[i].op != (cmd[0] & 0xff))
			continue;
		for (unsigned int n = 0; n < 5; n++) {
			bits[0] |= features & 1u << n ? table[i].extra[n][0] : 0;
			bits[1] |= features & 1u << n ? table[i].extra[n][1] : 0;
		}
		/* SCALE has one bit more where both are there. */
		if (table[i].extra[0][0] && (features & (RIL | DS)) == (RIL | DS))
			bits[0] |= 0x2000000;
		if (table[i].needs & ~features || cmd[0] & ~bits[0] || cmd[1] & ~bits[1])
			return false;
		return values_ok(table[i].op, cmd, features);
	}
	return false;
}

static void hardware(unsigned int features, struct viq_linux_hw_info *hw, struct fk_smmu *smmu)
{
	*hw = (struct viq_linux_hw_info){.size = sizeof(*hw), .type = VIQ_LINUX_HW_SMMUV3};
	*smmu = (struct fk_smmu){.type = VIQ_LINUX_HW_SMMUV3};
	hw->idr[0] = (features & ATS ? 1u << 10 : 0) | (features & ASID16 ? 1u << 12 : 0);
	hw->idr[1] = features & SSID ? 1u << 6 : 0;
	hw->idr[3] = features & RIL ? 1u << 10 : 0;
	hw->idr[5] = features & DS ? 1u << 7 : 0;
	for (int i = 0; i < 6; i++)
		smmu->idr[i] = hw->idr[i];
}

static uint64_t checked, allowed;

static bool linux_allowed(const struct linux_allow *allow, const uint64_t cmd[2])
{
	const le64 entry[1][2] = {{le64_put(cmd[0]), le64_put(cmd[1])}};

	return linux_allowed_count(allow, entry, 1);
}

static void check(const struct linux_allow *allow, const struct fk_smmu *smmu, const uint64_t cmd[2],
		  unsigned int features)
{
	bool want = expect(cmd, features);

	if (linux_allowed(allow, cmd) != want || fake_kernel_legal(smmu, cmd) != want)
		fail_msg("%#llx %#llx, features %#x: expected %d, library %d, fake kernel %d",
			 (unsigned long long)cmd[0], (unsigned long long)cmd[1], features, want,
			 linux_allowed(allow, cmd), fake_kernel_legal(smmu, cmd));
	checked++;
	allowed += want;
}

/* Every opcode, each bit alone and each pair of bits, on all hardware. */
static void p5_every_bit(void **state)
{
	for (unsigned int features = 0; features < FEATURES; features++) {
		struct viq_linux_hw_info hw;
		struct linux_allow allow;
		struct fk_smmu smmu;

		hardware(features, &hw, &smmu);
		linux_allow_init(&allow, &hw);
		for (unsigned int op = 0; op < 256; op++) {
			uint64_t cmd[2] = {op, 0};

			check(&allow, &smmu, cmd, features);
			for (unsigned int a = 8; a < 128; a++) {
				for (unsigned int b = 8; b <= a; b++) {
					cmd[0] = op;
					cmd[1] = 0;
					cmd[a / 64] |= UINT64_C(1) << a % 64;
					cmd[b / 64] |= UINT64_C(1) << b % 64;
					check(&allow, &smmu, cmd, features);
				}
			}
		}
	}
	assert_true(allowed > 10000);
	printf("# %llu commands, %llu of them allowed\n", (unsigned long long)checked, (unsigned long long)allowed);
}

/* All values of the fields that belong together. */
static void p5_every_range(void **state)
{
	static const unsigned int nums[] = {0, 1, 31}, scales[] = {0, 1, 31, 32, 63};

	for (unsigned int n = 0; n < FEATURES * 2 * 16 * 3 * 5; n++) {
		unsigned int features = n % FEATURES, rest = n / FEATURES;
		uint64_t cmd[2] = {0x12 + rest % 2, (uint64_t)(rest / 2 % 16) << 8};
		struct viq_linux_hw_info hw;
		struct linux_allow allow;
		struct fk_smmu smmu;

		cmd[0] |= nums[rest / 32 % 3] << 12 | scales[rest / 96] << 20;
		hardware(features, &hw, &smmu);
		linux_allow_init(&allow, &hw);
		check(&allow, &smmu, cmd, features);
		cmd[0] |= UINT64_C(0x1234ffff) << 32;
		cmd[1] |= 0xfffffffffffff001;
		check(&allow, &smmu, cmd, features);
	}
}

static void p5_every_atc_size(void **state)
{
	for (unsigned int features = 0; features < FEATURES; features++) {
		struct viq_linux_hw_info hw;
		struct linux_allow allow;
		struct fk_smmu smmu;

		hardware(features, &hw, &smmu);
		linux_allow_init(&allow, &hw);
		for (uint64_t size = 0; size < 64; size++) {
			const uint64_t cmd[2] = {0x700000040, 0xabcd000 | size};

			check(&allow, &smmu, cmd, features);
		}
	}
}

static void p5_random(void **state)
{
	uint32_t random = fake_seed();

	for (unsigned int i = 0; i < 300000; i++) {
		unsigned int features = fake_random(&random) % FEATURES;
		size_t row = fake_random(&random) % TABLE_SIZE;
		struct viq_linux_hw_info hw;
		struct linux_allow allow;
		struct fk_smmu smmu;
		uint64_t cmd[2];

		for (int w = 0; w < 2; w++) {
			cmd[w] = (uint64_t)fake_random(&random) << 32 | fake_random(&random);
			cmd[w] &= table[row].bits[w] | table[row].extra[0][w] | table[row].extra[3][w] |
				  table[row].extra[4][w];
		}
		cmd[0] |= table[row].op;
		hardware(features, &hw, &smmu);
		linux_allow_init(&allow, &hw);
		check(&allow, &smmu, cmd, features);
	}
}

/* Of neighbours each is looked at for itself: kinds that are alike in some bits, a legal one before an illegal one. */
static void p5_every_neighbour(void **state)
{
	uint32_t random = fake_seed(), ends[9] = {0};

	for (unsigned int i = 0; i < 100000; i++) {
		unsigned int features = fake_random(&random) % FEATURES, want = 8;
		struct viq_linux_hw_info hw;
		struct linux_allow allow;
		struct fk_smmu smmu;
		le64 entries[8][2];

		for (unsigned int n = 8; n-- > 0;) {
			uint64_t cmd[2] = {table[fake_random(&random) % TABLE_SIZE].op, 0};

			if (fake_random(&random) % 8 == 0)
				cmd[fake_random(&random) % 2] ^= UINT64_C(1) << fake_random(&random) % 64;
			entries[n][0] = le64_put(cmd[0]);
			entries[n][1] = le64_put(cmd[1]);
			if (!expect(cmd, features))
				want = n;
		}
		hardware(features, &hw, &smmu);
		linux_allow_init(&allow, &hw);
		assert_int_equal(linux_allowed_count(&allow, entries, 8), want);
		ends[want]++;
	}
	for (unsigned int n = 0; n < 9; n++)
		assert_true(ends[n] > 100);
}

/* What Linux 7.3's own guest driver sends, on hardware that has what it uses. */
static void linux_guest_is_allowed(void **state)
{
	static const uint64_t cmds[][2] = {
		{0x30, 0},
		{0x10, 0},
		{0x0001000000000011, 0},
		{0x0001000000000012, 0xffff800012345001},
		{0x000100000020f012, 0xffff800012345500}, /* NUM 15, SCALE 2, TG 4K, TTL 1 */
		{0x0000000000000013, 0x12345000},
		{0x0000010000001005, 1},
		{0x0000010000000006, 0},
		{0x0000010000000040, 52},
		{0x0000010000001840, 0x12345003},
	};
	struct viq_linux_hw_info hw;
	struct linux_allow allow;
	struct fk_smmu smmu;

	hardware(FEATURES - 1, &hw, &smmu);
	linux_allow_init(&allow, &hw);
	for (size_t i = 0; i < sizeof(cmds) / sizeof(cmds[0]); i++)
		assert_true(linux_allowed(&allow, cmds[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(p5_every_bit),       cmocka_unit_test(p5_every_range),
		cmocka_unit_test(p5_every_atc_size),  cmocka_unit_test(p5_random),
		cmocka_unit_test(p5_every_neighbour), cmocka_unit_test(linux_guest_is_allowed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
