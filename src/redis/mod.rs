//! Redis and Valkey clusters: every node is asked itself, what their views say is laid beside each other, and what is wrong is
//! said in words; and the transaction benchmark.
//!
//! | file | what it does |
//! | --- | --- |
//! | [`addr`] | where a node is (kept in [`crate::base`]) |
//! | [`resp`] | the protocol: replies are read, requests written |
//! | [`info`] | `INFO` and `CLUSTER INFO` by the names of their fields |
//! | [`nodes`] | `CLUSTER NODES`: one node's view |
//! | [`slots`] | sets of hash slots |
//! | [`trouble`] | why nothing, or not everything, is seen of a node |
//! | [`look`] | what one tick sees of a node |
//! | [`aside`] | what a node is asked beside the tick |
//! | [`limits`] | what is judged, and from where on something is said |
//! | [`finding`] | what is wrong, in words; what happened |
//! | [`snapshot`] | how a cluster stands |
//! | [`commands`] | commands that would repair something |
//! | [`view`], [`merge`] | a node's view, and all of them beside each other |
//! | [`history`], [`observe`] | what is kept between ticks, and what a tick adds |
//! | [`facts`], [`rules`] | what rules ask, and the rules |
//! | [`health`], [`strip`] | the judge; how the slots stand |
//! | [`rates`] | counters as rates |
//! | [`station`], [`watch`] | who looks, judges and publishes; the worker that keeps the history |
//! | [`read`] | all clusters at once, as a screen reads them |
//! | [`mod@bench`] | the transaction benchmark |
//! | [`tls`] | TLS to a node |
//! | [`conn`] | one connection, and a round trip on it |
//! | [`line`](mod@line) | the connection to a node that is kept |
//! | [`probe`] | all nodes of a cluster, looked at at once |
//! | [`panels`] | what is asked of one node on demand |
//! | [`beside`] | what nodes are asked beside the tick |
//! | [`moves`] | how slots that move stand |
//! | [`settings`] | settings of the servers that the judge goes by |
//! | [`acl`] | the rule of an account that may look and do nothing else |
//! | [`mod@act`] | the few things an operator may have done |
//! | [`sentinel`] | what sentinels say of the masters they watch |
//! | [`silence`] | what is silenced for a time |
//! | [`record`], [`replay`] | what was seen as a folder, and such a folder judged again |
//! | [`report`], [`plugin`] | how a cluster stands as text, as JSON, and as a monitoring plugin |

pub mod acl;
pub mod act;
pub mod aside;
pub mod bench;
pub mod beside;
pub mod commands;
pub mod conn;
pub mod facts;
pub mod finding;
pub mod health;
pub mod history;
pub mod info;
pub mod limits;
pub mod line;
pub mod look;
pub mod merge;
pub mod moves;
pub mod nodes;
pub mod observe;
pub mod panels;
pub mod plugin;
pub mod probe;
pub mod rates;
pub mod read;
pub mod record;
pub mod replay;
pub mod report;
pub mod resp;
pub mod rules;
pub mod sentinel;
pub mod settings;
pub mod silence;
pub mod slots;
pub mod snapshot;
pub mod station;
pub mod strip;
pub mod tls;
pub mod trouble;
pub mod view;
pub mod watch;

pub use crate::base::addr;
