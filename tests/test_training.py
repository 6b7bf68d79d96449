"""Residual health in training: what is recorded, what gives an alarm, and that sound runs are silent."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Sequence
from pathlib import Path

import flow_nets
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from reslint.training import Alarm, BlockHealth, Health, Recorder, TrainingWarning
from reslint.training.health import alarms, rising

pytestmark = pytest.mark.torch


class Block(nn.Module):
    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.f = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = x + self.f(x)
        return made


class Board:
    def __init__(self) -> None:
        self.tags: dict[str, list[int | None]] = {}

    def add_scalar(self, tag: str, scalar_value: float, global_step: int | None = None) -> None:
        self.tags.setdefault(tag, []).append(global_step)


def trained(net: nn.Module, record: Recorder, x: torch.Tensor, rate: float, steps: int) -> None:
    optimizer = torch.optim.SGD(net.parameters(), rate)
    for _ in range(steps):
        loss = net(x).square().mean()
        loss.backward()
        optimizer.step()
        record(loss)
        optimizer.zero_grad()


class TestRecorder:
    def test_it_records_what_can_be_computed_by_hand(self) -> None:
        torch.manual_seed(0)
        net, x = nn.Sequential(Block(), Block()), torch.randn(6, 8)
        record, optimizer = Recorder(net, (x,), every=3, share=100.0), torch.optim.SGD(net.parameters(), 0.01)
        for _ in range(4):
            before = [p.detach().clone() for p in net[0].parameters()]
            loss = net(x).square().mean()
            loss.backward()
            optimizer.step()
            own = [p.grad.norm() for p in net[0].parameters() if p.grad is not None]
            record(loss)
            optimizer.zero_grad()
        first, last = record.records
        assert (first.step, last.step) == (0, 3)
        assert last.loss == pytest.approx(float(loss.detach()))
        assert len(last.blocks) == 2
        block = last.blocks[0]
        branch = (net[0](x) - x).detach()
        assert block.ratio == pytest.approx(float(branch.square().mean().sqrt() / x.square().mean().sqrt()), rel=1e-4)
        assert block.peak == pytest.approx(float((x + branch).abs().max()), rel=1e-5)
        assert block.gradient == pytest.approx(float(torch.stack(own).norm()), rel=1e-4)
        now = [p.detach() for p in net[0].parameters()]
        moved = math.hypot(*(float((p - b).norm()) for p, b in zip(now, before, strict=True)))
        assert block.update == pytest.approx(moved / math.hypot(*(float(p.norm()) for p in now)), rel=1e-3)
        assert first.blocks[0].update is None

    def test_the_module_is_left_as_it_was(self) -> None:
        net = nn.Sequential(nn.BatchNorm1d(8), Block(), nn.Dropout(0.5))
        net[2].eval()
        state = {name: value.clone() for name, value in net.state_dict().items()}
        record = Recorder(net, (torch.randn(4, 8),))
        record()
        assert [part.training for part in net] == [True, True, False]
        assert all(torch.equal(value, state[name]) for name, value in net.state_dict().items())
        assert all(p.requires_grad and p.grad is None for p in net.parameters())

    def test_json_and_tensorboard(self, tmp_path: Path) -> None:
        net, x, board = nn.Sequential(Block()), torch.randn(4, 8), Board()
        record = Recorder(net, (x,), every=2, share=100.0, file=tmp_path / "health.json", board=board)
        trained(net, record, x, 0.01, 5)
        record.close()
        found = json.loads((tmp_path / "health.json").read_text())
        assert found["schema"] == "reslint.training/1"
        assert [r["step"] for r in found["records"]] == [0, 2, 4]
        assert set(found["records"][1]["blocks"][0]) == {"name", "ratio", "peak", "gradient", "update"}
        (tag,) = (tag for tag in board.tags if tag.startswith("reslint/update/"))
        assert board.tags[tag] == [2, 4]

    def test_all_but_the_first_waits_where_it_costs_more_than_its_share(self) -> None:
        net, x = nn.Sequential(Block()), torch.randn(4, 8)
        record = Recorder(net, (x,), every=2, share=1e-9)
        trained(net, record, x, 0.01, 5)
        assert [r.step for r in record.records] == [0]

    def test_streams_wait_alone_where_runs_cost_more_than_their_part(self) -> None:
        net, x = nn.Sequential(Block()), torch.randn(4, 8)
        record = Recorder(net, (x,), every=2, share=100.0)
        record._replaying.share = 1e-9
        trained(net, record, x, 0.01, 5)
        assert [r.peak is None for r in record.records] == [False, True, True]
        assert [r.gradient is None for r in record.records] == [False, False, False]

    def test_a_run_that_is_driven_to_its_death_is_warned_of(self) -> None:
        torch.manual_seed(0)
        net, (x,) = flow_nets.stack(6, 16, norm=True, batch=16)
        labels = torch.randint(10, (64,))
        record, optimizer = Recorder(net, (x,), every=5, share=100.0), torch.optim.SGD(net.parameters(), 1.0)
        died = None
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            for step in range(400):
                loss = F.cross_entropy(net(torch.randn(16, 16)), labels[torch.randint(64, (16,))])
                if not math.isfinite(float(loss.detach())) or float(loss.detach()) > 100:
                    died = step
                    break
                optimizer.param_groups[0]["lr"] = 1e-3 * 1.03**step
                loss.backward()
                optimizer.step()
                record(loss)
                optimizer.zero_grad()
        assert died is not None
        assert record.alarms[0].step <= died - 20
        assert any(issubclass(warning.category, TrainingWarning) for warning in said)

    def test_a_sound_run_is_silent(self) -> None:
        torch.manual_seed(0)
        net, (x,) = flow_nets.stack(6, 16, norm=True, batch=32)
        teacher = torch.randn(16, 10)
        record, optimizer = Recorder(net, (x,), every=5, share=100.0), torch.optim.Adam(net.parameters(), 3e-3)
        losses = []
        with warnings.catch_warnings():
            warnings.simplefilter("error", TrainingWarning)
            for _ in range(150):
                batch = torch.randn(32, 16)
                loss = F.cross_entropy(net(batch), (batch @ teacher).argmax(1))
                loss.backward()
                optimizer.step()
                record(loss)
                optimizer.zero_grad()
                losses.append(float(loss.detach()))
        assert record.alarms == []
        assert sum(losses[-20:]) < 0.6 * sum(losses[:20])


def health(step: int, peak: float | None = 1.0, gradient: float = 1.0, update: float | None = 1e-3) -> Health:
    return Health(step, None, (BlockHealth("a", 0.5, peak, gradient, update),))


def kinds(records: Sequence[Health]) -> set[str]:
    return {alarm.kind for alarm in alarms(records)}


class TestAlarms:
    SOUND = tuple(health(step) for step in range(8))

    def test_sound(self) -> None:
        assert kinds(self.SOUND) == set()

    @pytest.mark.parametrize(
        ("more", "found"),
        [
            ([health(8, peak=40_000.0)], {"half-range"}),
            ([health(8, peak=math.nan)], {"nonfinite"}),
            ([health(8, peak=11.0), health(9, peak=20.0)], {"stream"}),
            ([health(8, peak=11.0), health(9, peak=None), health(10, peak=20.0)], {"stream"}),
            ([health(8, peak=20.0), health(9, peak=11.0)], set()),  # comes back
            ([health(8, gradient=11.0), health(9, gradient=20.0)], {"gradient"}),
            ([health(8, update=0.06)], set()),  # once
            ([health(8, update=0.06), health(9, update=0.06)], {"update"}),
            ([health(8, update=0.021), health(9, update=0.021)], {"update"}),  # 21 times what it was
            ([health(8, update=0.016), health(9, update=0.016)], set()),
            ([health(8, update=0.004), health(9, update=0.004)], set()),
        ],
    )
    def test_each(self, more: Sequence[Health], found: set[str]) -> None:
        assert kinds((*self.SOUND, *more)) == found

    def test_a_large_update_that_is_usual_is_none(self) -> None:
        assert kinds([health(step, update=0.03) for step in range(10)]) == set()

    def test_a_loss_that_turns(self) -> None:
        falls = [2.0 * 0.97**at for at in range(60)]
        noisy = [loss * (1.2 if at % 2 else 0.8) for at, loss in enumerate(falls)]
        assert list(rising([*enumerate(noisy)])) == []
        up = [*falls, *(falls[-1] * 1.3**at for at in range(15))]
        (alarm,) = rising([*enumerate(up)])
        assert (alarm.step, alarm.kind) == (74, "loss")
        assert list(rising([*enumerate([*falls, 5.0])])) == []  # one bad batch


@pytest.mark.filterwarnings("ignore")  # of other packages
class TestCallbacks:
    def test_lightning(self) -> None:
        pytest.importorskip("lightning")
        lightning = pytest.importorskip("lightning.pytorch")
        from reslint.training.lightning import ResidualHealth

        class Module(lightning.LightningModule):  # type: ignore[misc, name-defined]
            def __init__(self) -> None:
                super().__init__()
                self.net = nn.Sequential(Block(), Block())

            def training_step(self, batch: list[torch.Tensor], at: int) -> torch.Tensor:
                made: torch.Tensor = self.net(batch[0]).square().mean()
                return made

            def configure_optimizers(self) -> torch.optim.Optimizer:
                return torch.optim.SGD(self.parameters(), 0.01)

        data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.randn(64, 8)), batch_size=4)
        health = ResidualHealth((torch.randn(4, 8),), part="net", every=4, share=100.0)
        trainer = lightning.Trainer(
            max_epochs=1, callbacks=[health], logger=False, enable_checkpointing=False, enable_progress_bar=False,
            accelerator="cpu",
        )  # fmt: skip
        trainer.fit(Module(), data)
        assert health.recorder is not None
        assert [r.step for r in health.recorder.records] == [0, 4, 8, 12]
        last = health.recorder.records[-1]
        assert last.update is not None
        assert last.gradient is not None
        assert last.loss is not None

    def test_trainer_of_hugging_face(self, tmp_path: Path) -> None:
        transformers = pytest.importorskip("transformers")
        pytest.importorskip("accelerate")
        from reslint.training.huggingface import ResidualHealth

        config = transformers.GPT2Config(n_layer=2, n_embd=16, n_head=2, vocab_size=32, n_positions=16)
        ids = torch.randint(32, (16, 8))
        data = [{"input_ids": row, "labels": row} for row in ids]
        given = {"input_ids": ids[:2], "use_cache": False, "return_dict": False}
        health = ResidualHealth(kwargs=given, every=2, share=100.0)
        arguments = transformers.TrainingArguments(
            str(tmp_path), per_device_train_batch_size=4, max_steps=6, logging_steps=1, report_to=[], use_cpu=True,
            disable_tqdm=True,
        )  # fmt: skip
        transformers.Trainer(
            transformers.GPT2LMHeadModel(config), arguments, train_dataset=data, callbacks=[health]
        ).train()
        assert health.recorder is not None
        assert [r.step for r in health.recorder.records] == [0, 2, 4]
        assert len(health.recorder.records[-1].blocks) == 4
        assert health.recorder.records[-1].update is not None


def test_an_alarm_reads_well() -> None:
    (alarm,) = alarms([*TestAlarms.SOUND, health(8, update=0.06), health(9, update=0.06)])
    assert alarm == Alarm(9, "update", "one step changes 6.0% of the weights of a (usual 0.1%): the rate is too high")
