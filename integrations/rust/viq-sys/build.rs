// SPDX-License-Identifier: MIT
//! Compiles the C library, or finds the system's. Needs a C compiler and binutils; downloads nothing.
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::sync::Mutex;
use std::thread;

// Folders in src that are not of libviq: the tool's, and libviq-soft's.
const TOOL: [&str; 2] = ["capture", "synth"];
const SOFT: &str = "host/soft";

fn fail(why: &str) -> ! {
    eprintln!("viq-sys: {}", why);
    process::exit(1)
}

fn run(command: &mut Command) -> String {
    match command.output() {
        Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout).into_owned(),
        Ok(output) => fail(&format!("{:?}:\n{}", command, String::from_utf8_lossy(&output.stderr))),
        Err(error) => fail(&format!("{:?}: {}", command, error)),
    }
}

/// A tool for the target: as the environment says, else with the target's prefix when cross compiling.
fn tool(variable: &str, name: &str) -> String {
    println!("cargo:rerun-if-env-changed={}", variable);
    env::var(variable).unwrap_or_else(|_| {
        if env::var("HOST") == env::var("TARGET") {
            name.to_string()
        } else {
            let arch = env::var("CARGO_CFG_TARGET_ARCH").expect("set by cargo");
            let abi = env::var("CARGO_CFG_TARGET_ENV").expect("set by cargo");
            format!("{}-linux-{}-{}", arch, abi, if name == "cc" { "gcc" } else { name })
        }
    })
}

fn system(soft: bool) {
    let name = if soft { "viq-soft" } else { "viq" };
    let version = env::var("CARGO_PKG_VERSION").expect("set by cargo");
    let interface = version.rsplit_once('.').expect("three numbers").0;
    let wanted = format!("{} >= {}", name, interface);
    for word in run(Command::new(tool("PKG_CONFIG", "pkg-config")).args(["--libs", &wanted])).split_whitespace() {
        if let Some(dir) = word.strip_prefix("-L") {
            println!("cargo:rustc-link-search=native={}", dir);
        } else if let Some(library) = word.strip_prefix("-l") {
            println!("cargo:rustc-link-lib={}", library);
        }
    }
}

fn sources(dir: &Path, without: &[PathBuf], out: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(dir).unwrap_or_else(|error| fail(&format!("{}: {}", dir.display(), error)));
    for path in entries.map(|entry| entry.expect("an entry").path()) {
        if path.is_dir() && !without.contains(&path) {
            sources(&path, without, out);
        } else if path.extension().map_or(false, |extension| extension == "c") {
            out.push(path);
        }
    }
}

fn build(root: &Path, soft: bool) {
    let out = PathBuf::from(env::var("OUT_DIR").expect("set by cargo"));
    let (cc, objcopy, ar) = (tool("CC", "cc"), tool("OBJCOPY", "objcopy"), tool("AR", "ar"));
    println!("cargo:rerun-if-env-changed=CFLAGS");
    let flags = env::var("CFLAGS").unwrap_or_default();
    let mut files = Vec::new();
    let src = root.join("src");
    let without: Vec<PathBuf> =
        TOOL.iter().chain(if soft { None } else { Some(&SOFT) }).map(|dir| src.join(dir)).collect();
    sources(&src, &without, &mut files);
    files.sort();
    let object = |index: usize| out.join(format!("{}.o", index));
    let release = env::var("OPT_LEVEL").map_or(true, |level| level != "0");
    let todo = Mutex::new(files.iter().enumerate());
    let next = || todo.lock().expect("no thread panics").next();
    let compile = || {
        while let Some((index, file)) = next() {
            let mut command = Command::new(&cc);
            command.args(["-std=c11", "-D_GNU_SOURCE", "-O2", "-g", "-fPIC", "-fvisibility=hidden", "-c"]);
            command.args(flags.split_whitespace());
            if release {
                command.arg("-DNDEBUG");
            }
            command.arg("-I").arg(root.join("include")).arg("-I").arg(root.join("src"));
            run(command.arg(file).arg("-o").arg(object(index)));
        }
    };
    let jobs = env::var("NUM_JOBS").ok().and_then(|jobs| jobs.parse().ok()).unwrap_or(1);
    thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(compile);
        }
    });
    // One object in which only the public symbols are global: no other name can clash with the program's.
    let archive = out.join("libviq.a");
    let objects = (0..files.len()).map(object);
    let whole = out.join("viq.o");
    run(Command::new(&cc).args(["-r", "-nostdlib", "-o"]).arg(&whole).args(objects));
    run(Command::new(objcopy).arg("--localize-hidden").arg(&whole));
    let _ = fs::remove_file(&archive);
    run(Command::new(ar).arg("rcs").arg(&archive).arg(&whole));
    println!("cargo:rustc-link-search=native={}", out.display());
    println!("cargo:rustc-link-lib=static=viq");
    if soft {
        println!("cargo:rustc-link-lib=urcu-memb");
    }
    println!("cargo:include={}", root.join("include").display());
}

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=VIQ_SYS_SYSTEM");
    let soft = env::var_os("CARGO_FEATURE_SOFT").is_some();
    if env::var("VIQ_SYS_SYSTEM").map_or(false, |value| value == "1") {
        return system(soft);
    }
    // The sources are in the package; in viq's own tree they are where they belong.
    let package = PathBuf::from(env::var("CARGO_MANIFEST_DIR").expect("set by cargo"));
    let root = [package.join("c"), package.join("../../..")]
        .into_iter()
        .find(|root| root.join("include/viq/version.h").exists())
        .unwrap_or_else(|| fail("the C sources are missing"));
    for folder in ["include", "src"] {
        println!("cargo:rerun-if-changed={}", root.join(folder).display());
    }
    build(&root, soft);
}
