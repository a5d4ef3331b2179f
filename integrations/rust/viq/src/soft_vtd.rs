// SPDX-License-Identifier: MIT
//! A software IOMMU with the tables of Intel VT-d (`viq/soft_vtd.h`): the host for emulated devices.
//!
//! Any number of threads make accesses, as with [`soft`](crate::soft). Devices come and go on the thread that has the
//! front end, whose tables they get: where they do, it is asked for.
use std::os::raw::c_void;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::Arc;

use viq_sys::*;

use crate::error::{check, contain, with_why, Error, Result, EBUSY, EINVAL};
use crate::mem::Mem;
use crate::size;
pub use crate::soft::{Access, Counters, Notify, Thread};
use crate::vtd::{Backend, Devtlb, Vtd};

/// What the IOMMU can, and how much it caches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// As the guest is told.
    pub cap: u64,
    /// As the guest is told.
    pub ecap: u64,
    /// A power of two, 64 to 2^24.
    pub tlb_entries: u32,
    /// Of each device, a power of two, 16 to 2^20.
    pub devtlb_entries: u32,
    /// Tables of devices at most, over all devices: 1 to 65535.
    pub tables: u32,
    /// The IOTLB's descriptors invalidate device-TLBs as well, as on Linux. Else they are for [`Soft::devtlb`].
    pub devtlb_implied: bool,
}

fn default() -> viq_soft_vtd_config {
    let mut raw = viq_soft_vtd_config::default();
    unsafe { viq_soft_vtd_config_init(&mut raw, size::<viq_soft_vtd_config>() as usize) };
    raw
}

impl Default for Config {
    /// As `viq_soft_vtd_config_init()` says.
    fn default() -> Config {
        let viq_soft_vtd_config { cap, ecap, tlb_entries, devtlb_entries, tables, devtlb_implied, .. } = default();
        Config { cap, ecap, tlb_entries, devtlb_entries, tables, devtlb_implied: devtlb_implied != 0 }
    }
}

struct Inner {
    raw: *mut viq_soft_vtd,
    notify: *mut Notify,
    taken: AtomicBool, // by a front end
    _mem: Mem,
}

// SAFETY: any number of threads make accesses; what calls the front end has its only owner's &mut.
unsafe impl Send for Inner {}
unsafe impl Sync for Inner {}

impl Drop for Inner {
    fn drop(&mut self) {
        // SAFETY: all that is made of it keeps it.
        unsafe {
            viq_soft_vtd_destroy(self.raw);
            if !self.notify.is_null() {
                drop(Box::from_raw(self.notify));
            }
        }
    }
}

unsafe extern "C" fn notify(opaque: *mut c_void) {
    contain((), || unsafe { (*opaque.cast::<Notify>())() })
}

/// What a front end keeps: it is the only one.
struct Taken(Arc<Inner>);

impl Drop for Taken {
    fn drop(&mut self) {
        self.0.taken.store(false, SeqCst);
    }
}

/// A software IOMMU. The guest's memory is the physical memory: there is no second stage of the VMM's.
#[derive(Clone)]
pub struct Soft(Arc<Inner>);

impl Soft {
    /// The error names the member that cannot be so.
    pub fn new(config: &Config, mem: &Mem, wake: Option<Notify>) -> Result<Soft> {
        let Config { cap, ecap, tlb_entries, devtlb_entries, tables, devtlb_implied } = *config;
        let wake = wake.map_or(ptr::null_mut(), |wake| Box::into_raw(Box::new(wake)));
        // From here on drop() undoes all.
        let mut inner = Inner { raw: ptr::null_mut(), notify: wake, taken: AtomicBool::new(false), _mem: mem.clone() };
        let raw = viq_soft_vtd_config {
            cap,
            ecap,
            tlb_entries,
            devtlb_entries,
            tables,
            devtlb_implied: devtlb_implied.into(),
            mem: mem.raw(),
            notify: if wake.is_null() { None } else { Some(notify) },
            opaque: wake.cast(),
            ..default()
        };
        with_why(|why| unsafe { viq_soft_vtd_create(&raw, &mut inner.raw, why) })?;
        Ok(Soft(Arc::new(inner)))
    }

    /// For [`Vtd::nested`]. EBUSY: another front end has it.
    pub fn backend(&self) -> Result<Backend> {
        if self.0.taken.swap(true, SeqCst) {
            return Err(Error::from_errno(EBUSY));
        }
        // SAFETY: valid as long as the unit, which is kept.
        Ok(unsafe { Backend::from_raw(viq_soft_vtd_backend(self.0.raw), Arc::new(Taken(self.0.clone()))) })
    }

    /// A device with this source-id, with ATS or without. It aborts all accesses until the front end
    /// [follows](Vtd::follow) it. EEXIST: the source-id is taken; EINVAL: the front end is another unit's.
    pub fn device(&self, vtd: &mut Vtd, source_id: u16, ats: bool) -> Result<Device> {
        self.0.check(vtd)?;
        let mut device = Device { raw: ptr::null_mut(), unit: self.0.clone() };
        with_why(|why| unsafe { viq_soft_vtd_dev_alloc(self.0.raw, source_id, &mut device.raw, why) })?;
        if let Err(error) = check(unsafe { viq_soft_vtd_dev_set_ats(device.raw, ats) }) {
            device.unplug(vtd)?;
            return Err(error);
        }
        Ok(device)
    }

    /// Invalidate a device's TLB: for the front end's hook of this name.
    pub fn devtlb(&self, inv: &Devtlb) -> Result<()> {
        check(unsafe { viq_soft_vtd_devtlb(self.0.raw, inv) })
    }

    /// A snapshot.
    pub fn counters(&self) -> Counters {
        let mut counters = Counters::default();
        unsafe { viq_soft_vtd_counters(self.0.raw, &mut counters, std::mem::size_of::<Counters>()) };
        counters
    }
}

impl Inner {
    /// Is it this unit that the front end has?
    fn check(&self, vtd: &Vtd) -> Result<()> {
        // SAFETY: only looked at.
        let ours = unsafe { viq_soft_vtd_backend(self.raw) };
        check(if vtd.has(&ours) { 0 } else { -EINVAL })
    }
}

/// A device behind the software IOMMU. One that is dropped, and not [unplugged](Device::unplug), keeps its source-id.
pub struct Device {
    raw: *mut viq_soft_vtd_dev,
    unit: Arc<Inner>,
}

// SAFETY: any number of threads use it.
unsafe impl Send for Device {}
unsafe impl Sync for Device {}

impl Device {
    /// It leaves its source-id, and the front end its tables. EINVAL: the front end is another unit's. Not inside an
    /// access: EDEADLK.
    pub fn unplug(self, vtd: &mut Vtd) -> Result<()> {
        self.unit.check(vtd)?;
        check(unsafe { viq_soft_vtd_dev_free(self.raw) })
    }

    /// DMA: translate and copy. EFAULT: aborted.
    pub fn read(&self, _thread: &Thread, iova: u64, pasid: Option<u32>, buf: &mut [u8]) -> Result<()> {
        let (pasid, flags) = (pasid.unwrap_or(0), pasid.map_or(0, |_| VIQ_SOFT_SSV));
        check(unsafe { viq_soft_vtd_dma_read(self.raw, iova, pasid, flags, buf.as_mut_ptr().cast(), buf.len()) })
    }

    /// DMA: translate and copy. Errors as above.
    pub fn write(&self, _thread: &Thread, iova: u64, pasid: Option<u32>, buf: &[u8]) -> Result<()> {
        let (pasid, flags) = (pasid.unwrap_or(0), pasid.map_or(0, |_| VIQ_SOFT_SSV));
        check(unsafe { viq_soft_vtd_dma_write(self.raw, iova, pasid, flags, buf.as_ptr().cast(), buf.len()) })
    }

    /// Translate, inside an access: what it gives may be used until that ends. flags: `VIQ_SOFT_*`. The physical
    /// address, and the bytes from there on that the same translation covers.
    pub fn translate(&self, _access: &Access<'_>, iova: u64, pasid: u32, flags: u32) -> Result<(u64, u64)> {
        let mut out = viq_soft_xlate::default();
        check(unsafe { viq_soft_vtd_translate(self.raw, iova, pasid, flags, &mut out) })?;
        Ok((out.pa, out.len))
    }
}
