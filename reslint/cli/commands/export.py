"""`reslint export`: a PyTorch module in, an ONNX file with the places of its ops out."""

from __future__ import annotations

from pathlib import Path

import click

from reslint.cli.inputs.export_options import exporting
from reslint.settings import Factory


@click.command("export")
@click.argument("spec", metavar="MODULE:FACTORY")
@click.option("--output", "-o", type=click.Path(path_type=Path), required=True, metavar="FILE", help="The .onnx file.")
@click.option(
    "--verify", is_flag=True, help="Run the file in ONNX Runtime against the module, on several seeds and sizes."
)
@click.option("--config", "file", type=click.Path(path_type=Path), metavar="FILE", help="Read this configuration.")
@click.option("--quiet", "-q", is_flag=True, help="Nothing on standard error but errors.")
@exporting
def command(spec: str, output: Path, verify: bool, file: Path | None, quiet: bool, factory: Factory) -> int:
    """Export a PyTorch module, a .pt2 file, or a model that the configuration names.

    This is the exporter's own export, optimized; each op keeps its module and its line of Python. With --verify the exit
    status is 1 where the file does not compute what the module does.
    """
    from reslint.cli.actions.export import deliver

    return deliver(spec, output, file, factory, verify=verify, quiet=quiet)
