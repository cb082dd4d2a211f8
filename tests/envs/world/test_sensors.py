"""Sensor readings belong to the tick of their frame."""

from __future__ import annotations

from types import SimpleNamespace

from envs.world.sensors import Sensor


def test_fault_6_a_lane_invasion_counts_in_its_own_tick_only():
    heard: list = []
    actor = SimpleNamespace(listen=heard.append)
    sensor = Sensor(actor, "lane invasion", lambda event: event.mark)
    sensor.listen()
    (hear,) = heard
    hear(SimpleNamespace(frame=7, mark="solid"))
    assert sensor.drain(7) == ["solid"]
    assert sensor.drain(8) == []
    hear(SimpleNamespace(frame=8, mark="broken"))
    sensor.clear()
    assert sensor.drain(9) == []
