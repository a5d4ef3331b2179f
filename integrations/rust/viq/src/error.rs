// SPDX-License-Identifier: MIT
//! Errors: an errno, and the reason in words where the library gives one.
use std::os::raw::c_int;
use std::panic::{self, AssertUnwindSafe};
use std::{fmt, io, mem};

use viq_sys::viq_why;

pub(crate) const EIO: i32 = 5;
pub(crate) const EFAULT: i32 = 14;
#[cfg(feature = "soft")]
pub(crate) const EBUSY: i32 = 16;
pub(crate) const EINVAL: i32 = 22;

/// What the functions of this crate return.
pub type Result<T> = std::result::Result<T, Error>;

/// Why something failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    errno: i32,
    why: String,
}

impl Error {
    /// An error for a hook or a host to return. An errno that is not positive counts as EIO.
    pub fn from_errno(errno: i32) -> Error {
        Error { errno: if errno > 0 { errno } else { EIO }, why: String::new() }
    }

    /// The errno, positive.
    pub fn errno(&self) -> i32 {
        self.errno
    }

    /// One line that names the member, as the C header spells it, and the rule that it breaks, or the cause and the
    /// remedy. Empty if the call has none to give.
    pub fn why(&self) -> &str {
        &self.why
    }

    pub(crate) fn negative(&self) -> c_int {
        -self.errno
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let os = io::Error::from_raw_os_error(self.errno);
        if self.why.is_empty() {
            os.fmt(out)
        } else {
            write!(out, "{} ({})", self.why, os)
        }
    }
}

impl std::error::Error for Error {}

impl From<Error> for io::Error {
    fn from(error: Error) -> io::Error {
        if error.why.is_empty() {
            io::Error::from_raw_os_error(error.errno)
        } else {
            io::Error::new(io::Error::from_raw_os_error(error.errno).kind(), error)
        }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Error {
        Error { errno: error.raw_os_error().unwrap_or(EIO), why: error.to_string() }
    }
}

/// The library's reason, together with what call returned.
pub(crate) fn with_why(call: impl FnOnce(*mut viq_why) -> c_int) -> Result<()> {
    let mut raw = viq_why::default();
    check(call(&mut raw)).map_err(|error| {
        let text: Vec<u8> = raw.text.iter().take_while(|c| **c != 0).map(|c| *c as u8).collect();
        Error { why: String::from_utf8_lossy(&text).into_owned(), ..error }
    })
}

/// 0 and positive are no errors.
pub(crate) fn check(ret: c_int) -> Result<()> {
    if ret < 0 {
        Err(Error::from_errno(-ret))
    } else {
        Ok(())
    }
}

/// Calls what the embedder has written: from C, through which nothing may unwind. A panic becomes failed.
pub(crate) fn contain<R>(failed: R, call: impl FnOnce() -> R) -> R {
    panic::catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|payload| {
        // Its own end can panic, too, and that one's: no further.
        panic::catch_unwind(AssertUnwindSafe(|| drop(payload))).unwrap_or_else(mem::forget);
        failed
    })
}
