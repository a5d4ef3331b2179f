// SPDX-License-Identifier: MIT
//! Raw bindings to viq, virtual invalidation queues: what its C headers declare, and nothing more.
//!
//! The headers are the reference: each function's meaning, units, errors and threads. Functions return 0 or a negative
//! errno. The crate `viq` has a safe interface.
//!
//! The C library is compiled from its sources and linked statically. With `VIQ_SYS_SYSTEM=1` in the environment of the
//! build, the one that pkg-config finds is linked instead. Feature `soft`: the software IOMMU, too; links liburcu.
//! Without it the functions `viq_soft_*` are declared, and missing when linked.
#![no_std]
#![allow(non_camel_case_types)]

extern crate std;

include!("bindings.rs");
