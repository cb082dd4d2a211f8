"""The lane toy under a gymnasium id, so that `td3jax train` can be asked for it.

--env=launch.studies.conditions.tasks:LaneToy-v0 imports this module, which registers the id.
"""

from __future__ import annotations

import gymnasium

ID = "LaneToy-v0"

gymnasium.register(ID, entry_point="envs.lane_toy:LaneToy")
