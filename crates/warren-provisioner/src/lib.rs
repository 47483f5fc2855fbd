//! warren-provisioner
