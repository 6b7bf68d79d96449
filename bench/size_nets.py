"""Small networks that downsample and upsample, or carry a batch through attention and recurrence, sound and broken.

Each entry of NETS is a name and a function that makes the module, what it is called with, and the axes that are open. The
names of broken ones say what is broken; `pads` and `crops` are how sound ones mend it.
`multiples` take whole windows by design, and no two paths part.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Axes = Mapping[int, str]
Made = tuple[nn.Module, tuple[Tensor, ...], Sequence[Axes]]
PICTURE: Axes = {0: "batch", 2: "height", 3: "width"}
SOUND: Axes = {0: "batch", 2: "length"}
TEXT: Axes = {0: "batch", 1: "tokens"}


def conv(i: int, o: int, k: int = 3, s: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(i, o, k, s, k // 2), nn.ReLU())


def conv1(i: int, o: int, k: int = 3, s: int = 1, d: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv1d(i, o, k, s, d * (k // 2), d), nn.ReLU())


class UNet(nn.Module):
    """A U-Net of several makes: how it goes down, how it comes up, and how what comes up is made to fit."""

    def __init__(self, down: str, up: str, fit: str, levels: int = 3, c: int = 4) -> None:
        super().__init__()
        self.down, self.up, self.fit = down, up, fit
        self.enc = nn.ModuleList([conv(3 if i == 0 else c, c) for i in range(levels)])
        strides = [nn.Conv2d(c, c, 3, 2, 1) if down == "strided" else nn.Conv2d(c, c, 4, 2, 1) for _ in range(levels)]
        self.strides = nn.ModuleList(strides if down in ("strided", "even") else [])
        self.mid = conv(c, c)
        kernels = {"transposed2": (2, 2, 0, 0), "transposed3": (3, 2, 1, 1), "transposed4": (4, 2, 1, 0)}
        k, s, p, o = kernels.get(up, (2, 2, 0, 0))
        self.ups = nn.ModuleList([nn.ConvTranspose2d(c, c, k, s, p, o) for _ in range(levels)])
        self.grow = nn.ModuleList([nn.Conv2d(c, 4 * c, 1) for _ in range(levels)])
        self.dec = nn.ModuleList([conv(2 * c, c) for _ in range(levels)])

    def lower(self, x: Tensor, i: int) -> Tensor:
        if self.down in ("strided", "even"):
            return self.strides[i](x)
        if self.down == "average":
            return F.avg_pool2d(x, 2)
        if self.down == "unshuffle":
            return F.pixel_unshuffle(x, 2)[:, : x.shape[1]]
        return F.max_pool2d(x, 2, ceil_mode=self.down == "ceil")

    def raised(self, x: Tensor, skip: Tensor, i: int) -> Tensor:
        if self.fit == "resize":
            return F.interpolate(x, size=skip.shape[2:], mode="nearest")
        if self.up.startswith("transposed"):
            x = self.ups[i](x)
        elif self.up == "shuffle":
            x = F.pixel_shuffle(self.grow[i](x), 2)
        elif self.up == "repeat":
            x = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
        elif self.up == "expand":
            b, c, h, w = x.shape
            x = x[:, :, :, None, :, None].expand(b, c, h, 2, w, 2).reshape(b, c, 2 * h, 2 * w)
        else:
            x = F.interpolate(x, scale_factor=2.0, mode=self.up)
        dh, dw = skip.shape[2] - x.shape[2], skip.shape[3] - x.shape[3]
        if self.fit == "pads":
            x = F.pad(x, [dw // 2, dw - dw // 2, dh // 2, dh - dh // 2])
        if self.fit == "crops":
            x = x[:, :, : skip.shape[2], : skip.shape[3]]
        return x

    def forward(self, x: Tensor) -> Tensor:
        skips = []
        if self.fit == "multiple":
            h, w = x.shape[2:]
            x = F.pad(x, [0, (8 - w % 8) % 8, 0, (8 - h % 8) % 8])
        for i, layer in enumerate(self.enc):
            x = layer(x)
            skips.append(x)
            x = self.lower(x, i)
        x = self.mid(x)
        for i, layer in enumerate(self.dec):
            skip = skips[-1 - i]
            x = layer(torch.cat([skip, self.raised(x, skip, i)], 1))
        return x[:, :, :h, :w] if self.fit == "multiple" else x


def unet(down: str, up: str, fit: str = "") -> Callable[[], Made]:
    return lambda: (UNet(down, up, fit), (torch.randn(2, 3, 32, 32),), [PICTURE])


class Fpn(nn.Module):
    def __init__(self, sized: bool, heads: bool = False) -> None:
        super().__init__()
        self.sized, self.heads = sized, heads
        self.down = nn.ModuleList([conv(3 if i == 0 else 8, 8, 3, 2) for i in range(4)])
        self.lateral = nn.ModuleList([nn.Conv2d(8, 8, 1) for _ in range(4)])
        self.classes, self.boxes = nn.Conv2d(8, 6, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        levels = []
        for layer in self.down:
            x = layer(x)
            levels.append(x)
        levels = [m(f) for m, f in zip(self.lateral, levels, strict=True)]
        for i in (2, 1, 0):
            up = levels[i + 1]
            up = F.interpolate(up, size=levels[i].shape[2:]) if self.sized else F.interpolate(up, scale_factor=2.0)
            levels[i] = levels[i] + up
        if not self.heads:
            return levels[0]
        parts = [torch.cat([self.classes(f), self.boxes(f)], 1).flatten(2) for f in levels]
        return torch.cat(parts, 2).transpose(1, 2)


class HrNet(nn.Module):
    def __init__(self, sized: bool) -> None:
        super().__init__()
        self.sized = sized
        self.stem, self.down = conv(3, 8, 3, 2), conv(8, 8, 3, 2)
        self.high, self.low = conv(8, 8), conv(8, 8)
        self.to_low, self.to_high = nn.Conv2d(8, 8, 3, 2, 1), nn.Conv2d(8, 8, 1)

    def forward(self, x: Tensor) -> Tensor:
        high = self.stem(x)
        low = self.down(high)
        for _ in range(2):
            high, low = self.high(high), self.low(low)
            up = self.to_high(low)
            up = F.interpolate(up, size=high.shape[2:]) if self.sized else F.interpolate(up, scale_factor=2.0)
            high, low = torch.relu(high + up), torch.relu(low + self.to_low(high))
        return high


class PspNet(nn.Module):
    def __init__(self, sized: bool) -> None:
        super().__init__()
        self.sized = sized
        self.body = nn.Sequential(conv(3, 8, 3, 2), conv(8, 8, 3, 2))
        self.reduce = nn.ModuleList([nn.Conv2d(8, 4, 1) for _ in range(3)])

    def forward(self, x: Tensor) -> Tensor:
        x = self.body(x)
        parts = [x]
        for k, layer in zip((1, 2, 4), self.reduce, strict=True):
            p = layer(x.mean((2, 3), keepdim=True)) if k == 1 else layer(F.avg_pool2d(x, k))
            if self.sized or k == 1:
                p = F.interpolate(p, size=x.shape[2:], mode="bilinear")
            else:
                p = F.interpolate(p, scale_factor=float(k))
            parts.append(p)
        return torch.cat(parts, 1)


class Codec(nn.Module):
    """An audio codec with a shortcut around its bottleneck, as in Encodec: strides 2, 4, 5."""

    def __init__(self, fit: bool, residual: bool = True) -> None:
        super().__init__()
        self.fit, self.residual = fit, residual
        self.down = nn.ModuleList([nn.Conv1d(1 if s == 2 else 8, 8, 2 * s, s, s // 2 + s % 2) for s in (2, 4, 5)])
        self.lstm = nn.LSTM(8, 8)
        self.up = nn.ModuleList(
            [nn.ConvTranspose1d(8, 8 if s > 2 else 1, 2 * s, s, s // 2 + s % 2, s % 2) for s in (5, 4, 2)]
        )

    def forward(self, x: Tensor) -> Tensor:
        first = x
        for layer in self.down:
            x = F.elu(layer(x))
        y = x.permute(2, 0, 1)
        x = (y + self.lstm(y)[0]).permute(1, 2, 0)
        for layer in self.up:
            x = layer(F.elu(x))
        if self.fit:
            x = x[..., : first.shape[-1]]
            x = F.pad(x, [0, first.shape[-1] - x.shape[-1]])
        return first + x if self.residual else x


class Demucs(nn.Module):
    def __init__(self, trims: bool) -> None:
        super().__init__()
        self.trims = trims
        self.enc = nn.ModuleList([nn.Conv1d(1 if i == 0 else 4, 4, 8, 4) for i in range(2)])
        self.dec = nn.ModuleList([nn.ConvTranspose1d(4, 1 if i == 1 else 4, 8, 4) for i in range(2)])

    def forward(self, x: Tensor) -> Tensor:
        skips = []
        for layer in self.enc:
            x = torch.relu(layer(x))
            skips.append(x)
        for layer in self.dec:
            skip = skips.pop()
            if self.trims:
                skip = skip[..., : x.shape[-1]]
            x = layer(torch.relu(x + skip))
        return x


class WaveNet(nn.Module):
    def __init__(self, causal: bool, cut: bool) -> None:
        super().__init__()
        self.causal, self.cut = causal, cut
        self.stem = nn.Conv1d(1, 8, 1)
        self.filters = nn.ModuleList([nn.Conv1d(8, 16, 2, dilation=2**i) for i in range(4)])
        self.out = nn.ModuleList([nn.Conv1d(8, 8, 1) for _ in range(4)])

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        skips: list[Tensor] = []
        for i, (f, o) in enumerate(zip(self.filters, self.out, strict=True)):
            h = f(F.pad(x, [2**i, 0]) if self.causal else x)
            a, b = h.chunk(2, 1)
            h = o(torch.tanh(a) * torch.sigmoid(b))
            x = (x[..., -h.shape[-1] :] if self.cut else x) + h
            skips.append(h)
        return sum(s[..., -x.shape[-1] :] for s in skips)


class Strided(nn.Module):
    """Residual blocks whose branch goes down and whose shortcut is pooled, with rounding that may differ."""

    def __init__(self, ceil: bool) -> None:
        super().__init__()
        self.stem = conv(3, 8)
        self.branch = nn.ModuleList([nn.Sequential(conv(8, 8, 3, 2), nn.Conv2d(8, 8, 3, 1, 1)) for _ in range(3)])
        self.pool = nn.AvgPool2d(2, 2, ceil_mode=ceil, count_include_pad=False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for branch in self.branch:
            x = torch.relu(self.pool(x) + branch(x))
        return x


class Hourglass(nn.Module):
    def __init__(self, sized: bool, depth: int = 2) -> None:
        super().__init__()
        self.sized, self.depth = sized, depth
        self.stem, self.a, self.b = conv(3, 6), conv(6, 6), conv(6, 6)

    def level(self, x: Tensor, depth: int) -> Tensor:
        low = self.a(F.max_pool2d(x, 3, 2, 1))
        low = self.level(low, depth - 1) if depth > 1 else self.b(low)
        up = F.interpolate(low, size=x.shape[2:]) if self.sized else F.interpolate(low, scale_factor=2.0)
        return self.b(x) + up

    def forward(self, x: Tensor) -> Tensor:
        return self.level(self.stem(x), self.depth)


class BiFpn(nn.Module):
    def __init__(self, sized: bool) -> None:
        super().__init__()
        self.sized = sized
        self.down = nn.ModuleList([conv(3 if i == 0 else 6, 6, 3, 2) for i in range(3)])
        self.w, self.f = nn.Parameter(torch.ones(2)), conv(6, 6)

    def forward(self, x: Tensor) -> Tensor:
        p = []
        for layer in self.down:
            x = layer(x)
            p.append(x)
        w = torch.relu(self.w)
        w = w / (w.sum() + 1e-4)
        for i in (1, 0):
            up = (
                F.interpolate(p[i + 1], size=p[i].shape[2:])
                if self.sized
                else F.interpolate(p[i + 1], scale_factor=2.0)
            )
            p[i] = self.f(w[0] * p[i] + w[1] * up)
        for i in (0, 1):
            p[i + 1] = self.f(p[i + 1] + F.max_pool2d(p[i], 3, 2, 1))
        return p[2]


class Swin(nn.Module):
    """Windows of four with a roll; pads to whole windows and crops, or does neither."""

    def __init__(self, pads: bool) -> None:
        super().__init__()
        self.pads = pads
        self.patch, self.qkv, self.out = nn.Conv2d(3, 8, 2, 2), nn.Linear(8, 24), nn.Linear(8, 8)

    def attend(self, x: Tensor, shift: int) -> Tensor:
        b, h, w, c = x.shape
        y = F.pad(x, [0, 0, 0, (4 - w % 4) % 4, 0, (4 - h % 4) % 4]) if self.pads else x
        y = torch.roll(y, (-shift, -shift), (1, 2)) if shift else y
        hh, ww = y.shape[1], y.shape[2]
        y = y.reshape(b, hh // 4, 4, ww // 4, 4, c).permute(0, 1, 3, 2, 4, 5).reshape(-1, 16, c)
        q, k, v = self.qkv(y).chunk(3, -1)
        y = self.out(torch.softmax(q @ k.transpose(1, 2), -1) @ v)
        y = y.reshape(b, hh // 4, ww // 4, 4, 4, c).permute(0, 1, 3, 2, 4, 5).reshape(b, hh, ww, c)
        y = torch.roll(y, (shift, shift), (1, 2)) if shift else y
        return x + (y[:, :h, :w] if self.pads else y)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patch(x).permute(0, 2, 3, 1)
        return self.attend(self.attend(x, 0), 2)


class Conformer(nn.Module):
    def __init__(self, kernel: int) -> None:
        super().__init__()
        c = 8
        self.sub = nn.Conv1d(c, c, 3, 2, 1)
        self.n = nn.ModuleList([nn.LayerNorm(c) for _ in range(3)])
        self.ff = nn.Sequential(nn.Linear(c, 16), nn.SiLU(), nn.Linear(16, c))
        self.qkv, self.o = nn.Linear(c, 3 * c), nn.Linear(c, c)
        self.point, self.depth = nn.Conv1d(c, 2 * c, 1), nn.Conv1d(c, c, kernel, padding=kernel // 2, groups=c)

    def forward(self, x: Tensor) -> Tensor:
        x = self.sub(x).transpose(1, 2)
        x = x + 0.5 * self.ff(self.n[0](x))
        b, t, c = x.shape
        q, k, v = self.qkv(self.n[1](x)).reshape(b, t, 3, 2, c // 2).permute(2, 0, 3, 1, 4).unbind(0)
        a = torch.softmax(q @ k.transpose(-1, -2), -1) @ v
        x = x + self.o(a.transpose(1, 2).reshape(b, t, c))
        h = F.glu(self.point(self.n[2](x).transpose(1, 2)), 1)
        return x + self.depth(h).transpose(1, 2)


class Attention(nn.Module):
    """Self-attention with the batch taken from the input, or from the example."""

    def __init__(self, batch: int, tokens: int = 0, sequence_first: bool = False) -> None:
        super().__init__()
        self.batch, self.tokens, self.first = batch, tokens, sequence_first
        self.inn, self.qkv, self.o, self.n = nn.Linear(6, 8), nn.Linear(8, 24), nn.Linear(8, 8), nn.LayerNorm(8)

    def forward(self, x: Tensor) -> Tensor:
        x = self.inn(x)
        for _ in range(2):
            y = self.n(x)
            if self.first:
                y = y.transpose(0, 1)
                t, b = (self.tokens or y.shape[0]), (self.batch or y.shape[1])
                q, k, v = (z.reshape(t, b * 2, 4).transpose(0, 1) for z in self.qkv(y).chunk(3, -1))
                a = torch.bmm(torch.softmax(torch.bmm(q, k.transpose(1, 2)), -1), v)
                a = a.transpose(0, 1).reshape(t, b, 8).transpose(0, 1)
            else:
                b, t = (self.batch or y.shape[0]), (self.tokens or y.shape[1])
                q, k, v = (z.reshape(b, t, 2, 4).transpose(1, 2) for z in self.qkv(y).chunk(3, -1))
                a = (torch.softmax(q @ k.transpose(-1, -2), -1) @ v).transpose(1, 2).reshape(b, t, 8)
            x = x + self.o(a)
        return x


class Recurrent(nn.Module):
    def __init__(self, kind: str, state: bool, first: bool = True) -> None:
        super().__init__()
        self.inn = nn.Linear(6, 8)
        self.r = getattr(nn, kind)(8, 8, batch_first=first)
        self.kind, self.o = kind, nn.Linear(8, 8)
        self.state = nn.Parameter(torch.randn(1, 2, 8)) if state else None

    def forward(self, x: Tensor) -> Tensor:
        x = self.inn(x)
        start = None if self.state is None else (self.state, self.state) if self.kind == "LSTM" else self.state
        return x + self.o(self.r(x, start)[0])


class Token(nn.Module):
    """A class token that is spread over the batch, or over that of the example; positions, or a mask, from a table."""

    def __init__(self, spread: bool, table: str = "positions") -> None:
        super().__init__()
        self.spread, self.table = spread, table
        self.token, self.inn = nn.Parameter(torch.randn(1, 1, 8)), nn.Linear(6, 8)
        rows = {"positions": (1, 200, 8), "batch": (2, 1, 8), "fixed": (1, 13, 8)}[table]
        self.rows, self.f = nn.Parameter(torch.randn(*rows)), nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        x = self.inn(x)
        token = self.token.expand(x.shape[0] if self.spread else 2, 1, 8)
        x = torch.cat([token, x], 1)
        x = x + (self.rows[:, : x.shape[1]] if self.table == "positions" else self.rows)
        return x + self.f(torch.relu(x))


class Encoder(nn.Module):
    """PyTorch's own layer, which works on the sequence first."""

    def __init__(self) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=False)
        self.body = nn.TransformerEncoder(layer, 3, enable_nested_tensor=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)


class Chunks(nn.Module):
    """Parts of an axis that are processed and joined again: of its own length, or of the example's."""

    def __init__(self, own: bool) -> None:
        super().__init__()
        self.own, self.f = own, nn.Linear(6, 6)

    def forward(self, x: Tensor) -> Tensor:
        half = x.shape[1] // 2 if self.own else 6
        y = torch.cat([self.f(x[:, half:]), x[:, :half]], 1)
        return x + (y if self.own else y[:, :12])


def pictures(make: Callable[..., nn.Module], *given: object, size: int = 32) -> Callable[[], Made]:
    return lambda: (make(*given), (torch.randn(2, 3, size, size),), [PICTURE])


def sounds(make: Callable[..., nn.Module], *given: object, size: int = 80, channels: int = 1) -> Callable[[], Made]:
    return lambda: (make(*given), (torch.randn(2, channels, size),), [SOUND])


def texts(make: Callable[..., nn.Module], *given: object) -> Callable[[], Made]:
    return lambda: (make(*given), (torch.randn(2, 12, 6),), [TEXT])


NETS: Mapping[str, Callable[[], Made]] = {
    **{
        f"unet max {up}": unet("max", up)
        for up in ("nearest", "bilinear", "transposed2", "shuffle", "repeat", "expand")
    },
    **{f"unet {down} nearest": unet(down, "nearest") for down in ("strided", "even", "average", "ceil")},
    **{f"unet {down} {up}": unet(down, up) for down, up in (("strided", "transposed3"), ("even", "transposed4"))},
    "sound unet unshuffle, multiples": unet("unshuffle", "nearest"),
    **{f"sound unet {fit}": unet("max", "transposed2", fit) for fit in ("resize", "pads", "multiple")},
    "sound unet ceil crops": unet("ceil", "nearest", "crops"),
    "sound unet strided crops": unet("strided", "transposed2", "crops"),
    "fpn": pictures(Fpn, False),
    "sound fpn": pictures(Fpn, True),
    "detection heads": pictures(Fpn, False, True),
    "sound detection heads": pictures(Fpn, True, True),
    "hrnet": pictures(HrNet, False),
    "sound hrnet": pictures(HrNet, True),
    "pspnet": pictures(PspNet, False),
    "sound pspnet": pictures(PspNet, True),
    "hourglass": pictures(Hourglass, False),
    "sound hourglass": pictures(Hourglass, True),
    "bifpn": pictures(BiFpn, False),
    "sound bifpn": pictures(BiFpn, True),
    "strided shortcut": pictures(Strided, False),
    "sound strided shortcut": pictures(Strided, True),
    "codec": sounds(Codec, False),
    "sound codec": sounds(Codec, True),
    "sound codec without shortcut": sounds(Codec, False, False),
    "demucs": sounds(Demucs, False, size=68),
    "sound demucs": sounds(Demucs, True, size=68),
    "sound wavenet": sounds(WaveNet, True, False),
    "sound wavenet cut": sounds(WaveNet, False, True),
    "sound conformer": sounds(Conformer, 7, channels=8),
    "sound swin, multiples": pictures(Swin, False),
    "sound swin": pictures(Swin, True),
    "sound attention": texts(Attention, 0),
    "attention batch": texts(Attention, 2),
    "attention tokens": texts(Attention, 0, 12),
    "attention both": texts(Attention, 2, 12),
    "sound attention sequence first": texts(Attention, 0, 0, True),
    "attention sequence first batch": texts(Attention, 2, 12, True),
    "sound lstm": texts(Recurrent, "LSTM", False),
    "lstm state": texts(Recurrent, "LSTM", True),
    "sound gru": texts(Recurrent, "GRU", False),
    "gru state": texts(Recurrent, "GRU", True),
    "sound token": texts(Token, True),
    "token": texts(Token, False),
    "token table of batches": texts(Token, True, "batch"),
    "token table of one length": texts(Token, True, "fixed"),
    "encoder layers": lambda: (Encoder(), (torch.randn(12, 1, 8),), [{1: "batch"}]),
    "sound chunks": texts(Chunks, True),
    "chunks": texts(Chunks, False),
}
