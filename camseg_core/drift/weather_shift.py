"""What weather does to the embedding of a camera's frames: the direction in which drift is looked for.

Fog is put into clear frames by Koschmieder's law, and both are encoded. Neither labels nor depth are known of them, so
the depth is that of a plain street; the tilt of the camera and the brightness of the fog are drawn for each frame, so
that neither becomes part of the direction.
"""

from collections.abc import Iterable

import numpy as np

from camseg_core.drift.embedding import embed
from camseg_core.models.base import SegmentationModel
from camseg_core.rendering.camera import PinholeCamera
from camseg_core.runtime.prediction import image_latent
from camseg_core.runtime.resampling import resize
from camseg_core.weather import apply_fog
from camseg_core.weather.depth import CAMERA_HEIGHT_M, ground_plane_depth

SHIFT_FRAMES = 60
"""So many frames of the clear drives are enough: the mean shift hardly differs between cameras."""

FOG_VISIBILITIES_M = (200.0, 400.0, 800.0)

_PITCH_RAD = 0.12
_AIRLIGHT = (120, 230)
_SALT = 91


def weather_shift(model: SegmentationModel, images: Iterable[np.ndarray]) -> np.ndarray:
    """Mean of what fog adds to the embeddings of clear (H, W, 3) uint8 RGB images, (D,)."""
    rng = np.random.default_rng(_SALT)
    height, width = model.input_size
    differences = []
    for image in images:
        clear = resize(image, model.input_size)
        camera = PinholeCamera(
            width, height, float(width), CAMERA_HEIGHT_M, float(rng.uniform(-_PITCH_RAD, _PITCH_RAD))
        )
        depth_m = ground_plane_depth(height, width, camera)
        grey = int(rng.integers(*_AIRLIGHT))
        embedding = embed(image_latent(model, clear))
        for visibility_m in FOG_VISIBILITIES_M:
            foggy = apply_fog(clear, depth_m, visibility_m, (grey, grey, grey))
            differences.append(embed(image_latent(model, foggy)) - embedding)
    return np.mean(differences, axis=0)
