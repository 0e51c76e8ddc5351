//! Reads the source of a crate and reports where its layout breaks the rules: which files and rooms import each
//! other, how long files and functions are, and which fields are visible outside their module. A room is a file or a
//! folder directly under the root.
//!
//! [`Layout`] reads tokens, without comments, strings and items under `#[cfg(test)]`. A path counts as an import if
//! it begins with `crate`, `self`, `super` or a module that the file declares. Its target is the innermost module
//! that has its own file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

const FILE_LINES_MAX: usize = 600;

/// The maximum number of lines of a function, from its `fn` to its last brace.
const FUNCTION_LINES_MAX: usize = 60;

const ROOT_FILE: &str = "lib.rs";

type Graph = BTreeMap<String, BTreeSet<String>>;

#[derive(Debug)]
pub struct Layout {
    /// The files by path, relative to the folder of the root file.
    files: BTreeMap<String, File>,
}

#[derive(Debug)]
struct File {
    lines: usize,
    tokens: Vec<Token>,
    imports: BTreeSet<String>,
}

/// A word, a number, `::` or another mark.
#[derive(Clone, Debug)]
struct Token {
    text: String,
    line: usize,
}

impl Layout {
    pub fn read(root: &Path) -> Layout {
        let mut sources = Vec::new();
        collect(root, "", &mut sources);
        assert!(sources.iter().any(|(path, _)| path == ROOT_FILE), "no crate in {}", root.display());
        Layout::of(sources)
    }

    pub fn of(sources: Vec<(String, String)>) -> Layout {
        let mut files = BTreeMap::new();
        let mut test_files = BTreeSet::new();
        for (path, text) in sources {
            let (tokens, test_modules) = without_tests(tokens(&text));
            for name in test_modules {
                let module = [module_of(&path), vec![name]].concat().join("/");
                test_files.extend([format!("{module}.rs"), format!("{module}/mod.rs")]);
            }
            files.insert(path, File { lines: text.lines().count(), tokens, imports: BTreeSet::new() });
        }
        files.retain(|path, _| !test_files.contains(path));
        let modules: BTreeMap<Vec<String>, String> =
            files.keys().map(|path| (module_of(path), path.clone())).collect();
        for (path, file) in &mut files {
            file.imports = imports(path, &file.tokens, &modules);
        }
        Layout { files }
    }

    pub fn loops_of_rooms(&self) -> Vec<String> {
        let mut rooms = Graph::new();
        for (from, to) in self.imports() {
            if room(from) != room(to) {
                rooms.entry(room(from)).or_default().insert(room(to));
            }
        }
        loops(&rooms)
    }

    pub fn loops_of_files(&self) -> Vec<String> {
        loops(&self.files.iter().map(|(path, file)| (path.clone(), file.imports.clone())).collect())
    }

    /// Returns the imports that lead upwards in `order`, which lists all rooms from top to bottom. Also returns the
    /// rooms that `order` does not list, and the entries of `order` that are no rooms.
    pub fn upward_imports(&self, order: &[&str]) -> Vec<String> {
        let place = |name: &str| order.iter().position(|known| *known == name);
        let rooms: BTreeSet<String> = self.files.keys().map(|path| room(path)).collect();
        let unknown = rooms.iter().filter(|name| place(name).is_none());
        let mut complaints: Vec<String> = unknown.map(|name| format!("{name} has no place")).collect();
        let missing = order.iter().filter(|name| !rooms.contains(**name));
        complaints.extend(missing.map(|name| format!("{name} does not exist")));
        let upward = self.imports().filter(|(from, to)| place(&room(from)) > place(&room(to)));
        complaints.extend(upward.map(|(from, to)| format!("{from} imports {to}, which stands above it")));
        complaints
    }

    pub fn long_parts(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        for (path, file) in &self.files {
            if file.lines > FILE_LINES_MAX {
                complaints.push(format!("{path} has {} lines", file.lines));
            }
            for (name, line, lines) in functions(&file.tokens) {
                if lines > FUNCTION_LINES_MAX {
                    complaints.push(format!("{path}:{line}: {name} has {lines} lines"));
                }
            }
        }
        complaints
    }

    /// Returns the structs with fields that other modules see, unless `plain_data` names them as `folder/file.rs:
    /// Name`, each with a reason. Also returns the entries of `plain_data` that name no such struct.
    pub fn visible_fields(&self, plain_data: &[(&str, &str)]) -> Vec<String> {
        let mut complaints = Vec::new();
        let mut unused: BTreeMap<&str, &str> = plain_data.iter().copied().collect();
        for (path, file) in &self.files {
            for (name, line) in open_structs(&file.tokens) {
                match unused.remove(format!("{path}: {name}").as_str()) {
                    Some(reason) if !reason.is_empty() => {}
                    Some(_) => complaints.push(format!("{path}: {name} is listed without a reason")),
                    None => complaints.push(format!("{path}:{line}: {name} has visible fields")),
                }
            }
        }
        complaints.extend(unused.keys().map(|name| format!("{name} is listed and has no visible fields")));
        complaints
    }

    fn imports(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().flat_map(|(path, file)| file.imports.iter().map(|to| (path.as_str(), to.as_str())))
    }
}

fn collect(folder: &Path, prefix: &str, sources: &mut Vec<(String, String)>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for entry in entries {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            collect(&path, &format!("{prefix}{name}/"), sources);
        } else if name.ends_with(".rs") {
            sources.push((format!("{prefix}{name}"), fs::read_to_string(&path).unwrap()));
        }
    }
}

fn room(path: &str) -> String {
    path.split('/').next().unwrap_or_default().to_owned()
}

fn module_of(path: &str) -> Vec<String> {
    let path = path.trim_end_matches(".rs");
    let mut names: Vec<String> = path.split('/').map(str::to_owned).collect();
    if path == ROOT_FILE.trim_end_matches(".rs") || names.last().is_some_and(|name| name == "mod") {
        names.pop();
    }
    names
}

/// Splits a text into tokens, without comments, strings, characters and lifetimes.
fn tokens(text: &str) -> Vec<Token> {
    let characters: Vec<char> = text.chars().collect();
    let (mut tokens, mut at, mut line) = (Vec::new(), 0, 1);
    while at < characters.len() {
        let rest = &characters[at..];
        let (length, is_token) = match skipped(rest) {
            Some(length) => (length, false),
            None => (token_length(rest), true),
        };
        if is_token {
            tokens.push(Token { text: rest[..length].iter().collect(), line });
        }
        line += rest[..length].iter().filter(|character| **character == '\n').count();
        at += length;
    }
    tokens
}

fn token_length(rest: &[char]) -> usize {
    let word = rest.iter().take_while(|character| is_word(**character)).count();
    if word > 0 {
        word
    } else if rest.starts_with(&[':', ':']) {
        2
    } else {
        1
    }
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// Returns the length of the white space, comment, string, character or lifetime at the beginning of `rest`; `None`
/// if a token begins there.
fn skipped(rest: &[char]) -> Option<usize> {
    let to_end_of_line = || rest.iter().position(|character| *character == '\n').unwrap_or(rest.len());
    match *rest {
        [first, ..] if first.is_whitespace() => Some(1),
        ['/', '/', ..] => Some(to_end_of_line()),
        ['/', '*', ..] => Some(block_comment(rest)),
        ['"', ..] => Some(quoted(rest, '"')),
        ['b' | 'c', '"', ..] => Some(1 + quoted(&rest[1..], '"')),
        ['b', '\'', ..] => Some(1 + quoted(&rest[1..], '\'')),
        ['r', '"' | '#', ..] => raw_string(&rest[1..]).map(|length| 1 + length),
        ['b' | 'c', 'r', '"' | '#', ..] => raw_string(&rest[2..]).map(|length| 2 + length),
        ['\'', '\\', ..] | ['\'', _, '\'', ..] => Some(quoted(rest, '\'')),
        ['\'', ..] => Some(1 + rest[1..].iter().take_while(|character| is_word(**character)).count()),
        // A token begins here. `token_length` takes a whole word, so that the last letter of a word does not begin a
        // string.
        _ => None,
    }
}

fn quoted(rest: &[char], mark: char) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != mark {
        at += if rest[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(rest.len())
}

/// Returns the length of a raw string without its `r`; `None` if `rest` continues a raw identifier.
fn raw_string(rest: &[char]) -> Option<usize> {
    let hashes = rest.iter().take_while(|character| **character == '#').count();
    if rest.get(hashes) != Some(&'"') {
        return None;
    }
    let end: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
    let content = &rest[hashes + 1..];
    let length = content.windows(end.len()).position(|window| window == end).unwrap_or(content.len());
    Some((hashes + 1 + length + end.len()).min(rest.len()))
}

fn block_comment(rest: &[char]) -> usize {
    let (mut at, mut depth) = (0, 0);
    while at < rest.len() {
        match rest[at..] {
            ['/', '*', ..] => (at, depth) = (at + 2, depth + 1),
            ['*', '/', ..] => (at, depth) = (at + 2, depth - 1),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn follows(tokens: &[Token], at: usize, expected: &[&str]) -> bool {
    let found = tokens.get(at..).unwrap_or_default().iter().map(|token| token.text.as_str());
    found.take(expected.len()).eq(expected.iter().copied())
}

fn nesting(token: &Token) -> i32 {
    match token.text.as_str() {
        "(" | "[" | "{" => 1,
        ")" | "]" | "}" => -1,
        _ => 0,
    }
}

fn behind_group(tokens: &[Token], at: usize) -> usize {
    let mut depth = 0;
    for (position, token) in tokens.iter().enumerate().skip(at) {
        depth += nesting(token);
        if depth == 0 {
            return position + 1;
        }
    }
    tokens.len()
}

/// Removes the items under `#[cfg(test)]`. Also returns the removed modules that have their own file.
fn without_tests(tokens: Vec<Token>) -> (Vec<Token>, Vec<String>) {
    let (mut kept, mut modules, mut at) = (Vec::new(), Vec::new(), 0);
    while at < tokens.len() {
        if !follows(&tokens, at, &["#", "[", "cfg", "(", "test", ")", "]"]) {
            kept.push(tokens[at].clone());
            at += 1;
            continue;
        }
        at += 7;
        while follows(&tokens, at, &["#", "["]) {
            at = behind_group(&tokens, at + 1);
        }
        let end = behind_item(&tokens, at);
        let item = &tokens[at..end];
        let name = item.iter().position(|token| token.text == "mod").and_then(|word| item.get(word + 1));
        if let Some(name) = name.filter(|_| item.last().is_some_and(|last| last.text == ";")) {
            modules.push(name.text.clone());
        }
        at = end;
    }
    (kept, modules)
}

/// Returns the position after an item, which ends with its body or a semicolon.
fn behind_item(tokens: &[Token], mut at: usize) -> usize {
    if follows(tokens, at, &["pub", "("]) {
        at = behind_group(tokens, at + 1);
    } else if follows(tokens, at, &["pub"]) {
        at += 1;
    }
    let has_body = !["use", "static", "type"].iter().any(|word| follows(tokens, at, &[word]));
    while let Some(token) = tokens.get(at) {
        match token.text.as_str() {
            ";" => return at + 1,
            "{" if has_body => return behind_group(tokens, at),
            "(" | "[" | "{" => at = behind_group(tokens, at),
            // The block that contains the item ends here.
            ")" | "]" | "}" => return at,
            _ => at += 1,
        }
    }
    at
}

fn imports(path: &str, tokens: &[Token], modules: &BTreeMap<Vec<String>, String>) -> BTreeSet<String> {
    let declared = |at: usize| follows(tokens, at, &["mod"]) && follows(tokens, at + 2, &[";"]);
    let children: BTreeSet<&str> =
        (0..tokens.len()).filter(|at| declared(*at)).map(|at| tokens[at + 1].text.as_str()).collect();
    let mut found = BTreeSet::new();
    // The inline modules that contain the current token, and the depth at which each ends.
    let mut inline: Vec<(String, i32)> = Vec::new();
    let (mut depth, mut at) = (0, 0);
    while at < tokens.len() {
        let (paths, next) = paths_at(tokens, at, &children);
        for names in paths {
            let within = inline.iter().map(|(name, _)| name.clone());
            let module = module_of(path).into_iter().chain(within).collect();
            found.extend(target(module, &names, modules));
        }
        if follows(tokens, at, &["mod"]) && follows(tokens, at + 2, &["{"]) {
            inline.push((tokens[at + 1].text.clone(), depth));
        }
        for token in &tokens[at..next] {
            depth += nesting(token);
            if token.text == "}" && inline.last().is_some_and(|(_, end)| *end == depth) {
                inline.pop();
            }
        }
        at = next;
    }
    found.remove(path);
    found
}

/// Returns the paths within the crate that begin at a token, and the position after them.
fn paths_at(tokens: &[Token], at: usize, children: &BTreeSet<&str>) -> (Vec<Vec<String>>, usize) {
    let is_local = |name: &str| ["crate", "self", "super"].contains(&name) || children.contains(name);
    if follows(tokens, at, &["use"]) && !follows(tokens, at + 1, &["<"]) {
        let mut paths = Vec::new();
        let next = use_tree(tokens, at + 1, &[], &mut paths);
        paths.retain(|path| path.first().is_some_and(|first| is_local(first)));
        return (paths, next);
    }
    let is_inside = at > 0 && (follows(tokens, at - 1, &["::"]) || follows(tokens, at - 1, &["."]));
    if is_inside || !is_local(&tokens[at].text) || !follows(tokens, at + 1, &["::"]) {
        return (Vec::new(), at + 1);
    }
    let mut path = vec![tokens[at].text.clone()];
    let mut next = at + 1;
    while follows(tokens, next, &["::"]) && tokens.get(next + 1).is_some_and(is_name) {
        path.push(tokens[next + 1].text.clone());
        next += 2;
    }
    (vec![path], next)
}

fn is_name(token: &Token) -> bool {
    token.text.starts_with(is_word)
}

/// Adds the paths of an import tree, each with `prefix` in front. Returns the position after the tree.
fn use_tree(tokens: &[Token], mut at: usize, prefix: &[String], paths: &mut Vec<Vec<String>>) -> usize {
    let mut path = prefix.to_vec();
    while let Some(token) = tokens.get(at) {
        match token.text.as_str() {
            "::" => at += 1,
            "{" => {
                at += 1;
                while at < tokens.len() && !follows(tokens, at, &["}"]) {
                    at = use_tree(tokens, at, &path, paths);
                    at += usize::from(follows(tokens, at, &[","]));
                }
                return at + 1;
            }
            "as" => at += 2,
            "*" => at += 1,
            // `self` in braces stands for the module in front of the braces.
            "self" if !path.is_empty() => at += 1,
            _ if is_name(token) => {
                path.push(token.text.clone());
                at += 1;
            }
            _ => break,
        }
    }
    paths.push(path);
    at
}

/// Resolves a path that is used in `module`. Returns the file of the innermost module on the path that has one.
fn target(
    mut module: Vec<String>,
    path: &[String],
    modules: &BTreeMap<Vec<String>, String>,
) -> Option<String> {
    let mut names = path;
    while let [first, rest @ ..] = names {
        match first.as_str() {
            "crate" => module.clear(),
            "super" => {
                module.pop();
            }
            "self" => {}
            _ => break,
        }
        names = rest;
    }
    module.extend_from_slice(names);
    while !modules.contains_key(&module) && !module.is_empty() {
        module.pop();
    }
    modules.get(&module).cloned()
}

/// Returns one loop for each group of nodes that can all reach each other.
fn loops(graph: &Graph) -> Vec<String> {
    let (mut complaints, mut known) = (Vec::new(), BTreeSet::new());
    for start in graph.keys() {
        if known.contains(start.as_str()) {
            continue;
        }
        let before = search(graph, start);
        if let Some(last) = before.get(start.as_str()) {
            let (mut path, mut node) = (vec![start.as_str()], *last);
            while node != start {
                path.push(node);
                node = before[node];
            }
            path.push(start);
            path.reverse();
            let together = before.keys().filter(|other| search(graph, other).contains_key(start.as_str()));
            let count = together.map(|other| known.insert(*other)).count();
            complaints.push(format!("a loop of {count}: {}", path.join(" -> ")));
        }
    }
    complaints
}

/// Returns all nodes that can be reached, each with its predecessor on a shortest path.
fn search<'g>(graph: &'g Graph, start: &'g str) -> BTreeMap<&'g str, &'g str> {
    let mut before: BTreeMap<&str, &str> = BTreeMap::new();
    let mut waiting = vec![start];
    for position in 0.. {
        let Some(node) = waiting.get(position).copied() else { break };
        for next in graph.get(node).into_iter().flatten() {
            if !before.contains_key(next.as_str()) {
                before.insert(next, node);
                waiting.push(next);
            }
        }
    }
    before
}

/// Returns the functions that have a body: name, line and number of lines.
fn functions(tokens: &[Token]) -> Vec<(&str, usize, usize)> {
    let mut functions = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        if token.text != "fn" || !tokens.get(at + 1).is_some_and(is_name) {
            continue;
        }
        let end = behind_item(tokens, at + 1);
        let last = &tokens[end - 1];
        if last.text == "}" {
            functions.push((tokens[at + 1].text.as_str(), token.line, last.line + 1 - token.line));
        }
    }
    functions
}

/// Returns the structs with a field that is not private: name and line.
fn open_structs(tokens: &[Token]) -> Vec<(&str, usize)> {
    let mut structs = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        if token.text != "struct" || !tokens.get(at + 1).is_some_and(is_name) {
            continue;
        }
        let fields = fields_at(tokens, at + 2);
        let body = &tokens[fields..behind_group(tokens, fields).min(tokens.len())];
        let mut depth = 0;
        let is_open = body.iter().any(|token| {
            depth += nesting(token);
            depth == 1 && token.text == "pub"
        });
        if is_open {
            structs.push((tokens[at + 1].text.as_str(), token.line));
        }
    }
    structs
}

/// Returns the position of the bracket or semicolon after a struct's name and generics. `at` is the position after
/// the name.
fn fields_at(tokens: &[Token], mut at: usize) -> usize {
    let mut angles = 0;
    while let Some(token) = tokens.get(at) {
        match token.text.as_str() {
            "<" => angles += 1,
            ">" if !follows(tokens, at - 1, &["-"]) => angles -= 1,
            "(" | "{" | ";" if angles == 0 => break,
            _ => {}
        }
        at += 1;
    }
    at
}
