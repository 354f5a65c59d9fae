"""The environment a replay runs in."""

import socket

import pytest

pytest.importorskip("ament_index_python")

from camseg_ros.replay import surroundings

pytestmark = pytest.mark.ros


def test_what_is_set_already_stays(monkeypatch):
    monkeypatch.setenv("ROS_DOMAIN_ID", "7")
    monkeypatch.setenv("FASTRTPS_DEFAULT_PROFILES_FILE", "/my/profile.xml")
    environment = surroundings.replay_environment()
    assert environment["ROS_DOMAIN_ID"] == "7"
    assert environment["FASTRTPS_DEFAULT_PROFILES_FILE"] == "/my/profile.xml"


def test_without_settings_a_domain_is_chosen_and_the_profile_for_large_images_is_used(monkeypatch):
    monkeypatch.delenv("ROS_DOMAIN_ID", raising=False)
    monkeypatch.delenv("FASTRTPS_DEFAULT_PROFILES_FILE", raising=False)
    environment = surroundings.replay_environment()
    assert 1 <= int(environment["ROS_DOMAIN_ID"]) <= 101
    with open(environment["FASTRTPS_DEFAULT_PROFILES_FILE"]) as profile:
        assert "<segment_size>" in profile.read()


def test_a_domain_in_use_is_not_chosen(monkeypatch):
    monkeypatch.setattr(surroundings, "_DOMAINS", range(90, 92))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("", 7400 + 250 * 90))
        assert {surroundings.free_domain() for _ in range(8)} == {91}
