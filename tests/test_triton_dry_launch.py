"""Every launch of the package, and those that tuning tries, as a GPU would get them: through
Triton's own binder (which turns the arguments of a call into the signature of a kernel) and its
compiler, for an H100 that need not be here. Only the last step, the launch itself, is left out.

The interpreter binds arguments otherwise: there a Python float stays a float64 and every integer
fits.

In a process of its own: one that has imported triton for its interpreter cannot compile any more.
"""

from __future__ import annotations

import importlib.util
import json
import os

import fresh_python
import pytest

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("triton") is None, reason="triton is not installed (Linux only)"
)

PROBE = """
import dataclasses, json, re, torch, triton
from triton.backends.compiler import GPUTarget

class Driver:  # of a GPU that is not here
    def get_current_target(self): return GPUTarget("cuda", 90, 32)
    def get_current_device(self): return 0
    def get_current_stream(self, device=0): return 0

triton.runtime.driver.set_active(Driver())
from softras_edu.rasterizers import tiles, triton_gpu as g
from softras_edu.rasterizers.options import Options
from softras_edu.bench.gpu import list_cursor, tile_major
from softras_edu.texture import FlatTexture

seen = []

class Dry:
    def __init__(self, kernel): self.kernel = kernel
    def __getitem__(self, grid):
        def launch(*arguments, **keywords):
            code = self.kernel.warmup(*arguments, grid=grid, **keywords)
            head = next(x for x in code.asm["ttir"].splitlines() if "tt.func public" in x)
            types = dict(re.findall(r"%(\\w+): (\\S+?)[ ,)]", head))
            body = code.asm["ttir"].count("f32")
            seen.append([self.kernel.fn.__name__, types, body, code.metadata.num_warps])
        return launch

class Room:
    def __init__(self, module): self.module = module
    def __getattr__(self, name): return Dry(getattr(self.module, name))

real = g._kernels
g._kernels = lambda name: Room(real(name))
list_cursor._count_kernel = Dry(list_cursor._count_kernel)
list_cursor._cursor_kernel = Dry(list_cursor._cursor_kernel)
tile_major._backward_by_tile_kernel = Dry(tile_major._backward_by_tile_kernel)

def draw(dtype, channels, textured=False, **changes):
    triangles = (torch.rand(2, 3, 3, 3) + 1).to(dtype)
    colors = None if channels is None else torch.rand(2, 3, 3, channels).to(dtype)
    texture = None
    if textured:
        uv, texels = torch.rand(2, 3, 3, 2).to(dtype), torch.rand(12, channels).to(dtype)
        texture = FlatTexture(uv, texels, torch.tensor([0, 3, 4, 1]).expand(2, 3, 4).contiguous())
    o = Options(height=17, width=26, dist_eps=0.0, **changes)
    background = triangles.new_zeros(()).expand(2, 17, 26, channels or 0)
    boxes, count, facts = g.launch_setup(triangles, colors, background, o)
    boxes.zero_(), count.fill_(2)  # nothing has run, so nothing has been written
    g.launch_fill(boxes, count, count.cumsum(0), 12, o)
    list_cursor.fill(boxes, count, 12, o, g.LAUNCH.tile)
    lists = tiles.tile_lists(boxes, 17, 26, g.LAUNCH.tile)
    image, state = g.launch_forward(triangles, facts, colors, background, lists, o, texture)
    grad = torch.rand_like(image)
    g.launch_backward(triangles, facts, colors, boxes, image, grad, state, o, texture, textured)
    if not changes and not textured:
        tile_major.launch(triangles, facts, colors, lists, image, grad, state, o, 2)

draw(torch.float32, 3)
draw(torch.float64, None)
draw(torch.float32, 3, textured=True)
draw(torch.float64, 2, textured=True, distribution="gamma", shape=2.0, conorm="frank", p=2.0)
g.LAUNCH = g.Launch(16, 4, 3, 8, 16, 4, 3)
draw(torch.float32, 3)
print(json.dumps(seen))
"""

INTEGERS = {"bad_count": "i64"}
KERNELS = {
    "_setup_kernel", "_fill_kernel", "_group_kernel", "_forward_kernel", "_backward_by_face_kernel",
    "_backward_by_tile_kernel", "_count_kernel", "_cursor_kernel",
}  # fmt: skip
REAL = (
    "reach", "near", "far", "min_depth", "min_doubled_area", "largest_number", "inv_sigma", "shape",
    "depth_scale", "log_background", "log_dist_eps", "log_gamma", "shift", "p", "log_p",
)  # fmt: skip


@pytest.fixture(scope="module")
def launches() -> list[tuple[str, dict[str, str], int, int]]:
    clean = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    done = fresh_python.run(PROBE, env=clean)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_every_launch_compiles_as_it_is_called(launches):
    assert {name for name, _, _, _ in launches} == KERNELS
    warps = {name: {n for kernel, _, _, n in launches if kernel == name} for name in KERNELS}
    assert warps["_forward_kernel"] == warps["_backward_by_face_kernel"] == {1, 4}


def test_numbers_arrive_in_full(launches):
    # Options in float64 whatever the pictures' dtype, sizes in 32 bits, lengths of lists as they
    # are.
    for name, types, _, _ in launches:
        for parameter, kind in types.items():
            if parameter in REAL:
                assert kind == "f64", (name, parameter, kind)
            elif not parameter.endswith("_ptr"):
                assert kind == INTEGERS.get(parameter, "i32"), (name, parameter, kind)


def test_float64_stays_float64(launches):
    for name, types, singles, _ in launches:
        if types.get("triangles_ptr") == "!tt.ptr<f64>":
            assert singles == 0, name
