"""The environment variables that keep a replay apart from other ROS 2 traffic and let large images through."""

import os
import random
import socket
from pathlib import Path

from ament_index_python.packages import get_package_share_directory

from camseg_core.errors import CamsegError

# Fast DDS: multicast discovery of domain d uses UDP port 7400 + 250 d. From 102 on these are Linux's ephemeral ports.
_DOMAINS = range(1, 102)


def replay_environment() -> dict[str, str]:
    """This process's variables with those that a replay needs; what is set already stays as it is."""
    environment = dict(os.environ)
    if "ROS_DOMAIN_ID" not in environment:
        environment["ROS_DOMAIN_ID"] = str(free_domain())
    if "FASTRTPS_DEFAULT_PROFILES_FILE" not in environment:
        profile = Path(get_package_share_directory("camseg_ros")) / "config" / "fastdds.xml"
        environment["FASTRTPS_DEFAULT_PROFILES_FILE"] = str(profile)
    # Children write their logs to files; without this they would appear only when a buffer is full.
    environment["PYTHONUNBUFFERED"] = "1"
    return environment


def free_domain() -> int:
    """A ROS domain that nobody on this machine uses, chosen at random; raises CamsegError where there is none."""
    for domain in random.sample(_DOMAINS, len(_DOMAINS)):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind(("", 7400 + 250 * domain))
            except OSError:
                continue
            return domain
    raise CamsegError("every ROS domain from 1 to 101 is in use on this machine; expected a free one")
