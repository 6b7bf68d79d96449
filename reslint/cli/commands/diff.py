"""`reslint diff` shows what changed in the residual skeleton from one model to another."""

from __future__ import annotations

from reslint.cli.options.declare import command as declared
from reslint.cli.options.diff import DiffOptions


@declared("diff", DiffOptions)
def command(options: DiffOptions) -> int:
    """Show how the residual skeleton changed from the model OLD to the model NEW.

    Each is a model file or a PyTorch model (module:factory or a .pt2 file).

    Blocks are matched by structure, never by name, so a conversion, a quantization or an optimization that keeps
    the skeleton shows no difference. The exit status is 0 whatever differs, 1 when a shortcut was lost and
    --fail-on-lost-shortcut is given, and 2 when a model could not be read.
    """
    from reslint.cli.actions.diff import compared

    return compared(options)
