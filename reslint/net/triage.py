"""The first bytes of a file in, one line on what it is instead of a model out."""

from __future__ import annotations

from pathlib import Path

from reslint.errors import NotFetched, UnreadableModel

LFS = b"version https://git-lfs.github.com/spec/"

_SIGNS: tuple[tuple[bytes, str], ...] = (
    (
        b"\x80\x02",
        "is a Python pickle and is not opened, since that runs code; export the model with torch.onnx.export",
    ),
    (
        b"\x80\x03",
        "is a Python pickle and is not opened, since that runs code; export the model with torch.onnx.export",
    ),
    (
        b"\x80\x04",
        "is a Python pickle and is not opened, since that runs code; export the model with torch.onnx.export",
    ),
    (
        b"\x80\x05",
        "is a Python pickle and is not opened, since that runs code; export the model with torch.onnx.export",
    ),
    (b"\x89HDF", "is an HDF5 file (Keras); convert it with tf2onnx and check the result"),
    (b"\x1f\x8b", "is a gzip archive; unpack it and check the .onnx file inside"),
)


def refuse(path: Path, head: bytes) -> None:
    """Raise UnreadableModel, with what to do, where the first bytes belong to no ONNX model.

    `head` holds at least the first 64 bytes of the file, or all of it. NotFetched is raised for a git LFS pointer.
    """
    if not head:
        raise UnreadableModel("is empty; export or download it again")
    if head.startswith(LFS):
        raise NotFetched(f"is a git LFS pointer, not the model; run: git lfs pull --include {path.name!r}")
    if path.suffix.lower() in (".pt", ".pth", ".ckpt") and head.startswith((b"PK\x03\x04", b"\x80")):
        raise UnreadableModel(
            "is a pickled PyTorch file and is never unpickled, since that can run any code; name the code that makes the "
            "model (reslint check mypkg.models:build --input 1x3x224x224), or save it as .pt2 with torch.export.save"
        )
    if path.suffix.lower() == ".py":
        raise UnreadableModel(
            "is Python code; name it as a module, and what makes the model in it (reslint check mypkg.models:build)"
        )
    if head.startswith(b"PK\x03\x04"):
        raise UnreadableModel("is a zip archive (of PyTorch, or of a model); check the .onnx file, or export one")
    if head[4:8] == b"ORTM":
        raise UnreadableModel("is in ONNX Runtime's ORT format; check the .onnx file that it was made from")
    if head[4:8] == b"TFL3":
        raise UnreadableModel("is a TensorFlow Lite model; convert it with tf2onnx and check the result")
    text = head.lstrip().lower()
    if text.startswith((b"<!doctype", b"<html", b"<?xml")):
        raise UnreadableModel("is a web page saved as a model; download the file itself (the raw link)")
    for sign, says in _SIGNS:
        if head.startswith(sign):
            raise UnreadableModel(says)
