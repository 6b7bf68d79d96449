"""What can go wrong that is not a bug: one base, six kinds. Anything else keeps its traceback."""

from __future__ import annotations


class ReslintError(Exception):
    """The base of all errors that a user can act on; its text is one line that says what to do.

    `path` is the model that it is about, where code and not the command line asked.
    """

    path: str = ""

    def __str__(self) -> str:
        text = super().__str__()
        return f"{self.path}: {text}" if self.path else text


class UnreadableModel(ReslintError):
    """The file is no model that reslint can read."""


class NotFetched(UnreadableModel):
    """The file is a git LFS pointer: the model itself is elsewhere."""


class UnknownRule(ReslintError):
    """A selector names no rule and no family."""


class BadConfiguration(ReslintError):
    """A configuration file or an option does not hold what it should. All that is wrong is told, a line each."""

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines

    def __reduce__(self) -> tuple[type[BadConfiguration], tuple[str, ...]]:
        return BadConfiguration, self.lines


class RunFailed(ReslintError):
    """ONNX Runtime is not there, or could not run the model."""


class RuleFailed(UnreadableModel):
    """A rule of the project's own raised an error, so that the model was not judged; the text names the rule and its line."""


class ExportFailed(ReslintError):
    """PyTorch is not there, or the user's module could not be made or exported; the text names the user's own line."""


_LONG = 200  # characters of untrusted text that are told


def brief(text: str) -> str:
    """A text, a very long one without its middle."""
    return text if len(text) <= _LONG else f"{text[: _LONG // 2]}…{text[-_LONG // 2 :]}"
