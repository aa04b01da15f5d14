//! The queue that messages lie in, as the queue service keeps it (Amazon SQS developer guide, "standard-queues",
//! "sqs-visibility-timeout"): each is given out at least once, in any order, and again when it was not deleted in time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::draw::Draw;
use super::refusal::Refusal;
use crate::base::Time;
use crate::vault::{MESSAGE_LIMIT, Message};

/// Messages that are given out at once at most.
pub(super) const AT_ONCE: usize = 10;
/// Messages that are kept at most; the oldest go.
const MOST: usize = 200_000;

/// Messages, and where each is.
#[derive(Debug, Default)]
pub(super) struct Queue {
    next: u64,
    held: BTreeMap<u64, Held>,
    /// Those that are not to be seen before a time.
    waiting: BTreeSet<(Time, u64)>,
    /// Those that can be given out, in an order that was drawn.
    ready: BTreeSet<(u64, u64)>,
}

#[derive(Debug)]
struct Held {
    /// What its draws go by.
    of: String,
    body: String,
    /// How often it has been given out.
    given: u32,
    place: Place,
    /// It is deleted then, whatever became of it.
    ends: Time,
}

#[derive(Debug, Clone, Copy)]
enum Place {
    Waiting(Time),
    Ready(u64),
}

impl Queue {
    /// A message comes in at a time. One that is too long is not taken.
    pub(super) fn put(&mut self, at: Time, lives: Duration, of: String, body: String) {
        if body.len() > MESSAGE_LIMIT {
            return;
        }
        let number = self.next;
        self.next += 1;
        self.waiting.insert((at, number));
        self.held.insert(number, Held { of, body, given: 0, place: Place::Waiting(at), ends: at.plus(lives) });
        while self.held.len() > MOST
            && let Some(oldest) = self.held.keys().next().copied()
        {
            self.drop_one(oldest);
        }
    }

    /// Gives out messages; they are not seen by others for `hidden`.
    pub(super) fn give(&mut self, now: Time, seed: u64, most: usize, hidden: Duration) -> Vec<Message> {
        while let Some((_, number)) = self.waiting.first().copied().filter(|(at, _)| *at <= now) {
            self.waiting.pop_first();
            if let Some(held) = self.held.get_mut(&number) {
                let order = Draw::new(seed, &["order", &held.of], u64::from(held.given)).number();
                held.place = Place::Ready(order);
                self.ready.insert((order, number));
            }
        }
        let mut given = Vec::new();
        while given.len() < most.clamp(1, AT_ONCE)
            && let Some((_, number)) = self.ready.pop_first()
        {
            let Some(held) = self.held.get_mut(&number) else { continue };
            if held.ends <= now {
                self.held.remove(&number);
                continue;
            }
            held.given += 1;
            let again = now.plus(hidden);
            held.place = Place::Waiting(again);
            self.waiting.insert((again, number));
            given.push(Message { receipt: receipt(seed, number, held.given), body: held.body.clone() });
        }
        given
    }

    /// Deletes the message with a receipt, if it is the last one that was given out with it.
    pub(super) fn delete(&mut self, seed: u64, handed_in: &str) -> Result<(), Refusal> {
        let bad = || Refusal::BadReceipt(handed_in.to_owned());
        let mut parts = handed_in.splitn(3, '.');
        let mut number = || parts.next().and_then(|part| part.parse::<u64>().ok()).ok_or_else(bad);
        let (number, given) = (number()?, number()?);
        let given = u32::try_from(given).map_err(|_| bad())?;
        if receipt(seed, number, given) != handed_in {
            return Err(bad());
        }
        if self.held.get(&number).is_some_and(|held| held.given == given) {
            self.drop_one(number);
        }
        Ok(())
    }

    /// Messages that are kept.
    pub(super) fn count(&self) -> usize {
        self.held.len()
    }

    fn drop_one(&mut self, number: u64) {
        match self.held.remove(&number).map(|held| held.place) {
            Some(Place::Waiting(at)) => drop(self.waiting.remove(&(at, number))),
            Some(Place::Ready(order)) => drop(self.ready.remove(&(order, number))),
            None => {}
        }
    }
}

/// Such a text cannot be guessed, and needs no memory of what was deleted.
fn receipt(seed: u64, number: u64, given: u32) -> String {
    let token = Draw::new(seed, &["receipt", &number.to_string()], u64::from(given)).id(24);
    format!("{number}.{given}.{token}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    const START: Time = Time::from_secs(1_700_000_000);
    const HIDDEN: Duration = Duration::from_secs(30);
    const LIVES: Duration = Duration::from_hours(96);

    fn queue(messages: u32) -> Queue {
        let mut queue = Queue::default();
        for n in 0..messages {
            queue.put(START, LIVES, n.to_string(), format!("body {n}"));
        }
        queue
    }

    /// All that can be had at a time.
    fn all(queue: &mut Queue, now: Time) -> Vec<Message> {
        let mut all = Vec::new();
        loop {
            let some = queue.give(now, 7, 10, HIDDEN);
            if some.is_empty() {
                return all;
            }
            all.extend(some);
        }
    }

    #[test]
    fn each_message_comes_once_in_another_order_and_again_until_it_is_deleted() {
        let mut queue = queue(100);
        assert!(queue.give(START.minus(Duration::from_secs(1)), 7, 10, HIDDEN).is_empty());
        assert_eq!(queue.give(START, 7, 0, HIDDEN).len(), 1);
        assert_eq!(queue.give(START, 7, 1000, HIDDEN).len(), AT_ONCE);
        let rest = all(&mut queue, START);
        assert_eq!(rest.len(), 100 - 11);
        // Nothing is seen meanwhile; everything is once more, with other receipts, in another order.
        assert!(all(&mut queue, START.plus(HIDDEN).minus(Duration::from_micros(1))).is_empty());
        let again = all(&mut queue, START.plus(HIDDEN));
        let bodies: BTreeMap<&str, &str> = again.iter().map(|m| (&*m.body, &*m.receipt)).collect();
        assert_eq!((again.len(), bodies.len()), (100, 100));
        assert!(rest.iter().all(|m| bodies[&*m.body] != m.receipt));
        let order = |messages: &[Message]| messages.iter().map(|m| m.body.clone()).collect::<Vec<_>>();
        let kept: Vec<String> = order(&again).into_iter().filter(|body| order(&rest).contains(body)).collect();
        assert_ne!(order(&rest), kept);
        let mut sorted = order(&again);
        sorted.sort_by_key(|body| body[5..].parse::<u32>().unwrap());
        assert_ne!(order(&again), sorted);
        // Deleted by the last receipt; one that was replaced does nothing, and twice is fine.
        for message in &rest {
            queue.delete(7, &message.receipt).unwrap();
        }
        assert_eq!(queue.count(), 100);
        for message in again.iter().chain(&again) {
            queue.delete(7, &message.receipt).unwrap();
        }
        assert_eq!((queue.count(), queue.waiting.len(), queue.ready.len()), (0, 0, 0));
        assert!(all(&mut queue, START.plus(HIDDEN * 10)).is_empty());
    }

    #[test]
    fn a_receipt_that_came_late_deletes_unless_somebody_else_has_the_message() {
        let mut queue = queue(2);
        let first = all(&mut queue, START);
        // Both can be given out again by now, and one has been.
        let seen = queue.give(START.plus(HIDDEN), 7, 1, HIDDEN).remove(0);
        for message in &first {
            queue.delete(7, &message.receipt).unwrap();
        }
        assert_eq!(queue.count(), 1);
        let left = all(&mut queue, START.plus(HIDDEN * 2));
        assert_eq!((left.len(), &left[0].body), (1, &seen.body));
    }

    #[test]
    fn a_receipt_that_was_never_given_is_refused() {
        let mut queue = queue(3);
        let message = all(&mut queue, START).remove(0);
        let other = message.receipt.replace('.', "0.");
        for receipt in ["", "x", "1", "1.1", "1.1.", "1.99999999999.x", "-1.1.x", &other] {
            let told = queue.delete(7, receipt).unwrap_err();
            assert_eq!(told, Refusal::BadReceipt(receipt.to_owned()));
            assert_eq!(told.to_string(), format!("the receipt {receipt} is not one of this queue"));
        }
        assert_eq!(queue.count(), 3);
    }

    #[test]
    fn a_message_that_nobody_deletes_goes_in_the_end_and_one_that_is_too_long_never_comes() {
        let mut queue = queue(2);
        queue.put(START, LIVES, "long".to_owned(), "x".repeat(MESSAGE_LIMIT + 1));
        assert_eq!(queue.count(), 2);
        assert_eq!(all(&mut queue, START.plus(LIVES).minus(Duration::from_micros(1))).len(), 2);
        assert!(all(&mut queue, START.plus(LIVES + HIDDEN)).is_empty());
        assert_eq!(queue.count(), 0);
    }

    #[test]
    fn the_oldest_go_when_there_are_too_many() {
        let mut queue = Queue::default();
        for n in 0..=MOST {
            queue.put(START, LIVES, String::new(), n.to_string());
        }
        assert_eq!((queue.count(), queue.waiting.len()), (MOST, MOST));
        assert_eq!(queue.held.values().next().unwrap().body, "1");
    }

    #[derive(Debug, Clone)]
    enum Step {
        Put {
            late: u8,
        },
        Give {
            most: usize,
        },
        /// Hands in one of the receipts that were given out.
        Delete {
            which: usize,
        },
        Pass {
            secs: u8,
        },
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => (0..40u8).prop_map(|late| Step::Put { late }),
            4 => (0..14usize).prop_map(|most| Step::Give { most }),
            4 => any::<usize>().prop_map(|which| Step::Delete { which }),
            3 => (0..50u8).prop_map(|secs| Step::Pass { secs }),
        ]
    }

    proptest! {
        /// Against a reference that knows of each message only when it can be seen and which receipt is its last.
        #[test]
        fn what_can_be_seen_is_given_out_and_what_was_deleted_is_not(seed: u64, steps in prop::collection::vec(step(), 1..80)) {
            let mut queue = Queue::default();
            let mut now = START;
            // By body: when it can be seen, and its last receipt.
            let mut model: BTreeMap<String, (Time, Option<String>)> = BTreeMap::new();
            let mut receipts: Vec<String> = Vec::new();
            for (n, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Put { late } => {
                        let at = now.plus(Duration::from_secs(u64::from(late)));
                        queue.put(at, LIVES, n.to_string(), n.to_string());
                        model.insert(n.to_string(), (at, None));
                    }
                    Step::Give { most } => {
                        let visible = model.values().filter(|(at, _)| *at <= now).count();
                        let given = queue.give(now, seed, most, HIDDEN);
                        prop_assert_eq!(given.len(), visible.min(most.clamp(1, AT_ONCE)));
                        for message in given {
                            let Some((at, last)) = model.get_mut(&message.body) else {
                                return Err(TestCaseError::fail("a message that was deleted was given out"));
                            };
                            prop_assert!(*at <= now, "a message that is hidden was given out");
                            (*at, *last) = (now.plus(HIDDEN), Some(message.receipt.clone()));
                            prop_assert!(!receipts.contains(&message.receipt), "a receipt was given twice");
                            receipts.push(message.receipt);
                        }
                    }
                    Step::Delete { which } => {
                        let Some(receipt) = receipts.get(which % receipts.len().max(1)) else { continue };
                        prop_assert_eq!(queue.delete(seed, receipt), Ok(()));
                        model.retain(|_, (_, last)| last.as_ref() != Some(receipt));
                    }
                    Step::Pass { secs } => now = now.plus(Duration::from_secs(u64::from(secs))),
                }
                prop_assert_eq!(queue.count(), model.len());
                prop_assert_eq!(queue.waiting.len() + queue.ready.len(), model.len());
            }
        }
    }
}
