"""A number as it is read: a few significant digits, rounded for display only."""

import math

DIGITS = 4


def digits(value: float, n: int = DIGITS) -> str:
    """Plain text: "0.4283", "12.35", "1.235e-05", "0", "−∞"."""
    if not math.isfinite(value):
        return "nan" if math.isnan(value) else ("∞" if value > 0 else "−∞")
    if value == 0:
        return "0"
    text = f"{value:#.{n}g}"
    return text.rstrip(".").replace("-", "−")


def latex(value: float, n: int = DIGITS) -> str:
    r"""LaTeX: "0.4283", "-1.235 \times 10^{-5}", "-\infty"."""
    plain = digits(value, n).replace("−", "-")
    if plain == "nan":
        return r"\mathrm{nan}"
    mantissa, _, exponent = plain.replace("∞", r"\infty").partition("e")
    return rf"{mantissa} \times 10^{{{int(exponent)}}}" if exponent else mantissa
