# camseg_ros on ROS 2 Jazzy, the way the README installs it with apt:
#
#     docker build -t camseg_ros .
#     docker run --rm --net=host --ipc=host camseg_ros
#
# --ipc=host goes with --net=host: Fast DDS then takes host and container for one machine and sends images between them
# through /dev/shm only, which without it is one of the container's own, and the images of cameras outside are lost.
#
# In the container the node runs as root, and nodes of another user cannot open its shared memory. Where cameras run as
# yourself, run it as yourself too, with a home for its logs:
#
#     docker run --rm --net=host --ipc=host --user=$(id -u):$(id -g) --env=HOME=/tmp camseg_ros
#
# or give it a Fast DDS profile of UDP alone (config/fastdds.xml). With a GPU add --gpus=all.
FROM ros:jazzy

RUN apt-get update \
    && apt-get install -y --no-install-recommends python3-venv \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /ros2_ws

# What the package depends on, first: an edited source file then does not bring it all anew.
COPY package.xml src/camseg_ros/package.xml
RUN apt-get update \
    && rosdep update --rosdistro jazzy \
    && rosdep install --from-paths src --ignore-src -y \
    && rm -rf /var/lib/apt/lists/*
COPY requirements/python.txt src/camseg_ros/requirements/python.txt
RUN python3 -m venv --system-site-packages .venv \
    && .venv/bin/pip install --no-cache-dir -r src/camseg_ros/requirements/python.txt

COPY . src/camseg_ros
RUN . /opt/ros/jazzy/setup.sh \
    && . .venv/bin/activate \
    && colcon build --packages-select camseg_ros --cmake-args -DPython3_EXECUTABLE=/ros2_ws/.venv/bin/python

# For shells that are opened in a running container.
RUN echo '. /ros2_ws/install/setup.bash' >> /root/.bashrc
ENTRYPOINT ["/bin/bash", "-c", ". /ros2_ws/install/setup.bash && exec \"$@\"", "--"]
CMD ["ros2", "launch", "camseg_ros", "camseg.launch.py"]
