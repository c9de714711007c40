"""The optimisation loop.

It descends, its dials move as asked, it is repeatable, and an interrupted fit goes on along the
same curve.
"""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor

from softras_edu import fit, losses, rasterize, schedule
from softras_edu.fitting.optimize import plateau

GOAL = torch.tensor([0.3, -0.7])


def bowl(x: Tensor, sigma: float = 0.0, gamma: float = 0.0) -> Tensor:
    return (x - GOAL).square().sum()


def noisy(x: Tensor, sigma: float, gamma: float) -> Tensor:
    """A loss that draws at random, as one that looks at some views out of many."""
    return (x - GOAL + 0.1 * torch.randn(2)).square().sum() * (1 + sigma)


def test_it_finds_the_bottom_of_a_bowl_and_remembers_the_best_step():
    x = torch.zeros(2, requires_grad=True)
    done = fit(lambda sigma, gamma: bowl(x), [x], steps=200, lr=0.05)
    assert torch.allclose(x.detach(), GOAL, atol=1e-3)
    assert len(done.losses) == 200
    assert done.losses[0] == pytest.approx(0.58)  # 0.09 + 0.49, before the first step
    assert done.losses[done.best_step] == min(done.losses)
    assert bowl(done.best[0]).item() == pytest.approx(min(done.losses), abs=1e-7)
    assert done.best[0].requires_grad is False


def test_it_moves_a_triangle_onto_its_target():
    triangle = torch.tensor([[[-0.5, -0.5, 2.0], [0.5, -0.5, 2.0], [0.0, 0.5, 2.0]]])
    target = rasterize(triangle + torch.tensor([0.25, 0.1, 0.0]), size=24, sigma=1e-4)[..., 0]
    shift = torch.zeros(2, requires_grad=True)

    def loss(sigma: float, gamma: float) -> Tensor:
        return losses.iou(
            rasterize(triangle + torch.nn.functional.pad(shift, (0, 1)), size=24, sigma=sigma)[
                ..., 0
            ],
            target,
        )

    done = fit(loss, [shift], steps=60, lr=0.03, sigma=schedule(1e-1, 1e-3))
    assert done.losses[-1] < 0.25 < 0.5 < done.losses[0]  # soft edges never reach 0
    assert torch.allclose(shift.detach(), torch.tensor([0.25, 0.1]), atol=0.04)  # half a pixel


def test_dials_follow_their_schedules_from_the_first_step_to_the_last():
    x, seen = torch.zeros(1, requires_grad=True), []
    fit(
        lambda sigma, gamma: seen.append((sigma, gamma)) or x.sum(),
        [x],
        steps=3,
        sigma=schedule(1e-1, 1e-3),
        gamma=1e-2,
    )
    assert [sigma for sigma, _ in seen] == pytest.approx([1e-1, 1e-2, 1e-3])
    assert [gamma for _, gamma in seen] == [1e-2] * 3
    with pytest.raises(ValueError, match="schedule: got 0"):
        schedule(0, 1)


def test_groups_have_their_own_rates_which_may_be_schedules():
    a, b, c = (torch.zeros(1, requires_grad=True) for _ in range(3))
    rule = partial(
        torch.optim.SGD, momentum=0
    )  # plain descent on a slope of 1: the steps add up to the rates
    groups = [
        {"params": [a], "lr": 0.5},
        {"params": [b]},
        {"params": [c], "lr": schedule(1.0, 1e-2)},
    ]
    fit(lambda sigma, gamma: (a + b + c).sum(), groups, steps=3, lr=0.1, optimizer=rule)
    assert [a.item(), b.item(), c.item()] == pytest.approx([-1.5, -0.3, -1.11])


def test_random_numbers_are_repeated_by_the_seed_and_the_callers_own_are_left_alone():
    def run(seed: int) -> list[float]:
        x = torch.zeros(2, requires_grad=True)
        return fit(partial(noisy, x), [x], steps=10, seed=seed).losses

    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    assert run(1) == run(1) != run(2)
    assert torch.equal(torch.rand(3), expected)


def test_the_callback_sees_every_so_many_steps_and_the_last_before_they_change_anything():
    x, seen = torch.zeros(2, requires_grad=True), []
    fit(
        lambda sigma, gamma: bowl(x),
        [x],
        steps=8,
        every=3,
        callback=lambda step, loss: seen.append((step, loss, bowl(x).item())),
    )
    assert [step for step, _, _ in seen] == [0, 3, 6, 7]
    assert all(loss == pytest.approx(now) for _, loss, now in seen)


def test_stop_ends_it_early():
    x = torch.zeros(2, requires_grad=True)
    done = fit(lambda sigma, gamma: bowl(x), [x], steps=5000, lr=0.05, stop=plateau(20))
    assert 20 < len(done.losses) < 1000
    assert (
        len(
            fit(
                lambda sigma, gamma: bowl(x), [x], steps=50, stop=lambda losses: losses[-1] < 10
            ).losses
        )
        == 1
    )


@pytest.mark.parametrize("when", ["while the loss is drawn", "in the callback"])
def test_an_interrupted_fit_goes_on_along_the_same_curve(tmp_path: Path, when: str):
    whole = torch.zeros(2, requires_grad=True)
    expected = fit(
        partial(noisy, whole), [whole], steps=30, sigma=schedule(1.0, 0.1), lr=schedule(0.1, 0.01)
    )

    x, file = torch.zeros(2, requires_grad=True), tmp_path / "fit.safetensors"
    calls = 0

    def loss(sigma: float, gamma: float) -> Tensor:
        nonlocal calls
        value = noisy(x, sigma, gamma)  # the random numbers of this step are drawn by now
        calls += 1
        if calls == 18 and when == "while the loss is drawn":
            raise KeyboardInterrupt
        return value

    def callback(step: int, loss: float) -> None:
        if calls == 18 and when == "in the callback":
            raise KeyboardInterrupt

    run = partial(
        fit,
        loss,
        [x],
        steps=30,
        sigma=schedule(1.0, 0.1),
        lr=schedule(0.1, 0.01),
        checkpoint=file,
        callback=callback,
    )
    with pytest.raises(KeyboardInterrupt):
        run()
    x.data.fill_(9.0)  # a new process knows nothing but the file
    done = run()
    assert done.losses == expected.losses
    assert torch.equal(x, whole)
    assert done.best_step == expected.best_step
    assert torch.equal(done.best[0], expected.best[0])
    assert calls == 31, "17 steps before, the one that was interrupted, and 13 after"
    assert run().losses == expected.losses  # a fit that had ended is not done again
    assert calls == 31
    assert [path.name for path in tmp_path.iterdir()] == ["fit.safetensors"]


def test_a_fit_that_is_killed_loses_what_came_after_the_last_save(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    x, file = torch.zeros(2, requires_grad=True), tmp_path / "fit.safetensors"
    expected = fit(partial(noisy, x), [x], steps=30).losses
    x.data.zero_()
    states = []
    fit(
        partial(noisy, x),
        [x],
        steps=30,
        checkpoint=file,
        save_every=10,
        callback=lambda step, loss: states.append(file.read_bytes() if file.exists() else None),
    )
    assert states[9] is None
    assert states[10] == states[19] != states[20]
    file.write_bytes(states[25])  # what a process that was killed in step 25 leaves
    steps = []
    assert (
        fit(
            partial(noisy, x),
            [x],
            steps=30,
            checkpoint=file,
            callback=lambda step, loss: steps.append(step),
        ).losses
        == expected
    )
    assert steps == list(range(20, 30))


def test_a_checkpoint_of_another_fit_is_refused(tmp_path: Path):
    x, file = torch.zeros(2, requires_grad=True), tmp_path / "fit.safetensors"
    fit(partial(noisy, x), [x], steps=3, checkpoint=file)
    with pytest.raises(
        ValueError, match=r"of another fit \(steps 3, seed 0, .*this one: steps 4, seed 0"
    ):
        fit(partial(noisy, x), [x], steps=4, checkpoint=file)
    y = torch.zeros(5, requires_grad=True)
    with pytest.raises(ValueError, match=r"shapes \[\(2,\)\]; this one: .* shapes \[\(5,\)\]"):
        fit(lambda sigma, gamma: y.sum(), [y], steps=3, checkpoint=file)
    file.write_bytes(b"no safetensors")
    with pytest.raises(ValueError, match=r"cannot be read .* delete it to start anew"):
        fit(partial(noisy, x), [x], steps=3, checkpoint=file)


def test_what_cannot_be_fitted_is_refused():
    x = torch.zeros(2, requires_grad=True)
    with pytest.raises(ValueError, match="steps: got 0"):
        fit(lambda sigma, gamma: bowl(x), [x], steps=0)
    with pytest.raises(ValueError, match="parameters: got none"):
        fit(lambda sigma, gamma: bowl(x), [], steps=1)
    for wrong in (torch.zeros(2), 2 * x):
        with pytest.raises(
            ValueError, match="parameters: number 1 is no tensor that a gradient reaches"
        ):
            fit(lambda sigma, gamma: bowl(x), [x, wrong], steps=1)
    calls = iter([1.0, 1.0, math.nan])
    with pytest.raises(FloatingPointError, match=r"step 2: the loss is nan, at sigma 0.0001"):
        fit(lambda sigma, gamma: bowl(x) * next(calls), [x], steps=5)


def test_there_is_a_bar_only_for_those_who_wait(capsys: pytest.CaptureFixture[str]):
    x = torch.zeros(2, requires_grad=True)
    fit(lambda sigma, gamma: bowl(x), [x], steps=3)
    assert capsys.readouterr() == ("", "")
