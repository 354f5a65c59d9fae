"""Services about drift references: which camera is meant, and what comes back when something is wrong."""

import pytest
from camseg_ros.srv import RefitDriftReference, SaveDriftReference

pytestmark = pytest.mark.ros


def test_references_are_fitted_anew_and_saved_by_camera(make_local_node, peer, tmp_path):
    local = make_local_node(cameras=["front", "left"])
    answer = peer.call(RefitDriftReference, "refit_drift_reference", camera="left", seconds=12.5)
    assert (answer.success, answer.message) == (True, "the next 12.5 s of left are taken for clear driving")
    assert local.engines[0].refits == [("left", 12.5)]
    path = tmp_path / "left.safetensors"
    answer = peer.call(SaveDriftReference, "save_drift_reference", camera="left", path=str(path))
    assert (answer.success, answer.message) == (True, f"drift reference reference-of-left of left is in {path}")
    assert path.read_text() == "left"

    def refusal(kind: type, service: str, **fields: object) -> str:
        answer = peer.call(kind, service, **fields)
        assert not answer.success
        return answer.message

    unknown = "expected one of front, left"
    assert unknown in refusal(RefitDriftReference, "refit_drift_reference", camera="rear", seconds=1.0)
    assert unknown in refusal(RefitDriftReference, "refit_drift_reference", seconds=1.0)
    assert "seconds is -1.0" in refusal(RefitDriftReference, "refit_drift_reference", camera="left", seconds=-1.0)
    assert "path is empty" in refusal(SaveDriftReference, "save_drift_reference", camera="left")
    nowhere = str(tmp_path / "no" / "such" / "folder.safetensors")
    assert nowhere in refusal(SaveDriftReference, "save_drift_reference", camera="left", path=nowhere)


def test_the_only_camera_needs_no_name(make_local_node, peer):
    local = make_local_node()
    assert peer.call(RefitDriftReference, "refit_drift_reference", seconds=3.0).success
    assert local.engines[0].refits == [("camera", 3.0)]


def test_a_path_in_the_home_folder_is_found_and_one_of_an_unknown_user_is_refused(
    make_local_node, peer, tmp_path, monkeypatch
):
    monkeypatch.setenv("HOME", str(tmp_path))
    make_local_node()
    answer = peer.call(SaveDriftReference, "save_drift_reference", path="~nosuchuser/front.safetensors")
    refusal = "path is '~nosuchuser/front.safetensors'; expected ~ to begin the home folder of a known user"
    assert (answer.success, answer.message) == (False, refusal)
    assert peer.call(SaveDriftReference, "save_drift_reference", path="~/front.safetensors").success
    assert (tmp_path / "front.safetensors").read_text() == "camera"


def test_an_error_that_nobody_expected_is_answered_and_the_node_goes_on(make_local_node, peer, monkeypatch):
    local = make_local_node()

    def fail(*_: object) -> None:
        raise ValueError("embedded null byte")

    monkeypatch.setattr(local.engines[0], "save_drift_reference", fail)
    monkeypatch.setattr(local.engines[0], "refit_drift", fail)
    for answer in (
        peer.call(SaveDriftReference, "save_drift_reference", path="x.safetensors"),
        peer.call(RefitDriftReference, "refit_drift_reference", seconds=1.0),
    ):
        assert (answer.success, answer.message) == (False, "ValueError: embedded null byte")
    assert peer.state() == "active"
