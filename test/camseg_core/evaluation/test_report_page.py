"""The page, parsed as a browser would: it holds the numbers, the charts and the pictures, and needs no other file."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest

from camseg_core.evaluation.confusion import ConfusionMatrix
from camseg_core.evaluation.report.gallery import Picture, choose_frames
from camseg_core.evaluation.report.page import number, render_page
from camseg_core.evaluation.report.summary import summarize
from camseg_core.labels import CAMVID
from camseg_core.weather import Weather

VOID_ELEMENTS = {"meta", "img", "br"}


class Page(HTMLParser):
    """Text by the id of the element around it, all elements, and every URI."""

    def __init__(self, html):
        super().__init__()
        self.elements, self.uris, self.text = [], [], {}
        self._open = []
        self.feed(html)
        assert self._open == [], "every element is closed"

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.elements.append((tag, attributes.get("class")))
        self.uris += [attributes[name] for name in ("src", "href") if name in attributes]
        if tag not in VOID_ELEMENTS:
            self._open.append((tag, attributes.get("id")))

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes).get("class")))

    def handle_endtag(self, tag):
        assert self._open.pop()[0] == tag

    def handle_data(self, data):
        for _, name in self._open:
            if name is not None:
                self.text[name] = " ".join([*self.text.get(name, "").split(), *data.split()])


@pytest.fixture
def run(made_up_run):
    weather = [Weather.clear()] * 6 + [Weather.fog(80.0)] * 4
    scores = [5.0] * 6 + [12.0, 20.0, 20.0, 20.0]
    return made_up_run(weather, score=scores.__getitem__, latency_ms=lambda i: 100.0 + i, processed=lambda i: i != 3)


def page_of(run, with_truth=True):
    matrix = ConfusionMatrix(CAMVID)
    matrix.update(np.array([[0, 0, 0, 0]], np.uint8), np.array([[0, 0, 0, 3]], np.uint8))
    grey = np.full((30, 40, 3), 128, np.uint8)
    pictures = [Picture(frame, grey, grey if with_truth else None) for frame in run.frames[:2]]
    summary = summarize(run, matrix.metrics() if with_truth else None, {"clear": 0.5, "fog": 0.25})
    return Page(render_page(run, summary, pictures, CAMVID))


def test_the_numbers_stand_at_the_top(run):
    numbers = page_of(run).text["numbers"]
    assert "frames sent 10" in numbers
    assert "received 10 0 lost in transport" in numbers
    assert "processed 9 0 failed" in numbers
    assert "dropped 1" in numbers
    assert "latency, median 105 ms" in numbers
    assert "mean IoU 0.375" in numbers  # sky 3/4, road 0/1
    assert "drift AUROC 1.000" in numbers


def test_the_drift_chart_shows_every_judged_frame_by_state_with_weather_and_thresholds(run):
    page = page_of(run)
    circles = [name for tag, name in page.elements if tag == "circle"]
    assert circles == ["point nominal"] * 5 + ["point warn"] + ["point error"] * 3
    assert [name for tag, name in page.elements if tag == "rect" and "band" in name] == ["band clear", "band fog"]
    assert "warn 10" in page.text["drift"]
    assert "error 14" in page.text["drift"]


def test_weather_and_class_tables_hold_their_rows(run):
    page = page_of(run)
    assert "fog 4 4 0.250 20.00 100 %" in page.text["conditions"]
    assert "clear 6 5 0.500 5.00 0 %" in page.text["conditions"]
    assert "sky 0.750" in page.text["classes"]
    assert "tree –" in page.text["classes"]


def test_latency_percentiles_are_named(run):
    assert re.search(r"p50 105 ms .*p95 10\d ms .*p99 109 ms", page_of(run).text["latency"])


def test_it_needs_no_other_file_and_shows_overlay_and_truth(run):
    uris = page_of(run).uris
    assert len(uris) == 4
    assert all(uri.startswith("data:image/jpeg;base64,") for uri in uris)
    assert len(page_of(run, with_truth=False).uris) == 2


def test_without_any_truth_or_output_the_page_still_says_so(made_up_run):
    run = made_up_run([None] * 3, processed=lambda index: False)
    page = Page(render_page(run, summarize(run, None, {}), [], CAMVID))
    assert "mean IoU – no labels to compare with" in page.text["numbers"]
    assert "classes" not in page.text
    assert "drift" not in page.text


def test_text_from_outside_is_escaped(run):
    import dataclasses

    setup = dataclasses.replace(run.setup, source="<script>alert(1)</script>")
    run = dataclasses.replace(run, setup=setup)
    assert "<script" not in render_page(run, summarize(run, None, {}), [], CAMVID)


def test_pictures_are_spread_evenly_over_the_run(run):
    assert [frame.index for frame in choose_frames(run.frames, count=2)] == [2, 7]
    assert choose_frames(run.frames, count=99) == list(run.frames)


@pytest.mark.parametrize(("value", "text"), [(None, "–"), (float("nan"), "–"), (0.12345, "0.123"), (1.0, "1.000")])
def test_numbers_are_written_for_people(value, text):
    assert number(value) == text
