"""Compares counts of instructions on standard input with those of a file; see counts."""

import math
import sys

RISE_MAX = 0.02
# How many levels the small and the large snapshot of a row "load" have.
LOADS = (2_500, 20_000)


def read(lines):
    compiler, *rows = [line.rstrip("\n") for line in lines]
    return compiler, {kind: int(count) for count, kind in (row.split("\t") for row in rows)}


compiler, now = read(sys.stdin)
with open(sys.argv[1], encoding="utf-8") as pinned_file:
    pinned_compiler, pinned = read(pinned_file)
risen = []
for kind, count in now.items():
    before = pinned.get(kind)
    print(f"{kind:<26} {count:>9} instructions a frame or level, pinned {before}")
    if before is None or count > before * (1 + RISE_MAX):
        risen.append(kind)
# Instructions a level may rise as the logarithm of their number does; the rest is for what a load costs once.
growth = math.log(LOADS[1]) / math.log(LOADS[0]) * 1.1
small, large = (f"load {size}, " for size in LOADS)
for kind in [kind for kind in now if kind.startswith(small)]:
    order = kind.removeprefix(small)
    if now[large + order] > now[kind] * growth:
        sys.exit(f"a snapshot takes more than n log n: {order}")
if compiler != pinned_compiler:
    print(f"SKIPPED: instructions a frame: pinned with {pinned_compiler}, this is {compiler}", file=sys.stderr)
elif risen or now.keys() != pinned.keys():
    sys.exit(f"more than {RISE_MAX:.0%} above the pinned count, or not pinned: {risen}; .ci/counts --write pins them again")
