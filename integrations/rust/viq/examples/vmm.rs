// SPDX-License-Identifier: MIT
//! The loop of a VMM: a vCPU that writes registers, a worker that consumes the queue, hosts that come and go.
//!
//! `budget` is VIQ_SMMUV3_DEFER, so that a vCPU is back in the guest at once, and `kick` wakes the worker. The front end
//! is behind the device's lock; a vCPU that polls CMDQ_CONS reads it without.
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use viq::call::{Answer, Failure, FanOut, Host, HostOps, Request};
use viq::smmuv3::{Config, Hooks, Smmuv3, Wait};
use viq::{mem::Mem, put, sys::*, Error, Result};

/// Emulated devices of the VMM: what they cache is forgotten here. This one is busy the first time.
struct Devices(AtomicBool);

impl HostOps for Devices {
    fn invalidate(&self, request: &Request<'_>) -> Result<Answer> {
        let commands = match request.entries::<[u64; 2]>() {
            Some(commands) => commands,
            None => return Ok(Answer::failed(0, Failure::Unsupported)),
        };
        if self.0.swap(false, SeqCst) {
            return Err(Error::from_errno(16)); // EBUSY
        }
        let config = Config::default();
        commands.for_each(|command| println!("devices: {}", config.text(command.map(u64::from_le))));
        Ok(Answer::done(request.count()))
    }
}

enum Work {
    Run,
    Quit,
}

fn main() -> Result<()> {
    const RAM: u64 = 0x4000_0000;
    let (mem, _) = Mem::zeroed(RAM, 1 << 16)?;
    let (wake, work) = mpsc::channel();
    let (kick, later) = (wake.clone(), wake.clone());
    let hooks = Hooks {
        kick: Some(Box::new(move || kick.send(Work::Run).unwrap_or(()))),
        irq: Some(Box::new(|irq| println!("interrupt: {:?}", irq))),
        host_error: Some(Box::new(|answer| println!("host: {:?}", answer.failure))),
        host_wait: Some(Box::new(move |_, times| {
            // Not at once: what the host lacks does not come back in no time.
            let later = later.clone();
            thread::spawn(move || {
                thread::sleep(Duration::from_millis(1));
                later.send(Work::Run).unwrap_or(())
            });
            if times < 1000 {
                Wait::Retry
            } else {
                Wait::GiveUp
            }
        })),
        ..Default::default()
    };
    let fan = FanOut::new(&[Host::new(Devices(AtomicBool::new(true)))])?;
    fan.add(&Host::null())?; // say a device is assigned now
    let config = Config { budget: VIQ_SMMUV3_DEFER, ..Default::default() };
    let smmu = Smmuv3::new(&config, &mem, &fan.host(), hooks)?;
    let reader = smmu.reader();
    let smmu = Arc::new(Mutex::new(smmu));

    let worker = thread::spawn({
        let smmu = smmu.clone();
        move || {
            // The lock is taken anew for each step, so that vCPUs have their turn.
            while let Ok(Work::Run) = work.recv() {
                while smmu.lock().unwrap().run(4096) {}
            }
        }
    });

    // The vCPU: what a guest's driver does.
    let write = |register: u32, bytes, value| smmu.lock().unwrap().write(register.into(), bytes, value);
    write(VIQ_SMMUV3_CMDQ_BASE, 8, RAM | 8);
    write(VIQ_SMMUV3_IRQ_CTRL, 4, VIQ_SMMUV3_IRQ_CTRL_GERROR_IRQEN);
    write(VIQ_SMMUV3_CR0, 4, VIQ_SMMUV3_CR0_CMDQEN);
    for asid in 0..3 {
        let command = u64::from(VIQ_SMMUV3_OP_TLBI_NH_ASID) | put(VIQ_SMMUV3_TLBI_ASID, asid);
        mem.write_u64(RAM + asid * 16, command)?;
    }
    mem.write_u64(RAM + 3 * 16, VIQ_SMMUV3_OP_SYNC.into())?;
    write(VIQ_SMMUV3_CMDQ_PROD, 4, 4);
    while reader.read(VIQ_SMMUV3_CMDQ_CONS.into(), 4) != 4 {
        thread::yield_now();
    }
    println!("CMDQ_CONS = 4");

    wake.send(Work::Quit).unwrap_or(());
    worker.join().expect("the worker ends");
    let smmu = smmu.lock().unwrap();
    println!("confirmed: {}, waits: {}", smmu.counters().entries, smmu.counters().host_waits);
    assert_eq!(smmu.counters().entries, 3);
    Ok(())
}
