"""Pages in a real browser: Chromium of the operating system, offline, with everything it complains about."""

import shutil
from contextlib import contextmanager

import numpy as np
import pandas as pd
import pytest

from obslaws.scoreboard.record import TrackRecord
from obslaws.snapshot import load_snapshot

HOSTILE = (
    "<script>document.title='broken'</script>",
    "\"quoted\" & 'quoted' <b>bold</b>",
    "org/\u0646\u0645\u0648\u0630\u062c-\u202e\u05e2\u05d1\u05e8\u05d9\u05ea",
    "acme/" + "w" * 495,
    "=HYPERLINK(1);{{ 7 * 7 }}`$(id)`",
    "</script><img src=x onerror=alert(1)>",
)
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


@pytest.fixture(scope="session")
def hostile_names():
    return HOSTILE


@pytest.fixture(scope="session")
def hostile_folder(small_folder, tmp_path_factory):
    """The small panel with names that a page could trip over: the six models of family alpha, the family beta."""
    folder = tmp_path_factory.mktemp("hostile")
    for table in ("models", "scores", "benchmarks"):
        frame = pd.read_csv(small_folder / f"{table}.csv")
        if table == "models":
            renamed = dict(zip(frame.loc[frame["family"] == "alpha", "model"], HOSTILE, strict=True))
            frame["family"] = frame["family"].replace({"beta": '<i>beta</i> & "co"'})
        if "model" in frame:
            frame["model"] = frame["model"].replace(renamed)
        frame.to_csv(folder / f"{table}.csv", index=False)
    return folder


def write_record(forecasters, snapshot, digest):
    """Two races with made-up numbers, as `obslaws scoreboard` adds them up."""
    rows, quantiles, shares = [], [], (0.05, 0.25, 0.5, 0.75, 0.95)
    for race in ("date-cutoff", "sloth-v2-1"):
        for at, name in enumerate(forecasters):
            apart = (np.nan,) * 3 if name == "skill" else (1.0 * at, at - 0.5, at + 0.5)
            rows.append(
                {"race": race, "forecaster": name, "n_folds": 1 + at, "n_models": 9, "n_cells": 90, "mae": 3.0 + at,
                 "medae": 2.0, "crps": 2.5, "decisions": 0.8, "coverage_80": 0.8, "coverage_90": 0.9,
                 "coverage_95": 0.95, "width_90": 12.0,
                 **dict(zip(("difference", "difference_lower", "difference_upper"), apart, strict=True))}
            )  # fmt: skip
            quantiles += [(race, name, share, share ** (1 + 0.2 * at)) for share in shares]
    told = pd.DataFrame(quantiles, columns=["race", "forecaster", "share", "below"])
    return TrackRecord(pd.DataFrame(rows), told, snapshot, digest, "0.1.0", "obslaws scoreboard --races two")


@pytest.fixture(scope="session")
def record():
    data = load_snapshot()
    return write_record(("skill", "mean", "logit-ols"), data.name, data.hash)


@pytest.fixture(scope="session")
def hostile_record():
    return write_record(("skill", *HOSTILE), "2020-01-01", "0123456789ab")
