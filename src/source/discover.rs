//! Which files a SOURCE means right now. Folders are listed and names leave; no log is opened here and nothing is remembered of its content.

use std::collections::{HashMap, HashSet};
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::file_system::stamps_are_true;
use super::identity::FileKey;
use super::spec::{Pattern, Spec};
use super::watch::Watch;

/// A listing is kept only if the folder had been quiet this long when it was made: its time stamp is coarse (a clock tick).
const SETTLED: Duration = Duration::from_secs(2);
/// A kept listing is made again after this, whatever its folder's time stamp says.
const LISTING_LIFE: Duration = Duration::from_secs(30);
/// Deeper folders are not entered.
const MAX_DEPTH: usize = 64;

/// A name that a SOURCE means.
#[derive(Debug)]
pub struct Found {
    /// The name.
    pub path: PathBuf,
    /// Its folder has not changed since it was found last, so it names the same inode.
    pub unchanged: bool,
}

/// Something the operator should know of a name.
#[derive(Debug)]
pub enum Remark {
    /// A folder or file that cannot be looked at.
    Unreadable(PathBuf, io::Error),
}

/// Lists folders, and keeps what has not changed.
#[derive(Debug, Default)]
pub struct Discovery {
    folders: HashMap<PathBuf, Folder>,
    watch: Option<Watch>,
}

#[derive(Debug)]
struct Folder {
    key: FileKey,
    changed: (i64, i64),
    listed: SystemTime,
    settled: bool,
    files: Vec<PathBuf>,
    folders: Vec<PathBuf>,
    links: Vec<PathBuf>,
}

struct Walk<'a> {
    pattern: Option<&'a Pattern>,
    entered: HashSet<FileKey>,
    found: &'a mut Vec<Found>,
    remarks: &'a mut Vec<Remark>,
}

impl Discovery {
    /// Lists on demand; `watch`, if any, is asked to watch each folder before it is listed.
    #[must_use]
    pub fn new(watch: Option<Watch>) -> Discovery {
        Discovery { folders: HashMap::new(), watch }
    }

    /// The watch, to be asked what it saw.
    #[must_use]
    pub fn watch(&self) -> Option<&Watch> {
        self.watch.as_ref()
    }

    /// Everything `spec` means now, in the order of names.
    pub fn scan(&mut self, spec: &Spec, found: &mut Vec<Found>, remarks: &mut Vec<Remark>) {
        let start = found.len();
        match spec {
            Spec::Path(path) => self.scan_path(path, found, remarks),
            Spec::Glob(pattern) => {
                let mut walk = Walk { pattern: Some(pattern), entered: HashSet::new(), found, remarks };
                self.enter(&pattern.base, 0, &mut walk);
            }
            _ => {}
        }
        found[start..].sort_unstable_by(|a, b| a.path.cmp(&b.path));
    }

    /// Whether listing all `specs` again would give what the last scan of them gave: every folder is as it was, and none
    /// holds links, whose targets would have to be looked at.
    #[must_use]
    pub fn is_unchanged<'a>(&self, mut specs: impl Iterator<Item = &'a Spec>) -> bool {
        let listed = specs.all(|spec| match spec {
            Spec::Path(root) => self.folders.contains_key(root),
            Spec::Glob(pattern) => self.folders.contains_key(&pattern.base),
            _ => true,
        });
        listed
            && self.folders.iter().all(|(path, folder)| {
                folder.links.is_empty() && fs::metadata(path).is_ok_and(|metadata| folder.still_holds(&metadata))
            })
    }

    fn scan_path(&mut self, path: &Path, found: &mut Vec<Found>, remarks: &mut Vec<Remark>) {
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => {
                let mut walk = Walk { pattern: None, entered: HashSet::new(), found, remarks };
                self.enter(path, 0, &mut walk);
            }
            Ok(_) => {
                self.watch_around(path);
                found.push(Found { path: path.to_owned(), unchanged: false });
            }
            Err(error) => {
                self.watch_around(path);
                remarks.push(Remark::Unreadable(path.to_owned(), error));
            }
        }
    }

    /// The folder of a single file, and that of what a link points to.
    fn watch_around(&mut self, path: &Path) {
        let Some(watch) = &mut self.watch else { return };
        let target = fs::canonicalize(path).ok();
        for path in [Some(path), target.as_deref()].into_iter().flatten() {
            let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
            if let Ok(metadata) = fs::metadata(parent) {
                watch.folder(parent, FileKey::of(&metadata));
            }
        }
    }

    /// A folder is gone, and all below it.
    fn forget(&mut self, path: &Path) {
        self.folders.retain(|folder, _| !folder.starts_with(path));
    }

    fn enter(&mut self, path: &Path, depth: usize, walk: &mut Walk<'_>) {
        let metadata = match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => metadata,
            Ok(_) => return,
            Err(error) => {
                self.forget(path);
                return walk.remarks.push(Remark::Unreadable(path.to_owned(), error));
            }
        };
        if !walk.entered.insert(FileKey::of(&metadata)) || depth > MAX_DEPTH {
            return;
        }
        if let Some(watch) = &mut self.watch {
            watch.folder(path, FileKey::of(&metadata));
        }
        let kept = self.folders.get(path).is_some_and(|folder| folder.still_holds(&metadata));
        if !kept {
            match Folder::list(path, &metadata) {
                Ok(folder) => {
                    // What is no longer in it is no longer looked at.
                    let before = self.folders.remove(path);
                    let before = before.into_iter().flat_map(|before| before.folders.into_iter().chain(before.links));
                    let still: HashSet<&PathBuf> = folder.folders.iter().chain(&folder.links).collect();
                    before.filter(|gone| !still.contains(gone)).for_each(|gone| self.forget(&gone));
                    self.folders.insert(path.to_owned(), folder);
                }
                Err(error) => {
                    self.forget(path);
                    return walk.remarks.push(Remark::Unreadable(path.to_owned(), error));
                }
            }
        }
        // Taken out while its folders are entered, so that no name is copied.
        let Some(folder) = self.folders.remove(path) else { return };
        for file in &folder.files {
            walk.take(file, kept);
        }
        for sub in &folder.folders {
            if walk.enters(sub, depth) {
                self.enter(sub, depth + 1, walk);
            }
        }
        for link in &folder.links {
            match fs::metadata(link) {
                Ok(metadata) if metadata.is_dir() => {
                    if walk.enters(link, depth) {
                        self.enter(link, depth + 1, walk);
                    }
                }
                Ok(_) => walk.take(link, false),
                Err(_) => {} // a dangling link names nothing
            }
        }
        self.folders.insert(path.to_owned(), folder);
    }
}

impl Walk<'_> {
    fn take(&mut self, path: &Path, unchanged: bool) {
        if self.pattern.map_or_else(|| is_log(path), |pattern| pattern.matches(path)) {
            self.found.push(Found { path: path.to_owned(), unchanged });
        }
    }

    fn enters(&self, folder: &Path, depth: usize) -> bool {
        let hidden = folder.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        match self.pattern {
            Some(pattern) => (!hidden || pattern.hidden) && pattern.depth.is_none_or(|deepest| depth < deepest),
            None => !hidden,
        }
    }
}

impl Folder {
    fn list(path: &Path, metadata: &Metadata) -> io::Result<Folder> {
        let listed = SystemTime::now();
        let quiet = metadata.modified().ok().and_then(|changed| listed.duration_since(changed).ok());
        let mut folder = Folder {
            key: FileKey::of(metadata),
            changed: (metadata.mtime(), metadata.mtime_nsec()),
            listed,
            settled: quiet.is_some_and(|quiet| quiet > SETTLED) && stamps_are_true(path),
            files: Vec::new(),
            folders: Vec::new(),
            links: Vec::new(),
        };
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folder.folders.push(entry.path()),
                Ok(kind) if kind.is_file() => folder.files.push(entry.path()),
                Ok(kind) if kind.is_symlink() => folder.links.push(entry.path()),
                _ => {} // devices, pipes, sockets, or gone between listing and looking
            }
        }
        folder.folders.sort_unstable();
        Ok(folder)
    }

    fn still_holds(&self, metadata: &Metadata) -> bool {
        self.settled
            && self.key == FileKey::of(metadata)
            && self.changed == (metadata.mtime(), metadata.mtime_nsec())
            && self.listed.elapsed().is_ok_and(|age| age < LISTING_LIFE)
    }
}

/// By its name: `.jsonl .ndjson .json .log`, also with `.N`, `-DATE` or `.DATE` behind, and these compressed.
fn is_log(path: &Path) -> bool {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return false };
    let name = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(name);
    let ends_like_one = |name: &str| [".jsonl", ".ndjson", ".json", ".log"].iter().any(|ending| name.ends_with(ending));
    let undated = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '-');
    ends_like_one(name) || ends_like_one(undated) || undated.strip_suffix('.').is_some_and(ends_like_one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotated_names_are_logs_too() {
        for name in ["a.jsonl", "a.log.1", "a.json-20261121", "a.log.2026-11-21", "a-1.ndjson", "a.log.12"] {
            assert!(is_log(Path::new(name)), "{name}");
        }
        for name in ["a.log-2026-11-21", "a.log.gz", "a.jsonl.3.zst", "a.log-20261121.gz", "a.json.2026-11-21.zst"] {
            assert!(is_log(Path::new(name)), "{name}");
        }
        for name in ["a.txt", "a.jsonl.swp", "log", "a.gz", "a.log.1.tmp", "a.log.1.bz2", "a.log.gz.part"] {
            assert!(!is_log(Path::new(name)), "{name}");
        }
    }

    /// A folder with a date in its name is deleted some day; if it were looked for ever after, nothing would count as unchanged again.
    #[test]
    fn a_folder_that_is_gone_is_not_looked_for() {
        let home = tempfile::tempdir().unwrap();
        let (old, new) = (home.path().join("2026-11-26/app"), home.path().join("2026-11-27/app"));
        for folder in [&old, &new] {
            fs::create_dir_all(folder).unwrap();
            fs::write(folder.join("a.jsonl"), "x\n").unwrap();
        }
        // As if it had all been quiet for a while: stamps are trusted only then.
        let age = || {
            let long_ago = SystemTime::now() - Duration::from_secs(60);
            for folder in [&old, &new] {
                for folder in folder.ancestors().take_while(|folder| folder.starts_with(home.path())) {
                    if let Ok(folder) = fs::File::open(folder) {
                        folder.set_modified(long_ago).unwrap();
                    }
                }
            }
        };
        age();
        let spec = Spec::parse(home.path().to_str().unwrap()).unwrap();
        let mut discovery = Discovery::default();
        let scan = |discovery: &mut Discovery| {
            let (mut found, mut remarks) = (Vec::new(), Vec::new());
            discovery.scan(&spec, &mut found, &mut remarks);
            assert!(remarks.is_empty());
            found.len()
        };
        assert_eq!(scan(&mut discovery), 2);
        assert!(discovery.is_unchanged([&spec].into_iter()));
        fs::remove_dir_all(old.parent().unwrap()).unwrap();
        assert!(!discovery.is_unchanged([&spec].into_iter()));
        age();
        assert_eq!(scan(&mut discovery), 1);
        assert!(discovery.is_unchanged([&spec].into_iter()));
    }

    #[test]
    fn a_walk_enters_hidden_folders_only_when_named_and_links_only_once() {
        let home = tempfile::tempdir().unwrap();
        let root = home.path().join(".claude/projects");
        fs::create_dir_all(root.join("p/.git")).unwrap();
        for name in ["a.jsonl", "p/b.log.1", "p/.git/c.jsonl", "p/d.txt", "p/e.log.gz"] {
            fs::write(root.join(name), "x\n").unwrap();
        }
        std::os::unix::fs::symlink(&root, root.join("p/loop")).unwrap();
        let mut discovery = Discovery::default();
        let (mut found, mut remarks) = (Vec::new(), Vec::new());
        let mut names = |text: &str, found: &mut Vec<Found>| {
            found.clear();
            discovery.scan(&Spec::parse(text).unwrap(), found, &mut remarks);
            found.iter().map(|found| found.path.strip_prefix(&root).unwrap().display().to_string()).collect::<Vec<_>>()
        };
        let text = root.display().to_string();
        assert_eq!(names(&text, &mut found), ["a.jsonl", "p/b.log.1", "p/e.log.gz"]);
        assert_eq!(names(&format!("{text}/*/*.txt"), &mut found), ["p/d.txt"]);
        assert_eq!(names(&format!("{text}/**/.git/*.jsonl"), &mut found), ["p/.git/c.jsonl"]);
        assert!(remarks.is_empty());
    }
}
