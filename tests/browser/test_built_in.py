"""Every built-in model opens in Explore and Steps, in a real Chromium; a hidden token;
several models at once."""

import re

import pytest
from playwright.sync_api import Page, expect

import attnviz
from attnviz.analysis.block import blocks
from attnviz.app import example
from attnviz.app.text import Text

pytestmark = pytest.mark.browser
PATIENCE = 30_000
EN = Text("en")
NO_ERROR = ".stException, .katex-error, [data-testid=stAlertContentError]"


def drawn(page: Page) -> None:
    expect(page.locator(".head-grid")).to_have_attribute(
        "data-drawn", re.compile(r"\d+"), timeout=PATIENCE
    )


@pytest.mark.parametrize("name", attnviz.models())
def test_a_model_shows_its_heads_and_walks_through_its_steps(
    page: Page, address: str, name: str
) -> None:
    trace = attnviz.run(attnviz.load(name, "cpu"), example.first(name, "en"))
    page.goto(f"{address}/?lang=en&model={name}&write=0")
    drawn(page)
    grid = page.locator(".head-grid")
    for block in blocks(trace):
        expect(grid).to_contain_text(EN(block.replace(".", "-")))
    expect(page.locator(".chips")).to_contain_text("</s>" if trace.source else "<s>")
    expect(page.locator(NO_ERROR)).to_have_count(0)
    page.goto(f"{address}/steps?lang=en&model={name}&write=0")
    expect(page.get_by_text(f"of {len(trace)}")).to_be_visible(timeout=PATIENCE)
    expect(page.locator(NO_ERROR)).to_have_count(0)


def test_a_double_click_hides_a_token_and_another_one_brings_it_back(
    page: Page, address: str
) -> None:
    page.goto(f"{address}/?lang=en&model=masked&text=I like green tea.")
    drawn(page)
    box = page.get_by_label("Sentence", exact=True)
    page.locator(".chips .chip", has_text="green").dblclick()
    expect(box).to_have_value("I like <mask> tea.", timeout=PATIENCE)
    hidden = page.locator(".chips .chip", has_text="<mask>")
    hidden.hover()
    expect(page.locator(".chips .card")).to_contain_text(EN("chips-alternatives"))
    hidden.dblclick()
    expect(box).to_have_value("I like green tea.", timeout=PATIENCE)


def test_a_gpt_writes_on_as_far_as_it_is_asked(page: Page, address: str) -> None:
    page.goto(f"{address}/?lang=en&model=stories&text=Once upon a time&write=12&draw=0")
    drawn(page)
    trace = attnviz.run(attnviz.load("stories", "cpu"), "Once upon a time", n_new=12)
    assert trace.target is not None
    expect(page.locator(".chips .chip")).to_have_count(len(trace.target), timeout=PATIENCE)


@pytest.mark.parametrize("first", ["intent-cnn", "en-zh"])
def test_one_sentence_goes_through_all_models_of_a_task(
    page: Page, address: str, first: str
) -> None:
    page.goto(f"{address}/models?lang=en&group={first}&text={example.first(first, 'en')}")
    task = [n for n in attnviz.models() if n.startswith("intent")] if first != "en-zh" else []
    names = task or ["en-zh", "rnn-en-zh"]
    for name in names:
        answer = page.locator("strong", has_text=name).first
        expect(answer).to_be_visible(timeout=PATIENCE)
    n_pictures = 2  # weights and contributions, or one cross-attention for each translator
    expect(page.locator(".js-plotly-plot")).to_have_count(n_pictures, timeout=PATIENCE)
    expect(page.locator(NO_ERROR)).to_have_count(0)
