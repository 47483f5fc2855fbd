//! warren-vocab
