"""`reslint run`: a model in, what ONNX Runtime measured and the rules found in it out."""

from __future__ import annotations

import time
from pathlib import Path

import click

from reslint.cli.options import Options, shared
from reslint.cli.output.formats import FORMATS, reports

PROVIDERS = (
    *("auto", "cpu", "cuda", "tensorrt"),
    *("coreml", "dml", "dnnl", "migraphx", "openvino", "qnn", "rocm", "webgpu", "xnnpack"),
)


@click.command("run")
@click.option("--dim", "dims", multiple=True, metavar="NAME=SIZE", help="The size of a symbolic dimension.")
@click.option("--seed", type=int, default=0, show_default=True, help="What the made-up inputs start from.")
@click.option(
    "--inputs", type=click.Path(path_type=Path), metavar="PATH", help="Feed this .npz, or test_data_set folders."
)
@click.option("--store", type=click.Path(path_type=Path), metavar="PATH", help="Save what is fed: .npz, or a folder.")
@click.option("--fill", is_flag=True, help="Make up weights that are missing, seeded.")
@click.option(
    "--as",
    "precision",
    type=click.Choice(["float16", "bfloat16"]),
    help="Compare with this type, and hold to its range.",
)
@click.option("--round", "rounded", is_flag=True, help="Round to half precision after every op, too; slow.")
@click.option("--sensitivity", is_flag=True, help="How much a small change of each stream moves the outputs.")
@click.option("--ablate", is_flag=True, help="The same with the shortcuts cut.")
@click.option("--rtol", type=click.FloatRange(min=0), help="Compare element by element: relative to the reference.")
@click.option("--atol", type=click.FloatRange(min=0), help="Compare element by element: absolute.")
@click.option(
    "--against", type=click.Path(path_type=Path), metavar="FILE", help="Compare with this .onnx, or .npz of outputs."
)
@click.option("--provider", type=click.Choice(PROVIDERS), default="cpu", show_default=True, help="What it runs on.")
@click.option("--time", "timed", is_flag=True, help="Measure the latency, too.")
@click.option("--runs", type=click.IntRange(min=20), default=400, show_default=True, help="How many runs are timed.")
@click.option("--seconds", type=click.FloatRange(min=0), default=1.0, show_default=True, help="For how long, at least.")
@click.option("--threads", type=click.IntRange(min=1), help="Threads of a timed run; default: one for each core.")
@click.option("--max-ratio", type=click.FloatRange(min=0.01), help="How much slower than --against it may be.")
@click.option("--timeout", type=click.FloatRange(min=0.1), default=600.0, show_default=True, metavar="SECONDS")
@click.option(
    "--memory", type=click.FloatRange(min=0.1), metavar="GB", help="Stop a run that takes more; default: all."
)
@click.option(
    "--custom-ops",
    "libraries",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="LIB",
    help="A library of custom ops. Its code is run: name only what you trust.",
)
@reports
@click.option("--baseline", type=click.Path(path_type=Path), metavar="FILE", help="Don't tell what this file knows.")
@click.option("--write-baseline", type=click.Path(path_type=Path), metavar="FILE", help="Make all findings known.")
@shared(*FORMATS)
def command(options: Options) -> int:
    """Run models with ONNX Runtime and check what they compute.

    Inputs are made up, seeded, and told. Each run is a process of its own. The exit status is that of `check`.
    """
    if options.baseline and options.write_baseline:
        raise click.UsageError("--write-baseline reads its own file: leave out --baseline")
    start = time.perf_counter()
    from reslint.cli.actions.run import run

    return run(options, click.get_current_context().params, start)
