"""`reslint export` writes the ONNX file of a PyTorch module, with the place of each op in the code."""

from __future__ import annotations

from reslint.cli.options.declare import command as declared
from reslint.cli.options.export import ExportOptions


@declared("export", ExportOptions)
def command(options: ExportOptions) -> int:
    """Export a PyTorch module, a .pt2 file, or a model that the configuration names.

    PyTorch's own exporter makes the file and optimizes it; each op keeps its module and its line of Python. With --verify,
    the exit status is 1 when the file and the module give different results.
    """
    from reslint.cli.actions.export import deliver

    return deliver(options)
