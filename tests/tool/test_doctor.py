#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`viq doctor` on made-up machines: trees with what it looks at in /dev, /proc, /sys and /boot. Each thing that nesting
needs is taken away alone, and must be named, with a remedy. And on this machine, whatever it is."""
import ctypes
import errno
import gzip
import json
import os
import random
import shutil
import struct
import subprocess
import tempfile
import unittest

VIQ = os.environ["VIQ_TOOL"]
OPTIONS = ["IOMMUFD", "VFIO_DEVICE_CDEV", "VFIO_PCI", "ARM_SMMU_V3", "ARM_SMMU_V3_IOMMUFD"]
SMMU = "smmu3.0x0000000009050000"
NIC = "0000:01:00.0"
NVME = "0000:02:00.0"
BRIDGE = "0000:00:01.0"
CANWBS = 4
ITS, ROOT_COMPLEX = 0, 2
OPENAT2 = 437  # on every machine
IORT = "sys/firmware/acpi/tables/IORT"


def node(kind, body):
    return struct.pack("<BHBIII", kind, 16 + len(body), 3, 0, 0, 0) + body


def root_complex(flags, segment=0):
    return node(ROOT_COMPLEX, struct.pack("<IBHBIIB3x", 1, 0, 0, flags, 0, segment, 48))


def iort(*nodes):
    body = struct.pack("<III", len(nodes), 48, 0) + b"".join(nodes)
    table = bytearray(struct.pack("<4sIBB6s8sI4sI", b"IORT", 36 + len(body), 6, 0, b"MADE", b"UP", 1, b"TEST", 1) + body)
    table[9] = -sum(table) % 256
    return bytes(table)


def refuse(call, error):
    """From now on this process's system call fails (seccomp(2): load the number; the call? the errno; else allow)."""
    code = [(0x20, 0, 0, 0), (0x15, 0, 1, call), (0x06, 0, 0, 0x50000 | error), (0x06, 0, 0, 0x7fff0000)]
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in code))
    libc = ctypes.CDLL(None, use_errno=True)
    for args in ((38, 1, 0, 0, 0), (22, 2, struct.pack("HxxxxxxQ", len(code), ctypes.addressof(program)), 0, 0)):
        if libc.prctl(*args):
            raise OSError(ctypes.get_errno(), "prctl")


class Tree(unittest.TestCase):
    needed, iommu = OPTIONS, SMMU

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = folder.name
        os.chmod(self.root, 0o755)
        self.machine()

    # --- A machine with everything

    def path(self, name):
        return os.path.join(self.root, name)

    def write(self, name, content=b""):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())

    def link(self, name, target):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        os.symlink(target, self.path(name))

    def remove(self, name):
        path = self.path(name)
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.unlink(path)

    def pci(self, name, driver=None, iommu=None, group=1, pci_class="0x020000"):
        iommu = iommu or self.iommu
        device = f"sys/devices/pci0000:00/{name}"
        self.write(f"{device}/class", pci_class + "\n")
        if driver:
            os.makedirs(self.path(f"sys/bus/pci/drivers/{driver}"), exist_ok=True)
            self.link(f"{device}/driver", f"../../../bus/pci/drivers/{driver}")
        if iommu:
            self.link(f"{device}/iommu", f"../../platform/arm-smmu-v3.0.auto/iommu/{iommu}")
            self.link(f"{device}/iommu_group", f"../../../kernel/iommu_groups/{group}")
            self.link(f"sys/kernel/iommu_groups/{group}/devices/{name}", f"../../../../devices/pci0000:00/{name}")
        self.link(f"sys/bus/pci/devices/{name}", f"../../../devices/pci0000:00/{name}")

    def cdev(self, name, number=0):
        device = f"sys/devices/pci0000:00/{name}/vfio-dev/vfio{number}"
        os.makedirs(self.path(device))
        self.link(f"{device}/device", f"../../../{name}")
        self.link(f"sys/class/vfio-dev/vfio{number}", f"../../devices/pci0000:00/{name}/vfio-dev/vfio{number}")

    def options(self, left_out=()):
        return "".join(f"# CONFIG_{o} is not set\n" if o in left_out else f"CONFIG_{o}={'my'[i % 2]}\n"
                       for i, o in enumerate(self.needed))

    def machine(self):
        self.version("7.3.4")
        self.write("proc/sys/kernel/arch", "aarch64\n")
        self.write("dev/iommu")
        os.makedirs(self.path("sys/class/misc/iommu"))
        os.makedirs(self.path(f"sys/class/iommu/{SMMU}"))
        self.write(IORT, iort(node(ITS, bytes(8)), root_complex(CANWBS)))
        self.nic()

    def nic(self):
        self.pci(BRIDGE, "pcieport", pci_class="0x060400")
        self.pci(NIC, "vfio-pci")
        self.cdev(NIC)

    def version(self, release, options=None):
        shutil.rmtree(self.path("boot"), ignore_errors=True)
        self.write("proc/sys/kernel/osrelease", release + "\n")
        self.write(f"boot/config-{release}", self.options() if options is None else options)

    # --- What doctor says

    def doctor(self, *args, before=()):
        return subprocess.run([*before, VIQ, "doctor", "--root", self.root, *args], capture_output=True, text=True,
                              timeout=60, check=False)

    def findings(self, **options):
        done = self.doctor("--json", **options)
        self.assertEqual(done.stderr, "")
        result = json.loads(done.stdout)
        self.assertEqual(result["nesting"], done.returncode == 0)
        self.assertEqual(result["nesting"], all(f["level"] != "missing" for f in result["findings"]))
        for finding in result["findings"]:
            self.assertIn(finding["level"], ("ok", "warning", "missing"))
            if finding["level"] == "missing":
                self.assertTrue(finding["remedy"], finding)
        return result

    def only(self, level, subject, text, remedy, **options):
        """Everything is ok but one finding."""
        result = self.findings(**options)
        odd = [f for f in result["findings"] if f["level"] != "ok"]
        self.assertEqual([(f["level"], f["subject"]) for f in odd], [(level, subject)], odd)
        self.assertIn(text, odd[0]["text"])
        self.assertIn(remedy, odd[0]["remedy"] or "")
        return result

    def missing(self, *args, **options):
        return self.only("missing", *args, **options)

    def warning(self, *args, **options):
        return self.only("warning", *args, **options)


class Everything(Tree):
    def test_a_machine_with_everything(self):
        result = self.findings()
        self.assertTrue(result["nesting"])
        self.assertFalse(result["tried"])
        self.assertEqual({f["level"] for f in result["findings"]}, {"ok"})
        self.assertEqual((result["kernel"], result["arch"], result["kernels_row"]), ("7.3.4", "aarch64", "7.3"))
        self.assertEqual(result["devices"], [{"name": NIC, "cdev": "vfio0", "driver": "vfio-pci", "iommu": SMMU,
                                              "nesting": "unknown"}])

    def test_text_and_json_say_the_same(self):
        self.remove("dev/iommu")
        text, result = self.doctor().stdout, self.findings()
        for finding in result["findings"]:
            self.assertIn(f"{finding['level']:7}  {finding['subject']:8}  {finding['text']}\n", text)
            if finding["remedy"]:
                self.assertIn(f"-> {finding['remedy']}\n", text)
        self.assertTrue(text.endswith("\n" + result["verdict"] + "\n"))
        self.assertEqual(result["verdict"], "Nesting cannot work here: 1 thing is missing.")

    def test_nothing_is_changed(self):
        def state():
            return [(folder, sorted(folders), sorted(files)) for folder, folders, files in os.walk(self.root)]

        before = state()
        self.doctor()
        self.assertEqual(state(), before)


class Kernel(Tree):
    def test_rows_of_the_table_by_version(self):
        for release, row in (("6.13.0", "6.13 to 7.2"), ("6.18.44-fc", "6.13 to 7.2"), ("7.2.12+deb", "6.13 to 7.2"),
                             ("7.3-rc1", "7.3"), ("7.4.0", "after 7.3"), ("8.0", "after 7.3")):
            with self.subTest(release):
                self.version(release)
                result = self.findings()
                self.assertEqual(result["kernels_row"], row)
                self.assertTrue(result["nesting"])
                self.assertIn("by version only", result["findings"][0]["text"])

    def test_too_old(self):
        self.version("6.12.30")
        self.assertIsNone(self.missing("kernel", "no vIOMMU objects", "6.13")["kernels_row"])
        self.version("6.1.0-37-amd64")
        self.missing("kernel", "no iommufd", "6.13")

    def test_version_unknown(self):
        for content in ("", "mainline\n", "\n", "6\n", b"\xff\0\n"):
            self.write("proc/sys/kernel/osrelease", content)
            self.write("proc/config.gz", gzip.compress(self.options().encode()))
            self.warning("kernel", "not known", "6.13")
        self.remove("proc/sys/kernel/osrelease")
        self.warning("kernel", "not known", "6.13")

    def test_each_option(self):
        for option in OPTIONS:
            with self.subTest(option):
                self.version("7.3.4", self.options([option]))
                self.missing("options", f"without CONFIG_{option}:", f"CONFIG_{option}")

    def test_options_of_other_names_do_not_count(self):
        self.version("7.3.4", self.options(["IOMMUFD"]) + "CONFIG_IOMMUFD_DRIVER=y\nNO_CONFIG_IOMMUFD=y\nCONFIG_IOMMUFD=n\n")
        self.missing("options", "CONFIG_IOMMUFD:", "CONFIG_IOMMUFD")

    def test_vt_d_s_option_is_not_asked_of_an_arm_machine(self):
        self.version("7.3.4", self.options() + "# CONFIG_INTEL_IOMMU is not set\n")
        self.assertTrue(self.findings()["nesting"])

    def test_places_of_options(self):
        for place in ("lib/modules/7.3.4/config", "usr/lib/modules/7.3.4/config", "proc/config.gz"):
            with self.subTest(place):
                shutil.rmtree(self.path("boot"), ignore_errors=True)
                text = self.options(["IOMMUFD"]).encode()
                self.write(place, gzip.compress(text) if place.endswith("gz") else text)
                self.missing("options", f"(/{place})", "CONFIG_IOMMUFD")
                self.remove(place)
        self.warning("options", "judged by what exists", "")

    def test_damaged_config_gz(self):
        self.remove("boot")
        whole = gzip.compress(self.options().encode())
        for content in (b"", b"plain", whole[:-5], whole[:20]):
            self.write("proc/config.gz", content)
            self.warning("options", "not to be found", "")


class Iommufd(Tree):
    def test_no_device_node(self):
        self.remove("dev/iommu")
        self.missing("iommufd", "/dev/iommu does not exist", "modprobe iommufd")

    def test_module_not_loaded(self):
        self.remove("sys/class/misc/iommu")
        self.missing("iommufd", "not loaded", "modprobe iommufd")

    def test_no_permission(self):
        # Root may open everything. Another user, however, need not be able to reach this build.
        without = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
        os.chmod(self.path("dev/iommu"), 0)
        self.missing("iommufd", "may not be opened by this user", "run as root", before=without)


class Iommu(Tree):
    def iommus(self, *names):
        shutil.rmtree(self.path("sys/class/iommu"))
        os.makedirs(self.path("sys/class/iommu"))
        for name in names:
            os.makedirs(self.path(f"sys/class/iommu/{name}"))

    def test_other_iommus(self):
        for name, what in (("ivhd0", "AMD-Vi"), ("smmu.0x2b500000", "Arm SMMU (v1, v2)"), ("riscv-iommu@1", "RISC-V"),
                           ("strange", "other")):
            with self.subTest(name):
                self.iommus(name, name + "1")
                self.missing("iommu", f"2 x {what}", "Arm SMMUv3 or Intel VT-d")

    def test_none(self):
        self.iommus()
        self.missing("iommu", "no IOMMU", "stage=nested")
        self.remove("sys/class/iommu")
        self.missing("iommu", "no IOMMU", "stage=nested")

    def test_several(self):
        self.iommus(SMMU, SMMU + "1", "ivhd7")
        result = self.findings()
        self.assertTrue(result["nesting"])
        self.assertIn("2 x Arm SMMUv3, 1 x AMD-Vi", [f["text"] for f in result["findings"]])


class Iort(Tree):
    def test_without_canwbs(self):
        self.write(IORT, iort(node(ITS, bytes(8)), root_complex(0xFF & ~CANWBS)))
        self.missing("coherent", "no CANWBS", "firmware")

    def test_canwbs_here_and_not_there(self):
        self.write(IORT, iort(root_complex(CANWBS), root_complex(0, 9), root_complex(CANWBS, 2)))
        self.warning("coherent", "for 2 of 3 root complexes, and not for PCI segment 9", "S2FWB")

    def test_flag_of_another_node_does_not_count(self):
        self.write(IORT, iort(root_complex(0), node(ITS, b"\xff" * 24)))
        self.missing("coherent", "no CANWBS", "firmware")

    def test_no_root_complex(self):
        self.write(IORT, iort(node(ITS, bytes(8))))
        self.warning("coherent", "no PCI root complex", "S2FWB")

    def test_no_iort(self):
        self.remove(IORT)
        self.warning("coherent", "no ACPI IORT", "root")

    def test_damaged(self):
        good = iort(node(ITS, bytes(8)), root_complex(CANWBS))
        longer = bytearray(iort(node(ITS, bytes(8)), root_complex(CANWBS)[:-8]))
        for at, value in ((0, b"X"), (4, b"\xff"), (9, b"\0\1"), (36, b"\xff\xff\xff\xff"), (40, b"\xff\xff\xff\xff"),
                          (40, b"\x5f"), (49, b"\0\0"), (49, b"\xff\xff"), (49, b"\x0f\0"), (73, b"\xff\0")):
            table = bytearray(good)
            table[at:at + len(value)] = value
            if at > 9:
                table[9] = (table[9] - sum(table)) % 256
            with self.subTest(f"{at}: {value}"):
                self.write(IORT, bytes(table))
                self.warning("coherent", "damaged", "")
        for table in (b"", good[:47], good[:-1], good + b"\0", bytes(longer), b"\xff" * 2000):
            self.write(IORT, table)
            self.warning("coherent", "damaged", "")
        self.write(IORT, bytes(2 << 20))
        self.warning("coherent", "cannot be read: File too large", "")

    def test_any_damage_is_survived(self):
        seed = int(os.environ.get("VIQ_SEED") or "1", 0)
        print(f"VIQ_SEED={seed}")
        dice = random.Random(seed)
        for _ in range(60):
            table = bytearray(iort(root_complex(0), node(ITS, bytes(8)), root_complex(CANWBS)))
            for _ in range(dice.randint(1, 4)):
                table[dice.randrange(36, len(table))] = dice.choice((0, 1, 15, 16, 255, dice.randrange(256)))
            table[9] = (table[9] - sum(table)) % 256
            self.write(IORT, bytes(table))
            self.assertIn(self.doctor("--json").returncode, (0, 1))
            self.findings()

    def test_not_read_where_there_is_no_smmu(self):
        self.write(IORT, b"broken")
        shutil.rmtree(self.path("sys/class/iommu"))
        os.makedirs(self.path("sys/class/iommu/ivhd0"))
        self.missing("iommu", "AMD-Vi", "")


class Vtd(Tree):
    """The same of a machine with VT-d."""
    needed, iommu = OPTIONS[:3] + ["INTEL_IOMMU"], "dmar0"
    SMTS, NEST, FSTS = 1 << 43, 1 << 26, 1 << 47
    ABLE = SMTS | NEST | FSTS | 0xF0

    def machine(self):
        self.version("7.3.4")
        self.write("proc/sys/kernel/arch", "x86_64\n")
        self.write("proc/cmdline", "BOOT_IMAGE=/vmlinuz intel_iommu=on,sm_on quiet\n")
        self.write("dev/iommu")
        os.makedirs(self.path("sys/class/misc/iommu"))
        self.unit("dmar0", self.ABLE)
        self.nic()

    def unit(self, name, ecap):
        self.write(f"sys/class/iommu/{name}/intel-iommu/ecap", ecap if isinstance(ecap, str) else f"{ecap:x}\n")

    def test_a_machine_with_everything(self):
        result = self.findings()
        self.assertEqual({f["level"] for f in result["findings"]}, {"ok"})
        self.assertEqual((result["arch"], result["kernels_row"]), ("x86_64", None))
        self.assertEqual([f["text"] for f in result["findings"] if f["subject"] in ("iommu", "nesting")],
                         ["1 x Intel VT-d", "the VT-d unit can nest (ECAP in /sys/class/iommu)"])
        self.assertEqual([d["nesting"] for d in result["devices"]], ["unknown"])
        for finding in result["findings"]:
            self.assertNotIn("SMMU", finding["text"])

    def test_versions(self):
        """Nested page tables and their invalidation are of 6.8, PASIDs of 6.15."""
        for release in ("6.8.0", "6.14-rc1"):
            self.version(release)
            self.assertIn("a guest's PASIDs need 6.15", self.findings()["findings"][0]["text"])
        for release in ("6.15", "7.4"):
            self.version(release)
            self.assertNotIn("PASID", self.findings()["findings"][0]["text"])
        self.version("6.7.9")
        self.missing("kernel", "no nesting on VT-d", "6.8")
        self.write("proc/sys/kernel/osrelease", "mainline\n")
        self.write("proc/config.gz", gzip.compress(self.options().encode()))
        self.warning("kernel", "not known", "6.8")

    def test_each_option(self):
        for option in self.needed:
            with self.subTest(option):
                self.version("7.3.4", self.options([option]))
                self.missing("options", f"without CONFIG_{option}:", f"CONFIG_{option}")

    def test_what_the_hardware_lacks(self):
        for bit, name in ((self.SMTS, "ECAP.SMTS"), (self.NEST, "ECAP.NEST"), (self.FSTS, "ECAP.FSTS")):
            with self.subTest(name):
                self.unit("dmar0", self.ABLE & ~bit)
                result = self.findings()
                self.assertEqual([(f["level"], f["subject"]) for f in result["findings"] if f["level"] != "ok"],
                                 [("missing", "nesting"), ("warning", "device"), ("missing", "vfio")])
                self.assertIn(f"no VT-d unit can nest: dmar0 has no ", self.text(result, "nesting"))
                self.assertIn(name, self.text(result, "nesting"))
                self.assertIn(f"the VT-d unit in front of it, dmar0, has no ", self.text(result, "device"))

    def text(self, result, subject):
        return next(f["text"] for f in result["findings"] if f["subject"] == subject)

    def test_units_that_differ(self):
        self.unit("dmar1", self.ABLE & ~self.NEST)
        self.warning("nesting", "1 of 2 VT-d units can nest; dmar1 has no nested translation", "others")
        self.unit("dmar1", self.ABLE)
        self.assertIn("all VT-d units can nest", self.text(self.findings(), "nesting"))

    def test_registers_that_are_not_there(self):
        self.remove("sys/class/iommu/dmar0/intel-iommu")
        self.warning("nesting", "registers of 1 of 1 VT-d units are not to be found", "--try")
        for text in ("", "yes\n", "\n", "1ffffffffffffffff\n"):
            self.unit("dmar0", text)
            self.warning("nesting", "not to be found", "--try")

    def test_scalable_mode(self):
        default = "CONFIG_INTEL_IOMMU_SCALABLE_MODE_DEFAULT_ON"
        for line, built_in, on in (("intel_iommu=sm_on", False, True), ("intel_iommu=on", False, False),
                                   ("quiet", True, True), ("intel_iommu=on intel_iommu=sm_on", False, True),
                                   ("intel_iommu=sm_on,sm_off", True, False), ("intel_iommu=on,sm_off", True, False),
                                   ("not_intel_iommu=sm_on", False, False), ("intel_iommu=sm_one", False, False)):
            with self.subTest(line=line, built_in=built_in):
                self.write("proc/cmdline", line + "\n")
                self.version("7.3.4", self.options() + (f"{default}=y\n" if built_in else f"# {default} is not set\n"))
                if on:
                    self.assertIn("uses scalable mode", self.text(self.findings(), "scalable"))
                    self.assertTrue(self.findings()["nesting"])
                else:
                    self.missing("scalable", "does not use scalable mode", "intel_iommu=on,sm_on")
        self.remove("proc/cmdline")
        self.warning("scalable", "not known", "intel_iommu=on,sm_on")

    def test_none(self):
        self.remove("sys/class/iommu")
        self.missing("iommu", "no IOMMU", "intel_iommu=on")

    def test_a_tree_that_does_not_tell_its_architecture(self):
        self.remove("proc/sys/kernel/arch")
        self.assertIn("VT-d", self.findings()["findings"][0]["text"])


class Vfio(Tree):
    def without_cdevs(self):
        self.remove("sys/class/vfio-dev")
        self.remove(f"sys/devices/pci0000:00/{NIC}")
        self.remove(f"sys/bus/pci/devices/{NIC}")
        self.remove(f"sys/kernel/iommu_groups/1/devices/{NIC}")

    def test_native_driver(self):
        self.without_cdevs()
        self.pci(NVME, "nvme")
        result = self.missing("vfio", f"{NVME} belongs to nvme", f"echo {NVME} >/sys/bus/pci/drivers/nvme/unbind")
        self.assertEqual(result["devices"], [])

    def test_no_driver_is_the_better_example(self):
        self.without_cdevs()
        self.pci(NVME, "nvme")
        self.pci("0000:03:00.0")
        self.missing("vfio", "0000:03:00.0 has no driver", "echo 0000:03:00.0 >/sys/bus/pci/drivers_probe")

    def test_no_device_at_all(self):
        self.without_cdevs()
        self.missing("vfio", "no PCI device is behind an SMMUv3 or VT-d", "IOMMU")

    def test_vfio_without_cdev(self):
        self.remove("sys/class/vfio-dev")
        self.remove(f"sys/devices/pci0000:00/{NIC}/vfio-dev")
        self.missing("vfio", f"{NIC} is bound to vfio", "CONFIG_VFIO_DEVICE_CDEV")

    def test_shared_group(self):
        self.pci(NVME, "nvme")
        result = self.findings()
        self.assertFalse(result["nesting"])
        texts = [f["text"] for f in result["findings"]]
        self.assertIn(f"{NIC} (vfio0): {NVME} of the same IOMMU group belongs to nvme", texts)
        self.assertIn("of the 1 device that vfio has, none can be used", texts)

    def test_another_iommu_in_front(self):
        link = f"sys/devices/pci0000:00/{NIC}/iommu"
        for iommu, text in (("ivhd0", "ivhd0, is no SMMUv3 and no VT-d"), (None, "no IOMMU in front")):
            self.remove(link)
            if iommu:
                self.link(link, f"../../virtual/iommu/{iommu}")
            result = self.findings()
            self.assertFalse(result["nesting"])
            self.assertTrue(any(text in f["text"] for f in result["findings"]), result)

    def test_one_good_device_is_enough(self):
        self.pci(NVME, "vfio-pci", iommu="ivhd0", group=7)
        self.cdev(NVME, 1)
        result = self.warning("device", "ivhd0, is no SMMUv3", "")
        self.assertTrue(result["nesting"])
        self.assertEqual([d["nesting"] for d in result["devices"]], ["unknown", "no"])


class Odd(Tree):
    def test_nothing_at_all(self):
        shutil.rmtree(self.root)
        os.makedirs(self.root)
        result = self.findings()
        self.assertFalse(result["nesting"])
        self.assertLessEqual({"iommufd", "iommu", "vfio"},
                             {f["subject"] for f in result["findings"] if f["level"] == "missing"})

    def test_odd_names_reach_neither_terminal_nor_json(self):
        self.pci("0000:09:00.0\x1b[31m\xff", "vfio-pci\n", group=3)
        self.cdev("0000:09:00.0\x1b[31m\xff", 3)
        self.version("7.3.4\x1b[2J")
        done = self.doctor()
        self.assertNotIn("\x1b", done.stdout)
        self.assertIn("0000:09:00.0?[31m", done.stdout)
        self.findings()

    def test_files_that_are_something_else(self):
        for name in ("proc/sys/kernel/osrelease", IORT, "proc/config.gz", "boot/config-7.3.4"):
            if os.path.exists(self.path(name)):
                self.remove(name)
            os.makedirs(self.path(os.path.dirname(name)), exist_ok=True)
            os.mkfifo(self.path(name))
            self.findings()
            self.remove(name)
            os.makedirs(self.path(name))
            self.findings()

    def test_command_line(self):
        for args in (["operand"], ["--nonsense"], ["--root"], ["--try", "--root", "/"], ["--root", self.path("missing")],
                     ["--root", self.path("dev/iommu")]):
            done = subprocess.run([VIQ, "doctor", *args], capture_output=True, text=True, timeout=60, check=False)
            self.assertEqual((done.returncode, done.stdout, done.stderr.count("\n")), (2, "", 1), args)
        self.assertEqual(self.doctor("--help").returncode, 0)

    def test_output_that_cannot_be_written(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run([VIQ, "doctor", "--root", self.root], stdout=full, stderr=subprocess.PIPE, text=True,
                                  timeout=60, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("standard output", done.stderr)


class Links(Tree):
    """DIR is the root of its own links, whoever made it. Outside there is another machine, which must not be seen."""

    def setUp(self):
        super().setUp()
        outside = tempfile.TemporaryDirectory(dir=os.path.dirname(self.root))
        self.addCleanup(outside.cleanup)
        self.outside = outside.name
        os.chmod(self.outside, 0o755)

    def ways_out(self, name, there):
        """Links to what stands there outside, in place of a name in the tree: it is as if there was nothing."""
        up = "../" * (name.count("/") + 1)
        outside = os.path.join(self.outside, there)
        self.assertTrue(os.path.exists(outside))
        for target in (outside, up + os.path.relpath(outside, os.path.dirname(self.root)), up * 9 + outside[1:]):
            self.link(name, target)
            self.assertTrue(os.path.exists(self.path(name)))
            yield target
            self.remove(name)

    def put(self, there, content):
        with open(os.path.join(self.outside, there), "wb") as file:
            file.write(content)

    def test_files(self):
        self.put("osrelease", b"7.3.4\n")
        self.put("config", self.options().encode())
        self.put("config.gz", gzip.compress(self.options().encode()))
        self.put("table", iort(root_complex(CANWBS)))
        self.put("iommu", b"")
        for name, there, said in (("boot/config-7.3.4", "config", ("warning", "options", "not to be found", "")),
                                  ("proc/config.gz", "config.gz", ("warning", "options", "not to be found", "")),
                                  (IORT, "table", ("warning", "coherent", "IORT", "")),
                                  ("dev/iommu", "iommu", ("missing", "iommufd", "does not exist", "modprobe"))):
            self.remove("boot/config-7.3.4" if name == "proc/config.gz" else name)
            for target in self.ways_out(name, there):
                with self.subTest(target):
                    self.only(*said)
            self.machine_again()
        self.remove("proc/sys/kernel/osrelease")
        self.write("proc/config.gz", gzip.compress(self.options().encode()))
        for target in self.ways_out("proc/sys/kernel/osrelease", "osrelease"):
            with self.subTest(target):
                self.warning("kernel", "not known", "6.13")

    def machine_again(self):
        shutil.rmtree(self.root)
        os.makedirs(self.root)
        self.machine()

    def test_folders(self):
        os.makedirs(os.path.join(self.outside, SMMU))
        self.remove("sys/class/iommu")
        for target in self.ways_out("sys/class/iommu", SMMU + "/.."):
            with self.subTest(target):
                self.missing("iommu", "no IOMMU", "SMMU")

    def test_links_behind_links(self):
        device = os.path.join(self.outside, "device")
        os.makedirs(device)
        os.symlink("../x/nvme", os.path.join(device, "driver"))
        self.remove(f"sys/devices/pci0000:00/{NIC}/vfio-dev/vfio0/device")
        for target in self.ways_out(f"sys/devices/pci0000:00/{NIC}/vfio-dev/vfio0/device", "device"):
            with self.subTest(target):
                self.assertEqual([d["driver"] for d in self.findings()["devices"]], [""])

    def test_links_that_stay(self):
        os.rename(self.path("boot"), self.path("elsewhere"))
        for target in ("elsewhere", "/elsewhere", "../../elsewhere", "/../elsewhere"):
            self.link("boot", target)
            with self.subTest(target):
                self.assertEqual({f["level"] for f in self.findings()["findings"]}, {"ok"})
            self.remove("boot")

    def test_a_kernel_that_cannot(self):
        for error in (errno.ENOSYS, errno.EPERM):
            done = subprocess.run([VIQ, "doctor", "--root", self.root], capture_output=True, text=True, timeout=60,
                                  check=False, preexec_fn=lambda: refuse(OPENAT2, error))
            self.assertEqual((done.returncode, done.stdout, done.stderr.count("\n")), (2, "", 1))
            self.assertIn(f"--root {self.root}: its links might lead out of it: openat2()", done.stderr)
            done = subprocess.run([VIQ, "doctor", "--json"], capture_output=True, text=True, timeout=60, check=False,
                                  preexec_fn=lambda: refuse(OPENAT2, error))
            self.assertEqual((json.loads(done.stdout)["kernel"], done.stderr), (os.uname().release, ""))


class ThisMachine(unittest.TestCase):
    """Whatever it is. Devices are left alone, as --try is not given."""

    def test_runs(self):
        for args in ([], ["--json"]):
            done = subprocess.run([VIQ, "doctor", "--root", "/", *args], capture_output=True, text=True, timeout=60,
                                  check=False)
            self.assertIn(done.returncode, (0, 1))
            self.assertEqual(done.stderr, "")
        result = json.loads(done.stdout)
        self.assertEqual(result["kernel"], os.uname().release)
        self.assertEqual(result["nesting"], done.returncode == 0)

    def test_runs_on_the_machine_itself(self):
        done = subprocess.run([VIQ, "doctor", "--json"], capture_output=True, text=True, timeout=60, check=False)
        result = json.loads(done.stdout)
        self.assertEqual(result["nesting"], done.returncode == 0)
        self.assertEqual((result["kernel"], result["arch"]), (os.uname().release, os.uname().machine))
        self.assertIn("memory", {f["subject"] for f in result["findings"]})


if __name__ == "__main__":
    unittest.main()
