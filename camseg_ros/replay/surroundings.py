"""The environment variables that keep a replay apart from other ROS 2 traffic and let large images through."""

import os
import random
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ament_index_python.packages import get_package_share_directory

from camseg_core.errors import CamsegError, ConfigurationError

DOMAIN_VARIABLE = "CAMSEG_ROS_DOMAIN_ID"
"""Says which ROS domain a replay takes; without it, or where it is empty, the replay finds a free one."""

# What DDS adds to a domain's first port, 7400 + 250 d: 0 for discovery by multicast, 10 + 2 p for that of participant p
# by unicast. With discovery on this machine alone there is no multicast, and 32 participants are looked for.
_PORTS = (0, *range(10, 74, 2))

# From 102 on a domain's ports are Linux's ephemeral ones. 0 is the domain of whoever sets none.
_DOMAINS = range(1, 102)
_HIGHEST_DOMAIN = 232

# These reach other machines whatever the range of discovery is.
_WAYS_OUT = ("ROS_STATIC_PEERS", "ROS_DISCOVERY_SERVER")


def replay_environment() -> dict[str, str]:
    """This process's variables with those that a replay needs.

    ROS_DOMAIN_ID is a domain of the replay's own, not that of the user, whose vehicle may be listening there; discovery
    ends at this machine. A Fast DDS profile that is set stays.

    Raises:
        ConfigurationError: CAMSEG_ROS_DOMAIN_ID is no ROS domain.
        CamsegError: no domain is free.
    """
    environment = {name: value for name, value in os.environ.items() if name not in _WAYS_OUT}
    domain = asked_domain()
    environment["ROS_DOMAIN_ID"] = str(free_domain() if domain is None else domain)
    environment["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
    if "FASTRTPS_DEFAULT_PROFILES_FILE" not in environment:
        profile = Path(get_package_share_directory("camseg_ros")) / "config" / "fastdds.xml"
        environment["FASTRTPS_DEFAULT_PROFILES_FILE"] = str(profile)
    # Children write their logs to files; without this they would appear only when a buffer is full.
    environment["PYTHONUNBUFFERED"] = "1"
    return environment


@contextmanager
def inside(environment: dict[str, str]) -> Iterator[None]:
    """Gives this process the variables of a replay, so that it is part of its graph, and its own again afterwards."""
    own = dict(os.environ)
    _set_variables(environment)
    try:
        yield
    finally:
        _set_variables(own)


def domain_in_words(environment: dict[str, str]) -> str:
    """Where a replay runs and how to watch it, for people."""
    domain = environment["ROS_DOMAIN_ID"]
    return f"ROS domain {domain} of this machine (to watch: ROS_DOMAIN_ID={domain} rviz2)"


def asked_domain() -> int | None:
    """The domain in CAMSEG_ROS_DOMAIN_ID, None without; raises ConfigurationError where it is no ROS domain."""
    text = os.environ.get(DOMAIN_VARIABLE, "")
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and int(text) <= _HIGHEST_DOMAIN):
        raise ConfigurationError(f"{DOMAIN_VARIABLE} is {text!r}; expected a ROS domain, 0 to {_HIGHEST_DOMAIN}")
    return int(text)


def free_domain() -> int:
    """A ROS domain that nobody on this machine uses, nor ROS_DOMAIN_ID names, at random; CamsegError without one."""
    for domain in random.sample(_DOMAINS, len(_DOMAINS)):
        if str(domain) != os.environ.get("ROS_DOMAIN_ID") and all(_is_free(7400 + 250 * domain + p) for p in _PORTS):
            return domain
    raise CamsegError("every ROS domain from 1 to 101 is in use on this machine; expected a free one")


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True


def _set_variables(variables: dict[str, str]) -> None:
    for name in os.environ.keys() - variables.keys():
        del os.environ[name]
    os.environ.update(variables)
