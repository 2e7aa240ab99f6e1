"""Each page tells search engines and previews of links how it begins."""

import re
from html import unescape

import contents
from rendering import rendered

META = re.compile(r'<meta name="description" content="([^"]*)"')
SHORT = """# A question?

Before it.

```{admonition} In short
:class: tip
Yes, "mostly". It takes $k$ steps, or $\\sqrt n$ of them. Nobody knows why.

More of it.
```
"""


def test_it_is_the_short_answer_in_whole_sentences_without_tex(tmp_path):
    plain = f"# A page\n\nIt lists. {'Names, ' * 40}all of them."
    pages = rendered({"index.md": SHORT, "plain.md": plain}, tmp_path, "description", smartquotes=False)
    assert META.findall(pages["index.md"]) == ["Yes, &quot;mostly&quot;. Nobody knows why."]
    assert META.findall(pages["plain.md"]) == ["It lists."]


def test_no_two_chapters_have_the_same(built_book):
    said = {}
    for page in map(str, contents.pages()):
        found = META.findall((built_book / page).with_suffix(".html").read_text())
        assert len(found) == 1 and 20 <= len(unescape(found[0])) <= 400, f"{page}: {found}"
        assert said.setdefault(found[0], page) == page
