"""The exchangeable parts of the data path, and how they are put together.

The path itself is written once, in `core`; a variant fills some of its parts.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace

from torch import Tensor

from attnviz.error import InputError
from attnviz.recorder import Recorder

Share = Callable[[Tensor, Tensor, Tensor, Recorder], tuple[Tensor, Tensor, Tensor]]
"""(q BHTK, k BGSK, v BGSE, rec) -> the q, k and v that the rest of the path reads. One that makes
other values records them as "values" (G or fewer heads, S, E)."""
Place = Callable[[Tensor, Tensor, Recorder], tuple[Tensor, Tensor]]
"""(q BHTK, k BGSK, rec) -> q and k with positions put in."""
Score = Callable[[Tensor, Tensor, Recorder], Tensor]
"""(q BHTK, k BGSK, rec) -> scores BHTS; `shared` gives every query head its keys."""
Bias = Callable[[Tensor, Tensor, Tensor, Recorder], Tensor]
"""(scores BHTS, q BHTK, k BGSK, rec) -> scores with the bias added."""
Allow = Callable[[Tensor, Recorder], Tensor | None]
"""(scores BHTS, rec) -> boolean BHTS, True where attention is allowed, or None where it is
everywhere; only the scores' shape and device count. The last query sees the last key."""
Normalize = Callable[[Tensor, Recorder], Tensor]
"""(masked scores BHTS, rec) -> pattern BHTS, which it records as its last step."""
Mix = Callable[[Tensor, Tensor, Tensor, Recorder], Tensor]
"""(pattern BHTS, v BGSE, q BHTK, rec) -> z BHTE, which it records as its last step. One that does
more than pattern x values records that product as "mixed"."""
Whole = Callable[[Tensor, Tensor, Tensor, Tensor | None, Recorder], Tensor]
"""(q BHTK, k BGSK, v BGSE, allowed BHTS or None, rec) -> z BHTE, in the place of score, bias,
normalize and mix; it records the effective "pattern" and "z"."""


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The exchangeable parts of the path; None means the path goes straight on. `weights` are the
    tensors that the parts own, by name, so that a trace can tell what it was computed from."""

    share: Share | None = None
    place: Place | None = None
    score: Score | None = None
    bias: Bias | None = None
    allow: Allow | None = None
    normalize: Normalize | None = None
    mix: Mix | None = None
    whole: Whole | None = None
    weights: Mapping[str, Tensor] = field(default_factory=dict)

    @property
    def filled(self) -> tuple[str, ...]:
        """The names of the parts that are there, in the order of the path."""
        return tuple(name for name in NAMES if getattr(self, name))


NAMES = tuple(part.name for part in fields(Parts) if part.name != "weights")
INSIDE = {"score", "bias", "normalize", "mix"}
"""The parts that a whole path of its own leaves no room for."""


def combine(*many: Parts) -> Parts:
    """All of them in one path. Raises InputError where two fill the same part, or one fills a part
    that another's whole path takes the place of."""
    found = Parts()
    for parts in many:
        for name in parts.filled:
            if getattr(found, name):
                raise _clash(f"both variants fill the part {name!r}", name)
        found = over(found, parts)
    if found.whole and (lost := INSIDE & {*found.filled}):
        raise _clash(f"a path of its own leaves no room for the part {min(lost)!r}", min(lost))
    return found


def _clash(message: str, part: str) -> InputError:
    return InputError("clash", message, part=part)


def over(base: Parts, changes: Parts) -> Parts:
    """`base` with the parts that `changes` fills put in its place."""
    filled = {name: getattr(changes, name) for name in changes.filled}
    return replace(base, **filled, weights={**base.weights, **changes.weights})


def shared(x_BGSK: Tensor, q_BHTK: Tensor) -> Tensor:
    """Each key/value head repeated for the query heads that read it: head h reads h // (H / G)."""
    n_sharing = q_BHTK.shape[1] // x_BGSK.shape[1]
    return x_BGSK if n_sharing == 1 else x_BGSK.repeat_interleave(n_sharing, dim=1)
