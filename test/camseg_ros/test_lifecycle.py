"""The node as a managed node: what each transition brings and takes away, and what a failed one says."""

from collections.abc import Callable

import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from fake_engine import UNLOADABLE_MODEL
from lifecycle_msgs.msg import Transition
from ros_harness import LocalNode, frame_message, random_pixels

pytestmark = pytest.mark.ros


@pytest.fixture
def configured(make_local_node, peer) -> LocalNode:
    """A node that has been configured, and whose diagnostics come."""
    local = make_local_node(autostart=False)
    peer.wait_until(lambda: peer.received["diagnostics"], "diagnostics")
    assert peer.change_state("configure")
    return local


def failing(reason: str) -> Callable[..., None]:
    """What raises when it is called, whatever with."""

    def fail(*_: object) -> None:
        raise RuntimeError(reason)

    return fail


def test_each_transition_brings_and_takes_away_its_part(make_local_node, peer):
    local = make_local_node(autostart=False)
    node = local.node
    peer.subscribe("mask")
    peer.wait_until(lambda: peer.received["diagnostics"], "diagnostics")
    assert (peer.state(), peer.status("lifecycle").message) == ("unconfigured", "unconfigured")
    assert local.engines == []
    assert peer.set_parameter("steps", 3).successful

    assert peer.change_state("configure")
    assert peer.state() == "inactive"
    assert (len(local.engines), local.engines[0].settings.steps) == (1, 3)
    assert (node.count_subscribers("/camera/image_raw"), node.count_publishers("/camseg/mask")) == (0, 0)
    assert "clean up first" in peer.set_parameter("device", "cuda:0").reason

    for frame in (1, 2):  # a second activation works as the first
        assert peer.change_state("activate")
        assert peer.state() == "active"
        peer.wait_for_node()
        peer.publish(frame_message(random_pixels(), stamp_ns=frame))
        peer.wait_until(lambda: peer.received["mask"], "the mask")
        processed = local.counts().processed
        assert peer.change_state("deactivate")
        peer.wait_until(lambda: node.count_publishers("/camseg/mask") == 0, "the publisher to go")
        peer.wait_until(lambda: node.count_subscribers("/camera/image_raw") == 0, "the subscription to go")
        assert local.counts().processed == processed
    peer.wait_until_counted(lambda values: values["processed"] == str(processed))
    assert peer.status().message == "the node is inactive"

    assert peer.change_state("cleanup")
    assert local.engines[0].is_closed
    assert peer.state() == "unconfigured"
    assert peer.set_parameter("model", "another").successful
    assert peer.change_state("configure")
    assert local.engines[1].settings.model == "another"
    assert peer.change_state("activate")
    assert peer.change_state("shutdown")
    assert peer.state() == "finalized"
    assert local.engines[1].is_closed
    peer.wait_until(lambda: node.count_subscribers("/camera/image_raw") == 0, "the subscription to go")


def test_transitions_are_asked_for_by_id_too(make_local_node, peer):
    make_local_node(autostart=False)
    for transition, state in [
        (Transition.TRANSITION_CONFIGURE, "inactive"),
        (Transition.TRANSITION_ACTIVATE, "active"),
        (Transition.TRANSITION_DEACTIVATE, "inactive"),
        (Transition.TRANSITION_CLEANUP, "unconfigured"),
        (Transition.TRANSITION_UNCONFIGURED_SHUTDOWN, "finalized"),
    ]:
        assert peer.change_state(transition)
        assert peer.state() == state


def test_a_transition_that_the_state_does_not_allow_is_refused_and_the_node_goes_on(start_node, peer):
    node = start_node()
    node.wait_for_log("active: listening")
    for transition, shown in [
        (Transition.TRANSITION_CONFIGURE, "of id 1"),
        (Transition.TRANSITION_UNCONFIGURED_SHUTDOWN, "of id 5"),
        (99, "of id 99"),
        ("configure", "'configure'"),
        ("nonsense", "'nonsense'"),
    ]:
        assert not peer.change_state(transition)
        node.wait_for_log(f"transition {shown} is not possible in state active; expected deactivate (4), shutdown (7)")
    assert peer.state() == "active"
    assert node.stop() == 0


def test_failed_configure_gives_its_reason_and_can_be_tried_again(make_local_node, peer):
    local = make_local_node(autostart=False, model=UNLOADABLE_MODEL)
    peer.wait_until(lambda: peer.received["diagnostics"], "diagnostics")
    assert not peer.change_state("configure")
    assert peer.state() == "unconfigured"
    peer.wait_until(lambda: peer.status("lifecycle").level == DiagnosticStatus.ERROR, "status ERROR")
    assert peer.status("lifecycle").message == "configure: model 'unloadable' is cut short; expected whole weights"

    assert peer.set_parameter("model", "another").successful
    assert peer.change_state("configure")
    assert local.engines[-1].settings.model == "another"
    peer.wait_until(lambda: peer.status("lifecycle").level == DiagnosticStatus.OK, "status OK")


def test_failed_activate_gives_its_reason_and_leaves_nothing_behind(configured, peer, monkeypatch):
    monkeypatch.setattr("camseg_ros.lifecycle_node.CameraOutputs", failing("no such topic type"))
    assert not peer.change_state("activate")
    assert peer.state() == "inactive"
    peer.wait_until(lambda: peer.status("lifecycle").level == DiagnosticStatus.ERROR, "status ERROR")
    assert peer.status("lifecycle").message == "activate: RuntimeError: no such topic type"
    peer.wait_until(lambda: configured.node.count_subscribers("/camera/image_raw") == 0, "the subscription to go")
    monkeypatch.undo()
    assert peer.change_state("activate")
    peer.wait_until(lambda: configured.node.count_subscribers("/camera/image_raw") == 1, "the subscription")


def test_a_gpu_that_is_lost_at_cleanup_does_not_keep_the_node_from_it(configured, peer, monkeypatch):
    monkeypatch.setattr(configured.engines[0], "close", failing("CUDA error: unspecified launch failure"))
    assert peer.change_state("cleanup")
    assert peer.state() == "unconfigured"


def test_an_exception_in_a_transition_ends_the_node_and_diagnostics_say_so(configured, peer, monkeypatch):
    monkeypatch.setattr("camseg_ros.lifecycle_node.DriftServices.close", failing("broken"))
    assert not peer.change_state("cleanup")
    assert peer.state() == "finalized"
    peer.wait_until(lambda: peer.status("lifecycle").level == DiagnosticStatus.ERROR, "status ERROR")
    assert peer.status("lifecycle").message == "a transition ended with an exception"
    monkeypatch.undo()
    configured.node.close(0.0)


def test_destroyed_node_is_gone_from_the_network_while_its_object_still_exists(ros_domain, peer):
    local = LocalNode(ros_domain, autostart=False)
    with local:
        peer.wait_until(lambda: peer.received["diagnostics"], "diagnostics")
        assert "camseg" in peer.node.get_node_names()
    # `local` holds the object still: it is not the garbage collector that takes it away.
    peer.wait_until(lambda: "camseg" not in peer.node.get_node_names(), "the node to go")
    assert peer.node.count_services("/camseg/change_state") == 0
