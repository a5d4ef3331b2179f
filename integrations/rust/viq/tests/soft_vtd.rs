// SPDX-License-Identifier: MIT
//! A guest's VT-d tables, a device behind them, and what the guest's descriptors do to it.
#![cfg(feature = "soft")]
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::Arc;

use viq::mem::Mem;
use viq::soft_vtd::{self, Soft, Thread};
use viq::vtd::{Config, Hooks, Vtd};
use viq::{get, put, sys::*};

const QUEUE: u64 = 0x1000;
const ROOT: u64 = 0x2000;
const CONTEXT: u64 = 0x3000;
const DIRECTORY: u64 = 0x4000;
const PASIDS: u64 = 0x5000;
const TABLE: [u64; 4] = [0x6000, 0x7000, 0x8000, 0x9000]; // levels 4 to 1
const PAGE: u64 = 0xa000;
const SID: u16 = 1;
const DID: u64 = 7;
const ENTRY: u64 = VIQ_VTD_FS_P | VIQ_VTD_FS_RW | VIQ_VTD_FS_US | VIQ_VTD_FS_A;

struct Guest {
    mem: Mem,
    vtd: Vtd,
    tail: u64,
}

impl Guest {
    fn words(&self, gpa: u64, words: &[u64]) {
        for (n, word) in words.iter().enumerate() {
            self.mem.write_u64(gpa + n as u64 * 8, *word).unwrap();
        }
    }

    /// And a wait descriptor.
    fn descriptor(&mut self, qw0: u64, qw1: u64) {
        self.words(QUEUE + self.tail, &[qw0, qw1, 0, 0, VIQ_VTD_TYPE_WAIT.into(), 0, 0, 0]);
        self.tail = (self.tail + 64) & 0xfff;
        self.vtd.write(VIQ_VTD_IQT.into(), 8, self.tail);
        assert_eq!(self.vtd.read(VIQ_VTD_IQH.into(), 8), self.tail);
    }

    /// Map address 0 to a page, without telling anybody.
    fn map(&self, page: u64) {
        self.words(TABLE[3], &[page | ENTRY | VIQ_VTD_FS_D]);
    }

    fn global(&mut self) {
        self.descriptor(u64::from(VIQ_VTD_TYPE_CC) | put(VIQ_VTD_DESC_G, VIQ_VTD_CC_GLOBAL.into()), 0);
        self.descriptor(u64::from(VIQ_VTD_TYPE_PC) | put(VIQ_VTD_DESC_G, VIQ_VTD_PC_GLOBAL.into()), 0);
    }
}

fn boot(soft: &Soft, mem: &Mem) -> Guest {
    let vtd = Vtd::nested(&Config::default(), mem, soft.backend().unwrap(), Hooks::default()).unwrap();
    let mut guest = Guest { mem: mem.clone(), vtd, tail: 0 };
    guest.words(ROOT, &[CONTEXT | VIQ_VTD_ROOT_P]);
    guest.words(CONTEXT + u64::from(SID) * 32, &[DIRECTORY | VIQ_VTD_SCTX_P]);
    guest.words(DIRECTORY, &[PASIDS | VIQ_VTD_PDE_P]);
    guest.words(PASIDS, &[VIQ_VTD_PE_P | put(VIQ_VTD_PE_PGTT, VIQ_VTD_PGTT_FS.into()), DID, TABLE[0]]);
    for level in 0..3 {
        guest.words(TABLE[level], &[TABLE[level + 1] | ENTRY]);
    }
    for (register, bytes, value) in [
        (VIQ_VTD_IQA, 8, QUEUE | VIQ_VTD_IQA_DW),
        (VIQ_VTD_GCMD, 4, VIQ_VTD_GCMD_QIE.into()),
        (VIQ_VTD_RTADDR, 8, ROOT | put(VIQ_VTD_RTADDR_TTM, VIQ_VTD_TTM_SCALABLE.into())),
        (VIQ_VTD_GCMD, 4, (VIQ_VTD_GCMD_QIE | VIQ_VTD_GCMD_SRTP).into()),
    ] {
        guest.vtd.write(register.into(), bytes, value);
    }
    guest.global();
    guest.vtd.write(VIQ_VTD_GCMD.into(), 4, (VIQ_VTD_GCMD_QIE | VIQ_VTD_GCMD_TE).into());
    guest
}

#[test]
fn device() {
    let (mem, _) = Mem::zeroed(0, 0x10000).unwrap();
    let woken = Arc::new(AtomicU32::new(0));
    let wake = woken.clone();
    let notify: soft_vtd::Notify = Box::new(move || {
        wake.fetch_add(1, SeqCst);
    });
    let Config { cap, ecap, .. } = Config::default();
    let soft = Soft::new(&soft_vtd::Config { cap, ecap, ..Default::default() }, &mem, Some(notify)).unwrap();
    let mut guest = boot(&soft, &mem);
    assert_eq!(soft.backend().err().unwrap().errno(), 16); // one front end
    let thread = Thread::register().unwrap();
    let device = soft.device(&mut guest.vtd, SID, false).unwrap();
    assert_eq!(soft.device(&mut guest.vtd, SID, false).err().unwrap().errno(), 17);
    guest.vtd.follow(SID).unwrap();

    let mut buf = [0; 8];
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
    let all = u64::from(VIQ_VTD_TYPE_PIOTLB) | put(VIQ_VTD_DESC_G, VIQ_VTD_PIOTLB_PASID.into());
    guest.descriptor(all | put(VIQ_VTD_DESC_DID, DID), 0);
    device.read(&thread, 0, None, &mut buf).unwrap();
    assert_eq!(u64::from_le_bytes(buf), 2);
    device.write(&thread, 16, None, &[3; 8]).unwrap();
    let mut words = [0];
    mem.read_words(PAGE + 0x1010, &mut words).unwrap();
    assert_eq!(words, [0x0303_0303_0303_0303]);

    // A fault comes to the guest's records.
    let before = woken.load(SeqCst);
    assert_eq!(device.read(&thread, 0x1000, None, &mut buf).unwrap_err().errno(), 14);
    assert_eq!(woken.load(SeqCst), before + 1);
    let record = get(VIQ_VTD_CAP_FRO, cap) * u64::from(VIQ_VTD_OFFSET_UNITS) + 8;
    assert_eq!(guest.vtd.read(record, 8) & VIQ_VTD_FRCD_1_F, 0);
    guest.vtd.take_faults(0).unwrap();
    assert_eq!(get(VIQ_VTD_FRCD_1_SID, guest.vtd.read(record, 8)), SID.into());

    guest.vtd.block(SID).unwrap();
    assert_eq!(device.read(&thread, 0, None, &mut buf).unwrap_err().errno(), 14);
    guest.vtd.follow(SID).unwrap();
    device.read(&thread, 0, None, &mut buf).unwrap();
    // The front end goes: what it has set up goes with it. Another one sets it up again.
    drop(guest);
    assert_eq!(device.read(&thread, 0, None, &mut buf).unwrap_err().errno(), 14);
    let mut guest = boot(&soft, &mem);
    guest.vtd.follow(SID).unwrap();
    device.read(&thread, 0, None, &mut buf).unwrap();
    device.unplug(&mut guest.vtd).unwrap();
    let device = soft.device(&mut guest.vtd, SID, false).unwrap();
    device.unplug(&mut guest.vtd).unwrap();
    assert!(soft.counters().calls >= 1);
}

#[test]
fn refused() {
    let (mem, _) = Mem::zeroed(0, 4096).unwrap();
    let config = soft_vtd::Config { tlb_entries: 3, ..Default::default() };
    assert!(Soft::new(&config, &mem, None).err().unwrap().why().contains("tlb_entries"));
    // A front end without this unit below it.
    let soft = Soft::new(&soft_vtd::Config::default(), &mem, None).unwrap();
    let mut vtd = Vtd::new(&Config::default(), &mem, Hooks::default()).unwrap();
    assert_eq!(soft.device(&mut vtd, SID, false).err().unwrap().errno(), 22);
    assert_eq!(vtd.follow(SID).unwrap_err().errno(), 22);
}
