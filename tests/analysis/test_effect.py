"""What a switch does to a row and to what is written, told in numbers."""

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

import attnviz
from attnviz.analysis import effect
from attnviz.app.switches import Switches
from attnviz.pretrained import Bundle
from attnviz.trace import Trace

HERE = "decoder.1.self"


@pytest.fixture(scope="module")
def wide(make_bundle: Callable[..., Bundle]) -> Bundle:
    return make_bundle(n_ctx=40)


def run(bundle: Bundle, **switched: str | bool) -> Trace:
    changes = {HERE: Switches(HERE, **switched).parts()} if switched else {}  # type: ignore[arg-type]
    return attnviz.run(bundle, "I like green tea", "我喜欢绿茶", to="zh", changes=changes)


@pytest.mark.parametrize("mask", ["before", "after", "none"])
def test_a_row_is_told_by_sums_on_paper(wide: Bundle, mask: str) -> None:
    trace = run(wide, mask=mask)
    pattern = trace[f"{HERE}.pattern"].value
    for h in range(pattern.shape[0]):
        for t in range(pattern.shape[1]):
            weights = pattern[h, t].tolist()
            found = effect.row(trace, HERE, h, t, causal=True)
            entropy = -math.fsum(w * math.log(w) for w in weights if w > 0)
            assert found.entropy == pytest.approx(entropy, abs=1e-6)
            assert found.largest == sorted(weights)[-1]
            assert found.total == pytest.approx(math.fsum(weights), abs=1e-12)
            assert found.future == pytest.approx(math.fsum(weights[t + 1 :]), abs=1e-12)
            assert found.nan == 0


def test_a_future_is_looked_at_only_where_the_mask_is_gone(wide: Bundle) -> None:
    for mask, looks in (("before", False), ("after", False), ("none", True)):
        assert (effect.row(run(wide, mask=mask), HERE, 0, 0, causal=True).future > 0) == looks


def test_without_a_causal_mask_no_token_is_later(wide: Bundle) -> None:
    assert effect.row(run(wide), "encoder.0.self", 0, 0, causal=False).future == 0


def test_weights_that_are_no_numbers_are_counted(wide: Bundle) -> None:
    edits = {f"{HERE}.q": lambda q: q * 1e4}
    changes = {HERE: Switches(HERE, softmax="naive").parts()}
    trace = attnviz.run(wide, "I like green tea", "我喜欢", edits=edits, changes=changes)
    pattern = trace[f"{HERE}.pattern"].value
    counts = [effect.row(trace, HERE, 0, t, causal=True).nan for t in range(pattern.shape[1])]
    assert counts == [sum(map(math.isnan, row)) for row in pattern[0].tolist()]
    assert sum(counts) > 0


def test_a_row_is_rewritten_where_another_token_is_the_likeliest(wide: Bundle) -> None:
    before = run(wide)
    logits = before["logits"].value.clone()
    best = logits[3].argmax()
    logits[3, best], logits[3, best - 1] = logits[3, best - 1].clone(), logits[3, best].clone()
    logits[1, 0] = torch.nan
    logits[2] += 5
    after = replace(before, steps={"logits": replace(before["logits"], found=logits)})
    assert effect.rewritten(before, after) == [1, 3]
    assert effect.rewritten(before, before) == []
