"""The numbers that the explorers of parts II and III show, against computations of another kind.

Counts are made by brute force over all pairs, gradients are compared with finite differences of the
loss, sums with their closed form.
"""

from __future__ import annotations

import math

import pytest
import torch
from readouts import REACH, brute_force, read, slope

from softras_edu import (
    Camera,
    icosphere,
    losses,
    rasterize,
    rasterize_hard,
    screen_triangles,
    teapot,
)
from softras_edu.explore import (
    BendBody,
    Conorms,
    MemoryWall,
    OnlineSoftmax,
    PairsPerPixel,
    PoseLandscape,
    Predict,
    Reconstruction,
    ShapeForces,
    Softness,
    TileLists,
    bend_body,
    online_softmax,
    pose_landscape,
    reconstruction,
)
from softras_edu.explore.draw import PANEL
from softras_edu.fitting import bend, pose
from softras_edu.reconstruct.checkpoint import load_model
from softras_edu.reconstruct.evaluate import reconstruct
from softras_edu.reconstruct.voxels import voxelize
from softras_edu.rotations import rotation_from_axis_angle
from softras_edu.teaching.cost_ledger import peak_bytes

# ---------------------------------------------------------------- part II


@pytest.mark.parametrize("gamma", [1e-3, 1.0])
def test_the_online_softmax_ends_where_a_softmax_over_all_faces_ends(gamma: float) -> None:
    log_weight = online_softmax.log_weights(gamma)
    log_background = (online_softmax.EPS - 1) / gamma
    every = torch.cat([log_weight, log_weight.new_tensor([log_background])])
    color = torch.softmax(every, dim=0)[:-1] @ online_softmax.COLORS
    for order in online_softmax.ORDERS.values():
        black = torch.zeros(3, dtype=torch.float64)
        peaks, dens, running = online_softmax.history(
            log_weight[order], online_softmax.COLORS[order], log_background, black
        )
        torch.testing.assert_close(running[-1], color, rtol=1e-12, atol=1e-300)
        assert peaks == sorted(peaks)
        assert min(dens) >= 1

    explorer = OnlineSoftmax(gamma=gamma, seen=8)
    peak, den, *shown = read(explorer, "peak #, den #, colour (#, #, #)")
    assert peak == pytest.approx(every.max().item(), rel=1e-3)
    assert den == pytest.approx((every - every.max()).exp().sum().item(), abs=1e-4)
    assert shown == pytest.approx(color.tolist(), abs=6e-4)
    assert ("infinity" in explorer.readout) == bool((every + 1 / gamma).exp().max().isinf())


def test_tile_lists_count_boxes_and_live_pairs() -> None:
    camera = Camera.orbit(2.6, 25, 30, fov=50)
    mesh = icosphere(3)
    triangles = screen_triangles(mesh.verts, mesh.faces, camera)[0]
    live = brute_force(triangles, 64, 1e-4)
    # A box is as wide as the corners and the reach to both sides: in pixels, rounded inwards.
    reach = math.sqrt(1e-4 * REACH)
    low = triangles[..., :2].amin(1) - reach
    high = triangles[..., :2].amax(1) + reach
    first = torch.stack([(low[:, 0] + 1) * 32 - 0.5, (1 - high[:, 1]) * 32 - 0.5], 1).ceil()
    last = torch.stack([(high[:, 0] + 1) * 32 - 0.5, (1 - low[:, 1]) * 32 - 0.5], 1).floor()
    first, last = first.clamp(0), last.clamp(max=63)
    explorer = TileLists(tile="4", shape="sphere", sigma=1e-4)
    for side in (4, 32):
        explorer.tile = str(side)
        tiles = ((last // side) - (first // side) + 1) * (last >= first)
        entries, listed, shown = read(explorer, "# list entries, # pairs for # live ones")
        assert entries == pytest.approx(tiles.prod(1).sum().item(), rel=2e-3)  # float32 rounding
        assert listed == entries * side**2
        assert shown == live.sum()
    column, row = int(64 * 0.65), int(64 * 0.35)  # x = y = 0.3, the tile of the read-out
    here = live[:, row // 32 * 32 :, column // 32 * 32 :][:, :32, :32]
    assert read(explorer, "lanes = # pairs, # live")[1] == here.sum()


@pytest.mark.parametrize("dial", ["x", "y"])
def test_each_step_to_another_tile_is_seen(dial: str) -> None:
    explorer = TileLists(tile="32")
    step, before, words = explorer.turners[dial].step, explorer.image, explorer.readout
    setattr(explorer, dial, getattr(explorer, dial) + step)
    assert explorer.readout == words, "still the same tile"
    assert (explorer.image != before).any()


def test_the_memory_wall_foresees_what_is_measured() -> None:
    explorer = MemoryWall(side=24, level=1, what="picture only")
    foreseen = 24 * 24 * 80 * explorer.per_pair["picture only"]
    triangles = torch.rand(80, 3, 3, generator=torch.Generator().manual_seed(1)) + 1
    with torch.no_grad():
        found = peak_bytes(lambda: rasterize(triangles, triangles, size=24, backend="broadcast"))
    assert found == pytest.approx(foreseen, rel=0.02)
    assert "fits in a laptop" in explorer.readout
    explorer.what = "picture and gradient"
    assert explorer.per_pair["picture and gradient"] > 2 * explorer.per_pair["picture only"]
    explorer.side, explorer.level = 1024, 6
    assert 1024**2 * 81920 * explorer.per_pair["picture and gradient"] > 1e12  # bytes
    assert "neither machine" in explorer.readout


def test_pairs_per_pixel_counts_as_brute_force_does() -> None:
    explorer = PairsPerPixel(level=1, sigma=1e-3)
    mesh = icosphere(1)
    triangles = screen_triangles(mesh.verts, mesh.faces, Camera.orbit(2.732, 30, 0))[0]
    live = brute_force(triangles, 64, 1e-3).sum()
    assert read(explorer, "# of # pairs are live") == [live, 80 * 64 * 64]
    assert read(explorer, "reach # pixels") == [
        pytest.approx(32 * math.sqrt(1e-3 * REACH), abs=0.051)
    ]


def test_predict_adds_the_measurement_only_when_asked_and_only_where_it_fits() -> None:
    explorer = Predict(rung="pairs", side=32, level=1)
    assert "not measured yet" in explorer.readout
    before = explorer.image.copy()
    explorer.measure = "yes, now"
    (ratio,) = read(explorer, "# times the prediction")
    assert 0 < ratio < 1e4
    assert (explorer.image != before).any()
    assert "Measured" in explorer.alt
    explorer.rung, explorer.level, explorer.side = "loops", 6, 1024
    assert "stays a prediction" in explorer.readout
    assert "days" in explorer.readout
    explorer.rung, explorer.level, explorer.side = "broadcast", 5, 64
    assert "stays a prediction" in explorer.readout


def test_predict_follows_live_pairs_for_pairs_and_all_pairs_for_broadcast() -> None:
    explorer = Predict(rung="broadcast")

    def milliseconds() -> float:
        case = explorer.level, explorer.side, explorer.sigma
        return explorer.models[explorer.rung].case(*case)

    for rung, grows in (("broadcast", False), ("pairs", True), ("numba", True)):
        explorer.rung, explorer.sigma = rung, 1e-4
        before = milliseconds()
        explorer.sigma = 1e-2
        assert (milliseconds() > before) == grows
    explorer.rung = "broadcast"
    assert f"{1280 * 64 * 64:,} pairs" in explorer.readout


# ---------------------------------------------------------------- part III


def test_a_long_first_step_finds_a_pose_that_a_short_one_does_not() -> None:
    explorer = PoseLandscape(turn=60.0, tilt=0.0)
    assert read(explorer, "started # degrees from the truth") == [60]  # one turn about one axis
    explorer = PoseLandscape()
    words = "started # degrees from the truth and ended # degrees from it"
    turn, tilt = math.radians(explorer.turn), math.radians(explorer.tilt)
    # Two turns about axes at right angles: cos(angle / 2) is the product of those of both.
    angle = math.degrees(2 * math.acos(math.cos(turn / 2) * math.cos(tilt / 2)))
    began, ended = read(explorer, words)
    assert began == pytest.approx(angle, abs=0.51)
    assert ended >= 10
    explorer.longest = 30.0
    assert read(explorer, words)[1] < 10
    explorer.gamma = 1e-3
    assert read(explorer, words)[1] >= 10


@pytest.mark.parametrize("place", [(60.0, -75.0), (-20.0, 35.0)])
@pytest.mark.parametrize("shape", ["cube", "bracket"])
def test_the_slope_of_a_pose_is_autograds(shape: str, place: tuple[float, float]) -> None:
    explorer = PoseLandscape(shape=shape, sigma=3e-3, gamma=1e-1, width=0.2)
    mesh, photo = pose_landscape.seen(shape)
    turn, tilt = (torch.tensor(x, requires_grad=True) for x in place)
    about = [
        rotation_from_axis_angle(torch.deg2rad(angle) * torch.tensor(axis))
        for angle, axis in ((tilt, (1.0, 0.0, 0.0)), (turn, (0.0, 1.0, 0.0)))
    ]
    rotation = about[0] @ about[1] @ pose_landscape.TRUTH
    torch.testing.assert_close(pose_landscape.poses(torch.tensor([place]))[0], rotation)
    picture = pose.draw_soft(mesh, rotation[None], 3e-3, 1e-1)
    wanted = torch.autograd.grad(pose.picture_loss(picture, photo, 0.2).sum(), (turn, tilt))
    found = explorer.slope(torch.tensor(place))
    torch.testing.assert_close(found, torch.stack(wanted), rtol=1e-3, atol=1e-6)


def test_each_loss_lowers_what_it_measures_and_the_iou_is_counted() -> None:
    explorer = ShapeForces()
    camera, goal = Camera.orbit(2.7, 20.0, 30.0, fov=45), teapot()
    verts, faces = 0.8 * explorer._sphere.verts + 0.1 * explorer._noise, explorer._sphere.faces
    one, other = (
        rasterize_hard(screen_triangles(v, f, camera)[0], size=64)[..., 0] > 0.5
        for v, f in ((verts, faces), (goal.verts, goal.faces))
    )
    iou = ((one & other).sum() / (one | other).sum()).item()
    words = "IoU #, Laplacian #, flatten #"
    before = read(explorer, f"Now: {words}")
    assert before[0] == pytest.approx(iou, abs=0.02)  # pixels that an edge cuts in half
    assert before[1] == pytest.approx(losses.laplacian(verts, faces).item(), abs=6e-3)
    for k, (loss, lower) in enumerate((("IoU", False), ("Laplacian", True), ("flatten", True))):
        explorer.loss = loss
        after = read(explorer, f"steps: {words}")
        assert (after[k] < before[k]) == lower, explorer.readout
        here = explorer.image
        explorer.sigma = 3e-3
        idle = "sigma plays no part" in explorer.readout
        assert idle == (loss != "IoU") == (explorer.image == here).all(), loss
        assert explorer.turners["sigma"].disabled == idle
        explorer.sigma = 1e-3


@pytest.mark.parametrize("gamma", [5e-2, 1e-3])
def test_the_pull_on_the_hidden_hand_is_the_slope_of_the_loss(gamma: float) -> None:
    explorer = BendBody(gamma=gamma)
    body, photo = explorer._body, explorer._photo.double()
    dials = [[explorer.shoulder_swing, explorer.shoulder_raise]]
    dials += [[explorer.elbow_swing, explorer.elbow_fold]]
    angles = bend.arm_across("behind")
    angles[[bend_body.SHOULDER, bend_body.ELBOW], 1:] = torch.deg2rad(torch.tensor(dials))
    verts, colors = body.pose(angles).double(), body.colors[:, None].expand(-1, 3, 3).double()
    options = {"size": bend.SIZE, "sigma": 1e-3, "gamma": gamma, "near": bend.NEAR}
    options |= {"far": bend.FAR, "cull_backfaces": True}

    def loss(step: float) -> float:
        moved = verts + step * explorer._hand[:, None] * torch.tensor([0.0, 0.0, 1.0])
        image = rasterize(screen_triangles(moved, body.faces, bend.FRONT)[0], colors, **options)
        return (image[..., :3] * image[..., 3:] - photo).square().mean().item()

    shown, forward = read(
        explorer, "loss #. The gradient on the left hand (the arrow, -gradient): #"
    )
    assert shown == pytest.approx(loss(0.0), abs=6e-5)
    assert forward == pytest.approx(-slope(loss, 1e-5), rel=0.06, abs=1e-6)
    assert ("pulls it forward" in explorer.readout) == (gamma == 5e-2)
    assert ("leaves it at its depth" in explorer.readout) == (gamma == 1e-3)


def test_softness_shows_sigma_and_reach_of_a_blur_and_the_seam() -> None:
    explorer = Softness(mesh="sphere", blur=4.0)
    # D goes from 0.1 to 0.9 over the blur: logit = +-log 9 at half of it, 2 / 64 NDC a pixel.
    sigma = (4.0 / 2 * 2 / 64) ** 2 / math.log(9)
    words = "sigma # NDC squared. An edge reaches # pixels outward."
    assert read(explorer, words) == pytest.approx([sigma, 32 * math.sqrt(sigma * REACH)], rel=1e-2)
    seam, lively = "where two faces meet in an edge: #", "# of # pixels have a gradient"
    assert read(explorer, seam) == [1 - 0.5 * 0.5]
    soft, pixels = read(explorer, lively)
    assert 0 < soft < pixels == 64**2
    explorer.distribution = "exponential_rev"  # DIB-R: a covered pixel has alpha 1 and no gradient
    assert read(explorer, seam) == [1.0]
    assert 0 < read(explorer, lively)[0] < soft
    explorer.distribution, explorer.squared = "cauchy", "not squared, d / sigma"
    assert read(explorer, lively) == [1024, 1024], "all reach all, at half the resolution"
    explorer.distribution = "hard"
    assert read(explorer, lively)[0] == 0


@pytest.mark.parametrize(
    ("conorm", "p", "value", "slopes", "crowd"),
    [
        # 1 - (1 - a) (1 - b); of the other's 1 - D.
        ("probabilistic", 2.0, 0.3 + 0.6 - 0.18, (1 - 0.6, 1 - 0.3), 1 - 0.7**40),
        # S = (a + b) / (1 + a b), dS/da = (1 - b^2) / (1 + a b)^2; a sum of artanh(a), here 12.4.
        ("einstein", 2.0, 0.9 / 1.18, (0.64 / 1.18**2, 0.91 / 1.18**2), math.tanh(12.4)),
        ("yager", 1.0, 0.9, (1.0, 1.0), 1.0),
        ("max", 2.0, 0.6, (0.0, 1.0), 0.3),
    ],
)  # fmt: skip
def test_conorms_shows_the_numbers_of_the_definitions(conorm, p, value, slopes, crowd) -> None:
    explorer = Conorms(conorm=conorm, a=0.3, b=0.6, p=p)
    assert read(explorer, "S(0.30, 0.60) = #. ") == [pytest.approx(value, abs=6e-4)]
    words = "takes over # times a's and # times b's"
    assert read(explorer, words) == pytest.approx(slopes, abs=6e-3)
    assert read(explorer, "40 faces of D = 0.30 make #.") == [pytest.approx(crowd, abs=6e-4)]


def test_reconstruction_shows_the_photograph_and_one_mesh_from_all_sides() -> None:
    explorer = Reconstruction(object="car 1", view=3)
    _, photos, voxels, _ = reconstruction.held_out("car 1")
    (mesh,) = reconstruct(load_model()[0], photos[3][None])
    found = voxelize(mesh.verts, mesh.faces)
    iou = (found & voxels).sum() / (found | voxels).sum()
    score = read(explorer, "Voxel IoU # from")
    assert score == [pytest.approx(iou.item(), abs=6e-3)]
    photograph = explorer.image[:, :PANEL].copy()
    explorer.turn = 180.0  # the same mesh, from behind
    assert read(explorer, "Voxel IoU # from") == score
    assert (explorer.image[:, :PANEL] == photograph).all()
    explorer.view = 14  # another picture, and so another mesh
    assert (explorer.image[:, :PANEL] != photograph).any()
