"""The report in a real browser: nothing fails, nothing is fetched, controls work, downloads hold the numbers."""

from __future__ import annotations

import csv
import io
import shutil

import polars as pl
import pytest
from hostile_report import DATASETS, FAMILIES

sync_api = pytest.importorskip("playwright.sync_api")
# The browser that the machine has; the library's own is a download of its own.
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
LOCAL = ("file:", "data:", "blob:")
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no browser (chromium) on this machine")


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as play:
        yield play.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])


@pytest.fixture
def opened(browser, report):
    """Opens the page and says what went wrong in it and what it asked the network for."""
    contexts = []

    def open_page(address=None, **options):
        context = browser.new_context(**options)
        contexts.append(context)
        page, troubles = context.new_page(), []
        page.on("console", lambda said: troubles.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        address = address or report[0].as_uri()
        # The page itself may be served; nothing else may be asked for.
        page.on(
            "request", lambda asked: asked.url == address or asked.url.startswith(LOCAL) or troubles.append(asked.url)
        )
        page.goto(address)
        page.wait_for_selector("html[data-drawn=yes]")
        return page, troubles

    yield open_page
    for context in contexts:
        context.close()


def taken(page, selector: str) -> bytes:
    with page.expect_download() as waiting:
        page.locator(selector).first.click()
    return waiting.value.path().read_bytes()


def first_column(page, table: str) -> list[str]:
    return [text.strip() for text in page.locator(f"{table} tbody tr:visible th[scope=row]").all_inner_texts()]


def test_every_figure_is_drawn_without_an_error_or_a_request(opened):
    page, troubles = opened()
    figures = page.locator("figure.drawn")
    assert figures.count() == 5 + len(DATASETS)
    assert all(figures.nth(place).locator("svg.plot path").count() for place in range(figures.count()))
    assert "NaN" not in page.locator("main").inner_text() and not troubles


def test_a_column_sorts_both_ways_and_what_is_missing_stays_last(opened, report):
    page, troubles = opened()
    table = "table:has(> caption:text-is('All ladders'))"
    button = page.locator(f"{table} thead button", has_text="upper bound")
    known = sorted(group["upper_bound"] for group in report[1]["groups"] if group["upper_bound"] is not None)
    for direction, wanted in (("ascending", known), ("descending", known[::-1])):
        button.click()
        assert page.locator(f"{table} th[aria-sort={direction}]").count() == 1
        cells = page.locator(f"{table} tbody tr td:nth-child(8)")
        shown = [cells.nth(place).get_attribute("data-sort") for place in range(cells.count())]
        assert [float(value) for value in shown if value is not None] == wanted
        assert None not in shown[: len(wanted)]
    assert not troubles


def test_filters_keep_the_rows_that_they_name(opened, report):
    page, troubles = opened()
    families = list(FAMILIES)
    table = "table:has(> caption:text-is('All ladders'))"
    page.locator("input[type=search]").fill("onerror plain")
    assert first_column(page, table) == [families[0]]
    assert page.locator("[data-count]").inner_text() == f"1 of {len(report[1]['groups'])} ladders"
    page.locator("input[type=search]").fill("")
    page.locator("[data-filter-verdict]").select_option("no-collapse")
    refuted = sum(group["verdict"] == "no-collapse" for group in report[1]["groups"])
    assert len(first_column(page, table)) == refuted
    page.locator("[data-filter-verdict]").select_option("")
    page.locator("[data-toggle]").first.uncheck()
    hidden = page.locator("[data-toggle]").first.get_attribute("data-toggle")
    assert hidden in families and hidden not in first_column(page, table)
    sync_api.expect(page.locator("figure.drawn .column h4", has_text=hidden)).to_have_count(0)
    assert not troubles


def test_axes_are_logarithmic_or_linear_by_the_keyboard(opened):
    page, troubles = opened()
    ticks = page.locator("figure[data-figure=summary] svg.plot").first.locator("[data-part='x-axis tick label']")
    before = ticks.text_content()
    page.locator("[data-axis=x][value=log]").focus()
    page.keyboard.press("ArrowRight")
    sync_api.expect(page.locator("[data-axis=x][value=linear]")).to_be_checked()
    sync_api.expect(ticks).not_to_have_text(before)
    assert not troubles


def test_pointing_at_a_curve_says_whose_it_is(opened):
    page, _ = opened()
    panel = page.locator("figure[data-figure=summary] svg.plot").first
    panel.scroll_into_view_if_needed()
    panel.hover()
    tip = panel.locator("[aria-label=tip], [data-part=tip]").last
    sync_api.expect(tip).to_contain_text("parameters")
    assert panel.locator("path.dimmed").count() > 0


def test_downloads_open_and_hold_the_numbers_of_the_analysis(opened, report):
    page, troubles = opened()
    table = pl.read_parquet(io.BytesIO(taken(page, "[data-file='verdicts.parquet']")))
    assert table["upper_bound"].to_list() == [group["upper_bound"] for group in report[1]["groups"]]
    rows = list(csv.DictReader(io.StringIO(taken(page, "[data-file='verdicts.csv']").decode())))
    assert [row["verdict"] for row in rows] == [group["verdict"] for group in report[1]["groups"]]
    assert taken(page, "[data-file='summary.pdf']").startswith(b"%PDF")
    assert taken(page, "[data-png='summary.svg']").startswith(b"\x89PNG")
    assert not troubles


LOOKS = [(390, "dark"), (1400, "light")]
SLOW = [(390, "light"), (820, "light"), (820, "dark"), (1400, "dark")]


@pytest.mark.parametrize(("width", "theme"), [*LOOKS, *(pytest.param(*look, marks=pytest.mark.slow) for look in SLOW)])
def test_the_page_fits_its_width_and_is_accessible(opened, width, theme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page, troubles = opened(viewport={"width": width, "height": 900}, color_scheme=theme, bypass_csp=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("html").get_attribute("data-theme") == theme
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    found = axe.Axe().run(page)
    assert not [(one["id"], one["nodes"][0]["html"]) for one in found.response["violations"]]
    assert not troubles


def test_claims_are_drawn_sorted_and_hidden_by_family(opened, tmp_path):
    from hostile_report import FOUND, write_claims
    from onecurve.scripts.page.claimed import records_of
    from onecurve.scripts.page.page import page_of

    folder = write_claims(tmp_path / "claims")
    path = folder / "report.html"
    path.write_text(page_of([], [str(folder)], "onecurve report claims", (), records_of([str(folder)])))
    page, troubles = opened(path.as_uri())
    dots = page.locator("figure[data-figure=claims] [data-part=dot] path")
    assert dots.count() == sum(found is not None for found in FOUND.values())
    table = "table:has(> caption:text-is('Table of constants'))"
    page.locator(f"{table} thead button", has_text="value").click()
    values = page.locator(f"{table} tbody tr td:nth-child(6)")
    shown = [values.nth(place).get_attribute("data-sort") for place in range(values.count())]
    known = sorted(found[0] for found in FOUND.values() if found)
    assert [float(value) for value in shown[: len(known)]] == known and shown[len(known) :] == [None]
    rows = list(csv.DictReader(io.StringIO(taken(page, "[data-file='constants.csv']").decode())))
    assert {row["family"] for row in rows} == set(FOUND)
    assert taken(page, "[data-png='claims.svg']").startswith(b"\x89PNG")
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page, troubles = opened(path.as_uri(), viewport={"width": 390, "height": 900}, bypass_csp=True)
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    assert not [(one["id"], one["nodes"][0]["html"]) for one in axe.Axe().run(page).response["violations"]]
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert not troubles


def test_a_served_page_is_the_page_and_asks_for_nothing_else(opened, report):
    import threading

    from onecurve.scripts.serving import ReadOnly

    with ReadOnly(report[0]) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            page, troubles = opened(server.address)
            table = pl.read_parquet(io.BytesIO(taken(page, "[data-file='verdicts.parquet']")))
            assert table["upper_bound"].to_list() == [group["upper_bound"] for group in report[1]["groups"]]
            assert not troubles
        finally:
            server.shutdown()
            thread.join()
