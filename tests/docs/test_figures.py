"""The page of current figures is what `bench/RESULTS.md` says, and nothing else."""

from __future__ import annotations

import pytest

from bench import lineage_confidence_plot as plot
from bench.figures import PAGE, RESULTS, page, sections

MADE = """# Results

## Speed

| a |
| --- |
| 1 |

## How well

<!-- figures: questions of a pool -->

`make bench ARGS=x`, 2031-05-01, a machine.

| method | R@10 |
| --- | --- |
| **headwater** | **0.9** |
| control | 0.1 |

More words.
"""


def test_the_page_is_in_step_with_the_results() -> None:
    """If it is not: `python -m bench.figures`, and commit both."""
    assert PAGE.read_text(encoding="utf-8") == page(RESULTS.read_text(encoding="utf-8"))


def test_a_marked_section_comes_with_its_command_date_and_controls() -> None:
    told = page(MADE)
    assert "## How well\n\nquestions of a pool. `make bench ARGS=x`, 2031-05-01\n\n| method | R@10 |" in told
    assert "| control | 0.1 |" in told
    assert "Speed" not in told


def test_every_marked_section_shows_a_control() -> None:
    """A figure without its control is not recorded, and less still shown."""
    marked = list(sections(RESULTS.read_text(encoding="utf-8")))
    assert len(marked) >= 2
    for section in marked:
        assert any("control" in line for line in section.lines), section.title


def test_a_marked_section_without_a_table_is_refused() -> None:
    with pytest.raises(ValueError, match="has no table"):
        page("## X\n\n<!-- figures: x -->\n\nwords\n")


def test_the_picture_of_reliability_is_what_is_recorded():
    """A dot for each tenth in the table of results; read on dark pages too."""
    recorded = plot.recorded(RESULTS.read_text(encoding="utf-8"))
    assert plot.PICTURE.read_text(encoding="utf-8") == plot.reliability_plot(recorded)
    assert plot.reliability_plot(recorded).count("<circle") == len(recorded) >= 5
    assert "prefers-color-scheme: dark" in plot.reliability_plot(recorded)
    with pytest.raises(ValueError, match="no table"):
        plot.recorded("# Results\n\n## Nothing\n")
