"""Sizes in, networks that the literature says something of out, initialized as it says; `bench/flow.py` takes them larger."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, relu, scaled_dot_product_attention

Made = tuple[nn.Module, tuple[Tensor, ...]]


class Basic(nn.Module):
    """Two convolutions; option A, a shortcut without parameters, where the shape changes (He et al. 2015)."""

    def __init__(self, inside: int, out: int, stride: int, norm: bool, shortcut: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inside, out, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(out) if norm else nn.Identity()
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(out) if norm else nn.Identity()
        self.stride, self.more, self.shortcut = stride, out - inside, shortcut

    def forward(self, x: Tensor) -> Tensor:
        branch: Tensor = self.norm2(self.conv2(relu(self.norm1(self.conv1(x)))))
        if not self.shortcut:
            return relu(branch)
        if self.more:
            x = pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.more))
        return relu(x + branch)


class Cifar(nn.Module):
    """The networks of He et al. 2015, section 4.2: three stages of `blocks` blocks, 6 * blocks + 2 layers."""

    def __init__(self, blocks: int, width: int, norm: bool, shortcut: bool) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, 1, 1, bias=False)
        self.norm = nn.BatchNorm2d(width) if norm else nn.Identity()
        widths = [width] * blocks + [2 * width] * blocks + [4 * width] * blocks
        pairs = zip([width, *widths], widths, strict=False)
        self.body = nn.Sequential(*(Basic(i, o, 2 if o > i else 1, norm, shortcut) for i, o in pairs))
        self.head = nn.Linear(4 * width, 10)
        for conv in self.modules():
            if isinstance(conv, nn.Conv2d):
                nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.head(self.body(relu(self.norm(self.stem(x)))).mean((2, 3)))
        return made


def cifar(
    blocks: int = 9, width: int = 16, size: int = 32, batch: int = 16, norm: bool = True, shortcut: bool = True
) -> Made:
    return Cifar(blocks, width, norm, shortcut), (torch.randn(batch, 3, size, size),)


class Attention(nn.Module):
    """Self-attention."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.qkv, self.out, self.heads = nn.Linear(width, 3 * width), nn.Linear(width, width), heads

    def forward(self, x: Tensor) -> Tensor:
        batch, length, width = x.shape
        q, k, v = self.qkv(x).view(batch, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        made: Tensor = self.out(scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(batch, length, width))
        return made


class Layer(nn.Module):
    """Attention and a feed-forward network, normalized before or after (Xiong et al. 2020)."""

    def __init__(self, width: int, heads: int, pre: bool) -> None:
        super().__init__()
        self.attention = Attention(width, heads)
        self.feed = nn.Sequential(nn.Linear(width, 4 * width), nn.ReLU(), nn.Linear(4 * width, width))
        self.norm1, self.norm2, self.pre = nn.LayerNorm(width), nn.LayerNorm(width), pre

    def forward(self, x: Tensor) -> Tensor:
        if self.pre:
            x = x + self.attention(self.norm1(x))
            fed: Tensor = self.feed(self.norm2(x))
            return x + fed
        x = self.norm1(x + self.attention(x))
        made: Tensor = self.norm2(x + self.feed(x))
        return made


class Transformer(nn.Module):
    """Embedding, layers, the final normalization that a pre-norm stack needs, and a head; Xavier's initialization."""

    def __init__(self, layers: int, width: int, heads: int, words: int, pre: bool) -> None:
        super().__init__()
        self.embed = nn.Embedding(words, width)
        self.layers = nn.Sequential(*(Layer(width, heads, pre) for _ in range(layers)))
        self.norm = nn.LayerNorm(width) if pre else nn.Identity()
        self.head = nn.Linear(width, words)
        for linear in self.modules():
            if isinstance(linear, nn.Linear):
                nn.init.xavier_uniform_(linear.weight)
                nn.init.zeros_(linear.bias)

    def forward(self, ids: Tensor) -> Tensor:
        made: Tensor = self.head(self.norm(self.layers(self.embed(ids))))
        return made


def transformer(layers: int = 6, width: int = 32, length: int = 16, pre: bool = True, words: int = 100) -> Made:
    return Transformer(layers, width, 4, words, pre), (torch.randint(words, (4, length)),)


class Branch(nn.Module):
    """x + f(x), with a normalization at the branch's start or none (De and Smith 2020)."""

    def __init__(self, width: int, norm: bool) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(width) if norm else nn.Identity()
        self.linear1, self.linear2 = nn.Linear(width, width), nn.Linear(width, width)
        for linear in (self.linear1, self.linear2):
            nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")
            nn.init.zeros_(linear.bias)

    def forward(self, x: Tensor) -> Tensor:
        branch: Tensor = self.linear2(relu(self.linear1(relu(self.norm(x)))))
        return x + branch


def stack(blocks: int = 12, width: int = 64, norm: bool = False, batch: int = 32) -> Made:
    return nn.Sequential(*(Branch(width, norm) for _ in range(blocks)), nn.Linear(width, 10)), (
        torch.randn(batch, width),
    )


class Affine(nn.Module):
    """A residual block that could as well be one layer."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 8))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inner: torch.Tensor = self.inner(x)
        return x + inner
