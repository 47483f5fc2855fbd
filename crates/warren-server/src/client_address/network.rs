//! A range of addresses in CIDR notation.

use std::{net::IpAddr, str::FromStr};

/// All addresses that share the first bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Network {
    first: IpAddr,
    n_bits: u32,
}

impl Network {
    pub(super) fn contains(&self, address: IpAddr) -> bool {
        match (self.first, address) {
            (IpAddr::V4(first), IpAddr::V4(address)) => {
                let differing = u32::from(first) ^ u32::from(address);
                differing.leading_zeros() >= self.n_bits
            }
            (IpAddr::V6(first), IpAddr::V6(address)) => {
                let differing = u128::from(first) ^ u128::from(address);
                differing.leading_zeros() >= self.n_bits
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

impl FromStr for Network {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (first, n_bits) = match text.split_once('/') {
            Some((first, n_bits)) => (first, Some(n_bits.parse::<u32>().map_err(drop)?)),
            None => (text, None),
        };
        let first: IpAddr = first.parse().map_err(drop)?;
        let n_bits_max = if first.is_ipv4() { 32 } else { 128 };
        let n_bits = n_bits.unwrap_or(n_bits_max);
        if n_bits > n_bits_max { Err(()) } else { Ok(Self { first, n_bits }) }
    }
}
