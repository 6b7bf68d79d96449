"""`ResidualHealth` is the Recorder as a callback of PyTorch Lightning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor, nn

from reslint.training.recorder import Board, Recorder


class ResidualHealth(Callback):
    """`Trainer(callbacks=[ResidualHealth((x,))])`; `part` names the module that is called with the held batch, "" for all."""

    def __init__(
        self,
        args: Sequence[object] = (),
        kwargs: Mapping[str, object] | None = None,
        *,
        part: str = "",
        every: int = 10,
        share: float = 0.03,
        file: str | Path | None = None,
        board: Board | None = None,
    ) -> None:
        self.args, self.kwargs, self.part = args, kwargs, part
        self.options = {"every": every, "share": share}
        self.file, self.board = file, board
        self.recorder: Recorder | None = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        module: nn.Module = pl_module.get_submodule(self.part)
        self.recorder = Recorder(
            module,
            self.args,
            self.kwargs,
            every=int(self.options["every"]),
            share=self.options["share"],
            file=self.file,
            board=self.board,
        )

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: object, batch: object, batch_idx: int
    ) -> None:
        loss = outputs.get("loss") if isinstance(outputs, Mapping) else outputs
        if self.recorder is not None:
            self.recorder(loss if isinstance(loss, Tensor) else None)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self.recorder is not None:
            self.recorder.close()
