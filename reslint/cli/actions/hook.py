"""The text of a .pre-commit-config.yaml in, the same text with reslint's hook in it out."""

from __future__ import annotations

import re

_ENTRY = """\
- repo: local
  hooks:
    - id: reslint
      name: reslint
      entry: reslint check --unread note   # models that git LFS has not fetched do not block a commit
      language: system
      files: '\\.onnx(([._]data)(_\\d+)?)?$'
      require_serial: true
"""
# The reslint that is installed is the one that is asked, so that an editor, a commit and CI say the same. A hook that
# pre-commit installs by itself (`repo:` with a URL) is in docs/ci.md.

_THERE = re.compile(r"\bid:\s*[\"']?reslint(?![\w-])")
_REPOS = re.compile(r"repos:\s*(#.*)?")
_ITEM = re.compile(r"(?P<indent>[ ]*)- ")
_NEXT = re.compile(r"[^\s#-]|---|\.\.\.")
_EMPTY = re.compile(r"\s*(#.*)?")

FRESH = f"repos:\n{_ENTRY}"
"""A whole file."""


def has_hook(text: str) -> bool:
    """Whether a configuration of pre-commit has reslint's hook."""
    return any(_THERE.search(line.partition("#")[0]) for line in text.splitlines())


def with_hook(text: str) -> str | None:
    """The configuration with the hook behind its last repository, else untouched; None where the list is not found.

    It is edited as text, since no YAML library keeps comments and layout; a list in one line (`repos: []`) is not found.
    """
    lines = text.splitlines(keepends=True)
    start = next((at for at, line in enumerate(lines) if _REPOS.fullmatch(line.rstrip())), None)
    if start is None:
        return None
    end = next((at for at, line in enumerate(lines) if at > start and _NEXT.match(line)), len(lines))
    items = [found for line in lines[start + 1 : end] if (found := _ITEM.match(line))]
    if not items:
        return None
    while _EMPTY.fullmatch(lines[end - 1].rstrip("\r\n")):  # what stands before the next key belongs to it
        end -= 1
    newline = "\r\n" if lines[start].endswith("\r\n") else "\n"
    entry = [f"{items[0]['indent']}{line}{newline}" for line in _ENTRY.splitlines()]
    last = lines[end - 1] if lines[end - 1].endswith("\n") else f"{lines[end - 1]}{newline}"
    return "".join((*lines[: end - 1], last, *entry, *lines[end:]))


def entry() -> str:
    """What is to be added by hand."""
    return _ENTRY
