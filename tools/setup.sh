#!/usr/bin/env bash
# Makes the virtual environment (.venv) and builds the ROS 2 package (build/, install/, log/).
#
# Each of the two steps leaves a stamp with a hash of what it was made from, and is done again only when that changes. Where
# a ROS 2 is sourced (ROS_DISTRO set) that one is used; elsewhere ROS 2 Jazzy comes as wheels from PyPI.
#
#   PYTHON   interpreter for the virtual environment, 3.11 or newer (default: python3)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

python="${PYTHON:-python3}"
venv_stamp=.venv/.stamp
build_stamp=install/.stamp

main() {
    # A second `make` in this checkout waits here until the first one has set up.
    exec 9< .
    flock 9

    if [ "$(venv_hash)" != "$(read_stamp $venv_stamp)" ]; then
        check_machine
        make_venv
        venv_hash > $venv_stamp
    fi
    if [ "$(build_hash)" != "$(read_stamp $build_stamp)" ]; then
        check_machine
        build_package
        build_hash > $build_stamp
    fi
}

read_stamp() { cat "$1" 2> /dev/null || true; }

# The folder is part of it: a virtual environment and a build hold absolute paths and do not survive being moved.
venv_hash() {
    { pwd; echo "${ROS_DISTRO:-wheels}"; cat requirements/*.txt tools/patch_ros_wheels.py; } | sha256sum
}

# Modules, launch and config files are linked, not copied: of these only a new or gone name needs a build.
build_hash() {
    {
        cat $venv_stamp CMakeLists.txt package.xml pyproject.toml setup.py msg/* srv/* scripts/*
        find camseg_core camseg_ros launch config -type f -not -name '*.pyc' | LC_ALL=C sort
    } | sha256sum
}

# Says in one line all that this machine lacks, with the apt packages that bring it.
check_machine() {
    local missing=() packages=()
    if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null; then
        missing+=("Python 3.11 or newer ($python is $("$python" --version 2> /dev/null || echo absent); PYTHON=… names another)")
        packages+=(python3 python3-venv python3-dev)
    else
        "$python" -c 'import ensurepip, venv' 2> /dev/null || { missing+=("Python's venv"); packages+=(python3-venv); }
        [ -f "$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h" ] \
            || { missing+=("Python's headers"); packages+=(python3-dev); }
    fi
    command -v cc > /dev/null && command -v c++ > /dev/null || { missing+=("a C++ compiler"); packages+=(build-essential); }
    command -v cmake > /dev/null || { missing+=("CMake"); packages+=(cmake); }
    if [ -n "${ROS_DISTRO:-}" ]; then
        command -v colcon > /dev/null || { missing+=("colcon"); packages+=(python3-colcon-common-extensions); }
    elif [ "$(uname -sm)" != "Linux x86_64" ]; then
        fail "ROS 2 wheels exist for Linux x86_64 only, this is $(uname -sm): install ROS 2 Jazzy and source its setup.bash"
    fi
    if [ ${#missing[@]} -gt 0 ]; then
        fail "missing: $(printf '%s; ' "${missing[@]}")install with: sudo apt install ${packages[*]}"
    fi
}

make_venv() {
    local venv_options=() requirements=(-r requirements/python.txt)
    if [ -n "${ROS_DISTRO:-}" ]; then
        venv_options=(--system-site-packages)
    else
        requirements+=(-r requirements/ros.txt)
    fi
    say "making .venv with $("$python" --version) and ROS 2 ${ROS_DISTRO:-Jazzy from wheels}"
    rm -rf .venv build install log
    "$python" -m venv "${venv_options[@]}" .venv
    .venv/bin/python -m pip install --disable-pip-version-check "${requirements[@]}"
    if [ -z "${ROS_DISTRO:-}" ]; then
        .venv/bin/python tools/patch_ros_wheels.py
        # Every ROS 2 prefix has these and colcon asks for them; here there is nothing to set up.
        touch .venv/local_setup.{sh,bash,zsh}
    fi
}

build_package() {
    say "building the package"
    # The camseg command, in .venv/bin, for whoever activates the environment and no more.
    .venv/bin/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation --editable .
    export VIRTUAL_ENV="$PWD/.venv" PATH="$PWD/.venv/bin:$PATH"
    if [ -z "${ROS_DISTRO:-}" ]; then
        export AMENT_PREFIX_PATH="$VIRTUAL_ENV" CMAKE_PREFIX_PATH="$VIRTUAL_ENV"
    fi
    colcon build --symlink-install --cmake-args -DCMAKE_BUILD_TYPE=Release -DBUILD_TESTING=OFF \
        "-DPython3_EXECUTABLE=$VIRTUAL_ENV/bin/python"
}

say() { echo "setup: $*"; }
fail() { echo "setup: $*" >&2; exit 1; }

main
