"""A trace shows itself in a notebook, offline."""

import torch

import attnviz
from attnviz.trace import Trace


def test_a_trace_shows_its_heads_in_a_notebook_without_any_address(bundle):
    html = attnviz.run(bundle, "the cat", to="zh")._repr_html_()
    assert html
    assert "http://" not in html
    assert "https://" not in html
    assert "<canvas" in html or "canvas" in html


def test_attention_on_bare_tensors_shows_itself_too():
    q, k, v = torch.randn(1, 2, 3, 4), torch.randn(1, 2, 5, 4), torch.randn(1, 2, 5, 6)
    assert attnviz.attend("softmax", q, k, v)._repr_html_()


def test_a_trace_without_attention_falls_back_to_text():
    assert Trace({})._repr_html_() is None
