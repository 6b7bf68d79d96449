"""`module:factory` or a .pt2 file, and what stands beside it on the command line, in; a Spec out. Needs no torch."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from reslint.errors import BadConfiguration

DTYPES = (
    "float32", "float16", "bfloat16", "float64", "int64", "int32", "int16", "int8", "uint8", "bool", "complex64",
)  # fmt: skip
SAVED = ".pt2"

_FACTORY = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")
_INPUT = re.compile(r"(?:(?P<name>[^\W\d][\w.]*)=)?(?P<shape>\d+(?:x\d+)*)?(?::(?P<dtype>\w+))?")


@dataclass(frozen=True, slots=True)
class Given:
    """One example input: the parameter of `forward` that it is for ("" for the next one), its shape and its type."""

    name: str
    shape: tuple[int, ...]
    dtype: str = "float32"


@dataclass(frozen=True, slots=True)
class Spec:
    """What makes a PyTorch module: `target` is `module:factory` or a .pt2 file.

    `inputs` are what the module is called with, `kwargs` what the factory is called with. `fake` builds it without weights.
    `folder` is where its code or its file is looked for beside the current folder.
    """

    target: str
    inputs: tuple[Given, ...] = ()
    kwargs: Mapping[str, object] = field(default_factory=dict)
    fake: bool = False
    folder: str = ""

    @property
    def saved(self) -> bool:
        """Whether this is a saved torch.export program instead of code."""
        return self.target.lower().endswith(SAVED)


def is_factory(text: str) -> bool:
    """Whether a text has the form `package.module:factory`."""
    return _FACTORY.fullmatch(text) is not None


def is_spec(text: str) -> bool:
    """Whether a text means something that PyTorch has to make: `module:factory`, or a .pt2 file."""
    return is_factory(text) or text.lower().endswith(SAVED)


def spec(target: str, inputs: Iterable[str] = (), kwargs: str = "", *, fake: bool = False, folder: str = "") -> Spec:
    """A Spec of texts as they stand on the command line. Raises BadConfiguration with what is wrong."""
    if not is_spec(target):
        raise BadConfiguration(f"{target!r} is neither module:factory, such as mypkg.models:build, nor a .pt2 file")
    return Spec(target, tuple(map(given, inputs)), keywords(kwargs), fake, folder)


def given(text: str) -> Given:
    """`x=1x3x224x224:float16`; the name, the type, and for a scalar the shape may be left out."""
    found = _INPUT.fullmatch(text.replace(" ", ""))
    if found is None or not (found["shape"] or found["dtype"]):
        raise BadConfiguration(f"--input {text!r} is not NAME=SHAPE:DTYPE, such as 1x3x224x224 or ids=1x128:int64")
    dtype = found["dtype"] or DTYPES[0]
    if dtype not in DTYPES:
        raise BadConfiguration(f"--input {text!r}: no dtype is called {dtype!r}; the dtypes are {', '.join(DTYPES)}")
    return Given(
        found["name"] or "", tuple(map(int, (found["shape"] or "").split("x"))) if found["shape"] else (), dtype
    )


def keywords(text: str) -> Mapping[str, object]:
    """`{"depth": 50}` as what a factory is called with."""
    if not text.strip():
        return {}
    try:
        found: object = json.loads(text)
    except ValueError as error:
        raise BadConfiguration(f"--kwargs {text!r} is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise BadConfiguration(f'--kwargs {text!r} must be a JSON object, such as {{"depth": 50}}')
    return found
