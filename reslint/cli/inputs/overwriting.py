"""Files to be written and models to be read in, an error out where a result would take the place of a model."""

from __future__ import annotations

import os
from collections.abc import Iterable

from reslint.cli.inputs.owners import is_data
from reslint.cli.inputs.search import SEARCHED
from reslint.errors import BadConfiguration


def spare(written: Iterable[tuple[str, str]], read: Iterable[str] = ()) -> None:
    """Raise BadConfiguration for a file, under its option, that is there and is called as models are, or is one to be read."""
    for option, file in written:
        if os.path.isfile(file) and (_is_model(file) or any(same(file, model) for model in read)):
            raise BadConfiguration(f"{option} {file}: is a model that the result would overwrite; name another file")


def same(file: str, model: str) -> bool:
    """Whether two paths lead to one file."""
    return os.path.isfile(file) and os.path.isfile(model) and os.path.samefile(file, model)


def _is_model(file: str) -> bool:
    return file.lower().endswith((*SEARCHED, ".pt2")) or is_data(file)
