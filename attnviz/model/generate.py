"""Text token by token with a key/value cache: at every step one token is chosen from the logits."""

from collections.abc import Callable

import torch
from torch import Tensor

from attnviz.model.cache import Cache
from attnviz.model.transformer import UNCHANGED, Changes, Transformer

Choose = Callable[[Tensor], Tensor]
"""Logits BV -> the ids B of the tokens to write."""


def greedy(logits_BV: Tensor) -> Tensor:
    """The most probable token of each row."""
    return logits_BV.argmax(-1)


def sampled(temperature: float, k: int, generator: torch.Generator) -> Choose:
    """One of the `k` most probable tokens at random, by the probabilities at `temperature` (Fan et
    al. 2018, arXiv:1805.04833)."""

    def choose(logits_BV: Tensor) -> Tensor:
        values, ids = (logits_BV / temperature).topk(min(k, logits_BV.shape[-1]))
        drawn = torch.multinomial(values.softmax(-1), 1, generator=generator)
        return ids.gather(1, drawn)[:, 0]

    return choose


@torch.inference_mode()
def generate(
    model: Transformer,
    source_BS: Tensor,
    source_real_BS: Tensor | None,
    start: int,
    end: int,
    limit: int,
    choose: Choose = greedy,
    changes: Changes = UNCHANGED,
) -> Tensor:
    """Ids BT that begin with `start`. A row is finished at `end`, which is filled up to the longest
    row; no row has more than `limit` ids before its end. With `changes` every token is read anew at
    each step: other attentions may look at more of the past than keys and values hold.
    """
    memory_BSD = model.encode(source_BS, source_real_BS, changes=changes)
    cache = None if changes else Cache(model.config.n_layers)
    ids = [torch.full((len(source_BS),), start, device=source_BS.device)]
    done = torch.zeros_like(ids[0], dtype=torch.bool)
    while len(ids) < limit and not done.all():
        read_BT = ids[-1][:, None] if cache else torch.stack(ids, dim=1)
        x_BTD = model.decode(read_BT, memory_BSD, source_real_BS, cache=cache, changes=changes)
        ids.append(choose(model.unembed(x_BTD[:, -1:])[:, -1]).masked_fill(done, end))
        done |= ids[-1] == end
    return torch.stack(ids, dim=1)
