"""The Variants page, and a variant in the place of the model's own, in a real Chromium."""

import re
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from playwright.sync_api import ConsoleMessage, Locator, Page, expect

import attnviz
from attnviz.app.text import Text
from attnviz.figures.number import digits
from attnviz.pretrained import models

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif("en-zh" not in models(), reason="the built-in model is not there"),
]
PATIENCE = 30_000
EN = Text("en")
SHADES = """(canvas) => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return new Set(new Uint32Array(data.buffer)).size;
}"""
"""How many colours there are on a canvas."""


@pytest.fixture
def page(page: Page) -> Iterator[Page]:
    """A reader in whose console nothing goes wrong."""
    found: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        known = "/_stcore/" in message.location.get("url", "") and "404" in message.text
        if message.type == "error" and not known:  # Streamlit asks for its own path under a page's
            found.append(message.text)

    page.on("console", hear)
    page.on("pageerror", lambda error: found.append(str(error)))
    yield page
    assert found == []


def visit(page: Page, address: str, query: str) -> Locator:
    """Open a card and wait for its picture."""
    page.goto(f"{address}/variants?{query}")
    figure = page.locator(".comparison")
    expect(figure).to_have_attribute("data-drawn", re.compile(r"\d+"), timeout=PATIENCE)
    return figure


def weights(name: str, **parameters: float) -> np.ndarray:
    """The weights of a card's picture: random vectors of ten tokens."""
    make = torch.Generator().manual_seed(3)
    q, k, v = (torch.randn(1, 4, 10, 16, dtype=torch.float64, generator=make) for _ in "qkv")
    return attnviz.attend(name, q, k, v, None, **parameters)["pattern"].value[1].numpy()


def expect_weights(figure: Locator, *many: np.ndarray) -> None:
    """Each picture reads out its own weight of the cell that is pointed at."""
    row, column = map(int, figure.locator(".readout .token").all_text_contents())
    for shown, one in zip(figure.locator(".value .weight").all(), many, strict=True):
        expect(shown).to_have_text(digits(float(np.float32(one[row, column]))))


def is_within(page: Page, width: int) -> bool:
    """Whether nothing is wider than the window."""
    sizes = "['html', '.stMain'].map((x) => document.querySelector(x).scrollWidth)"
    return max(page.evaluate(sizes)) <= width


def test_the_picture_of_a_card_follows_its_slider(page, address):
    figure = visit(page, address, "lang=en&variant=entmax")
    expect(page.get_by_role("heading", name="Alpha-entmax")).to_be_visible()
    assert min(c.evaluate(SHADES) for c in figure.locator("canvas.base").all()) > 4
    assert is_within(page, 1440)
    stage = figure.locator(".stage").first
    stage.scroll_into_view_if_needed()
    stage.hover()
    expect_weights(figure, weights("softmax"), weights("entmax"))
    page.get_by_role("slider", name="alpha").focus()
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    expect(page.locator("code", has_text="alpha=1.75").first).to_be_visible(timeout=PATIENCE)
    for _ in range(2):
        stage.hover()
        expect_weights(figure, weights("softmax"), weights("entmax", alpha=1.75))
        page.wait_for_timeout(500)


def test_a_variant_is_found_by_typing_and_shown_in_chinese_on_a_telephone(chromium, address):
    context = chromium.new_context(locale="zh-CN", viewport={"width": 390, "height": 844})
    page = context.new_page()
    figure = visit(page, address, "")
    title = attnviz.variants()["linear"].title["zh"]
    box = page.get_by_role("combobox", name=Text("zh")("variants-search"))
    box.fill(f"{title} (linear)")
    box.press("Enter")
    expect(page.get_by_role("heading", name=title)).to_be_visible(timeout=PATIENCE)
    page.wait_for_function("location.search.includes('variant=linear')")
    figure.locator(".stage").first.hover()
    expect_weights(figure, weights("softmax"), weights("linear"))
    assert is_within(page, 390)
    context.close()


def test_the_way_back_to_the_trained_model_holds_in_the_sidebar_too(page, address):
    page.goto(f"{address}/?lang=en&text=I+read+a+book.&put=linear")
    banner = page.get_by_text(re.compile("The model runs with Linear attention"))
    expect(banner).to_be_visible(timeout=PATIENCE)
    box = page.get_by_test_id("stSidebar").get_by_role("combobox", name=EN("put"))
    expect(box).to_have_value(re.compile("^Linear attention"))
    page.get_by_role("button", name=EN("put-reset")).click()
    expect(banner).to_have_count(0, timeout=PATIENCE)
    page.wait_for_function("!location.search.includes('put=')")
    expect(box).to_have_value("")
    page.get_by_text(EN("words")).click()
    page.wait_for_function("location.search.includes('words=1')")
    page.wait_for_timeout(1000)
    expect(banner).to_have_count(0)
    assert "put=" not in page.url


def test_the_sidebar_puts_an_attention_in_and_takes_it_out(page, address):
    page.goto(f"{address}/?lang=en&text=I+read+a+book.")
    chips = page.locator(".chips").last
    expect(chips).to_contain_text("读", timeout=PATIENCE)
    box = page.get_by_test_id("stSidebar").get_by_role("combobox", name=EN("put"))
    box.fill("Linear attention (elu + 1)")
    box.press("Enter")
    banner = page.get_by_text(re.compile("The model runs with Linear attention"))
    expect(banner).to_be_visible(timeout=PATIENCE)
    expect(chips).to_contain_text("看")
    assert is_within(page, 1440)
    page.get_by_test_id("stSidebar").get_by_label("Clear value").click(timeout=5000)
    expect(banner).to_have_count(0, timeout=PATIENCE)
    expect(chips).to_contain_text("读")
