"""What a variant is given beside q, k and v: numbers with a range, names to choose from, and
tensors of its own, which are drawn from a seed where none are given."""

import math
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from attnviz import rule
from attnviz.error import InputError

Unit = Literal["", "tokens", "heads", "dimensions", "features", "rounds", "buckets", "blocks"]
Value = float | str | Tensor
Start = Callable[[tuple[int, ...], torch.Generator], Tensor]
"""(shape, generator) -> the tensor a weight starts as, in float64."""


@dataclass(frozen=True)
class Inputs:
    """What a variant is built for: the size of each letter of `attnviz.axes`, and the kind of
    numbers. D is all heads together, H * K; C is the most tokens there may be."""

    sizes: Mapping[str, int]
    dtype: torch.dtype = torch.float32
    device: torch.device | str = "cpu"

    @classmethod
    def of(cls, q_BHTK: Tensor, k_BGSK: Tensor, v_BGSE: Tensor) -> "Inputs":
        """The sizes of these tensors, with room for no more tokens than they have."""
        (b, h, t, k), (_, g, s, e) = q_BHTK.shape, v_BGSE.shape
        sizes = {"B": b, "H": h, "G": g, "T": t, "S": s, "K": k, "E": e}
        sizes |= {"D": h * k, "C": max(t, s)}
        return cls(sizes, q_BHTK.dtype, q_BHTK.device)

    def number(self, said: float | str, **more: float) -> float:
        """`said`, or what it comes to where it is a rule of sizes and of other parameters."""
        return evaluate(said, {**self.sizes, **more})


def evaluate(said: float | str, numbers: Mapping[str, float]) -> float:
    """A number, or a rule ("maximum(1, H // 4)") with these numbers put in."""
    if not isinstance(said, str):
        return said
    given = {name: np.asarray(float(number)) for name, number in numbers.items()}
    return float(rule.value(rule.parse(said), {}, given))


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A number that a variant takes. `default` and `high` may be rules of the sizes ("S"). `log`
    says that a slider goes in equal ratios. With `axes`, a tensor of one number for each head ("H")
    may stand in its place."""

    default: float | str
    low: float
    high: float | str
    meaning: Mapping[str, str]
    unit: Unit = ""
    whole: bool = False
    log: bool = False
    axes: str = ""

    def usual(self, inputs: Inputs | None = None) -> float | str:
        """The default for these inputs; a rule as it is where they are not known."""
        found = inputs.number(self.default) if inputs else self.default
        return int(found) if self.whole and not isinstance(found, str) else found

    def check(self, variant: str, name: str, value: Value, inputs: Inputs | None) -> Value:
        """`value` as it may be used. Raises InputError where it is out of the range."""
        if isinstance(value, Tensor) and self.axes:
            return _fitting(variant, name, value, self.axes, inputs)
        high = inputs.number(self.high) if inputs else self.high
        high = high if isinstance(high, int | float) else math.inf
        number = value if isinstance(value, int | float) else math.nan
        if not self.low <= number <= high or (self.whole and number % 1 != 0):
            raise _out_of_range(variant, name, self, high, value)
        return int(number) if self.whole else number


@dataclass(frozen=True, kw_only=True)
class Option:
    """A choice between named ways, the first of which is taken without being asked."""

    options: tuple[str, ...]
    meaning: Mapping[str, str]

    @property
    def default(self) -> str:
        return self.options[0]

    def usual(self, inputs: Inputs | None = None) -> str:
        """The first option."""
        return self.default

    def check(self, variant: str, name: str, value: Value, inputs: Inputs | None) -> Value:
        """`value` as it may be used. Raises InputError where it is none of the options."""
        if value not in self.options:
            known = ", ".join(self.options)
            message = f"{variant}: {name} is one of {known}, not {value}"
            raise InputError(
                "option", message, variant=variant, name=name, known=known, value=str(value)
            )
        return value


def normal(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Normal numbers of variance 1 / (last size): a product with them keeps a vector's size."""
    scale = shape[-1] ** -0.5 if shape else 1.0
    return torch.randn(shape, dtype=torch.float64, generator=generator) * scale


def zeros(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """All zero."""
    return torch.zeros(shape, dtype=torch.float64)


def ones(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """All one."""
    return torch.ones(shape, dtype=torch.float64)


@dataclass(frozen=True, kw_only=True)
class Weight:
    """A tensor that a variant owns. `axes` are letters of the inputs' sizes, or parameters' names
    ("features K"). A given one may have a batch axis in front. One that is not `needed` is None
    unless it is given; one that is not `drawn` starts the same for every seed."""

    axes: str
    meaning: Mapping[str, str]
    start: Start = normal
    needed: bool = True
    drawn: bool = True

    def make(
        self,
        variant: str,
        name: str,
        given: Value | None,
        inputs: Inputs,
        numbers: Mapping[str, float],
        seed: int,
    ) -> Tensor | None:
        """The given tensor, checked; else one drawn from the seed. Raises InputError where the
        shape is another or a number is not finite."""
        if given is not None:
            return _fitting(variant, name, given, self.axes, inputs, numbers)
        if not self.needed:
            return None
        shape = _shape(self.axes, inputs, numbers)
        generator = torch.Generator().manual_seed(zlib.crc32(f"{variant} {name} {seed}".encode()))
        return self.start(shape, generator).to(inputs.device, inputs.dtype)


def _shape(axes: str, inputs: Inputs, numbers: Mapping[str, float]) -> tuple[int, ...]:
    known = {**inputs.sizes, **numbers}
    return tuple(int(known[letter]) for letter in axes.split())


def _fitting(
    variant: str,
    name: str,
    given: Value,
    axes: str,
    inputs: Inputs | None,
    numbers: Mapping[str, float] | None = None,
) -> Tensor:
    assert inputs is not None, f"{variant}: the sizes are needed for {name}"
    wanted = _shape(axes, inputs, numbers or {})
    shape = tuple(given.shape) if isinstance(given, Tensor) else ()
    if not isinstance(given, Tensor) or shape not in (wanted, (inputs.sizes["B"], *wanted)):
        found = shape if isinstance(given, Tensor) else repr(given)
        message = f"{variant}: {name} needs the shape {wanted} ({axes}), not {found}"
        facts = {"wanted": str(wanted), "axes": axes, "found": str(found)}
        raise InputError("weight", message, variant=variant, name=name, **facts)
    if not torch.isfinite(given).all():
        message = f"{variant}: {name} holds a number that is not finite"
        raise InputError("finite", message, name=name)
    return given.to(inputs.device, inputs.dtype)


def _out_of_range(
    variant: str, name: str, parameter: Parameter, high: float, value: Value
) -> InputError:
    kind = "goes in whole numbers from" if parameter.whole else "goes from"
    unit = f" {parameter.unit}" if parameter.unit else ""
    end = f"{high:g}" if high < math.inf else "any number"
    message = f"{variant}: {name} {kind} {parameter.low:g} to {end}{unit}, not {value}"
    code = "whole" if parameter.whole else "range"
    facts = {"low": f"{parameter.low:g}", "high": end, "value": str(value)}
    return InputError(code, message, variant=variant, name=name, **facts)
