# SPDX-License-Identifier: MIT
# A thin front for Meson: configures, builds, runs; all but `make` itself install what they need. `make help` lists the
# targets.

BUILD     ?= build
FUZZ_TIME ?= 600
PREFIX    ?= /usr/local
WERROR    ?= true

export WERROR

# Where Debian's pkg-config and loader look; Meson knows that only if dpkg-dev is there.
MULTIARCH := $(shell gcc -print-multiarch 2>/dev/null)
LIBDIR    := $(if $(MULTIARCH),--libdir=lib/$(MULTIARCH))

.PHONY: all abi help deps demo check check-release check-kernel demo-kernel check-guest demo-guest check-qemu demo-qemu \
	check-assigned check-nested check-chain prove mutate coverage bench bench-compare bench-kernel bench-guest bench-qemu bench-peers fuzz format install uninstall clean

all: $(BUILD)/build.ninja
	ninja -C $(BUILD)

help:
	@echo 'make demo              build, then replay the queues of two recorded guests, cleanly and with a bad command in it'
	@echo 'make check             every test: plain, ASan and UBSan, TSan, short fuzz runs, comparison with QEMU'
	@echo 'make check-release     what others get: installed copies, packages, bindings'
	@echo 'make prove             what is proved, not only tested: LONG=1 proves all of it, and that each proof finds faults'
	@echo 'make mutate REV=R      which faults in what src/ has got since revision R would no test find?'
	@echo 'make coverage          which lines of src/ does no test run, and is it said why?'
	@echo 'make check-kernel      real Linux kernels on an emulated IOMMU, with real DMA; builds them the first time'
	@echo 'make demo-kernel       one of these tests as a story: what a device reads, without viq and with it'
	@echo 'make check-guest       Linux as a guest on examples/vmm: viq works live, with a real device behind it'
	@echo 'make demo-guest        watch such a guest, and what viq does meanwhile'
	@echo 'make check-qemu        Debian'\''s kernels in QEMU with viq as their IOMMU, on x86 and Arm; builds QEMU the first time'
	@echo 'make check-assigned    a device assigned to QEMU'\''s guest beside an emulated one; builds another QEMU, for arm64'
	@echo 'make check-nested      Linux'\''s real Intel and Arm drivers nest on viq; builds kernels for x86, too, the first time'
	@echo 'make check-chain       the hardware fails on purpose: what Linux, with and without our patches, and a guest make of it'
	@echo 'make demo-qemu         watch such a guest, and what it asks of viq'
	@echo 'make                   build the libraries and the viq command into $(BUILD)/; needs what make deps installs'
	@echo 'make bench             measure, on an optimised build of its own'
	@echo 'make bench-compare REV=R  is anything slower than at revision R? Both are built and measured in turns'
	@echo 'make bench-kernel      what an invalidation costs on these kernels, by the length of the call'
	@echo 'make bench-qemu        what QEMU'\''s own IOMMUs cost a guest, and what viq'\''s do'
	@echo 'make bench-guest       what unmapping costs in such a guest, by the way viq calls the kernel'
	@echo 'make bench-peers       the same in a guest of QEMU with its accelerated SMMUv3, and in one of viq-vmm'
	@echo 'make fuzz FUZZ_TIME=N  each fuzz target for N seconds ($(FUZZ_TIME))'
	@echo 'make format            clang-format 14 on every C file'
	@echo 'make abi               record the libraries'\'' interface anew (tests/lint/abi)'
	@echo 'make install           into PREFIX=$(PREFIX), below DESTDIR=; make uninstall takes it away again'
	@echo 'make clean             remove the build directories'
	@echo 'Missing packages are installed with apt-get, but by make alone; on other systems they are named.'

deps:
	@tools/install-deps.sh build

# The libraries and the tool; `make check` adds the tests.
$(BUILD)/build.ninja:
	@tools/install-deps.sh --name build
	meson setup $(BUILD) --prefix=$(PREFIX) $(LIBDIR) -Dtests=false

demo: deps
	@$(MAKE) -s $(BUILD)/build.ninja
	@ninja -C $(BUILD) tools/viq/viq
	@tools/demo.sh $(BUILD)

check:
	@tools/install-deps.sh check
	@tools/check.sh

check-release:
	@tools/install-deps.sh release
	@tests/release/check.py

prove:
	@tools/install-deps.sh prove
	@tests/proof/prove.py $(if $(LONG),--long)

# FILES="src/call src/mem" for some of it, MAX=N mutants of each file, SEED=N for other ones; WHOLE=1: also what is old.
mutate:
	@tools/install-deps.sh check
	@tests/mutate/mutate.py $(addprefix --max=,$(MAX)) $(addprefix --seed=,$(SEED)) $(addprefix --slow=,$(SLOW)) \
		$(if $(WHOLE),--whole,$(or $(REV),$(error which revision? REV=...))) $(FILES)

# BRANCHES=1 lists branches that are never taken, too; AGAIN=1 tells once more what the last run has found.
coverage:
	@tools/install-deps.sh coverage
	@tests/coverage/coverage.py $(if $(BRANCHES),--branches) $(if $(AGAIN),--again)

check-kernel:
	@tools/install-deps.sh kernel
	@tests/system/kernel/check.py

demo-kernel:
	@tools/install-deps.sh kernel
	@tests/system/kernel/demo.py

check-guest:
	@tools/install-deps.sh kernel
	@tests/system/guest/check.py

demo-guest:
	@tools/install-deps.sh kernel
	@tests/system/guest/demo.py

check-qemu:
	@tools/install-deps.sh qemu
	@$(MAKE) -s $(BUILD)/build.ninja
	@ninja -C $(BUILD) --quiet tools/viq/viq
	@VIQ_TOOL=$(BUILD)/tools/viq/viq tests/system/live/check.py

check-assigned:
	@tools/install-deps.sh kernel
	@tools/install-deps.sh qemu
	@tests/system/assigned/check.py

check-nested:
	@tools/install-deps.sh kernel
	@tools/install-deps.sh qemu
	@tests/system/nested/check.py

check-chain:
	@tools/install-deps.sh kernel
	@tools/install-deps.sh qemu
	@tests/system/nested/chain.py

demo-qemu:
	@tools/install-deps.sh qemu
	@tests/system/live/demo.py

bench:
	@tools/install-deps.sh check
	[ -e build-bench/build.ninja ] || meson setup build-bench --buildtype=release -Dtests=false
	ninja -C build-bench
	build-bench/tools/viq/viq bench

# TURNS=15 for smaller differences, ONLY="doorbell soft" for some subjects, NEW=R for another side than the tree as it is.
bench-compare:
	@tools/install-deps.sh check
	@bench/compare.py $(addprefix --turns=,$(TURNS)) $(addprefix --only=,$(ONLY)) $(or $(REV),$(error which revision? REV=...)) $(NEW)

bench-kernel:
	@tools/install-deps.sh kernel
	@tests/system/kernel/bench.py

bench-guest:
	@tools/install-deps.sh kernel
	@tests/system/guest/bench.py

bench-qemu:
	@tools/install-deps.sh qemu
	@tests/system/live/bench.py

bench-peers:
	@tools/install-deps.sh kernel
	@tests/system/peers/bench.py

fuzz:
	@tools/install-deps.sh check
	@tools/check.sh fuzz $(FUZZ_TIME)

# The interface of a release that may change it; until then tests/lint/test_abi.py holds the libraries to what is there.
abi: all
	VIQ_SOURCE=. VIQ_BUILD=$(BUILD) tests/lint/test_abi.py --record

format:
	find bench examples include src tests tools -name '*.[ch]' -exec clang-format-14 -i {} +

# The loader caches what is in the system's own folders. Packages (DESTDIR) do that when they are installed.
LDCONFIG = [ -n "$(DESTDIR)" ] || [ "$$(id -u)" -ne 0 ] || ldconfig

# With sudo, what is built stays its owner's: else the next `make` could not write there.
OWNER = $$(stat -c %U $(BUILD))
AS_OWNER = as=; [ "$$(id -u)" -ne 0 ] || [ "$(OWNER)" = root ] || as="runuser -u $(OWNER) --"

install: $(BUILD)/build.ninja
	$(AS_OWNER); $$as meson configure $(BUILD) --prefix=$(PREFIX) && $$as ninja -C $(BUILD)
	meson install -C $(BUILD) --no-rebuild --quiet
	@[ "$$(id -u)" -ne 0 ] || chown $(OWNER) $(BUILD)/meson-logs/*
	$(LDCONFIG)

uninstall:
	cd $(BUILD) && meson --internal uninstall
	$(LDCONFIG)

clean:
	rm -rf build build-asan build-tsan build-fuzz build-bench build-mutate build-coverage build-kernel build-nested build-qemu build-release
