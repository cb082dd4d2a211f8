"""Package metadata; every dependency is pinned so that a run can be repeated."""

from setuptools import find_packages, setup

setup(
    name="td3jax",
    version="0.1.0",
    description="Stable TD3 from pixels for visual driving in CARLA, in JAX.",
    python_requires=">=3.11,<3.12",
    packages=find_packages(include=["td3jax*", "envs*", "launch*"]),
    package_data={"launch": ["data/*"]},
    install_requires=[
        "absl-py==2.5.1",
        "carla==0.9.16",
        "chex==0.1.92",
        "flax==0.12.8",
        "gymnasium[box2d,mujoco]==1.4.0",
        "imageio-ffmpeg==0.8.1",
        "jax==0.10.2",
        "jaxlib==0.10.2",
        "matplotlib==3.11.2",
        "msgpack==1.2.4",
        "networkx==3.6.1",
        "numba==0.68.1",
        "numpy==2.4.6",
        "opencv-python==5.0.0.93",
        "optax==0.2.8",
        "pandas==2.3.3",
        "rliable==1.2.0",
        "scipy==1.17.1",
        "tensorboard==2.21.0",
        "tensorboardX==2.6.5",
        "tqdm==4.70.1",
    ],
    extras_require={
        "dev": [
            "hypothesis==6.170.15",
            "mypy==2.4.1",
            "pytest==9.2.0",
            "pytest-rerunfailures==16.7",
            "pytest-timeout==2.4.0",
            "pytest-xdist==3.8.0",
            "ruff==0.17.5",
        ],
        "bench": [
            "sbx-rl==0.28.0",
            "stable-baselines3==2.9.2",
            "torch==2.13.0",
        ],
    },
)
