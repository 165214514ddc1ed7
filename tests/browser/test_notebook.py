"""The notebook's picture draws itself in a real browser, offline and in a sandbox."""

from html import escape
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, expect

from attnviz.figures.notebook import html
from attnviz.figures.payload import WORDS, GridBlock

pytestmark = pytest.mark.browser

TEXT = {name: name for name in WORDS["grid"]} | {"readout": "<row> > <column>"}
ROWS, COLUMNS = ("r0", "r1"), ("c0", "c1", "c2", "c3")


def picture(weight: float) -> str:
    """One block whose every weight is `weight`."""
    weights_LHTS = np.full((2, 3, 2, 4), weight, dtype=np.float32)
    return html([GridBlock("decoder.cross", "Cross", weights_LHTS, ROWS, COLUMNS)], TEXT)


def test_two_outputs_draw_offline_and_read_their_own_exact_weights(
    chromium: Browser, tmp_path: Path
) -> None:
    same, other = picture(0.42824), picture(3.1416e-5)
    file = tmp_path / "notebook.html"
    file.write_text(f"<!doctype html>{same}{other}{same}", encoding="utf-8")
    context = chromium.new_context(offline=True)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(file.as_uri())
    expect(page.locator(".head-grid[data-drawn='1']")).to_have_count(3)
    for i, weight in enumerate(("0.4282", "3.142e−05", "0.4282")):
        page.locator(".stage").nth(i).focus()
        page.keyboard.press("Shift+ArrowRight")
        expect(page.locator(".readout").nth(i)).to_contain_text(f"{weight} r0 > c1")
    assert errors == []
    context.close()


def test_a_sandboxed_frame_draws_too(chromium: Browser) -> None:
    page = chromium.new_page()
    frame = f'<iframe sandbox="allow-scripts" srcdoc="{escape(picture(0.5))}"></iframe>'
    page.set_content(frame)
    drawn = page.frame_locator("iframe").locator(".head-grid[data-drawn='1']")
    expect(drawn).to_have_count(1)
    page.close()
