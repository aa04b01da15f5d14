//! Random bytes: from the kernel, or from its stream where a world is to be the same each time.

use std::fs::File;
use std::io::Read;

use super::world::{self, World};

/// The kernel gave no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("cannot read random bytes from /dev/urandom: {0}; is /dev mounted?")]
pub struct RandomError(#[from] std::io::Error);

/// `N` random bytes.
pub fn bytes<const N: usize>() -> Result<[u8; N], RandomError> {
    let mut out = [0; N];
    if let Some(world) = world::here() {
        fill(&world, &mut out);
        return Ok(out);
    }
    File::open("/dev/urandom")?.read_exact(&mut out)?;
    Ok(out)
}

/// The next bytes of a world's stream.
fn fill(world: &World, out: &mut [u8]) {
    for chunk in out.chunks_mut(8) {
        chunk.copy_from_slice(&world.draw().to_le_bytes()[..chunk.len()]);
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn two_draws_differ() {
        assert_ne!(super::bytes::<16>().unwrap(), super::bytes::<16>().unwrap());
    }
}
