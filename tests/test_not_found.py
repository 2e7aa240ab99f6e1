"""The page for addresses that lead nowhere: it works at any depth, wherever the book is served."""

import browsing
import not_found
import pytest
from browsing import Visit


@pytest.mark.parametrize(
    ("baseurl", "repository", "root"),
    [
        ("", "", "/"),
        ("", "https://github.com/someone/mixbook", "/mixbook/"),
        ("", "https://github.com/someone/someone.github.io", "/"),
        ("https://books.example/mix", "https://github.com/someone/mixbook", "/mix/"),
        ("https://mix.example", "https://github.com/someone/mixbook", "/"),
    ],
)
def test_its_links_begin_where_the_site_does(baseurl, repository, root):
    assert not_found.root(baseurl, repository) == root


class TestInABrowser:
    pytestmark = browsing.MARKS

    @pytest.mark.parametrize("address", ["gone.html", "book/who/gone.html", "a/b/c/d"])
    def test_it_is_whole_at_any_depth_and_leads_home_and_to_the_search(self, chromium, site, built_book, address):
        visit = Visit(chromium, site)
        visit.page.route(f"{site}{address}", lambda route: route.fulfill(path=built_book / "404.html"))
        visit.open(address)
        assert visit.page.locator(".logo__image").first.evaluate("image => image.naturalWidth") > 0
        assert (
            visit.page.locator("article a", has_text="front page").evaluate("link => link.href") == f"{site}book/index.html"
        )
        visit.page.locator("article input[name=q]").fill("mixup")
        visit.page.locator("article input[name=q]").press("Enter")
        visit.page.wait_for_url(f"{site}search.html?q=mixup")
        visit.page.locator("#search-results li a").first.wait_for(timeout=20_000)
        visit.close()
        assert not visit.wrong
