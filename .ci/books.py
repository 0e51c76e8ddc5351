"""Compares the books that the command prints with those that a recording is known to yield."""
import json
import sys

known = json.load(open(sys.argv[1]))["books"]
printed = json.load(sys.stdin)["books"]
if printed.keys() != known.keys():
    sys.exit(f"symbols: {sorted(printed)} instead of {sorted(known)}")
wrong = [
    f"{symbol} {member}: {printed[symbol].get(member)} instead of {value}"
    for symbol, book in known.items()
    for member, value in book.items()
    if str(printed[symbol].get(member)) != str(value)
]
if wrong:
    sys.exit("\n".join(wrong))
print(f"{len(known)} books as known, hashes included")
