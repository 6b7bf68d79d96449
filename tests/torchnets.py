"""PyTorch modules of a user's, written into the folder that a test works in; small, since each export takes seconds."""

from __future__ import annotations

NETS = """
import torch
from torch import nn


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)

    def forward(self, x):
        out = self.bn1(self.conv1(x)).relu()
        out = self.bn2(self.conv2(out))
        return (x + out).relu()


class Stretched(Block):
    def forward(self, x):
        out = self.bn1(self.conv1(x)).relu()
        out = self.bn2(self.conv2(out)).mean(3, keepdim=True)
        return (x + out).relu()


class Net(nn.Module):
    def __init__(self, blocks=(Block, Block, Block), width=8):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, padding=1)
        self.layers = nn.Sequential(*[block(width) for block in blocks])
        self.head = nn.Linear(width, 10)

    def forward(self, x):
        x = self.layers(self.stem(x))
        return self.head(x.mean((2, 3)))


def sound(depth=3):
    return Net((Block,) * depth), (torch.randn(1, 3, 8, 8),)


def broken():
    return Net((Block, Stretched, Block)), (torch.randn(1, 3, 8, 8),)


class Pretending(Block):
    def forward(self, x):
        out = self.bn1(self.conv1(x)).relu()
        out = self.bn2(self.conv2(out))
        if torch.onnx.is_in_onnx_export():
            out = 1.01 * out
        return (x + out).relu()


def pretending():
    return Net((Block, Pretending, Block)), (torch.randn(1, 3, 8, 8),)


class Branching(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(4, 4)

    def forward(self, x):
        if x.sum() > 0:
            return self.inner(x)
        return x


def branching():
    return Branching(), (torch.ones(1, 4),)


class Eigen(Branching):
    def forward(self, x):
        y = self.inner(x)
        return torch.linalg.eigvals(y).real


def eigen():
    return Eigen(), (torch.ones(4, 4),)


class Misshapen(Branching):
    def forward(self, x):
        return self.inner(x).reshape(3, 5)


class Gathered(Branching):
    def forward(self, batch):
        return batch["x"] + self.inner(batch["x"]).tanh() @ batch["w"]


def gathered():
    return Gathered(), ({"x": torch.ones(1, 4), "w": torch.ones(4, 4)},)


class Biased(nn.Module):
    # Attention with a learned bias by relative position, as in BEiT.

    def __init__(self):
        super().__init__()
        self.norm = nn.LayerNorm(8)
        self.qkv = nn.Linear(8, 24)
        self.table = nn.Parameter(torch.zeros(9, 2))
        self.register_buffer("index", torch.arange(25) % 9)

    def forward(self, x):
        q, k, v = self.qkv(self.norm(x)).reshape(1, 5, 3, 2, 4).permute(2, 0, 3, 1, 4).unbind(0)
        mask = self.table[self.index].view(5, 5, 2).permute(2, 0, 1).contiguous().unsqueeze(0)
        out = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return x + out.transpose(1, 2).reshape(1, 5, 8)


def biased():
    return Biased(), (torch.randn(1, 5, 8),)


def misshapen():
    return Misshapen(), (torch.ones(4, 4),)


class Traced(Branching):
    def forward(self, x):
        y = self.inner(x)
        return y * torch.jit._unwrap_optional(y.detach()).numpy().shape[0] if torch.jit.is_tracing() else torch._C.no_such(y)


def traced():
    return Traced(), (torch.ones(4, 4),)
"""
