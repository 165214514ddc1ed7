"""What one forward pass computed: steps, their values, and the recorder that keeps them.

A Step is declared once, beside the line that computes it. A Recorder lives for one forward pass and
is passed down as an argument; SILENT stands for "nobody is listening". A Trace is what remains:
immutable, self-describing, saved and loaded without pickle.
"""

import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from functools import cached_property, partial
from os import PathLike
from types import MappingProxyType
from typing import Any, BinaryIO, ClassVar
from zipfile import BadZipFile

import numpy as np
import torch
from torch import Tensor

from attnviz import axes

Edit = Callable[[Tensor], Tensor]
Derived = Callable[[], Tensor]


@dataclass(frozen=True)
class Step:
    """One declared intermediate: its name, its axes without the batch ("H T S"), its LaTeX."""

    name: str
    axes: str
    formula: str


@dataclass(frozen=True, eq=False)
class Kept:
    """A recorded value: where it was computed, what it is, and the numbers or the way to them."""

    path: str
    step: Step
    found: Tensor | Derived

    @cached_property
    def value(self) -> Tensor:
        """The numbers; those of a derived step are computed when they are first read."""
        return _numbers(self.found)

    @property
    def axes(self) -> str:
        """The letters of `value`'s dimensions; starts with B where a batch was kept."""
        batched = self.value.ndim > len(self.step.axes.split())
        return f"B {self.step.axes}" if batched else self.step.axes


def _numbers(found: Tensor | Derived) -> Tensor:
    return found if isinstance(found, Tensor) else found()


class Recorder:
    """Keeps the steps of one forward pass, and applies edits on the way.

    `keep` returns the value it was given, or what the edit registered for that path makes of it:
    reading, silencing a head and overwriting a row are the same seam.
    """

    def __init__(self, edits: Mapping[str, Edit] | None = None) -> None:
        self._prefix = ""
        self._edits = dict(edits or {})
        self._kept: dict[str, tuple[Step, Tensor | Derived]] = {}

    def at(self, name: str | int) -> "Recorder":
        """The same recorder, one level further down the path."""
        child = Recorder.__new__(Recorder)
        child._prefix = f"{self._prefix}{name}."
        child._edits, child._kept = self._edits, self._kept
        return child

    def keep(self, step: Step, value: Tensor, again: Derived | None = None) -> Tensor:
        """Record `value` under this recorder's path; return it, edited where an edit is set.

        `again` computes `value` anew. It is recorded instead of the numbers, and the caller may
        overwrite them: memory that nobody has touched costs more than the arithmetic."""
        path = self._prefix + step.name
        if path in self._edits:
            value = self._edits[path](value.clone())  # an edit may write into what it is given
            self._kept[path] = (step, value)
            return value.clone() if again else value  # and its result is not ours to overwrite
        self._kept[path] = (step, again or value)
        return value

    def derive(self, step: Step, value: Derived) -> None:
        """Record a step that no later one reads: it is computed when somebody looks."""
        path = self._prefix + step.name
        edit = self._edits.get(path)
        self._kept[path] = (step, (lambda: edit(value())) if edit else value)

    def kept(self) -> dict[str, tuple[Step, Tensor]]:
        """All that was kept, in the order of computation, derived steps computed."""
        return {path: (step, _numbers(found)) for path, (step, found) in self._kept.items()}


class Silence(Recorder):
    """The recorder that keeps nothing; `SILENT` is the one instance."""

    def at(self, name: str | int) -> "Recorder":
        return self

    def keep(self, step: Step, value: Tensor, again: Derived | None = None) -> Tensor:
        return value

    def derive(self, step: Step, value: Derived) -> None:
        pass


SILENT = Silence()


@dataclass(frozen=True)
class Tokens:
    """The pieces a text was cut into. `spans` are (start, end) in `text`, None for added tokens.

    `pieces` are as the reader would write them (a leading space marks a word start), `special`
    tells tokens that stand for no text.
    """

    text: str
    pieces: tuple[str, ...]
    ids: tuple[int, ...]
    spans: tuple[tuple[int, int] | None, ...]
    special: tuple[bool, ...]

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, eq=False)
class Trace(Mapping[str, Kept]):
    """Every step of one forward pass, by path ("decoder.2.cross.pattern").

    `source` are the encoder's tokens (keys of cross-attention), `target` the decoder's input
    tokens; one of them is None where the model has no such side. `output` is the model's answer,
    `facts` what is worth knowing about the run (model, device, dtype, notes).
    """

    steps: Mapping[str, Kept]
    source: Tokens | None = None
    target: Tokens | None = None
    output: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)

    picture: ClassVar[Callable[["Trace"], str | None] | None] = None
    """Draws a trace as HTML for a notebook; the drawing layer is put here from outside."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", MappingProxyType(dict(self.steps)))
        object.__setattr__(self, "facts", MappingProxyType(dict(self.facts)))

    def __getitem__(self, path: str) -> Kept:
        try:
            return self.steps[path]
        except KeyError:
            raise KeyError(f"no step {path!r}; known are {', '.join(self.steps)}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self.steps)

    def __len__(self) -> int:
        return len(self.steps)

    def __repr__(self) -> str:
        return f"Trace({len(self)} steps, output={self.output!r})"

    def _repr_html_(self) -> str | None:
        return Trace.picture(self) if Trace.picture else None

    @classmethod
    def of(cls, rec: Recorder, *, batched: bool = False, **about: Any) -> "Trace":
        """Make a trace of what `rec` kept, on the CPU. Without `batched`, the batch of one is
        dropped.

        Raises ValueError where a value does not fit its declared axes.
        """
        steps: dict[str, Kept] = {}
        sizes: dict[str, dict[str, int]] = {}

        def packed(path: str, step: Step, found: Tensor | Derived) -> Tensor:
            value = _numbers(found)
            known = sizes.setdefault(path.rpartition(".")[0], {})
            axes.fit(value.shape, f"B {step.axes}", known, path)
            return (value if batched else value[0]).detach().cpu()

        for path, (step, found) in rec._kept.items():
            pack = partial(packed, path, step, found)
            steps[path] = Kept(path, step, pack() if isinstance(found, Tensor) else pack)
        return cls(steps, **about)

    def save(self, file: str | PathLike[str] | BinaryIO) -> None:
        """Write the trace as a compressed `.npz` without pickle; `load` gives it back exactly."""
        about = {
            "steps": {path: asdict(kept.step) for path, kept in self.items()},
            "source": None if self.source is None else asdict(self.source),
            "target": None if self.target is None else asdict(self.target),
            "output": self.output,
            "facts": dict(self.facts),
        }
        arrays = {path: kept.value.cpu().numpy() for path, kept in self.items()}
        arrays[_ABOUT] = np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)
        with open(file, "wb") if isinstance(file, str | PathLike) else nullcontext(file) as out:
            np.savez_compressed(out, allow_pickle=False, **arrays)

    @classmethod
    def load(cls, file: str | PathLike[str]) -> "Trace":
        """Read what `save` wrote. Raises ValueError when the file is not a saved trace."""
        arrays = _arrays(file)
        if _ABOUT not in arrays:
            raise ValueError(f"{file} is not a saved trace: it has no {_ABOUT!r} entry")
        about = json.loads(arrays[_ABOUT].tobytes())
        steps = {
            path: Kept(path, Step(**step), torch.from_numpy(arrays[path]))
            for path, step in about["steps"].items()
        }
        source, target = (_tokens(about[side]) for side in ("source", "target"))
        return cls(steps, source, target, about["output"], about["facts"])


_ABOUT = "__trace__"


def _arrays(file: str | PathLike[str]) -> dict[str, np.ndarray]:
    try:
        with open(file, "rb") as opened:
            stored = np.load(opened, allow_pickle=False)
            if isinstance(stored, np.ndarray):
                raise ValueError("it holds one array")
            return dict(stored)
    except (ValueError, EOFError, BadZipFile, zlib.error) as error:
        raise ValueError(f"{file} is not a saved trace: {error}") from error


def _tokens(stored: dict[str, Any] | None) -> Tokens | None:
    if stored is None:
        return None
    spans = tuple(tuple(span) if span else None for span in stored["spans"])
    lists = {name: tuple(stored[name]) for name in ("pieces", "ids", "special")}
    return Tokens(text=stored["text"], spans=spans, **lists)  # type: ignore[arg-type]
