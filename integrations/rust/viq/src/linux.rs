// SPDX-License-Identifier: MIT
//! Exact invalidation through Linux's iommufd (`viq/linux_host.h`), for an object in it that the VMM has made.
//!
//! What makes such objects (`viq/linux.h`, `viq/linux_smmuv3.h`, `viq/linux_vtd.h`) is in [`sys`](crate::sys).
use std::ffi::CStr;
use std::mem;
use std::os::raw::{c_char, c_int, c_ulong, c_void};
use std::os::unix::io::AsRawFd;
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::Arc;

use viq_sys::*;

use crate::call::Host;
use crate::error::{check, contain, with_why, Result, EIO};
use crate::size;

/// What has been counted since creation.
pub use viq_sys::viq_linux_host_counters as Counters;
/// The physical IOMMU in front of a device.
pub use viq_sys::viq_linux_hw_info as HwInfo;

/// How long an array one system call gets. All are exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Calls {
    /// Whole runs.
    Bulk,
    /// At most 63 entries, the kernel's own group.
    Strict,
    /// One entry: slow, for comparing.
    Single,
}

/// The system calls that the library makes, replaced: for tests, or a process that must have them made elsewhere.
///
/// Each returns as the system call does, but a negative errno instead of -1. Called from any thread.
pub trait Sys: Send + Sync {
    /// open()
    fn open(&self, path: &CStr, flags: c_int) -> c_int;
    /// close()
    fn close(&self, fd: c_int) -> c_int;
    /// ioctl()
    ///
    /// # Safety
    /// arg is what the request takes.
    unsafe fn ioctl(&self, fd: c_int, request: c_ulong, arg: *mut c_void) -> c_int;
    /// read(): of events, which nothing here asks for.
    fn read(&self, _fd: c_int, _buf: &mut [u8]) -> i64 {
        -38 // ENOSYS
    }
}

type BoxedSys = Box<dyn Sys>;

unsafe extern "C" fn open(opaque: *mut c_void, path: *const c_char, flags: c_int) -> c_int {
    contain(-EIO, || unsafe { (*opaque.cast::<BoxedSys>()).open(CStr::from_ptr(path), flags) })
}

unsafe extern "C" fn close(opaque: *mut c_void, fd: c_int) -> c_int {
    contain(-EIO, || unsafe { (*opaque.cast::<BoxedSys>()).close(fd) })
}

unsafe extern "C" fn ioctl(opaque: *mut c_void, fd: c_int, request: c_ulong, arg: *mut c_void) -> c_int {
    contain(-EIO, || unsafe { (*opaque.cast::<BoxedSys>()).ioctl(fd, request, arg) })
}

unsafe extern "C" fn read(opaque: *mut c_void, fd: c_int, buf: *mut c_void, len: usize) -> i64 {
    contain((-EIO).into(), || unsafe {
        // SAFETY: the library gives len bytes, which may never have been written.
        ptr::write_bytes(buf.cast::<u8>(), 0, len);
        (*opaque.cast::<BoxedSys>()).read(fd, slice::from_raw_parts_mut(buf.cast::<u8>(), len))
    })
}

struct Inner {
    raw: NonNull<viq_linux>,
    sys: *mut BoxedSys,
    _fd: Option<Box<dyn AsRawFd + Send + Sync>>,
}

// SAFETY: the functions may be used from any thread.
unsafe impl Send for Inner {}
unsafe impl Sync for Inner {}

impl Drop for Inner {
    fn drop(&mut self) {
        // SAFETY: nobody uses it any more.
        unsafe {
            viq_linux_close(self.raw.as_ptr());
            if !self.sys.is_null() {
                drop(Box::from_raw(self.sys));
            }
        }
    }
}

/// An iommufd. Clones are the same one.
#[derive(Clone)]
pub struct Iommufd(Arc<Inner>);

impl Iommufd {
    /// Opens /dev/iommu.
    pub fn open() -> Result<Iommufd> {
        Iommufd::create(None, None)
    }

    /// With an open /dev/iommu, which is kept as long as this is used.
    pub fn with_fd(fd: impl AsRawFd + Send + Sync + 'static) -> Result<Iommufd> {
        Iommufd::create(Some(Box::new(fd)), None)
    }

    /// As [`open`](Iommufd::open), with other system calls.
    pub fn with_sys(sys: impl Sys + 'static) -> Result<Iommufd> {
        Iommufd::create(None, Some(Box::new(sys)))
    }

    fn create(fd: Option<Box<dyn AsRawFd + Send + Sync>>, sys: Option<BoxedSys>) -> Result<Iommufd> {
        let calls = viq_linux_sys {
            size: size::<viq_linux_sys>(),
            open: Some(open),
            close: Some(close),
            ioctl: Some(ioctl),
            read: Some(read),
            ..Default::default()
        };
        let replaced = sys.is_some();
        let sys = sys.map_or(ptr::null_mut(), |sys| Box::into_raw(Box::new(sys)));
        let config = viq_linux_config {
            size: size::<viq_linux_config>(),
            fd: fd.as_ref().map_or(-1, |fd| fd.as_raw_fd()),
            sys: if replaced { &calls } else { ptr::null() },
            sys_opaque: sys.cast(),
        };
        let mut raw = ptr::null_mut();
        match with_why(|why| unsafe { viq_linux_open(&config, &mut raw, why) }) {
            Ok(()) => Ok(Iommufd(Arc::new(Inner { raw: NonNull::new(raw).expect("made"), sys, _fd: fd }))),
            Err(error) => {
                if replaced {
                    // SAFETY: made above, and nobody has it.
                    drop(unsafe { Box::from_raw(sys) });
                }
                Err(error)
            }
        }
    }

    /// For the C library. Valid as long as this or a clone of it lives.
    pub fn raw(&self) -> *mut viq_linux {
        self.0.raw.as_ptr()
    }

    /// The physical IOMMU in front of a device, by the device's id in this iommufd.
    pub fn hw_info(&self, device: u32) -> Result<HwInfo> {
        let mut info = HwInfo { size: size::<HwInfo>(), ..Default::default() };
        check(unsafe { viq_linux_hw_info(self.raw(), device, &mut info) })?;
        Ok(info)
    }

    /// A host for the vIOMMU with this id, an SMMUv3's. hw: of any device behind it. The vIOMMU may go first.
    pub fn smmuv3(&self, viommu: u32, hw: &HwInfo, calls: Calls) -> Result<Smmuv3Host> {
        let calls = match calls {
            Calls::Bulk => VIQ_LINUX_CALLS_BULK,
            Calls::Strict => VIQ_LINUX_CALLS_STRICT,
            Calls::Single => VIQ_LINUX_CALLS_SINGLE,
        };
        let hw = HwInfo { size: size::<HwInfo>(), ..*hw };
        let mut raw = ptr::null_mut();
        with_why(|why| unsafe { viq_linux_smmuv3_host_create(self.raw(), viommu, &hw, calls, &mut raw, why) })?;
        Ok(Smmuv3Host(Arc::new(Smmuv3Inner { raw, _linux: self.clone() })))
    }

    /// A host for the nested page table with this id, a VT-d's. The table may go first.
    pub fn vtd(&self, hwpt: u32) -> Result<VtdHost> {
        let mut raw = ptr::null_mut();
        with_why(|why| unsafe { viq_linux_vtd_host_create(self.raw(), hwpt, &mut raw, why) })?;
        Ok(VtdHost(Arc::new(VtdInner { raw, _linux: self.clone() })))
    }
}

macro_rules! host {
    ($name:ident, $inner:ident, $raw:ty, $destroy:ident, $get:ident, $counters:ident, $doc:literal) => {
        struct $inner {
            raw: *mut $raw,
            _linux: Iommufd,
        }

        // SAFETY: everything may be used from any thread.
        unsafe impl Send for $inner {}
        unsafe impl Sync for $inner {}

        impl Drop for $inner {
            fn drop(&mut self) {
                // SAFETY: nobody uses it any more.
                unsafe { $destroy(self.raw) }
            }
        }

        #[doc = $doc]
        pub struct $name(Arc<$inner>);

        impl $name {
            /// For a front end, a fan-out, or the call alone.
            pub fn host(&self) -> Host {
                // SAFETY: valid as long as the object, which is kept.
                unsafe { Host::from_raw($get(self.0.raw), self.0.clone()) }
            }

            /// A snapshot.
            pub fn counters(&self) -> Counters {
                let mut counters = Counters::default();
                unsafe { $counters(self.0.raw, &mut counters, mem::size_of::<Counters>()) };
                counters
            }
        }
    };
}

host!(
    Smmuv3Host,
    Smmuv3Inner,
    viq_linux_smmuv3_host,
    viq_linux_smmuv3_host_destroy,
    viq_linux_smmuv3_host_get,
    viq_linux_smmuv3_host_counters,
    "Exact invalidation of a vIOMMU: commands of SMMUv3. It knows every stream."
);
host!(
    VtdHost,
    VtdInner,
    viq_linux_vtd_host,
    viq_linux_vtd_host_destroy,
    viq_linux_vtd_host_get,
    viq_linux_vtd_host_counters,
    "Exact invalidation of a nested page table of VT-d."
);
