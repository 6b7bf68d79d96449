"""The page in a real browser: filters, blocks, keys, themes and a phone, with no request, no message and no sideways scroll."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest
from test_report import FINDING, dissected

from reslint.anatomy import Kind, dissect
from reslint.finding import Finding, Severity
from reslint.measure import Latency, Range, Signal, Tap
from reslint.net import read
from reslint.report.anatomy.portrait import portrait
from reslint.report.html import render
from reslint.result import Looked, Report

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not there: apt-get install chromium"),
]

if TYPE_CHECKING:
    from playwright import sync_api
else:
    sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not there: pip install playwright")

AXE = Path(str(files("axe_playwright_python"))) / "axe.min.js"
FIXTURES = Path(__file__).parents[1] / "fixtures"
PHONE: sync_api.ViewportSize = {"width": 360, "height": 740}
DESK: sync_api.ViewportSize = {"width": 1100, "height": 900}
Scheme = Literal["light", "dark"]
EVIL = "</script><img src=x onerror=alert(1)>\u202e'\"&"

Opened = Callable[..., "sync_api.Page"]


def looked(name: str, *findings: Finding) -> Looked:
    anatomy = dissect(read(FIXTURES / f"{name}.onnx"))
    kinds = {str(kind): sum(b.kind is kind for b in anatomy.blocks) for kind in Kind}
    return Looked(
        f"{name}.onnx", kinds={k: n for k, n in kinds.items() if n}, portrait=portrait(anatomy), findings=findings
    )


def report() -> Report:
    """Two models; one is broken in a block, and in both are others."""
    broken = replace(FINDING, path="resnet50_broken.onnx", tensor="add_11", related=())
    wide = replace(broken, rule="plain-depth", family="depth", severity=Severity.WARNING, tensor="nowhere")
    other = replace(wide, path="gpt2_dyn.onnx", severity=Severity.NOTE, message="seen in the other one", module=EVIL)
    anatomy = dissected(3)
    taps = tuple(
        Tap(block, Range(1, 1), Range(1, 1), Range(n + 1.0, n + 1.0)) for n, block in enumerate(anatomy.blocks)
    )
    measured = (Signal(anatomy, taps), Latency(anatomy, "cpu", 2, 400, 5, 6, 7, 10))
    files = (looked("resnet50_broken"), replace(looked("gpt2_dyn"), measured=measured))
    return Report("1", files, (broken, wide, other))


@pytest.fixture(scope="module")
def browser() -> Iterator[sync_api.Browser]:
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS.split())
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "page.html"
    path.write_text(render(report()), "utf-8")
    return path


@pytest.fixture
def opened(browser: sync_api.Browser, written: Path) -> Iterator[Opened]:
    """Open a page; at the end it must have asked for nothing but itself, and have had nothing to complain about."""
    said: list[str] = []
    with contexts(browser) as context:

        def opening(path: Path = written, *, color_scheme: Scheme = "light", phone: bool = False) -> sync_api.Page:
            page = context(color_scheme, phone).new_page()
            page.on("console", lambda message: said.append(message.text))
            page.on("pageerror", lambda error: said.append(str(error)))
            page.on("request", lambda request: said.append(request.url) if request.url != path.as_uri() else None)
            page.goto(path.as_uri())
            return page

        yield opening
    assert [line for line in said if not line.startswith("data:,")] == []


@contextmanager
def contexts(browser: sync_api.Browser) -> Iterator[Callable[..., sync_api.BrowserContext]]:
    made: list[sync_api.BrowserContext] = []

    def context(scheme: Scheme, phone: bool) -> sync_api.BrowserContext:
        viewport = PHONE if phone else DESK
        made.append(
            browser.new_context(
                viewport=viewport, color_scheme=scheme, has_touch=phone or None, is_mobile=phone or None
            )
        )
        return made[-1]

    yield context
    for one in made:
        one.close()


def sees(page: sync_api.Page, *rules: str) -> None:
    """Wait until the findings that are to be seen are these rules'."""
    found = page.locator(".finding:visible .rule")
    sync_api.expect(found).to_have_count(len(rules))
    if rules:
        sync_api.expect(found).to_have_text(list(rules))


class TestFindings:
    def test_filters(self, opened: Opened) -> None:
        page = opened()
        sees(page, "shortcut-broadcast", "plain-depth", "plain-depth")
        page.get_by_role("checkbox", name="error").uncheck()
        sees(page, "plain-depth", "plain-depth")
        page.get_by_role("combobox", name="Model").select_option("gpt2_dyn.onnx (1)")
        sees(page, "plain-depth")
        assert page.get_by_role("status").inner_text() == "1 of 3 findings"
        page.get_by_role("combobox", name="Rule").select_option("shortcut-broadcast (1)")
        sees(page)
        assert page.get_by_text("No finding fits the filters.").is_visible()
        page.get_by_role("button", name="Clear").click()
        sees(page, "shortcut-broadcast", "plain-depth", "plain-depth")
        page.get_by_role("searchbox", name="Text").fill("OTHER one")
        sees(page, "plain-depth")
        page.get_by_role("button", name="Clear").click()
        page.get_by_role("combobox", name="Family").select_option("depth (2)")
        sees(page, "plain-depth", "plain-depth")

    def test_opens_and_leads_to_its_block(self, opened: Opened) -> None:
        page = opened()  # with few findings, each is open
        page.get_by_role("link", name="layer3.4").click()
        panel = page.locator(".panel:visible")
        assert panel.get_by_role("heading", name="layer3.4").is_visible()
        assert page.evaluate("document.activeElement.dataset.block") == "11"
        panel.get_by_role("link", name="shortcut-broadcast").click()
        assert page.evaluate("document.activeElement.closest('.finding').id") == "f0"

    def test_a_finding_that_is_filtered_out_is_shown_when_it_is_asked_for(self, opened: Opened) -> None:
        page = opened()
        page.get_by_role("checkbox", name="error").uncheck()
        page.locator("button.block.found").click()
        page.locator(".panel").get_by_role("link", name="shortcut-broadcast").click()
        assert page.locator("#f0").is_visible()
        page.wait_for_function("document.querySelectorAll('.finding:not([hidden])').length === 3")

    def test_a_name_from_a_model_is_text(self, opened: Opened) -> None:
        page = opened()
        assert page.locator("img").count() == 0
        assert "onerror=alert(1)>\\u202e'\"&" in page.locator("#f2 .where").inner_text()


class TestBlocks:
    def test_open_and_close(self, opened: Opened) -> None:
        page = opened()
        block = page.get_by_role("button", name="layer3.4 identity shortcut")
        assert block.get_attribute("aria-expanded") == "false"
        block.click()
        assert block.get_attribute("aria-expanded") == "true"
        panel = page.get_by_role("region", name="layer3.4", exact=True)
        for says in ("fixtures/nets.py:21", "1 × 256 × 14 × 14", "51.4 M", "Branch: 5 ops", "block 12 of 16"):
            assert panel.get_by_text(says).first.is_visible()
        page.get_by_role("button", name="layer3.5 identity").click()
        assert block.get_attribute("aria-expanded") == "false"
        assert page.locator(".panel:visible").count() == 1
        page.get_by_role("button", name="Close").click()
        assert page.locator(".panel:visible").count() == 0

    def test_unfold_and_fold(self, opened: Opened) -> None:
        page = opened()
        fold = page.get_by_role("button", name="× 12")
        picture = page.locator("#m1")
        before = picture.locator(".block").count()
        fold.click()
        assert picture.locator(".block").count() == 24
        last = picture.locator(".block").last
        assert (last.text_content() or "").startswith("h.11 identity shortcut, branch mlp")
        last.click()
        assert (
            page.get_by_role("region", name="net.transformer.h.11", exact=True)
            .get_by_text("block 24 of 24")
            .is_visible()
        )
        fold.click()
        assert picture.locator(".block").count() == before
        assert page.locator(".panel:visible").count() == 0

    def test_by_keys_alone(self, opened: Opened) -> None:
        page = opened()
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        page.locator('#m0 .block[data-block="0"]').focus()
        for key, number in (("ArrowRight", "1"), ("ArrowLeft", "0"), ("End", "1"), ("Home", "0")):
            page.keyboard.press(key)
            assert page.evaluate("document.activeElement.dataset.block") == number
        page.keyboard.press("Enter")
        assert page.locator(".panel:visible").count() == 1
        seen = set()
        for _ in range(4):
            page.keyboard.press("Tab")
            seen.add(page.evaluate("document.activeElement.closest('.panel') !== null"))
        assert True in seen
        page.keyboard.press("Escape")
        page.locator('#m0 .block[data-block="0"]').focus()
        page.keyboard.press("Escape")
        assert page.locator(".panel:visible").count() == 0
        assert page.evaluate("document.activeElement.dataset.block") == "0"

    def test_all_that_takes_the_focus_has_a_name(self, opened: Opened) -> None:
        page = opened()
        page.locator("button.block.found").click()
        nameless = page.evaluate(
            """[...document.querySelectorAll("a, button, summary, input, select, [tabindex]")].filter((one) =>
                !(one.ariaLabel || one.textContent.trim() || one.labels?.[0]?.textContent.trim()))
                .map((one) => one.outerHTML)"""
        )
        assert nameless == []


class TestLooks:
    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_follows_the_colour_scheme_and_the_switch(self, opened: Opened, scheme: str) -> None:
        page = opened(color_scheme=scheme)
        ground = "getComputedStyle(document.body).backgroundColor"
        colours = {"light": "rgb(255, 255, 255)", "dark": "rgb(13, 17, 23)"}
        assert page.evaluate(ground) == colours[scheme]
        other = "dark" if scheme == "light" else "light"
        page.get_by_role("radio", name=other.title()).check(force=True)
        assert page.evaluate(ground) == colours[other]
        page.get_by_role("radio", name="Auto").check(force=True)
        assert page.evaluate(ground) == colours[scheme]

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_text_stands_out(self, opened: Opened, scheme: str) -> None:
        """At least 4.5 to 1 (WCAG 2.2, contrast AA) for all text against the nearest ground below it."""
        page = opened(color_scheme=scheme)
        page.locator("button.block.found").click()
        assert page.evaluate(CONTRAST) == []

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_fits_a_phone(self, opened: Opened, scheme: str) -> None:
        page = opened(color_scheme=scheme, phone=True)
        page.locator("button.block.found").tap()
        page.get_by_role("button", name="× 12").tap()
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        beyond = page.evaluate(
            """[...document.querySelectorAll(".block, .chart, .finding, .panel, .filters *")].filter((one) =>
                one.getBoundingClientRect().right > innerWidth + 1).map((one) => one.className)"""
        )
        assert beyond == []

    def test_charts_are_drawn(self, opened: Opened) -> None:
        page = opened()
        titles = page.locator("#m1 figcaption b").all_text_contents()
        assert titles == ["Signal", "Branch to stream", "Latency", "Path lengths", "Depth", "Cost"]
        high = page.evaluate(
            "[...document.querySelectorAll('#m1 .bar')].map((bar) => bar.getBoundingClientRect().height)"
        )
        assert max(high) > 100
        assert page.locator("#m1 polyline").count() == 3


CONTRAST = """(() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = (colour) => {
    const [r, g, b] = rgba(colour).map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (one) => {
    for (let at = one; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (rgba(colour)[3] === 255) return colour;
    }
    return "white";
  };
  const found = [];
  for (const one of document.querySelectorAll("body *")) {
    const says = [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!says || !one.checkVisibility() || one.closest("script, style, option, .unseen, .glyphs")) continue;
    const style = getComputedStyle(one);
    const [a, b] = [light(one.closest("svg") ? style.fill : style.color), light(ground(one))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) found.push(`${one.className?.baseVal ?? one.className}: ${ratio.toFixed(2)}`);
  }
  return found;
})()"""


class TestAccessibility:
    @pytest.mark.parametrize("color_scheme", ["light", "dark"])
    @pytest.mark.parametrize("phone", [False, True])
    def test_axe_finds_no_violation(self, opened: Opened, color_scheme: Scheme, phone: bool) -> None:
        page = opened(color_scheme=color_scheme, phone=phone)
        page.locator(".finding .block").first.click()  # a drawing, and no button
        page.locator("button.block:visible").first.click()
        page.evaluate(f"() => {{ {AXE.read_text('utf-8')} }}")  # the page admits no script but its own
        violations = page.evaluate("axe.run().then(found => found.violations)")
        assert [(one["id"], [node["target"] for node in one["nodes"]][:3]) for one in violations] == []
