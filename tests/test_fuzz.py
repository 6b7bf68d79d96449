"""A short run of the fuzzer, the same each time: damaged models end in a result or in one line (fuzz/README.md)."""

from __future__ import annotations

import sys
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

sys.path.append(str(Path(__file__).parents[1] / "fuzz"))

from mutate import WEIGHED, of_bytes
from onnx import ModelProto
from pick import some_graph
from seeds import kept, seeds
from target import MODES, look

SEEDS = seeds(every=False)
MODELS = tuple(seed for seed in SEEDS if seed not in kept())
STEP = st.tuples(st.sampled_from(WEIGHED), st.integers(0, 1 << 32))
SHORT = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@SHORT
@given(st.sampled_from(MODELS), st.lists(STEP, min_size=1, max_size=6), st.sampled_from(tuple(MODES)))
def test_damaged_structure(tmp_path: Path, seed: bytes, steps: list[tuple[object, int]], mode: str) -> None:
    model = ModelProto.FromString(seed)
    for mutation, chance in steps:
        r = Random(chance)
        try:
            mutation(model, some_graph(model, r), r)  # type: ignore[operator]
        except Exception:  # protobuf refuses a value, or a depth
            continue
    try:
        data = model.SerializeToString()
    except Exception:
        return
    look(data, mode, tmp_path)


@SHORT
@given(st.sampled_from(SEEDS), st.sampled_from(SEEDS), st.integers(0, 1 << 32))
def test_damaged_bytes(tmp_path: Path, seed: bytes, other: bytes, chance: int) -> None:
    look(of_bytes(seed, other, Random(chance)), "check", tmp_path)


@pytest.mark.parametrize("mode", MODES)
def test_what_was_a_fault_once(mode: str, tmp_path: Path) -> None:
    assert kept()
    for data in kept():
        look(data, mode, tmp_path)
