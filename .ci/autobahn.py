"""Compares a report of the Autobahn test suite with the one that is committed; nothing may have failed.

Usage: autobahn.py INDEX.json
"""

import json
import os
import pathlib
import sys
from collections import Counter

EXPECTED = pathlib.Path(__file__).with_name("autobahn.json")
AGENTS = ["gemini-ws-smol", "gemini-ws-tokio"]


def main():
    report = json.load(open(sys.argv[1]))
    natural = lambda case: [int(part) for part in case.split(".")]
    got = {
        agent: {
            case: [report[agent][case]["behavior"], report[agent][case]["behaviorClose"]]
            for case in sorted(report.get(agent, {}), key=natural)
        }
        for agent in AGENTS
    }
    if os.environ.get("UPDATE_AUTOBAHN"):
        lines = []
        for agent, cases in got.items():
            rows = ",\n".join(f"    {json.dumps(case)}: {json.dumps(what)}" for case, what in cases.items())
            lines.append(f"  {json.dumps(agent)}: {{\n{rows}\n  }}")
        EXPECTED.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    expected = json.load(open(EXPECTED))
    wrong = 0
    for agent in AGENTS:
        counts = Counter(what[0] for what in got[agent].values())
        failed = counts.get("FAILED", 0) + counts.get("WRONG CODE", 0) + counts.get("UNCLEAN", 0)
        print(f"{agent}: {len(got[agent])} cases, {failed} failed: {dict(counts)}")
        differ = [case for case in {**expected[agent], **got[agent]} if expected[agent].get(case) != got[agent].get(case)]
        for case in differ:
            print(f"{agent} {case}: {expected[agent].get(case)} before, {got[agent].get(case)} now", file=sys.stderr)
        wrong += failed + len(differ) + (len(got[agent]) < 301)
    sys.exit(1 if wrong else 0)


main()
