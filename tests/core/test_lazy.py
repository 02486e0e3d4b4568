"""One thread at a time imports; the second finds what the first made."""

import sys
import threading

from agent.core import lazy


def test_threads_that_need_a_circular_package_at_once_all_get_it(tmp_path, monkeypatch):
    package = tmp_path / "ring_of_two"
    package.mkdir()
    (package / "__init__.py").write_text("from ring_of_two import left, right\n")
    (package / "left.py").write_text("import ring_of_two.right\n")
    (package / "right.py").write_text("import ring_of_two.left\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    names = ["ring_of_two", "ring_of_two.left", "ring_of_two.right"]
    start, failed = threading.Barrier(len(names)), []

    def need(name: str) -> None:
        start.wait()
        try:
            lazy.load(name)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=need, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert failed == []
    assert set(names) <= sys.modules.keys()
