"""What a switch does to one head's row and to what the model writes."""

from dataclasses import dataclass

import torch

from attnviz.analysis.entropy import entropy_HT
from attnviz.trace import Trace


@dataclass(frozen=True)
class Row:
    """One row of attention weights: its entropy in nats, its largest weight, its sum, the weight on
    later tokens, and how many of its numbers are not a number."""

    entropy: float
    largest: float
    total: float
    future: float
    nan: int


def row(trace: Trace, attention: str, head: int, t: int, causal: bool) -> Row:
    """The row `t` of a head; without a causal mask no token counts as later."""
    pattern_HTS = trace[f"{attention}.pattern"].value.double()
    row_S = pattern_HTS[head, t]
    later = row_S[t + 1 :] if causal else row_S[:0]
    return Row(
        entropy=float(entropy_HT(pattern_HTS[head : head + 1])[0, t]),
        largest=float(row_S.max()),
        total=float(row_S.sum()),
        future=float(later.sum()),
        nan=int(row_S.isnan().sum()),
    )


def rewritten(before: Trace, after: Trace) -> list[int]:
    """The rows whose most probable token is another one; every row whose logits are no numbers."""
    old_TV, new_TV = before["logits"].value, after["logits"].value
    other_T = (old_TV.argmax(-1) != new_TV.argmax(-1)) | new_TV.isnan().any(-1)
    return torch.nonzero(other_T)[:, 0].tolist()
