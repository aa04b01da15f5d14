//! How the ends of jobs are told.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde_json::{Value, json};

use super::*;
use crate::base::encode::hex;
use crate::vault::fake::{Phase, Retrieval, Topic};
use crate::vault::{Message, Tier};

const ENOUGH: Duration = Duration::from_hours(20);

fn with_topic(topic: Topic, faults: &[Fault]) -> Site {
    let window = |fault: &Fault| Window { from: START, until: START.plus(HOUR * 1000), fault: *fault };
    let weather = Weather { windows: faults.iter().map(window).collect() };
    Site::new(Rules { seed: 5, topic: Some(topic), weather, ..Rules::default() })
}

fn raw() -> Topic {
    Topic { enveloped: false, ..Topic::default() }
}

fn ask(site: &mut Site, archive_id: &str, range: Option<Range<u64>>, description: &str) -> Arc<str> {
    let (archive_id, description) = (archive_id.to_owned(), description.to_owned());
    let request = Retrieval { archive_id, range, tier: Some(Tier::Standard), description };
    site.core.initiate_retrieval(site.now, &request).unwrap()
}

/// All messages that can be had now; each is done with.
fn drain(site: &mut Site) -> Vec<Message> {
    let mut all = Vec::new();
    loop {
        let given = site.core.receive(site.now, 10).unwrap();
        if given.is_empty() {
            return all;
        }
        for message in given {
            site.core.delete_message(site.now, &message.receipt).unwrap();
            all.push(message);
        }
    }
}

fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// How many messages there are about each job.
fn about(messages: &[Message]) -> BTreeMap<String, usize> {
    let mut about = BTreeMap::new();
    for message in messages {
        let job = value(&message.body)["JobId"].as_str().unwrap().to_owned();
        *about.entry(job).or_default() += 1;
    }
    about
}

#[test]
fn the_end_of_a_job_is_told_in_the_services_words() {
    let mut site = with_topic(raw(), &[]);
    let receipt = site.post("a", &bytes(4 * MIB + 5, 1)).unwrap();
    let id = receipt.archive_id;
    let job = ask(&mut site, &id, None, "firn1 job 1");
    site.pass(HOUR * 2);
    assert!(site.core.receive(site.now, 10).unwrap().is_empty());
    site.pass(ENOUGH);
    let described = site.core.describe_job(site.now, &job).unwrap();
    let Phase::Succeeded { at, .. } = described.phase else { panic!("{described:?}") };
    let stamp = |time: Time| format!("{:.3}", jiff::Timestamp::from_microsecond(time.as_micros()).unwrap());
    assert_eq!(stamp(START), "2023-11-14T22:13:20.000Z");
    let messages = drain(&mut site);
    assert_eq!(messages.len(), 1);
    let hash = hex(&receipt.tree_hash.0);
    let expected = json!({
        "Action": "ArchiveRetrieval",
        "ArchiveId": &*id,
        "ArchiveSHA256TreeHash": hash,
        "ArchiveSizeInBytes": 4_194_309,
        "Completed": true,
        "CompletionDate": stamp(at),
        "CreationDate": "2023-11-14T22:13:20.000Z",
        "InventoryRetrievalParameters": null,
        "InventorySizeInBytes": null,
        "JobDescription": "firn1 job 1",
        "JobId": &*job,
        "JobOutputPath": null,
        "OutputLocation": null,
        "RetrievalByteRange": "0-4194308",
        "SHA256TreeHash": hash,
        "SNSTopic": "arn:aws:sns:us-east-1:012345678901:cold-jobs",
        "SelectParameters": null,
        "StatusCode": "Succeeded",
        "StatusMessage": "Succeeded",
        "Tier": "Standard",
        "VaultARN": "arn:aws:glacier:us-east-1:012345678901:vaults/cold",
    });
    assert_eq!(value(&messages[0].body), expected);
    assert_eq!(site.core.messages_kept(site.now), 0);
}

#[test]
fn what_does_not_apply_is_null() {
    let mut site = with_topic(raw(), &[]);
    let id = site.post("a", &bytes(4 * MIB + 5, 1)).unwrap().archive_id;
    ask(&mut site, &id, Some(MIB..3 * MIB), "");
    site.core.fail_next_job("shelf 7 is on fire");
    ask(&mut site, &id, Some(2 * MIB..4 * MIB), "failing");
    site.pass(HOUR * 24);
    site.core.initiate_inventory(site.now, "nightly").unwrap();
    site.pass(ENOUGH);
    let messages = drain(&mut site);
    assert_eq!(messages.len(), 3);
    let by = |description: &Value| {
        let bodies = messages.iter().map(|message| value(&message.body));
        bodies.into_iter().find(|body| body["JobDescription"] == *description).unwrap()
    };
    // Not a node of the tree.
    let unaligned = by(&Value::Null);
    assert_eq!(
        (&unaligned["SHA256TreeHash"], &unaligned["RetrievalByteRange"]),
        (&Value::Null, &json!("1048576-3145727"))
    );
    assert!(unaligned["ArchiveSHA256TreeHash"].is_string());
    let failed = by(&json!("failing"));
    assert_eq!(failed["SHA256TreeHash"].as_str().unwrap().len(), 64);
    let state = ["Completed", "StatusCode", "StatusMessage"].map(|name| &failed[name]);
    assert_eq!(state, [&json!(true), &json!("Failed"), &json!("shelf 7 is on fire")]);
    let inventory = by(&json!("nightly"));
    assert_eq!(inventory["Action"], "InventoryRetrieval");
    let names = ["ArchiveId", "ArchiveSHA256TreeHash", "ArchiveSizeInBytes", "RetrievalByteRange", "Tier"];
    assert!(names.iter().all(|name| inventory[name].is_null()), "{inventory}");
}

#[test]
fn an_envelope_holds_the_same_text() {
    let body = |enveloped| {
        let mut site = with_topic(Topic { enveloped, ..Topic::default() }, &[]);
        let id = site.post("a", b"x").unwrap().archive_id;
        ask(&mut site, &id, None, "x");
        site.pass(ENOUGH);
        drain(&mut site).remove(0).body
    };
    let envelope = value(&body(true));
    assert_eq!(envelope["Message"].as_str().unwrap(), body(false));
    assert_eq!(envelope["Timestamp"], value(&body(false))["CompletionDate"]);
    let words = ["Type", "TopicArn", "Subject"].map(|name| envelope[name].as_str().unwrap());
    let expected =
        ["Notification", "arn:aws:sns:us-east-1:012345678901:cold-jobs", "Notification From Amazon Glacier Service"];
    assert_eq!(words, expected);
    assert!(uuid::Uuid::try_parse(envelope["MessageId"].as_str().unwrap()).is_ok());
}

#[test]
fn two_topics_tell_each_end_twice_and_none_tells_nothing() {
    let told = |of_jobs, of_vault| {
        let mut site = with_topic(Topic { of_jobs, of_vault, ..raw() }, &[]);
        let id = site.post("a", b"x").unwrap().archive_id;
        ask(&mut site, &id, None, "x");
        site.pass(ENOUGH);
        let mut topics: Vec<bool> =
            drain(&mut site).iter().map(|message| value(&message.body)["SNSTopic"].is_string()).collect();
        topics.sort_unstable();
        topics
    };
    assert_eq!(told(true, false), [true]);
    assert_eq!(told(false, true), [false]);
    assert_eq!(told(true, true), [false, true]);
    assert_eq!(told(false, false), [] as [bool; 0]);
    let mut site = Site::new(Rules { topic: None, ..Rules::default() });
    let id = site.post("a", b"x").unwrap().archive_id;
    ask(&mut site, &id, None, "x");
    site.pass(ENOUGH);
    assert_eq!((site.core.receive(site.now, 10).unwrap(), site.core.messages_kept(site.now)), (vec![], 0));
}

#[test]
fn messages_are_lost_doubled_and_late_as_the_weather_has_it() {
    let by = HOUR * 30;
    let faults =
        [Fault::LostMessage { one_in: 4 }, Fault::DoubledMessage { one_in: 4 }, Fault::LateMessage { one_in: 4, by }];
    let run = |enquiries: u32| {
        let mut site = with_topic(raw(), &faults);
        let id = site.post("a", b"x").unwrap().archive_id;
        for n in 0..200 {
            ask(&mut site, &id, None, &n.to_string());
        }
        // However often it is asked meanwhile.
        for _ in 0..enquiries {
            site.pass(HOUR / 7);
            site.core.describe(site.now).unwrap();
        }
        site.now = START.plus(ENOUGH);
        let early = about(&drain(&mut site));
        site.pass(by);
        (early, about(&drain(&mut site)))
    };
    let (early, late) = run(0);
    let all: BTreeSet<&String> = early.keys().chain(late.keys()).collect();
    assert!((120..180).contains(&all.len()), "{} of 200 are told", all.len());
    assert!((20..60).contains(&late.len()), "{} are late", late.len());
    let doubled = early.values().chain(late.values()).filter(|count| **count == 2).count();
    assert!((20..60).contains(&doubled), "{doubled} are told twice");
    assert!(early.values().chain(late.values()).all(|count| *count <= 2));
    assert_eq!(run(100), (early, late));
}

#[test]
fn a_message_that_is_not_done_comes_again() {
    let mut site = with_topic(raw(), &[]);
    let id = site.post("a", b"x").unwrap().archive_id;
    ask(&mut site, &id, None, "x");
    site.pass(ENOUGH);
    let first = site.core.receive(site.now, 10).unwrap().remove(0);
    assert!(site.core.receive(site.now, 10).unwrap().is_empty());
    site.pass(Duration::from_secs(30));
    let second = site.core.receive(site.now, 10).unwrap().remove(0);
    assert_eq!(first.body, second.body);
    site.core.delete_message(site.now, &first.receipt).unwrap();
    site.pass(Duration::from_secs(30));
    let third = site.core.receive(site.now, 10).unwrap().remove(0);
    site.core.delete_message(site.now, &third.receipt).unwrap();
    site.core.delete_message(site.now, &third.receipt).unwrap();
    site.pass(HOUR);
    assert!(site.core.receive(site.now, 10).unwrap().is_empty());
    let sentence = "the receipt 0.9.x is not one of this queue";
    is_refused(site.core.delete_message(site.now, "0.9.x"), 400, "ReceiptHandleIsInvalid", sentence);
}

#[test]
fn a_lost_reply_of_the_queue_hides_messages_for_a_while_and_an_outage_loses_none() {
    let windows = [(0, Fault::LostReply { one_in: 1 }), (1, Fault::Outage), (2, Fault::Throttle { one_in: 1 })];
    let at = |hours| START.plus(ENOUGH + HOUR * hours);
    let windows = windows.map(|(hour, fault)| Window { from: at(hour), until: at(hour + 1), fault }).to_vec();
    let mut site = with_topic(raw(), &[]);
    site.core.set_weather(Weather { windows });
    let id = site.post("a", b"x").unwrap().archive_id;
    ask(&mut site, &id, None, "x");
    site.pass(ENOUGH);
    let sentence = "the connection ended before the reply came";
    is_refused(site.core.receive(site.now, 10), 408, "RequestTimeoutException", sentence);
    site.pass(HOUR);
    let sentence = "the service cannot complete the request now; send it again later";
    is_refused(site.core.receive(site.now, 10), 500, "ServiceUnavailableException", sentence);
    site.pass(HOUR);
    // Throttling is of the other service.
    assert_eq!(drain(&mut site).len(), 1);
}

#[test]
fn messages_of_others_and_rubbish_lie_among_ours() {
    let mut site = with_topic(Topic { foreign_one_in: 2, rubbish_one_in: 2, ..raw() }, &[]);
    let id = site.post("a", b"x").unwrap().archive_id;
    let jobs: BTreeSet<Arc<str>> = (0..200).map(|n| ask(&mut site, &id, None, &n.to_string())).collect();
    site.pass(ENOUGH);
    let (mut ours, mut foreign, mut rubbish) = (0, BTreeSet::new(), 0);
    for message in drain(&mut site) {
        match serde_json::from_str::<Value>(&message.body) {
            Ok(Value::Object(body)) if body.get("JobId").is_some_and(|id| jobs.contains(id.as_str().unwrap())) => {
                ours += 1;
            }
            Ok(Value::Object(body)) => {
                let kind = body.get("JobDescription").or(body.get("Type")).unwrap().as_str().unwrap();
                foreign.insert(kind.split(' ').next().unwrap().to_owned());
            }
            _ => rubbish += 1,
        }
    }
    let kinds = ["SubscriptionConfirmation", "firn1", "holiday", "nightly"];
    assert_eq!(foreign.iter().map(String::as_str).collect::<Vec<_>>(), kinds);
    assert_eq!(ours, 200);
    assert!((60..140).contains(&rubbish), "{rubbish}");
}

#[test]
fn a_job_that_was_made_faster_is_told_once_at_its_new_end() {
    let mut site = with_topic(raw(), &[]);
    site.core.rules.upgrade = true;
    let id = site.post("a", b"x").unwrap().archive_id;
    let job = ask(&mut site, &id, None, "x");
    site.core.upgrade_job(site.now, &job, Tier::Expedited).unwrap();
    site.pass(HOUR / 12);
    let messages = drain(&mut site);
    assert_eq!((messages.len(), value(&messages[0].body)["Tier"].clone()), (1, json!("Expedited")));
    site.pass(ENOUGH);
    assert!(drain(&mut site).is_empty());
}

#[test]
fn anybody_may_put_a_message_into_the_queue() {
    let mut site = with_topic(raw(), &[]);
    site.core.put_message(site.now, "hello".to_owned());
    site.core.put_message(site.now, "hello".to_owned());
    assert_eq!(site.core.messages_kept(site.now), 2);
    assert_eq!(drain(&mut site).iter().map(|message| &*message.body).collect::<Vec<_>>(), ["hello", "hello"]);
}
