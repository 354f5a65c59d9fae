"""Corruptions of camera images that have no depth: noise, blur, exposure and colour. Weather is in `weather`."""

from camseg_core.corruptions.severity import CORRUPTIONS, SEVERITIES, Corruption, corrupt

__all__ = ["CORRUPTIONS", "SEVERITIES", "Corruption", "corrupt"]
