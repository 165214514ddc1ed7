"""What the places of a step's axes are called: tokens by their text, all else by number."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from attnviz.analysis import way
from attnviz.analysis.slice import Window
from attnviz.app.scene import Scene

MOST = 48
"""Values that an index may take and still be listed whole; of more, those that matter are shown."""
SHOWN = 24


@dataclass(frozen=True)
class Places:
    """Names of the places on every axis of one step."""

    tokens: Mapping[str, Sequence[str]]
    piece: Callable[[int], str]
    window: Window

    def label(self, letter: str | None, place: int) -> str:
        """The name of one place; "" for an axis that has no letter."""
        if letter is None:
            return ""
        if letter in ("v", "u"):
            return self.piece(place)
        known = self.tokens.get(letter, ())
        return known[place] if place < len(known) else str(place)

    def labels(self, letter: str | None, places: Sequence[int] | np.ndarray) -> list[str]:
        return [self.label(letter, int(place)) for place in places]

    def listed(self, letter: str) -> Sequence[int]:
        """All places of an axis of tokens, or those of its window; () where it has neither."""
        if letter in self.window:
            return self.window[letter].tolist()
        return range(len(self.tokens.get(letter, ())))


def places(scene: Scene, path: str, at: Mapping[str, int]) -> Places:
    """The names for the step at `path`; of the vocabulary the most probable tokens of row `t`."""
    trace = scene.trace
    window: dict[str, np.ndarray] = {}
    if "logits" in trace and "t" in at and not way.scope(path):
        logits_V = trace["logits"].value[at["t"]].nan_to_num()
        if len(logits_V) > MOST:
            best = logits_V.topk(SHOWN).indices.tolist()
            chosen = [at["v"]] if at.get("v", best[0]) not in best else []
            window = {letter: np.array([*best, *chosen]) for letter in ("v", "u")}
    return Places(way.places(trace, path), partial(scene.name, path), window)
