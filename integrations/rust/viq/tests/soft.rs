// SPDX-License-Identifier: MIT
//! A guest's tables, a device behind them, and what the guest's commands do to it.
#![cfg(feature = "soft")]
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::Arc;

use viq::mem::Mem;
use viq::smmuv3::{Config, Hooks, Smmuv3};
use viq::soft::{self, Soft, Thread};
use viq::{put, sys::*};

const CMDQ: u64 = 0x0000;
const EVENTQ: u64 = 0x1000;
const STRTAB: u64 = 0x2000;
const CD: u64 = 0x3000;
const TABLE: [u64; 3] = [0x4000, 0x5000, 0x6000]; // levels 1 to 3
const PAGE: u64 = 0x8000;
const SID: u64 = 1;

struct Guest {
    mem: Mem,
    smmu: Smmuv3,
    prod: u64,
}

impl Guest {
    fn words(&self, gpa: u64, words: &[u64]) {
        for (n, word) in words.iter().enumerate() {
            self.mem.write_u64(gpa + n as u64 * 8, *word).unwrap();
        }
    }

    fn command(&mut self, command: [u64; 2]) {
        self.words(CMDQ + self.prod % 64 * 16, &command);
        self.prod += 1;
    }

    fn sync(&mut self) {
        self.command([VIQ_SMMUV3_OP_SYNC.into(), 0]);
        self.smmu.write(VIQ_SMMUV3_CMDQ_PROD.into(), 4, self.prod);
        assert_eq!(self.smmu.read(VIQ_SMMUV3_CMDQ_CONS.into(), 4), self.prod);
    }

    /// Map IOVA 0 to a page, without telling anybody.
    fn map(&self, page: u64) {
        self.words(TABLE[2], &[page | 0xf43]); // nG, AF, SH, AP, page
    }
}

fn boot(soft: &Soft, mem: &Mem) -> Guest {
    let smmu = Smmuv3::nested(&Config::default(), mem, vec![soft.backend()], Hooks::default()).unwrap();
    let mut guest = Guest { mem: mem.clone(), smmu, prod: 0 };
    let ste = VIQ_SMMUV3_STE_0_V | put(VIQ_SMMUV3_STE_0_CONFIG, VIQ_SMMUV3_STE_CONFIG_S1.into());
    guest.words(STRTAB + SID * 64, &[ste | CD, put(VIQ_SMMUV3_STE_1_SHCFG, 1)]);
    let cd = put(VIQ_SMMUV3_CD_0_T0SZ, 64 - 39) | put(VIQ_SMMUV3_CD_0_IPS, 5) | VIQ_SMMUV3_CD_0_EPD1;
    let cd = cd | VIQ_SMMUV3_CD_0_V | VIQ_SMMUV3_CD_0_AA64 | VIQ_SMMUV3_CD_0_R | VIQ_SMMUV3_CD_0_A;
    guest.words(CD, &[cd | put(VIQ_SMMUV3_CD_0_ASID, 7), TABLE[0], 0, 0xff]);
    guest.words(TABLE[0], &[TABLE[1] | 3]);
    guest.words(TABLE[1], &[TABLE[2] | 3]);
    for (register, bytes, value) in [
        (VIQ_SMMUV3_STRTAB_BASE, 8, STRTAB),
        (VIQ_SMMUV3_STRTAB_BASE_CFG, 4, 2),
        (VIQ_SMMUV3_CMDQ_BASE, 8, CMDQ | 6),
        (VIQ_SMMUV3_EVENTQ_BASE, 8, EVENTQ | 4),
        (VIQ_SMMUV3_CR0, 4, VIQ_SMMUV3_CR0_CMDQEN | VIQ_SMMUV3_CR0_EVENTQEN),
        (VIQ_SMMUV3_CR0, 4, VIQ_SMMUV3_CR0_CMDQEN | VIQ_SMMUV3_CR0_EVENTQEN | VIQ_SMMUV3_CR0_SMMUEN),
    ] {
        guest.smmu.write(register.into(), bytes, value);
    }
    guest
}

#[test]
fn device() {
    let (mem, _) = Mem::zeroed(0, 0x10000).unwrap();
    let woken = Arc::new(AtomicU32::new(0));
    let wake = woken.clone();
    let notify: soft::Notify = Box::new(move || {
        wake.fetch_add(1, SeqCst);
    });
    let soft = Soft::new(&soft::Config::default(), &mem, Some(notify)).unwrap();
    let mut guest = boot(&soft, &mem);
    let thread = Thread::register().unwrap();
    let device = soft.device(SID as u32, false).unwrap();
    assert_eq!(soft.device(SID as u32, false).err().unwrap().errno(), 17);
    let mut buf = [0; 8];
    assert_eq!(device.read(&thread, 0, None, &mut buf).unwrap_err().errno(), 14); // it does not follow yet
    guest.smmu.follow(SID as u32).unwrap();
    guest.smmu.take_events(0).unwrap();

    guest.map(PAGE);
    guest.words(PAGE, &[1]);
    guest.words(PAGE + 0x1000, &[2]);
    device.read(&thread, 0, None, &mut buf).unwrap();
    assert_eq!(u64::from_le_bytes(buf), 1);
    {
        let access = thread.access();
        assert_eq!(device.translate(&access, 8, 0, VIQ_SOFT_READ).unwrap(), (PAGE + 8, 0xff8));
    }
    // What is not invalidated goes stale; what is, does not.
    guest.map(PAGE + 0x1000);
    device.read(&thread, 0, None, &mut buf).unwrap();
    assert_eq!(u64::from_le_bytes(buf), 1);
    guest.command([u64::from(VIQ_SMMUV3_OP_TLBI_NH_ASID) | put(VIQ_SMMUV3_TLBI_ASID, 7), 0]);
    guest.sync();
    device.read(&thread, 0, None, &mut buf).unwrap();
    assert_eq!(u64::from_le_bytes(buf), 2);
    device.write(&thread, 16, None, &[3; 8]).unwrap();
    let mut words = [0];
    mem.read_words(PAGE + 0x1010, &mut words).unwrap();
    assert_eq!(words, [0x0303_0303_0303_0303]);

    // A fault comes to the guest's event queue.
    let before = woken.load(SeqCst);
    assert_eq!(device.read(&thread, 0x1000, None, &mut buf).unwrap_err().errno(), 14);
    assert_eq!(woken.load(SeqCst), before + 1);
    guest.smmu.take_events(0).unwrap();
    mem.read_words(EVENTQ, &mut words).unwrap();
    assert_eq!(words[0] & VIQ_SMMUV3_EVT_0_ID, VIQ_SMMUV3_EVT_F_TRANSLATION.into());

    guest.smmu.block(SID as u32).unwrap();
    assert_eq!(device.read(&thread, 0, None, &mut buf).unwrap_err().errno(), 14);
    guest.smmu.follow(SID as u32).unwrap();
    device.read(&thread, 0, None, &mut buf).unwrap();
    // The front end goes: what it has set up goes with it.
    drop(guest);
    assert_eq!(device.read(&thread, 0, None, &mut buf).unwrap_err().errno(), 14);
    assert!(soft.counters().calls >= 1);
}

#[test]
fn refused() {
    let (mem, _) = Mem::zeroed(0, 4096).unwrap();
    let config = soft::Config { tlb_entries: 3, ..Default::default() };
    assert!(Soft::new(&config, &mem, None).err().unwrap().why().contains("tlb_entries"));
}
