"""Services about drift references: fit a camera's anew from its next frames, and save it."""

from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from rclpy.node import Node

from camseg_core.errors import ConfigurationError
from camseg_ros.pipeline import describe
from camseg_ros.srv import RefitDriftReference, SaveDriftReference

if TYPE_CHECKING:
    from camseg_core.runtime.engine import InferenceEngine


class _Answer(Protocol):
    success: bool
    message: str


Response = TypeVar("Response", bound=_Answer)


class DriftServices:
    """``~/refit_drift_reference`` and ``~/save_drift_reference``, from configure to cleanup.

    Whatever goes wrong is answered with the reason: an exception would leave the executor and end the node.

    Args:
        node: whose services.
        engine: keeps the references.
        cameras: names of the cameras there are.
    """

    def __init__(self, node: Node, engine: "InferenceEngine", cameras: tuple[str, ...]) -> None:
        self._node = node
        self._engine = engine
        self._cameras = cameras
        self._services = (
            node.create_service(RefitDriftReference, "~/refit_drift_reference", self._refit),
            node.create_service(SaveDriftReference, "~/save_drift_reference", self._save),
        )

    def close(self) -> None:
        """Destroys the services."""
        for service in self._services:
            self._node.destroy_service(service)

    def _refit(
        self, request: RefitDriftReference.Request, response: RefitDriftReference.Response
    ) -> RefitDriftReference.Response:
        try:
            camera = self._camera(request.camera)
            self._engine.refit_drift(camera, request.seconds)
        except Exception as error:
            return self._refuse(response, error)
        return self._agree(response, f"the next {request.seconds:g} s of {camera} are taken for clear driving")

    def _save(
        self, request: SaveDriftReference.Request, response: SaveDriftReference.Response
    ) -> SaveDriftReference.Response:
        try:
            camera = self._camera(request.camera)
            if not request.path:
                raise ConfigurationError("path is empty; expected that of a .safetensors file to write")
            path = _expand_home(request.path).absolute()
            reference_id = self._engine.save_drift_reference(camera, path)
        except Exception as error:
            return self._refuse(response, error)
        return self._agree(response, f"drift reference {reference_id} of {camera} is in {path}")

    def _camera(self, name: str) -> str:
        if not name and len(self._cameras) == 1:
            return self._cameras[0]
        if name not in self._cameras:
            raise ConfigurationError(f"camera {name!r} is unknown; expected one of {', '.join(self._cameras)}")
        return name

    def _agree(self, response: Response, message: str) -> Response:
        self._node.get_logger().info(message)
        response.success, response.message = True, message
        return response

    def _refuse(self, response: Response, error: Exception) -> Response:
        reason = describe(error)
        self._node.get_logger().warning(reason)
        response.success, response.message = False, reason
        return response


def _expand_home(path: str) -> Path:
    """A path whose ~ or ~USER is that user's home folder; raises ConfigurationError where there is none."""
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise ConfigurationError(f"path is {path!r}; expected ~ to begin the home folder of a known user") from error
