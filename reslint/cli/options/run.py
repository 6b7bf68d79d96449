"""The options of `reslint run`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

import click

from reslint.cli.options.common import Judging
from reslint.cli.options.declare import Option

PROVIDERS = (
    *("auto", "cpu", "cuda", "tensorrt"),
    *("coreml", "dml", "dnnl", "migraphx", "openvino", "qnn", "rocm", "webgpu", "xnnpack"),
)
_LIBRARY = click.Path(path_type=Path, exists=True, dir_okay=False)


@dataclass(frozen=True, kw_only=True)
class RunOptions(Judging):
    """What a user asks `reslint run` for."""

    dim: Annotated[tuple[str, ...], Option("The size of a symbolic dimension; repeatable.", metavar="NAME=SIZE")] = ()
    seed: Annotated[int, Option("The seed of the inputs that reslint makes up.")] = 0
    inputs: Annotated[Path | None, Option("Feed this .npz file, or these test_data_set folders.", metavar="PATH")] = (
        None
    )
    store: Annotated[Path | None, Option("Save what is fed, to an .npz file or a folder.", metavar="PATH")] = None
    fill: Annotated[bool, Option("Make up missing weights, with the same seed.")] = False
    as_: Annotated[
        Literal["float16", "bfloat16"] | None, Option("Compare with a run in this type, and check its range.")
    ] = None
    keep_float32: Annotated[
        Path | None,
        Option("Find the fewest ops to keep in float32 with --as, and write them to FILE as JSON.", metavar="FILE"),
    ] = None
    snr: Annotated[
        float | None,
        Option(
            "The ratio that --keep-float32 is to bring; default: 50, for bfloat16 30.",
            metavar="DB",
            type=click.FloatRange(0, 200),
        ),
    ] = None
    round: Annotated[bool, Option("Also round to half precision after every op; slow.")] = False
    sensitivity: Annotated[bool, Option("Measure how far a small change of each stream moves the outputs.")] = False
    ablate: Annotated[bool, Option("Measure the same with the shortcuts cut, too.")] = False
    rtol: Annotated[
        float | None, Option("Compare element by element, with this relative tolerance.", type=click.FloatRange(min=0))
    ] = None
    atol: Annotated[
        float | None, Option("Compare element by element, with this absolute tolerance.", type=click.FloatRange(min=0))
    ] = None
    against: Annotated[
        str | None,
        Option("Compare with this .onnx file, .npz file of outputs, or PyTorch module:factory.", metavar="SPEC"),
    ] = None
    map: Annotated[
        tuple[str, ...],
        Option("An input or output and what --against calls it; repeatable.", metavar="OURS=THEIRS"),
    ] = ()
    provider: Annotated[str, Option("What runs the model.", type=click.Choice(PROVIDERS))] = "cpu"
    time: Annotated[bool, Option("Also measure the latency.")] = False
    sweep: Annotated[
        tuple[str, ...],
        Option("Time the model at these sizes of a symbolic dimension, too; repeatable.", metavar="NAME=SIZE,SIZE,..."),
    ] = ()
    runs: Annotated[int, Option("How many runs are timed.", type=click.IntRange(min=20))] = 400
    seconds: Annotated[float, Option("How long runs are timed, at least.", type=click.FloatRange(min=0))] = 1.0
    threads: Annotated[
        int | None, Option("The threads of a timed run; default: one per core.", type=click.IntRange(min=1))
    ] = None
    max_ratio: Annotated[
        float | None, Option("How much slower than --against it may be.", type=click.FloatRange(min=0.01))
    ] = None
    timeout: Annotated[
        float,
        Option(
            "Stop a run of a model that takes longer, all in all.", metavar="SECONDS", type=click.FloatRange(min=0.1)
        ),
    ] = 600.0
    memory: Annotated[
        float | None,
        Option("Stop a run that needs more memory; default: all.", metavar="GB", type=click.FloatRange(min=0.1)),
    ] = None
    custom_ops: Annotated[
        tuple[Path, ...],
        Option("A library of custom ops. Its code is run: name only what you trust.", metavar="LIB", type=_LIBRARY),
    ] = ()

    @property
    def written(self) -> Iterator[tuple[str, str]]:
        yield from super().written
        yield from (("--keep-float32", str(self.keep_float32)),) if self.keep_float32 else ()

    def ready(self) -> Self:
        """Refuse what can't be run."""
        if self.map and self.against is None:
            raise click.BadParameter("says what --against calls an input or output", param_hint="--map")
        if self.keep_float32 is not None and self.as_ is None:
            raise click.BadParameter("needs the narrower type: --as float16, or bfloat16", param_hint="--keep-float32")
        if self.snr is not None and self.keep_float32 is None:
            raise click.BadParameter("is what --keep-float32 is to bring: name its file", param_hint="--snr")
        if self.sweep and self.inputs is not None:
            raise click.BadParameter("makes up inputs of each size; leave out --inputs", param_hint="--sweep")
        ready = super().ready()
        if self.max_ratio is not None and not ready.timed_against:
            raise click.BadParameter("needs a model to be timed against: --against old.onnx", param_hint="--max-ratio")
        return ready

    @property
    def timed_against(self) -> bool:
        """Whether --against is a model that ONNX Runtime can run."""
        against = self.against
        return against is not None and not against.endswith(".npz") and self.configuration.factory(against) is None
