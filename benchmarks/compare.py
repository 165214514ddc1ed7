"""How long does the Compare page take, from a slider's key to the pixels of six variants?

Two apps in one browser, in turn: (a) an empty Streamlit app whose sentence is entered anew, (b) the
Compare page with six variants at T = 32, where an arrow key moves a slider. "matrices" ends at the
second animation frame after the canvases were drawn, "page" after the last change of all.

    python -m benchmarks.compare --moves 20
"""

import argparse
import statistics
import time
from contextlib import ExitStack
from urllib.parse import urlencode

from playwright.sync_api import Page, ViewportSize, sync_playwright

from benchmarks import chromium
from benchmarks.latency import QUIET, WATCH, enter
from benchmarks.server import ROOT, server

SIX = "softmax;entmax(alpha=1.1);topk;sigmoid;linear;alibi"
ASKED = {"lang": "en", "vectors": "random", "tokens": 32, "compare": SIX}
WARM = 4


def move(page: Page, key: str) -> dict[str, float]:
    """Press the key on entmax's slider; milliseconds until "grid" and "page" stood still."""
    page.get_by_role("slider", name="alpha").first.focus()
    page.evaluate(f"void (window.result = ({WATCH})({QUIET}, '{key}'))")
    page.keyboard.press(key)
    return page.evaluate("window.result")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--moves", type=int, default=20)
    arguments = parser.parse_args()
    scripts = {"a": ROOT / "benchmarks/apps/empty.py", "b": ROOT / "streamlit_app.py"}
    with ExitStack() as stack:
        servers = {name: stack.enter_context(server(path)) for name, path in scripts.items()}
        play = stack.enter_context(sync_playwright())
        browser = play.chromium.launch(executable_path=chromium.path(), args=chromium.FLAGS)
        size = ViewportSize(width=1440, height=900)
        empty, compare = (browser.new_page(viewport=size) for _ in servers)
        empty.goto(servers["a"].url)
        compare.goto(f"{servers['b'].url}/compare?{urlencode(ASKED)}")
        compare.locator(".comparison[data-drawn]").wait_for()
        time.sleep(3)
        found: dict[str, list[float]] = {"a empty rerun": [], "b matrices": [], "b page": []}
        for turn in range(arguments.moves + WARM):
            a = enter(empty, f"sentence {turn}")["page"]
            b = move(compare, "ArrowRight")
            if turn >= WARM:
                for name, value in zip(found, (a, b["grid"], b["page"]), strict=True):
                    found[name].append(value)
        print("milliseconds               median     min     max")
        for name, times in found.items():
            middle = statistics.median(times)
            print(f"{name:<22}{middle:8.0f}{min(times):8.0f}{max(times):8.0f}")
        a, matrices, whole = (statistics.median(times) for times in found.values())
        print(f"matrices/a {matrices / a:.2f}, page/a {whole / a:.2f}")
        browser.close()


if __name__ == "__main__":
    main()
