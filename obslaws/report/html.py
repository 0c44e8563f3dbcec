"""Pages that need no network: one shell, one style sheet, everything inside the file.

In: a template of this room and what it is to show. Out: HTML. A content security policy forbids any request, all text
is escaped, and data for scripts cannot end their element. Called by the explorer and by reports.
"""

from __future__ import annotations

import base64
import io
import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from obslaws._version import __version__
from obslaws.errors import UsageError
from obslaws.writing import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from http.server import ThreadingHTTPServer

    from matplotlib.figure import Figure

__all__ = [
    "check_page_path", "figure_html", "json_for_script", "picture_html", "read_template", "render", "serve_page",
    "write_page",
]  # fmt: skip

TEMPLATES = Path(__file__).resolve().parent / "templates"
SAFE_LINKS = ("https://", "http://", "#source-")


def render(
    template: str, *, title: str, caption: str, command: str = "", scripts: Sequence[str] = (), **content: Any
) -> str:
    """Fill a template.

    Parameters
    ----------
    template : str
        Name of a file in ``templates/``; it extends ``page.html.j2``.
    title, caption : str
        What the page is, and where its data come from: snapshot date, hash and version.
    command : str
        What was typed to make the page.
    scripts : sequence of str
        Files of ``templates/`` that become the page's script, in this order.
    **content
        Whatever the template asks for; `data` becomes the page's JSON.

    Returns
    -------
    str
        A complete HTML document.
    """
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(default_for_string=True, default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["link"] = link
    data = content.pop("data", None)
    page = environment.get_template(template).render(
        title=title,
        caption=caption,
        command=command,
        version=__version__,
        style=Markup(read_template("style.css")),
        script=Markup("\n".join(read_template(name) for name in scripts)),
        data=None if data is None else Markup(json_for_script(data)),
        **content,
    )
    return page + "\n"


def read_template(name: str) -> str:
    """Read a file of ``templates/``."""
    return (TEMPLATES / name).read_text(encoding="utf-8")


def json_for_script(data: Any) -> str:
    r"""Write JSON that can stand inside a ``<script>`` element, whatever names it holds.

    Parameters
    ----------
    data : object
        Plain lists, dictionaries, numbers and strings; NaN is refused.

    Returns
    -------
    str
        JSON without ``<``, ``>`` and ``&``.

    Examples
    --------
    >>> json_for_script({"model": "</script>"})
    '{"model":"\\u003c/script\\u003e"}'
    """
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def link(text: Any, url: str | None) -> Markup:
    """Link a text to its source; a URL that is no web address is left out."""
    if not url or not str(url).startswith(SAFE_LINKS):
        return Markup("{}").format(text)
    return Markup('<a href="{}" rel="noreferrer">{}</a>').format(url, text)


def figure_html(figure: Figure, words: str) -> Markup:
    """Put a figure into a page, for readers of light and of dark pages.

    Parameters
    ----------
    figure : Figure
        Drawn with `obslaws.report.style.LIGHT`; the dark one is the same with the colours exchanged.
    words : str
        What is to be seen, for those who do not see it; those who do read it below.

    Returns
    -------
    Markup
        A ``figure`` with the picture as SVG, which scrolls by itself where the screen is narrow, and its caption.
    """
    import matplotlib as mpl

    buffer = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "path", "svg.hashsalt": "obslaws"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    # the picture says the words already to those who hear the page
    shell = "<figure>{}<figcaption aria-hidden='true'>{}</figcaption></figure>"
    return Markup(shell).format(picture_html(buffer.getvalue(), words), words)


def picture_html(svg: str, words: str) -> Markup:
    """Put an SVG of matplotlib into a page; what was not drawn in the common style stays light on a dark page.

    Parameters
    ----------
    svg, words : str
        As `figure_html`.

    Returns
    -------
    Markup
    """
    from obslaws.report.style import LIGHT, in_the_dark

    dark = in_the_dark(svg) if LIGHT.quiet in svg else svg
    shell = (
        "<div class='scroll' tabindex='0' role='group' aria-label='Figure'>"
        "<picture><source srcset='{}' media='screen and (prefers-color-scheme: dark)'>"
        "<img src='{}' alt='{}'></picture></div>"
    )  # fmt: skip
    return Markup(shell).format(_data_uri(dark), _data_uri(svg), words)


def write_page(page: str, path: Path) -> Path:
    """Write a page.

    Parameters
    ----------
    page : str
    path : Path
        Ends in ``.html``.

    Returns
    -------
    Path

    Raises
    ------
    UsageError
        Another ending, or the folder does not exist.
    StorageError
        The file cannot be written; one that was there is as it was.
    """
    check_page_path(path)
    return write_whole(path, page)


def check_page_path(path: Path, suffix: str = ".html") -> None:
    """Refuse a file name before any work is done.

    Raises
    ------
    UsageError
        With the cure.
    """
    if path.suffix.lower() != suffix:
        raise UsageError(f"page {str(path)!r}: the name must end in {suffix}.")
    if path.is_dir():
        raise UsageError(f"page {str(path)!r} is a folder; name a file in it.")
    if not path.parent.is_dir():
        raise UsageError(f"page {str(path)!r}: there is no folder {str(path.parent)!r}; make it first.")


@contextmanager
def serve_page(page: str, port: int = 0) -> Iterator[tuple[ThreadingHTTPServer, str]]:
    """Offer a page to the browsers of this machine alone.

    Parameters
    ----------
    page : str
    port : int
        0 takes a free one.

    Yields
    ------
    tuple of ThreadingHTTPServer and str
        The server, whose ``serve_forever`` is for the caller to run, and the page's address.

    Raises
    ------
    UsageError
        The port is taken.
    """
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    body = page.encode("utf-8")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path in ("/", "/index.html")
            answer = body if found else b"Only / is here.\n"
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8" if found else "text/plain")
            self.send_header("Content-Length", str(len(answer)))
            self.send_header("X-Content-Type-Options", "nosniff")
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Say nothing: stderr belongs to the command."""

    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    except OSError as error:
        raise UsageError(
            f"port {port} of this machine is taken ({error.strerror}); name another with --port."
        ) from None
    with server:
        yield server, f"http://127.0.0.1:{server.server_address[1]}/"


def _data_uri(svg: str) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode('utf-8')).decode('ascii')}"
