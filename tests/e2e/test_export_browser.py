"""`tapes export --format html` in a real browser: it looks like something, and does nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from tests.claude_records import assistant, call, result, user
from tests.recordings import jsonl

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
REFUSED = "Content Security Policy"


class Site:
    """A server of this machine that notes what is asked of it."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        paths = self.paths

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                paths.append(self.path)
                self.send_error(404)

            def log_message(self, *args: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def site() -> Iterator[Site]:
    """Give a server."""
    site = Site()
    thread = threading.Thread(target=site.server.serve_forever)
    thread.start()
    yield site
    site.server.shutdown()
    thread.join()
    site.server.server_close()


@pytest.fixture
def browse(tmp_path):
    """Give what opens a page and returns what it became, and what the browser said of it."""
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        pytest.skip("no chromium on this machine")

    def run(page: Path) -> tuple[str, str]:
        done = subprocess.run(
            [
                program,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-extensions",
                "--disable-background-networking",
                "--disable-dev-shm-usage",
                "--no-first-run",
                "--enable-logging=stderr",
                f"--user-data-dir={tmp_path / 'profile'}",
                "--virtual-time-budget=3000",
                "--dump-dom",
                page.as_uri(),
            ],
            env={**os.environ, "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        if done.returncode and not done.stdout:
            pytest.skip(f"{program} does not run here: {done.stderr[-200:]}")
        return done.stdout, done.stderr

    return run


def attacks(url: str) -> list[str]:
    """Return texts that fetch from a site or give the page another title, where they are HTML."""
    act = f"document.title='owned';fetch('{url}/fetch')"
    return [
        f"<script>{act}</script>",
        f"</script></style></title><script>{act}</script>",
        f'<img src="{url}/img" onerror="{act}">',
        f"</pre></div></details><svg onload=\"{act}\"><image href='{url}/svg'/></svg>",
        f'"><iframe src="{url}/frame" srcdoc="<script>parent.{act}</script>"></iframe>',
        f'<link rel=stylesheet href="{url}/css"><style>@import "{url}/import";</style>',
        f'<meta http-equiv="refresh" content="0;url={url}/refresh"><base href="{url}/base/">',
        f'<object data="{url}/object"></object><embed src="{url}/embed"><video src="{url}/v">',
        f'<math><mtext></table><mglyph><style><img src="{url}/mxss" onerror="{act}">',
    ]


def test_hostile_session_does_nothing(tapes, store, work, site, browse):
    """No script runs and nothing is fetched; all of it can be read; our own style is taken."""
    records = []
    for number, text in enumerate(attacks(site.url)):
        picture = {"type": "image", "source": {"type": "url", "url": f"{site.url}/picture"}}
        drawing = {
            "type": "image",
            "source": {"type": "base64", "media_type": "image/svg+xml", "data": "PHN2Zz48L3N2Zz4="},
        }
        records += [
            user(text, f"u{number}", cwd=text, gitBranch=text, version=text),
            assistant(text, f"m{number}"),
            call(text, f"m{number}", **{text: text}),
            result([{"type": "text", "text": text}, picture, drawing], is_error=True),
            {"type": text, "sessionId": "s"},
        ]
    (work / "s.jsonl").write_bytes(jsonl(records))
    tapes("import", work / "s.jsonl")
    tapes("export", "--format", "html", "-o", work / "s.html", "s")
    page, said = browse(work / "s.html")
    assert site.paths == []
    assert "<title>owned" not in page
    assert "<title>claude-code" in page
    shown = unescape(page)
    for text in attacks(site.url):
        assert shown.count(text) >= 5
    assert "<script" not in page
    assert REFUSED not in said


def test_browser_would_have_done_it(work, site, browse):
    """The same texts, not escaped, do run and fetch: the test above can fail."""
    (work / "bad.html").write_text("<title>good</title>" + attacks(site.url)[0])
    page, _ = browse(work / "bad.html")
    assert "<title>owned" in page
    assert site.paths == ["/fetch"]


def test_policy_alone_stops_what_would_get_through(tapes, store, work, site, browse):
    """Were a text to become markup all the same, the policy of the page stops it."""
    (work / "s.jsonl").write_bytes(jsonl([user("HERE", "u1")]))
    tapes("import", work / "s.jsonl")
    tapes("export", "--format", "html", "-o", work / "s.html", "s")
    harmless = [text for text in attacks(site.url) if "refresh" not in text]
    broken = (work / "s.html").read_text().replace("HERE", "".join(harmless))
    (work / "broken.html").write_text(broken)
    page, said = browse(work / "broken.html")
    assert "<script>document" in page
    assert "<title>owned" not in page
    assert site.paths == []
    assert REFUSED in said
