"""BLEU of a translation model on sentence pairs, all references of a source counted.

sacreBLEU (Post 2018, arXiv:1804.08771) with the tokenizer that its authors recommend a language.
"""

from collections import defaultdict
from collections.abc import Callable

import torch
from sacrebleu.metrics.bleu import BLEU, BLEUScore

from attnviz.model.generate import Choose, generate, greedy
from attnviz.model.protocol import Model
from attnviz.tokenizer import Tokenizer
from attnviz.training.batch import pad
from attnviz.training.corpus import Pair

_TOKENIZE = {"zh": "zh", "en": "13a"}


def translate(
    model: Model,
    tokenizer: Tokenizer,
    texts: list[str],
    to: str,
    choose: Choose = greedy,
    size: int = 64,
) -> list[str]:
    """Translations of `texts` into language `to`, `size` sentences at a time."""
    limit = model.config.n_ctx
    rows = [list(tokenizer.source(text, limit, to=to).ids) for text in texts]
    return written(model, tokenizer, rows, choose, size)


def written(
    model: Model,
    tokenizer: Tokenizer,
    rows: list[list[int]],
    choose: Choose = greedy,
    size: int = 64,
) -> list[str]:
    """What the model writes for every source of ids, `size` sources of like lengths at a time."""
    order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
    device = next(model.parameters()).device
    found = [""] * len(rows)
    for begin in range(0, len(order), size):
        chosen = order[begin : begin + size]
        source = pad([rows[i] for i in chosen], tokenizer.pad).to(device)
        real = source != tokenizer.pad
        start = torch.full((len(chosen), 1), tokenizer.start, device=device)
        ids = generate(model, source, real, start, tokenizer.end, model.config.n_ctx, choose)
        for i, row in zip(chosen, ids.tolist(), strict=True):
            found[i] = tokenizer.decode(row)
    return found


def bleu(pairs: list[Pair], to: str, translator: Callable[[list[str]], list[str]]) -> BLEUScore:
    """Corpus BLEU of `translator` over (source, reference) pairs into language `to`."""
    references = defaultdict(list)
    for source, reference in pairs:
        references[source].append(reference)
    most = max(map(len, references.values()))
    columns = [[r[i] if i < len(r) else None for r in references.values()] for i in range(most)]
    metric = BLEU(tokenize=_TOKENIZE[to])
    return metric.corpus_score(translator(list(references)), columns)  # type: ignore[arg-type]


@torch.inference_mode()
def both_ways(
    model: Model, tokenizer: Tokenizer, pairs: list[Pair], languages: tuple[str, str]
) -> dict[str, BLEUScore]:
    """BLEU into each of the two languages of the pairs."""
    first, second = languages
    swapped = [(b, a) for a, b in pairs]
    return {
        second: bleu(pairs, second, lambda texts: translate(model, tokenizer, texts, second)),
        first: bleu(swapped, first, lambda texts: translate(model, tokenizer, texts, first)),
    }
