"""What the model would write after each target token, what it takes hidden tokens for, which label
it gives, and how sure it is."""

from collections.abc import Sequence
from dataclasses import dataclass

from attnviz.trace import Trace


@dataclass(frozen=True)
class Prediction:
    """One row: the token that was written (or the label that is given), its probability and rank (1
    is the most probable), and the most probable tokens with their probabilities, best first."""

    chosen: int
    prob: float
    rank: int
    ids: tuple[int, ...]
    probs: tuple[float, ...]


def predictions(trace: Trace, k: int = 5, end: int | None = None) -> list[Prediction]:
    """One Prediction per target row. A row writes the next target token; the last one writes
    `end`, or the most probable token where that is None (decoding was cut off).

    [] where the trace has no target, or nothing to say.
    """
    if trace.target is None or "probs" not in trace:
        return []
    last = None if end is None else [end]
    chosen = [*trace.target.ids[1:], *(last or [int(trace["probs"].value[-1].argmax())])]
    return _predictions(trace, range(len(chosen)), chosen, k)


def guesses(trace: Trace, k: int = 5) -> dict[int, Prediction]:
    """By the place of a hidden source token what the model takes it for, the most probable token
    as the chosen one."""
    places = trace.facts.get("hidden", [])
    if not places or "probs" not in trace:
        return {}
    best = [int(trace["probs"].value[place].argmax()) for place in places]
    return dict(zip(places, _predictions(trace, places, best, k), strict=True))


def verdict(trace: Trace, k: int = 5) -> Prediction:
    """The label that a classifier gives, and the most probable ones; ids are places in its list of
    labels."""
    return _predictions(trace, [0], [int(trace["probs"].value[0].argmax())], k)[0]


def _predictions(
    trace: Trace, rows: Sequence[int], chosen: Sequence[int], k: int
) -> list[Prediction]:
    probs_TV = trace["probs"].value
    found = []
    for row, token in zip(rows, chosen, strict=True):
        probs_V = probs_TV[row]
        best = probs_V.topk(min(k, len(probs_V)))
        rank = int((probs_V > probs_V[token]).sum()) + 1
        ids, probs = best.indices.tolist(), best.values.tolist()
        found.append(Prediction(token, float(probs_V[token]), rank, tuple(ids), tuple(probs)))
    return found
