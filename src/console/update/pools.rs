//! Orders to pools: why they cannot be given, what they ask first, and what they then order.

use crate::backup::snapshot::PoolRow;
use crate::base::Shown;
use crate::console::effect::{Deed, Effect};
use crate::console::model::Model;
use crate::console::overlay::{Intent, Seen};
use crate::console::tabs::TabId;
use crate::console::tabs::backup::Pane;
use crate::console::update::deeds::{Question, ask, execute};
use crate::store::{ArchiveState, PoolChange};
use crate::worker::pool::{LARGEST, SMALLEST};

/// What sealing is called while it is under way.
pub(super) const SEAL: &str = "seal the open bundles";

// --- why not ------------------------------------------------------------------------------------------------------

fn pool(model: &Model) -> Result<&PoolRow, String> {
    // As it is shown: what has changed since is looked at when it is done.
    let snapshot = model.shown.as_ref().ok_or("the state has not been read yet")?;
    if model.tab != TabId::Backup || model.backup.pane != Pane::Pools {
        return Err("select a pool first (the list Pools, with the arrow keys)".to_owned());
    }
    let pool = model.backup.pool(snapshot).ok_or("no pool is selected: no worker runs")?;
    if !pool.alive {
        let host = Shown::text(&pool.host);
        return Err(format!("the worker {host} {} is not heard of; nobody would obey", pool.pid));
    }
    Ok(pool)
}

/// Processes on its host that have a pool of this name: an order is for all of them.
fn processes<'a>(model: &'a Model, pool: &PoolRow) -> Vec<&'a PoolRow> {
    let all = model.shown.as_ref().map_or(&[][..], |snapshot| &snapshot.pools);
    all.iter().filter(|row| row.alive && row.host == pool.host && row.pool == pool.pool).collect()
}

/// The pool, and at work in how many places, of every process that an order reaches.
fn object(model: &Model, pool: &PoolRow) -> Vec<String> {
    let rows = processes(model, pool);
    let sum = |of: fn(&PoolRow) -> u32| rows.iter().map(|row| u64::from(of(row))).sum::<u64>();
    let mut lines =
        vec![about_pool(pool), format!("{} of {} places at work", sum(|row| row.busy), sum(|row| row.size))];
    if rows.len() > 1 {
        let pids: Vec<String> = rows.iter().map(|row| row.pid.to_string()).collect();
        lines.push(format!("of {} processes there, all of them: {}", rows.len(), pids.join(", ")));
    }
    lines
}

fn asked_already(model: &Model, pool: &PoolRow) -> Option<String> {
    let about = about_pool(pool);
    model.is_under_way(&about).then(|| format!("{about}: the order before has not been answered yet"))
}

fn about_pool(pool: &PoolRow) -> String {
    about(&pool.pool, &pool.host)
}

/// What an order to a pool is called while it is under way.
pub(super) fn about(pool: &str, host: &str) -> String {
    format!("pool {} of {}", Shown::text(pool), Shown::text(host))
}

/// No pool is selected that could obey.
pub fn no_pool(model: &Model) -> Option<String> {
    match pool(model) {
        Err(why) => Some(why),
        Ok(pool) => asked_already(model, pool),
    }
}

/// The size that a pool has, or has been asked to have.
fn size_of(pool: &PoolRow) -> u32 {
    pool.order.as_ref().and_then(|order| order.size).unwrap_or(pool.size)
}

/// The selected pool cannot grow.
pub fn not_larger(model: &Model) -> Option<String> {
    match pool(model) {
        Err(why) => Some(why),
        Ok(pool) if size_of(pool) >= LARGEST => Some(format!("a pool has {LARGEST} places at most")),
        Ok(pool) => asked_already(model, pool),
    }
}

/// The selected pool cannot shrink.
pub fn not_smaller(model: &Model) -> Option<String> {
    match pool(model) {
        Err(why) => Some(why),
        Ok(pool) if size_of(pool) <= SMALLEST => {
            Some(format!("a pool has {SMALLEST} places at least: one is kept for live files"))
        }
        Ok(pool) => asked_already(model, pool),
    }
}

/// No bundle is open on a host where a worker runs.
pub fn nothing_open(model: &Model) -> Option<String> {
    let Some(snapshot) = model.newest.as_ref() else { return Some("the state has not been read yet".to_owned()) };
    if !snapshot.bundles.iter().any(|bundle| bundle.row.state == ArchiveState::Open) {
        return Some("no bundle is open".to_owned());
    }
    if hosts(model).is_empty() {
        return Some("no worker that fetches runs".to_owned());
    }
    model.is_under_way(SEAL).then(|| "it was asked for and has not been answered yet".to_owned())
}

// --- what they do -------------------------------------------------------------------------------------------------

fn change(model: &Model, pool: &PoolRow) -> PoolChange {
    PoolChange {
        host: pool.host.clone(),
        pool: pool.pool.clone(),
        size: None,
        paused: None,
        drain: None,
        who: model.setup.who.clone(),
        until: None,
    }
}

fn seen(pool: &PoolRow) -> Seen {
    let generation = pool.order.as_ref().map(|order| order.generation.0);
    Seen::Pool { host: pool.host.clone(), pool: pool.pool.clone(), generation }
}

fn order(model: &mut Model, change: impl FnOnce(PoolChange, &PoolRow) -> PoolChange) -> Option<(PoolRow, Deed, Seen)> {
    let pool = pool(model).ok()?.clone();
    let change = change(self::change(model, &pool), &pool);
    let seen = seen(&pool);
    Some((pool, Deed::Order(change), seen))
}

/// Pauses the selected pool, or lets it work again.
pub fn pause(model: &mut Model) -> Vec<Effect> {
    let standing = pool(model).is_ok_and(|pool| pool.paused || pool.draining);
    let (paused, drain) = (Some(!standing), standing.then_some(false));
    let Some((pool, deed, seen)) = order(model, |change, _| PoolChange { paused, drain, ..change }) else {
        return Vec::new();
    };
    let object = object(model, &pool);
    if standing && !model.setup.production {
        // To let it work again takes nothing away.
        return execute(model, deed, &seen);
    }
    let effect = if standing {
        vec!["it takes new work again".to_owned()]
    } else {
        vec![
            "what is at work is finished; nothing new is begun until somebody lets it go on".to_owned(),
            match pool.pool.as_str() {
                "fetch" => "files that are found wait and are not safe meanwhile".to_owned(),
                _ => "bundles wait in staging and are not safe meanwhile".to_owned(),
            },
        ]
    };
    let (title, go) = if standing { ("Resume a pool", "resume") } else { ("Pause a pool", "pause") };
    let intent = Intent::Deed { deed, seen };
    ask(model, Question { title: title.to_owned(), object, effect, go, bulk: false, intent });
    Vec::new()
}

/// Lets the selected pool finish what it has.
pub fn drain(model: &mut Model) -> Vec<Effect> {
    let Some((pool, deed, seen)) = order(model, |change, _| PoolChange { drain: Some(true), ..change }) else {
        return Vec::new();
    };
    let question = Question {
        title: "Drain a pool".to_owned(),
        object: object(model, &pool),
        effect: vec![
            "what is at work is finished; then the pool stands still and says so".to_owned(),
            "to let it work again: pause or resume".to_owned(),
        ],
        go: "drain",
        bulk: false,
        intent: Intent::Deed { deed, seen },
    };
    ask(model, question);
    Vec::new()
}

/// One place more.
pub fn larger(model: &mut Model) -> Vec<Effect> {
    resize(model, 1)
}

/// One place less.
pub fn smaller(model: &mut Model) -> Vec<Effect> {
    resize(model, -1)
}

fn resize(model: &mut Model, by: i32) -> Vec<Effect> {
    let Some((pool, deed, seen)) = order(model, |change, pool| {
        let size = size_of(pool).saturating_add_signed(by).clamp(SMALLEST, LARGEST);
        PoolChange { size: Some(size), ..change }
    }) else {
        return Vec::new();
    };
    let many = processes(model, &pool).len() > 1;
    if !model.setup.production && !many {
        return execute(model, deed, &seen);
    }
    let size = size_of(&pool).saturating_add_signed(by);
    let each = if many { ", each of them" } else { "" };
    let question = Question {
        title: "Resize a pool".to_owned(),
        object: object(model, &pool),
        effect: vec![format!("from {} to {size} places{each}", size_of(&pool))],
        go: "resize",
        bulk: false,
        intent: Intent::Deed { deed, seen },
    };
    ask(model, question);
    Vec::new()
}

/// Hosts where a worker that fetches is heard of.
fn hosts(model: &Model) -> Vec<String> {
    let mut hosts: Vec<String> = model.newest.as_ref().map_or_else(Vec::new, |snapshot| {
        let fetching = snapshot.pools.iter().filter(|pool| pool.alive && pool.pool == "fetch");
        fetching.map(|pool| pool.host.clone()).collect()
    });
    hosts.sort();
    hosts.dedup();
    hosts
}

/// Seals the open bundles of every host.
pub fn seal(model: &mut Model) -> Vec<Effect> {
    let orders: Vec<PoolChange> = hosts(model)
        .into_iter()
        .map(|host| PoolChange {
            host,
            pool: "seal".to_owned(),
            size: None,
            paused: None,
            drain: None,
            who: model.setup.who.clone(),
            until: None,
        })
        .collect();
    let hosts = orders.len();
    let deed = Deed::Seal(orders);
    if !model.setup.production {
        return execute(model, deed, &Seen::Nothing);
    }
    let question = Question {
        title: "Seal open bundles".to_owned(),
        object: vec![if hosts == 1 { "on 1 host".to_owned() } else { format!("on {hosts} hosts") }],
        effect: vec!["small bundles cost as many requests as full ones".to_owned()],
        go: "seal",
        bulk: false,
        intent: Intent::Deed { deed, seen: Seen::Nothing },
    };
    ask(model, question);
    Vec::new()
}
