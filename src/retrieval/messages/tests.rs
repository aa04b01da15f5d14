//! Messages as the service sends them, as others send them, and as nobody should.

use proptest::prelude::*;
use serde_json::json;

use super::*;

const UUID: &str = "6f1d2c3b-4a59-4e68-9f70-8192a3b4c5d6";

fn uuid() -> RetrievalUuid {
    RetrievalUuid(Uuid::try_parse(UUID).unwrap())
}

/// The end of a job as the service describes it.
fn end() -> Value {
    json!({
        "Action": "ArchiveRetrieval",
        "ArchiveId": "Ykz9",
        "ArchiveSHA256TreeHash": "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "ArchiveSizeInBytes": 3_145_733,
        "Completed": true,
        "CompletionDate": "2013-03-18T12:00:45.339Z",
        "CreationDate": "2013-03-18T08:10:20.123Z",
        "InventorySizeInBytes": null,
        "JobDescription": format!("firn1 job {UUID}"),
        "JobId": "IsTy-_09",
        "RetrievalByteRange": "0-3145732",
        "SHA256TreeHash": null,
        "SNSTopic": "arn:aws:sns:us-east-1:012345678901:restores",
        "StatusCode": "Succeeded",
        "StatusMessage": "Succeeded",
        "VaultARN": "arn:aws:glacier:us-east-1:012345678901:vaults/photos",
    })
}

/// With some fields otherwise; those that are null here are left out.
fn with(changes: &Value) -> Value {
    let mut end = end();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            end.as_object_mut().unwrap().remove(name);
        } else {
            end[name] = value.clone();
        }
    }
    end
}

/// In the envelope of the notification service.
fn envelope(message: &str) -> String {
    json!({
        "Type": "Notification",
        "MessageId": "5c3ab6a2-7a2f-5ad2-8c48-e19cd58c2b3e",
        "TopicArn": "arn:aws:sns:us-east-1:012345678901:restores",
        "Subject": "Notification From Amazon Glacier Service",
        "Message": message,
        "Timestamp": "2013-03-18T12:00:45.402Z",
        "SignatureVersion": "1",
    })
    .to_string()
}

fn ours(outcome: Outcome) -> Parsed {
    Parsed::Ours { job: uuid(), job_id: "IsTy-_09".to_owned(), outcome }
}

fn foreign(what: &str) -> Parsed {
    Parsed::Foreign(what.to_owned())
}

fn broken(why: &str) -> Parsed {
    Parsed::Broken(format!("job {UUID}: {why}"))
}

#[test]
fn a_jobs_name_reads_back_and_others_do_not() {
    let name = JobName { uuid: uuid() };
    assert_eq!(name.to_string(), format!("firn1 job {UUID}"));
    assert_eq!(JobName::parse(&name.to_string()), Some(name));
    for other in [
        String::new(),
        "firn1 job ".to_owned(),
        format!("firn2 job {UUID}"),
        format!("firn1 job {UUID} "),
        format!(" firn1 job {UUID}"),
        format!("firn1 job {{{UUID}}}"),
        format!("firn1 job {}", UUID.to_uppercase()),
        format!("firn1 job {}", UUID.replace('-', "")),
        // An archive's.
        format!("firn1 {UUID} m=1"),
    ] {
        assert_eq!(JobName::parse(&other), None, "{other:?}");
    }
}

#[test]
fn the_end_of_a_job_is_read_in_all_its_forms() {
    let later = with(&json!({
        "Tier": "Bulk", "JobOutputPath": "", "InventoryRetrievalParameters": {}, "SelectParameters": [1], "Whatever": 7.5,
    }));
    let long = "x".repeat(1000);
    let cases = [
        (end(), Outcome::Succeeded),
        (later, Outcome::Succeeded),
        (with(&json!({"SNSTopic": null, "StatusMessage": null, "ArchiveId": null})), Outcome::Succeeded),
        (
            with(&json!({"StatusCode": "Failed", "StatusMessage": "no such\u{1b}[2J archive"})),
            Outcome::Failed("no such\\x1b[2J archive".to_owned()),
        ),
        (
            with(&json!({"StatusCode": "Failed", "StatusMessage": long})),
            Outcome::Failed(format!("{}…", "x".repeat(300))),
        ),
        (
            with(&json!({"StatusCode": "Failed", "StatusMessage": null})),
            Outcome::Failed("the vault gives no reason".to_owned()),
        ),
        (
            with(&json!({"StatusCode": "Failed", "StatusMessage": " "})),
            Outcome::Failed("the vault gives no reason".to_owned()),
        ),
    ];
    for (message, outcome) in cases {
        let raw = message.to_string();
        assert_eq!(parse(&raw), ours(outcome.clone()), "{raw}");
        assert_eq!(parse(&envelope(&raw)), ours(outcome), "in an envelope: {raw}");
    }
}

#[test]
fn completed_is_not_succeeded() {
    let failed = with(&json!({"StatusCode": "Failed", "StatusMessage": "gone", "Completed": true}));
    assert_eq!(parse(&failed.to_string()), ours(Outcome::Failed("gone".to_owned())));
    for (changes, why) in [
        (json!({"StatusCode": null}), "StatusCode is missing, neither Succeeded nor Failed"),
        (json!({"StatusCode": "InProgress"}), "StatusCode is \"InProgress\", neither Succeeded nor Failed"),
        (json!({"StatusCode": "succeeded"}), "StatusCode is \"succeeded\", neither Succeeded nor Failed"),
        (json!({"StatusCode": true}), "StatusCode is true, neither Succeeded nor Failed"),
        (json!({"Completed": false}), "Completed is false: it is not at its end"),
        (json!({"Completed": "true"}), "Completed is \"true\": it is not at its end"),
        (json!({"Completed": null}), "Completed is missing: it is not at its end"),
    ] {
        assert_eq!(parse(&with(&changes).to_string()), broken(why), "{changes}");
    }
}

#[test]
fn a_message_of_our_job_that_does_not_hold_together_is_broken() {
    let long = "x".repeat(1025);
    for (changes, why) in [
        (json!({"JobId": null}), "JobId is missing, which is no id".to_owned()),
        (json!({"JobId": ""}), "JobId is \"\", which is no id".to_owned()),
        (json!({"JobId": 7}), "JobId is 7, which is no id".to_owned()),
        (json!({"JobId": "a b\n"}), "JobId is \"a b\\x0a\", which is no id".to_owned()),
        (json!({"JobId": long}), format!("JobId is \"{}…\", which is no id", "x".repeat(300))),
        (json!({"Action": "InventoryRetrieval"}), "Action is \"InventoryRetrieval\", not ArchiveRetrieval".to_owned()),
        (json!({"Action": ["ArchiveRetrieval"]}), "Action is a list, not ArchiveRetrieval".to_owned()),
    ] {
        assert_eq!(parse(&with(&changes).to_string()), broken(&why), "{changes}");
    }
}

#[test]
fn what_is_not_ours_is_told_and_left_alone() {
    let inventory = json!({"Action": "InventoryRetrieval", "JobDescription": "nightly\u{202e}", "Completed": true});
    for (message, what) in [
        (with(&json!({"JobDescription": "holiday"})), "a job that is described as \"holiday\""),
        (with(&json!({"JobDescription": ["firn1"]})), "a job that is described as a list"),
        (with(&json!({"JobDescription": null})), "it is not about a job"),
        (inventory, "a job that is described as \"nightly\\u{202e}\""),
        (json!({"Records": [{"eventName": "ObjectRestore:Completed"}]}), "it is not about a job"),
        (json!({}), "it is not about a job"),
    ] {
        let raw = message.to_string();
        assert_eq!(parse(&raw), foreign(what), "{raw}");
        assert_eq!(parse(&envelope(&raw)), foreign(what), "in an envelope: {raw}");
    }
    // A job without a description is sent with null.
    let mut nobodys = end();
    nobodys["JobDescription"] = Value::Null;
    assert_eq!(parse(&nobodys.to_string()), foreign("a job that is described as null"));
    let confirm = json!({"Type": "SubscriptionConfirmation", "TopicArn": "arn", "Message": end().to_string()});
    let what = "a notice of the notification service: \"SubscriptionConfirmation\"";
    assert_eq!(parse(&confirm.to_string()), foreign(what));
    assert_eq!(parse(&envelope(&envelope(&end().to_string()))), foreign("an envelope in an envelope"));
}

#[test]
fn what_cannot_be_read_is_told_with_the_place() {
    let deep = "[".repeat(5000);
    for (body, why) in [
        ("", "it is no JSON, from line 1, column 0: "),
        ("Hello\u{7}", "it is no JSON, from line 1, column 1: Hello\\x07"),
        ("{\"JobId\": \"x\",\n  \"Job", "it is no JSON, from line 2, column 6: {\"JobId\": \"x\",\\x0a  \"Job"),
        ("[1]", "it is no JSON object: a list"),
        ("\"firn1\"", "it is no JSON object: \"firn1\""),
        ("null", "it is no JSON object: null"),
    ] {
        assert_eq!(parse(body), Parsed::Broken(why.to_owned()), "{body:?}");
        assert_eq!(parse(&envelope(body)), Parsed::Broken(why.to_owned()), "in an envelope: {body:?}");
    }
    let Parsed::Broken(why) = parse(&deep) else { panic!("it was read") };
    assert!(why.starts_with("it is no JSON, from line 1, column 128: [[["), "{why}");
    let empty = json!({"Type": "Notification", "TopicArn": "arn", "Message": {"JobId": "x"}});
    assert_eq!(parse(&empty.to_string()), Parsed::Broken("an envelope without a text in it".to_owned()));
}

#[test]
fn a_message_is_read_up_to_its_largest_size() {
    let room = MESSAGE_LIMIT - with(&json!({"More": ""})).to_string().len();
    let fits = with(&json!({"More": "x".repeat(room)})).to_string();
    assert_eq!((fits.len(), parse(&fits)), (262_144, ours(Outcome::Succeeded)));
    let more = with(&json!({"More": "x".repeat(room + 1)})).to_string();
    let why = "it has 262145 bytes; a message has 262144 at most";
    assert_eq!(parse(&more), Parsed::Broken(why.to_owned()));
}

/// Any JSON, with the names that mean something among its fields.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        Just(Value::from(format!("firn1 job {UUID}"))),
        prop::sample::select(vec!["ArchiveRetrieval", "Succeeded", "Failed", "Notification", "abc"])
            .prop_map(Value::from),
    ];
    let name = prop_oneof![
        9 => prop::sample::select(vec![
            "Action", "JobDescription", "JobId", "Completed", "StatusCode", "StatusMessage", "Type", "TopicArn", "Message",
        ])
        .prop_map(str::to_owned),
        1 => ".{0,6}",
    ];
    leaf.prop_recursive(3, 24, 8, move |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            5 => prop::collection::btree_map(name.clone(), inner, 0..9)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// What is shown is safe, and not without end.
fn is_safe(parsed: &Parsed) -> bool {
    let words = match parsed {
        Parsed::Ours { outcome: Outcome::Succeeded, job_id, .. } => job_id,
        Parsed::Ours { outcome: Outcome::Failed(why), .. } | Parsed::Foreign(why) | Parsed::Broken(why) => why,
    };
    words.chars().all(|c| !c.is_control()) && words.len() < 4000
}

proptest! {
    #[test]
    fn any_text_is_read_as_something_safe(body in "\\PC{0,200}|.{0,200}") {
        let parsed = parse(&body);
        prop_assert!(is_safe(&parsed), "{:?}", parsed);
        prop_assert!(!matches!(parsed, Parsed::Ours { .. }), "{:?}", parsed);
    }

    #[test]
    fn an_envelope_changes_nothing(value in value()) {
        let raw = value.to_string();
        let parsed = parse(&raw);
        prop_assert!(is_safe(&parsed), "{:?}", parsed);
        // But for what is an envelope itself.
        if !value.as_object().is_some_and(is_envelope) {
            prop_assert_eq!(parse(&envelope(&raw)), parsed);
        }
    }

    #[test]
    fn a_message_cut_off_anywhere_is_broken(at in 0.0..1.0f64) {
        let whole = end().to_string();
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)] // a place in it
        let cut = &whole[..(whole.len() as f64 * at) as usize];
        prop_assert!(matches!(parse(cut), Parsed::Broken(_)), "{}", cut);
    }

    #[test]
    fn what_fields_that_are_not_looked_at_hold_does_not_matter(more in value(), at in 0..4usize) {
        let name = ["SNSTopic", "Tier", "ArchiveSizeInBytes", "Whatever"][at];
        let mut message = end();
        message[name] = more;
        prop_assert_eq!(parse(&message.to_string()), ours(Outcome::Succeeded));
    }
}
