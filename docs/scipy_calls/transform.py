"""scipy.spatial.transform: methods of Rotation, RigidTransform and Slerp."""

import numpy as np

from scipy_calls.samples import POINTS
from scipy_calls.signal import namespace

QUAT = np.array([0.1, 0.5, -0.3, 0.9])
QUATS = np.random.default_rng(4).normal(size=(3, 4))
VECTOR = np.array([0.4, -0.2, 0.6])
EULER = np.array([0.3, -0.5, 0.8])
MATRIX = np.array([[0.36, 0.48, -0.8], [-0.8, 0.6, 0.0], [0.48, 0.64, 0.6]])
# not quite rotations, so that what makes them such is differentiated too
ROUGH = MATRIX + 0.05 * POINTS[:3]
RIGID = np.concatenate([ROUGH, VECTOR[:, None]], axis=1)
AXES = np.eye(3)[[2, 0, 1]]
TIMES = np.array([0.0, 1.0, 2.0])

ROTATION = {
    "from_quat / as_quat": (lambda f, q: f.from_quat(q).as_quat(), QUAT),
    "from_matrix": (lambda f, m: f.from_matrix(m).as_quat(), ROUGH),
    "from_rotvec": (lambda f, v: f.from_rotvec(v).as_quat(), VECTOR),
    "from_euler": (lambda f, e: f.from_euler("xyz", e).as_quat(), EULER),
    "from_davenport": (
        lambda f, e: f.from_davenport(_like(e, AXES), "extrinsic", e).as_quat(),
        EULER,
    ),
    "from_mrp": (lambda f, v: f.from_mrp(v).as_quat(), VECTOR),
    "as_matrix": (lambda f, q: f.from_quat(q).as_matrix(), QUAT),
    "as_rotvec": (lambda f, q: f.from_quat(q).as_rotvec(), QUAT),
    "as_euler": (lambda f, q: f.from_quat(q).as_euler("xyz"), QUAT),
    "as_davenport": (lambda f, q: f.from_quat(q).as_davenport(_like(q, AXES), "extrinsic"), QUAT),
    "as_mrp": (lambda f, q: f.from_quat(q).as_mrp(), QUAT),
    "concatenate": (
        lambda f, q, p: f.concatenate([f.from_quat(q), f.from_quat(p)]).as_quat(),
        QUAT,
        QUATS[0],
    ),
    "apply": (lambda f, q, x: f.from_quat(q).apply(x), QUAT, POINTS),
    "__mul__": (lambda f, q, p: (f.from_quat(q) * f.from_quat(p)).as_quat(), QUAT, QUATS[0]),
    "__pow__": (lambda f, q: (f.from_quat(q) ** 1.5).as_quat(), QUAT),
    "inv": (lambda f, q: f.from_quat(q).inv().as_quat(), QUAT),
    "magnitude": (lambda f, q: f.from_quat(q).magnitude(), QUAT),
    "approx_equal": (lambda f, q, p: f.from_quat(q).approx_equal(f.from_quat(p)), QUAT, QUATS[0]),
    "mean": (lambda f, q: f.from_quat(q).mean().as_matrix(), QUATS),
    "reduce": (lambda f, q: f.from_quat(q).reduce().as_quat(), QUATS),
    "__getitem__": (lambda f, q: f.from_quat(q)[1:].as_quat(), QUATS),
    "align_vectors": (
        lambda f, a, b: f.align_vectors(a, b)[0].as_matrix(),
        POINTS,
        POINTS @ MATRIX.T + 0.1,
    ),
}
RIGIDS = {
    "from_matrix / as_matrix": (lambda f, m: f.from_matrix(_square(m)).as_matrix(), RIGID),
    "from_translation": (lambda f, t: f.from_translation(t).as_matrix(), VECTOR),
    "from_rotation": (lambda f, q: f.from_rotation(_rotation(q)).as_matrix(), QUAT),
    "from_components": (
        lambda f, t, q: f.from_components(t, _rotation(q)).as_matrix(),
        VECTOR,
        QUAT,
    ),
    "from_exp_coords": (
        lambda f, e: f.from_exp_coords(e).as_matrix(),
        np.concatenate([VECTOR, EULER]),
    ),
    "from_dual_quat": (
        lambda f, d: f.from_dual_quat(d).as_matrix(),
        np.concatenate([QUAT / np.linalg.norm(QUAT), 0.1 * np.array([0.9, 0.3, 0.5, -0.1])]),
    ),
    "as_exp_coords": (lambda f, m: f.from_matrix(_square(m)).as_exp_coords(), RIGID),
    "as_dual_quat": (lambda f, m: f.from_matrix(_square(m)).as_dual_quat(), RIGID),
    "as_components": (lambda f, m: f.from_matrix(_square(m)).as_components()[0], RIGID),
    "apply": (lambda f, m, x: f.from_matrix(_square(m)).apply(x), RIGID, POINTS),
    "inv": (lambda f, m: f.from_matrix(_square(m)).inv().as_matrix(), RIGID),
    "__mul__": (
        lambda f, m: (f.from_matrix(_square(m)) * f.from_matrix(_square(m))).as_matrix(),
        RIGID,
    ),
    "__pow__": (lambda f, m: (f.from_matrix(_square(m)) ** 0.5).as_matrix(), RIGID),
}
SLERP = {
    "__call__": (lambda f, q, t: f(TIMES, _rotation(q))(t).as_quat(), QUATS, np.array([0.3, 1.6]))
}


def _rotation(quat):
    from scipy.spatial.transform import Rotation

    return Rotation.from_quat(quat)


def _like(x, value):
    return namespace(x).asarray(value)


def _square(m):
    return namespace(m).concat([m, _like(m, np.array([[0.0, 0.0, 0.0, 1.0]]))])
