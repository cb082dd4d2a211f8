"""Sensor readings belong to the tick of their frame."""

from __future__ import annotations

import queue
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from envs.errors import SimulatorFault
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


def listening() -> tuple[Sensor, Callable[[int], None]]:
    heard: queue.SimpleQueue = queue.SimpleQueue()
    sensor = Sensor(SimpleNamespace(listen=heard.put), "the camera", lambda data: data.value)
    sensor.listen()
    hear = heard.get_nowait()
    return sensor, lambda frame: hear(SimpleNamespace(frame=frame, value=10 * frame))


def test_readings_of_earlier_frames_are_dropped():
    sensor, send = listening()
    for frame in (3, 4, 5):
        send(frame)
    assert sensor.wait(5, 0.1) == 50


def test_a_skipped_or_missing_frame_is_a_fault_and_never_another_frame():
    sensor, send = listening()
    send(4)
    send(6)
    with pytest.raises(SimulatorFault, match="skipped frame 5: its next reading is of 6"):
        sensor.wait(5, 0.1)
    assert sensor.wait(6, 0.1) == 60
    with pytest.raises(SimulatorFault, match=r"sent nothing for frame 7 within 0\.05 s"):
        sensor.wait(7, 0.05)
