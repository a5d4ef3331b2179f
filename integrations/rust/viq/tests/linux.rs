// SPDX-License-Identifier: MIT
//! The exact call through iommufd, on a kernel made of a few lines: it counts as Linux 7.3 does.
#![deny(unsafe_op_in_unsafe_fn)]
use std::ffi::CStr;
use std::os::raw::{c_int, c_ulong, c_void};
use std::slice;
use std::sync::{Arc, Mutex};

use viq::call::Failure;
use viq::linux::{Calls, HwInfo, Iommufd, Sys};
use viq::{put, sys::*};

/// struct iommu_hwpt_invalidate of <linux/iommufd.h>.
#[repr(C)]
struct Invalidate {
    size: u32,
    hwpt_id: u32,
    data_uptr: u64,
    data_type: u32,
    entry_len: u32,
    entry_num: u32,
    reserved: u32,
}

const INVALIDATE: c_ulong = 0x3b8d; // _IO(';', 0x8d)
const VIOMMU: u32 = 3;

/// Refuses StreamID 13; entries of a group before it are counted, and have not run.
struct Kernel(Arc<Mutex<Vec<u64>>>);

impl Sys for Kernel {
    fn open(&self, path: &CStr, _flags: c_int) -> c_int {
        assert_eq!(path.to_bytes(), b"/dev/iommu");
        5
    }

    fn close(&self, fd: c_int) -> c_int {
        assert_eq!(fd, 5);
        0
    }

    unsafe fn ioctl(&self, fd: c_int, request: c_ulong, arg: *mut c_void) -> c_int {
        assert_eq!((fd, request), (5, INVALIDATE));
        let call = unsafe { &mut *arg.cast::<Invalidate>() };
        if call.hwpt_id != VIOMMU {
            return -2;
        }
        if call.entry_num == 0 {
            return 0; // is this type supported?
        }
        assert_eq!((call.data_type, call.entry_len), (VIQ_CALL_SMMUV3, 16));
        let entries = unsafe { slice::from_raw_parts(call.data_uptr as *const [u64; 2], call.entry_num as usize) };
        let mut ran = self.0.lock().unwrap();
        for group in entries.chunks(63) {
            let from = (group.as_ptr() as usize - entries.as_ptr() as usize) / 16;
            if let Some(bad) = group.iter().position(|entry| entry[0] >> 32 == 13) {
                call.entry_num = (from + bad) as u32;
                return -5;
            }
            ran.extend(group.iter().map(|entry| entry[0] >> 32));
        }
        0
    }
}

#[test]
fn exact_on_a_kernel_that_is_not() {
    let ran = Arc::new(Mutex::new(Vec::new()));
    let linux = Iommufd::with_sys(Kernel(ran.clone())).unwrap();
    let hw = HwInfo { type_: VIQ_LINUX_HW_SMMUV3, ..Default::default() };
    assert_eq!(linux.smmuv3(4, &hw, Calls::Bulk).err().unwrap().errno(), 2);
    let vsmmu = linux.smmuv3(VIOMMU, &hw, Calls::Bulk).unwrap();
    let host = vsmmu.host();
    drop(linux); // the host keeps it
    let cfgi = |sid| [u64::from(VIQ_SMMUV3_OP_CFGI_CD_ALL) | put(VIQ_SMMUV3_CMD_SID, sid), 0];
    let entries: Vec<[u64; 2]> = (0..20).map(cfgi).collect();
    let answer = host.invalidate(&[&entries[..]]).unwrap();
    assert_eq!((answer.handled, answer.suspect), (13, 13));
    assert_eq!(answer.failure, Some(Failure::Gone)); // no vDEVICE
    assert_eq!(answer.errno, 5);
    let mut ran = ran.lock().unwrap();
    ran.sort_unstable();
    ran.dedup();
    assert_eq!(*ran, (0..13).collect::<Vec<u64>>()); // all that is reported done ran
    assert!(vsmmu.counters().ioctls > 1);
    drop(vsmmu);
    drop(host);
}
