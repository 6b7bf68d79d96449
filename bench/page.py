"""A model of a thousand blocks in, what its page costs to write and to use out, beside a page of one block.

    python bench/page.py [--blocks 1000] [--times 5]

Half of the blocks have a finding of their own, so that nothing is folded. Needs Chromium and Playwright. The base of what
the browser does is loading the page of one block.
"""

from __future__ import annotations

import argparse
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from measure import scratch
from models import chain
from playwright.sync_api import Page, sync_playwright

from reslint.anatomy import dissect
from reslint.finding import Confidence, Finding, Severity
from reslint.net import from_proto
from reslint.report.anatomy.portrait import portrait
from reslint.report.check import json
from reslint.report.html import render
from reslint.result import Looked, Report

FINDING = Finding("made-up", "bench", Severity.NOTE, Confidence.LIKELY, "made up", "m.onnx", "", "", "")
DO = """async (what) => {
  const start = performance.now();
  eval(what);
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  return performance.now() - start;
}"""
SCROLL = """async () => {
  const frames = [];
  for (let last = performance.now(), y = 0; y < document.documentElement.scrollHeight; y += 450) {
    scrollTo({ top: y, behavior: "instant" });
    await new Promise(requestAnimationFrame);
    const now = performance.now();
    frames.push(now - last);
    last = now;
  }
  return frames.sort((a, b) => a - b)[Math.floor(frames.length * 0.95)];
}"""
STEPS = {
    "show the first block": "document.querySelector('.row').scrollIntoView({ behavior: 'instant' })",
    "open a block in the middle": "((all) => all[all.length >> 1].click())(document.querySelectorAll('.block'))",
    "filter the findings": "(() => { const text = document.querySelector('[type=search]'); text.value = 'number 9';"
    " text.dispatchEvent(new Event('input', { bubbles: true })); })()",
    "all findings again": "document.querySelector('[type=reset]').click()",
    "another theme": "document.querySelector('[value=dark]').click()",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--blocks", type=int, default=1000)
    parser.add_argument("--times", type=int, default=5)
    given = parser.parse_args()
    reports = [report(blocks) for blocks in (1, given.blocks)]
    base = best(lambda: json.render(reports[1]), given.times)
    print(f"the page: {best(lambda: render(reports[1]), given.times) / base:.1f} x JSON of the same report to write")
    files = [scratch() / f"page-{len(one.findings)}.html" for one in reports]
    for one, file in zip(reports, files, strict=True):
        file.write_text(render(one), "utf-8")
    print(f"{files[1].stat().st_size / 2**20:.1f} MiB")
    small, large = (list(zip(*used(file, given.times), strict=True)) for file in files)
    floor = min(small[0])
    for name, one, other in zip(("load", *STEPS, "a slow frame while scrolling"), small, large, strict=True):
        print(
            f"{name}: {min(other) / floor:.2f} x loading the page of one block, which takes {min(one) / floor:.2f} itself"
        )


def report(blocks: int) -> Report:
    """A chain of blocks with a finding in half of them."""
    found = dissect(from_proto(chain(4 * blocks)))
    findings = tuple(
        replace(FINDING, tensor=block.merge.id, node=block.merge.name, message=f"number {number}")
        for number, block in enumerate(found.blocks)
        if f"{number:b}".count("1") % 2 == 0  # never repeats (Thue and Morse)
    )
    return Report("1", (Looked("m.onnx", kinds={"identity": blocks}, portrait=portrait(found)),), findings)


def best(what: object, times: int) -> float:
    """The least time of several."""
    assert callable(what)
    spent = []
    for _ in range(times):
        start = time.perf_counter()
        what()
        spent.append(time.perf_counter() - start)
    return min(spent)


def used(file: Path, times: int) -> Iterator[list[float]]:
    """What a reader does, and how many milliseconds each step takes, several times."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium") or shutil.which("google-chrome"),
            args=["--no-sandbox", "--disable-gpu"],
        )
        for _ in range(times):
            page = chromium.new_page(viewport={"width": 1180, "height": 900})
            page.goto(file.as_uri())
            yield list(steps(page))
            page.close()
        chromium.close()


def steps(page: Page) -> Iterator[float]:
    yield page.evaluate("performance.timing.loadEventEnd - performance.timing.navigationStart")
    for what in STEPS.values():
        yield page.evaluate(DO, what)
        page.wait_for_timeout(100)
    yield page.evaluate(SCROLL)


if __name__ == "__main__":
    main()
