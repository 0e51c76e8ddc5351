"""Knows which crates are published, and makes a workspace of their unpacked packages.

Usage: packages.py published < METADATA, packages.py workspace FOLDER NAME…
"""

import json
import pathlib
import sys
import tomllib

# Without these a page of the crate is not complete.
REQUIRED = ["description", "license", "repository", "keywords", "categories", "readme", "rust_version"]
KEYWORDS_MAX = 5
# Links in the checkout, files in a package.
LICENCES = ["LICENSE-MIT", "LICENSE-APACHE"]


def published(metadata):
    packages = [package for package in metadata["packages"] if package["publish"] != []]
    for package in packages:
        missing = [key for key in REQUIRED if not package[key]]
        if missing or len(package["keywords"]) > KEYWORDS_MAX:
            sys.exit(f"{package['name']}: {missing or 'too many keywords'}")
    return [package["name"] for package in packages]


def profile(names):
    """Dependencies are built as in the checkout, so that what is compiled there is used again; the crates quickly."""
    dev = tomllib.loads(pathlib.Path("Cargo.toml").read_text(encoding="utf-8"))["profile"]["dev"]
    packages = {"*": dev.pop("package")["*"]} | {name: {"opt-level": 0, "debug": False} for name in names}
    lines = ["", "[profile.dev]"] + [f"{key} = {json.dumps(value)}" for key, value in dev.items()]
    for name, settings in packages.items():
        lines += ["", f"[profile.dev.package.{json.dumps(name)}]"]
        lines += [f"{key} = {json.dumps(value)}" for key, value in settings.items()]
    return lines


def workspace(folder, names):
    unpacked = {}
    for manifest in folder.glob("*/Cargo.toml"):
        package = tomllib.loads(manifest.read_text(encoding="utf-8"))["package"]
        unpacked[package["name"]] = manifest.parent
        if not (manifest.parent / "README.md").is_file():
            sys.exit(f"{package['name']}: README.md is missing")
        for name in LICENCES:
            path = manifest.parent / name
            if path.is_symlink() or path.read_bytes() != pathlib.Path(name).read_bytes():
                sys.exit(f"{package['name']}: {name} is not that of the repository")
    if sorted(unpacked) != sorted(names):
        sys.exit(f"packaged {sorted(unpacked)} instead of {sorted(names)}")
    lines = ["[workspace]", 'resolver = "3"', f"members = {json.dumps([path.name for path in unpacked.values()])}"]
    lines += ["", "[patch.crates-io]"]
    lines += [f"{name} = {{ path = {json.dumps(path.name)} }}" for name, path in unpacked.items()]
    lines += profile(names)
    (folder / "Cargo.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    sizes = {name: sum(1 for path in folder.rglob("*") if path.is_file()) for name, folder in unpacked.items()}
    print("\n".join(f"{name}: {count} files" for name, count in sorted(sizes.items())))


match sys.argv[1:]:
    case ["published"]:
        print("\n".join(published(json.load(sys.stdin))))
    case ["workspace", where, *names]:
        workspace(pathlib.Path(where), names)
    case _:
        sys.exit(__doc__)
