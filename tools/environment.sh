# Puts this checkout's virtual environment, its build and its Fast DDS profile on the paths. Source it in bash:
#
#     . tools/environment.sh
#
# RMW_IMPLEMENTATION and FASTRTPS_DEFAULT_PROFILES_FILE stay as they are where they are set.

camseg_root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"

export VIRTUAL_ENV="$camseg_root/.venv"
export PATH="$VIRTUAL_ENV/bin:$PATH"

if [ -z "${ROS_DISTRO:-}" ]; then
    # With the wheels, the virtual environment itself is the ROS 2 installation.
    export AMENT_PREFIX_PATH="$VIRTUAL_ENV${AMENT_PREFIX_PATH:+:$AMENT_PREFIX_PATH}"
    export CMAKE_PREFIX_PATH="$VIRTUAL_ENV${CMAKE_PREFIX_PATH:+:$CMAKE_PREFIX_PATH}"
fi

if [ -f "$camseg_root/install/local_setup.bash" ]; then
    . "$camseg_root/install/local_setup.bash"
    export PATH="$camseg_root/install/camseg_ros/lib/camseg_ros:$PATH"
fi

# The source tree comes first: an edited module is what runs, in the installed executables too, without a new build.
export PYTHONPATH="$camseg_root${PYTHONPATH:+:$PYTHONPATH}"

export RMW_IMPLEMENTATION="${RMW_IMPLEMENTATION:-rmw_fastrtps_cpp}"
export FASTRTPS_DEFAULT_PROFILES_FILE="${FASTRTPS_DEFAULT_PROFILES_FILE:-$camseg_root/config/fastdds.xml}"

unset camseg_root
