"""What another library's camera cannot say is refused by name, and so is a matrix that is none."""

from __future__ import annotations

import pytest
import torch
from test_conventions import MEASURED, PARALLEL, SIZE, K, R

from softras_edu import Camera
from softras_edu.camera.conventions import (
    from_colmap,
    from_opengl,
    from_pytorch3d,
    to_colmap,
    to_matrix,
    to_opencv,
    to_opengl,
    to_pytorch3d,
    to_softras,
)

BENT = Camera.pinhole(K, R, torch.ones(2, 3), SIZE, distortion=[0.1, 0, 0, 0, 0.1])
WRONG = torch.eye(4).roll(1, 1)[3:] * torch.eye(4)[3:].mT  # something in the last row
SLANTED = Camera.pinhole(K + torch.eye(3, 3).roll(1, 1).triu(), R, torch.ones(2, 3), SIZE)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: to_opencv(PARALLEL, SIZE), "^camera: got an orthographic one, which has no K"),
        (lambda: to_matrix(PARALLEL, SIZE), "^camera: got an orthographic one"),
        (lambda: to_colmap(PARALLEL, SIZE), "^camera: got an orthographic one"),
        (lambda: to_matrix(BENT, SIZE), "^camera: has a distorted lens, which a matrix P has not"),
        (lambda: to_pytorch3d(BENT, SIZE), "^camera: has a distorted lens, which PyTorch3D has"),
        (lambda: to_opengl(BENT, SIZE), "^camera: has a distorted lens, which OpenGL has not"),
        (lambda: to_softras(BENT), "^camera: has a distorted lens, which SoftRas has not"),
        (lambda: to_colmap(BENT, SIZE), "^camera: has a k3, which COLMAP"),
        (lambda: to_colmap(SLANTED, SIZE), "^camera: has a skew, which COLMAP has not"),
        (lambda: to_pytorch3d(SLANTED, SIZE), "^camera: has a skew, which PyTorch3D has not"),
        (lambda: to_softras(SLANTED), "^camera: has a skew, which SoftRas has not"),
        (lambda: to_softras(MEASURED), "^camera: its axis is not in the middle"),
        (lambda: from_colmap([1, 0, 0, 0], [0, 0, 1], "FOV", [1], 8), "^model: got 'FOV', wanted"),
        (
            lambda: from_colmap([1, 0, 0, 0], [0, 0, 1], "PINHOLE", [1, 2, 3], 8),
            r"^quaternion, t, numbers: got shapes .* \(1, 3\), wanted .* \(B, 4\) for PINHOLE",
        ),
        (lambda: from_pytorch3d(-R, torch.ones(2, 3), size=8), "^R: camera 0 has .* a rotation"),
        (lambda: from_pytorch3d(R[0], torch.ones(3), size=8), r"^R, T: got shapes \(3, 3\)"),
        (lambda: from_opengl(torch.eye(3), torch.eye(4), 8), r"^view, projection: got shapes"),
        (lambda: from_opengl(2 * torch.eye(4), torch.eye(4), 8), "^R: camera 0 has"),
        (lambda: from_opengl(torch.eye(4), torch.ones(4, 4), 8), "^projection: its last row is"),
        (lambda: from_opengl(torch.eye(4).mT + WRONG, torch.eye(4), 8), "^view: the last row of 0"),
    ],
)
def test_what_another_library_cannot_say_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
