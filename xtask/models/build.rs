//! Sets `cfg(loom)`, under which the files of the chapters and of `final` take loom's locks for their own. Setting
//! it here, not in `RUSTFLAGS`, leaves the build of every dependency as it is.

fn main() {
    println!("cargo:rustc-cfg=loom");
    println!("cargo:rerun-if-changed=build.rs");
}
