"""ONNX's text syntax in, coloured tokens out: what Pygments, and with it a site of documentation, knows as `onnx`."""

from __future__ import annotations

from pygments.lexer import RegexLexer, bygroups
from pygments.token import Comment, Keyword, Name, Number, Operator, Punctuation, String, Whitespace

_TYPES = r"(b?float\d*(e\dm\d\w*)?|double|complex\d+|u?int\d+|bool|string|seq|map|optional)\b"
_NAME = r"[A-Za-z_][\w.]*"


class OnnxLexer(RegexLexer):
    """Graphs and models as `onnx.parser` reads them."""

    name = "ONNX"
    aliases = ("onnx",)
    filenames = ("*.onnxtxt", "*.onnxtext")
    url = "https://github.com/onnx/onnx/blob/main/docs/Syntax.md"
    tokens = {  # noqa: RUF012 - this is how Pygments wants it
        "root": [
            (r"\s+", Whitespace),
            (r"#[^\n]*", Comment.Single),
            (r'"(\\.|[^"\\])*"', String),
            (_TYPES, Keyword.Type),
            (rf"(=)(\s*)({_NAME})(?=\s*[<(])", bygroups(Operator, Whitespace, Name.Function)),
            (rf"({_NAME})(?=\s*\([^)]*\)\s*=>)", Name.Class),
            (r"-?\d+(\.\d*)?([eE][+-]?\d+)?", Number),
            (_NAME, Name),
            (r"=>|=", Operator),
            (r"[][(){}<>,:?@]", Punctuation),
        ]
    }
