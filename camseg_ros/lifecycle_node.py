"""The lifecycle node: the model lives from configure to cleanup, subscriptions and publishers while it is active."""

import functools
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.srv import ChangeState
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from std_msgs.msg import Header

from camseg_core.errors import CamsegError, ConfigurationError
from camseg_core.runtime.settings import EngineSettings
from camseg_ros import qos
from camseg_ros.camera import CameraInput, find_cameras
from camseg_ros.diagnostics import node_status
from camseg_ros.drift_services import DriftServices
from camseg_ros.parameters import NodeParameters, NodeSettings
from camseg_ros.pipeline import describe
from camseg_ros.publication import CameraOutputs
from camseg_ros.segmenter import Segmenter

if TYPE_CHECKING:
    from camseg_core.runtime.engine import InferenceEngine

DIAGNOSTICS_PERIOD_S = 1.0
DEACTIVATE_TIMEOUT_S = 30.0
"""How long deactivation waits for the frames in work; a device that takes longer hangs."""

EngineFactory = Callable[[EngineSettings], "InferenceEngine"]


def make_engine(settings: EngineSettings) -> "InferenceEngine":
    """An ``InferenceEngine``. What it imports takes seconds, during which the node is there to be seen already."""
    from camseg_core.runtime.engine import InferenceEngine

    return InferenceEngine(settings)


class SegmentationNode(LifecycleNode):
    """Subscribes to cameras, infers in a worker thread and publishes what is subscribed to.

    Args:
        engine_factory: makes the engine; by default ``InferenceEngine``.
        node_arguments: passed on to ``rclpy.node.Node``.

    Raises:
        ConfigurationError: a parameter is out of range.
    """

    def __init__(self, engine_factory: EngineFactory = make_engine, **node_arguments: Any) -> None:
        super().__init__("camseg", **node_arguments)
        self._change_state = self._service_change_state.callback
        self._service_change_state.callback = self._change_state_if_possible
        self._engine_factory = engine_factory
        self._segmenter: Segmenter | None = None
        self._drift_services: DriftServices | None = None
        self._inputs: dict[str, CameraInput] = {}
        self._outputs: dict[str, CameraOutputs] = {}
        self._diagnostic_name = self.get_fully_qualified_name().strip("/")
        self._lifecycle_state = "unconfigured"
        self._failure = ""
        self._own_parameters = NodeParameters(self, is_configured=lambda: self._segmenter is not None)
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", qos.DIAGNOSTICS)
        # A steady clock: with use_sim_time and no /clock, diagnostics must say so rather than stop.
        self.create_timer(
            DIAGNOSTICS_PERIOD_S, self._publish_diagnostics, clock=Clock(clock_type=ClockType.STEADY_TIME)
        )

    @property
    def starts_by_itself(self) -> bool:
        """The parameter ``autostart``."""
        return self._own_parameters.settings.autostart

    @property
    def segmenter(self) -> Segmenter | None:
        """From configure to cleanup."""
        return self._segmenter

    def start(self) -> None:
        """Configures and activates; raises CamsegError with the reason where one of them fails."""
        for trigger in (self.trigger_configure, self.trigger_activate):
            if trigger() != TransitionCallbackReturn.SUCCESS:
                raise CamsegError(self._failure)

    def close(self, timeout_s: float) -> bool:
        """Ends work, logs the summary and frees the engine; says whether the frames in work ended in time."""
        if self._segmenter is None:
            return True
        has_ended = self._segmenter.close(timeout_s)
        self._segmenter.log_summary()
        return has_ended

    def destroy_node(self) -> None:
        """Takes the node and its services off the network at once.

        rclpy forgets the lifecycle's state machine, which holds the node: until the garbage collector comes by, other
        nodes see a node that answers nobody, beside one that was made anew under its name.
        """
        super().destroy_node()
        self._state_machine.destroy_when_not_in_use()

    # Transitions, called by the executor.

    def _change_state_if_possible(
        self, request: ChangeState.Request, response: ChangeState.Response
    ) -> ChangeState.Response:
        """Answers a request that does not fit the present state, which rclpy may let end the process (its #1209)."""
        asked = request.transition
        possible = {transition[1]: transition[0] for transition in self._state_machine.available_transitions}
        if asked.label in possible or (not asked.label and asked.id in possible.values()):
            return self._change_state(request, response)
        shown = repr(asked.label) if asked.label else f"of id {asked.id}"
        names = ", ".join(f"{label} ({number})" for label, number in possible.items())
        state = self._state_machine.current_state[1]
        self.get_logger().error(f"transition {shown} is not possible in state {state}; expected {names or 'none'}")
        response.success = False
        return response

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Loads the model; FAILURE with the reason in log and diagnostics where it cannot be."""
        settings = self._own_parameters.settings
        compiling = " and compiling it, which can take minutes" if settings.engine.torch_compile else ""
        self.get_logger().info(f"loading model {settings.engine.model}{compiling}")
        started_s = time.monotonic()
        try:
            engine = self._engine_factory(settings.engine)
        except Exception as error:  # a GPU without memory raises torch's own
            return self._fail(f"configure: {describe(error)}")
        try:
            self._own_parameters.know_classes(engine.label_set.names)
        except ConfigurationError as error:
            engine.close()
            return self._fail(f"configure: {error}")
        self._segmenter = Segmenter(
            engine,
            find_cameras(self, settings.cameras, settings.image_transport),
            self._diagnostic_name,
            lambda: self._own_parameters.settings,
            lambda: self.get_clock().now().nanoseconds,
            self.get_logger(),
        )
        cameras = tuple(camera.name for camera in self._segmenter.cameras)
        self._drift_services = DriftServices(self, engine, cameras)
        self.get_logger().info(
            f"configured: model {engine.model_id} on {engine.device}, {settings.engine.steps} steps, "
            f"ready after {time.monotonic() - started_s:.1f} s"
        )
        return self._succeed("inactive")

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Makes publishers and subscriptions; FAILURE with the reason where a topic's name or type is not possible."""
        assert self._segmenter is not None
        settings = self._own_parameters.settings
        try:
            self._connect(self._segmenter, settings)
        except Exception as error:  # rclpy's C++ part raises types of its own, and the base class keeps them quiet
            self._disconnect()
            return self._fail(f"activate: {describe(error)}")
        topics = [camera_input.image_topic for camera_input in self._inputs.values()]
        self.get_logger().info(f"active: listening to {', '.join(topics)}")
        return self._succeed("active")

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Lets the frames in work end, then destroys subscriptions and publishers."""
        if not self._disconnect():
            self._fail(f"deactivate: the frames in work did not end within {DEACTIVATE_TIMEOUT_S:g} s")
            return TransitionCallbackReturn.ERROR
        return self._succeed("inactive")

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Gives the model's memory back."""
        self._release()
        return self._succeed("unconfigured")

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """As deactivate and cleanup, from any state."""
        self._disconnect()
        self._release()
        return self._succeed("finalized")

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Ends in finalized: a device that hangs is not had back within this process."""
        # rclpy tells nobody of an exception in a transition.
        self._lifecycle_state, self._failure = "finalized", self._failure or "a transition ended with an exception"
        return TransitionCallbackReturn.FAILURE

    def _succeed(self, state: str) -> TransitionCallbackReturn:
        self._lifecycle_state, self._failure = state, ""
        return TransitionCallbackReturn.SUCCESS

    def _fail(self, reason: str) -> TransitionCallbackReturn:
        self._failure = reason
        self.get_logger().error(reason)
        self._publish_diagnostics()
        return TransitionCallbackReturn.FAILURE

    def _connect(self, segmenter: Segmenter, settings: NodeSettings) -> None:
        label_set = segmenter.engine.label_set
        for camera in segmenter.cameras:
            # Frames that come before ``start`` are counted as dropped.
            put = functools.partial(segmenter.put, camera.name)
            self._inputs[camera.name] = CameraInput(self, camera, settings, put)
            self._outputs[camera.name] = CameraOutputs(
                self, camera.output_prefix, label_set, self._inputs[camera.name].newest_info
            )
        segmenter.start(self._outputs)

    def _disconnect(self) -> bool:
        for camera_input in self._inputs.values():
            camera_input.close()
        self._inputs = {}
        if self._segmenter is not None and not self._segmenter.stop(DEACTIVATE_TIMEOUT_S):
            return False
        for outputs in self._outputs.values():
            outputs.close()
        self._outputs = {}
        return True

    def _release(self) -> None:
        if self._drift_services is not None:
            self._drift_services.close()
            self._drift_services = None
        self.close(DEACTIVATE_TIMEOUT_S)
        self._segmenter = None
        self._own_parameters.know_classes(None)

    def _publish_diagnostics(self) -> None:
        statuses = [node_status(self._diagnostic_name, self._lifecycle_state, self._failure)]
        if self._segmenter is not None:
            statuses = self._segmenter.statuses(is_active=self._lifecycle_state == "active") + statuses
        header = Header(stamp=self.get_clock().now().to_msg())
        self._diagnostics.publish(DiagnosticArray(header=header, status=statuses))
