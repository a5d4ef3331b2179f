// SPDX-License-Identifier: MIT
//! Front ends, memory and hosts through the safe interface; what hooks and hosts do that panic.
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use viq::call::{Answer, Failure, FanOut, Host, HostOps, Request, VtdEntry};
use viq::mem::{Mem, MemHooks, Region};
use viq::smmuv3::{self, Irq, Smmuv3, Wait};
use viq::vtd::{self, Vtd};
use viq::{put, sys::*, Error, Result};

const RAM: u64 = 0x4000_0000;

type Say = dyn Fn(&[[u64; 2]]) -> Result<Answer> + Send + Sync;

/// Remembers its entries, and answers as it is told.
struct Recorder {
    seen: Mutex<Vec<[u64; 2]>>,
    answer: Box<Say>,
}

#[derive(Clone)]
struct Shared(Arc<Recorder>);

impl HostOps for Shared {
    fn invalidate(&self, request: &Request<'_>) -> Result<Answer> {
        let entries: Vec<[u64; 2]> = match request.entries::<[u64; 2]>() {
            Some(entries) => entries.copied().collect(),
            None => return Ok(Answer::failed(0, Failure::Unsupported)),
        };
        self.0.seen.lock().unwrap().extend(&entries);
        (self.0.answer)(&entries)
    }
}

fn recorder(answer: impl Fn(&[[u64; 2]]) -> Result<Answer> + Send + Sync + 'static) -> (Shared, Host) {
    let shared = Shared(Arc::new(Recorder { seen: Mutex::default(), answer: Box::new(answer) }));
    (shared.clone(), Host::new(shared))
}

fn done(entries: &[[u64; 2]]) -> Result<Answer> {
    Ok(Answer::done(entries.len() as u32))
}

fn asid(n: u64) -> [u64; 2] {
    [u64::from(VIQ_SMMUV3_OP_TLBI_NH_ASID) | put(VIQ_SMMUV3_TLBI_ASID, n), 0]
}

const SYNC: [u64; 2] = [VIQ_SMMUV3_OP_SYNC as u64, 0];

/// The guest's driver writes commands from index on, and rings.
fn ring(smmu: &mut Smmuv3, mem: &Mem, index: u64, commands: &[[u64; 2]]) {
    for (n, word) in commands.iter().flatten().enumerate() {
        mem.write_u64(RAM + index * 16 + n as u64 * 8, *word).unwrap();
    }
    smmu.write(VIQ_SMMUV3_CMDQ_PROD.into(), 4, index + commands.len() as u64);
}

fn enable(smmu: &mut Smmuv3) {
    smmu.write(VIQ_SMMUV3_CMDQ_BASE.into(), 8, RAM | 7);
    smmu.write(VIQ_SMMUV3_CR0.into(), 4, VIQ_SMMUV3_CR0_CMDQEN);
}

fn cons(smmu: &Smmuv3) -> u64 {
    smmu.read(VIQ_SMMUV3_CMDQ_CONS.into(), 4)
}

#[test]
fn smmuv3_host_in_rust() {
    let (mem, _) = Mem::zeroed(RAM, 4096).unwrap();
    let (shared, host) = recorder(done);
    let mut smmu = Smmuv3::new(&smmuv3::Config::default(), &mem, &host, smmuv3::Hooks::default()).unwrap();
    drop((host, mem.clone())); // the front end keeps them
    enable(&mut smmu);
    ring(&mut smmu, &mem, 0, &[asid(5), asid(6), SYNC]);
    assert_eq!(cons(&smmu), 3);
    assert_eq!(*shared.0.seen.lock().unwrap(), [asid(5), asid(6)]);
    assert_eq!(smmu.counters().entries, 2);
    // Registers are read by another thread.
    let reader = smmu.reader();
    drop(smmu);
    let read = std::thread::spawn(move || reader.read(VIQ_SMMUV3_CMDQ_CONS.into(), 4));
    assert_eq!(read.join().unwrap(), 3);
}

#[test]
fn smmuv3_refused() {
    let (mem, _) = Mem::zeroed(RAM, 4096).unwrap();
    let mut config = smmuv3::Config::default();
    config.idr0 |= VIQ_SMMUV3_IDR0_PRI as u32;
    let error = Smmuv3::new(&config, &mem, &Host::null(), smmuv3::Hooks::default()).err().unwrap();
    assert_eq!(error.errno(), 22);
    assert!(error.why().contains("PRI"), "{}", error);
    assert!(smmuv3::Config::default().text(asid(5)).contains("ASID"));
}

/// An entry that the host refuses stops the queue at the command, with the guest's error and interrupt.
#[test]
fn smmuv3_illegal() {
    let (mem, _) = Mem::zeroed(RAM, 4096).unwrap();
    let (_, host) = recorder(|entries| {
        let bad = entries.iter().position(|entry| *entry == asid(6));
        Ok(bad.map_or(Answer::done(entries.len() as u32), |bad| Answer::failed(bad as u32, Failure::Illegal)))
    });
    let seen = Arc::new(Mutex::new((Vec::new(), Vec::new())));
    let (irqs, errors) = (seen.clone(), seen.clone());
    let hooks = smmuv3::Hooks {
        irq: Some(Box::new(move |irq| irqs.lock().unwrap().0.push(irq))),
        host_error: Some(Box::new(move |answer| errors.lock().unwrap().1.push(*answer))),
        ..Default::default()
    };
    let mut smmu = Smmuv3::new(&smmuv3::Config::default(), &mem, &host, hooks).unwrap();
    enable(&mut smmu);
    smmu.write(VIQ_SMMUV3_IRQ_CTRL.into(), 4, VIQ_SMMUV3_IRQ_CTRL_GERROR_IRQEN);
    ring(&mut smmu, &mem, 0, &[asid(5), asid(6), SYNC]);
    assert_eq!(cons(&smmu), put(VIQ_SMMUV3_CMDQ_CONS_ERR, VIQ_SMMUV3_CERROR_ILL.into()) | 1);
    let seen = seen.lock().unwrap();
    assert_eq!(seen.0, [Irq::GlobalError]);
    assert_eq!(seen.1.len(), 1);
    assert_eq!((seen.1[0].handled, seen.1[0].failure), (1, Some(Failure::Illegal)));
}

/// A panic of a host is a failure of the host: the queue waits, nothing is lost, and nothing unwinds.
#[test]
fn smmuv3_host_panics() {
    let (mem, _) = Mem::zeroed(RAM, 4096).unwrap();
    let left = AtomicU32::new(1);
    let (_, host) = recorder(move |entries| {
        assert!(left.swap(0, SeqCst) == 0, "on purpose");
        done(entries)
    });
    let waits = Arc::new(AtomicU64::new(0));
    let count = waits.clone();
    let hooks = smmuv3::Hooks {
        host_wait: Some(Box::new(move |_, times| {
            count.store(times, SeqCst);
            panic!("on purpose, too") // counts as Wait::Retry
        })),
        trace: Some(Box::new(|_| panic!("and here"))),
        ..Default::default()
    };
    let mut smmu = Smmuv3::new(&smmuv3::Config::default(), &mem, &host, hooks).unwrap();
    enable(&mut smmu);
    ring(&mut smmu, &mem, 0, &[asid(5), SYNC]);
    // A culprit hunt may have made the call again; whether it waits or not, all is done in the end.
    while smmu.waits_for_host() > 0 {
        assert!(waits.load(SeqCst) > 0);
        smmu.run(0);
    }
    assert_eq!(cons(&smmu), 2);
    assert_eq!(smmu.counters().entries, 1);
}

#[test]
fn smmuv3_host_never_comes_back() {
    let (mem, _) = Mem::zeroed(RAM, 4096).unwrap();
    let (_, host) = recorder(|_| Err(Error::from_errno(12)));
    let hooks = smmuv3::Hooks {
        host_wait: Some(Box::new(|_, times| if times < 3 { Wait::Retry } else { Wait::GiveUp })),
        ..Default::default()
    };
    let mut smmu = Smmuv3::new(&smmuv3::Config::default(), &mem, &host, hooks).unwrap();
    enable(&mut smmu);
    ring(&mut smmu, &mem, 0, &[asid(5), SYNC]);
    assert_eq!((cons(&smmu), smmu.waits_for_host()), (0, 1));
    smmu.run(0);
    smmu.run(0);
    assert_eq!(cons(&smmu), put(VIQ_SMMUV3_CMDQ_CONS_ERR, VIQ_SMMUV3_CERROR_ABT.into()));
}

/// A hook asks the front end, and a queue whose streams cannot be configured now waits.
#[test]
fn smmuv3_reconfig() {
    let (mem, _) = Mem::zeroed(RAM, 4096).unwrap();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let record = asked.clone();
    let hooks = smmuv3::Hooks {
        reconfig: Some(Box::new(move |unit, what| {
            record.lock().unwrap().push((what.cause, what.first, what.last, unit.stream_config(what.first)?.mode));
            if record.lock().unwrap().len() == 1 {
                return Err(Error::from_errno(16));
            }
            Ok(false)
        })),
        host_wait: Some(Box::new(|_, _| Wait::Retry)),
        ..Default::default()
    };
    let mut smmu = Smmuv3::new(&smmuv3::Config::default(), &mem, &Host::null(), hooks).unwrap();
    enable(&mut smmu);
    let cfgi = [u64::from(VIQ_SMMUV3_OP_CFGI_STE) | put(VIQ_SMMUV3_CMD_SID, 7), 1];
    ring(&mut smmu, &mem, 0, &[cfgi, SYNC]);
    assert_eq!(cons(&smmu), 0);
    smmu.run(0);
    assert_eq!(cons(&smmu), 2);
    let once = (VIQ_SMMUV3_CFGI_STE, 7, 7, VIQ_SMMUV3_BYPASS); // SMMUEN = 0
    assert_eq!(*asked.lock().unwrap(), [once, once]);
}

#[test]
fn smmuv3_save() {
    let (mem, _) = Mem::zeroed(RAM, 4096).unwrap();
    let config = smmuv3::Config { budget: VIQ_SMMUV3_DEFER, ..Default::default() };
    let kicks = Arc::new(AtomicU32::new(0));
    let hooks = || {
        let kicks = kicks.clone();
        let kick: Box<dyn Fn() + Send> = Box::new(move || {
            kicks.fetch_add(1, SeqCst);
        });
        smmuv3::Hooks { kick: Some(kick), ..Default::default() }
    };
    let mut old = Smmuv3::new(&config, &mem, &Host::null(), hooks()).unwrap();
    enable(&mut old);
    ring(&mut old, &mem, 0, &[asid(5), SYNC]);
    assert_eq!(cons(&old), 0); // deferred
    let state = old.save().unwrap();
    let mut new = Smmuv3::new(&config, &mem, &Host::null(), hooks()).unwrap();
    assert_eq!(new.restore(&state[1..]).unwrap_err().errno(), 22);
    new.restore(&state).unwrap();
    assert!(kicks.load(SeqCst) >= 2);
    while new.run(0) {}
    assert_eq!((cons(&old), cons(&new)), (0, 2));
    assert_eq!(old.save_as(99).unwrap_err().errno(), 95);
}

#[test]
fn memory() {
    struct Beyond;
    impl MemHooks for Beyond {
        fn read(&self, gpa: u64, buf: &mut [u8]) -> Result<()> {
            match gpa {
                0x1000 => panic!("on purpose"),
                0x2000 => Err(Error::from_errno(14)),
                _ => {
                    buf.fill(7);
                    Ok(())
                }
            }
        }
    }
    let words: Arc<[AtomicU64]> = (0..4).map(AtomicU64::new).collect();
    let regions = vec![Region::shared(RAM, &words), Region::shared(RAM + 32, &words).read_only()];
    let mem = Mem::new(regions, Some(Box::new(Beyond))).unwrap();
    let mut buf = [0; 16];
    mem.read(RAM + 8, &mut buf).unwrap();
    assert_eq!(buf, [1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0]);
    mem.write_u64(RAM, 9).unwrap();
    assert_eq!(words[0].load(SeqCst), u64::to_le(9));
    assert_eq!(mem.write_u64(RAM + 32, 9).unwrap_err().errno(), 14);
    assert_eq!(mem.cas_u64(RAM, 8, 1).unwrap_err().errno(), 11);
    mem.read(0x3000, &mut buf).unwrap();
    assert_eq!(buf, [7; 16]);
    assert_eq!(mem.read(0x1000, &mut buf).unwrap_err().errno(), 14); // contained
    assert_eq!(mem.read(0x2000, &mut buf).unwrap_err().errno(), 14);
    assert_eq!(mem.write(0x3000, &buf).unwrap_err().errno(), 14);
    let (host, avail) = mem.span(RAM + 8).unwrap();
    assert_eq!((host.as_ptr() as usize, avail), (words.as_ptr() as usize + 8, 24));
    let overlap = vec![Region::shared(RAM, &words), Region::shared(RAM + 8, &words)];
    assert!(!Mem::new(overlap, None).err().unwrap().why().is_empty());
}

/// An imprecise host: the call says exactly what took effect, in pieces too.
#[test]
fn exact() {
    struct Vague(Shared);
    impl HostOps for Vague {
        fn invalidate(&self, request: &Request<'_>) -> Result<Answer> {
            self.0.invalidate(request)
        }
        fn report_group(&self) -> u32 {
            0 // a failed call's count means nothing
        }
    }
    let (shared, _) = recorder(|entries| {
        let count = entries.len() as u32;
        let bad = entries.contains(&asid(77));
        Ok(if bad { Answer::failed(count - 1, Failure::Illegal) } else { Answer::done(count) })
    });
    let host = Host::new(Vague(shared));
    let entries: Vec<[u64; 2]> = (0..100).map(asid).collect();
    let answer = host.invalidate(&[&entries[..30], &[], &entries[30..]]).unwrap();
    assert_eq!((answer.handled, answer.suspect, answer.failure), (77, 77, Some(Failure::Illegal)));
    assert!(answer.host_calls > 1 && answer.extra_calls > 0);
    let page = VtdEntry { addr: 0x1000, npages: 1, flags: 0, reserved: 0 };
    let answer = host.invalidate(&[&[page]]).unwrap();
    assert_eq!(answer.failure, Some(Failure::Unsupported));
    assert_eq!(host.invalidate(&[&entries[..]; 17]).unwrap_err().errno(), 22);
}

#[test]
fn fan_out() {
    let ((one, a), (two, b)) = (recorder(done), recorder(done));
    let fan = FanOut::new(std::slice::from_ref(&a)).unwrap();
    let host = fan.host();
    host.invalidate(&[&[asid(1)]]).unwrap();
    fan.add(&b).unwrap();
    assert_eq!(fan.add(&b).unwrap_err().errno(), 17);
    drop(b);
    assert_eq!(Arc::strong_count(&two.0), 2); // the fan-out keeps it
    host.invalidate(&[&[asid(2)]]).unwrap();
    fan.remove(&a).unwrap();
    assert_eq!(fan.remove(&a).unwrap_err().errno(), 2);
    drop(fan);
    host.invalidate(&[&[asid(3)]]).unwrap();
    assert_eq!(*one.0.seen.lock().unwrap(), [asid(1), asid(2)]);
    assert_eq!(*two.0.seen.lock().unwrap(), [asid(2), asid(3)]);
    drop(host);
    assert_eq!(Arc::strong_count(&two.0), 1); // nobody keeps it any more
}

#[test]
fn threads() {
    fn send<T: Send>() {}
    fn sync<T: Sync>() {}
    send::<Smmuv3>();
    send::<Vtd>();
    send::<smmuv3::Reader>();
    sync::<smmuv3::Reader>();
    send::<vtd::Reader>();
    sync::<vtd::Reader>();
    send::<Host>();
    sync::<Host>();
    send::<FanOut>();
    sync::<FanOut>();
    send::<Mem>();
    sync::<Mem>();
}

struct Pages(Arc<Mutex<Vec<(u64, u64)>>>);

impl HostOps for Pages {
    fn invalidate(&self, request: &Request<'_>) -> Result<Answer> {
        let mut seen = self.0.lock().unwrap();
        seen.extend(request.entries::<VtdEntry>().unwrap().map(|entry| (entry.addr, entry.npages)));
        Ok(Answer::done(request.count()))
    }
}

#[test]
fn vtd() {
    let (mem, words) = Mem::zeroed(RAM, 8192).unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let host = Host::new(Pages(seen.clone()));
    let handles = Arc::new(Mutex::new(Vec::new()));
    let keep = handles.clone();
    let hooks = vtd::Hooks {
        reconfig: Some(Box::new(move |unit, what| {
            if what.cause == VIQ_VTD_PASID_CACHE {
                let table = vtd::Table { flags: 0, pasid: 3, domain_id: 9, source_id: 0x10 };
                keep.lock().unwrap().push(unit.attach(&table, &host)?);
                assert!(!unit.tables().enabled);
            }
            Ok(false)
        })),
        msi: Some(Box::new(|_, _| panic!("nobody asked for one"))),
        ..Default::default()
    };
    let mut vtd = Vtd::new(&vtd::Config::default(), &mem, hooks).unwrap();
    let scalable = put(VIQ_VTD_RTADDR_TTM, VIQ_VTD_TTM_SCALABLE.into());
    vtd.write(VIQ_VTD_RTADDR.into(), 8, (RAM + 4096) | scalable);
    vtd.write(VIQ_VTD_GCMD.into(), 4, VIQ_VTD_GCMD_SRTP);
    vtd.write(VIQ_VTD_IQA.into(), 8, RAM | VIQ_VTD_IQA_DW);
    vtd.write(VIQ_VTD_GCMD.into(), 4, VIQ_VTD_GCMD_QIE);
    let (domain, pasid) = (put(VIQ_VTD_DESC_DID, 9), put(VIQ_VTD_DESC_PASID, 3));
    let granularity = |g: u32| put(VIQ_VTD_DESC_G, g.into());
    let descriptors = [
        [u64::from(VIQ_VTD_TYPE_PC) | granularity(VIQ_VTD_PC_PASID) | domain | pasid, 0, 0, 0],
        [u64::from(VIQ_VTD_TYPE_PIOTLB) | granularity(VIQ_VTD_PIOTLB_PAGE) | domain | pasid, 0x7000, 0, 0],
        [u64::from(VIQ_VTD_TYPE_WAIT) | VIQ_VTD_WAIT_SW | put(VIQ_VTD_WAIT_DATA, 1), RAM + 4096, 0, 0],
    ];
    for (word, value) in words.iter().zip(descriptors.iter().flatten()) {
        word.store(value.to_le(), SeqCst);
    }
    vtd.write(VIQ_VTD_IQT.into(), 8, 3 * 32);
    assert_eq!(vtd.read(VIQ_VTD_IQH.into(), 8), 3 * 32);
    assert_eq!(words[512].load(SeqCst), 1u64.to_le());
    assert_eq!(*seen.lock().unwrap(), [(0x7000, 1)]);
    assert_eq!(vtd.counters().entries, 1);
    let state = vtd.save().unwrap();
    let handle = handles.lock().unwrap()[0];
    vtd.detach(handle).unwrap();
    assert_eq!(vtd.detach(handle).unwrap_err().errno(), 2);
    let mut new = Vtd::new(&vtd::Config::default(), &mem, vtd::Hooks::default()).unwrap();
    new.restore(&state).unwrap();
    assert_eq!(new.reader().read(VIQ_VTD_IQT.into(), 8), 3 * 32);
    assert!(vtd::Config::default().text(descriptors[1]).contains("iotlb"));
    let bad = vtd::Config { cap: 0, ..Default::default() };
    assert!(!Vtd::new(&bad, &mem, vtd::Hooks::default()).err().unwrap().why().is_empty());
}
