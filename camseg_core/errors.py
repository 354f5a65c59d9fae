"""Errors a user can cause. Each message names the thing, its value and what was expected."""


def first_line(error: BaseException) -> str:
    """The first line of an error's text, or its type where it has none."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


class CamsegError(Exception):
    """Base of every error that bad input raises; the command line prints it without a traceback."""


class ConfigurationError(CamsegError):
    """A parameter or option is out of its range or contradicts another."""


class WeightsError(CamsegError):
    """A weights file is missing, cut short, not safetensors, or belongs to another model."""


class FrameError(CamsegError):
    """A camera frame cannot be read: unknown encoding, wrong step or size, no pixels."""


class DatasetError(CamsegError):
    """A dataset folder, image or label map is missing or does not hold what its layout promises."""


class DriftReferenceError(CamsegError):
    """A drift reference is missing, cut short, too short to judge, or fitted with another model."""


class InferenceError(CamsegError):
    """A batch cannot be inferred: too many are on their way, the device has no memory left, or it is lost."""
