# Puts this checkout's virtual environment, its build and its Fast DDS profile on the paths. Source it in bash or zsh:
#
#     . tools/environment.sh
#
# What is set already (RMW_IMPLEMENTATION, FASTRTPS_DEFAULT_PROFILES_FILE) stays as it is.

camseg_root="$(cd "$(dirname "${BASH_SOURCE[0]:-$0}")/.." && pwd)"

export VIRTUAL_ENV="$camseg_root/.venv"
export PATH="$VIRTUAL_ENV/bin:$PATH"

if [ -z "${ROS_DISTRO:-}" ]; then
    # With the wheels, the virtual environment itself is the ROS 2 installation.
    export AMENT_PREFIX_PATH="$VIRTUAL_ENV"
    export CMAKE_PREFIX_PATH="$VIRTUAL_ENV"
fi

if [ -f "$camseg_root/install/local_setup.sh" ]; then
    COLCON_CURRENT_PREFIX="$camseg_root/install"
    . "$camseg_root/install/local_setup.sh"
    unset COLCON_CURRENT_PREFIX
fi

# The source tree comes first: an edited module is what runs, in the installed executables too, without a new build.
export PYTHONPATH="$camseg_root:${PYTHONPATH:-}"

export RMW_IMPLEMENTATION="${RMW_IMPLEMENTATION:-rmw_fastrtps_cpp}"
export FASTRTPS_DEFAULT_PROFILES_FILE="${FASTRTPS_DEFAULT_PROFILES_FILE:-$camseg_root/config/fastdds.xml}"

unset camseg_root
