//! What one tick sees of a node.

use std::time::Duration;

use super::addr::NodeAddr;
use super::info::Info;
use super::nodes::NodeLine;
use super::trouble::Trouble;
use crate::base::Time;

/// One node, looked at once.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    /// Which.
    pub addr: NodeAddr,
    /// When its answer was whole, or when it was clear that none comes.
    pub at: Time,
    /// How long the answer took; nothing: there was none, or nobody measured.
    pub took: Option<Duration>,
    /// What it answered.
    pub answer: Answer,
}

/// What a node answered.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// Nobody asked: a recording has nothing of it. That says nothing of the node.
    NotAsked,
    /// Nothing was answered at all.
    Failed(Trouble),
    /// It answered, to each question by itself.
    Came(Box<Reply>),
}

/// The three answers of a tick. What was refused is not seen, and says nothing of the rest.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// `INFO everything`
    pub info: Result<Info, Trouble>,
    /// `CLUSTER NODES`
    pub nodes: Result<Vec<NodeLine>, Trouble>,
    /// `CLUSTER INFO`
    pub cluster: Result<Info, Trouble>,
}

impl Reply {
    /// The answer it is: where each question got the same error, there is nothing but that.
    pub fn answer(self) -> Answer {
        match (&self.info, &self.nodes, &self.cluster) {
            (Err(why), Err(nodes), Err(cluster)) if why.alike(nodes) && why.alike(cluster) => {
                Answer::Failed(why.clone())
            }
            _ => Answer::Came(Box::new(self)),
        }
    }
}

impl Look {
    /// Its reply, where one came.
    pub fn reply(&self) -> Option<&Reply> {
        match &self.answer {
            Answer::Came(reply) => Some(reply),
            Answer::NotAsked | Answer::Failed(_) => None,
        }
    }

    /// Its `INFO`, where that was told.
    pub fn info(&self) -> Option<&Info> {
        self.reply()?.info.as_ref().ok()
    }

    /// Its view, where that was told.
    pub fn view(&self) -> Option<&[NodeLine]> {
        self.reply()?.nodes.as_deref().ok()
    }

    /// Its `CLUSTER INFO`, where that was told.
    pub fn cluster(&self) -> Option<&Info> {
        self.reply()?.cluster.as_ref().ok()
    }
}
