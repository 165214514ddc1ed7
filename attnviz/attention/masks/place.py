"""Masks that follow from the places of query and key alone: where each stands, and what a rule of
the two allows. The last query stands at the last key, so query t stands at t + S - T."""

from collections.abc import Callable

import torch
from torch import Tensor

from attnviz.attention.parts import Parts
from attnviz.recorder import Recorder, Step

May = Callable[[Tensor, Tensor], Tensor]
"""(places of the queries T1, places of the keys S) -> True where the query may see the key."""


def places(scores_BHTS: Tensor) -> tuple[Tensor, Tensor]:
    """Where the queries (T1) and the keys (S) stand; a query before the first key has a place below
    zero."""
    t, s = scores_BHTS.shape[-2:]
    key_S = torch.arange(s, device=scores_BHTS.device)
    return torch.arange(s - t, s, device=scores_BHTS.device)[:, None], key_S


def allowing(step: Step, may: May, **numbers: float) -> Parts:
    """Parts that allow what `may` says, recorded as `step`; its rule knows the `numbers` and how
    many keys are `past` before the first query."""

    def allow(scores_BHTS: Tensor, rec: Recorder) -> Tensor:
        query_T1, key_S = places(scores_BHTS)
        allowed_BHTS = may(query_T1, key_S).expand_as(scores_BHTS)
        return rec.keep(step, allowed_BHTS, None, past=len(key_S) - len(query_T1), **numbers)

    return Parts(allow=allow)
