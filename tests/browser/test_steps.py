"""What a person sees and presses on the Steps page, in a real Chromium."""

import json
import math
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from urllib.parse import quote, urlparse

import numpy as np
import pytest
from playwright.sync_api import Page, expect

import attnviz
from attnviz.analysis.way import places, stages
from attnviz.app.text import Text
from attnviz.app.way import said
from attnviz.pretrained import Bundle, models
from attnviz.textbook import Lesson
from attnviz.trace import Trace

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif("en-zh" not in models(), reason="the built-in model is not there"),
]
PATIENCE = 30_000
SENTENCE = "I read a book."
LINK = f"lang=en&text={SENTENCE}"
EN = Text("en")
Seen = dict[str, Any]
LOOK = """async ([index, title]) => {
  const end = Date.now() + 10000;
  for (let mixed = false; ; await new Promise(requestAnimationFrame)) {
    const mark = document.querySelector(`.at-${index}`);
    const slot = mark?.closest("[class*=st-key-one-]");
    const all = (selector) => [...(slot?.querySelectorAll(selector) ?? [])];
    const rows = (part) => all(`.sum ${part} tr`).map((row) => [...row.cells].map(said));
    const said = (element) => element.textContent.trim();
    const isSeen = !!slot && getComputedStyle(slot).visibility === "visible";
    const isOld = all("[data-stale=true]").length > 0;
    mixed ||= isSeen && isOld && !mark.closest("[data-stale=true]");
    const formulas = all(".katex-display");
    const found = { isSeen, mixed, title: all("h4").map(said)[0], formulas: formulas.length };
    const isThere = isSeen && !isOld && found.title === title && formulas.length > 1;
    const tensor = isThere ? all("div").find((x) => x.shadowRoot)?.shadowRoot : null;
    found.canvas = tensor?.querySelector("canvas")?.clientWidth ?? 0;
    if (found.canvas || Date.now() > end) return {
      ...found,
      errors: document.querySelectorAll(".katex-error, .stException").length,
      room: innerWidth,
      width: Math.max(...["html", ".stMain"].map((x) => document.querySelector(x).scrollWidth)),
      wide: formulas.filter((x) => x.scrollWidth > x.parentElement.clientWidth + 1).map(said),
      terms: rows("tbody"),
      closing: rows("tfoot"),
      captions: all("[data-testid=stCaptionContainer]").map(said).join(),
    };
  }
}"""
"""Waits for a step and tells what is seen of it; `mixed` if parts of another step were seen too."""


@pytest.fixture(scope="module")
def trace(en_zh: Bundle) -> Trace:
    return attnviz.run(en_zh, SENTENCE)


def visit(page: Page, address: str, query: str = "") -> None:
    """Open the Steps page and wait for the chosen step."""
    page.goto(f"{address}/steps?{query or LINK}")
    formula = page.locator(".st-key-slots .katex-display:visible").first
    expect(formula).to_be_visible(timeout=PATIENCE)
    expect(page.locator(".tensor:visible canvas").first).to_be_visible()


def look(page: Page, index: int, title: str) -> Seen:
    """What is to be seen of step `index`, as soon as it is there; it has `title`."""
    found = page.evaluate(LOOK, [index, title])
    assert (found["isSeen"], found["title"]) == (True, title), f"step {index}"
    assert min(found["formulas"] - 1, found["canvas"]) > 0, f"step {index} is not whole"
    assert not found["errors"], f"an error at step {index}"
    assert found["width"] <= found["room"], f"step {index} is too wide"
    return found


def number(text: str) -> Decimal:
    return Decimal(text.replace("−", "-"))


def adds_up(found: Seen) -> bool:
    """Whether there is a sum. Its written terms add up to it, to its last digit, and each is the
    product of its written factors."""
    closing = dict(found["closing"])
    assert {"The model’s own number", "Difference"} <= set(closing)
    written = next((value for label, value in closing.items() if label.startswith("Sum of")), None)
    if written is None:
        return False
    terms = [row for row in found["terms"] if len(row) > 1]
    assert is_rounded(sum(number(row[-1]) for row in terms), number(written))
    if "take the factors" in found["captions"]:
        for row in terms:
            factors = [number(x) for x in row[1:-1] if x]
            assert not factors or is_rounded(math.prod(factors), number(row[-1])), row
    return True


def is_rounded(exact: Decimal | int, written: Decimal) -> bool:
    """Whether `written` is `exact` to its last digit."""
    return abs(exact - written) <= Decimal(1).scaleb(int(written.as_tuple().exponent)) / 2


def walk(page: Page, trace: Trace, steps: range, text: Text = EN) -> Iterator[tuple[str, Seen]]:
    """Go on with the arrow key through all `steps`: path, and what is seen of every one."""
    for index, path in zip(steps, list(trace)[steps.start :], strict=False):
        yield path, look(page, index, said(text, trace[path])[0])
        if index < steps.stop - 1:
            page.keyboard.press("ArrowRight")


def expect_cell(page: Page, *places: int) -> None:
    """The formula of the step that is seen is that of this cell."""
    written = f"_{{{','.join(map(str, places))}}}"
    formulas = page.locator(".st-key-slots .stMarkdown:visible annotation", has_text=written)
    expect(formulas.first).to_be_attached(timeout=PATIENCE)


def test_every_step_is_shown_and_every_sum_adds_up(page, address, trace):
    visit(page, address, "lang=en")
    box = page.get_by_role("textbox").first
    box.fill(SENTENCE)
    box.press("Enter")
    box.blur()
    expect(page.locator(".walk .position")).to_have_text(f"Step 1 of {len(trace)}")
    found = [seen for _, seen in walk(page, trace, range(len(trace)))]
    sums = [adds_up(seen) for seen in found if seen["closing"]]
    assert sum(sums) > 100
    assert len(sums) == len(found) - 2, "all but the token numbers of both sides"
    assert sum(seen["mixed"] for seen in found) < 5, "steps are seen whole, but for a stray frame"


def test_keys_buttons_stages_and_links_lead_to_a_step(page, address, trace):
    visit(page, address)
    paths = list(trace)
    titles = [said(EN, trace[path])[0] for path in paths]
    for _ in range(20):  # a key held down
        page.keyboard.press("ArrowRight")
    look(page, 20, titles[20])
    expect(page.locator(".walk .position")).to_have_text(f"Step 21 of {len(paths)}")
    page.wait_for_url(f"**step={paths[20]}*")
    look(page, 20, titles[20])
    for button, index in (("Previous", 19), ("Next", 20), ("Next", 21)):
        page.get_by_role("button", name=button, exact=True).click()
        look(page, index, titles[index])
    for key, index in (("PageUp", 20), ("PageDown", 21), ("ArrowLeft", 20)):
        page.keyboard.press(key)
        look(page, index, titles[index])
    for _ in range(3):  # there and back, before the answer comes
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("ArrowRight")
        page.wait_for_timeout(600)
        look(page, 20, titles[20])
        page.wait_for_url(f"**step={paths[20]}", timeout=5000)
    stage = next(s for s in stages(trace) if (s.group, s.row, s.name) == ("decoder", "1", "cross"))
    page.get_by_role("button", name="Decoder · Layer 1 · Cross-attention").click()
    look(page, stage.first, titles[stage.first])
    page.wait_for_url(f"**step={paths[stage.first]}*")
    visit(page, address, urlparse(page.url).query)
    look(page, stage.first, titles[stage.first])


def test_a_click_opens_a_cell_and_a_picker_another_head(page, address, trace):
    path = "decoder.0.self.raw"
    visit(page, address, f"{LINK}&step={path}&head=2&row=1&col=1")
    expect_cell(page, 2, 1, 1)
    stage = page.locator(".tensor:visible .main .stage").first
    stage.hover()
    readout = page.locator(".tensor:visible .readout").first
    names = readout.locator(".token").all_text_contents()
    row, column = (places(trace, path)[x].index(name) for x, name in zip("ts", names, strict=True))
    assert (row, column) != (1, 1)
    value = readout.locator(".value").text_content() or ""
    assert np.float32(number(value)) == trace[path].value[2, row, column].numpy()
    own = (
        page.locator(".sum:visible tfoot tr", has_text="The model’s own number").locator("td").last
    )
    stage.click()
    page.wait_for_url(f"**row={row}&col={column}*")
    expect(own).to_have_text(value)
    expect_cell(page, 2, row, column)
    page.locator(".tensor:visible .picks").get_by_label("head").select_option("5")
    page.wait_for_url("**head=5*")
    expect_cell(page, 5, row, column)
    visit(page, address, urlparse(page.url).query)
    expect_cell(page, 5, row, column)
    shown = number(own.text_content() or "")
    assert np.float32(shown) == trace[path].value[5, row, column].numpy()


def test_a_presenter_sees_the_steps_alone_and_walks_on(page, address, trace):
    visit(page, address)
    expect(page.get_by_test_id("stSidebar")).to_be_visible()
    page.get_by_text("Presenter mode").click()
    expect(page.get_by_test_id("stSidebar")).to_be_hidden()
    expect(page.get_by_role("textbox")).to_have_count(0)
    page.keyboard.press("ArrowRight")
    look(page, 1, said(EN, trace[list(trace)[1]])[0])


def test_a_switch_takes_its_step_away_and_tells_what_changes(page, address):
    visit(page, address, f"{LINK}&step=decoder.0.self.pattern&row=5")
    page.get_by_text("Divide by √d_head").click()
    expect(page.locator(".walk .position")).to_have_text(re.compile(" of 265$"), timeout=PATIENCE)
    rows = page.locator(".stMarkdown table tbody tr", has_text=re.compile("Entropy|Largest"))
    expect(rows).to_have_count(2)
    for row in rows.all():
        _, normal, switched = row.locator("td").all_text_contents()
        assert normal != switched


def test_on_a_telephone_no_step_is_wider_than_the_window(chromium, address, trace):
    context = chromium.new_context(locale="zh-CN", viewport={"width": 390, "height": 844})
    page = context.new_page()
    visit(page, address, f"text={SENTENCE}")
    paths = list(trace)
    found = list(walk(page, trace, range(paths.index("encoder.0.mlp.post")), Text("zh")))
    page.get_by_role("button", name="输出").last.click()
    found += walk(page, trace, range(paths.index("logits"), len(paths)), Text("zh"))
    assert [(path, seen["wide"]) for path, seen in found if seen["wide"]] == []
    context.close()


def test_a_lesson_from_a_link_has_the_numbers_of_a_pencil(page, address):
    one, none = ((1.0, 0.0), (0.0, 1.0)), (0.0, 0.0)
    given = {"x": ((1.0, 2.0), (0.0, 1.0)), "q": (1.0, 1.0), "W_E": one, "W_Q": one, "W_C": one}
    given |= {"b_E": none, "b_Q": none, "activation": "none"}
    lesson = Lesson(**given).run()
    weight = math.exp(3) / (math.exp(3) + math.exp(1))  # (1, 1) (1, 2) = 3 and (1, 1) (0, 1) = 1
    first, second = weight, 2 * weight + (1 - weight)
    probability = math.exp(first) / (math.exp(first) + math.exp(second))
    expected = {"attend.raw": 3, "attend.pattern": weight, "attend.z": first}
    expected |= {"classify.logits": first, "classify.probs": probability}
    numbers = quote(json.dumps(given))
    visit(page, address, f"lang=en&lesson=textbook&numbers={numbers}&step=attend.raw&col=0&token=0")
    for path, seen in walk(page, lesson, range(list(lesson).index("attend.raw"), len(lesson))):
        if path in expected:
            shown = dict(seen["closing"])["The model’s own number"]
            assert float(number(shown)) == pytest.approx(expected[path], abs=1e-14), path
