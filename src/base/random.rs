//! Random bytes from the kernel.

use std::fs::File;
use std::io::Read;

/// The kernel gave no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("cannot read random bytes from /dev/urandom: {0}; is /dev mounted?")]
pub struct RandomError(#[from] std::io::Error);

/// `N` random bytes.
pub fn bytes<const N: usize>() -> Result<[u8; N], RandomError> {
    let mut out = [0; N];
    File::open("/dev/urandom")?.read_exact(&mut out)?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    #[test]
    fn two_draws_differ() {
        assert_ne!(super::bytes::<16>().unwrap(), super::bytes::<16>().unwrap());
    }
}
