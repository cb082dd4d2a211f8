"""What the table of the API does not try: lights, walkers and commands in batches.

A process of its own, `python -m tests.torture.errands PORT`: the client holds the interpreter
while it waits, and the proxy between it and the server must go on.
"""

from __future__ import annotations

import os
import sys

import carla

from envs.standin.api_table.rig import Rig


def lights(rig: Rig) -> None:
    """Every call of a traffic light."""
    light = rig.world.get_actors().filter("traffic.traffic_light")[0]
    light.set_state(carla.TrafficLightState.Green)
    light.set_green_time(3.0)
    light.set_yellow_time(1.0)
    light.set_red_time(2.0)
    light.freeze(True)
    light.freeze(False)
    light.reset_group()
    light.get_group_traffic_lights()
    light.get_light_boxes()


def walkers(rig: Rig) -> None:
    """A walker by hand, its bones, and one that a controller leads."""
    walker = rig.spawn("walker.pedestrian.0001", rig.points[5])
    walker.apply_control(carla.WalkerControl(carla.Vector3D(1.0, 0.0, 0.0), 1.4, True))
    walker.get_bones()
    walker.set_bones(carla.WalkerBoneControlIn([("root", carla.Transform())]))
    walker.blend_pose(0.5)
    walker.get_pose_from_animation()
    rig.ticks(3)
    controller = rig.world.spawn_actor(
        rig.library.find("controller.ai.walker"), carla.Transform(), attach_to=walker
    )
    controller.start()
    rig.ticks(3)
    controller.stop()


def forces(rig: Rig) -> None:
    """Forces and impulses of all kinds, where they act too."""
    push, place = carla.Vector3D(500.0, 0.0, 0.0), rig.car.get_location()
    rig.car.add_force(push)
    rig.car.add_impulse(push)
    rig.car.add_torque(push)
    for name in ("add_force_at_location", "add_impulse_at_location"):
        if hasattr(rig.car, name):
            getattr(rig.car, name)(push, place)
    rig.ticks(2)


def batches(rig: Rig) -> None:
    """One of each command, and a spawn that others follow."""
    command, car, tt = carla.command, rig.car.id, rig.library.find("vehicle.audi.tt")
    pose, push = rig.points[7], carla.Vector3D(1.0, 2.0, 0.0)
    walker = rig.spawn("walker.pedestrian.0002", rig.points[6])
    moving = command.SpawnActor(tt, rig.points[8]).then(
        command.ApplyVehicleControl(command.FutureActor, carla.VehicleControl(throttle=1.0))
    )
    commands = [
        moving,
        command.ApplyVehicleControl(car, carla.VehicleControl(throttle=0.3)),
        command.ApplyVehicleAckermannControl(car, carla.VehicleAckermannControl(speed=3.0)),
        command.ApplyWalkerControl(walker.id, carla.WalkerControl(push, 1.0)),
        command.ApplyVehiclePhysicsControl(car, rig.car.get_physics_control()),
        command.ApplyTransform(car, pose),
        command.ApplyWalkerState(walker.id, pose, 1.0),
        command.ApplyTargetVelocity(car, push),
        command.ApplyTargetAngularVelocity(car, push),
        command.ApplyImpulse(car, push),
        command.ApplyForce(car, push),
        command.ApplyAngularImpulse(car, push),
        command.ApplyTorque(car, push),
        command.SetSimulatePhysics(car, True),
        command.SetEnableGravity(car, True),
        command.SetVehicleLightState(car, carla.VehicleLightState.Brake),
        command.DestroyActor(walker.id),
    ]
    for one in commands:
        rig.client.apply_batch_sync([one], False)
    rig.client.apply_batch_sync(commands[1:5], False)
    rig.ticks(3)


def main(port: int) -> None:
    """Do all of them in one world."""
    rig = Rig(port)
    for errand in (lights, walkers, forces, batches):
        try:
            errand(rig)
        except (AttributeError, RuntimeError, TypeError) as error:
            print(f"{errand.__name__}: {error}", file=sys.stderr, flush=True)
    os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]))
