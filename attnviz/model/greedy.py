"""Greedy decoding with a key/value cache: at every step the most probable token."""

import torch
from torch import Tensor

from attnviz.model.cache import Cache
from attnviz.model.transformer import Transformer


@torch.inference_mode()
def greedy(
    model: Transformer,
    source_BS: Tensor,
    source_real_BS: Tensor | None,
    start: int,
    end: int,
    limit: int,
) -> tuple[Tensor, Tensor]:
    """Ids BT that begin with `start`, and the logits BTV that chose them.

    A row is finished at `end`, which is filled up to the longest row; no row has more than `limit`
    ids before its end. Logits row t chose the id at t + 1 (the last one closes the text).
    """
    memory_BSD = model.encode(source_BS, source_real_BS)
    cache = Cache(model.config.n_layers)
    ids = [torch.full((len(source_BS),), start, device=source_BS.device)]
    done = torch.zeros_like(ids[0], dtype=torch.bool)
    logits = []
    while len(ids) < limit and not done.all():
        x_B1D = model.decode(ids[-1][:, None], memory_BSD, source_real_BS, cache=cache)
        logits.append(model.unembed(x_B1D)[:, -1])
        ids.append(logits[-1].argmax(-1).masked_fill(done, end))
        done |= ids[-1] == end
    return torch.stack(ids, dim=1), torch.stack(logits, dim=1)
