"""The environment a replay runs in."""

import os
import socket

import pytest

pytest.importorskip("rclpy")

import rclpy

from camseg_core.errors import CamsegError, ConfigurationError
from camseg_ros.replay import surroundings

pytestmark = pytest.mark.ros


@pytest.fixture(autouse=True)
def _no_domain_asked_for(monkeypatch):
    monkeypatch.delenv(surroundings.DOMAIN_VARIABLE, raising=False)


def test_the_domain_that_is_asked_for_and_the_profile_that_is_set_are_used(monkeypatch):
    monkeypatch.setenv("ROS_DOMAIN_ID", "7")
    monkeypatch.setenv("CAMSEG_ROS_DOMAIN_ID", "8")
    monkeypatch.setenv("FASTRTPS_DEFAULT_PROFILES_FILE", "/my/profile.xml")
    environment = surroundings.replay_environment()
    assert environment["ROS_DOMAIN_ID"] == "8"
    assert environment["FASTRTPS_DEFAULT_PROFILES_FILE"] == "/my/profile.xml"


def test_the_users_domain_and_network_are_not_those_of_a_replay(monkeypatch):
    monkeypatch.setattr(surroundings, "_DOMAINS", range(90, 92))
    monkeypatch.setenv("ROS_DOMAIN_ID", "90")
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "SUBNET")
    monkeypatch.setenv("ROS_STATIC_PEERS", "192.168.1.2")
    monkeypatch.setenv("ROS_DISCOVERY_SERVER", "192.168.1.3:11811")
    environments = [surroundings.replay_environment() for _ in range(8)]
    assert {environment["ROS_DOMAIN_ID"] for environment in environments} == {"91"}
    assert {environment["ROS_AUTOMATIC_DISCOVERY_RANGE"] for environment in environments} == {"LOCALHOST"}
    assert not {"ROS_STATIC_PEERS", "ROS_DISCOVERY_SERVER"} & environments[0].keys()


def test_without_settings_a_domain_is_chosen_and_the_profile_for_large_images_is_used(monkeypatch):
    monkeypatch.delenv("ROS_DOMAIN_ID", raising=False)
    monkeypatch.delenv("FASTRTPS_DEFAULT_PROFILES_FILE", raising=False)
    monkeypatch.setenv("CAMSEG_ROS_DOMAIN_ID", "")
    environment = surroundings.replay_environment()
    assert 1 <= int(environment["ROS_DOMAIN_ID"]) <= 101
    with open(environment["FASTRTPS_DEFAULT_PROFILES_FILE"]) as profile:
        assert "<segment_size>" in profile.read()


@pytest.mark.parametrize("value", ["233", "-1", "7 ", "1e1", "\N{ARABIC-INDIC DIGIT SEVEN}", "mine"])
def test_a_domain_that_is_none_is_an_error(monkeypatch, value):
    monkeypatch.setenv("CAMSEG_ROS_DOMAIN_ID", value)
    with pytest.raises(ConfigurationError) as told:
        surroundings.replay_environment()
    assert str(told.value) == f"CAMSEG_ROS_DOMAIN_ID is {value!r}; expected a ROS domain, 0 to 232"


def test_this_process_takes_part_and_has_its_own_variables_again(monkeypatch):
    monkeypatch.setenv("ROS_DOMAIN_ID", "7")
    monkeypatch.setenv("ROS_STATIC_PEERS", "192.168.1.2")
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    before = dict(os.environ)
    environment = surroundings.replay_environment()
    with surroundings.inside(environment):
        assert dict(os.environ) == environment
    assert dict(os.environ) == before


def test_a_domain_in_use_is_not_chosen(monkeypatch):
    monkeypatch.setattr(surroundings, "_DOMAINS", range(90, 92))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("", 7400 + 250 * 90))
        assert {surroundings.free_domain() for _ in range(8)} == {91}


def test_a_domain_of_nodes_that_talk_on_this_machine_alone_is_not_chosen(ros_domain, monkeypatch):
    monkeypatch.setattr(surroundings, "_DOMAINS", range(ros_domain, ros_domain + 1))
    assert surroundings.free_domain() == ros_domain
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=ros_domain)
    node = rclpy.create_node("neighbour", context=context)
    try:
        with pytest.raises(CamsegError, match="every ROS domain"):
            surroundings.free_domain()
    finally:
        node.destroy_node()
        rclpy.shutdown(context=context)
