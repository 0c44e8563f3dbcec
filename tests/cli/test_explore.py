import pytest


def test_explore_writes_one_page(run, small_folder, tmp_path):
    ran = run("explore", "--panel", small_folder, "--output", tmp_path / "page.html")
    assert ran.code == 0 and ran.out.startswith("Page: ")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>") and "acme/Alpha-7B" in page
    assert f"Page made by <code>obslaws explore --panel {small_folder.name}</code>" in page
    assert str(small_folder) not in page and "<title>obslaws explorer</title>" in page


@pytest.mark.parametrize(("name", "words"), [("page.pdf", "must end in .html"), ("no/page.html", "there is no folder")])
def test_explore_refuses_before_it_fits(run, small_folder, tmp_path, name, words):
    ran = run("explore", "--panel", small_folder, "--output", tmp_path / name)
    assert ran.code == 1 and words in ran.err and "Fitting" not in ran.err
