"""A Llama of N layers at the width of 70 billion parameters, without weights, through the whole check: time and memory.

`python bench/fake.py 8 80` runs `reslint check --fake` for each depth, in processes of their own.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Norm(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5) * self.weight


def turned(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    first, second = x.chunk(2, -1)
    return x * cosine + torch.cat([-second, first], -1) * sine


class Attention(nn.Module):
    def __init__(self, width: int, heads: int, groups: int) -> None:
        super().__init__()
        self.heads, self.groups, self.size = heads, groups, width // heads
        self.query, self.out = nn.Linear(width, width, bias=False), nn.Linear(width, width, bias=False)
        self.key = nn.Linear(width, groups * self.size, bias=False)
        self.value = nn.Linear(width, groups * self.size, bias=False)

    def forward(self, x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
        batch, length, _ = x.shape
        query = turned(self.query(x).view(batch, length, self.heads, self.size).transpose(1, 2), cosine, sine)
        key = turned(self.key(x).view(batch, length, self.groups, self.size).transpose(1, 2), cosine, sine)
        value = self.value(x).view(batch, length, self.groups, self.size).transpose(1, 2)
        key, value = (t.repeat_interleave(self.heads // self.groups, 1) for t in (key, value))
        mixed = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        return self.out(mixed.transpose(1, 2).reshape(batch, length, -1))


class Gated(nn.Module):
    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.gate, self.up = nn.Linear(width, inner, bias=False), nn.Linear(width, inner, bias=False)
        self.down = nn.Linear(inner, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(F.silu(self.gate(x)) * self.up(x))


class Layer(nn.Module):
    def __init__(self, width: int, heads: int, groups: int, inner: int) -> None:
        super().__init__()
        self.before, self.attention = Norm(width), Attention(width, heads, groups)
        self.between, self.gated = Norm(width), Gated(width, inner)

    def forward(self, x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
        x = x + self.attention(self.before(x), cosine, sine)
        return x + self.gated(self.between(x))


class Llama(nn.Module):
    """The shape of Llama 3 with 70 billion parameters."""

    def __init__(self, layers: int = 80, width: int = 8192, heads: int = 64, words: int = 128_256) -> None:
        super().__init__()
        self.embed, self.norm = nn.Embedding(words, width), Norm(width)
        self.layers = nn.ModuleList([Layer(width, heads, 8, 28_672) for _ in range(layers)])
        self.head = nn.Linear(width, words, bias=False)
        size = width // heads
        self.register_buffer("rates", 1 / 500_000 ** (torch.arange(0, size, 2) / size))

    def forward(self, ids: Tensor) -> Tensor:
        angles = torch.outer(torch.arange(ids.shape[1], device=ids.device).float(), self.rates)
        angles = torch.cat([angles, angles], -1)
        x = self.embed(ids)
        for layer in self.layers:
            x = layer(x, angles.cos(), angles.sin())
        return self.head(self.norm(x))


def main() -> None:
    """Check each depth, and tell the processor's seconds and the share of memory that the weights would take."""
    for layers in map(int, sys.argv[1:] or ("8", "80")):
        with torch.device("meta"):
            weights = sum(p.numel() * p.element_size() for p in Llama(layers).parameters())
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        command = ["check", "fake:Llama", "--input", "ids=1x128:int64", "--fake", "--kwargs", f'{{"layers": {layers}}}']
        subprocess.run([sys.executable, "-m", "reslint", *command], cwd=Path(__file__).parent, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        print(
            f"{layers} layers: {seconds:.1f} s, {after.ru_maxrss * 1024 / weights:.4f} of the weights' {weights / 1e9:.0f} GB"
        )


if __name__ == "__main__":
    main()
