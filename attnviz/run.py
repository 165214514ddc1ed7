"""(bundle, text, edits) -> Trace. The only maker of a Recorder for a whole model.

Decoding goes token by token with a key/value cache; then one recorded pass over the finished
target gives every step of the computation at once.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from attnviz.attention.parameter import Value
from attnviz.attention.parts import Parts, over
from attnviz.error import InputError
from attnviz.model.decision import GREEDY, Decision, decide, drawn
from attnviz.model.generate import Choose, generate, greedy
from attnviz.model.swap import Swap, swapped
from attnviz.model.transformer import LOGITS, UNCHANGED, Changes
from attnviz.pretrained import Bundle
from attnviz.recorder import Edit, Recorder
from attnviz.tokenizer import Tokenizer, clean
from attnviz.trace import Tokens, Trace

SLOT = "q"
"""What the learned queries of a pool are called, with a number."""


@torch.no_grad()
def run(
    bundle: Bundle,
    text: str,
    target: str | Trace | None = None,
    *,
    to: str | None = None,
    edits: Mapping[str, Edit] | None = None,
    variant: str | None = None,
    where: str = "*",
    parameters: Mapping[str, Value] | None = None,
    changes: Changes = UNCHANGED,
    decision: Decision = GREEDY,
    n_new: int = 0,
    seed: int | None = None,
) -> Trace:
    """Run the model on `text` and keep every step.

    `target` forces what a decoder writes, as a text or as that of an earlier run; without it the
    model decodes greedily, a decoder alone `n_new` tokens after the text. With a `seed` each token
    is drawn by chance, as `decision` makes it probable. `to` is the language to translate into
    ("zh"), by default the one that `text` is not in. `edits` maps a path
    ("decoder.0.cross.pattern") to what its value is replaced with. `variant` ("entmax", or several
    joined by +) takes the place of the model's own attention `where` that says ("decoder.2.cross",
    "*.*.self", "decoder.0.self.3" for one head; see `model.swap.Swap`), with its `parameters`, and
    the model decodes with it. `changes` maps an attention ("decoder.0.cross") to parts that take
    the place of the model's own; decoding itself is done without them. `decision` is how the
    recorded way goes on from the logits to a token. <mask> in the text hides a token from a model
    that was trained to tell it; `facts["hidden"]` are the places of those.

    Text that does not fit n_ctx is cut at its end; `facts["cut"]` counts the characters left out
    of source and target. Raises InputError for an empty text or an unknown language, and KeyError
    for an edit or a change of what the model does not have.
    """
    if not clean(text):
        raise InputError("empty", "The text is empty: type a sentence.")
    source = _source(bundle, text, to)
    swap = Swap(variant=variant, where=where, parameters=parameters or {}) if variant else None
    put = swapped(bundle.model, swap) if swap else UNCHANGED
    choose = _choose(bundle, decision, seed)
    read, facts = _read(bundle, source, target, n_new, put, choose)
    changes = {**put, **{at: over(put.get(at, Parts()), new) for at, new in changes.items()}}
    rec = Recorder(edits, {**bundle.weights, **_weights(changes)})
    inputs = _inputs(bundle, source, read)
    logits_1TV = bundle.model(**inputs, rec=rec, changes=changes, decision=decision)
    facts |= _facts(bundle, source, read) | {"to": _direction(bundle.tokenizer, text, to)}
    facts |= {"variant": variant, "changed": list(changes)}
    trace = Trace.of(
        rec,
        source=source if bundle.config.has_encoder else None,
        target=read if bundle.config.has_decoder else None,
        slots=_slots(bundle),
        output=_output(bundle, source, read, logits_1TV),
        facts=facts,
    )
    for path in (*(edits or ()), *(f"{attention}.pattern" for attention in changes)):
        _ = trace[path]
    return trace


def decided(trace: Trace, decision: Decision) -> Trace:
    """The same run with another way from its logits to a token."""
    rec = Recorder()
    logits_1TV = rec.keep(LOGITS, trace["logits"].value[None])
    decide(logits_1TV, decision, rec)
    anew = {path: kept for path, kept in Trace.of(rec).items() if path != LOGITS.name}
    return replace(trace, steps={**trace.steps, **anew})


def _weights(changes: Changes) -> dict[str, Tensor]:
    """The tensors that the changes bring along: "variant.NAME" where all attentions share one, else
    by the attention's path."""
    found: dict[str, Tensor] = {}
    for at, parts in changes.items():
        for name, tensor in parts.weights.items():
            shared = found.setdefault(f"variant.{name}", tensor) is tensor
            if not shared:
                found[f"{at}.{name}"] = tensor
    return found


def _inputs(bundle: Bundle, source: Tokens, read: Tokens) -> dict[str, Tensor]:
    """The model's arguments: ids BS for an encoder, BT for a decoder."""
    ids: dict[str, Tensor] = {}
    if bundle.config.has_encoder:
        ids["source_BS"] = _batch(source, bundle)
    if bundle.config.has_decoder:
        ids["target_BT"] = _batch(read, bundle)
    return ids


def _direction(tokenizer: Tokenizer, text: str, to: str | None) -> str | None:
    """The language to translate into; None for a model of one language."""
    if not tokenizer.directions:
        return None
    to = to or tokenizer.other_language(text)
    if to not in tokenizer.directions:
        known = ", ".join(tokenizer.directions)
        raise InputError("language", f"the model writes {known}, not {to!r}", to=to, known=known)
    return to


def _source(bundle: Bundle, text: str, to: str | None) -> Tokens:
    """The text's tokens with what the model wants before and after them."""
    tokenizer, config = bundle.tokenizer, bundle.config
    direction = _direction(tokenizer, text, to)
    return tokenizer.source(text, config.n_ctx, to=direction, encoder=config.has_encoder)


def _choose(bundle: Bundle, decision: Decision, seed: int | None) -> Choose:
    if seed is None:
        return greedy
    return drawn(decision, torch.Generator(bundle.device).manual_seed(seed))


def _read(
    bundle: Bundle,
    source: Tokens,
    target: str | Trace | None,
    n_new: int,
    changes: Changes,
    choose: Choose,
) -> tuple[Tokens, dict[str, Any]]:
    """The tokens of the last stack, and as a fact whether the writing came to its end."""
    if not bundle.config.has_decoder:
        return source, {}
    if isinstance(target, Trace) and target.target is not None:
        kept = {"finished", "prompt"} & target.facts.keys()
        return target.target, {name: target.facts[name] for name in kept}
    tokenizer, n_ctx = bundle.tokenizer, bundle.config.n_ctx
    alone = not bundle.config.has_encoder
    begin = list(source.ids) if alone else [tokenizer.start]
    facts = {"prompt": len(begin)} if alone else {}
    if isinstance(target, str) and clean(target):
        forced = tokenizer.encode(target, begin, limit=n_ctx)
        if alone:
            written = tokenizer.tokens(forced.ids)
            left_out = forced.text[len(forced.text) - _cut(forced) :]
            return replace(written, text=written.text + left_out), facts | {"finished": False}
        return forced, {"finished": not _cut(forced)}
    if alone and not n_new:
        return source, facts | {"finished": False}
    limit = min(n_ctx, len(begin) + n_new if alone else 2 * len(source) + 16)
    start_1T = torch.tensor([begin], device=bundle.device)
    read_1S = None if alone else _batch(source, bundle)
    about = (start_1T, tokenizer.end, limit, choose)
    found = generate(bundle.model, read_1S, None, *about, changes=changes)[0].tolist()
    finished = len(found) > len(begin) and found[-1] == tokenizer.end
    written = tokenizer.tokens(found[:-1] if finished else found)
    return written, facts | {"finished": finished}


def _slots(bundle: Bundle) -> Tokens | None:
    """The queries of a pool, by number."""
    n_slots = getattr(bundle.config, "n_slots", 0)
    if not n_slots:
        return None
    numbers = range(n_slots)
    pieces = tuple(f" {SLOT}{i + 1}" for i in numbers)
    return Tokens("", pieces, tuple(numbers), (None,) * n_slots, (False,) * n_slots)


def _batch(tokens: Tokens, bundle: Bundle) -> Tensor:
    return torch.tensor([tokens.ids], device=bundle.device)


def _output(bundle: Bundle, source: Tokens, read: Tokens, logits_1TV: Tensor) -> str:
    """The model's answer: what it wrote, the label it gives, or what it takes the hidden tokens
    for; a decoder alone that wrote nothing tells the next token."""
    if bundle.labels:
        return bundle.labels[int(logits_1TV[0, 0].argmax())]
    if not bundle.model.has_logits:
        return ""
    if bundle.config.has_decoder and read != source:
        return read.text
    rows = [-1] if bundle.config.has_decoder else _hidden(bundle, source)
    return " ".join(bundle.tokenizer.piece(int(logits_1TV[0, t].argmax())).strip() for t in rows)


def _hidden(bundle: Bundle, source: Tokens) -> list[int]:
    """The places of tokens that the model is to tell; none where it writes, or says nothing."""
    mask = bundle.tokenizer.mask
    if bundle.config.has_decoder or not bundle.model.has_logits:
        return []
    return [i for i, token in enumerate(source.ids) if mask is not None and token == mask]


def _cut(tokens: Tokens) -> int:
    """How many characters at the end of the text no token stands for."""
    return len(tokens.text) - max((span[1] for span in tokens.spans if span), default=0)


def _facts(bundle: Bundle, source: Tokens, read: Tokens) -> dict[str, Any]:
    sides = {"source": source} if read is source else {"source": source, "target": read}
    return {
        "model": bundle.name,
        "text": source.text,
        "device": str(bundle.device),
        "dtype": str(bundle.model.dtype).removeprefix("torch."),
        "n_ctx": bundle.config.n_ctx,
        "cut": {side: _cut(tokens) for side, tokens in sides.items()},
        "hidden": _hidden(bundle, source),
        "labels": list(bundle.labels),
    }
