// SPDX-License-Identifier: MIT
//! The invalidate call (`viq/call.h`): entries go to a host, one exact answer comes back.
use std::any::Any;
use std::mem;
use std::os::raw::{c_int, c_void};
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::{Arc, Mutex};

use viq_sys::*;

use crate::error::{check, contain, with_why, Error, Result, EINVAL, EIO};
use crate::size;

/// An entry of VT-d: addr, npages, flags.
pub use viq_sys::viq_vtd_s1_entry as VtdEntry;

/// An entry of an array.
///
/// # Safety
/// TYPE's entries have this type's size, an alignment of 8 at most, and any bits are a value of it.
pub unsafe trait Entry: Copy {
    /// `VIQ_CALL_*`.
    const TYPE: u32;
}

/// A guest's command, words little endian (`u64::to_le()`).
// SAFETY: 16 bytes.
unsafe impl Entry for [u64; 2] {
    const TYPE: u32 = VIQ_CALL_SMMUV3;
}

// SAFETY: 24 bytes, plain numbers.
unsafe impl Entry for VtdEntry {
    const TYPE: u32 = VIQ_CALL_VTD_S1;
}

/// Why a call failed, in host-neutral terms (`enum viq_call_error`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// The host refuses the entry itself.
    Illegal,
    /// The host could not read an entry.
    Aborted,
    /// A device did not confirm an invalidation in time.
    Timeout,
    /// The host's hardware failed otherwise.
    Failed,
    /// The host had no memory for the call.
    NoMemory,
    /// The target object or its device no longer exists.
    Gone,
    /// The host does not know this entry type.
    Unsupported,
}

impl Failure {
    fn from_raw(error: u32) -> Option<Failure> {
        Some(match error {
            VIQ_CALL_NONE => return None,
            VIQ_CALL_ILLEGAL => Failure::Illegal,
            VIQ_CALL_ABORTED => Failure::Aborted,
            VIQ_CALL_TIMEOUT => Failure::Timeout,
            VIQ_CALL_NO_MEMORY => Failure::NoMemory,
            VIQ_CALL_GONE => Failure::Gone,
            VIQ_CALL_UNSUPPORTED => Failure::Unsupported,
            _ => Failure::Failed,
        })
    }

    fn raw(self) -> u32 {
        match self {
            Failure::Illegal => VIQ_CALL_ILLEGAL,
            Failure::Aborted => VIQ_CALL_ABORTED,
            Failure::Timeout => VIQ_CALL_TIMEOUT,
            Failure::Failed => VIQ_CALL_FAILED,
            Failure::NoMemory => VIQ_CALL_NO_MEMORY,
            Failure::Gone => VIQ_CALL_GONE,
            Failure::Unsupported => VIQ_CALL_UNSUPPORTED,
        }
    }
}

/// What became of an array. Without a failure handled and suspect are the number of entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Entries before this one took effect. Nothing from it on is done, though it may have run.
    pub handled: u32,
    /// The last one that can have caused the failure.
    pub suspect: u32,
    /// None: all took effect.
    pub failure: Option<Failure>,
    /// The hardware's own error code, 0 if it gave none.
    pub hw_code: u32,
    /// Errno of the operating system, positive, 0 if it gave none.
    pub errno: i32,
    /// Calls made to the host or hosts, the search for a culprit included.
    pub host_calls: u32,
    /// Of these, what failures have cost.
    pub extra_calls: u32,
}

impl Answer {
    /// All count entries took effect.
    pub fn done(count: u32) -> Answer {
        let (handled, suspect) = (count, count);
        Answer { handled, suspect, failure: None, hw_code: 0, errno: 0, host_calls: 1, extra_calls: 0 }
    }

    /// Entry index failed, those before it took effect.
    pub fn failed(index: u32, failure: Failure) -> Answer {
        Answer { failure: Some(failure), ..Answer::done(index) }
    }

    pub(crate) fn from_raw(raw: &viq_call_result) -> Answer {
        Answer {
            handled: raw.handled,
            suspect: raw.suspect,
            failure: Failure::from_raw(raw.error),
            hw_code: raw.hw_code,
            errno: raw.os_error.wrapping_neg(),
            host_calls: raw.host_calls,
            extra_calls: raw.extra_calls,
        }
    }
}

/// An array of entries on its way to a host.
pub struct Request<'a>(&'a viq_call_request);

impl<'a> Request<'a> {
    /// The host's id of the target object: of a host in Rust always 0.
    pub fn object(&self) -> u32 {
        self.0.object
    }

    /// The number of entries.
    pub fn count(&self) -> u32 {
        self.pieces().iter().map(|piece| piece.count).sum()
    }

    fn pieces(&self) -> &'a [viq_call_piece] {
        if self.0.piece_count == 0 {
            return &[];
        }
        // SAFETY: as the library says.
        unsafe { slice::from_raw_parts(self.0.pieces, self.0.piece_count as usize) }
    }

    /// The entries, in order. None: they are of another type, which an answer of
    /// [`Unsupported`](Failure::Unsupported) says.
    pub fn entries<E: Entry + 'a>(&self) -> Option<impl Iterator<Item = &'a E>> {
        (self.0.type_ == E::TYPE).then(|| {
            self.pieces().iter().filter(|piece| piece.count != 0).flat_map(|piece| {
                // SAFETY: so many entries of this type, aligned to 8 bytes, that nobody writes during the call.
                unsafe { slice::from_raw_parts(piece.entries.cast::<E>(), piece.count as usize) }
            })
        })
    }
}

/// A host written in Rust. Called from any thread.
pub trait HostOps: Send + Sync {
    /// Execute the entries in order. Must not return before each that it reports took effect. An error, or a panic:
    /// nothing is known of them.
    fn invalidate(&self, request: &Request<'_>) -> Result<Answer>;

    /// `VIQ_CALL_STREAM_*` of a StreamID.
    fn stream(&self, _sid: u32) -> u32 {
        VIQ_CALL_STREAM_KNOWN | VIQ_CALL_STREAM_ATS
    }

    /// Of a failed call only multiples of this count are to be believed: 1, it is exact; 0, none is.
    fn report_group(&self) -> u32 {
        1
    }
}

struct Shim<T> {
    ops: viq_call_host_ops,
    host: T,
}

unsafe extern "C" fn invalidate<T: HostOps>(
    opaque: *mut c_void,
    request: *const viq_call_request,
    result: *mut viq_call_result,
) -> c_int {
    contain(-EIO, || {
        // SAFETY: Host::new() gave the shim; the library its request and result.
        let (shim, request, result) = unsafe { (&*opaque.cast::<Shim<T>>(), &*request, &mut *result) };
        match shim.host.invalidate(&Request(request)) {
            Ok(answer) => {
                result.handled = answer.handled;
                result.suspect = answer.suspect;
                result.error = answer.failure.map_or(VIQ_CALL_NONE, Failure::raw);
                result.hw_code = answer.hw_code;
                result.os_error = answer.errno.wrapping_neg();
                result.host_calls = answer.host_calls;
                result.extra_calls = answer.extra_calls;
                0
            }
            Err(error) => error.negative(),
        }
    })
}

unsafe extern "C" fn stream<T: HostOps>(opaque: *mut c_void, _object: u32, sid: u32) -> u32 {
    // A stream that is taken for known costs a call; one that is not, an invalidation.
    let every = VIQ_CALL_STREAM_KNOWN | VIQ_CALL_STREAM_ATS;
    // SAFETY: as above.
    contain(every, || unsafe { &*opaque.cast::<Shim<T>>() }.host.stream(sid))
}

/// Where invalidations go: a host and the target object in it. Clones are the same one.
#[derive(Clone)]
pub struct Host {
    raw: viq_call_host,
    _keep: Option<Arc<dyn Any + Send + Sync>>,
}

// SAFETY: a host's functions may be called from any thread; the rest is Send and Sync.
unsafe impl Send for Host {}
unsafe impl Sync for Host {}

impl Host {
    /// Accepts and forgets everything, knows every stream.
    pub fn null() -> Host {
        Host { raw: unsafe { viq_call_null_host() }, _keep: None }
    }

    /// A host written in Rust.
    pub fn new<T: HostOps + 'static>(host: T) -> Host {
        let ops = viq_call_host_ops {
            size: size::<viq_call_host_ops>(),
            report_group: host.report_group(),
            invalidate: Some(invalidate::<T>),
            stream: Some(stream::<T>),
            call_entries: 0,
        };
        let shim = Arc::new(Shim { ops, host });
        let raw = viq_call_host { ops: &shim.ops, opaque: Arc::as_ptr(&shim) as *mut c_void, object: 0 };
        Host { raw, _keep: Some(shim) }
    }

    /// A host of the C library's.
    ///
    /// # Safety
    /// It is valid as long as keep lives.
    pub unsafe fn from_raw(raw: viq_call_host, keep: Arc<dyn Any + Send + Sync>) -> Host {
        Host { raw, _keep: Some(keep) }
    }

    /// For the C library. Valid as long as this host or a clone of it lives.
    pub fn raw(&self) -> viq_call_host {
        self.raw
    }

    /// Make the call, and find out exactly which entries took effect, however imprecise the host is.
    ///
    /// At most 16 pieces and 2^19 entries. An error: nothing was done. What failed at the host is in the answer.
    ///
    /// ```
    /// use viq::{call::Host, sys};
    ///
    /// let command = [u64::from(sys::VIQ_SMMUV3_OP_TLBI_NH_ALL).to_le(), 0];
    /// let answer = Host::null().invalidate(&[&[command]])?;
    /// assert_eq!((answer.handled, answer.failure), (1, None));
    /// # Ok::<(), viq::Error>(())
    /// ```
    pub fn invalidate<E: Entry>(&self, pieces: &[&[E]]) -> Result<Answer> {
        let too_long = pieces.iter().any(|piece| piece.len() > VIQ_CALL_MAX_ENTRIES as usize);
        if pieces.len() > VIQ_CALL_MAX_PIECES as usize || too_long || mem::align_of::<E>() != 8 {
            return Err(Error::from_errno(EINVAL));
        }
        let mut list = [viq_call_piece { entries: ptr::null(), count: 0 }; VIQ_CALL_MAX_PIECES as usize];
        for (to, piece) in list.iter_mut().zip(pieces) {
            *to = viq_call_piece { entries: piece.as_ptr().cast(), count: piece.len() as u32 };
        }
        let request = viq_call_request {
            size: size::<viq_call_request>(),
            object: self.raw.object,
            type_: E::TYPE,
            entry_size: size::<E>(),
            pieces: list.as_ptr(),
            piece_count: pieces.len() as u32,
            reserved: 0,
        };
        let mut result = viq_call_result { size: size::<viq_call_result>(), ..Default::default() };
        check(unsafe { viq_call_invalidate(&self.raw, &request, &mut result) })?;
        Ok(Answer::from_raw(&result))
    }

    /// What the host knows of a StreamID: `VIQ_CALL_STREAM_*`.
    pub fn stream(&self, sid: u32) -> u32 {
        unsafe { viq_call_stream(&self.raw, sid) }
    }
}

struct FanOutInner {
    raw: NonNull<viq_call_fanout>,
    hosts: Mutex<Vec<Host>>,
}

// SAFETY: hosts come and go on any thread.
unsafe impl Send for FanOutInner {}
unsafe impl Sync for FanOutInner {}

impl Drop for FanOutInner {
    fn drop(&mut self) {
        // SAFETY: nobody uses it any more.
        unsafe { viq_call_fanout_destroy(self.raw.as_ptr()) }
    }
}

/// Several hosts as one: every entry goes to each that it concerns, and what counts is what took effect in all.
pub struct FanOut(Arc<FanOutInner>);

impl FanOut {
    /// None to begin with, which knows no stream and handles everything; at most 8.
    pub fn new(hosts: &[Host]) -> Result<FanOut> {
        let list: Vec<viq_call_host> = hosts.iter().map(Host::raw).collect();
        let count = u32::try_from(list.len()).map_err(|_| Error::from_errno(EINVAL))?;
        let mut raw = ptr::null_mut();
        with_why(|why| unsafe { viq_call_fanout_create(list.as_ptr(), count, &mut raw, why) })?;
        let raw = NonNull::new(raw).expect("made");
        Ok(FanOut(Arc::new(FanOutInner { raw, hosts: Mutex::new(hosts.to_vec()) })))
    }

    /// All of them, as one host.
    pub fn host(&self) -> Host {
        let raw = unsafe { viq_call_fanout_host(self.0.raw.as_ptr()) };
        Host { raw, _keep: Some(self.0.clone()) }
    }

    /// A host joins, which holds nothing of the guest's yet.
    pub fn add(&self, host: &Host) -> Result<()> {
        with_why(|why| unsafe { viq_call_fanout_add(self.0.raw.as_ptr(), &host.raw, why) })?;
        self.hosts().push(host.clone());
        Ok(())
    }

    /// A host leaves: waits for the calls that are in it. EDEADLK: called from within a host's function.
    pub fn remove(&self, host: &Host) -> Result<()> {
        check(unsafe { viq_call_fanout_remove(self.0.raw.as_ptr(), &host.raw) })?;
        let same = |a: &viq_call_host, b: &viq_call_host| {
            ptr::eq(a.ops, b.ops) && ptr::eq(a.opaque, b.opaque) && a.object == b.object
        };
        let mut hosts = self.hosts();
        let gone = hosts.iter().position(|kept| same(&kept.raw, &host.raw)).map(|index| hosts.swap_remove(index));
        drop(hosts); // before the host, whose end may come here again
        drop(gone);
        Ok(())
    }

    fn hosts(&self) -> std::sync::MutexGuard<'_, Vec<Host>> {
        self.0.hosts.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
