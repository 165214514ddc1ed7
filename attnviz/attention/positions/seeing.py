"""Positions that are counted over what may be seen.

Where the place of a key depends on the tokens between it and the query, a token that the mask hides
must not be counted. Such a variant therefore needs the mask before it can score, and is causal: the
standard path follows once the mask is known.
"""

from collections.abc import Callable

from torch import Tensor

from attnviz.attention.core import STANDARD, attend
from attnviz.attention.masks.causal import causal
from attnviz.attention.parts import Parts, over
from attnviz.recorder import Recorder


def seeing(parts: Callable[[Tensor], Parts]) -> Parts:
    """A causal path of its own with the parts that `parts` makes of the whole mask, BHTS."""

    def whole(
        q_BHTK: Tensor, k_BGSK: Tensor, v_BGSE: Tensor, allowed: Tensor | None, rec: Recorder
    ) -> Tensor:
        assert allowed is not None, "the path's own mask is causal"
        inner = over(over(STANDARD, parts(allowed)), Parts(allow=lambda *_: allowed))
        return attend(q_BHTK, k_BGSK, v_BGSE, None, inner, rec)

    return Parts(allow=causal, whole=whole)
