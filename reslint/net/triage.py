"""The first bytes of a file in, one line on what it is instead of a model out."""

from __future__ import annotations

import re
from pathlib import Path

from reslint.errors import NotFetched, UnreadableModel

HEAD = 1024
"""How many of a file's first bytes tell what it is."""

_POINTERS = (
    b"version https://git-lfs.github.com/spec/",
    b"version https://hawser.github.com/spec/",  # what git LFS was called before, and still reads
    b"version http://git-media.io/v/",
)
_PICKLE = "is a Python pickle and is not opened, since opening it runs code; export the model with torch.onnx.export"
_PACKED = "unpack it and check the .onnx file inside"
_MADE_FROM = "check the .onnx file that it was made from"
_NOT_THE_MODEL = "download the model itself"
_WEIGHTS = "which hold no graph; export the model with torch.onnx.export"

_SIGNS: tuple[tuple[bytes, str], ...] = (
    *((bytes((0x80, protocol)), _PICKLE) for protocol in (2, 3, 4, 5)),
    (b"PK\x03\x04", "is a zip archive (of PyTorch, or of a model); check the .onnx file, or export one"),
    (b"\x1f\x8b", f"is a gzip archive; {_PACKED}"),
    (b"BZh", f"is a bzip2 archive; {_PACKED}"),
    (b"\xfd7zXZ\x00", f"is an xz archive; {_PACKED}"),
    (b"\x28\xb5\x2f\xfd", f"is a Zstandard archive; {_PACKED}"),
    (b"7z\xbc\xaf\x27\x1c", f"is a 7z archive; {_PACKED}"),
    (b"\x89HDF", "is an HDF5 file (Keras); convert it with tf2onnx and check the result"),
    (b"GGUF", f"holds weights in the GGUF format, {_WEIGHTS}"),
    (b"\x93NUMPY", f"is a NumPy array; {_NOT_THE_MODEL}"),
    (b"\x89PNG", f"is a picture (PNG); {_NOT_THE_MODEL}"),
    (b"\xff\xd8\xff", f"is a picture (JPEG); {_NOT_THE_MODEL}"),
    (b"GIF8", f"is a picture (GIF); {_NOT_THE_MODEL}"),
    (b"%PDF-", f"is a PDF document; {_NOT_THE_MODEL}"),
)
_OLD_PICKLE = re.compile(rb"(\(?[dlt]|\([dl]|c[\w.]+\n\w+\n)p\d+\n|[]}]q\x00")  # of the protocols 0 and 1
_BRACKET = re.compile(
    rb'"(?:[^"\\\\]|\\\\.)*"|[=-]>|[][(){}<>]', re.DOTALL
)  # texts in quotation marks and arrows hold none
_OPENING, _CLOSING = frozenset({b"[", b"(", b"{", b"<"}), frozenset({b"]", b")", b"}", b">"})
_DEEPEST = 200
_HTML = (b"<!doctype html", b"<html", b"<head", b"<body", b"<title", b"<meta", b"<script")
_BEFORE_ROOT = re.compile(rb"(<\?.*?\?>|<!--.*?-->|<!doctype\s[^>]*>|\s)*", re.DOTALL)
_ROOT = re.compile(rb"<([\w:.-]+)")
_CODE = re.compile(rb"<code>\s*(\w+)", re.IGNORECASE)


def is_pointer(head: bytes) -> bool:
    """Whether a file that begins like this is a pointer of git LFS."""
    return head.startswith(_POINTERS)


def refuse(path: Path, head: bytes) -> None:
    """Raise UnreadableModel, with what to do, where the first bytes belong to no ONNX model.

    `head` holds at least the first HEAD bytes of the file, or all of it. NotFetched is raised for a git LFS pointer.
    """
    if not head:
        raise UnreadableModel("is empty; export or download it again")
    if is_pointer(head):
        raise NotFetched(f"is a git LFS pointer, not the model; run: git lfs pull --include {path.name!r}")
    if path.suffix.lower() in (".pt", ".pth", ".ckpt") and head.startswith((b"PK\x03\x04", b"\x80")):
        raise UnreadableModel(
            "is a pickled PyTorch file and is not unpickled, since that can run any code; name the code that builds the "
            "model (reslint check mypkg.models:build --input 1x3x224x224), or save it as .pt2 with torch.export.save"
        )
    if path.suffix.lower() == ".py":
        raise UnreadableModel(
            "is Python code; name its module and the factory of the model in it (reslint check mypkg.models:build)"
        )
    says = _binary(head) or _markup(head)
    if says:
        raise UnreadableModel(says)


def refuse_deep(text: bytes) -> None:
    """Raise UnreadableModel for a text that is nested deeper than parsers can follow, which call themselves for each level."""
    depth = 0
    for mark in _BRACKET.finditer(text):
        if mark[0] in _OPENING:
            depth += 1
            if depth > _DEEPEST:
                raise UnreadableModel(f"is nested deeper than {_DEEPEST} levels; it is damaged or hostile")
        elif mark[0] in _CLOSING:
            depth -= 1


def _binary(head: bytes) -> str:
    """What a file of another format is; empty for one that may be a model."""
    if head[4:8] == b"ORTM":
        return f"is in ONNX Runtime's ORT format; {_MADE_FROM}"
    if head[4:8] == b"TFL3":
        return "is a TensorFlow Lite model; convert it with tf2onnx and check the result"
    if head[257:262] == b"ustar":
        return f"is a tar archive; {_PACKED}"
    if head[8:9] == b"{" and not any(head[5:8]):  # behind the size of its header
        return f"holds weights in the safetensors format, {_WEIGHTS}"
    if _OLD_PICKLE.match(head):
        return _PICKLE
    return next((says for sign, says in _SIGNS if head.startswith(sign)), "")


def _markup(head: bytes) -> str:
    """What a file of HTML, XML or JSON is; empty for what is none."""
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if re.match(rb'\{\s*"', text):
        return f"is JSON, such as a server's error message; {_NOT_THE_MODEL}"
    if not text.startswith((b"<!", b"<?xml", b"<error>", *_HTML)):
        return ""
    start = _BEFORE_ROOT.match(text)
    found = _ROOT.match(text, start.end() if start else 0)
    root = found[1] if found else b""
    code = _CODE.search(head)
    if root == b"net":
        return f"is a model in OpenVINO's format (IR); {_MADE_FROM}"
    if root == b"error" and code:
        told = code[1].decode()
        return f"is a storage server's error message ({told}) saved as a model; download it with the rights to read it"
    if b"<?xml" in text and root != b"html" and not any(sign in text for sign in _HTML):
        return f"is XML, not an ONNX model; {_NOT_THE_MODEL}"
    return "is a web page saved as a model; download the file itself (the raw link)"
