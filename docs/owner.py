"""Sets the account that publishes reslint in every file that names it: `python docs/owner.py NAME`.

The name stands in `reslint/version.py`; all other places are filled in from there, and a test holds them to it.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from reslint.version import OWNER

ROOT = Path(__file__).parents[1]
FILES = (
    "README.md",
    "CHANGELOG.md",
    "pyproject.toml",
    "action.yml",
    "conda/recipe.yaml",
    "docs/*.md",
    "docs/schemas/*.json",
    "templates/*.yml",
    "rules/*.md",
)

PLACES = re.compile(
    r"(?<=github\.com/)[\w.-]+(?=/reslint)|(?<=githubusercontent\.com/)[\w.-]+(?=/reslint)|[\w-]+(?=\.github\.io/reslint)"
    r"|(?<=uses: )[\w.-]+(?=/reslint@)|(?<=`)[\w.-]+(?=/reslint`)"
)


def main(name: str) -> None:
    """Write the name wherever the account stands."""
    if not re.fullmatch(r"[A-Za-z0-9](?:-?[A-Za-z0-9]){0,38}", name):
        raise SystemExit(f"{name!r} is no name of an account")
    version = ROOT / "reslint" / "version.py"
    version.write_text(version.read_text("utf-8").replace(f'OWNER = "{OWNER}"', f'OWNER = "{name}"'), "utf-8")
    for file in (file for pattern in FILES for file in ROOT.glob(pattern)):
        text = file.read_text("utf-8")
        filled = PLACES.sub(name, text)
        if filled != text:
            file.write_text(filled, "utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("usage: python docs/owner.py NAME")
    main(sys.argv[1])
