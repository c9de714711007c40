"""The numbers in docs/choosing-softness.md are the library's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

from softras_edu import formulas, rasterize, softness
from softras_edu.explore.conorms import add, conorm_of

DOCS = Path(__file__).parent.parent / "docs"
TEXT = (DOCS / "choosing-softness.md").read_text(encoding="utf-8")


def rows(after: str) -> list[list[str]]:
    """The cells of the first table that follows a line, but for its head."""
    lines = TEXT[TEXT.index(after) :].splitlines()
    start = next(k for k, line in enumerate(lines) if line.startswith("|"))
    table = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            return table
        table.append([cell.strip() for cell in line.strip("|").split("|")])
    return table


def number(cell: str) -> float:
    return float(re.match(r"[\d.,]+", cell).group().replace(",", ""))


def test_the_code_gives_what_its_comments_say() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    room: dict[str, object] = {}
    exec(code, room)
    calls = re.findall(r"^(\w+\(.*\))  # ([\d.]+)", code, re.MULTILINE)
    assert len(calls) == 3
    for call, said in calls:
        assert eval(call, room) == pytest.approx(float(said), rel=0.02), call


def test_sigma_in_pixels() -> None:
    sizes = (64, 128, 256, 512)
    for sigma, *pixels in rows("| sigma | 64 rows"):
        for size, said in zip(sizes, pixels, strict=True):
            reach = formulas.reach(float(sigma.split()[0])) * size / 2
            assert number(said) == pytest.approx(reach, abs=0.051)
            assert 1.52 * size * float(sigma.split()[0]) ** 0.5 == pytest.approx(reach, rel=0.01)
            assert 0.43 * (reach / size) ** 2 == pytest.approx(float(sigma.split()[0]), rel=0.02)
            assert softness.rise(float(sigma.split()[0]), size) == pytest.approx(reach, rel=0.05), (
                "about the blur that one sees"
            )


def test_half_of_alpha_lies_outside_of_an_outline() -> None:
    wall = torch.tensor(
        [[[-50.0, -300.0, 2.0], [0.0, -300.0, 2.0], [0.0, 300.0, 2.0]]], dtype=torch.float64
    )
    alpha = rasterize(torch.cat([wall, wall]), size=(3, 3000), sigma=1e4, dist_eps=0)[1, :, 0]
    outside = int((alpha[1500:] > 0.5).sum()) * 2 / 3
    assert outside == pytest.approx(0.94 * 1e4**0.5, rel=0.02)


def test_every_distribution_with_its_reach() -> None:
    table = rows("| `distribution` |")
    assert [row[0] for row in table] == list(softness.DISTRIBUTIONS[1:])
    for name, _, *said, on_edge in table:
        shape, shift, _ = softness.check_softness(name, True, None, None, "max", None)
        for squared, cell in zip((True, False), said, strict=True):
            reach = softness.reach(1.0, 1e-4, name, squared, shape, shift) / softness.rise(
                1.0, 2, distribution=name, squared=squared
            )
            assert number(cell) == pytest.approx(reach, rel=0.06), (name, squared)
        d = (
            softness.log_probability(torch.zeros(1, dtype=torch.float64), name, shape, shift)[0]
            .exp()
            .item()
        )
        assert number(on_edge) == pytest.approx(d, abs=0.005)


def test_every_conorm_with_its_numbers() -> None:
    table = rows("| `conorm` |")
    assert {row[0].split(",")[0] for row in table} == set(softness.CONORMS) - {"hard"}
    for name, *said in table:
        conorm, *p = name.split(", p = ")
        value = float(p[0]) if p else None
        seam = conorm_of(torch.tensor([0.5, 0.5], dtype=torch.float64), conorm, value, 0).item()
        crowd = conorm_of(torch.full((340,), 0.01, dtype=torch.float64), conorm, value, 0).item()
        follows = add(torch.tensor([0.1, 0.6], dtype=torch.float64), conorm, value)[1]
        assert [number(cell) for cell in said] == pytest.approx(
            [seam, crowd, *follows], abs=0.0051
        ), name


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#\s]+)\)", TEXT):
        assert "://" in target or (DOCS / target).exists(), target
