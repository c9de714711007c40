"""A turn with a shift, and the four numbers of a camera: nearby they are found."""

from __future__ import annotations

import pytest
import torch

from softras_edu import Camera, teapot
from softras_edu.fitting.place import (
    LEAST,
    MOST,
    NUMBERS,
    PER_DEPTH,
    PLACE_FAR,
    PLACE_NEAR,
    ROOM,
    fit_camera,
    fit_place,
    masks,
    photograph_placed,
)
from softras_edu.fitting.pose import FAR, NEAR, colored_cube, photograph, turned
from softras_edu.rotations import geodesic_angle, random_rotations, random_turns

TEAPOT = teapot(6)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_a_shift_moves_what_the_camera_sees() -> None:
    mesh, rotation = colored_cube(), random_rotations(1, seeded())
    plain, _ = turned(mesh, rotation)
    nearer, _ = turned(mesh, rotation, torch.tensor([[0.0, 0.0, 0.25]]))
    assert torch.allclose(nearer[..., 2], plain[..., 2] - 0.25, atol=1e-6)
    right, _ = turned(mesh, rotation, torch.tensor([[0.1, 0.0, 0.0]]))
    assert (right[..., 0] > plain[..., 0]).all()
    assert torch.allclose(right[..., 1:], plain[..., 1:], atol=1e-6)
    still = photograph_placed(mesh, rotation, torch.zeros(1, 3))
    assert torch.equal(still, photograph(mesh, rotation)), "near and far do not show in the picture"


def test_the_room_holds_the_object_and_gamma_follows_it() -> None:
    assert (PLACE_NEAR, PLACE_FAR) == (NEAR - ROOM, FAR + ROOM)
    # The same distance in depth over the same gamma: PER_DEPTH / gamma (far - near) is what it was.
    assert pytest.approx(FAR - NEAR) == PER_DEPTH * (PLACE_FAR - PLACE_NEAR)


def test_a_place_nearby_is_found() -> None:
    mesh, truth = colored_cube(), random_rotations(4, seeded(5))
    shift = 0.2 * torch.nn.functional.normalize(torch.randn(4, 3, generator=seeded(7)), dim=1)
    start = random_turns(4, 15.0, seeded(6)) @ truth
    photo = photograph_placed(mesh, truth, shift)
    found = fit_place(mesh, photo, start, torch.zeros(4, 3), soft_steps=60, progress=False)
    assert found.losses.shape == (90, 4)
    assert geodesic_angle(found.rotation, truth).median() < 8
    assert (found.shift - shift)[:, :2].norm(dim=1).median() < 0.06
    assert (found.shift - shift).norm(dim=1).median() < 0.15
    assert torch.allclose(found.rotation @ found.rotation.mT, torch.eye(3), atol=1e-4)


def camera_case(start: list[float]) -> tuple[torch.Tensor, ...]:
    truth = torch.tensor([[3.0, 0.0, 0.0, 40.0]] * 2)
    views = Camera.orbit(1.0, torch.tensor([20.0, -35.0]), torch.tensor([30.0, 100.0])).rotation
    verts = TEAPOT.verts @ views.mT
    with torch.no_grad():
        mask = (masks(verts, TEAPOT.faces, truth, 32, 1e-9) > 0.5).float()
    return verts, mask, truth, torch.tensor([start] * 2)


def test_masks_are_what_the_cameras_see() -> None:
    verts, mask, truth, _ = camera_case([3.0, 0.0, 0.0, 40.0])
    assert 0.1 < mask.mean() < 0.9
    nearer = masks(verts, TEAPOT.faces, truth * torch.tensor([0.8, 1.0, 1.0, 1.0]), 32, 1e-9)
    wider = masks(verts, TEAPOT.faces, truth * torch.tensor([1.0, 1.0, 1.0, 1.3]), 32, 1e-9)
    assert (nearer.mean((1, 2)) > mask.mean((1, 2))).all()
    assert (wider.mean((1, 2)) < mask.mean((1, 2))).all()


def test_a_camera_nearby_is_found_and_what_is_known_stays() -> None:
    verts, mask, truth, start = camera_case([3.0, 12.0, -9.0, 40.0])
    known = ("distance", "fov")
    found = fit_camera(verts, TEAPOT.faces, mask, start, known=known, progress=False)
    assert found.path.shape == (201, 2, 4)
    assert torch.equal(found.path[0], start)
    assert torch.equal(found.numbers, found.path[-1])
    assert torch.equal(found.path[..., [0, 3]], truth[:, [0, 3]].expand(201, 2, 2))
    assert found.numbers[:, 1:3].norm(dim=1).max() < 5


def test_all_four_numbers_move_and_the_size_in_the_picture_is_found() -> None:
    verts, mask, truth, start = camera_case([5.0, 8.0, -6.0, 50.0])
    found = fit_camera(verts, TEAPOT.faces, mask, start, progress=False).numbers

    def size(numbers: torch.Tensor) -> torch.Tensor:
        return numbers[:, 0] * torch.tan(torch.deg2rad(numbers[:, 3]) / 2)

    assert (found - start).abs().min() > 0.1
    assert (size(found) / size(truth) - 1).abs().max() < 0.06
    assert (size(start) / size(truth) - 1).abs().min() > 0.5, "it was not there from the start"


def test_a_camera_stays_one() -> None:
    verts, mask, _, start = camera_case([1.2, 0.0, 0.0, 8.0])
    found = fit_camera(verts, TEAPOT.faces, mask, start, steps=20, lr=3.0, progress=False)
    assert len(NUMBERS) == 4
    assert (found.path >= LEAST).all()
    assert (found.path <= MOST).all()
    assert found.path.isfinite().all()
