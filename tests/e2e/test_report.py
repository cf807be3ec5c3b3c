"""The report in a real browser, on a telephone's width and a desk's, in light and in dark.

The browser is Debian's `chromium-headless-shell`, which scripts/run-tests installs.
"""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingot.catalog import Catalog
from ingot.report import FoundImage, gather, render_page
from ingot.size_map import SizeMap
from tests.support.catalogs import SMALL, load
from tests.support.chromium import Page, browser, find_chromium
from tests.support.labs import VERSION, Lab
from tests.support.reports import PROFILE, SIZE_MAP, found

pytestmark = pytest.mark.e2e

TELEPHONE, DESK = 390, 1400
WIDTHS = (320, TELEPHONE, 768, 1024, 1281, DESK, 2000)
TODAY = datetime.date(2026, 11, 23)

# The text of the page whose contrast with what is behind it is too low (WCAG 2.2, 1.4.3), each
# with its ratio. A canvas turns any colour of CSS into bytes.
FAINT = """
(() => {
  const context = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const known = new Map();
  const bytes = (colour) => {
    if (!known.has(colour)) {
      context.clearRect(0, 0, 1, 1);
      context.fillStyle = colour;
      context.fillRect(0, 0, 1, 1);
      known.set(colour, [...context.getImageData(0, 0, 1, 1).data]);
    }
    return known.get(colour);
  };
  const light = (rgb) => {
    const [r, g, b] = rgb.map((c) => c / 255).map(
      (c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const colour = bytes(getComputedStyle(one).backgroundColor);
      if (colour[3] === 255) return colour.slice(0, 3);
    }
    return [255, 255, 255];
  };
  const faint = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || !element.checkVisibility() || element.closest(".hidden")) continue;
    const style = getComputedStyle(element);
    const below = behind(element);
    const opacity = Number(style.opacity);
    const ink = bytes(style.color).slice(0, 3)
        .map((c, i) => c * opacity + below[i] * (1 - opacity));
    const [low, high] = [light(ink), light(below)].sort((a, b) => a - b);
    const ratio = (high + 0.05) / (low + 0.05);
    if (ratio < 4.5) faint.push([node.data.trim(), ratio]);
  }
  return faint;
})()
"""

# What reaches beyond the window and is not within something that scrolls.
TOO_WIDE = """
[...document.querySelectorAll("body *")].filter((one) =>
  one.getBoundingClientRect().right > document.documentElement.clientWidth + 0.5
  && !one.closest(".scroll") && one.checkVisibility()).map((one) => one.outerHTML.slice(0, 200))
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    program = find_chromium()
    if program is None:
        pytest.skip("there is no Chromium here; scripts/run-tests installs one")
    with browser(program, tmp_path_factory.mktemp("browser")) as page:
        yield page


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of many kernels: long names, many tags, old images, large and small figures."""
    directory = tmp_path_factory.mktemp("crowd")
    path = directory / "report.html"
    path.write_text(render_page(gather(_catalog(directory), "", _images(), ()), TODAY))
    return path


def _catalog(directory: Path) -> Catalog:
    return load(directory / "kernels", SMALL)


def _images() -> list[FoundImage]:
    long = "with-9p-virtiofs-with-hardened-without-kubernetes-without-wireguard"
    size_map = SizeMap(
        {**SIZE_MAP.kernel, **{f"drivers/{'x' * n}{n}": n * 40 for n in range(1, 30)}},
        {f"net/netfilter/xt_{'y' * (n % 20)}{n}.ko": n * n * 50 for n in range(1, 200)},
    )
    slow = dataclasses.replace(
        PROFILE, initcalls=PROFILE.initcalls * 20, command_line="console=ttyS0" * 40
    )
    return [
        found("6.1.176", "6.1", "6.1.176", *(f"6.1.176-{n}" for n in range(9)), size_map=size_map),
        found("6.1.176", f"6.1.176-{long}", size_map=size_map, profile=slow),
        found("6.1.176", f"6.1.176-{long}-arm64", arch="arm64", profile=None),
        *(found(f"5.10.{n}", size_map=size_map) for n in range(1, 7)),
        found("4.19.325", config=None, size_map=None, profile=None, command_line="a=b" * 300),
    ]


@pytest.fixture(scope="module")
def real(lab: Lab, built: dict[str, object]) -> Path:
    """The page of the store that has the compiled kernel."""
    path = lab.root / "report.html"
    done = lab.ingot("report", "--to", str(path))
    assert done.returncode == 0, done.stderr
    assert VERSION in path.read_text()
    return path


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [TELEPHONE, DESK])
@pytest.mark.parametrize("kind", ["crowd", "real"])
def test_the_page_fits_and_asks_for_nothing(
    request: pytest.FixtureRequest, page: Page, kind: str, width: int, dark: bool
) -> None:
    path: Path = request.getfixturevalue(kind)
    page.open(path, width, dark=dark)
    for unfold in (
        "",
        "document.querySelectorAll('details').forEach((one) => { one.open = true })",
    ):
        page.evaluate(unfold)
        assert page.evaluate("innerWidth") == width
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(TOO_WIDE) == []
        assert page.evaluate(FAINT) == []
    assert page.requests() == [path.as_uri()]
    assert page.complaints() == []


@pytest.mark.parametrize("width", WIDTHS)
def test_it_fits_every_other_width_too(page: Page, crowd: Path, width: int) -> None:
    page.open(crowd, width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(TOO_WIDE) == []


def test_a_page_on_a_telephone_is_read_without_the_script(page: Page, crowd: Path) -> None:
    page.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        page.open(crowd, TELEPHONE)
        assert page.evaluate("document.querySelectorAll('button, input').length") == 0
        assert page.evaluate("document.documentElement.scrollWidth") <= TELEPHONE
        assert "6.1.176" in page.evaluate("document.querySelector('#kernels').innerText")
    finally:
        page.call("Emulation.setScriptExecutionDisabled", value=False)


def test_boxes_of_a_map_have_the_areas_of_what_they_stand_for(page: Page, crowd: Path) -> None:
    for width in (TELEPHONE, DESK):
        page.open(crowd, width)
        areas = page.evaluate(
            "(() => { const box = document.querySelector('.box').getBoundingClientRect();"
            " const groups = document.querySelectorAll('.box')[0].querySelectorAll('.g');"
            " return [...groups].map((one) => {"
            " const own = one.getBoundingClientRect();"
            " return own.width * own.height / box.width / box.height; }); })()"
        )
        assert sum(areas) == pytest.approx(1, abs=0.01)
        assert areas == sorted(areas, reverse=True)


def test_the_table_is_sorted_and_filtered(page: Page, crowd: Path) -> None:
    page.open(crowd, DESK)
    versions = (
        "[...document.querySelectorAll('#kernels tbody tr')].filter((row) => !row.hidden)"
        ".map((row) => row.cells[0].innerText.split(' ')[0])"
    )
    assert page.evaluate(versions)[0] == "6.1.176"
    page.evaluate("document.querySelector('#kernels thead button').click()")
    page.evaluate("document.querySelector('#kernels thead button').click()")
    assert page.evaluate(versions)[0] == "4.19.325"
    assert page.evaluate("document.querySelector('#kernels thead th').ariaSort") == "descending"
    page.evaluate(
        "(() => { const input = document.querySelector('.tools input'); input.value = '6.1 ARM64';"
        " input.dispatchEvent(new Event('input')); })()"
    )
    assert page.evaluate(versions) == ["6.1.176"]


def test_a_link_unfolds_the_kernel_that_it_leads_to(page: Page, crowd: Path) -> None:
    page.open(crowd, TELEPHONE)
    folded = "document.querySelectorAll('.kernel > details:not([open])').length"
    assert page.evaluate(folded) > 2
    page.evaluate("document.querySelector('#kernels tbody tr:last-child a').click()")
    page.evaluate("new Promise((done) => setTimeout(done, 50))")
    assert page.evaluate("[...document.querySelectorAll('.kernel > details')].at(-1).open")


def test_what_got_into_the_page_in_spite_of_all_does_not_run(
    page: Page, crowd: Path, tmp_path: Path
) -> None:
    path = tmp_path / "owned.html"
    evil = (
        "<script>document.title = 'owned'</script><img src=x onerror=\"document.title = 'owned'\">"
        "<img src='http://127.0.0.1:9/x.png'><iframe src='http://127.0.0.1:9/'></iframe>"
    )
    path.write_text(crowd.read_text().replace("<footer>", f"{evil}<footer>", 1))
    page.open(path, DESK)
    assert page.evaluate("document.title").startswith("Kernels of")
    assert len(page.complaints()) >= 4
    assert not [url for url in page.requests() if url.startswith("http") and _was_sent(page, url)]


def _was_sent(page: Page, url: str) -> bool:
    """Whether a request left the browser: what the policy forbids fails as blocked."""
    numbers = [
        event["params"]["requestId"]
        for event in page.events
        if event.get("method") == "Network.requestWillBeSent"
        and event["params"]["request"]["url"] == url
    ]
    blocked = [
        event["params"]["requestId"]
        for event in page.events
        if event.get("method") == "Network.loadingFailed"
        and event["params"].get("blockedReason") == "csp"
    ]
    return not set(numbers) <= set(blocked)
