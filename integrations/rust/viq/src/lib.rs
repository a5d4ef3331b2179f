// SPDX-License-Identifier: MIT
//! A safe interface to viq.
