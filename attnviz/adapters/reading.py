"""Reading one pass of one stack: every attention goes through our own data path beside the model's.

Recording changes nothing: the model goes on with its own numbers, and ours must be the same. Only
where a step is edited or a part is changed does the model go on with ours.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from attnviz.adapters.part import follows, given_mask
from attnviz.adapters.seam import Answer, Asked
from attnviz.attention.core import KEY, VALUE, Q, attend
from attnviz.attention.parts import Parts, over
from attnviz.model.block import RESID_POST, RESID_PRE
from attnviz.model.embedding import SUM
from attnviz.model.transformer import UNCHANGED, Changes
from attnviz.pretrained import LoadError
from attnviz.recorder import Recorder, Silence, Step

TOLERANCE = 1e-5
"""How far our numbers may be from the model's own: of weights, and of values as a share of the
largest."""
LARGE = 25.0
"""Scores above this are rounded so coarsely (float32) that weights may differ in proportion."""
EMBEDDED = replace(SUM, formula=r"x^0", rule="")
LEFT = replace(RESID_POST["pre"], formula=r"\mathrm{Layer}(x)", rule="")
FINAL = Step(
    "final",
    "T D",
    r"x^{\mathrm{final}}",
    words={
        "en": ("Ready for the vocabulary", "What is compared with every word of the vocabulary."),
        "zh": ("送入词表之前", "接下来要与词表中每个词比较的向量。"),
    },
)
_NAMES = {
    "q": ("Queries", "查询", "Q"),
    "k": ("Keys", "键", "K"),
    "v": ("Values", "值", "V"),
}


def _entering(step: Step, turned: bool) -> Step:
    """q, k or v as the model gives it to the attention."""
    en, zh, letter = _NAMES[step.name]
    said = "As the model made them: " + (
        "projected, and turned by the place of each token (RoPE)." if turned else "projected."
    )
    zh_said = "由模型算出：已做投影" + ("，并按词元位置旋转（RoPE）。" if turned else "。")
    formula = rf"{letter}^{{\mathrm{{rot}}}}" if turned else letter
    return replace(step, formula=formula, rule="", words={"en": (en, said), "zh": (zh, zh_said)})


ENTERING = {
    (step.name, turned): _entering(step, turned)
    for step in (Q, KEY, VALUE)
    for turned in (False, True)
}


@dataclass(frozen=True, kw_only=True)
class Call:
    """One attention of a stack: which it is ("0.self"), its parts, whether q and k come turned."""

    path: str
    parts: Parts
    turned: bool


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The attentions of a stack in the order of computation; `layered` where the residual stream
    can be followed from layer to layer."""

    stack: str
    calls: tuple[Call, ...]
    layered: bool


class Reading:
    """The reader of one pass: it records under `rec` and is then thrown away."""

    def __init__(self, plan: Plan, rec: Recorder, changes: Changes = UNCHANGED) -> None:
        self.plan, self.changes = plan, changes
        self.rec = rec.at(plan.stack)
        self.silent = isinstance(rec, Silence)
        self.n_attentions = self.n_layers = 0
        self.final: Tensor | None = None
        self._last: Tensor | None = None

    def attention(self, asked: Asked) -> Answer:
        """The model's own answer, checked against ours; ours where something is changed."""
        call = self.plan.calls[self.n_attentions]
        self.n_attentions += 1
        path = f"{self.plan.stack}.{call.path}"
        change = self.changes.get(path)
        if self.silent and change is None:
            return asked.eager()
        layer, kind = call.path.split(".")
        rec = self.rec.at(layer).at(kind)
        z_BHTE, pattern_BHTS, largest = recorded(
            asked, call, over(call.parts, change or Parts()), rec
        )
        if change is not None or rec.edited:
            return z_BHTE.transpose(1, 2).contiguous(), pattern_BHTS
        answer = asked.eager()
        agree(path, answer, z_BHTE, pattern_BHTS, max(1.0, largest / LARGE))
        return answer

    def enter(self, _layer: nn.Module, x_BTD: Tensor) -> Tensor | None:
        """The stream before a layer; that of the first one is also what the embedding gave."""
        if self.silent or not self.plan.layered:
            return None
        x = x_BTD.clone()  # a model may go on writing into what it reads
        if self.n_layers == 0:
            x = self.rec.at("embed").keep(EMBEDDED, x)
        elif self._last is not None and torch.equal(self._last, x):
            x = self._last
        kept = self.rec.at(self.n_layers).keep(RESID_PRE, x, x=x)
        return None if torch.equal(kept, x_BTD) else kept

    def leave(self, _layer: nn.Module, x_BTD: Tensor) -> Tensor | None:
        """The stream after a layer."""
        if self.silent or not self.plan.layered:
            return None
        self._last = self.rec.at(self.n_layers).keep(LEFT, x_BTD.clone())
        self.n_layers += 1
        return None if torch.equal(self._last, x_BTD) else self._last

    def head(self, x_BTD: Tensor) -> Tensor | None:
        """What the vocabulary is scored with."""
        if self.silent:
            return None
        self.final = self.rec.keep(FINAL, x_BTD.clone())
        return None if torch.equal(self.final, x_BTD) else self.final


def recorded(
    asked: Asked, call: Call, parts: Parts, rec: Recorder
) -> tuple[Tensor, Tensor | None, float]:
    """z BHTE and the pattern BHTS as our own data path computes and records them, and the largest
    score; no pattern where the parts have a path of their own."""
    seen: list[tuple[Tensor, float]] = []
    parts, allowed = fitted(asked, call, parts)
    normalize = parts.normalize
    if normalize is not None:

        def watched(masked_BHTS: Tensor, rec: Recorder) -> Tensor:
            largest = float(masked_BHTS.nan_to_num(0, 0, 0).abs().max())
            seen.append((normalize(masked_BHTS, rec), largest))
            return seen[-1][0]

        parts = replace(parts, normalize=watched)
    q, k, v = (
        rec.keep(ENTERING[name, call.turned and name != "v"], value)
        for name, value in (("q", asked.q), ("k", asked.k), ("v", asked.v))
    )
    z_BHTE = attend(q, k, v, allowed, parts, rec)
    pattern_BHTS, largest = seen[-1] if seen else (None, 0.0)
    return z_BHTE, pattern_BHTS, largest


def fitted(asked: Asked, call: Call, parts: Parts) -> tuple[Parts, Tensor | None]:
    """The parts, and the model's mask as far as it is not the rule of its own parts."""
    given, own = given_mask(asked), call.parts.allow
    if own is None or (given is not None and follows(own, given)):
        return parts, None if own else given
    if given is None and asked.q.shape[2] == 1:  # one query, which sees all that came before
        return parts, None
    return replace(parts, allow=None) if parts.allow is own else parts, given


def agree(
    path: str, answer: Answer, z_BHTE: Tensor, pattern_BHTS: Tensor | None, slack: float = 1.0
) -> None:
    """Raises LoadError, which names the attention, where ours is not what the model computed."""
    out_BTHE, weights_BHTS = answer
    pairs = [("pattern", weights_BHTS, pattern_BHTS, 1.0)]
    pairs += [("z", out_BTHE.transpose(1, 2), z_BHTE, max(1.0, float(out_BTHE.abs().max())))]
    for name, theirs, ours, size in pairs:
        if theirs is None or ours is None:
            continue
        far = float((theirs - ours).abs().max()) if theirs.shape == ours.shape else float("inf")
        if not far <= TOLERANCE * size * slack:
            place, apart = f"{path}.{name}", f"{far:.2g}"
            message = (
                f"{place}: this model computes its attention in a way that attnviz does not know "
                f"(its numbers and ours are {apart} apart)"
            )
            raise LoadError("attention", message, name=place, far=apart)
