"""The steps of one forward pass, and the recorder that keeps them.

A Step is declared once, beside the line that computes it. A Recorder lives for one forward pass and
is passed down as an argument; SILENT stands for "nobody is listening".
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any, Literal

from torch import Tensor

Edit = Callable[[Tensor], Tensor]
Derived = Callable[[], Tensor]
Kind = Literal["number", "weight", "id"]


@dataclass(frozen=True)
class Step:
    """One declared intermediate: its name, its axes without the batch ("H T S"), its LaTeX.

    `rule` is the formula of one cell, in the notation of `attnviz.rule`; a step without one is
    given from outside. `kind` tells a weight between 0 and 1 and an identifier from any other
    number. `words` has a title and a sentence for each language; a step that the app's catalogues
    know needs none.
    """

    name: str
    axes: str
    formula: str
    rule: str = ""
    kind: Kind = "number"
    words: Mapping[str, tuple[str, str]] = field(default_factory=dict, hash=False)


Input = Tensor | Step | float | None
"""What a rule's operand is: a recorded or learned tensor, a step of the same recorder that is only
derived, or one number for all cells. None stands for an operand that is not there."""


@dataclass(frozen=True, eq=False)
class Kept:
    """A recorded value: where it was computed, what it is, the numbers or the way to them, and for
    each operand of the step's rule the path of a step, the name of a weight, or a number."""

    path: str
    step: Step
    found: Tensor | Derived
    inputs: Mapping[str, str | float] = field(default_factory=lambda: MappingProxyType({}))

    @cached_property
    def value(self) -> Tensor:
        """The numbers; those of a derived step are computed when they are first read."""
        return numbers(self.found)

    @property
    def axes(self) -> str:
        """The letters of `value`'s dimensions; starts with B where a batch was kept."""
        batched = self.value.ndim > len(self.step.axes.split())
        return f"B {self.step.axes}" if batched else self.step.axes


def numbers(found: Tensor | Derived) -> Tensor:
    """The tensor that was kept, or what is computed instead of it."""
    return found if isinstance(found, Tensor) else found()


class Recorder:
    """Keeps the steps of one forward pass, and applies edits on the way.

    `keep` returns the value it was given, or what the edit registered for that path makes of it:
    reading, silencing a head and overwriting a row are the same seam. `weights` are the model's
    parameters by name, so that a step can tell which of them it was made of.
    """

    def __init__(
        self,
        edits: Mapping[str, Edit] | None = None,
        weights: Mapping[str, Tensor] | None = None,
    ) -> None:
        self._prefix = ""
        self._edits = dict(edits or {})
        self._kept: dict[str, tuple[Step, Tensor | Derived, dict[str, str | float]]] = {}
        self.weights = weights or {}
        self._known = {id(x): (name, x) for name, x in self.weights.items()}

    def at(self, name: str | int) -> "Recorder":
        """The same recorder, one level further down the path."""
        child = Recorder.__new__(Recorder)
        child._prefix = f"{self._prefix}{name}."
        child._edits, child._kept = self._edits, self._kept
        child.weights, child._known = self.weights, self._known
        return child

    @property
    def edited(self) -> bool:
        """Whether an edit is set for a step of this path or below it."""
        return any(path.startswith(self._prefix) for path in self._edits)

    def keep(
        self, step: Step, value: Tensor, again: Derived | None = None, **inputs: Input
    ) -> Tensor:
        """Record `value` under this recorder's path, with the `inputs` of its rule; return it,
        edited where an edit is set.

        `again` computes `value` anew. It is recorded instead of the numbers, and the caller may
        overwrite them: memory that nobody has touched costs more than the arithmetic."""
        path = self._prefix + step.name
        made_of = self._named(inputs)
        if path in self._edits:
            value = self._edits[path](value.clone())  # an edit may write into what it is given
            self._kept[path] = (step, value, made_of)
            value = value.clone() if again else value  # and its result is not ours to overwrite
        else:
            self._kept[path] = (step, again or value, made_of)
        self._known[id(value)] = (path, value)
        return value

    def derive(self, step: Step, value: Derived, **inputs: Input) -> None:
        """Record a step that no later one reads: it is computed when somebody looks."""
        path = self._prefix + step.name
        edit = self._edits.get(path)
        found = (lambda: edit(value())) if edit else value
        self._kept[path] = (step, found, self._named(inputs))

    def kept(self) -> Mapping[str, Kept]:
        """All that was kept, in the order of computation."""
        kept = {path: Kept(path, *about) for path, about in self._kept.items()}
        return MappingProxyType(kept)

    def _named(self, inputs: Mapping[str, Input]) -> dict[str, str | float]:
        """The inputs by path, by name of weight or as numbers; an unknown tensor has none."""
        found: dict[str, str | float] = {}
        for name, given in inputs.items():
            known = self._known.get(id(given))
            if known is not None:
                found[name] = known[0]
            elif isinstance(given, Step):
                found[name] = self._prefix + given.name
            elif isinstance(given, int | float):
                found[name] = given
        return found


class Silence(Recorder):
    """The recorder that keeps nothing; `SILENT` is the one instance."""

    def at(self, name: str | int) -> "Recorder":
        return self

    def keep(self, step: Step, value: Tensor, *_: Any, **__: Any) -> Tensor:
        return value

    def derive(self, *_: Any, **__: Any) -> None:
        pass


SILENT = Silence()
