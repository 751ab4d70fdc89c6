from __future__ import annotations

import re
from html.parser import HTMLParser
from urllib.parse import urlsplit

from .conftest import World


class Loaded(HTMLParser):
    """Every address that a page names, and every script and style that stands in the page itself."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.inline: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.addresses += [value for key, value in attrs if key in ("src", "href", "action") and value]
        if (tag == "script" and "src" not in named) or tag == "style" or any(key.startswith("on") for key in named):
            self.inline.append(tag)


async def test_the_page_loads_only_what_this_server_serves(world: World) -> None:
    response = await world.ask("GET", "/docs", org=None)
    page = Loaded(response.text)
    assert response.headers["content-type"].startswith("text/html")
    assert len(page.addresses) >= 3 and not page.inline
    for address in page.addresses:
        parts = urlsplit(address)
        assert not parts.scheme and not parts.netloc and parts.path.startswith("/docs/"), address
        asset = await world.ask("GET", address, org=None)
        assert asset.status_code == 200 and asset.content, address


async def test_the_browser_is_told_to_load_from_nowhere_else(world: World) -> None:
    for path in ("/docs", "/docs/swagger-ui-bundle.js"):
        policy = (await world.ask("GET", path, org=None)).headers["content-security-policy"]
        directives = dict(part.strip().partition(" ")[::2] for part in policy.split(";"))
        assert directives["default-src"] == "'none'"
        assert directives["script-src"] == directives["connect-src"] == "'self'"
        assert directives["frame-ancestors"] == "'none'"
        assert not re.search(r"https?:|\*|unsafe-eval", policy)


async def test_the_page_draws_our_document_in_a_version_it_can_read(world: World) -> None:
    start = (await world.ask("GET", "/docs/start.js", org=None)).text
    (address,) = re.findall(r'url: "([^"]+)"', start)
    document = await world.got("GET", address, org=None)
    assert re.fullmatch(r"3\.0\.\d", document["openapi"])  # this Swagger UI knows no 3.1
    assert not re.search(r"https?://", start)


async def test_no_other_file_is_served(world: World) -> None:
    for name in ("index.html", "swagger-ui.js.map", "..%2f__init__.py", "%2e%2e/%2e%2e/__init__.py", ""):
        assert (await world.ask("GET", f"/docs/{name}", org=None)).status_code == 404
