"""What people see and hear of the page, in a real browser with a real hub."""

import csv
import re
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from .conftest import AXE, HEBREW, LONG, READY, STATIC

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SITUATIONS = {
    "well": "ben",
    "near": "ann",
    "over": "cay",
    "no groups": "zoe",
    "unlimited": "fay",
    "exempt": "root",
    "long names": LONG,
    "right to left": HEBREW,
    "forty quotas": "may",
}
VIEWS = ["admin", "admin#/groups", "admin#/totals", "admin#/policy", "admin#/users/ann"]


def violations(page: Page) -> list[str]:
    """Return what axe finds wrong."""
    # Evaluated by the debugger: the page's own policy lets no inline script in.
    page.evaluate(AXE.read_text(encoding="utf-8"))
    options = {"runOnly": {"type": "tag", "values": TAGS}, "preload": False}
    found = page.evaluate("options => axe.run(document, options)", options)
    return [
        f"{each['id']}: {node['target']} {node['failureSummary']}"
        for each in found["violations"]
        for node in each["nodes"]
    ]


def overflow(page: Page) -> int:
    """Return by how many pixels the page is wider than the window."""
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


def text_of(page: Page, selector: str) -> str:
    """Return what is read there, without the picture, which fits its window, and without times of day."""
    page.locator("svg").evaluate_all("all => all.forEach(each => each.remove())")
    return re.sub(r"\d+:\d\d", "", page.locator(selector).inner_text())


def read_aloud(page: Page) -> list[str]:
    """Return what a screen reader reads when the page comes up: its title, then its text from the top."""
    nodes = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
    by_id = {node["nodeId"]: node for node in nodes}

    def words(node):
        if node["role"]["value"] in {"RootWebArea", "StaticText"} and not node.get("ignored"):
            yield node["name"]["value"]
        for child in node.get("childIds", ()):
            yield from words(by_id[child]) if child in by_id else ()

    return list(words(nodes[0]))


class TestEverySituation:
    """Nothing is cut off, and axe finds nothing, whoever looks and on whatever."""

    @pytest.mark.parametrize("user", SITUATIONS.values(), ids=SITUATIONS.keys())
    @pytest.mark.parametrize(("width", "theme"), [(1100, "light"), (1100, "dark"), (360, "light"), (550, "dark")])
    def test_a_user(self, visit, user, width, theme):
        """A desktop, a phone, and a desktop at 200 %."""
        page = visit(user, width=width, theme=theme)

        assert theme == page.evaluate("document.documentElement.dataset.bsTheme")
        assert 0 == overflow(page)
        assert [] == violations(page)

    @pytest.mark.parametrize("view", VIEWS)
    @pytest.mark.parametrize(("width", "theme"), [(1100, "light"), (1100, "dark"), (360, "light")])
    def test_an_admin(self, visit, view, width, theme):
        """All views."""
        page = visit("root", view, width=width, theme=theme)

        assert 0 == overflow(page)
        assert [] == violations(page)

    def test_without_a_script(self, visit):
        """The server's own HTML holds to the same rules."""
        page = visit("ann", script=False)

        expect(page.locator("main")).to_contain_text(re.compile(r"50[.\d]* of 60 GiB-hours used"))


class TestTheBeginning:
    """The first 25 words hold what is left, for how long that lasts, and the next step."""

    @pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
    @pytest.mark.parametrize(
        ("user", "left", "lasts", "next_step"),
        [
            ("ann", r"GiB-hours of memory left", r"lasts for about \d", r"[Ss]top"),
            ("ben", r"GiB-hours of memory left", r"enough for about \d", r"start"),
            ("cay", r"[Nn]othing", r"start again \d", r"[Aa]sk"),
        ],
    )
    def test_of_the_main_part(self, visit, user, left, lasts, next_step, script):
        """With and without a script."""
        page = visit(user, script=script)

        begin = " ".join(page.inner_text("main").split()[:25])

        assert re.search(left, begin)
        assert re.search(lasts, begin)
        assert re.search(next_step, begin)

    @pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
    def test_of_all_that_is_read(self, visit, script):
        """From the title on, which is read first, by the tree that the browser gives to screen readers."""
        page = visit("ben", script=script)

        begin = " ".join(" ".join(read_aloud(page)).split()[:25])

        assert re.match(
            r"[\d.]+ GiB-hours of memory left, enough for about .+ with 4 GiB. You can start a server.", begin
        )

    def test_of_what_a_screen_reader_lists(self, visit):
        """One main part, one heading above all others, and the others in order."""
        page = visit("ann")

        assert 1 == page.get_by_role("main").count()
        levels = [
            int(each[1]) for each in page.locator("h1, h2, h3, h4").evaluate_all("all => all.map(e => e.tagName)")
        ]
        assert [1] == [level for level in levels if level == 1]
        assert levels[0] == 1
        assert all(after - before <= 1 for before, after in pairwise(levels))


class TestStates:
    """Near and over look and read different, not by colour alone."""

    @pytest.mark.parametrize(("user", "words"), [("ann", "almost used up"), ("cay", "used up")])
    def test_words_and_pattern(self, visit, user, words):
        """A badge with a sign, and a bar with another picture."""
        page = visit(user)

        assert words == page.locator("section .badge").first.inner_text().lstrip("▲■ ")
        assert "gradient" in page.locator("[role=meter] div").first.evaluate("e => getComputedStyle(e).backgroundImage")

    def test_well_is_plain(self, visit):
        """Nothing to say."""
        page = visit("ben")

        assert 0 == page.locator("section .badge").count()
        assert "none" == page.locator("[role=meter] div").first.evaluate("e => getComputedStyle(e).backgroundImage")

    def test_the_meter_is_heard(self, visit):
        """Its name is the quota's, its value the words beside it."""
        page = visit("ann")

        meter = page.get_by_role("meter", name="Memory, last 30 days")
        assert re.fullmatch(r"50[.\d]* of 60 GiB-hours used, 83 %", meter.get_attribute("aria-valuetext"))
        assert "83" == meter.get_attribute("aria-valuenow")

    def test_not_known_is_not_0(self, visit):
        """A service without a ledger."""
        page = visit("ann", service="blind")

        text = page.inner_text("main")
        assert "not known" in text
        assert not re.search(r"\b0 of\b|0 %|0 GiB", text)
        assert [] == violations(page)

    def test_forty_quotas(self, visit):
        """The most pressing first, the others at a click."""
        page = visit("may")

        assert page.get_by_role("meter").count() < 40
        page.get_by_role("button", name=re.compile("Show all")).click()
        assert page.get_by_role("meter").count() == 40


class TestTheUsersPage:
    """What can be done on it."""

    def test_the_table_says_what_the_chart_shows(self, visit):
        """Its last total is what the quota says."""
        page = visit("ben")
        page.get_by_text("Memory, last 30 days, as a table").click()

        last = page.locator("figure tbody tr").filter(has_not_text="come back").first.locator("td").last
        assert last.inner_text() in page.locator("section").first.inner_text()

    def test_servers_as_csv(self, visit):
        """Every server of the list."""
        page = visit("ann")

        with page.expect_download() as download:
            page.get_by_role("link", name="Download as CSV").click()

        rows = list(csv.DictReader(Path(download.value.path()).read_text(encoding="utf-8").splitlines()))
        assert len({row["start"] for row in rows}) == 18

    def test_a_server_is_stopped_at_the_hub(self, visit, address):
        """One click away."""
        page = visit("ann")

        page.get_by_role("link", name="Stop servers").first.click()

        page.wait_for_url(f"{address}/hub/home")

    def test_it_is_one_click_from_the_hub(self, visit, address):
        """By the announcement that the documentation shows."""
        page = visit("ann")
        page.goto(f"{address}/hub/home")

        page.get_by_role("link", name="Your quota").click()

        expect(page.get_by_role("meter")).to_have_count(1)

    def test_keyboard_only(self, visit):
        """Tab reaches every link, button and fold; Enter opens an explanation."""
        page = visit("ann")
        wanted = page.locator("main a, main button, main summary").count()
        reached = set()

        for _ in range(wanted + 10):
            page.keyboard.press("Tab")
            reached.add(page.evaluate("document.activeElement.closest('main') && document.activeElement.innerText"))

        assert wanted <= len(reached - {None}) + page.locator("main a").count()
        page.locator("main summary", has_text="What is counted?").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_text("What your servers reserve")).to_be_visible()

    def test_the_theme_is_the_hubs(self, visit, address):
        """What is chosen here is shown there."""
        page = visit("ann")

        page.locator("#dark-theme-toggle").click()
        page.goto(f"{address}/hub/home")

        assert "dark" == page.evaluate("document.documentElement.dataset.bsTheme")

    def test_a_service_that_does_not_answer(self, visit):
        """The figures stay, with their age, and asking again helps."""
        page = visit("ann", "")
        page.clock.install()
        page.reload()
        page.wait_for_function(READY)
        page.route("**/api/me", lambda route: route.fulfill(status=503, json={"message": "Away.", "reference": "7f3a"}))

        page.clock.run_for(70_000)

        expect(page.get_by_text("Away. (reference 7f3a) What you see is of")).to_be_visible()
        expect(page.get_by_role("meter")).to_have_count(1)
        page.unroute("**/api/me")
        page.get_by_role("button", name="Try again").click()
        expect(page.get_by_text("Away.")).to_have_count(0)

    def test_first_paint_waits_for_nothing(self, visit):
        """No question to the API comes before the figures are there."""
        page = visit("ann")
        page.route("**/api/**", lambda route: None)

        page.reload()

        expect(page.get_by_role("meter")).to_have_count(1)

    def test_the_script_is_small(self, visit):
        """At most 150 kB as it is sent, packed, so that the page comes up quickly on slow networks, too."""
        page = visit("ann")

        addresses = page.evaluate("performance.getEntriesByType('resource').map(each => each.name)")
        scripts = [each.rpartition("/static/")[2] for each in addresses if each.endswith(".js")]

        assert scripts
        assert sum((STATIC / f"{each}.gz").stat().st_size for each in scripts) <= 150_000


class TestTheAdminsPage:
    """Everybody."""

    def test_search_filter_sort_and_back(self, visit):
        """The address says all of it."""
        page = visit("root", "admin")
        rows = page.locator("tbody tr")
        everybody = rows.count()  # who signed in for other tests is there, too

        page.get_by_role("searchbox", name="Name").fill("a")
        expect(page.get_by_role("status").first).to_contain_text(f"of {everybody}")
        page.get_by_role("searchbox", name="Name").fill("")
        expect(page.get_by_role("status").first).to_have_text(f"{everybody} users")
        page.get_by_label("over 80 %").check()
        expect(rows.filter(has_text="ben")).to_have_count(0)
        expect(rows.filter(has_text="cay")).to_have_count(1)
        page.get_by_label("Group").select_option("regular")
        expect(rows.filter(has_text=HEBREW)).to_have_count(0)
        page.get_by_role("link", name="User", exact=True).click()
        expect(rows.first).to_contain_text(LONG)
        assert "sort=name" in page.url
        page.go_back()
        page.go_back()
        page.go_back()
        expect(rows).to_have_count(everybody)

    def test_one_user(self, visit):
        """Exactly what that user sees."""
        own = text_of(visit("cay"), "main").split("\n", 1)[1]
        page = visit("root", "admin")

        page.get_by_role("link", name="cay").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("What cay sees")
        expect(page.get_by_role("meter")).to_have_count(1)
        page.wait_for_function(READY)

        assert own.strip() == text_of(page, ".quota-view").strip()

    def test_not_for_everybody(self, visit, address):
        """Who is no admin is told so, and finds no link."""
        page = visit("ann")

        assert 0 == page.get_by_role("link", name="Everybody").count()
        assert 403 == page.request.get(f"{address}/services/quota/api/users").status
