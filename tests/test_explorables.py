"""The figures that a reader moves: what they compute in the page is what the package computes."""

import json
import math

import browsing
import numpy as np
import pytest
import torch
from browsing import Visit
from scipy import stats

from mixbook.mixing.transport import mean_square_ratio
from mixbook.theory import clusters, coupling, lines, spectra, variance, vicinal

pytestmark = browsing.MARKS

# By name: the page, and a static figure on it, which stands alone on paper and without scripts.
PAGES = {
    "kmixup": "book/who/kmixup.html",
    "multimix": "book/how_much/multimix.html",
    "mixup": "book/why/mixup.html",
    "clusters": "book/who/clusters.html",
    "variance": "book/how_much/variance.html",
    "flattening": "book/where/flattening.html",
}
STATIC = {
    "kmixup": "fig-kmixup-couplings",
    "multimix": "fig-multimix-path",
    "mixup": "fig-line",
    "clusters": "fig-clusters-path",
    "variance": "fig-variance-threshold",
    "flattening": "fig-flattening-digits",
}


class Explorable:
    """One explorable in an open page."""

    def __init__(self, chromium, site: str, name: str, width: int = 1280, **settings: object) -> None:
        self.visit = Visit(chromium, site, width, reduced_motion="reduce", **settings)
        self.visit.open(PAGES[name])
        self.page = self.visit.page
        self.figure = self.page.locator(f"#explore-{name}")

    def slide(self, name: str, position: int) -> None:
        self.figure.get_by_label(name).fill(str(position))

    def press(self, name: str, key: str, times: int = 1) -> None:
        """Press a key ``times`` on the slider with this label."""
        slider = self.figure.get_by_label(name)
        slider.focus()
        for _ in range(times):
            slider.press(key)

    def choose(self, name: str, value: str) -> None:
        """Move a slider over a list, from its start on, until it says ``value``."""
        slider = self.figure.get_by_label(name)
        for position in range(int(slider.get_attribute("max")) + 1):
            slider.fill(str(position))
            if slider.get_attribute("aria-valuetext") == value:
                return
        raise AssertionError(f"{name} has no value {value}")

    def data(self, selector: str, *names: str) -> np.ndarray:
        """Numbers that the visible elements carry, (elements, names)."""
        read = """(all, names) => all.filter((each) => each.getAttribute("visibility") !== "hidden")
            .map((each) => names.map((name) => Number(each.dataset[name])))"""
        return np.array(self.figure.locator(selector).evaluate_all(read, list(names)))

    def table(self, number: int = 0) -> list[list[str]]:
        """What a table says, without its head, row by row."""
        read = "(table) => [...table.tBodies[0].rows].map((row) => [...row.cells].map((cell) => cell.textContent.trim()))"
        return self.figure.locator("table").nth(number).evaluate(read)

    def said(self) -> str:
        return self.figure.locator("[role=status]").inner_text()

    def measured(self) -> object:
        """The numbers of the chapter's run, from the page."""
        return json.loads(self.page.locator(f"#{self.figure.get_attribute('id')}-data").inner_text())

    def close(self) -> None:
        self.visit.close()
        assert not self.visit.wrong


READ = """() => {
  const numbers = (each) => [Number(each.dataset.x), Number(each.dataset.y)];
  const all = (selector) => [...document.querySelectorAll("#explore-kmixup " + selector)];
  return {
    first: all(".point[data-batch='0']").map(numbers),
    second: all(".point[data-batch='1']").map(numbers),
    partner: all("line").map((line) => Number(line.dataset.partner)),
    dashed: all("line").map((line) => line.getAttribute("stroke-dasharray") !== "none"),
    mixtures: all(".mixture").map(numbers),
    table: all(".numbers tbody tr").map((row) => [...row.cells].map((cell) => cell.textContent.trim())),
  };
}"""


def matched(first, second, k):
    """Partners and mean squared distance of two batches (n, 2), by the package."""
    from mixbook.mixing.transport import assignment, squared_cost

    cost = squared_cost(first.reshape(-1, k, 2), second.reshape(-1, k, 2))
    best = assignment(cost)
    mean = cost.gather(2, best[..., None]).mean().item()
    return (best + k * torch.arange(len(best))[:, None]).flatten().tolist(), mean


def check_against_the_package(visit, k, lam):
    seen = visit.page.evaluate(READ)
    first, second = (torch.tensor(seen[batch], dtype=torch.float64) for batch in ("first", "second"))
    partner, _ = matched(first, second, k)
    assert seen["partner"] == partner
    assert np.allclose(seen["mixtures"], lam * first + (1 - lam) * second[partner])
    for name, mean, crossing, least in seen["table"]:
        size = int(name.removeprefix("k = "))
        assert float(mean) == pytest.approx(matched(first, second, size)[1], abs=6e-4), name
        assert int(crossing.split()[0]) >= int(least)
    assert sum(seen["dashed"]) == int(seen["table"][[1, 2, 4, 8].index(k)][2].split()[0])
    return seen


def test_who_mixes_with_whom_computes_what_the_package_computes(chromium, site):
    visit = Visit(chromium, site, reduced_motion="reduce")
    visit.open(PAGES["kmixup"])
    start = check_against_the_package(visit, k=8, lam=0.5)
    point = visit.page.locator("#explore-kmixup .point").nth(4)
    point.focus()
    for key in ["ArrowLeft"] * 20 + ["Shift+ArrowUp"] * 5:  # 0.02 to the left each, 0.08 up each
        visit.page.keyboard.press(key)
    moved = check_against_the_package(visit, k=8, lam=0.5)
    assert np.allclose(moved["first"][4], np.add(start["first"][4], [-0.4, 0.4]))
    assert moved["partner"] != start["partner"], "a move this far changes who is matched with whom"
    visit.page.get_by_label("k = 2", exact=True).check()
    visit.page.locator("#explore-kmixup input[type=range]").fill("0.75")
    check_against_the_package(visit, k=2, lam=0.75)
    assert visit.page.url.endswith(PAGES["kmixup"]), "arrow keys belong to the point, not to the pages"
    visit.page.get_by_role("button", name="Put the points back").click()
    assert check_against_the_package(visit, k=2, lam=0.75)["first"] == start["first"]
    visit.close()
    assert not visit.wrong


def drag(page, point, across: float, down: float) -> None:
    """Put a finger on a point and move it by so many pixels."""
    point.scroll_into_view_if_needed()
    box = point.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    finger = page.context.new_cdp_session(page)
    for kind, way in [("touchStart", 0.0), ("touchMove", 0.5), ("touchMove", 1.0)]:
        where = {"x": x + way * across, "y": y + way * down}
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [where]})
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")


def test_a_finger_moves_a_point(chromium, site):
    visit = Visit(chromium, site, 375, has_touch=True)
    visit.open(PAGES["kmixup"])
    before = visit.page.evaluate(READ)["first"][0]
    drag(visit.page, visit.page.locator("#explore-kmixup .point").first, 60, 0)
    seen = check_against_the_package(visit, k=8, lam=0.5)
    width = visit.page.locator("#explore-kmixup svg").bounding_box()["width"]
    assert seen["first"][0][0] - before[0] == pytest.approx(60 * 1.3 / width, abs=0.01)
    visit.close()
    assert not visit.wrong


def test_a_finger_moves_a_disc(chromium, site):
    explorable = Explorable(chromium, site, "clusters", 375, has_touch=True)
    before = explorable.data(".point", "x", "y")[1]
    drag(explorable.page, explorable.figure.get_by_label("The upper disc"), -20, 60)
    radius = explorable.figure.locator("svg").first.bounding_box()["width"] / 14
    moved = explorable.data(".point", "x", "y")[1] - before
    assert moved == pytest.approx(np.array([-20, -60]) / radius, abs=0.1)
    check_the_discs(explorable)
    explorable.close()


@pytest.mark.parametrize(("alpha", "draws"), [("0.05", 1), ("1", 5), ("2", 9), ("32", 20)])
def test_how_much_draws_from_the_law_of_the_package(chromium, site, alpha, draws):
    explorable = Explorable(chromium, site, "multimix")
    explorable.choose("shape α", alpha)
    explorable.slide("interpolations K", draws)
    lam, share = explorable.data(".draw", "lam", "share").T
    law = stats.beta(float(alpha), float(alpha))
    assert len(lam) == draws
    assert np.allclose(lam, law.ppf(share), atol=1e-9)
    (_, near, nearby), (_, step, stepped), (_, mean, drawn) = explorable.table()
    assert int(near.rstrip("%")) == pytest.approx(200 * law.cdf(0.1), abs=0.51)
    assert nearby == f"{(np.minimum(lam, 1 - lam) < 0.1).sum()} of {draws}"
    assert float(step) == pytest.approx(math.sqrt(mean_square_ratio(float(alpha))), abs=6e-4)
    assert float(stepped) == pytest.approx(np.sqrt(np.square(np.minimum(lam, 1 - lam)).mean()), abs=6e-4)
    assert float(mean.split("±")[1]) == pytest.approx(law.std() / math.sqrt(draws), abs=6e-4)
    assert float(drawn) == pytest.approx(lam.mean(), abs=6e-4)
    shown = explorable.figure.locator(".mixture:not([visibility=hidden])").count()
    assert shown == 20 * draws, "each ratio puts one mixture on every line"
    explorable.close()


def test_how_much_moves_the_same_draws_with_alpha_and_draws_others_when_asked(chromium, site):
    explorable = Explorable(chromium, site, "multimix")
    before = explorable.data(".draw", "lam", "share")
    explorable.press("shape α", "ArrowRight", 3)
    after = explorable.data(".draw", "lam", "share")
    assert (before[:, 1] == after[:, 1]).all() and (abs(after[:, 0] - 0.5) < abs(before[:, 0] - 0.5)).all()
    explorable.figure.get_by_role("button", name="Draw another batch").click()
    assert (explorable.data(".draw", "share") != after[:, 1:]).all()
    explorable.close()


def check_the_line(explorable) -> bool:
    """Compare the mixup-optimal classifier with the package's; whether the page says that point 1 is lost."""
    alpha, eps = (float(explorable.figure.get_attribute(f"data-{name}")) for name in ("alpha", "eps"))
    shares = explorable.figure.locator("path[data-shares]").get_attribute("data-shares")
    theirs = vicinal.optimal([0, 1, 2], [0, 1, 0], np.arange(201) / 100, eps, alpha)[:, 0]
    ours = np.array(shares.split(), dtype=float)
    # Where a sample lies on the rim of the ball, rounding decides whether it is in.
    rim = (abs(abs(np.arange(201)[:, None] / 100 - [0, 1, 2]) - eps) < 1e-9).any(1)
    assert np.allclose(ours[~rim], theirs[~rim], atol=1e-9)
    (_, at_one), (_, exact), (_, printed) = explorable.table()
    assert float(at_one) == pytest.approx(theirs[100], abs=6e-5)
    assert float(exact) == pytest.approx(lines.critical_alpha(eps), abs=6e-4)
    assert float(printed) == pytest.approx((math.log(4) / eps**2 - 1) / 2, abs=6e-4)
    lost = "is lost" in explorable.said()
    assert lost == (alpha > lines.critical_alpha(eps))
    return lost


def test_the_middle_sample_is_lost_where_the_threshold_says(chromium, site):
    explorable = Explorable(chromium, site, "mixup")
    for position in (3, 12, 25, 45):  # of the radius
        explorable.slide("radius ε", position)
        eps = float(explorable.figure.get_attribute("data-eps"))
        steps = math.floor(8 * math.log2(lines.critical_alpha(eps) / 0.5))  # the last alpha below the threshold
        if not 0 <= steps < 64:
            continue
        explorable.slide("shape α", steps)
        assert not check_the_line(explorable)
        explorable.press("shape α", "ArrowRight")
        assert check_the_line(explorable)
    explorable.close()


def test_the_point_of_the_map_moves_both_sliders(chromium, site):
    explorable = Explorable(chromium, site, "mixup", 375, has_touch=True)
    handle = explorable.figure.locator(".point")

    def read() -> list[int]:
        return [int(explorable.figure.get_by_label(name).input_value()) for name in ("shape α", "radius ε")]

    alpha, eps = read()
    handle.focus()
    handle.press("ArrowRight")
    handle.press("Shift+ArrowRight")
    assert read() == [alpha, eps + 5]
    handle.press("Shift+ArrowUp")
    assert read()[0] > alpha and read()[1] == eps + 5
    check_the_line(explorable)
    explorable.close()


def check_the_discs(explorable) -> bool:
    """Compare the matching with the package's; whether the path through the middle wins."""
    centres = explorable.data(".point", "x", "y")
    P, Q = explorable.data("[data-x]:not(.point)", "x", "y").reshape(2, 2, 2)
    margin = clusters.counting_margin(centres, 1.0)
    distance = np.linalg.norm(centres[:, None] - centres, axis=-1)[np.triu_indices(3, 1)]
    assert distance.min() >= 4 - 1e-9
    for points in (P, Q):
        assert (np.linalg.norm(points[:, None] - centres, axis=-1).min(1) <= 1 + 1e-9).all(), "points lie in discs"
    (_, ones, long), (_, twos, short) = explorable.table(0)
    assert (ones, twos) == ("1", "2")
    for partner, cost in (([1, 0], long), ([0, 1], short)):
        assert float(cost) == pytest.approx((coupling.lengths(P, Q, partner) ** 2).sum(), abs=6e-3)
    (_, largest), (_, gap) = explorable.table(1)
    assert float(largest.rstrip("°")) == pytest.approx(90 - margin, abs=0.06)
    assert float(gap.rstrip("\u00a0Δ")) == pytest.approx(distance.min() - 2, abs=6e-3)
    wins = explorable.said().startswith("The path through the middle wins")
    assert wins == (list(coupling.match(P, Q)) == [0, 1]) == (margin < 0)
    assert explorable.figure.locator("line.path[stroke-dasharray=none]").count() == (2 if wins else 0)
    return wins


def test_the_path_through_the_middle_wins_when_the_discs_say_so(chromium, site):
    explorable = Explorable(chromium, site, "clusters")
    assert not check_the_discs(explorable)
    upper = explorable.figure.get_by_label("The upper disc")
    upper.focus()
    seen = []
    for _ in range(16):  # down between the others, until they are in the way
        upper.press("Shift+ArrowDown")
        seen.append(check_the_discs(explorable))
    assert seen == sorted(seen) and seen[-1], "from some place on the path wins"
    explorable.figure.get_by_role("button", name="Put the discs back").click()
    assert not check_the_discs(explorable)
    for key in ["Shift+ArrowUp"] * 30:  # onto the upper one, and past it
        explorable.figure.get_by_label("The right disc").press(key)
    check_the_discs(explorable)
    explorable.close()


@pytest.mark.parametrize("batch", ["8", "100", "512"])
def test_many_interpolations_vary_as_the_package_says(chromium, site, batch):
    explorable = Explorable(chromium, site, "variance")
    explorable.choose("B, pairs", batch)
    explorable.choose("K, interpolations", "10")
    verdicts = set()
    for measured in explorable.measured():
        explorable.choose("epochs trained", str(measured["epochs"]))
        V, B, K = variance.Components(measured["V1"], measured["V2"], measured["VI"]), int(batch), 10
        few, large, own = V.split(B), V.split(K * B), V.split(K * B, "pair")
        theirs = [[few.P, few.Q / K], [large.P, large.Q], [own.P, own.Q]]
        ours = np.array([[float(cell) for cell in row[1:]] for row in explorable.table()])
        assert np.allclose(ours, [[*parts, sum(parts)] for parts in theirs], rtol=6e-3)
        fewer = V.variance(B, K) < V.variance(K * B)
        assert fewer == (V.threshold < B) == (" vary less than " in explorable.said())
        assert f"B₀ = {V.threshold:.0f}" in explorable.said()
        verdicts.add(fewer)
    assert len(verdicts) == (2 if batch == "512" else 1)
    explorable.close()


def test_flattening_shows_the_run_of_the_chapter(chromium, site):
    explorable = Explorable(chromium, site, "flattening")
    run = explorable.measured()
    places = "(all) => all.map((each) => each.style.transform).join()"
    moved = set()
    for name in ("no mixing", "dropout"):
        explorable.figure.locator("select").select_option(name)
        for at in (0, 5, len(run["steps"]) - 1):
            explorable.slide("steps of training", at)
            for row, method in zip(explorable.table(), (name, "manifold mixup"), strict=True):
                values = np.array(run["methods"][method]["values"][at])
                theirs = [
                    np.mean([spectra.directions(each) for each in values]),
                    np.mean([spectra.others_over_first(each) for each in values]),
                    np.square(values).sum(),  # in units of the spread of the class means
                ]
                assert row[0] == method
                assert np.allclose([float(cell) for cell in row[1:]], theirs, atol=6e-3)
            moved.add(explorable.figure.locator(".state").evaluate_all(places))
            assert f"After {run['steps'][at]} steps" in explorable.said()
    assert len(moved) == 6, "states move with training and with the method"
    explorable.close()


@pytest.mark.parametrize("name", PAGES)
def test_explorables_do_not_wait_for_the_mathematics(chromium, site, name):
    page = chromium.new_context().new_page()
    page.route("**/tex-chtml.js", lambda route: None)  # it never comes
    page.goto(site + PAGES[name], wait_until="commit")
    page.locator(f"#explore-{name} > svg").wait_for()
    page.context.close()


@pytest.mark.parametrize("name", PAGES)
def test_explorables_fit_a_phone_and_say_what_they_show(chromium, site, name):
    for theme in ("light", "dark"):
        explorable = Explorable(chromium, site, name, 375, color_scheme=theme)
        assert explorable.said()
        boxes = "(all) => all.map((each) => each.getBoundingClientRect()).map((box) => [box.left, box.right])"
        for left, right in explorable.figure.locator("svg, table, label, button, p").evaluate_all(boxes):
            assert 0 <= left <= right <= 375
        outside = """(svg) => [...svg.querySelectorAll("text")].filter((each) => {
            const box = each.getBBox(), view = svg.viewBox.baseVal;
            const out = box.x < 0 || box.x + box.width > view.width || box.y + box.height > view.height;
            return out && !each.classList.contains("state");
        }).map((each) => each.textContent)"""
        assert explorable.figure.locator("svg").first.evaluate(outside) == []
        explorable.close()


@pytest.mark.parametrize("name", PAGES)
def test_explorables_leave_the_static_figures_alone_without_scripts_and_on_paper(chromium, site, name):
    visit = Visit(chromium, site, java_script_enabled=False)
    visit.page.goto(site + PAGES[name])
    assert not visit.page.locator(f"#explore-{name}").is_visible()
    assert visit.page.locator(f"#{STATIC[name]} img").is_visible()
    visit.close()
    visit = Visit(chromium, site)
    visit.open(PAGES[name])
    assert visit.page.locator(f"#explore-{name}").is_visible()
    visit.page.emulate_media(media="print")
    assert not visit.page.locator(f"#explore-{name}").is_visible()
    visit.close()
    assert not visit.wrong
