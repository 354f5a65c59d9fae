"""Resolve requirements/*.in into requirements/*.txt: every package, also the transitive ones, with an exact version.

Run by ``make lock``. ``python.txt`` serves every machine; ``ros.txt`` is what the ROS 2 wheels add to it. pip does the
resolving; this only writes its report down.
"""

import json
import subprocess
import sys
from pathlib import Path

REQUIREMENTS = Path(__file__).resolve().parent.parent / "requirements"
HEADER = (
    "# Written by `make lock` from {source}, which is the file to edit: exact versions of all that gets installed.\n"
)


def resolve(*inputs: Path) -> dict[str, str]:
    """Return name → version of all that pip would install for these requirement files into an empty environment."""
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet", "--report", "-"]
    for path in inputs:
        command += ["-r", str(path)]
    report = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    packages = [item["metadata"] for item in report["install"]]
    # Without the local part ("+cpu"), which names the build of one index: any build of that version will do.
    return {package["name"].lower().replace("_", "-"): package["version"].split("+")[0] for package in packages}


def write(name: str, packages: dict[str, str]) -> None:
    """Write one lock file."""
    lines = [f"{package}=={version}\n" for package, version in sorted(packages.items())]
    (REQUIREMENTS / f"{name}.txt").write_text(HEADER.format(source=f"{name}.in") + "".join(lines))


def main() -> None:
    """Resolve both lists, the ROS one on top of the other's exact versions."""
    python = resolve(REQUIREMENTS / "python.in")
    write("python", python)
    both = resolve(REQUIREMENTS / "python.txt", REQUIREMENTS / "ros.in")
    write("ros", {package: version for package, version in both.items() if package not in python})


if __name__ == "__main__":
    main()
