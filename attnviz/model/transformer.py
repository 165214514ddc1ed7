"""The model: encoder-decoder, decoder-only and encoder-only in one code.

Vaswani et al. 2017, arXiv:1706.03762. `forward` is the paper's Figure 1 read from bottom to top.
"""

from collections.abc import Mapping
from types import MappingProxyType

import torch
from torch import Tensor, nn

from attnviz.attention.core import STANDARD
from attnviz.attention.masks.causal import causal
from attnviz.attention.masks.padding import padding
from attnviz.attention.parts import Parts, over
from attnviz.attention.positions.rope import rope
from attnviz.config import ModelConfig
from attnviz.model.block import Block
from attnviz.model.cache import Cache
from attnviz.model.decision import GREEDY, Decision, decide
from attnviz.model.embedding import Embedding
from attnviz.model.norm import norm
from attnviz.model.pool import Pool
from attnviz.recorder import SILENT, Recorder, Step

LOGITS = Step("logits", "T V", r"\ell = X W_E^\top", "sum(d, x[t, d] * W_E[v, d])")

CLASS = Step(
    "logits",
    "T V",
    r"\ell = X W_C + b_C",
    "sum(d, x[t, d] * W_C[v, d]) + b_C[v]",
    words={
        "en": (
            "Score the labels",
            "A last linear map turns the pooled vector into one number for each label, its logit.",
        ),
        "zh": (
            "给标签打分",
            "最后一个线性映射把池化得到的向量变成每个标签的一个数，即它的 logit。",
        ),
    },
)

CAUSAL = Parts(allow=causal)
POSITION = {"rope": rope("half", 10_000.0)}
"""Positions that are put into the queries and keys of self-attention."""

Changes = Mapping[str, Parts]
"""Where ("decoder.2.cross") which parts of the attention are put in place of the model's own."""
UNCHANGED: Changes = MappingProxyType({})


def _within(changes: Changes, stack: str) -> Changes:
    """The changes of one stack, by layer and attention."""
    start = f"{stack}."
    return {k.removeprefix(start): v for k, v in changes.items() if k.startswith(start)}


class Stack(nn.Module):
    """The blocks of an encoder or a decoder, and the final norm of a pre-norm stack."""

    def __init__(self, config: ModelConfig, *, cross: bool, onward: bool) -> None:
        super().__init__()
        positioned = over(STANDARD, POSITION.get(config.position, Parts()))
        self.parts = over(positioned, CAUSAL) if onward else positioned
        self.blocks = nn.ModuleList(
            Block(config, cross=cross, onward=onward) for _ in range(config.n_layers)
        )
        self.norm = norm(config.norm, config.d_model) if config.norm_place == "pre" else None

    def forward(
        self,
        x_BTD: Tensor,
        allowed: Tensor | None = None,
        memory_BSD: Tensor | None = None,
        memory_allowed: Tensor | None = None,
        rec: Recorder = SILENT,
        cache: Cache | None = None,
        changes: Changes = UNCHANGED,
    ) -> Tensor:
        for layer, block in enumerate(self.blocks):
            past = cache.layers[layer] if cache else (None, None)
            parts = self.own_parts(layer, changes)
            at = rec.at(layer)
            x_BTD = block(x_BTD, allowed, memory_BSD, memory_allowed, parts, at, past)
        return self.norm(x_BTD, rec) if self.norm is not None else x_BTD

    def own_parts(self, layer: int, changes: Changes = UNCHANGED) -> tuple[Parts, Parts]:
        """The parts of self- and of cross-attention, with the changes "LAYER.self" and so on."""
        own = (("self", self.parts), ("cross", STANDARD))
        changed = (over(parts, changes.get(f"{layer}.{name}", Parts())) for name, parts in own)
        return (self.parts, STANDARD) if not changes else (next(changed), next(changed))


class Transformer(nn.Module):
    """A Transformer of any kind that ModelConfig describes. Its dropout is 0 until a training sets
    it."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.embed = Embedding(config)
        self.dropout = nn.Dropout(0.0)
        cross = config.kind == "encoder-decoder"
        self.encoder = Stack(config, cross=False, onward=False) if config.has_encoder else None
        self.pool = Pool(config) if config.n_slots else None
        self.decoder = Stack(config, cross=cross, onward=True) if config.has_decoder else None
        self.classify = nn.Linear(config.d_model, len(config.labels)) if config.labels else None

    @property
    def dtype(self) -> torch.dtype:
        return self.embed.W_E.dtype

    @property
    def device(self) -> torch.device:
        return self.embed.W_E.device

    @property
    def has_logits(self) -> bool:
        """Whether it says anything; another library's encoder may give vectors alone."""
        return True

    @property
    def missing(self) -> tuple[str, ...]:
        """What is computed and not recorded: nothing."""
        return ()

    @property
    def never(self) -> tuple[int, ...]:
        """Ids that are not to be written."""
        return ()

    def attentions(self) -> tuple[str, ...]:
        """Every attention there is ("decoder.0.cross"), in the order of computation."""
        layers = range(self.config.n_layers)
        mixing = ["self"] if self.config.body == "transformer" else []
        crossing = ["cross"] if self.config.kind == "encoder-decoder" else []
        found = [("encoder", i, kind) for i in layers for kind in mixing if self.encoder]
        found += [("pool", 0, "cross")] if self.pool else []
        both = [*mixing, *crossing]
        found += [("decoder", i, kind) for i in layers for kind in both if self.decoder]
        return tuple(f"{stack}.{layer}.{kind}" for stack, layer, kind in found)

    def cache(self) -> Cache:
        """An empty cache for decoding."""
        assert self.decoder is not None
        return Cache([block.past() for block in self.decoder.blocks])  # type: ignore[operator]

    def parts(self, attention: str, changes: Changes = UNCHANGED) -> Parts:
        """What an attention ("decoder.0.cross") is made of, with the changes."""
        stack, layer, name = attention.split(".")
        if stack == "pool":
            return over(STANDARD, changes.get(attention, Parts()))
        found = self.encoder if stack == "encoder" else self.decoder
        assert found is not None, f"a {self.config.kind} model has no {stack}"
        return found.own_parts(int(layer), _within(changes, stack))[name == "cross"]

    def forward(
        self,
        source_BS: Tensor | None = None,
        target_BT: Tensor | None = None,
        source_real_BS: Tensor | None = None,
        rec: Recorder = SILENT,
        changes: Changes = UNCHANGED,
        decision: Decision = GREEDY,
    ) -> Tensor:
        """Logits BTV (BSV for an encoder-only model, one row of labels for a classifier).
        `source_real` is False at padding; `decision` only tells which way from the logits to the
        token is recorded."""
        x = None
        if self.encoder is not None and source_BS is not None:
            x = self.encode(source_BS, source_real_BS, rec, changes)
        if self.decoder is not None and target_BT is not None:
            x = self.decode(target_BT, x, source_real_BS, rec, changes=changes)
        assert x is not None, f"a {self.config.kind} model got neither of its inputs"
        return self.unembed(x, rec, decision)

    def encode(
        self,
        source_BS: Tensor,
        real_BS: Tensor | None = None,
        rec: Recorder = SILENT,
        changes: Changes = UNCHANGED,
    ) -> Tensor:
        """The encoder's output, the memory BSD; where slots pool it, theirs."""
        assert self.encoder is not None
        at = rec.at("encoder")
        x_BSD = self.dropout(self.embed(source_BS, 0, at.at("embed")))
        allowed = None if real_BS is None else padding(real_BS)
        x_BSD = self.encoder(x_BSD, allowed, rec=at, changes=_within(changes, "encoder"))
        if self.pool is None:
            return x_BSD
        return self.pool(x_BSD, allowed, rec.at("pool"), self.parts("pool.0.cross", changes))

    def decode(
        self,
        target_BT: Tensor,
        memory_BSD: Tensor | None = None,
        memory_real_BS: Tensor | None = None,
        rec: Recorder = SILENT,
        cache: Cache | None = None,
        changes: Changes = UNCHANGED,
    ) -> Tensor:
        """The decoder's output BTD for the tokens of `target` that follow those in `cache`."""
        assert self.decoder is not None
        rec = rec.at("decoder")
        start = cache.length if cache else 0
        if start and memory_BSD is not None:
            memory_BSD = memory_BSD[:, :0]  # the cache holds its keys and values
        x_BTD = self.dropout(self.embed(target_BT, start, rec.at("embed")))
        if self.pool is not None:
            memory_real_BS = None  # every slot is real
        real = None if memory_real_BS is None else padding(memory_real_BS)
        within = _within(changes, "decoder")
        x_BTD = self.decoder(x_BTD, None, memory_BSD, real, rec, cache, within)
        if cache:
            cache.length += target_BT.shape[1]
        return x_BTD

    def unembed(self, x_BTD: Tensor, rec: Recorder = SILENT, decision: Decision = GREEDY) -> Tensor:
        """Logits BTV; the way from them to the token or the label is recorded."""
        if self.classify is not None:
            about = {"W_C": self.classify.weight, "b_C": self.classify.bias}
            logits_BTV = rec.keep(CLASS, self.classify(self.dropout(x_BTD)), x=x_BTD, **about)
        else:
            logits_BTV = self.embed.unembed(x_BTD)
            logits_BTV = rec.keep(LOGITS, logits_BTV, x=x_BTD, W_E=self.embed.W_E)
        decide(logits_BTV, decision, rec)
        return logits_BTV
