"""What an attention variant is: the parts of the data path it changes, and what it promises.

The path itself is written once, in `core`. A variant names only the parts it fills; `combine`
merges variants and refuses two that fill the same part. Adding one is adding one file.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Literal

from torch import Tensor

from attnviz.recorder import Recorder

Place = Callable[[Tensor, Tensor, Recorder], tuple[Tensor, Tensor]]
"""(q BHTK, k BGSK, rec) -> q and k with positions put in."""
Score = Callable[[Tensor, Tensor, Recorder], Tensor]
"""(q BHTK, k BGSK, rec) -> scores BHTS; `shared` gives every query head its keys."""
Bias = Callable[[Tensor, Recorder], Tensor]
"""(scores BHTS, rec) -> scores with the bias added."""
Allow = Callable[[Tensor, Recorder], Tensor | None]
"""(scores BHTS, rec) -> boolean BHTS, True where attention is allowed, or None where it is
everywhere; only the scores' shape and device count. The last query sees the last key."""
Normalize = Callable[[Tensor, Recorder], Tensor]
"""(masked scores BHTS, rec) -> pattern BHTS, which it records as its last step."""


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The five exchangeable parts of the path; None means the path goes straight on."""

    place: Place | None = None
    score: Score | None = None
    bias: Bias | None = None
    allow: Allow | None = None
    normalize: Normalize | None = None


@dataclass(frozen=True, kw_only=True)
class Properties:
    """What must hold for every input; the contract tests and the app read it."""

    row_sum: Literal["one", "at most one", "any"] = "one"
    negative: bool = False
    causal: bool = False


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A number that a variant takes: what it is without being asked, and its range."""

    default: float
    low: float
    high: float
    meaning: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One named attention: title by language, source, formula, parts and promises. With
    `parameters`, `parts` makes the parts of them."""

    name: str
    title: Mapping[str, str]
    paper: str
    formula: str
    parts: Parts | Callable[..., Parts]
    properties: Properties = field(default_factory=Properties)
    parameters: Mapping[str, Parameter] = field(default_factory=dict)

    def build(self, **values: float) -> Parts:
        """The parts with these parameters, the others at their defaults. Raises ValueError for an
        unknown parameter and for a value out of its range."""
        if unknown := sorted(values.keys() - self.parameters.keys()):
            known = ", ".join(self.parameters) or "none"
            raise ValueError(f"{self.name} has no parameter {', '.join(unknown)}; it has {known}")
        for name, value in values.items():
            low, high = self.parameters[name].low, self.parameters[name].high
            if not low <= value <= high:
                raise ValueError(f"{self.name}: {name} goes from {low} to {high}, not {value}")
        if isinstance(self.parts, Parts):
            return self.parts
        return self.parts(**{n: values.get(n, p.default) for n, p in self.parameters.items()})


def shared(x_BGSK: Tensor, q_BHTK: Tensor) -> Tensor:
    """Each key/value head repeated for the query heads that read it: head h reads h // (H / G)."""
    n_sharing = q_BHTK.shape[1] // x_BGSK.shape[1]
    return x_BGSK if n_sharing == 1 else x_BGSK.repeat_interleave(n_sharing, dim=1)


def combine(*variants: Parts) -> Parts:
    """All variants' parts in one path. Raises ValueError where two fill the same part."""
    found = Parts()
    for parts in variants:
        for part in fields(Parts):
            if getattr(found, part.name) and getattr(parts, part.name):
                raise ValueError(f"both variants fill the part {part.name!r}")
        found = over(found, parts)
    return found


def over(base: Parts, changes: Parts) -> Parts:
    """`base` with the parts that `changes` fills put in its place."""
    filled = {part.name: value for part in fields(Parts) if (value := getattr(changes, part.name))}
    return replace(base, **filled)
