// SPDX-License-Identifier: MIT
//! viq, *virtual invalidation queue*: guest IOMMUs and exact invalidation for virtual machine monitors.
//!
//! * [`smmuv3::Smmuv3`] and [`vtd::Vtd`] are what a guest sees: registers, a queue, errors in the hardware's own terms.
//! * [`call::Host`] is where invalidations go: nowhere ([`Host::null`](call::Host::null)), a host written in Rust
//!   ([`call::HostOps`]), several ([`call::FanOut`]), Linux's iommufd ([`linux`]), or the software IOMMU (modules `soft`
//!   and `soft_vtd`, with the feature `soft`). [`call::Host::invalidate`] is the exact call alone, for a VMM with a guest IOMMU of
//!   its own.
//! * [`mem::Mem`] is the guest's memory.
//!
//! Plain structs and constants are those of [`sys`]; the C headers say what their members mean.
//!
//! What threads may do is in the types: a front end is [`Send`] and not [`Sync`] (whoever calls into it holds the VMM's
//! lock for that device), a [`Reader`](smmuv3::Reader) of its registers, a host and memory are both. Whatever a front
//! end uses lives as long as it does. A panic in a hook or a host ends there, as the failure of that hook, and never
//! unwinds through C.
#![deny(missing_docs, unsafe_op_in_unsafe_fn)]

pub mod call;
mod error;
pub mod linux;
pub mod mem;
pub mod smmuv3;
#[cfg(feature = "soft")]
pub mod soft;
#[cfg(feature = "soft")]
pub mod soft_vtd;
pub mod vtd;

pub use error::{Error, Result};
pub use viq_sys as sys;

/// The version of the C library, as [`sys::VIQ_VERSION`].
pub fn version() -> u32 {
    unsafe { sys::viq_version() }
}

/// A struct's size, as its own first member has it.
pub(crate) fn size<T>() -> u32 {
    std::mem::size_of::<T>() as u32
}

/// Take a field out of a word, as VIQ_GET() does. mask is not 0.
pub fn get(mask: u64, word: u64) -> u64 {
    (word & mask) >> mask.trailing_zeros()
}

/// Put a value into a field, as VIQ_PUT() does: bits that do not fit are dropped. mask is not 0.
pub fn put(mask: u64, value: u64) -> u64 {
    value << mask.trailing_zeros() & mask
}

/// The first program of the README works.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
