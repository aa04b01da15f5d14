//! Folders that files are delivered into: found from their destination down, never through a link; and what is wrong
//! with a destination as a whole.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::fs::FileType;
use rustix::io::Errno;

use crate::base::Shown;
use crate::base::disk::{Dir, DiskError, Trouble};
use crate::base::ids::{DestId, PlanId};
use crate::restore::landing::{NotRestored, in_the_way};
use crate::store::DestRow;

/// Most folders that are kept open at a time.
const OPEN: usize = 256;

/// Destinations of a plan.
pub(super) type Places = HashMap<DestId, DestRow>;

/// A folder below a destination; without names, the destination itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Spot {
    /// The destination.
    pub dest: DestId,
    /// From there down.
    pub folders: Vec<OsString>,
}

/// Why something cannot go there.
#[derive(Debug)]
pub(super) enum Wrong {
    /// Nothing can, now: the destination as a whole.
    Place(String),
    /// That file cannot.
    File(NotRestored),
}

/// Which folders destinations were when they were first opened: one that was there does not turn into another one in
/// silence, as the folder does that a file system was mounted on. The inode is forgotten when a folder is found missing:
/// one that somebody makes anew on the same file system is taken.
#[derive(Debug, Default)]
pub(super) struct Seen {
    known: Mutex<Known>,
    /// What destinations lie below, should it not be `/`.
    root: Option<PathBuf>,
}

/// Device and inode, by plan and destination.
type Known = HashMap<(PlanId, DestId), (u64, Option<u64>)>;

impl Seen {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// With destinations below a folder, as if that were `/`.
    pub(super) fn below(root: Option<PathBuf>) -> Self {
        Self { known: Mutex::default(), root }
    }

    /// Where a destination lies.
    fn real(&self, path: &Path) -> PathBuf {
        let Some(root) = &self.root else { return path.to_owned() };
        let names = path.components().filter(|part| matches!(part, Component::Normal(_)));
        root.components().chain(names).collect()
    }

    /// An error that names what it is about as the plan does.
    fn named(&self, mut e: DiskError) -> DiskError {
        let below = self.root.as_ref().and_then(|root| e.path.strip_prefix(root).ok());
        if let Some(below) = below {
            e.path = Path::new("/").join(below);
        }
        e
    }

    /// A plan is over.
    pub(super) fn forget(&self, plan: PlanId) {
        self.lock().retain(|(of, _), _| *of != plan);
    }
}

/// An open folder.
#[derive(Debug, Clone)]
pub(super) struct Open {
    /// The folder.
    pub dir: Dir,
    /// Its device.
    pub device: u64,
    used: u64,
}

/// Open folders of a plan's destinations. For one round of work: what somebody moves or mounts is found by the next.
#[derive(Debug)]
pub(super) struct Folders {
    plan: PlanId,
    places: Arc<Places>,
    seen: Arc<Seen>,
    /// Whether the destination must be there: files were delivered to it before.
    there: bool,
    open: HashMap<Spot, Open>,
    uses: u64,
}

impl Folders {
    pub(super) fn new(plan: PlanId, places: Arc<Places>, seen: Arc<Seen>, there: bool) -> Self {
        Self { plan, places, seen, there, open: HashMap::new(), uses: 0 }
    }

    /// The folder, made if `make` says so; nothing where it is not there.
    pub(super) fn open(&mut self, spot: &Spot, make: bool) -> Result<Option<Open>, Wrong> {
        self.uses += 1;
        if let Some(open) = self.open.get_mut(spot) {
            open.used = self.uses;
            return Ok(Some(open.clone()));
        }
        // From the lowest that is open already.
        let above = (0..spot.folders.len()).rev().find_map(|depth| {
            let above = Spot { dest: spot.dest, folders: spot.folders[..depth].to_vec() };
            self.open.get(&above).map(|open| (depth, open.clone()))
        });
        let (mut depth, mut open) = match above {
            Some(found) => found,
            None => match self.root(spot.dest, make)? {
                Some(dir) => (0, self.keep(Spot { dest: spot.dest, folders: Vec::new() }, dir)?),
                None => return Ok(None),
            },
        };
        while let Some(name) = spot.folders.get(depth) {
            let dir = match open.dir.sub(name) {
                Err(e) if e.trouble() == Trouble::Missing && !make => return Ok(None),
                Err(e) if e.trouble() == Trouble::Missing => {
                    open.dir.make_dir(name).and_then(|()| open.dir.sub(name)).map_err(|e| wrong(&e, depth == 0))?
                }
                Err(e) => {
                    // A link or a file under that name is no trouble of the disk's.
                    let entry = open.dir.entry(name).ok().flatten();
                    let other = entry.filter(|entry| entry.kind != FileType::Directory);
                    return Err(match other {
                        Some(entry) => Wrong::File(in_the_way(&open.dir, name, entry.kind)),
                        None => wrong(&e, false),
                    });
                }
                Ok(dir) => dir,
            };
            depth += 1;
            open = self.keep(Spot { dest: spot.dest, folders: spot.folders[..depth].to_vec() }, dir)?;
        }
        Ok(Some(open))
    }

    /// Forgets a folder and what is below it: it is not what it was.
    pub(super) fn lost(&mut self, spot: &Spot) {
        self.open.retain(|known, _| known.dest != spot.dest);
    }

    fn keep(&mut self, spot: Spot, dir: Dir) -> Result<Open, Wrong> {
        if self.open.len() >= OPEN {
            let mut used: Vec<u64> = self.open.values().map(|open| open.used).collect();
            let middle = used.len() / 2;
            let (_, median, _) = used.select_nth_unstable(middle);
            let median = *median;
            self.open.retain(|_, open| open.used > median);
        }
        let device = dir.device().map_err(|e| wrong(&e, true))?;
        let open = Open { dir, device, used: self.uses };
        self.open.insert(spot, open.clone());
        Ok(open)
    }

    fn root(&self, dest: DestId, make: bool) -> Result<Option<Dir>, Wrong> {
        let Some(row) = self.places.get(&dest) else {
            let why = format!("destination {dest} of the plan is not in the state; make a new plan");
            return Err(Wrong::File(NotRestored::Disk(why)));
        };
        if row.kind != "folder" {
            let why = format!("this firn delivers to folders, not to {}", Shown::text(&row.kind));
            return Err(Wrong::File(NotRestored::Disk(why)));
        }
        let path = Path::new(&row.place);
        let shown = Shown::path(path);
        let place = (self.plan, dest);
        let known = self.seen.lock().get(&place).copied();
        let real = self.seen.real(path);
        let dir = match Dir::open(&real).map_err(|e| self.seen.named(e)) {
            Ok(dir) => dir,
            Err(e) if e.trouble() == Trouble::Missing => {
                if known.is_some() || self.there {
                    if let Some(known) = self.seen.lock().get_mut(&place) {
                        known.1 = None;
                    }
                    return Err(Wrong::Place(format!(
                        "the folder {shown} was there and is gone; mount it, or make it again, and delivery goes on by itself"
                    )));
                }
                if !make {
                    return Ok(None);
                }
                Dir::open_or_make(&real).map_err(|e| Wrong::Place(self.seen.named(e).to_string()))?
            }
            Err(e) => return Err(Wrong::Place(e.to_string())),
        };
        let dir = dir.called(path);
        let (device, inode) = dir.identity().map_err(|e| Wrong::Place(e.to_string()))?;
        if let Some((was_on, was)) = known
            && (was_on != device || was.is_some_and(|was| was != inode))
        {
            return Err(Wrong::Place(format!(
                "the folder {shown} is not the one that this plan began to restore to; is a file system not mounted? Put the right one back, and delivery goes on by itself"
            )));
        }
        self.seen.lock().insert(place, (device, Some(inode)));
        Ok(Some(dir))
    }
}

/// Sorts a failed file call by whose trouble it is; `at_root`: it was about the destination folder itself.
pub(super) fn wrong(e: &DiskError, at_root: bool) -> Wrong {
    let place = match e.trouble() {
        Trouble::Full | Trouble::ReadOnly => true,
        Trouble::Denied => at_root,
        Trouble::Missing | Trouble::Exists => false,
        Trouble::Other => {
            let whole = [
                Errno::IO,
                Errno::NXIO,
                Errno::NODEV,
                Errno::STALE,
                Errno::NOTCONN,
                Errno::HOSTDOWN,
                Errno::TIMEDOUT,
                Errno::MFILE,
                Errno::NFILE,
                Errno::NOMEM,
            ];
            e.source.raw_os_error().is_some_and(|code| whole.iter().any(|errno| errno.raw_os_error() == code))
        }
    };
    if place { Wrong::Place(e.to_string()) } else { Wrong::File(NotRestored::Disk(e.to_string())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: PlanId = PlanId(1);
    const DEST: DestId = DestId(7);

    fn folders(path: &Path, seen: &Arc<Seen>) -> Folders {
        let row = DestRow { kind: "folder".to_owned(), place: path.as_os_str().to_owned() };
        Folders::new(PLAN, Arc::new(HashMap::from([(DEST, row)])), Arc::clone(seen), false)
    }

    fn spot(path: &str) -> Spot {
        let folders = path.split('/').filter(|name| !name.is_empty()).map(OsString::from).collect();
        Spot { dest: DEST, folders }
    }

    fn refused(folders: &mut Folders, path: &str) -> String {
        match folders.open(&spot(path), true).unwrap_err() {
            Wrong::Place(why) => format!("place: {why}"),
            Wrong::File(why) => format!("file: {why}"),
        }
    }

    #[test]
    fn looking_makes_nothing_and_making_makes_all_of_it() {
        let temp = tempfile::tempdir().unwrap();
        let root = temp.path().join("new/dest");
        let mut folders = folders(&root, &Arc::default());
        assert!(folders.open(&spot("a/b"), false).unwrap().is_none());
        assert!(!root.exists());
        let made = folders.open(&spot("a/b"), true).unwrap().unwrap();
        assert_eq!(made.dir.path(), root.join("a/b"));
        assert!(root.join("a/b").is_dir());
        assert!(folders.open(&spot("a"), false).unwrap().is_some(), "it is known from the way down");
    }

    #[test]
    fn below_a_root_places_keep_their_names() {
        let temp = tempfile::tempdir().unwrap();
        let root = temp.path().join("root");
        let seen = Arc::new(Seen::below(Some(root.clone())));
        let place = Path::new("/srv/../srv/dest");
        let made = folders(place, &seen).open(&spot("a"), true).unwrap().unwrap();
        assert_eq!(made.dir.path(), Path::new("/srv/../srv/dest/a"), "as the plan calls it");
        assert!(root.join("srv/srv/dest/a").is_dir(), "nothing leads out of the root");
        std::fs::write(root.join("file"), "").unwrap();
        let why = "place: cannot open the folder /file: Not a directory (os error 20)";
        assert_eq!(refused(&mut folders(Path::new("/file"), &seen), ""), why);
        let why = "place: cannot open the folder /file/x: Not a directory (os error 20)";
        assert_eq!(refused(&mut folders(Path::new("/file/x"), &seen), ""), why);
    }

    #[test]
    fn no_more_folders_stay_open_than_may() {
        let temp = tempfile::tempdir().unwrap();
        let mut folders = folders(temp.path(), &Arc::default());
        for n in 0..OPEN * 2 {
            folders.open(&spot(&format!("d{n}/e")), true).unwrap().unwrap();
            assert!(folders.open.len() <= OPEN);
        }
        assert_eq!(std::fs::read_dir(temp.path()).unwrap().count(), OPEN * 2);
    }

    #[test]
    fn a_link_or_a_file_is_never_a_folder() {
        let temp = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(outside.path(), temp.path().join("l")).unwrap();
        std::fs::write(temp.path().join("f"), "").unwrap();
        let mut folders = folders(temp.path(), &Arc::default());
        let link = format!("file: the link {}/l is in the way; it is not followed", temp.path().display());
        assert_eq!(refused(&mut folders, "l/x"), link);
        let file = format!("file: the file {}/f is in the way; it is not followed", temp.path().display());
        assert_eq!(refused(&mut folders, "f"), file);
        assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_destination_that_is_gone_or_another_one_is_not_made_up_for() {
        let temp = tempfile::tempdir().unwrap();
        let root = temp.path().join("dest");
        let seen = Arc::default();
        folders(&root, &seen).open(&spot(""), true).unwrap().unwrap();
        // Another folder under its name: held open by a second name, so that its inode is not used again.
        std::fs::rename(&root, temp.path().join("away")).unwrap();
        std::fs::create_dir(&root).unwrap();
        let why = refused(&mut folders(&root, &seen), "");
        assert!(why.starts_with("place: the folder ") && why.contains("is not the one that this plan began"), "{why}");
        std::fs::remove_dir(&root).unwrap();
        let why = refused(&mut folders(&root, &seen), "a");
        assert!(
            why.ends_with("was there and is gone; mount it, or make it again, and delivery goes on by itself"),
            "{why}"
        );
        assert!(!root.exists());
        std::fs::create_dir(&root).unwrap();
        assert!(folders(&root, &seen).open(&spot("a"), true).unwrap().is_some(), "it was made anew");
        seen.forget(PLAN);
        std::fs::remove_dir_all(&root).unwrap();
        assert!(folders(&root, &seen).open(&spot("a"), true).unwrap().is_some(), "another plan knows nothing of it");
    }

    #[test]
    fn what_is_no_folder_is_said_to_be_none() {
        let row = DestRow { kind: "s3".to_owned(), place: "bucket".into() };
        let mut folders = Folders::new(PLAN, Arc::new(HashMap::from([(DEST, row)])), Arc::default(), false);
        assert_eq!(refused(&mut folders, ""), "file: this firn delivers to folders, not to s3");
    }
}
