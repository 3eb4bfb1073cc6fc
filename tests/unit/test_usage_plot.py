"""The drawing of how true probabilities are: well-formed, a curve a log, what is true on the diagonal."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from bench.usage_plot import drawn
from services.indexer.usage.evaluate import Calibration


def test_what_is_as_likely_as_told_stands_on_the_diagonal():
    drawing = drawn(
        {"true": Calibration(0.2, 0.9, ((50, 0.01, 0.01), (50, 0.3, 0.3))), "few": Calibration(None, None, ((3, 0.1, 1.0),))}
    )
    ET.fromstring(drawing)
    dots = [(float(x), float(y)) for x, y in re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)" r="3.5"', drawing)]
    ends = re.search(r'class="true" d="M(\d+) (\d+)L(\d+) (\d+)"', drawing)
    assert ends is not None
    left, low, right, high = (float(one) for one in ends.groups())
    assert len(dots) == 2, "a bin of few items is not drawn"
    for x, y in dots:
        assert abs((x - left) / (right - left) - (low - y) / (low - high)) < 0.01
    assert ">true</text>" in drawing
    assert "prefers-color-scheme: dark" in drawing
