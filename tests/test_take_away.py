"""What a reader can take away: chapters in three formats, the book as a folder, on paper, and how to cite it."""

import re
import zipfile
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import contents
import fill_in
import nbformat
import one_page
import pytest
import take_away
import yaml
import zip_book
from browsing import Visit
from contents import ROOT
from pages import PLAIN

CHAPTERS = [page.removesuffix(".ipynb") for page in contents.pages() if page.endswith(".ipynb")]


@pytest.mark.parametrize("page", CHAPTERS)
def test_a_chapter_comes_as_notebook_text_and_code(built_book, page):
    links = re.findall(r'href="([^"]*_sources/[^"]*)"', (built_book / f"{page}.html").read_text())
    files = [(built_book / page).parent.joinpath(link).resolve() for link in links]
    assert {file.suffix for file in files} == {".ipynb", ".md", ".py"}
    assert all(file.is_file() for file in files)
    code = next(file for file in files if file.suffix == ".py").read_text()
    compile(code, page, "exec")
    assert "import mixbook" in code or "from mixbook" in code


def test_a_page_says_how_to_cite_it(built_book):
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    for page in contents.pages():
        html = (built_book / f"{page.removesuffix('.ipynb')}.html").read_text()
        entry = re.search(r'<details class="cite-this">.*?</details>', html, re.DOTALL)
        assert entry, page
        for part in ("@software{mixbook", citation["title"], citation["version"], citation["authors"][0]["name"]):
            assert part in entry[0], page


def test_no_button_leads_to_a_host_that_the_repository_has_no_address_on(built_book):
    address = yaml.safe_load((ROOT / "_config.yml").read_text())["repository"]["url"]
    html = (built_book / f"{CHAPTERS[1]}.html").read_text()
    assert ("mybinder.org" in html) == ("colab.research" in html) == bool(address)


def test_without_an_address_a_notebook_says_what_it_needs():
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# One")])
    take_away.with_install(notebook, Path("book/who/kmixup.ipynb"), "")
    first = notebook.cells[0]
    assert (first.cell_type, first.id) == ("markdown", take_away.FIRST)
    assert "pip install" in first.source and "`book/who`" in first.source


def test_the_text_of_a_notebook_that_is_taken_away_has_its_values():
    def glued(name, text):
        data, metadata = {PLAIN: text}, {"scrapbook": {"name": name}}
        return nbformat.v4.new_output("display_data", data=data, metadata=metadata)

    outputs = [glued("error", "7.338"), glued("best", "'OT 16'"), nbformat.v4.new_output("stream", text="7.3")]
    text = "{glue:text}`error:.1f`% or {glue:text}`error:+.2f`: {glue:text}`best`, {glue:text}`nobody:.0f`"
    code = "print('{glue:text}`error`')"
    cells = [nbformat.v4.new_markdown_cell(text), nbformat.v4.new_code_cell(code, outputs=outputs)]
    notebook = nbformat.v4.new_notebook(cells=cells)
    fill_in.fill_in(notebook)
    assert notebook.cells[0].source == "7.3% or +7.34: OT 16, {glue:text}`nobody:.0f`"
    assert notebook.cells[1].source == code


@pytest.mark.parametrize("page", CHAPTERS)
def test_every_value_of_a_chapter_can_be_filled_in(page):
    notebook = nbformat.read(ROOT / f"{page}.ipynb", as_version=4)
    fill_in.fill_in(notebook)
    assert not [cell.source for cell in notebook.cells if "{glue:" in cell.source]


def test_every_page_names_the_licence_and_leads_to_it(built_book):
    licence = (ROOT / "LICENSE").read_text().splitlines()[0]
    for page in contents.pages():
        html = built_book / f"{page.removesuffix('.ipynb')}.html"
        link = re.search(r'<footer.*?<a href="([^"]*)#cite-and-reuse">(.*?)</a>', html.read_text(), re.DOTALL)
        assert link and link[2].lower() == licence.replace("License", "licence").lower(), page
        assert not link[1] or (html.parent / link[1]).resolve() == built_book / "book" / "how_to_run.html"
    assert 'id="cite-and-reuse"' in (built_book / "book" / "how_to_run.html").read_text()


@pytest.mark.parametrize("installed", [False, True])
def test_the_install_cell_leads_to_the_page_s_folder_also_after_a_restart(installed, tmp_path, monkeypatch):
    (tmp_path / "mixbook-repository" / "book" / "who").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object() if installed else None)
    cell = take_away.INSTALL.format(url="https://example.org", extras="book", folder="book/who")
    exec(re.sub(r"(?m)^( *)[!%].*$", r"\1pass", cell), {})
    assert Path.cwd() == tmp_path / "mixbook-repository" / "book" / "who"


def test_with_an_address_a_notebook_installs_the_package_and_colab_opens_that_notebook():
    address = "https://github.com/someone/mixbook"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# One")])
    take_away.with_install(notebook, Path("book/who/kmixup.ipynb"), address)
    assert f"git clone --quiet --depth 1 {address}" in notebook.cells[0].source
    assert '\n    os.chdir("mixbook-repository/book/who")' in notebook.cells[0].source
    colab = {
        "text": "Colab",
        "url": "https://colab.research.google.com/github/someone/mixbook/blob/main/book/who/kmixup.ipynb",
    }
    context = {
        "page_source_suffix": ".ipynb",
        "sourcename": "book/who/kmixup.ipynb",
        "pathto": lambda name, resource: f"../../{name}",
        "header_buttons": [
            {"label": "launch-buttons", "buttons": [colab]},
            {"label": "download-buttons", "buttons": [{"text": ".ipynb"}, {"text": ".pdf"}]},
        ],
    }
    take_away.offer(None, "book/who/kmixup", "page.html", context, None)
    assert colab["url"].endswith("someone/mixbook/blob/gh-pages/_sources/book/who/kmixup.ipynb")
    assert [button["text"] for button in context["header_buttons"][1]["buttons"]] == [".ipynb", ".md", ".py", ".pdf"]


def entries(whole_book: dict[str, str]) -> dict[str, str]:
    """The last entries of a page's menu of downloads with these addresses, by what they say."""
    menu = [{"text": ".pdf"}]
    context = {
        "page_source_suffix": ".md",
        "pathto": lambda page: f"../{page}.html",
        "header_buttons": [{"label": "download-buttons", "buttons": menu}],
    }
    app = SimpleNamespace(config=SimpleNamespace(whole_book=whole_book))
    take_away.offer_the_book(app, "book/glossary", "page.html", context, None)
    return {entry["text"]: entry["url"] for entry in menu[1:]}


def test_the_menu_leads_to_the_files_of_the_whole_book_that_have_an_address_or_to_how_they_are_made():
    zipped, printed = "https://books.example/mixbook.zip", "https://books.example/mixbook.pdf"
    both = {"whole book, .zip": zipped, "whole book, .pdf": printed}
    assert entries({".zip": zipped, ".pdf": printed}) == both
    assert entries({".zip": "", ".pdf": printed}) == {"whole book, .pdf": printed}
    assert entries({".zip": "", ".pdf": ""}) == {"whole book": "../book/how_to_run.html#take-it-away"}


def test_every_page_offers_the_whole_book(built_book):
    for page in contents.pages():
        html = (built_book / f"{page.removesuffix('.ipynb')}.html").read_text()
        menu = re.search(r'<div class="dropdown dropdown-download-buttons">.*?</div>', html, re.DOTALL)
        assert menu and "whole book" in menu[0], page


@pytest.mark.browser
def test_the_zip_opens_from_a_folder_without_a_network(built_book, chromium, tmp_path):
    packed = zip_book.pack(built_book, tmp_path / "mixbook.zip")
    with zipfile.ZipFile(packed) as archive:
        assert not [name for name in archive.namelist() if "/." in name]
        archive.extractall(tmp_path / "away")
    visit = Visit(chromium, "file://", offline=True)
    visit.page.goto(f"{(tmp_path / 'away' / 'mixbook' / 'index.html').as_uri()}")
    visit.page.wait_for_url("**/book/index.html")
    visit.open(f"{tmp_path}/away/mixbook/book/who/kmixup.html")
    assert visit.page.locator(".math mjx-container").count() > 50
    visit.open(f"{tmp_path}/away/mixbook/search.html?q=interpolation")
    visit.page.locator("#search-results li a").first.wait_for(timeout=20_000)
    visit.close()
    assert not visit.wrong


def test_there_is_no_zip_of_no_book(tmp_path):
    with pytest.raises(FileNotFoundError, match="run `make book` or `make preview` first"):
        zip_book.pack(tmp_path, tmp_path / "mixbook.zip")


def test_the_one_page_that_is_printed_holds_every_page_and_its_links(built_book):
    whole = one_page.join(built_book)
    ids = re.findall(r'\bid="([^"]+)"', whole)
    assert {one_page.anchor(f"{page.removesuffix('.ipynb')}.html") for page in contents.pages()} <= set(ids)
    count = Counter(ids)
    assert not [link for link in re.findall(r'href="#([^"]+)"', whole) if count[link] != 1]
    for image in re.findall(r'<img\b[^>]*\bsrc="([^"]+)"', whole):
        assert image.startswith("data:") or (built_book / image).is_file(), image
