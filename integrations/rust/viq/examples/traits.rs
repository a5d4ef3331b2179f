// SPDX-License-Identifier: MIT
//! Exact invalidation for VMMs that have a guest IOMMU of their own, in the shapes that two of them have.
//!
//! OpenVMM's is a batch, with the count of what was handled; Cloud Hypervisor's one command at a time. The shapes are
//! told here in a few lines; each is backed by a host of viq, so by Linux's iommufd, exactly, on kernels that count
//! commands which never ran.
use viq::call::{Answer, Failure, Host, HostOps, Request};
use viq::linux::{Calls, Iommufd};
use viq::{put, sys::*, Error, Result};

/// As OpenVMM: entries as the guest wrote them, all of one batch or an error with what was handled before it.
trait Invalidate {
    fn invalidate(&self, entries: &[[u64; 2]]) -> std::result::Result<(), (usize, Error)>;
}

impl Invalidate for Host {
    fn invalidate(&self, entries: &[[u64; 2]]) -> std::result::Result<(), (usize, Error)> {
        let answer = Host::invalidate(self, &[entries]).map_err(|error| (0, error))?;
        match answer.failure {
            None => Ok(()),
            Some(failure) => Err((answer.handled as usize, errno(failure))),
        }
    }
}

/// As Cloud Hypervisor: the physical IOMMU behind a virtual one, one command a call.
trait PhysicalIommu: Send + Sync {
    fn invalidate(&self, command: [u64; 2]) -> Result<()>;
}

struct Exact(Host);

impl PhysicalIommu for Exact {
    fn invalidate(&self, command: [u64; 2]) -> Result<()> {
        let answer = self.0.invalidate(&[&[command]])?;
        answer.failure.map_or(Ok(()), |failure| Err(errno(failure)))
    }
}

fn errno(failure: Failure) -> Error {
    Error::from_errno(match failure {
        Failure::Illegal => 22,
        Failure::Timeout => 110,
        Failure::NoMemory => 12,
        Failure::Gone => 19,
        Failure::Unsupported => 95,
        _ => 5,
    })
}

/// A host for a vIOMMU that the VMM has made.
#[allow(dead_code)]
fn assigned(iommufd: std::fs::File, device: u32, viommu: u32) -> Result<Host> {
    let linux = Iommufd::with_fd(iommufd)?;
    Ok(linux.smmuv3(viommu, &linux.hw_info(device)?, Calls::Bulk)?.host())
}

/// Stands in for it on a machine without: an ASID above 99 is too much, and how many were done is not said.
struct Vague;

impl HostOps for Vague {
    fn invalidate(&self, request: &Request<'_>) -> Result<Answer> {
        let mut commands = request.entries::<[u64; 2]>().ok_or_else(|| Error::from_errno(95))?;
        Ok(if commands.any(|command| viq::get(VIQ_SMMUV3_TLBI_ASID, u64::from_le(command[0])) > 99) {
            Answer::failed(0, Failure::Illegal)
        } else {
            Answer::done(request.count())
        })
    }

    fn report_group(&self) -> u32 {
        0
    }
}

fn main() {
    let asid = |n| [(u64::from(VIQ_SMMUV3_OP_TLBI_NH_ASID) | put(VIQ_SMMUV3_TLBI_ASID, n)).to_le(), 0];
    let entries: Vec<[u64; 2]> = (90..110).map(asid).collect();
    let host = Host::new(Vague);

    let batch: &dyn Invalidate = &host;
    let (handled, error) = batch.invalidate(&entries).unwrap_err();
    println!("a batch of {}: {} handled, then: {}", entries.len(), handled, error);
    assert_eq!((handled, error.errno()), (10, 22));

    let one: &dyn PhysicalIommu = &Exact(host.clone());
    one.invalidate(asid(99)).expect("legal");
    let error = one.invalidate(asid(100)).unwrap_err();
    println!("one command: {}", error);
    assert_eq!(error.errno(), 22);
}
