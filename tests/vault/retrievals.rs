//! What the emulated vault's door does with retrievals that go wrong: lost replies, outputs that end early, archives that are
//! spoilt.

use std::time::Duration;

use firn::vault::fake::{Fault, Link, Rules};
use firn::vault::{JobRequest, JobState, Tier, Vault as _, VaultError};

use super::glacier::{Emulated, staged, tree, with_faults};
use super::subject::{Subject as _, body, new_name};
use super::suite::jobs::{job_name, listed};

const MIB: u64 = 1 << 20;

fn request(remote_id: Vec<u8>) -> JobRequest {
    JobRequest { remote_id, range: None, tier: Some(Tier::Expedited), description: job_name().to_string() }
}

/// An archive of two MiB and a bit with a job of it that is ready.
async fn ready(site: &Emulated) -> (Vec<u8>, Vec<u8>, Vec<u8>) {
    let bytes = body(usize::try_from(2 * MIB + 77).unwrap(), 1);
    let door = site.door();
    let remote_id = door.put(staged(site, new_name(3), &bytes)).await.unwrap().remote_id;
    let job = door.request(request(remote_id.clone())).await.unwrap();
    site.pass_time(Duration::from_mins(5));
    assert!(matches!(door.status(&job).await.unwrap(), JobState::Ready { .. }));
    (bytes, remote_id, job)
}

fn text(id: &[u8]) -> &str {
    std::str::from_utf8(id).unwrap()
}

#[tokio::test]
async fn a_retrieval_whose_reply_was_lost_is_found_by_what_it_was_described_as() {
    let site = Emulated::with(Rules::default(), Link::default());
    let door = site.door();
    let remote_id = door.put(staged(&site, new_name(3), &body(1000, 1))).await.unwrap().remote_id;
    let lost = firn::vault::fake::Window {
        from: site.clock.now(),
        until: site.clock.now().plus(Duration::from_hours(1)),
        fault: Fault::LostReply { one_in: 1 },
    };
    site.glacier.core().set_weather(firn::vault::fake::Weather { windows: vec![lost] });
    let request = request(remote_id.clone());
    let e = door.request(request.clone()).await.unwrap_err();
    assert!(matches!(&e, VaultError::JobUnknown { description, .. } if *description == request.description), "{e}");
    assert!(!e.is_about_the_vault());
    let expected = format!(
        "the vault cold may or may not have begun the retrieval \"{}\": the connection ended before the reply came; look \
         for it among the vault's jobs before asking again",
        request.description
    );
    assert_eq!(e.to_string(), expected);
    site.pass_time(Duration::from_hours(1));
    let jobs = listed(&door).await.unwrap();
    assert_eq!((jobs.len(), &jobs[0].description, &jobs[0].remote_id), (1, &request.description, &remote_id));
    assert!(door.read(&jobs[0].job_id, 0..1000).await.unwrap() == body(1000, 1));
}

#[tokio::test]
async fn a_retrieval_that_was_refused_has_not_begun() {
    let site = with_faults(&[Fault::NoExpedited]);
    let door = site.door();
    let remote_id = door.put(staged(&site, new_name(3), &body(1000, 1))).await.unwrap().remote_id;
    let e = door.request(request(remote_id)).await.unwrap_err();
    assert!(matches!(e, VaultError::Unavailable { code: "InsufficientCapacityException", .. }), "{e}");
    assert_eq!(listed(&door).await.unwrap(), []);
}

#[tokio::test]
async fn an_output_that_ends_early_is_an_error_with_how_far_it_came() {
    let site = with_faults(&[Fault::CutOutput { one_in: 1 }]);
    let door = site.door();
    let (bytes, _, job) = ready(&site).await;
    site.glacier.core().keep_log(10);
    let e = door.read(&job, 100..1100).await.unwrap_err();
    let VaultError::CutShort { start: 100, got, wanted: 1000, .. } = e else { panic!("{e}") };
    assert!(got < 1000);
    assert_eq!(site.glacier.core().log()[0].bytes, got);
    let expected =
        format!("the vault cold sent {got} of 1000 bytes of a job's output, from byte 100; nothing of them is used");
    assert_eq!(e.to_string(), expected);
    assert_eq!(door.read(&job, 5..5).await.unwrap(), b"");
    site.pass_time(Duration::from_hours(1));
    assert!(door.read(&job, 100..1100).await.unwrap() == bytes[100..1100]);
}

#[tokio::test]
async fn an_archive_that_was_cut_off_never_comes_back_shorter() {
    let site = Emulated::new();
    let door = site.door();
    let (bytes, remote_id, job) = ready(&site).await;
    site.glacier.core().truncate(text(&remote_id), MIB + 10).unwrap();
    assert!(door.read(&job, 0..MIB + 10).await.unwrap() == bytes[..1_048_586]);
    for _ in 0..2 {
        let e = door.read(&job, MIB..2 * MIB).await.unwrap_err();
        assert!(matches!(e, VaultError::CutShort { got: 10, wanted: MIB, start: MIB, .. }), "{e}");
    }
}

#[tokio::test]
async fn a_spoilt_byte_is_found_where_the_tree_tells_and_given_out_elsewhere() {
    let site = Emulated::new();
    let door = site.door();
    let (bytes, remote_id, job) = ready(&site).await;
    site.glacier.core().spoil(text(&remote_id), MIB + 5).unwrap();
    // Not a node of the tree: who knows the file's hash finds it.
    let mut wrong = bytes[1_048_576..1_048_676].to_vec();
    wrong[5] ^= 0x20;
    assert!(door.read(&job, MIB..MIB + 100).await.unwrap() == wrong);
    assert!(door.read(&job, MIB + 6..2 * MIB).await.unwrap() == bytes[1_048_582..2_097_152]);
    // A node of the tree.
    let e = door.read(&job, MIB..2 * MIB).await.unwrap_err();
    let mut node = bytes[1_048_576..2_097_152].to_vec();
    let expected = tree(&node);
    node[5] ^= 0x20;
    let told = format!(
        "the vault cold sent bytes 1048576..2097152 of a job's output with {} and says that they have {expected}; nothing \
         of them is used",
        tree(&node)
    );
    assert_eq!(e.to_string(), told);
    assert!(matches!(e, VaultError::OutputMismatch { .. }));
    assert!(door.read(&job, 0..MIB).await.unwrap() == bytes[..1_048_576]);
}

#[tokio::test]
async fn a_vault_that_tells_nothing_has_no_queue() {
    let site = Emulated::with(Rules { topic: None, ..Rules::default() }, Link::default());
    assert!(site.door().messages().is_none());
    assert!(Emulated::new().door().messages().is_some());
    assert!(super::subject::Directory::new().vault().messages().is_none());
}

#[tokio::test]
async fn a_queue_that_is_out_is_told_as_such() {
    let site = with_faults(&[Fault::Outage]);
    let queue = site.door().messages().unwrap();
    let e = queue.receive(10).await.unwrap_err().to_string();
    let expected = "the vault cold does not do that now: ServiceUnavailableException: the service cannot complete the \
                    request now; send it again later";
    assert_eq!(e, expected);
    site.pass_time(Duration::from_hours(1));
    assert_eq!(queue.receive(10).await.unwrap(), []);
    let e = queue.done("x\u{1b}").await.unwrap_err().to_string();
    let expected = "the vault cold cannot do that: ReceiptHandleIsInvalid: the receipt x\\x1b is not one of this queue";
    assert_eq!(e, expected);
}
