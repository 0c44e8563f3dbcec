"""A hub on this machine: the routes and headers that huggingface_hub needs, plain files, a log, and faults to order.

Repositories live in memory as commits ``{path: bytes}``. A fault is matched by method and a part of the path and plays
a status, a cut or reset body, silence, a wrong length, or a redirect in a circle.
"""

from __future__ import annotations

import hashlib
import json
import re
import socket
import struct
import threading
import time
import urllib.parse
from dataclasses import dataclass, field
from email.utils import formatdate, parsedate_to_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LFS_FROM = 100_000  # bytes; larger files are stored apart, behind a redirect, as on the hub


@dataclass
class Fault:
    """One thing that goes wrong.

    `kind`: "status" (with `status`, `headers`), "cut" (half the body), "reset" (half, then RST), "hang" (silence for
    `seconds` after `after` bytes of the body, or before any answer when None), "too-long" (announces more than comes),
    "too-short" (announces less), "loop" (redirects to itself), "garbage" (another body of the same length).
    """

    path: str = ""
    method: str = ""
    kind: str = "status"
    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    times: int = 10**9
    after: int | None = None
    seconds: float = 30.0


@dataclass
class Request:
    method: str
    path: str
    status: int
    n_bytes: int
    headers: dict[str, str]


@dataclass
class Repo:
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    modified: str = "2025-03-20T12:00:00.000Z"


class LoopbackHub:
    """The server; use it as a context manager.

    Attributes
    ----------
    log : list of Request
        Everything that was asked, in order.
    faults : list of Fault
        What goes wrong from now on.
    """

    def __init__(self) -> None:
        self.repos: dict[str, Repo] = {}
        self.files: dict[str, tuple[bytes, str]] = {}
        self.models: dict[str, dict[str, object]] = {}
        self.boards: dict[str, list[dict[str, object]]] = {}
        self.told = True  # whether plain files come with their length
        self.log: list[Request] = []
        self.faults: list[Fault] = []
        self.page = 1000
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.cdn = f"http://localhost:{self._server.server_address[1]}/cdn"  # another origin, as on the hub

    def __enter__(self) -> LoopbackHub:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._server.shutdown()
        self._server.server_close()

    def commit(self, repo: str, files: dict[str, bytes], branch: str = "main") -> str:
        """Add a commit with these files to a dataset and let the branch point to it; gives its sha."""
        found = self.repos.setdefault(repo, Repo())
        parts = [repo.encode(), *(n.encode() + git_sha(c).encode() for n, c in sorted(files.items()))]
        sha = hashlib.sha1(b"\0".join(parts)).hexdigest()
        found.commits[sha] = dict(files)
        found.refs[branch] = sha
        return sha

    def put(self, path: str, content: bytes, modified: float = 1_742_000_000.0) -> str:
        """Publish a plain file; gives its address."""
        self.files["/" + path.lstrip("/")] = (content, formatdate(modified, usegmt=True))
        return f"{self.url}/{path.lstrip('/')}"

    def model(self, name: str, **record: object) -> None:
        """Publish the record of a model, in the words of the hub's API (safetensors, createdAt, baseModels, ...)."""
        self.models[name] = {"id": name, "modelId": name, "sha": "0" * 40, "private": False, "gated": False, **record}

    def fault_for(self, method: str, path: str) -> Fault | None:
        with self._lock:
            for fault in self.faults:
                if fault.times > 0 and fault.path in path and fault.method in ("", method):
                    fault.times -= 1
                    return fault
        return None

    def asked(self, *methods: str, part: str = "") -> list[Request]:
        """List the requests whose path holds `part`."""
        return [r for r in list(self.log) if (not methods or r.method in methods) and part in r.path]

    @property
    def n_bytes(self) -> int:
        """Bytes of file bodies that were sent."""
        return sum(r.n_bytes for r in list(self.log) if r.method == "GET" and "/api/" not in r.path)

    def wait(self, seconds: float) -> None:
        self._stop.wait(seconds)


def git_sha(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def _entry(path: str, content: bytes) -> dict[str, object]:
    entry: dict[str, object] = {"type": "file", "oid": git_sha(content), "size": len(content), "path": path}
    if len(content) >= LFS_FROM:
        entry["lfs"] = {"oid": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 134}
    return entry


def _handler(hub: LoopbackHub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        endless = False  # the end of the connection is the end of the body

        def log_message(self, *args: object) -> None:
            pass

        def do_HEAD(self) -> None:
            self.answer()

        def do_GET(self) -> None:
            self.answer()

        def do_POST(self) -> None:
            self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            self.answer()

        def answer(self) -> None:
            self.fault = hub.fault_for(self.command, self.path)
            try:
                if self.fault and self.fault.kind == "hang" and self.fault.after is None:
                    hub.wait(self.fault.seconds)
                    self.close_connection = True
                elif self.fault and self.fault.kind == "loop":
                    self.send(302, b"", {"Location": self.path})
                elif self.fault and self.fault.kind == "status":
                    self.send(self.fault.status, b"{}", {"X-Error-Message": "ordered", **self.fault.headers})
                else:
                    self.route()
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        def route(self) -> None:
            split = urllib.parse.urlsplit(self.path)
            path, query = urllib.parse.unquote(split.path), urllib.parse.parse_qs(split.query)
            if path in hub.files:
                self.endless = not hub.told
                return self.plain(*hub.files[path])
            if path == "/api/models":
                return self.json([m for n, m in hub.models.items() if n.startswith(query["author"][0] + "/")])
            if found := re.fullmatch(r"/api/models/([^/]+/[^/]+)", path):
                return self.model(found[1])
            if path == "/api/datasets":
                return self.json([{"id": name} for name in hub.boards])
            if found := re.fullmatch(r"/api/datasets/([^/]+/[^/]+)/leaderboard", path):
                return self.json(hub.boards.get(found[1], []))
            if found := re.fullmatch(r"/api/datasets/([^/]+/[^/]+)(?:/revision/(.+))?", path):
                return self.info(found[1], found[2] or "main", "blobs" in query)
            if found := re.fullmatch(r"/api/datasets/([^/]+/[^/]+)/tree/([^/]+)(?:/(.*))?", path):
                return self.tree(found[1], found[2], found[3] or "", query)
            if found := re.fullmatch(r"/api/datasets/([^/]+/[^/]+)/paths-info/([^/]+)", path):
                return self.paths_info(found[1], found[2])
            if found := re.fullmatch(r"/datasets/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
                return self.resolve(found[1], found[2], found[3])
            if found := re.fullmatch(r"/cdn/([0-9a-f]{64})", path):
                return self.cdn(found[1])
            return self.send(404, b"{}")

        def model(self, name: str) -> None:
            if name not in hub.models:
                return self.send(
                    404, b"{}", {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"}
                )
            return self.json(hub.models[name])

        def commit(self, repo: str, revision: str) -> tuple[str, dict[str, bytes]] | None:
            if repo not in hub.repos:
                self.send(404, b"{}", {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"})
                return None
            found = hub.repos[repo]
            sha = found.refs.get(revision, revision)
            if sha not in found.commits:
                self.send(404, b"{}", {"X-Error-Code": "RevisionNotFound", "X-Error-Message": "Invalid rev id"})
                return None
            return sha, found.commits[sha]

        def info(self, repo: str, revision: str, blobs: bool) -> None:
            if (found := self.commit(repo, revision)) is None:
                return
            siblings: list[dict[str, object]] = []
            for name, content in sorted(found[1].items()):
                one: dict[str, object] = {"rfilename": name}
                if blobs:
                    entry = _entry(name, content)
                    one |= {"size": entry["size"], "blobId": entry["oid"]}
                    if "lfs" in entry:
                        digest = hashlib.sha256(content).hexdigest()
                        one["lfs"] = {"sha256": digest, "size": len(content), "pointerSize": 134}
                siblings.append(one)
            self.json({"id": repo, "sha": found[0], "lastModified": hub.repos[repo].modified, "private": False,
                       "gated": False, "disabled": False, "downloads": 0, "likes": 0, "tags": [],
                       "siblings": siblings})  # fmt: skip

        def tree(self, repo: str, revision: str, folder: str, query: dict[str, list[str]]) -> None:
            if (found := self.commit(repo, revision)) is None:
                return
            names = [n for n in sorted(found[1]) if not folder or n.startswith(folder.rstrip("/") + "/")]
            if folder and not names:
                return self.send(404, b"{}", {"X-Error-Code": "EntryNotFound", "X-Error-Message": "no such folder"})
            start = int(query.get("cursor", ["0"])[0])
            headers = {}
            if start + hub.page < len(names):
                plain = {k: v[0] for k, v in query.items() if k != "cursor"} | {"cursor": str(start + hub.page)}
                base = self.path.partition("?")[0]
                headers["Link"] = f'<{hub.url}{base}?{urllib.parse.urlencode(plain)}>; rel="next"'
            self.json([_entry(n, found[1][n]) for n in names[start : start + hub.page]], headers)

        def paths_info(self, repo: str, revision: str) -> None:
            if (found := self.commit(repo, revision)) is None:
                return
            names = urllib.parse.parse_qs(self.body).get("paths", [])
            self.json([_entry(n, found[1][n]) for n in names if n in found[1]])

        def resolve(self, repo: str, revision: str, name: str) -> None:
            if (found := self.commit(repo, revision)) is None:
                return
            sha, files = found
            if name not in files:
                return self.send(404, b"", {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": sha})
            content = files[name]
            headers = {"X-Repo-Commit": sha, "ETag": f'"{git_sha(content)}"', "Accept-Ranges": "bytes"}
            if len(content) < LFS_FROM:
                return self.ranged(content, headers)
            digest = hashlib.sha256(content).hexdigest()
            headers |= {"X-Linked-ETag": f'"{digest}"', "X-Linked-Size": str(len(content))}
            return self.send(302, b"", {**headers, "Location": f"{hub.cdn}/{digest}"})

        def cdn(self, digest: str) -> None:
            for repo in hub.repos.values():
                for files in repo.commits.values():
                    for content in files.values():
                        if len(content) >= LFS_FROM and hashlib.sha256(content).hexdigest() == digest:
                            return self.ranged(content, {"ETag": f'"{digest}"', "Accept-Ranges": "bytes"})
            return self.send(404, b"")

        def plain(self, content: bytes, modified: str) -> None:
            tag = f'"{hashlib.sha256(content).hexdigest()[:20]}"'
            headers = {"ETag": tag, "Last-Modified": modified}
            since = self.headers.get("If-Modified-Since")
            fresh = since is not None and parsedate_to_datetime(since) >= parsedate_to_datetime(modified)
            asked = self.headers.get("If-None-Match")
            if asked == tag or (asked is None and fresh):
                return self.send(304, None, headers)
            return self.ranged(content, headers)

        def ranged(self, content: bytes, headers: dict[str, str]) -> None:
            found = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
            if not found:
                return self.send(200, content, headers)
            first = int(found[1])
            last = min(int(found[2] or len(content) - 1), len(content) - 1)
            if first >= len(content):
                return self.send(416, b"", {"Content-Range": f"bytes */{len(content)}"})
            told = {**headers, "Content-Range": f"bytes {first}-{last}/{len(content)}"}
            return self.send(206, content[first : last + 1], told)

        def json(self, value: object, headers: dict[str, str] | None = None) -> None:
            self.send(200, json.dumps(value).encode(), {"Content-Type": "application/json", **(headers or {})})

        def send(self, status: int, content: bytes | None, headers: dict[str, str] | None = None) -> None:
            body = b"" if content is None else content
            kind = self.fault.kind if self.fault and len(body) > 1 and self.command == "GET" else ""
            told = len(body)
            if kind == "garbage":
                body = bytes(255 - b for b in body)
            if kind == "too-long":
                told += 1000
            if kind == "too-short":
                told //= 2
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            if self.endless:
                self.send_header("Connection", "close")
                self.close_connection = True
            elif content is not None:
                self.send_header("Content-Length", str(told))
            sent = 0
            if self.command != "HEAD":
                sent = {"cut": len(body) // 2, "reset": len(body) // 2, "too-short": told}.get(kind, len(body))
                if kind == "hang":
                    sent = self.fault.after or 0
            # before anything is sent: who has the answer may look here at once
            hub.log.append(Request(self.command, self.path, status, sent, dict(self.headers.items())))
            self.end_headers()
            if sent:
                self.wfile.write(body[:sent])
                self.wfile.flush()
            if kind == "hang":
                hub.wait(self.fault.seconds)
            if kind == "reset":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
            if kind:
                self.close_connection = True

    return Handler


def unused_port() -> int:
    """Find a port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    with LoopbackHub() as hub:
        print(hub.url, flush=True)
        while True:
            time.sleep(3600)
