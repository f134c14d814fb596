//! Sets `cfg(loom)`, with which the files of the chapters and of `final` use loom's locks. Setting it here instead of
//! in `RUSTFLAGS` leaves the build of every dependency unchanged.

fn main() {
    println!("cargo:rustc-cfg=loom");
    println!("cargo:rerun-if-changed=build.rs");
}
