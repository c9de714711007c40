"""What docs/conventions.png draws is what the code does."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from load_script import load_script

from softras_edu import Camera, formulas
from softras_edu.camera.conventions import to_opencv, to_pytorch3d

script = load_script("scripts/draw_conventions.py")
CAMERA = Camera.orbit(3.0, 20.0, 30.0)


@pytest.fixture(scope="module")
def panels():
    """Axes by the first line of their titles."""
    return {ax.get_title().split("\n")[0]: ax for ax in script.draw().axes}


def test_pixel_centres_are_where_the_rasterizer_has_them(panels):
    dots = [
        (float(line.get_xdata()[0]), float(line.get_ydata()[0]))
        for line in panels["NDC and pixels"].lines
        if line.get_marker() == "o"
    ]
    expected = formulas.pixel_centers(4, 6, dtype=torch.float64).reshape(-1, 2)
    assert np.allclose(dots, expected)


def test_the_first_triangle_is_a_front_face(panels):
    fills = [patch.get_xy()[:3] for patch in panels["Winding"].patches]
    numbers = {}
    for text in panels["Winding"].texts:
        if text.get_text() in "012":
            numbers.setdefault(text.get_text(), []).append(text.get_position())
    for k, front in enumerate((True, False)):
        corners = np.array([numbers[name][k] for name in "012"])
        assert (formulas.doubled_area(torch.tensor(corners)).item() > 0) == front
        # Each number stands by a corner of its triangle.
        gaps = np.linalg.norm(corners[:, None] - np.asarray(fills[k])[None], axis=-1)
        assert sorted(gaps.argmin(1)) == [0, 1, 2]


@pytest.mark.parametrize(
    ("name", "axes"),
    [
        ("here, OpenGL, Blender", CAMERA.rotation[0]),
        ("OpenCV, COLMAP", to_opencv(CAMERA, 8)[1][0]),
        ("PyTorch3D", to_pytorch3d(CAMERA, 8)["R"][0].mT),
    ],
)
def test_the_axes_of_each_library_are_those_of_the_converter(panels, name, axes):
    right, up, back = CAMERA.rotation[0]
    signs = [(axes[k] @ way).item() for k, way in enumerate((right, up, -back))]
    assert signs == pytest.approx(script.FRAMES[name])
    assert "right-handed" in panels[name].get_title()
    assert torch.linalg.det(axes).item() == pytest.approx(1.0)


def test_the_orbit_is_drawn_with_both_angles_above_0(panels):
    # On paper the eye stands above the ring, and on from azimuth 0 towards +x.
    ax = panels["World and orbit"]
    eye = script.on_paper(script.orbit(script.ELEVATION, script.AZIMUTH))[0]
    dots = [line for line in ax.lines if line.get_marker() == "o"]
    assert [float(dots[0].get_xdata()[0]), float(dots[0].get_ydata()[0])] == eye.tolist()
    words = {text.get_text().strip() for text in ax.texts} - {""}  # an arrow has none
    assert words == {"x", "y", "z", "azimuth > 0", "elevation > 0", "distance", "eye", "azimuth 0"}
