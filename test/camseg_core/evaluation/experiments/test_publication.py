"""A publication is a page, a picture and figures that say the same and where they come from."""

import hashlib
import json
import sys

import cv2
import pytest
from matplotlib.figure import Figure

from camseg_core.evaluation.experiments.publication import Provenance, Publication, Table


@pytest.fixture
def publication(tiny_model, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/somewhere/camseg", "eval", "masking", "--root", "my data"])
    figure = Figure()
    figure.add_subplot().plot([0, 1], [0, 1])
    return Publication(
        title="Masking",
        summary="One claim.",
        tables=(Table("By class", ("class", "IoU", "frames"), (("pole", 0.12345, 3), ("sign", float("nan"), 0))),),
        figure=figure,
        results={"pole": {"iou": 0.12345}, "sign": {"iou": float("nan")}, "steps": (1, 2)},
        provenance=Provenance.collect(seed=7, data="two frames", models=[str(tiny_model)]),
    )


def test_a_table_rounds_numbers_aligns_them_right_and_dashes_what_is_missing(publication):
    assert publication.tables[0].markdown().splitlines() == [
        "| class | IoU | frames |",
        "| --- | ---: | ---: |",
        "| pole | 0.123 | 3 |",
        "| sign | – | 0 |",
    ]


def test_a_row_of_another_length_is_refused():
    with pytest.raises(ValueError, match="expected 2 cells"):
        Table("", ("a", "b"), ((1,),))


def test_page_picture_and_figures_lie_side_by_side(publication, tmp_path, tiny_model):
    page, picture, figures = publication.write(tmp_path / "results" / "masking")
    assert [path.name for path in (page, picture, figures)] == ["masking.md", "masking.png", "masking.json"]
    text = page.read_text()
    assert text.startswith("# Masking\n\nOne claim.\n\n![Masking](masking.png)\n")
    assert "\n    camseg eval masking --root 'my data'\n" in text
    digest = hashlib.sha256((tiny_model / "model.safetensors").read_bytes()).hexdigest()[:12]
    for fact in ("two frames", "Seed 7", digest, publication.provenance.date, publication.provenance.hardware):
        assert fact in text
    assert cv2.imread(str(picture)).std() > 0
    content = json.loads(figures.read_text())
    assert content["results"] == {"pole": {"iou": 0.12345}, "sign": {"iou": None}, "steps": [1, 2]}
    assert content["provenance"]["weights"] == {str(tiny_model): digest}
    assert {"python", "torch", "diffusers"} <= set(content["provenance"]["versions"])
