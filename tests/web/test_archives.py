"""The door for files: what it sends, what it takes, what it does not even look at."""

import pytest

ZIP = {"content-type": "application/zip"}


@pytest.mark.parametrize(
    ("query", "form", "media"),
    [
        ("", "html", "text/html; charset=utf-8"),
        ("?format=html", "html", "text/html; charset=utf-8"),
        ("?format=zip", "zip", "application/zip"),
    ],
)
def test_a_run_is_sent_as_a_file_to_keep(world, client, query, form, media):
    answer = client.get(f"/api/traces/r-1/export{query}")
    assert (answer.status_code, answer.content) == (200, b"the file")
    assert answer.headers["content-type"] == media
    assert answer.headers["content-disposition"] == f'attachment; filename="framescope-r-1.{form}"'
    assert world.runtime.asked == [("export", "r-1", form)]


def test_a_run_that_is_not_there_and_a_form_that_is_none(client):
    assert client.get("/api/traces/r-9/export").status_code == 404
    answer = client.get("/api/traces/r-1/export?format=pdf")
    assert (answer.status_code, "format" in answer.json()["detail"]) == (422, True)


@pytest.mark.parametrize("media", ["application/zip", "text/html", "text/html; charset=utf-8"])
def test_a_file_is_passed_on_as_it_came(world, client, media):
    raw = b"PK\x03\x04\xff\x00{"
    answer = client.post("/api/import", content=raw, headers={"content-type": media})
    assert answer.json() == {
        "run_id": "r-2", "imported_from": "r-1", "frames": 2, "effects": 3, "missing": ["node:a"],
    }  # fmt: skip
    assert world.runtime.asked == [("take_in", raw)]


def test_no_file_is_no_import(world, client):
    answer = client.post("/api/import")
    assert (answer.status_code, "got nothing" in answer.json()["detail"]) == (400, True)
    assert world.runtime.asked == []


@pytest.mark.parametrize("media", ["application/json", "application/x-zip", "multipart/form-data"])
def test_another_media_type_is_told_how(client, media):
    answer = client.post("/api/import", content=b"PK\x03\x04", headers={"content-type": media})
    assert answer.status_code == 415
    assert "curl -H 'content-type: application/zip' --data-binary @FILE" in answer.json()["detail"]


def test_a_file_may_be_larger_than_other_bodies(client):
    assert (
        client.post("/api/import", content=b"PK" + bytes(2 << 20), headers=ZIP).status_code == 200
    )


def test_a_large_file_comes_in_slices_and_whole(world, client):
    body = bytes(range(256)) * 5000 + b"end"

    async def export(_name, _form):
        return body

    world.runtime.export = export
    answer = client.get("/api/traces/r-1/export?format=zip")
    assert (answer.content, answer.headers["content-length"]) == (body, str(len(body)))
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["x-content-type-options"] == "nosniff"
