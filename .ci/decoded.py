"""Looks for frames of a recording that were not decoded."""
import collections
import json
import sys

kinds = collections.Counter(json.loads(line)["kind"] for line in sys.stdin)
print(sys.argv[1], dict(kinds))
if not kinds or kinds["malformed"] or kinds["unrecognized"]:
    sys.exit("frames were not decoded")
