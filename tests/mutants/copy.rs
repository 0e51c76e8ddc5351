//! [`Copy`] is a copy of the workspace in which faults are planted and hunted.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use super::patch::{Group, Sources};

/// The folders that a build of the hunters needs. `fuzz/stable`, `tests/bench` and `tests/faults` are among them
/// because the manifest names them.
const FOLDERS: [&str; 7] =
    ["adapters", "fuzz/stable", "src", "tests/bench", "tests/faults", "tests/mutants", "tests/support"];
const FILES: [&str; 2] = ["Cargo.lock", "Cargo.toml"];

const SWITCH: &str = include_str!("switch.rs");
/// The line of `src/lib.rs` after which the module [`SWITCH`] is declared.
const ANCHOR: &str = "extern crate alloc;\n";
/// The line of [`SWITCH`] that the names of the faults replace.
const NAMES: &str = "    // The names of the faults are inserted here.\n";

/// Declares the hunter of the core, the only test of the copy's root package.
const HUNTER: &str = "test = [{ name = \"hunter\", path = \"tests/mutants/hunter.rs\" }]\n";

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns the text of [`SWITCH`] with these names of faults.
pub(crate) fn switch(names: &str) -> String {
    let (before, after) = SWITCH.split_once(NAMES).expect("a place for the names of the faults");
    format!("{before}{names}{after}")
}

pub(crate) fn sources() -> Sources {
    let mut sources = Sources::new();
    for file in FILES {
        sources.insert(file.to_owned(), fs::read_to_string(root().join(file)).expect("a file"));
    }
    FOLDERS.iter().for_each(|folder| collect(root(), folder, &mut sources));
    sources
}

fn collect(root: &Path, folder: &str, sources: &mut Sources) {
    for entry in fs::read_dir(root.join(folder)).expect("a folder") {
        let entry = entry.expect("an entry");
        let path = format!("{folder}/{}", entry.file_name().to_str().expect("a name"));
        if entry.file_type().expect("a type").is_dir() {
            collect(root, &path, sources);
        } else if let Ok(text) = fs::read_to_string(entry.path()) {
            sources.insert(path, text);
        }
    }
}

pub(crate) struct Copy {
    folder: PathBuf,
    target: PathBuf,
}

impl Copy {
    /// Makes a copy with the faults of a group. It leaves unchanged files alone, so that Cargo need not build them
    /// again.
    pub(crate) fn make(mut sources: Sources, group: &Group) -> Copy {
        group.apply(&mut sources);
        let list: String = group.names.iter().map(|name| format!("    {name},\n")).collect();
        let switch = switch(&list);
        let lib = sources.get_mut("src/lib.rs").expect("the root file");
        assert!(lib.contains(ANCHOR), "no place for the switch");
        *lib =
            lib.replacen(ANCHOR, &format!("{ANCHOR}\n#[macro_use]\n#[doc(hidden)]\npub mod mutants;\n"), 1);
        sources.insert("src/mutants.rs".to_owned(), switch);
        let manifest = sources.get_mut("Cargo.toml").expect("the manifest");
        let (before, tests) = manifest.split_once("test = [\n").expect("the list of tests");
        let (_, after) = tests.split_once("]\n").expect("the end of the list");
        *manifest = format!("{before}{HUNTER}{after}");
        let driver = sources["tests/mutants/driver.rs"].clone();
        sources.insert("adapters/smol/tests/mutants.rs".to_owned(), driver);

        let all = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mutants");
        let copy = Copy { folder: all.join("copy"), target: all.join("target") };
        copy.write(&sources);
        copy
    }

    fn write(&self, sources: &Sources) {
        let mut present = Sources::new();
        if self.folder.exists() {
            for entry in fs::read_dir(&self.folder).expect("the copy") {
                let name = entry.expect("an entry").file_name().into_string().expect("a name");
                if self.folder.join(&name).is_dir() {
                    collect(&self.folder, &name, &mut present);
                } else {
                    present
                        .insert(name.clone(), fs::read_to_string(self.folder.join(&name)).expect("a file"));
                }
            }
        }
        for path in present.keys().filter(|path| !sources.contains_key(*path)) {
            let path = self.folder.join(path);
            fs::remove_file(&path).expect("a file that is not in the sources any more");
            // Cargo treats each folder in `adapters` as a package, so empty folders are removed. `remove_dir` refuses
            // others.
            let _ = path.ancestors().skip(1).try_for_each(fs::remove_dir);
        }
        for (path, text) in sources.iter().filter(|(path, text)| present.get(*path) != Some(text)) {
            let path = self.folder.join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, text).expect("a file");
        }
    }

    /// Builds a test of the copy, then runs it. Returns how long each took.
    pub(crate) fn test(&self, arguments: &[&str]) -> (Duration, Duration) {
        let start = Instant::now();
        self.cargo(arguments, &["--no-run"]);
        let built = start.elapsed();
        self.cargo(arguments, &["--", "--nocapture"]);
        (built, start.elapsed().saturating_sub(built))
    }

    fn cargo(&self, arguments: &[&str], more: &[&str]) {
        let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command
            .current_dir(&self.folder)
            .args(["test", "--quiet", "--locked", "--target-dir"])
            .arg(&self.target);
        let status = command.args(arguments).args(more).status().expect("cargo");
        assert!(
            status.success(),
            "a fault was not found, or the copy in {} cannot be built",
            self.folder.display()
        );
    }
}
