"""Explorer in Chromium: from the start of navigation until the first forecasts are drawn; then, a slider moved.

Each run is a new, cold, offline context. The page counts itself: ``performance.now()`` starts with the navigation, and
the page looks at it in the frame after the one in which its table was filled. Needs dependency group browser and a
Chromium of the operating system.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from table import show

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# numbers stand in the table, and the frame that shows them has been drawn
DRAWN = """new Promise((done) => {
  const look = () => document.querySelector('#forecasts tbody tr')
    ? requestAnimationFrame(() => setTimeout(() => done(performance.now()))) : requestAnimationFrame(look);
  look();
})"""
# the curves follow one frame later
CURVES = """new Promise((done) => {
  const look = () => document.querySelector('#charts g path[stroke]')
    ? requestAnimationFrame(() => setTimeout(() => done(performance.now()))) : requestAnimationFrame(look);
  look();
})"""
SLIDER = """new Promise((done) => {
  const start = performance.now(), slider = document.getElementById('size');
  const before = document.querySelector('#forecasts tbody tr').innerText;
  slider.value = Number(slider.value) - 0.5;
  slider.dispatchEvent(new Event('input'));
  const look = () => document.querySelector('#forecasts tbody tr').innerText !== before
    ? setTimeout(() => done(performance.now() - start)) : requestAnimationFrame(look);
  look();
})"""
EMPTY = (
    "<!DOCTYPE html><table id=forecasts><tbody><tr><td>0</table><div id=charts><svg><g><path stroke=red></svg></div>"
)


def once(browser, page, slider=True):
    context = browser.new_context(viewport={"width": 1400, "height": 900}, offline=True)
    opened = context.new_page()
    opened.add_init_script(f"window.drawn = {DRAWN}; window.curves = {CURVES};")
    opened.goto(page.as_uri())
    out = [opened.evaluate("window.drawn"), opened.evaluate("window.curves")]
    out.append(opened.evaluate(SLIDER) if slider else float("nan"))
    context.close()
    return out


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("page", nargs="?", type=Path, help="made by `obslaws explore`; made now when not given")
    parser.add_argument("--runs", type=int, default=5)
    asked = parser.parse_args()
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    from playwright.sync_api import sync_playwright  # dependency group browser

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as played:
        page, empty = asked.page or Path(folder) / "explorer.html", Path(folder) / "empty.html"
        empty.write_text(EMPTY)
        if asked.page is None:
            subprocess.run([sys.executable, "-m", "obslaws", "explore", "--output", page], check=True)
        browser = played.chromium.launch(executable_path=program, args=["--no-sandbox"])
        once(browser, page.resolve())
        rows = []
        for name, path in (("an empty page", empty), (f"explorer, {page.stat().st_size / 1e6:.2f} MB", page.resolve())):
            times = [once(browser, path, path is not empty) for _ in range(asked.runs)]
            rows.append([name, *[statistics.median(column) / 1000 for column in zip(*times, strict=True)]])
        browser.close()
    show([f"median of {asked.runs}, s", "numbers drawn", "curves drawn", "slider answered"], rows)
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
