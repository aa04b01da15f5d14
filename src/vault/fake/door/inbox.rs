//! The queue behind the door.

use async_trait::async_trait;

use super::FakeVault;
use crate::vault::fake::core::Op;
use crate::vault::{Message, Messages, Result};

#[async_trait]
impl Messages for FakeVault {
    async fn receive(&self, most: usize) -> Result<Vec<Message>> {
        self.ask(Op::Receive, "", |core, now| core.receive(now, most)).await
    }

    async fn done(&self, receipt: &str) -> Result<()> {
        self.ask(Op::Done, "", |core, now| core.delete_message(now, receipt)).await
    }
}
