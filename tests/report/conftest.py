"""Pages in a real browser: Chromium of the operating system, offline, with everything it complains about."""

import shutil
from contextlib import contextmanager

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


class Seen:
    """A page with its errors and the requests that left it."""

    def __init__(self, page):
        self.page, self.errors, self.requests = page, [], []
        page.on("console", lambda m: self.errors.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))

    def outside(self):
        return [url for url in self.requests if not url.startswith(("file:", "data:", "blob:", "http://127.0.0.1"))]


@pytest.fixture(scope="session")
def chromium():
    driver = pytest.importorskip(
        "playwright.sync_api", reason="pages are tested with playwright: dependency group browser"
    )
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip(f"no browser here: looked for {', '.join(NAMES)}; `apt-get install chromium` brings one")
    with driver.sync_playwright() as played:
        browser = played.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def opened(chromium):
    """Open a file of this machine in a fresh, offline context."""

    @contextmanager
    def opened(path, width=1400, scheme="light", offline=True):
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, offline=offline, accept_downloads=True
        )
        seen = Seen(context.new_page())
        seen.page.goto(path if isinstance(path, str) else path.as_uri())
        yield seen
        context.close()

    return opened
