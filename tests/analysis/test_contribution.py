"""What each token adds to a label's logit, against gradients and against taking tokens away."""

import pytest
import torch
from torch import Tensor

from attnviz.analysis.contribution import contribution
from attnviz.config import ModelConfig
from attnviz.model.swap import Swap, swapped
from attnviz.model.transformer import Transformer
from attnviz.recorder import Recorder
from attnviz.trace import Trace

LABEL = 2


@pytest.fixture(params=["layer", "rms"])
def model(request: pytest.FixtureRequest) -> Transformer:
    torch.manual_seed(4)
    sizes = {"d_vocab": 19, "d_model": 12, "d_mlp": 0, "n_ctx": 9, "n_layers": 1}
    heads = {"n_heads": 3, "n_kv_heads": 3, "n_slots": 1, "labels": tuple("abcde")}
    about = {"kind": "encoder-only", "body": "gru", "position": "none", "norm": request.param}
    config = ModelConfig(**sizes, **heads, **about)
    found = Transformer(config).double().eval().requires_grad_(False)
    for weight in found.parameters():
        weight.data.normal_(0, 0.6)
    return found


@torch.no_grad()
def recorded(model: Transformer, ids: Tensor) -> Trace:
    rec = Recorder(weights=dict(model.named_parameters()))
    model(ids, rec=rec)
    return Trace.of(rec)


def test_tokens_and_the_rest_add_up_to_the_logit_over_the_mean(model: Transformer) -> None:
    trace = recorded(model, torch.tensor([[3, 7, 1, 18, 4]]))
    found = contribution(trace, LABEL)
    assert found is not None
    logits = trace["logits"].value[0]
    expected = float(logits[LABEL] - logits.mean())
    assert found.logit == pytest.approx(expected)
    assert float(found.tokens.sum()) + found.rest == pytest.approx(expected)


def test_a_token_adds_what_is_lost_when_its_value_is_taken_from_the_sum(
    model: Transformer,
) -> None:
    ids = torch.tensor([[3, 7, 1, 18, 4]])
    trace = recorded(model, ids)
    pool, classify = model.pool, model.classify
    assert pool is not None
    assert classify is not None
    found = contribution(trace, LABEL)
    assert found is not None
    gain = model.get_parameter("pool.norm.gain")
    pooled = trace["pool.0.pooled"].value
    centred = "pool.variance" in trace
    spread = pooled.var(correction=0) if centred else pooled.square().mean()
    size = (spread + 1e-5).sqrt()
    for place in range(5):
        zeroed = trace["pool.0.cross.v"].value.clone()
        zeroed[:, place] = 0
        z = trace["pool.0.cross.pattern"].value @ zeroed
        out = torch.einsum("htk,hkd->td", z, pool.attention.W_O) + pool.attention.b_O
        without = trace["pool.0.queries"].value + out
        lost = pooled - without
        if centred:
            lost = lost - lost.mean()
        logits = classify.weight @ (lost[0] / size * gain)
        expected = float(logits[LABEL] - logits.mean())
        assert float(found.tokens[place]) == pytest.approx(expected)


def test_where_a_variant_pools_that_adds_no_weighted_values_nothing_is_told(
    model: Transformer,
) -> None:
    swap = swapped(model, Swap(variant="gated", where="pool"))
    rec = Recorder(weights=dict(model.named_parameters()))
    with torch.no_grad():
        model(torch.tensor([[3, 7, 1, 18, 4]]), rec=rec, changes=swap)
    assert contribution(Trace.of(rec), LABEL) is None
