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
from attnviz.model.decision import GREEDY, Decision, decide
from attnviz.model.generate import generate
from attnviz.model.swap import Swap, swapped
from attnviz.model.transformer import LOGITS, UNCHANGED, Changes
from attnviz.pretrained import Bundle
from attnviz.recorder import Edit, Recorder
from attnviz.tokenizer import Tokenizer, clean
from attnviz.trace import Tokens, Trace


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
) -> Trace:
    """Run the model on `text` and keep every step.

    `target` forces the output of an encoder-decoder, as a text or as that of an earlier run;
    without it the model decodes greedily. `to` is the language to translate into ("zh"), by default
    the one that `text` is not in. `edits` maps a path ("decoder.0.cross.pattern") to what its value
    is replaced with. `variant` ("entmax", or several joined by +) takes the place of the model's
    own attention `where` that says ("decoder.2.cross", "*.*.self", "decoder.0.self.3" for one head;
    see `model.swap.Swap`), with its `parameters`, and the model decodes with it. `changes` maps an
    attention ("decoder.0.cross") to parts that take the place of the model's own; decoding itself
    is done without them. `decision` is how the recorded way goes on from the logits to a token.
    Text that does not fit n_ctx is cut at its end; `facts["cut"]` counts the characters left out
    of source and target. Raises InputError for an empty text or an unknown language, and KeyError
    for an edit or a change of what the model does not have.
    """
    if not clean(text):
        raise InputError("empty", "The text is empty: type a sentence.")
    source = _source(bundle, text, to)
    swap = Swap(variant=variant, where=where, parameters=parameters or {}) if variant else None
    put = swapped(bundle.model, swap) if swap else UNCHANGED
    read, facts = _read(bundle, source, target, put)
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
        output=_next(bundle, logits_1TV) if read is source else read.text,
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
    """The text's tokens: direction token first and </s> last, or <s> first for a decoder alone."""
    tokenizer = bundle.tokenizer
    direction = _direction(tokenizer, text, to)
    before = [tokenizer.directions[direction]] if direction else []
    after = [tokenizer.end]
    if not bundle.config.has_encoder:
        before, after = [tokenizer.start], []
    return tokenizer.encode(text, before, after, bundle.config.n_ctx)


def _read(
    bundle: Bundle, source: Tokens, target: str | Trace | None, changes: Changes
) -> tuple[Tokens, dict[str, Any]]:
    """The tokens of the last stack, and as a fact whether a translation came to its end."""
    if bundle.config.kind != "encoder-decoder":
        return source, {}
    read, finished = _target(bundle, source, target, changes)
    return read, {"finished": finished}


def _target(
    bundle: Bundle, source: Tokens, target: str | Trace | None, changes: Changes
) -> tuple[Tokens, bool]:
    """The decoder's input, forced or decoded, and whether it came to its end."""
    tokenizer, n_ctx = bundle.tokenizer, bundle.config.n_ctx
    if isinstance(target, Trace) and target.target is not None:
        return target.target, target.facts["finished"]
    if isinstance(target, str) and clean(target):
        forced = tokenizer.encode(target, [tokenizer.start], limit=n_ctx)
        return forced, not _cut(forced)
    limit = min(n_ctx, 2 * len(source) + 16)
    about = (tokenizer.start, tokenizer.end, limit)
    ids = generate(bundle.model, _batch(source, bundle), None, *about, changes=changes)
    found = ids[0].tolist()
    finished = found[-1] == tokenizer.end
    return tokenizer.tokens(found[:-1] if finished else found), finished


def _batch(tokens: Tokens, bundle: Bundle) -> Tensor:
    return torch.tensor([tokens.ids], device=bundle.device)


def _next(bundle: Bundle, logits_1TV: Tensor) -> str:
    """The most probable token at the last position."""
    return bundle.tokenizer.piece(int(logits_1TV[0, -1].argmax())).strip()


def _cut(tokens: Tokens) -> int:
    """How many characters at the end of the text no token stands for."""
    return len(tokens.text) - max((span[1] for span in tokens.spans if span), default=0)


def _facts(bundle: Bundle, source: Tokens, read: Tokens) -> dict[str, Any]:
    sides = {"source": source} if read is source else {"source": source, "target": read}
    return {
        "model": bundle.name,
        "text": source.text,
        "device": str(bundle.device),
        "dtype": str(bundle.model.embed.W_E.dtype).removeprefix("torch."),
        "n_ctx": bundle.config.n_ctx,
        "cut": {side: _cut(tokens) for side, tokens in sides.items()},
    }
