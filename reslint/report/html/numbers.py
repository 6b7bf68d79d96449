"""Numbers in, what a person reads easily out."""

from __future__ import annotations

import math

_UNITS = ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k"))
_UP = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def amount(number: float) -> str:
    """`25.6 M`, `812`."""
    for size, unit in _UNITS:
        if number >= size:
            return f"{number / size:.3g} {unit}" if number < 1000 * size else f"{number / size:.0f} {unit}"
    return f"{number:.3g}" if number < 1000 else f"{number:.0f}"


def measured(number: float | None) -> str:
    """`0.0123`, `3.4 × 10⁻⁷`, `∞`; a dash where there is none."""
    if number is None:
        return "\u2013"
    if not math.isfinite(number):
        return "NaN" if math.isnan(number) else "∞" if number > 0 else "-∞"
    if number == 0 or 1e-3 <= abs(number) < 1e5:
        return f"{number:.4g}"
    digits, _, power = f"{number:.2e}".partition("e")
    return f"{digits} × {ten(int(power))}"


def ten(power: int) -> str:
    """`10⁻⁷`."""
    return f"10{str(power).translate(_UP)}"


def decade(number: float) -> str:
    """A number on an axis of powers of ten: `0.01`, `1000`, `10⁶`."""
    power = math.floor(math.log10(number) + 1e-9)
    leading = round(number / 10.0**power)
    if -3 <= power <= 4:
        return f"{number:g}"
    return ten(power) if leading == 1 else f"{leading} × {ten(power)}"
