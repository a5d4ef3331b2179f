// SPDX-License-Identifier: MIT
//! Guest memory as viq sees it (`viq/mem.h`).
use std::os::raw::{c_int, c_void};
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::atomic::AtomicU64;
use std::sync::Arc;

use viq_sys::*;

use crate::error::{check, contain, with_why, Error, Result, EFAULT};
use crate::size;

/// Guest addresses that are memory of this process. The guest may change it at any moment.
pub struct Region {
    gpa: u64,
    host: *mut c_void,
    size: u64,
    flags: u32,
    _keep: Option<Arc<[AtomicU64]>>,
}

impl Region {
    /// Words of Rust's, shared with the guest: little endian in memory, from the guest address gpa on, a multiple of 8.
    pub fn shared(gpa: u64, words: &Arc<[AtomicU64]>) -> Region {
        let host = words.as_ptr() as *mut c_void;
        Region { gpa, host, size: words.len() as u64 * 8, flags: 0, _keep: Some(words.clone()) }
    }

    /// A mapping of the VMM's: size bytes at host. All three are multiples of 8.
    ///
    /// # Safety
    /// The bytes are mapped, and writable unless the region is made [`read_only`](Region::read_only), as long as the
    /// [`Mem`] or a clone of it lives: so also a front end with it. No reference of Rust's to them may exist meanwhile.
    pub unsafe fn raw(gpa: u64, host: *mut u8, size: u64) -> Region {
        Region { gpa, host: host.cast(), size, flags: 0, _keep: None }
    }

    /// The guest, and so viq, cannot write it.
    #[must_use]
    pub fn read_only(mut self) -> Region {
        self.flags |= VIQ_MEM_READONLY;
        self
    }
}

/// For what no region covers, and for dirty tracking. Called on whichever thread touches memory.
pub trait MemHooks: Send + Sync {
    /// Fill buf, or say that there is no memory (errno EFAULT).
    fn read(&self, _gpa: u64, _buf: &mut [u8]) -> Result<()> {
        Err(Error::from_errno(EFAULT))
    }
    /// Write buf, or say that there is no memory.
    fn write(&self, _gpa: u64, _buf: &[u8]) -> Result<()> {
        Err(Error::from_errno(EFAULT))
    }
    /// viq has written len bytes of a region.
    fn written(&self, _gpa: u64, _len: usize) {}
}

type Hooks = Box<dyn MemHooks>;

struct Inner {
    raw: NonNull<viq_mem>,
    hooks: *mut Hooks,
    _regions: Vec<Region>,
}

// SAFETY: viq_mem may be used by any number of threads; hooks are Send and Sync; regions are only kept.
unsafe impl Send for Inner {}
unsafe impl Sync for Inner {}

impl Drop for Inner {
    fn drop(&mut self) {
        // SAFETY: the last user is gone.
        unsafe {
            viq_mem_destroy(self.raw.as_ptr());
            if !self.hooks.is_null() {
                drop(Box::from_raw(self.hooks));
            }
        }
    }
}

/// An address space. It never changes; clones are the same one.
#[derive(Clone)]
pub struct Mem(Arc<Inner>);

unsafe fn hooks<'a>(opaque: *mut c_void) -> &'a Hooks {
    // SAFETY: what create() was given; it outlives the viq_mem.
    unsafe { &*opaque.cast::<Hooks>() }
}

unsafe extern "C" fn read(opaque: *mut c_void, gpa: u64, buf: *mut c_void, len: usize) -> c_int {
    contain(-EFAULT, || {
        // SAFETY: the library gives len bytes, which may never have been written.
        let buf = unsafe {
            ptr::write_bytes(buf.cast::<u8>(), 0, len);
            slice::from_raw_parts_mut(buf.cast::<u8>(), len)
        };
        unsafe { hooks(opaque) }.read(gpa, buf).map_or_else(|error| error.negative(), |()| 0)
    })
}

unsafe extern "C" fn write(opaque: *mut c_void, gpa: u64, buf: *const c_void, len: usize) -> c_int {
    contain(-EFAULT, || {
        // SAFETY: the library gives len bytes.
        let buf = unsafe { slice::from_raw_parts(buf.cast::<u8>(), len) };
        unsafe { hooks(opaque) }.write(gpa, buf).map_or_else(|error| error.negative(), |()| 0)
    })
}

unsafe extern "C" fn written(opaque: *mut c_void, gpa: u64, len: usize) {
    contain((), || unsafe { hooks(opaque) }.written(gpa, len))
}

impl Mem {
    /// An address space of these regions, which may touch each other and not overlap, and hooks for all else.
    pub fn new(regions: Vec<Region>, hooks: Option<Box<dyn MemHooks>>) -> Result<Mem> {
        let list: Vec<viq_mem_region> =
            regions.iter().map(|r| viq_mem_region { gpa: r.gpa, size: r.size, host: r.host, flags: r.flags }).collect();
        let ops =
            viq_mem_ops { size: size::<viq_mem_ops>(), read: Some(read), write: Some(write), written: Some(written) };
        let hooks = hooks.map_or(ptr::null_mut(), |hooks| Box::into_raw(Box::new(hooks)));
        let ops_ptr = if hooks.is_null() { ptr::null() } else { &ops as *const viq_mem_ops };
        let mut raw = ptr::null_mut();
        // SAFETY: regions are valid by the promises of Region's functions, and kept like hooks.
        let made =
            with_why(|why| unsafe { viq_mem_create(list.as_ptr(), list.len(), ops_ptr, hooks.cast(), &mut raw, why) });
        match made {
            Ok(()) => {
                let raw = NonNull::new(raw).expect("made");
                Ok(Mem(Arc::new(Inner { raw, hooks, _regions: regions })))
            }
            Err(error) => {
                if !hooks.is_null() {
                    // SAFETY: made above, and nobody has it.
                    drop(unsafe { Box::from_raw(hooks) });
                }
                Err(error)
            }
        }
    }

    /// Zeroed memory of its own, and the words of it: bytes bytes (a multiple of 8) at gpa. For tests and small guests.
    pub fn zeroed(gpa: u64, bytes: usize) -> Result<(Mem, Arc<[AtomicU64]>)> {
        let words: Arc<[AtomicU64]> = (0..bytes / 8).map(|_| AtomicU64::new(0)).collect();
        Ok((Mem::new(vec![Region::shared(gpa, &words)], None)?, words))
    }

    pub(crate) fn raw(&self) -> *mut viq_mem {
        self.0.raw.as_ptr()
    }

    /// Copy out of guest memory. EFAULT: a part is not there, and what is before it may have been copied.
    pub fn read(&self, gpa: u64, buf: &mut [u8]) -> Result<()> {
        check(unsafe { viq_mem_read(self.raw(), gpa, buf.as_mut_ptr().cast(), buf.len()) })
    }

    /// Copy into guest memory. EFAULT: as for reading, or a part is read-only.
    pub fn write(&self, gpa: u64, buf: &[u8]) -> Result<()> {
        check(unsafe { viq_mem_write(self.raw(), gpa, buf.as_ptr().cast(), buf.len()) })
    }

    /// Little-endian words into host order, each by one load.
    pub fn read_words(&self, gpa: u64, words: &mut [u64]) -> Result<()> {
        check(unsafe { viq_mem_read_words(self.raw(), gpa, words.as_mut_ptr(), words.len()) })
    }

    /// Write one little-endian word by one store.
    pub fn write_u32(&self, gpa: u64, value: u32) -> Result<()> {
        check(unsafe { viq_mem_write_u32(self.raw(), gpa, value) })
    }

    /// Write one little-endian word by one store.
    pub fn write_u64(&self, gpa: u64, value: u64) -> Result<()> {
        check(unsafe { viq_mem_write_u64(self.raw(), gpa, value) })
    }

    /// Replace one little-endian word, if it still is expected. EAGAIN: it is another.
    pub fn cas_u64(&self, gpa: u64, expected: u64, value: u64) -> Result<()> {
        check(unsafe { viq_mem_cas_u64(self.raw(), gpa, expected, value) })
    }

    /// Where gpa is in this process, and the bytes that follow it in the same region. They are the guest's too.
    pub fn span(&self, gpa: u64) -> Option<(NonNull<u8>, u64)> {
        let mut avail = 0;
        let host = unsafe { viq_mem_span(self.raw(), gpa, &mut avail) };
        NonNull::new(host.cast()).map(|host| (host, avail))
    }
}
