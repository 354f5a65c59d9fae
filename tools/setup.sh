#!/usr/bin/env bash
# Makes the virtual environment (.venv) and builds the ROS 2 package (build/, install/, log/).
#
# Each of the two steps leaves a stamp with a hash of everything it was made from, and is done again only when that hash is
# another one. Where a ROS 2 is sourced (ROS_DISTRO set) that one is used; elsewhere ROS 2 Jazzy comes as wheels from PyPI.
#
#   PYTHON   interpreter for the virtual environment, 3.11 or newer (default: python3)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

python="${PYTHON:-python3}"
venv_stamp=.venv/.stamp
build_stamp=install/.stamp

# A second `make` in this checkout waits here until the first one has set up.
exec 9<. && flock 9

main() {
    if [ "$(read_stamp $venv_stamp)" != "$(venv_hash)" ]; then
        check_machine
        make_venv
        venv_hash > $venv_stamp
        rm -f $build_stamp
    fi
    if [ "$(read_stamp $build_stamp)" != "$(build_hash)" ]; then
        check_machine
        build_package
        build_hash > $build_stamp
    fi
}

read_stamp() { cat "$1" 2> /dev/null || true; }

# The folder is part of it: a virtual environment and a build hold absolute paths and do not survive being moved.
venv_hash() { { pwd; echo "${ROS_DISTRO:-wheels}"; cat requirements/*.txt "${BASH_SOURCE[0]}"; } | sha256sum; }

# Modules, launch and config files are linked, not copied, so that of these only a new name needs a build.
build_hash() {
    {
        cat $venv_stamp CMakeLists.txt package.xml msg/* scripts/*
        find camseg_core camseg_ros launch config -type f -not -path '*/__pycache__/*' | LC_ALL=C sort
    } | sha256sum
}

# Says in one line all that this machine lacks, with the apt packages that bring it.
check_machine() {
    local missing=() packages=()
    if ! command -v "$python" > /dev/null || ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
        missing+=("Python 3.11 or newer (found: $("$python" --version 2>&1 || true); another one: PYTHON=python3.12 make …)")
        packages+=(python3 python3-venv python3-dev)
    else
        "$python" -c 'import venv, ensurepip' 2> /dev/null || { missing+=("Python's venv"); packages+=(python3-venv); }
        "$python" -c 'import os, sys, sysconfig; sys.exit(not os.path.exists(sysconfig.get_path("include") + "/Python.h"))' \
            || { missing+=("Python's headers (Python.h)"); packages+=(python3-dev); }
    fi
    command -v cc > /dev/null && command -v c++ > /dev/null \
        || { missing+=("a C and C++ compiler (cc, c++)"); packages+=(build-essential); }
    command -v cmake > /dev/null || { missing+=("CMake"); packages+=(cmake); }
    if [ -n "${ROS_DISTRO:-}" ]; then
        command -v colcon > /dev/null || { missing+=("colcon"); packages+=(python3-colcon-common-extensions); }
    elif [ "$(uname -sm)" != "Linux x86_64" ]; then
        fail "ROS 2 wheels exist for Linux x86_64 only, this is $(uname -sm): install ROS 2 Jazzy and source its setup.bash"
    fi
    [ ${#missing[@]} -eq 0 ] || fail "missing: $(printf '%s; ' "${missing[@]}")install with: sudo apt install ${packages[*]}"
}

make_venv() {
    local site=() requirements=(-r requirements/python.txt)
    if [ -n "${ROS_DISTRO:-}" ]; then
        site=(--system-site-packages)
    else
        requirements+=(-r requirements/ros.txt)
    fi
    say "virtual environment with $("$python" --version), ROS 2: ${ROS_DISTRO:-Jazzy from wheels}"
    "$python" -m venv --clear "${site[@]}" .venv
    .venv/bin/python -m pip install --disable-pip-version-check --progress-bar on "${requirements[@]}" \
        | { grep -v '^\(Collecting\|Requirement already\|  Using cached\|  Downloading\|Using cached\)' || true; }
    if [ -z "${ROS_DISTRO:-}" ]; then
        .venv/bin/python tools/patch_ros_wheels.py
    fi
}

build_package() {
    say "colcon build"
    # Not for a sourced underlay only: with the wheels, .venv is the underlay, and environment.sh names it.
    set +u
    . tools/environment.sh
    set -u
    colcon build --symlink-install --event-handlers console_direct- \
        --cmake-args -DCMAKE_BUILD_TYPE=Release -DBUILD_TESTING=OFF "-DPython3_EXECUTABLE=$VIRTUAL_ENV/bin/python"
}

say() { echo "setup: $*"; }
fail() { echo "setup: $*" >&2; exit 1; }

main
