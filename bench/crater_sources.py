"""Models of public libraries by name: `names()` of a library in, a module with its inputs out.

    python bench/crater_sources.py LIBRARY FOLDER [EXPORTER]   writes them all as ONNX files without weights

Weights stay at random and are not written: reslint judges the graph. Sizes are the smallest that a library offers.
"""

from __future__ import annotations

import importlib
import logging
import multiprocessing
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import torch
from torch import nn

from reslint.export.capture import How
from reslint.export.exported import analysed
from reslint.export.load import Loaded

SECONDS = 240


@dataclass(frozen=True, slots=True)
class Made:
    """A module, and what it is called with."""

    module: nn.Module
    inputs: tuple[object, ...]
    kwargs: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Library:
    """What a library has, and how one of it is made."""

    names: Callable[[], Iterator[str]]
    make: Callable[[str], Made]


class Plain(nn.Module):
    """A module that is called with keywords and may answer with anything, as one of tensors in and tensors out."""

    def __init__(self, inner: nn.Module, kwargs: Mapping[str, object]) -> None:
        super().__init__()
        self.inner, self.names = inner, tuple(kwargs)

    def forward(self, *tensors: torch.Tensor) -> list[torch.Tensor]:
        return list(_tensors(self.inner(**dict(zip(self.names, tensors, strict=True)))))


def _tensors(answer: object) -> Iterator[torch.Tensor]:
    if isinstance(answer, torch.Tensor):
        yield answer
    elif hasattr(answer, "values"):
        yield from _tensors(list(answer.values()))
    elif isinstance(answer, list | tuple):
        for part in answer:
            yield from _tensors(part)


# timm: of each of its files the two lightest of six


def _timm() -> Iterator[str]:
    import timm

    for module in sorted(timm.list_modules()):
        models = timm.list_models(module=module)
        some = models[:: max(1, len(models) // 6)][:6]
        yield from sorted(some, key=_weight)[:2]


def _weight(name: str) -> int:
    import timm

    try:
        with torch.device("meta"):
            return sum(p.numel() for p in timm.create_model(name).parameters())
    except Exception:  # one that can't be made on the meta device is no light one
        return 1 << 60


def _make_timm(name: str) -> Made:
    import timm

    model = timm.create_model(name, pretrained=False)
    return Made(model, (torch.randn(1, *model.default_cfg["input_size"]),))


# torchvision: all that is no heavier than 60 million parameters

_VIDEO = ("mvit", "r3d", "mc3", "r2plus1d", "s3d", "swin3d")


def _torchvision() -> Iterator[str]:
    models = _torchvision_models()
    for name in models.list_models():
        weights = models.get_model_weights(name)
        some = next(iter(weights), None)
        if some is not None and some.meta["num_params"] < 60_000_000:
            yield name


_KERNELS = torch.library.Library("torchvision", "FRAGMENT")


def without_kernels() -> None:
    """Let torchvision be imported where its kernels were built for another torch: graphs need none."""
    try:
        importlib.import_module("torchvision")
    except RuntimeError:
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        for op in ("nms", "qnms"):
            _KERNELS.define(f"{op}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")


def _torchvision_models() -> ModuleType:
    return importlib.import_module("torchvision.models")


def _make_torchvision(name: str) -> Made:
    backbone = {"weights_backbone": None} if _dense(name) else {}
    model = _torchvision_models().get_model(name, weights=None, **backbone)
    if name.startswith("raft"):
        return Made(model, (torch.randn(1, 3, 128, 128), torch.randn(1, 3, 128, 128)), {"num_flow_updates": 4})
    if name.startswith(_VIDEO):
        frames, side = (16, 224) if name.startswith(("mvit", "swin3d", "s3d")) else (8, 112)
        return Made(model, (torch.randn(1, 3, frames, side, side),))
    if _detects(name):
        return Made(model, ([torch.randn(3, 224, 224)],))
    return Made(model, (torch.randn(1, 3, *(2 * [299 if "inception" in name else 224])),))


def _detects(name: str) -> bool:
    return name.startswith(("fasterrcnn", "fcos", "keypointrcnn", "maskrcnn", "retinanet", "ssd"))


def _dense(name: str) -> bool:
    return _detects(name) or name.startswith(("deeplab", "fcn_", "lraspp"))


# transformers: every third model_type, made small by the names of its sizes

_SIZES: Mapping[str, int] = {
    **dict.fromkeys(("hidden_size", "d_model", "n_embd", "embed_dim", "dim", "embedding_size", "hidden_dim"), 64),
    **dict.fromkeys(("num_hidden_layers", "n_layer", "n_layers", "num_layers", "encoder_layers", "decoder_layers"), 4),
    **dict.fromkeys(
        ("num_attention_heads", "n_head", "n_heads", "encoder_attention_heads", "decoder_attention_heads"), 4
    ),
    **dict.fromkeys(("intermediate_size", "ffn_dim", "encoder_ffn_dim", "decoder_ffn_dim", "n_inner", "d_ff"), 128),
    **dict.fromkeys(("moe_intermediate_size", "shared_expert_intermediate_size"), 64),
    **dict.fromkeys(("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts"), 4),
    **dict.fromkeys(("num_experts_per_tok",), 2),
    **dict.fromkeys(("vocab_size", "vocab_size_per_layer_input"), 256),
    **dict.fromkeys(("head_dim",), 16),
    **dict.fromkeys(("num_key_value_heads",), 2),
    **dict.fromkeys(("max_position_embeddings", "n_positions"), 128),
}
_SPECIAL = ("pad_token_id", "bos_token_id", "eos_token_id")


def _transformers() -> Iterator[str]:
    from transformers.models.auto import configuration_auto, modeling_auto

    known = modeling_auto.MODEL_MAPPING_NAMES
    kinds = [kind for kind in sorted(configuration_auto.CONFIG_MAPPING_NAMES) if kind in known]
    return iter(kinds[::3])


def _make_transformers(name: str) -> Made:
    from transformers import AutoConfig, AutoModel

    config = AutoConfig.for_model(name)
    _shrink(config)
    config.use_cache = False
    for inner in vars(config).values():
        if hasattr(inner, "model_type"):
            _shrink(inner)
    model = AutoModel.from_config(config, attn_implementation="eager")
    if sum(p.numel() for p in model.parameters()) > 150_000_000:
        raise ValueError("stays large: its sizes have names of their own")
    kwargs = _inputs(model, config)
    return Made(Plain(model, kwargs), tuple(kwargs.values()))


def _shrink(config: object) -> None:
    for key, size in _SIZES.items():
        if isinstance(getattr(config, key, None), int):
            setattr(config, key, min(size, getattr(config, key)))
    for key in _SPECIAL:
        if isinstance(getattr(config, key, None), int):
            setattr(config, key, min(getattr(config, key), 3))
    kinds = getattr(config, "layer_types", None)
    if isinstance(kinds, list) and isinstance(getattr(config, "num_hidden_layers", None), int):
        config.layer_types = kinds[: config.num_hidden_layers]


def _inputs(model: nn.Module, config: object) -> dict[str, object]:
    main = getattr(model, "main_input_name", "input_ids")
    if main == "pixel_values":
        side = getattr(config, "image_size", 224)
        height, width = side if isinstance(side, list | tuple) else (side, side)
        return {main: torch.randn(1, getattr(config, "num_channels", 3), height, width)}
    if main in ("input_values", "input_features"):
        bands = getattr(config, "num_mel_bins", 80)
        shape = (1, 4000) if main == "input_values" else (1, bands, 2 * getattr(config, "max_source_positions", 100))
        return {main: torch.randn(*shape)}
    given: dict[str, object] = {"input_ids": torch.randint(4, 256, (1, 16))}
    if getattr(config, "is_encoder_decoder", False):
        given["decoder_input_ids"] = torch.randint(4, 256, (1, 8))
    return given


# diffusers, torch_geometric, segmentation_models_pytorch, x_transformers: what their pages show


def _make_diffusers(name: str) -> Made:
    import diffusers

    kwargs, inputs = _DIFFUSERS[name]
    given = {key: value() if callable(value) else value for key, value in inputs.items()}
    module = getattr(diffusers, name)(**kwargs)
    return Made(Plain(module, given), tuple(given.values()))


def _noise(*shape: int) -> Callable[[], torch.Tensor]:
    return lambda: torch.randn(*shape)


def _step() -> torch.Tensor:
    return torch.tensor([3])


_SMALL = {"block_out_channels": (32, 64), "norm_num_groups": 8, "layers_per_block": 2}
_TALK = {
    "num_attention_heads": 4,
    "attention_head_dim": 16,
    "in_channels": 4,
    "num_layers": 4,
    "sample_size": 16,
    "patch_size": 2,
}
_DIFFUSERS: Mapping[str, tuple[Mapping[str, object], Mapping[str, object]]] = {
    "UNet2DModel": (
        {
            "sample_size": 16,
            **_SMALL,
            "down_block_types": ("DownBlock2D", "AttnDownBlock2D"),
            "up_block_types": ("AttnUpBlock2D", "UpBlock2D"),
        },
        {"sample": _noise(1, 3, 16, 16), "timestep": _step},
    ),
    "UNet2DConditionModel": (
        {
            "sample_size": 16,
            **_SMALL,
            "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
            "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
            "cross_attention_dim": 32,
            "attention_head_dim": 8,
        },
        {"sample": _noise(1, 4, 16, 16), "timestep": _step, "encoder_hidden_states": _noise(1, 7, 32)},
    ),
    "AutoencoderKL": (
        {**_SMALL, "down_block_types": ("DownEncoderBlock2D",) * 2, "up_block_types": ("UpDecoderBlock2D",) * 2},
        {"sample": _noise(1, 3, 32, 32)},
    ),
    "VQModel": (
        {**_SMALL, "down_block_types": ("DownEncoderBlock2D",) * 2, "up_block_types": ("UpDecoderBlock2D",) * 2},
        {"sample": _noise(1, 3, 32, 32)},
    ),
    "AutoencoderTiny": ({}, {"sample": _noise(1, 3, 64, 64)}),
    "DiTTransformer2DModel": (
        {**_TALK, "num_embeds_ada_norm": 10},
        {"hidden_states": _noise(1, 4, 16, 16), "timestep": _step, "class_labels": lambda: torch.tensor([1])},
    ),
    "SD3Transformer2DModel": (
        {
            **_TALK,
            "joint_attention_dim": 32,
            "caption_projection_dim": 64,
            "pooled_projection_dim": 32,
            "out_channels": 4,
        },
        {
            "hidden_states": _noise(1, 4, 16, 16),
            "encoder_hidden_states": _noise(1, 5, 32),
            "pooled_projections": _noise(1, 32),
            "timestep": _step,
        },
    ),
    "FluxTransformer2DModel": (
        {
            "patch_size": 1,
            "in_channels": 16,
            "num_layers": 3,
            "num_single_layers": 4,
            "attention_head_dim": 16,
            "num_attention_heads": 4,
            "joint_attention_dim": 32,
            "pooled_projection_dim": 32,
            "axes_dims_rope": (4, 4, 8),
        },
        {
            "hidden_states": _noise(1, 16, 16),
            "encoder_hidden_states": _noise(1, 5, 32),
            "pooled_projections": _noise(1, 32),
            "timestep": lambda: torch.tensor([0.5]),
            "img_ids": lambda: torch.zeros(16, 3),
            "txt_ids": lambda: torch.zeros(5, 3),
        },
    ),
    "PixArtTransformer2DModel": (
        {**_TALK, "cross_attention_dim": 64, "caption_channels": 32, "use_additional_conditions": False},
        {"hidden_states": _noise(1, 4, 16, 16), "encoder_hidden_states": _noise(1, 7, 32), "timestep": _step},
    ),
    "AuraFlowTransformer2DModel": (
        {
            "sample_size": 16,
            "patch_size": 2,
            "in_channels": 4,
            "num_mmdit_layers": 2,
            "num_single_dit_layers": 3,
            "attention_head_dim": 16,
            "num_attention_heads": 4,
            "joint_attention_dim": 32,
            "caption_projection_dim": 64,
            "out_channels": 4,
            "pos_embed_max_size": 256,
        },
        {
            "hidden_states": _noise(1, 4, 16, 16),
            "encoder_hidden_states": _noise(1, 5, 32),
            "timestep": lambda: torch.tensor([0.5]),
        },
    ),
    "SanaTransformer2DModel": (
        {
            "in_channels": 4,
            "out_channels": 4,
            "num_attention_heads": 4,
            "attention_head_dim": 16,
            "num_layers": 3,
            "num_cross_attention_heads": 4,
            "cross_attention_head_dim": 16,
            "cross_attention_dim": 64,
            "caption_channels": 32,
            "sample_size": 16,
        },
        {"hidden_states": _noise(1, 4, 16, 16), "encoder_hidden_states": _noise(1, 5, 32), "timestep": _step},
    ),
    "PriorTransformer": (
        {"num_attention_heads": 4, "attention_head_dim": 16, "num_layers": 4, "embedding_dim": 32, "num_embeddings": 7},
        {
            "hidden_states": _noise(1, 32),
            "timestep": _step,
            "proj_embedding": _noise(1, 32),
            "encoder_hidden_states": _noise(1, 7, 32),
        },
    ),
}


_GEOMETRIC = (
    "GCN",
    "GraphSAGE",
    "GIN",
    "GAT",
    "PNA",
    "EdgeCNN",
    "GraphUNet",
    "PMLP",
    "Polynormer",
    "SGFormer",
    "DeepGCN",
    "GCN2",
    "GPS",
)


def _make_geometric(name: str) -> Made:
    from torch_geometric.nn import models

    inputs = (torch.randn(12, 32), torch.randint(0, 12, (2, 40)))
    if name in ("DeepGCN", "GCN2", "GPS"):
        return Made(_composed(name), inputs)
    more: dict[str, object] = {"num_layers": 4, "out_channels": 4, "norm": "layer_norm"}
    if name == "PNA":
        more |= {
            "aggregators": ["mean", "max"],
            "scalers": ["identity", "amplification"],
            "deg": torch.tensor([1, 3, 5, 2]),
        }
    if name == "GraphUNet":
        more = {"out_channels": 4, "depth": 2}
    if name in ("PMLP", "Polynormer", "SGFormer"):
        more = {"out_channels": 4} | ({"num_layers": 3} if name == "PMLP" else {})
    return Made(getattr(models, name)(32, 32, **more), inputs)


def _composed(name: str) -> nn.Module:
    from torch_geometric import nn as layers

    class Stack(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.last = nn.Linear(32, 32), nn.Linear(32, 4)
            self.layers = nn.ModuleList(self.one(at) for at in range(6))

        def one(self, at: int) -> nn.Module:
            if name == "GCN2":
                return layers.GCN2Conv(32, 0.1, 0.5, at + 1, normalize=False)
            if name == "GPS":
                mlp = nn.Sequential(nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 32))
                return layers.GPSConv(32, layers.GINConv(mlp), heads=4)
            return layers.DeepGCNLayer(layers.GENConv(32, 32, norm="layer"), nn.LayerNorm(32), nn.ReLU(), block="res+")

        def forward(self, x: torch.Tensor, edges: torch.Tensor) -> torch.Tensor:
            x = start = self.first(x)
            for layer in self.layers:
                x = layer(x, start, edges).relu() if name == "GCN2" else layer(x, edges)
            out: torch.Tensor = self.last(x)
            return out

    return Stack()


_ARCHS = (
    "Unet",
    "UnetPlusPlus",
    "MAnet",
    "Linknet",
    "FPN",
    "PSPNet",
    "PAN",
    "DeepLabV3",
    "DeepLabV3Plus",
    "UPerNet",
    "Segformer",
)
_ENCODERS = ("resnet18", "mobilenet_v2", "efficientnet-b0", "mit_b0")


def _segmentation() -> Iterator[str]:
    return (f"{arch}-{encoder}" for arch in _ARCHS for encoder in _ENCODERS)


def _make_segmentation(name: str) -> Made:
    library = importlib.import_module("segmentation_models_pytorch")
    arch, _, encoder = name.partition("-")
    return Made(getattr(library, arch)(encoder, encoder_weights=None, classes=2), (torch.randn(1, 3, 64, 64),))


_X: Mapping[str, Mapping[str, object]] = {
    "pre": {},
    "post": {"pre_norm": False},
    "sandwich": {"sandwich_norm": True},
    "residual-attention": {"residual_attn": True},
    "gated": {"gate_residual": True},
    "scaled": {"scale_residual": True},
    "rms": {"use_rmsnorm": True, "rotary_pos_emb": True},
    "macaron": {"macaron": True},
    "shifted": {"shift_tokens": 1},
    "hyper": {"num_residual_streams": 4},
    "softclamp": {"attn_qk_norm": True},
    "layerscale": {"use_layerscale": True},
}


def _make_x_transformers(name: str) -> Made:
    library = importlib.import_module("x_transformers")
    layers = library.Decoder(dim=64, depth=4, heads=4, **_X[name])
    model = library.TransformerWrapper(num_tokens=256, max_seq_len=32, attn_layers=layers)
    return Made(model, (torch.randint(0, 256, (1, 16)),))


LIBRARIES: Mapping[str, Library] = {
    "timm": Library(_timm, _make_timm),
    "torchvision": Library(_torchvision, _make_torchvision),
    "transformers": Library(_transformers, _make_transformers),
    "diffusers": Library(lambda: iter(_DIFFUSERS), _make_diffusers),
    "torch_geometric": Library(lambda: iter(_GEOMETRIC), _make_geometric),
    "segmentation_models_pytorch": Library(_segmentation, _make_segmentation),
    "x_transformers": Library(lambda: iter(_X), _make_x_transformers),
}


def write(library: str, name: str, file: Path, exporter: str) -> None:
    """Export one model for analysis, as `reslint check module:factory` would, and keep the graph."""
    made = LIBRARIES[library].make(name)
    found = analysed(Loaded(made.module.eval(), made.inputs, dict(made.kwargs)), How(exporter))
    file.write_bytes(found.model.SerializeToString())


def attempt(library: str, name: str, file: Path, exporter: str) -> None:
    """The same, in a process of its own; what went wrong goes into a file beside."""
    try:
        torch.manual_seed(0)
        write(library, name, file, exporter)
    except BaseException as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        file.with_suffix(".failed").write_text(f"{type(error).__name__}: {lines[0][:200]}")


def export(library: str, folder: Path, exporter: str) -> None:
    """Export all of a library. Each is made by a fork of this process, so that what they import is imported once."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [*LIBRARIES[library].names()]
    for at, name in enumerate(names):
        file = folder / f"{name}.onnx"
        failed = file.with_suffix(".failed")
        if file.exists() or failed.exists():
            continue
        child = multiprocessing.get_context("fork").Process(target=attempt, args=(library, name, file, exporter))
        child.start()
        child.join(SECONDS)
        if child.is_alive():
            child.kill()
            child.join()
        if not file.exists() and not failed.exists():
            failed.write_text(f"made its process end, or took more than {SECONDS} s")
        print(f"{library} {at + 1}/{len(names)} {name}: {'ok' if file.exists() else failed.read_text()}", flush=True)


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    torch.set_num_threads(1)
    without_kernels()
    export(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:] or [""])
