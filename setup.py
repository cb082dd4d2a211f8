"""Package metadata: ranges for those who use td3jax as a library.

The exact releases of a run that can be repeated are in requirements.lock, which `make` installs.
"""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent

CORE = [
    "absl-py>=2.1",
    "chex>=0.1.90",
    "flax>=0.12,<0.13",
    "jax>=0.10,<0.12",
    "numpy>=2,<3",
    "optax>=0.2.5,<0.3",
]
# Reads, judges and draws a log; the code behind it runs where jax does not.
DIAGNOSE = [
    "jinja2>=3.1,<4",
    "markupsafe>=2.1",
    "matplotlib>=3.9,<4",
    "plotly>=6.1,<8",  # Its plotly.js goes into every page.
    "protobuf>=5",
    "tensorboard>=2.18,<3",
]
# What every training run needs, whatever its environment; its report is a diagnosis.
RUN = [
    *DIAGNOSE,
    "gymnasium>=1.2.2,<2",
    "imageio-ffmpeg>=0.5",
    "networkx>=3.2,<4",
    "opencv-python>=4.10.0.84",
    "scipy>=1.14",
    "tensorboardX>=2.6.2",
    "tqdm>=4.66",
]
CARLA = [
    *RUN,
    "carla==0.9.16",  # The protocol is that of one release.
    "msgpack>=1.0.5",
    "numba>=0.61",
]
GYM = [
    *RUN,
    "gymnasium[box2d,mujoco]>=1.2.2,<2",
]
STUDIES = [
    "pandas>=2.2,<3",  # rliable imports it without asking for it.
    "rliable>=1.2,<2",
]
# Simulators on several hosts. Not in `all`: 240 MB that one host does not need.
SCALE = [
    *RUN,
    "ray>=2.49,<3",
]
DEV = [
    "hypothesis>=6.100",
    "moviepy>=2,<3",
    "mypy>=2,<3",
    "pytest>=9,<10",
    "pytest-rerunfailures>=16",
    "pytest-timeout>=2.4",
    "pytest-xdist>=3.8",
    "ruff>=0.17",
    "setuptools>=77",
]
# Builds docs/ as a site: `make docs`, in an environment of its own.
DOCS = [
    "mkdocs-material>=9.6,<10",
]
# A copy of the logs: --track=wandb.
WANDB = [
    "wandb>=0.18",
]
# Exact: the benchmark's tables name the releases that they compare with.
BENCH = [
    "sbx-rl==0.28.0",
    "stable-baselines3==2.9.2",
    "torch==2.13.0",
]


def version() -> str:
    """Read `__version__` from the package without importing it, as that would need jax."""
    text = (HERE / "td3jax" / "__init__.py").read_text(encoding="utf-8")
    found = re.search(r'^__version__ = "([^"]+)"$', text, re.MULTILINE)
    if found is None:
        raise SystemExit('setup.py: td3jax/__init__.py has no line __version__ = "..."')
    return found[1]


setup(
    name="td3jax",
    version=version(),
    description="Stable TD3 from pixels for visual driving in CARLA, in JAX.",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    author="the td3jax authors",
    license="MIT",
    license_files=["LICENSE"],
    keywords=["reinforcement learning", "TD3", "CARLA", "JAX", "autonomous driving"],
    classifiers=[
        "Development Status :: 4 - Beta",
        "Intended Audience :: Science/Research",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3 :: Only",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
    ],
    python_requires=">=3.11,<3.13",
    packages=find_packages(include=["td3jax*", "envs*", "launch*"]),
    package_data={
        **{package: ["py.typed"] for package in ("td3jax", "envs", "launch")},
        "launch.page": ["*.html", "*.css", "*.js"],
    },
    install_requires=CORE,
    extras_require={
        "diagnose": DIAGNOSE,
        "carla": CARLA,
        "gym": GYM,
        "studies": STUDIES,
        "scale": SCALE,
        "dev": DEV,
        "docs": DOCS,
        "all": [*CARLA, *GYM, *STUDIES, *DEV],
        "bench": BENCH,
        "wandb": WANDB,
        "cuda12": ["jax[cuda12]"],
        "cuda13": ["jax[cuda13]"],
    },
    entry_points={"console_scripts": ["td3jax = td3jax.__main__:main"]},
)
