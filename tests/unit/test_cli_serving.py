"""What a server leaves in its home for other commands, and what a taken port stops."""

from __future__ import annotations

from contextlib import closing

import pytest

from services.cli.main import main
from services.cli.serve import bound
from services.cli.serving import ADDRESS, address_of, announcing
from services.common.runtime.settings import Settings


def url_of(listening: object) -> str:
    return f"http://127.0.0.1:{listening.getsockname()[1]}"  # type: ignore[attr-defined]


def test_a_second_catalog_of_a_home_leaves_the_address_of_the_first(tmp_path):
    """Of those that answer for one home the first stays known; one that was killed does not."""
    settings = Settings(home=tmp_path)
    with closing(bound("127.0.0.1", 0)) as first, announcing(settings, "catalog", first) as announce:
        announce()
        assert address_of(settings) == url_of(first)
        with closing(bound("127.0.0.1", 0)) as second, announcing(settings, "catalog", second) as announce_second:
            announce_second()
            assert address_of(settings) == url_of(first)
        assert address_of(settings) == url_of(first)
    assert address_of(settings) is None
    with closing(bound("127.0.0.1", 0)) as dead:
        gone = url_of(dead)
    (tmp_path / ADDRESS).write_text(gone)
    with closing(bound("127.0.0.1", 0)) as third, announcing(settings, "catalog", third) as announce:
        announce()
        assert address_of(settings) == url_of(third)


@pytest.mark.parametrize("left", ["", "no url", "http://", "http://127.0.0.1:99999"])
def test_an_address_that_means_nothing_is_forgotten(tmp_path, left):
    (tmp_path / ADDRESS).write_text(left)
    settings = Settings(home=tmp_path)
    with closing(bound("127.0.0.1", 0)) as listening, announcing(settings, "catalog", listening) as announce:
        announce()
        assert address_of(settings) == url_of(listening)


def test_a_demo_on_a_taken_port_says_so_before_its_work(tmp_path, capsys):
    """Nothing is crawled, and nothing else is said."""
    with closing(bound("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["demo", "--home", str(tmp_path / "home"), "--port", str(port)]) == 1
    told = capsys.readouterr()
    assert f"port {port} on 127.0.0.1 is taken" in told.err
    assert "searchable" not in told.err + told.out
    assert not (tmp_path / "home").exists()
