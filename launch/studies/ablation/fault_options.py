"""What is wrong in an update, as options; `faults` builds the formulas."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Fault:
    """Departures of an update from TD3; the default has none.

    features: the encoder under Q in the actor loss, "critic" (right) or "actor".
    gradient: whether the actor loss moves that encoder through Q.
    target_encoders: whether targets have slow copies of the encoders.
    target_features: the encoder under the target actor, "actor" (right) or "critic".
    """

    features: str = "critic"
    gradient: bool = False
    target_encoders: bool = True
    target_features: str = "actor"

    @property
    def joint(self) -> bool:
        """The critic's encoder is in the actor's optimiser too."""
        return self.gradient and self.features == "critic"
