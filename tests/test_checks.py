"""Every check takes right answers, and rejects typical wrong ones with the hint for each.

That the notebooks' solutions, which are written without the references, pass: `test_solutions.py`.
"""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from softras_edu import checks
from softras_edu.checks.exercise import Exercise, Mistake

EXERCISES = [getattr(checks, name) for name in checks.__all__]
MISTAKES = [
    pytest.param(exercise, hint, id=f"{exercise.name}: {hint[:40]}")
    for exercise in EXERCISES
    for hint in exercise.mistakes
]


def rounded(value: Any, off: float) -> Any:
    """Almost the same numbers, as lists; booleans, and what needs a gradient, as they are."""
    if isinstance(value, (tuple, list)):
        return [rounded(part, off) for part in value]
    if not isinstance(value, torch.Tensor):
        return value if isinstance(value, bool) else value * (1 + off)
    near = value if value.dtype == torch.bool else value.double() * (1 + off)
    return near if near.requires_grad else near.tolist()


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.name)
def test_a_right_answer_may_be_rounded_and_no_tensor(
    exercise: Exercise, capsys: pytest.CaptureFixture[str]
) -> None:
    off = 0.1 * exercise.tolerance
    exercise(lambda *arguments: rounded(exercise.reference(*arguments), off))
    assert capsys.readouterr().out == f"{exercise.name}: passed, {len(exercise.cases)} cases.\n"


@pytest.mark.parametrize(("exercise", "hint"), MISTAKES)
def test_a_known_mistake_is_rejected_by_name(exercise: Exercise, hint: str) -> None:
    with pytest.raises(Mistake) as caught:
        exercise(exercise.mistakes[hint])
    assert hint in str(caught.value), "another hint came first"
    assert "yours" in str(caught.value)
    assert "expected" in str(caught.value)


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.name)
def test_each_has_two_known_mistakes(exercise: Exercise) -> None:
    assert len(exercise.mistakes) >= 2


# Of notebooks 12, 14, 15 and 17.
MANY = [
    "laplacian_loss", "fold_penalty", "scheduled_sigma", "rotate_about_joint", "skin",
    "angle_slope", "voxel_overlap", "mix_palette", "carve", "masked_l1", "spread_step",
]  # fmt: skip


@pytest.mark.parametrize("name", MANY)
def test_each_of_these_has_six_known_mistakes_with_numbers_of_their_own(name: str) -> None:
    exercise = getattr(checks, name)
    hints = list(exercise.mistakes)
    assert len(hints) >= 6
    # Of two wrong answers with the same numbers the second would never get its hint.
    assert [exercise.diagnose(exercise.mistakes[hint]) for hint in hints] == hints


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.name)
def test_unknown_mistakes_are_rejected_too(exercise: Exercise) -> None:
    def nearly(*arguments: object) -> torch.Tensor:
        right = exercise.reference(*arguments)
        right = (
            torch.stack([torch.as_tensor(x) for x in right])
            if isinstance(right, tuple)
            else torch.as_tensor(right)
        )
        if right.dtype != torch.bool:
            return right.double() + 1e-3
        first = torch.arange(right.numel()).view_as(right) == 0  # one of them; all is a slip
        return right ^ first

    with pytest.raises(Mistake, match="work out by hand"):
        exercise(nearly)
    with pytest.raises(Mistake, match="shape"):
        exercise(lambda *arguments: torch.zeros(7, 7))
    with pytest.raises(Mistake, match="returned None"):
        exercise(lambda *arguments: None)


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.name)
def test_a_stub_stays_a_stub(exercise: Exercise) -> None:
    def stub(*arguments: object) -> None:
        raise NotImplementedError("your turn")

    with pytest.raises(NotImplementedError, match="your turn"):
        exercise(stub)


def test_an_answer_that_writes_into_its_argument_is_told_which() -> None:
    def greedy(d: torch.Tensor) -> torch.Tensor:
        answer = 1 - (1 - d).prod(0)
        d.zero_()
        return answer

    with pytest.raises(Mistake, match="d is no longer what it was: your function writes into"):
        checks.silhouette(greedy)
    checks.silhouette(checks.silhouette.reference)  # the question stays as it was


def test_a_notebook_sees_the_message_and_not_the_stack() -> None:
    (line,) = Mistake("the reason")._render_traceback_()
    assert "the reason" in line
    assert "Traceback" not in line


def test_an_image_is_shown_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    with pytest.raises(Mistake):
        checks.silhouette(lambda d: d.amax(0))
    assert len(shown) == 1
    assert shown[0].width > 3 * 200  # yours, expected and difference side by side


def test_arithmetic_that_fails_is_a_mistake_that_shows_the_arguments() -> None:
    def overflowing(peak: float, den: float, log_weight: float) -> tuple[float, ...]:
        return (
            checks.online_softmax_step.reference(peak, den, log_weight)
            if log_weight > -100
            else (0.0, math.exp(log_weight - peak), 0.0, 0.0)
        )

    arguments = r"peak = -500000, den = 1.2, log_weight = -400000"
    with pytest.raises(Mistake, match=rf"math range error(.|\n)*{arguments}"):
        checks.online_softmax_step(lambda peak, den, log_weight: overflowing(peak, den, log_weight))
    with pytest.raises(Mistake, match="ZeroDivisionError"):
        checks.softmax_slope(lambda share, face_color, color, d_color: (1 / (share - share), 0.0))


# ---------------------------------------------------------------- gradients, errors, arguments


def _halves(x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    return torch.where(mask, x.square(), 3 * x)


HALVES = Exercise(
    "halves",
    _halves,
    cases=[(torch.tensor([1.0, 2.0, 0.0]), torch.tensor([True, False, True]))],
    slopes=(0,),
)
RIGHT_NUMBERS_WRONG_GRADIENT = {
    "no_grad": (torch.no_grad()(_halves), "gradient of x is lost"),
    "detached": (lambda x, mask: _halves(x.detach(), mask), "gradient of x is lost"),
    "plain numbers": (lambda x, mask: _halves(x, mask).tolist(), "gradient of x is lost"),
    "half detached": (
        lambda x, mask: torch.where(mask, x.square(), 3 * x.detach()),
        "gradient of x is not",
    ),
    "NaN on the way": (lambda x, mask: _halves(x.square().sqrt(), mask), "gradient of x is not"),
    "NumPy": (lambda x, mask: _halves(torch.from_numpy(x.numpy()), mask), "NumPy keeps no"),
    "a part of 40 %": (
        lambda x, mask: 0.4 * _halves(x, mask) + 0.6 * _halves(x, mask).detach(),
        "it is 0.4 of what it should be. A part of the result is detached",
    ),
    "0 everywhere": (lambda x, mask: _halves(x.detach(), mask) + 0 * x, "it is 0 everywhere"),
    "0 here and there": (
        lambda x, mask: torch.where(mask, x.square(), 3 * x.clamp_max(1) + 3),
        "it is 0 in 1 of 3 places, where a clamp",
    ),
    "overwritten": (
        lambda x, mask: (0 * x).exp().mul_(1) * _halves(x, mask),
        "autograd cannot go back through them: a number that the way back needs was overwritten",
    ),
}


@pytest.mark.parametrize("name", RIGHT_NUMBERS_WRONG_GRADIENT)
def test_right_numbers_without_the_right_gradient_are_refused(name: str) -> None:
    # Functions that lose the gradient passed: what a differentiable renderer must not do.
    answer, said = RIGHT_NUMBERS_WRONG_GRADIENT[name]
    HALVES(_halves)
    with torch.no_grad():  # as the notebook left it
        HALVES(_halves)
    with pytest.raises(Mistake, match=said):
        HALVES(answer)


SLOPED = [exercise for exercise in EXERCISES if exercise.slopes]


@pytest.mark.parametrize("exercise", SLOPED, ids=lambda e: e.name)
def test_a_function_that_must_have_a_gradient_is_refused_without_one(exercise: Exercise) -> None:
    with pytest.raises(Mistake, match="is lost"):
        exercise(torch.no_grad()(exercise.reference))


ERRORS = {
    "minus of booleans": (lambda x, mask: -mask, "Booleans have no sign"),
    "shapes": (lambda x, mask: x + torch.zeros(7), "Read them from the right"),
    "a tensor as a condition": (lambda x, mask: x if mask else 3 * x, "asks? for one yes or no"),
    "math of a tensor": (lambda x, mask: math.exp(x), r"math\.\* and float\(\) take one number"),
    "a name": (lambda x, mask: somewhere(x), "run that defines"),  # noqa: F821
    "no such method": (lambda x, mask: x.squared(), "has no attribute"),
    "two dtypes": (lambda x, mask: x.double()[None] @ x[:, None], "float32 meets float64"),
    "arguments": (lambda x: x, "Compare the arguments"),
    "brackets of and": (lambda x, mask: x > 0 & x < 1, "write brackets around comparisons"),
    "another device": (lambda x, mask: x + x.to("meta"), "Make new tensors where the arguments"),
    "no GPU": (lambda x, mask: x.cuda(), "This PyTorch has no GPU|Make new tensors where"),
    "a missing *": (lambda x, mask: x(2), "Brackets stand behind something"),
    "no such axis": (lambda x, mask: x.sum(2), "There is no such axis"),
    "a matrix product": (lambda x, mask: x[:, None] @ x[:2], "the last axis of a must be as long"),
    "parts of cat": (lambda x, mask: torch.cat([x[None], x]), "parts with the same axes"),
    "text divided": (lambda x, mask: "1" / "2", "What comes from a file is text"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_an_error_of_torch_becomes_a_sentence_with_its_arguments(name: str) -> None:
    answer, said = ERRORS[name]
    with pytest.raises(Mistake, match=said) as caught:
        HALVES(answer)
    assert "your function raised" in str(caught.value)
    assert "x = tensor (3,) [1, 2, 0]" in str(caught.value)


def test_an_error_names_the_line_that_raised_it_though_a_helper_did() -> None:
    code = "def helper(x):\n    return -x\n\ndef answer(x, mask):\n    return helper(mask)\n"
    room: dict[str, Any] = {}
    exec(compile(code, "<cell>", "exec"), room)
    with pytest.raises(Mistake, match="in line 2 of the cell"):
        HALVES(room["answer"])
    with pytest.raises(Mistake, match=r"in line \d+ of the cell:  return -mask"):
        HALVES(minus)


def minus(x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    return -mask


def test_a_result_on_another_device_is_told_so() -> None:
    with pytest.raises(Mistake, match="the result is on meta, and the arguments are on the cpu"):
        HALVES(lambda x, mask: x.to("meta"))


def test_the_result_instead_of_the_function_is_told_so() -> None:
    with pytest.raises(Mistake, match=r"It wants the function: checks.NAME\(NAME\)"):
        HALVES(torch.zeros(3))


def test_the_line_that_cuts_the_gradient_is_shown() -> None:
    def cut(x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        y = x.detach()  # by mistake
        return _halves(y, mask)

    with pytest.raises(Mistake, match=r"is lost(.|\n)*look at line \d+ of the cell:  y = x.detach"):
        HALVES(cut)


def test_an_operation_that_torch_lacks_is_no_stub() -> None:
    def unsupported(x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError("\"lgamma_cpu\" not implemented for 'Bool'")

    with pytest.raises(Mistake, match="not implemented for"):
        HALVES(unsupported)


def test_a_wrong_answer_shows_the_arguments_of_its_case() -> None:
    with pytest.raises(Mistake, match=r"called as pixel_center\(i = 3, j = 1, height = 4, width"):
        checks.pixel_center(lambda i, j, h, w: (-0.75, 0.75) if i == 0 else (9.0, 9.0))


def test_the_readers_function_is_used_once_it_passes(capsys: pytest.CaptureFixture[str]) -> None:
    def stub(x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError("Exercise 02-2")

    def right(x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return _halves(x, mask)

    assert HALVES.yours_or_ours(stub) is _halves
    assert HALVES.yours_or_ours(minus) is _halves
    assert HALVES.yours_or_ours(right) is right
    until = "halves: the library's, until yours passes its check.\n"
    assert capsys.readouterr().out == f"{until}{until}halves: yours.\n"


def test_a_box_may_be_a_pixel_too_large_and_an_empty_one_may_stand_anywhere(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def larger(xy: torch.Tensor, margin: torch.Tensor, height: int, width: int) -> torch.Tensor:
        box = checks.reach_box.reference(xy, margin, height, width)
        full = (box[:, 1::2] > box[:, 0::2]).all(1, keepdim=True)
        most = torch.tensor([height, height, width, width])
        grown = (box + torch.tensor([-1, 1, -1, 1])).clamp_min(0).minimum(most)
        return torch.where(full, grown, 0)

    def two_larger(*arguments: object) -> torch.Tensor:
        return larger(*arguments) + torch.tensor([0, 0, 0, 1])

    def turned_round(*arguments: object) -> torch.Tensor:
        box = larger(*arguments)
        none = (box == 0).all(1, keepdim=True)
        return torch.where(none, torch.tensor([3, 1, 3, 1]), box)

    checks.reach_box(larger)
    assert "passed" in capsys.readouterr().out
    with pytest.raises(Mistake):
        checks.reach_box(turned_round)
    with pytest.raises(Mistake):
        checks.reach_box(two_larger)


def test_answers_that_only_look_right_are_refused() -> None:
    """Each agrees with the reference on hard targets, on few faces, or in numbers alone."""

    def soft_but_detached(d: torch.Tensor) -> torch.Tensor:
        return 1 - (1 - d.detach()).prod(0)

    def smaller_and_larger(a: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        return 1 - torch.minimum(a, t).sum() / torch.maximum(a, t).sum()

    def largest_face(d: torch.Tensor, zn: torch.Tensor, gamma: float, eps: float) -> torch.Tensor:
        log_weight = torch.cat([d.log() + zn / gamma, torch.full_like(d[:1], eps / gamma)])
        weight = torch.exp(log_weight - log_weight[:-1].amax(0))
        return weight / weight.sum(0)

    def by_autograd(d: torch.Tensor, sigma: float) -> torch.Tensor:
        d = d.clone().requires_grad_()
        return torch.autograd.grad(torch.sigmoid(-(d**2) / sigma).sum(), d)[0]

    def by_backward(d: torch.Tensor, sigma: float) -> torch.Tensor:
        d = d.clone().requires_grad_()
        torch.sigmoid(-(d**2) / sigma).sum().backward()
        return d.grad

    def cosine_of_normals(*corners: torch.Tensor) -> torch.Tensor:
        a, b, c, d = corners
        normals = torch.linalg.cross(b - a, c - a), torch.linalg.cross(d - a, b - a)
        return torch.cosine_similarity(*normals, dim=0)

    with pytest.raises(Mistake, match="gradient of d is lost"):
        checks.silhouette(soft_but_detached)
    with pytest.raises(Mistake, match="gradient of scores is lost"):
        checks.mix_palette(lambda s, p: (s.softmax(1) @ p).detach())
    with pytest.raises(Mistake, match="gradient of scores is lost"):
        checks.mix_palette(lambda s, p: s.detach().softmax(1) @ p)
    with pytest.raises(Mistake, match="gradient of palette is lost"):
        checks.mix_palette(lambda s, p: s.softmax(1) @ p.detach())
    with pytest.raises(Mistake, match="gradient of scores is not"):
        checks.mix_palette(lambda s, p: (s - s.detach() / 2).mul(2).softmax(1) @ p)
    with pytest.raises(Mistake, match="outward normals: the angle between them is 180 degrees"):
        checks.fold_penalty(lambda a, b, c, d: (cosine_of_normals(a, b, c, d) + 1) ** 2)
    checks.fold_penalty(lambda a, b, c, d: (1 - cosine_of_normals(a, b, c, d)) ** 2)
    with pytest.raises(Mistake, match="only where the target is 0 or 1"):
        checks.iou_loss(smaller_and_larger)
    with pytest.raises(Mistake, match="gradient of alpha is lost"):
        checks.iou_loss(lambda a, t: checks.iou_loss.reference(a.detach(), t))
    with pytest.raises(Mistake, match="may be the background's"):
        checks.depth_weights(largest_face)
    for answer in (by_autograd, by_backward):
        with pytest.raises(Mistake, match="autograd made them"):
            checks.probability_slope(answer)
