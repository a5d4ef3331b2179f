// SPDX-License-Identifier: MIT
//! A software IOMMU with the tables of Arm SMMUv3 (`viq/soft_smmuv3.h`): the host for emulated devices.
//!
//! Any number of threads make accesses while others invalidate. A thread that does has a [`Thread`]; an invalidate call
//! returns when every access begun through what it invalidates has ended.
use std::cell::Cell;
use std::marker::PhantomData;
use std::os::raw::c_void;
use std::ptr;
use std::sync::Arc;

use viq_sys::*;

use crate::call::Host;
use crate::error::{check, contain, with_why, Result};
use crate::mem::Mem;
use crate::size;
use crate::smmuv3::Backend;

/// What has been counted since creation.
pub use viq_sys::viq_soft_counters as Counters;

/// What the IOMMU can, and how much it caches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // registers
pub struct Config {
    pub idr0: u32,
    pub idr1: u32,
    pub idr3: u32,
    pub idr5: u32,
    /// A power of two, 64 to 2^24.
    pub tlb_entries: u32,
    /// Of each device, a power of two, 16 to 2^20.
    pub atc_entries: u32,
}

fn default() -> viq_soft_config {
    let mut raw = viq_soft_config::default();
    unsafe { viq_soft_config_init(&mut raw, size::<viq_soft_config>() as usize) };
    raw
}

impl Default for Config {
    /// As `viq_soft_config_init()` says.
    fn default() -> Config {
        let viq_soft_config { idr0, idr1, idr3, idr5, tlb_entries, atc_entries, .. } = default();
        Config { idr0, idr1, idr3, idr5, tlb_entries, atc_entries }
    }
}

/// Wakes who takes the events: called on the accessing thread, which must not wait.
pub type Notify = Box<dyn Fn() + Send + Sync>;

struct Inner {
    raw: *mut viq_soft,
    notify: *mut Notify,
    _mem: Mem,
}

// SAFETY: any number of threads use it.
unsafe impl Send for Inner {}
unsafe impl Sync for Inner {}

impl Drop for Inner {
    fn drop(&mut self) {
        // SAFETY: all that is made of it keeps it.
        unsafe {
            viq_soft_destroy(self.raw);
            if !self.notify.is_null() {
                drop(Box::from_raw(self.notify));
            }
        }
    }
}

unsafe extern "C" fn notify(opaque: *mut c_void, _viommu: u32) {
    contain((), || unsafe { (*opaque.cast::<Notify>())() })
}

struct ViommuInner {
    id: u32,
    s2: u32,
    soft: Inner,
}

impl Drop for ViommuInner {
    fn drop(&mut self) {
        for id in [self.id, self.s2] {
            // An id of 0 is no object.
            unsafe { viq_soft_object_free(self.soft.raw, id) };
        }
    }
}

/// A software IOMMU and one guest's view of it. The guest's memory is the physical memory: there is no stage 2.
#[derive(Clone)]
pub struct Soft(Arc<ViommuInner>);

impl Soft {
    /// The error names the member that cannot be so.
    pub fn new(config: &Config, mem: &Mem, wake: Option<Notify>) -> Result<Soft> {
        let Config { idr0, idr1, idr3, idr5, tlb_entries, atc_entries } = *config;
        let wake = wake.map_or(ptr::null_mut(), |wake| Box::into_raw(Box::new(wake)));
        let inner = Inner { raw: ptr::null_mut(), notify: wake, _mem: mem.clone() };
        // From here on drop() undoes all.
        let mut unit = ViommuInner { id: 0, s2: 0, soft: inner };
        let raw = viq_soft_config {
            idr0,
            idr1,
            idr3,
            idr5,
            tlb_entries,
            atc_entries,
            mem: mem.raw(),
            notify: if wake.is_null() { None } else { Some(notify) },
            opaque: wake.cast(),
            ..default()
        };
        let s2 = viq_soft_s2_config { size: size::<viq_soft_s2_config>(), identity: 1, ..Default::default() };
        with_why(|why| unsafe { viq_soft_create(&raw, &mut unit.soft.raw, why) })?;
        with_why(|why| unsafe { viq_soft_s2_alloc(unit.soft.raw, &s2, &mut unit.s2, why) })?;
        with_why(|why| unsafe { viq_soft_viommu_alloc(unit.soft.raw, unit.s2, &mut unit.id, why) })?;
        Ok(Soft(Arc::new(unit)))
    }

    fn raw(&self) -> *mut viq_soft {
        self.0.soft.raw
    }

    /// Where invalidations go, for a front end that does not follow the guest's tables.
    pub fn host(&self) -> Host {
        // SAFETY: valid as long as the unit, which is kept.
        unsafe { Host::from_raw(viq_soft_host(self.raw(), self.0.id), self.0.clone()) }
    }

    /// For [`Smmuv3::nested`](crate::smmuv3::Smmuv3::nested).
    pub fn backend(&self) -> Backend {
        // SAFETY: as above.
        unsafe { Backend::from_raw(viq_soft_backend(self.raw(), self.0.id), self.0.clone()) }
    }

    /// A device at a StreamID of the guest, with ATS or without. It aborts all accesses until the front end
    /// [follows](crate::smmuv3::Smmuv3::follow) it. EEXIST: the StreamID is taken.
    pub fn device(&self, sid: u32, ats: bool) -> Result<Device> {
        let mut device = Device { raw: ptr::null_mut(), id: 0, unit: self.0.clone() };
        with_why(|why| unsafe { viq_soft_dev_alloc(self.raw(), &mut device.raw, why) })?;
        with_why(|why| unsafe { viq_soft_vdevice_alloc(self.raw(), self.0.id, device.raw, sid, &mut device.id, why) })?;
        check(unsafe { viq_soft_dev_set_ats(device.raw, ats) })?;
        Ok(device)
    }

    /// A snapshot.
    pub fn counters(&self) -> Counters {
        let mut counters = Counters::default();
        unsafe { viq_soft_counters(self.raw(), &mut counters, std::mem::size_of::<Counters>()) };
        counters
    }
}

/// A device behind the software IOMMU. It leaves its StreamID when it is dropped, which must not be inside an access.
pub struct Device {
    raw: *mut viq_soft_dev,
    id: u32,
    unit: Arc<ViommuInner>,
}

// SAFETY: any number of threads use it.
unsafe impl Send for Device {}
unsafe impl Sync for Device {}

impl Drop for Device {
    fn drop(&mut self) {
        if !self.raw.is_null() {
            // SAFETY: it is the last user.
            unsafe {
                viq_soft_object_free(self.unit.soft.raw, self.id);
                viq_soft_dev_free(self.raw);
            }
        }
    }
}

impl Device {
    /// DMA: translate and copy. ssid: a SubstreamID. EFAULT: aborted; ENODATA: terminated without abort.
    pub fn read(&self, _thread: &Thread, iova: u64, ssid: Option<u32>, buf: &mut [u8]) -> Result<()> {
        let (ssid, flags) = (ssid.unwrap_or(0), ssid.map_or(0, |_| VIQ_SOFT_SSV));
        check(unsafe { viq_soft_dma_read(self.raw, iova, ssid, flags, buf.as_mut_ptr().cast(), buf.len()) })
    }

    /// DMA: translate and copy. Errors as above.
    pub fn write(&self, _thread: &Thread, iova: u64, ssid: Option<u32>, buf: &[u8]) -> Result<()> {
        let (ssid, flags) = (ssid.unwrap_or(0), ssid.map_or(0, |_| VIQ_SOFT_SSV));
        check(unsafe { viq_soft_dma_write(self.raw, iova, ssid, flags, buf.as_ptr().cast(), buf.len()) })
    }

    /// Translate, inside an access: what it gives may be used until that ends. flags: `VIQ_SOFT_*`. The physical
    /// address, and the bytes from there on that the same translation covers.
    pub fn translate(&self, _access: &Access<'_>, iova: u64, ssid: u32, flags: u32) -> Result<(u64, u64)> {
        let mut out = viq_soft_xlate::default();
        check(unsafe { viq_soft_translate(self.raw, iova, ssid, flags, &mut out) })?;
        Ok((out.pa, out.len))
    }
}

/// This thread makes accesses.
pub struct Thread(PhantomData<Cell<*const ()>>);

impl Thread {
    /// May be nested.
    pub fn register() -> Result<Thread> {
        check(unsafe { viq_soft_thread_register() })?;
        Ok(Thread(PhantomData))
    }

    /// Begins an access, which ends when this is dropped. Keep it short: invalidations wait for it.
    pub fn access(&self) -> Access<'_> {
        unsafe { viq_soft_access_begin() };
        Access(PhantomData)
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        unsafe { viq_soft_thread_unregister() };
    }
}

/// An access of this thread.
pub struct Access<'a>(PhantomData<(&'a Thread, Cell<*const ()>)>);

impl Drop for Access<'_> {
    fn drop(&mut self) {
        unsafe { viq_soft_access_end() };
    }
}
