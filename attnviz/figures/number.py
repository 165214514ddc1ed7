"""A number as it is read: a few significant digits, rounded for display only."""

import math

import numpy as np

DIGITS = 4


def digits(value: float, n: int = DIGITS) -> str:
    """Plain text: "0.4283", "12.35", "1.235e-05", "0", "−∞"."""
    if not math.isfinite(value):
        return "nan" if math.isnan(value) else ("∞" if value > 0 else "−∞")
    if value == 0:
        return "0"
    text = f"{value:#.{n}g}"
    return text.rstrip(".").replace("-", "−")


def shortest(value: float, n: int = DIGITS) -> str:
    """As `digits`, but a whole number without a decimal point."""
    whole = math.isfinite(value) and value == round(value) and abs(value) < 1e9
    return str(int(value)).replace("-", "−") if whole else digits(value, n)


def exact(value: float, dtype: np.dtype) -> str:
    """The shortest decimal that reads back as the same number of this type."""
    if not math.isfinite(value):
        return digits(value)
    return str(np.asarray(value).astype(dtype)).replace("-", "−")


def latex(value: float, n: int = DIGITS) -> str:
    r"""LaTeX: "0.4283", "-1.235 \times 10^{-5}", "-\infty"."""
    plain = digits(value, n).replace("−", "-")
    if plain == "nan":
        return r"\mathrm{nan}"
    mantissa, _, exponent = plain.replace("∞", r"\infty").partition("e")
    return rf"{mantissa} \times 10^{{{int(exponent)}}}" if exponent else mantissa
