"""Architectures whose attention does not ask transformers' interface: here it asks the seam.

Each keeps the arithmetic of its model file; the forward of one module is put in its place when the
model is loaded.
"""

import math
from collections.abc import Callable, Mapping
from functools import partial
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from attnviz.adapters.seam import Answer, Asked, answered
from attnviz.attention.positions.alibi import slopes


def bloom(
    self: Any,
    hidden_states: Tensor,
    residual: Tensor,
    alibi: Tensor,
    attention_mask: Tensor | None,
    layer_past: Any = None,
    **_: Any,
) -> tuple[Tensor, Tensor | None]:
    """BloomAttention.forward (Scao et al. 2022, arXiv:2211.05100), asking the seam."""
    q, k, v = self._reshape(self.query_key_value(hidden_states))
    if layer_past is not None:
        k, v = layer_past.update(k, v, self.layer_idx)

    def eager() -> Answer:
        about = {"batch1": q.flatten(0, 1), "batch2": k.flatten(0, 1).mT, "beta": self.beta}
        scores = alibi.baddbmm(**about, alpha=self.inv_norm_factor)
        scores = scores.view(*q.shape[:3], -1)
        scores = scores if attention_mask is None else scores + attention_mask
        pattern = scores.softmax(-1, dtype=torch.promote_types(q.dtype, torch.float32)).to(q.dtype)
        return torch.matmul(pattern, v).transpose(1, 2), pattern

    extras = {"slopes": self.slopes}
    asked = Asked(self, q, k, v, attention_mask, self.inv_norm_factor, extras, eager)
    z, pattern = answered(asked)
    return residual + self.dense(z.flatten(2)), pattern


def neo(
    self: Any, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None = None
) -> Answer:
    """GPTNeoSelfAttention._attn, asking the seam; `bias` is its causal or local mask."""
    t, s = query.shape[2], key.shape[2]
    allowed = self.bias[:, :, s - t : s, :s]
    if attention_mask is not None:
        allowed = allowed & (attention_mask[..., :s] > torch.finfo(query.dtype).min / 2)

    def eager() -> Answer:
        z, pattern = type(self)._attn(self, query, key, value, attention_mask)
        return z.transpose(1, 2), pattern

    window = self.config.window_size if self.attention_type == "local" else None
    extras = {"sliding_window": window}
    z, pattern = answered(Asked(self, query, key, value, allowed, 1.0, extras, eager))
    return z.transpose(1, 2), pattern


def gptj(
    self: Any, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None = None
) -> Answer:
    """GPTJAttention._attn and CodeGen's, asking the seam."""

    def eager() -> Answer:
        z, pattern = type(self)._attn(self, query, key, value, attention_mask)
        return z.transpose(1, 2), pattern

    scale = 1 / float(self.scale_attn)
    z, pattern = answered(Asked(self, query, key, value, attention_mask, scale, {}, eager))
    return z.transpose(1, 2), pattern


def mpnet(
    self: Any,
    hidden_states: Tensor,
    attention_mask: Tensor | None = None,
    position_bias: Tensor | None = None,
    output_attentions: bool = False,
    **_: Any,
) -> tuple[Tensor, ...]:
    """MPNetSelfAttention.forward (Song et al. 2020, arXiv:2004.09297), asking the seam; its
    positions are T5's."""
    shape = (*hidden_states.shape[:-1], -1, self.attention_head_size)
    q, k, v = (f(hidden_states).view(shape).transpose(1, 2) for f in (self.q, self.k, self.v))

    def eager() -> Answer:
        scores = torch.matmul(q, k.mT) / math.sqrt(self.attention_head_size)
        scores = scores if position_bias is None else scores + position_bias
        scores = scores if attention_mask is None else scores + attention_mask
        pattern = scores.softmax(-1)
        return torch.matmul(pattern, v).transpose(1, 2), pattern

    extras = {"position_bias": position_bias, "table": self.positions}
    scale = self.attention_head_size**-0.5
    z, pattern = answered(Asked(self, q, k, v, attention_mask, scale, extras, eager))
    out = self.o(z.flatten(2))
    return (out, pattern) if output_attentions else (out,)  # type: ignore[return-value]


ASKING: Mapping[str, tuple[str, Callable[..., Any]]] = {
    "BloomAttention": ("forward", bloom),
    "GPTNeoSelfAttention": ("_attn", neo),
    "GPTJAttention": ("_attn", gptj),
    "CodeGenAttention": ("_attn", gptj),
    "MPNetSelfAttention": ("forward", mpnet),
}
"""The class of a module, which of its methods, and what takes its place."""
UNLISTED = frozenset({"bloom", "gpt_neo", "gptj", "codegen", "mpnet"})
"""The kinds of model that have such modules; transformers knows them with eager attention only."""


def ask(model: nn.Module) -> None:
    """Let the attentions that do not know the interface ask the seam."""
    module: Any
    for module in model.modules():
        name, method = ASKING.get(type(module).__name__, ("", None))
        if method is None:
            continue
        if method is bloom:
            table = slopes((module.num_heads,), torch.Generator()).to(module.dense.weight)
            module.register_buffer("slopes", table, persistent=False)
        if method is mpnet:
            module.positions = _mpnet_positions(model)
        setattr(module, name, partial(method, module))


def _mpnet_positions(model: nn.Module) -> SimpleNamespace:
    """MPNet's table, which its encoder holds, under the names that T5's has; the two numbers stand
    in its code."""
    tables = (m for name, m in model.named_modules() if name.endswith("relative_attention_bias"))
    return SimpleNamespace(
        relative_attention_bias=next(tables),
        relative_attention_num_buckets=32,
        relative_attention_max_distance=128,
        is_decoder=False,
    )
