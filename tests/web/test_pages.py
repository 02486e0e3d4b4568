"""The page and its files: what is served, what never is."""

import pytest


def test_the_page_loads_what_was_built(client):
    answer = client.get("/", headers={"authorization": ""})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    assert "<title>1.2.3</title>" in answer.text
    assert "src='/static/assets/main-abcdefgh.js'" in answer.text
    assert "href='/static/assets/main-12345678.css'" in answer.text


def test_a_failed_build_is_told_and_escaped(client, static):
    (static / "dist" / ".vite" / "manifest.json").unlink()
    (static / "dist" / ".error").write_text("npm: <script>alert(1)</script>")
    text = client.get("/").text
    assert "src=" not in text
    assert "npm: &lt;script&gt;" in text


@pytest.mark.parametrize("manifest", ["", "[]", "{}", "{", '{"a":{"file":"x.js"}}', "null"])
def test_a_broken_manifest_is_no_page_built(client, static, manifest):
    (static / "dist" / ".vite" / "manifest.json").write_text(manifest)
    answer = client.get("/")
    assert answer.status_code == 200
    assert "src=" not in answer.text


def test_an_edited_template_shows_at_the_next_request(client, static):
    client.get("/")
    template = static / "templates" / "index.html.j2"
    template.write_text("new")
    import os

    os.utime(template, ns=(1, 1))
    assert client.get("/").text == "new"


def test_a_missing_template_is_named(client, static):
    (static / "templates" / "index.html.j2").unlink()
    answer = client.get("/")
    assert answer.status_code == 404
    assert "index.html.j2" in answer.json()["detail"]


def test_hashed_files_are_kept_for_ever(client):
    answer = client.get("/static/assets/main-abcdefgh.js")
    assert answer.text == "let x = 1"
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


def test_other_files_are_asked_for_again(client):
    answer = client.get("/static/plain.svg")
    assert (answer.headers["content-type"], answer.headers["cache-control"]) == (
        "image/svg+xml",
        "no-cache",
    )
    again = client.get("/static/plain.svg", headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    ("name", "media"), [("fallback.js", "text/javascript"), ("fallback.css", "text/css")]
)
def test_the_fallback_pages_files_are_served(client, static, name, media):
    answer = client.get(f"/static/{name}")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(media)
    (static / name).unlink()
    assert client.get(f"/static/{name}").status_code == 404


def test_the_build_comes_before_the_fallback(client, static):
    (static / "dist" / "fallback.js").write_text("built()")
    assert client.get("/static/fallback.js").text == "built()"


def test_an_unknown_type_is_no_page(client, static):
    (static / "dist" / "x.weird").write_text("<script>")
    assert client.get("/static/x.weird").headers["content-type"] == "application/octet-stream"


NEVER = [
    "package.json",
    "src/main.tsx",
    "templates/index.html.j2",
    "node_modules/x.js",
    ".vite/manifest.json",
    ".error",
    "dist/plain.svg",
    "../secret.txt",
    "../../secret.txt",
    "..%2fsecret.txt",
    "%2e%2e/%2e%2e/secret.txt",
    "..%2f..%2fsecret.txt",
    "%252e%252e/secret.txt",
    "..%252f..%252fsecret.txt",
    "....//....//secret.txt",
    "..%5c..%5csecret.txt",
    "..\\..\\secret.txt",
    "assets/../../package.json",
    "assets/%2e%2e/%2e%2e/package.json",
    "assets/..%00/package.json",
    "plain.svg%00.js",
    "%00",
    "/etc/passwd",
    "//etc/passwd",
    "%2fetc%2fpasswd",
    "file:///etc/passwd",
    "C:%5cwindows%5cwin.ini",
    "fallback.js/",
    "fallback.js/../package.json",
    "./plain.svg",
    "assets//main-abcdefgh.js",
    "assets",
    "assets/",
    "",
    "x" * 5000,
    "%c0%ae%c0%ae/secret.txt",
    "%ff%fe",
    "link",
    "FALLBACK.JS",
    "~root",
]


@pytest.mark.parametrize("path", NEVER, ids=lambda p: p[:40])
def test_nothing_else_is_ever_served(shared, path):
    from urllib.parse import unquote

    for form in (path, unquote(path), unquote(unquote(path))):
        answer = shared.ask("GET", f"/static/{form}", auth=False)
        assert answer.status in (404, 421), form
        assert b"outside" not in answer.body
        assert b"secret source" not in answer.body


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"])
def test_files_are_only_read(client, method):
    assert client.request(method, "/static/plain.svg").status_code == 405
