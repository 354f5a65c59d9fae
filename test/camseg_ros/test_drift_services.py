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
