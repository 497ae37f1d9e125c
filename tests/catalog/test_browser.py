"""The page in a real browser: it works from disk, by keyboard, on a phone, in the dark, and alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from etl.jobs import list_jobs
from tests.catalog.conftest import LONG, NASTY, NOW
from tests.requires import required_module

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.catalog.conftest import Site

axe = required_module("axe_playwright_python.sync_playwright", "axe-playwright-python (uv sync)")

OPEN_ALL = "document.querySelectorAll('details').forEach(each => { each.open = true; })"


@dataclass
class Opened:
    """The page in a tab, and everything that it asked for or complained about."""

    page: Any
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def visible(self, selector: str) -> list[str]:
        found: list[str] = (
            self.page.locator(selector)
            .locator("visible=true")
            .evaluate_all("all => all.map(each => each.id)")
        )
        return found


@pytest.fixture
def opened(browser: Any, site: Site) -> Iterator[Callable[..., Opened]]:
    """Open the page in a tab of its own; whatever it asked for or complained about fails the test."""
    contexts = []
    tabs: list[Opened] = []

    def open_(anchor: str = "", **options: Any) -> Opened:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        contexts.append(context)
        page = context.new_page()
        tab = Opened(page)
        page.on("request", lambda request: tab.requests.append(request.url))
        page.on("console", lambda message: tab.complaints.append(message.text))
        page.on("pageerror", lambda error: tab.complaints.append(str(error)))
        page.clock.set_fixed_time(NOW)
        page.goto(f"{site.url}{anchor}")
        tabs.append(tab)
        return tab

    yield open_
    for tab in tabs:
        assert {url.partition("#")[0] for url in tab.requests} == {site.url}
        assert tab.complaints == []
    for context in contexts:
        context.close()


def test_every_link_leads_to_a_part_of_the_page(opened: Callable[..., Opened]) -> None:
    found = opened().page.evaluate(
        """() => ({
            ids: [...document.querySelectorAll('[id]')].map(each => each.id),
            links: [...document.querySelectorAll('a')].map(each => each.getAttribute('href')),
            dead: [...document.querySelectorAll('a')]
                .filter(each => !document.getElementById(decodeURIComponent(each.hash?.slice(1)
                    ?? each.href.baseVal.slice(1))))
                .map(each => each.outerHTML),
        })"""
    )
    assert found["dead"] == []
    assert len(found["links"]) > 200
    assert len(found["ids"]) == len(set(found["ids"]))


def test_the_graph_has_every_job_and_what_it_reads_and_writes(
    opened: Callable[..., Opened], site: Site
) -> None:
    page = opened().page
    nodes = page.locator("a.node").evaluate_all("all => all.map(each => each.dataset.node)")
    assert {f"job-{job.name}" for job in list_jobs()} < set(nodes)
    assert sorted(nodes) == sorted(each.id for each in (*site.catalog.jobs, *site.catalog.places))
    edges = page.locator(".edge").evaluate_all(
        "all => all.map(e => [e.dataset.from, e.dataset.to, e.classList.contains('both')])"
    )
    for job in site.catalog.jobs:
        drawn = {to for from_, to, _ in edges if from_ == job.id}
        assert drawn == {link.place.id for link in job.links if link.writes}
        drawn = {from_ for from_, to, _ in edges if to == job.id}
        drawn |= {to for from_, to, both in edges if from_ == job.id and both}
        assert drawn == {link.place.id for link in job.links if not link.writes}
    # Each in its place: no node lies on another, and none outside of the picture.
    boxes = page.locator("a.node rect").evaluate_all(
        "all => all.map(r => ['x', 'y', 'width', 'height'].map(n => r[n].baseVal.value))"
    )
    width, height = page.locator(".lineage-graph").evaluate(
        "e => [e.viewBox.baseVal.width, e.viewBox.baseVal.height]"
    )
    for at, (x, y, wide, high) in enumerate(boxes):
        assert x >= 0, y >= 0
        assert x + wide <= width, y + high <= height
        for x2, y2, *_ in boxes[at + 1 :]:
            assert abs(x - x2) >= wide or abs(y - y2) >= high


def test_search_finds_jobs_tables_and_columns_by_keyboard(opened: Callable[..., Opened]) -> None:
    tab = opened()
    page = tab.page
    jobs, places = tab.visible("#jobs article"), tab.visible("#places article")
    page.keyboard.press("/")
    page.keyboard.type("cut_qty")
    assert page.input_value("#search") == "cut_qty"
    assert tab.visible("#places article") == ["table-orders.dbo.board_planning", "board-planning"]
    rows = tab.visible("#places tr")
    assert [row.rpartition("-")[2] for row in rows if row] == ["cut_qty", "cut_qty"]
    assert page.inner_text("#found") == "2 tables and sources, 2 columns"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.textContent") == "cut_qty"
    page.keyboard.press("Escape")
    assert page.input_value("#search") == ""
    assert page.evaluate("document.activeElement.id") == "search"
    assert (tab.visible("#jobs article"), tab.visible("#places article")) == (jobs, places)
    assert tab.visible("#places tr") == []  # what the search unfolded is folded again
    page.keyboard.type("AUDIT  summary")
    assert tab.visible("#jobs article") == ["job-audit", "job-audit-report", "job-run-audit"]
    assert page.inner_text("#found") == "3 jobs, 2 tables and sources"
    assert page.locator("#lineage").is_hidden()
    page.fill("#search", "no such thing")
    assert "Nothing is called" in page.inner_text("#found")
    assert tab.visible("#jobs article, #places article, #overview tbody tr") == []


def test_deep_links_open_what_they_lead_to(opened: Callable[..., Opened]) -> None:
    column = "column-table-orders.dbo.board_planning-cut_qty"
    page = opened(f"#{column}").page
    assert page.locator(f"[id='{column}']").is_visible()
    top = page.locator(f"[id='{column}']").evaluate("e => e.getBoundingClientRect().top")
    assert 0 < top < 900
    # And where a search has hidden it: the link wins.
    page.fill("#search", "audit")
    assert page.locator("#job-subitems").is_hidden()
    page.evaluate("location.hash = 'job-subitems'")
    page.locator("#job-subitems").wait_for(state="visible")
    assert page.input_value("#search") == ""


def test_all_of_it_is_reached_by_keyboard(opened: Callable[..., Opened]) -> None:
    page = opened().page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    page.locator("[data-node='job-board-planning']").focus()
    traced = page.locator(".node.on").evaluate_all("all => all.map(each => each.dataset.node)")
    assert sorted(traced) == [
        "board-planning",
        "job-board-planning",
        "table-orders.dbo.board_planning",
    ]
    page.keyboard.press("Enter")
    page.wait_for_function("location.hash === '#job-board-planning'")
    page.locator("#job-board-planning summary").last.focus()
    page.keyboard.press("Enter")
    assert page.locator("#job-board-planning .plain").is_visible()


def test_dark_is_the_systems_choice_until_the_reader_makes_one(
    opened: Callable[..., Opened],
) -> None:
    page = opened(color_scheme="dark").page
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(ground)
    assert page.get_attribute("#theme", "aria-pressed") == "true"
    page.click("#theme")
    light = page.evaluate(ground)
    assert sum(map(int, dark[4:-1].split(", "))) < 150 < sum(map(int, light[4:-1].split(", ")))
    page.reload()
    assert page.evaluate(ground) == light
    assert page.get_attribute("#theme", "aria-pressed") == "false"


@pytest.mark.parametrize("width", [360, 768])
def test_nothing_is_wider_than_a_narrow_screen(opened: Callable[..., Opened], width: int) -> None:
    page = opened(viewport={"width": width, "height": 800}).page
    page.evaluate(OPEN_ALL)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    cut = page.evaluate(
        """width => [...document.querySelectorAll('main *')]
            .filter(each => !each.closest('.scroll, thead') && each.getBoundingClientRect().right > width)
            .map(each => each.outerHTML.slice(0, 200))""",
        width,
    )
    assert cut == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_barrier_for_anyone(opened: Callable[..., Opened], scheme: str) -> None:
    page = opened(color_scheme=scheme).page
    # One of each kind unfolded; more of the same take a long time and say the same.
    for part in ("job-board-planning", "job-order-staging", "table-orders.dbo.order_staging"):
        page.locator(f"[id='{part}']").evaluate(
            f"part => {{ {OPEN_ALL.replace('document', 'part')} }}"
        )
    options = {"resultTypes": ["violations"]}
    # What else axe looks at does not depend on colours.
    found = axe.Axe().run(
        page, options={**options, **({"runOnly": ["color-contrast"]} if scheme == "dark" else {})}
    )
    barriers = [
        (each["id"], each["impact"], [node["html"][:200] for node in each["nodes"][:3]])
        for each in found.response["violations"]
    ]
    assert barriers == []


def test_names_and_reasons_are_shown_and_never_run(opened: Callable[..., Opened]) -> None:
    page = opened().page
    assert page.evaluate("window.broken") is None
    assert page.locator("script").count() == 1
    shown = NASTY.replace("\x1b", "\ufffd")
    described = page.locator("#jobs article").filter(has_text="nasty").locator("p").first
    assert described.text_content() == shown
    page.fill("#search", LONG)
    assert page.inner_text("#found").endswith("2 columns")


def test_no_request_can_leave_whatever_gets_into_the_page(opened: Callable[..., Opened]) -> None:
    tab = opened()
    refused = tab.page.evaluate(
        """async () => {
            const refused = [];
            document.addEventListener('securitypolicyviolation', e => refused.push(e.effectiveDirective));
            const add = (tag, values) => document.body.append(Object.assign(document.createElement(tag), values));
            add('img', {src: 'http://127.0.0.1:9/pixel.png'});
            add('script', {textContent: 'window.broken = 1'});
            add('link', {rel: 'stylesheet', href: 'http://127.0.0.1:9/style.css'});
            await fetch('http://127.0.0.1:9/').catch(() => {});
            await new Promise(done => setTimeout(done, 100));
            return [refused.sort(), window.broken ?? null];
        }"""
    )
    assert refused == [["connect-src", "img-src", "script-src-elem", "style-src-elem"], None]
    tab.complaints.clear()  # the browser's own words about the four
    tab.requests[1:] = []


def test_the_page_reads_without_scripts_and_says_when_it_is_old(
    browser: Any, opened: Callable[..., Opened], site: Site
) -> None:
    page = opened(java_script_enabled=False).page
    assert page.locator("#job-board-planning").is_visible()
    assert page.locator(".search").is_hidden()
    context = browser.new_context()
    later = context.new_page()
    later.clock.set_fixed_time(NOW.replace(day=29))
    later.goto(site.url)
    assert "3 days ago" in later.inner_text("#stale")
    context.close()


def test_on_paper_nothing_is_folded_away(opened: Callable[..., Opened]) -> None:
    page = opened().page
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details:not([open])").count() == 0
    assert page.locator("#theme").is_hidden()
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("details[open]").count() == 0
