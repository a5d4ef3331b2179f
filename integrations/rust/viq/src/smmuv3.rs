// SPDX-License-Identifier: MIT
//! A guest's Arm SMMUv3 (`viq/smmuv3.h`).
//!
//! ```
//! use viq::smmuv3::{Config, Hooks, Smmuv3};
//! use viq::{call::Host, mem::Mem, put, sys::*};
//!
//! let (mem, _) = Mem::zeroed(0x4000_0000, 4096)?;
//! let mut smmu = Smmuv3::new(&Config::default(), &mem, &Host::null(), Hooks::default())?;
//!
//! // The guest's driver: commands in memory, registers through the VMM's MMIO handler.
//! mem.write_u64(0x4000_0000, u64::from(VIQ_SMMUV3_OP_TLBI_NH_ASID) | put(VIQ_SMMUV3_TLBI_ASID, 5))?;
//! mem.write_u64(0x4000_0010, u64::from(VIQ_SMMUV3_OP_SYNC))?;
//! smmu.write(VIQ_SMMUV3_CMDQ_BASE.into(), 8, 0x4000_0000 | 8); // 2^8 commands
//! smmu.write(VIQ_SMMUV3_CR0.into(), 4, VIQ_SMMUV3_CR0_CMDQEN);
//! smmu.write(VIQ_SMMUV3_CMDQ_PROD.into(), 4, 2);
//! assert_eq!(smmu.read(VIQ_SMMUV3_CMDQ_CONS.into(), 4), 2);
//! assert_eq!(smmu.counters().entries, 1); // confirmed by the host
//! # Ok::<(), viq::Error>(())
//! ```
use std::any::Any;
use std::cell::Cell;
use std::marker::PhantomData;
use std::os::raw::{c_int, c_void};
use std::ptr::{self, NonNull};
use std::sync::Arc;

use viq_sys::*;

use crate::call::{Answer, Host};
use crate::error::{check, contain, with_why, Error, Result, EINVAL, EIO};
use crate::mem::Mem;
use crate::size;

/// What has been counted since creation.
pub use viq_sys::viq_smmuv3_counters as Counters;
/// The ID registers in which hosts have a say.
pub use viq_sys::viq_smmuv3_ids as Ids;
/// Streams that must be configured again.
pub use viq_sys::viq_smmuv3_reconfig as Reconfig;
/// How a stream's transactions are to be treated.
pub use viq_sys::viq_smmuv3_stream as Stream;
/// The fate of a command.
pub use viq_sys::viq_smmuv3_trace as Trace;

/// Wired interrupts; all are pulses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Irq {
    /// The event queue is not empty any more.
    EventQueue,
    /// GERROR has a new error.
    GlobalError,
    /// A CMD_SYNC that asked for it has completed.
    CmdSync,
}

/// What a queue does that waits for its host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// The VMM will call `run()`, later.
    Retry,
    /// The guest is told: CERROR_ABT (VT-d: ITE).
    GiveUp,
}

/// What the guest sees, and how much one write of its may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // registers
pub struct Config {
    pub idr0: u32,
    pub idr1: u32,
    pub idr3: u32,
    pub idr5: u32,
    pub iidr: u32,
    pub aidr: u32,
    /// GBPA at reset, without UPDATE.
    pub gbpa: u32,
    /// In commands. 0: VIQ_WORK_BUDGET; VIQ_SMMUV3_DEFER: a write consumes nothing, and `run()` all.
    pub budget: u32,
}

impl Default for Config {
    /// Stage 1 of SMMUv3.1, as `viq_smmuv3_config_init()` says. Defaults may change with the library.
    fn default() -> Config {
        let mut raw = viq_smmuv3_config::default();
        unsafe { viq_smmuv3_config_init(&mut raw, size::<viq_smmuv3_config>() as usize) };
        let viq_smmuv3_config { idr0, idr1, idr3, idr5, iidr, aidr, gbpa, budget, .. } = raw;
        Config { idr0, idr1, idr3, idr5, iidr, aidr, gbpa, budget }
    }
}

impl Config {
    fn raw(&self) -> viq_smmuv3_config {
        let mut raw = viq_smmuv3_config::default();
        unsafe { viq_smmuv3_config_init(&mut raw, size::<viq_smmuv3_config>() as usize) };
        let Config { idr0, idr1, idr3, idr5, iidr, aidr, gbpa, budget } = *self;
        viq_smmuv3_config { idr0, idr1, idr3, idr5, iidr, aidr, gbpa, budget, ..raw }
    }

    /// One line in the architecture's words: the command's name and fields, what these registers make illegal marked.
    pub fn text(&self, command: [u64; 2]) -> String {
        let mut buf = [0u8; 512];
        // SAFETY: so many bytes; the text ends with a 0.
        unsafe { viq_smmuv3_command_text(command.as_ptr(), &self.raw(), buf.as_mut_ptr().cast(), buf.len()) };
        let end = buf.iter().position(|c| *c == 0).unwrap_or(0);
        String::from_utf8_lossy(&buf[..end]).into_owned()
    }
}

/// A host's devices behind a guest SMMUv3, for who follows the guest's tables.
#[derive(Clone)]
pub struct Backend {
    raw: viq_smmuv3_backend,
    keep: Arc<dyn Any + Send + Sync>,
}

// SAFETY: used on the thread that has the front end only.
unsafe impl Send for Backend {}
unsafe impl Sync for Backend {}

impl Backend {
    /// A backend of the C library's, say `viq_linux_vsmmu_backend()`.
    ///
    /// # Safety
    /// It is valid as long as keep lives, and may be used on any one thread at a time.
    pub unsafe fn from_raw(raw: viq_smmuv3_backend, keep: Arc<dyn Any + Send + Sync>) -> Backend {
        Backend { raw, keep }
    }
}

/// A hook that is called on the thread that uses the front end.
pub type Hook<F> = Option<Box<F>>;

/// What the VMM is told and asked. They are called from inside `write()`, `run()`, `event()`, `reset()` and
/// `restore()`, on the same thread, and may nest. They take `&self`: what they change is in cells or behind locks of
/// theirs, and not behind the lock that is held for the front end. Each is described in `struct viq_smmuv3_ops`.
#[derive(Default)]
#[allow(clippy::type_complexity)]
pub struct Hooks {
    /// Pulse a wired interrupt.
    pub irq: Hook<dyn Fn(Irq) + Send>,
    /// Deliver an MSI: a write of a word to an address that no region holds. An error: nothing is there.
    pub msi: Hook<dyn Fn(u64, u32) -> Result<()> + Send>,
    /// Streams are to be configured again. true: more is left. An error, or a panic: it could not be done now, and the
    /// queue waits. Not with backends, which do it themselves.
    pub reconfig: Hook<dyn Fn(&Unit<'_>, &mut Reconfig) -> Result<bool> + Send>,
    /// Work is left: call `run()` soon, from an event loop or a worker.
    pub kick: Hook<dyn Fn() + Send>,
    /// An invalidate call failed.
    pub host_error: Hook<dyn Fn(&Answer) + Send>,
    /// The fate of each command. Costs time.
    pub trace: Hook<dyn Fn(&Trace) + Send>,
    /// The queue waits for the host: why, and the attempts in a row. A panic counts as [`Wait::Retry`].
    pub host_wait: Hook<dyn Fn(&Answer, u64) -> Wait + Send>,
    /// The device behind a StreamID has not answered: isolate it.
    pub device_timeout: Hook<dyn Fn(&Unit<'_>, u32) + Send>,
    /// A CMD_SYNC is about to complete: bring events of hosts. Returns how many. Not with backends.
    pub sync: Hook<dyn Fn(&Unit<'_>) -> u32 + Send>,
}

/// The front end as seen from inside a hook of its own.
pub struct Unit<'a> {
    raw: *mut viq_smmuv3,
    nest: *mut viq_nest_smmuv3,
    _hook: PhantomData<&'a Cell<()>>,
}

impl Unit<'_> {
    /// Read a register.
    pub fn read(&self, offset: u64, bytes: u32) -> u64 {
        unsafe { viq_smmuv3_mmio_read(self.raw, offset, bytes) }
    }

    /// Write a register: done when the hook's caller is done. At most 8 of them.
    pub fn write(&self, offset: u64, bytes: u32, value: u64) {
        unsafe { viq_smmuv3_mmio_write(self.raw, offset, bytes, value) }
    }

    /// Put an event record into the guest's event queue.
    pub fn event(&self, record: &[u64; 4]) -> Result<()> {
        check(unsafe { viq_smmuv3_event(self.raw, record.as_ptr()) })
    }

    /// How transactions of a stream are to be treated now.
    pub fn stream_config(&self, sid: u32) -> Result<Stream> {
        stream_config(self.raw, sid)
    }

    /// Make the stream abort, whatever its STE says, until the guest has that read again. Needs backends.
    pub fn block(&self, sid: u32) -> Result<()> {
        check(if self.nest.is_null() { -EINVAL } else { unsafe { viq_nest_smmuv3_block(self.nest, sid) } })
    }
}

fn stream_config(raw: *const viq_smmuv3, sid: u32) -> Result<Stream> {
    let mut stream = Stream { size: size::<Stream>(), ..Default::default() };
    check(unsafe { viq_smmuv3_stream_config(raw, sid, &mut stream) })?;
    Ok(stream)
}

struct Shim {
    hooks: Hooks,
    raw: Cell<*mut viq_smmuv3>,
    nest: *mut viq_nest_smmuv3,
}

impl Shim {
    fn unit(&self) -> Unit<'_> {
        Unit { raw: self.raw.get(), nest: self.nest, _hook: PhantomData }
    }
}

/// The shim behind opaque, and with it a hook that is set.
///
/// Safe only where opaque is what create() was given, which outlives the viq_smmuv3.
unsafe fn shim<'a>(opaque: *mut c_void) -> &'a Shim {
    unsafe { &*opaque.cast::<Shim>() }
}

unsafe extern "C" fn irq(opaque: *mut c_void, which: viq_smmuv3_irq) {
    let which = match which {
        VIQ_SMMUV3_IRQ_EVENTQ => Irq::EventQueue,
        VIQ_SMMUV3_IRQ_GERROR => Irq::GlobalError,
        _ => Irq::CmdSync,
    };
    let hook = unsafe { shim(opaque) }.hooks.irq.as_ref();
    contain((), || hook.into_iter().for_each(|hook| hook(which)))
}

unsafe extern "C" fn msi(opaque: *mut c_void, addr: u64, data: u32) -> c_int {
    let hook = unsafe { shim(opaque) }.hooks.msi.as_ref();
    contain(-EIO, || hook.map_or(-EIO, |hook| hook(addr, data).map_or_else(|error| error.negative(), |()| 0)))
}

unsafe extern "C" fn reconfig(opaque: *mut c_void, what: *mut viq_smmuv3_reconfig) -> c_int {
    let (shim, what) = unsafe { (shim(opaque), &mut *what) };
    if !shim.nest.is_null() {
        return unsafe { viq_nest_smmuv3_reconfig(shim.nest, what) };
    }
    let hook = shim.hooks.reconfig.as_ref();
    contain(-EIO, || hook.map_or(0, |hook| hook(&shim.unit(), what).map_or_else(|error| error.negative(), c_int::from)))
}

unsafe extern "C" fn kick(opaque: *mut c_void) {
    let hook = unsafe { shim(opaque) }.hooks.kick.as_ref();
    contain((), || hook.into_iter().for_each(|hook| hook()))
}

unsafe extern "C" fn host_error(opaque: *mut c_void, result: *const viq_call_result) {
    let (shim, answer) = unsafe { (shim(opaque), Answer::from_raw(&*result)) };
    contain((), || shim.hooks.host_error.iter().for_each(|hook| hook(&answer)))
}

unsafe extern "C" fn trace(opaque: *mut c_void, trace: *const viq_smmuv3_trace) {
    let (shim, trace) = unsafe { (shim(opaque), &*trace) };
    contain((), || shim.hooks.trace.iter().for_each(|hook| hook(trace)))
}

unsafe extern "C" fn host_wait(opaque: *mut c_void, result: *const viq_call_result, times: u64) -> c_int {
    let (shim, answer) = unsafe { (shim(opaque), Answer::from_raw(&*result)) };
    contain(0, || shim.hooks.host_wait.as_ref().map_or(false, |hook| hook(&answer, times) == Wait::GiveUp).into())
}

unsafe extern "C" fn device_timeout(opaque: *mut c_void, sid: u32) {
    let shim = unsafe { shim(opaque) };
    contain((), || shim.hooks.device_timeout.iter().for_each(|hook| hook(&shim.unit(), sid)))
}

unsafe extern "C" fn sync(opaque: *mut c_void) -> u32 {
    let shim = unsafe { shim(opaque) };
    if !shim.nest.is_null() {
        return unsafe { viq_nest_smmuv3_sync(shim.nest) };
    }
    contain(0, || shim.hooks.sync.as_ref().map_or(0, |hook| hook(&shim.unit())))
}

/// What lives until the last handle is gone.
struct Inner {
    shim: *mut Shim,
    backends: Vec<Backend>,
    _host: Host,
    _mem: Mem,
}

// SAFETY: the front end's only owner uses all of it; a Reader only reads registers, which any thread may; whichever is
// the last one drops it, and hooks are Send.
unsafe impl Send for Inner {}
unsafe impl Sync for Inner {}

impl Inner {
    fn raw(&self) -> *mut viq_smmuv3 {
        unsafe { (*self.shim).raw.get() }
    }

    fn nest(&self) -> *mut viq_nest_smmuv3 {
        unsafe { (*self.shim).nest }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // SAFETY: nobody uses any of it; hooks go last.
        unsafe {
            viq_nest_smmuv3_destroy(self.nest());
            viq_smmuv3_destroy(self.raw());
            drop(Box::from_raw(self.shim));
        }
    }
}

/// A guest SMMUv3. Whoever uses it has it alone; its registers are read by any thread through a [`Reader`].
pub struct Smmuv3 {
    inner: Arc<Inner>,
    _not_sync: PhantomData<Cell<()>>,
}

impl Smmuv3 {
    /// In reset state. Invalidations go to host. The error names the member or field that cannot be so.
    pub fn new(config: &Config, mem: &Mem, host: &Host, hooks: Hooks) -> Result<Smmuv3> {
        Smmuv3::create(config, mem, Some(host), Vec::new(), hooks)
    }

    /// With hosts that follow the guest's stream table: their devices' streams are set as the guest says, invalidations
    /// go to them, and their events come to the guest. The error names a field that promises more than a host has.
    pub fn nested(config: &Config, mem: &Mem, backends: Vec<Backend>, hooks: Hooks) -> Result<Smmuv3> {
        Smmuv3::create(config, mem, None, backends, hooks)
    }

    fn create(config: &Config, mem: &Mem, host: Option<&Host>, backends: Vec<Backend>, hooks: Hooks) -> Result<Smmuv3> {
        let mut nest = ptr::null_mut();
        if host.is_none() {
            with_why(|why| unsafe { viq_nest_smmuv3_create(ptr::null(), ptr::null_mut(), &mut nest, why) })?;
        }
        let host = match (host, &backends[..]) {
            (Some(host), _) => host.clone(),
            // The faster way. Backend and host have the same life.
            (None, [one]) if !one.raw.host.ops.is_null() => unsafe { Host::from_raw(one.raw.host, one.keep.clone()) },
            // Inner's drop() destroys the front end before anybody else can call.
            (None, _) => unsafe { Host::from_raw(viq_nest_smmuv3_host(nest), Arc::new(())) },
        };
        let ops = viq_smmuv3_ops {
            size: size::<viq_smmuv3_ops>(),
            irq: Some(irq),
            msi: Some(msi),
            reconfig: Some(reconfig),
            kick: hooks.kick.as_ref().map(|_| kick as unsafe extern "C" fn(*mut c_void)),
            host_error: Some(host_error),
            trace: hooks.trace.as_ref().map(|_| trace as unsafe extern "C" fn(*mut c_void, *const Trace)),
            host_wait: hooks.host_wait.as_ref().map(|_| host_wait as _),
            device_timeout: Some(device_timeout),
            sync: Some(sync),
            page_response: None,
        };
        let raw_host = host.raw();
        let shim = Box::into_raw(Box::new(Shim { hooks, raw: Cell::new(ptr::null_mut()), nest }));
        // From here on drop() undoes all.
        let inner = Inner { shim, backends, _host: host, _mem: mem.clone() };
        for backend in &inner.backends {
            with_why(|why| unsafe { viq_nest_smmuv3_join(nest, &backend.raw, why) })?;
        }
        let config =
            viq_smmuv3_config { mem: mem.raw(), host: raw_host, ops: &ops, opaque: shim.cast(), ..config.raw() };
        let mut raw = ptr::null_mut();
        with_why(|why| unsafe { viq_smmuv3_create(&config, &mut raw, why) })?;
        unsafe { (*shim).raw.set(raw) };
        if !nest.is_null() {
            with_why(|why| unsafe { viq_nest_smmuv3_bind(nest, raw, why) })?;
        }
        Ok(Smmuv3 { inner: Arc::new(inner), _not_sync: PhantomData })
    }

    fn raw(&self) -> *mut viq_smmuv3 {
        self.inner.raw()
    }

    fn nest(&self) -> Result<*mut viq_nest_smmuv3> {
        NonNull::new(self.inner.nest()).map(NonNull::as_ptr).ok_or_else(|| Error::from_errno(EINVAL))
    }

    /// A handle that reads registers, on any thread, whatever another one does with the front end.
    pub fn reader(&self) -> Reader {
        Reader(self.inner.clone())
    }

    /// The guest reads a register.
    pub fn read(&self, offset: u64, bytes: u32) -> u64 {
        unsafe { viq_smmuv3_mmio_read(self.raw(), offset, bytes) }
    }

    /// The guest writes a register, which may consume commands.
    pub fn write(&mut self, offset: u64, bytes: u32, value: u64) {
        unsafe { viq_smmuv3_mmio_write(self.raw(), offset, bytes, value) }
    }

    /// Go on with what a write has left, for at most budget (0: VIQ_WORK_BUDGET). true: more is left.
    pub fn run(&mut self, budget: u32) -> bool {
        unsafe { viq_smmuv3_run(self.raw(), budget) }
    }

    /// Attempts in a row that the host failed, 0: the queue does not wait. Then call [`run`](Smmuv3::run) after a while.
    pub fn waits_for_host(&self) -> u64 {
        unsafe { viq_smmuv3_waits_for_host(self.raw()) }
    }

    /// Back to the state of creation.
    pub fn reset(&mut self) {
        unsafe { viq_smmuv3_reset(self.raw()) }
    }

    /// Put an event record into the guest's event queue. ENOSPC: it is full, ENODEV: it is off, EFAULT: no memory.
    pub fn event(&mut self, record: &[u64; 4]) -> Result<()> {
        check(unsafe { viq_smmuv3_event(self.raw(), record.as_ptr()) })
    }

    /// So many events were lost before they came here.
    pub fn event_lost(&mut self, count: u64) {
        unsafe { viq_smmuv3_event_lost(self.raw(), count) }
    }

    /// How transactions of a stream are to be treated now.
    pub fn stream_config(&self, sid: u32) -> Result<Stream> {
        stream_config(self.raw(), sid)
    }

    /// The ID registers that the guest sees.
    pub fn ids(&self) -> Ids {
        let mut ids = Ids { size: size::<Ids>(), ..Default::default() };
        unsafe { viq_smmuv3_get_ids(self.raw(), &mut ids) };
        ids
    }

    /// The state, for [`restore`](Smmuv3::restore) on any machine. EBUSY: called from a hook.
    pub fn save(&self) -> Result<Vec<u8>> {
        self.save_as(VIQ_SMMUV3_SAVE_VERSION)
    }

    /// As [`save`](Smmuv3::save) in this version of the format, for a library that is older.
    pub fn save_as(&self, version: u32) -> Result<Vec<u8>> {
        let mut len = unsafe { viq_smmuv3_save_size(self.raw()) };
        let mut buf = vec![0; len];
        check(unsafe { viq_smmuv3_save_as(self.raw(), version, buf.as_mut_ptr().cast(), &mut len) })?;
        buf.truncate(len);
        Ok(buf)
    }

    /// Take over a saved state. After an error nothing has changed.
    pub fn restore(&mut self, state: &[u8]) -> Result<()> {
        check(unsafe { viq_smmuv3_restore(self.raw(), state.as_ptr().cast(), state.len()) })
    }

    /// A snapshot.
    pub fn counters(&self) -> Box<Counters> {
        let mut counters = Box::<Counters>::default();
        unsafe { viq_smmuv3_counters(self.raw(), &mut *counters, std::mem::size_of::<Counters>()) };
        counters
    }

    /// A device was added at this StreamID, or one whose stream failed is to be set again: read its STE and set it.
    pub fn follow(&mut self, sid: u32) -> Result<()> {
        check(unsafe { viq_nest_smmuv3_follow(self.nest()?, sid) })
    }

    /// Make the stream abort, whatever its STE says, until the guest has that read again.
    pub fn block(&mut self, sid: u32) -> Result<()> {
        check(unsafe { viq_nest_smmuv3_block(self.nest()?, sid) })
    }

    /// Bring events of the backends to the guest: at most budget of each, 0: 1,024.
    pub fn take_events(&mut self, budget: u32) -> Result<()> {
        check(unsafe { viq_nest_smmuv3_events(self.nest()?, budget) })
    }
}

impl Drop for Smmuv3 {
    /// Devices of the backends abort from now on.
    fn drop(&mut self) {
        if let Ok(nest) = self.nest() {
            for backend in &self.inner.backends {
                unsafe { viq_nest_smmuv3_leave(nest, &backend.raw) };
            }
            unsafe { viq_nest_smmuv3_bind(nest, ptr::null_mut(), ptr::null_mut()) };
        }
    }
}

/// Reads registers, on any thread. Takes no lock and waits for nobody.
#[derive(Clone)]
pub struct Reader(Arc<Inner>);

impl Reader {
    /// Read a register.
    pub fn read(&self, offset: u64, bytes: u32) -> u64 {
        unsafe { viq_smmuv3_mmio_read(self.0.raw(), offset, bytes) }
    }
}
