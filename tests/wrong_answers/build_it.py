"""What students hand in for the exercises of notebooks 06 to 10, and what each must be told.

Exercise -> the body of its function -> words of the message. Whole kernels: `test_build_kernel.py`.
"""

# ruff: noqa: E501

MODULES = ("build_broadcast", "build_boxes", "build_pairs", "build_loop", "build_loop_geometry", "measure")

_EDGES = """c = xy[:, :, None, None]
out = []
for k in range(3):
    a, b = c[..., k, :], c[..., (k + 1) % 3, :]
    t = (((pixel - a) * (b - a)).sum(-1) / ((b - a) ** 2).sum(-1)).clamp(0, 1)
    out.append(((pixel - a - t[..., None] * (b - a)) ** 2).sum(-1))
return torch.stack(out).amin(0)"""
_COLOR = """b = torch.full_like(log_weight[:, :1], log_background)
lw, c = torch.cat([log_weight, b], 1), torch.cat([color, background[:, None]], 1)
w = torch.exp(lw - lw.amax(1, keepdim=True))
return (w[..., None] * c).sum(1) / w.sum(1)[..., None]"""
_BOX = """low, high = xy.amin(1) - margin[:, None], xy.amax(1) + margin[:, None]
rows = [(((1 - high[:, 1]) * height - 1) / 2).ceil(), (((1 - low[:, 1]) * height - 1) / 2).floor() + 1]
columns = [((low[:, 0] * height + width - 1) / 2).ceil(), ((high[:, 0] * height + width - 1) / 2).floor() + 1]
return torch.stack([x.clamp(0, height) for x in rows] + [x.clamp(0, width) for x in columns], -1).long()"""
_PAIRS = """top, bottom, left, right = box.unbind(-1)
count = (bottom - top) * (right - left)
face = torch.arange(len(box)).repeat_interleave(count)
k = torch.arange(len(face)) - (count.cumsum(0) - count)[face]
wide = (right - left)[face]
return face, (top[face] + k // wide) * width + left[face] + k % wide"""
_TILE = """i = tile // columns * TILE + lane // TILE
j = tile % columns * TILE + lane % TILE
return i, j, (i < height) & (j < width)"""
_STEP = """top = max(peak, log_weight)
shrink, weight = math.exp(peak - top), math.exp(log_weight - top)
return top, shrink * den + weight, shrink, weight"""
_PUSH = """x, y = -2 * d_d2 * gap[0], -2 * d_d2 * gap[1]
return [(l * x, l * y) for l in levers]"""
_DEPTH = """z = 1 / sum(a / b for a, b in zip(w, z_corner))
return [-d_z * z * z / b for b in z_corner], [d_z * a * z * z / b**2 for a, b in zip(w, z_corner)]"""
_CLIP = """c = [min(max(x, 0.0), 1.0) for x in v]
s = sum(c)
mean = sum(d * x for d, x in zip(d_w, c)) / s
return [(d - mean) / s if 0 <= x <= 1 else 0.0 for d, x in zip(d_w, v)]"""
_MOVE = """a, b, c = tri
area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
x = (d_v[0] * (b[1] - c[1]) + d_v[1] * (c[1] - a[1]) + d_v[2] * (a[1] - b[1])) / area
y = (d_v[0] * (c[0] - b[0]) + d_v[1] * (a[0] - c[0]) + d_v[2] * (b[0] - a[0])) / area
return [(-k * x, -k * y) for k in v]"""
_TIME = """for _ in range(warmup):
    run()
out = []
for _ in range(repeats):
    wait()
    t = clock()
    run()
    wait()
    out.append(clock() - t)
return float(np.median(out))"""
_SLOPE = """u, v = torch.log(x), torch.log(y)
u, v = u - u.mean(), v - v.mean()
return (u * v).sum() / (u * u).sum()"""

WRONG = {
    # ------------------------------------------------------------ 06 From loops to broadcasting
    "distance_maps": {
        _EDGES.replace("[:, :, None, None]", ""): "Two shapes do not fit",
        _EDGES.replace(".clamp(0, 1)", ""): "whole lines",
        _EDGES.replace(".clamp(0, 1)", ".clamp(max=1)"): "clamped at one end only",
        _EDGES.replace("amin", "amax"): "farthest edge",
        _EDGES.replace("amin", "mean"): "mean of the three edges",
        _EDGES.replace("amin(0)", "sum(0)"): "sum of the three edges",
        _EDGES.replace("amin(0)", "amin()"): "That is one number",
        _EDGES.replace(".amin(0)", ""): "3 entries along axis 0 should have become one",
        _EDGES.replace("range(3)", "range(2)"): "A triangle has three edges",
        _EDGES.replace(".amin(0)", ".amin(0).sqrt()"): "no square root",
        _EDGES.replace("(b - a)) ** 2).sum(-1))", "(b - a)) ** 2).sum(-1)).detach()"): "Another kind of thing",
        _EDGES.replace("amin(0)", "amin(0).detach()"): "amin(0).detach()",
        _EDGES.replace("amin(0)", "amin(0).mT"): "The axes of the result stand in another order",
        _EDGES.replace("c = xy[:, :, None, None]", "c = xy[:, None, None]"): "Two shapes do not fit",
    },
    "aggregate_color": {
        _COLOR.replace(" - lw.amax(1, keepdim=True)", ""): "exp of a large negative number is 0",
        _COLOR.replace("lw.amax(1, keepdim=True)", "lw.amax()"): "One peak for the whole picture",
        _COLOR.replace("lw.amax(1, keepdim=True)", "log_weight.amax(1, keepdim=True)"): "The peak must see the background",
        _COLOR.replace("/ w.sum(1)[..., None]", ""): "do not sum to 1 yet",
        _COLOR.replace("w.sum(1)[..., None]", "(w.sum(1)[..., None] + 1e-3)"): "Right to ",
        _COLOR.replace("w.sum(1)[..., None]", "w.sum(1)"): "Two shapes do not fit",
        _COLOR.replace("log_weight, b]", "log_weight, 0 * b]").replace("log_background)", "0.0)"): "weight exp(log_background)",
        _COLOR.replace("w = torch", "c = c.detach()\nw = torch"): "gradient of color is lost",
        _COLOR.replace("w = torch", "lw = lw.detach()\nw = torch"): "gradient of log_weight is lost",
        _COLOR.replace("background[:, None]", "0 * background[:, None]"): "background = 0",
        _COLOR.replace("background[:, None]", "background"): "want parts with the same axes",
        _COLOR.replace("[log_weight, b]", "[b, log_weight]"): "The background's weight stands first",
        _COLOR.replace("(w[..., None] * c).sum(1)", "(w[..., None] * c).mean(1)"): "The mean above the line",
    },
    "largest_image": {
        "return memory // (faces * bytes_per_pair)": "number of pixels",
        "return math.sqrt(memory / (faces * bytes_per_pair))": "whole number, rounded down",
        "return round(math.sqrt(memory / (faces * bytes_per_pair)))": "Rounded to the nearest",
        "return math.ceil(math.sqrt(memory / (faces * bytes_per_pair)))": "Rounded up",
        "return math.isqrt(memory // bytes_per_pair)": "Every pixel meets every face",
        "return math.isqrt(memory // faces)": "not one byte",
        "return math.isqrt(memory) // (faces * bytes_per_pair)": "The root of the memory alone",
        "return math.isqrt(memory * faces // bytes_per_pair)": "More faces need more memory",
        "return math.isqrt(memory / (faces * bytes_per_pair))": "cannot be interpreted as an integer",
        "return math.isqrt(memory // (faces * bytes_per_pair)) - 1": "too small by 1",
        "return math.isqrt(memory // (faces * bytes_per_pair)) + 1": "too large by 1",
        "return int((memory / (faces * bytes_per_pair)) ** (1 / 3))": "not a cube",
    },
    # ------------------------------------------------------------ 07 Keep only the pairs that matter
    "reach_box": {
        _BOX.replace("1 - high[:, 1]", "1 + low[:, 1]").replace("1 - low[:, 1]", "1 + high[:, 1]"): "y points up and rows run down",
        _BOX.replace(" - margin[:, None]", "").replace(" + margin[:, None]", ""): "add the margin on every side",
        _BOX.replace(" + margin[:, None]", ""): "The margin is missing on one side",
        _BOX.replace("* height + width", "* width + width"): "Pixels are square",
        _BOX.replace(".floor() + 1", ".floor()"): "Ends are one past the last pixel",
        _BOX.replace(".ceil()", ".round()").replace(".floor() + 1", ".round()"): "The ends are rounded",
        _BOX.replace(".clamp(0, height)", "").replace(".clamp(0, width)", ""): "A box must not leave the picture",
        _BOX.replace("[x.clamp(0, height) for x in rows] + [x.clamp(0, width) for x in columns]", "[x.clamp(0, width) for x in columns] + [x.clamp(0, height) for x in rows]"): "Rows come first",
        _BOX.replace(", -1).long()", ").long()"): "Each box is a row of the result",
        _BOX.replace("[:, None]", ""): "Two shapes do not fit",
        _BOX.replace("amax", "amin"): "The smallest corner stands in both places",
        _BOX.replace("height - 1) / 2", "height) / 2").replace("width - 1) / 2", "width) / 2"): "Half a pixel off",
    },
    "pair_list": {
        _PAIRS.replace(" - (count.cumsum(0) - count)[face]", ""): "k must start again at 0",
        _PAIRS.replace("(count.cumsum(0) - count)", "count.cumsum(0)"): "own pairs are taken off too",
        _PAIRS.replace("k // wide", "k % wide ").replace("+ k % wide", "+ k // wide", 2).replace("+ k // wide )", "+ k % wide)"): "yours are exchanged",
        _PAIRS.replace("top[face] + k // wide", "k // wide").replace("left[face] + k", "k"): "Add the box's first row and its first column",
        _PAIRS.replace("return face, ", "return "): "An axis is gone",
        _PAIRS.replace("* width", "* wide"): "the picture's width, not the box's",
        _PAIRS.replace("k // wide", "k / wide"): "is no whole number",
        _PAIRS.replace("face, (top", "(top").replace("k % wide", "k % wide, face"): "first the faces and then the pixels",
        "face, pixel = [], []\nfor f, (t, b, l, r) in enumerate(box.tolist()):\n    for j in range(l, r):\n        for i in range(t, b):\n            face.append(f)\n            pixel.append(i * width + j)\nreturn face, pixel": "Within a box, go row by row",
        "face, pixel = [], []\nfor f, (t, b, l, r) in enumerate(box.tolist()):\n    for i in range(t, b + 1):\n        for j in range(l, r + 1):\n            face.append(f)\n            pixel.append(i * width + j)\nreturn face, pixel": "entries",
        "face, pixel = [], []\nfor f, (t, b, l, r) in enumerate(box.tolist()):\n    for i in range(t, b):\n        for j in range(l, r):\n            face.append(f)\n            pixel.append(j * width + i)\nreturn face, pixel": "That is j * width + i",
        "face, pixel = [], []\nfor f, (l, r, t, b) in enumerate(box.tolist()):\n    for i in range(t, b):\n        for j in range(l, r):\n            face.append(f)\n            pixel.append(i * width + j)\nreturn face, pixel": "A box is first row, end row",
    },
    "segment_sum": {
        "out = torch.zeros(size, dtype=values.dtype)\nout[pixel] += values\nreturn out": "adds only one of the values",
        "out = values.new_zeros(size)\nout[pixel] = values\nreturn out": "adds only one of the values",
        "return torch.bincount(pixel, minlength=size)": "number of pairs",
        "return values.new_zeros(size).scatter_reduce(0, pixel, values, 'mean', include_self=False)": "mean of each pixel",
        "return values.new_zeros(size).scatter_reduce(0, pixel, values, 'amax')": "largest of each pixel's values, or 0",
        "return values.new_zeros(size).scatter_reduce(0, pixel, values, 'prod', include_self=False)": "product of each pixel",
        "return values.new_ones(size).index_add(0, pixel, values)": "too large by 1",
        "return values.detach().new_zeros(size).index_add(0, pixel, values.detach())": "gradient of values is lost",
        "return torch.zeros(size).index_add(0, pixel, values)": "float32 meets float64",
        "return torch.bincount(pixel, values.detach(), size)": "gradient of values is lost",
        "out = [0.0] * size\nfor k, x in zip(pixel.tolist(), values.tolist()):\n    out[k] += x\nreturn out": "values.tolist()",
        "return values.cumsum(0)": "running sum",
        "return torch.stack([values[pixel == k].sum() for k in range(len(pixel))])": "There must be `size` numbers",
    },
    "segment_max": {
        "out = start.clone()\nout[pixel] = torch.maximum(out[pixel], values)\nreturn out": "keeps the last of several",
        "return start.scatter_reduce(0, pixel, values, 'amax', include_self=False)": "The start competes too",
        "return start.scatter_reduce(0, pixel, values, 'amin')": "smallest",
        "return start.index_add(0, pixel, values)": "That is the sum",
        "return torch.maximum(start, values.max())": "Each pixel has its own",
        "return torch.full_like(start, -math.inf).scatter_reduce(0, pixel, values, 'amax')": "keeps its start",
        "return torch.zeros_like(start).scatter_reduce(0, pixel, values, 'amax')": "start = 0, whatever start is",
        "return start.scatter_reduce_(0, pixel, values, 'amax')": "start is no longer what it was",
        "return start": "The start comes back as it was",
        "return start.scatter_reduce(0, pixel, values, 'mean')": "That is the mean",
        "return torch.maximum(start, values)": "values and start have changed places",
    },
    # ------------------------------------------------------------ 08 One fused loop on the CPU
    "online_softmax_step": {
        "top = max(peak, log_weight)\nweight = math.exp(log_weight - top)\nreturn top, den + weight, 1.0, weight": "still measured from the old peak",
        "top = max(peak, log_weight)\nshrink, weight = math.exp(top - peak), math.exp(log_weight - top)\nreturn top, shrink * den + weight, shrink, weight": "The old sum must shrink",
        _STEP.replace("shrink * den + weight", "den + weight"): "multiply den by shrink",
        _STEP.replace("shrink * den + weight", "shrink * (den + weight)"): "newcomer shrinks too",
        _STEP.replace("shrink, weight\n", "shrink, weight\n").replace("weight, shrink, weight", "weight, weight, shrink"): "shrink and weight are exchanged",
        _STEP.replace("max(peak, log_weight)", "min(peak, log_weight)"): "max, not min",
        _STEP.replace("max(peak, log_weight)", "log_weight"): "The peak never falls",
        _STEP.replace("return top, shrink * den + weight, shrink, weight", "return top, shrink * den + weight"): "entries",
        _STEP.replace("return top, shrink * den + weight", "return shrink * den + weight, top"): "The first and the second number have changed places",
        _STEP.replace("shrink * den + weight", "shrink * den"): "The newcomer is missing from the sum",
        _STEP.replace("math.exp(log_weight - top)", "math.exp(log_weight)"): "Nothing is taken off the newcomer",
        _STEP.replace("math.exp", "torch.exp"): "For one number use math.*",
        _STEP.replace("return top,", "return peak,"): "The old peak comes back",
    },
    "product_slope": {
        "return -math.exp(log_d + log_product)": "sign is turned round",
        "return math.exp(log_product)": "D_j is missing",
        "return math.exp(log_d)": "product over all faces is missing",
        "return math.exp(log_product) / (1 - math.exp(log_d)) * math.exp(log_d) * (1 - math.exp(log_d))": "float division by zero",
        "return math.exp(log_product) / max(1 - math.exp(log_d), 1e-6) * math.exp(log_d) * (1 - math.exp(log_d))": "the guard against 0 spoils it",
        "return math.exp(log_d + log_product) * (1 - math.exp(log_d))": "(1 - D_j) is in the product",
        "return log_d + log_product": "logarithm of it",
        "return math.exp(log_d) + math.exp(log_product)": "Multiply the two, do not add",
        "return math.exp(log_d * log_product)": "Logarithms of factors are added",
        "return math.exp(log_product - log_d)": "That divides by D_j",
        "return 1 - math.exp(log_d + log_product)": "1 minus yours is right",
        "return math.exp(log_d) * (1 - math.exp(log_product))": "D_j times alpha",
    },
    "softmax_slope": {
        "return share * face_color * d_color, share * d_color": "C_j minus the pixel's colour",
        "return share * (color - face_color) * d_color, share * d_color": "sign is turned round",
        "return share * (face_color - color), share": "multiply by d_color",
        "return share * (1 - share) * face_color * d_color, share * d_color": "other shares change as well",
        "return share * (face_color - color) * d_color, d_color": "d_face_color = share * d_color",
        "return (face_color - color) * d_color, share * d_color": "The share is missing",
        "return share * d_color, share * (face_color - color) * d_color": "First d_log_weight",
        "return share * (face_color - color) * d_color": "That is one number",
        "return share * (face_color - color) * d_color, share * (face_color - color)": "no part in its own slope",
        "return share * (1 - share) * (face_color - color) * d_color, share * d_color": "A factor 1 - share too many",
        "return share * (face_color - color) * d_color, face_color * d_color": "the face's colour for the share",
        "return share * (face_color - color) * d_color, (1 - share) * d_color": "not 1 - share times it",
    },
    "log_weight_slope": {
        "return d_log_weight * (1 - d), d_log_weight / ((far - near) * gamma)": "minus sign",
        "return d_log_weight * d * (1 - d), -d_log_weight / ((far - near) * gamma)": "log D has the slope 1 - D",
        "return d_log_weight * d, -d_log_weight / ((far - near) * gamma)": "is 1 - D, not D.",
        "return -d_log_weight * d, -d_log_weight / ((far - near) * gamma)": "slope of log(1 - D)",
        "return d_log_weight / d, -d_log_weight / ((far - near) * gamma)": "slope of log D in D",
        "return d_log_weight * (1 - d), -d_log_weight / (far - near) * gamma": "gamma divides",
        "return d_log_weight * (1 - d), -d_log_weight / gamma": "far - near is missing",
        "return d_log_weight * (1 - d), -d_log_weight / (far - near)": "gamma = 1, whatever gamma is",
        "return d_log_weight * (1 - d), -d_log_weight / (far - near * gamma)": "Brackets: gamma",
        "return d_log_weight * (1 - d), -d_log_weight / ((near - far) * gamma)": "minus sign",
        "return -d_log_weight / ((far - near) * gamma), d_log_weight * (1 - d)": "First d_logit",
        "return 1 - d, -1 / ((far - near) * gamma)": "d_log_weight = 1",
    },
    "distance_slope": {
        _PUSH.replace("-2 *", "2 *"): "sign is turned round",
        _PUSH.replace("-2 *", "-"): "The 2 of the square is missing",
        _PUSH.replace(" * d_d2", ""): "d_d2 is missing",
        _PUSH.replace("(l * x, l * y)", "(x, y)"): "its own lever's part",
        _PUSH.replace("(l * x, l * y)", "(l * y, l * x)"): "x and y are exchanged",
        _PUSH.replace("in levers", "in levers[::-1]"): "another order",
        _PUSH.replace("(l * x, l * y) for l in levers", "l * x for l in levers"): "An axis is gone",
        _PUSH.replace("return [", "return *[").replace("levers]", "levers[:2]],"): "entries",
        _PUSH.replace("(l * x, l * y)", "(l * x, l * x)"): "x stands in both places",
        _PUSH.replace("(l * x, l * y)", "(l * x, -l * y)"): "The second number has the wrong sign",
        _PUSH.replace("gap[0]", "1").replace("gap[1]", "1"): "The gap is missing",
        _PUSH.replace("(l * x, l * y)", "((1 - l) * x, (1 - l) * y)"): "not 1 - lever",
    },
    "depth_slope": {
        _DEPTH.replace("[-d_z", "[d_z"): "d_w is negative",
        _DEPTH.replace("[d_z * a", "[-d_z * a"): "Both slopes for the corners' z are negative",
        "return [d_z * b for b in z_corner], [d_z * a for a in w]": "slope of the mean of the z_k",
        _DEPTH.replace("-d_z * z", "-z").replace("[d_z * a", "[a"): "d_z is missing",
        _DEPTH.replace("-d_z * z * z", "-d_z * z"): "in d_w one z is missing",
        _DEPTH.replace("z * z", "z"): "One z is missing",
        _DEPTH.replace("b**2", "b"): "lacks a division by z_k",
        _DEPTH.replace("[d_z * a * z", "[d_z * z"): "w_k is missing",
        _DEPTH.replace("return [", "return *[").replace("], [", "], *["): "with other axes",
        "z = sum(a * b for a, b in zip(w, z_corner))\\nreturn 0".replace("\\n", "\n"): "That is one number",
        _DEPTH.replace("return [-d_z * z * z / b for b in z_corner], [d_z * a * z * z / b**2 for a, b in zip(w, z_corner)]", "d_w = [-d_z * z * z / b for b in z_corner]\nd_zk = [d_z * a * z * z / b**2 for a, b in zip(w, z_corner)]\nreturn d_zk, d_w"): "First d_w",
    },
    "clip_slope": {
        _CLIP.replace(" if 0 <= x <= 1 else 0.0", ""): "Nothing flows through",
        _CLIP.replace("0 <= x <= 1", "x >= 0"): "two sides",
        _CLIP.replace("0 <= x <= 1", "x <= 1"): "two sides",
        _CLIP.replace("(d - mean) / s", "(d - mean)"): "The division by w_sum is missing",
        _CLIP.replace("(d - mean) / s", "d / s"): "The renormalisation is missing",
        _CLIP.replace("zip(d_w, c)) / s", "zip(d_w, c))"): "Divide the sum by w_sum",
        _CLIP.replace("zip(d_w, c)) / s", "zip(d_w, v)) / s"): "The sum has the clipped weights",
        _CLIP.replace("(d - mean) / s", "(mean - d) / s"): "sign is turned round",
        _CLIP.replace("(d - mean) / s", "(d - mean) * s"): "w_sum divides",
        _CLIP.replace("mean = sum(d * x for d, x in zip(d_w, c)) / s", "mean = sum(d_w) / 3"): "takes off the plain mean",
        _CLIP.replace("(d - mean) / s if 0 <= x <= 1 else 0.0", "d if 0 <= x <= 1 else 0.0"): "That is the clipping alone",
    },
    "weights_slope": {
        _MOVE.replace("(-k * x, -k * y)", "(k * x, k * y)"): "sign is turned round",
        _MOVE.replace("(-k * x, -k * y)", "(-x, -y)"): "its own weight",
        _MOVE.replace(") / area", ")"): "doubled area is missing",
        _MOVE.replace("area = ", "area = 0.5 * ").replace("area = 0.5 * (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])", "area = 0.5 * ((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]))"): "That divides by the area",
        _MOVE.replace(") / area", ") / abs(area)"): "no abs()",
        _MOVE.replace("(-k * x, -k * y)", "(-k * y, -k * x)"): "The first and the second number have changed places",
        _MOVE.replace("y = (d_v[0] * (c[0] - b[0]) + d_v[1] * (a[0] - c[0]) + d_v[2] * (b[0] - a[0]))", "y = (d_v[0] * (b[0] - c[0]) + d_v[1] * (c[0] - a[0]) + d_v[2] * (a[0] - b[0]))"): "The second number has the wrong sign",
        _MOVE.replace("a, b, c = tri", "c, b, a = tri"): "The corners are in another order",
        _MOVE.replace("for k in v", "for k in d_v"): "its weight, not d_v_k",
        _MOVE.replace("a, b, c = tri\n", ""): "was the cell run that defines",
        _MOVE.replace("(-k * x, -k * y)", "(-k * x, -k * x)"): "The pull in x stands in both",
    },
    # ------------------------------------------------------------ 09 The fused Triton kernel
    "tile_pixels": {
        _TILE.replace("& (j < width)", ""): "looks at the rows only",
        _TILE.replace("(i < height) & ", ""): "looks at the columns only",
        _TILE.replace("(i < height) & (j < width)", "i * width + j < height * width"): "another pixel's number",
        _TILE.replace("(i < height) & (j < width)", "i < height & j < width"): "brackets around comparisons",
        _TILE.replace("& (j", "and (j"): "ask for one yes or no",
        _TILE.replace("& (j", "| (j"): "`|` is or",
        _TILE.replace("return i, j, (i < height) & (j < width)", "return j, i, (i < height) & (j < width)"): "The first and the second number have changed places",
        _TILE.replace("columns * TILE", "columns"): "The next tile begins TILE pixels further",
        _TILE.replace("tile // columns * TILE + ", "").replace("tile % columns * TILE + ", ""): "tile 0 again",
        _TILE.replace("< height", "<= height").replace("< width", "<= width"): "last row is height - 1",
        _TILE.replace("lane // TILE", "lane % TILE").replace("columns * TILE + lane % TILE\nreturn", "columns * TILE + lane // TILE\nreturn"): "lanes fill a tile row by row",
        _TILE.replace("i = tile // columns", "i = tile // TILE"): "`columns` tiles",
        _TILE.replace("(i < height) & (j < width)", "torch.logical_and(i < height, j < width)"): "inside a kernel there is no torch",
    },
    # ------------------------------------------------------------ 10 Measuring the ladder
    "median_time": {
        _TIME.replace("np.median", "np.mean"): "That is the mean",
        _TIME.replace("np.median", "min"): "fastest call",
        _TIME.replace("np.median", "max"): "That is the slowest call",
        _TIME.replace("for _ in range(warmup):\n    run()\n", ""): "The first calls are in the median",
        _TIME.replace("    run()\n    wait()\n    out", "    run()\n    out"): "clock was read before the work was done",
        _TIME.replace("    wait()\n    t = clock", "    t = clock"): "also waits for what the warm-up left",
        _TIME.replace("float(np.median(out))", "sorted(out)[len(out) // 2]"): "yours is the upper one",
        _TIME.replace("float(np.median(out))", "out"): "One number is wanted",
        _TIME.replace("float(np.median(out))", "sum(out)"): "That is the sum of all",
        _TIME.replace("clock() - t", "t - clock()"): "sign is turned round",
        "for _ in range(warmup):\n    run()\nwait()\nt = clock()\nfor _ in range(repeats):\n    run()\nwait()\nreturn (clock() - t) / repeats": "That is the mean",
        _TIME.replace("clock()", "clock"): "unsupported operand",
    },
    "loglog_slope": {
        _SLOPE.replace("torch.log(x), torch.log(y)", "x, y"): "No logarithms yet",
        _SLOPE.replace("torch.log(x)", "x"): "Only y went through",
        _SLOPE.replace("torch.log(y)", "y"): "Only x went through",
        _SLOPE.replace("(u * u)", "(v * v)"): "slope of x against y",
        _SLOPE.replace("u, v = u - u.mean(), v - v.mean()\n", ""): "means are not taken off",
        "return (torch.log(y[-1]) - torch.log(y[0])) / (torch.log(x[-1]) - torch.log(x[0]))": "First and last point only",
        _SLOPE.replace("(u * u).sum()", "((u * u).sum() * (v * v).sum()).sqrt()"): "That is the correlation",
        "u, v = torch.log(x), torch.log(y)\nreturn ((v[1:] - v[:-1]) / (u[1:] - u[:-1])).mean()": "mean of the steps' slopes",
        "return (torch.log(y) / torch.log(x)).mean()": "ratio of logarithms",
        "return np.polyfit(np.log(x), np.log(y), 1)": "One number is wanted",
        "return np.polyfit(np.log(x), np.log(y), 1)[1]": "intercept",
        _SLOPE.replace("torch.log", "math.log"): "take one number",
    },
    "pairs_time": {
        "return row['forward_backward_ms'] * 1e6 / row['live_pairs']": "What comes from a file is text",
        "return float(row['forward_ms']) * 1e6 / float(row['live_pairs'])": "forward pass alone",
        "return float(row['forward_backward_ms']) * 1e3 / float(row['live_pairs'])": "Those are microseconds",
        "return float(row['forward_backward_ms']) / float(row['live_pairs'])": "Those are milliseconds",
        "return float(row['forward_backward_ms']) * 1e9 / float(row['live_pairs'])": "1000 times as large",
        "return (float(row['forward_ms']) + float(row['forward_backward_ms'])) * 1e6 / float(row['live_pairs'])": "nothing to add",
        "return (float(row['forward_backward_ms']) - float(row['forward_ms'])) * 1e6 / float(row['live_pairs'])": "That is the backward pass alone",
        "return float(row['forward_backward_ms']) * 1e6 / (int(row['side'])**2 * int(row['faces']))": "every pixel with every face, of one image",
        "return float(row['forward_backward_ms']) * 1e6 / int(row['side'])**2": "That is time per pixel. Divide",
        "return float(row['forward_backward_ms']) * 1e6 / (int(row['live_pairs']) * int(row['batch']))": "all images' pairs already",
        "return int(row['live_pairs']) / (float(row['forward_backward_ms']) * 1e6)": "Upside down",
        "return float(row['both_ms']) * 1e6 / float(row['live_pairs'])": "There is no 'both_ms' in it",
        "return float(row['forward_backward_ms']) * 1e6": "time of the whole call",
    },
    "roofline": {
        "return moved / bandwidth + operations / peak": "not the sum",
        "return min(moved / bandwidth, operations / peak)": "take the larger time",
        "return operations / peak": "counts the operations alone",
        "return moved / bandwidth": "counts the bytes alone",
        "return max(bandwidth / moved, peak / operations)": "work over speed",
        "return min(peak, operations / moved * bandwidth)": "That is a speed",
        "return max(moved / peak, operations / bandwidth)": "have changed places",
        "return max(moved * bandwidth, operations * peak)": "it stands on the wrong side",
        "return (moved / bandwidth + operations / peak) / 2": "That is the mean of the two",
        "return math.sqrt(moved / bandwidth * operations / peak)": "the root of their product",
        "return moved / bandwidth, operations / peak": "One number is wanted",
        "return max(moved // bandwidth, operations // peak)": "// rounds down",
    },
}

# Right answers in other styles.
RIGHT = {
    "distance_maps": [
        _EDGES.replace("pixel - a", "pixel.float() - a"),
        "out = []\nfor f in xy.flatten(0, 1):\n    d = []\n    for k in range(3):\n        a, e = f[k], f[(k + 1) % 3] - f[k]\n        t = ((pixel - a) @ e / (e @ e)).clamp(0, 1)\n        d.append((pixel - a - t[..., None] * e).square().sum(-1))\n    out.append(torch.minimum(torch.minimum(d[0], d[1]), d[2]))\nreturn torch.stack(out).unflatten(0, xy.shape[:2])",
    ],
    "aggregate_color": [
        _COLOR,
        "b = torch.full_like(log_weight[:, :1], log_background)\nw = torch.cat([log_weight, b], 1).softmax(1)\nreturn torch.einsum('bfhw,bfhwc->bhwc', w[:, :-1], color) + w[:, -1, ..., None] * background",
        "p = log_weight.amax(1).clamp_min(log_background)\nw, b = (log_weight - p[:, None]).exp(), (log_background - p).exp()\nreturn ((w[..., None] * color).sum(1) + b[..., None] * background) / (w.sum(1) + b)[..., None]",
    ],
    "largest_image": [
        "return int(math.sqrt(memory / (faces * bytes_per_pair)))",
        "return int(np.floor(np.sqrt(memory / faces / bytes_per_pair)))",
        "n = 0\nwhile (n + 1)**2 * faces * bytes_per_pair <= memory:\n    n += 1\nreturn n",
    ],
    "reach_box": [
        _BOX,
        _BOX.replace(", -1).long()", ", -1)"),
        _BOX.replace(").ceil()", ").floor()").replace(").floor() + 1", ").ceil() + 1").replace("((1 - high[:, 1]) * height - 1) / 2).ceil() + 1", "((1 - high[:, 1]) * height - 1) / 2).ceil()").replace("(low[:, 0] * height + width - 1) / 2).ceil() + 1", "(low[:, 0] * height + width - 1) / 2).ceil()"),
    ],
    "pair_list": [
        "face, pixel = [], []\nfor f, (t, b, l, r) in enumerate(box.tolist()):\n    for i in range(t, b):\n        for j in range(l, r):\n            face.append(f)\n            pixel.append(i * width + j)\nreturn face, pixel",
        _PAIRS.replace("return face, (", "return torch.stack([face, (").replace("k % wide", "k % wide])"),
    ],
    "segment_sum": [
        "return values.new_zeros(size).scatter_add(0, pixel, values)",
        "hot = torch.nn.functional.one_hot(pixel, size).to(values)\nreturn values @ hot",
        "out = values.new_zeros(size)\nfor k, x in zip(pixel.tolist(), values):\n    out = out + x * (torch.arange(size) == k)\nreturn out",
        "return values.float().new_zeros(size).index_add(0, pixel, values.float())",
    ],
    "segment_max": [
        "out = start.tolist()\nfor k, x in zip(pixel.tolist(), values.tolist()):\n    out[k] = max(out[k], x)\nreturn out",
        "out = start.numpy().copy()\nnp.maximum.at(out, pixel.numpy(), values.numpy())\nreturn out",
        "return start.clone().scatter_reduce_(0, pixel, values, 'amax', include_self=True)",
    ],
    "online_softmax_step": [
        "if log_weight > peak:\n    s = math.exp(peak - log_weight)\n    return log_weight, s * den + 1, s, 1.0\nw = math.exp(log_weight - peak)\nreturn peak, den + w, 1.0, w",
        "top = np.maximum(peak, log_weight)\ns, w = np.exp(peak - top), np.exp(log_weight - top)\nreturn [top, s * den + w, s, w]",
    ],
    "product_slope": [
        "return math.exp(log_d) * math.exp(log_product)",
        "return np.exp(log_d + log_product)",
        "return torch.tensor(log_d + log_product, dtype=torch.float64).exp()",
    ],
    "softmax_slope": [
        "d = d_color * share\nreturn [d * face_color - d * color, d]",
        "return np.array([face_color - color, 1.0]) * share * d_color",
    ],
    "log_weight_slope": [
        "return d_log_weight - d * d_log_weight, d_log_weight / (near - far) / gamma",
        "return np.array([1 - d, -1 / (gamma * (far - near))]) * d_log_weight",
    ],
    "distance_slope": [
        _PUSH,
        "return -2 * d_d2 * np.outer(levers, gap)",
        "return [[-2 * d_d2 * l * g for g in gap] for l in levers]",
    ],
    "depth_slope": [
        _DEPTH,
        "w, c = np.array(w), np.array(z_corner)\nz = 1 / (w / c).sum()\nreturn -d_z * z**2 / c, d_z * w * z**2 / c**2",
    ],
    "clip_slope": [
        _CLIP,
        "v, d = np.array(v), np.array(d_w)\nc = np.clip(v, 0, 1)\nw = c / c.sum()\nreturn np.where((v >= 0) & (v <= 1), (d - d @ w) / c.sum(), 0)",
    ],
    "weights_slope": [
        _MOVE,
        "a, b, c = (np.array(p[:2]) for p in tri)\nn = [(q[1] - r[1], r[0] - q[0]) for q, r in ((b, c), (c, a), (a, b))]\narea = (b - a)[0] * (c - a)[1] - (b - a)[1] * (c - a)[0]\nreturn -np.outer(v, np.array(d_v) @ np.array(n) / area)",
    ],
    "tile_pixels": [
        _TILE,
        "row, column = tile // columns, tile % columns\ni, j = row * TILE + lane // TILE, column * TILE + lane % TILE\nreturn i, j, (i < height) * (j < width)",
    ],
    "median_time": [
        _TIME,
        _TIME.replace("float(np.median(out))", "torch.tensor(out, dtype=torch.float64).quantile(0.5)"),
        _TIME.replace("    run()\nout", "    run()\n    wait()\nout"),
    ],
    "loglog_slope": [
        _SLOPE,
        "return np.polyfit(np.log(x.numpy()), np.log(y.numpy()), 1)[0]",
        "return np.polyfit(np.log10(x.numpy()), np.log10(y.numpy()), 1)[0]",
    ],
    "pairs_time": [
        "return float(row['forward_backward_ms']) / float(row['live_pairs']) * 1000000",
        "return 1e9 * (float(row['forward_backward_ms']) / 1e3) / int(row['live_pairs'])",
    ],
    "roofline": [
        "a, b = moved / bandwidth, operations / peak\nreturn a if a > b else b",
        "return np.maximum(moved / bandwidth, operations / peak)",
        "return torch.tensor([moved / bandwidth, operations / peak]).max()",
    ],
}
