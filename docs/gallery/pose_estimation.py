"""Where was this scan taken? A pose from gradients through `scipy.spatial.transform.Rotation`.

A laser scanner has measured a few hundred points of the ground, in its own frame. With a map of
the terrain, its position and attitude follow: the pose that puts all points on the ground. The
map is a digital elevation model of the fault at Jacksboro, Tennessee, from the U.S. Geological
Survey. The scan is taken from that map, with a pose that we hide, and noise.

Three things meet here. SciPy's Rotation works on Tensors (SCIPY_ARRAY_API=1) and passes the
gradient. `xp.interpolate` gives the height of the map between its points, with its slope.
`xp.optimize.least_squares` takes the Jacobian of both together. Then a question that needs a
derivative of the solution: which of the measured points decide the estimated heading?

Run `python docs/gallery/pose_estimation.py [folder for the picture]`.
"""

import os
import sys
from pathlib import Path

os.environ["SCIPY_ARRAY_API"] = "1"  # before SciPy is imported

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib import cbook
from scipy.spatial.transform import Rotation

import tensorxp as xp

DEGREE = 111.2  # kilometres


def load_map():
    """Return east and north coordinates in kilometres, and heights in kilometres on their grid."""
    with cbook.get_sample_data("jacksboro_fault_dem.npz") as data:
        heights = data["elevation"][::-1].T.astype(float) / 1000  # rows go from north to south
        step, latitude = float(data["dx"]), float(data["ymin"])
    east = DEGREE * step * np.cos(np.radians(latitude)) * np.arange(heights.shape[0])
    return east, DEGREE * step * np.arange(heights.shape[1]), heights


def residuals(pose, scan, ground):
    """Return how far each point of the scan is above the ground, for a pose."""
    world = Rotation.from_rotvec(pose["rotation"]).apply(scan) + pose["position"]
    return (world[:, 2] - ground(world[:, :2])) * 1000  # metres


def take_scan(ground, attitude, position, n=400):
    """Return points of the ground seen from a pose: in the scanner's frame, with 2 m of noise."""
    rng = np.random.default_rng(0)
    places = position[:2] + rng.uniform(-3, 3, size=(n, 2))
    seen = np.column_stack([places, ground(xp.asarray(places)).numpy()])
    seen = seen + rng.normal(scale=0.002, size=seen.shape)
    return xp.asarray(Rotation.from_rotvec(attitude).inv().apply(seen - position))


def main(folder):
    east, north, heights = load_map()
    # outside the map the outermost cell goes on, so that the search may stray
    ground = xp.interpolate.RegularGridInterpolator(
        (east, north), heights, bounds_error=False, fill_value=None
    )
    attitude = np.array([0.05, -0.08, 0.35])
    position = np.array([17.0, 14.0, 1.5])
    scan = take_scan(ground, attitude, position)

    # The search begins 20 degrees and 300 metres away.
    start = {"rotation": xp.tensor([0.0, 0.0, 0.1]), "position": xp.tensor([16.8, 14.2, 1.3])}
    scan.requires_grad_(True)
    found = xp.optimize.least_squares(residuals, start, args=(scan, ground), loss="soft_l1")
    pose = found.x
    error = 1000 * np.abs(pose["position"].detach().numpy() - position)
    turned = Rotation.from_rotvec(pose["rotation"].detach()) * Rotation.from_rotvec(
        xp.asarray(-attitude)
    )
    angle = np.degrees(float(turned.magnitude()))
    print(f"{found.nfev} evaluations, off by {error.round(1)} m and {angle:.3f} degrees")
    assert error.max() < 10 and angle < 0.5

    # The pose depends on the scan by the implicit function theorem: one backward tells how much
    # each measured point would turn the estimated heading if it moved.
    (influence,) = xp.autograd.grad(pose["rotation"][2], scan)
    degrees_per_metre = np.degrees(np.linalg.norm(influence.numpy(), axis=1)) / 1000

    figure, axes = plt.subplots(1, 2, figsize=(11, 5), layout="constrained")
    for axis, tensors, title in (
        (axes[0], start, "start"), (axes[1], pose, "estimate, coloured by influence on the heading")
    ):  # fmt: skip
        axis.contourf(east, north, heights.T, levels=30, cmap="Greys_r")
        world = Rotation.from_rotvec(tensors["rotation"].detach()).apply(scan.detach())
        world = (world + tensors["position"].detach()).numpy()
        colours = np.log10(degrees_per_metre) if title != "start" else np.zeros(len(world))
        dots = axis.scatter(world[:, 0], world[:, 1], s=8, c=colours, cmap="plasma")
        axis.plot(*position[:2], "c*", markersize=12)
        axis.set_title(title)
        axis.set_xlim(position[0] - 6, position[0] + 6)
        axis.set_ylim(position[1] - 6, position[1] + 6)
        axis.set_xlabel("east (km)")
        axis.set_aspect("equal")
    figure.colorbar(dots, ax=axes[1], label="log10 of degrees per metre")
    figure.savefig(folder / "pose_estimation.png", dpi=120)


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "images"
    target.mkdir(parents=True, exist_ok=True)
    main(target)
