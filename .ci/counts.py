"""Compares counts of instructions on standard input with those of a file; see counts."""

import sys

RISE_MAX = 0.02


def read(lines):
    compiler, *rows = [line.rstrip("\n") for line in lines]
    return compiler, {kind: int(count) for count, kind in (row.split("\t") for row in rows)}


compiler, now = read(sys.stdin)
with open(sys.argv[1], encoding="utf-8") as pinned_file:
    pinned_compiler, pinned = read(pinned_file)
risen = []
for kind, count in now.items():
    before = pinned.get(kind)
    print(f"{kind:<26} {count:>9} instructions a frame, pinned {before}")
    if before is None or count > before * (1 + RISE_MAX):
        risen.append(kind)
if compiler != pinned_compiler:
    print(f"SKIPPED: instructions a frame: pinned with {pinned_compiler}, this is {compiler}", file=sys.stderr)
elif risen or now.keys() != pinned.keys():
    sys.exit(f"more than {RISE_MAX:.0%} above the pinned count, or not pinned: {risen}; .ci/counts --write pins them again")
