"""A TOML file in, its keys with their types out; what is wrong is said with the file, the key and what it should hold."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from math import inf
from pathlib import Path

from reslint.errors import BadConfiguration
from reslint.finding import Severity
from reslint.settings import Allowance, Budget, Factory, Levels


def keys_of(file: Path, given: bool) -> Table | None:
    """The file's own keys, None for a pyproject.toml that says nothing on reslint."""
    import tomllib  # most runs have no file to read

    try:
        text = file.read_text("utf-8-sig")
        whole: dict[str, object] = tomllib.loads(text)
    except OSError as error:
        raise BadConfiguration(f"{file}: can't be opened: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadConfiguration(f"{file}: is not valid TOML: {error}") from error
    tool = whole.get("tool")
    inner = tool.get("reslint") if isinstance(tool, dict) else None
    if inner is None and file.name == "pyproject.toml":
        if given:
            raise BadConfiguration(f"{file}: has no [tool.reslint]")
        return None
    table = whole if inner is None else inner
    if not isinstance(table, dict):
        raise BadConfiguration(f"{file}: tool.reslint must be a table")
    from reslint.toml_lines import lines

    return Table(file, table, () if inner is None else ("tool", "reslint"), lines(text))


EXPORTERS = ("dynamo", "torchscript")
TOLERANCE = ("float64", "float32", "float16", "bfloat16", "quantized")
LATENCY = ("p50-ms", "p90-ms", "p95-ms", "p99-ms")

_SIGNATURE = "what `reslint anatomy --signature` prints, such as '24 x [pre attn, pre mlp], final-norm'"
_STACK = re.compile(r"(?:[1-9]\d{0,5}\s*x\s*)?\[(\s*[a-z][^\[\],]*(?:,\s*[a-z][^\[\],]*)*)\]")
_BLOCK = re.compile(r"[a-z][^\[\]]*")


def _is_signature(text: str) -> bool:
    """Whether a model could have a signature, whatever its blocks are called: stacks in brackets, the final norm behind all."""
    words = [word for part in _STACK.sub(r",\1,", text).split(",") if (word := part.strip())]
    return (
        bool(words) and all(map(_BLOCK.fullmatch, words)) and "final-norm" not in words[:-1] and words != ["final-norm"]
    )


@dataclass(frozen=True, slots=True)
class Table:
    """The keys of one table, read with their types.

    `at` are the names of the tables above, and `lines` says on which line of the file each stands.
    """

    file: Path
    keys: Mapping[str, object]
    at: tuple[str, ...] = ()
    lines: Mapping[tuple[str, ...], int] = field(default_factory=dict, repr=False)

    def place(self, *key: str) -> str:
        """`pyproject.toml:12`: the file and the line of a key, as far as that is known."""
        from reslint.toml_lines import line_of

        line = line_of(self.lines, (*self.at, *key))
        return f"{self.file}:{line}" if line else str(self.file)

    def name(self, key: str) -> str:
        """A key with the names of its tables; numbers of array tables are left out."""
        return ".".join(part for part in (*self.at, key) if not part.isdecimal()).removeprefix("tool.reslint.")

    def inner(self, key: str, value: Mapping[str, object], *more: str) -> Table:
        return Table(self.file, value, (*self.at, key, *more), self.lines)

    def problem(self, key: str, says: str) -> BadConfiguration:
        return BadConfiguration(f"{self.place(key)}: {self.name(key)} {says}")

    def wrong(self, key: str, wanted: str) -> BadConfiguration:
        return self.problem(key, f"must be {wanted}, not {self.keys[key]!r}")

    def names(self, key: str) -> tuple[str, ...]:
        value = self.keys.get(key, [])
        if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
            raise self.wrong(key, "a list of strings")
        return tuple(value)

    def text(self, key: str) -> str:
        value = self.keys.get(key, "")
        if not isinstance(value, str):
            raise self.wrong(key, "a string")
        return value

    def choice(self, key: str, choices: tuple[str, ...]) -> str:
        value = self.keys.get(key, choices[0])
        if not isinstance(value, str) or value not in choices:
            raise self.wrong(key, f"one of {', '.join(choices)}")
        return value

    def count(self, key: str) -> int | None:
        value = self.keys.get(key)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise self.wrong(key, "a whole number of at least 1")
        return value

    def factor(self, key: str, default: float) -> float:
        value = self.keys.get(key, default)
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < inf:  # nan is neither
            raise self.wrong(key, "a number above 0")
        return float(value)

    def table(self, key: str, known: tuple[str, ...] | None) -> Table:
        """A table inside this one; `known` are the keys that it may have, None where that is the user's choice."""
        value = self.keys.get(key, {})
        if not isinstance(value, dict):
            raise self.wrong(key, "a table")
        table = self.inner(key, value)
        if known is not None:
            table.refuse_unknown(known)
        return table

    def refuse_unknown(self, known: Sequence[str]) -> None:
        """Raise BadConfiguration for all keys that mean nothing, each with the nearest one that does."""
        strange = [key for key in self.keys if key not in known]
        if strange:
            raise BadConfiguration(*(self._strange(key, known) for key in strange))

    def _strange(self, key: str, known: Sequence[str]) -> str:
        from difflib import get_close_matches

        (close,) = get_close_matches(key.replace("_", "-"), known, n=1, cutoff=0)
        return f"{self.place(key)}: unknown key {self.name(key)!r}; the nearest valid one is {self.name(close)!r}"

    def levels(self, key: str, default: Levels) -> Levels:
        inner = self.table(key, ("note", "warning"))
        note, warning = inner.count("note") or default.note, inner.count("warning") or default.warning
        if "note" in inner.keys and note > warning:
            raise inner.problem("note", f"must be at most {self.name(key)}.warning, {warning}, not {note}")
        return Levels(min(note, warning), warning)

    def tables(self, key: str, known: tuple[str, ...]) -> Iterator[tuple[str, Table]]:
        """One table for all models, or an array of tables with globs: each with its glob."""
        for inner in self.rows(key, ("match", *known), "a table"):
            yield inner.text("match") or "*", inner

    def rows(self, key: str, known: tuple[str, ...], wanted: str) -> Iterator[Table]:
        """The tables of an array, or the one table that stands in its place."""
        value = self.keys.get(key, [])
        for at, row in enumerate(value if isinstance(value, list) else [value]):
            if not isinstance(row, dict):
                raise BadConfiguration(f"{self.place(key)}: {self.name(key)} must be {wanted}, not {row!r}")
            inner = self.inner(key, row, str(at)) if isinstance(value, list) else self.inner(key, row)
            inner.refuse_unknown(known)
            yield inner

    def budgets(self, key: str) -> tuple[tuple[str, Budget], ...]:
        return tuple(
            (glob, Budget(t.count("params"), t.count("macs"), t.count("activation-mb")))
            for glob, t in self.tables(key, ("params", "macs", "activation-mb"))
        )

    def latencies(self, key: str) -> tuple[tuple[str, str, Mapping[str, float]], ...]:
        """Percentiles in milliseconds, each table with its glob and its provider, empty for any."""
        return tuple(
            (glob, t.text("provider"), {n.removesuffix("-ms"): t.factor(n, 1) for n in LATENCY if n in t.keys})
            for glob, t in self.tables(key, ("provider", *LATENCY))
        )

    def tolerances(self, key: str) -> Mapping[str, float]:
        """By type what two runs may differ by."""
        inner = self.table(key, TOLERANCE)
        return {kind: inner.factor(kind, 1) for kind in inner.keys}

    def expectations(self, key: str) -> tuple[tuple[str, str], ...]:
        found = tuple((glob, t.text("is")) for glob, t in self.tables(key, ("is",)))
        if not all(text for _, text in found):
            raise self.wrong(key, "tables with `is`, what `reslint anatomy --signature` prints")
        for text in (text for _, text in found if not _is_signature(text)):
            raise BadConfiguration(f"{self.place(key)}: {self.name(key)}.is must be {_SIGNATURE}, not {text!r}")
        return found

    def sizes(self, key: str) -> Mapping[str, int]:
        inner = self.table(key, None)
        return {name: size for name in inner.keys if (size := inner.count(name)) is not None}

    def options(self, key: str) -> Mapping[str, Mapping[str, object]]:
        """A table for each rule of the project's own; the rules know what may stand in it."""
        inner = self.table(key, None)
        return {rule: inner.table(rule, None).keys for rule in inner.keys}

    def flag(self, key: str) -> bool:
        value = self.keys.get(key, False)
        if not isinstance(value, bool):
            raise self.wrong(key, "true or false")
        return value

    def one_or_more(self, key: str) -> tuple[str, ...]:
        """A string, or a list of strings."""
        value = self.keys.get(key, [])
        return (value,) if isinstance(value, str) else self.names(key)

    def factory(self, target: str) -> Factory:
        """What makes a PyTorch model, beside the name of its factory."""
        return Factory(
            target,
            self.one_or_more("input"),
            json.dumps(self.table("kwargs", None).keys, default=str) if "kwargs" in self.keys else "",
            self.one_or_more("dynamic"),
            self.flag("fake"),
            self.choice("exporter", EXPORTERS) if "exporter" in self.keys else "",
            self.count("opset"),
        )

    def severities(self, key: str) -> Mapping[str, Severity]:
        inner = self.table(key, None)
        known = tuple(str(s) for s in sorted(Severity, reverse=True))
        return {rule: Severity[inner.choice(rule, known).upper()] for rule in inner.keys}

    def allowances(self, key: str) -> tuple[Allowance, ...]:
        value = self.keys.get(key, [])
        if not isinstance(value, list):
            raise self.wrong(key, "an array of tables")
        rows = self.rows(key, ("rule", "model", "at", "reason", "expires"), "an array of tables")
        return tuple(row.allowance() for row in rows)

    def allowance(self) -> Allowance:
        """One entry that allows a finding. It must say which rule and why, so that someone can judge it later."""
        for needed in ("rule", "reason"):
            if not self.text(needed).strip():
                raise BadConfiguration(f"{self.place()}: each entry of allow needs a {needed}, a non-empty string")
        return Allowance(
            rule=self.text("rule"),
            model=self.text("model") or "*",
            at=self.text("at") or "*",
            reason=self.text("reason"),
            expires=self.day("expires"),
        )

    def day(self, key: str) -> date | None:
        value = self.keys.get(key)
        if value is None:
            return None
        try:
            day = date.fromisoformat(value) if isinstance(value, str) else value
        except ValueError as error:
            raise self.wrong(key, "a date such as 2027-01-31") from error
        if type(day) is not date:  # a datetime is a date, too, and no day
            raise self.wrong(key, "a date such as 2027-01-31")
        return day
