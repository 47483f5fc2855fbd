//! The code generated from `proto/`.

/// Terraform's plugin protocol 5.
#[allow(unreachable_pub, dead_code, clippy::all, clippy::pedantic)]
pub(crate) mod tfplugin5 {
    tonic::include_proto!("tfplugin5");
}

/// The services of Terraform's plugin library.
#[allow(unreachable_pub, dead_code, clippy::all, clippy::pedantic)]
pub(crate) mod plugin {
    tonic::include_proto!("plugin");
}
