"""`ResidualHealth` is the Recorder as a callback of the Hugging Face Trainer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import nn
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from reslint.training.recorder import Board, Recorder


class ResidualHealth(TrainerCallback):
    """`Trainer(..., callbacks=[ResidualHealth(kwargs={"input_ids": ids})])`.

    The Trainer tells the loss only when it logs, and calls back when the gradients are still there, before each step, and
    when the step is made: both are one step here.
    """

    def __init__(
        self,
        args: Sequence[object] = (),
        kwargs: Mapping[str, object] | None = None,
        *,
        every: int = 10,
        share: float = 0.03,
        file: str | Path | None = None,
        board: Board | None = None,
    ) -> None:
        self.args, self.kwargs = args, kwargs
        self.every, self.share, self.file, self.board = every, share, file, board
        self.recorder: Recorder | None = None

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **known: object
    ) -> None:
        module = known.get("model")
        if isinstance(module, nn.Module):
            self.recorder = Recorder(
                module,
                self.args,
                self.kwargs,
                every=self.every,
                share=self.share,
                file=self.file,
                board=self.board,
            )

    def on_optimizer_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **known: object
    ) -> None:
        if self.recorder is not None:
            last = state.log_history[-1].get("loss") if state.log_history else None
            self.recorder(float(last) if isinstance(last, int | float) else None)

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **known: object
    ) -> None:
        if self.recorder is not None:
            self.recorder.close()
