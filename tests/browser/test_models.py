"""A reader sends a file in a real Chromium: it is shown, or refused in one sentence."""

import io
import json
import pickle
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from playwright.sync_api import Page, expect

from attnviz import pretrained
from attnviz.model.transformer import Transformer
from attnviz.pretrained import models

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif("en-zh" not in models(), reason="the built-in model is not there"),
]
PATIENCE = 30_000


def visit(page: Page, address: str, query: str = "lang=en") -> None:
    page.goto(f"{address}/?{query}")
    expect(page.locator(".head-grid")).to_have_attribute(
        "data-drawn", re.compile(r"\d+"), timeout=PATIENCE
    )


def send(page: Page, name: str, data: bytes) -> None:
    if not page.locator("input[type=file]").count():
        page.get_by_text("Open another model").click()
        page.get_by_role("radio", name="File").click()
    file = {"name": name, "mimeType": "application/octet-stream", "buffer": data}
    page.locator("input[type=file]").set_input_files([file])  # type: ignore[list-item]


def test_weights_that_are_sent_are_drawn_and_their_link_shows_them_again(page, address):
    weights = torch.randn(2, 3, 4, 6, generator=torch.Generator().manual_seed(0)).softmax(-1)
    file = io.BytesIO()
    words = {"tokens": ["The", "sun", "is", "very", "warm", "."], "target": list("太阳很暖")}
    np.savez(file, **{"decoder.cross": weights.numpy(), **words})
    visit(page, address)
    send(page, "own.npz", file.getvalue())
    chips = page.locator(".chips")
    expect(chips).to_contain_text("warm", timeout=PATIENCE)
    expect(chips).to_contain_text("暖")
    expect(page.get_by_text("2 layers of 3 heads, 4 queries, 6 keys")).to_be_visible()
    expect(page.get_by_label("Sentence", exact=True)).to_have_count(0)
    page.wait_for_function("location.search.includes('weights')")
    page.reload()
    expect(chips).to_contain_text("warm", timeout=PATIENCE)


def test_a_model_that_is_sent_translates_in_the_page(
    page: Page,
    address: str,
    make_model: Callable[..., Transformer],
    tokenizer_file: Path,
    tmp_path: Path,
) -> None:
    model = make_model(d_vocab=321).float()
    pretrained.save(tmp_path / "mine", model, tokenizer_file)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for part in (tmp_path / "mine").iterdir():
            archive.write(part, part.name)
    visit(page, address)
    send(page, "my-own.zip", file.getvalue())
    n = model.config.n_layers
    size = f"my-own.zip: {n} encoder layers + {n} decoder layers"
    expect(page.get_by_text(size)).to_be_visible(timeout=PATIENCE)
    page.get_by_label("Sentence", exact=True).fill("I like green tea")
    page.get_by_label("Sentence", exact=True).press("Enter")
    expect(page.locator(".chips")).to_contain_text("·ea", timeout=PATIENCE)


def test_a_file_that_cannot_be_trusted_leaves_the_picture_as_it_is(page, address):
    visit(page, address)
    chips = page.locator(".chips")
    send(page, "model.pt", pickle.dumps({"a": 1}))
    expect(page.get_by_text("is a pickle, which could run programs")).to_be_visible(
        timeout=PATIENCE
    )
    expect(chips).to_contain_text("weather")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("../config.json", json.dumps({}))
    send(page, "model.zip", out.getvalue())
    expect(page.get_by_text("leads out of its folder")).to_be_visible(timeout=PATIENCE)
    expect(chips).to_contain_text("weather")
