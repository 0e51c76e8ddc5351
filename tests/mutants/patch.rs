//! [`Patch`] is a unified diff that plants one fault. It applies only if all its context fits.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Files by their paths from the root of the repository.
pub(crate) type Sources = BTreeMap<String, String>;

pub(crate) struct Patch {
    /// The name of the fault in the table and in `mutant!`.
    pub(crate) name: String,
    hunks: Vec<Hunk>,
}

struct Hunk {
    file: String,
    /// The line, counted from zero, at which the diff expects to be applied.
    line: usize,
    lines: Vec<(Mark, String)>,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Mark {
    Context,
    Remove,
    Add,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Edit {
    from: usize,
    to: usize,
    lines: Vec<String>,
}

pub(crate) type Edits = BTreeMap<String, Vec<Edit>>;

impl Patch {
    /// Reads the patches in a folder, in the order of their names.
    pub(crate) fn read_all(folder: &Path) -> Vec<Patch> {
        let entries = fs::read_dir(folder).expect("the folder of patches");
        let mut paths: Vec<_> = entries.map(|entry| entry.expect("a patch").path()).collect();
        paths.sort();
        let read = |path: std::path::PathBuf| {
            let stem = path.file_stem().and_then(|stem| stem.to_str()).expect("a name");
            let text = fs::read_to_string(&path).expect("a patch");
            Patch::parse(name_of(stem), &text)
        };
        paths.into_iter().map(read).collect()
    }

    fn parse(name: String, text: &str) -> Patch {
        let (mut file, mut hunks) = (None, Vec::<Hunk>::new());
        let mut open = false;
        for line in text.lines() {
            if let Some(path) = line.strip_prefix("+++ b/") {
                file = Some(path.to_owned());
            } else if let Some(at) = line.strip_prefix("@@ -") {
                let digits: String = at.chars().take_while(char::is_ascii_digit).collect();
                let line = digits.parse::<usize>().expect("a line").saturating_sub(1);
                let file = file.clone().unwrap_or_else(|| panic!("{name}: no file"));
                hunks.push(Hunk { file, line, lines: Vec::new() });
                open = true;
            } else if line.starts_with("--- ") {
                open = false;
            } else if let Some(hunk) = hunks.last_mut().filter(|_| open) {
                let mark = match line.chars().next() {
                    None | Some(' ') => Mark::Context,
                    Some('-') => Mark::Remove,
                    Some('+') => Mark::Add,
                    Some(_) => panic!("{name}: not a line of a diff: {line}"),
                };
                hunk.lines.push((mark, line.get(1..).unwrap_or_default().to_owned()));
            }
        }
        assert!(!hunks.is_empty(), "{name}: nothing in the patch");
        Patch { name, hunks }
    }

    pub(crate) fn switches(&self) -> Vec<String> {
        let lines = self.hunks.iter().flat_map(|hunk| &hunk.lines);
        let added = lines.filter(|(mark, _)| *mark == Mark::Add).map(|(_, text)| text.as_str());
        let mut names = Vec::new();
        for line in added {
            for rest in line.split("mutant!(").skip(1) {
                names.push(rest.split(')').next().unwrap_or_default().to_owned());
            }
        }
        names
    }

    /// Returns the edits that the patch makes. Each hunk must fit with all its context. If it fits at several places,
    /// the place that the diff expects must be one of them.
    pub(crate) fn edits(&self, sources: &Sources) -> Result<Edits, String> {
        let mut edits = Edits::new();
        for hunk in &self.hunks {
            let text = sources.get(&hunk.file).ok_or_else(|| format!("{}: no {}", self.name, hunk.file))?;
            let lines: Vec<&str> = text.lines().collect();
            let at = hunk.place(&lines).map_err(|why| format!("{}: {}: {why}", self.name, hunk.file))?;
            edits.entry(hunk.file.clone()).or_default().extend(hunk.edits(at));
        }
        Ok(edits)
    }
}

impl Hunk {
    /// Finds the lines of the file that the hunk expects. Returns the line at which they begin.
    fn place(&self, lines: &[&str]) -> Result<usize, String> {
        let expected = self.lines.iter().filter(|(mark, _)| *mark != Mark::Add);
        let expected: Vec<&str> = expected.map(|(_, text)| text.as_str()).collect();
        let places: Vec<usize> = lines
            .windows(expected.len())
            .enumerate()
            .filter_map(|(at, window)| (window == expected).then_some(at))
            .collect();
        match places[..] {
            [] => Err(format!("the lines around {} are not there any more", self.line + 1)),
            [at] => Ok(at),
            _ if places.contains(&self.line) => Ok(self.line),
            _ => Err(format!("fits at {} places", places.len())),
        }
    }

    /// Returns the runs of lines that the hunk replaces. `at` is the line at which the hunk begins.
    fn edits(&self, mut at: usize) -> Vec<Edit> {
        let mut edits: Vec<Edit> = Vec::new();
        let mut run: Option<Edit> = None;
        for (mark, text) in &self.lines {
            if *mark == Mark::Context {
                edits.extend(run.take());
                at += 1;
                continue;
            }
            let edit = run.get_or_insert_with(|| Edit { from: at, to: at, lines: Vec::new() });
            if *mark == Mark::Add {
                edit.lines.push(text.clone());
            } else {
                at += 1;
                edit.to = at;
            }
        }
        edits.extend(run);
        edits
    }
}

impl Edit {
    /// Returns whether two edits replace the same lines. Two edits that only insert never do.
    fn overlaps(&self, other: &Edit) -> bool {
        self.from < other.to && other.from < self.to
    }
}

/// Patches that one copy of the sources can contain together, each with its own switch.
pub(crate) struct Group {
    pub(crate) names: Vec<String>,
    edits: Edits,
}

impl Group {
    /// Puts each patch into the first group in which no other patch changes the same lines.
    pub(crate) fn all<'p>(patches: impl IntoIterator<Item = &'p Patch>, sources: &Sources) -> Vec<Group> {
        let mut groups: Vec<Group> = Vec::new();
        for patch in patches {
            let edits = patch.edits(sources).unwrap_or_else(|why| panic!("{why}"));
            let group = match groups.iter_mut().find(|group| group.has_room_for(&edits)) {
                Some(group) => group,
                None => {
                    groups.push(Group { names: Vec::new(), edits: Edits::new() });
                    groups.last_mut().expect("a group")
                }
            };
            group.names.push(patch.name.clone());
            for (file, edits) in edits {
                group.edits.entry(file).or_default().extend(edits);
            }
        }
        groups
    }

    fn has_room_for(&self, edits: &Edits) -> bool {
        edits.iter().all(|(file, edits)| {
            let present = self.edits.get(file).map_or(&[][..], Vec::as_slice);
            !present.iter().any(|one| edits.iter().any(|other| one.overlaps(other)))
        })
    }

    pub(crate) fn apply(&self, sources: &mut Sources) {
        for (file, edits) in &self.edits {
            let text = sources.get_mut(file).expect("a file that was there");
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            let mut edits = edits.clone();
            // Edits are applied from the end, so that no line moves before its own edit. Lines that are inserted
            // before a replaced line come before its replacement.
            edits.sort_by_key(|edit| (edit.from, edit.to));
            for edit in edits.into_iter().rev() {
                lines.splice(edit.from..edit.to, edit.lines);
            }
            *text = lines.join("\n") + "\n";
        }
    }
}

/// Converts a file name to the name of a fault: `answer-twice` becomes `AnswerTwice`.
fn name_of(stem: &str) -> String {
    let capitalized =
        |word: &str| word.get(..1).unwrap_or_default().to_uppercase() + word.get(1..).unwrap_or_default();
    stem.split('-').map(capitalized).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "one\ntwo\nthree\nfour\nfive\n";

    fn patch(name: &str, hunk: &str) -> Patch {
        Patch::parse(name.to_owned(), &format!("--- a/file\n+++ b/file\n{hunk}"))
    }

    fn sources() -> Sources {
        Sources::from([("file".to_owned(), TEXT.to_owned())])
    }

    fn applied(groups: &[Group]) -> Vec<String> {
        let apply = |group: &Group| {
            let mut sources = sources();
            group.apply(&mut sources);
            sources["file"].clone()
        };
        groups.iter().map(apply).collect()
    }

    #[test]
    fn patches_of_other_lines_share_a_copy() {
        let patches = [
            patch("A", "@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n"),
            patch("B", "@@ -1,2 +1,3 @@\n one\n+one and a half\n two\n"),
            patch("C", "@@ -2,3 +2,3 @@\n two\n-three\n+3\n four\n"),
            patch("D", "@@ -2,2 +2,2 @@\n-two\n+II\n three\n"),
        ];
        let groups = Group::all(&patches, &sources());
        assert_eq!(
            applied(&groups),
            ["one\none and a half\n2\n3\nfour\nfive\n", "one\nII\nthree\nfour\nfive\n"]
        );
        assert_eq!(groups[0].names, ["A", "B", "C"]);
    }

    #[test]
    fn a_patch_finds_lines_that_have_moved_but_none_that_have_changed() {
        let moved = patch("A", "@@ -40,2 +40,2 @@\n three\n-four\n+4\n");
        assert_eq!(applied(&Group::all([&moved], &sources())), ["one\ntwo\nthree\n4\nfive\n"]);
        let changed = patch("B", "@@ -3,2 +3,2 @@\n 3\n-four\n+4\n");
        let why = changed.edits(&sources()).unwrap_err();
        assert_eq!(why, "B: file: the lines around 3 are not there any more");
        let elsewhere = Sources::from([("other".to_owned(), TEXT.to_owned())]);
        assert_eq!(moved.edits(&elsewhere).unwrap_err(), "A: no file");
    }

    #[test]
    fn a_patch_that_fits_twice_is_for_the_line_that_it_names() {
        let twice = Sources::from([("file".to_owned(), TEXT.repeat(2))]);
        let edits = |hunk: &str| patch("A", hunk).edits(&twice);
        assert_eq!(edits("@@ -7,1 +7,1 @@\n-two\n+2\n").unwrap()["file"][0].from, 6);
        assert_eq!(edits("@@ -9,1 +9,1 @@\n-two\n+2\n").unwrap_err(), "A: file: fits at 2 places");
    }

    #[test]
    fn names_are_those_of_files() {
        assert_eq!(name_of("leave-a-pong"), "LeaveAPong");
    }
}
