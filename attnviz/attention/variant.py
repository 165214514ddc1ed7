"""What an attention variant is: the parts of the data path it changes, and what it promises.

The path itself is written once, in `core`. A variant names only the parts it fills; `combine`
merges variants and refuses two that fill the same part. Adding one is adding one file.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Literal

from torch import Tensor

from attnviz.trace import Recorder

Place = Callable[[Tensor, Tensor, Recorder], tuple[Tensor, Tensor]]
"""(q BHTK, k BGSK, rec) -> q and k with positions put in."""
Score = Callable[[Tensor, Tensor, Recorder], Tensor]
"""(q BHTK, k BHSK, rec) -> scores BHTS."""
Bias = Callable[[Tensor, Recorder], Tensor]
"""(scores BHTS, rec) -> scores with the bias added."""
Allow = Callable[[int, int, Tensor], Tensor]
"""(T, S, like) -> boolean TS, True where attention is allowed; the last query sees the last key."""
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
class Variant:
    """One named attention: title by language, source, formula, parts and promises."""

    name: str
    title: Mapping[str, str]
    paper: str
    formula: str
    parts: Parts
    properties: Properties = field(default_factory=Properties)


def combine(first: Parts, second: Parts) -> Parts:
    """Both variants' parts in one path. Raises ValueError where both fill the same part."""
    for part in fields(Parts):
        if getattr(first, part.name) and getattr(second, part.name):
            raise ValueError(f"both variants fill the part {part.name!r}")
    return over(first, second)


def over(base: Parts, changes: Parts) -> Parts:
    """`base` with the parts that `changes` fills put in its place."""
    filled = {part.name: value for part in fields(Parts) if (value := getattr(changes, part.name))}
    return replace(base, **filled)
