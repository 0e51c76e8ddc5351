"""Looks for frames of a recording that were not decoded, and for elements of their arrays that were not."""
import collections
import json
import sys


def kinds_of(elements):
    return collections.Counter(element["kind"] for element in elements)


frames, elements, keys = [], [], ("events", "orders", "entries")
for line in sys.stdin:
    frame = json.loads(line)
    frames.append(frame)
    elements += [element for key in keys for element in frame.get(key) or []]
kinds = kinds_of(frames)
print(sys.argv[1], dict(kinds))
unknown = kinds + kinds_of(elements)
if not kinds or unknown["malformed"] or unknown["unrecognized"]:
    sys.exit("frames were not decoded")
if len(frames) != sum(1 for line in open(sys.argv[1], encoding="utf-8") if line.strip()):
    sys.exit("frames are missing")
