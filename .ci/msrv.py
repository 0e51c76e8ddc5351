"""Reads `cargo metadata`: no dependency may ask for a newer Rust than the workspace states."""
import json
import sys


def version(text):
    return tuple(int(part) for part in text.split(".")) + (0,) * (3 - len(text.split(".")))


metadata = json.load(sys.stdin)
members = set(metadata["workspace_members"])
stated = {package["rust_version"] for package in metadata["packages"] if package["id"] in members}
if len(stated) != 1:
    sys.exit(f"the workspace states {stated or 'no version'}")
minimum = stated.pop()
newer = [
    f"{package['name']} {package['version']} needs {package['rust_version']}"
    for package in metadata["packages"]
    if package["rust_version"] and version(package["rust_version"]) > version(minimum)
]
if newer:
    sys.exit(f"the workspace states {minimum}, but " + "; ".join(newer))
print(f"{len(metadata['packages'])} packages build with Rust {minimum}")
