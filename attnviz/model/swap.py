"""Another attention in a trained model: where a variant is put, and what of the model's own stays.

What is put in place keeps the model's projections; its numbers show the arithmetic of the variant,
not what a model would have learnt that was trained with it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase

import torch
from torch import Tensor

from attnviz.attention.catalogue import find
from attnviz.attention.core import Z, attend
from attnviz.attention.normalizers.softmax import PATTERN
from attnviz.attention.parameter import Inputs, Value
from attnviz.attention.parts import Allow, Parts, over
from attnviz.attention.variant import Variant
from attnviz.error import InputError
from attnviz.model.protocol import Model
from attnviz.model.transformer import Changes
from attnviz.recorder import Recorder, Step

OWN = Step("own", "H T S", r"C^{\mathrm{model}}", kind="weight")
VISIBLE = Step(
    "visible",
    "H T S",
    r"C \wedge C^{\mathrm{model}}",
    "allowed[h, t, s] * own[h, t, s]",
    kind="weight",
)
BEFORE = Step("pattern_before", "H T S", r"A^{\mathrm{model}}")
AFTER = Step("pattern_after", "H T S", r"A^{\mathrm{variant}}")
PICKED = "where(h == head, {0}_after[h, t, {1}], {0}_before[h, t, {1}])"
PATTERN_PICKED = replace(
    PATTERN,
    formula=r"A_h = \begin{cases} A^{\mathrm{variant}}_h & h = n \\ A^{\mathrm{model}}_h & h \ne n"
    r"\end{cases}",
    rule=PICKED.format("pattern", "s"),
    kind="number",
)
Z_BEFORE = Step("z_before", "H T E", r"Z^{\mathrm{model}}")
Z_AFTER = Step("z_after", "H T E", r"Z^{\mathrm{variant}}")
Z_PICKED = replace(
    Z, formula=PATTERN_PICKED.formula.replace("A", "Z"), rule=PICKED.format("z", "e")
)


@dataclass(frozen=True, kw_only=True)
class Swap:
    """The `variant` (or several joined by +) with its `parameters`, in every attention that `where`
    names: "STACK.LAYER.ATTENTION", each a name or *, and with a fourth part in one head only. What
    is left out is *: "decoder" is all of the decoder, "*.*.cross.3" head 3 of every layer."""

    variant: str
    where: str = "*"
    parameters: Mapping[str, Value] = field(default_factory=dict)


def swapped(model: Model, swap: Swap) -> Changes:
    """The changes to `model` that put the variant in. An attention that the variant cannot take the
    place of stays as it is. Raises InputError where none is left, and as `Variant.build` does."""
    variant = find(swap.variant)
    parts = swap.where.split(".")
    stack, layer, name, head = [*parts, *"****"][:4]
    here = [
        attention
        for attention in model.attentions()
        if fnmatchcase(attention, f"{stack}.{layer}.{name}")
    ]
    n_heads = model.config.n_heads
    if not here or len(parts) > 4 or not (head == "*" or head in map(str, range(n_heads))):
        known = ", ".join(model.attentions())
        message = f"the model has no attention {swap.where!r}; it has {known}, each {n_heads} heads"
        raise InputError("where", message, where=swap.where, known=known, heads=n_heads)
    fitting = [attention for attention in here if _takes(model, attention, variant)]
    if not fitting:
        message = (
            f"{variant.name} cannot take the place of {swap.where}: it works on all tokens at once,"
            " or counts where a query stands among the keys, which cross-attention does not know"
        )
        raise InputError("unfit", message, name=variant.name)
    built = variant.build(inputs(model), **swap.parameters)
    return {attention: _put(model.parts(attention), built, head) for attention in fitting}


def _takes(model: Model, attention: str, variant: Variant) -> bool:
    """Whether an attention's tokens and mask are such that the variant can be put there."""
    promised = variant.properties
    if model.parts(attention).allow and (promised.growing or not promised.maskable):
        return False
    return not (attention.endswith("cross") and (promised.square or promised.placed))


def inputs(model: Model) -> Inputs:
    """The sizes of the model's attentions; there is room for n_ctx tokens."""
    config = model.config
    sizes = {"B": 1, "H": config.n_heads, "G": config.n_kv_heads}
    sizes |= dict.fromkeys("KE", config.d_head) | dict.fromkeys("TSC", config.n_ctx)
    return Inputs(sizes | {"D": config.d_model}, model.dtype, model.device)


def _put(own: Parts, built: Parts, head: str) -> Parts:
    """What takes the place of the model's own parts: a mask of theirs stays beside that of the
    variant."""
    if own.allow and built.allow and built.allow is not own.allow:
        built = replace(built, allow=_both(own.allow, built.allow))
    return built if head == "*" else _one_head(own, over(own, built), int(head))


def _both(own: Allow, more: Allow) -> Allow:
    def allow(scores_BHTS: Tensor, rec: Recorder) -> Tensor | None:
        theirs = more(scores_BHTS, rec)
        if theirs is None:
            return own(scores_BHTS, rec)
        ours = own(scores_BHTS, Recorder())
        if ours is None:
            return theirs
        ours = rec.keep(OWN, ours)
        return rec.keep(VISIBLE, theirs & ours, allowed=theirs, own=ours)

    return allow


def _one_head(own: Parts, changed: Parts, head: int) -> Parts:
    """Parts that compute both ways and take the variant's for one head only."""

    def whole(
        q_BHTK: Tensor, k_BGSK: Tensor, v_BGSE: Tensor, allowed: Tensor | None, rec: Recorder
    ) -> Tensor:
        ways = []
        for parts, steps in ((own, (BEFORE, Z_BEFORE)), (changed, (AFTER, Z_AFTER))):
            inner = Recorder()
            z_BHTE = attend(q_BHTK, k_BGSK, v_BGSE, allowed, parts, inner)
            pattern_BHTS = rec.keep(steps[0], inner.kept()[PATTERN.name].value)
            ways.append((pattern_BHTS, rec.keep(steps[1], z_BHTE)))
        (before_BHTS, z_before), (after_BHTS, z_after) = ways
        chosen_H11 = (torch.arange(q_BHTK.shape[1], device=q_BHTK.device) == head)[:, None, None]
        pattern_BHTS = after_BHTS.where(chosen_H11, before_BHTS)
        rec.keep(
            PATTERN_PICKED,
            pattern_BHTS,
            pattern_before=before_BHTS,
            pattern_after=after_BHTS,
            head=head,
        )
        z_BHTE = z_after.where(chosen_H11, z_before)
        return rec.keep(Z_PICKED, z_BHTE, z_before=z_before, z_after=z_after, head=head)

    return Parts(whole=whole, weights=changed.weights)
