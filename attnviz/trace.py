"""What remains of one forward pass: every step with its value, immutable and self-describing, saved
and loaded without pickle."""

import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from functools import partial
from os import PathLike
from types import MappingProxyType
from typing import Any, BinaryIO, ClassVar
from zipfile import BadZipFile

import numpy as np
import torch
from torch import Tensor

from attnviz import axes
from attnviz.recorder import Derived, Kept, Recorder, Step, numbers


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
    tokens, `slots` the learned queries of a pool; what the model has no such side for is None.
    `output` is the model's answer,
    `facts` what is worth knowing about the run (model, device, dtype, notes). `weights` are the
    model's own parameters, which a step's inputs name; a saved trace leaves them out.
    """

    steps: Mapping[str, Kept]
    source: Tokens | None = None
    target: Tokens | None = None
    output: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    weights: Mapping[str, Tensor] = field(default_factory=dict)
    slots: Tokens | None = None

    picture: ClassVar[Callable[["Trace"], str | None] | None] = None
    """Draws a trace as HTML for a notebook; the drawing layer is put here from outside."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", MappingProxyType(dict(self.steps)))
        object.__setattr__(self, "facts", MappingProxyType(dict(self.facts)))
        object.__setattr__(self, "weights", MappingProxyType(dict(self.weights)))

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
            value = numbers(found)
            known = sizes.setdefault(path.rpartition(".")[0], {})
            axes.fit(value.shape, f"B {step.axes}", known, path)
            return (value if batched else value[0]).detach().cpu()

        for path, kept in rec.kept().items():
            pack = partial(packed, path, kept.step, kept.found)
            found = pack() if isinstance(kept.found, Tensor) else pack
            steps[path] = Kept(path, kept.step, found, kept.inputs)
        return cls(steps, weights=rec.weights, **about)

    def save(self, file: str | PathLike[str] | BinaryIO) -> None:
        """Write the trace as a compressed `.npz` without pickle; `load` gives it back exactly."""
        about = {
            "steps": {path: asdict(kept.step) for path, kept in self.items()},
            "inputs": {path: dict(kept.inputs) for path, kept in self.items()},
            "source": None if self.source is None else asdict(self.source),
            "target": None if self.target is None else asdict(self.target),
            "slots": None if self.slots is None else asdict(self.slots),
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
        inputs = about.get("inputs", {})  # traces of version 0.1 have none, and no words
        steps = {
            path: Kept(path, _step(step), torch.from_numpy(arrays[path]), inputs.get(path, {}))
            for path, step in about["steps"].items()
        }
        source, target, slots = (_tokens(about.get(side)) for side in ("source", "target", "slots"))
        return cls(steps, source, target, about["output"], about["facts"], slots=slots)


_ABOUT = "__trace__"


def _step(stored: dict[str, Any]) -> Step:
    words = stored.pop("words", {})
    return Step(**stored, words={language: tuple(said) for language, said in words.items()})


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
