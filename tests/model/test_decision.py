"""From logits to a token: every recorded number is that of a slow loop."""

import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attnviz.model.decision import GREEDY, Decision, decide
from attnviz.recorder import Recorder
from attnviz.trace import Trace

V = 7
LOGITS = (1.2, -0.3, 2.5, 0.0, 1.2, -4.0, 2.4)


def decided(rows: Any, decision: Decision, dtype: torch.dtype = torch.float64) -> Trace:
    rec = Recorder()
    decide(torch.tensor([rows], dtype=dtype), decision, rec)
    return Trace.of(rec)


def slow(logits: list[float], decision: Decision) -> dict[str, Any]:
    """One row, number by number."""
    heat = [x / decision.temperature for x in logits]
    top = max(heat)
    exp = [math.exp(x - top) for x in heat]
    probs = [x / math.fsum(exp) for x in exp]
    rank = [1 + sum(other > p for other in probs) for p in probs]
    before = [math.fsum(other for other in probs if other > p) for p in probs]
    most = decision.top_k or len(logits)
    stays = [r <= most and b < decision.top_p for r, b in zip(rank, before, strict=True)]
    cut = [p if stay else 0.0 for p, stay in zip(probs, stays, strict=True)]
    left = math.fsum(cut)
    final = [p / left for p in cut]
    return {
        **{"tempered": heat, "max": [top], "exp": exp, "sum": [math.fsum(exp)], "probs": probs},
        **{"rank": rank, "before": before, "cut": cut, "left": [left], "final": final},
        "chosen": final.index(max(final)),
    }


def check(trace: Trace, rows: list[list[float]], decision: Decision) -> None:
    for t, row in enumerate(rows):
        for name, expected in slow(row, decision).items():
            found = trace[name].value[t].double()
            wanted = torch.tensor(expected, dtype=torch.float64)
            torch.testing.assert_close(
                found, wanted, atol=1e-12, rtol=1e-12, msg=lambda m, n=name: f"{n}: {m}"
            )


numbers = st.integers(-9, 9).map(lambda i: 0.37 * i)
rows = st.integers(1, 8).flatmap(
    lambda v: st.lists(st.lists(numbers, min_size=v, max_size=v), min_size=1, max_size=4)
)


@given(
    rows=rows,
    temperature=st.sampled_from([0.3, 0.7, 1.0, 4.1]),
    top_k=st.sampled_from([None, 1, 2, 3, 6, 1000]),
    top_p=st.sampled_from([0.0137, 0.31, 0.62, 0.97, 1.0]),
)
def test_every_step_to_the_token_is_that_of_a_slow_loop(
    rows: list[list[float]], temperature: float, top_k: int | None, top_p: float
) -> None:
    decision = Decision(temperature=temperature, top_k=top_k, top_p=top_p)
    check(decided(rows, decision), rows, decision)


def test_by_itself_nothing_is_cut_and_the_likeliest_token_is_chosen() -> None:
    trace = decided([LOGITS], GREEDY)
    expected = torch.tensor([LOGITS], dtype=torch.float64).softmax(-1)
    torch.testing.assert_close(trace["final"].value, expected, atol=1e-15, rtol=0)
    assert trace["chosen"].value.tolist() == [2]


def test_two_tokens_alike_have_one_rank_stay_together_and_the_first_is_chosen() -> None:
    trace = decided([(0.0, 1.0, 1.0, -2.0)], Decision(top_k=1))
    assert trace["rank"].value.tolist() == [[3, 1, 1, 4]]
    assert trace["before"].value[0, 1:3].tolist() == [0, 0]
    assert trace["final"].value.tolist() == [[0, 0.5, 0.5, 0]]
    assert trace["chosen"].value.tolist() == [1]


def test_a_vocabulary_of_tokens_that_are_all_alike_stays_whole() -> None:
    trace = decided([[0.5] * V], Decision(top_k=1, top_p=0.01))
    assert trace["rank"].value.tolist() == [[1] * V]
    torch.testing.assert_close(trace["final"].value, torch.full((1, V), 1 / V).double())


@pytest.mark.parametrize("top_k", [V, V + 1, 10_000])
def test_a_top_k_of_the_vocabulary_or_more_cuts_nothing(top_k: int) -> None:
    trace = decided([LOGITS], Decision(top_k=top_k))
    assert torch.equal(trace["cut"].value, trace["probs"].value)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("logits", [LOGITS, (40.0, 0.0, -3.0), (0.0,) * 5000], ids=len)
def test_a_top_p_of_one_cuts_nothing(logits: tuple[float, ...], dtype: torch.dtype) -> None:
    trace = decided([logits], GREEDY, dtype)
    assert torch.equal(trace["cut"].value, trace["probs"].value)


def test_a_small_top_p_keeps_the_likeliest_token_alone() -> None:
    trace = decided([LOGITS], Decision(top_p=1e-9))
    assert trace["final"].value.tolist() == [[0, 0, 1, 0, 0, 0, 0]]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("temperature", [1e-2, 1e-6, 1e-30])
def test_a_tiny_temperature_gives_all_to_the_likeliest_token(
    temperature: float, dtype: torch.dtype
) -> None:
    trace = decided([LOGITS], Decision(temperature=temperature), dtype)
    expected = torch.tensor([[0, 0, 1, 0, 0, 0, 0]], dtype=dtype)
    torch.testing.assert_close(trace["final"].value, expected, atol=1e-4, rtol=0)
    assert trace["chosen"].value.tolist() == [2]


def test_a_large_temperature_makes_all_tokens_alike() -> None:
    found = decided([LOGITS], Decision(temperature=1e9))["final"].value
    torch.testing.assert_close(found, torch.full((1, V), 1 / V).double(), atol=1e-8, rtol=0)


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"temperature": 0.0}, r"^temperature must be a number above 0, not 0\.0$"),
        ({"temperature": -1.5}, r"^temperature .* not -1\.5$"),
        ({"temperature": math.inf}, r"^temperature .* not inf$"),
        ({"temperature": math.nan}, r"^temperature .* not nan$"),
        ({"top_k": 0}, r"^top_k must be at least 1, not 0$"),
        ({"top_k": -3}, r"^top_k .* not -3$"),
        ({"top_p": 0.0}, r"^top_p must be above 0 and at most 1, not 0\.0$"),
        ({"top_p": 1.01}, r"^top_p .* not 1\.01$"),
        ({"top_p": math.nan}, r"^top_p .* not nan$"),
    ],
)
def test_a_number_out_of_range_is_refused_by_name(choices: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Decision(**choices)
