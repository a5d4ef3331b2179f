// SPDX-License-Identifier: MIT
//! The library is there, it is the one that the bindings were made for, and structs have the sizes that C gives them.
use viq_sys::*;

#[test]
fn version() {
    assert_eq!(unsafe { viq_version() }, VIQ_VERSION);
    let text = std::str::from_utf8(VIQ_VERSION_STRING).unwrap();
    assert_eq!(text.trim_end_matches('\0'), env!("CARGO_PKG_VERSION"));
}

/// What each `_init()` writes as its own size is C's sizeof(), as far as the caller's goes.
macro_rules! size {
    ($init:ident, $config:ty) => {
        let mut config = <$config>::default();
        unsafe { $init(&mut config, std::mem::size_of::<$config>()) };
        assert_eq!(config.size as usize, std::mem::size_of::<$config>(), stringify!($config));
    };
}

#[test]
fn sizes() {
    size!(viq_smmuv3_config_init, viq_smmuv3_config);
    size!(viq_vtd_config_init, viq_vtd_config);
    size!(viq_linux_config_init, viq_linux_config);
    size!(viq_nest_vtd_config_init, viq_nest_vtd_config);
}

#[test]
fn call() {
    let command = [u64::from(VIQ_SMMUV3_OP_TLBI_NH_ALL), 0];
    let piece = viq_call_piece { entries: command.as_ptr().cast(), count: 1 };
    let request = viq_call_request {
        size: std::mem::size_of::<viq_call_request>() as u32,
        type_: VIQ_CALL_SMMUV3,
        entry_size: 16,
        pieces: &piece,
        piece_count: 1,
        ..Default::default()
    };
    let size = std::mem::size_of::<viq_call_result>() as u32;
    let mut result = viq_call_result { size, ..Default::default() };
    assert_eq!(unsafe { viq_call_invalidate(&viq_call_null_host(), &request, &mut result) }, 0);
    assert_eq!((result.handled, result.suspect, result.error), (1, 1, VIQ_CALL_NONE));
}
