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
    seed: Annotated[int, Option("The seed of generated inputs and weights.")] = 0
    inputs: Annotated[
        Path | None, Option("Read the inputs from this .npz file or test_data_set folder.", metavar="PATH")
    ] = None
    store: Annotated[Path | None, Option("Save the inputs to an .npz file or a folder.", metavar="PATH")] = None
    fill: Annotated[bool, Option("Generate missing weights from the same seed.")] = False
    as_: Annotated[
        Literal["float16", "bfloat16"] | None, Option("Compare with a run in this type, and check for overflow.")
    ] = None
    keep_float32: Annotated[
        Path | None,
        Option("Find the fewest ops to keep in float32 with --as, and write them to FILE as JSON.", metavar="FILE"),
    ] = None
    snr: Annotated[
        float | None,
        Option(
            "The signal-to-noise ratio that --keep-float32 must reach; default: 50, or 30 for bfloat16.",
            metavar="DB",
            type=click.FloatRange(0, 200),
        ),
    ] = None
    round: Annotated[bool, Option("Also round to half precision after every op; slow.")] = False
    sensitivity: Annotated[bool, Option("Measure how much a small change of each stream changes the outputs.")] = False
    ablate: Annotated[bool, Option("Also measure that with the shortcuts cut.")] = False
    depth: Annotated[bool, Option("Measure what the outputs are without each block, and the effective depth.")] = False
    rtol: Annotated[
        float | None, Option("Compare element by element with this relative tolerance.", type=click.FloatRange(min=0))
    ] = None
    atol: Annotated[
        float | None, Option("Compare element by element with this absolute tolerance.", type=click.FloatRange(min=0))
    ] = None
    against: Annotated[
        str | None,
        Option("Compare with this .onnx file, .npz file of outputs or PyTorch module:factory.", metavar="SPEC"),
    ] = None
    map: Annotated[
        tuple[str, ...],
        Option("The name of an input or output and its name in --against; repeatable.", metavar="OURS=THEIRS"),
    ] = ()
    provider: Annotated[str, Option("The execution provider that runs the model.", type=click.Choice(PROVIDERS))] = (
        "cpu"
    )
    provider_option: Annotated[
        tuple[str, ...], Option("An option of the provider; repeatable.", metavar="KEY=VALUE")
    ] = ()
    device: Annotated[int | None, Option("The number of the GPU.", metavar="N", type=click.IntRange(min=0))] = None
    reference: Annotated[
        Literal["cpu", "none"], Option("What --provider is compared with; none: all is run there alone.")
    ] = "cpu"
    time: Annotated[bool, Option("Also measure the latency.")] = False
    sweep: Annotated[
        tuple[str, ...],
        Option("Also time the model at these sizes of a symbolic dimension; repeatable.", metavar="NAME=SIZE,SIZE,..."),
    ] = ()
    runs: Annotated[int, Option("The least number of timed runs.", type=click.IntRange(min=20))] = 400
    seconds: Annotated[float, Option("The least time to spend on timed runs.", type=click.FloatRange(min=0))] = 1.0
    threads: Annotated[
        int | None, Option("The threads of a timed run; default: one per core.", type=click.IntRange(min=1))
    ] = None
    max_ratio: Annotated[
        float | None,
        Option("The largest ratio to the latency of --against that passes.", type=click.FloatRange(min=0.01)),
    ] = None
    timeout: Annotated[
        float,
        Option(
            "Stop running a model after this many seconds in total.", metavar="SECONDS", type=click.FloatRange(min=0.1)
        ),
    ] = 600.0
    memory: Annotated[
        float | None,
        Option("Stop a run that needs more memory; default: no limit.", metavar="GB", type=click.FloatRange(min=0.1)),
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
            raise click.BadParameter("needs --against", param_hint="--map")
        if self.keep_float32 is not None and self.as_ is None:
            raise click.BadParameter(
                "needs a narrower type: --as float16 or --as bfloat16", param_hint="--keep-float32"
            )
        if self.snr is not None and self.keep_float32 is None:
            raise click.BadParameter("needs --keep-float32 FILE", param_hint="--snr")
        if self.sweep and self.inputs is not None:
            raise click.BadParameter("generates inputs of each size: remove --inputs", param_hint="--sweep")
        ready = super().ready()
        if self.max_ratio is not None and not ready.timed_against:
            raise click.BadParameter("needs a model to compare with: --against old.onnx", param_hint="--max-ratio")
        return ready

    @property
    def timed_against(self) -> bool:
        """Whether --against is a model that ONNX Runtime can run."""
        against = self.against
        return against is not None and not against.endswith(".npz") and self.configuration.factory(against) is None
