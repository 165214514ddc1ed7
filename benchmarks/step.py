"""How long does one step of the walk take, from the arrow key to the pixels?

Two apps in one browser, in turn: (a) an empty Streamlit app whose sentence is entered anew, (b) the
Steps page, where the right arrow key leads on. A time ends at the second animation frame after the
last change on the page. The model is watched too: going on must not run it.

    python -m benchmarks.step --steps 60
"""

import argparse
import statistics
import time
from contextlib import ExitStack

from playwright.sync_api import Page, ViewportSize, sync_playwright

from benchmarks import chromium
from benchmarks.latency import QUIET, WATCH, enter
from benchmarks.server import ROOT, server

SENTENCE = "The old man and his dog like to read good books in the small room of the old house."
WARM = 6


def arrow(page: Page) -> float:
    """Press the right arrow key and return the milliseconds until the page stood still."""
    page.evaluate(f"void (window.result = ({WATCH})({QUIET}, 'ArrowRight'))")
    page.keyboard.press("ArrowRight")
    return page.evaluate("window.result")["page"]


def described(name: str, times: list[float]) -> str:
    worst = sorted(times)[int(0.9 * len(times))]
    return f"{name:<22}{statistics.median(times):8.0f}{min(times):8.0f}{worst:8.0f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--from", dest="start", default="encoder.embed.ids")
    arguments = parser.parse_args()
    scripts = {"a": ROOT / "benchmarks/apps/empty.py", "b": ROOT / "streamlit_app.py"}
    with ExitStack() as stack:
        servers = {name: stack.enter_context(server(path)) for name, path in scripts.items()}
        play = stack.enter_context(sync_playwright())
        browser = play.chromium.launch(executable_path=chromium.path(), args=chromium.FLAGS)
        size = ViewportSize(width=1440, height=900)
        empty, steps = (browser.new_page(viewport=size) for _ in servers)
        empty.goto(servers["a"].url)
        steps.goto(f"{servers['b'].url}/steps?lang=en&text={SENTENCE}&step={arguments.start}")
        steps.locator(".tensor[data-drawn]:visible").first.wait_for()
        time.sleep(3)
        found: dict[str, list[float]] = {"a": [], "b": []}
        for turn in range(arguments.steps + WARM):
            a = enter(empty, f"sentence {turn}")["page"]
            b = arrow(steps)
            if turn >= WARM:
                found["a"].append(a)
                found["b"].append(b)
        print("milliseconds               median     min     90%")
        print(described("a empty rerun", found["a"]))
        print(described("b one step", found["b"]))
        medians = [statistics.median(times) for times in found.values()]
        print(f"b/a {medians[1] / medians[0]:.2f}")
        browser.close()


if __name__ == "__main__":
    main()
