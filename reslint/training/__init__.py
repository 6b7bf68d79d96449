"""Residual health while a module trains: for any loop here, for Lightning and the Hugging Face Trainer in their modules."""

from __future__ import annotations

from reslint.training.health import Alarm, BlockHealth, Health
from reslint.training.recorder import Board, Recorder, TrainingWarning

__all__ = ["Alarm", "BlockHealth", "Board", "Health", "Recorder", "TrainingWarning"]
