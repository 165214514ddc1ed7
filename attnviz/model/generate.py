"""Text token by token with a key/value cache: at every step one token is chosen from the logits."""

from collections.abc import Callable

import torch
from torch import Tensor

from attnviz.model.protocol import Model
from attnviz.model.transformer import UNCHANGED, Changes

Choose = Callable[[Tensor], Tensor]
"""Logits BV -> the ids B of the tokens to write."""


def greedy(logits_BV: Tensor) -> Tensor:
    """The most probable token of each row."""
    return logits_BV.argmax(-1)


@torch.inference_mode()
def generate(
    model: Model,
    source_BS: Tensor | None,
    source_real_BS: Tensor | None,
    start_BT: Tensor,
    end: int,
    limit: int,
    choose: Choose = greedy,
    changes: Changes = UNCHANGED,
) -> Tensor:
    """Ids BT that begin with `start`, one id for each row or more. A row is finished at `end`,
    which is filled up to the longest row; no row has more than `limit` ids before its end. With
    `changes` every token is read anew at each step: other attentions may look at more of the past
    than keys and values hold.
    """
    memory_BSD = None
    if source_BS is not None:
        memory_BSD = model.encode(source_BS, source_real_BS, changes=changes)
    cache = None if changes else model.cache()
    ids_BT = read_BT = start_BT
    done = torch.zeros_like(ids_BT[:, 0], dtype=torch.bool)
    while ids_BT.shape[1] < limit and not done.all():
        x_BTD = model.decode(read_BT, memory_BSD, source_real_BS, cache=cache, changes=changes)
        logits_BV = model.unembed(x_BTD[:, -1:])[:, -1]
        if model.never:
            never = torch.tensor(model.never, device=logits_BV.device)
            logits_BV = logits_BV.index_fill(-1, never, -torch.inf)
        next_B = choose(logits_BV).masked_fill(done, end)
        done |= next_B == end
        ids_BT = torch.cat((ids_BT, next_B[:, None]), dim=1)
        read_BT = next_B[:, None] if cache else ids_BT
    return ids_BT
