// SPDX-License-Identifier: MIT
//! A guest's Intel VT-d (`viq/vtd.h`).
//!
//! The guest speaks of domain-ids, PASIDs and source-ids, hosts of nested page tables: the VMM says which is which, with
//! [`attach`](Vtd::attach), when [`Hooks::reconfig`] tells that the guest has changed its tables; or a [`Backend`] follows
//! the guest's tables itself.
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::marker::PhantomData;
use std::os::raw::{c_int, c_void};
use std::ptr::{self, NonNull};
use std::sync::Arc;

use viq_sys::*;

use crate::call::{Answer, Host};
use crate::error::{check, contain, with_why, Error, Result, EFAULT, EINVAL};
use crate::mem::Mem;
use crate::size;
pub use crate::smmuv3::{Hook, Wait};

/// What has been counted since creation.
pub use viq_sys::viq_vtd_counters as Counters;
/// A device-TLB invalidation.
pub use viq_sys::viq_vtd_devtlb as Devtlb;
/// Devices that must be configured again.
pub use viq_sys::viq_vtd_reconfig as Reconfig;
/// Interrupt remapping that must be looked at again.
pub use viq_sys::viq_vtd_remap as Remap;
/// The guest's tables as they are used now.
pub use viq_sys::viq_vtd_tables as Tables;
/// The fate of a descriptor.
pub use viq_sys::viq_vtd_trace as Trace;

/// What the guest sees, and how much one write of its may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// VER.
    pub version: u32,
    /// CAP.
    pub cap: u64,
    /// ECAP.
    pub ecap: u64,
    /// In descriptors. 0: VIQ_WORK_BUDGET; VIQ_VTD_DEFER: a write consumes nothing, and `run()` all.
    pub budget: u32,
}

fn default() -> viq_vtd_config {
    let mut raw = viq_vtd_config::default();
    unsafe { viq_vtd_config_init(&mut raw, size::<viq_vtd_config>() as usize) };
    raw
}

impl Default for Config {
    /// For nested use, as `viq_vtd_config_init()` says. Defaults may change with the library.
    fn default() -> Config {
        let viq_vtd_config { version, cap, ecap, budget, .. } = default();
        Config { version, cap, ecap, budget }
    }
}

impl Config {
    fn raw(&self) -> viq_vtd_config {
        let Config { version, cap, ecap, budget } = *self;
        viq_vtd_config { version, cap, ecap, budget, ..default() }
    }

    /// One line in the architecture's words: the descriptor's name and fields, what CAP and ECAP make illegal marked.
    pub fn text(&self, descriptor: [u64; 4]) -> String {
        let mut buf = [0u8; 512];
        // SAFETY: so many bytes; the text ends with a 0.
        unsafe { viq_vtd_descriptor_text(descriptor.as_ptr(), &self.raw(), buf.as_mut_ptr().cast(), buf.len()) };
        let end = buf.iter().position(|c| *c == 0).unwrap_or(0);
        String::from_utf8_lossy(&buf[..end]).into_owned()
    }
}

/// A nested page table behind one (device, PASID) of the guest (`struct viq_vtd_table`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Table {
    /// `VIQ_VTD_TABLE_*`, `VIQ_VTD_DEVTLB_IMPLIED`.
    pub flags: u32,
    /// Below 2^20; of a table for requests without PASID, RID_PASID.
    pub pasid: u32,
    /// Of the PASID-table entry.
    pub domain_id: u16,
    /// Of the device.
    pub source_id: u16,
}

/// A host that can follow the guest's tables (`struct viq_vtd_backend`), and what it depends on. One front end has it.
pub struct Backend {
    raw: viq_vtd_backend,
    _keep: Arc<dyn Any + Send + Sync>,
}

// SAFETY: used on the thread that has the front end only.
unsafe impl Send for Backend {}
unsafe impl Sync for Backend {}

impl Backend {
    /// A backend of the C library's, say `viq_linux_vvtd_backend()`.
    ///
    /// # Safety
    /// It is valid as long as keep lives, no other front end has it, and what changes its devices is called on the thread
    /// that has the front end.
    pub unsafe fn from_raw(raw: viq_vtd_backend, keep: Arc<dyn Any + Send + Sync>) -> Backend {
        Backend { raw, _keep: keep }
    }
}

/// What the VMM is told and asked. They are called from inside `write()`, `run()`, `fault()`, `reset()` and
/// `restore()`, on the same thread, and may nest. They take `&self`: what they change is in cells or behind locks of
/// theirs, and not behind the lock that is held for the front end. Each is described in `struct viq_vtd_ops`.
#[derive(Default)]
#[allow(clippy::type_complexity)]
pub struct Hooks {
    /// An interrupt message of the unit itself.
    pub msi: Hook<dyn Fn(u64, u32) + Send>,
    /// Devices are to be configured again: attach, detach. true: more is left. An error, or a panic: it could not be
    /// done now, and the queue waits. Not with a backend, which does it itself.
    pub reconfig: Hook<dyn Fn(&Unit<'_>, &mut Reconfig) -> Result<bool> + Send>,
    /// The same for interrupt remapping.
    pub remap: Hook<dyn Fn(&Unit<'_>, &mut Remap) -> Result<bool> + Send>,
    /// Invalidate a device's TLB. Errno ETIMEDOUT: no answer; EIO: a wrong one; others, or a panic: not done now, the
    /// queue waits. Must be there if ECAP.DT = 1.
    pub devtlb: Hook<dyn Fn(&Devtlb) -> Result<()> + Send>,
    /// Work is left: call `run()` soon, from an event loop or a worker.
    pub kick: Hook<dyn Fn() + Send>,
    /// An invalidate call on a table failed.
    pub host_error: Hook<dyn Fn(&Table, &Answer) + Send>,
    /// The fate of each descriptor. Costs time.
    pub trace: Hook<dyn Fn(&Trace) + Send>,
    /// The queue waits for a host: why, and the attempts in a row. A panic counts as [`Wait::Retry`].
    pub host_wait: Hook<dyn Fn(&Answer, u64) -> Wait + Send>,
    /// The device with this source-id has not answered: isolate it, when the write or `run()` has returned.
    pub device_timeout: Hook<dyn Fn(u32) + Send>,
    /// A wait descriptor is about to complete: bring faults of hosts. Returns how many. Not with a backend.
    pub sync: Hook<dyn Fn(&Unit<'_>) -> u32 + Send>,
}

struct Shim {
    hooks: Hooks,
    raw: Cell<*mut viq_vtd>,
    nest: *mut viq_nest_vtd,
    hosts: RefCell<HashMap<u32, Host>>, // of what is attached, by handle
}

impl Shim {
    fn attach(&self, table: &Table, host: &Host) -> Result<u32> {
        let Table { flags, pasid, domain_id, source_id } = *table;
        let size = size::<viq_vtd_table>();
        let raw = viq_vtd_table { size, flags, pasid, domain_id, source_id, host: host.raw() };
        let mut handle = 0;
        check(unsafe { viq_vtd_attach(self.raw.get(), &raw, &mut handle) })?;
        self.hosts.borrow_mut().insert(handle, host.clone());
        Ok(handle)
    }

    fn detach(&self, handle: u32) -> Result<()> {
        check(unsafe { viq_vtd_detach(self.raw.get(), handle) })?;
        let host = self.hosts.borrow_mut().remove(&handle);
        drop(host); // outside of the borrow: its end may come here again
        Ok(())
    }

    fn fault(&self, record: &[u64; 2]) -> Result<()> {
        check(unsafe { viq_vtd_fault(self.raw.get(), record.as_ptr()) })
    }

    fn tables(&self) -> Tables {
        let mut tables = Tables { size: size::<Tables>(), ..Default::default() };
        unsafe { viq_vtd_tables(self.raw.get(), &mut tables) };
        tables
    }
}

/// The front end as seen from inside a hook of its own.
pub struct Unit<'a>(&'a Shim);

impl Unit<'_> {
    /// Read a register.
    pub fn read(&self, offset: u64, bytes: u32) -> u64 {
        unsafe { viq_vtd_mmio_read(self.0.raw.get(), offset, bytes) }
    }

    /// Write a register: done when the hook's caller is done. At most 8 of them.
    pub fn write(&self, offset: u64, bytes: u32, value: u64) {
        unsafe { viq_vtd_mmio_write(self.0.raw.get(), offset, bytes, value) }
    }

    /// Record a fault.
    pub fn fault(&self, record: &[u64; 2]) -> Result<()> {
        self.0.fault(record)
    }

    /// The guest's tables as they are used now.
    pub fn tables(&self) -> Tables {
        self.0.tables()
    }

    /// As [`Vtd::attach`], from reconfig and remap; EBUSY elsewhere.
    pub fn attach(&self, table: &Table, host: &Host) -> Result<u32> {
        self.0.attach(table, host)
    }

    /// As [`Vtd::detach`], from reconfig and remap; EBUSY elsewhere.
    pub fn detach(&self, handle: u32) -> Result<()> {
        self.0.detach(handle)
    }
}

/// Safe only where opaque is what new() gave, which outlives the viq_vtd.
unsafe fn shim<'a>(opaque: *mut c_void) -> &'a Shim {
    unsafe { &*opaque.cast::<Shim>() }
}

unsafe extern "C" fn msi(opaque: *mut c_void, addr: u64, data: u32) {
    let shim = unsafe { shim(opaque) };
    contain((), || shim.hooks.msi.iter().for_each(|hook| hook(addr, data)))
}

/// A negative errno that is neither of those that mean something else to devtlb().
const NOT_NOW: c_int = -EFAULT;

unsafe extern "C" fn reconfig(opaque: *mut c_void, what: *mut viq_vtd_reconfig) -> c_int {
    let (shim, what) = unsafe { (shim(opaque), &mut *what) };
    if !shim.nest.is_null() {
        return unsafe { viq_nest_vtd_reconfig(shim.nest, what) };
    }
    let done = |result: Result<bool>| result.map_or_else(|error| error.negative(), c_int::from);
    contain(NOT_NOW, || shim.hooks.reconfig.as_ref().map_or(0, |hook| done(hook(&Unit(shim), what))))
}

unsafe extern "C" fn remap(opaque: *mut c_void, what: *mut viq_vtd_remap) -> c_int {
    let (shim, what) = unsafe { (shim(opaque), &mut *what) };
    let done = |result: Result<bool>| result.map_or_else(|error| error.negative(), c_int::from);
    contain(NOT_NOW, || shim.hooks.remap.as_ref().map_or(0, |hook| done(hook(&Unit(shim), what))))
}

unsafe extern "C" fn devtlb(opaque: *mut c_void, inv: *const viq_vtd_devtlb) -> c_int {
    let (shim, inv) = unsafe { (shim(opaque), &*inv) };
    let done = |result: Result<()>| result.map_or_else(|error| error.negative(), |()| 0);
    contain(NOT_NOW, || shim.hooks.devtlb.as_ref().map_or(NOT_NOW, |hook| done(hook(inv))))
}

unsafe extern "C" fn kick(opaque: *mut c_void) {
    let shim = unsafe { shim(opaque) };
    contain((), || shim.hooks.kick.iter().for_each(|hook| hook()))
}

unsafe extern "C" fn host_error(opaque: *mut c_void, table: *const viq_vtd_table, result: *const viq_call_result) {
    let (shim, table, answer) = unsafe { (shim(opaque), &*table, Answer::from_raw(&*result)) };
    let viq_vtd_table { flags, pasid, domain_id, source_id, .. } = *table;
    let table = Table { flags, pasid, domain_id, source_id };
    contain((), || shim.hooks.host_error.iter().for_each(|hook| hook(&table, &answer)))
}

unsafe extern "C" fn trace(opaque: *mut c_void, trace: *const viq_vtd_trace) {
    let (shim, trace) = unsafe { (shim(opaque), &*trace) };
    contain((), || shim.hooks.trace.iter().for_each(|hook| hook(trace)))
}

unsafe extern "C" fn host_wait(opaque: *mut c_void, result: *const viq_call_result, times: u64) -> c_int {
    let (shim, answer) = unsafe { (shim(opaque), Answer::from_raw(&*result)) };
    contain(0, || shim.hooks.host_wait.as_ref().map_or(false, |hook| hook(&answer, times) == Wait::GiveUp).into())
}

unsafe extern "C" fn device_timeout(opaque: *mut c_void, sid: u32) {
    let shim = unsafe { shim(opaque) };
    contain((), || shim.hooks.device_timeout.iter().for_each(|hook| hook(sid)))
}

unsafe extern "C" fn sync(opaque: *mut c_void) -> u32 {
    let shim = unsafe { shim(opaque) };
    if !shim.nest.is_null() {
        return unsafe { viq_nest_vtd_sync(shim.nest) };
    }
    contain(0, || shim.hooks.sync.as_ref().map_or(0, |hook| hook(&Unit(shim))))
}

/// What lives until the last handle is gone.
struct Inner {
    shim: *mut Shim,
    #[cfg_attr(not(feature = "soft"), allow(dead_code))] // only kept
    backend: Option<Backend>,
    _mem: Mem,
}

// SAFETY: the front end's only owner uses all of it; a Reader only reads registers, which any thread may; whichever is
// the last one drops it, and hooks are Send.
unsafe impl Send for Inner {}
unsafe impl Sync for Inner {}

impl Inner {
    fn raw(&self) -> *mut viq_vtd {
        unsafe { (*self.shim).raw.get() }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // SAFETY: nobody uses any of it; hosts and hooks go last.
        unsafe {
            viq_nest_vtd_destroy((*self.shim).nest);
            viq_vtd_destroy(self.raw());
            drop(Box::from_raw(self.shim));
        }
    }
}

/// A guest VT-d. Whoever uses it has it alone; its registers are read by any thread through a [`Reader`].
pub struct Vtd {
    inner: Arc<Inner>,
    followed: Vec<u16>,
    _not_sync: PhantomData<Cell<()>>,
}

impl Vtd {
    /// In reset state, with no table attached. The error names the member or field that cannot be so.
    pub fn new(config: &Config, mem: &Mem, hooks: Hooks) -> Result<Vtd> {
        Vtd::create(config, mem, None, hooks)
    }

    /// With a host that follows the guest's tables: its devices are set as the guest says, invalidations go to its
    /// tables, and its faults come to the guest.
    pub fn nested(config: &Config, mem: &Mem, backend: Backend, hooks: Hooks) -> Result<Vtd> {
        Vtd::create(config, mem, Some(backend), hooks)
    }

    fn create(config: &Config, mem: &Mem, backend: Option<Backend>, hooks: Hooks) -> Result<Vtd> {
        let mut nest = ptr::null_mut();
        if let Some(backend) = &backend {
            let mut raw = viq_nest_vtd_config::default();
            unsafe { viq_nest_vtd_config_init(&mut raw, size::<viq_nest_vtd_config>() as usize) };
            raw.backend = backend.raw;
            with_why(|why| unsafe { viq_nest_vtd_create(&raw, &mut nest, why) })?;
        }
        let ops = viq_vtd_ops {
            size: size::<viq_vtd_ops>(),
            msi: Some(msi),
            reconfig: Some(reconfig),
            remap: Some(remap),
            devtlb: hooks.devtlb.as_ref().map(|_| devtlb as _),
            kick: hooks.kick.as_ref().map(|_| kick as _),
            host_error: Some(host_error),
            trace: hooks.trace.as_ref().map(|_| trace as _),
            host_wait: hooks.host_wait.as_ref().map(|_| host_wait as _),
            device_timeout: Some(device_timeout),
            sync: Some(sync),
            page_response: None,
        };
        let shim = Shim { hooks, raw: Cell::new(ptr::null_mut()), nest, hosts: RefCell::default() };
        // From here on drop() undoes all.
        let inner = Inner { shim: Box::into_raw(Box::new(shim)), backend, _mem: mem.clone() };
        let config = viq_vtd_config { mem: mem.raw(), ops: &ops, opaque: inner.shim.cast(), ..config.raw() };
        let mut raw = ptr::null_mut();
        with_why(|why| unsafe { viq_vtd_create(&config, &mut raw, why) })?;
        unsafe { (*inner.shim).raw.set(raw) };
        if !nest.is_null() {
            check(unsafe { viq_nest_vtd_bind(nest, raw, mem.raw()) })?;
        }
        Ok(Vtd { inner: Arc::new(inner), followed: Vec::new(), _not_sync: PhantomData })
    }

    #[cfg(feature = "soft")]
    pub(crate) fn has(&self, raw: &viq_vtd_backend) -> bool {
        self.inner.backend.as_ref().map_or(false, |own| own.raw.ops == raw.ops && own.raw.opaque == raw.opaque)
    }

    fn nest(&self) -> Result<*mut viq_nest_vtd> {
        NonNull::new(self.shim().nest).map(NonNull::as_ptr).ok_or_else(|| Error::from_errno(EINVAL))
    }

    fn shim(&self) -> &Shim {
        unsafe { &*self.inner.shim }
    }

    fn raw(&self) -> *mut viq_vtd {
        self.inner.raw()
    }

    /// A handle that reads registers, on any thread, whatever another one does with the front end.
    pub fn reader(&self) -> Reader {
        Reader(self.inner.clone())
    }

    /// The guest reads a register.
    pub fn read(&self, offset: u64, bytes: u32) -> u64 {
        unsafe { viq_vtd_mmio_read(self.raw(), offset, bytes) }
    }

    /// The guest writes a register, which may consume descriptors.
    pub fn write(&mut self, offset: u64, bytes: u32, value: u64) {
        unsafe { viq_vtd_mmio_write(self.raw(), offset, bytes, value) }
    }

    /// Go on with what a write has left, for at most budget (0: VIQ_WORK_BUDGET). true: more is left.
    pub fn run(&mut self, budget: u32) -> bool {
        unsafe { viq_vtd_run(self.raw(), budget) }
    }

    /// Attempts in a row that a host failed, 0: the queue does not wait. Then call [`run`](Vtd::run) after a while.
    pub fn waits_for_host(&self) -> u64 {
        unsafe { viq_vtd_waits_for_host(self.raw()) }
    }

    /// Back to the state of creation; tables stay attached.
    pub fn reset(&mut self) {
        unsafe { viq_vtd_reset(self.raw()) }
    }

    /// From now on invalidations for this device, domain-id and PASID go to host, which has nothing cached that is
    /// older. The handle, never 0, is for [`detach`](Vtd::detach).
    pub fn attach(&mut self, table: &Table, host: &Host) -> Result<u32> {
        self.shim().attach(table, host)
    }

    /// The table can hold nothing of the device any more. ENOENT: no such handle.
    pub fn detach(&mut self, handle: u32) -> Result<()> {
        self.shim().detach(handle)
    }

    /// The guest's tables as they are used now.
    pub fn tables(&self) -> Tables {
        self.shim().tables()
    }

    /// Record a fault. ENOSPC: lost, and FSTS.PFO says so.
    pub fn fault(&mut self, record: &[u64; 2]) -> Result<()> {
        self.shim().fault(record)
    }

    /// So many faults were lost before they came here.
    pub fn fault_lost(&mut self, count: u64) {
        unsafe { viq_vtd_fault_lost(self.raw(), count) }
    }

    /// The state, for [`restore`](Vtd::restore) on any machine. EBUSY: called from a hook.
    pub fn save(&self) -> Result<Vec<u8>> {
        self.save_as(VIQ_VTD_SAVE_VERSION)
    }

    /// As [`save`](Vtd::save) in this version of the format, for a library that is older.
    pub fn save_as(&self, version: u32) -> Result<Vec<u8>> {
        let mut len = unsafe { viq_vtd_save_size(self.raw()) };
        let mut buf = vec![0; len];
        check(unsafe { viq_vtd_save_as(self.raw(), version, buf.as_mut_ptr().cast(), &mut len) })?;
        buf.truncate(len);
        Ok(buf)
    }

    /// Take over a saved state. After an error nothing has changed.
    pub fn restore(&mut self, state: &[u8]) -> Result<()> {
        check(unsafe { viq_vtd_restore(self.raw(), state.as_ptr().cast(), state.len()) })
    }

    /// A snapshot.
    pub fn counters(&self) -> Box<Counters> {
        let mut counters = Box::<Counters>::default();
        unsafe { viq_vtd_counters(self.raw(), &mut *counters, std::mem::size_of::<Counters>()) };
        counters
    }

    /// A device was added to the backend, or one that was blocked is to be set again: read its entries and set it.
    pub fn follow(&mut self, source_id: u16) -> Result<()> {
        check(unsafe { viq_nest_vtd_follow(self.nest()?, source_id) })?;
        self.followed.retain(|other| *other != source_id);
        self.followed.push(source_id);
        Ok(())
    }

    /// Block all requests of a device, whatever its entries say, until the guest has those read again.
    pub fn block(&mut self, source_id: u16) -> Result<()> {
        check(unsafe { viq_nest_vtd_block(self.nest()?, source_id) })
    }

    /// Bring faults of the backend, and page requests of its devices, to the guest: at most budget of either, 0: 1,024.
    pub fn take_faults(&mut self, budget: u32) -> Result<()> {
        check(unsafe { viq_nest_vtd_faults(self.nest()?, budget) })
    }
}

impl Drop for Vtd {
    /// Devices that it has followed are blocked from now on.
    fn drop(&mut self) {
        if let Ok(nest) = self.nest() {
            for source_id in &self.followed {
                unsafe { viq_nest_vtd_block(nest, *source_id) };
            }
            unsafe { viq_nest_vtd_bind(nest, ptr::null_mut(), ptr::null()) };
        }
    }
}

/// Reads registers, on any thread. Takes no lock and waits for nobody.
#[derive(Clone)]
pub struct Reader(Arc<Inner>);

impl Reader {
    /// Read a register.
    pub fn read(&self, offset: u64, bytes: u32) -> u64 {
        unsafe { viq_vtd_mmio_read(self.0.raw(), offset, bytes) }
    }
}
