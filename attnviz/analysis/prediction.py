"""What the model would write after each target token, and how sure it is."""

from dataclasses import dataclass

from attnviz.trace import Trace


@dataclass(frozen=True)
class Prediction:
    """One target row: the token that was written, its probability and rank (1 is the most
    probable), and the most probable tokens with their probabilities, best first."""

    chosen: int
    prob: float
    rank: int
    ids: tuple[int, ...]
    probs: tuple[float, ...]


def predictions(trace: Trace, k: int = 5, end: int | None = None) -> list[Prediction]:
    """One Prediction per target row. A row writes the next target token; the last one writes
    `end`, or the most probable token where that is None (decoding was cut off).

    [] where the trace has no target.
    """
    if trace.target is None:
        return []
    probs_TV = trace["probs"].value
    top_Tk = probs_TV.topk(min(k, probs_TV.shape[-1]))
    last = int(top_Tk.indices[-1, 0]) if end is None else end
    found = []
    for row, chosen in enumerate((*trace.target.ids[1:], last)):
        probs_V = probs_TV[row]
        rank = int((probs_V > probs_V[chosen]).sum()) + 1
        ids, probs = top_Tk.indices[row].tolist(), top_Tk.values[row].tolist()
        found.append(Prediction(chosen, float(probs_V[chosen]), rank, tuple(ids), tuple(probs)))
    return found
