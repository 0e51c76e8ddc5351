"""Checks the comments of Rust, Python, shell, manifests and texts, and every Markdown file, for words that a reader has to
translate. Prints `file:line: word → what to write instead` for each, and exits with 1 if there is any.

Usage: words.py [PATH…]; without a path, everything that Git knows or would add. Code in backticks and fences is not
prose, and is skipped. A space in a pattern stands for any white space, line ends of a comment included.
"""

import re
import signal
import subprocess
import sys

# Anywhere in prose.
WORDS = [
    (r"anew|afresh", "again, from the start, resubscribe"),
    (r"told of", "reported, learned from"),
    (r"(is|are|was|were|be|been|being) told(?! apart)", "the name of who reports or emits it"),
    (r"(some|any)(body|one)(?! else's)", "the caller, the application, the peer, or the name of the type"),
    (r"nobody", "say who does not: no reader, no caller, no task"),
    (r"whoever", "the caller, the task that, the name of the type"),
    (r"wish(es|ed|ing)?", "subscription, request, subscribe"),
    # `Wanted` is the name of a state in the tables of tests/LIFECYCLE.md.
    (r"(?<!\|\s)(?<!\*\*)want(s|ed|ing)?", "subscribe, request, need, require"),
    (r"g[ia]v(e|es|en|ing) (it |them |that |one )?up|gives? (the|a|its|their|this|every|each) \S+ up", "close, drop, abandon, stop"),
    (r"what(ever)? (is|was) left|(is|are|was|were) left(?! (alone|out|to|as|open|unchanged|untouched))",
     "remains, the rest; of a stream: unsubscribed"),
    (r"let go", "close, drop, release"),
    (r"heed(s|ed|ing)?", "follow, check, obey"),
    (r"forg[ia]v(e|es|en|ing)", "reset"),
    (r"distrust(s|ed|ing)?|suspect(s|ed|ing)?", "mark stale, put in doubt"),
    (r"relend(s|ing)?|relent", "reborrow"),
    (r"farewells?", "closing handshake, last frames"),
    (r"by (itself|themselves)", "automatically; alone, separately"),
    (r"(go|goes|going|went|gone) on(?! (to|the|a|its) )", "continue, resume"),
    (r"(has|have|had) come to|(at|comes?|came|coming) (to )?(its|their|an) end(?!s)", "the state of, ends, has ended"),
    (r"as [^.;:]{1,40}? (has|have|had) it", "as it is in, as it specifies"),
    (r"of (no )?use", "useful, useless, usable"),
    (r"frames? of nobody|of nobody", "unknown"),
    (r"lest|thereof|therein|whence|hitherto|thereby", "so that … not; plain words"),
    (r"to be called", "call it, the driver calls it"),
    (r"await(s|ed)? that", "wait for"),
    (r"by way of", "through, with"),
    (r"hold its peace|a word on|in its turn", "plain words"),
]

# At the beginning of a doc comment, which is its line in an index.
STARTS = [
    (r"The same", "a sentence that makes sense in an index: name the thing"),
    (r"As (?!soon|long|far|many|much|well|in RFC)", "a verb or a noun: Formats …, Returns …"),
    (r"Those", "a noun: The orders …"),
    (r"That (?!is )", "a noun: The limit …"),
    (r"To be called", "a verb: Acts on …, and say who calls it"),
    (r"Wants", "Subscribes, Requests"),
    (r"And |Or |But ", "a sentence of its own"),
]

# Names in Rust that need a translation, where they are defined: functions, types, modules, variables and fields.
NAMES = [
    (r"relend|Lender", "reborrow"),
    (r"Told", "LastTrade, or what it holds"),
    (r"Desk", "Broker in the simulator; in tests what it does"),
    (r"distrust\w*|suspect\w*", "mark_stale"),
    (r"forgive\w*", "reset"),
    (r"heed\w*", "poll_, check_"),
    (r"bid_farewell|farewells?", "poll_closing, closing"),
    (r"attend", "poll_consumer"),
    (r"settle|settle_\w+", "flush"),
    (r"(end_)?wish(es|ed)?", "subscriber, subscription"),
    (r"\w+_of_(nobody|somebody)|\w+_(nobody|somebody)", "unknown_, ignore_, attribute_"),
    (r"see_whether_\w+", "finish_if_"),
    (r"answer_for_venue", "refuse"),
    (r"GoodTilCanceled", "GoodTillCanceled"),
]


def compiled(table, before, after):
    return [(re.compile(before + "(?:" + p.replace(" ", r"\s+") + ")" + after, flags), instead)
            for p, instead in table for flags in [re.IGNORECASE if before == r"\b" else 0]]


WORDS_RE = compiled(WORDS, r"\b", r"(?![\w])")
STARTS_RE = compiled(STARTS, r"^\s*", r"")
DEFINES = r"(?:\b(?:fn|struct|enum|trait|type|mod|let|let mut)\s+|^\s*(?:pub(?:\([a-z]+\))?\s+)?(?=\w+:\s))"
NAMES_RE = compiled(NAMES, DEFINES + "(?P<name>", r")(?!\w)")
CODE = re.compile(r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)|`[^`]*`|\]\([^)\s]*\)|https?://\S+|\b\w+://\S+", re.DOTALL)
STRING = re.compile(r'b?"(?:\\.|[^"\\])*"')


def without_code(text):
    """The text with everything that is code overwritten, line ends kept."""
    return CODE.sub(lambda m: re.sub(r"[^\n]", "_", m.group()), text)


def blocks(lines, marker):
    """Runs of comment lines that belong together: the number of the first line, its marker, the text."""
    found = []
    last, last_mark = None, None
    for number, line in enumerate(lines, 1):
        match = marker.search(line)
        if not match:
            last = None
            continue
        mark, text = match.group(1), match.group(2)
        whole = not line[: match.start(1)].strip()
        if last is not None and whole and mark == last_mark and number == last + 1:
            found[-1][2].append(text)
        else:
            found.append((number, mark, [text]))
        last, last_mark = (number, mark) if whole else (None, None)
    return [(number, mark, "\n".join(texts)) for number, mark, texts in found]


RUST = re.compile(r"(?:^|(?<=\s))(//[/!]?)( .*|)$")
HASH = re.compile(r"(?:^|(?<=\s))(#)( .*|)$")
DOCSTRING = re.compile(r'"""(.*?)"""', re.DOTALL)


def prose_of(path, text):
    """The parts of a file that are prose: (first line, whether it begins a doc comment, text)."""
    lines = text.split("\n")
    if path.endswith(".rs"):
        return [(n, mark in ("///", "//!"), t) for n, mark, t in blocks(lines, RUST)]
    if path.endswith(".md"):
        return [(1, False, text)]
    if path.endswith(".py"):
        docs = [(text.count("\n", 0, m.start(1)) + 1, False, m.group(1)) for m in DOCSTRING.finditer(text)]
        return docs + [(n, False, t) for n, _, t in blocks(lines, HASH)]
    if path.endswith(".txt"):
        # Comments of transcripts, tables and examples begin lines. Everything else is data.
        return [(n, False, t) for n, _, t in blocks([line if line.startswith("# ") else "" for line in lines], HASH)]
    if path.endswith((".toml", ".sh", ".yml")) or lines[0].startswith("#!") and "sh" in lines[0]:
        return [(n, False, t) for n, _, t in blocks(lines, HASH)]
    return []


def complaints(path, text):
    found = []
    for first, is_doc, prose in prose_of(path, text):
        prose = without_code(prose)
        tables = WORDS_RE + (STARTS_RE if is_doc else [])
        for pattern, instead in tables:
            for match in pattern.finditer(prose):
                word = match.group()
                at = first + prose.count("\n", 0, match.start() + len(word) - len(word.lstrip()))
                found.append((at, " ".join(word.split()), instead))
    if path.endswith(".rs"):
        for number, line in enumerate(text.split("\n"), 1):
            code = STRING.sub('""', line.split(" //")[0] if not line.lstrip().startswith("//") else "")
            for pattern, instead in NAMES_RE:
                found += [(number, f"name {m['name']}", instead) for m in pattern.finditer(code)]
    return sorted(set(found))


def main():
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    paths = sys.argv[1:]
    top = subprocess.run(["git", "rev-parse", "--show-toplevel"], capture_output=True, text=True, check=True).stdout.strip()
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *paths]
    files = subprocess.run(listing, capture_output=True, text=True, check=True, cwd=None if paths else top).stdout
    prefix = "" if paths else f"{top}/"
    count = 0
    for path in sorted(set(filter(None, files.split("\0")))):
        if path.endswith("words.py"):
            continue
        try:
            with open(prefix + path, encoding="utf-8") as file:
                text = file.read()
        except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
            continue
        for line, word, instead in complaints(path, text):
            print(f"{path}:{line}: {word} → {instead}")
            count += 1
    sys.stdout.flush()
    if count:
        sys.exit(f"{count} words to replace; the table stands in .ci/words.py")


if __name__ == "__main__":
    main()
