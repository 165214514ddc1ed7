"""A model of `transformers` with the face of our own Transformer.

Nothing of a pass stays behind: a reader is made for each, and the hooks on the model only ask it.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from attnviz.adapters import seam, unlisted
from attnviz.adapters.probe import SOURCE, TARGET, Probe, turns
from attnviz.adapters.reading import Plan, Reading
from attnviz.adapters.size import Sizes
from attnviz.attention.parts import Parts, over
from attnviz.config import Kind
from attnviz.model.decision import GREEDY, Decision, decide
from attnviz.model.embedding import IDS
from attnviz.model.transformer import UNCHANGED, Changes
from attnviz.recorder import SILENT, Recorder, Step

LOGITS = Step("logits", "T V", r"\ell = \mathrm{head}(X)")
PLAIN = Step("logits", "T V", r"\ell = X W_U^\top", "sum(d, x[t, d] * W_U[v, d])")
BIASED = Step("logits", "T V", r"\ell = X W_U^\top + b_U", "sum(d, x[t, d] * W_U[v, d]) + b_U[v]")
MISSING = ("embedding", "projections", "out", "norm", "mlp")
"""What is computed inside a foreign layer and not recorded."""


class Past:
    """The keys and values of tokens read before, owned by the caller."""

    def __init__(self) -> None:
        self.kept: Any = None


class Foreign(nn.Module):
    """`hf` is a model of transformers, read through the seam. Raises LoadError where its attention
    cannot be followed number by number."""

    def __init__(self, hf: Any, kind: Kind, n_ctx: int) -> None:
        super().__init__()
        self.hf = hf
        self.kind: Kind = kind
        unlisted.ask(hf)
        seam.listen(hf, self.head)
        self.has_logits = self.head is not None
        self.plain_head = False
        self.plans, self.config = self._probed(n_ctx)
        followed = all(plan.layered for plan in self.plans.values())
        self.missing = MISSING if followed else (*MISSING, "resid")
        self._proved()

    @property
    def dtype(self) -> torch.dtype:
        return next(self.hf.parameters()).dtype

    @property
    def device(self) -> torch.device:
        return next(self.hf.parameters()).device

    @property
    def head(self) -> Any:
        """The module that makes logits; None where there is none."""
        try:
            return self.hf.get_output_embeddings()
        except (AttributeError, NotImplementedError):
            return None

    @property
    def never(self) -> tuple[int, ...]:
        """Ids that the model must not write."""
        about = getattr(self.hf, "generation_config", None)
        words = getattr(about, "bad_words_ids", None) or ()
        return tuple(ids[0] for ids in words if len(ids) == 1)

    def attentions(self) -> tuple[str, ...]:
        """Every attention there is ("decoder.0.cross"), in the order of computation."""
        return tuple(f"{s}.{call.path}" for s, plan in self.plans.items() for call in plan.calls)

    def parts(self, attention: str, changes: Changes = UNCHANGED) -> Parts:
        """What an attention ("decoder.0.cross") is made of, with the changes."""
        stack, _, path = attention.partition(".")
        own = next(call.parts for call in self.plans[stack].calls if call.path == path)
        return over(own, changes.get(attention, Parts()))

    def cache(self) -> Past:
        """An empty past for `decode`."""
        return Past()

    def forward(
        self,
        source_BS: Tensor | None = None,
        target_BT: Tensor | None = None,
        source_real_BS: Tensor | None = None,
        rec: Recorder = SILENT,
        changes: Changes = UNCHANGED,
        decision: Decision = GREEDY,
    ) -> Tensor:
        """Logits BTV, or the last hidden state BTD of a model without a head."""
        memory_BSD, ids = None, target_BT if source_BS is None else source_BS
        if self.kind == "encoder-decoder":
            memory_BSD, ids = self.encode(source_BS, source_real_BS, rec, changes), target_BT
        assert ids is not None, f"a {self.kind} model got neither of its inputs"
        x_BTV, read = self._last(ids, memory_BSD, source_real_BS, rec, None, changes)
        return self._unembed(x_BTV, rec, decision, read.final)

    def encode(
        self,
        source_BS: Tensor | None,
        real_BS: Tensor | None = None,
        rec: Recorder = SILENT,
        changes: Changes = UNCHANGED,
    ) -> Tensor:
        """The encoder's output, the memory BSD."""
        assert source_BS is not None, f"a {self.kind} model needs a source"
        with seam.read_by(Reading(self.plans["encoder"], rec, changes)):
            rec.at("encoder").at("embed").keep(IDS, source_BS)
            return self._encoded(source_BS, real_BS)

    def decode(
        self,
        target_BT: Tensor,
        memory_BSD: Tensor | None = None,
        memory_real_BS: Tensor | None = None,
        rec: Recorder = SILENT,
        cache: Past | None = None,
        changes: Changes = UNCHANGED,
    ) -> Tensor:
        """The logits BTV for the tokens of `target` that follow those in `cache`."""
        return self._last(target_BT, memory_BSD, memory_real_BS, rec, cache, changes)[0]

    def unembed(self, x_BTV: Tensor, rec: Recorder = SILENT, decision: Decision = GREEDY) -> Tensor:
        """`x`, which `decode` made logits of; the way from them to the token is recorded."""
        return self._unembed(x_BTV, rec, decision, None)

    def _unembed(
        self, x_BTV: Tensor, rec: Recorder, decision: Decision, final_BTD: Tensor | None
    ) -> Tensor:
        if self.head is None:
            return x_BTV
        bias = getattr(self.head, "bias", None)
        step = LOGITS if not self.plain_head else PLAIN if bias is None else BIASED
        logits_BTV = rec.keep(step, x_BTV, x=final_BTD, W_U=self.head.weight, b_U=bias)
        decide(logits_BTV, decision, rec)
        return logits_BTV

    def _last(
        self,
        ids_BT: Tensor,
        memory_BSD: Tensor | None,
        real_BS: Tensor | None,
        rec: Recorder,
        cache: Past | None,
        changes: Changes,
    ) -> tuple[Tensor, Reading]:
        """What the last stack makes of the ids, and how it was read."""
        read = Reading(self.plans[_last_stack(self.kind)], rec, changes)
        with seam.read_by(read):
            read.rec.at("embed").keep(IDS, ids_BT)
            return self._written(ids_BT, memory_BSD, real_BS, cache), read

    def _encoded(self, source_BS: Tensor, real_BS: Tensor | None) -> Tensor:
        about = {"input_ids": source_BS, "attention_mask": _mask(source_BS, real_BS)}
        return self.hf.get_encoder()(**about).last_hidden_state

    def _written(
        self,
        ids_BT: Tensor,
        memory_BSD: Tensor | None,
        real_BS: Tensor | None,
        cache: Past | None = None,
    ) -> Tensor:
        """The output of the last stack, by transformers itself."""
        about: dict[str, Any] = {} if self.kind == "encoder-only" else {"use_cache": bool(cache)}
        if cache is not None:
            about["past_key_values"] = cache.kept
        if memory_BSD is None:
            about |= {"input_ids": ids_BT}
            about |= {} if cache else {"attention_mask": _mask(ids_BT, real_BS)}
        else:
            from transformers.modeling_outputs import BaseModelOutput

            encoded = BaseModelOutput(last_hidden_state=memory_BSD)
            about |= {"decoder_input_ids": ids_BT, "encoder_outputs": encoded}
            about |= {"attention_mask": _mask(memory_BSD[..., 0], real_BS)}
        found = self.hf(**about)
        if cache is not None:
            cache.kept = found.past_key_values
        return found.last_hidden_state if self.head is None else found.logits

    @torch.no_grad()
    def _probed(self, n_ctx: int) -> tuple[dict[str, Plan], Sizes]:
        """The plan of each stack in the order of computation, and the sizes that were seen."""
        plans, memory, turned = {}, None, turns(self.hf)
        if self.kind == "encoder-decoder":
            with seam.read_by(probe := Probe()):
                memory = self._encoded(self._ids(SOURCE), None)
            plans["encoder"] = probe.plan("encoder", turned)
        with seam.read_by(probe := Probe()):
            self._written(self._ids(TARGET), memory, None)
        plans[_last_stack(self.kind)] = probe.plan(_last_stack(self.kind), turned)
        first = probe.asked[0]
        sizes = Sizes(
            kind=self.kind,
            d_vocab=self._n_ids,
            d_model=probe.d_model or self.hf.config.hidden_size,
            n_ctx=n_ctx,
            n_heads=first.q.shape[1],
            n_kv_heads=first.k.shape[1],
            n_layers=max(int(c.path.split(".")[0]) + 1 for p in plans.values() for c in p.calls),
            d_head=first.q.shape[3],
            architecture=self.hf.config.model_type,
        )
        return plans, sizes

    @torch.no_grad()
    def _proved(self) -> None:
        """Record one pass, so that a model that we compute otherwise is refused when it is loaded;
        and see whether the logits are just a product."""
        memory = None
        if self.kind == "encoder-decoder":
            memory = self.encode(self._ids(SOURCE), None, Recorder())
        about = (None, Recorder(), None, UNCHANGED)
        x_BTV, read = self._last(self._ids(TARGET), memory, *about)
        if isinstance(self.head, nn.Linear) and read.final is not None:
            self.plain_head = torch.equal(
                x_BTV, linear(read.final, self.head.weight, self.head.bias)
            )

    @property
    def _n_ids(self) -> int:
        return self.hf.get_input_embeddings().weight.shape[0]

    def _ids(self, n: int) -> Tensor:
        """`n` tokens that are no padding."""
        pad = getattr(self.hf.config, "pad_token_id", None)
        known = [i for i in range(min(self._n_ids, n + 1)) if i != pad]
        return torch.tensor([[known[i % len(known)] for i in range(n)]], device=self.device)


def _last_stack(kind: Kind) -> str:
    return "encoder" if kind == "encoder-only" else "decoder"


def _mask(like_BS: Tensor, real_BS: Tensor | None) -> Tensor:
    """True at real tokens, as transformers wants it."""
    return torch.ones_like(like_BS, dtype=torch.long) if real_BS is None else real_BS.long()
