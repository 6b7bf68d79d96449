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


class ReZero(nn.Module):
    """x + a f(x) with a = 0 at the start (Bachlechner et al. 2020)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.feed = nn.Sequential(nn.Linear(width, 4 * width), nn.ReLU(), nn.Linear(4 * width, width))
        self.scale = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = x + self.scale * self.feed(x)
        return made


def rezero(blocks: int = 24, width: int = 64, batch: int = 16) -> Made:
    return nn.Sequential(*(ReZero(width) for _ in range(blocks)), nn.Linear(width, 10)), (torch.randn(batch, width),)


class DeepLayer(Layer):
    """Post-norm with a stream that is scaled up and branches that start small (Wang et al. 2022)."""

    def __init__(self, width: int, heads: int, layers: int) -> None:
        super().__init__(width, heads, pre=False)
        self.alpha, beta = (2 * layers) ** 0.25, (8 * layers) ** -0.25
        with torch.no_grad():
            for linear in self.modules():
                if isinstance(linear, nn.Linear):
                    nn.init.xavier_uniform_(linear.weight)
                    nn.init.zeros_(linear.bias)
                    rows = slice(2 * width, None) if linear is self.attention.qkv else slice(None)
                    linear.weight[rows].mul_(beta)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm1(self.alpha * x + self.attention(x))
        made: Tensor = self.norm2(self.alpha * x + self.feed(x))
        return made


def deepnorm(layers: int = 24, width: int = 64, length: int = 16, words: int = 100) -> Made:
    net = Transformer(layers, width, 4, words, pre=False)
    net.layers = nn.Sequential(*(DeepLayer(width, 4, layers) for _ in range(layers)))
    return net, (torch.randint(words, (4, length)),)


def fixup(blocks: int = 9, width: int = 16, size: int = 16, batch: int = 8) -> Made:
    """Without normalization: first layers of branches scaled by 1/sqrt(L), last ones and the head zero (Zhang et al. 2019).

    Its scalar biases and multipliers are left out.
    """
    net = Cifar(blocks, width, norm=False, shortcut=True)
    with torch.no_grad():
        for block in (b for b in net.body if isinstance(b, Basic)):
            block.conv1.weight.mul_((3 * blocks) ** -0.5)
            block.conv2.weight.zero_()
        net.head.weight.zero_()
    return net, (torch.randn(batch, 3, size, size),)


class Highway(nn.Module):
    """A gate mixes the stream with the branch, and starts nearly closed (Srivastava et al. 2015)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.branch, self.gate = nn.Linear(width, width), nn.Linear(width, width)
        nn.init.constant_(self.gate.bias, -2.0)

    def forward(self, x: Tensor) -> Tensor:
        gate: Tensor = self.gate(x).sigmoid()
        made: Tensor = gate * self.branch(x).relu() + (1 - gate) * x
        return made


def highway(blocks: int = 30, width: int = 64, batch: int = 16) -> Made:
    return nn.Sequential(*(Highway(width) for _ in range(blocks)), nn.Linear(width, 10)), (torch.randn(batch, width),)


class Dense(nn.Module):
    """Each layer reads all before it (Huang et al. 2017)."""

    def __init__(self, growth: int, inside: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(inside)
        self.conv = nn.Conv2d(inside, growth, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.conv(relu(self.norm(x)))], 1)


def densenet(layers: int = 12, growth: int = 12, size: int = 16, batch: int = 8) -> Made:
    body = [Dense(growth, 16 + growth * at) for at in range(layers)]
    width = 16 + growth * layers
    head = [nn.BatchNorm2d(width), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 10)]
    return nn.Sequential(*body, *head), (torch.randn(batch, 16, size, size),)


class Gcn(nn.Module):
    """A graph convolution on a ring: a mean over neighbours before a layer (Kipf and Welling 2017)."""

    mean: Tensor

    def __init__(self, width: int, nodes: int, shortcut: bool) -> None:
        super().__init__()
        ring = torch.eye(nodes)
        self.register_buffer("mean", (ring + ring.roll(1, 0) + ring.roll(-1, 0)) / 3)
        self.linear, self.shortcut = nn.Linear(width, width), shortcut
        nn.init.xavier_uniform_(self.linear.weight)

    def forward(self, x: Tensor) -> Tensor:
        branch = relu(self.linear(self.mean @ x))
        return x + branch if self.shortcut else branch


def gcn(layers: int = 16, width: int = 32, nodes: int = 64, shortcut: bool = True) -> Made:
    body = [Gcn(width, nodes, shortcut) for _ in range(layers)]
    return nn.Sequential(nn.Linear(width, width), *body, nn.Linear(width, 7)), (torch.randn(nodes, width),)


class Lstm(nn.Module):
    """An LSTM, plain or with a shortcut around it (Wu et al. 2016)."""

    def __init__(self, width: int, shortcut: bool) -> None:
        super().__init__()
        self.cell, self.shortcut = nn.LSTM(width, width, batch_first=True), shortcut

    def forward(self, x: Tensor) -> Tensor:
        branch: Tensor = self.cell(x)[0]
        return x + branch if self.shortcut else branch


def lstms(layers: int = 8, width: int = 32, length: int = 12, batch: int = 16, shortcut: bool = True) -> Made:
    body = [Lstm(width, shortcut) for _ in range(layers)]
    head = [nn.Flatten(), nn.Linear(width * length, 10)]
    return nn.Sequential(*body, *head), (torch.randn(batch, length, width),)
